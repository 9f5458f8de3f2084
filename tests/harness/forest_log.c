/* forest_log.c - what happened in a forest, and whether it may. Everything here holds the forest's lock.
 *
 * On threads the log is in the order in which the hooks took the lock, and an ask of the driver may meet a later life
 * than the one it was noted for: what was ever asked of an id counts as a cause of all its ends from then on.
 */
#include "forest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OWN_FAULT (CAUSE_CRASH | CAUSE_STUMBLED | CAUSE_KILL | CAUSE_EXIT)

static void say_wrong(struct forest *forest, const char *format, va_list args)
{
    char text[256];

    vsnprintf(text, sizeof text, format, args);
    if (forest->n_failures++ < 5)
        fprintf(stderr, "seed %llu, event %llu: %s\n", (unsigned long long)forest->seed,
                (unsigned long long)forest->clock, text);
}

TROUPE_PRINTF(2, 3) static void wrong(struct forest *forest, const char *format, ...)
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

static struct forest *enter(struct node *node, const char *what)
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

static void leave(struct forest *forest)
{
    trp_mutex_unlock(&forest->lock);
}

/* ---- what the plan says ---- */

static bool is_supervisor(const struct node *node)
{
    return node->kind != NODE_WORKER;
}

static bool rule_restarts(const struct node *node, troupe_exit_reason reason)
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
static bool concerns(const struct node *node, const struct node *sibling)
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

static bool each_for_itself(const struct node *parent)
{
    return parent->kind == NODE_POOL || parent->supervisor.strategy == TROUPE_ONE_FOR_ONE;
}

/* An order may be why it ends or begins. */
static bool is_ordered(const struct node *node)
{
    return node->n_orders || node->lingers;
}

static bool is_adding(const struct node *supervisor)
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

static bool is_crash(troupe_exit_reason reason)
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
    if (supervisor->fuzzy || is_adding(supervisor) || is_ordered(child))
        return false;
    if (each_for_itself(supervisor))
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
    bool escalates = child->reason == TROUPE_EXIT_ESCALATED ||
                     (is_crash(child->reason) && child->child.on_crash == TROUPE_ON_CRASH_ESCALATE);
    bool is_ignored =
        !escalates && is_crash(child->reason) && child->child.on_crash == TROUPE_ON_CRASH_IGNORE;

    supervisor->may_give_up |= escalates;
    supervisor->must_end |= escalates && calm;
    child->left_down |= is_ignored && calm;
    child->excused |= is_ignored;
    return !escalates && !is_ignored;
}

static void decide(struct node *supervisor, struct node *child)
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

/* ---- a life begins ---- */

/* Siblings that start together take along who ended for good before, under a new id. */
static void check_new_id(struct node *node)
{
    if (is_ordered(node) || is_adding(node->parent))
        return;
    if (each_for_itself(node->parent) || node->child.restart == TROUPE_TEMPORARY)
        wrong(node->forest, "%s is spawned twice by one life of %s", node->name,
              node->parent->name);
}

/* A temporary one that was stopped in its start for a sibling's sake has had its chance. */
static bool went_through_its_start(const struct node *supervisor, const struct node *child)
{
    if (supervisor->kind == NODE_POOL && child->place >= supervisor->n_first)
        return true;
    return child->up_in_life == supervisor->life ||
           (child->child.restart == TROUPE_TEMPORARY && !each_for_itself(supervisor));
}

static void check_first_start(struct node *node, const troupe_start *start)
{
    struct node *parent = node->parent;

    if (start->incarnation != 1)
        wrong(node->forest, "%s begins with life %u", node->name, start->incarnation);
    if (!parent)
        return;
    if (node->id.value && node->inside_life == parent->life) {
        check_new_id(node);
        return;
    }
    if (parent->kind == NODE_POOL && is_adding(parent))
        return;
    if (parent->state != NODE_STARTING)
        wrong(node->forest, "%s is spawned by %s, which is not starting", node->name, parent->name);
    for (uint32_t i = 0; i < node->place; i++)
        if (!went_through_its_start(parent, parent->children[i]))
            wrong(node->forest, "%s starts, and %s before it was never up", node->name,
                  parent->children[i]->name);
}

