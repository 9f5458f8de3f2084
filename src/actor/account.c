/* account.c - what can be asked of a system: counts and states. Nothing here stops anybody. */
#include "cell.h"

#include "trp/options.h"

const char *troupe_exit_reason_name(troupe_exit_reason reason)
{
    static const char *const names[] = {
        [TROUPE_EXIT_NORMAL] = "normal",       [TROUPE_EXIT_CRASHED] = "crashed",
        [TROUPE_EXIT_KILLED] = "killed",       [TROUPE_EXIT_TIMEOUT] = "timeout",
        [TROUPE_EXIT_REFUSED] = "refused",     [TROUPE_EXIT_GAVE_UP] = "gave up",
        [TROUPE_EXIT_GONE] = "gone",           [TROUPE_EXIT_RESTART] = "stopped for a restart",
        [TROUPE_EXIT_ESCALATED] = "escalated", [TROUPE_EXIT_STUCK] = "stuck",
        [TROUPE_EXIT_SHUTDOWN] = "shut down",
    };

    return (size_t)reason < sizeof names / sizeof *names ? names[reason] : "unknown reason";
}

#define OPERATION_NAME(name, word, kind) [name] = word,
#define OPERATION_KIND(name, word, kind) [name] = kind,

const char *troupe_operation_name(troupe_operation operation)
{
    static const char *const names[] = {TROUPE_OPERATION_TABLE(OPERATION_NAME)};

    return (unsigned)operation < TROUPE_N_OPERATIONS ? names[operation] : "unknown operation";
}

troupe_operation_kind troupe_operation_kind_of(troupe_operation operation)
{
    static const troupe_operation_kind kinds[] = {TROUPE_OPERATION_TABLE(OPERATION_KIND)};

    return (unsigned)operation < TROUPE_N_OPERATIONS ? kinds[operation] : TROUPE_OPERATION_NO_KIND;
}

/* Nodes that were pushed and not taken, and the one at hand of a pending handler. */
static uint64_t walk_links(const trp_cell *cell)
{
    uint64_t n = cell->current && cell->current->kind == TRP_NODE_MESSAGE;
    trp_node *node = trp_load_acquire(&cell->mailbox.tail->next); /* pairs with push */

    for (; node; node = trp_load_acquire(&node->next))
        n += node->kind == TRP_NODE_MESSAGE;
    return n;
}

/* One that was given up has not given back the room of what it finished in the same batch. When it comes back this
 * moment, the two need not fit. */
static uint64_t waiting_of(const trp_cell *cell)
{
    uint64_t waiting = trp_room_messages(trp_load_relaxed(&cell->waiting)); /* counts, both */
    uint64_t done;

    if (!trp_load_relaxed(&cell->stuck)) /* as it stands */
        return waiting;
    done = trp_room_messages(trp_load_relaxed(&cell->done));
    return waiting > done ? waiting - done : 0;
}

void troupe_totals_read(troupe_system *system, troupe_totals *ret_totals, size_t size)
{
    troupe_totals totals = {
        .sent = trp_load_relaxed(&system->sent), /* counts, all of these */
        .handled = trp_load_relaxed(&system->handled),
        .failed = trp_load_relaxed(&system->failed),
        .crashes = trp_load_relaxed(&system->n_crashes),
        .dead_letters_untold = trp_load_relaxed(&system->n_dead_untold),
    };

    if (trp_is_forked(system)) {
        trp_options_give(ret_totals, size, &(troupe_totals){0}, sizeof totals);
        return;
    }
    totals.slots = trp_slots_made(system) - 1;
    for (uint32_t slot = 1; slot <= totals.slots; slot++) {
        trp_cell *cell = trp_slot_at(system, slot);

        totals.sent += trp_load_relaxed(&cell->n_sent);
        totals.handled += trp_load_relaxed(&cell->n_handled);
        totals.failed += trp_load_relaxed(&cell->n_failed);
        totals.waiting += waiting_of(cell);
    }
    trp_mutex_lock(&system->roots_lock);
    totals.live = system->n_live;
    trp_mutex_unlock(&system->roots_lock);
    trp_mutex_lock(&system->dead_lock);
    totals.dead_letters = system->n_dead;
    trp_mutex_unlock(&system->dead_lock);
    trp_options_give(ret_totals, size, &totals, sizeof totals);
}

static uint64_t walk(trp_cell *cell)
{
    bool locked = trp_oldest_lock(cell);
    uint64_t n = walk_links(cell);

    if (locked)
        trp_oldest_unlock(cell);
    return n;
}

/* A component that runs is waited for; one at rest is claimed, walked, and sent back to its rest. What an attached
 * thread has taken into lists of its own nobody else can walk: its count of room says it. */
