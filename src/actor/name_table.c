/* name_table.c - an open table whose readers take no lock and write nothing, and the records it leads to.
 *
 * Who:         any thread finds; writers one at a time, under names_lock.
 * Progress:    a reader never waits. It starts again only when the table was rebuilt meanwhile, which happens once in
 *              at least n / 4 changes.
 *
 *     slot: NULL ----> a record ----> removed ----> another record, or NULL when the slot behind it is NULL
 *
 * Invariants
 * 1. While a name is held, its record, and the slot that leads to it, change in `findable` alone, and no slot between
 *    its home and it becomes NULL. If broken: a name that is there is not found.
 * 2. A record's holder is 0 while its words change, and no id holds twice. So a reader that saw the same holder before
 *    and after it compared the words compared those of that holder. If broken: an id under another's name.
 * 3. A table that is not in use is changed only after `generation` was raised. If broken: a reader that still searches
 *    it takes a half-filled table's word that a name is not there.
 * 4. Chunks and tables are freed with the system only. If broken: a reader looks at freed memory.
 *
 * The loads on a search are acquire, and the stores that change slots and words are release, also those of a constant:
 * whoever sees a later value sees the raised generation, or the holder taken away, in the load that checks it. No fence is needed; see the models
 * record and name_table in tests/models.
 */
#include "names.h"

#include "troupe/base.h"

#include <string.h>

#define FIRST_SLOTS 64u

static trp_name removed; /* nobody holds it: what was here is gone, a search goes on */

bool trp_name_key_make(const trp_names *names, const char *name, trp_name_key *ret_key)
{
    size_t size = strnlen(name, TROUPE_NAME_MAX + 1);

    if (size > TROUPE_NAME_MAX)
        return false;
    ret_key->n_words = (uint32_t)(size / sizeof(uint64_t)) + 1; /* with its zero */
    ret_key->words[ret_key->n_words - 1] = 0;
    memcpy(ret_key->words, name, size);
    ret_key->hash = trp_hash(&names->key, ret_key->words, ret_key->n_words * sizeof(uint64_t));
    return true;
}

/* ---- records ---- */

static bool has_words(const trp_name *name, const trp_name_key *key)
{
    if (name->room < key->n_words)
        return false;
    for (uint32_t i = 0; i < key->n_words; i++) {
        if (trp_load_acquire(&name->words[i]) != key->words[i]) /* pairs with fill */
            return false;
    }
    return true;
}

/* 0: it is another name's, or cannot be found. */
static uint64_t look_at(const trp_name *name, const trp_name_key *key)
{
    uint64_t holder = trp_load_acquire(&name->holder); /* pairs with fill */

    if (!holder || !has_words(name, key) ||
        !trp_load_acquire(&name->findable)) /* pairs with trp_name_publish */
        return 0;
    return trp_load_relaxed(&name->holder) == holder ? holder : 0; /* after the acquires above */
}

bool trp_name_copy(const trp_name *name, uint64_t id, char *buffer)
{
    uint64_t words[TRP_NAME_WORDS];

    if (trp_load_acquire(&name->holder) != id) /* pairs with fill */
        return false;
    for (uint32_t i = 0; i < name->room; i++)
        words[i] = trp_load_acquire(&name->words[i]); /* pairs with fill */
    memcpy(buffer, words, name->room * sizeof *words);
    return trp_load_relaxed(&name->holder) == id; /* after the acquires above */
}

static void fill(trp_name *name, const trp_name_key *key, uint64_t id)
{
    for (uint32_t i = 0; i < name->room; i++)
        trp_store_release(&name->words[i], i < key->n_words ? key->words[i] : 0);
    trp_store_relaxed(&name->findable, 0); /* published by the next */
    trp_store_release(&name->holder, id);  /* these pair with look_at, trp_name_copy */
}

static void shelve(trp_name_shelf *shelf, trp_name *name)
{
    trp_store_release(&name->words[0],
                      (uintptr_t)shelf->free_first); /* as a name: nobody holds it */
    shelf->free_first = name;
}

