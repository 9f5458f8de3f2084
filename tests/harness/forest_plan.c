/* forest_plan.c - a tree from a seed. */
#include "forest.h"

#include <stdio.h>

static uint64_t draw(struct forest *forest, uint64_t below)
{
    return trp_random_below(&forest->random, below);
}

static struct node *new_node(struct forest *forest, struct node *parent, enum node_kind kind)
{
    static const char letters[] = {'w', 's', 'p'};
    struct node *node = &forest->nodes[forest->n_nodes];

    node->forest = forest;
    node->parent = parent;
    node->kind = kind;
    snprintf(node->name, sizeof node->name, "%c%u", letters[kind], forest->n_nodes);
    forest->n_nodes++;
    if (parent) {
        node->depth = parent->depth + 1;
        node->place = node->rank = parent->n_children;
        parent->children[parent->n_children++] = node;
    }
    return node;
}

static uint64_t draw_window(struct forest *forest)
{
    static const uint64_t windows[] = {50 * TROUPE_MICROSECOND, TROUPE_MILLISECOND,
                                       20 * TROUPE_MILLISECOND, 3600 * TROUPE_SECOND};

    /* With threads only one in which nothing is forgotten is exact: the log reads the clock a little earlier. */
    return forest->simulation ? windows[draw(forest, 4)] : windows[3];
}

static uint32_t draw_intensity(struct forest *forest)
{
    static const uint32_t intensities[] = {TROUPE_NO_RESTARTS, 1, 2, 3, 8, 12};

    return intensities[draw(forest, 6)];
}

static troupe_backoff draw_backoff(struct forest *forest)
{
    switch (draw(forest, 4)) {
    case 0:
        return (troupe_backoff){.kind = TROUPE_BACKOFF_FIXED,
                                .initial_ns = 30 * TROUPE_MICROSECOND,
                                .jitter = (double)draw(forest, 3) / 2};
    case 1:
        return (troupe_backoff){.kind = TROUPE_BACKOFF_EXPONENTIAL,
                                .initial_ns = 10 * TROUPE_MICROSECOND,
                                .max_ns = 2 * TROUPE_MILLISECOND,
                                .jitter = (double)draw(forest, 3) / 2,
                                .reset_after_ns = draw(forest, 2) ? TROUPE_MILLISECOND : 0};
    default:
        return (troupe_backoff){.kind = TROUPE_BACKOFF_IMMEDIATE};
    }
}

static troupe_restart_rule draw_rule(struct forest *forest)
{
    static const troupe_restart_rule rules[] = {
        TROUPE_PERMANENT, TROUPE_PERMANENT, TROUPE_TRANSIENT, TROUPE_TRANSIENT, TROUPE_TEMPORARY};

    return rules[draw(forest, 5)];
}

static void budget_init(struct budget *budget, uint32_t max, uint64_t within_ns)
{
    budget->max = max == TROUPE_NO_RESTARTS ? 0 : max;
    budget->within_ns = within_ns;
}

static troupe_on_intensity draw_on_intensity(struct forest *forest)
{
    static const troupe_on_intensity all[] = {
        TROUPE_ON_INTENSITY_ESCALATE, TROUPE_ON_INTENSITY_ESCALATE, TROUPE_ON_INTENSITY_STOP,
        TROUPE_ON_INTENSITY_LEAVE_DOWN};

    return all[draw(forest, 4)];
}

/* What its supervisor shall do about a child of any kind. */
static void plan_child(struct node *node)
{
    static const troupe_on_crash on_crashes[] = {TROUPE_ON_CRASH_RESTART, TROUPE_ON_CRASH_ESCALATE,
                                                 TROUPE_ON_CRASH_IGNORE};
    struct forest *forest = node->forest;
    uint64_t on_crash = draw(forest, 10);

    node->child.restart = draw_rule(forest);
    node->child.on_crash = on_crashes[on_crash < 3 ? on_crash : 0];
    node->child.significant =
        node->child.restart != TROUPE_PERMANENT && draw(forest, 3) == 0; /* see plan_supervisor */
    node->child.unavailable_while_down = draw(forest, 3) == 0;
    if (draw(forest, 4) == 0) {
        node->child.max_restarts = draw_intensity(forest);
        node->child.within_ns = draw_window(forest);
        budget_init(&node->own, node->child.max_restarts, node->child.within_ns);
    }
}

/* The kit's tables go behind the shell. */
static void put_in_shell(struct node *node)
{
    troupe_spec *spec = &node->child.spec;

    node->inner_child = spec->child;
    node->inner_actor = spec->actor;
    node->inner_route = spec->route;
    spec->child = &shell_child;
    spec->actor = &shell_actor;
    spec->state_size += SHELL_BYTES;
    spec->argument = node;
    if (spec->route)
        spec->route = shell_route;
}

