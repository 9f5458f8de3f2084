/* Room in mailboxes: who is refused, who waits, who is muted, and that nobody waits for ever. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>

/* A component that holds its first message until it is woken, and sends what it is told to. */
struct member {
    bool pass; /* woken: nothing is held any more */
};

struct order {
    troupe_id whom;
    uint32_t n;
};

static _Atomic uint32_t n_accepted, n_full, n_turns, n_held;

static void count_send(troupe_status status)
{
    if (status == TROUPE_OK)
        trp_add_seq(&n_accepted, 1);
    else if (status == TROUPE_E_FULL)
        trp_add_seq(&n_full, 1);
}

static troupe_status obey(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;

    (void)self;
    trp_add_seq(&n_turns, 1);
    if (message->payload.size != sizeof order)
        return TROUPE_OK;
    memcpy(&order, message->payload.data, sizeof order);
    for (uint32_t i = 0; i < order.n; i++)
        count_send(troupe_send(ctx, order.whom, TROUPE_TEXT("x")));
    return TROUPE_OK;
}

static troupe_status obey_or_hold(void *self, troupe_context *ctx, const troupe_message *message)
{
    const struct member *member = self;

    if (member->pass || message->payload.size == sizeof(struct order))
        return obey(self, ctx, message);
    trp_add_seq(&n_turns, 1);
    trp_add_seq(&n_held, 1);
    return TROUPE_PENDING;
}

static troupe_status open_gate(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct member *member = self;

    (void)ctx;
    (void)message;
    member->pass = true;
    return TROUPE_OK;
}

static const troupe_actor_ops holding = {.handle_message = obey_or_hold, .resume = open_gate};
static const troupe_actor_ops obeying = {.handle_message = obey};

static troupe_id spawn_as(fixture *f, const troupe_actor_ops *actor, uint32_t bound,
                          troupe_on_full on_full)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.actor = actor, .mailbox_bound = bound, .on_full = on_full,
                                 .drain = true, .state_size = sizeof(struct member)),
                     &id),
        TROUPE_OK);
    return id;
}

static troupe_id spawn_member(fixture *f, uint32_t bound, troupe_on_full on_full)
{
    return spawn_as(f, &holding, bound, on_full);
}

static void start_counts(void)
{
    trp_store_seq(&n_accepted, 0);
    trp_store_seq(&n_full, 0);
    trp_store_seq(&n_turns, 0);
    trp_store_seq(&n_held, 0);
}

static void wait_for(fixture *f, _Atomic uint32_t *count, uint32_t n)
{
    troupe_message message;

    for (int i = 0; i < 10000 && trp_load_seq(count) < n; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_seq(count), n);
}

static void send_order(fixture *f, troupe_id to, troupe_id whom, uint32_t n)
{
    struct order order = {.whom = whom, .n = n};

    assert_int_equal(troupe_send(f->me, to, TROUPE_BYTES_OF(order)), TROUPE_OK);
}

static void fill(fixture *f, troupe_id id, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
}

static bool is_muted(fixture *f, troupe_id id)
{
    return trp_load_seq(&trp_cell_find(f->system, id)->muted_on);
}

/* ---- components ---- */

static void test_a_component_is_muted_and_goes_on_when_there_is_room(void **state)
{
    fixture *f = *state;
    troupe_id target, sender;

    start_counts();
    target = spawn_member(f, 4, TROUPE_ON_FULL_BLOCK);
    sender = spawn_member(f, 100, TROUPE_ON_FULL_REJECT);
    fill(f, target, 4);
    wait_for(f, &n_held, 1);
    send_order(f, sender, target, 1);
    wait_for(f, &n_accepted, 1); /* accepted over the bound */
    assert_true(is_muted(f, sender));
    assert_int_equal(troupe_waiting(f->system, target), 5);
    send_order(f, sender, target, 0); /* waits with the sender: a muted one gets no turn */
    assert_int_equal(troupe_waiting(f->system, target), 5);
    assert_int_equal(trp_load_seq(&n_turns), 2);
    troupe_wake(f->system, target, 1);
    wait_until_handled(f, target, 5);
    wait_until_handled(f, sender, 2);
    assert_false(is_muted(f, sender));
}

