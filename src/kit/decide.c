/* decide.c - what follows the end of a child: its restart, its release, the end of its supervisor.
 *
 * Invariants
 * 1. A restart is counted in its window before it is asked for. If broken: a child that dies in its start is restarted
 *    without end.
 * 2. Every way out of trp_decide leaves the child up, on its way up, waiting with a timer, gone with a release on its
 *    way, or in its siblings' restart. If broken: it stays held for ever.
 */
#include "supervisor.h"

#include "trp/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct line {
    char text[TROUPE_EXIT_TEXT_MAX + 1];
};

static trp_window *window_of(trp_supervisor *self, trp_record *record)
{
    return record->has_budget ? &record->budget : &self->window;
}

/* ---- the end of the supervisor ---- */

static void fill_line(const trp_supervisor *self, const trp_record *record, const char *why,
                      struct line *line)
{
    char name[TROUPE_NAME_MAX + 1];

    snprintf(line->text, sizeof line->text, "child %s: %s; last: %s",
             trp_record_name(self, record, true, name), why,
             record->text && record->text[0] ? record->text : trp_exit_verb(record->reason));
}

void trp_give_up_on(trp_supervisor *self, troupe_context *ctx, const trp_record *record,
                    const char *why)
{
    struct line line;

    fill_line(self, record, why, &line);
    if (troupe_crash_line_due(ctx))
        troupe_log_write(ctx, TROUPE_LEVEL_ERROR, "supervisor-gave-up", troupe_text(line.text));
    trp_report_decision(
        self, record, self->started ? TROUPE_DECISION_GIVE_UP : TROUPE_DECISION_FAIL_START, 0, why);
    if (!self->started) {
        trp_supervisor_fail_start(self, ctx, TROUPE_E_QUOTA, line.text);
        return;
    }
    self->ending = true;
    troupe_crash(ctx, TROUPE_EXIT_GAVE_UP, line.text);
}

static void stop_all(trp_supervisor *self, troupe_context *ctx, const trp_record *record,
                     const char *why)
{
    struct line line;

    if (!self->started) {
        trp_give_up_on(self, ctx, record, why);
        return;
    }
    fill_line(self, record, why, &line);
    if (troupe_crash_line_due(ctx))
        troupe_log_write(ctx, TROUPE_LEVEL_ERROR, "supervisor-shut-down", troupe_text(line.text));
    trp_report_decision(self, record, TROUPE_DECISION_STOP, 0, why);
    self->ending = true;
    troupe_crash(ctx, TROUPE_EXIT_SHUTDOWN, line.text);
}

/* ---- the end of the child ---- */

static void release(trp_supervisor *self, troupe_context *ctx, trp_record *record, bool gave_up)
{
    if (!record->id.value) {
        trp_child_is_gone(self, ctx, record);
        return;
    }
    record->phase = TRP_CHILD_RELEASED;
    (void)troupe_release(ctx, record->id, gave_up); /* GONE: its CHILD_DOWN is coming */
}

static void leave_down(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                       const char *why)
{
    char decision[160];

    snprintf(decision, sizeof decision, "%s: it stays down", why);
    trp_say(self, ctx, record, TROUPE_LEVEL_ERROR, "child-left-down", decision);
    trp_report_decision(self, record, TROUPE_DECISION_LEAVE_DOWN, 0, why);
    trp_record_set_ended(self, record, true);
    release(self, ctx, record, true);
}

static void let_go(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    troupe_level level =
        record->reason == TROUPE_EXIT_NORMAL ? TROUPE_LEVEL_INFO : TROUPE_LEVEL_WARN;

    trp_say(self, ctx, record, level, "child-released", "released by its restart rule");
    trp_report_decision(self, record, TROUPE_DECISION_RELEASE, 0, "its rule does not restart it");
    trp_record_set_ended(self, record, true);
    release(self, ctx, record, false);
}

static bool is_work_done(const trp_supervisor *self, const trp_record *ended)
{
    if (!ended->child.significant || !ended->ended_itself)
        return false;
    if (self->plan.auto_shutdown == TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT)
        return true;
    return self->plan.auto_shutdown == TROUPE_AUTO_SHUTDOWN_ALL_SIGNIFICANT &&
           self->children.n_significant == 0;
}

void trp_child_is_gone(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    bool forget = trp_record_is_forgotten(record) || self->plan.pool;
    bool awaited = self->group.at == record;
    trp_record *before = trp_record_before(self, record), *next = trp_record_next(self, record);

    trp_record_set_up(self, record, false);
    trp_record_set_id(self, record, TROUPE_NOBODY);
    record->phase = TRP_CHILD_DOWN;
    trp_order_of_gone(self, ctx, record);
    if (is_work_done(self, record)) {
        self->work_done = true;
        if (self->started)
            trp_supervisor_started(self, ctx);
    }
    if (forget)
        trp_children_remove(self, record);
    if (awaited)
        trp_siblings_go_on(self, ctx, before, next);
}

