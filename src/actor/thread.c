/* thread.c - plain threads that attached: they wait here, where a component would be scheduled.
 *
 * Threads:    everything but trp_cell_schedule runs on the attached thread, which owns its cell all the time.
 * Invariants: 1. The thread says that it sleeps (in the mailbox's head, or dormant) before it looks for news, as a
 *                component does (turn.c). If broken: a lost wake.
 *             2. After it slept it owns the cell again only when it cleared the sleep itself, or saw `ready`. If
 *                broken: a wake is left over for the next wait.
 * In simulation the wait drives the executor instead. In a driven system the driver does both: it says that it sleeps,
 * and drives until it is ready.
 */
#include "cell.h"

#include "trp/blocks.h"

#include <string.h>

uint64_t trp_deadline(const troupe_system *system, uint64_t timeout_ns)
{
    return trp_time_after(troupe_now(system), timeout_ns);
}

uint64_t trp_lately(const troupe_system *system)
{
    return troupe_simulated(system) ? troupe_now(system) : trp_monotonic_recent_ns();
}

uint64_t trp_not_before(const troupe_system *system, uint64_t lately_ns)
{
    return troupe_simulated(system) ? lately_ns : trp_time_after(lately_ns, TRP_RECENT_NS);
}

uint64_t trp_patience_until(const troupe_system *system, uint64_t timeout_ns)
{
    return trp_is_patient(timeout_ns)
               ? trp_not_before(system, trp_time_after(trp_lately(system), timeout_ns))
               : trp_deadline(system, timeout_ns);
}

/* ---- attach, detach ---- */

static bool is_closing(troupe_system *system)
{
    bool closing;

    trp_mutex_lock(&system->roots_lock);
    closing = system->closing;
    trp_mutex_unlock(&system->roots_lock);
    return closing;
}

troupe_context *troupe_attach(troupe_system *system)
{
    bool open = !trp_is_forked(system) && !trp_is_inside(system) && !is_closing(system);
    trp_thread_end *thread = open ? trp_alloc_zeroed(sizeof *thread) : NULL;
    trp_cell *cell = thread ? trp_slot_take(system) : NULL;

    if (!cell) {
        trp_free(thread);
        return NULL;
    }
    trp_cell_reset(cell);
    cell->thread = thread;
    thread->send_until = TROUPE_FOREVER;
    trp_mutex_init(&thread->lock);
    trp_condition_init(&thread->wake);
    trp_store_relaxed(&cell->bound, /* this and the next: published with the id */
                      trp_room_of(TROUPE_MAILBOX_BOUND, TROUPE_MAILBOX_BYTES));
    trp_store_relaxed(&cell->on_full, TROUPE_ON_FULL_REJECT);
    trp_store_relaxed(&cell->incarnation, 1); /* owner */
    cell->self = (uint64_t)cell->generation << 32 | cell->slot;
    trp_store_release(&cell->id, cell->self);
    trp_context_take(cell);
    return cell;
}

static void free_notices(trp_thread_end *thread)
{
    while (thread->notices) {
        trp_signal *notice = thread->notices;

        thread->notices = notice->next;
        trp_signal_free(notice);
    }
}

/* Nobody receives it any more, or nobody ever did: it was for one who had this slot before, or memory is out. */
static void bury(trp_cell *cell, trp_node *node, troupe_dead_reason reason, troupe_status status)
{
    trp_node_bury(cell, node, reason, status);
    if (node->counted)
        trp_room_give(cell, trp_node_room(node));
}

static void bury_saved(trp_cell *cell)
{
    trp_thread_end *thread = cell->thread;

    while (thread->saved) {
        trp_node *node = thread->saved;

        thread->saved = trp_load_relaxed(&node->next); /* this thread's list */
        bury(cell, node, TROUPE_DEAD_ENDED, TROUPE_E_GONE);
        trp_node_free(node);
    }
}

static void collect(trp_cell *cell);

