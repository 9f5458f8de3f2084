/* supervisor.c - a component that starts its children in order and decides what follows their ends: what comes in, and
 * where it goes.
 *
 * Who: everything but a pool's seats is touched on the supervisor's own turn only. The seats are written here and read
 * by a pool's senders on their threads.
 *
 * One child:
 *
 *   DOWN -spawn-> STARTING -started-> UP -exit-> HELD -at once--------> RESTARTING -started-> UP
 *    ^               |                            |                      ^     |
 *    |               | refused: the start of the  +- backoff-> WAITING --+     | exit: HELD again
 *    |               v supervisor fails           |             timer    |
 *    |              DOWN                          +- with its siblings --+
 *    |                                            |
 *    +------------- CHILD_DOWN ------ RELEASED <--+ by its rule, by the intensity
 *
 * Invariants
 * 1. A child that is held waits for exactly one thing: its backoff timer, its siblings, its start, or its release. If
 *    broken: it stays held for ever.
 * 2. A timer counts only for the incarnation, or the group's wait, that it was set for. If broken: an old timer cuts a
 *    new wait short.
 * 3. While post_start is pending only notices are delivered: a backoff that runs out meanwhile takes effect when the
 *    last child is up.
 */
#include "supervisor.h"

#include "trp/options.h"
#include "trp/os.h"

#include <stdio.h>
#include <string.h>

#define DEEPEST 64           /* supervisors one in the other */
#define FORGOTTEN_A_TURN 64u /* children; a few us */

/* ---- the start ---- */

troupe_status trp_supervisor_begin(trp_supervisor *self, const troupe_start *start,
                                   const trp_plan *plan)
{
    troupe_status status = trp_children_init(&self->children);

    self->plan = *plan;
    trp_list_init(&self->line);
    self->argument = start->argument;
    self->id = start->id.value;
    trp_window_init(&self->window, plan->max_restarts, plan->within_ns);
    for (size_t i = 0; status == TROUPE_OK && i < plan->n_children; i++) {
        troupe_child child = trp_plan_child(plan, i);

        if (!trp_children_append(self, &child, (uint32_t)i + 1))
            status = TROUPE_E_NO_MEMORY;
    }
    if (status != TROUPE_OK) {
        trp_children_fini(&self->children);
        return status;
    }
    /* Pairs with the acquire in route: who sees the count sees the seats. */
    trp_store_release(&self->n_seats, plan->max_members);
    return TROUPE_OK;
}

static void wake_self(troupe_context *ctx)
{
    troupe_wake(troupe_system_of(ctx), troupe_self(ctx), troupe_incarnation(ctx));
}

void trp_supervisor_fail_start(trp_supervisor *self, troupe_context *ctx, troupe_status status,
                               const char *text)
{
    self->failure = status;
    snprintf(self->failure_text, sizeof self->failure_text, "%s", text);
    wake_self(ctx);
}

static void shut_down(trp_supervisor *self, troupe_context *ctx)
{
    self->ending = true;
    troupe_log_write(ctx, TROUPE_LEVEL_INFO, "supervisor-shut-down",
                     troupe_text("its significant children have ended: it ends in order"));
    troupe_exit_self(ctx);
}

void trp_supervisor_started(trp_supervisor *self, troupe_context *ctx)
{
    if (!self->in_start && self->work_done)
        shut_down(self, ctx);
    else if (self->in_start)
        wake_self(ctx);
}

/* How post_start ends, at once or in resume. */
static troupe_status conclude_start(trp_supervisor *self, troupe_context *ctx)
{
    if (self->failure != TROUPE_OK) {
        self->ending = true;
        troupe_crash(ctx,
                     self->failure == TROUPE_E_QUOTA ? TROUPE_EXIT_GAVE_UP : TROUPE_EXIT_REFUSED,
                     self->failure_text);
        return self->failure;
    }
    if (!self->started)
        return TROUPE_PENDING;
    self->in_start = false;
    if (self->work_done)
        shut_down(self, ctx);
    return TROUPE_OK;
}

troupe_status trp_supervisor_post_start(void *state, troupe_context *ctx)
{
    trp_supervisor *self = state;

    self->in_start = true;
    trp_siblings_start(self, ctx);
    return conclude_start(self, ctx);
}

/* A turn for each piece: to free 100 000 records at once, as post_stop has to after a kill, takes milliseconds, and
 * whatever else is due on this worker would wait for it. */
static troupe_status forget_some(trp_supervisor *self, troupe_context *ctx)
{
    if (trp_children_forget(&self->children, FORGOTTEN_A_TURN))
        return TROUPE_OK;
    wake_self(ctx);
    return TROUPE_PENDING;
}

static troupe_status on_resume(void *state, troupe_context *ctx, const troupe_message *message)
{
    trp_supervisor *self = state;

    (void)message; /* post_start or pre_stop is pending, no message ever */
    return self->forgets ? forget_some(self, ctx) : conclude_start(self, ctx);
}

/* ---- notices ---- */

