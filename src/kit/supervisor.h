/* supervisor.h - what the files of a supervisor, and of a pool, share. Only kit includes it.
 *
 *   supervisor.c  hooks, handlers, the door: what comes in goes to one of the others
 *   children.c    the table: who is a child, in start order, found by id, name and place (places.c)
 *   decide.c      what follows the end of a child
 *   siblings.c    those that start, or are stopped and start again, in order
 *   obey.c        orders at run time, which order.c gives
 *   plan.c        whether what was asked for makes sense
 *   report.c      one crash report for each crash
 *   say.c         the lines of the log
 */
#ifndef TRP_KIT_SUPERVISOR_H
#define TRP_KIT_SUPERVISOR_H

#include "places.h"
#include "restart.h"
#include "trp/atomic.h"
#include "trp/hash.h"
#include "trp/list.h"

/* What stays the same in all lives of a supervisor; made from what its user filled in. */
typedef struct trp_plan {
    const void
        *children; /* n_children of them, child_size apart; of a pool: one, for all members */
    size_t n_children, child_size;
    bool pool;
    uint32_t max_members; /* of a pool */
    troupe_strategy strategy;
    troupe_on_intensity on_intensity;
    troupe_auto_shutdown auto_shutdown;
    uint32_t max_restarts;
    uint64_t within_ns;
    troupe_backoff backoff;
    troupe_topics *reports; /* NULL: nobody's */
} trp_plan;

typedef enum trp_child_phase {
    TRP_CHILD_DOWN, /* no id: not started yet, or ended for good; it may be started under a new one */
    TRP_CHILD_STARTING, /* the first life under its id */
    TRP_CHILD_UP,
    TRP_CHILD_STOPPING, /* asked to stop for its siblings' sake */
    TRP_CHILD_HELD, /* between two lives; its siblings' restart, or a decision that is under way, goes on with it */
    TRP_CHILD_WAITING,    /* held, its backoff timer runs */
    TRP_CHILD_RESTARTING, /* troupe_restart was called */
    TRP_CHILD_RELEASED,   /* or asked to stop for good: its CHILD_DOWN is coming */
} trp_child_phase;

/* One child over its lives. Supervisor's turn only. */
typedef struct trp_record {
    trp_link link;  /* in start order */
    trp_link turn;  /* in the line of the orders that wait; a ring of its own: it is in none */
    uint64_t order; /* grows along the list; never used again */
    struct trp_record *chain;      /* in the table by id */
    struct trp_record *name_chain; /* in the table by name */
    troupe_id id;                  /* NOBODY: it is down */
    troupe_child child;            /* what was asked for; its names and tables are kept elsewhere */
    uint32_t number;               /* from 1: "child 3", of a pool its seat; */
    trp_child_phase phase;
    bool ended_itself;        /* for good, and nobody asked it to; see trp_record_set_ended */
    bool has_ended;           /* the last end below is one */
    bool stopped;             /* by an order: down until an order starts it */
    bool forget;              /* once it is gone */
    uint32_t n_restarts;      /* decided, over all its ids */
    troupe_correlation asker; /* of the order that is under way; 0: none */
    troupe_order_kind asked;
    char *own_name;       /* child.spec.name leads to it; NULL: none */
    uint32_t incarnation; /* of the life that ended last */
    uint32_t n_waits;     /* backoffs since it last stayed up for reset_after_ns */
    uint32_t n_counted;   /* in the window, when this restart was decided */
    uint64_t up_since_ns;
    uint64_t noticed_ns; /* when the last end came to be known */
    troupe_timer_id timer;
    trp_window budget; /* its own; max is 0 and times NULL when it has none */
    bool has_budget;
    troupe_exit_reason reason;  /* of the last end */
    troupe_operation operation; /* likewise */
    char *text; /* of the last end, TROUPE_EXIT_TEXT_MAX + 1; NULL: none, or no memory */
} trp_record;

