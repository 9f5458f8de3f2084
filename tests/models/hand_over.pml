/* hand_over.pml - a component whose handler may not come back is killed, given up by the clock's job, and comes back
 * (src/actor/stuck.c, src/actor/news.c). Its watchers, its parent's entry and its name belong to its owner while HOLD is
 * set, from TAKEN to TOLD to who gives it up, and then to its owner again.
 *
 * Promised: they are touched by one at a time, who sees what the one before did, and told once. The owner sees what went
 * before the kill that it takes, in its turn or in its handler; who gives it up sees whether it was to end for good.
 *
 * order: HOLD    src/actor/stuck.c  while (!trp_cas_acq_rel(&cell->asks, &asks, held))
 * order: LET_GO  src/actor/stuck.c  trp_and_acq_rel(&cell->asks, ~(uint64_t)TRP_ASK_HOLD)
 * order: TAKE    src/actor/stuck.c  !trp_cas_acq_rel(&cell->asks, &asks, asks | TRP_ASK_TAKEN)
 * order: TELL    src/actor/stuck.c  trp_store_release(&cell->asks, TRP_ASK_TAKEN | TRP_ASK_TOLD)
 * order: WAIT    src/actor/stuck.c  while (!(trp_load_acquire(&cell->asks) & TRP_ASK_TOLD))
 * order: HEAR    src/actor/news.c   trp_and_acq_rel(&cell->asks, ~(uint64_t)TRP_ASK_KILLS)
 * break: NO_HOLD  who gives it up does not look at HOLD
 * break: LATE     that it ends for good is said only when its owner has let go
 */
#define THREADS 3
#define WORDS 4
#define STORES 12
#include "memory.pml"

#define ASKS 0
#define CLOSED 1 /* for good */
#define DOOMED 2 /* stored before the kill is asked for */
#define WATCHERS 3

#define HERE 1 /* its generation */
#define KILL 2
#define HEARD 4
#define HOLD 8
#define TAKEN 16
#define TOLD 32

bool told = false;

inline close()
{
    store(CLOSED, 1, RELAXED)
}

inline let_go()
{
    exchange(ASKS, asks & ~HOLD, O_LET_GO, asks)
}

inline sees_why()
{
    load(DOOMED, RELAXED, seen);
    assert(seen)
}

inline wait_until_told()
{
    do
    :: load(ASKS, O_WAIT, seen);
        if
        :: seen & TOLD -> break
        :: else
        fi
    od;
    store(ASKS, HOLD, RELAXED);
    taken = true
}

inline hold()
{
    exchange(ASKS, (asks & (HERE | TAKEN | TOLD)) | HOLD, O_HOLD, asks);
    if
    :: asks & KILL -> sees_why()
    :: else
    fi;
    if
    :: asks & TAKEN -> wait_until_told()
    :: else
    fi
}

/* troupe_killed */
inline ask_whether_killed()
{
    load(ASKS, RELAXED, asks);
    if
    :: (asks & KILL) && !(asks & TAKEN) ->
        exchange(ASKS, asks | HEARD, RELAXED, asks);
        exchange(ASKS, asks & ~KILL, O_HEAR, asks);
        sees_why()
    :: else
    fi
}

proctype owner()
{
    byte me = 0, i, j, asks, seen;
    bool taken = false;

    touch(WATCHERS);
#ifndef BREAK_LATE
    close();
#endif
    let_go();
#ifdef BREAK_LATE
    close();
#endif
    ask_whether_killed();
    hold();
    touch(WATCHERS);
    let_go();
    if
    :: !taken -> hold()
    :: else
    fi;
    touch(WATCHERS);
    if
    :: !taken -> assert(!told); told = true
    :: else
    fi;
    leave()
}

proctype killer()
{
    byte me = 1, i, j, asks, seen;

    store(DOOMED, 1, RELAXED);
    load(ASKS, RELAXED, asks);
    do
    :: !(asks & HERE) -> break
    :: else ->
        compare_exchange(ASKS, asks, asks | KILL, RELEASE, seen);
        if
        :: seen == asks -> break
        :: else -> asks = seen
        fi
    od;
    leave()
}

#ifdef BREAK_NO_HOLD
#define IS_HELD false
#else
#define IS_HELD (asks & HOLD)
#endif
#define MAY_TAKE ((asks & (KILL | HEARD)) && (asks & HERE) && !(asks & TAKEN) && !IS_HELD)

proctype giver()
{
    byte me = 2, i, j, asks, seen;

    load(ASKS, RELAXED, asks);
    do
    :: !MAY_TAKE -> break
    :: MAY_TAKE ->
        compare_exchange(ASKS, asks, asks | TAKEN, O_TAKE, seen);
        if
        :: seen == asks ->
            assert(!told);
            told = true;
            touch(WATCHERS);
            load(CLOSED, RELAXED, seen);
            assert(seen);
            store(ASKS, TAKEN | TOLD, O_TELL);
            break
        :: else -> asks = seen
        fi
    od;
    leave()
}

init
{
    atomic {
        stored[AT(ASKS, 0)] = HERE | HOLD;
        run owner();
        run killer();
        run giver()
    };
    timeout;
    assert(told);
}
