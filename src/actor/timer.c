/* timer.c - send_after, send_every.
 *
 * A timer is counted by the life that set it and by the clock. What is over stays in the life's list until it is swept.
 * Its payload is shared with its messages. While one of them waits or is handled the payload has a second count: then the
 * clock sends no further one of an interval, and a timer that fired counts as set. So a target that stalls has no more
 * messages of a life's timers than timers_bound, though they take no room.
 * Threads:    fire, tick: the clock's. The list, end: its cell's owner.
 * Invariants: 1. The owner writes `ended` before it cancels; a tick arms the clock before it reads `ended`. The clock's
 *                lock, which both take in between, orders them. If broken: an interval that was cancelled while it fired
 *                stays armed, and is never given back when the system ends before its next time.
 *             2. A tick holds a count of its own. If broken: the owner's cancel frees what the tick reads.
 */
#include "cell.h"

typedef struct send_timer {
    troupe_timer timer;
    trp_link link; /* owner: the cell */
    troupe_system *system;
    uint64_t target, sender;
    trp_node *node; /* once: the clock's from the start on */
    troupe_payload *payload;
    uint64_t at_ns, period_ns;
    uint64_t number;
    _Atomic bool over;  /* it fires no more */
    _Atomic bool ended; /* its owner wants no more of it */
    _Atomic uint32_t refs;
} send_timer;

static void unref(send_timer *timer)
{
    if (trp_sub_acq_rel(&timer->refs, 1) != 1) /* pairs with the other unrefs */
        return;
    trp_node_free(timer->node);
    troupe_payload_unref(timer->payload);
    trp_free(timer);
}

/* An address is asked now and not when the timer was set: whom it would have named then may be gone. */
static void deliver(const send_timer *timer, trp_node *node)
{
    troupe_system *system = timer->system;
    troupe_id id = {timer->target};
    bool routed = timer->target != timer->sender;
    trp_cell *target = trp_slot_at(system, (uint32_t)id.value);
    troupe_status status = routed ? trp_follow(system, &id, NULL, &target) : TROUPE_OK;

    node->sender = timer->sender;
    trp_add_relaxed(&system->sent, 1); /* a count */
    if (status == TROUPE_E_GONE)       /* one whose component is gone is buried there */
        target = trp_slot_at(system, (uint32_t)id.value);
    else if (status != TROUPE_OK)
        target = NULL;
    node->target = target ? id.value : timer->target;
    if (target) {
        trp_push(target, node);
        return;
    }
    trp_dead_letter(system, TROUPE_DEAD_REFUSED, node->sender, (troupe_id){node->target}, 0,
                    trp_node_size(node));
    trp_node_free(node);
}

/* The clock's count goes. */
static void be_over(send_timer *timer)
{
    trp_store_relaxed(&timer->over, true); /* a hint to sweep; the count orders what is freed */
    unref(timer);
}

static void fire(troupe_timer *clock_timer)
{
    send_timer *timer = TRP_OF(clock_timer, send_timer, timer);
    trp_node *node = timer->node;

    timer->node = NULL;
    /* first: who handles its message may set the next one. Relaxed: the push publishes it */
    trp_store_relaxed(&timer->over, true);
    deliver(timer, node);
    unref(timer);
}

/* ---- intervals ---- */

/* Without memory this one is left out, as one that the target had no time for. */
static void send_one(send_timer *timer)
{
    trp_node *node = NULL;

    if (!trp_payload_is_shared(timer->payload))
        node = trp_node_new((troupe_bytes){0}, timer->payload);
    if (node)
        deliver(timer, node);
}

/* By the times that it should have fired at: it does not drift, and what a late clock missed is left out. */
uint64_t trp_interval_next(uint64_t at_ns, uint64_t period_ns, uint64_t now_ns)
{
    uint64_t n = now_ns > at_ns ? (now_ns - at_ns) / period_ns + 1 : 1;

    if (n > (TROUPE_FOREVER - at_ns) / period_ns)
        return TROUPE_FOREVER;
    return at_ns + n * period_ns;
}

static void tick(troupe_timer *clock_timer)
{
    send_timer *timer = TRP_OF(clock_timer, send_timer, timer);
    troupe_executor *executor = timer->system->executor;

    /* an early look: the one behind the arming decides */
    if (trp_load_relaxed(&timer->ended) ||
        !trp_cell_find(timer->system, (troupe_id){timer->target})) {
        be_over(timer);
        return;
    }
    trp_add_relaxed(&timer->refs, 1); /* the clock's own count keeps it */
    send_one(timer);
    timer->at_ns = trp_interval_next(timer->at_ns, timer->period_ns, troupe_now(timer->system));
    troupe_timer_start(executor, &timer->timer, timer->at_ns);
    /* relaxed: the clock's lock came between, here and in `end` */
    if (trp_load_relaxed(&timer->ended) && troupe_timer_cancel(executor, &timer->timer))
        be_over(timer);
    unref(timer);
}

