/* troupe/kit.h - supervisors, pools, groups, topics: made of troupe/actor.h alone.
 *
 * A supervisor or pool is a component like any other: troupe_supervisor_spec and troupe_pool_spec
 * fill a troupe_spec, and trees are made by putting such specs among the children of another.
 */
#ifndef TROUPE_KIT_H
#define TROUPE_KIT_H

#include "troupe/actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- supervisors ---- */

typedef enum troupe_strategy {
    TROUPE_ONE_FOR_ONE, /* only the child that ended is restarted */
} troupe_strategy;

typedef enum troupe_restart_rule {
    TROUPE_PERMANENT, /* always restarted */
    TROUPE_TRANSIENT, /* restarted unless it ended normally */
    TROUPE_TEMPORARY, /* never restarted */
} troupe_restart_rule;

typedef enum troupe_backoff_kind {
    TROUPE_BACKOFF_IMMEDIATE,
    TROUPE_BACKOFF_FIXED,       /* initial_ns each time */
    TROUPE_BACKOFF_EXPONENTIAL, /* initial, initial * multiplier, ... up to max */
} troupe_backoff_kind;

typedef struct troupe_backoff {
    troupe_backoff_kind kind;
    uint64_t initial_ns; /* must not be 0 for fixed and exponential */
    uint64_t max_ns;     /* exponential; default: no cap */
    double multiplier;   /* exponential; default 2 */
} troupe_backoff;

/* troupe_backoff_ns - the n-th (from 1) wait in nanoseconds. A pure function. Any thread. */
uint64_t troupe_backoff_ns(const troupe_backoff *backoff, uint32_t n);

typedef struct troupe_child {
    troupe_spec spec; /* .supervised is set by the supervisor */
    troupe_restart_rule restart;
} troupe_child;

typedef struct troupe_supervisor {
    size_t size; /* set by TROUPE_SUPERVISOR */
    troupe_strategy strategy;
    /* Restarts within within_ns, of all children together; one more and it gives up. Default 3;
     * TROUPE_NO_RESTARTS for 0. */
    uint32_t max_restarts;
    uint64_t within_ns; /* a sliding window: a restart this long ago counts no more. Default 5 s */
    troupe_backoff backoff;
    const troupe_child *children; /* kept until it ended; started in order, stopped in reverse */
    size_t n_children;
} troupe_supervisor;

#define TROUPE_NO_RESTARTS UINT32_MAX
#define TROUPE_SUPERVISOR(...)                                                                     \
    {                                                                                              \
        .size = sizeof(troupe_supervisor), __VA_ARGS__                                             \
    }

/* troupe_supervisor_spec - fill the tables, state and argument of spec; name and the rest stay.
 *
 * Owns:    supervisor is kept until the component ended.
 * Threads: the owner of spec.
 * Errors:  TROUPE_E_INVALID with a text in error (may be NULL): a backoff without initial, a
 *          multiplier below 1, a maximum below initial, children missing, another strategy, a
 *          struct without its initialiser.
 *
 * The component's start ends when the last child passed post_start; a child that refuses to start
 * fails it (its text is handed on), and the siblings are stopped in reverse.
 * A child that ends is restarted or released as its rule says; each restart counts, whatever ended
 * the life before. A wait of the backoff grows with the restarts that a child had in a row; a life
 * that lasted for longer than within_ns begins the row anew.
 * When the intensity is exceeded, or a child's error escalates (spec.on_error), it crashes as TROUPE_EXIT_GAVE_UP;
 * the runtime ends its children. A child stopped with TROUPE_STOP_RESTART starts again at once and uncounted, unless
 * it is temporary.
 * Log lines: child-restarted, child-backoff, child-released, supervisor-gave-up. Messages that others
 * send to it fail with TROUPE_E_INVALID.
 */
TROUPE_MUST_CHECK troupe_status troupe_supervisor_spec(const troupe_supervisor *supervisor,
                                                       troupe_spec *spec, troupe_error *error);

/* ---- pools: n like members, one address ---- */

typedef struct troupe_pool {
    size_t size; /* set by TROUPE_POOL */
    troupe_child
        member; /* spec.name is the base: NAME-1, NAME-2, ...; NULL: members have no names */
    uint32_t n_members; /* 1 to 1024 */
    uint32_t max_restarts;
    uint64_t within_ns;
    troupe_backoff backoff;
} troupe_pool;

#define TROUPE_POOL(...)                                                                           \
    {                                                                                              \
        .size = sizeof(troupe_pool), __VA_ARGS__                                                   \
    }

/* troupe_pool_spec - fill spec with a supervisor of n members that also is their one address: a
 * message to it goes to a member that is up and has room, in turn; while one is up, none in backoff
 * is chosen.
 *
 * Owns:    pool is kept until the component ended.
 * Threads: the owner of spec.
 * Errors:  as troupe_supervisor_spec; too few or too many members, a name too long for "-1024".
 */
TROUPE_MUST_CHECK troupe_status troupe_pool_spec(const troupe_pool *pool, troupe_spec *spec,
                                                 troupe_error *error);

