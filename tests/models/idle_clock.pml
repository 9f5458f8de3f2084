/* idle_clock.pml - the clock stops ticking when every worker sleeps, while one of them is woken (src/exec/clock.c,
 * src/exec/park.c). One worker; a foreign thread wakes it.
 *
 * Promised: while the worker is awake the clock ticks, or will.
 *
 * order: AWAKE      src/exec/park.c   trp_store_seq(&executor->n_awake, trp_load_relaxed(&executor->n_awake) + 1)
 * order: ROUSE      src/exec/clock.c  if (!trp_load_seq(&clock->idle))
 * order: SAY_IDLE   src/exec/clock.c  trp_store_seq(&clock->idle, true)
 * order: LOOK       src/exec/clock.c  trp_load_seq(&executor->n_awake) == 0
 */
#define THREADS 3
#define WORDS 4
#define STORES 5
#include "memory.pml"

#define N_AWAKE 0
#define IDLE 1
#define IDLE_LOCK 2
#define CLOCK_LOCK 3

bool woken = false, sleeps = false, is_signalled = false;

proctype foreign()
{
    byte me = 0, i, j;

    lock(IDLE_LOCK);
    store(N_AWAKE, 1, O_AWAKE);
    woken = true;
    unlock(IDLE_LOCK)
}

/* trp_clock_rouse, then a turn that never ends. */
proctype worker()
{
    byte me = 1, i, j, idle;

    woken;
    lock(IDLE_LOCK);
    unlock(IDLE_LOCK);
    load(IDLE, O_ROUSE, idle);
    if
    :: idle ->
        lock(CLOCK_LOCK);
        store(IDLE, 0, RELAXED);
        is_signalled = true;
        unlock(CLOCK_LOCK)
    :: else
    fi
}

proctype clock()
{
    byte me = 2, i, j, seen;

    lock(CLOCK_LOCK);
    store(IDLE, 1, O_SAY_IDLE);
    load(N_AWAKE, O_LOOK, seen);
    if
    :: seen == 0 ->
        sleeps = true;
        is_signalled = false;
        unlock(CLOCK_LOCK);
end:
        is_signalled;
        lock(CLOCK_LOCK);
        sleeps = false
    :: else -> store(IDLE, 0, RELAXED)
    fi;
    unlock(CLOCK_LOCK)
}

init
{
    atomic {
        run foreign();
        run worker();
        run clock()
    };
    timeout;
    assert(!sleeps)
}
