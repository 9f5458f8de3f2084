/* Guests that hold the only worker: the others are served all the same. */
#include "house_testing.h"

#include "trp/atomic.h"

static _Atomic bool gate;
static _Atomic uint32_t n_prints;

static int open_one_worker(void **state)
{
    (void)state;
    trp_store_seq(&gate, false);
    trp_store_seq(&n_prints, 0);
    house_open_workers(&house, false, NULL, 1);
    return 0;
}

static int open_and_close(void **state)
{
    trp_store_seq(&gate, true); /* also for a test that failed before it did */
    return close_house(state);
}

static troupe_id spawn_echo(void)
{
    return spawn(&house, load(&house, "echo.wasm"), "echo");
}

static void expect_service(troupe_id echo)
{
    for (int i = 0; i < 20; i++)
        expect_answer(&house, echo, "hello", "hello");
}

static void test_a_guest_that_loops_on_the_only_worker_delays_nobody(void **state)
{
    troupe_guest_options options = all_grants();
    troupe_id echo = spawn_echo(), looping;
    troupe_info info;

    (void)state;
    options.limits.message_ns = 3600 * TROUPE_SECOND;
    looping = spawn(&house, load_with(&house, "loop_forever.wasm", options), "looping");
    assert_int_equal(troupe_send(house.me, looping, TROUPE_TEXT("loop")), TROUPE_OK);
    expect_service(echo);
    assert_int_equal(troupe_info_of(house.system, looping, &info), TROUPE_OK);
    assert_int_equal(info.handled, 0); /* it still loops */
    assert_int_equal(troupe_kill(house.me, looping), TROUPE_OK);
    assert_int_equal(await_exit(&house, looping).reason, TROUPE_EXIT_KILLED);
    expect_service(echo);
}

static troupe_status print_when_the_gate_opens(void *arg, troupe_context *ctx, troupe_bytes bytes)
{
    trp_add_seq(&n_prints, 1);
    while (!trp_load_seq(&gate))
        trp_pause();
    return print_it(arg, ctx, bytes);
}

static void test_a_guest_whose_print_waits_delays_nobody(void **state)
{
    troupe_id echo = spawn_echo(), printing;

    (void)state;
    house.services.print = print_when_the_gate_opens;
    printing = spawn(&house, load(&house, "subscriber.wasm"), "printing");
    assert_int_equal(troupe_send(house.me, printing, TROUPE_TEXT("line")), TROUPE_OK);
    while (!trp_load_seq(&n_prints))
        trp_pause();
    expect_service(echo);
    assert_string_equal(house.printed.text, "");
    trp_store_seq(&gate, true);
    assert_int_equal(stop_and_wait(&house, printing).reason, TROUPE_EXIT_NORMAL);
    assert_string_equal(house.printed.text, "(no topic): line\n");
}

#define ON_ONE(test) cmocka_unit_test_setup_teardown(test, open_one_worker, open_and_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ONE(test_a_guest_that_loops_on_the_only_worker_delays_nobody),
        ON_ONE(test_a_guest_whose_print_waits_delays_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
