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
    TROUPE_ONE_FOR_ONE,  /* only the child that ended is restarted */
    TROUPE_ONE_FOR_ALL,  /* all of them */
    TROUPE_REST_FOR_ONE, /* it, and those that were started after it */
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
    double multiplier;   /* exponential; at least 1; default 2 */
    double
        jitter; /* 0 to 1: a wait w is drawn from w * (1 - jitter) to w, so that those who fell together do not
                      rise together; default 0 */
    uint64_t reset_after_ns; /* a life that lasted longer begins the row anew; default: within_ns */
} troupe_backoff;

/* troupe_backoff_ns - the n-th (from 1) wait in nanoseconds, without jitter. A pure function. Any thread. */
uint64_t troupe_backoff_ns(const troupe_backoff *backoff, uint32_t n);

/* What follows when one restart more than max_restarts falls within within_ns. */
typedef enum troupe_on_intensity {
    /* The supervisor ends as TROUPE_EXIT_GAVE_UP, its children with it; its own supervisor decides. */
    TROUPE_ON_INTENSITY_ESCALATE,
    /* It ends as TROUPE_EXIT_SHUTDOWN, its children with it, and stays down: no rule restarts that. */
    TROUPE_ON_INTENSITY_STOP,
    /* This child ends for good, as gave_up; its siblings go on. */
    TROUPE_ON_INTENSITY_LEAVE_DOWN,
} troupe_on_intensity;

/* When a supervisor ends by itself, in order (TROUPE_EXIT_NORMAL), because its work is done: when children that are
 * significant ended for good by themselves. */
typedef enum troupe_auto_shutdown {
    TROUPE_AUTO_SHUTDOWN_NEVER,
    TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT, /* the first of them did */
    TROUPE_AUTO_SHUTDOWN_ALL_SIGNIFICANT, /* the last of them did */
} troupe_auto_shutdown;

/* What follows a crash: an end as CRASHED, TIMEOUT, REFUSED, STUCK or GAVE_UP. */
typedef enum troupe_on_crash {
    TROUPE_ON_CRASH_RESTART,  /* the child's rule and the intensity decide */
    TROUPE_ON_CRASH_ESCALATE, /* the supervisor gives up at once, as TROUPE_EXIT_GAVE_UP */
    TROUPE_ON_CRASH_IGNORE,   /* the child stays down, with a line in the log */
} troupe_on_crash;

typedef struct troupe_child {
    troupe_restart_rule restart;
    troupe_on_crash on_crash;
    bool significant; /* see troupe_auto_shutdown; not for permanent ones */
    /* While it waits for its next life, senders get TROUPE_E_UNAVAILABLE. Default: its mailbox is open, within its
     * bounds, and the next life handles what waits. */
    bool unavailable_while_down;
    /* A budget of its own: its restarts count here, and not against its siblings'. 0: the supervisor's. */
    uint32_t max_restarts;
    uint64_t within_ns; /* default: the supervisor's */
    troupe_spec spec;   /* last, for it grows; .supervised is set by the supervisor */
} troupe_child;

typedef struct troupe_supervisor {
    size_t size;       /* set by TROUPE_SUPERVISOR */
    size_t child_size; /* likewise: how far the children lie apart */
    troupe_strategy strategy;
    troupe_on_intensity on_intensity;
    troupe_auto_shutdown auto_shutdown;
    /* Restarts within within_ns, of all children together that have no budget of their own; one more, and on_intensity
     * says what follows. A restart of siblings (one_for_all, rest_for_one) counts once. Default 3; TROUPE_NO_RESTARTS
     * for 0. */
    uint32_t max_restarts;
    uint64_t within_ns; /* a sliding window: a restart this long ago counts no more. Default 5 s */
    troupe_backoff backoff;
    const troupe_child *children; /* kept until it ended; started in order, stopped in reverse */
    size_t n_children;
    struct troupe_topics *reports; /* kept; where crash reports are published. Default: nowhere */
} troupe_supervisor;

#define TROUPE_NO_RESTARTS UINT32_MAX
#define TROUPE_SUPERVISOR(...)                                                                     \
    {                                                                                              \
        .size = sizeof(troupe_supervisor), .child_size = sizeof(troupe_child), __VA_ARGS__         \
    }

