/* end.c - the end of a life, in order or not: a stop, a crash, the children, post_stop; then held, or gone for good. */
#include "life.h"
#include "stuck.h"

#include <stdio.h>
#include <string.h>

static bool is_failure(troupe_exit_reason reason)
{
    return reason == TROUPE_EXIT_CRASHED || reason == TROUPE_EXIT_TIMEOUT ||
           reason == TROUPE_EXIT_ESCALATED;
}

static void log_crash(trp_cell *cell)
{
    char text[TROUPE_EXIT_TEXT_MAX + 64];

    if (is_failure(cell->exit.reason)) {
        trp_add_relaxed(&cell->system->n_crashes, 1); /* a count */
        trp_count_own(&cell->n_crashed, 1);
    }
    if (trp_is_in_order(cell->exit.reason))
        return;
    if (cell->taken || !troupe_crash_line_due(cell))
        return; /* it is known as stuck; or enough was said */
    if (cell->exit.operation == TROUPE_OPERATION_NONE)
        snprintf(text, sizeof text, "%s", trp_end_text(&cell->exit));
    else
        snprintf(text, sizeof text, "%s (in %s)", trp_end_text(&cell->exit),
                 troupe_operation_name(cell->exit.operation));
    trp_log_line(cell, TROUPE_LEVEL_WARN, "component-crashed", troupe_text(text));
}

/* Say which message it was, where there is room. */
static void name_message(trp_cell *cell)
{
    char text[TROUPE_EXIT_TEXT_MAX + 1];

    if (!cell->current || cell->current->kind != TRP_NODE_MESSAGE)
        return;
    snprintf(text, sizeof text, "%s, handling message %llu", trp_end_text(&cell->exit),
             (unsigned long long)cell->current->sequence);
    trp_exit_say(cell, text);
}

/* Whether the end of a life calls anything that could be late; most do not, and a timer takes longer than such an end. Who
 * waits in it gets his limit then: see waits_without_limit. */
static bool may_be_late(const trp_cell *cell)
{
    return cell->pending || (cell->child && (cell->child->pre_stop || cell->child->post_stop));
}

/* cell->exit says why. What this life held and asked for ends here, in one go. */
void trp_life_over(trp_cell *cell)
{
    bool crashed = !trp_is_in_order(cell->exit.reason);

    trp_set_phase(cell, TROUPE_PHASE_STOPPING);
    if ((cell->entered || cell->pending) && may_be_late(cell))
        trp_stop_timer_start(cell); /* over abandon and post_stop too, after a crash or a kill */
    if (cell->pending && cell->actor && cell->actor->abandon && !cell->crashing)
        cell->actor->abandon(cell->state, cell);
    cell->pending = false;
    if (is_failure(cell->exit.reason))
        name_message(cell);
    log_crash(cell);
    trp_limit_end(cell, &cell->start_limit);
    if (cell->vitals)
        trp_vitals_end(cell);
    trp_links_end(cell, &cell->exit);
    trp_handle_give_up(cell,
                       cell->exit.reason == TROUPE_EXIT_KILLED ? TROUPE_DEAD_KILLED
                       : crashed                               ? TROUPE_DEAD_CRASHED
                                                               : TROUPE_DEAD_ABANDONED,
                       crashed ? TROUPE_E_CRASHED : TROUPE_E_CANCELLED, trp_end_text(&cell->exit));
    trp_requests_end_held(cell, crashed ? TROUPE_E_CRASHED : TROUPE_E_GONE,
                          trp_end_text(&cell->exit));
    trp_requests_end_asked(cell);
    trp_timers_end(cell);
    trp_monitors_end(cell);
    trp_mute_cancel(cell);
    trp_room_forget(cell);
    cell->step = TRP_STEP_CHILDREN;
}

static void fill_stopped(trp_cell *cell)
{
    bool again = cell->supervised && !cell->stopping_for_good && cell->started_once &&
                 cell->stop_reason == TROUPE_STOP_RESTART;

    trp_exit_fill(cell, again ? TROUPE_EXIT_RESTART : TROUPE_EXIT_NORMAL, "");
}

void trp_life_stop(trp_cell *cell)
{
    bool for_good = cell->stopping_for_good || !cell->supervised;

    if (cell->vitals)
        trp_vitals_end(cell); /* nobody asks one that stops how it is */
    if (!cell->stop_asked)
        cell->stop_reason = TROUPE_STOP_REQUESTED; /* by itself */
    cell->stop_asked = cell->exiting = false;
    if (cell->step < TRP_STEP_RUN || cell->pending) {
        fill_stopped(cell);
        trp_stop_timer_start(cell);
        if (cell->step < TRP_STEP_RUN) {
            trp_life_over(cell);
            return;
        }
        if (cell->actor->abandon)
            cell->actor->abandon(cell->state, cell);
        trp_set_pending(cell, false);
        trp_handle_give_up(cell, TROUPE_DEAD_ABANDONED, TROUPE_E_CANCELLED, "stopped");
    }
    trp_set_phase(cell, TROUPE_PHASE_STOPPING);
    if (cell->drain || may_be_late(cell))
        trp_stop_timer_start(cell);
    trp_hold(cell);
    trp_monitors_tell(cell, TROUPE_EVENT_STOPPING);
    if (for_good) { /* before it lets go: who gives it up goes by this */
        trp_store_seq(&cell->closed, true);
        trp_room_release_all(cell);
    }
    trp_let_go(cell);
    if (!for_good) { /* what waits is for the next life */
        cell->step = TRP_STEP_PRE_STOP;
        return;
    }
    if (!cell->drain)
        trp_bury(cell, TROUPE_DEAD_ENDED);
    cell->step = cell->drain ? TRP_STEP_DRAIN : TRP_STEP_PRE_STOP;
}