/* Every child that is known. Supervisor's turn only. */
typedef struct trp_children {
    trp_link list;     /* of trp_record, in start order */
    trp_places places; /* the same, by number and order */
    size_t n;
    size_t n_significant; /* that have not ended by themselves */
    uint64_t last_order;
    trp_record **by_id, **by_name; /* chains; a power of two of them. A pool has no names here */
    size_t n_chains;
    trp_hash_key key; /* of names; 0 until one has a name */
} trp_children;

typedef enum trp_group_phase {
    TRP_GROUP_NONE,
    TRP_GROUP_STOPPING, /* in reverse */
    TRP_GROUP_WAITING,  /* all are held, the backoff timer runs */
    TRP_GROUP_STARTING, /* in order; also the first start of all */
} trp_group_phase;

/* The siblings that are on their way together: those from one place in the order on. */
typedef struct trp_group {
    trp_group_phase phase;
    uint64_t from;         /* the order of the first */
    trp_record *at;        /* the one whose outcome is awaited; NULL in NONE and WAITING */
    uint64_t wait_ns;      /* between the stop and the start */
    troupe_timer_id timer; /* of WAITING */
    uint64_t generation;   /* of the wait: an old timer is not a new one's */
} trp_group;

/* What senders read, beside the supervisor that writes. A zeroed entry is nobody. */
typedef struct trp_seat {
    _Atomic(uint64_t) id;
    atomic_bool up;
    uint32_t
        next_free; /* supervisor's turn only: the seat, from 1, that is taken after this one; 0: none */
} trp_seat;

/* The zeroed state of each life: this head, and a pool's seats. What it owns lies elsewhere, because the state of a
 * component with a route stays until the system is freed. */
typedef struct trp_supervisor {
    trp_plan plan;     /* set in pre_start; numbers may be changed later */
    trp_window window; /* from here: supervisor's turn only */
    trp_children children;
    trp_group group;
    trp_link
        line; /* of trp_record: those whose ADD or RESTART waits until the group is NONE, in the order they came */
    troupe_crash_report *report; /* of the end that is being decided about; NULL: none */
    bool in_start;               /* post_start has not returned, or is pending */
    bool started;                /* the last child passed post_start */
    bool ending;
    bool forgets;          /* pre_stop is pending: the records go, piece by piece */
    bool work_done;        /* auto_shutdown, as soon as the start is through */
    const void *argument;  /* the struct that it was made of */
    uint32_t last_number;  /* that a child was the first to get */
    uint32_t first_free;   /* of a pool: the seat, from 1, that was left last; 0: none */
    troupe_status failure; /* of the start */
    char failure_text[TROUPE_EXIT_TEXT_MAX + 1];
    /* Any sender's thread, from here on. n_seats is 0 until the rest may be read. */
    uint64_t id; /* its own */
    _Atomic(uint32_t) n_seats;
    char padding[TRP_CACHE_LINE];
    _Atomic(uint32_t) turn;
    char more_padding[TRP_CACHE_LINE];
    trp_seat seats[];
} trp_supervisor;

/* ---- supervisor.c ---- */

/* trp_supervisor_begin - the common half of pre_start. Errors: TROUPE_E_NO_MEMORY. */
TROUPE_MUST_CHECK troupe_status trp_supervisor_begin(trp_supervisor *self,
                                                     const troupe_start *start,
                                                     const trp_plan *plan);

/* The other hooks and the handlers, the same for both. */
troupe_status trp_supervisor_post_start(void *self, troupe_context *ctx);
troupe_status trp_supervisor_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason);
void trp_supervisor_post_stop(void *self);
extern const troupe_actor_ops trp_supervisor_actor;

/* The start cannot go on: the supervisor's own fails, with these words. */
void trp_supervisor_fail_start(trp_supervisor *self, troupe_context *ctx, troupe_status status,
                               const char *text);
/* Every child has passed post_start, or had. */
void trp_supervisor_started(trp_supervisor *self, troupe_context *ctx);

/* A timer of the supervisor's own. */
typedef struct trp_wakeup {
    uint64_t id;         /* of the child that waits; 0: the group does */
    uint64_t generation; /* of the group's wait; of a child: the incarnation that ended */
} trp_wakeup;