/* What its siblings must have done before node may come back. */
static void check_siblings_ended(struct node *node)
{
    struct node *parent = node->parent;

    for (uint32_t i = 0; i < parent->n_children; i++) {
        const struct node *sibling = parent->children[i];

        /* One that an order started meanwhile is new anyway. */
        if (concerns(node, sibling) && !sibling->alone && sibling->state != NODE_DOWN &&
            sibling->began < node->ended)
            wrong(node->forest, "%s comes back, and %s was not stopped for it", node->name,
                  sibling->name);
    }
}

static void check_restart(struct node *node, const troupe_start *start)
{
    struct node *parent = node->parent;
    bool failed = node->reason == TROUPE_EXIT_GAVE_UP || node->was_refused ||
                  (node->last_causes & OWN_FAULT) != 0 ||
                  (is_supervisor(node) && node->reason == TROUPE_EXIT_NORMAL);

    node->forest->n_restarts++;
    if (node->suspect)
        wrong(node->forest, "%s was stopped for no cause", node->name);
    if (start->incarnation != node->incarnation + 1)
        wrong(node->forest, "%s: life %u after life %u", node->name, start->incarnation,
              node->incarnation);
    if (!parent || !node->heard || node->heard_incarnation != node->incarnation) {
        wrong(node->forest, "%s is restarted, and nobody heard of its end", node->name);
        return;
    }
    if (!is_ordered(node) && (node->heard_calm ? !rule_restarts(node, node->reason)
                                               : node->child.restart == TROUPE_TEMPORARY))
        wrong(node->forest, "%s is restarted against its rule after %s", node->name,
              troupe_exit_reason_name(node->reason));
    if (node->left_down)
        wrong(node->forest, "%s is restarted, though it was to stay down", node->name);
    if (!node->granted && !is_ordered(node))
        wrong(node->forest, "%s is restarted once too often", node->name);
    if (node->reason == TROUPE_EXIT_RESTART || !failed || is_ordered(node))
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
        if (sibling->state == NODE_STARTING)
            wrong(node->forest, "%s starts while %s does", node->name, sibling->name);
        else if (sibling->rank > node->rank && sibling->state != NODE_DOWN)
            wrong(node->forest, "%s starts, and %s behind it is there already", node->name,
                  sibling->name);
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

static enum mischief take(struct node *node, enum mischief a, enum mischief b)
{
    enum mischief mischief = node->mischief;

    if (mischief != a && mischief != b)
        return MISCHIEF_NONE;
    node->mischief = MISCHIEF_NONE;
    return mischief;
}

enum mischief log_pre_start(struct node *node, const troupe_start *start)
{
    struct forest *forest = enter(node, "begins");
    enum mischief mischief;

    if (node->state != NODE_DOWN)
        wrong(forest, "%s: life %u begins beside life %u", node->name, start->incarnation,
              node->incarnation);
    if (node->parent && node->parent->state == NODE_DOWN)
        wrong(forest, "%s begins without a supervisor", node->name);
    if (start->id.value != node->id.value) {
        check_first_start(node, start);
        begin_id(node, start);
    } else {
        check_restart(node, start);
    }
    if (node->parent && node->stopped_in == node->parent->life && !node->n_restarts_ordered &&
        !is_adding(node->parent))
        wrong(forest, "%s begins, though an order stopped it", node->name);
    node->alone = (start->incarnation > 1 && node->reason == TROUPE_EXIT_RESTART &&
                   (node->last_causes & CAUSE_RESTART) && !node->was_ordered) ||
                  is_ordered(node) || is_adding(node->parent);
    if (node->parent && !each_for_itself(node->parent) && !node->alone)
        check_turn(node);
    begin_life(node, start);
    mischief = take(node, MISCHIEF_REFUSE, MISCHIEF_REFUSE);
    leave(forest);
    return mischief;
}

void log_up(struct node *node)
{
    struct forest *forest = enter(node, "is up");

    if (node->state != NODE_STARTING)
        wrong(forest, "%s is up without a start", node->name);
    for (uint32_t i = 0; i < node->n_children; i++)
        if (!went_through_its_start(node, node->children[i]))
            wrong(forest, "%s is up, and %s never was", node->name, node->children[i]->name);
    node->state = NODE_UP;
    node->up_in_life = node->inside_life;
    leave(forest);
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

    for (uint32_t i = 0; parent && i < parent->n_children; i++) {
        const struct node *sibling = parent->children[i];

        if (concerns(sibling, node) && sibling->failed_in == parent->life &&
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
            wrong(node->forest, "%s is stopped before %s, which started after it", node->name,
                  sibling->name);
    }
}

/* Its first start under this id fails, and no notice of a held child will say so. */
static void note_failed_start(struct node *node)
{
    struct node *parent = node->parent;

    if (is_adding(parent))
        node->excused = true;
    if (node->incarnation != 1 || !node->again)
        return;
    node->reason = TROUPE_EXIT_REFUSED;
    node->heard = true;
    node->heard_incarnation = 1;
    node->heard_ns = troupe_now(node->forest->system);
    decide(parent, node);
}

void log_refused(struct node *node)
{
    struct forest *forest = enter(node, "refused");

    node->was_refused = true;
    node->last_causes = CAUSE_STUMBLED;
    node->state = NODE_DOWN;
    node->ended = forest->clock;
    note_fault(node);
    note_failed_start(node);
    leave(forest);
}

/* An order may be why it ends. */
static void ask_orders(struct node *node)
{
    if (!node->causes && node->n_orders)
        node->causes = node->n_restarts_ordered ? CAUSE_RESTART : CAUSE_STOP;
}

void log_pre_stop(struct node *node)
{
    struct forest *forest = enter(node, "stops");

    ask_orders(node);
    if (node->state != NODE_UP)
        wrong(forest, "%s: pre_stop of what is not up", node->name);
    if (!node->causes)
        check_ordered_stop(node);
    node->state = NODE_STOPPING;
    leave(forest);
}

void log_post_stop(struct node *node)
{
    struct forest *forest = enter(node, "ended");

    if (node->state == NODE_DOWN)
        wrong(forest, "%s ends twice", node->name);
    for (uint32_t i = 0; i < node->n_children; i++) {
        if (node->children[i]->state != NODE_DOWN)
            wrong(forest, "%s outlives its supervisor %s", node->children[i]->name, node->name);
        node->children[i]->suspect = false;
    }
    ask_orders(node);
    /* A supervisor that ends by itself gave up, or could not start: what its own hears of it will tell. */
    if (!node->causes && node->state != NODE_STOPPING && !is_supervisor(node))
        check_ordered_stop(node);
    if ((node->causes & (OWN_FAULT | CAUSE_RESTART | CAUSE_OTHER_LIFE)) || is_supervisor(node) ||
        node->state == NODE_STARTING)
        note_fault(node);
    if (node->state == NODE_STARTING)
        note_failed_start(node);
    node->last_causes = node->causes;
    if (forest->simulation)
        node->causes = 0;
    node->state = NODE_DOWN;
    node->ended = forest->clock;
    leave(forest);
}

/* ---- what a supervisor hears ---- */

static struct node *child_with(struct node *supervisor, troupe_id id)
{
    for (uint32_t i = 0; i < supervisor->n_children; i++)
        if (supervisor->children[i]->id.value == id.value)
            return supervisor->children[i];
    return NULL;
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
        fits = is_supervisor(node) && (node->may_give_up || node->forest->closing);
        node->forest->n_gave_up++;
        break;
    case TROUPE_EXIT_SHUTDOWN:
        fits = is_supervisor(node) && (node->may_shut_down || node->forest->closing);
        break;
    case TROUPE_EXIT_REFUSED:
        fits = (causes & CAUSE_STUMBLED) != 0;
        break;
    default:
        break;
    }
    if (!fits)
        wrong(node->forest, "%s is said to have ended as %s, for no cause (%x)", node->name,
              troupe_exit_reason_name(reason), causes);
}

static void hear_exit(struct node *supervisor, struct node *child, const troupe_exit *end)
{
    if (child->state != NODE_DOWN || child->incarnation != end->incarnation)
        wrong(supervisor->forest, "%s hears that life %u of %s is held, and it is not",
              supervisor->name, end->incarnation, child->name);
    child->heard = true;
    child->heard_incarnation = end->incarnation;
    child->heard_at = supervisor->forest->clock;
    child->heard_ns = troupe_now(supervisor->forest->system);
    child->reason = end->reason;
    check_reason(child, end->reason);
    if (end->reason != TROUPE_EXIT_NORMAL && end->reason != TROUPE_EXIT_RESTART)
        supervisor->forest->n_crashes++;
    decide(supervisor, child);
}

/* auto_shutdown. Whom a sibling's end concerns, too, may have ended for that one: no more than may be said then. */
static void hear_down(struct node *supervisor, struct node *child)
{
    bool all = supervisor->kind == NODE_SUPERVISOR;

    if (child->up_in_life != supervisor->life && each_for_itself(supervisor) &&
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
    if (each_for_itself(supervisor) && child->done && !child->excused &&
        (all || supervisor->supervisor.auto_shutdown == TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT))
        supervisor->must_end = true;
}

void log_notice(struct node *supervisor, const troupe_notice *notice)
{
    struct forest *forest = enter(supervisor, "hears");
    struct node *child = child_with(supervisor, notice->exit.id);

    if (forest->trace && child)
        fprintf(stderr, "%*s%s: %s, %s\n", 40, "", child->name,
                notice->event == TROUPE_EVENT_CHILD_EXIT ? "held"
                : notice->event == TROUPE_EVENT_STARTED  ? "started"
                                                         : "gone",
                troupe_exit_reason_name(notice->exit.reason));

    /* One that is stopped before its pre_start on its own turn is never seen here. */
    if (!child && notice->event != TROUPE_EVENT_CHILD_DOWN)
        wrong(forest, "%s hears of a stranger", supervisor->name);
    else if (child && notice->event == TROUPE_EVENT_CHILD_EXIT)
        hear_exit(supervisor, child, &notice->exit);
    else if (child && notice->event == TROUPE_EVENT_CHILD_DOWN)
        hear_down(supervisor, child);
    leave(forest);
}

/* ---- causes ---- */

void log_cause(struct node *node, unsigned cause)
{
    struct forest *forest = enter(node, "has a cause");

    node->causes |= cause;
    leave(forest);
}

bool log_ask(struct node *node, unsigned cause, troupe_id *ret_id)
{
    struct forest *forest = enter(node, "is asked");

    *ret_id = node->id;
    if (node->id.value) {
        node->causes |= cause;
        if (node->state == NODE_DOWN)
            node->causes |= CAUSE_OTHER_LIFE;
        if (node->state == NODE_DOWN || cause == CAUSE_STOP || !forest->simulation)
            node->excused = true;
    }
    leave(forest);
    return node->id.value != 0;
}

enum mischief log_take_mischief(struct node *node, enum mischief a, enum mischief b)
{
    struct forest *forest = enter(node, "goes on");
    enum mischief mischief = take(node, a, b);

    leave(forest);
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
    return is_supervisor(node);
}

bool log_order(struct node *node, troupe_order_kind kind, troupe_id *ret_supervisor,
               uint32_t *ret_life, uint32_t *ret_number)
{
    struct forest *forest = enter(node, "is the matter of an order");
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
    leave(forest);
    return sense;
}

void log_answer(struct node *node, troupe_order_kind kind, uint32_t life, uint32_t number,
                troupe_status status)
{
    struct forest *forest = enter(node, "has its answer");
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
                    wrong(forest, "%s is said to be stopped, and is not down", node->name);
                node->stopped_in = life;
            }
        }
    }
    leave(forest);
}

