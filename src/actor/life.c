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

bool trp_parent_tell(trp_cell *cell, troupe_event event)
{
    trp_signal *signal =
        event == TROUPE_EVENT_CHILD_DOWN ? cell->down : trp_alloc_zeroed(sizeof *signal);

    if (!signal)
        return false;
    if (event == TROUPE_EVENT_CHILD_DOWN)
        cell->down = NULL;
    signal->target = trp_load_relaxed(&cell->parent); /* owner */
    signal->child = cell->entry;
    trp_signal_tell(signal, cell, event);
    return true;
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
    cell->pending = status == TROUPE_PENDING;
    if (!cell->pending)
        trp_life_post_started(cell, status);
}

static void hook_pre_stop(trp_cell *cell)
{
    troupe_status status = TROUPE_OK;

    if (cell->child && cell->child->pre_stop)
        status = cell->child->pre_stop(cell->state, cell, cell->stop_reason);
    cell->pending = status == TROUPE_PENDING;
    if (!cell->pending)
        trp_life_pre_stopped(cell, status);
}

/* A kill, a crash, a stop come before the next step. True: one of them did. */
static bool turn_aside(trp_cell *cell)
{
    if (!trp_is_alive(cell))
        return false;
    if (cell->crashing) {
        trp_life_over(cell);
        return true;
    }
    if (cell->killed) {
        trp_exit_fill(cell, TROUPE_EXIT_KILLED, cell->late ? TRP_KILLED_LATE : TRP_KILLED);
        trp_life_over(cell);
        return true;
    }
    if ((cell->stop_asked || cell->exiting) && cell->step <= TRP_STEP_RUN) {
        trp_life_stop(cell);
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
