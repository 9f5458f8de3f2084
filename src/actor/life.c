/* life.c - the lifecycle of a component, step by step, in its own turn.
 *
 *   pre_start -> post_start -> run -> drain -> pre_stop -> children -> post_stop -> held or free
 *                                 a crash, a kill, a failed start: straight to `children`
 *
 * Invariants: 1. post_stop follows every pre_start that succeeded, once. If broken: a leak, or a double free.
 *             2. Nothing of the state is entered after troupe_crash but post_stop.
 *             3. The children of a life end before its post_stop, the last one started first. If broken: orphans.
 *             4. The name is free before the notices go out, and the notices before the slot. If broken: a
 *                watcher cannot register the name again.
 */
#include "cell.h"

#include <stdio.h>
#include <string.h>

void trp_exit_fill(trp_cell *cell, troupe_exit_reason reason, const char *text)
{
    cell->exit.reason = reason;
    cell->exit.id = trp_id_of(cell);
    cell->exit.incarnation = trp_load_relaxed(&cell->incarnation); /* owner */
    snprintf(cell->exit.text, sizeof cell->exit.text, "%s", text);
}

void troupe_crash(troupe_context *ctx, troupe_exit_reason reason, const char *text)
{
    if (ctx->crashing)
        return; /* the first reason is the cause */
    ctx->crashing = true;
    trp_exit_fill(ctx, reason, text);
}

void troupe_exit_self(troupe_context *ctx)
{
    ctx->exiting = ctx->step <= TRP_STEP_RUN; /* later it is leaving already */
}

static bool is_alive(const trp_cell *cell)
{
    return cell->step >= TRP_STEP_PRE_START && cell->step <= TRP_STEP_PRE_STOP;
}

bool trp_parent_tell(trp_cell *cell, troupe_event event)
{
    trp_signal *signal = event == TROUPE_EVENT_CHILD_DOWN ? cell->down
                                                          : trp_alloc_zeroed(sizeof *signal);

    if (!signal)
        return false;
    if (event == TROUPE_EVENT_CHILD_DOWN)
        cell->down = NULL;
    signal->target = trp_load_relaxed(&cell->parent); /* owner */
    signal->child = cell->entry;
    trp_signal_tell(signal, cell, event);
    return true;
}

/* ---- start ---- */

static void number_life(trp_cell *cell, uint32_t incarnation)
{
    uint64_t asks = trp_load_seq(&cell->asks), fresh;

    trp_store_relaxed(&cell->incarnation, incarnation); /* its owner; askers compare the word below */
    do {
        fresh = asks & ~(UINT64_C(0xffff) << 16) & ~(uint64_t)(TRP_ASK_WAKE | TRP_ASK_DEADLINE);
        fresh |= (uint64_t)(incarnation & 0xffff) << 16;
    } while (!trp_cas_seq(&cell->asks, &asks, fresh));
}

void trp_life_begin(trp_cell *cell, troupe_start_reason reason)
{
    number_life(cell, trp_load_relaxed(&cell->incarnation) + 1); /* owner */
    cell->start_reason = reason;
    cell->pending = cell->woken = cell->crashing = cell->exiting = cell->killed = false;
    cell->stop_asked = cell->entered = false;
    memset(&cell->exit, 0, sizeof cell->exit);
    cell->step = TRP_STEP_PRE_START;
    trp_set_phase(cell, TROUPE_PHASE_STARTING);
}

static troupe_exit_reason reason_of(troupe_status status)
{
    if (status == TROUPE_E_TIMEOUT)
        return TROUPE_EXIT_TIMEOUT;
    return status == TROUPE_E_CRASHED ? TROUPE_EXIT_CRASHED : TROUPE_EXIT_REFUSED;
}

static void life_over(trp_cell *cell);

static void after_pre_start(trp_cell *cell, troupe_status status, const char *why)
{
    if (cell->crashing)
        return;
    if (status == TROUPE_OK) {
        cell->entered = true;
        cell->step = TRP_STEP_POST_START;
        trp_name_publish(cell);
        return;
    }
    trp_exit_fill(cell, reason_of(status), *why ? why : troupe_status_text(status));
    life_over(cell);
}

