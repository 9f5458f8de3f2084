/* troupe/actor.h - components that receive messages: the one header a program needs.
 *
 * A component is two const tables and some zeroed bytes: troupe_child_ops say how it starts and ends,
 * troupe_actor_ops what it does with messages. A system runs components; a context is the handle
 * through which a handler, or a plain thread that attached, does everything.
 *
 * Words: taken (callee owns it, after TROUPE_OK only), lent (valid during the call), kept (caller keeps
 * it alive until the named moment), shared (counted), inside (dies with its parent).
 *
 * A context used by another thread, outside of its handler's turn or after troupe_detach: what returns a status returns
 * TROUPE_E_INVALID, what returns bool false, the rest does nothing.
 *
 * A system does not survive fork: in the child, what returns a status returns TROUPE_E_FORKED, troupe_attach returns
 * NULL, what counts or lists finds nothing, and stop, free, detach, wake do nothing.
 */
#ifndef TROUPE_ACTOR_H
#define TROUPE_ACTOR_H

#include "troupe/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_system troupe_system;
typedef struct troupe_context troupe_context;

/* Names a component over all its lives. Never used again for another one. 0 is nobody. Valid in this
 * run of this system only: what is kept, is kept by name. */
typedef struct troupe_id {
    uint64_t value;
} troupe_id;

#define TROUPE_NOBODY ((troupe_id){0})

/* Names one awaited answer. Never used again. 0 is none. */
typedef struct troupe_correlation {
    uint64_t value;
} troupe_correlation;

/* Names one monitor, one timer. 0 is none. */
typedef struct troupe_monitor {
    uint64_t value;
} troupe_monitor;

typedef struct troupe_timer_id {
    uint64_t value;
} troupe_timer_id;

#define TROUPE_NAME_MAX 127              /* bytes of a name */
#define TROUPE_EXIT_TEXT_MAX 511         /* bytes of an exit's text */
#define TROUPE_KILL_GRACE TROUPE_SECOND  /* see troupe_kill; where the options say nothing */
#define TROUPE_MAILBOX_BOUND 1024        /* messages, where a spec says nothing */
#define TROUPE_MAILBOX_BYTES (16u << 20) /* of payloads, where a spec says nothing */
#define TROUPE_MAILBOX_BOUND_MAX (1u << 24)
#define TROUPE_MAILBOX_BYTES_MAX (UINT64_C(1) << 36)
#define TROUPE_REQUESTS_BOUND 16384 /* in flight, where a spec says nothing */
#define TROUPE_TIMERS_BOUND 16384   /* set at a time, where a spec says nothing */
#define TROUPE_TRACE_MAX 128        /* bytes of a trace */
#define TROUPE_MESSAGE_MAX                                                                         \
    (1u << 20) /* bytes of a payload, where the system's options say nothing */

/* ---- what a component receives ---- */

typedef struct troupe_message {
    troupe_id sender;               /* TROUPE_NOBODY: from outside */
    troupe_correlation correlation; /* 0: nobody waits for an answer */
    troupe_bytes topic;             /* empty: not from a topic */
    uint64_t deadline_ns;           /* when the sender stops waiting, on troupe_now; 0: never */
    troupe_bytes trace;             /* W3C traceparent; empty: none */
    troupe_bytes payload;           /* lent until the handler returned TROUPE_OK or an error */
    uint64_t
        sequence; /* the how-manieth message of its sender this is, from 1; 0: a timer's, the system's */
} troupe_message;

typedef struct troupe_answer {
    troupe_correlation correlation;
    troupe_status status; /* TROUPE_OK, or why there is no payload */
    troupe_bytes payload; /* the answer; for TROUPE_E_FAILED and _CRASHED its text */
} troupe_answer;

typedef enum troupe_exit_reason {
    TROUPE_EXIT_NORMAL,  /* asked to stop, or said so itself */
    TROUPE_EXIT_CRASHED, /* a trap, troupe_crash, a failed hook, a broken limit */
    TROUPE_EXIT_KILLED,
    TROUPE_EXIT_TIMEOUT,   /* overran a time limit, spec.start_timeout too */
    TROUPE_EXIT_REFUSED,   /* pre_start or post_start said no */
    TROUPE_EXIT_GAVE_UP,   /* its supervisor gave up */
    TROUPE_EXIT_GONE,      /* of a notice: it was gone before it was watched or linked */
    TROUPE_EXIT_RESTART,   /* supervised, stopped in order with TROUPE_STOP_RESTART */
    TROUPE_EXIT_ESCALATED, /* a failed message, with TROUPE_ON_ERROR_ESCALATE */
    TROUPE_EXIT_STUCK,     /* killed, and its handler did not return: given up (see troupe_kill) */
    TROUPE_EXIT_SHUTDOWN, /* it said by troupe_crash that it shall stay down: no rule restarts it */
} troupe_exit_reason;

/* What a component was doing when its life ended otherwise than in order, and of which kind that is. */
#define TROUPE_OPERATION_TABLE(X)                                                                  \
    X(TROUPE_OPERATION_NONE, "nothing", TROUPE_OPERATION_NO_KIND)                                  \
    X(TROUPE_OPERATION_PRE_START, "pre_start", TROUPE_OPERATION_LIFECYCLE)                         \
    X(TROUPE_OPERATION_POST_START, "post_start", TROUPE_OPERATION_LIFECYCLE)                       \
    X(TROUPE_OPERATION_PRE_STOP, "pre_stop", TROUPE_OPERATION_LIFECYCLE)                           \
    X(TROUPE_OPERATION_HANDLE_MESSAGE, "handle_message", TROUPE_OPERATION_MESSAGE)                 \
    X(TROUPE_OPERATION_HANDLE_REPLY, "handle_reply", TROUPE_OPERATION_MESSAGE)                     \
    X(TROUPE_OPERATION_HANDLE_DOWN, "handle_down", TROUPE_OPERATION_MESSAGE)                       \
    X(TROUPE_OPERATION_NEW_STATE, "new_state", TROUPE_OPERATION_STATE)                             \
    X(TROUPE_OPERATION_HEALTH_CHECK, "health_check", TROUPE_OPERATION_HEALTH)

typedef enum troupe_operation_kind {
    TROUPE_OPERATION_NO_KIND,
    TROUPE_OPERATION_LIFECYCLE, /* it could not start or stop */
    TROUPE_OPERATION_MESSAGE,   /* it handled a message, an answer, a notice */
    TROUPE_OPERATION_STATE,     /* the state of its next life could not be made */
    TROUPE_OPERATION_HEALTH,    /* it was asked how it is */
} troupe_operation_kind;

#define TROUPE_OPERATION_ENUM(name, word, kind) name,
typedef enum troupe_operation {
    TROUPE_OPERATION_TABLE(TROUPE_OPERATION_ENUM) TROUPE_N_OPERATIONS
} troupe_operation;
#undef TROUPE_OPERATION_ENUM

/* Why one life ended. A value; its text is cut at TROUPE_EXIT_TEXT_MAX. */
typedef struct troupe_exit {
    troupe_exit_reason reason;
    troupe_id id;
    uint32_t incarnation;
    char text[TROUPE_EXIT_TEXT_MAX + 1]; /* one line: "wasm trap: unreachable, in parse_status" */
    /* What it did then: the hook or handler, also one that was pending. NONE after an end in order, when it
     * was at rest, and when the end of a linked life took it along. */
    troupe_operation operation;
} troupe_exit;

/* troupe_exit_reason_name - "normal", "crashed", ... Constant. Any thread.
 * troupe_operation_name - "pre_start", ...; troupe_operation_kind_of - of which kind it is. */
const char *troupe_exit_reason_name(troupe_exit_reason reason);
const char *troupe_operation_name(troupe_operation operation);
troupe_operation_kind troupe_operation_kind_of(troupe_operation operation);

typedef enum troupe_event {
    TROUPE_EVENT_DOWN,       /* the watched component ended for good (final) */
    TROUPE_EVENT_LIFE_ENDED, /* one life ended, another may follow (each_life monitors) */
    TROUPE_EVENT_STOPPING,   /* it begins to stop (stopping monitors) */
    TROUPE_EVENT_STARTED,    /* to the parent or supervisor: a life passed post_start */
    TROUPE_EVENT_CHILD_EXIT, /* to the supervisor: the child is held; answer troupe_restart or _release */
    TROUPE_EVENT_CHILD_DOWN, /* to the parent or supervisor: the child ended for good */
    TROUPE_EVENT_LINK_DOWN, /* to one that traps its links: a life that was linked to this one ended */
    TROUPE_EVENT_ROOM,      /* a mailbox has room again, or will never: see troupe_room_notify */
} troupe_event;

