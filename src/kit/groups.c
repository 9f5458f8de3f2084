/* groups.c - one address for members that come and go by themselves.
 *
 * Who: route runs on senders' threads, beside those who join and leave. It reads the seats, which are atomics, and asks
 *      each member how it stands; both may be a moment old. Wait-free: one pass over the seats.
 *
 * Invariants
 * 1. A seat is written under the mutex only, and those in use are the first n_seats. If broken: a member is lost.
 * 2. Whether a member still lives is asked when it is chosen or counted, never remembered: ids are not used again. If
 *    broken: messages for one that ended are refused while others are there.
 * 3. A group outlives every address made from it, and whoever sends to one. If broken: route reads freed memory.
 */
#include "audience.h"

#include "trp/atomic.h"
#include "trp/options.h"
#include "trp/os.h"

#define MOST_MEMBERS 1024u

struct troupe_group {
    troupe_system *system; /* set once, with the next three */
    uint32_t process;      /* in a forked child the mutex may be held for ever */
    troupe_group_policy policy;
    uint32_t most;
    trp_mutex mutex; /* rank: a leaf; nothing is called under it but asking how a member stands */
    _Atomic uint32_t n_seats;                /* under mutex; senders read it */
    _Atomic uint32_t turn TRP_ALIGN_LINE;    /* senders */
    _Atomic uint64_t seats[] TRP_ALIGN_LINE; /* as n_seats; in the order in which they joined */
};

/* ---- where a message goes ---- */

enum standing { GONE, WAITS_THERE, UP };

/* One that is down for a moment keeps its mailbox: what is sent there waits for its next life. One that starts is about
 * to handle it. */
static enum standing stands(troupe_system *system, troupe_id id, uint32_t *ret_waiting)
{
    troupe_info info;

    if (troupe_info_of(system, id, &info) != TROUPE_OK || info.phase == TROUPE_PHASE_ENDED)
        return GONE;
    *ret_waiting = info.waiting;
    return info.phase == TROUPE_PHASE_RUNNING || info.phase == TROUPE_PHASE_STARTING ? UP
                                                                                     : WAITS_THERE;
}

/* From the one whose turn it is on: the first that is up, or of those that are up the one with the fewest messages
 * waiting; when none is up, the first there is. */
static troupe_id choose(troupe_group *group)
{
    uint32_t n = trp_load_acquire(&group->n_seats);    /* pairs with troupe_group_join */
    uint32_t first = trp_add_relaxed(&group->turn, 1); /* any order of turns is fair enough */
    uint32_t least = UINT32_MAX, waiting;
    troupe_id best = TROUPE_NOBODY, any = TROUPE_NOBODY;

    for (uint32_t i = 0; i < n; i++) {
        troupe_id id = {trp_load_relaxed(&group->seats[(first + i) % n])}; /* a hint: asked next */
        enum standing standing = stands(group->system, id, &waiting);

        if (standing == WAITS_THERE && any.value == TROUPE_NOBODY.value)
            any = id;
        if (standing != UP || waiting >= least)
            continue;
        best = id;
        least = waiting;
        if (least == 0 || group->policy == TROUPE_GROUP_ROUND_ROBIN)
            break;
    }
    return best.value != TROUPE_NOBODY.value ? best : any;
}

/* The state of an address: its group, once it has started. */
typedef _Atomic(troupe_group *) address;

static troupe_id route(void *state, troupe_system *system, troupe_bytes topic)
{
    (void)topic;
    /* relaxed: a group is older than its address, whose id published it */
    troupe_group *group = trp_load_relaxed((address *)state);

    (void)system;
    return group ? choose(group) : TROUPE_NOBODY;
}

static troupe_status open_address(void *state, const troupe_start *start)
{
    /* The spec keeps it as const, as it does everything; it was given as it is. */
    trp_store_relaxed((address *)state,
                      (troupe_group *)(uintptr_t)start->argument); /* as in route */
    return TROUPE_OK;
}

static const troupe_child_ops address_child = {.pre_start = open_address};

/* ---- a group ---- */

troupe_status troupe_group_new(troupe_system *system, const troupe_group_options *options,
                               troupe_group **ret_group)
{
    troupe_group_options asked = {.size = sizeof asked};
    troupe_group *group;
    uint32_t most;

    if (options && !trp_options_take(&asked, sizeof asked, options))
        return TROUPE_E_INVALID;
    most = asked.max_members ? asked.max_members : MOST_MEMBERS;
    if (most > MOST_MEMBERS ||
        (asked.policy != TROUPE_GROUP_ROUND_ROBIN && asked.policy != TROUPE_GROUP_LEAST_LOADED))
        return TROUPE_E_INVALID;
    group = trp_alloc_aligned(TRP_CACHE_LINE, sizeof *group + most * sizeof group->seats[0]);
    if (!group)
        return TROUPE_E_NO_MEMORY;
    group->system = system;
    group->process = trp_process();
    group->policy = asked.policy;
    group->most = most;
    trp_mutex_init(&group->mutex);
    trp_store_relaxed(&group->n_seats, 0); /* both: nobody knows it yet */
    trp_store_relaxed(&group->turn, 0);
    *ret_group = group;
    return TROUPE_OK;
}

