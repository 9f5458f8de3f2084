/* siblings.c - children that start in order, one after post_start of the one before; and that are stopped in reverse
 * and start again together, because one of them ended (one_for_all, rest_for_one).
 *
 *          first start                                            the last one is up
 *   NONE ---------------------------------------> STARTING ---------------------------> NONE
 *     |                                            ^    |
 *     | one ended                     wait is over |    | one ended: from the first that goes down with it
 *     +------------> STOPPING --------> WAITING ---+    |
 *                     ^   all are held or down          |
 *                     +---------------------------------+
 * The wait is over when its timer says so, or a RESTART. At NONE the orders that waited for it go on (obey.c).
 *
 * Invariants
 * 1. In STOPPING and STARTING exactly one child is awaited (group.at), and its outcome, whatever it is, goes on with
 *    the next. If broken: the siblings stay down for ever.
 * 2. Until they start, the group only ever grows towards the first child. If broken: a child misses its restart.
 * 3. While the supervisor starts it does not wait: post_start is pending, and no timer reaches it. If broken: neither
 *    ends.
 */
#include "supervisor.h"

#include <stdio.h>

static void stop_from(trp_supervisor *self, troupe_context *ctx, trp_record *record);
static void start_from(trp_supervisor *self, troupe_context *ctx, trp_record *record);

bool trp_siblings_include(const trp_supervisor *self, const trp_record *record)
{
    return self->group.phase == TRP_GROUP_STOPPING && record->order >= self->group.from;
}

/* ---- stopping ---- */

static void all_are_down(trp_supervisor *self, troupe_context *ctx)
{
    trp_group *group = &self->group;
    trp_wakeup wakeup = {.id = 0, .generation = ++group->generation};

    group->at = NULL;
    if (group->wait_ns && self->started &&
        trp_wakeup_set(ctx, wakeup, group->wait_ns, &group->timer) == TROUPE_OK) {
        group->phase = TRP_GROUP_WAITING;
        for (trp_record *record = trp_record_first_from(self, group->from); record;
             record = trp_record_next(self, record))
            trp_refuse_while_down(ctx, record);
        return;
    }
    group->phase = TRP_GROUP_STARTING; /* a wait that cannot be armed would last for ever */
    start_from(self, ctx, trp_record_first_from(self, group->from));
}

/* True: its outcome is awaited. */
static bool stop_one(troupe_context *ctx, trp_record *record)
{
    switch (record->phase) {
    case TRP_CHILD_STARTING:
    case TRP_CHILD_UP:
    case TRP_CHILD_RESTARTING:
        record->phase = TRP_CHILD_STOPPING;
        (void)troupe_stop(ctx, record->id,
                          TROUPE_STOP_RESTART); /* GONE: its CHILD_DOWN is coming */
        return true;
    case TRP_CHILD_STOPPING:
    case TRP_CHILD_RELEASED:
        return true;
    case TRP_CHILD_WAITING:
        (void)troupe_cancel_timer(ctx, record->timer);
        record->phase = TRP_CHILD_HELD;
        break;
    case TRP_CHILD_HELD:
    case TRP_CHILD_DOWN:
        break;
    }
    if (record->phase != TRP_CHILD_HELD || record->child.restart != TROUPE_TEMPORARY)
        return false;
    record->phase = TRP_CHILD_RELEASED;
    (void)troupe_release(ctx, record->id, false);
    return true;
}

static void stop_from(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    while (record && record->order >= self->group.from) {
        self->group.at = record;
        if (stop_one(ctx, record))
            return;
        record = trp_record_before(self, record);
    }
    all_are_down(self, ctx);
}

void trp_siblings_restart(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                          uint64_t wait_ns)
{
    trp_group *group = &self->group;
    uint64_t from = self->plan.strategy == TROUPE_ONE_FOR_ALL ? 0 : record->order;
    bool stops = group->phase == TRP_GROUP_STOPPING;
    bool waits = stops || group->phase == TRP_GROUP_WAITING;

    /* A start that failed at once must not come again at once, for ever, on this stack. */
    if (!wait_ns && !record->id.value)
        wait_ns = 1;
    group->wait_ns = stops && group->wait_ns > wait_ns ? group->wait_ns : wait_ns;
    /* Once they start, those before the one that ended are up already, and stay so. */
    group->from = waits && group->from < from ? group->from : from;
    group->phase = TRP_GROUP_STOPPING;
    if (!stops)
        stop_from(self, ctx, trp_record_last(self));
}

/* ---- starting ---- */

