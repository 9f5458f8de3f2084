/* Messages again and again. */
#include "actor_testing.h"

#include "cell.h"

#define MANY 5000u
#define PERIOD (10 * TROUPE_MILLISECOND)

static uint64_t sent(fixture *f)
{
    troupe_totals totals;

    troupe_totals_now(f->system, &totals);
    return totals.sent;
}

static void pass_time(fixture *f, uint64_t ns)
{
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, ns, &message), TROUPE_E_TIMEOUT);
}

static troupe_timer_id start(troupe_context *ctx, troupe_id whom, uint64_t period_ns)
{
    troupe_timer_id timer = {0};

    assert_int_equal(troupe_send_every(ctx, whom, TROUPE_TEXT("tick"), period_ns, &timer),
                     TROUPE_OK);
    return timer;
}

static void expect_tick(troupe_context *ctx)
{
    troupe_message message;

    assert_int_equal(troupe_receive(ctx, 10 * TROUPE_SECOND, &message), TROUPE_OK);
    assert_int_equal(message.payload.size, 4);
    assert_memory_equal(message.payload.data, "tick", 4);
    assert_int_equal(message.sequence, 0);
}

/* What was on its way when it was cancelled; then nothing more. */
static void expect_no_more(fixture *f)
{
    troupe_message message;

    uint64_t n = 0;

    while (troupe_receive(f->me, 20 * PERIOD, &message) == TROUPE_OK)
        assert_true(++n <= 2 * MANY); /* what waited, and what fired beside the cancel */
    pass_time(f, 20 * PERIOD);
}

static void test_it_comes_again_and_again_and_never_early(void **state)
{
    fixture *f = *state;
    uint64_t begin = troupe_now(f->system);

    start(f->me, troupe_self(f->me), PERIOD);
    for (uint64_t i = 1; i <= 5; i++) {
        expect_tick(f->me);
        assert_true(troupe_now(f->system) >= begin + i * PERIOD);
    }
}

static void test_in_virtual_time_it_comes_at_the_multiples_exactly(void **state)
{
    fixture *f = *state;
    uint64_t begin = troupe_now(f->system);

    start(f->me, troupe_self(f->me), PERIOD);
    for (uint64_t i = 1; i <= 5; i++) {
        expect_tick(f->me);
        assert_int_equal(troupe_now(f->system), begin + i * PERIOD);
    }
}

/* Also when it was late: the times are multiples of the start, and what was missed is left out. */
static void test_after_a_long_stall_it_goes_on_at_the_next_multiple(void **state)
{
    fixture *f = *state;
    troupe_context *other = troupe_attach(f->system);
    uint64_t begin = troupe_now(f->system);

    start(f->me, troupe_self(other), PERIOD);
    pass_time(f, 7 * PERIOD + PERIOD / 3);
    expect_tick(other);
    expect_tick(other);
    assert_int_equal(troupe_now(f->system), begin + 8 * PERIOD);
    troupe_detach(other);
}

/* However late the clock's thread is: then time enough for one more. */
static void expect_sent_and_no_more(fixture *f, uint64_t n)
{
    for (int i = 0; i < 10000 && sent(f) < n; i++)
        pass_time(f, TROUPE_MILLISECOND);
    pass_time(f, 50 * TROUPE_MILLISECOND);
    assert_int_equal(sent(f), n);
}

static void test_while_the_last_one_waits_there_is_no_other(void **state)
{
    fixture *f = *state;
    troupe_context *other = troupe_attach(f->system);
    uint64_t before = sent(f);

    start(f->me, troupe_self(other), TROUPE_MILLISECOND);
    expect_sent_and_no_more(f, before + 1);
    expect_tick(other); /* in its hands now */
    pass_time(f, 50 * TROUPE_MILLISECOND);
    assert_int_equal(sent(f), before + 1);
    expect_tick(other);
    assert_int_equal(sent(f), before + 2);
    troupe_detach(other);
}

/* A component that is pending on one has no second one waiting behind it. */
static troupe_status wait_for_ever(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self, (void)ctx, (void)message;
    return TROUPE_PENDING;
}

static troupe_status go_on(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self, (void)ctx, (void)message;
    return TROUPE_OK;
}

static void test_while_the_last_one_is_pending_there_is_no_other(void **state)
{
    fixture *f = *state;
    static const troupe_actor_ops waiting = {.handle_message = wait_for_ever, .resume = go_on};
    troupe_id id = spawn_named(f, NULL, NULL, &waiting, 0);
    uint64_t before = sent(f);

    start(f->me, id, TROUPE_MILLISECOND);
    expect_sent_and_no_more(f, before + 1);
    troupe_wake(f->system, id, 1);
    for (int i = 0; i < 10000 && sent(f) < before + 2; i++)
        pass_time(f, TROUPE_MILLISECOND);
    assert_int_equal(sent(f), before + 2);
}

static void test_one_that_is_cancelled_sends_nothing_more(void **state)
{
    fixture *f = *state;
    troupe_timer_id timer = start(f->me, troupe_self(f->me), PERIOD);
    uint64_t before;

    expect_tick(f->me);
    troupe_cancel_timer(f->me, timer); /* false: it fires this moment */
    assert_false(troupe_cancel_timer(f->me, timer));
    expect_no_more(f);
    before = sent(f);
    pass_time(f, 10 * PERIOD);
    assert_int_equal(sent(f), before);
}

static void test_what_it_sent_before_the_cancel_still_comes(void **state)
{
    fixture *f = *state;
    troupe_context *other = troupe_attach(f->system);
    troupe_timer_id timer = start(f->me, troupe_self(other), TROUPE_MILLISECOND);
    uint64_t before = sent(f);

    while (sent(f) == before)
        pass_time(f, TROUPE_MILLISECOND);
    troupe_cancel_timer(f->me, timer);
    expect_tick(other);
    troupe_detach(other);
}