static void plan_worker(struct node *node, const void *argument)
{
    static const troupe_on_error on_errors[] = {TROUPE_ON_ERROR_CONTINUE, TROUPE_ON_ERROR_CONTINUE,
                                                TROUPE_ON_ERROR_RESTART, TROUPE_ON_ERROR_ESCALATE};
    struct forest *forest = node->forest;

    node->child.spec =
        *TROUPE_SPEC(.name = node->name, .child = &worker_child, .actor = &worker_actor,
                     .state_size = worker_size(), .argument = argument,
                     .stop_timeout =
                         forest->simulation ? TROUPE_MILLISECOND : 10 * TROUPE_MILLISECOND,
                     .start_on_own_turn = draw(forest, 2), .drain = draw(forest, 4) == 0,
                     .on_error = on_errors[draw(forest, 4)]);
}

static void plan_supervisor(struct node *node)
{
    struct forest *forest = node->forest;

    troupe_auto_shutdown auto_shutdown =
        draw(forest, 3)
            ? TROUPE_AUTO_SHUTDOWN_NEVER
            : (troupe_auto_shutdown)(TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT + draw(forest, 2));

    for (uint32_t i = 0; i < node->n_children; i++) {
        if (auto_shutdown == TROUPE_AUTO_SHUTDOWN_NEVER)
            node->children[i]->child.significant = false;
        node->child_specs[i] = node->children[i]->child;
    }
    node->supervisor = (troupe_supervisor)
        TROUPE_SUPERVISOR(.strategy = (troupe_strategy)draw(forest, 3),
                          .auto_shutdown = auto_shutdown, .on_intensity = draw_on_intensity(forest),
                          .max_restarts = draw_intensity(forest), .within_ns = draw_window(forest),
                          .backoff = draw_backoff(forest), .children = node->child_specs,
                          .n_children = node->n_children);
    budget_init(&node->common, node->supervisor.max_restarts, node->supervisor.within_ns);
    node->child.spec = *TROUPE_SPEC(.name = node->name);
    TROUPE_ASSERT(troupe_supervisor_spec(&node->supervisor, &node->child.spec, NULL) == TROUPE_OK);
    put_in_shell(node);
}

/* The members' names are made by the pool; their nodes are found by them. */
static void plan_pool(struct node *node)
{
    struct forest *forest = node->forest;
    struct node *first = node->children[0];

    plan_worker(first, node);
    plan_child(first);
    first->child.significant = false;
    first->child.spec.name = node->name;
    for (uint32_t i = 0; i < node->n_children; i++) {
        node->children[i]->child = first->child;
        node->children[i]->own = first->own;
        snprintf(node->children[i]->name, sizeof node->name, "%.9s-%u", node->name, i + 1);
    }
    node->pool = (troupe_pool)TROUPE_POOL(.member = &first->child, .n_members = node->n_first,
                                          .max_members = node->n_children,
                                          .max_restarts = draw_intensity(forest),
                                          .within_ns = draw_window(forest),
                                          .on_intensity = draw_on_intensity(forest),
                                          .backoff = draw_backoff(forest));
    budget_init(&node->common, node->pool.max_restarts, node->pool.within_ns);
    node->child.spec = *TROUPE_SPEC(.name = node->name);
    TROUPE_ASSERT(troupe_pool_spec(&node->pool, &node->child.spec, NULL) == TROUPE_OK);
    put_in_shell(node);
}

/* A supervisor with everything below it; the plan of a node is made when those of its children are there. */
static struct node *grow(struct forest *forest, struct node *parent, uint32_t depth)
{
    struct node *node = new_node(forest, parent, NODE_SUPERVISOR);
    uint32_t n = 1 + (uint32_t)draw(forest, CHILDREN - (depth == 1)) + (depth == 1);

    for (uint32_t i = 0; i < n && forest->n_nodes < NODES - CHILDREN; i++) {
        uint64_t kind = draw(forest, 10);

        if (kind < 3 && depth < 4) {
            plan_child(grow(forest, node, depth + 1));
        } else if (kind < 4) {
            struct node *pool = new_node(forest, node, NODE_POOL);
            uint32_t n_members = 1 + (uint32_t)draw(forest, 4);

            pool->n_first = (uint32_t)draw(forest, n_members + 1);
            for (uint32_t k = 0; k < n_members; k++)
                new_node(forest, pool, NODE_WORKER);
            plan_pool(pool);
            plan_child(pool);
        } else {
            struct node *worker = new_node(forest, node, NODE_WORKER);

            plan_worker(worker, worker);
            plan_child(worker);
        }
    }
    plan_supervisor(node);
    return node;
}

void forest_plant(struct forest *forest)
{
    grow(forest, NULL, 1);
}
