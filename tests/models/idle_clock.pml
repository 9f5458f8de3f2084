/* idle_clock.pml - the clock stops ticking when every worker sleeps, while one of them is woken (src/exec/clock.c).
 * One worker; a foreign thread wakes it.
 *
 * Promised: while the worker is awake the clock ticks, or will.
 *
 * order: SAY_IDLE   src/exec/clock.c  trp_store_seq(&clock->idle, true)
 * order: LOOK       src/exec/clock.c  trp_load_seq(&executor->n_awake) == 0
 */
#define THREADS 3
#define WORDS 2
#include "memory.pml"

#define N_AWAKE 0
#define IDLE 1

bool locked = false, clock_locked = false; /* idle_lock, clock.lock */
bool woken = false, sleeps = false;

inline lock(which) { atomic { !which -> which = true } }
inline unlock(which) { atomic { PUBLISHED -> which = false } }

proctype foreign()
{
    byte me = 0, seen;

    lock(locked);
    store(N_AWAKE, 1, SEQ);
    woken = true;
    unlock(locked)
}

/* trp_clock_rouse, then a turn that never ends. */
proctype worker()
{
    byte me = 1, idle;

    atomic { woken && !locked };
    load(IDLE, SEQ, idle);
    if
    :: idle ->
        lock(clock_locked);
        store(IDLE, 0, SEQ);
        unlock(clock_locked)
    :: else
    fi;
end:
    false
}

proctype clock()
{
    byte me = 2, seen;

    lock(clock_locked);
    store(IDLE, 1, O_SAY_IDLE);
    load(N_AWAKE, O_LOOK, seen);
    if
    :: seen == 0 ->
        do
        :: load(IDLE, SEQ, seen);
            if
            :: !seen -> break
            :: else
            fi;
            atomic { PUBLISHED -> clock_locked = false; sleeps = true };
            /* every change of idle comes with a signal */
end:
            atomic { !clock_locked && memory[IDLE] == 0 -> clock_locked = true; sleeps = false }
        od
    :: else -> store(IDLE, 0, SEQ)
    fi;
    unlock(clock_locked)
}

init
{
    atomic {
        run foreign();
        run worker();
        run clock()
    };
    timeout;
    assert(!sleeps);
}
