/* cell.h - one component's cell, and what the files of this room share.
 *
 * A context is its cell: a handler and an attached thread both act through one. Cells live in slots that are
 * never freed while the system lives.
 *
 * Who owns a cell: at any moment it is free for nobody (asleep: nothing waits), blocked (dormant: only an ask or
 * a signal concerns it), or owned by exactly one thread that runs its turn. See turn.c.
 */
#ifndef TRP_ACTOR_CELL_H
#define TRP_ACTOR_CELL_H

#include "mailbox.h"
#include "names.h"
#include "room.h"
#include "troupe/actor.h"
#include "troupe/exec.h"
#include "trp/atomic.h"
#include "trp/list.h"
#include "trp/os.h"

/* Not on the straight way of a message, and kept out of it: inlined there it would cost each message its registers. */
#define TRP_RARE __attribute__((cold, noinline))
/* The straight way itself: all that it calls is put into it, over files and rooms, but what is rare. What the calls between
 * such small functions do to registers and stack is more than the functions do. */
#define TRP_STRAIGHT __attribute__((hot, flatten))

typedef struct troupe_context trp_cell;
typedef struct trp_request trp_request;
typedef struct trp_limit trp_limit;
typedef struct trp_vitals trp_vitals;
typedef struct trp_details trp_details;
typedef struct trp_oldest trp_oldest; /* room_ask.c */
/* One, and more while there is room; all: there never will be. */
void trp_room_tell(trp_cell *target, bool all);
void trp_room_forget(trp_cell *asker); /* its life ends */

/* drop.c */

/* ---- asks: what others want of a cell, as bits; no memory, never refused ---- */

typedef enum trp_ask {
    TRP_ASK_STOP_SHUTDOWN = 1 << 0,
    TRP_ASK_STOP_REQUESTED = 1 << 1,
    TRP_ASK_STOP_RESTART = 1 << 2,
    TRP_ASK_KILL = 1 << 3,
    TRP_ASK_WAKE = 1 << 4,
    TRP_ASK_RESTART = 1 << 5,
    TRP_ASK_RELEASE = 1 << 6,
    TRP_ASK_GIVE_UP = 1 << 7,
    TRP_ASK_DEADLINE = 1 << 8,   /* the stop timeout is over */
    TRP_ASK_START_OVER = 1 << 9, /* the start timeout is over */
    TRP_ASK_TAKEN = 1 << 10,     /* given up: stuck.c tells everybody */
    TRP_ASK_TOLD = 1 << 11,      /* and has told them */
    TRP_ASK_HOLD = 1 << 12,      /* its owner is at what stuck.c would take; no ask */
    TRP_ASK_HEARD = 1 << 13,     /* its handler was told of a kill, and has not returned; no ask */
    TRP_ASK_HEALTH = 1 << 14,    /* its health check is due */
} trp_ask;

#define TRP_ASK_STOPS (TRP_ASK_STOP_SHUTDOWN | TRP_ASK_STOP_REQUESTED | TRP_ASK_STOP_RESTART)
#define TRP_ASK_KILLS (TRP_ASK_KILL | TRP_ASK_DEADLINE)

#define TRP_ASKS UINT64_C(0x4fff) /* without HOLD, HEARD */

/* ---- signals: news with a body, in a stack of their own ---- */

typedef enum trp_signal_kind {
    TRP_SIGNAL_NOTICE,
    TRP_SIGNAL_MONITOR,
    TRP_SIGNAL_DEMONITOR,
} trp_signal_kind;

typedef struct trp_signal {
    struct trp_signal *next;
    trp_signal_kind kind;
    uint64_t target;      /* whom it is for */
    uint32_t life;        /* notice of a monitor: the watcher's incarnation; 0: any */
    uint32_t incarnation; /* of whom it tells */
    uint64_t id;          /* of whom it tells; monitor: the watcher */
    uint64_t monitor;
    unsigned flags; /* monitor */
    troupe_event event;
    troupe_exit_reason reason;
    troupe_operation operation;
    char *text;    /* inside; NULL: none */
    void *carries; /* monitor: its watcher; a notice of a link: the end that hears it */
} trp_signal;

/* ---- life ---- */