troupe_status trp_wakeup_set(troupe_context *ctx, trp_wakeup wakeup, uint64_t wait_ns,
                             troupe_timer_id *ret_timer);

/* ---- plan.c ---- */

/* trp_plan_check - what a supervisor and a pool may both have wrong. Errors: TROUPE_E_INVALID, TROUPE_E_NO_MEMORY. */
TROUPE_MUST_CHECK troupe_status trp_plan_check(const trp_plan *plan, troupe_error *error);
/* The parts of it: its numbers, and its i-th child (from 0). */
TROUPE_MUST_CHECK troupe_status trp_numbers_check(const trp_plan *plan, troupe_error *error);
TROUPE_MUST_CHECK troupe_status trp_child_check(const trp_plan *plan, const troupe_child *child,
                                                size_t i, troupe_error *error);

/* trp_child_take - a child as large as this library knows it. False: size is none that an initialiser sets, or the child
 * asks for what this library does not know. */
TROUPE_MUST_CHECK bool trp_child_take(troupe_child *to, const void *from, size_t size);
/* The i-th of the plan, which was checked, or else may be empty. */
troupe_child trp_plan_child(const trp_plan *plan, size_t i);

/* ---- children.c ---- */

troupe_status trp_children_init(trp_children *children);
void trp_children_fini(trp_children *children);
/* trp_children_forget - free at most so many records, the last ones first; from the first call on nobody is found by id.
 * True: none is left. */
bool trp_children_forget(trp_children *children, size_t most);
/* trp_children_append - a record at the end of the order, down; NULL: no memory. */
trp_record *trp_children_append(trp_supervisor *self, const troupe_child *child, uint32_t number);
/* trp_children_free_number - the number of the next child. 0: the pool is full. */
uint32_t trp_children_free_number(const trp_supervisor *self);
void trp_children_remove(trp_supervisor *self, trp_record *record);
/* A child has this id from now on; NOBODY: none. */
void trp_record_set_id(trp_supervisor *self, trp_record *record, troupe_id id);
trp_record *trp_record_of(const trp_supervisor *self, troupe_id id); /* NULL: no child */
trp_record *trp_record_named(const trp_supervisor *self, troupe_system *system, const char *name,
                             bool all);
/* The i-th in start order, from 0; NULL: there are not so many. */
trp_record *trp_record_nth(const trp_supervisor *self, uint64_t i);
/* trp_record_set_ended - whether it ended by itself, for good. */
void trp_record_set_ended(trp_supervisor *self, trp_record *record, bool ended_itself);
/* trp_record_is_forgotten - once it is gone nobody knows of it: its name may be another's before that is heard. */
bool trp_record_is_forgotten(const trp_record *record);
trp_record *trp_record_next(const trp_supervisor *self,
                            const trp_record *record); /* NULL: the last */
trp_record *trp_record_before(const trp_supervisor *self,
                              const trp_record *record); /* NULL: the first */
trp_record *trp_record_last(const trp_supervisor *self);
trp_record *trp_record_first_from(const trp_supervisor *self, uint64_t order);
void trp_record_set_up(trp_supervisor *self, const trp_record *record, bool up);
void trp_record_note_end(trp_record *record, const troupe_exit *end);
/* A pool's members are NAME-1, NAME-2, ...; a child without a name is called by its number, in texts only (else NULL). */
const char *trp_record_name(const trp_supervisor *self, const trp_record *record, bool in_text,
                            char name[TROUPE_NAME_MAX + 1]);

/* ---- decide.c ---- */

/* trp_decide - what follows the end that the record has noted; held, or the start under a new id that failed. */
void trp_decide(trp_supervisor *self, troupe_context *ctx, trp_record *record);
/* trp_restart_now - its next life begins. */
void trp_restart_now(trp_supervisor *self, troupe_context *ctx, trp_record *record);
/* trp_refuse_while_down - it waits for its next life: its mailbox is closed, when that was asked for. */
void trp_refuse_while_down(troupe_context *ctx, const trp_record *record);
/* trp_give_up_on - it cannot be restarted: the supervisor gives up. */
void trp_give_up_on(trp_supervisor *self, troupe_context *ctx, const trp_record *record,
                    const char *why);
