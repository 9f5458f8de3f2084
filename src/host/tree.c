/* tree.c - from a checked manifest to the specification of its tree.
 *
 * A subscription belongs to an id and has to stand before the component's siblings publish. So it is made in
 * the component's own start: its child table is copied with another pre_start in front, which runs the real
 * one and then subscribes the id. The id is reserved by then, a message to it queues, the next sibling starts
 * later; no other hook and no handler is touched. On a restart it runs again, and twice the same is one.
 */
#include "host.h"

#define STOP_TIMEOUT (5 * TROUPE_SECOND)

/* The argument of a component that subscribes. */
typedef struct subscriber {
    troupe_topics *topics;
    trp_names topics_of;
    const void *argument; /* the component's own */
    troupe_status (*pre_start)(void *self, const troupe_start *start);
    troupe_child_ops ops;
} subscriber;

static troupe_status start_and_subscribe(void *self, const troupe_start *start)
{
    const subscriber *mine = start->argument;
    troupe_start inner = *start;
    troupe_status status = TROUPE_OK;

    inner.argument = mine->argument;
    if (mine->pre_start != NULL)
        status = mine->pre_start(self, &inner);
    for (size_t i = 0; i < mine->topics_of.n && status == TROUPE_OK; i++) {
        const char *topic = mine->topics_of.items[i];

        status = troupe_subscribe(mine->topics, start->id, troupe_text(topic));
        if (status != TROUPE_OK)
            (void)troupe_error_set(start->error, status, "subscribing to \"%s\": %s", topic,
                                   troupe_status_text(status));
    }
    return status;
}

static void add_subscriptions(troupe_host *host, const trp_unit *unit, troupe_spec *spec)
{
    if (unit->subscribe.n == 0)
        return;
    subscriber *mine = trp_arena_alloc(&host->arena, sizeof(*mine));
    *mine = (subscriber){.topics = host->topics,
                         .topics_of = unit->subscribe,
                         .argument = spec->argument,
                         .pre_start = spec->child->pre_start,
                         .ops = *spec->child};
    mine->ops.pre_start = start_and_subscribe;
    spec->child = &mine->ops;
    spec->argument = mine;
}

static uint64_t stop_timeout_of(const trp_unit *unit)
{
    uint64_t own = unit->stop_timeout != 0 ? unit->stop_timeout : STOP_TIMEOUT;
    uint64_t all = TROUPE_SECOND;

    if (unit->kind == TRP_UNIT_COMPONENT)
        return own;
    /* Children stop one after the other: who stops them must not be out of time before the last. */
    if (unit->kind == TRP_UNIT_POOL)
        return __builtin_mul_overflow(own, unit->n_members, &own) ||
                       __builtin_add_overflow(all, own, &all)
                   ? TROUPE_FOREVER
                   : all;
    for (const trp_unit *child = unit->children; child != NULL; child = child->next)
        if (__builtin_add_overflow(all, stop_timeout_of(child), &all))
            return TROUPE_FOREVER;
    return all;
}

/* What a component and a pool's member have in common. */
static troupe_spec guest_spec(const trp_unit *unit, const troupe_guest *guest)
{
    troupe_spec spec = {.size = sizeof(spec),
                        .name = unit->name,
                        .mailbox_bound = unit->mailbox_bound,
                        .mailbox_bytes = unit->mailbox_bytes,
                        .on_full = unit->on_full,
                        .drain = true,
                        .on_error = unit->on_error,
                        .health_interval = unit->health_interval,
                        .health_timeout = unit->health_timeout,
                        .health_failures = unit->health_failures,
                        .on_unhealthy = unit->on_unhealthy,
                        .error_limit = unit->error_limit,
                        .error_within_ns = unit->error_within_ns,
                        .error_of_last = unit->error_of_last,
                        .on_error_rate = unit->on_error_rate,
                        .stop_timeout =
                            unit->stop_timeout != 0 ? unit->stop_timeout : STOP_TIMEOUT};

    troupe_guest_spec(guest, &spec);
    return spec;
}

