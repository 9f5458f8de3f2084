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

/* Somebody from the target up has ended, and the one above, who is there, will not start it again. */
static bool let_go(const troupe_host *host)
{
    const trp_unit *unit = host->target_unit;

    /* A pool's rule is its members': the target is one of them, or is the pool that has none left. */
    if (unit->kind == TRP_UNIT_POOL && unit->restart != TROUPE_PERMANENT &&
        found(host, unit->name) &&
        (strcmp(host->stdin_to, unit->name) == 0 ? !member_found(host, unit)
                                                 : !found(host, host->stdin_to)))
        return true;
    for (; unit->up != NULL; unit = unit->up)
        if (unit->kind != TRP_UNIT_POOL && unit->restart != TROUPE_PERMANENT &&
            !found(host, unit->name) && found(host, unit->up->name))
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
