/* spawn.c - a new component: its slot, name, state and first hook. */
#include "life.h"
#include "stuck.h"

#include "trp/options.h"

#include <string.h>

/* ---- state ---- */

/* Senders may still look at the old state of a route: it stays until the system is freed. */
static bool new_route(trp_cell *cell,
                      troupe_id (*choose)(void *self, troupe_system *system, troupe_bytes topic))
{
    troupe_system *system = cell->system;
    trp_route *route =
        trp_alloc_zeroed(sizeof *route + trp_load_relaxed(&cell->state_size)); /* owner */

    if (!route)
        return false;
    route->choose = choose;
    trp_mutex_lock(&system->slots_lock);
    route->next = system->routes;
    system->routes = route;
    trp_mutex_unlock(&system->slots_lock);
    cell->state = route->state;
    trp_store_release(&cell->route, route); /* pairs with trp_resolve */
    return true;
}

static bool new_state(trp_cell *cell, const troupe_spec *spec)
{
    trp_store_relaxed(&cell->state_size, spec->state_size); /* for lookers-on */
    if (spec->route)
        return new_route(cell, spec->route);
    if (!spec->state_size)
        return true;
    cell->state = trp_alloc_zeroed(spec->state_size);
    return cell->state != NULL;
}

bool trp_state_renew(trp_cell *cell)
{
    trp_route *route = trp_load_relaxed(&cell->route); /* owner */

    if (route)
        return new_route(cell, route->choose);
    if (cell->state)
        memset(cell->state, 0, trp_load_relaxed(&cell->state_size)); /* owner */
    return true;
}

void trp_state_free(trp_cell *cell)
{
    if (!trp_load_relaxed(&cell->route)) /* owner */
        trp_free(cell->state);
    cell->state = NULL;
    /* relaxed: the id is gone, and what crosses that is a dead letter, by whichever way */
    trp_store_relaxed(&cell->route, NULL);
}

/* ---- the cell ---- */

void trp_cell_reset(trp_cell *cell)
{
    trp_oldest_stop(cell);
    cell->thread = NULL;
    cell->step = TRP_STEP_FREE;
    cell->pending = cell->woken = cell->crashing = cell->exiting = false;
    cell->stop_asked = cell->started_once = cell->leaving = cell->stopping_for_good = false;
    cell->killed = cell->entered = cell->drain = cell->supervised = cell->blocking = false;
    cell->has_trace = false;
    cell->trace = NULL;
    cell->n_asked = cell->n_held = cell->n_held_swept = 0;
    cell->n_timers = cell->n_timers_swept = 0;
    cell->requests_bound = TROUPE_REQUESTS_BOUND;
    cell->timers_bound = TROUPE_TIMERS_BOUND;
    cell->child = NULL;
    cell->actor = NULL;
    cell->vitals = NULL;
    cell->down = NULL;
    cell->started = cell->held_notice = NULL;
    cell->telling = cell->start_late = cell->broken = cell->trap_links = false;
    cell->start_timeout = 0;
    cell->taken = cell->late = false;
    trp_store_relaxed(&cell->links_state, TRP_LINKS_CLOSED); /* these: the id publishes them */
    trp_list_init(&cell->bonds);
    cell->on_error = TROUPE_ON_ERROR_CONTINUE;
    trp_store_relaxed(&cell->name, NULL); /* owner */
    trp_store_relaxed(&cell->parent, 0);  /* owner */
    trp_store_relaxed(&cell->ending, 0);
    trp_store_relaxed(&cell->high_water, 0); /* for lookers-on, these */
    trp_store_relaxed(&cell->n_crashed, 0);
    trp_store_relaxed(&cell->busy_ns, 0);
    trp_store_relaxed(&cell->state_size, 0);
    cell->watchers = NULL;
    cell->watched = NULL;
    trp_list_init(&cell->roots);
    trp_list_init(&cell->children);
    trp_list_init(&cell->asked);
    trp_list_init(&cell->held);
    trp_list_init(&cell->timers);
    trp_store_release(&cell->closed, false);  /* pairs with troupe_refuse: the last id is gone */
    trp_store_relaxed(&cell->incarnation, 0); /* owner */
    trp_set_phase(cell, TROUPE_PHASE_STARTING);
    /* held until a hook may run */
    trp_store_relaxed(&cell->asks, (uint64_t)cell->generation << 32 | TRP_ASK_HOLD);
}

