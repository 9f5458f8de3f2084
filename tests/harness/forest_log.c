/* forest_log.c - what happened in a forest, and whether it may. Everything here holds the forest's lock.
 *
 * On threads the log is in the order in which the hooks took the lock, and an ask of the driver may meet a later life
 * than the one it was noted for: what was ever asked of an id counts as a cause of all its ends from then on.
 */
#include "forest_rules.h"

#include <stdio.h>

/* ---- a life begins ---- */

/* Siblings that start together take along who ended for good before, under a new id. */
static void check_new_id(struct node *node)
{
    if (node_is_ordered(node) || node_is_adding(node->parent))
        return;
    if (rule_each_for_itself(node->parent) || node->child.restart == TROUPE_TEMPORARY)
        forest_wrong_locked(node->forest, "%s is spawned twice by one life of %s", node->name,
                            node->parent->name);
}

/* A temporary one that was stopped in its start for a sibling's sake has had its chance. */
static bool went_through_its_start(const struct node *supervisor, const struct node *child)
{
    if (supervisor->kind == NODE_POOL && child->place >= supervisor->n_first)
        return true;
    return child->up_in_life == supervisor->life ||
           (child->child.restart == TROUPE_TEMPORARY && !rule_each_for_itself(supervisor));
}

static void check_first_start(struct node *node, const troupe_start *start)
{
    struct node *parent = node->parent;

    if (start->incarnation != 1)
        forest_wrong_locked(node->forest, "%s begins with life %u", node->name, start->incarnation);
    if (!parent)
        return;
    if (node->id.value && node->inside_life == parent->life) {
        check_new_id(node);
        return;
    }
    if (parent->kind == NODE_POOL && node_is_adding(parent))
        return;
    if (parent->state != NODE_STARTING)
        forest_wrong_locked(node->forest, "%s is spawned by %s, which is not starting", node->name,
                            parent->name);
    for (uint32_t i = 0; i < node->place; i++)
        if (!went_through_its_start(parent, parent->children[i]))
            forest_wrong_locked(node->forest, "%s starts, and %s before it was never up",
                                node->name, parent->children[i]->name);
}

/* What its siblings must have done before node may come back. */
static void check_siblings_ended(struct node *node)
{
    struct node *parent = node->parent;

    for (uint32_t i = 0; i < parent->n_children; i++) {
        const struct node *sibling = parent->children[i];

        /* One that an order started meanwhile is new anyway. */
        if (rule_concerns(node, sibling) && !sibling->alone && sibling->state != NODE_DOWN &&
            sibling->began < node->ended)
            forest_wrong_locked(node->forest, "%s comes back, and %s was not stopped for it",
                                node->name, sibling->name);
    }
}

static void check_restart(struct node *node, const troupe_start *start)
{
    struct node *parent = node->parent;
    bool failed = node->reason == TROUPE_EXIT_GAVE_UP || node->was_refused ||
                  (node->last_causes & OWN_FAULT) != 0 ||
                  (node_is_supervisor(node) && node->reason == TROUPE_EXIT_NORMAL);

    node->forest->n_restarts++;
    if (node->suspect)
        forest_wrong_locked(node->forest, "%s was stopped for no cause", node->name);
    if (start->incarnation != node->incarnation + 1)
        forest_wrong_locked(node->forest, "%s: life %u after life %u", node->name,
                            start->incarnation, node->incarnation);
    if (!parent || !node->heard || node->heard_incarnation != node->incarnation) {
        forest_wrong_locked(node->forest, "%s is restarted, and nobody heard of its end",
                            node->name);
        return;
    }
    if (!node_is_ordered(node) && (node->heard_calm ? !rule_restarts(node, node->reason)
                                                    : node->child.restart == TROUPE_TEMPORARY))
        forest_wrong_locked(node->forest, "%s is restarted against its rule after %s", node->name,
                            troupe_exit_reason_name(node->reason));
    if (node->left_down)
        forest_wrong_locked(node->forest, "%s is restarted, though it was to stay down",
                            node->name);
    if (!node->granted && !node_is_ordered(node))
        forest_wrong_locked(node->forest, "%s is restarted once too often", node->name);
    if (node->reason == TROUPE_EXIT_RESTART || !failed || node_is_ordered(node))
        return;
    check_siblings_ended(node);
}

