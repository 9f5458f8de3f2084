/* Monitors, and the letters of the dead. */
#include "actor_testing.h"

#include "trp/atomic.h"

#include <string.h>

#define N_NOTICES 64u

static troupe_notice notices[N_NOTICES];
static _Atomic unsigned n_notices;

struct order {
    troupe_id whom;
    unsigned flags, n_starts, n_stops;
};

static troupe_status watch(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;
    troupe_monitor monitors[8] = {{0}};

    (void)self;
    memcpy(&order, message->payload.data, sizeof order);
    for (unsigned i = 0; i < order.n_starts; i++)
        assert_int_equal(troupe_monitor_start(ctx, order.whom, order.flags, &monitors[i]),
                         TROUPE_OK);
    for (unsigned i = 0; i < order.n_stops; i++) {
        assert_true(troupe_monitor_stop(ctx, monitors[i]));
        assert_false(troupe_monitor_stop(ctx, monitors[i]));
    }
    return troupe_reply(ctx, TROUPE_BYTES_OF(monitors[0]));
}

static void note(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    unsigned at = trp_load_seq(&n_notices);

    (void)self;
    (void)ctx;
    if (at < N_NOTICES)
        notices[at] = *notice;
    trp_add_seq(&n_notices, 1);
}

static const troupe_actor_ops watching = {.handle_message = watch, .handle_down = note};

static troupe_status crash_on_boom(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    if (message->payload.size == 4)
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
    return TROUPE_OK;
}

static const troupe_actor_ops fragile = {.handle_message = crash_on_boom};

static void start_watching(fixture *f, troupe_id watcher, struct order order)
{
    trp_store_seq(&n_notices, 0);
    assert_int_equal(troupe_call(f->me, watcher, TROUPE_BYTES_OF(order), TROUPE_SECOND, NULL),
                     TROUPE_OK);
}

static void pass_time(fixture *f, uint64_t ns)
{
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, ns, &message), TROUPE_E_TIMEOUT);
}

/* As many as that, and no more. */
static void expect_notices(fixture *f, unsigned n)
{
    for (int i = 0; i < 10000 && trp_load_seq(&n_notices) < n; i++)
        pass_time(f, TROUPE_MILLISECOND);
    pass_time(f, 10 * TROUPE_MILLISECOND);
    assert_int_equal(trp_load_seq(&n_notices), n);
}

static void test_two_monitors_give_two_notices(void **state)
{
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);
    troupe_id target = spawn_named(f, NULL, NULL, &fragile, 0);

    start_watching(f, watcher, (struct order){target, TROUPE_MONITOR_FINAL, 2, 0});
    assert_int_equal(troupe_send(f->me, target, TROUPE_TEXT("boom")), TROUPE_OK);
    expect_notices(f, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(notices[i].event, TROUPE_EVENT_DOWN);
        assert_int_equal(notices[i].exit.id.value, target.value);
        assert_int_equal(notices[i].exit.incarnation, 1);
        assert_int_equal(notices[i].exit.reason, TROUPE_EXIT_CRASHED);
        assert_non_null(strstr(notices[i].exit.text, "boom"));
    }
    assert_int_not_equal(notices[0].monitor.value, notices[1].monitor.value);
}

static void test_a_stopped_monitor_is_silent(void **state)
{
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);
    troupe_id target = spawn_named(f, NULL, NULL, &fragile, 0);

    start_watching(f, watcher, (struct order){target, TROUPE_MONITOR_STOPPING, 4, 3});
    assert_int_equal(troupe_stop(f->me, target, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_notices(f, 2);
    assert_int_equal(notices[0].event, TROUPE_EVENT_STOPPING);
    assert_int_equal(notices[1].event, TROUPE_EVENT_DOWN);
}

/* Also when the target is gone by then: its notice is on the way when the monitor is stopped. */
static void test_a_stopped_monitor_of_what_is_gone_is_silent(void **state)
{
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);
    troupe_id target = spawn_named(f, NULL, NULL, &fragile, 0);

    assert_int_equal(troupe_kill(f->me, target), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, target, TROUPE_SECOND, NULL), TROUPE_OK);
    start_watching(f, watcher, (struct order){target, TROUPE_MONITOR_FINAL, 3, 2});
    expect_notices(f, 1);
    assert_int_equal(notices[0].event, TROUPE_EVENT_DOWN);
    start_watching(f, watcher, (struct order){{0}, TROUPE_MONITOR_FINAL, 1, 0});
    expect_notices(f, 1); /* of nobody, too */
}