static void fill(trp_cell *cell, trp_cell *parent, const troupe_spec *spec)
{
    troupe_system *system = cell->system;

    trp_cell_reset(cell);
    cell->child = spec->child;
    cell->actor = spec->actor;
    cell->argument = spec->argument;
    trp_store_relaxed(
        &cell->bound, /* this and the next: published with the id */
        trp_room_of(spec->mailbox_bound ? spec->mailbox_bound : TROUPE_MAILBOX_BOUND,
                    spec->mailbox_bytes ? spec->mailbox_bytes : TROUPE_MAILBOX_BYTES));
    trp_store_relaxed(&cell->on_full, spec->on_full);
    if (spec->requests_bound)
        cell->requests_bound = spec->requests_bound;
    if (spec->timers_bound)
        cell->timers_bound = spec->timers_bound;
    cell->drain = spec->drain;
    cell->supervised = spec->supervised;
    cell->on_error = spec->on_error;
    cell->trap_links = spec->trap_links;
    cell->start_timeout = spec->start_timeout;
    cell->blocking = spec->blocking;
    trp_store_relaxed(&cell->stop_timeout,
                      spec->stop_timeout ? spec->stop_timeout : system->stop_timeout);
    trp_store_relaxed(&cell->parent, trp_id_of(parent).value); /* owner */
}

/* Its memory; what is made is undone by `undo`. */
static troupe_status furnish(trp_cell *cell, trp_cell *parent, const troupe_spec *spec,
                             troupe_id id)
{
    cell->down = trp_alloc_zeroed(sizeof *cell->down);
    if (!cell->down || !trp_notices_make(cell) || !new_state(cell, spec) ||
        !trp_vitals_new(cell, spec))
        return TROUPE_E_NO_MEMORY;
    if (spec->on_full == TROUPE_ON_FULL_DROP_OLDEST && !trp_oldest_start(cell))
        return TROUPE_E_NO_MEMORY;
    if (!parent->thread)
        cell->down->entry.id = id.value;
    return TROUPE_OK;
}

static void undo(trp_cell *cell)
{
    trp_id_clear(cell);
    trp_store_relaxed(&cell->asks, 0); /* as in end.c */
    trp_name_release(cell);
    trp_free(cell->down); /* it says nothing yet */
    cell->down = NULL;
    trp_notices_free(cell);
    trp_vitals_free(cell);
    trp_state_free(cell);
    trp_exit_say(cell, "");
    cell->step = TRP_STEP_FREE;
    cell->leaving = true;
    trp_cell_schedule(cell); /* its turn buries what came and gives the slot back */
}

static troupe_status take_spec(const trp_cell *parent, troupe_spec *spec, const troupe_spec *asked,
                               troupe_error *error)
{
    const char *wrong;

    troupe_status status = trp_context_check(parent);

    if (status != TROUPE_OK)
        return status;
    if (!asked || !trp_options_take(spec, sizeof *spec, asked))
        return TROUPE_E_INVALID;
    if (spec->name && !trp_name_is_valid(spec->name))
        return TROUPE_E_INVALID;
    if ((unsigned)spec->on_full > TROUPE_ON_FULL_DROP_OLDEST ||
        spec->mailbox_bound > TROUPE_MAILBOX_BOUND_MAX ||
        spec->mailbox_bytes > TROUPE_MAILBOX_BYTES_MAX)
        return TROUPE_E_INVALID;
    if (spec->on_error > TROUPE_ON_ERROR_ESCALATE)
        return TROUPE_E_INVALID;
    if (spec->supervised && parent->thread)
        return TROUPE_E_INVALID; /* a thread answers no child_exit */
    wrong = trp_vitals_check(spec);
    return wrong ? troupe_error_set(error, TROUPE_E_INVALID, "%s", wrong) : TROUPE_OK;
}

/* False: the system is stopping. */
static bool enter_system(trp_cell *cell, trp_cell *parent)
{
    troupe_system *system = cell->system;
    bool open;

    trp_mutex_lock(&system->roots_lock);
    /* One that was given up has no id: its children would have nobody (stuck.c stops those it has). */
    open = !system->closing && trp_load_relaxed(&parent->id);
    if (open) {
        system->n_live++;
        if (parent->thread)
            trp_list_append(&system->roots, &cell->roots);
    }
    trp_mutex_unlock(&system->roots_lock);
    if (open && !parent->thread)
        trp_list_append(&parent->children, &cell->down->entry.link);
    return open;
}

static void leave_system(trp_cell *cell)
{
    trp_id_clear(cell); /* before the broadcast: a stopper waits for the end of this id */
    trp_roots_leave(cell);
    if (cell->down->entry.id)
        trp_list_remove(&cell->down->entry.link);
}

