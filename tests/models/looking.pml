/* looking.pml - one looks at a component, by its id and without a lock, while the slot goes on to the next
 * (src/actor/account.c, src/actor/cell.h).
 *
 * Promised: what was read is all of this id.
 * A load may be carried out behind an exchange that is relaxed: so it is modelled.
 *
 * order: ID       src/actor/spawn.c    trp_store_release(&cell->id, id.value)
 * order: LOOK     src/actor/account.c  troupe_id id = {trp_load_acquire(&cell->id)}
 * order: LOOK     src/actor/slots.c    trp_load_acquire(&cell->id) != id.value
 * order: STAYS    src/actor/cell.h     return trp_add_acq_rel(&cell->id, 0) == id
 * break: ONE_LOOK the id is not looked at again
 */
#define THREADS 2
#define WORDS 3
#define STORES 7
#include "memory.pml"

#define ID 0
#define ONE 1 /* words of the component */
#define TWO 2

inline spawn(id)
{
    store(ONE, id, RELAXED);
    store(TWO, id, RELAXED);
    store(ID, id, O_ID)
}

proctype owner()
{
    byte me = 0, i, j, was;

    spawn(1);
    exchange(ID, 0, RELEASE, was);
    spawn(2);
    exchange(ID, 0, RELEASE, was);
    spawn(3)
}

proctype looker()
{
    byte me = 1, i, j, id, one, two, again;

    load(ID, O_LOOK, id);
    if
    :: id ->
        load(ONE, RELAXED, one);
        if
        :: O_STAYS != RELAXED -> load(TWO, RELAXED, two)
        :: else
        fi;
        exchange(ID, again, O_STAYS, again);
        if
        :: O_STAYS == RELAXED -> load(TWO, RELAXED, two)
        :: else
        fi;
#ifdef BREAK_ONE_LOOK
        again = id;
#endif
        assert(again != id || (one == id && two == id))
    :: else
    fi
}

init
{
    atomic {
        run owner();
        run looker()
    }
}