troupe_status trp_life_pre_start(trp_cell *cell, troupe_error *error)
{
    troupe_start start = {.argument = cell->argument,
                          .id = trp_id_of(cell),
                          .name = cell->name ? cell->name : "",
                          .incarnation = trp_load_relaxed(&cell->incarnation), /* owner */
                          .reason = cell->start_reason,
                          .system = cell->system,
                          .error = error};
    troupe_status status = TROUPE_OK;

    error->text[0] = '\0';
    if (cell->child && cell->child->pre_start)
        status = cell->child->pre_start(cell->state, &start);
    if (status == TROUPE_PENDING)
        cell->pending = true;
    else
        after_pre_start(cell, status, error->text);
    return status;
}

static void after_post_start(trp_cell *cell, troupe_status status)
{
    if (cell->crashing)
        return;
    if (status == TROUPE_OK && !trp_parent_tell(cell, TROUPE_EVENT_STARTED))
        status = TROUPE_E_NO_MEMORY;
    if (status != TROUPE_OK) {
        trp_exit_fill(cell, reason_of(status), troupe_status_text(status));
        life_over(cell);
        return;
    }
    cell->started_once = true;
    cell->step = TRP_STEP_RUN;
    trp_set_phase(cell, TROUPE_PHASE_RUNNING);
}

/* ---- end ---- */