troupe_status trp_start_child(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                              troupe_error *error)
{
    char name[TROUPE_NAME_MAX + 1];
    troupe_spec spec = record->child.spec;
    troupe_status status;
    troupe_id id;

    trp_list_remove(&record->turn); /* an order that waited for this, waits no more */
    spec.supervised = true;
    spec.name = trp_record_name(self, record, false, name);
    status = troupe_spawn_or_say(ctx, &spec, &id, error);
    if (status != TROUPE_OK)
        return status;
    record->phase = TRP_CHILD_STARTING;
    trp_record_set_ended(self, record, false);
    trp_record_set_id(self, record, id);
    return TROUPE_PENDING;
}

void trp_start_failed(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                      troupe_status status, const char *why)
{
    char name[TROUPE_NAME_MAX + 1];
    troupe_exit end = {.reason = TROUPE_EXIT_REFUSED};

    trp_record_set_id(self, record, TROUPE_NOBODY);
    record->phase = TRP_CHILD_DOWN;
    snprintf(end.text, sizeof end.text, "%s", why[0] ? why : troupe_status_text(status));
    trp_record_note_end(record, &end);
    record->noticed_ns = troupe_now(troupe_system_of(ctx));
    if (record->asker.value) { /* whoever gave the order decides about it */
        record->stopped = true;
        record->forget = record->asked == TROUPE_ORDER_ADD;
        trp_order_failed(ctx, record, status, end.text);
        trp_report_decision(self, record, TROUPE_DECISION_LEAVE_DOWN, 0, "an order started it");
        trp_child_is_gone(self, ctx, record);
        return;
    }
    if (self->started) {
        trp_decide(self, ctx, record);
        return;
    }
    snprintf(end.text, sizeof end.text, "%s did not start: %.*s",
             trp_record_name(self, record, true, name), TROUPE_EXIT_TEXT_MAX - TROUPE_NAME_MAX - 20,
             record->text ? record->text : troupe_status_text(status));
    trp_report_decision(self, record, TROUPE_DECISION_FAIL_START, 0, "its supervisor starts");
    trp_supervisor_fail_start(self, ctx, status, end.text);
}

static void start_from(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    for (; record; record = trp_record_next(self, record)) {
        self->group.at = record;
        if (record->phase == TRP_CHILD_HELD) {
            trp_restart_now(self, ctx, record);
            return;
        }
        if (record->phase == TRP_CHILD_DOWN && !record->stopped) {
            troupe_error error; /* a kilobyte; trp_start_child sets its text */
            troupe_status status = trp_start_child(self, ctx, record, &error);

            if (status != TROUPE_PENDING)
                trp_start_failed(self, ctx, record, status, error.text);
            return;
        }
    }
    self->group.phase = TRP_GROUP_NONE;
    self->group.at = NULL;
    if (!self->started) {
        self->started = true;
        trp_supervisor_started(self, ctx);
    }
    trp_orders_go_on(self, ctx);
}

void trp_siblings_start(trp_supervisor *self, troupe_context *ctx)
{
    self->group = (trp_group){.phase = TRP_GROUP_STARTING};
    start_from(self, ctx, trp_record_first_from(self, 0));
}

static bool goes_on(const trp_supervisor *self)
{
    return !self->ending && self->failure == TROUPE_OK;
}

void trp_siblings_held(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    if (self->group.at == record && goes_on(self))
        stop_from(self, ctx, record); /* again: a temporary one is released now */
}

void trp_siblings_go_on(trp_supervisor *self, troupe_context *ctx, trp_record *before,
                        trp_record *next)
{
    if (!goes_on(self))
        return;
    if (self->group.phase == TRP_GROUP_STOPPING)
        stop_from(self, ctx, before);
    else
        start_from(self, ctx, next);
}

void trp_siblings_waited(trp_supervisor *self, troupe_context *ctx, uint64_t generation)
{
    trp_group *group = &self->group;

    if (group->phase != TRP_GROUP_WAITING || group->generation != generation)
        return;
    group->phase = TRP_GROUP_STARTING;
    start_from(self, ctx, trp_record_first_from(self, group->from));
}

void trp_siblings_hurry(trp_supervisor *self, troupe_context *ctx)
{
    trp_group *group = &self->group;

    if (group->phase == TRP_GROUP_STOPPING)
        group->wait_ns = 0;
    if (group->phase != TRP_GROUP_WAITING)
        return;
    (void)troupe_cancel_timer(ctx, group->timer);
    trp_siblings_waited(self, ctx, group->generation);
}

bool trp_siblings_will_start(const trp_supervisor *self, const trp_record *record)
{
    const trp_group *group = &self->group;

    if (record->stopped || group->phase == TRP_GROUP_NONE)
        return false;
    if (group->phase == TRP_GROUP_STARTING) /* NULL is for the moment between two of them */
        return group->at && record->order > group->at->order;
    return record->order >= group->from;
}
