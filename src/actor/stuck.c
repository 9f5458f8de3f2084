/* stuck.c - a component whose handler does not come back is given up: watchers and parent are told, its name is free,
 * its id is gone. Should the handler return after all, its own turn cleans up and gives the slot back.
 *
 *   asked (stop, kill) while it runs --its turn looks--> obeyed
 *        |
 *        | nobody looked for stop_timeout (a stop), then for kill_grace
 *        v
 *   TAKEN --told everybody--> TOLD --its turn looks, if ever--> cleaned up, the slot is given back
 *
 * Threads:    watch: who asks. fire: the clock's. run: a thread for jobs, one at a time. hold, let_go, unwatch: the
 *             cell's owner. In simulation, and in a driven system, a handler that does not
 *             return stops everything: nothing is watched.
 * Invariants: 1. Taking is one compare-exchange on `asks` that finds a kill nobody obeyed, and no HOLD. The owner sets
 *                HOLD, by the exchange that takes what was asked, before it touches its watchers, its parent's entry,
 *                its notices or its name, and lets go before it calls a hook or handler. If broken: two threads tell
 *                the same watchers.
 *             2. Once TAKEN is set these belong to who took it, until TOLD; then to the owner again, who finds nothing
 *                left to tell. If broken: a watcher is told twice, or the slot is another's while it is being read.
 *             3. A cell is in the list while `overdue` says so, which nobody else changes, not even who takes the slot: an
 *                asker may come when what it asked was obeyed long ago. The owner takes it out when it looks; one
 *                that stays finds nothing asked of its id. If broken: the list is cut, and its walk never ends.
 *             4. `stuck` is set before the signals are taken, and one who monitors pushes his signal before he looks at
 *                it; both exchange the word of the signals, so that a push that comes too late sees it. A signal that he
 *                gives back, for the id is there still, is a push as well: he looks again. If broken: he waits for a
 *                notice that never comes.
 *             5. Who comes late for a component that is gone leaves the entry of the next one alone. If broken: a kill
 *                that nobody watches.
 */
#include "stuck.h"

#include "life.h"

#include <stdio.h>
#include <string.h>

#define UNOBEYED (TRP_ASK_KILLS | TRP_ASK_HEARD)
#define RETRY (100 * TROUPE_MILLISECOND) /* when there is no thread for the job */

/* ---- the owner ---- */

/* Who took it is at work: a few microseconds for each watcher. */
static void wait_until_told(trp_cell *cell)
{
    while (!(trp_load_acquire(&cell->asks) & TRP_ASK_TOLD)) /* pairs with give_up */
        trp_yield();
    /* its generation is gone: nobody asks any more */
    trp_store_relaxed(&cell->asks, TRP_ASK_HOLD);
    cell->taken = cell->killed = cell->stopping_for_good = true;
}

static void unwatch(trp_cell *cell)
{
    troupe_system *system = cell->system;

    if (!trp_load_relaxed(&cell->overdue)) /* a hint: one that comes late finds nothing asked */
        return;
    trp_mutex_lock(&system->stuck.lock);
    if (trp_load_relaxed(&cell->overdue)) {
        trp_list_remove(&cell->overdue_link);
        trp_store_relaxed(&cell->overdue, false); /* under the lock */
    }
    trp_mutex_unlock(&system->stuck.lock);
}

void trp_hold(trp_cell *cell)
{
    uint64_t asks = trp_load_relaxed(&cell->asks), taken = TRP_ASK_TAKEN | TRP_ASK_TOLD, held;

    do
        held = (asks & (~UINT64_C(0xffff) | taken)) | TRP_ASK_HOLD;
    while (!trp_cas_acq_rel(&cell->asks, &asks, held)); /* acquire: what went before the asks */
    if (asks & TRP_ASK_TAKEN)
        wait_until_told(cell);
    unwatch(cell);
    if (asks & TRP_ASKS & ~taken || cell->taken)
        trp_life_asked(cell, (uint32_t)(asks & TRP_ASKS & ~taken));
}

