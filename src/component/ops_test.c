/* The path: a message, a guest, an answer; and a guest's whole life. On threads and in simulation. */
#include "house_testing.h"

static void test_guest_answers_a_call(void **state)
{
    troupe_id id = spawn(&house, load(&house, "echo.wasm"), "echo");

    (void)state;
    expect_answer(&house, id, "hello", "hello");
    expect_answer(&house, id, "", "");
    assert_int_equal(troupe_engine_stores(house.engine), 1);
    assert_int_equal(stop_and_wait(&house, id).reason, TROUPE_EXIT_NORMAL);
    assert_int_equal(troupe_engine_stores(house.engine), 0);
}

static void test_guest_takes_a_payload_larger_than_its_memory_at_the_start(void **state)
{
    static char payload[1 << 20];
    troupe_id id = spawn(&house, load(&house, "echo.wasm"), "echo");
    troupe_bytes answer;

    (void)state;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (char)(i * 7 / 3);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(ask(&house, id, (troupe_bytes){payload, sizeof payload}, &answer),
                         TROUPE_OK);
        assert_int_equal(answer.size, sizeof payload);
        assert_memory_equal(answer.data, payload, sizeof payload);
    }
}

static void test_guest_keeps_state_between_messages_and_loses_it_with_its_life(void **state)
{
    const troupe_guest *guest = load(&house, "counter.wasm");
    troupe_id id = spawn(&house, guest, "one");
    uint32_t number = 5;
    troupe_bytes answer;

    (void)state;
    for (uint64_t sum = 5; sum <= 50; sum += 5) {
        assert_int_equal(ask(&house, id, TROUPE_BYTES_OF(number), &answer), TROUPE_OK);
        assert_int_equal(answer.size, 8);
        assert_memory_equal(answer.data, &sum, 8);
    }
    expect_crash(&house, id, TROUPE_TEXT("crash"), TROUPE_EXIT_CRASHED, "wasm trap: unreachable");
    id = spawn(&house, guest, "one");
    assert_int_equal(ask(&house, id, TROUPE_BYTES_OF(number), &answer), TROUPE_OK);
    assert_int_equal(*(const uint64_t *)answer.data, 5);
}

static void test_trap_names_the_functions_down_to_the_entry(void **state)
{
    troupe_id id = spawn(&house, load(&house, "crash.wasm"), "crash");

    (void)state;
    expect_crash(&house, id, TROUPE_TEXT("crash"), TROUPE_EXIT_CRASHED,
                 "wasm trap: unreachable, in fall_over < handle-message");
}

static void test_guest_that_says_no_fails_the_message_and_lives(void **state)
{
    troupe_id id = spawn(&house, load(&house, "fail.wasm"), "fail");
    troupe_bytes answer;

    (void)state;
    assert_int_equal(ask(&house, id, TROUPE_TEXT("no way"), &answer), TROUPE_E_FAILED);
    assert_string_equal(answer.data, "no way");
    assert_int_equal(troupe_send(house.me, id, TROUPE_TEXT("nobody waits")), TROUPE_OK);
    assert_int_equal(ask(&house, id, TROUPE_TEXT("again"), &answer), TROUPE_E_FAILED);
}

static void test_hooks_come_in_order_and_are_told_what_is_so(void **state)
{
    troupe_guest_options options = all_grants();
    troupe_id id;

    (void)state;
    options.settings = TROUPE_TEXT("{\"a\":1}");
    options.mailbox_bound = 77;
    id = spawn(&house, load_with(&house, "hooks.wasm", options), "hooked");
    expect_answer(&house, id, "hi", "hi");
    assert_int_equal(stop_and_wait(&house, id).reason, TROUPE_EXIT_NORMAL);
    assert_string_equal(house.printed.text,
                        "pre-start hooked life=1 reason=0 mailbox=77 settings={\"a\":1}\n"
                        "post-start\nmessage hi\npre-stop reason=1\npost-stop\n");
}

static void test_guest_that_trapped_is_never_entered_again(void **state)
{
    troupe_id id = spawn(&house, load(&house, "hooks.wasm"), "hooked");

    (void)state;
    expect_crash(&house, id, TROUPE_TEXT("crash"), TROUPE_EXIT_CRASHED, "unreachable");
    assert_null(strstr(house.printed.text, "stop"));
}

static void test_killed_guest_gets_no_post_stop(void **state)
{
    troupe_id id = spawn(&house, load(&house, "hooks.wasm"), "hooked");

    (void)state;
    expect_answer(&house, id, "hi", "hi");
    assert_int_equal(troupe_kill(house.me, id), TROUPE_OK);
    assert_int_equal(troupe_wait_end(house.me, id, PATIENCE, NULL), TROUPE_OK);
    assert_null(strstr(house.printed.text, "stop"));
}