typedef struct troupe_notice {
    troupe_event
        event; /* DOWN, CHILD_DOWN: gone for good. LIFE_ENDED, CHILD_EXIT: it may live again */
    troupe_monitor monitor; /* 0 for the child events */
    troupe_exit
        exit; /* who, which incarnation, why; reason is NORMAL for STARTED, STOPPING, ROOM */
} troupe_notice;

typedef enum troupe_stop_reason {
    TROUPE_STOP_SHUTDOWN,  /* the whole system goes down */
    TROUPE_STOP_REQUESTED, /* troupe_stop, or the component itself */
    TROUPE_STOP_RESTART,   /* its supervisor will start it again */
} troupe_stop_reason;

typedef enum troupe_start_reason {
    TROUPE_START_FRESH,
    TROUPE_START_RESTART,
} troupe_start_reason;

/* ---- the Child table: how a component starts and ends. Usable without any actor. ---- */

typedef struct troupe_start {
    const void *argument; /* spec.argument */
    troupe_id id;         /* 0 when used without a system */
    const char *name;     /* lent for this hook; "" for none */
    uint32_t incarnation; /* 1 in the first life */
    troupe_start_reason reason;
    troupe_system *system; /* NULL without a system */
    troupe_error *error;   /* write here why you refuse; may be NULL */
} troupe_start;

/* Each hook runs on its component's turn: never two at a time, never beside a handler. self is
 * state_size zeroed bytes at pre_start. A hook may be NULL. Those that return a status may return
 * TROUPE_PENDING; the status is then what resume returns. ctx is NULL without a system. */
typedef struct troupe_child_ops {
    /* First call into a life. Native: on the spawner's thread (on a restart: on a worker); with
     * spec.start_on_own_turn always on a worker. An error refuses the start: nothing is left behind,
     * no other hook of this life is called. */
    troupe_status (*pre_start)(void *self, const troupe_start *start);
    /* Before the first message; the name can be found. May send, spawn, monitor. An error is a
     * crash of the start: post_stop follows. */
    troupe_status (*post_start)(void *self, troupe_context *ctx);
    /* The life ends in order. May send. No new message is accepted any more, and what waited has been
     * handled (spec.drain) or dead-lettered; the children still run. */
    troupe_status (*pre_stop)(void *self, troupe_context *ctx, troupe_stop_reason reason);
    /* Last call into a life whose pre_start succeeded: exactly once, whichever way it ends. */
    void (*post_stop)(void *self);
    /* Is it well? Called every spec.health_interval while it runs, between two messages and ahead of those that wait. Quick;
     * may send. TROUPE_OK: it is. An error: it is not; write into error why. */
    troupe_status (*health_check)(void *self, troupe_context *ctx, troupe_error *error);
} troupe_child_ops;

/* ---- the Actor table: what a component does. On a worker, one call at a time. ---- */

typedef struct troupe_actor_ops {
    /* One message. TROUPE_OK: handled. TROUPE_PENDING: see resume. Anything else: a failed message;
     * it is answered with that status when somebody waits, logged and counted. */
    troupe_status (*handle_message)(void *self, troupe_context *ctx, const troupe_message *message);
    /* The one end of a request that this life made; none comes once the life has ended. NULL: answers are
     * dropped. */
    void (*handle_reply)(void *self, troupe_context *ctx, const troupe_answer *answer);
    /* A notice of a monitor, a child, a supervised child. NULL: dropped. */
    void (*handle_down)(void *self, troupe_context *ctx, const troupe_notice *notice);
    /* Called once after troupe_wake while a hook or handler is pending; its status takes the place
     * of the hook's: TROUPE_PENDING waits again. message is NULL when a hook is pending. Must be there where a hook or
     * handler returns TROUPE_PENDING: a wake finds a bug otherwise, and the process ends. */
    troupe_status (*resume)(void *self, troupe_context *ctx, const troupe_message *message);
    /* A kill or stop, or the time of a health check, ends the wait: let go of what resume would have used. resume will not come. */
    void (*abandon)(void *self, troupe_context *ctx);
} troupe_actor_ops;

/* ---- systems ---- */

/* What goes wrong in a simulation, drawn from its seed. Nothing by default. */
typedef struct troupe_faults {
    size_t size;               /* set by TROUPE_FAULTS */
    uint64_t no_memory_at;     /* the n-th allocation in the turns of the system fails, once */
    uint32_t no_memory_one_in; /* besides, each fails with the chance of one in so many */
    uint32_t stall_one_in;     /* a turn stalls with the chance of one in so many, */
    uint64_t stall_ns;         /* for up to so long: time passes while it is inside, others go on */
    uint32_t late_one_in; /* the answer to a request is late with the chance of one in so many, */
    uint64_t late_ns; /* by up to so long: a timeout or a cancel may come first, and then wins */
} troupe_faults;

#define TROUPE_FAULTS(...) (&(troupe_faults){.size = sizeof(troupe_faults), __VA_ARGS__})

typedef struct troupe_system_options {
    size_t size;         /* set by TROUPE_SYSTEM_OPTIONS */
    bool simulation;     /* one thread, virtual time, driven by troupe_step and by blocking calls */
    uint64_t seed;       /* simulation: chooses the schedule and troupe_random */
    unsigned workers;    /* default: what affinity and cgroup allow */
    size_t worker_stack; /* bytes, as many as the machine asks for at least (16 KiB and more);
                            default 2 MiB */
    size_t message_max;  /* bytes of a payload; default TROUPE_MESSAGE_MAX */
    uint64_t
        stop_timeout; /* nanoseconds a component has to stop before it is killed; default 5 s */
    unsigned batch;   /* messages a component handles before others get their turn; default 64 */
    troupe_log log;   /* default: drops every line */
    unsigned
        spares; /* the most threads that take over from workers held by a handler that blocks or runs
                         long, made when needed; default 16; at most 1024 */
    const troupe_faults *faults; /* lent; simulation only, else TROUPE_E_INVALID. Default: none */
    uint64_t
        kill_grace; /* nanoseconds from a kill until one whose handler does not return is given up;
                            default TROUPE_KILL_GRACE; TROUPE_FOREVER: never. Not in simulation, nor driven */
    unsigned
        crash_lines; /* lines about crashes a second in the log, and as many crash reports; what is
                              more is counted and left out. Default TROUPE_CRASH_LINES_A_SECOND */
    bool driven; /* no threads: the caller's loop runs it by troupe_run_once. Not with simulation,
                         workers, worker_stack, spares, kill_grace */
} troupe_system_options;

#define TROUPE_CRASH_LINES_A_SECOND 100u

#define TROUPE_SYSTEM_OPTIONS(...)                                                                 \
    ((troupe_system_options){.size = sizeof(troupe_system_options), __VA_ARGS__})

/* troupe_system_new - make a running system.
 *
 * Owns:    *ret_system is the caller's; options are lent, NULL: the defaults.
 * Threads: any; of a driven system it becomes the driver. Starts worker threads with every signal blocked, installs no
 *          handler; a driven system starts none at all.
 * Errors:  TROUPE_E_INVALID, TROUPE_E_NO_MEMORY, TROUPE_E_IO.
 */
TROUPE_MUST_CHECK troupe_status troupe_system_new(const troupe_system_options *options,
                                                  troupe_system **ret_system);

/* troupe_system_stop - stop every component, the last one started first, each with its stop timeout.
 *
 * Threads: any that is attached or foreign, not a handler. Blocks until all have ended. A second
 *          call waits for the first. The driver of a driven system runs it meanwhile; another thread
 *          waits for the driver to do so.
 * Errors:  TROUPE_E_TIMEOUT some were given up, and their handlers have not returned until now (troupe_kill); the log
 *          has a line component-stuck for each. TROUPE_E_INVALID in a handler or offloaded work: nothing happens, and
 *          the log says so (call-refused).
 */
troupe_status troupe_system_stop(troupe_system *system);

