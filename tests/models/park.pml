/* park.pml - three workers run dry, park and are woken, while a foreign thread injects tasks and one of them makes
 * others (src/exec). Everything here is under one lock, but for hints: a hint may be old, so whether a worker looks is
 * open until it parks.
 *
 * Promised: every task runs, at most one thief is under way, and when all sleep none is.
 *
 * break: PARK   a worker looks for injected tasks in one critical section and joins the sleepers in the next
 * break: THIEF  a thief that found nothing goes to sleep as a thief
 * break: HERD   whoever wants a thief wakes one, also beside another
 */
#define WORKERS 3
#define INJECTED 1
#define MADE 2 /* by the first task, into its own worker's queue */

bool locked = false; /* idle_lock */
byte injected, ran;
byte queue[WORKERS];
bool asleep[WORKERS], thief[WORKERS];
byte n_thieves;

#define N_THIEF (thief[0] + thief[1] + thief[2])

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

inline rouse_one_locked(as_thief)
{
    if
    :: asleep[0] -> asleep[0] = false; thief[0] = as_thief
    :: asleep[1] -> asleep[1] = false; thief[1] = as_thief
    :: asleep[2] -> asleep[2] = false; thief[2] = as_thief
    :: else
    fi
}

inline end_theft()
{
    if
    :: thief[me] -> thief[me] = false; n_thieves = 0
    :: else
    fi
}

inline wake_thief()
{
#ifdef BREAK_HERD
    mine = true;
    n_thieves = 1;
#else
    atomic { mine = n_thieves == 0; n_thieves = 1 };
#endif
    if
    :: mine ->
        lock();
        if
        :: asleep[0] || asleep[1] || asleep[2] -> rouse_one_locked(true)
        :: else -> n_thieves = 0
        fi;
        assert(N_THIEF <= 1);
        unlock()
    :: else
    fi
}

proctype foreign()
{
    byte n;

    do
    :: n < INJECTED -> lock(); injected++; rouse_one_locked(false); unlock(); n++
    :: else -> break
    od
}

inline park()
{
#ifndef BREAK_THIEF
    end_theft();
#endif
    lock();
    found = injected > 0;
    injected = injected - found;
#ifdef BREAK_PARK
    unlock();
    lock();
#endif
    asleep[me] = !found;
    unlock();
end:
    atomic { !asleep[me] && !locked } /* the condition gives the lock back first */
}

proctype worker(byte me)
{
    bool found, mine, first;
    byte made;

    do
    :: found ->
        end_theft();
        found = false;
        atomic { ran++; first = ran == 1 };
        if
        :: first ->
            do
            :: made < MADE -> queue[me]++; made++; wake_thief()
            :: else -> break
            od
        :: else
        fi
    :: !found && queue[me] > 0 -> atomic { found = queue[me] > 0; queue[me] = queue[me] - found }
    :: !found && queue[me] == 0 -> /* look around, or not: then park */
        if
        :: atomic { queue[(me + 1) % WORKERS] > 0 -> queue[(me + 1) % WORKERS]--; found = true }
        :: atomic { queue[(me + 2) % WORKERS] > 0 -> queue[(me + 2) % WORKERS]--; found = true }
        :: lock(); found = injected > 0; injected = injected - found; unlock()
        :: park()
        fi
    od
}

init
{
    atomic {
        run worker(0);
        run worker(1);
        run worker(2);
        run foreign()
    };
    timeout;
    assert(ran == INJECTED + MADE);
    assert(n_thieves == 0 && N_THIEF == 0);
}