static void test_refused_start_says_why_and_leaves_nothing(void **state)
{
    const troupe_guest *guest = load(&house, "refuse.wasm");
    troupe_error error;
    troupe_id id;

    (void)state;
    assert_int_equal(try_spawn(&house, guest, "no", &id, &error), TROUPE_E_REFUSED);
    expect_in(error.text, "not today");
    assert_int_equal(troupe_engine_stores(house.engine), 0);
}

static void test_trap_in_pre_start_fails_the_start(void **state)
{
    const troupe_guest *guest = load(&house, "trap_pre_start.wasm");
    troupe_error error;
    troupe_id id;

    (void)state;
    assert_int_not_equal(try_spawn(&house, guest, "no", &id, &error), TROUPE_OK);
    expect_in(error.text, "wasm trap: unreachable");
    expect_in(error.text, "pre-start");
    assert_int_equal(troupe_engine_stores(house.engine), 0);
}

static const troupe_guest *load_trap_in(const char *settings)
{
    troupe_guest_options options = all_grants();

    options.settings = troupe_text(settings);
    return load_with(&house, "trap_in_hook.wasm", options);
}

static void test_trap_in_any_hook_is_a_crash(void **state)
{
    troupe_error error;
    troupe_id id;

    (void)state;
    assert_int_not_equal(
        try_spawn(&house, load_trap_in("{\"trap\":\"post-start\"}"), "a", &id, &error), TROUPE_OK);
    expect_in(error.text, "post-start");
    id = spawn(&house, load_trap_in("{\"trap\":\"pre-stop\"}"), "b");
    assert_int_equal(stop_and_wait(&house, id).reason, TROUPE_EXIT_CRASHED);
    id = spawn(&house, load_trap_in("{\"trap\":\"post-stop\"}"), "c");
    assert_int_equal(stop_and_wait(&house, id).reason, TROUPE_EXIT_NORMAL);
    expect_in(house.logged.text, "post-stop");
}

static void test_guest_is_told_its_limits(void **state)
{
    troupe_guest_options options = all_grants();
    uint64_t wanted[4] = {1 << 20, 4096, 250, 9};
    troupe_bytes answer;
    troupe_id id;

    (void)state;
    options.limits = (troupe_limits){.memory_bytes = 1 << 20, .message_ns = TROUPE_SECOND / 4};
    options.message_max = 4096;
    options.mailbox_bound = 9;
    id = spawn(&house, load_with(&house, "limits.wasm", options), "limits");
    assert_int_equal(ask(&house, id, TROUPE_TEXT("?"), &answer), TROUPE_OK);
    assert_int_equal(answer.size, sizeof wanted);
    assert_memory_equal(answer.data, wanted, sizeof wanted);
}

static void test_kept_request_is_answered_later_once(void **state)
{
    troupe_id id = spawn(&house, load(&house, "reply_later.wasm"), "later");
    troupe_bytes answer;

    (void)state;
    /* Two threads would be needed to wait for both; the first call ends by its own timeout. */
    assert_int_equal(troupe_call(house.me, id, TROUPE_TEXT("first"), TROUPE_MILLISECOND, NULL),
                     TROUPE_E_TIMEOUT);
    assert_int_equal(ask(&house, id, TROUPE_TEXT("twice"), &answer), TROUPE_E_FAILED);
}

static void test_guest_is_told_when_the_asker_stops_waiting(void **state)
{
    troupe_id id = spawn(&house, load(&house, "deadline.wasm"), "deadline");
    troupe_bytes answer;
    uint64_t told[2];

    (void)state;
    assert_int_equal(ask(&house, id, TROUPE_TEXT("?"), &answer), TROUPE_OK);
    assert_int_equal(answer.size, sizeof told);
    memcpy(told, answer.data, sizeof told);
    assert_in_range(told[0], 1, PATIENCE);
    assert_int_equal(told[1], 0);
}

/* ---- what travels: through a native component to a guest, and through a guest ---- */

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

struct forwarder {
    troupe_correlation asker;
};

/* The payload says whom to ask, for ever. */
static troupe_status forward(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct forwarder *forwarder = self;
    troupe_correlation correlation;
    troupe_id whom;

    memcpy(&whom, message->payload.data, sizeof whom);
    forwarder->asker = message->correlation;
    return troupe_request(ctx, whom, TROUPE_TEXT("?"), TROUPE_FOREVER, &correlation);
}

static void pass_back(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct forwarder *forwarder = self;

    (void)troupe_reply_to(ctx, forwarder->asker, answer->payload);
}

static const troupe_actor_ops forwarding = {.handle_message = forward, .handle_reply = pass_back};

