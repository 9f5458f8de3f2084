/* Health checks and error rates: when they end a life, and when they do not. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

#define MS TROUPE_MILLISECOND
#define LONG (20 * TROUPE_SECOND)

static _Atomic uint32_t n_checks, n_wrong, says_bad, waits, wakes, spins, n_messages;

static troupe_status check_health(void *self, troupe_context *ctx, troupe_error *error)
{
    uint32_t n = trp_add_seq(&n_checks, 1) + 1;

    (void)self;
    if (trp_load_seq(&waits)) {
        if (trp_load_seq(&wakes))
            troupe_wake(troupe_system_of(ctx), troupe_self(ctx), troupe_incarnation(ctx));
        return TROUPE_PENDING;
    }
    if (n <= trp_load_seq(&says_bad))
        return troupe_error_set(error, TROUPE_E_FAILED, "the disk is full");
    return TROUPE_OK;
}

/* 'f' fails, 's' runs for as long as it is told to. */
static troupe_status handle(void *self, troupe_context *ctx, const troupe_message *message)
{
    char what = *(const char *)message->payload.data;

    (void)self;
    (void)ctx;
    trp_add_seq(&n_messages, 1);
    while (what == 's' && trp_load_seq(&spins) && !troupe_killed(ctx))
        continue;
    return what == 'f' ? TROUPE_E_FAILED : TROUPE_OK;
}

static troupe_status resume(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    if (message)
        trp_add_seq(&n_wrong, 1);
    return TROUPE_OK;
}

static void abandon(void *self, troupe_context *ctx)
{
    (void)self;
    (void)ctx;
}

static const troupe_child_ops checked = {.health_check = check_health};
static const troupe_actor_ops acting = {
    .handle_message = handle, .resume = resume, .abandon = abandon};

static troupe_id spawn_checked(fixture *f, troupe_spec spec)
{
    troupe_id id;

    trp_store_seq(&n_checks, 0);
    trp_store_seq(&n_wrong, 0);
    trp_store_seq(&n_messages, 0);
    trp_store_seq(&waits, 0);
    trp_store_seq(&wakes, 0);
    spec.child = &checked;
    spec.actor = &acting;
    assert_int_equal(troupe_spawn(f->me, &spec, &id), TROUPE_OK);
    return id;
}

/* Time passes, in either kind. */
static void wait_for(fixture *f, uint64_t ns)
{
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, ns, &message), TROUPE_E_TIMEOUT);
}

static void await_checks(fixture *f, uint32_t n)
{
    for (int i = 0; i < 20000 && trp_load_seq(&n_checks) < n; i++)
        wait_for(f, MS);
    assert_true(trp_load_seq(&n_checks) >= n);
}

/* On threads it may be gone before anybody watches it, and then nobody can say how: as it should have. */
static troupe_exit await_exit(fixture *f, troupe_id id, troupe_exit_reason reason, const char *text)
{
    troupe_exit exit;

    assert_int_equal(troupe_wait_end(f->me, id, LONG, &exit), TROUPE_OK);
    if (exit.reason == TROUPE_EXIT_GONE && !troupe_simulated(f->system))
        return exit;
    assert_int_equal(exit.reason, reason);
    assert_string_equal(exit.text, text);
    return exit;
}

static void send(fixture *f, troupe_id id, const char *what)
{
    assert_int_equal(troupe_send(f->me, id, troupe_text(what)), TROUPE_OK);
}

/* ---- checks ---- */

static void test_a_healthy_one_is_asked_and_goes_on(void **state)
{
    fixture *f = *state;
    troupe_id id;

    trp_store_seq(&says_bad, 0);
    id = spawn_checked(f, *TROUPE_SPEC(.health_interval = 5 * MS));
    await_checks(f, 4);
    send(f, id, "m");
    wait_until_handled(f, id, 1);
}