/* troupe_system_free - troupe_system_stop, then end the threads and give everything back. When a handler has not
 *                      returned it gives nothing back: its thread may still use any of it. End the process then.
 *
 * Owns:    takes system, NULL is fine; every context attached to it must be detached before.
 * Threads: the last user. Blocks. Of a driven system it becomes the driver.
 * Errors:  none. In a handler or offloaded work: nothing happens, and the log says so (call-refused).
 */
void troupe_system_free(troupe_system *system);
void troupe_system_free_at(troupe_system **system);
void troupe_context_free_at(troupe_context **ctx);

#define TROUPE_AUTO(type) __attribute__((cleanup(type##_free_at))) type

/* troupe_step - drive a simulation by one step. False: nothing to do until somebody sends, no simulation,
 *               or called in a handler.
 * troupe_schedule - the fingerprint of the schedule so far. Only the driving thread, not a handler.
 */
bool troupe_step(troupe_system *system);
uint64_t troupe_schedule(const troupe_system *system);

/* ---- a system in your own loop (options.driven): no threads, and every hook and handler runs where you call ---- */

/* troupe_run_once - run what is ready: timers that are due, jobs (troupe_offload), turns of components. Returns when
 * nothing is ready, or after the first turn that ends when budget_ns have passed. 0: one turn and one job at most.
 *
 * Threads: the driver, which is the thread that made the system; not from a handler. What blocks on the driver's contexts
 *          (troupe_call, troupe_receive, troupe_wait_end, troupe_spawn, a send to a full mailbox that blocks) runs the
 *          system meanwhile. Other threads may attach, and do all that a thread may: when they wait, they wait for the
 *          driver to run it.
 * Counts:  a turn is not interrupted and handles up to options.batch messages; troupe_overrun answers false, ticks never
 *          come, and a guest that loops is stopped by its fuel.
 * Errors:  true: more is ready now (and the descriptor is readable). False: nothing is; or it is not driven, this is not
 *          the driver, or it is in a handler or a forked child: then nothing was done.
 */
bool troupe_run_once(troupe_system *system, uint64_t budget_ns);

/* troupe_descriptor - readable while troupe_run_once has something to do: another thread sent something, a timer is due,
 * or the last run left something.
 *
 * Owns:    the system's, valid until troupe_system_free. Only wait for it to be readable (poll, epoll, uv_poll_t),
 *          level-triggered; never read it.
 * Threads: any.
 * Errors:  -1: not driven, or a forked child. It may be readable for nothing, rarely.
 */
int troupe_descriptor(const troupe_system *system);

/* troupe_driven - whether the system was made with options.driven. Any thread. */
bool troupe_driven(const troupe_system *system);

/* troupe_now - monotonic nanoseconds of this system, virtual in simulation. Any thread.
 * troupe_random - 64 random bits: from the seed in simulation, else from the kernel. Any thread.
 */
uint64_t troupe_now(const troupe_system *system);
uint64_t troupe_random(troupe_system *system);
bool troupe_simulated(const troupe_system *system);

/* ---- contexts ---- */

/* troupe_attach - make this plain thread a user of the system: it may send, call, spawn, receive.
 *
 * Owns:    the caller; troupe_detach gives it back. NULL when memory is out, the system stops, or in a
 *          handler or offloaded work of it.
 * Threads: the context belongs to the calling thread alone.
 */
troupe_context *troupe_attach(troupe_system *system);
void troupe_detach(troupe_context *ctx);

/* troupe_system_of, troupe_self, troupe_incarnation - of this context. An attached thread has an id
 * too (answers and notices reach it there), its incarnation is 1. Never block. */
troupe_system *troupe_system_of(const troupe_context *ctx);
troupe_id troupe_self(const troupe_context *ctx);
uint32_t troupe_incarnation(const troupe_context *ctx);

/* ---- spawn ---- */

typedef enum troupe_on_full {
    TROUPE_ON_FULL_REJECT, /* the sender gets TROUPE_E_FULL */
    TROUPE_ON_FULL_BLOCK,  /* a thread waits; a component that sends is muted until there is room */
    TROUPE_ON_FULL_DROP_NEWEST, /* the message sent is a dead letter; the sender gets TROUPE_OK */
    TROUPE_ON_FULL_DROP_OLDEST, /* the oldest that waits is a dead letter, the new one goes in */
} troupe_on_full;

/* What follows a failed message: one whose handler, or its resume, returned an error. */
typedef enum troupe_on_error {
    TROUPE_ON_ERROR_CONTINUE, /* the next message */
    TROUPE_ON_ERROR_RESTART,  /* the life ends as a crash: a supervisor restarts it by its rule */
    /* The life ends as TROUPE_EXIT_ESCALATED: a supervisor of the kit gives up at once, whatever the
     * child's rule, and ends as TROUPE_EXIT_GAVE_UP itself. */
    TROUPE_ON_ERROR_ESCALATE,
    TROUPE_ON_ERROR_IGNORE, /* of on_unhealthy, on_error_rate: a line in the log, and it goes on */
} troupe_on_error;

#define TROUPE_ERROR_LIMIT_MAX 4096u /* of spec.error_limit */

typedef struct troupe_spec {
    size_t size;                   /* set by TROUPE_SPEC */
    const char *name;              /* copied; NULL: none. Unique in the system */
    const troupe_child_ops *child; /* kept until the component ended; NULL: no hooks */
    const troupe_actor_ops
        *actor;             /* kept until the component ended; NULL: messages are dead letters */
    size_t state_size;      /* zeroed bytes for each life */
    const void *argument;   /* kept until the component ended; reaches pre_start */
    uint32_t mailbox_bound; /* messages; default TROUPE_MAILBOX_BOUND */
    troupe_on_full on_full; /* default: reject */
    bool drain;             /* on a stop, what waits is handled first; default: dead letters */
    bool start_on_own_turn; /* pre_start on a worker, as the first thing the component does */
    bool supervised;        /* a crash holds it (see troupe_restart); the spawner supervises */
    uint64_t stop_timeout;  /* nanoseconds from stop to kill; default: the system's */
    /* One address for many: where a message to this id goes instead; its own id: here. Called on the sender's thread,
     * for a timer that fires on the clock's, beside handlers of self and beside itself: it reads and writes atomics
     * only. topic is the message's, empty for none, and where only room is asked for. TROUPE_NOBODY: the sender gets TROUPE_E_UNAVAILABLE, and a timer's message is a dead letter. Default: none;
     * timers that the component set for itself are never routed. */
    troupe_id (*route)(void *self, troupe_system *system, troupe_bytes topic);
    /* Bytes of payloads that may wait, beside mailbox_bound; default TROUPE_MAILBOX_BYTES. A mailbox below both
     * bounds takes one more message, whatever its size. A shared payload counts in each mailbox. */
    uint64_t mailbox_bytes;
    uint32_t
        requests_bound; /* requests whose end it has not taken yet; default TROUPE_REQUESTS_BOUND */
    uint32_t
        timers_bound; /* timers, until their message is being handled; intervals; default TROUPE_TIMERS_BOUND */
    troupe_on_error on_error; /* default: continue */
    /* Nanoseconds from the spawn, or the restart, to the end of post_start, waits included: one that is not
     * through by then is abandoned and ends as TROUPE_EXIT_TIMEOUT. A hook is not stopped in its middle; it
     * counts when it returns. Default: no limit. */
    uint64_t start_timeout;
    bool trap_links; /* the end of a linked life is a notice, not a crash (troupe_link) */
    bool
        blocking; /* its hooks and handlers may block: each of its turns begins with troupe_overrun */
    /* How often health_check is called, in nanoseconds. Default: never. It counts as late when it takes longer than
     * health_timeout (default: the interval), waits of its own included; also when it cannot be called because one handler
     * ran for so long, on a worker, and finished no message: time in queues never counts (not seen in simulation, nor
     * driven). After health_failures (default 3) that were late or unhealthy in a row on_unhealthy follows. */
    uint64_t health_interval, health_timeout;
    uint32_t health_failures;
    /* CONTINUE, the default, is RESTART here: the life ends as a crash. ESCALATE, IGNORE. */
    troupe_on_error on_unhealthy, on_error_rate;
    /* on_error_rate follows when error_limit messages failed within error_within_ns, or error_limit of the last
     * error_of_last: one of the two. Default: never. Counted anew in each life. */
    uint32_t error_limit, error_of_last;
    uint64_t error_within_ns;
} troupe_spec;

