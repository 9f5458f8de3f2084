/* Guests that lie, spin, bomb: each ends in a failure of that guest alone, with words that say what it did. */
#include "component_testing.h"

#include "slab.h"

static struct house house;
static troupe_id neighbour;

static int let_neighbour_in(void)
{
    neighbour = spawn(&house, load(&house, "echo.wasm"), "neighbour");
    return 0;
}

static int open_threads(void **state)
{
    (void)state;
    house_open(&house, false);
    return let_neighbour_in();
}

static int open_driven(void **state)
{
    (void)state;
    house_open_driven(&house);
    return let_neighbour_in();
}

static int open_simulation(void **state)
{
    (void)state;
    house_open(&house, true);
    return let_neighbour_in();
}

static int close_house(void **state)
{
    (void)state;
    expect_answer(&house, neighbour, "still here?", "still here?");
    house_close(&house);
    return 0;
}

static troupe_guest_options quick(void)
{
    troupe_guest_options options = all_grants();

    options.limits.message_ns = 20 * TROUPE_MILLISECOND;
    options.limits.memory_bytes = 4 << 20;
    return options;
}

/* A fresh life of guest ends by payload. */
static void expect_lie(const troupe_guest *guest, const char *payload, const char *words)
{
    expect_crash(&house, spawn(&house, guest, NULL), troupe_text(payload), TROUPE_EXIT_CRASHED,
                 words);
}

static void test_lie_about_where_the_result_lies(void **state)
{
    (void)state;
    expect_lie(load(&house, "bad_pointer.wasm"), "x", "what it returned lies outside its memory");
    expect_lie(load(&house, "bad_pointer_end.wasm"), "x", "what it returned lies outside");
    expect_lie(load(&house, "bad_alignment.wasm"), "x", "is not aligned to 4");
}

static void test_lie_about_where_the_answer_lies(void **state)
{
    const troupe_guest *guest = load(&house, "bad_length.wasm");

    (void)state;
    expect_lie(guest, "overflow", "its answer lies outside its memory");
    expect_lie(guest, "end", "its answer lies outside its memory");
    expect_lie(guest, "huge", "its answer lies outside its memory");
}

static void test_lie_about_which_case_it_is(void **state)
{
    const troupe_guest *guest = load(&house, "bad_discriminant.wasm");

    (void)state;
    expect_lie(guest, "result", "a result of case 2");
    expect_lie(guest, "option", "an option of case 2");
    expect_lie(guest, "error", "an error has case 11");
}

static void test_lie_about_text(void **state)
{
    const troupe_guest *guest = load(&house, "bad_utf8.wasm");

    (void)state;
    expect_lie(guest, "log", "the text of services.log is no UTF-8");
    expect_lie(guest, "publish", "the topic of messaging.publish is no UTF-8");
    expect_lie(guest, "else", "the text of an error is no UTF-8");
}

static void test_lie_in_the_arguments_of_imports(void **state)
{
    const troupe_guest *guest = load(&house, "bad_argument.wasm");

    (void)state;
    expect_lie(guest, "bytes", "the payload of messaging.reply lies outside its memory");
    expect_lie(guest, "result", "room for an import's result lies outside its memory");
    expect_lie(guest, "unaligned result", "is not aligned to 4");
    expect_lie(guest, "text", "the text of services.log lies outside its memory");
    expect_lie(guest, "list", "the fields of services.log lie outside");
    expect_lie(guest, "unaligned list", "is not aligned to 4");
    expect_lie(guest, "level", "services.log has level 5");
    expect_lie(guest, "error code", "an error has case 11");
}

static void test_lie_of_realloc(void **state)
{
    (void)state;
    expect_lie(load(&house, "realloc_rubbish.wasm"), "payload", "cabi_realloc returned 0x");
    expect_lie(load(&house, "realloc_traps.wasm"), "payload", "wasm trap: unreachable");
    expect_lie(load(&house, "import_in_realloc.wasm"), "payload",
               "services.log called from cabi_realloc");
}

static void test_import_from_post_return_is_refused(void **state)
{
    troupe_id id = spawn(&house, load(&house, "import_in_post_return.wasm"), NULL);
    troupe_bytes answer;
    troupe_exit exit;

    (void)state;
    /* The answer was given before the post-return. */
    (void)ask(&house, id, TROUPE_TEXT("x"), &answer);
    exit = await_exit(&house, id);
    assert_int_equal(exit.reason, TROUPE_EXIT_CRASHED);
    expect_in(exit.text, "services.log called from a post-return");
}

