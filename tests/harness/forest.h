/* forest.h - random trees of supervisors under random mischief, and a log that knows what may happen in them.
 *
 * A forest is one system with one tree. Each place of the tree (a worker, a supervisor, a pool, a member of a pool) has
 * a node, which outlives the lives in it. The hooks of every life write what happens into their node, those of
 * supervisors too: the kit's tables stand behind a shell that notes each call and passes it on. The log compares, with
 * rules of its own that it takes from the plan alone; what contradicts them is said once, with the seed, and counted:
 * the test looks after the run, because no assertion may jump out of a hook.
 *
 * Oracles: one life at a time in a place (double start); a life begins and goes on only inside a life of its supervisor
 * (no orphan); children start in order, the next one when the last one is through post_start, also after a restart of
 * several; they stop in reverse; nobody is stopped but for a cause (a supervisor's end, an order, a sibling under
 * one_for_all or rest_for_one), and whom a sibling's end concerns is; restarts as rule, budget and window say, never one
 * more, and in one_for_one never one less; who gives up has reached its intensity, and who reached it does; at rest
 * everybody is up who should be, and nobody is held; messages as senders and handlers counted them.
 */
#ifndef TRP_FOREST_H
#define TRP_FOREST_H

#include "troupe/kit.h"

#include "trp/atomic.h"
#include "trp/os.h"

#define PATIENCE (30 * TROUPE_SECOND)
#define NODES 64
#define CHILDREN 5
#define ORDERS 64 /* under way at a time */
#define TIMES                                                                                      \
    16 /* restarts that a node remembers; more than any budget of a plan that has a window */

struct forest;

enum node_kind { NODE_WORKER, NODE_SUPERVISOR, NODE_POOL };

enum node_state { NODE_DOWN, NODE_STARTING, NODE_UP, NODE_STOPPING };

/* Why a life ends, as those know who caused it. No bit: its supervisor, or the end of that. */
enum cause {
    CAUSE_STOP = 1,    /* asked to stop, for good */
    CAUSE_RESTART = 2, /* asked to stop, for a restart */
    CAUSE_KILL = 4,
    CAUSE_CRASH = 8,        /* its own hook or handler */
    CAUSE_EXIT = 16,        /* its own wish, in order */
    CAUSE_STUMBLED = 32,    /* it did not get through its start */
    CAUSE_TOO_LATE = 64,    /* it did not stop in time */
    CAUSE_OTHER_LIFE = 128, /* an ask that may have met the life before */
};

/* What goes wrong next, once: taken by the hook concerned. */
enum mischief {
    MISCHIEF_NONE,
    MISCHIEF_REFUSE,       /* pre_start says no */
    MISCHIEF_STUMBLE,      /* post_start crashes */
    MISCHIEF_STUMBLE_LATE, /* a supervisor's, when the last child is up */
    MISCHIEF_TRIP,         /* pre_stop crashes */
    MISCHIEF_HANG,         /* pre_stop does not end */
    MISCHIEF_SHOCK,        /* a supervisor crashes when it hears of a child's end */
    N_MISCHIEFS
};

/* The times of the restarts that were granted, and how many are allowed. */
struct budget {
    uint32_t max;
    uint64_t within_ns;
    uint64_t times[TIMES];
    uint32_t n;
};

/* A crash that a supervisor heard of, and whether it was reported. */
struct crash {
    troupe_id id;
    uint32_t incarnation, inside_life; /* of the supervisor */
    troupe_exit_reason reason;
    bool is_reported;
};

#define CRASHES 16 /* that a node remembers */

struct node {
    /* the plan: set before the system starts */
    struct forest *forest;
    struct node *parent; /* NULL: the top */
    uint32_t place;      /* among its siblings, in the plan */
    uint32_t n_first;    /* of a pool: members that it starts with; the others are added */
    uint32_t depth;
    enum node_kind kind;
    char name[32];
    troupe_child child;
    uint32_t n_children;
    struct node *children[CHILDREN];
    troupe_child child_specs[CHILDREN];
    troupe_supervisor supervisor;
    troupe_pool pool;
    /* the shell's copies of what the kit filled in */
    const troupe_child_ops *inner_child;
    const troupe_actor_ops *inner_actor;
    troupe_id (*inner_route)(void *self, troupe_system *system, troupe_bytes topic);