static void test_one_that_is_unhealthy_too_often_in_a_row_crashes(void **state)
{
    fixture *f = *state;
    troupe_exit exit;

    trp_store_seq(&says_bad, 1000);
    exit = await_exit(
        f, spawn_checked(f, *TROUPE_SPEC(.health_interval = 5 * MS, .health_failures = 3)),
        TROUPE_EXIT_CRASHED, "unhealthy 3 times in a row: the disk is full");
    assert_int_equal(trp_load_seq(&n_checks), 3);
    if (exit.reason != TROUPE_EXIT_GONE)
        assert_int_equal(exit.operation, TROUPE_OPERATION_HEALTH_CHECK);
}

static void test_a_good_check_begins_the_row_anew(void **state)
{
    fixture *f = *state;
    troupe_info info;
    troupe_id id;

    trp_store_seq(&says_bad, 2);
    id = spawn_checked(f, *TROUPE_SPEC(.health_interval = 2 * MS, .health_failures = 3));
    await_checks(f, 6);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
}

static void test_the_action_may_be_to_escalate_or_to_ignore(void **state)
{
    fixture *f = *state;
    troupe_info info;
    troupe_id id;

    trp_store_seq(&says_bad, 1000);
    (void)await_exit(f,
                     spawn_checked(f, *TROUPE_SPEC(.health_interval = 2 * MS, .health_failures = 1,
                                                   .on_unhealthy = TROUPE_ON_ERROR_ESCALATE)),
                     TROUPE_EXIT_ESCALATED, "unhealthy 1 times in a row: the disk is full");
    id = spawn_checked(f, *TROUPE_SPEC(.health_interval = 2 * MS, .health_failures = 1,
                                       .on_unhealthy = TROUPE_ON_ERROR_IGNORE));
    await_checks(f, 5);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
}

static void test_a_check_may_wait(void **state)
{
    fixture *f = *state;
    troupe_info info;
    troupe_id id;

    trp_store_seq(&says_bad, 0);
    id = spawn_checked(f, *TROUPE_SPEC(.health_interval = 3 * MS));
    trp_store_seq(&wakes, 1);
    trp_store_seq(&waits, 1);
    await_checks(f, 4);
    send(f, id, "m");
    wait_until_handled(f, id, 1);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    assert_int_equal(trp_load_seq(&n_wrong), 0);
}

static void test_a_check_that_never_comes_back_is_late(void **state)
{
    fixture *f = *state;
    troupe_id id;

    trp_store_seq(&says_bad, 0);
    id = spawn_checked(
        f, *TROUPE_SPEC(.health_interval = 4 * MS, .health_timeout = 2 * MS, .health_failures = 2));
    trp_store_seq(&waits, 1);
    (void)await_exit(f, id, TROUPE_EXIT_CRASHED,
                     "unhealthy 2 times in a row: its check took too long");
}

/* A stop ends the wait of a check; pre_stop is called once, also when it waits itself. */
static _Atomic uint32_t n_pre_stops;

static troupe_status pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)self;
    (void)reason;
    trp_add_seq(&n_pre_stops, 1);
    troupe_wake(troupe_system_of(ctx), troupe_self(ctx), troupe_incarnation(ctx));
    return TROUPE_PENDING;
}

static const troupe_child_ops stopping = {.health_check = check_health, .pre_stop = pre_stop};

static void test_a_stop_meets_a_check_that_waits(void **state)
{
    fixture *f = *state;
    troupe_id id;

    trp_store_seq(&says_bad, 0);
    trp_store_seq(&n_checks, 0);
    trp_store_seq(&n_pre_stops, 0);
    trp_store_seq(&wakes, 0);
    trp_store_seq(&waits, 1);
    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.child = &stopping, .actor = &acting,
                                              .health_interval = 2 * MS, .health_timeout = LONG),
                                  &id),
                     TROUPE_OK);
    await_checks(f, 1);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    (void)await_exit(f, id, TROUPE_EXIT_NORMAL, "");
    assert_int_equal(trp_load_seq(&n_pre_stops), 1);
}

