/* names_list.c - every name, or those with a prefix: a walk over the records, beside those who write them.
 *
 * Any thread; stops nobody, and waits for nobody. A component that has its name during all of the walk is met once: a
 * record stays where it is. One that came or left meanwhile is met or not, and a name that moved on to another
 * component may be met twice, once with each id.
 */
#include "cell.h"

#include <string.h>

/* False: nobody that can be found has it. */
static bool read_record(const trp_name *name, troupe_name_entry *entry)
{
    entry->id = (troupe_id){trp_load_acquire(&name->holder)}; /* pairs with fill in name_table.c */
    return entry->id.value && trp_load_acquire(&name->findable) &&
           trp_name_copy(name, entry->id.value, entry->name);
}

/* ---- the first n of them ---- */

/* The first `room` names in order, of those met so far; as a heap with the last on top once it is full. */
struct first_names {
    troupe_name_entry *entries;
    size_t room, n_kept, n_met;
};

static void swap(troupe_name_entry *a, troupe_name_entry *b)
{
    troupe_name_entry c = *a;

    *a = *b;
    *b = c;
}

static void sift_down(troupe_name_entry *entries, size_t n, size_t at)
{
    for (;;) {
        size_t last = at;

        for (size_t below = 2 * at + 1; below <= 2 * at + 2 && below < n; below++) {
            if (strcmp(entries[below].name, entries[last].name) > 0)
                last = below;
        }
        if (last == at)
            return;
        swap(&entries[at], &entries[last]);
        at = last;
    }
}

static void make_heap(troupe_name_entry *entries, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(entries, n, i);
}

static void sort(troupe_name_entry *entries, size_t n)
{
    make_heap(entries, n);
    while (n-- > 1) {
        swap(&entries[0], &entries[n]);
        sift_down(entries, n, 0);
    }
}

static void keep(struct first_names *first, const troupe_name_entry *entry)
{
    first->n_met++;
    if (first->n_kept < first->room) {
        first->entries[first->n_kept++] = *entry;
        if (first->n_kept == first->room)
            make_heap(first->entries, first->room);
    } else if (first->room && strcmp(entry->name, first->entries[0].name) < 0) {
        first->entries[0] = *entry;
        sift_down(first->entries, first->room, 0);
    }
}

/* ---- all there are ---- */

static void walk_chunk(const trp_name_shelf *shelf, const trp_name_chunk *chunk, const char *prefix,
                       struct first_names *first)
{
    troupe_name_entry entry;
    size_t size = strlen(prefix);

    for (size_t i = 0; i < TRP_NAMES_IN_CHUNK; i++) {
        const void *record = chunk->records + i * trp_name_stride(shelf);

        if (read_record(record, &entry) && strncmp(entry.name, prefix, size) == 0)
            keep(first, &entry);
    }
}

static void walk(troupe_system *system, const char *prefix, struct first_names *first)
{
    for (int i = 0; i < 2; i++) {
        const trp_name_shelf *shelf = &system->names.shelves[i];

        for (const trp_name_chunk *chunk = trp_load_acquire(&shelf->chunks); chunk;
             chunk = chunk->next) /* pairs with grow_shelf */
            walk_chunk(shelf, chunk, prefix ? prefix : "", first);
    }
}

size_t troupe_names_list(troupe_system *system, const char *prefix, troupe_name_entry *entries,
                         size_t n)
{
    struct first_names first = {.entries = entries, .room = entries ? n : 0};

    if (trp_is_forked(system))
        return 0;
    walk(system, prefix, &first);
    if (entries)
        sort(entries, first.n_kept);
    return first.n_met;
}

size_t troupe_names_count(troupe_system *system, const char *prefix)
{
    return troupe_names_list(system, prefix, NULL, 0);
}
