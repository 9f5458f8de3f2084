/* forest_account.c - what was asked for, ordered and sent in a forest; and whether all is as it should be at rest. */
#include "forest_rules.h"

#include <stdio.h>

/* ---- causes ---- */

void log_cause(struct node *node, unsigned cause)
{
    struct forest *forest = forest_enter(node, "has a cause");

    node->causes |= cause;
    forest_leave(forest);
}

bool log_ask(struct node *node, unsigned cause, troupe_id *ret_id)
{
    struct forest *forest = forest_enter(node, "is asked");

    *ret_id = node->id;
    if (node->id.value) {
        node->causes |= cause;
        if (node->state == NODE_DOWN)
            node->causes |= CAUSE_OTHER_LIFE;
        if (node->state == NODE_DOWN || cause == CAUSE_STOP || !forest->simulation)
            node->excused = true;
    }
    forest_leave(forest);
    return ret_id->value != 0;
}

enum mischief log_take_mischief(struct node *node, enum mischief a, enum mischief b)
{
    struct forest *forest = forest_enter(node, "goes on");
    enum mischief mischief = mischief_take(node, a, b);

    forest_leave(forest);
    return mischief;
}

uint64_t log_dice(struct forest *forest, uint64_t below)
{
    uint64_t drawn;

    trp_mutex_lock(&forest->lock);
    drawn = trp_random_below(&forest->dice, below);
    trp_mutex_unlock(&forest->lock);
    return drawn;
}

/* ---- orders ---- */

static bool makes_sense(const struct node *node, troupe_order_kind kind)
{
    const struct node *parent = node->parent;

    switch (kind) {
    case TROUPE_ORDER_ADD: /* a removed child once more, or a member that the pool chooses */
        return parent && (parent->kind == NODE_POOL || (node->removed && !node->n_orders));
    case TROUPE_ORDER_REMOVE: /* alone: who is removed, and when, must be known */
        return parent && !node->n_orders;
    case TROUPE_ORDER_STOP:
    case TROUPE_ORDER_RESTART:
        return parent != NULL;
    case TROUPE_ORDER_CHANGE:
        break;
    }
    return node_is_supervisor(node);
}

bool log_order(struct node *node, troupe_order_kind kind, troupe_id *ret_supervisor,
               uint32_t *ret_life, uint32_t *ret_number)
{
    struct forest *forest = forest_enter(node, "is the matter of an order");
    struct node *supervisor = kind == TROUPE_ORDER_CHANGE ? node : node->parent;
    bool sense = makes_sense(node, kind);

    if (sense) {
        *ret_supervisor = supervisor->id;
        *ret_life = supervisor->life;
        *ret_number = ++node->n_ordered;
        forest->n_orders++;
        forest->n_open_orders++;
        if (kind == TROUPE_ORDER_CHANGE) {
            supervisor->n_changes++;
            supervisor->fuzzy = supervisor->may_give_up = supervisor->may_shut_down = true;
        } else {
            supervisor->n_adds += kind == TROUPE_ORDER_ADD;
            node->n_restarts_ordered += kind == TROUPE_ORDER_RESTART;
            node->n_orders += kind != TROUPE_ORDER_ADD || supervisor->kind != NODE_POOL;
            node->excused = true;
            if (kind == TROUPE_ORDER_RESTART || kind == TROUPE_ORDER_ADD)
                node->stopped_in = 0;
        }
    }
    if (forest->trace)
        fprintf(stderr, "%*s order %d%s\n", 40, "", (int)kind, sense ? "" : ": no sense");
    forest_leave(forest);
    return sense;
}

void log_answer(struct node *node, troupe_order_kind kind, uint32_t life, uint32_t number,
                troupe_status status)
{
    struct forest *forest = forest_enter(node, "has its answer");
    struct node *supervisor = node->parent;
    bool last = node->n_ordered == number;

    if (forest->trace)
        fprintf(stderr, "%*s order %d: %s\n", 40, "", (int)kind, troupe_status_name(status));
    forest->n_open_orders--;
    if (kind == TROUPE_ORDER_CHANGE) {
        node->n_changes--;
    } else {
        supervisor->n_adds -= kind == TROUPE_ORDER_ADD;
        node->n_restarts_ordered -= kind == TROUPE_ORDER_RESTART;
        node->n_orders -= kind != TROUPE_ORDER_ADD || supervisor->kind != NODE_POOL;
        /* Its supervisor ended over it: it may have passed the order on. */
        if (status != TROUPE_OK && kind == TROUPE_ORDER_ADD) {
            supervisor->lingering_add = true;
        } else if (status != TROUPE_OK) {
            node->lingers = true;
            if (node->state != NODE_DOWN)
                node->causes |= kind == TROUPE_ORDER_RESTART ? CAUSE_RESTART : CAUSE_STOP;
        }
        if (status == TROUPE_OK && supervisor->life == life && last) {
            node->removed |= kind == TROUPE_ORDER_REMOVE;
            if ((kind == TROUPE_ORDER_STOP || kind == TROUPE_ORDER_REMOVE) &&
                supervisor->kind != NODE_POOL) {
                if (node->state != NODE_DOWN)
                    forest_wrong_locked(forest, "%s is said to be stopped, and is not down",
                                        node->name);
                node->stopped_in = life;
            }
        }
    }
    forest_leave(forest);
}

