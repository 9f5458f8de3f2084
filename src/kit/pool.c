/* pool.c - a supervisor of n like members whose id is their one address.
 *
 * Who: route runs on senders' threads, beside the supervisor that moves members up and down. It
 *      reads the seats, which are atomics, and the mailboxes' counts; both may be a moment old, and
 *      then a message waits a little longer, in a mailbox that outlasts restarts. Wait-free: one
 *      pass over the seats.
 */
#include "supervisor.h"

#include "trp/options.h"

#include <stdio.h>
#include <string.h>

#define MOST_MEMBERS 1024

/* In turn: the first that is up and has room; else the first that is up; else the first there is. */
static troupe_id route(void *state, troupe_system *system)
{
    trp_supervisor *self = state;
    uint32_t n = trp_load_acquire(&self->n_seats);
    uint32_t first;
    troupe_id up = TROUPE_NOBODY, any = TROUPE_NOBODY;

    if (n == 0)
        return TROUPE_NOBODY;
    first = trp_add_relaxed(&self->turn, 1); /* any order of turns is fair enough */
    for (uint32_t i = 0; i < n; i++) {
        trp_seat *seat = &self->seats[(first + i) % n];
        troupe_id id = {trp_load_relaxed(&seat->id)};

        if (id.value == TROUPE_NOBODY.value)
            continue;
        if (trp_load_relaxed(&seat->up)) {
            if (troupe_has_room(system, id))
                return id;
            if (up.value == TROUPE_NOBODY.value)
                up = id;
        } else if (any.value == TROUPE_NOBODY.value) {
            any = id;
        }
    }
    return up.value != TROUPE_NOBODY.value ? up : any;
}

static troupe_status begin_pool(void *state, const troupe_start *start)
{
    const troupe_pool *kept = start->argument;
    troupe_pool asked;
    trp_plan plan;

    TROUPE_ASSERT(trp_options_take(&asked, sizeof asked, kept)); /* as before */
    plan = (trp_plan){.children = &kept->member,
                      .n_children = asked.n_members,
                      .pool = true,
                      .max_restarts = asked.max_restarts,
                      .within_ns = asked.within_ns,
                      .backoff = asked.backoff};
    return trp_supervisor_begin(state, &plan);
}

static const troupe_child_ops pool_child = {
    .pre_start = begin_pool,
    .post_start = trp_supervisor_post_start,
    .pre_stop = trp_supervisor_pre_stop,
    .post_stop = trp_supervisor_post_stop,
};

troupe_status troupe_pool_spec(const troupe_pool *pool, troupe_spec *spec, troupe_error *error)
{
    troupe_pool asked;
    troupe_status status;

    if (!trp_options_take(&asked, sizeof asked, pool))
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "pool: made by TROUPE_POOL of a newer version, or not");
    if (asked.n_members < 1 || asked.n_members > MOST_MEMBERS)
        return troupe_error_set(error, TROUPE_E_INVALID, "pool: it has 1 to %d members, not %u",
                                MOST_MEMBERS, asked.n_members);
    if (asked.member.spec.name &&
        strlen(asked.member.spec.name) + sizeof "-1024" - 1 > TROUPE_NAME_MAX)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "pool: the name of its members is too long for -1024 behind it");
    status = trp_backoff_check(&asked.backoff, error);
    if (status != TROUPE_OK)
        return status;
    spec->child = &pool_child;
    spec->actor = &trp_supervisor_actor;
    spec->state_size = trp_supervisor_size(asked.n_members);
    spec->argument = pool;
    spec->route = route;
    return TROUPE_OK;
}
