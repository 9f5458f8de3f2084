/* name_table.pml - a table of names that is built again, twice, while one looks for a name that stays
 * (src/actor/name_table.c). Two tables take turns.
 *
 * Promised: a name that is there is found, in whichever table the search began.
 *
 * order: CLEAR    src/actor/name_table.c  trp_store_release(&to->slots[i].name, NULL)
 * order: RAISE    src/actor/name_table.c  trp_store_release(&names->generation,
 * order: TURN     src/actor/name_table.c  trp_store_release(&names->table, next)
 * break: NO_GENERATION a search that found nothing is believed
 */
#define THREADS 2
#define WORDS 4
#include "memory.pml"

#define GENERATION 0
#define TABLE 1
#define SLOT(table) (2 + (table))

inline rebuild(generation, table)
{
    store(GENERATION, generation, O_RAISE);
    store(SLOT(table), 0, O_CLEAR);
    store(SLOT(table), 1, RELEASE);
    store(TABLE, table, O_TURN)
}

proctype writer()
{
    byte me = 0;

    rebuild(1, 1);
    rebuild(2, 0);
    rebuild(3, 1)
}

proctype reader()
{
    byte me = 1, before, after, table, found;

    load(GENERATION, RELEASE, after);
    do
    :: true ->
        load(TABLE, RELEASE, table);
        before = after;
        load(SLOT(table), RELEASE, found);
        load(GENERATION, RELEASE, after);
#ifdef BREAK_NO_GENERATION
        before = after;
#endif
        if
        :: found -> break
        :: !found ->
            assert(after != before)
        fi
    od
}

init
{
    d_step { memory[SLOT(0)] = 1 };
    atomic {
        run writer();
        run reader()
    }
}