void trp_let_go(trp_cell *cell)
{
    trp_and_acq_rel(&cell->asks, ~(uint64_t)TRP_ASK_HOLD); /* release: pairs with act */
}

/* ---- who asks ---- */

static void arm_locked(troupe_system *system, uint64_t due_ns)
{
    trp_stuck *stuck = &system->stuck;

    if (stuck->at_work || (stuck->armed && stuck->at_ns <= due_ns))
        return;
    if (stuck->armed && !troupe_timer_cancel(system->executor, &stuck->timer))
        return; /* it fires now, and looks at all of them */
    stuck->armed = true;
    stuck->at_ns = due_ns;
    troupe_timer_start(system->executor, &stuck->timer, due_ns);
}

static void note_locked(trp_cell *cell, troupe_id id, bool kill, uint64_t due_ns)
{
    bool listed = trp_load_relaxed(&cell->overdue); /* under the lock */

    if (!listed)
        trp_list_append(&cell->system->stuck.overdue, &cell->overdue_link);
    trp_store_relaxed(&cell->overdue, true);
    if (listed && cell->overdue_kill && !kill && cell->overdue_id.value == id.value)
        return; /* the kill's time is sooner */
    cell->overdue_id = id;
    cell->overdue_ns = due_ns;
    cell->overdue_kill = kill;
}

void trp_stuck_watch(trp_cell *cell, troupe_id id, trp_ask ask)
{
    troupe_system *system = cell->system;
    bool kill = ask & TRP_ASK_KILLS;
    uint64_t time_ns = kill ? system->kill_grace : trp_load_relaxed(&cell->stop_timeout);
    uint64_t due_ns;

    if (troupe_simulated(system) || troupe_driven(system) || time_ns == TROUPE_FOREVER ||
        trp_load_relaxed(&cell->thread)) /* set before its id: nobody kills a plain thread */
        return;
    due_ns = trp_patience_until(system, time_ns);
    trp_mutex_lock(&system->stuck.lock);
    if (trp_load_relaxed(&cell->asks) >> 32 == id.value >> 32) { /* else it is gone */
        note_locked(cell, id, kill, due_ns);
        arm_locked(system, cell->overdue_ns);
    }
    trp_mutex_unlock(&system->stuck.lock);
}

/* ---- who gives it up ---- */

static void send_back(trp_cell *cell, trp_signal *signal, bool *ret_missed)
{
    uint64_t watched = signal->kind == TRP_SIGNAL_MONITOR ? signal->target : 0;

    trp_signal_send(cell->system, signal);
    /* relaxed: after a push behind who took the signals, which acquired what he did before */
    if (watched && trp_load_relaxed(&cell->id) != watched)
        *ret_missed = true;
}

/* Monitors that are on their way, of id or of what is gone. What else is there stays for the owner. True: one was sent
 * back for an id that has gone meanwhile, and who gives it up may have looked before it was there again. */
static bool answer_monitors(trp_cell *cell, troupe_id id)
{
    trp_signal *signal = trp_signals_take(cell);
    bool missed = false;

    while (signal) {
        trp_signal *next = signal->next;

        /* its id is there still: not closed down yet, or the handler came back, and another is here */
        if (signal->kind != TRP_SIGNAL_MONITOR || trp_load_relaxed(&cell->id) == signal->target)
            send_back(cell, signal, &missed);
        else if (signal->target == id.value)
            trp_monitor_join(cell, signal);
        else
            trp_monitor_gone(cell, signal);
        signal = next;
    }
    return missed;
}

void trp_stuck_answer(trp_cell *cell)
{
    while (trp_load_relaxed(&cell->stuck) && /* see invariant 4 */
           answer_monitors(cell, TROUPE_NOBODY))
        continue;
}