static void test_the_overshoot_of_one_sender_is_bounded(void **state)
{
    fixture *f = *state;
    troupe_id target, sender;

    start_counts();
    target = spawn_member(f, 4, TROUPE_ON_FULL_BLOCK);
    sender = spawn_member(f, 100, TROUPE_ON_FULL_REJECT);
    fill(f, target, 4);
    wait_for(f, &n_held, 1);
    send_order(f, sender, target, 50);
    wait_for(f, &n_accepted, 5); /* the one that mutes it, and one bound */
    wait_for(f, &n_full, 45);
    troupe_wake(f->system, target, 1);
    wait_until_handled(f, target, 9);
}

/* As if messages that take all the room were on their way; a timer's message needs no room. */
static void take_room(fixture *f, troupe_id id, uint64_t room)
{
    trp_add_seq(&trp_cell_find(f->system, id)->waiting, room);
}

static void order_over_the_bound(fixture *f, troupe_id to, troupe_id whom)
{
    struct order order = {.whom = whom, .n = 1};

    assert_int_equal(troupe_send_after(f->me, to, TROUPE_BYTES_OF(order), 1, NULL), TROUPE_OK);
}

static void wait_until_muted(fixture *f, troupe_id id)
{
    troupe_message message;

    while (!is_muted(f, id))
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
}

/* Each of three sends to the next one, whose mailbox is full by that much room. */
static void close_circle(fixture *f, uint64_t room)
{
    troupe_id ring[3];

    start_counts();
    for (int i = 0; i < 3; i++) {
        ring[i] = spawn_as(f, &obeying, 4, TROUPE_ON_FULL_BLOCK);
        take_room(f, ring[i], room);
    }
    order_over_the_bound(f, ring[0], ring[1]);
    wait_until_muted(f, ring[0]);
    order_over_the_bound(f, ring[1], ring[2]);
    wait_until_muted(f, ring[1]);
    order_over_the_bound(f, ring[2], ring[0]); /* would close it */
    wait_for(f, &n_full, 1);
    wait_for(f, &n_accepted, 2);
    assert_false(is_muted(f, ring[2]));
    for (int i = 0; i < 3; i++)
        trp_room_give(trp_cell_find(f->system, ring[i]), room);
    for (int i = 0; i < 3; i++) { /* what was accepted arrives, and the muted go on */
        wait_until_handled(f, ring[i], i == 0 ? 1 : 2);
        assert_int_equal(troupe_send(f->me, ring[i], TROUPE_TEXT("x")), TROUPE_OK);
        wait_until_handled(f, ring[i], i == 0 ? 2 : 3);
    }
}

static void test_nobody_closes_a_circle_of_muted_components(void **state)
{
    close_circle(*state, trp_room_of(4, 0));
}

static void test_nobody_closes_a_circle_of_mailboxes_full_of_bytes(void **state)
{
    close_circle(*state, trp_room_of(1, TROUPE_MAILBOX_BYTES));
}

static void test_a_circle_of_mailboxes_that_drop_mutes_nobody(void **state)
{
    fixture *f = *state;
    troupe_id ring[2];

    start_counts();
    ring[0] = spawn_as(f, &obeying, 4, TROUPE_ON_FULL_DROP_NEWEST);
    ring[1] = spawn_as(f, &obeying, 4, TROUPE_ON_FULL_DROP_OLDEST);
    for (int i = 0; i < 2; i++)
        take_room(f, ring[i], trp_room_of(4, 0));
    for (int i = 0; i < 2; i++)
        order_over_the_bound(f, ring[i], ring[1 - i]);
    wait_for(f, &n_accepted, 2);
    for (int i = 0; i < 2; i++)
        assert_false(is_muted(f, ring[i]));
    wait_until_handled(f, ring[0], 1);
    wait_until_handled(f, ring[1], 2); /* the newest is never the oldest */
    for (int i = 0; i < 2; i++)
        trp_room_give(trp_cell_find(f->system, ring[i]), trp_room_of(4, 0));
}

