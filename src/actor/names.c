/* names.c - names to ids, one table under one lock; readers copy the id out.
 *
 * A name is reserved while its component starts, findable from the end of pre_start, and free before the death
 * notices go out. Later: a table whose readers do not lock (docs/design/names.md).
 */
#include "cell.h"

#include <string.h>

struct trp_name_entry {
    trp_name_entry *next;
    uint64_t hash;
    troupe_id id;
    bool findable;
    char name[];
};

/* FNV-1a, 64 bits (Fowler, Noll, Vo). Names come from the manifest and the program, not from strangers. */
static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    return hash;
}

static trp_name_entry **find_locked(troupe_system *system, const char *name, uint64_t hash)
{
    trp_name_entry **at;

    for (at = &system->names[hash & (system->n_buckets - 1)]; *at; at = &(*at)->next) {
        if ((*at)->hash == hash && strcmp((*at)->name, name) == 0)
            break;
    }
    return at;
}

static bool grow_locked(troupe_system *system)
{
    size_t n = system->n_buckets ? 2 * system->n_buckets : 64;
    trp_name_entry **buckets = trp_alloc_zeroed(n * sizeof(trp_name_entry *));

    if (!buckets)
        return false;
    for (size_t i = 0; i < system->n_buckets; i++) {
        while (system->names[i]) {
            trp_name_entry *entry = system->names[i];

            system->names[i] = entry->next;
            entry->next = buckets[entry->hash & (n - 1)];
            buckets[entry->hash & (n - 1)] = entry;
        }
    }
    trp_free(system->names);
    system->names = buckets;
    system->n_buckets = n;
    return true;
}

static troupe_status reserve_locked(trp_cell *cell, const char *name, troupe_id id)
{
    troupe_system *system = cell->system;
    uint64_t hash = hash_of(name);
    size_t size = strlen(name) + 1;
    trp_name_entry **at, *entry;

    if (system->n_names >= system->n_buckets && !grow_locked(system))
        return TROUPE_E_NO_MEMORY;
    at = find_locked(system, name, hash);
    if (*at)
        return TROUPE_E_TAKEN;
    entry = trp_alloc(sizeof *entry + size);
    if (!entry)
        return TROUPE_E_NO_MEMORY;
    *entry = (trp_name_entry){.hash = hash, .id = id};
    memcpy(entry->name, name, size);
    *at = entry;
    system->n_names++;
    cell->name = entry->name;
    return TROUPE_OK;
}

troupe_status trp_name_reserve(trp_cell *cell, const char *name, troupe_id id)
{
    troupe_status status;

    trp_mutex_lock(&cell->system->names_lock);
    status = reserve_locked(cell, name, id);
    trp_mutex_unlock(&cell->system->names_lock);
    return status;
}

void trp_name_publish(trp_cell *cell)
{
    if (!cell->name)
        return;
    trp_mutex_lock(&cell->system->names_lock);
    (*find_locked(cell->system, cell->name, hash_of(cell->name)))->findable = true;
    trp_mutex_unlock(&cell->system->names_lock);
}

void trp_name_release(trp_cell *cell)
{
    trp_name_entry **at, *entry;

    if (!cell->name)
        return;
    trp_mutex_lock(&cell->system->names_lock);
    at = find_locked(cell->system, cell->name, hash_of(cell->name));
    entry = *at;
    *at = entry->next;
    cell->system->n_names--;
    cell->name = NULL;
    trp_mutex_unlock(&cell->system->names_lock);
    trp_free(entry);
}

troupe_status troupe_lookup(troupe_system *system, const char *name, troupe_id *ret_id)
{
    troupe_status status = TROUPE_E_GONE;
    trp_name_entry *entry;

    trp_mutex_lock(&system->names_lock);
    entry = system->n_buckets ? *find_locked(system, name, hash_of(name)) : NULL;
    if (entry && entry->findable) {
        *ret_id = entry->id;
        status = TROUPE_OK;
    }
    trp_mutex_unlock(&system->names_lock);
    return status;
}

void troupe_name_of(troupe_system *system, troupe_id id, char *buffer)
{
    trp_cell *cell;

    *buffer = '\0';
    trp_mutex_lock(&system->names_lock);
    cell = trp_cell_find(system, id);
    if (cell && cell->name)
        memcpy(buffer, cell->name, strlen(cell->name) + 1); /* at most TROUPE_NAME_MAX, see spawn */
    trp_mutex_unlock(&system->names_lock);
}

void trp_names_free(troupe_system *system)
{
    TROUPE_ASSERT(system->n_names == 0);
    trp_free(system->names);
}