#define TROUPE_SPEC(...) (&(troupe_spec){.size = sizeof(troupe_spec), __VA_ARGS__})

/* troupe_spawn - start a component as a child of the caller (of the system, when a thread calls).
 *
 * Owns:    spec is lent, a value copied; what it points to is kept as its fields say.
 * Threads: the context's. A thread blocks until the start succeeded or failed. From a handler it
 *          never blocks: with start_on_own_turn (or a pending pre_start) the id comes back at once, and
 *          the outcome as a notice: TROUPE_EVENT_STARTED, or TROUPE_EVENT_CHILD_DOWN with the reason.
 * Order:   messages sent after it returned are handled after post_start.
 * Errors:  TROUPE_E_INVALID, TROUPE_E_TAKEN, TROUPE_E_NO_MEMORY, TROUPE_E_CLOSED, TROUPE_E_REFUSED,
 *          TROUPE_E_TIMEOUT spec.start_timeout was over.
 *          *ret_id is set on TROUPE_OK only. error (may be NULL) gets the component's own words.
 */
TROUPE_MUST_CHECK troupe_status troupe_spawn(troupe_context *ctx, const troupe_spec *spec,
                                             troupe_id *ret_id);
TROUPE_MUST_CHECK troupe_status troupe_spawn_or_say(troupe_context *ctx, const troupe_spec *spec,
                                                    troupe_id *ret_id, troupe_error *error);

/* ---- stop ---- */

/* troupe_stop - ask a component to stop: pre_stop, its children in reverse, post_stop. Returns at once.
 * troupe_kill - end it as soon as its handler returns: no pre_stop; what waits are dead letters,
 *               or waits for the next life of a supervised one.
 * One whose hook or handler does not return within the system's kill_grace (after a kill, or after a stop and its
 * stop_timeout) is given up, also a supervised one: its watchers, links and parent are told (TROUPE_EXIT_STUCK; KILLED
 * when it was to stop for good), its children are stopped, its name is free and its id is gone. Requests that it holds,
 * or that wait in its mailbox, end with TROUPE_E_CRASHED; one that is sent in that very moment may have to end by its own
 * time. What waits in its mailbox counts as waiting until the handler returns, if ever; then it cleans up, with its
 * post_stop.
 *
 * Threads: the context's. Never blocks. Stopping what is stopping is fine.
 * Errors:  TROUPE_E_GONE.
 */
troupe_status troupe_stop(troupe_context *ctx, troupe_id id, troupe_stop_reason reason);
troupe_status troupe_kill(troupe_context *ctx, troupe_id id);

/* troupe_exit_self - end this life after the handler returns: in order. Threads: its hook or handler. */
void troupe_exit_self(troupe_context *ctx);

/* troupe_crash - this life is over as a crash: the state is not entered again but for post_stop.
 *
 * Owns:    text is lent, one line, cut at TROUPE_EXIT_TEXT_MAX. NULL: none.
 * Threads: a hook or handler; return from it soon, with any status.
 * Errors:  none. reason: TROUPE_EXIT_CRASHED, or _TIMEOUT for a broken time limit; _SHUTDOWN is no crash, but an end
 *          without pre_stop that is meant to last.
 */
void troupe_crash(troupe_context *ctx, troupe_exit_reason reason, const char *text);

/* troupe_wait_end - a thread waits until id has ended for good. Drives a simulation meanwhile.
 * Threads: an attached thread's context. Errors: TROUPE_E_TIMEOUT. ret_exit may be NULL.
 */
troupe_status troupe_wait_end(troupe_context *ctx, troupe_id id, uint64_t timeout_ns,
                              troupe_exit *ret_exit);

/* ---- supervised children: held, restarted, released ---- */

/* troupe_restart - a held child gets its next life, in its own turn. TROUPE_EVENT_STARTED follows, or
 *                  TROUPE_EVENT_CHILD_EXIT again when the start fails.
 * troupe_release - a held child ends for good: name, mailbox, watchers; its last exit is the reason,
 *                  or gave_up. TROUPE_EVENT_CHILD_DOWN follows.
 * A supervised child that is stopped with TROUPE_STOP_RESTART also comes to be held, as TROUPE_EXIT_RESTART.
 * When memory is out a restart may fail before the life begins: TROUPE_EVENT_CHILD_EXIT again, refused.
 *
 * Threads: the supervisor's context. Never blocks.
 * Errors:  TROUPE_E_GONE, TROUPE_E_DENIED not the supervisor. Not held: nothing happens.
 */
troupe_status troupe_restart(troupe_context *ctx, troupe_id id);
troupe_status troupe_release(troupe_context *ctx, troupe_id id, bool gave_up);

/* troupe_refuse - a held child's mailbox takes no more until its next life begins: senders get TROUPE_E_UNAVAILABLE, a
 *                 timer's message is a dead letter. What waits there stays, and those who wait for room go on to wait.
 *
 * Owns:    nothing.
 * Threads: the supervisor's context. Never blocks.
 * Order:   a send that crosses it may still be taken.
 * Errors:  TROUPE_E_GONE, TROUPE_E_DENIED not the supervisor. Not held: nothing happens.
 */
troupe_status troupe_refuse(troupe_context *ctx, troupe_id id);

/* ---- send ---- */

/* troupe_send - put a message into a component's mailbox.
 *
 * Owns:    payload is lent for the call; it is copied.
 * Threads: the context's. Never blocks, but for a thread's send to a full mailbox that blocks.
 * Order:   messages of one sender to one target arrive in sending order.
 * Errors:  TROUPE_E_GONE the target has ended; TROUPE_E_FULL its mailbox is at its bound (one that drops
 *          takes the message, and loses it or another: that one is a dead letter, whoever asked by it gets
 *          TROUPE_E_FULL as its answer); TROUPE_E_TOO_LARGE; TROUPE_E_NO_MEMORY; TROUPE_E_UNAVAILABLE the route of an address names nobody, or it is down for a while (troupe_refuse),
 *          TROUPE_E_INVALID it goes in a circle. On an error nothing was sent.
 */
TROUPE_MUST_CHECK troupe_status troupe_send(troupe_context *ctx, troupe_id target,
                                            troupe_bytes payload);

/* troupe_trace_set - the trace (W3C traceparent) of what this context sends from now on. Without it, what is sent
 *                    while a message is handled, or the answer to what was asked so, carries that message's trace
 *                    on: messages, requests, delegations, publications, send_after; not intervals.
 *
 * Owns:    traceparent is lent; copied once, then shared by all messages. Empty: they carry none.
 * Threads: the context's. A thread's holds until the next call; in a handler, until its message or answer is done with.
 * Errors:  TROUPE_E_INVALID shorter than 55 bytes, or in a hook or handle_down; TROUPE_E_TOO_LARGE over
 *          TROUPE_TRACE_MAX; TROUPE_E_NO_MEMORY. What stands in it is not looked at.
 */
TROUPE_MUST_CHECK troupe_status troupe_trace_set(troupe_context *ctx, troupe_bytes traceparent);

/* troupe_room_notify - be told, once, when target's mailbox has room: handle_down is called with TROUPE_EVENT_ROOM and
 *                      exit.id target. At once when it has room now, else when it is down to half its bound. Its
 *                      exit.reason is TROUPE_EXIT_NORMAL, or TROUPE_EXIT_GONE when the target ended or stops instead.
 *                      Room is not reserved. Asking again while it waits for room is asking once. Belongs to this life.
 * troupe_room_wait   - a thread waits for the same. Drives a simulation meanwhile.
 *
 * Threads: notify: a hook's or handler's context, never blocks. wait: an attached thread's, blocks up to timeout_ns.
 * Order:   none.
 * Errors:  TROUPE_E_GONE, TROUPE_E_UNAVAILABLE, TROUPE_E_INVALID as troupe_send; notify: TROUPE_E_NO_MEMORY; wait:
 *          TROUPE_E_TIMEOUT, TROUPE_E_FULL a simulation in which nothing happens any more.
 */