/* troupe_supervisor_spec - fill the tables, state and argument of spec; name and the rest stay.
 *
 * Owns:    supervisor is kept until the component ended.
 * Threads: the owner of spec.
 * Errors:  TROUPE_E_INVALID with a text in error (may be NULL): a backoff without initial, a multiplier below 1, a
 *          maximum below initial, a jitter outside 0 to 1, children missing, two of one name, itself among them or
 *          more than 64 supervisors one in the other, a number that no enumeration has, a significant child that is
 *          permanent or has no auto_shutdown, a budget of its own with within_ns alone, a struct without its
 *          initialiser, a child that asks for what only a newer library knows. TROUPE_E_NO_MEMORY.
 *
 * Start: the component's start ends when the last child passed post_start. A child that refuses to start fails it (its
 * text is handed on), and the siblings are stopped in reverse.
 * A child that ends is restarted or released as its rule says; each restart counts, whatever ended the life before, and
 * one that fails counts again. A wait of the backoff grows with the restarts that a child had in a row; a life that
 * lasted for longer than reset_after_ns begins the row anew.
 * one_for_all and rest_for_one: the siblings are stopped in reverse, one after the other, each within its stop_timeout
 * (TROUPE_STOP_RESTART: id, name and what waits stay); then the wait of the backoff; then all start in order, each after
 * post_start of the one before. Those that ended for good before start again too, under a new id; temporary ones do not.
 * When a child's error escalates (spec.on_error, on_crash), or it cannot be restarted because it is stuck, the supervisor
 * crashes as TROUPE_EXIT_GAVE_UP; the runtime ends its children. A child stopped with TROUPE_STOP_RESTART starts again
 * alone, at once and uncounted, unless it is temporary. One that ended as TROUPE_EXIT_SHUTDOWN stays down.
 * Log lines: child-restarted, child-backoff, child-released, child-left-down, supervisor-gave-up, supervisor-shut-down.
 * Messages that others send to it fail with TROUPE_E_INVALID.
 */
TROUPE_MUST_CHECK troupe_status troupe_supervisor_spec(const troupe_supervisor *supervisor,
                                                       troupe_spec *spec, troupe_error *error);

/* ---- pools: n like members, one address ---- */

#define TROUPE_POOL_MAX (1u << 20) /* members */

typedef struct troupe_pool {
    size_t size;       /* set by TROUPE_POOL */
    size_t child_size; /* likewise: how large the member's struct is */
    uint32_t
        n_members; /* that start with it; 1 to max_members, 0 when max_members says otherwise */
    uint32_t
        max_members; /* more are made on demand, up to so many (TROUPE_POOL_MAX); default n_members */
    uint32_t max_restarts;
    uint64_t within_ns;
    troupe_on_intensity on_intensity;
    troupe_backoff backoff;
    const troupe_child *
        member; /* kept until it ended. spec.name is the base: NAME-1, NAME-2, ...; NULL: no names */
    struct troupe_topics *reports; /* as a supervisor's */
} troupe_pool;

#define TROUPE_POOL(...)                                                                           \
    {                                                                                              \
        .size = sizeof(troupe_pool), .child_size = sizeof(troupe_child), __VA_ARGS__               \
    }

/* troupe_pool_spec - fill spec with a supervisor of n members that also is their one address: a
 * message to it goes to a member that is up and has room, in turn; while one is up, none in backoff
 * is chosen.
 *
 * Owns:    pool is kept until the component ended.
 * Threads: the owner of spec.
 * Errors:  as troupe_supervisor_spec; too few or too many members, a name too long for the number behind it, a member
 *          that is significant.
 */
TROUPE_MUST_CHECK troupe_status troupe_pool_spec(const troupe_pool *pool, troupe_spec *spec,
                                                 troupe_error *error);

/* ---- crash reports ---- */

#define TROUPE_CRASH_REPORTS_TOPIC "troupe.crash-reports"

/* What a supervisor decided about a crash. */
typedef enum troupe_decision {
    TROUPE_DECISION_NONE, /* nothing: its siblings were being stopped, and it with them; or it was to stop for good */
    TROUPE_DECISION_RESTART,  /* alone; wait_ns before */
    TROUPE_DECISION_SIBLINGS, /* with its siblings; wait_ns before */
    TROUPE_DECISION_RELEASE,  /* its rule does not restart it */
    TROUPE_DECISION_LEAVE_DOWN,
    TROUPE_DECISION_GIVE_UP,    /* the supervisor ends, and its own decides */
    TROUPE_DECISION_STOP,       /* the supervisor ends for good */
    TROUPE_DECISION_FAIL_START, /* the supervisor's start fails */
} troupe_decision;

/* troupe_decision_name - "restart", "siblings", ... Constant. Any thread. */
const char *troupe_decision_name(troupe_decision decision);

