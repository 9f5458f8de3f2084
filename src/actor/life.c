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
#include "life.h"

#include <stdio.h>
#include <string.h>

/* Known by where the cell stands, so that a message costs nothing for it. */
static troupe_operation operation_of(const trp_cell *cell)
{
    if (cell->telling)
        return TROUPE_OPERATION_HANDLE_DOWN;
    if (cell->current)
        return cell->current->kind == TRP_NODE_REPLY ? TROUPE_OPERATION_HANDLE_REPLY
                                                     : TROUPE_OPERATION_HANDLE_MESSAGE;
    if (trp_health_pending(cell))
        return TROUPE_OPERATION_HEALTH_CHECK;
    switch (cell->step) {
    case TRP_STEP_PRE_START:
        return TROUPE_OPERATION_PRE_START;
    case TRP_STEP_POST_START:
        return TROUPE_OPERATION_POST_START;
    case TRP_STEP_PRE_STOP:
        return TROUPE_OPERATION_PRE_STOP;
    default:
        return TROUPE_OPERATION_NONE;
    }
}

void trp_exit_fill(trp_cell *cell, troupe_exit_reason reason, const char *text)
{
    if (!trp_is_in_order(reason))
        trp_details_note(cell);
    cell->exit.reason = reason;
    cell->exit.operation = trp_is_in_order(reason) ? TROUPE_OPERATION_NONE : operation_of(cell);
    cell->exit.id = trp_id_of(cell);
    cell->exit.incarnation = trp_load_relaxed(&cell->incarnation); /* owner */
    trp_exit_say(cell, text);
}

