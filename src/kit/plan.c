/* plan.c - whether the numbers and names of a supervisor or pool make sense: all that can be said before it runs. */
#include "supervisor.h"

#include "trp/options.h"
#include "trp/os.h"

#include <stdlib.h>
#include <string.h>

bool trp_child_take(troupe_child *to, const void *from, size_t size)
{
    if (size < offsetof(troupe_child, spec) + sizeof to->spec.size ||
        !trp_struct_take(to, sizeof *to, from, size))
        return false;
    if (to->spec.size > sizeof to->spec) /* the rest of it is not in this copy, and was 0 */
        to->spec.size = sizeof to->spec;
    return true;
}

static bool take_child(const trp_plan *plan, size_t i, troupe_child *child)
{
    const uint8_t *children = plan->children;

    return trp_child_take(child, children + (plan->pool ? 0 : i) * plan->child_size,
                          plan->child_size);
}

troupe_child trp_plan_child(const trp_plan *plan, size_t i)
{
    troupe_child child = {.restart = TROUPE_PERMANENT};

    if (!take_child(plan, i, &child))
        child = (troupe_child){.restart = TROUPE_PERMANENT};
    return child;
}

troupe_status trp_child_check(const trp_plan *plan, const troupe_child *child, size_t i,
                              troupe_error *error)
{
    const char *name = child->spec.name ? child->spec.name : "without a name";
    unsigned long place = (unsigned long)i + 1;

    if ((unsigned)child->restart > TROUPE_TEMPORARY)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "child %lu (%s): no restart rule has the number %d", place, name,
                                (int)child->restart);
    if ((unsigned)child->on_crash > TROUPE_ON_CRASH_IGNORE)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "child %lu (%s): no on_crash has the number %d", place, name,
                                (int)child->on_crash);
    if (child->within_ns && !child->max_restarts)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "child %lu (%s): within_ns without max_restarts; give both for a "
                                "budget of its own, or neither",
                                place, name);
    if (!child->significant)
        return TROUPE_OK;
    if (child->restart == TROUPE_PERMANENT)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "child %lu (%s): it is significant and permanent, so it never ends "
                                "by itself; make it transient or temporary",
                                place, name);
    if (plan->auto_shutdown == TROUPE_AUTO_SHUTDOWN_NEVER)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "child %lu (%s): it is significant, and auto_shutdown is never; "
                                "say any_significant or all_significant",
                                place, name);
    return TROUPE_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static troupe_status check_names(const trp_plan *plan, troupe_error *error)
{
    const char **names;
    size_t n = 0;
    troupe_status status = TROUPE_OK;

    if (plan->pool || plan->n_children < 2)
        return TROUPE_OK;
    names = trp_alloc(plan->n_children * sizeof *names);
    if (!names)
        return troupe_error_set(error, TROUPE_E_NO_MEMORY, "supervisor: no memory for its names");
    for (size_t i = 0; i < plan->n_children; i++) {
        troupe_child child = trp_plan_child(plan, i);

        if (child.spec.name)
            names[n++] = child.spec.name;
    }
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 1; i < n && status == TROUPE_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            status = troupe_error_set(error, TROUPE_E_INVALID,
                                      "supervisor: two children are called %s", names[i]);
    }
    trp_free(names);
    return status;
}

troupe_status trp_numbers_check(const trp_plan *plan, troupe_error *error)
{
    if ((unsigned)plan->strategy > TROUPE_REST_FOR_ONE)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "supervisor: no strategy has the number %d", (int)plan->strategy);
    if ((unsigned)plan->on_intensity > TROUPE_ON_INTENSITY_LEAVE_DOWN)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "supervisor: no on_intensity has the number %d",
                                (int)plan->on_intensity);
    if ((unsigned)plan->auto_shutdown > TROUPE_AUTO_SHUTDOWN_ALL_SIGNIFICANT)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "supervisor: no auto_shutdown has the number %d",
                                (int)plan->auto_shutdown);
    return trp_backoff_check(&plan->backoff, error);
}

troupe_status trp_plan_check(const trp_plan *plan, troupe_error *error)
{
    size_t n_specs = plan->pool ? 1 : plan->n_children;
    troupe_status status = trp_numbers_check(plan, error);

    if (status != TROUPE_OK)
        return status;
    for (size_t i = 0; i < n_specs; i++) {
        troupe_child child;

        if (!take_child(plan, i, &child))
            return troupe_error_set(
                error, TROUPE_E_INVALID,
                "child %lu: its child_size is none that this library knows, or "
                "it asks for what only a newer one does; make its plan with %s, "
                "and leave out what is new",
                (unsigned long)i + 1, plan->pool ? "TROUPE_POOL" : "TROUPE_SUPERVISOR");
        status = trp_child_check(plan, &child, i, error);
        if (status != TROUPE_OK)
            return status;
    }
    return check_names(plan, error);
}
