/* The runner of simulations: it finds what only some schedules show, says which seed it was, and repeats it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "troupe/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int forget_the_environment(void **state)
{
    (void)state;
    return unsetenv("TROUPE_SEED");
}

/* ---- a race: two add to a number that a third one keeps, by asking for it and sending the sum back ---- */

struct keeper {
    uint64_t number;
};

static troupe_status keep(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct keeper *keeper = self;

    if (message->payload.size == sizeof keeper->number)
        memcpy(&keeper->number, message->payload.data, sizeof keeper->number);
    return troupe_reply(ctx, TROUPE_BYTES_OF(keeper->number));
}

struct adder {
    troupe_id keeper;
};

static troupe_status add(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct adder *adder = self;
    troupe_correlation correlation;

    memcpy(&adder->keeper, message->payload.data, sizeof adder->keeper);
    return troupe_request(ctx, adder->keeper, (troupe_bytes){0}, TROUPE_SECOND, &correlation);
}

static void send_sum(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct adder *adder = self;
    uint64_t number;

    memcpy(&number, answer->payload.data, sizeof number);
    number++;
    if (troupe_send(ctx, adder->keeper, TROUPE_BYTES_OF(number)) != TROUPE_OK)
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "the keeper took nothing");
}

static const troupe_actor_ops keeping = {.handle_message = keep};
static const troupe_actor_ops adding = {.handle_message = add, .handle_reply = send_sum};

static void let_run(troupe_context *ctx)
{
    while (troupe_step(troupe_system_of(ctx)))
        ;
}

static troupe_status count(troupe_context *ctx, void *argument, troupe_error *error)
{
    uint64_t least = *(const uint64_t *)argument;
    troupe_id keeper, adders[2];
    troupe_reply_buffer reply;
    uint64_t number;

    if (troupe_spawn(ctx, TROUPE_SPEC(.actor = &keeping, .state_size = sizeof(struct keeper)),
                     &keeper) != TROUPE_OK)
        return TROUPE_E_FAILED;
    for (int i = 0; i < 2; i++) {
        if (troupe_spawn(ctx, TROUPE_SPEC(.actor = &adding, .state_size = sizeof(struct adder)),
                         &adders[i]) != TROUPE_OK ||
            troupe_send(ctx, adders[i], TROUPE_BYTES_OF(keeper)) != TROUPE_OK)
            return TROUPE_E_FAILED;
    }
    let_run(ctx);
    if (troupe_call(ctx, keeper, (troupe_bytes){0}, TROUPE_SECOND, &reply) != TROUPE_OK)
        return TROUPE_E_FAILED;
    number = troupe_reply_u64(&reply);
    troupe_reply_clear(&reply);
    if (number < least)
        return troupe_error_set(error, TROUPE_E_FAILED, "one and one are %d", (int)number);
    return TROUPE_OK;
}

static uint64_t two = 2,
                one = 1; /* what it must come to, at least: only one is true in every schedule */

static void test_what_some_schedules_show_is_found_and_repeats(void **state)
{
    troupe_simulation_report report;
    char text[200];

    (void)state;
    assert_int_equal(troupe_simulate(TROUPE_SIMULATION(.seeds = 0), count, &two, &report),
                     TROUPE_E_FAILED);
    assert_true(report.repeated);
    assert_true(report.failed_seed >= 1 && report.failed_seed <= 1000);
    assert_int_equal(report.n_runs, report.failed_seed);
    snprintf(text, sizeof text, "seed %d failed: one and one are 1; run again with TROUPE_SEED=%d",
             (int)report.failed_seed, (int)report.failed_seed);
    assert_string_equal(report.text, text);
}

static void test_a_right_scenario_passes_every_seed_in_many_schedules(void **state)
{
    troupe_simulation_report report;

    (void)state;
    assert_int_equal(
        troupe_simulate(TROUPE_SIMULATION(.seeds = 300, .first_seed = 5000), count, &one, &report),
        TROUPE_OK);
    assert_int_equal(report.n_runs, 300);
    assert_true(report.n_schedules > 1 && report.n_schedules <= 300);
    assert_string_equal(report.text, "");
}

static void test_the_environment_names_the_one_seed(void **state)
{
    troupe_simulation_report report;
    uint64_t failed;
    char text[32];

    (void)state;
    assert_int_equal(troupe_simulate(TROUPE_SIMULATION(.seeds = 0), count, &two, &report),
                     TROUPE_E_FAILED);
    failed = report.failed_seed;
    snprintf(text, sizeof text, "%d", (int)failed);
    assert_int_equal(setenv("TROUPE_SEED", text, 1), 0);
    assert_int_equal(
        troupe_simulate(TROUPE_SIMULATION(.first_seed = 1000000), count, &two, &report),
        TROUPE_E_FAILED);
    assert_int_equal(report.failed_seed, failed);
    assert_int_equal(report.n_runs, 1);
}

