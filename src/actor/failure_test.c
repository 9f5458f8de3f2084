/* How a life failed: the reason and the operation that its exit names, what follows a failed message, and what a
 * watcher hears of it. */
#include "actor_testing.h"

#include "cell.h"
#include "trp/atomic.h"

#include <string.h>

/* ---- one that fails where its argument says: a pre_start, b post_start, m message, r reply, d down, p pre_stop ---- */

struct failing {
    const char *where;
};

static troupe_id echo_id;

static void fail_at(void *self, troupe_context *ctx, char step)
{
    const struct failing *mine = self;

    if (mine->where[0] == step)
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as told");
}

static troupe_status failing_pre_start(void *self, const troupe_start *start)
{
    ((struct failing *)self)->where = start->argument;
    return *(const char *)start->argument == 'a' ? TROUPE_E_QUOTA : TROUPE_OK;
}

static troupe_status failing_post_start(void *self, troupe_context *ctx)
{
    fail_at(self, ctx, 'b');
    return TROUPE_OK;
}

static troupe_status failing_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    const struct failing *mine = self;
    troupe_correlation correlation;
    troupe_monitor monitor;

    (void)message;
    fail_at(self, ctx, 'm');
    if (mine->where[0] == 'r')
        return troupe_request(ctx, echo_id, TROUPE_TEXT("x"), TROUPE_SECOND, &correlation);
    if (mine->where[0] == 'd')
        return troupe_monitor_start(ctx, TROUPE_NOBODY, TROUPE_MONITOR_FINAL, &monitor);
    return mine->where[0] == 'e' ? TROUPE_E_FAILED : TROUPE_OK;
}

static void failing_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    (void)answer;
    fail_at(self, ctx, 'r');
}

static void failing_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)notice;
    fail_at(self, ctx, 'd');
}

static troupe_status failing_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)reason;
    fail_at(self, ctx, 'p');
    return TROUPE_OK;
}

static const troupe_child_ops failing_hooks = {failing_pre_start, failing_post_start,
                                               failing_pre_stop, NULL, NULL};
static const troupe_actor_ops failing_actor = {
    .handle_message = failing_message, .handle_reply = failing_reply, .handle_down = failing_down};

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops echo = {.handle_message = answer};

static troupe_id spawn_failing(fixture *f, const char *where, troupe_on_error on_error)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.name = "failing", .child = &failing_hooks,
                                 .actor = &failing_actor, .argument = where,
                                 .state_size = sizeof(struct failing), .on_error = on_error),
                     &id),
        TROUPE_OK);
    return id;
}

