/* slots.c - cells by number, and ids that are never used again.
 *
 * An id is generation << 32 | slot. Generations start at a random value for each system; a slot whose next
 * generation would be the first again is retired.
 * Invariants: 1. A chunk, once published, stays until the system is freed: readers need no protection.
 *             2. A slot in the free list is asleep, or is just being run to bury late messages. take claims it by
 *                clearing ASLEEP; one that is being run is passed over. If broken: two owners.
 */
#include "cell.h"

#include <string.h>

trp_cell *trp_slot_at(const troupe_system *system, uint32_t slot)
{
    trp_cell *chunk;

    if (slot / TRP_CHUNK >= TRP_CHUNKS)
        return NULL;
    chunk = trp_load_acquire(&system->chunks[slot / TRP_CHUNK]); /* pairs with grow */
    return chunk ? &chunk[slot % TRP_CHUNK] : NULL;
}

trp_cell *trp_cell_find(const troupe_system *system, troupe_id id)
{
    trp_cell *cell = trp_slot_at(system, (uint32_t)id.value);

    if (!cell || !id.value || trp_load_acquire(&cell->id) != id.value) /* pairs with spawn */
        return NULL;
    return cell;
}

static trp_cell *grow_locked(troupe_system *system)
{
    uint32_t slot = system->n_slots;
    trp_node *done = trp_node_new((troupe_bytes){0}, NULL);
    trp_cell *cell, *chunk;

    if (!done || slot / TRP_CHUNK >= TRP_CHUNKS)
        goto fail;
    chunk = trp_load_relaxed(&system->chunks[slot / TRP_CHUNK]); /* written under this lock */
    if (!chunk) {
        chunk = trp_alloc_aligned(TRP_CACHE_LINE, TRP_CHUNK * sizeof(trp_cell));
        if (!chunk)
            goto fail;
        memset(chunk, 0, TRP_CHUNK * sizeof(trp_cell));
        trp_store_release(&system->chunks[slot / TRP_CHUNK], chunk); /* pairs with trp_slot_at */
    }
    system->n_slots++;
    cell = &chunk[slot % TRP_CHUNK];
    cell->system = system;
    cell->slot = slot;
    trp_mailbox_init(&cell->mailbox, done);
    trp_mailbox_rouse(&cell->mailbox); /* the caller owns it */
    trp_list_init(&cell->room_askers);
    trp_list_init(&cell->room_asks);
    cell->generation = system->first_generation;
    return cell;
fail:
    trp_node_free(done);
    return NULL;
}

/* A slot that was free for long has left the cache. Who spawns many at a time does not wait for each line of the next. */
static void fetch_ahead(const trp_cell *cell)
{
    for (size_t at = 0; cell && at < sizeof *cell; at += TRP_CACHE_LINE)
        __builtin_prefetch((const uint8_t *)cell + at, 1);
}

static trp_cell *take_free_locked(troupe_system *system)
{
    trp_cell *cell = system->free_first;

    if (!cell || !trp_mailbox_rouse(&cell->mailbox))
        return NULL;
    system->free_first = cell->free_next;
    if (!system->free_first)
        system->free_last = NULL;
    fetch_ahead(system->free_first);
    return cell;
}

trp_cell *trp_slot_take(troupe_system *system)
{
    trp_cell *cell;

    trp_mutex_lock(&system->slots_lock);
    cell = take_free_locked(system);
    if (!cell)
        cell = grow_locked(system);
    trp_mutex_unlock(&system->slots_lock);
    return cell;
}

void trp_slot_give(trp_cell *cell)
{
    troupe_system *system = cell->system;

    trp_mutex_lock(&system->slots_lock);
    cell->generation += cell->generation == UINT32_MAX ? 2 : 1; /* 0 is nobody's */
    if (cell->generation != system->first_generation) {
        cell->free_next = NULL;
        if (system->free_last)
            system->free_last->free_next = cell;
        else
            system->free_first = cell;
        system->free_last = cell;
    }
    trp_mutex_unlock(&system->slots_lock);
}

uint32_t trp_slots_made(troupe_system *system)
{
    uint32_t n;

    trp_mutex_lock(&system->slots_lock);
    n = system->n_slots;
    trp_mutex_unlock(&system->slots_lock);
    return n;
}

bool trp_id_was_given(troupe_system *system, troupe_id id)
{
    uint32_t slot = (uint32_t)id.value;

    return id.value >> 32 && slot && slot < trp_slots_made(system);
}

void trp_slots_free(troupe_system *system)
{
    for (uint32_t slot = 1; slot < system->n_slots; slot++) {
        trp_cell *cell = trp_slot_at(system, slot);
        trp_node *done;

        while (trp_mailbox_take(&cell->mailbox, &done))
            trp_node_free(done);
        trp_node_free(cell->mailbox.tail);
        trp_oldest_free(cell);
        trp_details_free(cell);
        for (trp_signal *signal = trp_signals_take(cell); signal;) {
            trp_signal *next = signal->next;

            trp_signal_free(signal);
            signal = next;
        }
    }
    for (uint32_t i = 0; i < TRP_CHUNKS; i++)
        trp_free(trp_load_relaxed(&system->chunks[i])); /* nobody else is left */
    while (system->routes) {
        trp_route *route = system->routes;

        system->routes = route->next;
        trp_free(route);
    }
    trp_free(system->chunks);
}