static void log_stuck(troupe_system *system, const trp_end *exit, const char *name)
{
    troupe_log_line line = {.level = TROUPE_LEVEL_ERROR,
                            .id = "component-stuck",
                            .component = exit->id.value,
                            .name = name,
                            .text = troupe_text(exit->text)};

    if (system->log.write)
        system->log.write(system->log.arg, &line);
}

/* No id, no name, no new messages; what its handler still spawns is refused. */
static void close_down(trp_cell *cell)
{
    trp_store_relaxed(&cell->stuck, true);  /* see invariant 4 */
    trp_store_relaxed(&cell->closed, true); /* a hint to senders; the id goes next */
    trp_name_release(cell);                 /* before the id goes, as in end.c */
    trp_mutex_lock(&cell->system->roots_lock);
    /* under the lock against a spawn in its handler, which looks under it too */
    trp_id_clear(cell);
    trp_mutex_unlock(&cell->system->roots_lock);
    trp_room_release_all(cell);
}

static void stop_children(troupe_system *system, troupe_id parent)
{
    uint32_t n_slots = trp_slots_made(system);

    for (uint32_t slot = 1; slot < n_slots; slot++) {
        trp_cell *cell = trp_slot_at(system, slot);
        troupe_id id = {trp_load_acquire(&cell->id)}; /* pairs with spawn: its parent is set */

        if (id.value &&
            trp_load_relaxed(&cell->parent) == parent.value) /* else it is another by now */
            trp_cell_ask(system, id, 0, TRP_ASK_STOP_SHUTDOWN);
    }
}

static void count_as_stuck(trp_cell *cell)
{
    troupe_system *system = cell->system;

    trp_mutex_lock(&system->roots_lock);
    trp_list_remove(&cell->roots);
    system->n_live--;
    system->n_stuck++;
    trp_condition_broadcast(&system->roots_changed);
    trp_mutex_unlock(&system->roots_lock);
}

static void give_up(trp_cell *cell, troupe_id id, uint64_t asks)
{
    troupe_system *system = cell->system;
    bool for_good = trp_load_relaxed(&cell->closed) == true || /* the owner's; it let go */
                    (asks & (TRP_ASK_STOP_SHUTDOWN | TRP_ASK_STOP_REQUESTED));
    char name[TROUPE_NAME_MAX + 1];
    char text[] = "its handler never returned";
    trp_end exit = {.reason = for_good ? TROUPE_EXIT_KILLED : TROUPE_EXIT_STUCK,
                    .id = id,
                    /* the owner is inside a handler of this life */
                    .incarnation = trp_load_relaxed(&cell->incarnation),
                    .text = text};

    troupe_name_of(system, id, name);
    close_down(cell);
    log_stuck(system, &exit, name);
    (void)answer_monitors(cell, id); /* sends none back: its id is gone */
    trp_links_end(cell, &exit);
    trp_requests_end_with(system, id, exit.text);
    trp_monitors_down(cell, &exit);
    trp_parent_told_down(cell, &exit);
    stop_children(system, id);
    count_as_stuck(cell);
    /* from here on it is the owner's */
    trp_store_release(&cell->asks, TRP_ASK_TAKEN | TRP_ASK_TOLD);
}

/* A hook or handler of it may have begun: on a worker, or a first pre_start on its spawner's thread. Else it waits for a
 * worker, and is not to blame. */
static bool may_be_inside(trp_cell *cell)
{
    return troupe_executor_runs(cell->system->executor, &cell->task) ||
           trp_load_relaxed(&cell->phase) == TROUPE_PHASE_STARTING; /* a hint */
}

