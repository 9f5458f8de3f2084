/* forest_operator.c - one that gives orders to the supervisors of a tree, from outside of it. */
#include "forest.h"

#include <string.h>

/* An order that waits for its answer. */
struct open_order {
    troupe_correlation correlation; /* 0: the slot is free */
    troupe_order_kind kind;
    struct node *node;
    uint32_t life, number;
};

struct operators {
    struct forest *forest;
    struct open_order orders[ORDERS];
};

static troupe_status operator_pre_start(void *self, const troupe_start *start)
{
    struct operators *all = self;

    all->forest = (struct forest *)(uintptr_t)start->argument;
    return TROUPE_OK;
}

static troupe_status give(troupe_context *ctx, struct open_order *open, troupe_id supervisor)
{
    const struct node *node = open->node;
    bool by_name = log_dice(node->forest, 2) != 0;
    troupe_order order = *TROUPE_ORDER(.kind = open->kind);

    if (open->kind == TROUPE_ORDER_CHANGE) {
        order.max_restarts = 1 + (uint32_t)log_dice(node->forest, 8);
    } else if (open->kind != TROUPE_ORDER_ADD) {
        order.name = by_name ? node->name : NULL;
        trp_mutex_lock(&node->forest->lock);
        order.id = by_name ? TROUPE_NOBODY : node->id;
        trp_mutex_unlock(&node->forest->lock);
    } else if (node->parent->kind != NODE_POOL) {
        order.child = &node->child;
    }
    return troupe_order_request(ctx, supervisor, &order, TROUPE_FOREVER, &open->correlation);
}

static troupe_status operator_message(void *self, troupe_context *ctx,
                                      const troupe_message *message)
{
    struct operators *all = self;
    struct open_order *open = all->orders;
    struct command command;
    troupe_id supervisor;

    memcpy(&command, message->payload.data, sizeof command);
    log_handled(&all->forest->nodes[command.whom]);
    while (open < all->orders + ORDERS && open->correlation.value)
        open++;
    if (open == all->orders + ORDERS)
        return TROUPE_OK;
    *open = (struct open_order){.kind = command.kind, .node = &all->forest->nodes[command.whom]};
    if (log_order(open->node, open->kind, &supervisor, &open->life, &open->number) &&
        give(ctx, open, supervisor) != TROUPE_OK) {
        open->correlation.value = 0;
        log_answer(open->node, open->kind, open->life, open->number, TROUPE_E_FAILED);
    }
    return TROUPE_OK;
}

static void operator_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct operators *all = self;
    troupe_id id = TROUPE_NOBODY;
    troupe_status status;
    bool starts;

    (void)ctx;
    for (int i = 0; i < ORDERS; i++) {
        struct open_order *open = &all->orders[i];

        if (open->correlation.value != answer->correlation.value)
            continue;
        open->correlation.value = 0;
        status = troupe_order_read(answer, &id, NULL);
        starts = open->kind == TROUPE_ORDER_ADD || open->kind == TROUPE_ORDER_RESTART;
        if (status == TROUPE_OK && starts != (id.value != TROUPE_NOBODY.value))
            forest_wrong(all->forest,
                         "an order to start was answered without an id, or another with one");
        log_answer(open->node, open->kind, open->life, open->number, status);
        return;
    }
    forest_wrong(all->forest, "an answer that nobody asked for");
}

static const troupe_child_ops operator_child = {.pre_start = operator_pre_start};
static const troupe_actor_ops operator_actor = {.handle_message = operator_message,
                                                .handle_reply = operator_reply};

troupe_spec operator_spec(struct forest *forest)
{
    return *TROUPE_SPEC(.name = "operator", .child = &operator_child, .actor = &operator_actor,
                        .state_size = sizeof(struct operators), .argument = forest);
}