/* One crash of a supervised child: a life that ended as CRASHED, TIMEOUT, ESCALATED, REFUSED, GAVE_UP or STUCK. */
typedef struct troupe_crash_report {
    uint64_t at_ns;    /* on troupe_now, when its supervisor heard of it */
    uint64_t left_out; /* reports of this system that were not made since the last one */
    troupe_id supervisor;
    troupe_exit exit; /* who, which life, why, and doing what; a guest's text has its frames */
    troupe_crash_details details;      /* the message at hand, the last lines of its log */
    uint64_t handled, failed, crashes; /* of the id; 0 when it is gone */
    uint32_t restarts;                 /* that this supervisor decided */
    troupe_decision decision;
    uint32_t n_counted, max_restarts; /* restarts in the window, this one too, of so many */
    uint64_t within_ns, wait_ns;
    char name[TROUPE_NAME_MAX + 1], supervisor_name[TROUPE_NAME_MAX + 1]; /* "": none */
    char why[128]; /* of the decision, in words */
} troupe_crash_report;

#define TROUPE_CRASH_REPORT_TEXT                                                                   \
    10240u /* bytes that its text never exceeds, with the 0 at the end */

/* troupe_crash_report_text - the report as one line of JSON; what is no UTF-8 stands as U+FFFD. Returns buffer.
 *
 * A supervisor makes one report for each crash of a child once it has decided, within the crash_lines of the system's
 * options a second; the rest are counted in left_out. It writes the text into the log (crash-report, level debug) and
 * publishes the struct under TROUPE_CRASH_REPORTS_TOPIC in the topics that it was given (.reports), where somebody listens.
 * A crash while the supervisor itself ends has no report.
 * Owns: buffer has room for TROUPE_CRASH_REPORT_TEXT bytes. Threads: any. Errors: none. */
char *troupe_crash_report_text(const troupe_crash_report *report, char *buffer);

/* ---- orders: what a running supervisor or pool is asked to do ---- */

/* An order is a request of the topic TROUPE_CONTROL_TOPIC to the supervisor's id, made by the functions below: a pool
 * takes these itself. Guests cannot make them. */
#define TROUPE_CONTROL_TOPIC "troupe.control"

typedef enum troupe_order_kind {
    /* One more child, the last in the order; to a pool, one more member. Answered when it passed post_start. While
     * siblings are restarted it waits for the end of that; a start that they end is made again with them. */
    TROUPE_ORDER_ADD,
    /* It ends in order, and stays down until it is restarted by an order, also when its siblings are restarted. A
     * temporary one, and a pool's, is forgotten. No auto_shutdown follows from it. An ADD or RESTART of it that is under
     * way fails, and so ends a start that never would. */
    TROUPE_ORDER_STOP,
    /* One that is up is stopped first, and starts again uncounted; one that waits in a backoff starts at once, and when it is
     * its siblings' backoff, they with it, in their order; one that is down starts under a new id, after a restart of its
     * siblings that is under way, whose backoff ends. Answered when it passed post_start. */
    TROUPE_ORDER_RESTART,
    TROUPE_ORDER_REMOVE, /* as STOP, and it is forgotten; what its spec points to is needed no longer */
    TROUPE_ORDER_CHANGE, /* other numbers from now on, until the supervisor itself is restarted */
} troupe_order_kind;

typedef struct troupe_order {
    size_t size;                     /* set by TROUPE_ORDER */
    size_t child_size, backoff_size; /* likewise */
    troupe_order_kind kind;
    /* ADD: copied, with its name; what else it points to is kept until it was removed, or the supervisor ended. To a pool:
     * NULL, the pool's own member. */
    const troupe_child *child;
    const void *argument; /* ADD to a pool: this member's own spec.argument; NULL: the pool's */
    troupe_id id;         /* STOP, RESTART, REMOVE: which; TROUPE_NOBODY: by its name */
    const char *name;
    uint32_t max_restarts; /* CHANGE: what is 0, or NULL, stays as it is */
    uint64_t within_ns;
    const troupe_backoff *backoff;
    const troupe_on_intensity *on_intensity;
    const troupe_auto_shutdown
        *auto_shutdown; /* NEVER: children that are significant stay so, and trigger nothing */
} troupe_order;

#define TROUPE_ORDER(...)                                                                          \
    (&(troupe_order){.size = sizeof(troupe_order),                                                 \
                     .child_size = sizeof(troupe_child),                                           \
                     .backoff_size = sizeof(troupe_backoff),                                       \
                     __VA_ARGS__})