static troupe_status plan_unit(troupe_host *host, const trp_unit *unit, size_t *guest,
                               troupe_spec *ret_spec, troupe_error *error);

/* What its supervisor must know of it; the spec is left out. */
static troupe_child child_of(const trp_unit *unit)
{
    return (troupe_child){.restart = unit->restart,
                          .on_crash = unit->on_crash,
                          .significant = unit->significant,
                          .unavailable_while_down = unit->unavailable_while_down,
                          .max_restarts = unit->own_restarts,
                          .within_ns = unit->own_within_ns};
}

static troupe_status plan_pool(troupe_host *host, const trp_unit *unit, const troupe_guest *guest,
                               troupe_spec *spec, troupe_error *error)
{
    troupe_pool *pool = trp_arena_alloc(&host->arena, sizeof(*pool));
    troupe_child *member = trp_arena_alloc(&host->arena, sizeof(*member));

    *member = child_of(unit);
    member->spec = guest_spec(unit, guest);
    *pool = (troupe_pool)TROUPE_POOL(.n_members = unit->n_members, .member = member,
                                     .max_restarts = unit->intensity.max_restarts,
                                     .within_ns = unit->intensity.within_ns,
                                     .on_intensity = unit->intensity.on_intensity,
                                     .backoff = unit->intensity.backoff, .reports = host->topics);
    return troupe_pool_spec(pool, spec, error);
}

static troupe_status plan_supervisor(troupe_host *host, const trp_unit *unit, size_t *guest,
                                     troupe_spec *spec, troupe_error *error)
{
    troupe_supervisor *supervisor = trp_arena_alloc(&host->arena, sizeof(*supervisor));
    troupe_child *children = trp_arena_alloc(&host->arena, unit->n_children * sizeof(*children));
    size_t n = 0;

    for (const trp_unit *u = unit->children; u != NULL; u = u->next, n++) {
        troupe_child child = child_of(u);
        troupe_status status = plan_unit(host, u, guest, &children[n].spec, error);

        if (status != TROUPE_OK)
            return status;
        child.spec = children[n].spec;
        /* A pool's rule is its members'; a pool that gave up is started again, and counts here. */
        children[n] = u->kind == TRP_UNIT_POOL ? (troupe_child){.spec = child.spec} : child;
    }
    *supervisor = (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = unit->strategy,
                                                       .on_intensity = unit->intensity.on_intensity,
                                                       .auto_shutdown = unit->auto_shutdown,
                                                       .reports = host->topics,
                                                       .max_restarts = unit->intensity.max_restarts,
                                                       .within_ns = unit->intensity.within_ns,
                                                       .backoff = unit->intensity.backoff,
                                                       .children = children, .n_children = n);
    return troupe_supervisor_spec(supervisor, spec, error);
}

/* Guests are taken in the order of the tree, in which they were loaded. */
static troupe_status plan_unit(troupe_host *host, const trp_unit *unit, size_t *guest,
                               troupe_spec *ret_spec, troupe_error *error)
{
    troupe_status status = TROUPE_OK;

    *ret_spec = (troupe_spec){
        .size = sizeof(*ret_spec), .name = unit->name, .stop_timeout = stop_timeout_of(unit)};
    if (unit->kind == TRP_UNIT_COMPONENT)
        *ret_spec = guest_spec(unit, host->guests[(*guest)++]);
    else if (unit->kind == TRP_UNIT_POOL)
        status = plan_pool(host, unit, host->guests[(*guest)++], ret_spec, error);
    else
        status = plan_supervisor(host, unit, guest, ret_spec, error);
    if (status == TROUPE_OK)
        add_subscriptions(host, unit, ret_spec);
    return status;
}

troupe_status trp_host_plan(troupe_host *host, troupe_spec *ret_spec, troupe_error *error)
{
    size_t guest = 0;

    return plan_unit(host, host->manifest->root, &guest, ret_spec, error);
}