static void await_end(fixture *f, troupe_id id)
{
    assert_int_equal(troupe_wait_end(f->me, id, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
}

/* The exit of one that fails at where, watched before it is told to. */
struct watched_end {
    _Atomic unsigned n;
    troupe_exit exit;
};

static struct watched_end seen;

static troupe_status watch(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_monitor monitor;
    troupe_id id;

    (void)self;
    memcpy(&id, message->payload.data, sizeof id);
    return troupe_monitor_start(ctx, id, TROUPE_MONITOR_FINAL, &monitor);
}

static void see(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    (void)ctx;
    seen.exit = notice->exit;
    trp_add_seq(&seen.n, 1);
}

static const troupe_actor_ops watching = {.handle_message = watch, .handle_down = see};

static troupe_id begin_watching(fixture *f, troupe_id id)
{
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);

    trp_store_seq(&seen.n, 0);
    assert_int_equal(troupe_send(f->me, watcher, TROUPE_BYTES_OF(id)), TROUPE_OK);
    wait_until_handled(f, watcher, 1);
    return watcher;
}

static troupe_exit await_notice(fixture *f)
{
    troupe_message message;

    for (int i = 0; i < 10000 && trp_load_seq(&seen.n) < 1; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_seq(&seen.n), 1);
    return seen.exit;
}

static void expect_operation(fixture *f, const char *where, troupe_operation operation,
                             troupe_operation_kind kind)
{
    troupe_id id = spawn_failing(f, where, TROUPE_ON_ERROR_CONTINUE);
    troupe_exit exit;

    begin_watching(f, id);
    if (where[0] == 'p')
        assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    else
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    exit = await_notice(f);
    assert_int_equal(exit.reason, TROUPE_EXIT_CRASHED);
    assert_int_equal(exit.id.value, id.value);
    assert_int_equal(exit.incarnation, 1);
    assert_non_null(strstr(exit.text, "as told"));
    assert_int_equal(exit.operation, operation);
    assert_int_equal(troupe_operation_kind_of(exit.operation), kind);
}

static void test_an_exit_names_the_operation_that_failed(void **state)
{
    fixture *f = *state;

    echo_id = spawn_named(f, NULL, NULL, &echo, 0);
    expect_operation(f, "m", TROUPE_OPERATION_HANDLE_MESSAGE, TROUPE_OPERATION_MESSAGE);
    expect_operation(f, "r", TROUPE_OPERATION_HANDLE_REPLY, TROUPE_OPERATION_MESSAGE);
    expect_operation(f, "d", TROUPE_OPERATION_HANDLE_DOWN, TROUPE_OPERATION_MESSAGE);
    expect_operation(f, "p", TROUPE_OPERATION_PRE_STOP, TROUPE_OPERATION_LIFECYCLE);
}

static void test_every_operation_has_a_word(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TROUPE_N_OPERATIONS; i++)
        assert_string_not_equal(troupe_operation_name((troupe_operation)i), "unknown operation");
    assert_string_equal(troupe_operation_name(TROUPE_OPERATION_PRE_STOP), "pre_stop");
    assert_string_equal(troupe_operation_name(TROUPE_N_OPERATIONS), "unknown operation");
    assert_int_equal(troupe_operation_kind_of(TROUPE_OPERATION_NEW_STATE), TROUPE_OPERATION_STATE);
    assert_int_equal(troupe_operation_kind_of(TROUPE_N_OPERATIONS), TROUPE_OPERATION_NO_KIND);
}

/* ---- failed messages ---- */

static void test_a_failed_message_ends_nothing_by_default(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_failing(f, "e", TROUPE_ON_ERROR_CONTINUE);
    troupe_info info;

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_E_FAILED);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_E_FAILED);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    assert_int_equal(info.failed, 2);
    assert_int_equal(info.phase, TROUPE_PHASE_RUNNING);
}

/* It is answered and counted all the same: not a dead letter. */
static void expect_end_by_error(fixture *f, troupe_on_error on_error, troupe_exit_reason reason)
{
    troupe_id id = spawn_failing(f, "e", on_error);
    troupe_totals totals;
    troupe_exit exit;

    begin_watching(f, id);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_E_FAILED);
    exit = await_notice(f);
    assert_int_equal(exit.reason, reason);
    assert_string_equal(exit.text, "message 3 failed: the other side handled it and said no");
    assert_int_equal(exit.operation, TROUPE_OPERATION_HANDLE_MESSAGE);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.failed, 1);
    assert_int_equal(totals.crashes, 1);
    assert_int_equal(totals.dead_letters, 0);
}

static void test_a_failed_message_is_a_crash_where_the_spec_says_so(void **state)
{
    fixture *f = *state;

    assert_int_equal(troupe_send(f->me, spawn_named(f, NULL, NULL, &echo, 0), TROUPE_TEXT("1")),
                     TROUPE_OK);
    expect_end_by_error(f, TROUPE_ON_ERROR_RESTART, TROUPE_EXIT_CRASHED);
}

static void test_a_failed_message_escalates_where_the_spec_says_so(void **state)
{
    fixture *f = *state;

    assert_int_equal(troupe_send(f->me, spawn_named(f, NULL, NULL, &echo, 0), TROUPE_TEXT("1")),
                     TROUPE_OK);
    expect_end_by_error(f, TROUPE_ON_ERROR_ESCALATE, TROUPE_EXIT_ESCALATED);
}

static void test_an_unknown_on_error_is_refused(void **state)
{
    fixture *f = *state;
    troupe_id id;

    assert_int_equal(troupe_spawn(f->me, TROUPE_SPEC(.on_error = (troupe_on_error)3), &id),
                     TROUPE_E_INVALID);
}

/* ---- what watchers hear ---- */