/* ---- messages ---- */

void log_message(struct node *node, const struct order *order)
{
    struct forest *forest = enter(node, "gets a message");

    if (node->state != NODE_UP)
        wrong(forest, "%s gets a message, and is not up", node->name);
    if (order->sequence && order->sequence <= node->last_sequence)
        wrong(forest, "%s gets message %u after %u", node->name, order->sequence,
              node->last_sequence);
    if (order->sequence)
        node->last_sequence = order->sequence;
    leave(forest);
}

void log_handled(struct node *node)
{
    struct forest *forest = enter(node, "goes on");

    forest->n_handled++;
    leave(forest);
}

void log_passed(struct node *node)
{
    struct forest *forest = enter(node, "is told");

    forest->n_passed++;
    leave(forest);
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
        wrong(node->forest, "%s is %s for ever", node->name,
              info.phase == TROUPE_PHASE_HELD ? "held" : "neither up nor gone");
    else if (waits_to_be_added)
        return;
    else if (node->heard && node->granted && !node->excused)
        wrong(node->forest, "%s was not restarted after %s", node->name,
              troupe_exit_reason_name(node->reason));
    else if (!node->heard && !node->excused && node->child.restart != TROUPE_TEMPORARY &&
             node->last_causes != CAUSE_STOP)
        wrong(node->forest, "%s is down, and nobody heard of it", node->name);
}