/* Where a cell stands. Owner only. */
typedef enum trp_step {
    TRP_STEP_FREE,
    TRP_STEP_PRE_START,
    TRP_STEP_POST_START,
    TRP_STEP_RUN,
    TRP_STEP_DRAIN, /* a stop: what waits is handled */
    TRP_STEP_PRE_STOP,
    TRP_STEP_CHILDREN, /* the life is over; its children end, the last one first */
    TRP_STEP_POST_STOP,
    TRP_STEP_HELD,
} trp_step;

/* How a life ended. A troupe_exit has room for the longest text, and most ends have none. */
typedef struct trp_end {
    troupe_exit_reason reason;
    troupe_operation operation;
    troupe_id id;
    uint32_t incarnation;
    char *text; /* NULL: none; in a cell: inside */
} trp_end;

static inline const char *trp_end_text(const trp_end *end)
{
    return end->text ? end->text : "";
}

typedef struct trp_child_entry {
    trp_link link; /* owner: the parent */
    uint64_t id;
    bool asked; /* to stop */
} trp_child_entry;

/* Made ahead at the spawn: the last notice to the parent, with the entry that the parent takes out when it hears it. */
typedef struct trp_last_notice {
    trp_signal signal; /* first: the notice is freed as a signal */
    trp_child_entry
        entry; /* owner: the parent; its id is 0 when that is a thread, which has no list */
} trp_last_notice;

/* Senders call it without a lock, so it and its state stay until the system is freed. */
typedef struct trp_route {
    troupe_id (*choose)(void *self, troupe_system *system, troupe_bytes topic);
    struct trp_route *next; /* under slots_lock */
    uint8_t state[] __attribute__((aligned(16)));
} trp_route;

typedef struct trp_watcher {
    struct trp_watcher *next;
    uint64_t id, monitor;
    uint32_t life;
    unsigned flags;
    trp_signal *down; /* made ahead: the last notice cannot fail */
} trp_watcher;

typedef struct trp_watched {
    struct trp_watched *next;
    uint64_t monitor, target; /* target 0: it was gone */
} trp_watched;

/* What an attached thread waits on. */
typedef struct trp_thread_end {
    trp_mutex lock;
    trp_condition wake;
    bool ready;   /* under lock */
    bool driving; /* under lock: it waits inside the executor that it drives, not on wake */
    trp_node *saved, *saved_last; /* messages that came while it waited for something else */
    trp_node *received;           /* lent to the caller of troupe_receive */
    trp_signal *notices;          /* notices not looked at yet */
    uint64_t calling; /* the one correlation whose answer is awaited; 0: none, or it came */
    troupe_status answer_status; /* of the last call, once it came */
    troupe_payload *answer;
    uint64_t starting;        /* the one child whose start is waited for */
    uint32_t n_starting_here; /* pre_starts of children that run on this thread, one in another */
    uint64_t send_until;      /* how long a send waits for room */
} trp_thread_end;

struct troupe_context {
    troupe_task task; /* first: the executor's node is the cell */
    troupe_system *system;
    uint32_t slot;
    uint32_t generation; /* of the next component here; under slots_lock, then its owner's */
    trp_cell *free_next; /* under slots_lock */
    _Atomic(trp_thread_end *) thread; /* set: an attached thread, not a component */
    _Atomic uintptr_t user;           /* an attached thread's mark, see context.c; 0: none */

    /* any thread */
    trp_mailbox mailbox;
    _Atomic uint64_t id;      /* 0: no component is here */
    _Atomic uint64_t waiting; /* room taken: room.h */
    _Atomic uint32_t
        closed; /* takes no new messages: true for good, TRP_REFUSES until its next life */
    _Atomic uint32_t n_muted; /* who waits for room here: muted cells, asks */
    _Atomic uint64_t bound;   /* as waiting. Set at spawn; a late sender may read the last one's */
    _Atomic uint32_t on_full; /* troupe_on_full; as bound */
    struct trp_route *_Atomic route; /* set: messages go where it says */
    _Atomic(trp_oldest *) oldest;    /* made when first needed in this slot, stays */
    _Atomic(trp_signal *) signals TRP_ALIGN_LINE;
    _Atomic uint64_t asks; /* generation << 32 | incarnation (16 bits) << 16 | bits */
    _Atomic uint32_t dormant;
    _Atomic uint32_t links_state; /* link.c */
    trp_link bonds;               /* under links_lock */