static void test_a_component_is_muted_by_bytes_and_goes_on(void **state)
{
    fixture *f = *state;
    troupe_id target, sender;

    start_counts();
    target = spawn_member(f, 100, TROUPE_ON_FULL_BLOCK);
    sender = spawn_member(f, 100, TROUPE_ON_FULL_REJECT);
    take_room(f, target, TROUPE_MAILBOX_BYTES);
    send_order(f, sender, target, 1);
    wait_until_muted(f, sender);
    trp_room_give(trp_cell_find(f->system, target),
                  TROUPE_MAILBOX_BYTES / 2 - 1); /* not yet half */
    assert_true(is_muted(f, sender));
    trp_room_give(trp_cell_find(f->system, target), TROUPE_MAILBOX_BYTES / 2 + 1);
    assert_false(is_muted(f, sender));
    wait_for(f, &n_held, 1);
    troupe_wake(f->system, target, 1);
    wait_until_handled(f, target, 1);
}

static void test_a_full_mailbox_of_its_own_mutes_nobody(void **state)
{
    fixture *f = *state;
    troupe_id self;

    start_counts();
    self = spawn_member(f, 3, TROUPE_ON_FULL_BLOCK);
    send_order(f, self, self, 5);
    wait_for(f, &n_accepted, 2); /* the order itself takes the third place */
    wait_for(f, &n_full, 3);
    wait_for(f, &n_held, 1);
    troupe_wake(f->system, self, 1);
    wait_until_handled(f, self, 3);
}

static void test_the_end_of_the_target_lets_the_muted_go(void **state)
{
    fixture *f = *state;
    troupe_id target, sender;

    start_counts();
    target = spawn_member(f, 2, TROUPE_ON_FULL_BLOCK);
    sender = spawn_member(f, 100, TROUPE_ON_FULL_REJECT);
    fill(f, target, 2);
    wait_for(f, &n_held, 1);
    send_order(f, sender, target, 1);
    wait_for(f, &n_accepted, 1);
    send_order(f, sender, target, 1); /* a turn later */
    assert_int_equal(troupe_kill(f->me, target), TROUPE_OK);
    wait_until_handled(f, sender, 2);
}

static void test_a_muted_component_can_be_stopped(void **state)
{
    fixture *f = *state;
    troupe_id target, sender;

    start_counts();
    target = spawn_member(f, 2, TROUPE_ON_FULL_BLOCK);
    sender = spawn_member(f, 100, TROUPE_ON_FULL_REJECT);
    fill(f, target, 2);
    wait_for(f, &n_held, 1);
    send_order(f, sender, target, 1);
    wait_for(f, &n_accepted, 1);
    assert_int_equal(troupe_kill(f->me, sender), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, sender, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(trp_load_seq(&trp_cell_find(f->system, target)->n_muted), 0);
    assert_int_equal(troupe_kill(f->me, target),
                     TROUPE_OK); /* it would wait for its stop timeout */
}

/* ---- threads ---- */

static void test_a_threads_call_to_a_full_mailbox_times_out(void **state)
{
    fixture *f = *state;
    troupe_id target;

    start_counts();
    target = spawn_member(f, 1, TROUPE_ON_FULL_BLOCK);
    fill(f, target, 1);
    wait_for(f, &n_held, 1);
    assert_int_equal(troupe_call(f->me, target, TROUPE_TEXT("x"), 5 * TROUPE_MILLISECOND, NULL),
                     TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_waiting(f->system, target), 1);
    troupe_wake(f->system, target, 1);
    wait_until_handled(f, target, 1);
}

struct flood {
    troupe_system *system;
    troupe_id target;
    trp_thread thread;
    _Atomic uint32_t n_sent;
    troupe_status last;
};

static void send_many(void *arg)
{
    struct flood *flood = arg;
    troupe_context *ctx = troupe_attach(flood->system);

    for (int i = 0; i < 200; i++) {
        flood->last = troupe_send(ctx, flood->target, TROUPE_TEXT("x"));
        if (flood->last != TROUPE_OK)
            break;
        trp_add_seq(&flood->n_sent, 1);
    }
    troupe_detach(ctx);
}

static void test_a_thread_waits_for_room_and_loses_nothing(void **state)
{
    fixture *f = *state;
    struct flood floods[3] = {{0}};
    troupe_id target;
    troupe_message message;

    start_counts();
    target = spawn_member(f, 5, TROUPE_ON_FULL_BLOCK);
    for (int i = 0; i < 3; i++) {
        floods[i].system = f->system;
        floods[i].target = target;
        assert_true(trp_thread_start(&floods[i].thread, "flood", 0, send_many, &floods[i]));
    }
    wait_for(f, &n_held, 1);
    while (trp_load_seq(&trp_cell_find(f->system, target)->n_muted) < 3)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_waiting(f->system, target), 5);
    troupe_wake(f->system, target, 1);
    wait_until_handled(f, target, 600);
    for (int i = 0; i < 3; i++)
        trp_thread_join(&floods[i].thread);
}