static bool grow_shelf(trp_name_shelf *shelf)
{
    size_t stride = trp_name_stride(shelf);
    size_t size = sizeof(trp_name_chunk) + TRP_NAMES_IN_CHUNK * stride;
    trp_name_chunk *chunk = trp_alloc_aligned(TRP_CACHE_LINE, size);

    if (!chunk)
        return false;
    memset(chunk, 0, size);
    chunk->next = trp_load_relaxed(&shelf->chunks); /* written under this lock */
    for (uint32_t i = TRP_NAMES_IN_CHUNK; i-- > 0;) {
        trp_name *name = (trp_name *)(void *)(chunk->records + i * stride);

        name->room = shelf->room;
        shelve(shelf, name);
    }
    trp_store_release(&shelf->chunks, chunk); /* pairs with walk in names_list.c */
    return true;
}

static trp_name *take_record(trp_names *names, uint32_t n_words)
{
    trp_name_shelf *shelf = &names->shelves[n_words > TRP_NAME_SHORT];
    trp_name *name;

    if (!shelf->free_first && !grow_shelf(shelf))
        return NULL;
    name = shelf->free_first;
    shelf->free_first =
        (trp_name *)(uintptr_t)trp_load_relaxed(&name->words[0]); /* under the lock */
    return name;
}

static void give_record(trp_names *names, trp_name *name)
{
    shelve(&names->shelves[name->room > TRP_NAME_SHORT], name);
}

/* ---- the table ---- */

static uint64_t search(const trp_name_table *table, const trp_name_key *key)
{
    for (size_t i = 0; i < table->n; i++) {
        const trp_name_slot *slot = &table->slots[(key->hash + i) & (table->n - 1)];
        trp_name *candidate = trp_load_acquire(&slot->name); /* pairs with put */
        uint64_t id;

        if (!candidate)
            return 0;
        if (trp_load_acquire(&slot->hash) != key->hash) /* pairs with put; the record decides */
            continue;
        id = look_at(candidate, key);
        if (id)
            return id;
    }
    return 0;
}

uint64_t trp_names_find(trp_names *names, const trp_name_key *key)
{
    uint64_t id, before, after = trp_load_acquire(&names->generation); /* pairs with rebuild */

    do {
        trp_name_table *in_use = trp_load_acquire(&names->table); /* pairs with rebuild */

        before = after;
        id = in_use ? search(in_use, key) : 0;
        after = trp_load_acquire(&names->generation);
    } while (!id && after != before);
    return id;
}

/* The slot of a name that is held, or the first free one where it would go; *ret_found says which. */
static trp_name_slot *place_locked(trp_name_table *table, const trp_name_key *key, bool *ret_found)
{
    trp_name_slot *free_slot = NULL;

    *ret_found = false;
    for (size_t i = 0; i < table->n; i++) {
        trp_name_slot *slot = &table->slots[(key->hash + i) & (table->n - 1)];
        trp_name *name = trp_load_relaxed(&slot->name); /* all under the lock */

        if ((!name || name == &removed) && !free_slot)
            free_slot = slot;
        if (!name)
            break;
        if (trp_load_relaxed(&slot->hash) == key->hash && name != &removed &&
            has_words(name, key)) {
            *ret_found = true;
            return slot;
        }
    }
    return free_slot;
}

static void put(trp_name_slot *slot, uint64_t hash, trp_name *name)
{
    trp_store_release(&slot->hash, hash);
    trp_store_release(&slot->name, name); /* both pair with search */
}

static trp_name_table *new_table_locked(trp_names *names, size_t n)
{
    trp_name_table *table = trp_alloc_zeroed(sizeof *table + n * sizeof table->slots[0]);

    if (!table)
        return NULL;
    table->n = n;
    table->next = names->tables;
    names->tables = table;
    return table;
}

static void refill(trp_name_table *to, const trp_name_table *from)
{
    for (size_t i = 0; i < to->n; i++)
        trp_store_release(&to->slots[i].name, NULL); /* pairs with search */
    for (size_t i = 0; from && i < from->n; i++) {
        trp_name *name = trp_load_relaxed(&from->slots[i].name); /* under the lock, both */
        uint64_t hash = trp_load_relaxed(&from->slots[i].hash);
        size_t at = hash & (to->n - 1);

        if (!name || name == &removed)
            continue;
        while (trp_load_relaxed(&to->slots[at].name)) /* under the lock */
            at = (at + 1) & (to->n - 1);
        put(&to->slots[at], hash, name);
    }
}