    /* owner; the atomic ones may be read by any thread */
    trp_step step TRP_ALIGN_LINE;
    bool pending; /* the hook or handler of this step returned TROUPE_PENDING */
    bool woken;   /* a wake came */
    bool stop_asked;
    bool started_once; /* a life passed post_start */
    bool leaving;      /* ended, its slot not given back yet */
    bool crashing;     /* troupe_crash was called */
    bool exiting;      /* troupe_exit_self was called */
    bool stopping_for_good;
    bool late; /* killed because its stop took too long */
    bool drain, supervised, start_on_own_turn, killed, entered; /* entered: pre_start succeeded */
    bool telling;   /* handle_down runs: nothing is at hand */
    bool asks_room; /* this life asked to be told of room */
    troupe_on_error on_error;
    trp_vitals *
        vitals; /* health.c; NULL: nobody asks for its health, and it may fail as often as it likes */
    bool blocking; /* each turn gives its worker's place away */
    troupe_stop_reason stop_reason;
    troupe_start_reason start_reason;
    trp_node *current;    /* the message being handled */
    trp_request *request; /* its request, while not answered */
    bool has_trace;       /* troupe_trace_set said what goes on instead of the message's own */
    troupe_payload *trace;
    _Atomic uint64_t done; /* room of what is done with, not yet given back */
    const troupe_child_ops *child;
    const troupe_actor_ops *actor;
    void *state;
    _Atomic size_t state_size;
    const void *argument;
    _Atomic uint64_t stop_timeout; /* set at spawn; a late asker may still read the last one's */
    _Atomic(trp_name *) name;      /* NULL: none */
    _Atomic uint32_t incarnation;
    _Atomic uint32_t phase; /* troupe_phase, TRP_PHASE_PENDING */
    _Atomic uint64_t n_sent, n_handled, n_failed;
    _Atomic uint32_t high_water, n_crashed; /* waiting, when it was the most; lives that crashed */
    _Atomic uint64_t parent;                /* who spawned it */
    _Atomic uint64_t ending;                /* the child that must end before it goes on; 0: none */
    trp_last_notice *down;
    trp_signal *started, *held_notice; /* made ahead for each life; held_notice: supervised */

    trp_details *details; /* crash.c, under crash_lock; stays with the slot */
    trp_link roots;       /* under roots_lock: spawned by a thread */
    trp_link children;    /* of trp_child_entry, in start order */
    trp_link asked;       /* requests of this life whose end it has not taken yet */
    trp_link held;        /* requests that this life accepted and did not answer */
    uint32_t n_asked, requests_bound;
    trp_request *spare_request; /* a record that its last question left; NULL: none */
    uint32_t n_held, n_held_swept;
    trp_link timers; /* of this life */
    uint32_t n_timers, n_timers_swept, timers_bound;
    trp_watcher *watchers;
    trp_watched *watched;
    trp_limit *stop_limit, *start_limit;
    uint64_t self;      /* its id, also after it was given up */
    bool taken;         /* it was given up: its watchers and parent know */
    _Atomic bool stuck; /* given up, and its handler has not returned; any thread */
    _Atomic bool
        overdue; /* in the list; this and the next: under the lock of stuck.c, whoever's the slot is */
    bool overdue_kill; /* it is given up at overdue_ns */
    trp_link overdue_link;
    uint64_t overdue_ns;
    troupe_id overdue_id;
    uint64_t start_timeout;   /* 0: none */
    bool start_late;          /* it is over */
    bool broken;              /* a linked life ended; exit says it */
    bool trap_links;          /* set at spawn */
    _Atomic uint64_t busy_ns; /* the clock's thread adds to it, at each tick */

    /* under mute_lock */
    _Atomic(trp_cell *) muted_on;
    trp_cell *mute_next;
    trp_cell *mute_first, *mute_last; /* who waits for room here */
    uint64_t overshoot;               /* room taken over the bound while muted */
    trp_link room_askers,
        room_asks; /* who asked to be told of room here; what it asked of others */

    trp_end exit; /* owner. Of the life that ends, from then on */
};

#define TRP_REFUSES 2u /* in closed */

#define TRP_CHUNK 1024u
#define TRP_CHUNKS 16384u
#define TRP_REQUEST_CHUNKS 65536u
#define TRP_DEAD_KEPT 128u
#define TRP_DEAD_SUBSCRIBERS 16u

/* Who has been asked to end and has not looked; see stuck.c. */
typedef struct trp_stuck {
    trp_mutex lock;
    trp_link overdue; /* under lock, all of these */
    troupe_timer timer;
    bool armed, at_work;
    uint64_t at_ns; /* when armed */
    troupe_job job;
    troupe_system *system; /* set once */
} trp_stuck;

