/* names.c - names to ids: reserved while a component starts, findable from the end of pre_start, and free before the
 * death notices go out. How the table lets readers pass without a lock: name_table.c.
 */
#include "cell.h"

#include "trp/utf8.h"

#include <string.h>

/* One line of text, so that no log or terminal is fooled by it: no C0, no DEL, no C1 (U+0080 to U+009F). */
static bool has_control(const unsigned char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (name[i] < 0x20 || name[i] == 0x7f)
            return true;
        if (name[i] == 0xc2 && i + 1 < size && name[i + 1] < 0xa0)
            return true;
    }
    return false;
}

bool trp_name_is_valid(const char *name)
{
    size_t size = strnlen(name, TROUPE_NAME_MAX + 1);

    return size > 0 && size <= TROUPE_NAME_MAX && trp_is_utf8(name, size) &&
           !has_control((const unsigned char *)name, size);
}

/* ---- the life of a name ---- */

troupe_status trp_name_reserve(trp_cell *cell, const char *text, troupe_id id)
{
    troupe_system *system = cell->system;
    troupe_status status = TROUPE_OK;
    trp_name *name = NULL;
    trp_name_key key;

    if (!trp_name_key_make(&system->names, text, &key))
        return TROUPE_E_INVALID;
    trp_mutex_lock(&system->names_lock);
    if (trp_names_holding_locked(&system->names, &key))
        status = TROUPE_E_TAKEN;
    else if (!(name = trp_names_add_locked(&system->names, &key, id.value)))
        status = TROUPE_E_NO_MEMORY;
    trp_mutex_unlock(&system->names_lock);
    trp_store_release(&cell->name, name); /* pairs with troupe_name_of */
    return status;
}

/* Somebody may wait for what becomes of this name (lookup_or_spawn.c). */
static void tell_waiters_locked(troupe_system *system)
{
    if (system->n_name_waiters)
        trp_condition_broadcast(&system->names_changed);
}

void trp_name_publish(trp_cell *cell)
{
    trp_name *name = trp_load_relaxed(&cell->name); /* owner */
    troupe_system *system = cell->system;

    if (!name || trp_load_relaxed(&name->findable)) /* owner; it stays so over restarts */
        return;
    trp_mutex_lock(&system->names_lock);
    trp_store_release(&name->findable, 1); /* pairs with look_at in name_table.c */
    tell_waiters_locked(system);
    trp_mutex_unlock(&system->names_lock);
}

void trp_name_release(trp_cell *cell)
{
    trp_name *name = trp_load_relaxed(&cell->name); /* owner */
    troupe_system *system = cell->system;

    if (!name)
        return;
    trp_store_relaxed(&cell->name, NULL); /* publishes nothing: who still sees it asks the record */
    trp_mutex_lock(&system->names_lock);
    trp_names_remove_locked(&system->names, name);
    tell_waiters_locked(system);
    trp_mutex_unlock(&system->names_lock);
}

/* ---- who asks ---- */

troupe_status troupe_lookup(troupe_system *system, const char *name, troupe_id *ret_id)
{
    trp_name_key key;
    uint64_t id;

    if (!name)
        return TROUPE_E_INVALID;
    if (trp_is_forked(system))
        return TROUPE_E_FORKED;
    if (!trp_name_key_make(&system->names, name, &key))
        return TROUPE_E_GONE;
    id = trp_names_find(&system->names, &key);
    if (!id)
        return TROUPE_E_GONE;
    *ret_id = (troupe_id){id};
    return TROUPE_OK;
}

void troupe_name_of(troupe_system *system, troupe_id id, char *buffer)
{
    const trp_cell *cell = trp_cell_find(system, id);
    const trp_name *name = cell ? trp_load_acquire(&cell->name) : NULL; /* pairs with reserve */

    if (!name || !trp_name_copy(name, id.value, buffer))
        *buffer = '\0';
}
