/* end.c - the end of a life, in order or not: a stop, a crash, the children, post_stop; then held, or gone for good. */
#include "life.h"

#include <stdio.h>
#include <string.h>

static void log_crash(trp_cell *cell)
{
    troupe_level level =
        cell->exit.reason == TROUPE_EXIT_NORMAL ? TROUPE_LEVEL_DEBUG : TROUPE_LEVEL_WARN;

    if (cell->exit.reason == TROUPE_EXIT_CRASHED || cell->exit.reason == TROUPE_EXIT_TIMEOUT)
        trp_add_relaxed(&cell->system->n_crashes, 1); /* a count */
    if (level == TROUPE_LEVEL_WARN)
        troupe_log_write(cell, level, "component-crashed", troupe_text(cell->exit.text));
}

/* Say which message it was, where there is room. */
static void name_message(trp_cell *cell)
{
    size_t used = strlen(cell->exit.text);

    if (cell->current && cell->current->kind == TRP_NODE_MESSAGE)
        snprintf(cell->exit.text + used, sizeof cell->exit.text - used, ", handling message %llu",
                 (unsigned long long)cell->current->sequence);
}

/* cell->exit says why. What this life held and asked for ends here, in one go. */
void trp_life_over(trp_cell *cell)
{
    bool crashed = cell->exit.reason != TROUPE_EXIT_NORMAL;

    if (cell->pending && cell->actor && cell->actor->abandon && !cell->crashing)
        cell->actor->abandon(cell->state, cell);
    cell->pending = false;
    if (cell->exit.reason == TROUPE_EXIT_CRASHED || cell->exit.reason == TROUPE_EXIT_TIMEOUT)
        name_message(cell);
    log_crash(cell);
    trp_handle_give_up(cell,
                       cell->exit.reason == TROUPE_EXIT_KILLED   ? TROUPE_DEAD_KILLED
                       : cell->exit.reason == TROUPE_EXIT_NORMAL ? TROUPE_DEAD_ABANDONED
                                                                 : TROUPE_DEAD_CRASHED,
                       crashed ? TROUPE_E_CRASHED : TROUPE_E_CANCELLED, cell->exit.text);
    trp_requests_end_held(cell, crashed ? TROUPE_E_CRASHED : TROUPE_E_GONE, cell->exit.text);
    trp_requests_end_asked(cell);
    trp_timers_end(cell);
    trp_monitors_end(cell);
    trp_mute_cancel(cell);
    cell->step = TRP_STEP_CHILDREN;
}

void trp_life_stop(trp_cell *cell)
{
    bool for_good = cell->stopping_for_good || !cell->supervised;

    if (!cell->stop_asked)
        cell->stop_reason = TROUPE_STOP_REQUESTED; /* by itself */
    cell->stop_asked = cell->exiting = false;
    if (cell->step < TRP_STEP_RUN || cell->pending) {
        trp_exit_fill(cell, TROUPE_EXIT_NORMAL, "");
        trp_stop_timer_start(cell);
        if (cell->step < TRP_STEP_RUN) {
            trp_life_over(cell);
            return;
        }
        if (cell->actor->abandon)
            cell->actor->abandon(cell->state, cell);
        cell->pending = false;
        trp_handle_give_up(cell, TROUPE_DEAD_ABANDONED, TROUPE_E_CANCELLED, "stopped");
    }
    trp_set_phase(cell, TROUPE_PHASE_STOPPING);
    trp_stop_timer_start(cell);
    trp_monitors_tell(cell, TROUPE_EVENT_STOPPING);
    if (!for_good) { /* what waits is for the next life */
        cell->step = TRP_STEP_PRE_STOP;
        return;
    }
    trp_store_seq(&cell->closed, true);
    trp_room_release_all(cell);
    if (!cell->drain)
        trp_bury(cell, TROUPE_DEAD_ENDED);
    cell->step = cell->drain ? TRP_STEP_DRAIN : TRP_STEP_PRE_STOP;
}

void trp_life_pre_stopped(trp_cell *cell, troupe_status status)
{
    if (cell->crashing)
        return;
    if (status == TROUPE_OK)
        trp_exit_fill(cell, TROUPE_EXIT_NORMAL, "");
    else
        trp_exit_fill(cell, TROUPE_EXIT_CRASHED, troupe_status_text(status));
    trp_life_over(cell);
}

/* True: all of them have ended. */
bool trp_children_end(trp_cell *cell)
{
    trp_child_entry *last;

    if (trp_list_empty(&cell->children)) {
        trp_store_seq(&cell->ending, 0);
        return true;
    }
    last = TRP_OF(cell->children.prev, trp_child_entry, link);
    if (!last->asked) {
        last->asked = true;
        trp_store_seq(&cell->ending,
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

void trp_life_finish(trp_cell *cell)
{
    troupe_dead_reason reason =
        cell->exit.reason == TROUPE_EXIT_KILLED ? TROUPE_DEAD_KILLED : TROUPE_DEAD_ENDED;

    trp_store_seq(&cell->closed, true);
    trp_bury(cell, reason); /* while the name is known */
    trp_set_phase(cell, TROUPE_PHASE_ENDED);
    trp_store_seq(&cell->id, 0);
    trp_store_seq(&cell->asks, 0);
    trp_name_release(cell);
    trp_room_release_all(cell);
    trp_monitors_tell(cell, TROUPE_EVENT_DOWN);
    trp_parent_tell(cell, TROUPE_EVENT_CHILD_DOWN);
    trp_bury(cell, reason);
    trp_state_free(cell);
    trp_counts_add(cell);
    cell->step = TRP_STEP_FREE;
    cell->leaving = true;
    trp_roots_leave(cell);
}

void trp_life_post_stop(trp_cell *cell)
{
    if (cell->entered && cell->child && cell->child->post_stop)
        cell->child->post_stop(cell->state);
    cell->entered = false;
    trp_stop_timer_end(cell);
    if (!cell->supervised || cell->stopping_for_good || !cell->started_once) {
        trp_life_finish(cell);
        return;
    }
    cell->step = TRP_STEP_HELD;
    trp_set_phase(cell, TROUPE_PHASE_HELD);
    trp_monitors_tell(cell, TROUPE_EVENT_LIFE_ENDED);
    if (!trp_parent_tell(cell, TROUPE_EVENT_CHILD_EXIT))
        trp_life_finish(cell);
}