/* How much may still be said. */
typedef struct trp_budget {
    uint64_t at_ns, credit_ns, left_out;
} trp_budget;

struct troupe_system {
    troupe_executor *executor;
    troupe_log log;
    size_t message_max;
    uint64_t stop_timeout;
    uint64_t kill_grace;
    unsigned batch;
    bool closing; /* under roots_lock */
    uint32_t
        process; /* that made it (trp_process): its threads did not follow into a forked child */

    _Atomic(trp_cell *) *chunks; /* by slot / TRP_CHUNK */
    trp_mutex slots_lock;
    uint32_t n_slots;                 /* under slots_lock; the first is 1 */
    trp_cell *free_first, *free_last; /* under slots_lock: oldest first, so that ids differ long */
    uint32_t first_generation;
    trp_route *routes; /* under slots_lock: every one ever made */

    trp_mutex names_lock;
    trp_condition names_changed;
    uint32_t n_name_waiters; /* under names_lock: on names_changed */
    trp_names names;

    trp_mutex roots_lock;
    trp_condition roots_changed;
    trp_link roots;   /* under roots_lock: components that threads spawned, in order */
    uint64_t n_live;  /* under roots_lock */
    uint64_t n_stuck; /* likewise: given up, their handlers have not returned */

    trp_mutex requests_lock;
    _Atomic(trp_request *) *request_chunks; /* by slot; grown under requests_lock */
    uint32_t n_requests;                    /* the first is 1 */
    trp_request *free_requests;

    trp_stuck stuck;

    trp_mutex mute_lock;
    trp_mutex links_lock; /* every bond */

    trp_mutex crash_lock;
    trp_budget line_budget, report_budget; /* under crash_lock */
    unsigned crash_lines;                  /* a second; set once */

    trp_mutex dead_lock;
    troupe_dead_letter dead[TRP_DEAD_KEPT]; /* under dead_lock, to n_dead_subscribers */
    uint64_t n_dead;
    uint64_t dead_subscribers[TRP_DEAD_SUBSCRIBERS]; /* ids, in the order in which they came */
    unsigned n_dead_subscribers;
    troupe_payload *dead_topic;     /* set once */
    _Atomic uint64_t n_dead_untold; /* a count */
    struct trp_faults *faults;      /* set once; simulation; NULL: none */

    _Atomic uint64_t n_monitors, n_crashes;
    _Atomic uint64_t sent, handled, failed; /* of cells that ended, and of timers */
    trp_mutex random_lock;
    trp_random random; /* under random_lock; simulation */
};

/* Its owner asks; the same while it ends, and when it was given up. */
static inline troupe_id trp_id_of(const trp_cell *cell)
{
    return (troupe_id){cell->self};
}

/* An id goes. Who looks on reads a cell without a lock, so both sides exchange the word: either the look's exchange
 * comes first, and all it read comes before what the slot's next owner writes, or it finds another id. */
static inline void trp_id_clear(trp_cell *cell)
{
    /* pairs with trp_id_stays; release: what went before the id */
    trp_exchange_seq(&cell->id, 0);
}

/* What was read of the cell since its id was found is all of this id. */
static inline bool trp_id_stays(trp_cell *cell, uint64_t id)
{
    return trp_add_acq_rel(&cell->id, 0) == id; /* pairs with trp_id_clear */
}

/* In a forked child: no thread of this system is here, and its locks may be held for ever. */
static inline bool trp_is_forked(const troupe_system *system)
{
    return trp_process() != system->process;
}

/* The message or answer that is being handled. A notice may come while one is pending: it is about something else. */
static inline const trp_node *trp_at_hand(const trp_cell *cell)
{
    return cell->telling ? NULL : cell->current;
}

/* The trace that goes on with what is sent now; its count is not the caller's. NULL: none. */
static inline troupe_payload *trp_trace_at_hand(const trp_cell *cell)
{
    const trp_node *node = cell->has_trace ? NULL : trp_at_hand(cell);

    return node ? node->trace : cell->trace;
}

/* News: an ask or a signal that the owner has not looked at. */
static inline bool trp_has_news(trp_cell *cell)
{
    return (trp_load_seq(&cell->asks) & TRP_ASKS) || trp_load_seq(&cell->signals);
}