static uint64_t claim_and_walk(trp_cell *cell)
{
    uint64_t n;

    do {
        if (trp_load_relaxed(&cell->thread)) /* only whether there is one */
            return trp_room_messages(trp_load_relaxed(&cell->waiting));
        if (trp_load_relaxed(&cell->stuck)) /* its mailbox is its own until its handler returns */
            return waiting_of(cell);
        trp_pause();
    } while (!trp_mailbox_rouse(&cell->mailbox) && trp_exchange_acq_rel(&cell->dormant, 0) != 1);
    n = walk(cell);
    trp_cell_schedule(cell);
    return n;
}

static uint64_t walk_all(troupe_system *system, bool threads)
{
    bool runs_all = troupe_simulated(system) || troupe_executor_drives(system->executor);
    uint32_t n_slots = trp_slots_made(system);
    uint64_t n = 0;

    for (uint32_t slot = 1; slot < n_slots; slot++) {
        trp_cell *cell = trp_slot_at(system, slot);
        bool thread = trp_load_relaxed(&cell->thread); /* only whether there is one */

        if (thread != threads)
            continue;
        n += runs_all && !thread ? walk(cell) : claim_and_walk(cell); /* runs_all: one thread */
    }
    return n;
}

/* Each comes after those that may still put something into it: a timer's function into all, the last turn of a component
 * that has left, which buries, into a thread that wants to hear of dead letters. */
uint64_t troupe_walk_mailboxes(troupe_system *system)
{
    uint64_t n;

    if (trp_is_forked(system) || trp_refuse_inside(system, "troupe_walk_mailboxes in a handler"))
        return 0;
    troupe_timers_settle(system->executor);
    n = walk_all(system, false);
    return n + walk_all(system, true);
}

static troupe_info look_at(const trp_cell *cell, troupe_id id)
{
    uint32_t incarnation = trp_load_relaxed(&cell->incarnation); /* as it stands, all of these */
    uint64_t waiting = trp_load_relaxed(&cell->waiting);         /* one look: both halves fit */
    uint32_t phase = trp_load_relaxed(&cell->phase);

    return (troupe_info){
        .id = id,
        .phase = (troupe_phase)(phase & ~TRP_PHASE_PENDING),
        .pending = phase & TRP_PHASE_PENDING,
        .incarnation = incarnation,
        .waiting = trp_room_messages(waiting),
        .waiting_bytes = trp_room_bytes(waiting),
        .handled = trp_load_relaxed(&cell->n_handled),
        .failed = trp_load_relaxed(&cell->n_failed),
        .sent = trp_load_relaxed(&cell->n_sent),
        .high_water = trp_load_relaxed(&cell->high_water),
        .restarts = incarnation ? incarnation - 1 : 0,
        .crashes = trp_load_relaxed(&cell->n_crashed),
        .busy_ns = trp_load_relaxed(&cell->busy_ns),
        .state_bytes = trp_load_relaxed(&cell->state_size),
        .parent = {trp_load_relaxed(&cell->parent)},
    };
}

troupe_status troupe_info_read(troupe_system *system, troupe_id id, troupe_info *ret_info,
                               size_t size)
{
    trp_cell *cell = trp_cell_find(system, id);
    troupe_info info;

    if (trp_is_forked(system))
        return TROUPE_E_FORKED;
    if (!cell)
        return TROUPE_E_GONE;
    info = look_at(cell, id);
    if (!trp_id_stays(cell, id.value))
        return TROUPE_E_GONE;
    trp_options_give(ret_info, size, &info, sizeof info);
    return TROUPE_OK;
}

size_t troupe_snapshot_read(troupe_system *system, troupe_info *infos, size_t n, size_t size)
{
    uint8_t *to = (uint8_t *)infos;
    size_t found = 0;
    uint32_t n_slots;

    if (trp_is_forked(system))
        return 0;
    n_slots = trp_slots_made(system);
    for (uint32_t slot = 1; slot < n_slots; slot++) {
        trp_cell *cell = trp_slot_at(system, slot);
        troupe_id id = {trp_load_acquire(&cell->id)}; /* pairs with spawn */
        troupe_info info;

        if (!id.value || trp_load_relaxed(&cell->thread)) /* set before the id */
            continue;
        info = look_at(cell, id);
        if (!trp_id_stays(cell, id.value))
            continue;
        if (found < n)
            trp_options_give(to + found * size, size, &info, sizeof info);
        found++;
    }
    return found;
}

uint32_t troupe_waiting(troupe_system *system, troupe_id id)
{
    const trp_cell *cell = trp_cell_find(system, id);

    return cell ? trp_room_messages(trp_load_relaxed(&cell->waiting)) : 0; /* as it stands */
}

bool troupe_has_room(troupe_system *system, troupe_id id)
{
    const trp_cell *cell = trp_cell_find(system, id);

    return cell && !trp_load_relaxed(&cell->closed) &&         /* as it stands, all of it */
           !trp_room_is_full(trp_load_relaxed(&cell->waiting), /* as it stands */
                             trp_load_relaxed(&cell->bound));
}