static void test_guest_behind_another_is_told_the_first_askers_deadline_and_trace(void **state)
{
    troupe_id guest = spawn(&house, load(&house, "deadline.wasm"), "deadline"), id;
    troupe_bytes answer;
    uint64_t told[2];

    (void)state;
    assert_int_equal(
        troupe_spawn(house.me,
                     TROUPE_SPEC(.actor = &forwarding, .state_size = sizeof(struct forwarder)),
                     &id),
        TROUPE_OK);
    assert_int_equal(troupe_trace_set(house.me, TROUPE_TEXT(TRACE)), TROUPE_OK);
    assert_int_equal(ask(&house, id, TROUPE_BYTES_OF(guest), &answer), TROUPE_OK);
    assert_int_equal(answer.size, sizeof told);
    memcpy(told, answer.data, sizeof told);
    assert_in_range(told[0], 1, PATIENCE);
    assert_int_equal(told[1], 1);
}

static void test_what_a_guest_sends_carries_its_messages_trace_on(void **state)
{
    static const char *const anybody[] = {"*"};
    const troupe_guest_options options = {.grants = {.send = anybody, .n_send = 1}};
    troupe_id guest = spawn(&house, load_with(&house, "send_back.wasm", options), "back");
    troupe_message message;

    (void)state;
    assert_int_equal(troupe_trace_set(house.me, TROUPE_TEXT(TRACE)), TROUPE_OK);
    assert_int_equal(troupe_send(house.me, guest, TROUPE_TEXT("ball")), TROUPE_OK);
    assert_int_equal(troupe_receive(house.me, PATIENCE, &message), TROUPE_OK);
    assert_int_equal(message.trace.size, sizeof TRACE - 1);
    assert_memory_equal(message.trace.data, TRACE, sizeof TRACE - 1);
}

/* In the machine's time, on threads and in the caller's loop, and in simulation's. */
#define BOTH_WAYS(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, open_threads, close_house),                              \
        cmocka_unit_test_setup_teardown(test, open_driven, close_house),                           \
        cmocka_unit_test_setup_teardown(test, open_simulation, close_house)

/* ---- health ---- */

static void test_guest_that_is_ill_is_ended_with_its_own_words(void **state)
{
    troupe_id id = spawn(&house, load(&house, "patient.wasm"), "patient");
    troupe_exit exit;

    (void)state;
    expect_answer(&house, id, "well", "well");
    expect_answer(&house, id, "ill the disk is full", "ill the disk is full");
    exit = await_exit(&house, id);
    assert_int_equal(exit.reason, TROUPE_EXIT_CRASHED);
    assert_int_equal(exit.operation, TROUPE_OPERATION_HEALTH_CHECK);
    assert_string_equal(exit.text, "unhealthy 2 times in a row: the disk is full");
    assert_int_equal(troupe_engine_stores(house.engine), 0);
}

static void test_guest_that_traps_in_its_check_has_crashed(void **state)
{
    troupe_id id = spawn(&house, load(&house, "patient.wasm"), "patient");
    troupe_exit exit;

    (void)state;
    expect_answer(&house, id, "degraded a little slow", "degraded a little slow");
    expect_answer(&house, id, "trap", "trap");
    exit = await_exit(&house, id);
    assert_int_equal(exit.reason, TROUPE_EXIT_CRASHED);
    assert_int_equal(exit.operation, TROUPE_OPERATION_HEALTH_CHECK);
    expect_in(exit.text, "wasm trap: unreachable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_WAYS(test_guest_answers_a_call),
        BOTH_WAYS(test_guest_takes_a_payload_larger_than_its_memory_at_the_start),
        BOTH_WAYS(test_guest_keeps_state_between_messages_and_loses_it_with_its_life),
        BOTH_WAYS(test_trap_names_the_functions_down_to_the_entry),
        BOTH_WAYS(test_guest_that_says_no_fails_the_message_and_lives),
        BOTH_WAYS(test_hooks_come_in_order_and_are_told_what_is_so),
        BOTH_WAYS(test_guest_that_trapped_is_never_entered_again),
        BOTH_WAYS(test_killed_guest_gets_no_post_stop),
        BOTH_WAYS(test_refused_start_says_why_and_leaves_nothing),
        BOTH_WAYS(test_trap_in_pre_start_fails_the_start),
        BOTH_WAYS(test_trap_in_any_hook_is_a_crash),
        BOTH_WAYS(test_guest_is_told_its_limits),
        BOTH_WAYS(test_kept_request_is_answered_later_once),
        BOTH_WAYS(test_guest_is_told_when_the_asker_stops_waiting),
        BOTH_WAYS(test_guest_behind_another_is_told_the_first_askers_deadline_and_trace),
        BOTH_WAYS(test_what_a_guest_sends_carries_its_messages_trace_on),
        BOTH_WAYS(test_guest_that_is_ill_is_ended_with_its_own_words),
        BOTH_WAYS(test_guest_that_traps_in_its_check_has_crashed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
