/* Flat memory: a consumer stalls, eight senders send a million messages, and what is allocated stays within what the
 * spec of the mailbox says, in each policy, from threads and from components. Fewer messages under sanitizers, which
 * are slow; AddressSanitizer's allocator tells nothing, there only the mailbox's own count is looked at. */
#include "gate_testing.h"

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define N_EACH 5000u
#else
#define N_EACH 125000u
#endif
#define N_SENDERS 8u
#define BOUND 1000u
#define PAYLOAD 64u
#define EACH_TURN 1000u

/* A node with its payload, and what an allocator adds. */
#define ONE (sizeof(trp_node) + PAYLOAD + 64)
/* Messages in hand, their caches in the allocator, the senders' own contexts. */
#define SLACK ((size_t)2 << 20)

static _Atomic uint32_t n_done; /* senders */

static troupe_status stall(void *self, troupe_context *ctx, const troupe_message *message)
{
    const gate *state = self;

    (void)ctx;
    (void)message;
    if (state->open)
        return TROUPE_OK;
    trp_store_release(&gate_stalled, 1); /* pairs with gate_wait */
    return TROUPE_PENDING;
}

static const troupe_actor_ops stalling = {.handle_message = stall, .resume = gate_resume};

static troupe_id spawn_consumer(fixture *f, troupe_on_full on_full)
{
    troupe_id id = TROUPE_NOBODY;

    trp_store_seq(&gate_stalled, 0);
    trp_store_seq(&n_done, 0);
    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.actor = &stalling, .state_size = sizeof(gate),
                                 .mailbox_bound = BOUND, .on_full = on_full, .drain = true),
                     &id),
        TROUPE_OK);
    send_number(f, id, 0);
    gate_wait(f, &gate_stalled, 1);
    return id;
}

static void send_some(troupe_context *ctx, troupe_id target, uint32_t n)
{
    static const uint8_t payload[PAYLOAD];

    for (uint32_t i = 0; i < n; i++) {
        troupe_status status = troupe_send(ctx, target, TROUPE_BYTES_OF(payload));

        TROUPE_ASSERT(status == TROUPE_OK || status == TROUPE_E_FULL);
    }
}

/* ---- senders that are threads ---- */

typedef struct sender {
    troupe_system *system;
    troupe_id target;
    trp_thread thread;
} sender;

static void send_all(void *arg)
{
    const sender *self = arg;
    troupe_context *ctx = troupe_attach(self->system);

    send_some(ctx, self->target, N_EACH);
    troupe_detach(ctx);
    trp_add_seq(&n_done, 1);
}

/* ---- senders that are components: a turn sends some, and a message to itself goes on ---- */

struct order {
    troupe_id target;
    uint32_t left;
};

static troupe_status send_a_turn(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;

    (void)self;
    memcpy(&order, message->payload.data, sizeof order);
    send_some(ctx, order.target, EACH_TURN);
    order.left -= EACH_TURN;
    if (order.left)
        return troupe_send(ctx, troupe_self(ctx), TROUPE_BYTES_OF(order));
    trp_add_seq(&n_done, 1);
    return TROUPE_OK;
}

static const troupe_actor_ops sending = {.handle_message = send_a_turn};

static void start_components(fixture *f, troupe_id target)
{
    struct order order = {.target = target, .left = N_EACH};

    for (unsigned i = 0; i < N_SENDERS; i++)
        assert_int_equal(
            troupe_send(f->me, spawn_named(f, NULL, NULL, &sending, 0), TROUPE_BYTES_OF(order)),
            TROUPE_OK);
}

/* ---- */

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* Looks until all senders are done or, while the consumer stalls, wait for it. The most that was in use. */
static size_t watch(fixture *f, troupe_id target, uint32_t most_waiting)
{
    const trp_cell *cell = trp_cell_find(f->system, target);
    size_t most = in_use();
    troupe_message message;

    while (trp_load_seq(&n_done) + trp_load_seq(&cell->n_muted) < N_SENDERS) {
        size_t now = in_use();

        most = now > most ? now : most;
        assert_true(troupe_waiting(f->system, target) <= most_waiting);
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    }
    return most;
}

static void flood(fixture *f, troupe_on_full on_full, bool components)
{
    troupe_id target = spawn_consumer(f, on_full);
    /* Muted components may overshoot by a bound each; one message of each sender is on its way. */
    uint32_t most_waiting =
        BOUND + N_SENDERS * (on_full == TROUPE_ON_FULL_BLOCK && components ? BOUND + 1 : 1);
    sender senders[N_SENDERS];
    size_t before = in_use(), most;

    for (unsigned i = 0; i < N_SENDERS && !components; i++) {
        senders[i] = (sender){.system = f->system, .target = target};
        assert_true(trp_thread_start(&senders[i].thread, "sender", 0, send_all, &senders[i]));
    }
    if (components)
        start_components(f, target);
    most = watch(f, target, most_waiting);
    assert_true(most < before + most_waiting * ONE + SLACK);
    gate_open(f, target);
    gate_wait(f, &n_done, N_SENDERS);
    for (unsigned i = 0; i < N_SENDERS && !components; i++)
        trp_thread_join(&senders[i].thread);
    wait_until_empty(f, target);
}

static void test_memory_is_flat_when_messages_are_refused(void **state)
{
    flood(*state, TROUPE_ON_FULL_REJECT, false);
    flood(*state, TROUPE_ON_FULL_REJECT, true);
}

static void test_memory_is_flat_when_senders_wait(void **state)
{
    flood(*state, TROUPE_ON_FULL_BLOCK, false);
    flood(*state, TROUPE_ON_FULL_BLOCK, true);
}

static void test_memory_is_flat_when_the_newest_are_dropped(void **state)
{
    flood(*state, TROUPE_ON_FULL_DROP_NEWEST, false);
    flood(*state, TROUPE_ON_FULL_DROP_NEWEST, true);
}

static void test_memory_is_flat_when_the_oldest_are_dropped(void **state)
{
    flood(*state, TROUPE_ON_FULL_DROP_OLDEST, false);
    flood(*state, TROUPE_ON_FULL_DROP_OLDEST, true);
}

#define THREADS(test)                                                                              \
    {                                                                                              \
#test, test, on_threads, tear_down, NULL                                                   \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREADS(test_memory_is_flat_when_messages_are_refused),
        THREADS(test_memory_is_flat_when_senders_wait),
        THREADS(test_memory_is_flat_when_the_newest_are_dropped),
        THREADS(test_memory_is_flat_when_the_oldest_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