/* For lookers-on; a new step is not pending. */
static inline void trp_set_phase(trp_cell *cell, troupe_phase phase)
{
    trp_store_relaxed(&cell->phase, (uint32_t)phase);
}

/* As it stands; its owner may just be leaving that state. */
static inline bool trp_is_held(const trp_cell *cell)
{
    return (trp_load_relaxed(&cell->phase) & 0xff) == TROUPE_PHASE_HELD; /* see trp_open_again */
}

/* Unless it is closed for good. */
static inline void trp_open_again(trp_cell *cell)
{
    trp_and_acq_rel(&cell->closed, ~TRP_REFUSES); /* pairs with troupe_refuse */
}

#define TRP_PHASE_PENDING 0x100u /* in phase, beside the troupe_phase */

static inline void trp_set_pending(trp_cell *cell, bool pending)
{
    uint32_t phase = trp_load_relaxed(&cell->phase) & ~TRP_PHASE_PENDING; /* owner */

    cell->pending = pending;
    trp_store_relaxed(&cell->phase, pending ? phase | TRP_PHASE_PENDING : phase);
}

/* crash.c */
void trp_details_note(trp_cell *cell); /* this life is over, otherwise than in order */
void trp_details_free(trp_cell *cell);
void trp_budgets_init(troupe_system *system, unsigned per_second);
void trp_log_line(trp_cell *cell, troupe_level level, const char *id, troupe_bytes text);

/* health.c */
void trp_vitals_failed(trp_cell *cell); /* a message did; only where there are vitals */

/* slots.c */
trp_cell *trp_slot_at(const troupe_system *system, uint32_t slot);  /* NULL: never made */
trp_cell *trp_cell_find(const troupe_system *system, troupe_id id); /* NULL: gone */
trp_cell *trp_slot_take(
    troupe_system *system);         /* owned by the caller, with a fresh generation in asks; NULL */
void trp_slot_give(trp_cell *cell); /* asleep, of nobody */
/* Some component may have had it; else nobody did, and its slot may not even be made. */
bool trp_id_was_given(troupe_system *system, troupe_id id);
uint32_t trp_slots_made(troupe_system *system); /* those below this one, from 1, were made so far */
void trp_slots_free(troupe_system *system);

/* names.c */
troupe_status trp_name_reserve(trp_cell *cell, const char *name, troupe_id id);
void trp_name_publish(trp_cell *cell);
void trp_name_release(trp_cell *cell);
bool trp_name_is_valid(const char *name);

/* system.c */
/* Waits for condition; who drives the system does that for a little instead. lock is held, and let go meanwhile. False:
 * a simulation in which nothing happens any more. */
bool trp_await_locked(troupe_system *system, trp_condition *condition, trp_mutex *lock);

/* context.c */
typedef struct trp_place {
    const trp_cell *running;     /* whose turn this thread runs */
    const troupe_system *inside; /* a turn or a job of it runs here */
} trp_place;
/* This thread runs a turn, or a job, until trp_place_return with what this gave. */
trp_place trp_turn_enter(const trp_cell *cell);
trp_place trp_job_enter(const troupe_system *system);
void trp_place_return(trp_place outer);
void trp_context_take(trp_cell *cell); /* by the thread that attaches */
void trp_context_give_back(trp_cell *cell);
/* TROUPE_OK: the calling thread may act through ctx now. */
troupe_status trp_context_check(const trp_cell *ctx);
bool trp_is_inside(const troupe_system *system); /* the caller is a hook, handler or job of it */
/* True: the same, and it was logged that `what` is refused. */
bool trp_refuse_inside(const troupe_system *system, const char *what);

/* turn.c */
void trp_turn(void *system, troupe_task *task);
void trp_turn_took(void *system, troupe_task *task, uint64_t ns);
void trp_cell_schedule(trp_cell *cell);
bool trp_cell_poke(trp_cell *cell); /* false: it runs, or waits to run */
bool trp_cell_ask(troupe_system *system, troupe_id id, uint32_t incarnation, trp_ask ask);
void trp_signal_send(troupe_system *system, trp_signal *signal);
trp_signal *trp_signals_take(trp_cell *cell); /* oldest first */
void trp_signal_free(trp_signal *signal);
void trp_signal_hear(trp_cell *cell, trp_signal *signal); /* takes signal */