/* ---- whose it is ---- */

struct owner {
    troupe_timer_id timer;
};

/* Sets one to the sender; "crash" ends it. */
static troupe_status own(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct owner *owner = self;

    if (message->payload.size > 0) {
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as told");
        return TROUPE_OK;
    }
    owner->timer = start(ctx, message->sender, TROUPE_MILLISECOND);
    return TROUPE_OK;
}

static void test_it_ends_with_the_life_that_set_it(void **state)
{
    fixture *f = *state;
    static const troupe_actor_ops owning = {.handle_message = own};
    troupe_id id = spawn_named(f, NULL, NULL, &owning, sizeof(struct owner));

    assert_int_equal(troupe_send(f->me, id, (troupe_bytes){0}), TROUPE_OK);
    expect_tick(f->me);
    expect_tick(f->me);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("crash")), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
    expect_no_more(f);
}

static void test_it_ends_with_its_target(void **state)
{
    fixture *f = *state;
    troupe_context *other = troupe_attach(f->system);
    troupe_totals totals;

    f->me->timers_bound = 1;
    start(f->me, troupe_self(other), TROUPE_MILLISECOND);
    expect_tick(other);
    troupe_detach(other);
    for (int i = 0; i < 10000; i++) {
        troupe_status status =
            troupe_send_after(f->me, troupe_self(f->me), TROUPE_TEXT("x"), TROUPE_FOREVER, NULL);

        if (status == TROUPE_OK)
            break;
        assert_int_equal(status, TROUPE_E_QUOTA);
        pass_time(f, TROUPE_MILLISECOND);
    }
    troupe_totals_now(f->system, &totals);
    assert_true(totals.dead_letters <= 1);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    fixture *f = *state;
    troupe_timer_id timer = {0};

    assert_int_equal(troupe_send_every(f->me, troupe_self(f->me), TROUPE_TEXT("x"), 0, &timer),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_send_every(f->me, TROUPE_NOBODY, TROUPE_TEXT("x"), PERIOD, &timer),
                     TROUPE_E_GONE);
    f->me->timers_bound = 1;
    start(f->me, troupe_self(f->me), TROUPE_FOREVER); /* never */
    assert_int_equal(troupe_send_every(f->me, troupe_self(f->me), TROUPE_TEXT("x"), PERIOD, &timer),
                     TROUPE_E_QUOTA);
    assert_int_equal(timer.value, 0);
}

/* A clock that is late does not shift what comes, and does not catch up. */
static void test_the_next_time_is_a_multiple_whatever_the_clock_did(void **state)
{
    (void)state;
    assert_int_equal(trp_interval_next(1000, 100, 1000), 1100);
    assert_int_equal(trp_interval_next(1000, 100, 1001), 1100);
    assert_int_equal(trp_interval_next(1000, 100, 1099), 1100);
    assert_int_equal(trp_interval_next(1000, 100, 1100), 1200);
    assert_int_equal(trp_interval_next(1000, 100, 7350), 7400);
    assert_int_equal(trp_interval_next(1000, 100, 900), 1100);
    assert_int_equal(trp_interval_next(1000, TROUPE_FOREVER - 1, 1000), TROUPE_FOREVER);
    assert_int_equal(trp_interval_next(TROUPE_FOREVER - 5, 10, 1000), TROUPE_FOREVER);
}

/* So many that the clock is arming some of them again whenever one is cancelled. */
static void cancel_beside_the_clock(fixture *f)
{
    static troupe_timer_id timers[MANY];
    troupe_id idle = spawn_named(f, NULL, NULL, NULL, 0);
    uint64_t before = sent(f);

    for (size_t i = 0; i < MANY; i++)
        timers[i] = start(f->me, troupe_self(f->me), TROUPE_MICROSECOND);
    while (sent(f) < before + MANY) /* takes none of them, or they would come again */
        assert_int_equal(troupe_wait_end(f->me, idle, 10 * TROUPE_MICROSECOND, NULL),
                         TROUPE_E_TIMEOUT);
    for (size_t i = 0; i < MANY; i++)
        troupe_cancel_timer(f->me, timers[i]);
    expect_no_more(f);
    before = sent(f);
    pass_time(f, 10 * TROUPE_MILLISECOND);
    assert_int_equal(sent(f), before);
    assert_true(trp_list_empty(&f->me->timers));
}

static void test_cancels_beside_the_clock_leave_nothing_that_sends(void **state)
{
    for (int round = 0; round < 5; round++)
        cancel_beside_the_clock(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_it_comes_again_and_again_and_never_early),
        {"test_in_virtual_time_it_comes_at_the_multiples_exactly",
         test_in_virtual_time_it_comes_at_the_multiples_exactly, in_simulation, tear_down, NULL},
        {"test_after_a_long_stall_it_goes_on_at_the_next_multiple",
         test_after_a_long_stall_it_goes_on_at_the_next_multiple, in_simulation, tear_down, NULL},
        BOTH(test_while_the_last_one_waits_there_is_no_other),
        BOTH(test_while_the_last_one_is_pending_there_is_no_other),
        BOTH(test_one_that_is_cancelled_sends_nothing_more),
        BOTH(test_what_it_sent_before_the_cancel_still_comes),
        BOTH(test_it_ends_with_the_life_that_set_it),
        BOTH(test_it_ends_with_its_target),
        BOTH(test_what_makes_no_sense_is_refused),
        cmocka_unit_test(test_the_next_time_is_a_multiple_whatever_the_clock_did),
        BOTH(test_cancels_beside_the_clock_leave_nothing_that_sends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
