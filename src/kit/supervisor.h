/* supervisor.h - the state that a supervisor and a pool share. Only kit includes it. */
#ifndef TRP_KIT_SUPERVISOR_H
#define TRP_KIT_SUPERVISOR_H

#include "restart.h"
#include "trp/atomic.h"

/* What stays the same in all lives of a supervisor; made from what its user filled in. */
typedef struct trp_plan {
    const troupe_child *children; /* n_children of them; of a pool: one, for all members */
    size_t n_children;
    bool pool;
    uint32_t max_restarts;
    uint64_t within_ns;
    troupe_backoff backoff;
} trp_plan;

typedef enum trp_child_phase {
    TRP_CHILD_UNBORN,
    TRP_CHILD_STARTING, /* its first life */
    TRP_CHILD_UP,
    TRP_CHILD_WAITING,    /* held, its backoff timer runs */
    TRP_CHILD_RESTARTING, /* held or starting, troupe_restart was called */
    TRP_CHILD_ENDED,
} trp_child_phase;

/* One child over its lives. Supervisor's turn only. */
typedef struct trp_child_record {
    trp_child_phase phase;
    uint32_t incarnation; /* of the life that ended last */
    uint32_t n_waits;     /* backoffs since it last stayed up for longer than the window */
    uint32_t n_restarts;  /* in the window, when this restart was decided */
    uint64_t up_since_ns;
    uint64_t noticed_ns; /* when the last end came to be known */
    troupe_exit last;
} trp_child_record;

/* What senders read, beside the supervisor that writes. A zeroed entry is nobody. */
typedef struct trp_seat {
    _Atomic(uint64_t) id;
    atomic_bool up;
} trp_seat;

/* The zeroed state of each life: this head and n_children seats. The records lie elsewhere, because
 * the state of a component with a route stays until the system is freed. */
typedef struct trp_supervisor {
    trp_plan plan;     /* set once, in pre_start */
    trp_window window; /* from here: supervisor's turn only */
    size_t n_born;
    bool started; /* the last child passed post_start */
    bool ending;
    troupe_status failure; /* of the start; its text is in the record of the child that failed */
    size_t failed;
    trp_child_record *records; /* from pre_start to post_stop */
    /* Any sender's thread, from here on. n_seats is 0 until the rest may be read. */
    _Atomic(uint32_t) n_seats;
    char padding[TRP_CACHE_LINE];
    _Atomic(uint32_t) turn;
    char more_padding[TRP_CACHE_LINE];
    trp_seat seats[];
} trp_supervisor;

/* trp_supervisor_size - bytes of state for n children. */
size_t trp_supervisor_size(size_t n_children);

/* trp_supervisor_begin - the common half of pre_start. Errors: TROUPE_E_NO_MEMORY. */
TROUPE_MUST_CHECK troupe_status trp_supervisor_begin(trp_supervisor *self, const trp_plan *plan);

/* The other hooks and the handlers, the same for both. */
troupe_status trp_supervisor_post_start(void *self, troupe_context *ctx);
troupe_status trp_supervisor_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason);
void trp_supervisor_post_stop(void *self);
extern const troupe_actor_ops trp_supervisor_actor;

#endif