TROUPE_MUST_CHECK troupe_status troupe_room_notify(troupe_context *ctx, troupe_id target);
TROUPE_MUST_CHECK troupe_status troupe_room_wait(troupe_context *ctx, troupe_id target,
                                                 uint64_t timeout_ns);

/* A payload shared by all that receive it. Counted; made by troupe_payload_new. */
typedef struct troupe_payload troupe_payload;

/* troupe_payload_new - copy bytes once, to send them to many. Starts with one count.
 * Owns: the caller holds a count, troupe_payload_unref gives it back. Any thread. Errors: NULL.
 */
troupe_payload *troupe_payload_new(troupe_bytes bytes);
troupe_payload *troupe_payload_ref(troupe_payload *payload);
void troupe_payload_unref(troupe_payload *payload);

/* troupe_send_shared - like troupe_send, without a copy; topic (NULL: none) reaches the receiver.
 * Owns: payload and topic are lent; the message takes counts of its own. Threads, Errors: as troupe_send.
 */
TROUPE_MUST_CHECK troupe_status troupe_send_shared(troupe_context *ctx, troupe_id target,
                                                   troupe_payload *topic, troupe_payload *payload);

/* troupe_send_after - send to target after delay_ns, once. Belongs to this life of the sender.
 *
 * Owns:    payload is lent; copied.
 * Threads: the context's. The message is not refused for room.
 * Errors:  TROUPE_E_NO_MEMORY, TROUPE_E_TOO_LARGE, TROUPE_E_GONE there never was such an id, TROUPE_E_QUOTA this life
 *          has as many timers as spec.timers_bound. When it fires and the target has ended it is a dead letter.
 */
TROUPE_MUST_CHECK troupe_status troupe_send_after(troupe_context *ctx, troupe_id target,
                                                  troupe_bytes payload, uint64_t delay_ns,
                                                  troupe_timer_id *ret_timer);

/* troupe_send_every - send to target again and again, at the multiples of period_ns from now on. Belongs to this life of
 *                     the sender; ends when the target has ended for good.
 *
 * Owns:    payload is lent; copied once, shared by all its messages.
 * Threads: the context's. The messages are not refused for room.
 * Order:   no second one while the last one waits or is handled (a thread's: until its next troupe_receive): what falls
 *          into that time is left out, also after a long stall, and the multiples stay.
 * Errors:  as troupe_send_after; TROUPE_E_INVALID period_ns is 0.
 */
TROUPE_MUST_CHECK troupe_status troupe_send_every(troupe_context *ctx, troupe_id target,
                                                  troupe_bytes payload, uint64_t period_ns,
                                                  troupe_timer_id *ret_timer);

/* troupe_cancel_timer - end a send_after or an interval.
 *
 * Owns:    true: nothing more is sent. What an interval sent before may still wait at its target.
 * Threads: the context's.
 * Errors:  false: it has fired, is over, or is not this context's; or it fires this very moment: then this one may
 *          still come, and nothing after it.
 */
bool troupe_cancel_timer(troupe_context *ctx, troupe_timer_id timer);

/* ---- shared state: one writer, many readers, no lock ---- */

/* A few bytes that one component writes and any thread reads: a table of prices, a setting, a position. What is read
 * is copied out, so nothing is ever held over a wait. Counted; zeroed at first, that is version 0. */
typedef struct troupe_shared troupe_shared;

#define TROUPE_SHARED_MAX 65536u /* bytes */

/* troupe_shared_new - a cell of size bytes, with one count. It may outlive its system.
 *
 * Owns:    the caller holds the count; troupe_shared_unref gives it back (NULL is fine).
 * Threads: any, all four.
 * Errors:  TROUPE_E_INVALID size is 0 or over TROUPE_SHARED_MAX; TROUPE_E_NO_MEMORY.
 */
TROUPE_MUST_CHECK troupe_status troupe_shared_new(size_t size, troupe_shared **ret_shared);
troupe_shared *troupe_shared_ref(troupe_shared *shared);
void troupe_shared_unref(troupe_shared *shared);
void troupe_shared_free_at(troupe_shared **shared);

/* troupe_shared_write - the next version of the whole. The first to write is the one writer from then on, over its
 * restarts; when it ended for good, it is the next who writes.
 *
 * Owns:    bytes are lent; exactly the cell's size.
 * Threads: the context's. Never blocks, and readers do not slow it down.
 * Order:   a reader sees versions in their order.
 * Errors:  TROUPE_E_INVALID another size; TROUPE_E_DENIED another one is the writer; TROUPE_E_TAKEN the writer before
 *          was killed and is still in the middle of its last write. On an error nothing was written.
 */
TROUPE_MUST_CHECK troupe_status troupe_shared_write(troupe_context *ctx, troupe_shared *shared,
                                                    troupe_bytes bytes);

/* troupe_shared_read - copy the newest whole version out; *ret_version (may be NULL) is its number.
 * troupe_shared_version - only the number, which counts the writes; who sees it sees what its writer did before.
 *
 * Owns:    buffer has room for exactly the cell's size.
 * Threads: any, no context needed. Writes no shared memory, takes no lock; copies again when the writer finished
 *          three more versions meanwhile.
 * Errors:  TROUPE_E_INVALID another size.
 */
TROUPE_MUST_CHECK troupe_status troupe_shared_read(troupe_shared *shared, void *buffer, size_t size,
                                                   uint64_t *ret_version);
uint64_t troupe_shared_version(const troupe_shared *shared);

/* ---- request and response ---- */

/* troupe_request - like troupe_send, and ask for an answer: handle_reply is called exactly once.
 *
 * Owns:    payload is lent; copied.
 * Threads: a hook's or handler's context. Never blocks. timeout_ns must not be 0.
 * Deadline: one made while handling a request that is not answered yet, or in the handle_reply of what was asked so, ends
 *          no later than that request does, whatever timeout_ns says. Its message tells the deadline to whom it asks.
 *          None ends before its time; a time of a second and more is kept by a coarse clock: it may end 10 ms late, and
 *          the deadline that is told may be 10 ms early.
 * Errors:  as troupe_send, TROUPE_E_TIMEOUT that deadline has passed, TROUPE_E_QUOTA this life has as many requests in flight as spec.requests_bound; then
 *          nothing was sent and no reply will come.
 */
TROUPE_MUST_CHECK troupe_status troupe_request(troupe_context *ctx, troupe_id target,
                                               troupe_bytes payload, uint64_t timeout_ns,
                                               troupe_correlation *ret_correlation);

/* troupe_request_shared - troupe_request without a copy, and with a topic (NULL: none) that reaches the receiver.
 *
 * Owns:    payload and topic are lent; the message takes counts of its own.
 * Threads: as troupe_request.
 * Errors:  as troupe_request.
 */
TROUPE_MUST_CHECK troupe_status troupe_request_shared(troupe_context *ctx, troupe_id target,
                                                      troupe_payload *topic,
                                                      troupe_payload *payload, uint64_t timeout_ns,
                                                      troupe_correlation *ret_correlation);

/* What the end of a request says about it, and so does what troupe_call returns:
 *   TROUPE_OK                it was handled, here is the answer.
 *   TROUPE_E_FAILED, ...     it was handled; the other side said no, with this status.
 *   TROUPE_E_CRASHED         it was being handled, or kept, in a life that crashed: it may have had effects. Or its
 *                            holder was given up: then it may have waited only.
 *   TROUPE_E_GONE            the other side ended in order: it was never handled, or kept and left unanswered.
 *   TROUPE_E_TIMEOUT         nothing is known: it may not have been handled yet, and may still be. From troupe_call also
 *                            when there was no room in that time: then it was not sent.
 *   TROUPE_E_CANCELLED       after troupe_cancel as a time-out; else the other side was stopped while it waited with it.
 *   TROUPE_E_FULL            a mailbox that drops dropped it: it was not handled.
 *   TROUPE_E_NO_MEMORY       it was handled, and there was no memory for the answer; a thread's had none to keep it.
 * What troupe_request, troupe_call return with any other status was never sent. */

/* troupe_cancel - end a wait; handle_reply still comes, with TROUPE_E_CANCELLED. False: it was over.
 * Threads: the context's. */
bool troupe_cancel(troupe_context *ctx, troupe_correlation correlation);

typedef struct troupe_reply_buffer {
    troupe_payload *payload; /* the caller's count; NULL for an empty answer */
} troupe_reply_buffer;