static void test_a_waiting_thread_learns_that_the_target_is_gone(void **state)
{
    fixture *f = *state;
    struct flood flood = {.system = f->system};

    start_counts();
    flood.target = spawn_member(f, 2, TROUPE_ON_FULL_BLOCK);
    assert_true(trp_thread_start(&flood.thread, "flood", 0, send_many, &flood));
    wait_for(f, &flood.n_sent, 2);
    while (!trp_load_seq(&trp_cell_find(f->system, flood.target)->n_muted))
        trp_pause();
    assert_int_equal(troupe_kill(f->me, flood.target), TROUPE_OK);
    trp_thread_join(&flood.thread);
    assert_int_equal(flood.last, TROUPE_E_GONE);
}

#define THREADS(test)                                                                              \
    {                                                                                              \
#test, test, on_threads, tear_down, NULL                                                   \
    }

/* ---- many at once ---- */

/* One message to whom, and the rest of the order to itself: one send in each turn. */
static troupe_status push_on(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;

    (void)self;
    memcpy(&order, message->payload.data, sizeof order);
    count_send(troupe_send(ctx, order.whom, TROUPE_TEXT("x")));
    if (--order.n > 0)
        return troupe_send(ctx, troupe_self(ctx), TROUPE_BYTES_OF(order));
    return TROUPE_OK;
}

static void test_nobody_is_let_go_while_there_is_no_room(void **state)
{
    enum { SENDERS = 32, EACH = 2000, BOUND = 2 };
    static const troupe_actor_ops pushing = {.handle_message = push_on};
    fixture *f = *state;
    troupe_id target, senders[SENDERS];
    troupe_info info;

    start_counts();
    target = spawn_as(f, &obeying, BOUND, TROUPE_ON_FULL_BLOCK);
    for (int i = 0; i < SENDERS; i++)
        senders[i] = spawn_as(f, &pushing, 0, TROUPE_ON_FULL_REJECT);
    for (int i = 0; i < SENDERS; i++)
        send_order(f, senders[i], target, EACH);
    wait_for(f, &n_turns, SENDERS * EACH);
    assert_int_equal(trp_load_seq(&n_accepted), SENDERS * EACH);
    assert_int_equal(troupe_info_of(f->system, target, &info), TROUPE_OK);
    assert_in_range(info.high_water, 1, BOUND + SENDERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_nobody_is_let_go_while_there_is_no_room),
        BOTH(test_a_component_is_muted_and_goes_on_when_there_is_room),
        BOTH(test_the_overshoot_of_one_sender_is_bounded),
        BOTH(test_nobody_closes_a_circle_of_muted_components),
        BOTH(test_nobody_closes_a_circle_of_mailboxes_full_of_bytes),
        BOTH(test_a_circle_of_mailboxes_that_drop_mutes_nobody),
        BOTH(test_a_component_is_muted_by_bytes_and_goes_on),
        BOTH(test_a_full_mailbox_of_its_own_mutes_nobody),
        BOTH(test_the_end_of_the_target_lets_the_muted_go),
        BOTH(test_a_muted_component_can_be_stopped),
        BOTH(test_a_threads_call_to_a_full_mailbox_times_out),
        THREADS(test_a_thread_waits_for_room_and_loses_nothing),
        THREADS(test_a_waiting_thread_learns_that_the_target_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