static void test_a_watcher_of_what_is_gone_hears_that_it_is_gone(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &echo, 0);
    troupe_exit exit;

    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    await_end(f, id);
    begin_watching(f, id);
    exit = await_notice(f);
    assert_int_equal(exit.reason, TROUPE_EXIT_GONE);
    assert_int_equal(exit.id.value, id.value);
    assert_string_equal(troupe_exit_reason_name(exit.reason), "gone");
}

/* In a simulation one thread may act for another: the monitor comes between the target's last look at its news and
 * its end. */
static troupe_context *watcher_context;
static troupe_id target_id;

static troupe_status lend_context(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)message;
    watcher_context = ctx;
    return TROUPE_OK;
}

static const troupe_actor_ops lending = {.handle_message = lend_context, .handle_down = see};

static void be_watched(void *self)
{
    troupe_monitor monitor;
    trp_place outer;

    (void)self;
    outer = trp_turn_enter(watcher_context); /* else it is refused another's context */
    assert_int_equal(
        troupe_monitor_start(watcher_context, target_id, TROUPE_MONITOR_FINAL, &monitor),
        TROUPE_OK);
    trp_place_return(outer);
}

static const troupe_child_ops watched_late = {.post_stop = be_watched};

static void test_a_monitor_on_its_way_gets_the_real_exit(void **state)
{
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &lending, 0);

    trp_store_seq(&seen.n, 0);
    assert_int_equal(troupe_send(f->me, watcher, TROUPE_TEXT("x")), TROUPE_OK);
    wait_until_handled(f, watcher, 1);
    target_id = spawn_named(f, NULL, &watched_late, &echo, 0);
    assert_int_equal(troupe_kill(f->me, target_id), TROUPE_OK);
    assert_int_equal(await_notice(f).reason, TROUPE_EXIT_KILLED);
    assert_int_equal(seen.exit.incarnation, 1);
}

/* ---- how a start fails ---- */

static uint64_t slots_after_a_refusal(fixture *f)
{
    troupe_totals totals;
    troupe_error error;
    troupe_id id = {77}, found;

    assert_int_equal(
        troupe_spawn_or_say(f->me,
                            TROUPE_SPEC(.name = "failing", .argument = "a", .child = &failing_hooks,
                                        .state_size = sizeof(struct failing)),
                            &id, &error),
        TROUPE_E_REFUSED);
    assert_string_equal(error.text, troupe_status_text(TROUPE_E_QUOTA));
    assert_int_equal(id.value, 77);
    assert_int_equal(troupe_lookup(f->system, "failing", &found), TROUPE_E_GONE);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.live, 0);
    return totals.slots;
}

/* Its slot comes back in a turn of its own: sooner or later one more refusal takes no new one. */
static void test_a_refused_start_leaves_nothing_behind(void **state)
{
    fixture *f = *state;
    uint64_t slots = 0, before = 1;
    troupe_message message;

    for (int i = 0; i < 10000 && slots != before; i++) {
        before = slots;
        slots = slots_after_a_refusal(f);
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    }
    assert_int_equal(slots, before);
    spawn_failing(f, "", TROUPE_ON_ERROR_CONTINUE);
}

static void test_a_crash_in_post_start_is_the_spawners_error(void **state)
{
    fixture *f = *state;
    troupe_error error;
    troupe_id id;

    assert_int_equal(troupe_spawn_or_say(f->me,
                                         TROUPE_SPEC(.argument = "b", .child = &failing_hooks,
                                                     .state_size = sizeof(struct failing)),
                                         &id, &error),
                     TROUPE_E_REFUSED);
    assert_string_equal(error.text, "as told");
}

/* ---- the tables alone ---- */

static void test_a_child_table_needs_no_actor(void **state)
{
    struct failing self = {0};
    troupe_start start = {.argument = "", .name = "", .incarnation = 1};

    (void)state;
    assert_int_equal(failing_hooks.pre_start(&self, &start), TROUPE_OK);
    assert_int_equal(failing_hooks.post_start(&self, NULL), TROUPE_OK);
    assert_int_equal(failing_hooks.pre_stop(&self, NULL, TROUPE_STOP_REQUESTED), TROUPE_OK);
    start.argument = "a";
    assert_int_equal(failing_hooks.pre_start(&self, &start), TROUPE_E_QUOTA);
}