/* troupe_reply_bytes - what was answered; no bytes for an empty answer.
 * troupe_reply_u64 - its first 8 bytes as a number; 0 when it is shorter.
 * troupe_reply_clear - give the count back; the buffer is empty then.
 *
 * Owns: the bytes are inside the buffer, until it is cleared. Threads: the owner of reply. Errors: none.
 */
troupe_bytes troupe_reply_bytes(const troupe_reply_buffer *reply);
uint64_t troupe_reply_u64(const troupe_reply_buffer *reply);
void troupe_reply_clear(troupe_reply_buffer *reply);

/* troupe_call - a thread asks and waits for the answer. Drives a simulation meanwhile.
 *
 * Owns:    payload is lent; reply (may be NULL) is the caller's: troupe_reply_clear. It is set on
 *          TROUPE_OK, and holds the text on TROUPE_E_FAILED and TROUPE_E_CRASHED.
 * Threads: an attached thread's context. Blocks up to timeout_ns.
 * Errors:  as troupe_send; TROUPE_E_QUOTA; TROUPE_E_TIMEOUT, _GONE, _CRASHED, or the status that the other side gave:
 *          what each says about the request stands at troupe_cancel.
 */
TROUPE_MUST_CHECK troupe_status troupe_call(troupe_context *ctx, troupe_id target,
                                            troupe_bytes payload, uint64_t timeout_ns,
                                            troupe_reply_buffer *reply);

/* troupe_call_shared - as troupe_request_shared, for a thread: it waits for the answer.
 *
 * Owns:    as troupe_request_shared; reply as troupe_call.
 * Threads: as troupe_call.
 * Errors:  as troupe_call.
 */
TROUPE_MUST_CHECK troupe_status troupe_call_shared(troupe_context *ctx, troupe_id target,
                                                   troupe_payload *topic, troupe_payload *payload,
                                                   uint64_t timeout_ns, troupe_reply_buffer *reply);

/* troupe_reply - answer the message that is being handled. Does nothing when nobody waits.
 * troupe_reply_to - answer a request accepted earlier in this life, once.
 * troupe_fail - answer it with an error and a text.
 *
 * Owns:    payload, text are lent.
 * Threads: a hook's or handler's context. Never blocks, never refused for room.
 * Errors:  TROUPE_E_GONE nobody waits any more; TROUPE_E_INVALID not a request this life holds;
 *          TROUPE_E_TOO_LARGE the answer.
 */
troupe_status troupe_reply(troupe_context *ctx, troupe_bytes payload);
troupe_status troupe_reply_to(troupe_context *ctx, troupe_correlation correlation,
                              troupe_bytes payload);
troupe_status troupe_fail(troupe_context *ctx, troupe_correlation correlation, troupe_status status,
                          troupe_bytes text);

/* troupe_reply_shared - troupe_reply_to without a copy, of a payload that is there already: a large answer that many get.
 *                       correlation 0: the message that is being handled, as troupe_reply.
 *
 * Owns:    payload is lent; the answer takes a count of its own. troupe_call hands that count to its caller.
 * Threads: as troupe_reply.
 * Errors:  as troupe_reply_to.
 */
troupe_status troupe_reply_shared(troupe_context *ctx, troupe_correlation correlation,
                                  troupe_payload *payload);

/* troupe_delegate - hand a request that this life holds to another component, which holds it from then on: who asked
 *                   gets one answer, from whoever answers, within the time it gave; correlation is unchanged.
 *
 * Owns:    payload is lent; copied: the new holder sees what it is given here.
 * Threads: a hook's or handler's context, or a thread's that received it. Blocks as troupe_send.
 * Order:   the message's sender is the one that delegates: it wrote the payload, and its order holds.
 * Errors:  TROUPE_E_INVALID not a request this life holds (answered, delegated before, another's). TROUPE_E_CANCELLED
 *          nobody waits any more: it is held no longer. Else as troupe_send, and it is still held here.
 * When the new holder ends, crashes or never takes it, the asker gets that end. To oneself and in a circle is fine: each
 * time it is a message, which takes room, and the asker's deadline goes on.
 */
TROUPE_MUST_CHECK troupe_status troupe_delegate(troupe_context *ctx, troupe_correlation correlation,
                                                troupe_id target, troupe_bytes payload);

/* troupe_receive - a thread takes the next message sent to its own id.
 *
 * Owns:    *ret_message is lent until the next troupe_receive or troupe_detach.
 * Threads: an attached thread's context. Blocks up to timeout_ns; drives a simulation meanwhile.
 * Errors:  TROUPE_E_TIMEOUT.
 */
TROUPE_MUST_CHECK troupe_status troupe_receive(troupe_context *ctx, uint64_t timeout_ns,
                                               troupe_message *ret_message);

/* ---- names ---- */

/* A name is 1 to TROUPE_NAME_MAX bytes of UTF-8 without control characters; anything else is refused by
 * troupe_spawn with TROUPE_E_INVALID. */

/* troupe_lookup - the id behind a name.
 *
 * Owns:    name is lent.
 * Threads: any. Never blocks: no lock, and no write to memory that others read.
 * Order:   finds it from the end of pre_start on, over all its lives, until just before the notices of its end.
 * Errors:  TROUPE_E_GONE nobody has it, or it has not started yet; TROUPE_E_INVALID no name.
 */
troupe_status troupe_lookup(troupe_system *system, const char *name, troupe_id *ret_id);

/* troupe_lookup_or_spawn - the component with the name of spec; it is spawned when there is none. Of many callers at the
 * same time one spawns it.
 *
 * Owns:    spec is lent, as for troupe_spawn. ret_spawned (may be NULL): this call started it. error may be NULL.
 * Threads: the context's. A thread blocks while another one starts it, as in troupe_spawn. A handler never blocks, nor a
 *          thread from inside a pre_start: while another one starts it they get the reserved id at once, where messages
 *          wait for the start; when that fails the id has ended, which a monitor tells.
 * Order:   when the start of another one fails, whoever waited for it tries in turn, and gets its own error.
 * Errors:  as troupe_spawn, but not TROUPE_E_TAKEN; TROUPE_E_INVALID also for a spec without a name; TROUPE_E_TIMEOUT in a
 *          simulation in which nothing happens any more.
 */
TROUPE_MUST_CHECK troupe_status troupe_lookup_or_spawn(troupe_context *ctx, const troupe_spec *spec,
                                                       troupe_id *ret_id, bool *ret_spawned,
                                                       troupe_error *error);

/* troupe_name_of - the name of id into buffer (TROUPE_NAME_MAX + 1 bytes); "" when it has none or ended.
 * Any thread. Never blocks.
 */
void troupe_name_of(troupe_system *system, troupe_id id, char *buffer);

typedef struct troupe_name_entry {
    troupe_id id;
    char name[TROUPE_NAME_MAX + 1];
} troupe_name_entry;

/* troupe_names_list - the names that begin with prefix (NULL or "": all), the first n of them in the order of their bytes.
 * troupe_names_count - how many there are.
 *
 * Owns:    entries are the caller's, n of them; NULL is fine when n is 0.
 * Threads: any. Never blocks, and stops nobody: what comes or goes meanwhile is there or not, and a name that went from
 *          one component to another may be there twice.
 * Counts:  returns how many there are, also when it is more than n.
 * Errors:  none.
 */
size_t troupe_names_list(troupe_system *system, const char *prefix, troupe_name_entry *entries,
                         size_t n);
size_t troupe_names_count(troupe_system *system, const char *prefix);

/* ---- monitors ---- */

typedef enum troupe_monitor_flags {
    TROUPE_MONITOR_FINAL = 0,     /* one notice, when it ended for good */
    TROUPE_MONITOR_EACH_LIFE = 1, /* also when one life ended */
    TROUPE_MONITOR_STOPPING = 2,  /* also when it begins to stop */
} troupe_monitor_flags;

/* troupe_monitor_start - watch id: handle_down is called exactly once with TROUPE_EVENT_DOWN, at once and with
 * TROUPE_EXIT_GONE when it is gone already. Two monitors of one target give two notices. Belongs to this life of
 * the watcher. The last notice cannot fail; the others are left out when memory is out.
 *
 * Threads: a hook's or handler's context, or an attached thread's (troupe_wait_end uses it).
 * Errors:  TROUPE_E_NO_MEMORY.
 */
