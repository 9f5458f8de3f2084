/* news.c - what others ask of a cell, and the notices that reach it: looked at before each turn, also while a hook or
 * handler is pending. */
#include "life.h"
#include "stuck.h"

/* What it waits for, or one of its children does, may be waiting for this cell: backpressure.c. */
static void open_circle(trp_cell *cell)
{
    trp_mute_cancel(cell);
    if (cell->step == TRP_STEP_CHILDREN && !trp_list_empty(&cell->children))
        TRP_OF(cell->children.prev, trp_child_entry, link)->asked = false; /* it is asked again */
}

/* It was asked to live again, and to stop for a restart, before it looked: the stop came last, or it is as good. False:
 * no memory to say so. */
static bool hold_again(trp_cell *cell)
{
    if (!trp_notices_make(cell))
        return false;
    trp_exit_fill(cell, TROUPE_EXIT_RESTART, "");
    trp_parent_tell(cell, TROUPE_EVENT_CHILD_EXIT);
    return true;
}

static void live_again(trp_cell *cell, bool stops)
{
    if (stops && hold_again(cell))
        return;
    trp_life_renew(cell);
    if (stops && cell->step == TRP_STEP_PRE_START)
        cell->stop_asked = true; /* its supervisor waits for the end that it asked for */
}

void trp_life_asked(trp_cell *cell, uint32_t asks)
{
    if (cell->step == TRP_STEP_FREE)
        return;
    if (asks & (TRP_ASK_STOP_SHUTDOWN | TRP_ASK_STOP_REQUESTED)) {
        cell->stopping_for_good = true;
        cell->stop_reason =
            asks & TRP_ASK_STOP_SHUTDOWN ? TROUPE_STOP_SHUTDOWN : TROUPE_STOP_REQUESTED;
    } else if ((asks & TRP_ASK_STOP_RESTART) && !cell->stopping_for_good) {
        cell->stop_reason = TROUPE_STOP_RESTART;
    }
    if (asks & TRP_ASK_STOPS) {
        cell->stop_asked = true;
        open_circle(cell);
    }
    if ((asks & TRP_ASK_START_OVER) && cell->start_limit)
        cell->start_late = true;
    /* A deadline that crossed the end of its stop is nothing any more; one that comes with the stop says that its
     * handler let it wait for all of that time. */
    if ((asks & TRP_ASK_KILL) ||
        ((asks & TRP_ASK_DEADLINE) && (cell->stop_limit || (asks & TRP_ASK_STOPS)))) {
        cell->late = !(asks & TRP_ASK_KILL);
        cell->killed = true;
    }
    if (asks & TRP_ASK_HEALTH)
        trp_health_due(cell);
    if (asks & TRP_ASK_WAKE)
        cell->woken = cell->pending;
    if (cell->step != TRP_STEP_HELD)
        return;
    if (asks & TRP_ASK_GIVE_UP)
        cell->exit.reason = TROUPE_EXIT_GAVE_UP;
    /* a kill that ended the life before it was held is done with: cell->killed says nothing here */
    if ((asks & TRP_ASK_KILL) && trp_health_expects_kill(cell))
        asks &= ~(uint32_t)TRP_ASK_KILL;
    if (cell->stopping_for_good || (asks & (TRP_ASK_KILL | TRP_ASK_RELEASE | TRP_ASK_GIVE_UP)))
        trp_life_finish(cell);
    else if (asks & TRP_ASK_RESTART)
        live_again(cell, (asks & TRP_ASK_STOPS) != 0);
}

const char *troupe_killed(troupe_context *ctx)
{
    trp_cell *cell = ctx;
    uint64_t asks = trp_load_relaxed(&cell->asks); /* the turn looks again */

    if (trp_context_check(ctx) != TROUPE_OK)
        return NULL;
    if (asks & TRP_ASK_TAKEN)
        return TRP_KILLED; /* nobody waits for it any more */
    if (asks & TRP_ASK_STOPS)
        trp_stop_timer_start(cell);
    if ((asks & TRP_ASK_KILL) || ((asks & TRP_ASK_DEADLINE) && cell->stop_limit)) {
        /* taken here: left for the next look, it would end the held cell as well. It still has to return. */
        trp_or_relaxed(&cell->asks, (uint64_t)TRP_ASK_HEARD); /* the same word as the next */
        /* acquire: what went before the kill, for trp_health_dooms */
        trp_and_acq_rel(&cell->asks, ~(uint64_t)TRP_ASK_KILLS);
        cell->late = !(asks & TRP_ASK_KILL);
        cell->killed = true;
    }
    if (!cell->killed)
        return NULL;
    return cell->late ? TRP_KILLED_LATE : TRP_KILLED;
}

static void tell_component(trp_cell *cell, const trp_signal *signal)
{
    troupe_notice notice; /* each field is set: see trp_exit_init */

    notice.event = signal->event;
    notice.monitor.value = signal->monitor;
    trp_signal_exit(signal, &notice.exit);
    cell->telling = true;
    trp_let_go(cell);
    cell->actor->handle_down(cell->state, cell, &notice);
    trp_hold(cell);
    cell->telling = false;
}

/* Once, whatever becomes of it: a crash of this life, or a notice to one that traps. */
static void hear_link(trp_cell *cell, const trp_signal *signal)
{
    bool wanted = trp_link_heard(cell, signal) && trp_is_alive(cell) && !cell->crashing &&
                  !cell->broken && signal->life == trp_load_relaxed(&cell->incarnation); /* owner */

    if (!wanted)
        return;
    if (cell->trap_links) {
        if (cell->entered && cell->actor && cell->actor->handle_down)
            tell_component(cell, signal);
        return;
    }
    cell->broken = true;
    trp_exit_fill(cell, TROUPE_EXIT_CRASHED, signal->text ? signal->text : "a linked life ended");
    cell->exit.operation = TROUPE_OPERATION_NONE; /* it came from outside */
}

void trp_life_notice(trp_cell *cell, trp_signal *signal)
{
    bool here = signal->target == trp_id_of(cell).value && cell->step != TRP_STEP_FREE;
    bool wanted = here && trp_is_alive(cell) && cell->entered && !cell->crashing && !cell->broken &&
                  cell->actor && cell->actor->handle_down;

    if (signal->event == TROUPE_EVENT_LINK_DOWN) {
        hear_link(cell, signal);
        trp_signal_free(signal);
        return;
    }

    if (here && signal->event == TROUPE_EVENT_CHILD_DOWN)
        trp_list_remove(&TRP_OF(signal, trp_last_notice, signal)->entry.link);
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
