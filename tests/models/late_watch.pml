/* late_watch.pml - two begin to watch a component while it is given up, and its handler never returns (src/actor/stuck.c,
 * invariant 4; the signals are src/actor/turn.c).
 *
 * Promised: both are answered, by who gives it up or by themselves. `stuck` needs no order of its own: the signals are one
 * word that all exchange, so a push that comes after they were taken sees what went before.
 *
 * break: PUSH  who pushes a signal acquires nothing
 * break: TAKE  who takes the signals releases nothing
 * break: LATE  stuck is set when the signals were taken
 */
#define THREADS 3
#define WORDS 2
#define STORES 6
#include "views.pml"

#define SIGNALS 0 /* how many */
#define STUCK 1

#ifdef BREAK_PUSH
#define O_PUSH RELAXED
#else
#define O_PUSH RELEASE
#endif
#ifdef BREAK_TAKE
#define O_TAKE RELAXED
#else
#define O_TAKE RELEASE
#endif

byte answered = 0;

inline answer()
{
    exchange(SIGNALS, 0, O_TAKE, was);
    answered = answered + was
}

proctype giver()
{
    byte me = 0, i, j, was;

#ifdef BREAK_LATE
    answer();
    store(STUCK, 1, RELAXED);
#else
    store(STUCK, 1, RELAXED);
    answer();
#endif
    leave()
}

proctype watcher(byte me)
{
    byte i, j, was;

    exchange(SIGNALS, was + 1, O_PUSH, was);
    load(STUCK, RELAXED, was);
    if
    :: was -> answer()
    :: else
    fi;
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