/* The first hook, here. False: refused, and error says why. */
static bool start_here(trp_cell *cell, const trp_cell *parent, troupe_error *error)
{
    troupe_status status;

    if (cell->blocking) /* the spawner's worker, if it is one */
        (void)troupe_executor_overrun(cell->system->executor);
    if (parent->thread)
        parent->thread->n_starting_here++;
    status = trp_life_pre_start(cell, error);
    if (parent->thread)
        parent->thread->n_starting_here--;
    if (status == TROUPE_OK || status == TROUPE_PENDING)
        return true;
    if (!error->text[0])
        troupe_error_set(error, TROUPE_E_REFUSED, "%s", troupe_status_text(status));
    error->status = TROUPE_E_REFUSED;
    return false;
}

/* False: it was given up before it refused, so the end is told as a notice. */
static bool withdraw(trp_cell *cell)
{
    bool mine;

    trp_hold(cell);
    mine = !cell->taken;
    if (mine) {
        leave_system(cell);
        undo(cell);
    } else {
        trp_let_go(cell);
    }
    return mine;
}

static troupe_status spawn(trp_cell *parent, const troupe_spec *asked, troupe_id *ret_id,
                           troupe_error *error)
{
    troupe_spec spec;
    troupe_status status = take_spec(parent, &spec, asked, error);
    trp_cell *cell;
    troupe_id id;

    if (status != TROUPE_OK)
        return status;
    cell = trp_slot_take(parent->system);
    if (!cell)
        return TROUPE_E_NO_MEMORY;
    id = (troupe_id){(uint64_t)cell->generation << 32 | cell->slot};
    cell->self = id.value;
    fill(cell, parent, &spec);
    status = furnish(cell, parent, &spec, id);
    trp_store_release(&cell->id, id.value); /* pairs with trp_cell_find */
    if (status == TROUPE_OK && spec.name)   /* whoever learns the id by it can send */
        status = trp_name_reserve(cell, spec.name, id);
    if (status == TROUPE_OK && !enter_system(cell, parent))
        status = TROUPE_E_CLOSED;
    if (status != TROUPE_OK) {
        undo(cell);
        return status;
    }
    trp_life_begin(cell, TROUPE_START_FRESH);
    trp_let_go(cell);
    if (!spec.start_on_own_turn && !start_here(cell, parent, error) && withdraw(cell))
        return TROUPE_E_REFUSED;
    *ret_id = id;
    trp_cell_schedule(cell);
    return TROUPE_OK;
}

/* ---- a thread waits for the outcome ---- */

typedef struct outcome {
    troupe_id id;
    troupe_status status; /* TROUPE_PENDING: not known yet */
    troupe_error *error;
} outcome;

static bool look_for_outcome(trp_cell *cell, void *arg)
{
    outcome *out = arg;

    for (trp_signal **at = &cell->thread->notices; *at;) {
        trp_signal *notice = *at;

        if (notice->id != out->id.value ||
            (notice->event != TROUPE_EVENT_STARTED && notice->event != TROUPE_EVENT_CHILD_DOWN)) {
            at = &notice->next;
            continue;
        }
        out->status = notice->event == TROUPE_EVENT_STARTED   ? TROUPE_OK
                      : notice->reason == TROUPE_EXIT_TIMEOUT ? TROUPE_E_TIMEOUT
                                                              : TROUPE_E_REFUSED;
        if (out->status != TROUPE_OK)
            troupe_error_set(out->error, out->status, "%s", notice->text ? notice->text : "");
        *at = notice->next;
        trp_signal_free(notice);
        return true;
    }
    return false;
}

troupe_status troupe_spawn_or_say(troupe_context *ctx, const troupe_spec *spec, troupe_id *ret_id,
                                  troupe_error *error)
{
    troupe_error unread;
    outcome out = {.status = TROUPE_PENDING, .error = error ? error : &unread};
    troupe_status status;

    out.error->text[0] = '\0';
    status = spawn(ctx, spec, &out.id, out.error);
    if (status == TROUPE_OK && ctx->thread) {
        ctx->thread->starting = out.id.value;
        trp_thread_wait(ctx, TROUPE_FOREVER, look_for_outcome, &out);
        ctx->thread->starting = 0;
        status = out.status == TROUPE_PENDING ? TROUPE_E_TIMEOUT : out.status;
    }
    if (status == TROUPE_OK)
        *ret_id = out.id;
    else if (!out.error->text[0])
        troupe_error_set(out.error, status, "%s", troupe_status_text(status));
    return status;
}

troupe_status troupe_spawn(troupe_context *ctx, const troupe_spec *spec, troupe_id *ret_id)
{
    return troupe_spawn_or_say(ctx, spec, ret_id, NULL);
}