/* Its time is over. Nothing, when its owner has looked meanwhile. */
static void act(trp_cell *cell, troupe_id id, bool kill)
{
    uint64_t asks = trp_load_relaxed(&cell->asks); /* the exchange looks again */

    if (!kill) {
        if (asks >> 32 == id.value >> 32 && (asks & TRP_ASK_STOPS))
            trp_cell_ask(cell->system, id, 0, TRP_ASK_DEADLINE); /* which is watched in its turn */
        return;
    }
    do {
        if (asks >> 32 != id.value >> 32 || (asks & TRP_ASK_TAKEN))
            return;
        /* obeyed, or its owner is at work, or has had no chance */
        if (!(asks & UNOBEYED) || (asks & TRP_ASK_HOLD) || !may_be_inside(cell)) {
            if (asks & (UNOBEYED | TRP_ASK_STOPS))
                trp_stuck_watch(cell, id, asks & UNOBEYED ? TRP_ASK_KILL : TRP_ASK_STOP_REQUESTED);
            return;
        }
    } while (!trp_cas_acq_rel(&cell->asks, &asks, asks | TRP_ASK_TAKEN)); /* pairs with let_go */
    give_up(cell, id, asks);
}

/* The one whose time is over first; NULL: nobody's is, and the timer is set for the next. */
static trp_cell *next_locked(troupe_system *system)
{
    trp_link *list = &system->stuck.overdue;
    trp_cell *first = NULL;

    for (trp_link *at = list->next; at != list; at = at->next) {
        trp_cell *cell = TRP_OF(at, trp_cell, overdue_link);

        if (!first || cell->overdue_ns < first->overdue_ns)
            first = cell;
    }
    if (first && first->overdue_ns <= troupe_now(system))
        return first;
    system->stuck.at_work = false;
    if (first)
        arm_locked(system, first->overdue_ns);
    return NULL;
}

static void run(troupe_job *job)
{
    troupe_system *system = TRP_OF(job, trp_stuck, job)->system;
    trp_cell *cell;

    do {
        troupe_id id = TROUPE_NOBODY;
        bool kill = false;

        trp_mutex_lock(&system->stuck.lock);
        cell = next_locked(system);
        if (cell) {
            id = cell->overdue_id;
            kill = cell->overdue_kill;
            trp_list_remove(&cell->overdue_link);
            trp_store_relaxed(&cell->overdue, false); /* under the lock */
        }
        trp_mutex_unlock(&system->stuck.lock);
        if (cell)
            act(cell, id, kill);
    } while (cell);
}

static void fire(troupe_timer *timer)
{
    trp_stuck *stuck = TRP_OF(timer, trp_stuck, timer);
    troupe_system *system = stuck->system;

    bool due;

    trp_mutex_lock(&stuck->lock);
    stuck->armed = false;
    due = next_locked(system) != NULL; /* mostly not: they looked long ago */
    stuck->at_work = due;
    trp_mutex_unlock(&stuck->lock);
    if (!due || troupe_executor_offload_urgent(system->executor, &stuck->job) == TROUPE_OK)
        return;
    trp_mutex_lock(&stuck->lock);
    stuck->at_work = false;
    arm_locked(system, troupe_now(system) + RETRY);
    trp_mutex_unlock(&stuck->lock);
}

/* ---- with the system ---- */

void trp_stuck_init(troupe_system *system)
{
    trp_stuck *stuck = &system->stuck;

    stuck->system = system;
    stuck->job.run = run;
    trp_mutex_init(&stuck->lock);
    trp_list_init(&stuck->overdue);
    troupe_timer_init(&stuck->timer, fire);
}

void trp_stuck_fini(troupe_system *system)
{
    trp_mutex_fini(&system->stuck.lock);
}

/* Its handler came back: the slot is its own again. */
void trp_stuck_leave(trp_cell *cell)
{
    troupe_system *system = cell->system;

    trp_store_relaxed(&cell->stuck, false); /* whoever does not see it sends the signal again */
    cell->taken = false;
    trp_mutex_lock(&system->roots_lock);
    system->n_stuck--;
    trp_condition_broadcast(&system->roots_changed);
    trp_mutex_unlock(&system->roots_lock);
}