static void log_crash(trp_cell *cell)
{
    troupe_level level = cell->exit.reason == TROUPE_EXIT_NORMAL ? TROUPE_LEVEL_DEBUG
                                                                 : TROUPE_LEVEL_WARN;

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
static void life_over(trp_cell *cell)
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

static void begin_stop(trp_cell *cell)
{
    bool for_good = cell->stopping_for_good || !cell->supervised;

    if (!cell->stop_asked)
        cell->stop_reason = TROUPE_STOP_REQUESTED; /* by itself */
    cell->stop_asked = cell->exiting = false;
    if (cell->step < TRP_STEP_RUN || cell->pending) {
        trp_exit_fill(cell, TROUPE_EXIT_NORMAL, "");
        trp_stop_timer_start(cell);
        if (cell->step < TRP_STEP_RUN) {
            life_over(cell);
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

static void after_pre_stop(trp_cell *cell, troupe_status status)
{
    if (cell->crashing)
        return;
    if (status == TROUPE_OK)
        trp_exit_fill(cell, TROUPE_EXIT_NORMAL, "");
    else
        trp_exit_fill(cell, TROUPE_EXIT_CRASHED, troupe_status_text(status));
    life_over(cell);
}

/* True: all of them have ended. */
static bool end_children(trp_cell *cell)
{
    trp_child_entry *last;

    if (trp_list_empty(&cell->children)) {
        trp_store_seq(&cell->ending, 0);
        return true;
    }
    last = TRP_OF(cell->children.prev, trp_child_entry, link);
    if (!last->asked) {
        last->asked = true;
        trp_store_seq(&cell->ending, last->id); /* before the ask, which opens the circle: backpressure.c */
        trp_cell_ask(cell->system, (troupe_id){last->id}, 0, TRP_ASK_STOP_SHUTDOWN);
    }
    return false;
}

static void add_counts(trp_cell *cell)
{
    troupe_system *system = cell->system;

    trp_add_relaxed(&system->sent, trp_load_relaxed(&cell->n_sent)); /* counts, all of these */
    trp_add_relaxed(&system->handled, trp_load_relaxed(&cell->n_handled));
    trp_add_relaxed(&system->failed, trp_load_relaxed(&cell->n_failed));
    trp_store_relaxed(&cell->n_sent, 0);
    trp_store_relaxed(&cell->n_handled, 0);
    trp_store_relaxed(&cell->n_failed, 0);
}

static void leave_roots(trp_cell *cell)
{
    troupe_system *system = cell->system;

    trp_mutex_lock(&system->roots_lock);
    trp_list_remove(&cell->roots);
    system->n_live--;
    trp_condition_broadcast(&system->roots_changed);
    trp_mutex_unlock(&system->roots_lock);
}

static void finish(trp_cell *cell)
{
    troupe_dead_reason reason = cell->exit.reason == TROUPE_EXIT_KILLED ? TROUPE_DEAD_KILLED
                                                                        : TROUPE_DEAD_ENDED;

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
    add_counts(cell);
    cell->step = TRP_STEP_FREE;
    cell->leaving = true;
    leave_roots(cell);
}

static void after_post_stop(trp_cell *cell)
{
    if (cell->entered && cell->child && cell->child->post_stop)
        cell->child->post_stop(cell->state);
    cell->entered = false;
    trp_stop_timer_end(cell);
    if (!cell->supervised || cell->stopping_for_good || !cell->started_once) {
        finish(cell);
        return;
    }
    cell->step = TRP_STEP_HELD;
    trp_set_phase(cell, TROUPE_PHASE_HELD);
    trp_monitors_tell(cell, TROUPE_EVENT_LIFE_ENDED);
    if (!trp_parent_tell(cell, TROUPE_EVENT_CHILD_EXIT))
        finish(cell);
}

/* Without memory for it the supervisor decides again. */
static void begin_next_life(trp_cell *cell)
{
    if (trp_state_renew(cell)) {
        trp_life_begin(cell, TROUPE_START_RESTART);
        return;
    }
    trp_exit_fill(cell, TROUPE_EXIT_REFUSED, troupe_status_text(TROUPE_E_NO_MEMORY));
    if (!trp_parent_tell(cell, TROUPE_EVENT_CHILD_EXIT))
        finish(cell);
}

/* ---- asks and notices ---- */

/* What it waits for, or one of its children does, may be waiting for this cell: backpressure.c. */
static void open_circle(trp_cell *cell)
{
    trp_mute_cancel(cell);
    if (cell->step == TRP_STEP_CHILDREN && !trp_list_empty(&cell->children))
        TRP_OF(cell->children.prev, trp_child_entry, link)->asked = false; /* it is asked again */
}

void trp_life_asked(trp_cell *cell, uint32_t asks)
{
    if (cell->step == TRP_STEP_FREE)
        return;
    if (asks & (TRP_ASK_STOP_SHUTDOWN | TRP_ASK_STOP_REQUESTED)) {
        cell->stopping_for_good = true;
        cell->stop_reason = asks & TRP_ASK_STOP_SHUTDOWN ? TROUPE_STOP_SHUTDOWN
                                                         : TROUPE_STOP_REQUESTED;
    } else if ((asks & TRP_ASK_STOP_RESTART) && !cell->stopping_for_good) {
        cell->stop_reason = TROUPE_STOP_RESTART;
    }
    if (asks & (TRP_ASK_STOP_SHUTDOWN | TRP_ASK_STOP_REQUESTED | TRP_ASK_STOP_RESTART)) {
        cell->stop_asked = true;
        open_circle(cell);
    }
    /* a deadline that crossed the end of its stop is nothing any more */
    if ((asks & TRP_ASK_KILL) || ((asks & TRP_ASK_DEADLINE) && cell->stop_timer)) {
        cell->late = !(asks & TRP_ASK_KILL);
        cell->killed = true;
    }
    if (asks & TRP_ASK_WAKE)
        cell->woken = cell->pending;
    if (cell->step != TRP_STEP_HELD)
        return;
    if (asks & TRP_ASK_GIVE_UP)
        cell->exit.reason = TROUPE_EXIT_GAVE_UP;
    if (cell->stopping_for_good || cell->killed || (asks & (TRP_ASK_RELEASE | TRP_ASK_GIVE_UP)))
        finish(cell);
    else if (asks & TRP_ASK_RESTART)
        begin_next_life(cell);
}

static void tell_component(trp_cell *cell, const trp_signal *signal)
{
    troupe_notice notice = {.event = signal->event, .monitor = {signal->monitor}};

    notice.exit.reason = signal->reason;
    notice.exit.id = (troupe_id){signal->id};
    notice.exit.incarnation = signal->incarnation;
    snprintf(notice.exit.text, sizeof notice.exit.text, "%s", signal->text ? signal->text : "");
    cell->actor->handle_down(cell->state, cell, &notice);
}

void trp_life_notice(trp_cell *cell, trp_signal *signal)
{
    bool here = signal->target == trp_id_of(cell).value && cell->step != TRP_STEP_FREE;
    bool wanted = here && is_alive(cell) && cell->entered && !cell->crashing && cell->actor &&
                  cell->actor->handle_down;

    if (here && signal->event == TROUPE_EVENT_CHILD_DOWN) {
        trp_child_entry *entry = signal->child;

        trp_list_remove(&entry->link);
        trp_free(entry);
    }
    if (here && signal->event == TROUPE_EVENT_CHILD_EXIT)
        open_circle(cell);
    if (signal->life && signal->life != trp_load_relaxed(&cell->incarnation)) /* owner */
        wanted = false;
    if (wanted && signal->monitor)
        wanted = trp_monitor_known(cell, signal->monitor, signal->event == TROUPE_EVENT_DOWN);
    if (wanted)
        tell_component(cell, signal);
    trp_signal_free(signal);
}

/* ---- the turn ---- */

static troupe_status call_resume(trp_cell *cell)
{
    troupe_message message;

    TROUPE_ASSERT(cell->actor && cell->actor->resume); /* who returns PENDING must have one */
    if (!cell->current)
        return cell->actor->resume(cell->state, cell, NULL);
    message = trp_node_message(cell->current);
    return cell->actor->resume(cell->state, cell, &message);
}

static void resume(trp_cell *cell)
{
    troupe_status status;

    cell->woken = false;
    status = call_resume(cell);
    if (cell->crashing || status == TROUPE_PENDING)
        return;
    cell->pending = false;
    if (cell->current)
        trp_handle_resumed(cell, status);
    else if (cell->step == TRP_STEP_PRE_START)
        after_pre_start(cell, status, "");
    else if (cell->step == TRP_STEP_POST_START)
        after_post_start(cell, status);
    else
        after_pre_stop(cell, status);
}

static void hook_post_start(trp_cell *cell)
{
    troupe_status status = TROUPE_OK;

    if (cell->child && cell->child->post_start)
        status = cell->child->post_start(cell->state, cell);
    cell->pending = status == TROUPE_PENDING;
    if (!cell->pending)
        after_post_start(cell, status);
}

static void hook_pre_stop(trp_cell *cell)
{
    troupe_status status = TROUPE_OK;

    if (cell->child && cell->child->pre_stop)
        status = cell->child->pre_stop(cell->state, cell, cell->stop_reason);
    cell->pending = status == TROUPE_PENDING;
    if (!cell->pending)
        after_pre_stop(cell, status);
}

/* A kill, a crash, a stop come before the next step. True: one of them did. */
static bool turn_aside(trp_cell *cell)
{
    if (!is_alive(cell))
        return false;
    if (cell->crashing) {
        life_over(cell);
        return true;
    }
    if (cell->killed) {
        trp_exit_fill(cell, TROUPE_EXIT_KILLED,
                      cell->late ? "did not stop within its time" : "killed");
        life_over(cell);
        return true;
    }
    if ((cell->stop_asked || cell->exiting) && cell->step <= TRP_STEP_RUN) {
        begin_stop(cell);
        return true;
    }
    return false;
}

/* True: the turn is over. */
static bool handle_some(trp_cell *cell, trp_next *ret_next)
{
    bool empty = trp_handle_batch(cell);

    if (cell->crashing || cell->exiting || cell->pending)
        return false;
    if (empty && cell->step == TRP_STEP_DRAIN) {
        cell->step = TRP_STEP_PRE_STOP;
        return false;
    }
    *ret_next = empty ? TRP_NEXT_SLEEP : TRP_NEXT_MORE;
    return true;
}

static void advance_start(trp_cell *cell)
{
    troupe_error error;

    if (cell->step == TRP_STEP_PRE_START)
        trp_life_pre_start(cell, &error);
    else
        hook_post_start(cell);
}

trp_next trp_life_advance(trp_cell *cell)
{
    trp_next next = TRP_NEXT_SLEEP;

    for (;;) {
        if (turn_aside(cell))
            continue;
        if (cell->pending && !cell->woken)
            return TRP_NEXT_BLOCKED;
        if (cell->pending) {
            resume(cell);
            continue;
        }
        switch (cell->step) {
        case TRP_STEP_FREE:
            trp_bury(cell, TROUPE_DEAD_ENDED);
            return cell->leaving ? TRP_NEXT_FREE : TRP_NEXT_SLEEP;
        case TRP_STEP_PRE_START:
        case TRP_STEP_POST_START:
            advance_start(cell);
            break;
        case TRP_STEP_RUN:
        case TRP_STEP_DRAIN:
            if (trp_load_seq(&cell->muted_on))
                return TRP_NEXT_MUTED;
            if (handle_some(cell, &next))
                return next;
            break;
        case TRP_STEP_PRE_STOP:
            hook_pre_stop(cell);
            break;
        case TRP_STEP_CHILDREN:
            if (!end_children(cell))
                return TRP_NEXT_BLOCKED;
            cell->step = TRP_STEP_POST_STOP;
            break;
        case TRP_STEP_POST_STOP:
            after_post_stop(cell);
            break;
        case TRP_STEP_HELD:
            return TRP_NEXT_BLOCKED;
        }
    }
}
