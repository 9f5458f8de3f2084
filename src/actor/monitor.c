/* monitor.c - watching: exactly one last notice for each monitor, also of what is already gone.
 *
 * The target keeps its watchers, the watcher its watched: each list is touched by its own cell's owner only, and
 * signals go between them. The last notice is made when the monitor is, so that it cannot fail.
 */
#include "stuck.h"

#include <stdio.h>

/* Fill signal with what happened to whom exit tells of, and send it to whom it is for. */
void trp_signal_say(troupe_system *system, trp_signal *signal, troupe_event event,
                    const trp_end *exit)
{
    signal->kind = TRP_SIGNAL_NOTICE;
    signal->event = event;
    signal->id = exit->id.value;
    signal->incarnation = exit->incarnation;
    signal->reason = exit->reason;
    signal->operation = exit->operation;
    if (exit->text)
        signal->text = trp_strdup(exit->text); /* a notice without its text is still a notice */
    trp_signal_send(system, signal);
}

void trp_signal_tell(trp_signal *signal, trp_cell *about, troupe_event event)
{
    bool over = event != TROUPE_EVENT_STARTED && event != TROUPE_EVENT_STOPPING;
    trp_end alive = {.id = trp_id_of(about),
                     .incarnation = trp_load_relaxed(&about->incarnation)}; /* owner */

    trp_signal_say(about->system, signal, event, over ? &about->exit : &alive);
}

void trp_signal_exit(const trp_signal *signal, troupe_exit *ret_exit)
{
    trp_exit_init(ret_exit, (troupe_id){signal->id}, signal->incarnation);
    ret_exit->reason = signal->reason;
    ret_exit->operation = signal->operation;
    if (signal->text) /* it fits: trp_exit_say */
        snprintf(ret_exit->text, sizeof ret_exit->text, "%s", signal->text);
}

static void free_watcher(trp_watcher *watcher)
{
    trp_signal_free(watcher->down);
    trp_free(watcher);
}

static trp_watcher *new_watcher(trp_cell *cell, troupe_id target, unsigned flags)
{
    trp_watcher *watcher = trp_alloc_zeroed(sizeof *watcher);

    if (!watcher)
        return NULL;
    watcher->down = trp_alloc_zeroed(sizeof *watcher->down);
    if (!watcher->down) {
        trp_free(watcher);
        return NULL;
    }
    watcher->id = trp_id_of(cell).value;
    watcher->life = trp_load_relaxed(&cell->incarnation); /* owner */
    watcher->flags = flags;
    watcher->monitor = trp_add_relaxed(&cell->system->n_monitors, 1) + 1; /* only unique */
    watcher->down->kind = TRP_SIGNAL_NOTICE;
    watcher->down->event = TROUPE_EVENT_DOWN;
    watcher->down->target = watcher->id;
    watcher->down->life = watcher->life;
    watcher->down->monitor = watcher->monitor;
    watcher->down->id = target.value;
    return watcher;
}

/* The target is no more: say so at once. */
static void tell_gone(troupe_system *system, trp_watcher *watcher)
{
    trp_signal *down = watcher->down;

    watcher->down = NULL;
    free_watcher(watcher);
    down->reason = TROUPE_EXIT_GONE;
    down->text = trp_strdup("gone before it was watched");
    trp_signal_send(system, down);
}

troupe_status troupe_monitor_start(troupe_context *ctx, troupe_id id, unsigned flags,
                                   troupe_monitor *ret_monitor)
{
    trp_watched *watched;
    trp_signal *signal;
    trp_watcher *watcher;
    trp_cell *target;
    troupe_status status = trp_context_check(ctx);

    if (status != TROUPE_OK)
        return status;
    watched = trp_alloc(sizeof *watched);
    signal = trp_alloc_zeroed(sizeof *signal);
    watcher = new_watcher(ctx, id, flags);
    if (!watched || !signal || !watcher) {
        trp_free(watched);
        trp_free(signal);
        if (watcher)
            free_watcher(watcher);
        return TROUPE_E_NO_MEMORY;
    }
    target = trp_cell_find(ctx->system, id);
    *watched = (trp_watched){ctx->watched, watcher->monitor, target ? id.value : 0};
    ctx->watched = watched;
    if (ret_monitor)
        *ret_monitor = (troupe_monitor){watcher->monitor};
    if (!target) {
        trp_free(signal);
        tell_gone(ctx->system, watcher);
        return TROUPE_OK;
    }
    signal->kind = TRP_SIGNAL_MONITOR;
    signal->target = id.value;
    signal->carries = watcher;
    trp_signal_send(ctx->system, signal);
    trp_stuck_answer(target);
    return TROUPE_OK;
}

