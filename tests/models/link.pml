/* link.pml - one links itself to a component, which lives twice and then makes room in its slot for another
 * (src/actor/link.c).
 *
 * Promised: who is joined is joined to a life of the id that it asked for, and that life's end finds the bond.
 *
 * order: OPEN  src/actor/link.c  trp_store_release(&cell->links_state, 0)
 * order: USE   src/actor/link.c  !trp_cas_acq_rel(&cell->links_state, &state, state | USED)
 * break: LOOKS_FIRST the id is looked at before the word is exchanged
 */
#define THREADS 2
#define WORDS 5
#define STORES 8
#include "memory.pml"

#define LINKS 0
#define ID 1
#define LIFE 2 /* incarnation */
#define LINKS_LOCK 3
#define BONDS 4 /* the list */

#define CLOSED 1
#define USED 2

byte bond = 0; /* to which life; 0: none */

inline begin_life(n)
{
    store(LIFE, n, RELAXED);
    store(LINKS, 0, O_OPEN)
}

inline end_life(n)
{
    exchange(LINKS, CLOSED, RELAXED, was);
    if
    :: was & USED ->
        lock(LINKS_LOCK);
        touch(BONDS);
        assert(bond == 0 || bond == n);
        bond = 0;
        unlock(LINKS_LOCK)
    :: else
    fi
}

proctype slot()
{
    byte me = 0, i, j, was;

    begin_life(1);
    end_life(1);
    begin_life(2);
    end_life(2);
    exchange(ID, 0, RELEASE, was);
    touch(BONDS); /* for the next one */
    store(LINKS, CLOSED, RELAXED);
    store(ID, 2, RELEASE);
    begin_life(3);
    end_life(3);
    leave()
}

inline use()
{
#ifdef BREAK_LOOKS_FIRST
    load(ID, RELAXED, id);
#endif
    load(LINKS, RELAXED, links);
    do
    :: links & CLOSED -> id = 0; break
    :: else ->
        compare_exchange(LINKS, links, links | USED, O_USE, seen);
        if
        :: seen == links ->
#ifndef BREAK_LOOKS_FIRST
            load(ID, RELAXED, id);
#endif
            break
        :: else -> links = seen
        fi
    od
}

proctype linker()
{
    byte me = 1, i, j, id, links, seen;

    load(ID, RELEASE, id);
    if
    :: id == 1 ->
        lock(LINKS_LOCK);
        use();
        if
        :: id == 1 ->
            touch(BONDS);
            load(LIFE, RELAXED, seen);
            assert(seen == 1 || seen == 2);
            bond = seen
        :: else
        fi;
        unlock(LINKS_LOCK)
    :: else
    fi;
    leave()
}

init
{
    atomic {
        stored[AT(LINKS, 0)] = CLOSED;
        stored[AT(ID, 0)] = 1;
        run slot();
        run linker()
    };
    timeout;
    assert(!bond);
}
