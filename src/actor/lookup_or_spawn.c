/* lookup_or_spawn.c - of many who want one component, one starts it and the others get its id.
 *
 * The reservation of the name decides who starts it (names.c). Whoever comes second while it starts waits here when
 * it is a thread: asleep until names change, or driving the system. A handler never waits; nor does a thread
 * inside a pre_start of its own, which the other start may be waiting for: both get the reserved id.
 */
#include "cell.h"

#include "trp/options.h"

/* The record while it is reserved and cannot be found yet; NULL: look it up, or try to have it. */
static trp_name *starting_locked(troupe_system *system, const trp_name_key *key)
{
    trp_name *name = trp_names_holding_locked(&system->names, key);

    return name && !trp_load_relaxed(&name->findable) ? name : NULL; /* written under this lock */
}

static troupe_id who_starts(troupe_system *system, const trp_name_key *key)
{
    troupe_id id = TROUPE_NOBODY;
    trp_name *name;

    trp_mutex_lock(&system->names_lock);
    name = starting_locked(system, key);
    if (name)
        id.value = trp_load_relaxed(&name->holder); /* written under this lock */
    trp_mutex_unlock(&system->names_lock);
    return id;
}

/* False: a simulation in which nothing happens any more. */
static bool wait_for_start(troupe_system *system, const trp_name_key *key)
{
    bool goes_on = true;

    trp_mutex_lock(&system->names_lock);
    system->n_name_waiters++;
    while (goes_on && starting_locked(system, key))
        goes_on = trp_await_locked(system, &system->names_changed, &system->names_lock);
    system->n_name_waiters--;
    trp_mutex_unlock(&system->names_lock);
    return goes_on;
}

static bool may_wait(const troupe_context *ctx)
{
    return ctx->thread && !ctx->thread->n_starting_here;
}

troupe_status troupe_lookup_or_spawn(troupe_context *ctx, const troupe_spec *asked,
                                     troupe_id *ret_id, bool *ret_spawned, troupe_error *error)
{
    troupe_system *system = ctx->system;
    troupe_status status;
    troupe_spec spec;
    trp_name_key key;

    if (!asked || !trp_options_take(&spec, sizeof spec, asked) || !spec.name ||
        !trp_name_key_make(&system->names, spec.name, &key))
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "a component to look up or spawn needs a spec with a name");
    for (;;) {
        troupe_id id;
        bool spawned = false;

        status = troupe_lookup(system, spec.name, &id);
        if (status == TROUPE_E_GONE) {
            status = troupe_spawn_or_say(ctx, asked, &id, error);
            spawned = status == TROUPE_OK;
        }
        if (status == TROUPE_E_TAKEN && !may_wait(ctx)) {
            id = who_starts(system, &key);
            status = id.value ? TROUPE_OK : TROUPE_E_TAKEN;
        } else if (status == TROUPE_E_TAKEN && !wait_for_start(system, &key)) {
            status = TROUPE_E_TIMEOUT;
        }
        if (status == TROUPE_E_TAKEN)
            continue; /* it has started, or left, since */
        if (status != TROUPE_OK)
            return status;
        *ret_id = id;
        if (ret_spawned)
            *ret_spawned = spawned;
        return TROUPE_OK;
    }
}