/* trp_child_is_gone - it ended for good: forget it, or keep it for its siblings' restart; perhaps the work is done. */
void trp_child_is_gone(trp_supervisor *self, troupe_context *ctx, trp_record *record);

/* ---- siblings.c ---- */

/* trp_start_child - its first life under a new id. PENDING: it starts. Errors: as troupe_spawn, error has the text. */
troupe_status trp_start_child(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                              troupe_error *error);
/* trp_start_failed - the first life under an id came to nothing: the supervisor's start fails, or it is tried again. */
void trp_start_failed(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                      troupe_status status, const char *why);
/* trp_siblings_start - the first start: all, in order. */
void trp_siblings_start(trp_supervisor *self, troupe_context *ctx);
/* trp_siblings_restart - stop those that go down with record, wait, start them again; joins one that is under way. */
void trp_siblings_restart(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                          uint64_t wait_ns);
/* trp_siblings_include - whether record's outcome is the group's business, not its own. */
bool trp_siblings_include(const trp_supervisor *self, const trp_record *record);
/* trp_siblings_held - one that they include is held. */
void trp_siblings_held(trp_supervisor *self, troupe_context *ctx, trp_record *record);
/* trp_siblings_go_on - the one awaited between these two is up, or gone. */
void trp_siblings_go_on(trp_supervisor *self, troupe_context *ctx, trp_record *before,
                        trp_record *next);
void trp_siblings_waited(trp_supervisor *self, troupe_context *ctx, uint64_t generation);
/* trp_siblings_hurry - the backoff that they wait for, or will once all are down, is over. */
void trp_siblings_hurry(trp_supervisor *self, troupe_context *ctx);
/* trp_siblings_will_start - record is down, or about to be, and their restart starts it again. */
bool trp_siblings_will_start(const trp_supervisor *self, const trp_record *record);

/* ---- obey.c ---- */

bool trp_is_control(troupe_bytes topic);
/* trp_is_order - a request of the topic of orders. */
bool trp_is_order(const troupe_message *message);
/* trp_obey - take it. Errors: as of handle_message. */
troupe_status trp_obey(trp_supervisor *self, troupe_context *ctx, const troupe_message *message);
/* Whether such an order about this child is under way; and what comes of it. */
bool trp_order_is(const trp_record *record, troupe_order_kind kind);
void trp_order_done(troupe_context *ctx, trp_record *record);
void trp_order_failed(troupe_context *ctx, trp_record *record, troupe_status status,
                      const char *why);
/* trp_order_of_gone - its child is down: what the order wanted, what makes it fail, or a step on its way. */
void trp_order_of_gone(const trp_supervisor *self, troupe_context *ctx, trp_record *record);
/* trp_orders_go_on - the siblings' restart is over: the orders that waited for that are carried out. */
void trp_orders_go_on(trp_supervisor *self, troupe_context *ctx);

/* ---- report.c ---- */

/* trp_report_begin - this end may be worth a report; before anything is decided about it. */
void trp_report_begin(trp_supervisor *self, troupe_context *ctx, const trp_record *record,
                      const troupe_exit *end);
/* trp_report_decision - what was decided; the first decision counts. */
void trp_report_decision(trp_supervisor *self, const trp_record *record, troupe_decision decision,
                         uint64_t wait_ns, const char *why);
/* trp_report_end - it is made, when it is due. */
void trp_report_end(trp_supervisor *self, troupe_context *ctx);

/* ---- say.c ---- */

/* "parser-2 crashed: wasm trap: unreachable, in parse_status; " + what follows from it. */
void trp_say(const trp_supervisor *self, troupe_context *ctx, const trp_record *record,
             troupe_level level, const char *id, const char *decision);
/* The same, with a time and what is left of the window: "restarted in 9 µs (1 of 5 in 60 s)". */
void trp_say_timed(const trp_supervisor *self, troupe_context *ctx, const trp_record *record,
                   const char *id, const char *what, uint64_t ns);
const char *trp_exit_verb(troupe_exit_reason reason);

#endif