/* ---- the next life ---- */

/* Errors of restart say that the child ended meanwhile: its CHILD_DOWN is coming. */
void trp_restart_now(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    (void)self;
    record->n_restarts++;
    record->phase = TRP_CHILD_RESTARTING;
    record->timer = (troupe_timer_id){0};
    (void)troupe_restart(ctx, record->id);
}

void trp_refuse_while_down(troupe_context *ctx, const trp_record *record)
{
    if (record->child.unavailable_while_down && record->id.value)
        (void)troupe_refuse(ctx, record->id); /* GONE: its CHILD_DOWN is coming */
}

static void restart_after(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                          uint64_t wait_ns)
{
    trp_wakeup wakeup = {.id = record->id.value, .generation = record->incarnation};

    if (trp_wakeup_set(ctx, wakeup, wait_ns, &record->timer) != TROUPE_OK) {
        /* A wait that cannot be armed would hold the child for ever. */
        trp_restart_now(self, ctx, record);
        return;
    }
    record->phase = TRP_CHILD_WAITING;
    trp_refuse_while_down(ctx, record);
}

static void exceeded(trp_supervisor *self, troupe_context *ctx, trp_record *record,
                     trp_admission admission)
{
    const trp_window *window = window_of(self, record);
    char within[TRP_DURATION_MAX], why[128];

    if (admission == TRP_NO_ROOM)
        snprintf(why, sizeof why, "no memory to count its restart");
    else
        snprintf(why, sizeof why, "%" PRIu32 " restart%s within %s", window->count,
                 window->count == 1 ? "" : "s", trp_duration_text(window->within_ns, within));
    switch (self->plan.on_intensity) {
    case TROUPE_ON_INTENSITY_ESCALATE:
        trp_give_up_on(self, ctx, record, why);
        break;
    case TROUPE_ON_INTENSITY_STOP:
        stop_all(self, ctx, record, why);
        break;
    case TROUPE_ON_INTENSITY_LEAVE_DOWN:
        leave_down(self, ctx, record, why);
        break;
    }
}

static void restart(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    trp_window *window = window_of(self, record);
    trp_admission admission = trp_window_admit(window, record->noticed_ns);
    uint64_t wait_ns;

    if (admission != TRP_ADMITTED) {
        exceeded(self, ctx, record, admission);
        return;
    }
    record->n_counted = window->count;
    record->n_waits++;
    wait_ns =
        trp_backoff_draw(&self->plan.backoff, record->n_waits,
                         self->plan.backoff.jitter > 0 ? troupe_random(troupe_system_of(ctx)) : 0);
    if (wait_ns)
        trp_say_timed(self, ctx, record, "child-backoff", "next start in", wait_ns);
    trp_report_decision(self, record,
                        self->plan.strategy == TROUPE_ONE_FOR_ONE ? TROUPE_DECISION_RESTART
                                                                  : TROUPE_DECISION_SIBLINGS,
                        wait_ns, "its rule restarts it");
    if (self->plan.strategy != TROUPE_ONE_FOR_ONE)
        trp_siblings_restart(self, ctx, record, wait_ns);
    else if (wait_ns)
        restart_after(self, ctx, record, wait_ns);
    else
        trp_restart_now(self, ctx, record);
}

void trp_decide(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    bool is_crash = trp_is_crash(record->reason);

    if (record->reason == TROUPE_EXIT_ESCALATED) {
        trp_give_up_on(self, ctx, record, "its error escalated");
    } else if (is_crash && record->child.on_crash == TROUPE_ON_CRASH_ESCALATE) {
        trp_give_up_on(self, ctx, record, "its crash escalates");
    } else if (is_crash && record->child.on_crash == TROUPE_ON_CRASH_IGNORE) {
        leave_down(self, ctx, record, "its crash is ignored");
    } else if (!trp_rule_restarts(record->child.restart, record->reason) &&
               !(record->reason == TROUPE_EXIT_RESTART &&
                 trp_order_is(record, TROUPE_ORDER_RESTART))) {
        let_go(self, ctx, record);
    } else if (record->reason == TROUPE_EXIT_RESTART) {
        record->n_counted =
            window_of(self, record)->count; /* asked for: no failure to count or wait for */
        trp_restart_now(self, ctx, record);
    } else {
        restart(self, ctx, record);
    }
}
