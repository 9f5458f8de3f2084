/* names.pml - the record of a name (src/actor/name_table.c): given to X, to Y, and to X again, while one looks for X.
 *
 * Promised: who finds an id finds one that X has or had, whose start has succeeded, and sees what the start did.
 *
 * order: WORD     src/actor/name_table.c  trp_store_release(&name->words[i],
 * order: HOLDER   src/actor/name_table.c  trp_store_release(&name->holder, id)
 * order: PUBLISH  src/actor/names.c       trp_store_release(&name->findable, 1)
 * break: ONE_LOOK the id from before the words were compared is given, without a second look
 * break: FINDABLE_STAYS the mark of the last one's start is left in the record
 */
#define THREADS 2
#define WORDS 4
#include "memory.pml"

#define HOLDER 0
#define WORD 1
#define FINDABLE 2
#define STATE 3 /* what the start of the last one did */

#define X 1
#define Y 2

/* An id is 1, 2, 3: the second one is Y's. */
inline reserve(id, what)
{
    store(WORD, what, O_WORD);
#ifndef BREAK_FINDABLE_STAYS
    store(FINDABLE, 0, RELAXED);
#endif
    store(HOLDER, id, O_HOLDER)
}

bool started[4];

inline start(id)
{
    store(STATE, id, RELAXED);
    started[id] = true;
    store(FINDABLE, 1, O_PUBLISH)
}

proctype writer()
{
    byte me = 0;

    reserve(1, X);
    start(1);
    store(HOLDER, 0, RELAXED);
    reserve(2, Y);
    start(2);
    store(HOLDER, 0, RELAXED);
    reserve(3, X);
    start(3);
    store(HOLDER, 0, RELAXED)
}

proctype reader()
{
    byte me = 1, holder, again, word, findable, state;

    load(HOLDER, RELEASE, holder);
    load(WORD, RELEASE, word);
    load(FINDABLE, RELEASE, findable);
#ifdef BREAK_ONE_LOOK
    again = holder;
#else
    load(HOLDER, RELAXED, again);
#endif
    if
    :: holder && word == X && findable && again == holder ->
        assert(holder != 2);
        assert(started[holder]);
        load(STATE, RELAXED, state);
        assert(state >= holder)
    :: else
    fi
}

init
{
    atomic {
        run writer();
        run reader()
    }
}
