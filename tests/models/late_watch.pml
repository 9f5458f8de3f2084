/* late_watch.pml - two begin to watch a component while it is given up, and its handler never returns (src/actor/stuck.c,
 * invariant 4; the signals are src/actor/turn.c).
 *
 * Promised: both are answered, by who gives it up or by themselves. `stuck` needs no order of its own: the signals are one
 * word that all exchange, so a push that comes after they were taken sees what went before. Whoever takes signals while
 * the id is there sends them back, and that is such a push too.
 *
 * order: TAKE  src/actor/turn.c  trp_signal *newest = trp_exchange_acq_rel(&cell->signals, NULL)
 * break: PUSH  who pushes a signal acquires nothing
 * break: LATE  stuck is set when the signals were taken
 * break: ONCE  who sent signals back does not look again
 */
#define THREADS 3
#define WORDS 3
#define STORES 10
#include "memory.pml"

#define SIGNALS 0 /* how many */
#define STUCK 1
#define GONE 2 /* its id */

#ifdef BREAK_PUSH
#define O_PUSH RELAXED
#else
#define O_PUSH RELEASE
#endif

byte answered = 0;

inline push(n)
{
    exchange(SIGNALS, was + (n), O_PUSH, was)
}

proctype giver()
{
    byte me = 0, i, j, was;

#ifndef BREAK_LATE
    store(STUCK, 1, RELAXED);
#endif
    store(GONE, 1, RELAXED);
    exchange(SIGNALS, 0, O_TAKE, was);
    answered = answered + was;
#ifdef BREAK_LATE
    store(STUCK, 1, RELAXED);
#endif
    leave()
}

proctype watcher(byte me)
{
    byte i, j, was, n, gone;

    push(1);
    do
    :: load(STUCK, RELAXED, was);
        if
        :: !was -> break
        :: else
        fi;
        exchange(SIGNALS, 0, O_TAKE, n);
        load(GONE, RELAXED, gone);
        if
        :: n == 0 -> break
        :: n && gone -> answered = answered + n; break
        :: n && !gone ->
            push(n);
            load(GONE, RELAXED, gone);
#ifdef BREAK_ONCE
            break
#else
            if
            :: !gone -> break
            :: else
            fi
#endif
        fi
    od;
    leave()
}

init
{
    atomic {
        run giver();
        run watcher(1);
        run watcher(2)
    };
    timeout;
    assert(answered == 2);
}