static void test_an_actor_table_needs_no_hooks_and_an_end_no_tables(void **state)
{
    fixture *f = *state;
    troupe_id actor = spawn_named(f, NULL, NULL, &echo, 0);
    troupe_id neither = spawn_named(f, NULL, NULL, NULL, 0);

    assert_int_equal(troupe_call(f->me, actor, TROUPE_TEXT("x"), TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_stop(f->me, actor, TROUPE_STOP_REQUESTED), TROUPE_OK);
    await_end(f, actor);
    assert_int_equal(troupe_stop(f->me, neither, TROUPE_STOP_REQUESTED), TROUPE_OK);
    await_end(f, neither);
}

/* ---- a restart that takes too long ---- */

static _Atomic unsigned n_late_exits;
static troupe_exit late_exit;
static troupe_id child_of_slow;

static troupe_status wait_in_a_restart(void *self, const troupe_start *start)
{
    (void)self;
    return start->reason == TROUPE_START_RESTART ? TROUPE_PENDING : TROUPE_OK;
}

static troupe_status end_at_once(void *self, troupe_context *ctx)
{
    (void)self;
    troupe_exit_self(ctx);
    return TROUPE_OK;
}

static troupe_status stay_pending(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_PENDING;
}

static const troupe_child_ops slow_restart = {.pre_start = wait_in_a_restart,
                                              .post_start = end_at_once};
static const troupe_actor_ops slow_restart_actor = {.resume = stay_pending};

static troupe_status spawn_slow(void *self, troupe_context *ctx)
{
    (void)self;
    return troupe_spawn(ctx,
                        TROUPE_SPEC(.child = &slow_restart, .actor = &slow_restart_actor,
                                    .supervised = true, .start_timeout = 20 * TROUPE_MILLISECOND),
                        &child_of_slow);
}

static void restart_once(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    unsigned *n = self;

    if (notice->event != TROUPE_EVENT_CHILD_EXIT)
        return;
    if ((*n)++ == 0) {
        assert_int_equal(troupe_restart(ctx, notice->exit.id), TROUPE_OK);
        return;
    }
    late_exit = notice->exit;
    trp_add_seq(&n_late_exits, 1);
}

static const troupe_child_ops restarting_hooks = {.post_start = spawn_slow};
static const troupe_actor_ops restarting_actor = {.handle_down = restart_once};

static void test_a_restart_has_the_time_of_a_start(void **state)
{
    fixture *f = *state;
    troupe_message message;

    trp_store_seq(&n_late_exits, 0);
    spawn_named(f, NULL, &restarting_hooks, &restarting_actor, sizeof(unsigned));
    for (int i = 0; i < 10000 && trp_load_seq(&n_late_exits) == 0; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_seq(&n_late_exits), 1);
    assert_int_equal(late_exit.reason, TROUPE_EXIT_TIMEOUT);
    assert_int_equal(late_exit.operation, TROUPE_OPERATION_PRE_START);
    assert_int_equal(late_exit.incarnation, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_an_exit_names_the_operation_that_failed),
        cmocka_unit_test(test_every_operation_has_a_word),
        BOTH(test_a_failed_message_ends_nothing_by_default),
        BOTH(test_a_failed_message_is_a_crash_where_the_spec_says_so),
        BOTH(test_a_failed_message_escalates_where_the_spec_says_so),
        BOTH(test_an_unknown_on_error_is_refused),
        BOTH(test_a_watcher_of_what_is_gone_hears_that_it_is_gone),
        {"test_a_monitor_on_its_way_gets_the_real_exit in simulation",
         test_a_monitor_on_its_way_gets_the_real_exit, in_simulation, tear_down, NULL},
        BOTH(test_a_refused_start_leaves_nothing_behind),
        BOTH(test_a_crash_in_post_start_is_the_spawners_error),
        cmocka_unit_test(test_a_child_table_needs_no_actor),
        BOTH(test_an_actor_table_needs_no_hooks_and_an_end_no_tables),
        BOTH(test_a_restart_has_the_time_of_a_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