TROUPE_MUST_CHECK troupe_status troupe_monitor_start(troupe_context *ctx, troupe_id id,
                                                     unsigned flags, troupe_monitor *ret_monitor);
/* troupe_monitor_stop - after it no notice comes for this monitor. False: there was none. */
bool troupe_monitor_stop(troupe_context *ctx, troupe_monitor monitor);

/* ---- links ---- */

/* troupe_link - join this life and the one that id leads now: when either ends for any reason but TROUPE_EXIT_NORMAL,
 * the other crashes, with a text that names the cause. One with spec.trap_links is told instead: handle_down with
 * TROUPE_EVENT_LINK_DOWN, exactly once, of a normal end too. Linking what has no life is as if it had ended just now,
 * as TROUPE_EXIT_GONE. A link belongs to two lives: a restart does not renew it. Twice is once; to oneself is nothing.
 * troupe_unlink - after it returns nothing of the link takes effect any more. Not linked: nothing happens.
 *
 * Owns:    nothing.
 * Threads: a hook's or handler's context. Never blocks for longer than a short lock; takes time with the number of
 *          links that this life has.
 * Order:   both lives are joined when it returns, or the end of id is on its way.
 * Errors:  TROUPE_E_NO_MEMORY; TROUPE_E_INVALID an attached thread, here or as id: it has no life to lose.
 */
TROUPE_MUST_CHECK troupe_status troupe_link(troupe_context *ctx, troupe_id id);
troupe_status troupe_unlink(troupe_context *ctx, troupe_id id);

/* ---- unfinished work ---- */

/* troupe_wake - the wait that a hook or handler began by TROUPE_PENDING is over: resume is called.
 *
 * Wakes are not counted and carry no name: two before the resume are one, and one that comes late, after its wait
 * was over, resumes the next wait of the same life. So a resume looks whether what it waits for is there, and
 * returns TROUPE_PENDING when not.
 * Threads: any, no context needed. Never blocks. A wake that comes before the handler returned
 *          TROUPE_PENDING is kept. One that comes for a life that ended is dropped.
 * Errors:  none.
 */
void troupe_wake(troupe_system *system, troupe_id id, uint32_t incarnation);

/* troupe_offload - run blocking work on a thread for it. The usual frame: return TROUPE_PENDING, and let
 * work end with troupe_wake.
 *
 * Owns:    argument is kept until work begins.
 * Threads: any; work runs on a thread of its own kind, may block, must not use a context.
 * Errors:  TROUPE_E_NO_MEMORY; TROUPE_E_IO; TROUPE_E_CLOSED the system is being freed.
 */
TROUPE_MUST_CHECK troupe_status troupe_offload(troupe_system *system, void (*work)(void *argument),
                                               void *argument);

/* troupe_overrun - this hook or handler says that it holds its worker for longer than a slice: a spare thread serves the
 * others from now on. A component that may block in each turn has spec.blocking instead; one that says nothing is found
 * after about 10 ms, when others wait.
 *
 * Threads: the handler's.
 * Counts:  at most options.spares at a time. Again in the same turn: nothing happens, true.
 * Errors:  none; false: no spare is left, or simulation; the handler just goes on.
 */
bool troupe_overrun(troupe_context *ctx);

/* troupe_killed - a hook or handler that runs long asks whether its life was killed, or did not stop
 * within its time, which runs from this call on if a stop was asked for meanwhile. Then it should
 * return through troupe_crash with TROUPE_EXIT_KILLED and the text that this gives.
 * Owns:    the text is static. Threads: the handler's. Errors: none; NULL: go on.
 */
const char *troupe_killed(troupe_context *ctx);

/* troupe_tick_start - have tick called about every millisecond while components run; not in simulation,
 *                     nor in a driven system.
 * Owns:    argument is kept until troupe_tick_stop returned. Threads: any; tick runs on the clock's thread, for nanoseconds.
 * Errors:  TROUPE_E_NO_MEMORY.
 */
typedef struct troupe_tick troupe_tick;
TROUPE_MUST_CHECK troupe_status troupe_tick_start(troupe_system *system,
                                                  void (*tick)(void *argument), void *argument,
                                                  troupe_tick **ret_tick);
void troupe_tick_stop(troupe_system *system, troupe_tick *tick);

/* ---- dead letters ---- */

#define TROUPE_DEAD_TABLE(X)                                                                       \
    X(TROUPE_DEAD_CRASHED, "crashed while handling it")                                            \
    X(TROUPE_DEAD_ENDED, "the target ended")                                                       \
    X(TROUPE_DEAD_KILLED, "the target was killed")                                                 \
    X(TROUPE_DEAD_NO_HANDLER, "the target handles no messages")                                    \
    X(TROUPE_DEAD_NO_SUBSCRIBER, "nobody subscribed to the topic")                                 \
    X(TROUPE_DEAD_FULL, "the mailbox was full")                                                    \
    X(TROUPE_DEAD_TOO_LARGE, "over the size limit")                                                \
    X(TROUPE_DEAD_ABANDONED, "the target was stopped while it waited")                             \
    X(TROUPE_DEAD_REFUSED, "the target took it no more")

#define TROUPE_DEAD_ENUM(name, sentence) name,
typedef enum troupe_dead_reason {
    TROUPE_DEAD_TABLE(TROUPE_DEAD_ENUM) TROUPE_N_DEAD_REASONS
} troupe_dead_reason;
#undef TROUPE_DEAD_ENUM

/* troupe_dead_reason_text - its sentence. Constant. Any thread. */
const char *troupe_dead_reason_text(troupe_dead_reason reason);

typedef struct troupe_dead_letter {
    uint64_t number; /* 1, 2, 3 in this run of the system */
    troupe_dead_reason reason;
    troupe_id sender, target;
    char target_name[TROUPE_NAME_MAX + 1];
    uint64_t sequence; /* the how-manieth message of its sender it was, from 1; 0: a timer's */
    size_t size;       /* bytes of its payload */
} troupe_dead_letter;

/* troupe_dead_letters - the last ones (128 are kept), newest first, up to n. Returns how many were written; their
 * count since the start is in troupe_totals.
 *
 * Threads: any. Whoever buries a message meanwhile is not held up for longer than the copy of one letter.
 * Order:   their numbers go down by one; fewer than asked for when new ones took the places of the last.
 * Errors:  none.
 */
size_t troupe_dead_letters(troupe_system *system, troupe_dead_letter *letters, size_t n);

#define TROUPE_DEAD_LETTERS_TOPIC "troupe.dead-letters"

/* troupe_dead_letters_subscribe - from now on each dead letter comes as a message to this component (or attached
 * thread): topic TROUPE_DEAD_LETTERS_TOPIC, payload one struct troupe_dead_letter, sender TROUPE_NOBODY. Belongs to
 * the id, over its restarts; twice is once.
 * troupe_dead_letters_unsubscribe - none that is buried afterwards comes. False: it had not subscribed.
 *
 * Threads: the context's. Never blocks, and never makes one wait who buries a message.
 * Order:   what one thread buries comes in order; letters of several threads may cross, their numbers tell.
 * Counts:  each is sent, by the system. With a full mailbox the letter is skipped, whatever on_full says: the numbers
 *          have a gap, and troupe_totals counts it. A message about a letter that dies itself is a dead letter like any
 *          other, but no message tells of it.
 * Errors:  TROUPE_E_QUOTA: 16 have subscribed already.
 */
TROUPE_MUST_CHECK troupe_status troupe_dead_letters_subscribe(troupe_context *ctx);
bool troupe_dead_letters_unsubscribe(troupe_context *ctx);

/* troupe_dead_letter_add - a message that ended before it reached a mailbox (no subscriber, too long a
 * line). Counts as sent by ctx and as a dead letter. Threads: the context's.
 */
void troupe_dead_letter_add(troupe_context *ctx, troupe_id target, troupe_dead_reason reason,
                            size_t size);

/* ---- accounts ---- */

typedef struct troupe_totals {
    uint64_t sent;    /* accepted at senders, and dead before a mailbox */
    uint64_t handled; /* at receivers: the handler finished, well or with an error */
    uint64_t failed;  /* of handled: with an error */
    uint64_t dead_letters;
    uint64_t waiting; /* accepted and not finished, by the mailboxes' own counts of room */
    uint64_t live;    /* components, without attached threads */
    uint64_t slots;   /* ever made */
    uint64_t crashes; /* lives that ended by a crash */
    uint64_t dead_letters_untold; /* times that a subscriber had no room for a letter */
} troupe_totals;