static void test_the_watchers_end_ends_the_monitor(void **state)
{
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);
    troupe_id target = spawn_named(f, NULL, NULL, &fragile, 0);

    start_watching(f, watcher, (struct order){target, TROUPE_MONITOR_FINAL, 5, 0});
    assert_int_equal(troupe_kill(f->me, watcher), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, watcher, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, target), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, target, TROUPE_SECOND, NULL), TROUPE_OK);
    expect_notices(f, 0);
}

/* Here the target has the number and no more right to it than anybody else. */
static void test_only_the_watcher_stops_its_monitor(void **state)
{
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);
    troupe_context *target = troupe_attach(f->system);
    struct order order = {troupe_self(target), TROUPE_MONITOR_FINAL, 1, 0};
    troupe_reply_buffer reply;

    trp_store_seq(&n_notices, 0);
    assert_int_equal(troupe_call(f->me, watcher, TROUPE_BYTES_OF(order), TROUPE_SECOND, &reply),
                     TROUPE_OK);
    assert_false(troupe_monitor_stop(target, (troupe_monitor){troupe_reply_u64(&reply)}));
    troupe_detach(target);
    expect_notices(f, 1);
    assert_int_equal(notices[0].monitor.value, troupe_reply_u64(&reply));
    troupe_reply_clear(&reply);
}

static void test_who_watches_itself_hears_nothing(void **state)
{
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);

    start_watching(f, watcher, (struct order){watcher, TROUPE_MONITOR_FINAL, 2, 1});
    assert_int_equal(troupe_kill(f->me, watcher), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, watcher, TROUPE_SECOND, NULL), TROUPE_OK);
    expect_notices(f, 0);
}

static troupe_status kill_and_leave(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_id whom;

    (void)self;
    memcpy(&whom, message->payload.data, sizeof whom);
    assert_int_equal(troupe_kill(ctx, whom), TROUPE_OK);
    troupe_exit_self(ctx);
    return TROUPE_OK;
}

static const troupe_actor_ops killing = {.handle_message = kill_and_leave};

