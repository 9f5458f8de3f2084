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

/* In turn: the first that is up and has room; else the first that is up; else the first there is. */
static troupe_id route(void *state, troupe_system *system, troupe_bytes topic)
{
    trp_supervisor *self = state;
    uint32_t n = trp_load_acquire(&self->n_seats);
    uint32_t first;
    troupe_id up = TROUPE_NOBODY, any = TROUPE_NOBODY;

    if (n == 0)
        return TROUPE_NOBODY;
    if (topic.size && trp_is_control(topic))
        return (troupe_id){self->id};
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

static trp_plan plan_of(const troupe_pool *asked)
{
    return (trp_plan){.children = asked->member,
                      .n_children = asked->n_members,
                      .child_size = asked->child_size,
                      .pool = true,
                      .max_members = asked->max_members ? asked->max_members : asked->n_members,
                      .max_restarts = asked->max_restarts,
                      .within_ns = asked->within_ns,
                      .on_intensity = asked->on_intensity,
                      .backoff = asked->backoff,
                      .reports = asked->reports};
}

static troupe_status begin_pool(void *state, const troupe_start *start)
{
    troupe_pool asked;
    trp_plan plan;

    TROUPE_ASSERT(trp_options_take(&asked, sizeof asked, start->argument)); /* as before */
    plan = plan_of(&asked);
    return trp_supervisor_begin(state, start, &plan);
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
    trp_plan plan;
    const char *name;

    if (!trp_options_take(&asked, sizeof asked, pool) || asked.child_size == 0)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "pool: made by TROUPE_POOL of a newer version, or not");
    if (!asked.member)
        return troupe_error_set(error, TROUPE_E_INVALID, "pool: it has no member to be made of");
    plan = plan_of(&asked);
    if (plan.max_members < 1 || plan.max_members > TROUPE_POOL_MAX)
        return troupe_error_set(error, TROUPE_E_INVALID, "pool: it has 1 to %u members, not %u",
                                TROUPE_POOL_MAX, plan.max_members);
    if (asked.n_members > plan.max_members)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "pool: %u members are more than max_members, %u", asked.n_members,
                                plan.max_members);
    name = trp_plan_child(&plan, 0).spec.name;
    if (name && strlen(name) + (size_t)snprintf(NULL, 0, "-%u", plan.max_members) > TROUPE_NAME_MAX)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "pool: the name of its members is too long for -%u behind it",
                                plan.max_members);
    status = trp_plan_check(&plan, error);
    if (status != TROUPE_OK)
        return status;
    spec->child = &pool_child;
    spec->actor = &trp_supervisor_actor;
    spec->state_size = sizeof(trp_supervisor) + plan.max_members * sizeof(trp_seat);
    spec->argument = pool;
    spec->route = route;
    return TROUPE_OK;
}