/* An end without its text is still an end. */
void trp_exit_say(trp_cell *cell, const char *text)
{
    size_t size = strnlen(text, TROUPE_EXIT_TEXT_MAX);
    char *copy = size ? trp_alloc(size + 1) : NULL;

    if (copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    if (cell->exit.text)
        trp_free(cell->exit.text);
    cell->exit.text = copy;
}

void troupe_crash(troupe_context *ctx, troupe_exit_reason reason, const char *text)
{
    if (trp_context_check(ctx) != TROUPE_OK || ctx->thread || ctx->crashing)
        return; /* the first reason is the cause; a thread has no life */
    ctx->crashing = true;
    if (reason == TROUPE_EXIT_KILLED && trp_health_dooms(ctx, &reason))
        text = TRP_LATE_FOR_CHECK;
    trp_exit_fill(ctx, reason, text ? text : "");
}

/* on_error: a failed message ends this life. It is finished and answered; no hook but post_stop follows. */
void trp_life_failed(trp_cell *cell, troupe_status status)
{
    char text[160];

    snprintf(text, sizeof text, "message %llu failed: %s",
             (unsigned long long)cell->current->sequence, troupe_status_text(status));
    troupe_crash(cell,
                 cell->on_error == TROUPE_ON_ERROR_ESCALATE ? TROUPE_EXIT_ESCALATED
                                                            : TROUPE_EXIT_CRASHED,
                 text);
}

void troupe_exit_self(troupe_context *ctx)
{
    if (trp_context_check(ctx) == TROUPE_OK && !ctx->thread)
        ctx->exiting = ctx->step <= TRP_STEP_RUN; /* later it is leaving already */
}

/* ---- what the parent is told ---- */

bool trp_notices_make(trp_cell *cell)
{
    if (!cell->started)
        cell->started = trp_alloc_zeroed(sizeof *cell->started);
    if (cell->supervised && !cell->held_notice)
        cell->held_notice = trp_alloc_zeroed(sizeof *cell->held_notice);
    return cell->started && (cell->held_notice || !cell->supervised);
}

void trp_notices_free(trp_cell *cell)
{
    trp_signal_free(cell->started);
    trp_signal_free(cell->held_notice);
    cell->started = cell->held_notice = NULL;
}

static trp_signal **notice_of(trp_cell *cell, troupe_event event)
{
    return event == TROUPE_EVENT_STARTED ? &cell->started : &cell->held_notice;
}

void trp_parent_tell(trp_cell *cell, troupe_event event)
{
    trp_signal **at = notice_of(cell, event), *signal = *at;

    *at = NULL;
    signal->target = trp_load_relaxed(&cell->parent); /* owner */
    trp_signal_tell(signal, cell, event);
}

void trp_parent_told_down(trp_cell *cell, const trp_end *exit)
{
    trp_signal *signal = &cell->down->signal;

    cell->down = NULL;
    signal->target = trp_load_relaxed(&cell->parent); /* set at spawn */
    trp_signal_say(cell->system, signal, TROUPE_EVENT_CHILD_DOWN, exit);
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
    trp_set_pending(cell, false);
    if (cell->current)
        trp_handle_resumed(cell, status);
    else if (trp_health_pending(cell))
        trp_health_checked(cell, status, "");
    else if (cell->step == TRP_STEP_PRE_START)
        trp_life_pre_started(cell, status, "");
    else if (cell->step == TRP_STEP_POST_START)
        trp_life_post_started(cell, status);
    else
        trp_life_pre_stopped(cell, status);
}

static void hook_post_start(trp_cell *cell)
{
    troupe_status status = TROUPE_OK;

    if (cell->child && cell->child->post_start)
        status = cell->child->post_start(cell->state, cell);
    trp_set_pending(cell, status == TROUPE_PENDING);
    if (!cell->pending)
        trp_life_post_started(cell, status);
}

static void hook_pre_stop(trp_cell *cell)
{
    troupe_status status = TROUPE_OK;

    if (cell->child && cell->child->pre_stop)
        status = cell->child->pre_stop(cell->state, cell, cell->stop_reason);
    trp_set_pending(cell, status == TROUPE_PENDING);
    if (!cell->pending)
        trp_life_pre_stopped(cell, status);
}

/* A kill, a crash, a stop come before the next step. True: one of them did. */
static bool turn_aside(trp_cell *cell)
{
    if (!trp_is_alive(cell))
        return false;
    if (cell->crashing || cell->broken) {
        trp_life_over(cell);
        return true;
    }
    if (cell->killed) {
        troupe_exit_reason reason = TROUPE_EXIT_KILLED;

        if (trp_health_dooms(cell, &reason))
            trp_exit_fill(cell, reason, TRP_LATE_FOR_CHECK);
        else
            trp_exit_fill(cell, reason, cell->late ? TRP_KILLED_LATE : TRP_KILLED);
        trp_life_over(cell);
        return true;
    }
    if (cell->step < TRP_STEP_RUN && trp_start_is_late(cell)) {
        trp_exit_fill(cell, TROUPE_EXIT_TIMEOUT, TRP_START_LATE);
        trp_life_over(cell);
        return true;
    }
    if ((cell->stop_asked || cell->exiting) && cell->step <= TRP_STEP_RUN) {
        trp_life_stop(cell);
        return true;
    }
    return false;
}

/* A stop that finds no memory for its time limit goes on, but it must not wait: nobody would end that. True: it is
 * killed. */
static bool waits_without_limit(trp_cell *cell)
{
    if ((cell->step != TRP_STEP_DRAIN && cell->step != TRP_STEP_PRE_STOP) ||
        trp_load_relaxed(&cell->stop_timeout) == TROUPE_FOREVER) /* set at spawn */
        return false;
    trp_stop_timer_start(cell); /* unless it has one */
    if (cell->stop_limit)
        return false;
    cell->late = cell->killed = true;
    return true;
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
        if (cell->vitals && trp_health_turn(cell))
            continue;
        if (cell->pending && !cell->woken) {
            if (waits_without_limit(cell))
                continue;
            return TRP_NEXT_BLOCKED;
        }
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
            if (trp_load_relaxed(&cell->muted_on) && waits_without_limit(cell))
                break;
            if (trp_load_relaxed(&cell->muted_on))
                return TRP_NEXT_MUTED;
            if (handle_some(cell, &next))
                return next;
            break;
        case TRP_STEP_PRE_STOP:
            hook_pre_stop(cell);
            break;
        case TRP_STEP_CHILDREN:
            if (!trp_children_end(cell))
                return TRP_NEXT_BLOCKED;
            cell->step = TRP_STEP_POST_STOP;
            break;
        case TRP_STEP_POST_STOP:
            trp_life_post_stop(cell);
            break;
        case TRP_STEP_HELD:
            return TRP_NEXT_BLOCKED;
        }
    }
}
