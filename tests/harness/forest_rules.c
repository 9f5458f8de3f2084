/* forest_rules.c - what a plan says about ends and restarts, written anew and without the kit's code. */
#include "forest_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say_wrong(struct forest *forest, const char *format, va_list args)
{
    char text[256];

    vsnprintf(text, sizeof text, format, args);
    if (forest->n_failures++ < 5)
        fprintf(stderr, "seed %llu, event %llu: %s\n", (unsigned long long)forest->seed,
                (unsigned long long)forest->clock, text);
}

void forest_wrong_locked(struct forest *forest, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_wrong(forest, format, args);
    va_end(args);
}

void forest_wrong(struct forest *forest, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    trp_mutex_lock(&forest->lock);
    say_wrong(forest, format, args);
    trp_mutex_unlock(&forest->lock);
    va_end(args);
}

struct forest *forest_enter(struct node *node, const char *what)
{
    struct forest *forest = node->forest;

    trp_mutex_lock(&forest->lock);
    forest->clock++;
    if (forest->trace)
        fprintf(stderr, "%6llu %*s%s %s (life %u, causes %x)\n", (unsigned long long)forest->clock,
                node->parent ? 2 + 2 * (int)node->depth : 0, "", node->name, what,
                node->incarnation, node->causes);
    return forest;
}

void forest_leave(struct forest *forest)
{
    trp_mutex_unlock(&forest->lock);
}
/* ---- what the plan says ---- */

bool node_is_supervisor(const struct node *node)
{
    return node->kind != NODE_WORKER;
}

bool rule_restarts(const struct node *node, troupe_exit_reason reason)
{
    switch (node->child.restart) {
    case TROUPE_PERMANENT:
        return reason != TROUPE_EXIT_SHUTDOWN;
    case TROUPE_TRANSIENT:
        return reason != TROUPE_EXIT_NORMAL && reason != TROUPE_EXIT_SHUTDOWN;
    case TROUPE_TEMPORARY:
        break;
    }
    return false;
}

/* Whose lives the end of one in node concerns: all, or those in later places. */
bool rule_concerns(const struct node *node, const struct node *sibling)
{
    const struct node *parent = node->parent;

    if (sibling == node || parent->kind == NODE_POOL)
        return false;
    switch (parent->supervisor.strategy) {
    case TROUPE_ONE_FOR_ALL:
        return true;
    case TROUPE_REST_FOR_ONE:
        return sibling->rank > node->rank;
    case TROUPE_ONE_FOR_ONE:
        break;
    }
    return false;
}

bool rule_each_for_itself(const struct node *parent)
{
    return parent->kind == NODE_POOL || parent->supervisor.strategy == TROUPE_ONE_FOR_ONE;
}

/* An order may be why it ends or begins. */
bool node_is_ordered(const struct node *node)
{
    return node->n_orders || node->lingers;
}

bool node_is_adding(const struct node *supervisor)
{
    return supervisor && (supervisor->n_adds || supervisor->lingering_add);
}

/* ---- budgets ---- */

static void forget_old(struct budget *budget, uint64_t now_ns)
{
    uint32_t old = 0;

    while (old < budget->n && now_ns - budget->times[old] >= budget->within_ns)
        old++;
    budget->n -= old;
    memmove(budget->times, budget->times + old, budget->n * sizeof *budget->times);
}

/* One more restart at now. False: it is one too many, and is not noted. */
static bool spend(struct budget *budget, uint64_t now_ns)
{
    forget_old(budget, now_ns);
    if (budget->n >= budget->max)
        return false;
    budget->times[budget->n++] = now_ns;
    return true;
}

/* ---- what an end must be followed by ---- */

bool rule_is_crash(troupe_exit_reason reason)
{
    return reason == TROUPE_EXIT_CRASHED || reason == TROUPE_EXIT_TIMEOUT ||
           reason == TROUPE_EXIT_REFUSED || reason == TROUPE_EXIT_STUCK ||
           reason == TROUPE_EXIT_GAVE_UP;
}

/* One restart too many. */
static void exceed(struct node *supervisor, struct node *child)
{
    switch (supervisor->kind == NODE_POOL ? supervisor->pool.on_intensity
                                          : supervisor->supervisor.on_intensity) {
    case TROUPE_ON_INTENSITY_ESCALATE:
        supervisor->must_end = supervisor->may_give_up = true;
        break;
    case TROUPE_ON_INTENSITY_STOP:
        supervisor->must_end = supervisor->may_shut_down = true;
        break;
    case TROUPE_ON_INTENSITY_LEAVE_DOWN:
        child->left_down = true;
    }
}

/* Nobody of the others is on the way: it can be told what this end alone leads to. */
static bool is_calm(const struct node *supervisor, const struct node *child)
{
    if (supervisor->forest->faulty || supervisor->fuzzy || node_is_adding(supervisor) ||
        node_is_ordered(child))
        return false;
    if (rule_each_for_itself(supervisor))
        return true;
    for (uint32_t i = 0; i < supervisor->n_children; i++) {
        const struct node *sibling = supervisor->children[i];

        if (sibling != child && sibling->state != NODE_UP &&
            !(sibling->gone && sibling->inside_life == supervisor->life && !sibling->granted))
            return false;
    }
    return true;
}

/* A restart that is counted in any case counts in both budgets; one that may have been part of another's round, only in
 * the larger one. */
static void ask_budget(struct node *supervisor, struct node *child, bool calm)
{
    bool own = child->child.max_restarts != 0;
    struct budget *least = own ? &child->own : &supervisor->common;
    struct budget *most = own ? &child->own_most : &supervisor->common_most;
    bool unsure = false;

    most->max = least->max;
    most->within_ns = least->within_ns;
    if (!spend(most, child->heard_ns)) {
        unsure = true;
        supervisor->may_give_up = supervisor->may_shut_down = true;
        if (most->n) {
            memmove(most->times, most->times + 1, --most->n * sizeof *most->times);
            most->times[most->n++] = child->heard_ns;
        }
    }
    forget_old(least, child->heard_ns);
    if (!calm || (unsure && least->n < least->max)) {
        child->granted = true;
        child->excused |= unsure || supervisor->fuzzy;
        return;
    }
    child->granted = spend(least, child->heard_ns);
    if (!child->granted)
        exceed(supervisor, child);
}

/* What its supervisor has to do about the end of a child. True: it shall ask the rule. */
static bool ask_policy(struct node *supervisor, struct node *child, bool calm)
{
    bool escalates =
        child->reason == TROUPE_EXIT_ESCALATED ||
        (rule_is_crash(child->reason) && child->child.on_crash == TROUPE_ON_CRASH_ESCALATE);
    bool is_ignored = !escalates && rule_is_crash(child->reason) &&
                      child->child.on_crash == TROUPE_ON_CRASH_IGNORE;

    supervisor->may_give_up |= escalates;
    supervisor->must_end |= escalates && calm;
    child->left_down |= is_ignored && calm;
    child->excused |= is_ignored;
    return !escalates && !is_ignored;
}

void rule_decide(struct node *supervisor, struct node *child)
{
    bool calm = is_calm(supervisor, child);

    bool by_rule = ask_policy(supervisor, child, calm) && rule_restarts(child, child->reason);

    child->heard_calm = calm;
    if (!by_rule) {
        /* Stopped for a sibling meanwhile, it comes back with the others. */
        child->granted = !calm && child->child.restart != TROUPE_TEMPORARY;
        child->excused |= !calm;
        return;
    }
    if (child->reason == TROUPE_EXIT_RESTART)
        child->granted = true;
    else
        ask_budget(supervisor, child, calm);
}