/* In a round of restarts one starts at a time, in order. */
static void check_turn(struct node *node)
{
    struct node *parent = node->parent;

    for (uint32_t i = 0; i < parent->n_children; i++) {
        const struct node *sibling = parent->children[i];

        if (sibling == node || sibling->alone)
            continue;
        if (!node->forest->simulation && (node->causes | sibling->causes))
            continue; /* an ask may have met it at any time */
        if (sibling->state == NODE_STARTING)
            forest_wrong_locked(node->forest, "%s starts while %s does", node->name, sibling->name);
        else if (sibling->rank > node->rank && sibling->state != NODE_DOWN)
            forest_wrong_locked(node->forest, "%s starts, and %s behind it is there already",
                                node->name, sibling->name);
    }
}

static void begin_id(struct node *node, const troupe_start *start)
{
    uint32_t inside = node->parent ? node->parent->life : 0;

    node->again = node->parent && node->id.value && node->inside_life == inside;
    if (!node->again || node->removed || node->parent->kind == NODE_POOL)
        node->own.n = node->own_most.n = 0; /* its supervisor knows it anew */
    if (node->again && node->removed)
        node->rank = node->parent->next_rank++;
    node->removed = node->lingers = false;
    node->id = start->id;
    node->spawned = node->forest->clock;
    node->inside_life = inside;
    node->causes = 0;
    node->excused = node->n_orders > 0;
    node->left_down = node->done = node->gone = false;
    node->last_sequence = 0;
}

static void begin_life(struct node *node, const troupe_start *start)
{
    struct forest *forest = node->forest;

    forest->n_lives++;
    if (forest->simulation && !(node->causes & CAUSE_OTHER_LIFE))
        node->causes = 0;
    node->incarnation = start->incarnation;
    node->life++;
    node->began = forest->clock;
    node->state = NODE_STARTING;
    node->heard = node->granted = node->suspect = node->was_refused = node->was_ordered = false;
    node->common.n = node->common_most.n = 0;
    node->lingering_add = false;
    node->fuzzy = node->n_changes > 0; /* that wait for this life */
    node->next_rank = node->n_children;
    for (uint32_t i = 0; i < node->n_children; i++) {
        node->children[i]->rank = i;
        node->children[i]->removed = false;
        node->children[i]->stopped_in = 0;
    }
    node->must_end = node->may_end = false;
    node->may_give_up = node->may_shut_down = node->n_changes > 0;
}

enum mischief mischief_take(struct node *node, enum mischief a, enum mischief b)
{
    enum mischief mischief = node->mischief;

    if (mischief != a && mischief != b)
        return MISCHIEF_NONE;
    node->mischief = MISCHIEF_NONE;
    return mischief;
}

enum mischief log_pre_start(struct node *node, const troupe_start *start)
{
    struct forest *forest = forest_enter(node, "begins");
    enum mischief mischief;

    if (node->state != NODE_DOWN)
        forest_wrong_locked(forest, "%s: life %u begins beside life %u", node->name,
                            start->incarnation, node->incarnation);
    if (node->parent && node->parent->state == NODE_DOWN)
        forest_wrong_locked(forest, "%s begins without a supervisor", node->name);
    if (start->id.value != node->id.value) {
        check_first_start(node, start);
        begin_id(node, start);
    } else {
        check_restart(node, start);
    }
    if (node->parent && node->stopped_in == node->parent->life && !node->n_restarts_ordered &&
        !node_is_adding(node->parent))
        forest_wrong_locked(forest, "%s begins, though an order stopped it", node->name);
    node->alone = (start->incarnation > 1 && node->reason == TROUPE_EXIT_RESTART &&
                   (node->last_causes & CAUSE_RESTART) && !node->was_ordered) ||
                  node_is_ordered(node) || node_is_adding(node->parent);
    if (node->parent && !rule_each_for_itself(node->parent) && !node->alone)
        check_turn(node);
    begin_life(node, start);
    mischief = mischief_take(node, MISCHIEF_REFUSE, MISCHIEF_REFUSE);
    forest_leave(forest);
    return mischief;
}

void log_up(struct node *node)
{
    struct forest *forest = forest_enter(node, "is up");

    if (node->state != NODE_STARTING)
        forest_wrong_locked(forest, "%s is up without a start", node->name);
    for (uint32_t i = 0; i < node->n_children; i++)
        if (!went_through_its_start(node, node->children[i]))
            forest_wrong_locked(forest, "%s is up, and %s never was", node->name,
                                node->children[i]->name);
    node->state = NODE_UP;
    node->up_in_life = node->inside_life;
    forest_leave(forest);
}

/* ---- a life ends ---- */

/* An end of node's that its supervisor may answer with a stop of the siblings. */
static void note_fault(struct node *node)
{
    if (!node->parent || node->child.restart == TROUPE_TEMPORARY)
        return;
    node->failed_at = node->forest->clock;
    node->failed_in = node->parent->life;
}