/* ---- groups: members that come and go by themselves, one address ---- */

typedef struct troupe_group troupe_group;

typedef enum troupe_group_policy {
    TROUPE_GROUP_ROUND_ROBIN,  /* in turn */
    TROUPE_GROUP_LEAST_LOADED, /* the one with the fewest messages waiting; in turn among equals */
} troupe_group_policy;

typedef struct troupe_group_options {
    size_t size; /* set by TROUPE_GROUP_OPTIONS */
    troupe_group_policy policy;
    uint32_t max_members; /* 1 to 1024; default 1024 */
} troupe_group_options;

#define TROUPE_GROUP_OPTIONS(...)                                                                  \
    (&(troupe_group_options){.size = sizeof(troupe_group_options), __VA_ARGS__})

/* troupe_group_new - a group without members.
 * troupe_group_free - takes it, NULL is fine. Nobody joins or sends any more.
 *
 * Owns:    *ret_group is the caller's; free it after the system stopped. options are lent, NULL: the defaults.
 * Threads: any.
 * Errors:  TROUPE_E_INVALID, TROUPE_E_NO_MEMORY.
 */
TROUPE_MUST_CHECK troupe_status troupe_group_new(troupe_system *system,
                                                 const troupe_group_options *options,
                                                 troupe_group **ret_group);
void troupe_group_free(troupe_group *group);

/* troupe_group_spec - fill spec with a component that is the group's address: what is sent, requested or called to its
 * id or name goes to one member, as the policy says. Name, supervision and the rest of spec stay. One group may have
 * several addresses; members outlast them.
 *
 * Owns:    group is kept until the system is freed.
 * Threads: the owner of spec.
 * Order:   none between two messages of one sender: they may go to two members.
 * Errors:  none here. A send to the address: TROUPE_E_UNAVAILABLE no member; else as a send to the member. A member
 *          between two lives is chosen only when none is up. Of a member that is an address itself the load is not seen.
 */
void troupe_group_spec(troupe_group *group, troupe_spec *spec);

/* troupe_group_join - member gets its share from now on; twice is once. A member that ends for good is one no more, and
 *                     one that is restarted stays.
 * troupe_group_leave - false: it was none. What was sent to it stays with it.
 * troupe_group_members - the ids, in the order in which they joined, up to n.
 *
 * Owns:    members is the caller's, n of them; NULL is fine when n is 0.
 * Threads: any. Never block for longer than a short lock.
 * Counts:  troupe_group_members returns how many there are, also when it is more than n.
 * Errors:  TROUPE_E_GONE no such id; TROUPE_E_QUOTA there are max_members.
 */
TROUPE_MUST_CHECK troupe_status troupe_group_join(troupe_group *group, troupe_id member);
bool troupe_group_leave(troupe_group *group, troupe_id member);
size_t troupe_group_members(troupe_group *group, troupe_id *members, size_t n);

/* troupe_group_send_all - send to every member; one payload is shared by all.
 *
 * Owns:    payload is lent.
 * Threads: the context's; runs on the caller, no lock is held while sending.
 * Order:   in the order in which they joined; as troupe_send, for each member.
 * Counts:  one sent for each member that took it (*ret_reached, may be NULL). Some took it and others were full: a dead
 *          letter for each of those.
 * Errors:  TROUPE_E_UNAVAILABLE no member; TROUPE_E_FULL every one was full; nothing counted as sent.
 *          TROUPE_E_TOO_LARGE, _NO_MEMORY, _CLOSED: *ret_reached took it, the others did not.
 */
TROUPE_MUST_CHECK troupe_status troupe_group_send_all(troupe_context *ctx, troupe_group *group,
                                                      troupe_bytes payload, uint32_t *ret_reached);

/* ---- topics ---- */

/* A topic is 1 to TROUPE_TOPIC_MAX bytes: words with dots between them, none empty. A pattern may have wildcards in
 * place of whole words: `*` is any one word, `>` at the end is all that follow, at least one. orders.* hears orders.new,
 * not orders.new.eu; orders.> hears both, not orders. */
#define TROUPE_TOPIC_MAX 255

typedef struct troupe_topics troupe_topics;

/* troupe_topics_new - an empty table of topics of one system.
 * Owns: *ret_topics is the caller's; free it after the system stopped. Any thread.
 * Errors: TROUPE_E_NO_MEMORY.
 */
TROUPE_MUST_CHECK troupe_status troupe_topics_new(troupe_system *system,
                                                  troupe_topics **ret_topics);
/* troupe_topics_free - takes it, NULL is fine. Nobody subscribes or publishes any more. */
void troupe_topics_free(troupe_topics *topics);

/* troupe_topic_check - may one subscribe with this? Any thread. Errors: TROUPE_E_INVALID, and error (may be NULL) says
 * what is wrong and how to write it.
 * troupe_topic_matches - whether who subscribed with pattern gets what is published to topic. Any thread. A pattern or
 * topic that is none matches nothing.
 */