/* ---- messages ---- */

void log_message(struct node *node, const struct order *order)
{
    struct forest *forest = forest_enter(node, "gets a message");

    if (node->state != NODE_UP)
        forest_wrong_locked(forest, "%s gets a message, and is not up", node->name);
    if (order->sequence && order->sequence <= node->last_sequence)
        forest_wrong_locked(forest, "%s gets message %u after %u", node->name, order->sequence,
                            node->last_sequence);
    if (order->sequence)
        node->last_sequence = order->sequence;
    forest_leave(forest);
}

void log_handled(struct node *node)
{
    struct forest *forest = forest_enter(node, "goes on");

    forest->n_handled++;
    forest_leave(forest);
}

void log_passed(struct node *node)
{
    struct forest *forest = forest_enter(node, "is told");

    forest->n_passed++;
    forest_leave(forest);
}

/* ---- at rest, and at the end ---- */

static void check_down(struct node *node)
{
    troupe_info info;
    bool waits_to_be_added = node->parent->kind == NODE_POOL &&
                             node->place >= node->parent->n_first &&
                             node->inside_life != node->parent->life;
    bool there = troupe_info_of(node->forest->system, node->id, &info) == TROUPE_OK;

    if (there)
        forest_wrong_locked(node->forest, "%s is %s for ever", node->name,
                            info.phase == TROUPE_PHASE_HELD ? "held" : "neither up nor gone");
    else if (waits_to_be_added)
        return;
    else if (node->heard && node->granted && !node->excused && !node->forest->faulty)
        forest_wrong_locked(node->forest, "%s was not restarted after %s", node->name,
                            troupe_exit_reason_name(node->reason));
    else if (!node->heard && !node->excused && !node->forest->faulty &&
             node->child.restart != TROUPE_TEMPORARY && node->last_causes != CAUSE_STOP)
        forest_wrong_locked(node->forest, "%s is down, and nobody heard of it", node->name);
}

static void check_place(struct node *node)
{
    struct forest *forest = node->forest;
    struct node *parent = node->parent;

    if (node->state == NODE_STARTING || node->state == NODE_STOPPING)
        forest_wrong_locked(forest, "%s %s for ever", node->name,
                            node->state == NODE_STARTING ? "starts" : "stops");
    if (node->state == NODE_UP && !forest->faulty)
        report_check_rest(node);
    if (node->state == NODE_UP && node->must_end)
        forest_wrong_locked(forest, "%s goes on, though it must give up", node->name);
    if (!parent || parent->state == NODE_DOWN)
        return;
    if (node->suspect)
        forest_wrong_locked(forest, "%s was stopped for no cause", node->name);
    if (node->state == NODE_DOWN)
        check_down(node);
}

void log_check_rest(struct forest *forest)
{
    trp_mutex_lock(&forest->lock);
    for (uint32_t i = 0; i < forest->n_nodes; i++)
        check_place(&forest->nodes[i]);
    if (forest->n_open_orders)
        forest_wrong_locked(forest, "%llu orders without an answer",
                            (unsigned long long)forest->n_open_orders);
    trp_mutex_unlock(&forest->lock);
}

static bool adds_up(const troupe_totals *totals, uint64_t walked)
{
    return totals->sent == totals->handled + totals->dead_letters + walked;
}

void log_check_end(struct forest *forest)
{
    troupe_totals totals;
    uint64_t walked = troupe_account_now(forest->system, &totals);

    trp_mutex_lock(&forest->lock);
    for (uint32_t i = 0; i < forest->n_nodes; i++)
        if (forest->nodes[i].state != NODE_DOWN)
            forest_wrong_locked(forest, "%s lives on after the end", forest->nodes[i].name);
    if (totals.live)
        forest_wrong_locked(forest, "%llu components are left", (unsigned long long)totals.live);
    if (!adds_up(&totals, walked))
        forest_wrong_locked(
            forest, "%llu sent (%llu by us), %llu handled, %llu dead, %llu waiting, %llu found",
            (unsigned long long)totals.sent, (unsigned long long)forest->n_sent,
            (unsigned long long)totals.handled, (unsigned long long)totals.dead_letters,
            (unsigned long long)totals.waiting, (unsigned long long)walked);
    if (totals.handled < forest->n_handled || totals.handled > forest->n_handled + forest->n_passed)
        forest_wrong_locked(forest, "%llu handled, and %llu to %llu by those who did",
                            (unsigned long long)totals.handled,
                            (unsigned long long)forest->n_handled,
                            (unsigned long long)forest->n_handled + forest->n_passed);
    if (totals.sent < forest->n_sent)
        forest_wrong_locked(forest, "%llu sent, and %llu by those who did",
                            (unsigned long long)totals.sent, (unsigned long long)forest->n_sent);
    trp_mutex_unlock(&forest->lock);
}