static void test_a_seed_that_is_no_number_is_refused(void **state)
{
    static const char *const wrong[] = {"seven", "7x", "-7", "99999999999999999999999"};
    troupe_simulation_report report;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(setenv("TROUPE_SEED", wrong[i], 1), 0);
        assert_int_equal(troupe_simulate(TROUPE_SIMULATION(.seeds = 1), count, &one, &report),
                         TROUPE_E_INVALID);
        assert_non_null(strstr(report.text, wrong[i]));
        assert_int_equal(report.n_runs, 0);
    }
}

/* ---- what the runner sees by itself ---- */

static troupe_status flip(troupe_context *ctx, void *argument, troupe_error *error)
{
    unsigned *n = argument;

    (void)ctx;
    (void)error;
    return ++*n == 3 ? TROUPE_E_FAILED : TROUPE_OK; /* not the seed's doing */
}

static void test_a_failure_that_does_not_repeat_is_called_so(void **state)
{
    troupe_simulation_report report;
    unsigned n = 0;

    (void)state;
    assert_int_equal(troupe_simulate(TROUPE_SIMULATION(.seeds = 10), flip, &n, &report),
                     TROUPE_E_FAILED);
    assert_int_equal(report.failed_seed, 3);
    assert_false(report.repeated);
    assert_non_null(strstr(report.text, "did not repeat"));
}

static void hear(void *arg, const troupe_log_line *line)
{
    unsigned *n = arg;

    *n += strcmp(line->id, "simulation-failed") == 0;
}

static void test_a_failure_is_one_line_in_the_log(void **state)
{
    troupe_simulation_report report;
    unsigned n = 0, n_lines = 0;
    troupe_system_options options =
        TROUPE_SYSTEM_OPTIONS(.log = (troupe_log){.write = hear, .arg = &n_lines});

    (void)state;
    assert_int_equal(
        troupe_simulate(TROUPE_SIMULATION(.seeds = 10, .options = &options), flip, &n, &report),
        TROUPE_E_FAILED);
    assert_int_equal(n_lines, 1);
}

/* ---- faults ---- */

static troupe_status ask_once(troupe_context *ctx, void *argument, troupe_error *error)
{
    troupe_status status;
    troupe_id keeper;

    (void)argument;
    if (troupe_spawn(ctx, TROUPE_SPEC(.actor = &keeping, .state_size = sizeof(struct keeper)),
                     &keeper) != TROUPE_OK)
        return TROUPE_E_FAILED;
    status = troupe_call(ctx, keeper, (troupe_bytes){0}, TROUPE_MILLISECOND, NULL);
    if (status == TROUPE_E_TIMEOUT)
        return troupe_error_set(error, TROUPE_E_TIMEOUT, "%s", "no answer within a millisecond");
    return status;
}

static void test_faults_come_from_the_options(void **state)
{
    troupe_simulation_report report;
    troupe_system_options options =
        TROUPE_SYSTEM_OPTIONS(.faults = TROUPE_FAULTS(.late_one_in = 10, .late_ns = TROUPE_SECOND));

    (void)state;
    assert_int_equal(troupe_simulate(TROUPE_SIMULATION(.seeds = 200), ask_once, NULL, &report),
                     TROUPE_OK);
    assert_int_equal(troupe_simulate(TROUPE_SIMULATION(.seeds = 200, .options = &options), ask_once,
                                     NULL, &report),
                     TROUPE_E_FAILED);
    assert_true(report.repeated);
}

static void test_options_that_no_simulation_takes_are_refused(void **state)
{
    troupe_simulation_report report;
    troupe_system_options options =
        TROUPE_SYSTEM_OPTIONS(.faults = TROUPE_FAULTS(.late_one_in = 10));

    (void)state;
    assert_int_equal(troupe_simulate(TROUPE_SIMULATION(.seeds = 1, .options = &options), ask_once,
                                     NULL, &report),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_simulate(TROUPE_SIMULATION(.seeds = 1), NULL, NULL, &report),
                     TROUPE_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_some_schedules_show_is_found_and_repeats),
        cmocka_unit_test(test_a_right_scenario_passes_every_seed_in_many_schedules),
        cmocka_unit_test_teardown(test_the_environment_names_the_one_seed, forget_the_environment),
        cmocka_unit_test_teardown(test_a_seed_that_is_no_number_is_refused, forget_the_environment),
        cmocka_unit_test(test_a_failure_that_does_not_repeat_is_called_so),
        cmocka_unit_test(test_a_failure_is_one_line_in_the_log),
        cmocka_unit_test(test_faults_come_from_the_options),
        cmocka_unit_test(test_options_that_no_simulation_takes_are_refused),
    };

    return cmocka_run_group_tests(tests, forget_the_environment, NULL);
}
