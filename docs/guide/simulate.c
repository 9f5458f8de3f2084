/* simulate.c - the same scenario under a thousand schedules: what goes wrong in one of them is found, and repeats.
 * docs/guide/simulate.md explains it. */
#include "troupe/kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct order {
    uint64_t number, amount;
};

struct account {
    uint64_t paid;
    uint64_t last_order;
};

/* Pays each time it is asked. */
static troupe_status pay(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct account *account = self;
    struct order order = {0};

    if (message->payload.size == sizeof order)
        memcpy(&order, message->payload.data, sizeof order);
    account->paid += order.amount;
    return troupe_reply(ctx, TROUPE_BYTES_OF(account->paid));
}

/* Pays each order once. */
static troupe_status pay_once(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct account *account = self;
    struct order order = {0};

    if (message->payload.size == sizeof order)
        memcpy(&order, message->payload.data, sizeof order);
    if (order.number > account->last_order) {
        account->paid += order.amount;
        account->last_order = order.number;
    }
    return troupe_reply(ctx, TROUPE_BYTES_OF(account->paid));
}

static const troupe_actor_ops careless = {.handle_message = pay};
static const troupe_actor_ops careful = {.handle_message = pay_once};

/* A customer who orders once, and asks again while there is no answer. */
static troupe_status order_once(troupe_context *ctx, void *argument, troupe_error *error)
{
    const troupe_actor_ops *actor = *(const troupe_actor_ops *const *)argument;
    struct order order = {.number = 1, .amount = 30};
    troupe_reply_buffer reply;
    troupe_status status;
    troupe_id account;
    uint64_t paid;

    status = troupe_spawn(ctx, TROUPE_SPEC(.actor = actor, .state_size = sizeof(struct account)),
                          &account);
    if (status != TROUPE_OK)
        return status;
    do
        status = troupe_call(ctx, account, TROUPE_BYTES_OF(order), TROUPE_MILLISECOND, NULL);
    while (status == TROUPE_E_TIMEOUT);
    if (status == TROUPE_OK)
        status = troupe_call(ctx, account, (troupe_bytes){0}, TROUPE_SECOND, &reply);
    if (status != TROUPE_OK)
        return status;
    paid = troupe_reply_u64(&reply);
    troupe_reply_clear(&reply);
    if (paid != order.amount)
        return troupe_error_set(error, TROUPE_E_FAILED, "30 were ordered, %" PRIu64 " were paid",
                                paid);
    return TROUPE_OK;
}

static troupe_status try_out(const char *name, const troupe_actor_ops *actor)
{
    troupe_system_options options =
        TROUPE_SYSTEM_OPTIONS(.faults = TROUPE_FAULTS(.late_one_in = 20,
                                                      .late_ns = 3 * TROUPE_MILLISECOND,
                                                      .stall_one_in = 20,
                                                      .stall_ns = TROUPE_MILLISECOND));
    troupe_simulation_report report;
    troupe_status status = troupe_simulate(TROUPE_SIMULATION(.seeds = 1000, .options = &options),
                                           order_once, (void *)&actor, &report);

    if (status == TROUPE_OK)
        printf("%s: %" PRIu64 " seeds, %" PRIu64 " different schedules, all is well\n", name,
               report.n_runs, report.n_schedules);
    else
        printf("%s: %s\n", name, report.text);
    return status;
}

int main(void)
{
    bool found = try_out("careless", &careless) == TROUPE_E_FAILED;

    return try_out("careful", &careful) == TROUPE_OK && found ? 0 : 1;
}