/* troupe_order_call    - a thread gives an order and waits for what comes of it.
 * troupe_order_request - a handler gives it; what comes of it arrives as handle_reply, for troupe_order_read.
 * troupe_order_read    - what came of it: the status, as troupe_order_call returns it.
 *
 * Owns:    order is lent. *ret_id (may be NULL) is set on TROUPE_OK: the child's id, TROUPE_NOBODY when it is down.
 *          error may be NULL.
 * Threads: as troupe_call, troupe_request; troupe_order_read: any.
 * Order:   orders of one sender are taken in turn; one about a child is answered when it is done, and others go on
 *          meanwhile. Those that wait for the end of a restart of siblings start in the order in which they came, and
 *          their children are down until then.
 * Errors:  TROUPE_E_TAKEN there is a child of that name, or another component has it; TROUPE_E_REFUSED, _TIMEOUT,
 *          _CRASHED it did not start, or was not restarted: the text says why, and an ADD leaves nothing (a STOP that
 *          ended it leaves the child down);
 *          TROUPE_E_GONE no such child, no such supervisor, or it ended; TROUPE_E_QUOTA the pool is full;
 *          TROUPE_E_UNAVAILABLE an order about that child is under way (STOP and REMOVE do not wait for an ADD or
 *          RESTART, but end it), or the supervisor is on its way out;
 *          TROUPE_E_INVALID an order that makes no sense, that TROUPE_ORDER did not make or that asks for what only a newer
 *          library knows, or its receiver is no supervisor; else as troupe_call. After
 *          TROUPE_E_TIMEOUT of the wait itself the order may still be carried out.
 */
TROUPE_MUST_CHECK troupe_status troupe_order_call(troupe_context *ctx, troupe_id supervisor,
                                                  const troupe_order *order, uint64_t timeout_ns,
                                                  troupe_id *ret_id, troupe_error *error);
TROUPE_MUST_CHECK troupe_status troupe_order_request(troupe_context *ctx, troupe_id supervisor,
                                                     const troupe_order *order, uint64_t timeout_ns,
                                                     troupe_correlation *ret_correlation);
troupe_status troupe_order_read(const troupe_answer *answer, troupe_id *ret_id,
                                troupe_error *error);

typedef enum troupe_child_state {
    TROUPE_CHILD_DOWN, /* not started yet, stopped, or ended for good */
    TROUPE_CHILD_STARTING,
    TROUPE_CHILD_UP,
    TROUPE_CHILD_STOPPING,
    TROUPE_CHILD_HELD,    /* between two lives, until its siblings are */
    TROUPE_CHILD_WAITING, /* for the end of its backoff */
} troupe_child_state;

/* A child as its supervisor knows it. */
typedef struct troupe_child_info {
    troupe_id id; /* TROUPE_NOBODY: it is down */
    troupe_child_state state;
    troupe_restart_rule restart;
    uint32_t incarnation; /* of the life that goes on, or comes next */
    uint32_t n_restarts;  /* that its supervisor decided, over all its ids */
    bool is_supervisor;   /* or a pool */
    bool significant;
    bool has_ended; /* the next three are of its last end */
    troupe_exit_reason reason;
    troupe_operation operation;
    char text[TROUPE_EXIT_TEXT_MAX + 1];
    char name[TROUPE_NAME_MAX + 1]; /* "": none */
} troupe_child_info;

#define TROUPE_CHILDREN_MAX 256u /* rows in one answer */

/* Where rows of a list go. */
typedef struct troupe_child_page {
    size_t row_size; /* set by TROUPE_CHILD_PAGE */
    troupe_child_info *rows;
    size_t n;          /* how many there is room for */
    size_t n_rows;     /* how many were written */
    size_t n_children; /* how many children there are in all */
} troupe_child_page;

#define TROUPE_CHILD_PAGE(rows_, n_)                                                               \
    {                                                                                              \
        .row_size = sizeof(troupe_child_info), .rows = (rows_), .n = (n_)                          \
    }

/* troupe_children_call    - a thread lists the children: in start order, those from the first-th (from 0) on.
 * troupe_children_request - a handler asks for up to n of them, for troupe_children_read.
 * troupe_children_read    - what it was answered.
 *
 * Owns:    page and its rows are the caller's.
 * Threads: as troupe_call, troupe_request; troupe_children_read: any.
 * Counts:  up to page->n rows, and to TROUPE_CHILDREN_MAX in one answer, are written.
 * Errors:  as troupe_order_call; then page->n_rows is 0.
 */
TROUPE_MUST_CHECK troupe_status troupe_children_call(troupe_context *ctx, troupe_id supervisor,
                                                     size_t first, troupe_child_page *page,
                                                     uint64_t timeout_ns);
TROUPE_MUST_CHECK troupe_status troupe_children_request(troupe_context *ctx, troupe_id supervisor,
                                                        size_t first, size_t n, uint64_t timeout_ns,
                                                        troupe_correlation *ret_correlation);
troupe_status troupe_children_read(const troupe_answer *answer, troupe_child_page *page);

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
 * Errors:  TROUPE_E_INVALID no topic, or one with wildcards. TROUPE_E_FULL: there are subscribers, every one was full, or unavailable;
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