void troupe_detach(troupe_context *ctx)
{
    trp_thread_end *thread;

    if (!ctx || trp_context_check(ctx) != TROUPE_OK || !ctx->thread)
        return;
    trp_context_give_back(ctx);
    thread = ctx->thread;
    trp_exit_fill(ctx, TROUPE_EXIT_NORMAL, "");
    trp_store_relaxed(&ctx->closed, true); /* its id goes with it */
    trp_id_clear(ctx);
    trp_store_relaxed(&ctx->asks, 0); /* as in end.c */
    collect(ctx);
    trp_requests_end_held(ctx, TROUPE_E_GONE, "");
    trp_requests_end_asked(ctx);
    trp_timers_end(ctx);
    trp_monitors_end(ctx);
    trp_monitors_down(ctx, &ctx->exit);
    bury_saved(ctx);
    trp_trace_clear(ctx);
    trp_node_free(thread->received);
    free_notices(thread);
    trp_counts_add(ctx);
    ctx->thread = NULL;
    ctx->leaving = true;
    trp_cell_schedule(ctx); /* its turn buries what still comes and gives the slot back */
    trp_condition_fini(&thread->wake);
    trp_mutex_fini(&thread->lock);
    trp_free(thread);
}

void troupe_context_free_at(troupe_context **ctx)
{
    troupe_detach(*ctx);
}

/* ---- waiting ---- */

/* A node is readable only until the next take, so what is kept is moved. */
static trp_node *move_out(trp_node *node)
{
    trp_node *copy = trp_block_take(sizeof *copy + node->size);

    if (!copy)
        return NULL;
    /* Not the link: a sender may be setting it. */
    trp_store_relaxed(&copy->next, NULL); /* nobody knows it yet */
    memcpy(&copy->target, &node->target, sizeof *copy - offsetof(trp_node, target) + node->size);
    node->shared = node->topic = node->trace = NULL;
    return copy;
}

static void keep(trp_cell *cell, trp_node *node)
{
    trp_thread_end *thread = cell->thread;
    trp_node *copy = move_out(node);

    if (!copy) {
        bury(cell, node, TROUPE_DEAD_REFUSED, TROUPE_E_NO_MEMORY);
        trp_node_release(node);
        return;
    }
    if (thread->saved)
        trp_store_relaxed(&thread->saved_last->next, copy); /* this thread's list */
    else
        thread->saved = copy;
    thread->saved_last = copy;
}

/* What no wait asks for is dropped here, or it would pile up until the thread leaves. */
static bool is_awaited(trp_cell *cell, const trp_signal *notice)
{
    if (notice->monitor)
        return trp_monitor_known(cell, notice->monitor, false);
    return notice->id == cell->thread->starting;
}

static void keep_notices(trp_cell *cell)
{
    trp_signal **last = &cell->thread->notices;
    trp_signal *signal = trp_signals_take(cell);

    while (*last)
        last = &(*last)->next;
    while (signal) {
        trp_signal *next = signal->next;

        signal->next = NULL;
        if (signal->kind == TRP_SIGNAL_MONITOR) {
            trp_monitor_added(cell, signal);
        } else if (signal->kind == TRP_SIGNAL_DEMONITOR) {
            trp_monitor_removed(cell, signal);
        } else if (!is_awaited(cell, signal)) {
            trp_signal_free(signal);
        } else {
            *last = signal;
            last = &signal->next;
        }
        signal = next;
    }
}

/* Needs no memory, so that a call always ends. An answer that nobody waits for any more is dropped. */
static void take_answer(trp_cell *cell, trp_node *node)
{
    trp_thread_end *thread = cell->thread;

    if (!trp_request_take_reply(cell, node) || node->correlation != thread->calling)
        return;
    thread->calling = 0;
    thread->answer_status = (troupe_status)node->status;
    thread->answer = node->shared;
    node->shared = NULL;
}

/* Everything that came, into lists of this thread. */
static void collect(trp_cell *cell)
{
    trp_node *done = NULL, *node;

    while ((node = trp_mailbox_take(&cell->mailbox, &done))) {
        trp_node_free(done);
        if (node->target != trp_id_of(cell).value) {
            bury(cell, node, TROUPE_DEAD_ENDED, TROUPE_E_GONE);
            trp_node_release(node);
        } else if (node->kind == TRP_NODE_REPLY) {
            take_answer(cell, node);
            trp_node_release(node);
        } else {
            keep(cell, node);
        }
    }
    keep_notices(cell);
}