static void expect_timeout(const char *file, const char *payload)
{
    troupe_id id = spawn(&house, load_with(&house, file, quick()), NULL);

    expect_crash(&house, id, troupe_text(payload), TROUPE_EXIT_TIMEOUT, "over message_time 20 ms");
}

static void test_endless_loops_end(void **state)
{
    troupe_error error;
    troupe_id id;

    (void)state;
    expect_timeout("loop_forever.wasm", "loop");
    expect_timeout("realloc_loops.wasm", "payload");
    assert_int_not_equal(
        try_spawn(&house, load_with(&house, "loop_in_pre_start.wasm", quick()), NULL, &id, &error),
        TROUPE_OK);
    expect_in(error.text, "over message_time 20 ms");
    assert_int_not_equal(
        try_spawn(&house, load_with(&house, "start_loops.wat", quick()), NULL, &id, &error),
        TROUPE_OK);
    expect_in(error.text, "over message_time 20 ms");
    assert_int_not_equal(
        try_spawn(&house, load_with(&house, "start_traps.wat", quick()), NULL, &id, &error),
        TROUPE_OK);
    expect_in(error.text, "wasm trap: unreachable");
    assert_int_equal(troupe_engine_stores(house.engine), 1);
}

static void test_time_is_given_anew_for_each_message(void **state)
{
    troupe_guest_options options = quick();
    troupe_id id;

    (void)state;
    options.limits.message_ns = 200 * TROUPE_MILLISECOND;
    id = spawn(&house, load_with(&house, "spin.wasm", options), NULL);
    /* Some milliseconds each: together over the limit, none alone. */
    for (int i = 0; i < 60; i++)
        expect_answer(&house, id, "2000000", "done");
}

static void test_memory_ends_at_its_limit(void **state)
{
    const troupe_guest *guest = load_with(&house, "grow_forever.wasm", quick());
    troupe_id id = spawn(&house, guest, NULL);

    (void)state;
    expect_answer(&house, id, "ask", "64");
    expect_lie(guest, "grow", "wasm trap: unreachable");
}

static void test_table_ends_at_its_limit(void **state)
{
    const troupe_guest *guest = load(&house, "table_too_large.wat");
    troupe_error error;
    troupe_id id;

    (void)state;
    assert_int_not_equal(try_spawn(&house, guest, NULL, &id, &error), TROUPE_OK);
    expect_in(error.text, "table");
}

static void test_endless_recursion_ends(void **state)
{
    const troupe_guest *guest = load(&house, "recurse_forever.wasm");

    (void)state;
    expect_lie(guest, "recurse", "wasm trap: call stack exhausted, in deeper < deeper");
    expect_lie(guest, "data", "wasm trap: out of bounds memory access");
}

static void test_answer_over_the_bound_is_an_error_to_the_asker(void **state)
{
    troupe_guest_options options = all_grants();
    uint32_t size = TROUPE_MESSAGE_MAX + 1;
    troupe_bytes answer;
    troupe_id id;

    (void)state;
    id = spawn(&house, load_with(&house, "big_answer.wasm", options), NULL);
    assert_int_equal(ask(&house, id, TROUPE_BYTES_OF(size), &answer), TROUPE_E_TOO_LARGE);
    size = TROUPE_MESSAGE_MAX;
    assert_int_equal(ask(&house, id, TROUPE_BYTES_OF(size), &answer), TROUPE_OK);
    assert_int_equal(answer.size, size);
}

/* In the machine's time, on threads and in the caller's loop, and in simulation's. */
#define BOTH_WAYS(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, open_threads, close_house),                              \
        cmocka_unit_test_setup_teardown(test, open_driven, close_house),                           \
        cmocka_unit_test_setup_teardown(test, open_simulation, close_house)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_WAYS(test_lie_about_where_the_result_lies),
        BOTH_WAYS(test_lie_about_where_the_answer_lies),
        BOTH_WAYS(test_lie_about_which_case_it_is),
        BOTH_WAYS(test_lie_about_text),
        BOTH_WAYS(test_lie_in_the_arguments_of_imports),
        BOTH_WAYS(test_lie_of_realloc),
        BOTH_WAYS(test_import_from_post_return_is_refused),
        BOTH_WAYS(test_endless_loops_end),
        BOTH_WAYS(test_time_is_given_anew_for_each_message),
        BOTH_WAYS(test_memory_ends_at_its_limit),
        BOTH_WAYS(test_table_ends_at_its_limit),
        BOTH_WAYS(test_endless_recursion_ends),
        BOTH_WAYS(test_answer_over_the_bound_is_an_error_to_the_asker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
