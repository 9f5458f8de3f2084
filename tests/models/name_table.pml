/* name_table.pml - a table of names that is built again, three times, while one looks for a name that stays
 * (src/actor/name_table.c). Two tables take turns; X and Y change places in them, and Y goes.
 *
 * Promised: a name that is there is found, in whichever table the search began.
 *
 * order: CLEAR    src/actor/name_table.c  trp_store_release(&to->slots[i].name, NULL)
 * order: REMOVE   src/actor/name_table.c  trp_store_release(&slot->name, &removed)
 * order: TRIM     src/actor/name_table.c  trp_store_release(&table->slots[at].name, NULL)
 * order: RAISE    src/actor/name_table.c  trp_store_release(&names->generation,
 * order: TURN     src/actor/name_table.c  trp_store_release(&names->table, next)
 * order: HASH     src/actor/name_table.c  trp_store_release(&slot->hash, hash)
 * order: PUT      src/actor/name_table.c  trp_store_release(&slot->name, name)
 * order: SLOT     src/actor/name_table.c  trp_name *candidate = trp_load_acquire(&slot->name);
 * order: HINT     src/actor/name_table.c  trp_load_acquire(&slot->hash) != key->hash
 * order: TABLE    src/actor/name_table.c  trp_name_table *in_use = trp_load_acquire(&names->table);
 * order: FIRST    src/actor/name_table.c  uint64_t id, before, after = trp_load_acquire(&names->generation);
 * order: AGAIN    src/actor/name_table.c  after = trp_load_acquire(&names->generation); } while
 * break: NO_GENERATION a search that found nothing is believed
 */
#define THREADS 2
#define WORDS 10
#define STORES 7
#include "memory.pml"

#define GENERATION 0
#define TABLE 1
#define NAME(table, at) (2 + 4 * (table) + (at))
#define HASH(table, at) (4 + 4 * (table) + (at))

#define X 1
#define Y 2
#define REMOVED 3

inline put(table, at, name)
{
    store(HASH(table, at), name, O_HASH);
    store(NAME(table, at), name, O_PUT)
}

inline rebuild(generation, table, at)
{
    store(GENERATION, generation, O_RAISE);
    store(NAME(table, 0), 0, O_CLEAR);
    store(NAME(table, 1), 0, O_CLEAR);
    put(table, at, X);
    put(table, 1 - at, Y);
    store(TABLE, table, O_TURN)
}

proctype writer()
{
    byte me = 0, i, j;

    rebuild(1, 1, 1);
    rebuild(2, 0, 1);
    rebuild(3, 1, 0);
    store(NAME(1, 1), REMOVED, O_REMOVE);
    store(NAME(1, 1), 0, O_TRIM)
}

inline search(table)
{
    at = 0;
    found = false;
    do
    :: at == 2 || found -> break
    :: else ->
        load(NAME(table, at), O_SLOT, name);
        if
        :: name == 0 -> at = 2
        :: else ->
            load(HASH(table, at), O_HINT, hash);
            found = name == X && hash == X;
            at++
        fi
    od
}

proctype reader()
{
    byte me = 1, i, j, before, after, table, at, name, hash;
    bool found;

    load(GENERATION, O_FIRST, after);
end:
    do
    :: true ->
        load(TABLE, O_TABLE, table);
        before = after;
        search(table);
        load(GENERATION, O_AGAIN, after);
#ifdef BREAK_NO_GENERATION
        before = after;
#endif
        assert(found || after != before);
        d_step {
            at = 0;
            name = 0;
            hash = 0;
            found = false
        }
    od
}

init
{
    d_step {
        stored[AT(NAME(0, 0), 0)] = X;
        stored[AT(HASH(0, 0), 0)] = X;
        stored[AT(NAME(0, 1), 0)] = Y;
        stored[AT(HASH(0, 1), 0)] = Y
    };
    atomic {
        run writer();
        run reader()
    }
}