void trp_life_pre_stopped(trp_cell *cell, troupe_status status)
{
    if (cell->crashing)
        return;
    if (status == TROUPE_OK)
        fill_stopped(cell);
    else
        trp_exit_fill(cell, TROUPE_EXIT_CRASHED, troupe_status_text(status));
    trp_life_over(cell);
}

/* True: all of them have ended. */
bool trp_children_end(trp_cell *cell)
{
    trp_child_entry *last;

    if (trp_list_empty(&cell->children)) {
        trp_store_relaxed(&cell->ending, 0);
        return true;
    }
    last = TRP_OF(cell->children.prev, trp_child_entry, link);
    if (!last->asked) {
        last->asked = true;
        trp_store_relaxed(&cell->ending,
                          last->id); /* before the ask, which opens the circle: backpressure.c */
        trp_cell_ask(cell->system, (troupe_id){last->id}, 0, TRP_ASK_STOP_SHUTDOWN);
    }
    return false;
}

void trp_counts_add(trp_cell *cell)
{
    troupe_system *system = cell->system;

    trp_add_relaxed(&system->sent, trp_load_relaxed(&cell->n_sent)); /* counts, all of these */
    trp_add_relaxed(&system->handled, trp_load_relaxed(&cell->n_handled));
    trp_add_relaxed(&system->failed, trp_load_relaxed(&cell->n_failed));
    trp_store_relaxed(&cell->n_sent, 0);
    trp_store_relaxed(&cell->n_handled, 0);
    trp_store_relaxed(&cell->n_failed, 0);
}

void trp_roots_leave(trp_cell *cell)
{
    troupe_system *system = cell->system;

    trp_mutex_lock(&system->roots_lock);
    trp_list_remove(&cell->roots);
    system->n_live--;
    trp_condition_broadcast(&system->roots_changed);
    trp_mutex_unlock(&system->roots_lock);
}

/* Whoever began to watch while it was here gets the real exit; later ones are told that it is gone. */
static void hear_last_news(trp_cell *cell)
{
    trp_signal *signal = trp_signals_take(cell);

    while (signal) {
        trp_signal *next = signal->next;

        if (signal->kind == TRP_SIGNAL_MONITOR && signal->target == cell->exit.id.value)
            trp_monitor_join(cell, signal);
        else
            trp_signal_hear(cell, signal);
        signal = next;
    }
}

static void tell_end(trp_cell *cell)
{
    trp_room_release_all(cell);
    hear_last_news(cell);
    trp_monitors_down(cell, &cell->exit);
    trp_parent_told_down(cell, &cell->exit);
}

void trp_life_finish(trp_cell *cell)
{
    troupe_dead_reason reason =
        cell->exit.reason == TROUPE_EXIT_KILLED ? TROUPE_DEAD_KILLED : TROUPE_DEAD_ENDED;

    trp_store_relaxed(&cell->closed, true); /* a hint to senders; the id goes next */
    trp_bury(cell, reason);                 /* while the name is known */
    trp_set_phase(cell, TROUPE_PHASE_ENDED);
    if (!cell->taken) {
        trp_name_release(cell); /* first: who finds no id here may take the name at once */
        trp_id_clear(cell);
    }
    trp_store_relaxed(&cell->asks, 0); /* an ask of this id fails its exchange */
    if (!cell->taken)
        tell_end(cell);
    trp_exit_say(cell, "");
    trp_bury(cell, reason);
    trp_state_free(cell);
    trp_notices_free(cell);
    trp_vitals_free(cell);
    trp_counts_add(cell);
    cell->step = TRP_STEP_FREE;
    cell->leaving = true;
    if (cell->taken)
        trp_stuck_leave(cell);
    else
        trp_roots_leave(cell);
}

/* The last hook is through: held, or gone for good. */
static void leave_life(trp_cell *cell)
{
    trp_limit_end(cell, &cell->stop_limit);
    if (!cell->supervised || cell->stopping_for_good || !cell->started_once) {
        trp_life_finish(cell);
        return;
    }
    cell->step = TRP_STEP_HELD;
    trp_set_phase(cell, TROUPE_PHASE_HELD);
    trp_monitors_tell(cell, TROUPE_EVENT_LIFE_ENDED);
    trp_parent_tell(cell, TROUPE_EVENT_CHILD_EXIT);
}

void trp_life_post_stop(trp_cell *cell)
{
    if (cell->late) { /* its time ran out while its children ended: a post_stop has one of its own */
        trp_limit_end(cell, &cell->stop_limit);
        trp_stop_timer_start(cell);
    }
    if (cell->entered && cell->child && cell->child->post_stop)
        cell->child->post_stop(cell->state);
    cell->entered = false;
    trp_hold(cell);
    leave_life(cell);
    trp_let_go(cell);
}