static bool for_a_sibling(const struct node *node)
{
    const struct node *parent = node->parent;
    uint64_t since =
        node->ended; /* not began: it may have been on its way when its supervisor heard */

    if (parent && node->forest->faulty && !rule_each_for_itself(parent))
        return true; /* a sibling's start for which there was no memory is not seen */
    for (uint32_t i = 0; parent && i < parent->n_children; i++) {
        const struct node *sibling = parent->children[i];

        if (rule_concerns(sibling, node) && sibling->failed_in == parent->life &&
            (sibling->failed_at > since || sibling->heard_at > since))
            return true;
    }
    return false;
}

/* Nobody asked for it, so its supervisor did, or its supervisor ends. */
static void check_ordered_stop(struct node *node)
{
    const struct node *parent = node->parent;

    if (node->may_end)
        return; /* its work is done */
    node->was_ordered = true;
    node->suspect = !for_a_sibling(node);
    /* A supervisor stops by place, the runtime by age; they differ for one that came back under a new id. */
    for (uint32_t i = 0; parent && i < parent->n_children; i++) {
        const struct node *sibling = parent->children[i];

        if (sibling->rank > node->rank && sibling->state != NODE_DOWN && !sibling->alone &&
            sibling->spawned > node->spawned)
            forest_wrong_locked(node->forest, "%s is stopped before %s, which started after it",
                                node->name, sibling->name);
    }
}

/* Its first start under this id fails, and no notice of a held child will say so. */
static void note_failed_start(struct node *node)
{
    struct node *parent = node->parent;

    if (node_is_adding(parent))
        node->excused = true;
    if (node->incarnation != 1 || !node->again)
        return;
    node->reason = TROUPE_EXIT_REFUSED;
    node->heard = true;
    node->heard_incarnation = 1;
    node->heard_ns = troupe_now(node->forest->system);
    rule_decide(parent, node);
}

void log_refused(struct node *node)
{
    struct forest *forest = forest_enter(node, "refused");

    node->was_refused = true;
    node->last_causes = CAUSE_STUMBLED;
    node->state = NODE_DOWN;
    node->ended = forest->clock;
    note_fault(node);
    note_failed_start(node);
    forest_leave(forest);
}

/* An order may be why it ends. */
static void ask_orders(struct node *node)
{
    if (!node->causes && node->n_orders)
        node->causes = node->n_restarts_ordered ? CAUSE_RESTART : CAUSE_STOP;
}

void log_pre_stop(struct node *node)
{
    struct forest *forest = forest_enter(node, "stops");

    ask_orders(node);
    if (node->state != NODE_UP)
        forest_wrong_locked(forest, "%s: pre_stop of what is not up", node->name);
    if (!node->causes)
        check_ordered_stop(node);
    node->state = NODE_STOPPING;
    forest_leave(forest);
}

void log_post_stop(struct node *node)
{
    struct forest *forest = forest_enter(node, "ended");

    if (node->state == NODE_DOWN)
        forest_wrong_locked(forest, "%s ends twice", node->name);
    for (uint32_t i = 0; i < node->n_children; i++) {
        if (node->children[i]->state != NODE_DOWN)
            forest_wrong_locked(forest, "%s outlives its supervisor %s", node->children[i]->name,
                                node->name);
        node->children[i]->suspect = false;
    }
    ask_orders(node);
    /* A supervisor that ends by itself gave up, or could not start: what its own hears of it will tell. */
    if (!node->causes && node->state != NODE_STOPPING && !node_is_supervisor(node))
        check_ordered_stop(node);
    if ((node->causes & (OWN_FAULT | CAUSE_RESTART | CAUSE_OTHER_LIFE)) ||
        node_is_supervisor(node) || node->state == NODE_STARTING)
        note_fault(node);
    if (node->state == NODE_STARTING)
        note_failed_start(node);
    node->last_causes = node->causes;
    if (forest->simulation)
        node->causes = 0;
    node->state = NODE_DOWN;
    node->ended = forest->clock;
    forest_leave(forest);
}

/* ---- what a supervisor hears ---- */

static struct node *child_with(struct node *supervisor, troupe_id id)
{
    for (uint32_t i = 0; i < supervisor->n_children; i++)
        if (supervisor->children[i]->id.value == id.value)
            return supervisor->children[i];
    return NULL;
}

/* Starts and restarts may fail for no fault of the tree's. */
static bool is_excused(const struct forest *forest)
{
    return forest->closing || forest->faulty;
}

