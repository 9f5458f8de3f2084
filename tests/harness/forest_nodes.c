/* forest_nodes.c - what stands in a tree: workers that obey, and the shell around a supervisor of the kit. */
#include "forest.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- pending starts: a job wakes them ---- */

struct job {
    troupe_system *system;
    troupe_id id;
    uint32_t incarnation;
};

static void wake_it(void *argument)
{
    struct job job = *(struct job *)argument;

    trp_free(argument);
    troupe_wake(job.system, job.id, job.incarnation);
}

static bool wake_later(troupe_context *ctx)
{
    struct job *job = trp_alloc(sizeof *job);

    if (!job)
        return false;
    *job = (struct job){troupe_system_of(ctx), troupe_self(ctx), troupe_incarnation(ctx)};
    if (troupe_offload(job->system, wake_it, job) == TROUPE_OK)
        return true;
    trp_free(job);
    return false;
}

/* ---- a worker ---- */

struct worker {
    struct node *node;
    bool starting, hangs;
};

size_t worker_size(void)
{
    return sizeof(struct worker);
}

/* A member of a pool is called NAME-3. */
static struct node *node_of(const troupe_start *start)
{
    const struct node *node = start->argument;
    const char *dash = strrchr(start->name, '-');
    uint32_t place = 0;

    if (node->kind != NODE_POOL)
        return (struct node *)(uintptr_t)node;
    for (const char *digit = dash ? dash + 1 : ""; *digit; digit++)
        place = place * 10 + (uint32_t)(*digit - '0');
    TROUPE_ASSERT(place >= 1 && place <= node->n_children);
    return node->children[place - 1];
}

static troupe_status worker_pre_start(void *self, const troupe_start *start)
{
    struct worker *worker = self;

    worker->node = node_of(start);
    if (log_pre_start(worker->node, start) == MISCHIEF_REFUSE) {
        log_refused(worker->node);
        return troupe_error_set(start->error, TROUPE_E_REFUSED, "not today");
    }
    return TROUPE_OK;
}

static troupe_status stumble(struct node *node, troupe_context *ctx)
{
    log_cause(node, CAUSE_STUMBLED);
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, "stumbled");
    return TROUPE_E_FAILED;
}

static troupe_status worker_post_start(void *self, troupe_context *ctx)
{
    struct worker *worker = self;
    struct node *node = worker->node;

    if (log_take_mischief(node, MISCHIEF_STUMBLE, MISCHIEF_STUMBLE_LATE))
        return stumble(node, ctx);
    if (log_dice(node->forest, 4) == 0 && wake_later(ctx)) {
        worker->starting = true;
        return TROUPE_PENDING;
    }
    log_up(node);
    return TROUPE_OK;
}

static troupe_status worker_resume(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct worker *worker = self;

    (void)ctx;
    (void)message;
    if (worker->hangs) /* a late wake of the start */
        return TROUPE_PENDING;
    worker->starting = false;
    log_up(worker->node);
    return TROUPE_OK;
}

static void worker_abandon(void *self, troupe_context *ctx)
{
    struct worker *worker = self;

    (void)ctx;
    if (worker->hangs)
        log_cause(worker->node, CAUSE_TOO_LATE);
}

static troupe_status worker_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    struct worker *worker = self;

    (void)ctx;
    (void)reason;
    log_pre_stop(worker->node);
    switch (log_take_mischief(worker->node, MISCHIEF_TRIP, MISCHIEF_HANG)) {
    case MISCHIEF_TRIP:
        log_cause(worker->node, CAUSE_CRASH);
        return TROUPE_E_FAILED;
    case MISCHIEF_HANG:
        worker->hangs = true;
        return TROUPE_PENDING;
    default:
        return TROUPE_OK;
    }
}

static void worker_post_stop(void *self)
{
    log_post_stop(((struct worker *)self)->node);
}

static void pass_on(struct node *node, troupe_context *ctx, const struct order *order)
{
    struct forest *forest = node->forest;
    struct order next = {.magic = ORDER_MAGIC, .kind = ORDER_WORK, .hops = order->hops - 1};
    uint32_t whom = (uint32_t)log_dice(forest, forest->n_nodes);
    troupe_id id;

    trp_mutex_lock(&forest->lock);
    id = forest->nodes[whom].id;
    trp_mutex_unlock(&forest->lock);
    if (troupe_send(ctx, id, TROUPE_BYTES_OF(next)) != TROUPE_OK)
        return;
    trp_mutex_lock(&forest->lock);
    forest->n_sent++;
    trp_mutex_unlock(&forest->lock);
}

static bool is_order(const troupe_message *message, struct order *ret_order)
{
    if (message->payload.size != sizeof *ret_order)
        return false;
    memcpy(ret_order, message->payload.data, sizeof *ret_order);
    return ret_order->magic == ORDER_MAGIC;
}

static troupe_status worker_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct node *node = ((struct worker *)self)->node;
    struct order order;

    if (!is_order(message, &order)) {
        forest_wrong(node->forest, "%s got what nobody sent", node->name);
        return TROUPE_E_INVALID;
    }
    log_message(node, &order);
    switch (order.kind) {
    case ORDER_CRASH:
        log_cause(node, CAUSE_CRASH);
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "told to crash");
        return TROUPE_OK;
    case ORDER_EXIT:
        log_cause(node, CAUSE_EXIT);
        troupe_exit_self(ctx);
        break;
    case ORDER_FAIL:
        if (node->child.spec.on_error != TROUPE_ON_ERROR_CONTINUE)
            log_cause(node, CAUSE_CRASH);
        log_handled(node);
        return TROUPE_E_FAILED;
    default:
        if (order.hops)
            pass_on(node, ctx, &order);
    }
    log_handled(node);
    return TROUPE_OK;
}