/* Twice as large when half of it is names; else only what was removed goes. */
static bool rebuild_locked(trp_names *names)
{
    trp_name_table *old = trp_load_relaxed(&names->table); /* written under this lock */
    bool grow = !old || 2 * (names->n_live + 1) > old->n;
    trp_name_table *next = grow ? NULL : names->spare;

    if (!next)
        next = new_table_locked(names, !old ? FIRST_SLOTS : grow ? 2 * old->n : old->n);
    if (!next)
        return false;
    trp_store_release(&names->generation, trp_load_relaxed(&names->generation) + 1);
    refill(next, old);
    trp_store_release(&names->table, next); /* both pair with trp_names_find */
    names->spare = grow ? NULL : old;
    names->n_used = names->n_live;
    return true;
}

trp_name *trp_names_holding_locked(trp_names *names, const trp_name_key *key)
{
    trp_name_table *table = trp_load_relaxed(&names->table); /* written under this lock */
    bool found = false;
    trp_name_slot *slot = table ? place_locked(table, key, &found) : NULL;

    return found ? trp_load_relaxed(&slot->name) : NULL;
}

trp_name *trp_names_add_locked(trp_names *names, const trp_name_key *key, uint64_t id)
{
    trp_name_table *table = trp_load_relaxed(&names->table); /* written under this lock */
    trp_name *name = take_record(names, key->n_words);
    trp_name_slot *slot;
    bool found;

    if (!name)
        return NULL;
    if ((!table || 4 * (names->n_used + 1) > 3 * table->n || 2 * (names->n_live + 1) > table->n) &&
        !rebuild_locked(names)) {
        give_record(names, name);
        return NULL;
    }
    slot = place_locked(trp_load_relaxed(&names->table), key, &found);
    TROUPE_ASSERT(slot && !found);
    names->n_live++;
    names->n_used += !trp_load_relaxed(&slot->name);
    fill(name, key, id);
    put(slot, key->hash, name);
    return name;
}

/* A search that comes to the end of a run of slots needs no `removed` before it. */
static void trim(trp_names *names, trp_name_table *table, size_t at)
{
    if (trp_load_relaxed(&table->slots[(at + 1) & (table->n - 1)].name)) /* under the lock, all */
        return;
    while (trp_load_relaxed(&table->slots[at].name) == &removed) {
        trp_store_release(&table->slots[at].name, NULL); /* as in refill: a search ends here */
        names->n_used--;
        at = (at - 1) & (table->n - 1);
    }
}

void trp_names_remove_locked(trp_names *names, trp_name *name)
{
    trp_name_table *table = trp_load_relaxed(&names->table); /* written under this lock */
    trp_name_key key;
    trp_name_slot *slot;
    bool found;

    TROUPE_ASSERT(trp_name_key_make(names, (const char *)name->words, &key));
    slot = place_locked(table, &key, &found);
    TROUPE_ASSERT(found);
    trp_store_relaxed(&name->holder, 0); /* the moment at which it is free; shelve publishes it */
    trp_store_release(&slot->name, &removed); /* as in refill: a search passes over it */
    names->n_live--;
    trim(names, table, (size_t)(slot - table->slots));
    give_record(names, name);
}

/* ---- all of it ---- */

void trp_names_init(trp_names *names, trp_hash_key key)
{
    names->key = key;
    names->shelves[0].room = TRP_NAME_SHORT;
    names->shelves[1].room = TRP_NAME_WORDS;
}

void trp_names_fini(trp_names *names)
{
    TROUPE_ASSERT(names->n_live == 0);
    while (names->tables) {
        trp_name_table *table = names->tables;

        names->tables = table->next;
        trp_free(table);
    }
    for (int i = 0; i < 2; i++) {
        trp_name_chunk *chunk = trp_load_relaxed(&names->shelves[i].chunks); /* nobody is left */

        while (chunk) {
            trp_name_chunk *next = chunk->next;

            trp_free(chunk);
            chunk = next;
        }
    }
}
