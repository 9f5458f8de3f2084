/* A supervisor written by hand: a child that is held, troupe_restart and troupe_release. */
#include "reader.h"

/* ---- the keeper: a supervisor that decides only when it is told to ---- */

struct keeper {
    struct fixture *fixture;
    troupe_id child;
};

static troupe_status keeper_starts(void *self, const troupe_start *start)
{
    ((struct keeper *)self)->fixture = (struct fixture *)(uintptr_t)start->argument;
    return TROUPE_OK;
}

static troupe_status keeper_started(void *self, troupe_context *ctx)
{
    struct keeper *keeper = self;
    troupe_spec spec = reader_spec(keeper->fixture);
    troupe_status status;

    spec.supervised = true;
    status = troupe_spawn(ctx, &spec, &keeper->child);
    keeper->fixture->reader = keeper->child;
    return status;
}

static troupe_status keeper_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct keeper *keeper = self;

    switch (*(const char *)message->payload.data) {
    case 'r':
        return troupe_restart(ctx, keeper->child);
    case 'l':
        return troupe_release(ctx, keeper->child, false);
    default:
        return troupe_release(ctx, keeper->child, true);
    }
}

static void keeper_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct keeper *keeper = self;
    struct tidings tidings = {.life = notice->exit.incarnation, .reason = notice->exit.reason};

    assert_int_equal(notice->exit.id.value, keeper->fixture->reader.value);
    tidings.word = notice->event == TROUPE_EVENT_STARTED      ? STARTED
                   : notice->event == TROUPE_EVENT_CHILD_EXIT ? HELD
                                                              : DOWN;
    snprintf(tidings.text, sizeof tidings.text, "%.31s", notice->exit.text);
    tell(ctx, keeper->fixture, tidings);
}

static const troupe_child_ops keeper_child = {.pre_start = keeper_starts,
                                              .post_start = keeper_started};
static const troupe_actor_ops keeper_ops = {.handle_message = keeper_message,
                                            .handle_down = keeper_down};

static int supervised(void **state)
{
    struct fixture *f = open_fixture();

    *state = f;
    f->keeper = spawn_with(f, &keeper_child, &keeper_ops, sizeof(struct keeper));
    return 0;
}

static troupe_info info_of(struct fixture *f, troupe_id id)
{
    troupe_info info;

    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    return info;
}

/* ---- the tests ---- */

static void test_wake_of_an_earlier_life_is_dropped(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    order(f, f->asker, "read");
    assert_int_equal(expect(f, WAITS).life, 1);
    assert_int_equal(troupe_kill(f->me, f->reader), TROUPE_OK);
    for (int i = 0; i < 2; i++) { /* two senders: in any order */
        troupe_message message;

        assert_int_equal(troupe_receive(f->me, PATIENCE, &message), TROUPE_OK);
        assert_non_null(strchr("ha", *(const char *)message.payload.data));
    }
    order(f, f->keeper, "restart");
    assert_int_equal(expect(f, STARTED).life, 2);
    order(f, f->asker, "read");
    assert_int_equal(expect(f, WAITS).life, 2);
    for (int i = 0; i < 100; i++)
        troupe_wake(f->system, f->reader, 1);
    feed(f, "second life");
    expect_answer(f, TROUPE_OK,
                  "second life"); /* had it been woken there would have been nothing */
    assert_int_equal(trp_load_seq(&f->n_resumed), 1);
}

static void test_held_component_keeps_what_waits_for_its_next_life(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    for (uint32_t life = 1; life <= 50; life++) {
        struct tidings held;

        order(f, f->reader, "crash");
        order(f, f->reader, "more");
        held = expect(f, HELD);
        assert_int_equal(held.life, life);
        assert_int_equal(held.reason, TROUPE_EXIT_CRASHED);
        assert_int_equal(info_of(f, f->reader).phase, TROUPE_PHASE_HELD);
        assert_int_equal(trp_load_seq(&f->n_ended), life); /* its state is gone */
        order(f, f->reader, "more");
        assert_int_equal(troupe_waiting(f->system, f->reader), 2);
        order(f, f->keeper, "restart");
        assert_int_equal(expect(f, STARTED).life, life + 1);
        order(f, f->asker, "kept?");
        expect_answer(f, TROUPE_OK, "kept");
        assert_int_equal(trp_load_seq(&f->n_handled), 2 * life);
    }
}

static void test_restart_of_what_is_not_held_does_nothing(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    for (int i = 0; i < 100; i++)
        order(f, f->keeper, i % 2 ? "restart" : "let go");
    order(f, f->asker, "kept?");
    expect_answer(f, TROUPE_OK, "kept");
    assert_int_equal(info_of(f, f->reader).incarnation, 1);
}

static void test_only_the_supervisor_decides(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    order(f, f->reader, "crash");
    expect(f, HELD);
    assert_int_equal(troupe_restart(f->me, f->reader), TROUPE_E_DENIED);
    assert_int_equal(troupe_release(f->me, f->reader, false), TROUPE_E_DENIED);
    assert_int_equal(info_of(f, f->reader).phase, TROUPE_PHASE_HELD);
}

static void release_and_expect(struct fixture *f, const char *how, troupe_exit_reason reason)
{
    struct tidings down;
    troupe_exit exit;
    troupe_id id;

    expect(f, STARTED);
    order(f, f->reader, "crash");
    order(f, f->reader, "more"); /* waits, and has nobody to wait for */
    expect(f, HELD);
    order(f, f->keeper, how);
    down = expect(f, DOWN);
    assert_int_equal(down.reason, reason);
    assert_int_equal(troupe_wait_end(f->me, f->reader, PATIENCE, &exit), TROUPE_OK);
    assert_int_equal(troupe_lookup(f->system, "reader", &id), TROUPE_E_GONE);
    assert_int_equal(troupe_send(f->me, f->reader, TROUPE_TEXT("more")), TROUPE_E_GONE);
    assert_int_equal(last_dead_reason(f), TROUPE_DEAD_ENDED);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
}

static void test_release_ends_it_with_its_last_exit(void **state)
{
    release_and_expect(*state, "let go", TROUPE_EXIT_CRASHED);
}

static void test_release_can_say_that_the_supervisor_gave_up(void **state)
{
    release_and_expect(*state, "give up", TROUPE_EXIT_GAVE_UP);
}

static void test_shutdown_ends_what_is_held(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    order(f, f->reader, "crash");
    order(f, f->reader, "more");
    expect(f, HELD);
    troupe_system_stop(f->system);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
    assert_int_equal(last_dead_reason(f), TROUPE_DEAD_ENDED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, supervised, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_wake_of_an_earlier_life_is_dropped),
        TEST(test_held_component_keeps_what_waits_for_its_next_life),
        TEST(test_restart_of_what_is_not_held_does_nothing),
        TEST(test_only_the_supervisor_decides),
        TEST(test_release_ends_it_with_its_last_exit),
        TEST(test_release_can_say_that_the_supervisor_gave_up),
        TEST(test_shutdown_ends_what_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