/* ---- queue time and run time ---- */

static void test_a_flooded_one_is_asked_ahead_of_its_mailbox(void **state)
{
    fixture *f = *state;
    troupe_info info;
    troupe_id id;

    trp_store_seq(&says_bad, 0);
    id = spawn_checked(f, *TROUPE_SPEC(.health_interval = MS, .health_timeout = 1,
                                       .health_failures = 1, .mailbox_bound = 100000,
                                       .on_unhealthy = TROUPE_ON_ERROR_IGNORE));
    for (int i = 0; i < 20000; i++)
        send(f, id, "m");
    await_checks(f, 2);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
}

/* Threads only: nothing takes time in simulation, and a driver's loop is the driver's. */
static void test_one_that_stays_in_a_handler_is_late(void **state)
{
    fixture *f = *state;
    troupe_id id;

    trp_store_seq(&says_bad, 0);
    id = spawn_checked(f, *TROUPE_SPEC(.health_interval = 20 * MS, .health_timeout = 5 * MS,
                                       .health_failures = 2));
    trp_store_seq(&spins, 1);
    send(f, id, "s");
    (void)await_exit(f, id, TROUPE_EXIT_TIMEOUT,
                     "late for its health check, in one handler all the time");
    trp_store_seq(&spins, 0);
}

static void test_a_timeout_longer_than_the_interval_is_seen_too(void **state)
{
    fixture *f = *state;
    troupe_id id;

    trp_store_seq(&says_bad, 0);
    id = spawn_checked(f, *TROUPE_SPEC(.health_interval = 5 * MS, .health_timeout = 20 * MS,
                                       .health_failures = 2));
    trp_store_seq(&spins, 1);
    send(f, id, "s");
    (void)await_exit(f, id, TROUPE_EXIT_TIMEOUT,
                     "late for its health check, in one handler all the time");
    trp_store_seq(&spins, 0);
}

/* Two workers that others keep busy: it waits in the queue, for longer than its check may take, and lives. */
static void test_one_that_waits_for_a_worker_is_not_late(void **state)
{
    fixture *f = *state;
    troupe_id busy[6], id;
    troupe_info info;

    trp_store_seq(&says_bad, 0);
    for (size_t i = 0; i < 6; i++) {
        busy[i] = spawn_checked(f, *TROUPE_SPEC(.name = NULL));
    }
    id = spawn_checked(
        f, *TROUPE_SPEC(.health_interval = 10 * MS, .health_timeout = MS, .health_failures = 2));
    trp_store_seq(&spins, 1);
    for (size_t i = 0; i < 6; i++)
        send(f, busy[i], "s");
    send(f, id, "m");
    wait_for(f, 200 * MS);
    trp_store_seq(&spins, 0);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
}

/* ---- error rates ---- */

static void test_too_many_failures_within_a_time(void **state)
{
    fixture *f = *state;
    troupe_id id =
        spawn_checked(f, *TROUPE_SPEC(.error_limit = 3, .error_within_ns = 10 * TROUPE_SECOND));

    send(f, id, "f");
    send(f, id, "m");
    send(f, id, "f");
    wait_until_handled(f, id, 3);
    send(f, id, "f");
    (void)await_exit(f, id, TROUPE_EXIT_CRASHED, "3 messages failed within 10000 ms");
}

static void test_failures_that_lie_apart_are_not_too_many(void **state)
{
    fixture *f = *state;
    troupe_info info;
    troupe_id id = spawn_checked(f, *TROUPE_SPEC(.error_limit = 2, .error_within_ns = 5 * MS));

    for (uint64_t i = 1; i <= 4; i++) {
        send(f, id, "f");
        wait_until_handled(f, id, i);
        wait_for(f, 10 * MS);
    }
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
}