/* Nobody has scheduled this thread and nobody will: true. Else a `ready` comes. */
static bool call_off(trp_cell *cell, bool dormant)
{
    if (dormant)
        return trp_exchange_relaxed(&cell->dormant, 0) ==
               1; /* its own store, or somebody schedules */
    return trp_mailbox_rouse(&cell->mailbox);
}

/* thread->lock is held, and let go meanwhile. False: deadline_ns passed. The driver of a driven system runs it instead
 * of sleeping, and sleeps where it does; whoever makes it ready then has to rouse it there. */
static bool doze_locked(trp_cell *cell, uint64_t deadline_ns)
{
    troupe_executor *executor = cell->system->executor;
    trp_thread_end *thread = cell->thread;
    bool in_time;

    if (!troupe_executor_drives(executor))
        return trp_condition_wait_until(&thread->wake, &thread->lock, deadline_ns);
    thread->driving = true;
    trp_mutex_unlock(&thread->lock);
    in_time = troupe_executor_drive(executor, deadline_ns);
    trp_mutex_lock(&thread->lock);
    thread->driving = false;
    return in_time;
}

static void sleep_until(trp_cell *cell, bool dormant, uint64_t deadline_ns)
{
    trp_thread_end *thread = cell->thread;
    bool called_off = false;

    trp_mutex_lock(&thread->lock);
    while (!thread->ready && !called_off) {
        if (!doze_locked(cell, deadline_ns)) {
            trp_mutex_unlock(&thread->lock);
            called_off = call_off(cell, dormant);
            deadline_ns = TROUPE_FOREVER; /* not called off: ready is on its way */
            trp_mutex_lock(&thread->lock);
        }
    }
    if (!called_off)
        thread->ready = false;
    trp_mutex_unlock(&thread->lock);
}

bool trp_thread_wait(trp_cell *cell, uint64_t deadline_ns, trp_until until, void *arg)
{
    troupe_system *system = cell->system;

    for (;;) {
        collect(cell);
        if (until(cell, arg))
            return true;
        if (troupe_now(system) >= deadline_ns)
            return false;
        if (troupe_simulated(system)) {
            if (!troupe_executor_step_until(system->executor, deadline_ns))
                return false;
            continue;
        }
        if (!trp_mailbox_sleep(&cell->mailbox))
            continue;
        if (trp_load_seq(&cell->signals) && trp_mailbox_rouse(&cell->mailbox))
            continue;
        sleep_until(cell, false, deadline_ns);
    }
}

troupe_status trp_thread_block(trp_cell *cell, trp_until done)
{
    uint64_t deadline_ns = cell->thread->send_until;

    for (;;) {
        if (done(cell, NULL))
            return TROUPE_OK;
        if (troupe_now(cell->system) >= deadline_ns)
            return TROUPE_E_TIMEOUT;
        if (troupe_simulated(cell->system)) {
            if (!troupe_executor_step_until(cell->system->executor, deadline_ns) &&
                deadline_ns == TROUPE_FOREVER)
                return TROUPE_E_FULL;
            continue;
        }
        trp_store_seq(&cell->dormant, 1);
        if (done(cell, NULL) && call_off(cell, true))
            return TROUPE_OK;
        sleep_until(cell, true, deadline_ns);
    }
}

/* ---- what a thread does ---- */

static troupe_status check(const trp_cell *ctx)
{
    troupe_status status = trp_context_check(ctx);

    return status == TROUPE_OK && !ctx->thread ? TROUPE_E_INVALID
                                               : status; /* a handler must not block */
}

static bool look_for_answer(trp_cell *cell, void *arg)
{
    (void)arg;
    return !cell->thread->calling;
}