static void check_place(struct node *node)
{
    struct forest *forest = node->forest;
    struct node *parent = node->parent;

    if (node->state == NODE_STARTING || node->state == NODE_STOPPING)
        wrong(forest, "%s %s for ever", node->name,
              node->state == NODE_STARTING ? "starts" : "stops");
    if (node->state == NODE_UP && node->must_end)
        wrong(forest, "%s goes on, though it must give up", node->name);
    if (!parent || parent->state == NODE_DOWN)
        return;
    if (node->suspect)
        wrong(forest, "%s was stopped for no cause", node->name);
    if (node->state == NODE_DOWN)
        check_down(node);
}

void log_check_rest(struct forest *forest)
{
    trp_mutex_lock(&forest->lock);
    for (uint32_t i = 0; i < forest->n_nodes; i++)
        check_place(&forest->nodes[i]);
    if (forest->n_open_orders)
        wrong(forest, "%llu orders without an answer", (unsigned long long)forest->n_open_orders);
    trp_mutex_unlock(&forest->lock);
}

void log_check_end(struct forest *forest)
{
    uint64_t walked = troupe_walk_mailboxes(forest->system);
    troupe_totals totals;

    troupe_totals_now(forest->system, &totals);
    trp_mutex_lock(&forest->lock);
    for (uint32_t i = 0; i < forest->n_nodes; i++)
        if (forest->nodes[i].state != NODE_DOWN)
            wrong(forest, "%s lives on after the end", forest->nodes[i].name);
    if (totals.live)
        wrong(forest, "%llu components are left", (unsigned long long)totals.live);
    if (totals.sent != totals.handled + totals.dead_letters + walked)
        wrong(forest, "%llu sent (%llu by us), %llu handled, %llu dead, %llu waiting, %llu found",
              (unsigned long long)totals.sent, (unsigned long long)forest->n_sent,
              (unsigned long long)totals.handled, (unsigned long long)totals.dead_letters,
              (unsigned long long)totals.waiting, (unsigned long long)walked);
    if (totals.handled < forest->n_handled || totals.handled > forest->n_handled + forest->n_passed)
        wrong(forest, "%llu handled, and %llu to %llu by those who did",
              (unsigned long long)totals.handled, (unsigned long long)forest->n_handled,
              (unsigned long long)(forest->n_handled + forest->n_passed));
    if (totals.sent < forest->n_sent)
        wrong(forest, "%llu sent, and %llu by those who did", (unsigned long long)totals.sent,
              (unsigned long long)forest->n_sent);
    trp_mutex_unlock(&forest->lock);
}
