/* target.c - whom lines go to.
 *
 * A line goes to a name. The id behind it outlasts restarts of the component; when its supervisor gave up and was
 * started again, the name belongs to a new one, with another id. Only where a restart rule lets somebody on the way
 * up end for good can it be gone for ever.
 */
#include "host.h"

#include <stdio.h>
#include <string.h>

/* So long nobody may bear the name before it counts as gone: a supervisor that is about to be started again looks
 * for a moment like one that let its child go. Pauses of a millisecond; steps of a simulation. */
#define PATIENCE 100

static bool found(const troupe_host *host, const char *name)
{
    troupe_id id;

    return troupe_lookup(host->system, name, &id) == TROUPE_OK;
}

static bool member_found(const troupe_host *host, const trp_unit *pool)
{
    char name[TROUPE_NAME_MAX + 1];

    for (unsigned i = 1; i <= pool->n_members; i++) {
        (void)snprintf(name, sizeof(name), "%s-%u", pool->name, i);
        if (found(host, name))
            return true;
    }
    return false;
}

/* By what the manifest says: its rule, or what follows its crashes, or too many of them. A pool's rule is its members'. */
static bool may_stay_down(const trp_unit *unit)
{
    bool by_rule = unit->kind != TRP_UNIT_POOL &&
                   (unit->restart != TROUPE_PERMANENT || unit->on_crash == TROUPE_ON_CRASH_IGNORE);
    bool by_itself = unit->kind != TRP_UNIT_COMPONENT &&
                     unit->intensity.on_intensity == TROUPE_ON_INTENSITY_STOP;

    return by_rule || by_itself ||
           unit->up->intensity.on_intensity == TROUPE_ON_INTENSITY_LEAVE_DOWN;
}

/* Whether a pool may have no member left that ever comes back. */
static bool may_run_empty(const trp_unit *pool)
{
    return pool->restart != TROUPE_PERMANENT || pool->on_crash == TROUPE_ON_CRASH_IGNORE ||
           pool->intensity.on_intensity == TROUPE_ON_INTENSITY_LEAVE_DOWN;
}

/* Somebody from the target up has ended, and the one above, who is there, will not start it again. */
static bool let_go(const troupe_host *host)
{
    const trp_unit *unit = host->target_unit;

    /* The target is one of its members, or is the pool that has none left. */
    if (unit->kind == TRP_UNIT_POOL && may_run_empty(unit) && found(host, unit->name) &&
        (strcmp(host->stdin_to, unit->name) == 0 ? !member_found(host, unit)
                                                 : !found(host, host->stdin_to)))
        return true;
    for (; unit->up != NULL; unit = unit->up)
        if (may_stay_down(unit) && !found(host, unit->name) && found(host, unit->up->name))
            return true;
    return false;
}

bool trp_target_find(troupe_host *host, unsigned *n_tries)
{
    troupe_id id;

    if (troupe_lookup(host->system, host->stdin_to, &id) == TROUPE_OK)
        host->target = id;
    if (!let_go(host))
        *n_tries = 0;
    return ++*n_tries <= PATIENCE;
}
