/* turn.c - when a cell runs, and how others make it run.
 *
 *              schedule                 nothing waits
 *   asleep  ------------->  its turn  ----------------->  asleep   (ASLEEP in the mailbox's head)
 *   dormant ------------->            ----------------->  dormant  (dormant == 1: pending, held, muted)
 *
 * Threads:    a turn runs on a worker (an attached thread runs its own cell). push, poke, ask: any.
 * Invariants: 1. Whoever clears ASLEEP, or takes dormant from 1 to 0, schedules; nobody else does. If broken: two
 *                threads run one cell (a double start), or none does (a lost wake).
 *             2. News is written before the writer looks for a sleeper (seq), and a cell says that it sleeps before
 *                it looks for news (seq). If broken: the news waits until the next message (a lost wake).
 *             3. After a cell said that it sleeps, its turn touches only atomics of it.
 */
#include "stuck.h"

static void schedule_thread(trp_cell *cell, trp_thread_end *thread)
{
    troupe_executor *executor = cell->system->executor;
    bool driving;

    trp_mutex_lock(&thread->lock);
    thread->ready = true;
    driving = thread->driving;
    trp_condition_signal(&thread->wake);
    trp_mutex_unlock(&thread->lock);
    if (driving)
        troupe_executor_rouse(executor);
}

void trp_cell_schedule(trp_cell *cell)
{
    if (cell->thread)
        schedule_thread(cell, cell->thread);
    else
        troupe_executor_submit(cell->system->executor, &cell->task);
}

bool trp_cell_poke(trp_cell *cell)
{
    bool rested = trp_mailbox_rouse(&cell->mailbox) || trp_exchange_seq(&cell->dormant, 0) == 1;

    if (rested)
        trp_cell_schedule(cell);
    return rested;
}

bool trp_cell_ask(troupe_system *system, troupe_id id, uint32_t incarnation, trp_ask ask)
{
    trp_cell *cell = trp_slot_at(system, (uint32_t)id.value);
    uint64_t asks;

    if (!cell || !(id.value >> 32)) /* 0 is the generation of a slot that nobody has */
        return false;
    asks = trp_load_relaxed(&cell->asks); /* the exchange looks again */
    do {
        if (asks >> 32 != id.value >> 32)
            return false;
        if (incarnation && ((asks >> 16) & 0xffff) != (incarnation & 0xffff))
            return false;
    } while (!trp_cas_seq(&cell->asks, &asks, asks | ask));
    if (!trp_cell_poke(cell) && (ask & (TRP_ASK_STOPS | TRP_ASK_KILLS)) && !(asks & ask))
        trp_stuck_watch(cell, id, ask); /* its next look may never come */
    return true;
}

void trp_signal_free(trp_signal *signal)
{
    if (!signal)
        return;
    if (signal->event == TROUPE_EVENT_LINK_DOWN)
        trp_link_notice_drop(signal);
    trp_free(signal->text);
    trp_free(signal);
}

void trp_signal_send(troupe_system *system, trp_signal *signal)
{
    trp_cell *cell = trp_slot_at(system, (uint32_t)signal->target);
    trp_signal *first;

    if (!cell || !signal->target) {
        trp_signal_free(signal);
        return;
    }
    first = trp_load_relaxed(&cell->signals); /* the exchange decides */
    do
        signal->next = first;
    while (!trp_cas_seq(&cell->signals, &first, signal));
    trp_cell_poke(cell);
}

trp_signal *trp_signals_take(trp_cell *cell)
{
    trp_signal *newest = trp_exchange_acq_rel(&cell->signals, NULL);
    trp_signal *oldest = NULL;

    while (newest) {
        trp_signal *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

void trp_signal_hear(trp_cell *cell, trp_signal *signal)
{
    switch (signal->kind) {
    case TRP_SIGNAL_NOTICE:
        trp_life_notice(cell, signal);
        break;
    case TRP_SIGNAL_MONITOR:
        trp_monitor_added(cell, signal);
        break;
    case TRP_SIGNAL_DEMONITOR:
        trp_monitor_removed(cell, signal);
        break;
    }
}

static void look(trp_cell *cell)
{
    trp_signal *signal;

    trp_hold(cell);
    signal = trp_signals_take(cell);
    while (signal) {
        trp_signal *next = signal->next;

        trp_signal_hear(cell, signal);
        signal = next;
    }
    trp_let_go(cell);
}

static void go_to_sleep(trp_cell *cell, bool give_back)
{
    cell->leaving = false;
    if (!trp_mailbox_sleep(&cell->mailbox)) {
        cell->leaving = give_back;
        troupe_executor_submit_last(cell->system->executor, &cell->task);
        return;
    }
    if (trp_has_news(cell) && trp_mailbox_rouse(&cell->mailbox))
        troupe_executor_submit_last(cell->system->executor, &cell->task);
    if (give_back)
        trp_slot_give(cell);
}

static void go_dormant(trp_cell *cell, bool muted)
{
    trp_store_seq(&cell->dormant, 1);
    if (!trp_has_news(cell) && !(muted && !trp_load_seq(&cell->muted_on)))
        return;
    if (trp_exchange_acq_rel(&cell->dormant, 0) == 1)
        troupe_executor_submit_last(cell->system->executor, &cell->task);
}

void trp_turn(void *system, troupe_task *task)
{
    trp_cell *cell = (trp_cell *)(void *)task;
    trp_place outer;
    trp_next next;

    (void)system;
    if (cell->blocking)
        (void)troupe_executor_overrun(cell->system->executor);
    outer = trp_turn_enter(cell);
    if (trp_has_news(cell))
        look(cell);
    next = trp_life_advance(cell);
    trp_place_return(outer);
    switch (next) {
    case TRP_NEXT_MORE:
        troupe_executor_submit_last(cell->system->executor, &cell->task);
        break;
    case TRP_NEXT_SLEEP:
        go_to_sleep(cell, false);
        break;
    case TRP_NEXT_FREE:
        go_to_sleep(cell, true);
        break;
    case TRP_NEXT_BLOCKED:
        go_dormant(cell, false);
        break;
    case TRP_NEXT_MUTED:
        go_dormant(cell, true);
        break;
    }
}

/* A cell that has gone on to another component is charged to that one, for one tick at most. */
void trp_turn_took(void *system, troupe_task *task, uint64_t ns)
{
    trp_cell *cell = (trp_cell *)(void *)task;

    (void)system;
    trp_add_relaxed(&cell->busy_ns, ns); /* a count; the next owner may just be clearing it */
}