static troupe_status call(troupe_context *ctx, troupe_id target, trp_letter letter,
                          uint64_t timeout_ns, troupe_reply_buffer *reply)
{
    troupe_correlation correlation;
    uint64_t deadline_ns;
    trp_thread_end *thread;
    troupe_status status = check(ctx);

    if (reply)
        reply->payload = NULL;
    if (status != TROUPE_OK)
        return status;
    thread = ctx->thread;
    deadline_ns = trp_deadline(ctx->system, timeout_ns);
    thread->send_until = deadline_ns; /* a full mailbox counts too */
    status = trp_request_send(ctx, target, letter, timeout_ns, &correlation);
    thread->send_until = TROUPE_FOREVER;
    if (status != TROUPE_OK) {
        collect(ctx); /* its time-out may have crossed the refusal: else those would pile up */
        return status;
    }
    thread->calling = correlation.value;
    if (!troupe_driven(ctx->system)) /* its timer ends it; but who fires timers if nobody drives? */
        deadline_ns = TROUPE_FOREVER;
    if (!trp_thread_wait(ctx, deadline_ns, look_for_answer, NULL)) {
        thread->calling = 0; /* a simulation in which nothing happens any more */
        return TROUPE_E_TIMEOUT;
    }
    if (reply)
        reply->payload = thread->answer;
    else
        troupe_payload_unref(thread->answer);
    thread->answer = NULL;
    return thread->answer_status;
}

troupe_status troupe_call(troupe_context *ctx, troupe_id target, troupe_bytes payload,
                          uint64_t timeout_ns, troupe_reply_buffer *reply)
{
    return call(ctx, target, (trp_letter){.bytes = payload}, timeout_ns, reply);
}

troupe_status troupe_call_shared(troupe_context *ctx, troupe_id target, troupe_payload *topic,
                                 troupe_payload *payload, uint64_t timeout_ns,
                                 troupe_reply_buffer *reply)
{
    return call(ctx, target, trp_letter_shared(topic, payload), timeout_ns, reply);
}

static bool look_for_message(trp_cell *cell, void *arg)
{
    trp_node **ret_node = arg;
    trp_thread_end *thread = cell->thread;

    if (!thread->saved)
        return false;
    *ret_node = thread->saved;
    thread->saved = trp_load_relaxed(&thread->saved->next); /* this thread's list */
    return true;
}

troupe_status troupe_receive(troupe_context *ctx, uint64_t timeout_ns, troupe_message *ret_message)
{
    trp_node *node = NULL;
    troupe_status status = check(ctx);

    if (status != TROUPE_OK)
        return status;
    trp_node_free(ctx->thread->received); /* now, so that its interval goes on */
    ctx->thread->received = NULL;
    if (!trp_thread_wait(ctx, trp_deadline(ctx->system, timeout_ns), look_for_message, &node))
        return TROUPE_E_TIMEOUT;
    ctx->thread->received = node;
    ctx->request = NULL;
    trp_request_accept(ctx, node);
    trp_count_own(&ctx->n_handled, 1);
    if (node->counted)
        trp_room_give(ctx, trp_node_room(node));
    *ret_message = trp_node_message(node);
    return TROUPE_OK;
}

typedef struct ended {
    uint64_t monitor;
    troupe_exit *ret_exit;
} ended;

static bool look_for_end(trp_cell *cell, void *arg)
{
    ended *wait = arg;

    for (trp_signal **at = &cell->thread->notices; *at; at = &(*at)->next) {
        trp_signal *notice = *at;

        if (notice->monitor != wait->monitor)
            continue;
        if (wait->ret_exit)
            trp_signal_exit(notice, wait->ret_exit);
        *at = notice->next;
        trp_signal_free(notice);
        return true;
    }
    return false;
}

troupe_status troupe_wait_end(troupe_context *ctx, troupe_id id, uint64_t timeout_ns,
                              troupe_exit *ret_exit)
{
    troupe_monitor monitor;
    ended wait = {.ret_exit = ret_exit};
    troupe_status status = check(ctx);

    if (status == TROUPE_OK)
        status = troupe_monitor_start(ctx, id, TROUPE_MONITOR_FINAL, &monitor);
    if (status != TROUPE_OK)
        return status;
    wait.monitor = monitor.value;
    if (trp_thread_wait(ctx, trp_deadline(ctx->system, timeout_ns), look_for_end, &wait)) {
        trp_monitor_known(ctx, monitor.value, true);
        return TROUPE_OK;
    }
    troupe_monitor_stop(ctx, monitor);
    return TROUPE_E_TIMEOUT;
}