static void check_reason(struct node *node, troupe_exit_reason reason)
{
    unsigned causes = node->last_causes;
    bool fits = true;

    switch (reason) {
    case TROUPE_EXIT_CRASHED:
        fits = (causes & (CAUSE_CRASH | CAUSE_STUMBLED)) != 0;
        break;
    case TROUPE_EXIT_KILLED: /* on threads the machine may be too slow for its stop_timeout */
        fits = (causes & (CAUSE_KILL | CAUSE_TOO_LATE)) != 0 || !node->forest->simulation;
        break;
    case TROUPE_EXIT_GAVE_UP:
        fits = node_is_supervisor(node) && (node->may_give_up || is_excused(node->forest));
        node->forest->n_gave_up++;
        break;
    case TROUPE_EXIT_SHUTDOWN:
        fits = node_is_supervisor(node) && (node->may_shut_down || is_excused(node->forest));
        break;
    case TROUPE_EXIT_REFUSED:
        fits = (causes & CAUSE_STUMBLED) != 0 || node->forest->faulty;
        break;
    default:
        break;
    }
    if (!fits)
        forest_wrong_locked(node->forest, "%s is said to have ended as %s, for no cause (%x)",
                            node->name, troupe_exit_reason_name(reason), causes);
}

static void hear_exit(struct node *supervisor, struct node *child, const troupe_exit *end)
{
    /* Without memory to be held once more it begins, and is stopped before its pre_start. */
    if (child->state == NODE_DOWN && child->incarnation + 1 == end->incarnation &&
        supervisor->forest->faulty)
        child->incarnation++;
    if (child->state != NODE_DOWN || child->incarnation != end->incarnation)
        forest_wrong_locked(supervisor->forest,
                            "%s hears that life %u of %s is held, and it is not", supervisor->name,
                            end->incarnation, child->name);
    child->heard = true;
    child->heard_incarnation = end->incarnation;
    child->heard_at = supervisor->forest->clock;
    child->heard_ns = troupe_now(supervisor->forest->system);
    child->reason = end->reason;
    check_reason(child, end->reason);
    report_expect(supervisor, child, end);
    if (end->reason != TROUPE_EXIT_NORMAL && end->reason != TROUPE_EXIT_RESTART)
        supervisor->forest->n_crashes++;
    rule_decide(supervisor, child);
}

/* auto_shutdown. Whom a sibling's end concerns, too, may have ended for that one: no more than may be said then. */
static void hear_down(struct node *supervisor, struct node *child)
{
    bool all = supervisor->kind == NODE_SUPERVISOR;

    if (child->up_in_life != supervisor->life && rule_each_for_itself(supervisor) &&
        supervisor->state == NODE_STARTING)
        supervisor->must_end = true; /* its start fails */
    child->gone = true;
    child->done = child->inside_life == supervisor->life && !child->was_ordered;
    if (!child->child.significant || !child->done)
        return;
    supervisor->may_end = true;
    child->done =
        !child->n_orders; /* it may have ended by itself, or by the order: no auto_shutdown then */
    for (uint32_t i = 0; i < supervisor->n_children; i++)
        all = all && (supervisor->children[i]->done || !supervisor->children[i]->child.significant);
    if (rule_each_for_itself(supervisor) && child->done && !child->excused &&
        !supervisor->forest->faulty &&
        (all || supervisor->supervisor.auto_shutdown == TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT))
        supervisor->must_end = true;
}

void log_notice(struct node *supervisor, const troupe_notice *notice)
{
    struct forest *forest = forest_enter(supervisor, "hears");
    struct node *child = child_with(supervisor, notice->exit.id);

    if (forest->trace && child)
        fprintf(stderr, "%*s%s: %s, %s\n", 40, "", child->name,
                notice->event == TROUPE_EVENT_CHILD_EXIT ? "held"
                : notice->event == TROUPE_EVENT_STARTED  ? "started"
                                                         : "gone",
                troupe_exit_reason_name(notice->exit.reason));

    /* One that is stopped before its pre_start on its own turn is never seen here. */
    if (!child && notice->event != TROUPE_EVENT_CHILD_DOWN)
        forest_wrong_locked(forest, "%s hears of a stranger", supervisor->name);
    else if (child && notice->event == TROUPE_EVENT_CHILD_EXIT)
        hear_exit(supervisor, child, &notice->exit);
    else if (child && notice->event == TROUPE_EVENT_CHILD_DOWN)
        hear_down(supervisor, child);
    forest_leave(forest);
}