const troupe_child_ops worker_child = {
    .pre_start = worker_pre_start,
    .post_start = worker_post_start,
    .pre_stop = worker_pre_stop,
    .post_stop = worker_post_stop,
};

const troupe_actor_ops worker_actor = {
    .handle_message = worker_message,
    .resume = worker_resume,
    .abandon = worker_abandon,
};

/* ---- the shell around a supervisor ---- */

struct shell {
    struct node *node;
    _Atomic(struct node *) routed; /* the same, for senders, beside its owner */
    bool up;
};

_Static_assert(sizeof(struct shell) <= SHELL_BYTES, "the kit's state begins behind the shell's");

static void *inner_of(void *self)
{
    return (char *)self + SHELL_BYTES;
}

static troupe_status shell_pre_start(void *self, const troupe_start *start)
{
    struct shell *shell = self;
    struct node *node = (struct node *)(uintptr_t)start->argument;
    troupe_start inner = *start;
    troupe_status status;

    shell->node = node;
    trp_store_release(&shell->routed, node); /* pairs with shell_route */
    if (log_pre_start(node, start) == MISCHIEF_REFUSE) {
        log_refused(node);
        return troupe_error_set(start->error, TROUPE_E_REFUSED, "not today");
    }
    inner.argument = node->kind == NODE_POOL ? (const void *)&node->pool : &node->supervisor;
    status = node->inner_child->pre_start(inner_of(self), &inner);
    if (status != TROUPE_OK)
        log_refused(node);
    if (status != TROUPE_OK && !node->forest->faulty)
        forest_wrong(node->forest, "%s: the kit refuses to start", node->name);
    return status;
}

/* A supervisor that is up does not hear of it; its start is over when the kit says so. */
static troupe_status after_start(struct shell *shell, troupe_context *ctx, troupe_status status)
{
    if (status == TROUPE_PENDING)
        return status;
    if (status != TROUPE_OK) {
        log_cause(shell->node, CAUSE_STUMBLED);
        return status;
    }
    if (log_take_mischief(shell->node, MISCHIEF_STUMBLE_LATE, MISCHIEF_STUMBLE_LATE))
        return stumble(shell->node, ctx);
    shell->up = true;
    log_up(shell->node);
    return status;
}

static troupe_status shell_post_start(void *self, troupe_context *ctx)
{
    struct shell *shell = self;

    if (log_take_mischief(shell->node, MISCHIEF_STUMBLE, MISCHIEF_STUMBLE))
        return stumble(shell->node, ctx);
    return after_start(shell, ctx, shell->node->inner_child->post_start(inner_of(self), ctx));
}

static troupe_status shell_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    struct shell *shell = self;
    troupe_status status;

    log_pre_stop(shell->node);
    if (log_take_mischief(shell->node, MISCHIEF_TRIP, MISCHIEF_HANG)) {
        log_cause(shell->node, CAUSE_CRASH);
        return TROUPE_E_FAILED;
    }
    status = shell->node->inner_child->pre_stop(inner_of(self), ctx, reason);
    if (status != TROUPE_OK)
        forest_wrong(shell->node->forest, "%s: the kit's pre_stop fails", shell->node->name);
    return status;
}

static void shell_post_stop(void *self)
{
    struct shell *shell = self;

    shell->node->inner_child->post_stop(inner_of(self));
    log_post_stop(shell->node);
}

static troupe_status shell_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct shell *shell = self;
    struct node *node = shell->node;
    struct order order;

    if (is_order(message, &order)) {
        log_message(node, &order);
        if (order.kind == ORDER_CRASH) {
            log_cause(node, CAUSE_CRASH);
            troupe_crash(ctx, TROUPE_EXIT_CRASHED, "told to crash");
            return TROUPE_OK;
        }
        if (order.kind == ORDER_EXIT) {
            log_cause(node, CAUSE_EXIT);
            troupe_exit_self(ctx);
            log_handled(node);
            return TROUPE_OK;
        }
    }
    log_passed(node); /* the kit may crash in it, when it gives up */
    return node->inner_actor->handle_message(inner_of(self), ctx, message);
}

static void shell_notice(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct shell *shell = self;

    log_notice(shell->node, notice);
    if (notice->event == TROUPE_EVENT_CHILD_EXIT &&
        log_take_mischief(shell->node, MISCHIEF_SHOCK, MISCHIEF_SHOCK)) {
        log_cause(shell->node, shell->up ? CAUSE_CRASH : CAUSE_STUMBLED);
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "could not bear it");
        return;
    }
    shell->node->inner_actor->handle_down(inner_of(self), ctx, notice);
}

static troupe_status shell_resume(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct shell *shell = self;
    troupe_status status = shell->node->inner_actor->resume(inner_of(self), ctx, message);

    if (!shell->up && !message)
        return after_start(shell, ctx, status);
    return status;
}

static void shell_abandon(void *self, troupe_context *ctx)
{
    struct shell *shell = self;

    shell->node->inner_actor->abandon(inner_of(self), ctx);
}

troupe_id shell_route(void *self, troupe_system *system, troupe_bytes topic)
{
    struct shell *shell = self;

    const struct node *node = trp_load_acquire(&shell->routed); /* pairs with shell_pre_start */

    return node ? node->inner_route(inner_of(self), system, topic) : TROUPE_NOBODY;
}

const troupe_child_ops shell_child = {
    .pre_start = shell_pre_start,
    .post_start = shell_post_start,
    .pre_stop = shell_pre_stop,
    .post_stop = shell_post_stop,
};

const troupe_actor_ops shell_actor = {
    .handle_message = shell_message,
    .handle_down = shell_notice,
    .resume = shell_resume,
    .abandon = shell_abandon,
};