void troupe_group_free(troupe_group *group)
{
    if (!group)
        return;
    trp_mutex_fini(&group->mutex);
    trp_free(group);
}

void troupe_group_spec(troupe_group *group, troupe_spec *spec)
{
    spec->child = &address_child;
    spec->actor = NULL; /* nothing reaches it: messages go where route says */
    spec->state_size = sizeof(address);
    spec->argument = group;
    spec->route = route;
}

/* ---- members ---- */

static uint32_t n_seats_locked(const troupe_group *group)
{
    return trp_load_relaxed(&group->n_seats); /* written under the mutex */
}

static uint32_t seat_of_locked(const troupe_group *group, troupe_id id)
{
    uint32_t i = 0;

    while (i < n_seats_locked(group) &&
           trp_load_relaxed(&group->seats[i]) != id.value) /* as above */
        i++;
    return i;
}

/* Who chooses meanwhile may pass over one of those behind it, or see it twice: some member is chosen. */
static void clear_seat_locked(troupe_group *group, uint32_t at)
{
    uint32_t n = n_seats_locked(group);

    for (; at + 1 < n; at++)
        trp_store_relaxed(&group->seats[at], trp_load_relaxed(&group->seats[at + 1])); /* a hint */
    trp_store_release(&group->n_seats, n - 1); /* pairs with choose: who joined before, too */
}

static void forget_ended_locked(troupe_group *group)
{
    uint32_t waiting;

    for (uint32_t i = n_seats_locked(group); i-- > 0;) {
        troupe_id id = {trp_load_relaxed(&group->seats[i])}; /* under the mutex */

        if (stands(group->system, id, &waiting) == GONE)
            clear_seat_locked(group, i);
    }
}

troupe_status troupe_group_join(troupe_group *group, troupe_id member)
{
    troupe_status status = TROUPE_OK;
    uint32_t waiting, n;

    if (trp_process() != group->process)
        return TROUPE_E_FORKED;
    if (stands(group->system, member, &waiting) == GONE)
        return TROUPE_E_GONE;
    trp_mutex_lock(&group->mutex);
    if (seat_of_locked(group, member) == n_seats_locked(group)) {
        if (n_seats_locked(group) == group->most)
            forget_ended_locked(group);
        n = n_seats_locked(group);
        if (n == group->most) {
            status = TROUPE_E_QUOTA;
        } else {
            trp_store_relaxed(&group->seats[n], member.value); /* published by the next */
            trp_store_release(&group->n_seats, n + 1);         /* pairs with choose */
        }
    }
    trp_mutex_unlock(&group->mutex);
    return status;
}

bool troupe_group_leave(troupe_group *group, troupe_id member)
{
    uint32_t at;
    bool was;

    if (trp_process() != group->process)
        return false;
    trp_mutex_lock(&group->mutex);
    at = seat_of_locked(group, member);
    was = at < n_seats_locked(group);
    if (was)
        clear_seat_locked(group, at);
    trp_mutex_unlock(&group->mutex);
    return was;
}

size_t troupe_group_members(troupe_group *group, troupe_id *members, size_t n)
{
    size_t n_members;

    if (trp_process() != group->process)
        return 0;
    trp_mutex_lock(&group->mutex);
    forget_ended_locked(group);
    n_members = n_seats_locked(group);
    for (size_t i = 0; i < n && i < n_members; i++)
        members[i].value = trp_load_relaxed(&group->seats[i]); /* under the mutex */
    trp_mutex_unlock(&group->mutex);
    return n_members;
}

static bool gather(troupe_group *group, trp_audience *audience)
{
    bool complete = true;

    trp_mutex_lock(&group->mutex);
    forget_ended_locked(group);
    for (uint32_t i = 0; complete && i < n_seats_locked(group); i++) {
        troupe_id id = {trp_load_relaxed(&group->seats[i])}; /* under the mutex */

        complete = trp_audience_add(audience, &(trp_listener){.id = id, .since = i}, 1);
    }
    trp_mutex_unlock(&group->mutex);
    return complete;
}

troupe_status troupe_group_send_all(troupe_context *ctx, troupe_group *group, troupe_bytes payload,
                                    uint32_t *ret_reached)
{
    troupe_status status = TROUPE_E_NO_MEMORY;
    trp_audience audience;
    uint32_t reached = 0;
    bool gone;

    if (trp_process() != group->process)
        return TROUPE_E_FORKED;
    trp_audience_init(&audience);
    if (gather(group, &audience))
        status = trp_audience_tell(&audience, ctx, payload, &reached, &gone);
    if (status == TROUPE_OK && reached == 0)
        status = TROUPE_E_UNAVAILABLE;
    trp_audience_fini(&audience);
    if (ret_reached)
        *ret_reached = reached;
    return status;
}