/* troupe_totals_now - the counts so far.
 * troupe_totals_read - the same for a caller that says how large its struct is: no more than that is written, and
 * what this library does not know is 0.
 *
 * Threads: any. Stops nobody; exact when the system is at rest.
 * Errors:  none.
 */
void troupe_totals_read(troupe_system *system, troupe_totals *ret_totals, size_t size);

static inline void troupe_totals_now(troupe_system *system, troupe_totals *ret_totals)
{
    troupe_totals_read(system, ret_totals, sizeof *ret_totals);
}

/* troupe_walk_mailboxes - how many messages wait, by walking every mailbox node by node: the witness in
 * sent = handled + dead letters + waiting.
 *
 * Threads: any that is no handler. Waits for the turns that run. Exact at rest; what attached threads have taken
 *          in and not received is their mailbox's own count.
 * Errors:  none. In a handler or offloaded work, which it would wait for: 0, and the log says so (call-refused).
 */
uint64_t troupe_walk_mailboxes(troupe_system *system);

/* troupe_account_now - the counts, and how many messages wait by walking: all that
 * sent = handled + dead letters + waiting takes, in the one order in which they fit.
 *
 * The walk comes first. It waits for the turns that run, and such a turn may handle, or bury after a component's end;
 * counts that were read before it would have the message nowhere. What it found waiting lies where nobody works, so
 * that it is not counted again as handled or dead afterwards, unless somebody goes on: a thread that receives or detaches,
 * a wake, or a handler that was given up and returns.
 *
 * Threads: as troupe_walk_mailboxes. Exact when nobody but turns that are under way does anything.
 * Errors:  none.
 */
static inline uint64_t troupe_account_now(troupe_system *system, troupe_totals *ret_totals)
{
    uint64_t walked = troupe_walk_mailboxes(system);

    troupe_totals_now(system, ret_totals);
    return walked;
}

/* The state machine of a component, as it can be asked for:
 *
 *   STARTING --post_start is through--> RUNNING --a stop, a crash, a kill--> STOPPING --> gone: TROUPE_E_GONE
 *      |  ^                                                                   ^   |
 *      |  +--- restart --- HELD <---------- supervised, not for good ---------|---+
 *      +------------------------- refused, too late, stopped, killed ---------+
 *
 * In STARTING, RUNNING and STOPPING a hook or handler may be pending (troupe_info.pending). */
typedef enum troupe_phase {
    TROUPE_PHASE_STARTING, /* pre_start, post_start */
    TROUPE_PHASE_RUNNING,
    TROUPE_PHASE_STOPPING, /* draining, pre_stop, the end of its children, post_stop */
    TROUPE_PHASE_HELD,     /* between two lives: a supervisor decides */
    TROUPE_PHASE_ENDED,    /* nobody finds one in it: TROUPE_E_GONE */
} troupe_phase;

typedef struct troupe_info {
    troupe_id id;
    troupe_phase phase;
    uint32_t incarnation;
    uint32_t waiting; /* messages in the mailbox */
    uint64_t handled, failed;
    bool pending; /* a hook or handler waits for troupe_wake */
    uint64_t sent;
    uint32_t
        high_water; /* the most messages that ever stood in the mailbox; 0 for an attached thread */
    uint32_t restarts; /* lives before this one */
    uint64_t crashes;  /* of them, those that ended by a crash; this one too once it is held */
    uint64_t
        busy_ns; /* in hooks and handlers, sampled: a tick that finds it running counts as a whole */
    uint64_t state_bytes; /* of its state_size */
    troupe_id
        parent; /* who spawned it, an attached thread too; TROUPE_NOBODY for an attached thread */
    uint64_t waiting_bytes; /* of their payloads */
} troupe_info;

/* troupe_info_of - one component, as it stands. All counts are those of the id, over its lives.
 * troupe_info_read - the same for a caller that says how large its struct is: no more than that is written, and what
 * this library does not know is 0.
 *
 * Threads: any. Never blocks, stops nobody.
 * Errors:  TROUPE_E_GONE.
 */
troupe_status troupe_info_read(troupe_system *system, troupe_id id, troupe_info *ret_info,
                               size_t size);

static inline troupe_status troupe_info_of(troupe_system *system, troupe_id id,
                                           troupe_info *ret_info)
{
    return troupe_info_read(system, id, ret_info, sizeof *ret_info);
}

/* troupe_snapshot - every component that there is, attached threads left out; up to n are written. Returns how many
 * there are, which may be more than n.
 * troupe_snapshot_read - the same for a caller that says how large its struct is; infos lie size bytes apart.
 *
 * Threads: any. No lock is held over it and nobody stops: each row is what troupe_info_of would say at some moment
 *          during the call, and two rows may be of different moments.
 * Order:   none.
 * Errors:  none.
 */
size_t troupe_snapshot_read(troupe_system *system, troupe_info *infos, size_t n, size_t size);

static inline size_t troupe_snapshot(troupe_system *system, troupe_info *infos, size_t n)
{
    return troupe_snapshot_read(system, infos, n, sizeof *infos);
}

/* troupe_waiting - messages in the mailbox of id; 0 when it ended. Any thread; one load. */
uint32_t troupe_waiting(troupe_system *system, troupe_id id);

/* troupe_has_room - the mailbox of id is below its bounds, as it stands; false when it ended. Any thread; never blocks. */
bool troupe_has_room(troupe_system *system, troupe_id id);

/* troupe_log_write - write one line through the system's log hook, as the component of ctx.
 * Owns: text is lent. Threads: the context's. Errors: none. */
void troupe_log_write(troupe_context *ctx, troupe_level level, const char *id, troupe_bytes text);

/* troupe_log_keep - a line that a component wrote elsewhere is one of its last lines (troupe_last_crash); those of
 *                   troupe_log_write are by themselves. Of a thread: nothing happens.
 * Owns: text is lent. Threads: the context's. Errors: none. */
void troupe_log_keep(troupe_context *ctx, troupe_bytes text);

/* ---- crashes ---- */

#define TROUPE_CRASH_LINES 4u      /* the last ones of a component's log that are kept */
#define TROUPE_CRASH_LINE_MAX 119u /* bytes of one of them */

/* Of a life that ended otherwise than in order, beside its troupe_exit. */
typedef struct troupe_crash_details {
    uint32_t incarnation; /* which life */
    bool has_message;     /* a message was at hand; the next three are its */
    bool is_request;
    uint64_t sequence;
    uint64_t size; /* bytes of its payload */
    uint32_t n_lines;
    char lines[TROUPE_CRASH_LINES]
              [TROUPE_CRASH_LINE_MAX + 1]; /* that it logged last, oldest first */
} troupe_crash_details;

/* troupe_last_crash - of the last life of id that ended so; from the notice of it on, until its next crash, or until
 *                     another component has its place.
 * troupe_last_crash_read - the same for a caller that says how large its struct is.
 *
 * Owns:    nothing.
 * Threads: any. Never blocks for longer than a short lock.
 * Errors:  TROUPE_E_GONE nothing is known of such a crash; then *ret_details is zeroed.
 */
troupe_status troupe_last_crash_read(troupe_system *system, troupe_id id,
                                     troupe_crash_details *ret_details, size_t size);

static inline troupe_status troupe_last_crash(troupe_system *system, troupe_id id,
                                              troupe_crash_details *ret_details)
{
    return troupe_last_crash_read(system, id, ret_details, sizeof *ret_details);
}

/* troupe_crash_line_due   - whether one more line about a crash may be written now, within options.crash_lines a second of
 *                           the system; to be asked before its text is made. After some that were not, a line says how
 *                           many (crash-lines).
 * troupe_crash_report_due - the same for a report; *ret_left_out is how many were not made since the last one.
 * Threads: the context's; any. Errors: none; false: this one is counted as left out, or nobody reads the log. */
bool troupe_crash_line_due(troupe_context *ctx);
bool troupe_crash_report_due(troupe_system *system, uint64_t *ret_left_out);

#ifdef __cplusplus
}
#endif
#endif
