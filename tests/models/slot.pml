/* slot.pml - a slot goes from one component to the next, both of them addresses, while one sends to the first, or asks
 * whose child is here (src/actor/spawn.c, send.c, system.c, stuck.c).
 *
 * Promised: a message does not go where the next one's route says. Who finds an id knows its parent: the children of one
 * that is given up are stopped, and nobody else's; a supervisor orders its own about, and no other.
 *
 * order: ROUTE   src/actor/spawn.c  trp_store_release(&cell->route, route)
 * order: COME    src/actor/spawn.c  trp_store_release(&cell->id, id.value)
 * order: FOLLOW  src/actor/send.c   route = trp_load_acquire(&target->route);
 * order: FIND    src/actor/slots.c  !id.value || trp_load_acquire(&cell->id) != id.value
 * order: EACH    src/actor/stuck.c  troupe_id id = {trp_load_acquire(&cell->id)}
 * break: ONE_LOOK  the id is not looked at again behind the route
 */
#define THREADS 2
#define WORDS 3
#define STORES 4
#include "memory.pml"

#define ID 0
#define ROUTE 1 /* whose; 0: none */
#define PARENT 2 /* of whom it is the child */

#define FIRST 1
#define NEXT 2

proctype slot()
{
    byte me = 0, i, j, was;

    exchange(ID, 0, RELEASE, was);
    store(ROUTE, 0, RELAXED);
    store(PARENT, NEXT, RELAXED);
    store(ROUTE, NEXT, O_ROUTE);
    store(ID, NEXT, O_COME);
    leave()
}

inline send_to_first()
{
    load(ID, O_FIND, id);
    load(ROUTE, O_FOLLOW, route);
#ifndef BREAK_ONE_LOOK
    if
    :: id == FIRST -> load(ID, RELAXED, id)
    :: else
    fi;
#endif
    assert(id != FIRST || route != NEXT)
}

/* troupe_restart, troupe_release, troupe_refuse */
inline find_and_order()
{
    load(ID, O_FIND, id);
    load(PARENT, RELAXED, parent);
    assert(id != NEXT || parent == NEXT)
}

inline stop_children()
{
    load(ID, O_EACH, id);
    load(PARENT, RELAXED, parent);
    assert(id != NEXT || parent == NEXT)
}

proctype onlooker()
{
    byte me = 1, i, j, id, route, parent;

    if
    :: send_to_first()
    :: find_and_order()
    :: stop_children()
    fi;
    leave()
}

init
{
    atomic {
        stored[AT(ID, 0)] = FIRST;
        stored[AT(ROUTE, 0)] = FIRST;
        stored[AT(PARENT, 0)] = FIRST;
        run slot();
        run onlooker()
    };
}