static void on_started(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    uint64_t now = troupe_now(troupe_system_of(ctx));
    trp_child_phase was = record->phase;

    if (was == TRP_CHILD_STOPPING && trp_order_is(record, TROUPE_ORDER_ADD))
        trp_order_done(ctx, record); /* it passed post_start: its id stays through what follows */
    if (was != TRP_CHILD_STARTING && was != TRP_CHILD_RESTARTING)
        return; /* it was asked to stop meanwhile, and will */
    record->phase = TRP_CHILD_UP;
    record->up_since_ns = now;
    trp_record_set_up(self, record, true);
    if (was == TRP_CHILD_RESTARTING)
        trp_say_timed(self, ctx, record, "child-restarted", "restarted in",
                      now - record->noticed_ns);
    trp_order_done(ctx, record);
    if (self->group.at == record)
        trp_siblings_go_on(self, ctx, trp_record_before(self, record),
                           trp_record_next(self, record));
}

static uint64_t reset_after(const trp_supervisor *self)
{
    return self->plan.backoff.reset_after_ns ? self->plan.backoff.reset_after_ns
                                             : self->window.within_ns;
}

static void on_child_exit(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                          const troupe_exit *end)
{
    uint64_t now = troupe_now(troupe_system_of(ctx));

    trp_record_set_up(self, record, false);
    if (record->phase == TRP_CHILD_RELEASED)
        return; /* it ended by itself just before it was to stop for good, and will */
    if (record->phase == TRP_CHILD_RESTARTING)
        trp_order_failed(ctx, record, TROUPE_E_REFUSED, end->text);
    if (record->phase == TRP_CHILD_UP && now - record->up_since_ns > reset_after(self))
        record->n_waits = 0;
    record->noticed_ns = now;
    record->phase = TRP_CHILD_HELD;
    trp_record_note_end(record, end);
    if (trp_siblings_include(self, record))
        trp_siblings_held(self, ctx, record);
    else
        trp_decide(self, ctx, record);
}

/* It ended for good, and nobody wanted it to: it is stuck, or there was no memory for its next life and none to be held
 * for another try. */
static bool is_lost(trp_child_phase was, const troupe_exit *end)
{
    return (end->reason == TROUPE_EXIT_STUCK && was != TRP_CHILD_RELEASED) ||
           (end->operation == TROUPE_OPERATION_NEW_STATE && was == TRP_CHILD_RESTARTING);
}

static void on_child_down(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                          const troupe_exit *end)
{
    trp_child_phase was = record->phase;

    if (was == TRP_CHILD_STARTING) {
        trp_start_failed(self, ctx, record, TROUPE_E_REFUSED, end->text);
        return;
    }
    if (was != TRP_CHILD_RELEASED)
        trp_record_note_end(record, end);
    if (is_lost(was, end) && trp_rule_restarts(record->child.restart, end->reason)) {
        trp_record_set_up(self, record, false);
        trp_record_set_id(self, record, TROUPE_NOBODY);
        record->phase = TRP_CHILD_DOWN;
        trp_give_up_on(self, ctx, record, "it cannot be restarted");
        return;
    }
    if (was == TRP_CHILD_UP)
        trp_record_set_ended(self, record, true); /* or who was not its supervisor asked it to */
    trp_child_is_gone(self, ctx, record);
}

static void on_notice(void *state, troupe_context *ctx, const troupe_notice *notice)
{
    trp_supervisor *self = state;
    trp_record *record = trp_record_of(self, notice->exit.id);

    /* On its way out a supervisor decides nothing: the runtime ends what runs, releases what is
     * held. */
    if (!record || self->ending || self->failure != TROUPE_OK)
        return;
    switch (notice->event) {
    case TROUPE_EVENT_STARTED:
        on_started(self, ctx, record);
        break;
    case TROUPE_EVENT_CHILD_EXIT:
        trp_report_begin(self, ctx, record, &notice->exit);
        on_child_exit(self, ctx, record, &notice->exit);
        trp_report_end(self, ctx);
        break;
    case TROUPE_EVENT_CHILD_DOWN:
        if (record->phase == TRP_CHILD_STARTING || notice->exit.reason == TROUPE_EXIT_STUCK)
            trp_report_begin(self, ctx, record, &notice->exit); /* else it was heard as an exit */
        on_child_down(self, ctx, record, &notice->exit);
        trp_report_end(self, ctx);
        break;
    case TROUPE_EVENT_DOWN:
    case TROUPE_EVENT_LIFE_ENDED:
    case TROUPE_EVENT_STOPPING:
    case TROUPE_EVENT_LINK_DOWN:
    case TROUPE_EVENT_ROOM:
        break;
    }
}

/* ---- timers ---- */

troupe_status trp_wakeup_set(troupe_context *ctx, trp_wakeup wakeup, uint64_t wait_ns,
                             troupe_timer_id *ret_timer)
{
    return troupe_send_after(ctx, troupe_self(ctx), TROUPE_BYTES_OF(wakeup), wait_ns, ret_timer);
}