/* message.c */
trp_node *trp_node_new(troupe_bytes payload, troupe_payload *shared);
trp_node *trp_node_new_reply(size_t room);                 /* for that many bytes */
bool trp_node_fill(trp_node *reply, troupe_bytes payload); /* false: there is no room for it */
void trp_node_free(trp_node *node);
void trp_node_give_back(trp_node *node); /* as trp_node_free, of one that was released */
TRP_RARE void trp_node_unref(trp_node *node);
static inline void
trp_node_release(trp_node *node) /* its payload, topic and trace; the node stays */
{
    if (node->shared || node->topic || node->trace)
        trp_node_unref(node);
}
troupe_bytes trp_node_payload(const trp_node *node);
troupe_message trp_node_message(const trp_node *node);
size_t trp_node_size(const trp_node *node);
static inline uint64_t trp_node_room(const trp_node *node) /* in a mailbox */
{
    return trp_room_of(1, trp_node_size(node));
}
troupe_bytes trp_payload_bytes(const troupe_payload *payload); /* NULL: none */
bool trp_payload_is_shared(const troupe_payload *payload);     /* somebody else has a count of it */

/* send.c */
troupe_status trp_send_node(trp_cell *sender, trp_cell *target, troupe_id id, trp_node *node);
/* To whom a message for id goes, and his id, which is written on errors too. */
/* What is to be sent: bytes to be copied, or, when shared is set, its own. All lent. */
typedef struct trp_letter {
    troupe_payload *topic; /* NULL: none */
    troupe_bytes bytes;
    troupe_payload *shared;
} trp_letter;

static inline trp_letter trp_letter_shared(troupe_payload *topic, troupe_payload *payload)
{
    return (trp_letter){.topic = topic, .bytes = trp_payload_bytes(payload), .shared = payload};
}

/* topic: of the message that is to go there; NULL: none. */
troupe_status trp_follow(troupe_system *system, troupe_id *id, troupe_payload *topic,
                         trp_cell **ret_target);
troupe_status trp_resolve(trp_cell *sender, troupe_id *id, troupe_payload *topic, size_t size,
                          trp_cell **ret_target);
void trp_push(trp_cell *target, trp_node *node);

/* trace.c */
void trp_trace_clear(trp_cell *cell);

/* backpressure.c */
/* Room was taken over the bound. */
TRP_RARE troupe_status trp_room_over(trp_cell *sender, trp_cell *target, troupe_id id,
                                     uint64_t room, troupe_on_full on_full);
static inline troupe_status trp_room_reserve(trp_cell *sender, trp_cell *target, troupe_id id,
                                             uint64_t room, troupe_on_full on_full)
{
    uint64_t before = trp_add_relaxed(&target->waiting, room); /* one word counts */

    if (!trp_room_is_full(before, trp_load_relaxed(&target->bound))) /* set at spawn */
        return TROUPE_OK;
    return trp_room_over(sender, target, id, room, on_full);
}
bool trp_room_try(trp_cell *target, uint64_t room); /* false: full, whatever its on_full says */
void trp_room_give(trp_cell *cell, uint64_t room);
bool trp_room_is_low(const trp_cell *cell); /* who waits for room may go on */
void trp_room_look(trp_cell *cell);         /* room was given: who waits for it? */
void trp_room_release_all(trp_cell *cell);  /* the cell ends: nobody waits for it any more */
void trp_mute_cancel(trp_cell *cell);

/* drop.c */
bool trp_oldest_start(trp_cell *cell); /* the mailbox loses its oldest; false: memory is out */
void trp_oldest_stop(trp_cell *cell);
void trp_oldest_free(trp_cell *cell);
bool trp_oldest_lock(trp_cell *cell); /* owner, before it follows the links. False: needs no lock */
void trp_oldest_unlock(trp_cell *cell);
trp_node *trp_oldest_take(trp_cell *cell, trp_node **ret_done);  /* as trp_mailbox_take */
TRP_RARE void trp_drop_newest(trp_cell *sender, trp_node *node); /* takes node */
TRP_RARE bool trp_oldest_push(trp_cell *target, trp_node *node); /* as trp_mailbox_push */
TRP_RARE void trp_drop_oldest(trp_cell *target, trp_node *node,
                              uint64_t own); /* pushes node, whose room own is */

