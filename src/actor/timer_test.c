/* Messages after a while. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>

struct order {
    troupe_id whom;
    uint64_t delay_ns;
    uint32_t n;
    bool cancel, crash;
};

static _Atomic uint32_t n_cancelled, n_came, n_refused;

static troupe_status obey(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;
    troupe_timer_id timer;

    (void)self;
    if (message->payload.size != sizeof order) {
        trp_add_seq(&n_came, 1);
        return TROUPE_OK;
    }
    memcpy(&order, message->payload.data, sizeof order);
    for (uint32_t i = 0; i < order.n; i++) {
        assert_int_equal(troupe_send_after(ctx, order.whom.value ? order.whom : troupe_self(ctx),
                                           TROUPE_TEXT("tick"), order.delay_ns, &timer),
                         TROUPE_OK);
        if (order.cancel && troupe_cancel_timer(ctx, timer))
            trp_add_seq(&n_cancelled, 1);
        assert_false(order.cancel && troupe_cancel_timer(ctx, timer));
    }
    if (order.crash) {
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as told");
        return TROUPE_OK;
    }
    return troupe_reply(ctx, (troupe_bytes){0});
}

static const troupe_actor_ops obeying = {.handle_message = obey};

static troupe_status count_refusals(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;

    (void)self;
    if (message->payload.size != sizeof order)
        return TROUPE_OK;
    memcpy(&order, message->payload.data, sizeof order);
    for (uint32_t i = 0; i < order.n; i++) {
        if (troupe_send_after(ctx, troupe_self(ctx), TROUPE_TEXT("tick"), order.delay_ns, NULL) ==
            TROUPE_E_QUOTA)
            trp_add_seq(&n_refused, 1);
    }
    return troupe_reply(ctx, (troupe_bytes){0});
}

static const troupe_actor_ops counting_refusals = {.handle_message = count_refusals};

static void start_counts(void)
{
    trp_store_seq(&n_cancelled, 0);
    trp_store_seq(&n_came, 0);
    trp_store_seq(&n_refused, 0);
}

static void give_order(fixture *f, troupe_id id, struct order order)
{
    assert_int_equal(troupe_call(f->me, id, TROUPE_BYTES_OF(order), TROUPE_SECOND, NULL),
                     order.crash ? TROUPE_E_CRASHED : TROUPE_OK);
}

static void pass_time(fixture *f, uint64_t ns)
{
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, ns, &message), TROUPE_E_TIMEOUT);
}

static void wait_until_came(fixture *f, uint32_t n)
{
    for (int i = 0; i < 10000 && trp_load_seq(&n_came) < n; i++)
        pass_time(f, TROUPE_MILLISECOND);
    assert_int_equal(trp_load_seq(&n_came), n);
}

static void test_it_comes_once_and_not_before_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id;
    uint64_t start;

    start_counts();
    id = spawn_named(f, NULL, NULL, &obeying, 0);
    start = troupe_now(f->system);
    give_order(f, id, (struct order){.delay_ns = 20 * TROUPE_MILLISECOND, .n = 1});
    wait_until_came(f, 1);
    assert_true(troupe_now(f->system) - start >= 20 * TROUPE_MILLISECOND);
    pass_time(f, 30 * TROUPE_MILLISECOND);
    assert_int_equal(trp_load_seq(&n_came), 1);
}

/* Set in another order; one is due at once. */
static void test_they_come_in_the_order_of_their_times(void **state)
{
    static const uint8_t ms[] = {30, 0, 20, 10, 40};
    fixture *f = *state;
    troupe_message message;
    uint64_t took;

    do { /* again, when the machine let this thread wait in the middle: then their times are not these */
        uint64_t began = troupe_now(f->system);

        for (size_t i = 0; i < sizeof ms; i++)
            assert_int_equal(troupe_send_after(f->me, troupe_self(f->me), (troupe_bytes){&ms[i], 1},
                                               ms[i] * TROUPE_MILLISECOND, NULL),
                             TROUPE_OK);
        took = troupe_now(f->system) - began;
        for (uint8_t next = 0; next <= 40; next = (uint8_t)(next + 10)) {
            assert_int_equal(troupe_receive(f->me, 10 * TROUPE_SECOND, &message), TROUPE_OK);
            if (took < 10 * TROUPE_MILLISECOND)
                assert_int_equal(*(const uint8_t *)message.payload.data, next);
        }
    } while (took >= 10 * TROUPE_MILLISECOND);
}

