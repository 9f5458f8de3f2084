/* refusing.pml - a parent lets a held child refuse what is sent to it, while the child's next life begins, or its slot goes
 * on to another (src/actor/system.c, src/actor/start.c, src/actor/spawn.c).
 *
 * Promised: whoever lives there in the end takes what is sent to it.
 *
 * order: REFUSE  src/actor/system.c  trp_cas_acq_rel(&child->closed, &closed, TRP_REFUSES)
 * order: OPEN    src/actor/cell.h    trp_and_acq_rel(&cell->closed, ~TRP_REFUSES)
 * order: NEW     src/actor/spawn.c   trp_store_release(&cell->closed, false)
 */
#define THREADS 2
#define WORDS 3
#define STORES 6
#include "memory.pml"

#define CLOSED 0
#define ID 1
#define IS_HELD 2

#define FOR_GOOD 1
#define REFUSES 2

proctype parent()
{
    byte me = 0, i, j, closed, held, id;

    compare_exchange(CLOSED, 0, REFUSES, O_REFUSE, closed);
    if
    :: closed == 0 ->
        load(IS_HELD, RELAXED, held);
        load(ID, RELAXED, id);
        if
        :: !held || id != 1 -> exchange(CLOSED, closed & ~REFUSES, O_OPEN, closed)
        :: else
        fi
    :: else
    fi
}

proctype child()
{
    byte me = 1, i, j, closed;

    if
    :: true ->
        store(IS_HELD, 0, RELAXED);
        exchange(CLOSED, closed & ~REFUSES, O_OPEN, closed)
    :: true ->
        store(CLOSED, FOR_GOOD, RELAXED);
        exchange(ID, 0, SEQ, closed);
        store(CLOSED, 0, O_NEW);
        store(IS_HELD, 0, RELAXED);
        store(ID, 2, RELEASE)
    fi
}

init
{
    atomic {
        stored[AT(ID, 0)] = 1;
        stored[AT(IS_HELD, 0)] = 1;
        run parent();
        run child()
    };
    timeout;
    assert(NEWEST(CLOSED) == 0)
}