/* request.c */
struct trp_request {
    _Atomic uint64_t word; /* generation << 1 | closed */
    _Atomic uint32_t refs; /* requester, holder or node, timer */
    uint32_t slot;
    troupe_system *system;
    uint64_t requester;
    uint32_t incarnation;
    uint64_t deadline_ns;  /* as the message tells it; 0: none */
    troupe_payload *trace; /* goes on when the request is handed on */
    _Atomic uint64_t
        holder; /* who accepted it and did not answer yet; only the holder itself writes it */
    _Atomic uint64_t
        lies_with;   /* whose mailbox or list it is in, or on its way to; stuck.c wants to know */
    trp_node *reply; /* made ahead: an answer is never refused for room */
    bool refused;    /* the asker's: nothing was sent, so that its time-out is no answer */
    troupe_timer timer;
    trp_link asked, held;
    trp_request *free_next;
};
trp_request *trp_request_find(troupe_system *system, uint64_t correlation);
uint64_t
trp_request_correlation(const trp_request *request); /* of one that the caller has a count of */
bool trp_request_is_open(const trp_request *request);
void trp_request_unref(trp_request *request, uint32_t n);
/* True: this call ended it. */
bool trp_request_close(trp_request *request, troupe_status status, troupe_bytes bytes);
bool trp_request_close_shared(trp_request *request, troupe_payload *payload); /* lent */
void trp_requests_end_asked(trp_cell *cell);
void trp_requests_end_with(troupe_system *system, troupe_id id, const char *text); /* given up */
bool trp_request_take_reply(trp_cell *cell, trp_node *node);
troupe_status trp_request_send(trp_cell *sender, troupe_id target, trp_letter letter,
                               uint64_t timeout_ns, troupe_correlation *ret_correlation);
void trp_requests_free(troupe_system *system);

/* reply.c */
void trp_request_accept(trp_cell *holder, trp_node *node);
void trp_request_drop(trp_cell *holder, trp_node *node, troupe_status status, troupe_bytes text);
void trp_request_answer_current(trp_cell *holder, troupe_status status, troupe_bytes text);
void trp_requests_end_held(trp_cell *cell, troupe_status status, const char *text);

/* timer.c */
void trp_timers_end(trp_cell *cell);
/* When one fires next that should have fired at at_ns, and it is now_ns now. */
uint64_t trp_interval_next(uint64_t at_ns, uint64_t period_ns, uint64_t now_ns);

/* limit.c */
void trp_limit_start(trp_cell *cell, trp_limit **at, uint64_t time_ns, trp_ask ask);
void trp_limit_end(trp_cell *cell, trp_limit **at);
void trp_stop_timer_start(trp_cell *cell);

#define TRP_LINKS_CLOSED 1u /* in links_state: no life is here to be joined */

/* link.c. bonds: under links_lock */
void trp_links_open(trp_cell *cell);                     /* a life begins */
void trp_links_end(trp_cell *cell, const trp_end *exit); /* it is over */
bool trp_link_heard(trp_cell *cell,
                    const trp_signal *notice); /* false: it was unlinked meanwhile */
void trp_link_notice_drop(const trp_signal *notice);

/* monitor.c */
void trp_monitor_added(trp_cell *cell, trp_signal *signal);  /* takes signal */
void trp_monitor_gone(trp_cell *cell, trp_signal *signal);   /* likewise; it came too late */
void trp_monitors_down(trp_cell *cell, const trp_end *exit); /* the last notice, to all */
void trp_monitor_join(trp_cell *cell, trp_signal *signal); /* likewise; it is meant for this one */
void trp_monitor_removed(trp_cell *cell, trp_signal *signal);
bool trp_monitor_known(trp_cell *cell, uint64_t monitor, bool last);
void trp_monitors_tell(trp_cell *cell, troupe_event event); /* those who watch it */
void trp_monitors_end(trp_cell *cell);                      /* those that this life holds */
void trp_signal_tell(trp_signal *signal, trp_cell *about, troupe_event event);
void trp_signal_say(troupe_system *system, trp_signal *signal, troupe_event event,
                    const trp_end *exit);
/* What a notice says of the one it tells of. */
void trp_signal_exit(const trp_signal *signal, troupe_exit *ret_exit);

/* handle.c */
void trp_handle_resumed(trp_cell *cell, troupe_status status);
void trp_handle_give_up(trp_cell *cell, troupe_dead_reason reason, troupe_status status,
                        const char *text);
bool trp_handle_batch(trp_cell *cell);
void trp_bury(trp_cell *cell, troupe_dead_reason reason);
/* A message that nobody will handle: a dead letter, and its asker is told. Replies are only dropped. */
void trp_node_bury(trp_cell *cell, trp_node *node, troupe_dead_reason reason, troupe_status status);