/* A cancel takes back what has not fired, also when the target is gone by then. */
static void test_one_to_who_has_ended_can_be_cancelled(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_named(f, NULL, NULL, &obeying, 0);
    troupe_timer_id timer;
    troupe_dead_letter letter;

    assert_int_equal(troupe_send_after(f->me, target, TROUPE_TEXT("tick"), TROUPE_SECOND, &timer),
                     TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, target), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, target, TROUPE_FOREVER, NULL), TROUPE_OK);
    assert_true(troupe_cancel_timer(f->me, timer));
    assert_false(troupe_cancel_timer(f->me, timer));
    assert_int_equal(troupe_dead_letters(f->system, &letter, 1), 0);
}

static void test_a_cancelled_one_does_not_come(void **state)
{
    fixture *f = *state;
    troupe_id id;

    start_counts();
    id = spawn_named(f, NULL, NULL, &obeying, 0);
    give_order(f, id, (struct order){.delay_ns = 20 * TROUPE_MILLISECOND, .n = 50, .cancel = true});
    assert_int_equal(trp_load_seq(&n_cancelled), 50);
    give_order(f, id,
               (struct order){.delay_ns = 1, .n = 200, .cancel = true}); /* beside the clock */
    wait_until_came(f, 250 - trp_load_seq(&n_cancelled));
    pass_time(f, 30 * TROUPE_MILLISECOND);
    assert_int_equal(trp_load_seq(&n_came), 250 - trp_load_seq(&n_cancelled));
}

static void test_it_ends_with_the_life_that_set_it(void **state)
{
    fixture *f = *state;
    troupe_id target, setter;

    start_counts();
    target = spawn_named(f, NULL, NULL, &obeying, 0);
    setter = spawn_named(f, NULL, NULL, &obeying, 0);
    give_order(f, setter,
               (struct order){
                   .whom = target, .delay_ns = 50 * TROUPE_MILLISECOND, .n = 20, .crash = true});
    pass_time(f, 100 * TROUPE_MILLISECOND);
    assert_int_equal(trp_load_seq(&n_came), 0);
}

static void test_one_to_who_has_ended_is_a_dead_letter(void **state)
{
    fixture *f = *state;
    troupe_id target;
    troupe_dead_letter letter;

    start_counts();
    target = spawn_named(f, NULL, NULL, &obeying, 0);
    assert_int_equal(
        troupe_send_after(f->me, target, TROUPE_TEXT("tick"), 20 * TROUPE_MILLISECOND, NULL),
        TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, target), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, target, TROUPE_SECOND, NULL), TROUPE_OK);
    for (int i = 0; i < 10000 && !troupe_dead_letters(f->system, &letter, 1); i++)
        pass_time(f, TROUPE_MILLISECOND);
    assert_int_equal(troupe_dead_letters(f->system, &letter, 1), 1);
    assert_int_equal(letter.reason, TROUPE_DEAD_ENDED);
    assert_int_equal(letter.target.value, target.value);
    assert_int_equal(letter.size, 4);
}

/* Fired timers are swept from their life's list: it does not grow with every one. */
static void test_the_list_of_a_life_does_not_grow(void **state)
{
    fixture *f = *state;
    troupe_id id;

    start_counts();
    id = spawn_named(f, NULL, NULL, &obeying, 0);
    for (uint32_t i = 1; i <= 20; i++) {
        give_order(f, id, (struct order){.delay_ns = 1, .n = 50});
        wait_until_came(f, 50 * i);
    }
    assert_true(trp_cell_find(f->system, id)->n_timers <= 200);
}