TROUPE_MUST_CHECK troupe_status troupe_topic_check(troupe_bytes pattern, troupe_error *error);
bool troupe_topic_matches(troupe_bytes pattern, troupe_bytes topic);

/* troupe_subscribe - id gets what is published to topics that match. The subscription belongs to the id and outlasts its
 *                    restarts; twice the same is one.
 * troupe_unsubscribe - takes exactly this pattern away; false: there was none.
 *
 * Owns:    pattern is lent.
 * Threads: any. Never blocks for longer than a short lock.
 * Errors:  TROUPE_E_INVALID no pattern, NO_MEMORY, TROUPE_E_GONE no such id.
 */
TROUPE_MUST_CHECK troupe_status troupe_subscribe(troupe_topics *topics, troupe_id id,
                                                 troupe_bytes pattern);
bool troupe_unsubscribe(troupe_topics *topics, troupe_id id, troupe_bytes pattern);

/* troupe_publish - send to every subscriber; one payload is shared by all. An id that several of its patterns match gets
 * one message. The message carries the topic, not the pattern.
 *
 * Owns:    topic and payload are lent.
 * Threads: the context's; runs on the caller, beside other publishers; no lock is held while sending.
 * Order:   in the order in which they subscribed; as troupe_send, for each subscriber.
 * Counts:  one sent for each subscriber that took it (*ret_reached, may be NULL). No subscriber at
 *          all: one dead letter, and TROUPE_OK. Some took it and others were full: a dead letter for
 *          each of those. One whose mailbox drops took it. A subscriber that ended is no subscriber any more.
 * Errors:  TROUPE_E_INVALID no topic, or one with wildcards. TROUPE_E_FULL: there are subscribers, every one was full;
 *          nothing counted as sent. TROUPE_E_TOO_LARGE, _NO_MEMORY, _CLOSED: *ret_reached took it, the others did not,
 *          and no dead letter says so.
 */
TROUPE_MUST_CHECK troupe_status troupe_publish(troupe_context *ctx, troupe_topics *topics,
                                               troupe_bytes topic, troupe_bytes payload,
                                               uint32_t *ret_reached);

/* ---- simulations: one scenario, many schedules ---- */

/* A scenario - builds what it wants in a fresh simulated system, lets it run, and looks at the outcome. It must depend on
 * the seed alone: no clock, no thread, no random of its own, no state left from an earlier run.
 *
 * Owns:    ctx is lent: an attached thread's, which drives the simulation in every call that waits. What the scenario
 *          leaves running is stopped behind it.
 * Errors:  anything but TROUPE_OK is a failure; error says what was wrong.
 */
typedef troupe_status (*troupe_scenario)(troupe_context *ctx, void *argument, troupe_error *error);

typedef struct troupe_simulation {
    size_t size;         /* set by TROUPE_SIMULATION */
    uint64_t seeds;      /* how many; default 1000 */
    uint64_t first_seed; /* default 1 */
    const troupe_system_options
        *options; /* lent; .simulation and .seed are set here. Default: none */
} troupe_simulation;

#define TROUPE_SIMULATION(...)                                                                     \
    (&(troupe_simulation){.size = sizeof(troupe_simulation), __VA_ARGS__})

typedef struct troupe_simulation_report {
    uint64_t n_runs;      /* seeds that were run */
    uint64_t n_schedules; /* different ones among them */
    uint64_t failed_seed; /* on TROUPE_E_FAILED */
    bool repeated; /* it was run once more, and failed in the same words and the same schedule */
    char text
        [1020]; /* one line: "seed 7 failed: ...; run again with TROUPE_SEED=7"; empty: all is well */
} troupe_simulation_report;

/* troupe_simulate - run the scenario once for each seed, until one fails. After each run the system is stopped, and must
 * have come to rest with sent = handled + dead letters + waiting, else the run has failed too. The first failure is run
 * again, to show that it repeats, and written through options' log hook (simulation-failed).
 * With TROUPE_SEED=N in the environment only seed N is run.
 * troupe_simulate_sized - the same for a caller that says how large its report is.
 *
 * Owns:    all is lent; *ret_report is written in any case.
 * Threads: one that is in no handler; everything runs on it. Blocks.
 * Errors:  TROUPE_E_FAILED a seed failed; TROUPE_E_INVALID options that no simulation takes, or a TROUPE_SEED that is no
 *          number; TROUPE_E_NO_MEMORY.
 */
TROUPE_MUST_CHECK troupe_status troupe_simulate_sized(const troupe_simulation *simulation,
                                                      troupe_scenario scenario, void *argument,
                                                      troupe_simulation_report *ret_report,
                                                      size_t size);

TROUPE_MUST_CHECK static inline troupe_status troupe_simulate(const troupe_simulation *simulation,
                                                              troupe_scenario scenario,
                                                              void *argument,
                                                              troupe_simulation_report *ret_report)
{
    return troupe_simulate_sized(simulation, scenario, argument, ret_report, sizeof *ret_report);
}

#ifdef __cplusplus
}
#endif
#endif
