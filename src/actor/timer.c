/* timer.c - send_after.
 *
 * A timer is counted by the life that set it and by the clock. Fired ones stay in the life's list until it is swept.
 * Threads: fire: the clock's. The list: its cell's owner.
 */
#include "cell.h"

typedef struct send_timer {
    troupe_timer timer;
    trp_link link; /* owner: the cell */
    troupe_system *system;
    trp_node *node; /* the clock's from the start on */
    uint64_t number;
    _Atomic bool fired;
    _Atomic uint32_t refs;
} send_timer;

static void unref(send_timer *timer)
{
    if (trp_sub_acq_rel(&timer->refs, 1) == 1)
        trp_free(timer);
}

static void fire(troupe_timer *clock_timer)
{
    send_timer *timer = TRP_OF(clock_timer, send_timer, timer);
    troupe_system *system = timer->system;
    trp_cell *target = trp_slot_at(system, (uint32_t)timer->node->target);

    trp_add_relaxed(&system->sent, 1); /* a count */
    trp_store_release(&timer->fired,
                      true);       /* first: who handles its message may set the next one */
    trp_push(target, timer->node); /* one whose component is gone is buried there */
    unref(timer);
}

static void sweep(trp_cell *cell)
{
    trp_link *at = cell->timers.next;

    while (at != &cell->timers) {
        send_timer *timer = TRP_OF(at, send_timer, link);

        at = at->next;
        if (trp_load_acquire(&timer->fired)) {
            trp_list_remove(&timer->link);
            cell->n_timers--;
            unref(timer);
        }
    }
    cell->n_timers_swept = cell->n_timers;
}

static send_timer *new_timer(trp_cell *cell, troupe_id target, troupe_bytes payload)
{
    trp_node *node = trp_node_new(payload, NULL);
    send_timer *timer = node ? trp_alloc_zeroed(sizeof *timer) : NULL;

    if (!timer) {
        trp_node_free(node);
        return NULL;
    }
    node->target = target.value;
    node->sender = trp_id_of(cell).value;
    node->trace = troupe_payload_ref(trp_trace_at_hand(cell));
    timer->node = node;
    timer->system = cell->system;
    timer->number = trp_add_relaxed(&cell->system->n_monitors, 1) + 1; /* only unique */
    trp_store_relaxed(&timer->refs, 2); /* nobody else knows it yet */
    troupe_timer_init(&timer->timer, fire);
    return timer;
}

troupe_status troupe_send_after(troupe_context *ctx, troupe_id target, troupe_bytes payload,
                                uint64_t delay_ns, troupe_timer_id *ret_timer)
{
    troupe_status status = trp_context_check(ctx);
    send_timer *timer;
    uint64_t number;

    if (status != TROUPE_OK)
        return status;
    if (payload.size > ctx->system->message_max)
        return TROUPE_E_TOO_LARGE;
    if (!trp_slot_at(ctx->system, (uint32_t)target.value) || !target.value)
        return TROUPE_E_GONE;
    if (ctx->n_timers > 2 * ctx->n_timers_swept + 16 || ctx->n_timers >= ctx->timers_bound)
        sweep(ctx);
    if (ctx->n_timers >= ctx->timers_bound)
        return TROUPE_E_QUOTA;
    timer = new_timer(ctx, target, payload);
    if (!timer)
        return TROUPE_E_NO_MEMORY;
    trp_list_append(&ctx->timers, &timer->link);
    ctx->n_timers++;
    number = timer->number;
    troupe_timer_start(ctx->system->executor, &timer->timer, trp_deadline(ctx->system, delay_ns));
    if (ret_timer)
        *ret_timer = (troupe_timer_id){number};
    return TROUPE_OK;
}

static bool end(trp_cell *cell, send_timer *timer)
{
    bool cancelled = troupe_timer_cancel(cell->system->executor, &timer->timer);

    trp_list_remove(&timer->link);
    cell->n_timers--;
    if (cancelled) {
        trp_node_free(timer->node);
        unref(timer);
    }
    unref(timer);
    return cancelled;
}

bool troupe_cancel_timer(troupe_context *ctx, troupe_timer_id id)
{
    if (trp_context_check(ctx) != TROUPE_OK)
        return false;
    for (trp_link *at = ctx->timers.next; at != &ctx->timers; at = at->next) {
        send_timer *timer = TRP_OF(at, send_timer, link);

        if (timer->number == id.value)
            return end(ctx, timer);
    }
    return false;
}

void trp_timers_end(trp_cell *cell)
{
    while (!trp_list_empty(&cell->timers))
        end(cell, TRP_OF(cell->timers.next, send_timer, link));
    cell->n_timers_swept = 0;
}