static void test_timers_pass_no_room(void **state)
{
    fixture *f = *state;
    troupe_id id;

    start_counts();
    assert_int_equal(troupe_spawn(f->me, TROUPE_SPEC(.actor = &obeying, .mailbox_bound = 1), &id),
                     TROUPE_OK);
    trp_add_seq(&trp_cell_find(f->system, id)->waiting, TRP_ROOM_MESSAGE); /* full */
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_E_FULL);
    assert_int_equal(troupe_send_after(f->me, id, TROUPE_TEXT("tick"), 1, NULL), TROUPE_OK);
    wait_until_came(f, 1);
    trp_room_give(trp_cell_find(f->system, id), TRP_ROOM_MESSAGE);
}

static void test_a_timer_of_another_is_not_cancelled(void **state)
{
    fixture *f = *state;
    troupe_context *other = troupe_attach(f->system);
    troupe_timer_id timer;

    assert_int_equal(
        troupe_send_after(f->me, troupe_self(other), TROUPE_TEXT("x"), TROUPE_SECOND, &timer),
        TROUPE_OK);
    assert_false(troupe_cancel_timer(other, timer));
    assert_true(troupe_cancel_timer(f->me, timer));
    troupe_detach(other);
}

static void test_one_more_than_the_bound_is_refused_until_one_is_over(void **state)
{
    fixture *f = *state;
    troupe_id whom = troupe_self(f->me);
    troupe_timer_id timers[3];
    troupe_message message;

    f->me->timers_bound = 3;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("x"),
                                           i ? TROUPE_SECOND : TROUPE_MILLISECOND, &timers[i]),
                         TROUPE_OK);
    assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("y"), 1, NULL), TROUPE_E_QUOTA);
    assert_true(troupe_cancel_timer(f->me, timers[2]));
    assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_receive(f->me, 10 * TROUPE_SECOND, &message), TROUPE_OK);
    assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("y"), 1, NULL), TROUPE_E_QUOTA);
}

/* A target that does not handle them has no more than the bound of them, though timers take no room. */
static void test_what_fired_and_waits_counts_as_set(void **state)
{
    fixture *f = *state;
    troupe_id whom = troupe_self(f->me);
    troupe_message message;

    f->me->timers_bound = 3;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("x"), 0, NULL), TROUPE_OK);
    for (int i = 0; i < 100; i++) {
        while (troupe_simulated(f->system) && troupe_step(f->system))
            continue;
        assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("x"), 0, NULL), TROUPE_E_QUOTA);
    }
    /* Each that is taken makes room for the next, as a timer that sets itself anew needs it. */
    for (int i = 0; i < 10; i++) {
        assert_int_equal(troupe_receive(f->me, 10 * TROUPE_SECOND, &message), TROUPE_OK);
        assert_int_equal(message.payload.size, 1);
        assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("x"), 0, NULL), TROUPE_OK);
        assert_int_equal(troupe_send_after(f->me, whom, TROUPE_TEXT("x"), 0, NULL), TROUPE_E_QUOTA);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(troupe_receive(f->me, 10 * TROUPE_SECOND, &message), TROUPE_OK);
}

/* A component's own bound, from its spec. */
static void test_the_bound_of_a_spec_holds(void **state)
{
    fixture *f = *state;
    troupe_id id;

    start_counts();
    assert_int_equal(
        troupe_spawn(f->me, TROUPE_SPEC(.actor = &counting_refusals, .timers_bound = 7), &id),
        TROUPE_OK);
    give_order(f, id, (struct order){.delay_ns = TROUPE_SECOND, .n = 10});
    assert_int_equal(trp_load_seq(&n_refused), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_it_comes_once_and_not_before_its_time),
        BOTH(test_they_come_in_the_order_of_their_times),
        BOTH(test_one_to_who_has_ended_can_be_cancelled),
        BOTH(test_a_cancelled_one_does_not_come),
        BOTH(test_it_ends_with_the_life_that_set_it),
        BOTH(test_one_to_who_has_ended_is_a_dead_letter),
        {"test_the_list_of_a_life_does_not_grow", test_the_list_of_a_life_does_not_grow,
         in_simulation, tear_down, NULL}, /* only there the test may look into a cell */
        BOTH(test_timers_pass_no_room),
        BOTH(test_a_timer_of_another_is_not_cancelled),
        BOTH(test_one_more_than_the_bound_is_refused_until_one_is_over),
        BOTH(test_what_fired_and_waits_counts_as_set),
        BOTH(test_the_bound_of_a_spec_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