/* Both ends take their side of the monitor away, in whichever order. */
static void test_the_watched_may_end_its_watcher_and_itself(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 50; i++) {
        troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);
        troupe_id target = spawn_named(f, NULL, NULL, &killing, 0);

        start_watching(f, watcher, (struct order){target, TROUPE_MONITOR_FINAL, 3, 0});
        assert_int_equal(troupe_send(f->me, target, TROUPE_BYTES_OF(watcher)), TROUPE_OK);
        assert_int_equal(troupe_wait_end(f->me, target, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
        assert_int_equal(troupe_wait_end(f->me, watcher, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
    }
}

#define N_RACING 50u

/* On threads the first half has ended by then, and its notices are on their way; the other half ends beside. */
static troupe_status stop_beside_the_end(void *self, troupe_context *ctx,
                                         const troupe_message *message)
{
    troupe_system *system = troupe_system_of(ctx);
    bool beside = !troupe_simulated(system) && !troupe_driven(system);
    troupe_id targets[N_RACING];
    troupe_monitor monitors[N_RACING];
    troupe_info info;

    (void)self;
    memcpy(targets, message->payload.data, sizeof targets);
    for (unsigned i = 0; i < N_RACING; i++) {
        assert_int_equal(troupe_monitor_start(ctx, targets[i], TROUPE_MONITOR_FINAL, &monitors[i]),
                         TROUPE_OK);
        assert_int_equal(troupe_kill(ctx, targets[i]), TROUPE_OK);
    }
    for (unsigned i = 0; i < N_RACING; i++) {
        while (beside && i < N_RACING / 2 && troupe_info_of(system, targets[i], &info) == TROUPE_OK)
            trp_pause();
        assert_true(troupe_monitor_stop(ctx, monitors[i]));
    }
    return troupe_reply(ctx, (troupe_bytes){0});
}

static const troupe_actor_ops racing = {.handle_message = stop_beside_the_end, .handle_down = note};

static void test_a_monitor_stopped_beside_its_targets_end_is_silent(void **state)
{
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &racing, 0), targets[N_RACING];

    trp_store_seq(&n_notices, 0);
    for (unsigned i = 0; i < N_RACING; i++)
        targets[i] = spawn_named(f, NULL, NULL, &fragile, 0);
    assert_int_equal(troupe_call(f->me, watcher, TROUPE_BYTES_OF(targets), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    for (unsigned i = 0; i < N_RACING; i++)
        assert_int_equal(troupe_wait_end(f->me, targets[i], TROUPE_SECOND, NULL), TROUPE_OK);
    expect_notices(f, 0);
}

static troupe_status crash_at_length(void *self, troupe_context *ctx, const troupe_message *message)
{
    char text[4 * TROUPE_EXIT_TEXT_MAX];

    (void)self;
    (void)message;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, text);
    return TROUPE_OK;
}

/* ---- each life ---- */

static troupe_id fragile_child;
static _Atomic unsigned n_child_starts;

static troupe_status spawn_fragile(void *self, troupe_context *ctx)
{
    (void)self;
    return troupe_spawn(ctx, TROUPE_SPEC(.actor = &fragile, .supervised = true), &fragile_child);
}

/* The first two lives are followed by another. */
static void restart_twice(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    if (notice->event == TROUPE_EVENT_STARTED)
        trp_add_seq(&n_child_starts, 1);
    if (notice->event != TROUPE_EVENT_CHILD_EXIT)
        return;
    if (notice->exit.incarnation < 3)
        assert_int_equal(troupe_restart(ctx, notice->exit.id), TROUPE_OK);
    else
        assert_int_equal(troupe_release(ctx, notice->exit.id, false), TROUPE_OK);
}

static const troupe_child_ops family_hooks = {.post_start = spawn_fragile};
static const troupe_actor_ops family_actor = {.handle_down = restart_twice};

static void wait_for(fixture *f, _Atomic unsigned *count, unsigned n)
{
    for (int i = 0; i < 10000 && trp_load_seq(count) < n; i++)
        pass_time(f, TROUPE_MILLISECOND);
    assert_int_equal(trp_load_seq(count), n);
}

static void end_three_lives(fixture *f, unsigned flags)
{
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);

    trp_store_seq(&n_child_starts, 0);
    spawn_named(f, NULL, &family_hooks, &family_actor, 0);
    start_watching(f, watcher, (struct order){fragile_child, flags, 1, 0});
    for (unsigned life = 1; life <= 3; life++) {
        wait_for(f, &n_child_starts, life);
        assert_int_equal(troupe_send(f->me, fragile_child, TROUPE_TEXT("boom")), TROUPE_OK);
    }
    assert_int_equal(troupe_wait_end(f->me, fragile_child, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
}

static void expect_notice(unsigned at, troupe_event event, uint32_t incarnation)
{
    assert_int_equal(notices[at].event, event);
    assert_int_equal(notices[at].exit.id.value, fragile_child.value);
    assert_int_equal(notices[at].exit.incarnation, incarnation);
    assert_int_equal(notices[at].exit.reason, TROUPE_EXIT_CRASHED);
    assert_int_equal(notices[at].exit.operation, TROUPE_OPERATION_HANDLE_MESSAGE);
}

/* The third life is over, and then the id is gone for good: one notice of each. */
static void test_a_monitor_of_each_life_is_told_of_each(void **state)
{
    fixture *f = *state;

    end_three_lives(f, TROUPE_MONITOR_EACH_LIFE);
    wait_for(f, &n_notices, 4);
    for (unsigned life = 1; life <= 3; life++)
        expect_notice(life - 1, TROUPE_EVENT_LIFE_ENDED, life);
    expect_notice(3, TROUPE_EVENT_DOWN, 3);
}

static void test_a_monitor_of_the_end_is_told_of_the_last_life_only(void **state)
{
    fixture *f = *state;

    end_three_lives(f, TROUPE_MONITOR_FINAL);
    wait_for(f, &n_notices, 1);
    expect_notice(0, TROUPE_EVENT_DOWN, 3);
}

static void test_a_long_reason_is_cut(void **state)
{
    static const troupe_actor_ops crashing = {.handle_message = crash_at_length};
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);
    troupe_id target = spawn_named(f, NULL, NULL, &crashing, 0);

    start_watching(f, watcher, (struct order){target, TROUPE_MONITOR_FINAL, 1, 0});
    assert_int_equal(troupe_send(f->me, target, TROUPE_TEXT("x")), TROUPE_OK);
    expect_notices(f, 1);
    assert_int_equal(strlen(notices[0].exit.text), TROUPE_EXIT_TEXT_MAX);
    assert_int_equal(strspn(notices[0].exit.text, "x"), TROUPE_EXIT_TEXT_MAX);
}

/* ---- a notice and the messages before it ---- */

static _Atomic unsigned n_words;

static troupe_status watch_and_wait(void *self, troupe_context *ctx, const troupe_message *message)
{
    if (message->payload.size != sizeof(struct order)) {
        trp_add_seq(&n_words, 1);
        return TROUPE_OK;
    }
    watch(self, ctx, message);
    return TROUPE_PENDING;
}

static troupe_status go_on(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_OK;
}

static troupe_status speak_and_crash(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_id whom;

    (void)self;
    memcpy(&whom, message->payload.data, sizeof whom);
    assert_int_equal(troupe_send(ctx, whom, TROUPE_TEXT("last words")), TROUPE_OK);
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
    return TROUPE_OK;
}

static void test_a_notice_does_not_wait_behind_messages(void **state)
{
    static const troupe_actor_ops waiting = {
        .handle_message = watch_and_wait, .handle_down = note, .resume = go_on};
    static const troupe_actor_ops speaking = {.handle_message = speak_and_crash};
    fixture *f = *state;
    troupe_id watcher = spawn_named(f, NULL, NULL, &waiting, 0);
    troupe_id target = spawn_named(f, NULL, NULL, &speaking, 0);

    trp_store_seq(&n_words, 0);
    start_watching(f, watcher, (struct order){target, TROUPE_MONITOR_FINAL, 1, 0});
    assert_int_equal(troupe_send(f->me, target, TROUPE_BYTES_OF(watcher)), TROUPE_OK);
    expect_notices(f, 1);
    assert_int_equal(trp_load_seq(&n_words), 0);
    troupe_wake(f->system, watcher, 1);
    wait_until_handled(f, watcher, 2);
    assert_int_equal(trp_load_seq(&n_words), 1);
}

/* ---- dead letters ---- */

static void test_the_last_dead_letters_are_kept_newest_first(void **state)
{
    fixture *f = *state;
    troupe_dead_letter letters[200];
    troupe_totals totals;

    for (size_t i = 1; i <= 300; i++)
        troupe_dead_letter_add(f->me, (troupe_id){5}, TROUPE_DEAD_TOO_LARGE, i);
    assert_int_equal(troupe_dead_letters(f->system, letters, 200), 128);
    for (size_t i = 0; i < 128; i++) {
        assert_int_equal(letters[i].number, 300 - i);
        assert_int_equal(letters[i].size, 300 - i);
        assert_int_equal(letters[i].sequence, 300 - i);
        assert_int_equal(letters[i].reason, TROUPE_DEAD_TOO_LARGE);
    }
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.dead_letters, 300);
    assert_int_equal(totals.sent, 300);
}

static void test_each_dead_letter_says_why(void **state)
{
    fixture *f = *state;
    troupe_id deaf = spawn_named(f, "deaf", NULL, NULL, 0);
    troupe_dead_letter letter;

    assert_int_equal(troupe_call(f->me, deaf, TROUPE_TEXT("hear"), TROUPE_SECOND, NULL),
                     TROUPE_E_GONE);
    assert_int_equal(troupe_dead_letters(f->system, &letter, 1), 1);
    assert_int_equal(letter.reason, TROUPE_DEAD_NO_HANDLER);
    assert_int_equal(letter.sender.value, troupe_self(f->me).value);
    assert_int_equal(letter.target.value, deaf.value);
    assert_string_equal(letter.target_name, "deaf");
    assert_int_equal(letter.size, 4);
    for (int i = 0; i < TROUPE_N_DEAD_REASONS; i++)
        assert_string_not_equal(troupe_dead_reason_text((troupe_dead_reason)i), "unknown reason");
    assert_string_equal(troupe_dead_reason_text(TROUPE_N_DEAD_REASONS), "unknown reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_two_monitors_give_two_notices),
        BOTH(test_a_stopped_monitor_is_silent),
        BOTH(test_a_stopped_monitor_of_what_is_gone_is_silent),
        BOTH(test_the_watchers_end_ends_the_monitor),
        BOTH(test_only_the_watcher_stops_its_monitor),
        BOTH(test_who_watches_itself_hears_nothing),
        BOTH(test_the_watched_may_end_its_watcher_and_itself),
        BOTH(test_a_monitor_stopped_beside_its_targets_end_is_silent),
        BOTH(test_a_monitor_of_each_life_is_told_of_each),
        BOTH(test_a_monitor_of_the_end_is_told_of_the_last_life_only),
        BOTH(test_a_long_reason_is_cut),
        BOTH(test_a_notice_does_not_wait_behind_messages),
        BOTH(test_the_last_dead_letters_are_kept_newest_first),
        BOTH(test_each_dead_letter_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