static void test_too_large_a_share_of_the_last_messages(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_checked(f, *TROUPE_SPEC(.error_limit = 3, .error_of_last = 5,
                                                 .on_error_rate = TROUPE_ON_ERROR_ESCALATE));

    for (const char *at = "fmmfmmfmmmmmfmf"; *at; at++)
        send(f, id, (char[]){*at, 0}); /* never 3 of 5 */
    wait_until_handled(f, id, 15);
    send(f, id, "f"); /* m f m f f */
    (void)await_exit(f, id, TROUPE_EXIT_ESCALATED, "3 of its last 5 messages failed");
}

static void test_a_rate_that_is_ignored_begins_anew(void **state)
{
    fixture *f = *state;
    troupe_info info;
    troupe_id id = spawn_checked(f, *TROUPE_SPEC(.error_limit = 2, .error_of_last = 2,
                                                 .on_error_rate = TROUPE_ON_ERROR_IGNORE));

    for (int i = 0; i < 9; i++)
        send(f, id, "f");
    wait_until_handled(f, id, 9);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
}

/* ---- what makes no sense ---- */

static void expect_refused(fixture *f, troupe_spec spec, const char *words)
{
    troupe_error error = {.text = ""};
    troupe_id id;

    if (!spec.child)
        spec.child = &checked;
    assert_int_equal(troupe_spawn_or_say(f->me, &spec, &id, &error), TROUPE_E_INVALID);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    static const troupe_child_ops none = {.health_check = NULL};
    fixture *f = *state;

    expect_refused(f, *TROUPE_SPEC(.child = &none, .health_interval = MS),
                   "without a health_check");
    expect_refused(f, *TROUPE_SPEC(.health_failures = 2), "need a health_interval");
    expect_refused(f, *TROUPE_SPEC(.health_interval = MS, .on_unhealthy = (troupe_on_error)9),
                   "restart, ignore or escalate");
    expect_refused(f, *TROUPE_SPEC(.error_within_ns = MS), "needs error_limit");
    expect_refused(f, *TROUPE_SPEC(.error_limit = 2), "either error_within_ns or error_of_last");
    expect_refused(f, *TROUPE_SPEC(.error_limit = 2, .error_within_ns = 1, .error_of_last = 3),
                   "either error_within_ns or error_of_last");
    expect_refused(f, *TROUPE_SPEC(.error_limit = 4, .error_of_last = 3), "never reached");
    expect_refused(f, *TROUPE_SPEC(.error_limit = 5000, .error_of_last = 6000), "4096 at most");
    expect_refused(f, *TROUPE_SPEC(.health_interval = 1000), "below a millisecond");
}

#define ON_THREADS(test)                                                                           \
    {                                                                                              \
#test " on threads", test, on_threads, tear_down, NULL                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_healthy_one_is_asked_and_goes_on),
        BOTH(test_one_that_is_unhealthy_too_often_in_a_row_crashes),
        BOTH(test_a_good_check_begins_the_row_anew),
        BOTH(test_the_action_may_be_to_escalate_or_to_ignore),
        BOTH(test_a_check_may_wait),
        BOTH(test_a_check_that_never_comes_back_is_late),
        BOTH(test_a_stop_meets_a_check_that_waits),
        BOTH(test_a_flooded_one_is_asked_ahead_of_its_mailbox),
        ON_THREADS(test_one_that_stays_in_a_handler_is_late),
        ON_THREADS(test_a_timeout_longer_than_the_interval_is_seen_too),
        ON_THREADS(test_one_that_waits_for_a_worker_is_not_late),
        BOTH(test_too_many_failures_within_a_time),
        BOTH(test_failures_that_lie_apart_are_not_too_many),
        BOTH(test_too_large_a_share_of_the_last_messages),
        BOTH(test_a_rate_that_is_ignored_begins_anew),
        BOTH(test_what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