/* ---- the owner ---- */

static void drop(trp_cell *cell, send_timer *timer)
{
    trp_list_remove(&timer->link);
    cell->n_timers--;
    unref(timer);
}

/* What its owner is handling this moment is no longer on its way: who handles its timer may set the next one. */
static bool is_on_its_way(const trp_cell *cell, const send_timer *timer)
{
    const trp_node *node = cell->thread ? cell->thread->received : trp_at_hand(cell);

    return trp_payload_is_shared(timer->payload) && !(node && node->shared == timer->payload);
}

static void sweep(trp_cell *cell)
{
    trp_link *at = cell->timers.next;

    while (at != &cell->timers) {
        send_timer *timer = TRP_OF(at, send_timer, link);

        at = at->next;
        /* its own count keeps it; unref orders the rest */
        if (trp_load_relaxed(&timer->over) && !is_on_its_way(cell, timer))
            drop(cell, timer);
    }
    cell->n_timers_swept = cell->n_timers;
}

static send_timer *new_timer(trp_cell *cell, troupe_id target, troupe_bytes payload,
                             uint64_t period_ns)
{
    send_timer *timer = trp_alloc_zeroed(sizeof *timer);

    if (!timer)
        return NULL;
    timer->payload = troupe_payload_new(payload);
    if (timer->payload && !period_ns)
        timer->node = trp_node_new((troupe_bytes){0}, timer->payload);
    if (!timer->payload || (!timer->node && !period_ns)) {
        troupe_payload_unref(timer->payload);
        trp_free(timer);
        return NULL;
    }
    if (timer->node)
        timer->node->trace = troupe_payload_ref(trp_trace_at_hand(cell));
    timer->system = cell->system;
    timer->target = target.value;
    timer->sender = trp_id_of(cell).value;
    timer->period_ns = period_ns;
    timer->number = trp_add_relaxed(&cell->system->n_monitors, 1) + 1; /* only unique */
    trp_store_relaxed(&timer->refs, 2); /* nobody else knows it yet */
    troupe_timer_init(&timer->timer, period_ns ? tick : fire);
    return timer;
}

static troupe_status may_set(trp_cell *cell, troupe_id target, troupe_bytes payload)
{
    troupe_status status = trp_context_check(cell);

    if (status != TROUPE_OK)
        return status;
    if (payload.size > cell->system->message_max)
        return TROUPE_E_TOO_LARGE;
    if (!trp_cell_find(cell->system, target) && !trp_id_was_given(cell->system, target))
        return TROUPE_E_GONE;
    if (cell->n_timers > 2 * cell->n_timers_swept + 16 || cell->n_timers >= cell->timers_bound)
        sweep(cell);
    return cell->n_timers < cell->timers_bound ? TROUPE_OK : TROUPE_E_QUOTA;
}

static troupe_status set(trp_cell *cell, send_timer *timer, uint64_t at_ns,
                         troupe_timer_id *ret_timer)
{
    if (!timer)
        return TROUPE_E_NO_MEMORY;
    if (ret_timer)
        *ret_timer = (troupe_timer_id){timer->number};
    timer->at_ns = at_ns;
    trp_list_append(&cell->timers, &timer->link);
    cell->n_timers++;
    troupe_timer_start(cell->system->executor, &timer->timer, at_ns);
    return TROUPE_OK;
}

troupe_status troupe_send_after(troupe_context *ctx, troupe_id target, troupe_bytes payload,
                                uint64_t delay_ns, troupe_timer_id *ret_timer)
{
    troupe_status status = may_set(ctx, target, payload);

    if (status != TROUPE_OK)
        return status;
    return set(ctx, new_timer(ctx, target, payload, 0), trp_deadline(ctx->system, delay_ns),
               ret_timer);
}

troupe_status troupe_send_every(troupe_context *ctx, troupe_id target, troupe_bytes payload,
                                uint64_t period_ns, troupe_timer_id *ret_timer)
{
    troupe_status status = period_ns ? may_set(ctx, target, payload) : TROUPE_E_INVALID;

    if (status != TROUPE_OK)
        return status;
    return set(ctx, new_timer(ctx, target, payload, period_ns),
               trp_deadline(ctx->system, period_ns), ret_timer);
}

static bool end(trp_cell *cell, send_timer *timer)
{
    bool cancelled;

    trp_store_relaxed(&timer->ended, true); /* cancel takes the clock's lock, as tick does */
    cancelled = troupe_timer_cancel(cell->system->executor, &timer->timer);
    if (cancelled)
        unref(timer);
    drop(cell, timer);
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
