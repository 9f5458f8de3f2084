/* Unfinished work through the real executor: TROUPE_PENDING, troupe_wake, resume and abandon. */
#include "reader.h"

static int alone(void **state)
{
    struct fixture *f = open_fixture();
    troupe_spec spec = reader_spec(f);

    *state = f;
    return troupe_spawn(f->me, &spec, &f->reader) == TROUPE_OK ? 0 : -1;
}

static void test_pending_handler_answers_when_its_descriptor_has_something(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 1; i <= 100; i++) {
        order(f, f->asker, "read");
        expect(f, WAITS);
        feed(f, "news");
        expect_answer(f, TROUPE_OK, "news");
        assert_int_equal(trp_load_seq(&f->n_resumed), i);
    }
    assert_int_equal(trp_load_seq(&f->n_abandoned), 0);
}

static void test_pending_handler_lets_no_message_pass(void **state)
{
    struct fixture *f = *state;

    order(f, f->asker, "read");
    expect(f, WAITS);
    for (int i = 0; i < 3; i++)
        order(f, f->reader, "more");
    assert_int_equal(troupe_waiting(f->system, f->reader), 4); /* the one at hand too */
    assert_int_equal(trp_load_seq(&f->n_handled), 0);
    feed(f, "now");
    expect_answer(f, TROUPE_OK, "now");
    order(f, f->asker, "read"); /* behind the three */
    expect(f, WAITS);
    assert_int_equal(trp_load_seq(&f->n_handled), 3);
    feed(f, "again");
    expect_answer(f, TROUPE_OK, "again");
}

static void test_wake_before_the_wait_is_kept(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 1000; i++) {
        order(f, f->asker, "kept?");
        expect_answer(f, TROUPE_OK, "kept");
    }
}

static void test_stop_abandons_the_wait_and_cancels_the_request(void **state)
{
    struct fixture *f = *state;
    troupe_exit exit;

    order(f, f->asker, "read");
    expect(f, WAITS);
    assert_int_equal(troupe_stop(f->me, f->reader, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_answer(f, TROUPE_E_CANCELLED, NULL);
    assert_int_equal(troupe_wait_end(f->me, f->reader, PATIENCE, &exit), TROUPE_OK);
    assert_true(exit.reason == TROUPE_EXIT_NORMAL || exit.reason == TROUPE_EXIT_GONE);
    assert_int_equal(last_dead_reason(f), TROUPE_DEAD_ABANDONED);
    assert_int_equal(trp_load_seq(&f->n_abandoned), 1);
    assert_int_equal(trp_load_seq(&f->n_resumed), 0);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
}

static void test_kill_abandons_the_wait(void **state)
{
    struct fixture *f = *state;

    order(f, f->asker, "read");
    expect(f, WAITS);
    order(f, f->reader, "more");
    assert_int_equal(troupe_kill(f->me, f->reader), TROUPE_OK);
    expect_answer(f, TROUPE_E_CRASHED, "killed");
    assert_int_equal(troupe_wait_end(f->me, f->reader, PATIENCE, NULL), TROUPE_OK);
    assert_int_equal(last_dead_reason(f), TROUPE_DEAD_KILLED);
    assert_int_equal(trp_load_seq(&f->n_abandoned), 1);
    assert_int_equal(trp_load_seq(&f->n_resumed), 0);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
    assert_int_equal(trp_load_seq(&f->n_handled), 0);
}

static void test_shutdown_ends_a_wait(void **state)
{
    struct fixture *f = *state;

    order(f, f->asker, "read");
    expect(f, WAITS);
    troupe_system_stop(f->system);
    assert_int_equal(trp_load_seq(&f->n_abandoned), 1);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, alone, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pending_handler_answers_when_its_descriptor_has_something),
        TEST(test_pending_handler_lets_no_message_pass),
        TEST(test_wake_before_the_wait_is_kept),
        TEST(test_stop_abandons_the_wait_and_cancels_the_request),
        TEST(test_kill_abandons_the_wait),
        TEST(test_shutdown_ends_a_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