/* life.c, start.c, end.c, news.c; their own affairs are in life.h */
typedef enum trp_next {
    TRP_NEXT_MORE,    /* give others a turn, then go on */
    TRP_NEXT_SLEEP,   /* nothing waits */
    TRP_NEXT_BLOCKED, /* only an ask or a signal concerns it */
    TRP_NEXT_MUTED,   /* as blocked, until its target has room */
    TRP_NEXT_FREE,    /* the component is gone: the slot is for another */
} trp_next;
trp_next trp_life_advance(trp_cell *cell);
void trp_life_asked(trp_cell *cell, uint32_t asks);
void trp_life_begin(trp_cell *cell, troupe_start_reason reason);
void trp_life_notice(trp_cell *cell, trp_signal *signal); /* takes signal */
bool trp_notices_make(trp_cell *cell); /* those of one life to its parent; false: memory is out */
void trp_notices_free(trp_cell *cell);
void trp_parent_tell(trp_cell *cell, troupe_event event);
void trp_parent_told_down(trp_cell *cell, const trp_end *exit);
troupe_status trp_life_pre_start(trp_cell *cell, troupe_error *error);
void trp_life_failed(trp_cell *cell, troupe_status status);
void trp_exit_fill(trp_cell *cell, troupe_exit_reason reason, const char *text);
void trp_exit_say(trp_cell *cell, const char *text); /* cut where a troupe_exit ends; "": nothing */
/* An exit's text ends with its first NUL, and what lies behind is nothing: clearing that, or copying it, takes longer than
 * all the rest of a notice. */
static inline void trp_exit_init(troupe_exit *exit, troupe_id id, uint32_t incarnation)
{
    exit->reason = TROUPE_EXIT_NORMAL;
    exit->operation = TROUPE_OPERATION_NONE;
    exit->id = id;
    exit->incarnation = incarnation;
    exit->text[0] = '\0';
}

/* spawn.c */
bool trp_state_renew(trp_cell *cell); /* zeroed bytes for the next life; false: memory is out */
void trp_state_free(trp_cell *cell);
void trp_cell_reset(trp_cell *cell); /* a slot just taken: as nobody's, with lists that are empty */

/* end.c */
void trp_counts_add(trp_cell *cell); /* of one that leaves, to the system's */
void trp_roots_leave(trp_cell *cell);

/* dead.c */
/* Sends to those who subscribed: no lock is held, and sender is 0 only for what the system itself wrote. */
void trp_dead_letter(troupe_system *system, troupe_dead_reason reason, uint64_t sender,
                     troupe_id target, uint64_t sequence, size_t size);

/* faults.c */
typedef struct trp_faults trp_faults;
troupe_status trp_faults_new(const troupe_system_options *options, trp_faults **ret_faults);
void trp_faults_free(trp_faults *faults);
void trp_faults_apply(const trp_faults *faults, troupe_executor_options *options);
/* True: the answer is given later, if nothing else ends the request before. Only in a system with faults. */
bool trp_answer_late(troupe_system *system, trp_request *request, troupe_status status,
                     troupe_bytes payload);

/* thread.c */
typedef bool (*trp_until)(trp_cell *cell, void *arg);
bool trp_thread_wait(trp_cell *cell, uint64_t deadline_ns, trp_until until, void *arg);
/* Until done says so: room in a mailbox. TROUPE_E_TIMEOUT: thread->send_until passed; TROUPE_E_FULL: a simulation in
 * which nothing happens any more. */
troupe_status trp_thread_block(trp_cell *cell, trp_until done);
uint64_t trp_deadline(const troupe_system *system, uint64_t timeout_ns);
/* What troupe_now was at the kernel's last tick: it is behind by TRP_RECENT_NS at most, and costs a fifth. */
uint64_t trp_lately(const troupe_system *system);
/* When what was reckoned from trp_lately has come for certain. */
uint64_t trp_not_before(const troupe_system *system, uint64_t lately_ns);
/* As trp_deadline, of a time that hardly ever passes: a long one may end that much later, never earlier. */
uint64_t trp_patience_until(const troupe_system *system, uint64_t timeout_ns);
static inline bool trp_is_patient(uint64_t timeout_ns)
{
    return timeout_ns >= TROUPE_SECOND;
}

#endif