    /* under the forest's lock, from here on */
    enum mischief mischief;
    enum node_state state;
    troupe_id id;
    uint32_t incarnation;
    uint64_t spawned;             /* when this id was made, in the order of the log */
    unsigned causes, last_causes; /* of the end of this life, and of the last one */
    uint32_t life;                /* how many lives there were */
    uint32_t inside_life;         /* the parent's life that this id belongs to */
    uint32_t up_in_life;          /* the last one in which it got through a start */
    uint64_t began, ended; /* when this life did, and the last one, in the order of the log */
    bool was_refused;      /* the last life did not get through pre_start */
    bool was_ordered;      /* it was its supervisor who stopped it */
    /* orders about it that are not answered yet, and how many there ever were; of a supervisor: to add a child */
    uint32_t n_orders, n_ordered, n_restarts_ordered, n_adds, n_changes;
    bool lingers, lingering_add; /* one was answered with an error: what it began may go on */
    bool removed;                /* by an order, from this life of its parent */
    uint32_t stopped_in;         /* the life of its parent in which an order stopped it */
    uint32_t rank,
        next_rank; /* its place among those that are there; of a supervisor: that of the next one */
    bool fuzzy;    /* of a supervisor: its numbers were changed in this life */
    bool again;    /* spawned once more by the same life of its parent */
    bool
        alone; /* this life began because somebody asked for a restart: not its siblings' business */
    bool done;          /* ended for good, by itself, in this life of its parent */
    bool suspect;       /* stopped, and no cause was known: its supervisor's end must be one */
    bool excused;       /* may stay down in this life of its parent */
    uint64_t failed_at; /* the last end that may concern its siblings, and */
    uint32_t failed_in; /* the parent's life in which it was */
    /* what its supervisor heard of its last end */
    bool heard, heard_calm, granted, left_down;
    troupe_exit_reason reason;
    uint32_t heard_incarnation;
    uint64_t heard_ns, heard_at;         /* the latter in the order of the log */
    bool gone;                           /* for good */
    struct budget own, common;           /* its own; of a supervisor: its children's */
    struct budget own_most, common_most; /* the same, by the most that may have been counted */
    /* of a supervisor's life: what must, and what may follow */
    bool must_end, may_give_up, may_shut_down, may_end;
    struct crash crashes[CRASHES]; /* the last ones, in a ring */
    uint32_t n_crashes;
    uint32_t last_sequence; /* of the driver's messages to this id */
};

struct forest {
    troupe_system *system;
    uint64_t seed;
    bool faulty; /* memory is out now and then: a restart may fail for it, a crash have no report */
    bool simulation, trace; /* trace: every event is a line on standard error */
    trp_random random;      /* of the plan and the driver */
    uint32_t n_nodes;
    struct node nodes[NODES];
    trp_mutex lock;
    uint64_t clock;                       /* one for each event of the log */
    trp_random dice;                      /* of hooks; under lock */
    uint64_t n_sent, n_handled, n_passed; /* passed: to the kit, which handled it or crashed */
    uint64_t n_lives, n_restarts, n_crashes, n_gave_up;
    uint32_t n_failures;
    troupe_topics *topics; /* where crash reports go */
    uint64_t n_reports;
    troupe_id operator; /* who gives orders */
    uint64_t n_orders, n_open_orders;
    bool closing; /* the system stops: whoever is started now is refused */
};

enum order_kind {
    ORDER_WORK, /* and pass it on, hops times */
    ORDER_CRASH,
    ORDER_EXIT,
    ORDER_FAIL,
};

#define ORDER_MAGIC 0x7ee57ee5u

/* What a message carries. */
struct order {
    uint32_t magic, kind, hops, sequence; /* sequence: of the driver, by target; 0: not from it */
    uint64_t unused;
};

/* What the driver tells the operator. */
struct command {
    troupe_order_kind kind;
    uint32_t
        whom; /* the node of the child, or of the supervisor for a change, or an added member */
    uint32_t number;
};

/* ---- forest_plan.c ---- */

/* forest_plant - draws a tree from the seed. The same seed, the same tree. */
void forest_plant(struct forest *forest);

/* ---- forest_nodes.c ---- */

extern const troupe_child_ops worker_child, shell_child;
extern const troupe_actor_ops worker_actor, shell_actor;
#define SHELL_BYTES 64 /* in front of the kit's state */
size_t worker_size(void);
troupe_id shell_route(void *self, troupe_system *system, troupe_bytes topic);

/* ---- forest_operator.c: one that gives orders to the supervisors of the tree, and waits for all answers at once ---- */

troupe_spec operator_spec(struct forest *forest);

/* ---- forest_reporter.c: one that hears the crash reports ---- */

troupe_spec reporter_spec(struct forest *forest);

/* ---- forest_log.c, forest_account.c: what happened. Any thread, in the hook concerned. ---- */

void forest_wrong(struct forest *forest, const char *format, ...) TROUPE_PRINTF(2, 3);
/* A life knocks: the mischief that its start must meet. */
enum mischief log_pre_start(struct node *node, const troupe_start *start);
void log_refused(struct node *node);
void log_up(struct node *node);
void log_pre_stop(struct node *node);
void log_post_stop(struct node *node);
void log_notice(struct node *supervisor, const troupe_notice *notice);
/* The life in node, or the next one, will end for this cause. */
void log_cause(struct node *node, unsigned cause);
/* Somebody else asks the life with this id to end. False: it is not there, do not ask. */
bool log_ask(struct node *node, unsigned cause, troupe_id *ret_id);
/* An order about node is on its way, or was answered; of which kind and life of its parent. False: it makes no sense now. */
bool log_order(struct node *node, troupe_order_kind kind, troupe_id *ret_supervisor,
               uint32_t *ret_life, uint32_t *ret_number);
void log_answer(struct node *node, troupe_order_kind kind, uint32_t life, uint32_t number,
                troupe_status status);
enum mischief log_take_mischief(struct node *node, enum mischief a, enum mischief b);
void log_message(struct node *node, const struct order *order);
void log_handled(struct node *node);
void log_passed(struct node *node);
uint64_t log_dice(struct forest *forest, uint64_t below);
/* In simulation, when nothing is left to do: is it as it should be? */
void log_check_rest(struct forest *forest);
void log_check_end(struct forest *forest);

#endif
