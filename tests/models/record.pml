/* record.pml - the record of a name (src/actor/name_table.c), given to X, to Y, and to X again, while one looks for X,
 * asks for the name of an id, and lists them all.
 *
 * Promised: who finds an id finds one that X has or had, whose start has succeeded, and sees what the start did. The name
 * of an id is the one that it was given. A cell names its record when that is made, until then its memory is anything.
 *
 * order: WORD     src/actor/name_table.c  trp_store_release(&name->words[i],
 * order: SHELVE   src/actor/name_table.c  trp_store_release(&name->words[0],
 * order: HOLDER   src/actor/name_table.c  trp_store_release(&name->holder, id)
 * order: PUBLISH  src/actor/names.c       trp_store_release(&name->findable, 1)
 * order: NAMED    src/actor/names.c       trp_store_release(&cell->name, name)
 * order: NAME_OF  src/actor/names.c       cell ? trp_load_acquire(&cell->name) : NULL
 * order: COMPARE  src/actor/name_table.c  trp_load_acquire(&name->words[i]) != key->words[i]
 * order: MARK     src/actor/name_table.c  !trp_load_acquire(&name->findable)
 * order: COPY     src/actor/name_table.c  words[i] = trp_load_acquire(&name->words[i]);
 * order: OF_ID    src/actor/name_table.c  if (trp_load_acquire(&name->holder) != id)
 * order: LOOK     src/actor/name_table.c  uint64_t holder = trp_load_acquire(&name->holder);
 * order: LISTED   src/actor/names_list.c  entry->id = (troupe_id){trp_load_acquire(&name->holder)};
 * order: LIST_MARK src/actor/names_list.c  return entry->id.value && trp_load_acquire(&name->findable) &&
 * break: ONE_LOOK the id from before the words were compared is given, without a second look
 * break: FINDABLE_STAYS the mark of the last one's start is left in the record
 */
#define THREADS 2
#define WORDS 5
#define STORES 7
#include "memory.pml"

#define HOLDER 0
#define WORD 1
#define FINDABLE 2
#define STATE 3 /* what the start of the last one did */
#define NAMED 4 /* by the first one's cell */

#define X 1
#define Y 2
#define NEXT_FREE 3 /* a free record's first word */
#define NAME_OF(id) ((id) == 2 -> Y : X)

inline live(id)
{
    store(WORD, NAME_OF(id), O_WORD);
#ifndef BREAK_FINDABLE_STAYS
    store(FINDABLE, 0, RELAXED);
#endif
    store(HOLDER, id, O_HOLDER);
    store(STATE, id, RELAXED);
    store(FINDABLE, 1, O_PUBLISH)
}

inline free_record()
{
    store(HOLDER, 0, RELAXED);
    store(WORD, NEXT_FREE, O_SHELVE)
}

proctype writer()
{
    byte me = 0, i, j;

    store(HOLDER, 0, RELAXED);
    live(1);
    store(NAMED, 1, O_NAMED);
    free_record();
    live(2);
    free_record();
    live(3)
}

inline look_up()
{
    load(HOLDER, O_LOOK, holder);
    load(WORD, O_COMPARE, word);
    load(FINDABLE, O_MARK, findable);
    load(HOLDER, RELAXED, again);
    load(STATE, RELAXED, state);
#ifdef BREAK_ONE_LOOK
    again = holder;
#endif
    assert(!(holder && word == X && findable && again == holder) || (holder != 2 && state >= holder))
}

inline copy_name()
{
    load(HOLDER, O_OF_ID, holder);
    load(WORD, O_COPY, word);
    load(HOLDER, RELAXED, again);
    assert(!(holder && again == holder) || word == NAME_OF(holder))
}

inline list()
{
    load(HOLDER, O_LISTED, holder);
    load(FINDABLE, O_LIST_MARK, findable);
    load(HOLDER, O_OF_ID, again);
    load(WORD, O_COPY, word);
    load(STATE, RELAXED, state);
    assert(!(holder && findable && again == holder) || state >= holder)
}

proctype reader()
{
    byte me = 1, i, j, holder, again, word, findable, state;

end_unnamed:
    do
    :: load(NAMED, O_NAME_OF, holder);
        if
        :: holder -> break
        :: else
        fi
    od;
end:
    do
    :: true ->
        if
        :: look_up()
        :: copy_name()
        :: list()
        fi;
        d_step {
            holder = 0;
            word = 0;
            findable = 0;
            again = 0;
            state = 0
        }
    od
}

init
{
    atomic {
        stored[AT(HOLDER, 0)] = 1;
        stored[AT(WORD, 0)] = Y;
        run writer();
        run reader()
    }
}