static void demonitor(trp_cell *cell, const trp_watched *watched)
{
    trp_signal *signal = trp_alloc_zeroed(sizeof *signal);

    if (!signal) /* its notice will be dropped as unknown */
        return;
    signal->kind = TRP_SIGNAL_DEMONITOR;
    signal->target = watched->target;
    signal->monitor = watched->monitor;
    trp_signal_send(cell->system, signal);
}

bool trp_monitor_known(trp_cell *cell, uint64_t monitor, bool last)
{
    for (trp_watched **at = &cell->watched; *at; at = &(*at)->next) {
        trp_watched *watched = *at;

        if (watched->monitor != monitor)
            continue;
        if (last) {
            *at = watched->next;
            trp_free(watched);
        }
        return true;
    }
    return false;
}

bool troupe_monitor_stop(troupe_context *ctx, troupe_monitor monitor)
{
    if (trp_context_check(ctx) != TROUPE_OK)
        return false;
    for (trp_watched *watched = ctx->watched; watched; watched = watched->next) {
        if (watched->monitor == monitor.value) {
            demonitor(ctx, watched);
            return trp_monitor_known(ctx, monitor.value, true);
        }
    }
    return false;
}

void trp_monitors_end(trp_cell *cell)
{
    while (cell->watched) {
        demonitor(cell, cell->watched);
        trp_monitor_known(cell, cell->watched->monitor, true);
    }
}

/* ---- the target ---- */

void trp_monitor_join(trp_cell *cell, trp_signal *signal)
{
    trp_watcher *watcher = signal->carries;

    watcher->next = cell->watchers;
    cell->watchers = watcher;
    trp_signal_free(signal);
}

void trp_monitor_gone(trp_cell *cell, trp_signal *signal)
{
    tell_gone(cell->system, signal->carries);
    trp_signal_free(signal);
}

void trp_monitor_added(trp_cell *cell, trp_signal *signal)
{
    if (signal->target == trp_load_relaxed(&cell->id))
        trp_monitor_join(cell, signal);
    else
        trp_monitor_gone(cell, signal);
}

void trp_monitor_removed(trp_cell *cell, trp_signal *signal)
{
    for (trp_watcher **at = &cell->watchers; *at; at = &(*at)->next) {
        trp_watcher *watcher = *at;

        if (watcher->monitor == signal->monitor) {
            *at = watcher->next;
            free_watcher(watcher);
            break;
        }
    }
    trp_signal_free(signal);
}

static void tell_one(trp_cell *cell, const trp_watcher *watcher, troupe_event event)
{
    trp_signal *signal = trp_alloc_zeroed(sizeof *signal);

    if (!signal)
        return;
    signal->target = watcher->id;
    signal->life = watcher->life;
    signal->monitor = watcher->monitor;
    trp_signal_tell(signal, cell, event);
}

void trp_monitors_tell(trp_cell *cell, troupe_event event)
{
    unsigned wanted =
        event == TROUPE_EVENT_STOPPING ? TROUPE_MONITOR_STOPPING : TROUPE_MONITOR_EACH_LIFE;

    for (const trp_watcher *watcher = cell->watchers; watcher; watcher = watcher->next) {
        if (watcher->flags & wanted)
            tell_one(cell, watcher, event);
    }
}

void trp_monitors_down(trp_cell *cell, const trp_end *exit)
{
    while (cell->watchers) {
        trp_watcher *watcher = cell->watchers;
        trp_signal *down = watcher->down;

        cell->watchers = watcher->next;
        watcher->down = NULL;
        free_watcher(watcher);
        trp_signal_say(cell->system, down, TROUPE_EVENT_DOWN, exit);
    }
}