static void on_wakeup(trp_supervisor *self, troupe_context *ctx, const trp_wakeup *wakeup)
{
    trp_record *record;

    if (!wakeup->id) {
        trp_siblings_waited(self, ctx, wakeup->generation);
        return;
    }
    record = trp_record_of(self, (troupe_id){wakeup->id});
    if (record && record->phase == TRP_CHILD_WAITING && record->incarnation == wakeup->generation)
        trp_restart_now(self, ctx, record);
}

/* A supervisor takes orders and its own timers, and nothing else. */
static troupe_status on_message(void *state, troupe_context *ctx, const troupe_message *message)
{
    trp_supervisor *self = state;
    trp_wakeup wakeup;

    if (trp_is_order(message))
        return trp_obey(self, ctx, message);
    if (message->sender.value != troupe_self(ctx).value || message->payload.size != sizeof wakeup)
        return TROUPE_E_INVALID;
    memcpy(&wakeup, message->payload.data, sizeof wakeup);
    if (!self->ending)
        on_wakeup(self, ctx, &wakeup);
    return TROUPE_OK;
}

static void on_abandon(void *state, troupe_context *ctx)
{
    trp_supervisor *self = state;

    (void)ctx;
    self->ending = true;
}

troupe_status trp_supervisor_pre_stop(void *state, troupe_context *ctx, troupe_stop_reason reason)
{
    trp_supervisor *self = state;

    (void)reason;
    self->ending = self->forgets = true;
    return forget_some(self, ctx);
}

void trp_supervisor_post_stop(void *state)
{
    trp_supervisor *self = state;

    trp_window_fini(&self->window);
    trp_children_fini(&self->children);
    trp_free(self->report);
    self->report = NULL;
}

const troupe_actor_ops trp_supervisor_actor = {
    .handle_message = on_message,
    .handle_down = on_notice,
    .resume = on_resume,
    .abandon = on_abandon,
};

/* ---- the door ---- */

static trp_plan plan_of(const troupe_supervisor *asked)
{
    return (trp_plan){.children = asked->children,
                      .n_children = asked->n_children,
                      .child_size = asked->child_size,
                      .strategy = asked->strategy,
                      .on_intensity = asked->on_intensity,
                      .auto_shutdown = asked->auto_shutdown,
                      .max_restarts = asked->max_restarts,
                      .within_ns = asked->within_ns,
                      .backoff = asked->backoff,
                      .reports = asked->reports};
}

static troupe_status begin_supervisor(void *state, const troupe_start *start)
{
    troupe_supervisor asked;
    trp_plan plan;

    TROUPE_ASSERT(trp_options_take(&asked, sizeof asked, start->argument)); /* as before */
    plan = plan_of(&asked);
    return trp_supervisor_begin(state, start, &plan);
}

static const troupe_child_ops supervisor_child = {
    .pre_start = begin_supervisor,
    .post_start = trp_supervisor_post_start,
    .pre_stop = trp_supervisor_pre_stop,
    .post_stop = trp_supervisor_post_stop,
};

/* Whether top is found again beneath itself; what is deeper than anybody builds counts as found. */
static bool has_circle(const troupe_supervisor *top, const troupe_supervisor *at, int depth)
{
    troupe_supervisor asked;
    trp_plan plan;

    if (depth == DEEPEST)
        return true;
    if (!trp_options_take(&asked, sizeof asked, at))
        return false; /* it was refused, or will be */
    plan = plan_of(&asked);
    for (size_t i = 0; plan.children && i < plan.n_children; i++) {
        troupe_spec spec = trp_plan_child(&plan, i).spec;

        if (spec.child == &supervisor_child &&
            (spec.argument == top || has_circle(top, spec.argument, depth + 1)))
            return true;
    }
    return false;
}

troupe_status troupe_supervisor_spec(const troupe_supervisor *supervisor, troupe_spec *spec,
                                     troupe_error *error)
{
    troupe_supervisor asked;
    troupe_status status;
    trp_plan plan;

    if (!trp_options_take(&asked, sizeof asked, supervisor) || asked.child_size == 0)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "supervisor: made by TROUPE_SUPERVISOR of a newer version, or not");
    if (asked.n_children > 0 && !asked.children)
        return troupe_error_set(error, TROUPE_E_INVALID, "supervisor: n_children without children");
    if (asked.n_children > UINT32_MAX)
        return troupe_error_set(error, TROUPE_E_INVALID, "supervisor: too many children");
    plan = plan_of(&asked);
    status = trp_plan_check(&plan, error);
    if (status != TROUPE_OK)
        return status;
    if (has_circle(supervisor, supervisor, 0))
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "supervisor: it is among its own children, or more than %d "
                                "supervisors are one in the other",
                                DEEPEST);
    spec->child = &supervisor_child;
    spec->actor = &trp_supervisor_actor;
    spec->state_size = sizeof(trp_supervisor);
    spec->argument = supervisor;
    return TROUPE_OK;
}
