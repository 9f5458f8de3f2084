/* A life at every one of its steps, met by a stop or a kill; restarts; the order of children. */
#include "actor_testing.h"

#include "trp/atomic.h"

#include <string.h>

/* ---- a journal: every hook and handler writes a letter ---- */

static char journal[256];
static _Atomic size_t n_begun, n_journal; /* letters; those that may be read */

static void note(char letter)
{
    size_t at = trp_add_seq(&n_begun, 1);

    if (at < sizeof journal - 1)
        journal[at] = letter;
    trp_add_seq(&n_journal, 1);
}

static void start_journal(void)
{
    memset(journal, 0, sizeof journal);
    trp_store_seq(&n_begun, 0);
    trp_store_seq(&n_journal, 0);
}

static void wait_for_letters(fixture *f, size_t n)
{
    troupe_message message;

    for (int i = 0; i < 10000 && trp_load_seq(&n_journal) < n; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_true(trp_load_seq(&n_journal) >= n);
}

/* ---- one that waits in the hook or handler it is told to wait in: a b m p; posts: z; resume r; abandon q ---- */

static troupe_status wait_in(char step, const void *argument)
{
    note(step);
    return strchr(argument, step) ? TROUPE_PENDING : TROUPE_OK;
}

struct waiter {
    const char *where;
    unsigned n_messages;
};

static troupe_status waiter_pre_start(void *self, const troupe_start *start)
{
    struct waiter *waiter = self;

    assert_null(waiter->where); /* zeroed for each life */
    assert_int_equal(waiter->n_messages, 0);
    waiter->where = start->incarnation == 1 ? start->argument : "";
    return wait_in('a', waiter->where);
}

static troupe_status waiter_post_start(void *self, troupe_context *ctx)
{
    (void)ctx;
    return wait_in('b', ((struct waiter *)self)->where);
}

static troupe_status waiter_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct waiter *waiter = self;

    waiter->n_messages++;
    if (message->payload.size == 4) {
        note('c');
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
        return TROUPE_OK;
    }
    troupe_reply(ctx, message->payload);
    return wait_in('m', waiter->where);
}

static troupe_status waiter_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)ctx;
    (void)reason;
    return wait_in('p', ((struct waiter *)self)->where);
}

static void waiter_post_stop(void *self)
{
    (void)self;
    note('z');
}

static troupe_status waiter_resume(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    note('r');
    return TROUPE_OK;
}

static void waiter_abandon(void *self, troupe_context *ctx)
{
    (void)self;
    (void)ctx;
    note('q');
}

static const troupe_child_ops waiter_hooks = {waiter_pre_start, waiter_post_start, waiter_pre_stop,
                                              waiter_post_stop, NULL};
static const troupe_actor_ops waiter_actor = {
    .handle_message = waiter_message, .resume = waiter_resume, .abandon = waiter_abandon};

/* ---- its parent: spawns it without waiting, and tells what it is told of it ---- */

static troupe_id child_id;
static _Atomic unsigned n_started, n_exits, n_downs, last_reason;
static troupe_exit last_exit;

struct child_wish {
    const char *where;
    bool supervised;
    uint64_t stop_timeout, start_timeout;
};

static troupe_status spawn_waiter(void *self, troupe_context *ctx, const troupe_message *message)
{
    const struct child_wish *wish;

    (void)self;
    if (message->payload.size != sizeof *wish) {
        assert_int_equal(troupe_restart(ctx, child_id), TROUPE_OK);
        return troupe_reply(ctx, (troupe_bytes){0});
    }
    wish = message->payload.data;
    assert_int_equal(troupe_spawn(ctx,
                                  TROUPE_SPEC(.child = &waiter_hooks, .actor = &waiter_actor,
                                              .argument = wish->where, .name = "waiter",
                                              .supervised = wish->supervised, .drain = true,
                                              .stop_timeout = wish->stop_timeout,
                                              .start_timeout = wish->start_timeout,
                                              .state_size = sizeof(struct waiter)),
                                  &child_id),
                     TROUPE_OK);
    return troupe_reply(ctx, (troupe_bytes){0});
}

static void take_notice(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    (void)ctx;
    last_exit = notice->exit;
    trp_store_seq(&last_reason, (unsigned)notice->exit.reason);
    if (notice->event == TROUPE_EVENT_STARTED)
        trp_add_seq(&n_started, 1);
    if (notice->event == TROUPE_EVENT_CHILD_EXIT)
        trp_add_seq(&n_exits, 1);
    if (notice->event == TROUPE_EVENT_CHILD_DOWN)
        trp_add_seq(&n_downs, 1);
}

static const troupe_actor_ops parent_actor = {.handle_message = spawn_waiter,
                                              .handle_down = take_notice};

static void wait_for_count(fixture *f, _Atomic unsigned *count, unsigned n)
{
    troupe_message message;

    for (int i = 0; i < 10000 && trp_load_seq(count) < n; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_seq(count), n);
}

static troupe_id spawn_wished(fixture *f, struct child_wish wish)
{
    troupe_id parent = spawn_named(f, NULL, NULL, &parent_actor, 0);

    start_journal();
    trp_store_seq(&n_started, 0);
    trp_store_seq(&n_exits, 0);
    trp_store_seq(&n_downs, 0);
    assert_int_equal(troupe_call(f->me, parent, TROUPE_BYTES_OF(wish), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    return parent;
}

static troupe_id spawn_family(fixture *f, const char *where, bool supervised, uint64_t stop_timeout)
{
    return spawn_wished(f, (struct child_wish){where, supervised, stop_timeout, 0});
}

static void expect_end(fixture *f, troupe_exit_reason reason, const char *letters)
{
    wait_for_count(f, &n_downs, 1);
    assert_int_equal(trp_load_seq(&last_reason), reason);
    assert_int_equal(last_exit.id.value, child_id.value);
    assert_string_equal(journal, letters);
    assert_int_equal(troupe_send(f->me, child_id, TROUPE_TEXT("x")), TROUPE_E_GONE);
}

/* ---- stop and kill at each step ---- */

static void test_a_stop_meets_a_pending_pre_start(void **state)
{
    fixture *f = *state;

    spawn_family(f, "a", false, 0);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_NORMAL, "aq"); /* it never succeeded: no post_stop */
}

static void test_a_kill_meets_a_pending_post_start(void **state)
{
    fixture *f = *state;

    spawn_family(f, "b", false, 0);
    wait_for_letters(f, 2);
    assert_int_equal(troupe_kill(f->me, child_id), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_KILLED, "abqz");
}

static void test_a_stop_meets_a_pending_handler(void **state)
{
    fixture *f = *state;
    troupe_dead_letter letter;

    spawn_family(f, "m", false, 0);
    assert_int_equal(troupe_call(f->me, child_id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_NORMAL, "abmqpz");
    assert_int_equal(troupe_dead_letters(f->system, &letter, 1), 1);
    assert_int_equal(letter.reason, TROUPE_DEAD_ABANDONED);
}

static void test_a_kill_meets_a_pending_pre_stop(void **state)
{
    fixture *f = *state;

    spawn_family(f, "p", false, 0);
    wait_for_count(f, &n_started, 1);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_for_letters(f, 3);
    assert_int_equal(troupe_kill(f->me, child_id), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_KILLED, "abpqz");
}

static void test_who_does_not_stop_in_time_is_killed(void **state)
{
    fixture *f = *state;

    spawn_family(f, "p", false, 5 * TROUPE_MILLISECOND);
    wait_for_count(f, &n_started, 1);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_KILLED, "abpqz");
    assert_string_equal(last_exit.text, "did not stop within its time");
}

static void test_a_wake_resumes_each_step(void **state)
{
    fixture *f = *state;

    spawn_family(f, "abmp", false, 0);
    wait_for_letters(f, 1);
    troupe_wake(f->system, child_id, 1);
    wait_for_letters(f, 3); /* a r b */
    troupe_wake(f->system, child_id, 1);
    wait_for_letters(f, 4);
    assert_int_equal(troupe_call(f->me, child_id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    troupe_wake(f->system, child_id, 1);
    wait_for_letters(f, 6);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_for_letters(f, 7);
    troupe_wake(f->system, child_id, 1);
    expect_end(f, TROUPE_EXIT_NORMAL, "arbrmrprz");
}

/* ---- what a stop and a kill meet else ---- */

static troupe_id crash_to_be_held(fixture *f);

static void wait_until_pending(fixture *f, bool pending)
{
    troupe_message message;
    troupe_info info = {.pending = !pending};

    for (int i = 0; i < 10000 && info.pending != pending; i++) {
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
        assert_int_equal(troupe_info_of(f->system, child_id, &info), TROUPE_OK);
    }
    assert_int_equal(info.pending, pending);
}

static void expect_phase(fixture *f, troupe_phase phase, bool pending)
{
    troupe_info info;

    assert_int_equal(troupe_info_of(f->system, child_id, &info), TROUPE_OK);
    assert_int_equal(info.phase, phase);
    assert_int_equal(info.pending, pending);
}

static void test_a_kill_meets_a_pending_pre_start(void **state)
{
    fixture *f = *state;

    spawn_family(f, "a", false, 0);
    assert_int_equal(troupe_kill(f->me, child_id), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_KILLED, "aq");
    assert_int_equal(last_exit.operation, TROUPE_OPERATION_PRE_START);
}

static void test_a_stop_meets_a_pending_post_start(void **state)
{
    fixture *f = *state;

    spawn_family(f, "b", false, 0);
    wait_for_letters(f, 2);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_NORMAL, "abqz");
}

static void test_a_kill_meets_a_pending_handler(void **state)
{
    fixture *f = *state;

    spawn_family(f, "m", false, 0);
    assert_int_equal(troupe_call(f->me, child_id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, child_id), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_KILLED, "abmqz");
    assert_int_equal(last_exit.operation, TROUPE_OPERATION_HANDLE_MESSAGE);
}

/* The second asks for what is under way: the one pre_stop goes on. */
static void test_a_stop_meets_a_pending_pre_stop(void **state)
{
    fixture *f = *state;

    spawn_family(f, "p", false, 0);
    wait_for_count(f, &n_started, 1);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_for_letters(f, 3);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_SHUTDOWN), TROUPE_OK);
    troupe_wake(f->system, child_id, 1);
    expect_end(f, TROUPE_EXIT_NORMAL, "abprz");
}

/* Its own life is over: the kill finds nothing to end, and its children still get their time. */
static void test_a_kill_meets_the_end_of_its_children(void **state)
{
    fixture *f = *state;
    troupe_id parent = spawn_family(f, "p", false, 0);
    troupe_info info;

    wait_for_count(f, &n_started, 1);
    assert_int_equal(troupe_stop(f->me, parent, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_for_letters(f, 3);
    assert_int_equal(troupe_info_of(f->system, parent, &info), TROUPE_OK);
    assert_int_equal(info.phase, TROUPE_PHASE_STOPPING);
    assert_int_equal(troupe_kill(f->me, parent), TROUPE_OK);
    wait_until_pending(f, true);
    troupe_wake(f->system, child_id, 1);
    assert_int_equal(troupe_wait_end(f->me, parent, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
    assert_string_equal(journal, "abprz");
    assert_int_equal(troupe_info_of(f->system, child_id, &info), TROUPE_E_GONE);
}

static void test_a_kill_meets_a_held_child(void **state)
{
    fixture *f = *state;

    crash_to_be_held(f);
    assert_int_equal(troupe_kill(f->me, child_id), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_CRASHED, "abcz");
}

static void test_the_state_machine_can_be_asked_for(void **state)
{
    fixture *f = *state;
    troupe_info info;

    spawn_family(f, "abmp", false, 0);
    wait_for_letters(f, 1);
    expect_phase(f, TROUPE_PHASE_STARTING, true);
    troupe_wake(f->system, child_id, 1);
    wait_for_letters(f, 3);
    wait_until_pending(f, true);
    expect_phase(f, TROUPE_PHASE_STARTING, true);
    troupe_wake(f->system, child_id, 1);
    wait_for_count(f, &n_started, 1);
    expect_phase(f, TROUPE_PHASE_RUNNING, false);
    assert_int_equal(troupe_send(f->me, child_id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_for_letters(f, 5);
    wait_until_pending(f, true);
    expect_phase(f, TROUPE_PHASE_RUNNING, true);
    troupe_wake(f->system, child_id, 1);
    wait_until_pending(f, false);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_for_letters(f, 7);
    wait_until_pending(f, true);
    expect_phase(f, TROUPE_PHASE_STOPPING, true);
    troupe_wake(f->system, child_id, 1);
    expect_end(f, TROUPE_EXIT_NORMAL, "arbrmrprz");
    assert_int_equal(troupe_info_of(f->system, child_id, &info), TROUPE_E_GONE);
}

/* ---- the start timeout ---- */

static void test_a_start_that_waits_too_long_is_abandoned(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        spawn_wished(f, (struct child_wish){i ? "b" : "a", false, 0, 5 * TROUPE_MILLISECOND});
        expect_end(f, TROUPE_EXIT_TIMEOUT, i ? "abqz" : "aq");
        assert_string_equal(last_exit.text, "did not start within its time");
        assert_int_equal(last_exit.operation,
                         i ? TROUPE_OPERATION_POST_START : TROUPE_OPERATION_PRE_START);
        assert_int_equal(trp_load_seq(&n_started), 0);
    }
}

static void test_a_start_within_its_time_lives_on(void **state)
{
    fixture *f = *state;
    troupe_message message;

    spawn_wished(f, (struct child_wish){"m", false, 0, 5 * TROUPE_MILLISECOND});
    wait_for_count(f, &n_started, 1);
    assert_int_equal(troupe_receive(f->me, 20 * TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_call(f->me, child_id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    wait_until_pending(f, true);
}

static void test_a_thread_that_spawns_gets_the_timeout(void **state)
{
    fixture *f = *state;
    troupe_error error;
    troupe_id id;

    start_journal();
    assert_int_equal(
        troupe_spawn_or_say(f->me,
                            TROUPE_SPEC(.child = &waiter_hooks, .argument = "b",
                                        .actor = &waiter_actor, .start_on_own_turn = true,
                                        .start_timeout = 300 * TROUPE_MILLISECOND,
                                        .state_size = sizeof(struct waiter)),
                            &id, &error),
        TROUPE_E_TIMEOUT);
    assert_string_equal(error.text, "did not start within its time");
    assert_string_equal(journal, "abqz");
}

/* ---- held ---- */

static troupe_id crash_to_be_held(fixture *f)
{
    troupe_id parent = spawn_family(f, "", true, 0);

    assert_int_equal(troupe_send(f->me, child_id, TROUPE_TEXT("boom")), TROUPE_OK);
    wait_for_count(f, &n_exits, 1);
    assert_int_equal(trp_load_seq(&last_reason), TROUPE_EXIT_CRASHED);
    assert_non_null(strstr(last_exit.text, "boom"));
    return parent;
}

static void test_a_restart_is_a_new_life_under_the_same_id(void **state)
{
    fixture *f = *state;
    troupe_id parent = crash_to_be_held(f), found;
    troupe_info info;

    assert_int_equal(troupe_send(f->me, child_id, TROUPE_TEXT("x")),
                     TROUPE_OK); /* for the next life */
    assert_int_equal(troupe_info_of(f->system, child_id, &info), TROUPE_OK);
    assert_int_equal(info.phase, TROUPE_PHASE_HELD);
    assert_int_equal(info.waiting, 1);
    assert_int_equal(troupe_lookup(f->system, "waiter", &found), TROUPE_OK);
    assert_int_equal(troupe_call(f->me, parent, (troupe_bytes){0}, TROUPE_SECOND, NULL), TROUPE_OK);
    wait_until_handled(f, child_id, 1);
    wait_for_letters(f, 7);
    assert_int_equal(troupe_info_of(f->system, child_id, &info), TROUPE_OK);
    assert_int_equal(info.incarnation, 2);
    assert_string_equal(journal, "abczabm");
    assert_int_equal(trp_load_seq(&n_downs), 0);
}

static void test_only_the_supervisor_restarts(void **state)
{
    fixture *f = *state;

    crash_to_be_held(f);
    assert_int_equal(troupe_restart(f->me, child_id), TROUPE_E_DENIED);
    assert_int_equal(troupe_release(f->me, child_id, true), TROUPE_E_DENIED);
}

static void test_a_stop_meets_a_held_child(void **state)
{
    fixture *f = *state;

    crash_to_be_held(f);
    assert_int_equal(troupe_send(f->me, child_id, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_CRASHED, "abcz");
}

static void test_the_end_of_the_supervisor_releases_the_held(void **state)
{
    fixture *f = *state;
    troupe_id parent = crash_to_be_held(f);

    assert_int_equal(troupe_stop(f->me, parent, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, parent, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, child_id, TROUPE_TEXT("x")), TROUPE_E_GONE);
}

/* ---- the order of children ---- */

struct branch {
    char letter;
    unsigned n_children;
};

static troupe_status grow(void *self, const troupe_start *start)
{
    *(struct branch *)self = *(const struct branch *)start->argument;
    return TROUPE_OK;
}

static const troupe_child_ops branch_hooks;

static troupe_status grow_children(void *self, troupe_context *ctx)
{
    static const struct branch leaves[] = {{'1', 0}, {'2', 0}, {'3', 0}};
    const struct branch *branch = self;
    troupe_id id;

    for (unsigned i = 0; i < branch->n_children; i++)
        assert_int_equal(troupe_spawn(ctx,
                                      TROUPE_SPEC(.child = &branch_hooks, .argument = &leaves[i],
                                                  .state_size = sizeof(struct branch),
                                                  .start_on_own_turn = i % 2),
                                      &id),
                         TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status note_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)self;
    (void)ctx;
    assert_int_equal(reason, TROUPE_STOP_SHUTDOWN);
    note('-');
    return TROUPE_OK;
}

static void note_post_stop(void *self)
{
    note(((struct branch *)self)->letter);
}

static const troupe_child_ops branch_hooks = {grow, grow_children, note_pre_stop, note_post_stop,
                                              NULL};

static void test_children_end_in_reverse_before_their_parent(void **state)
{
    static const struct branch roots[] = {{'A', 3}, {'B', 0}};
    fixture *f = *state;
    troupe_message message;
    troupe_totals totals = {0};
    troupe_id id;

    start_journal();
    for (int i = 0; i < 2; i++)
        assert_int_equal(troupe_spawn(f->me,
                                      TROUPE_SPEC(.child = &branch_hooks, .argument = &roots[i],
                                                  .state_size = sizeof(struct branch)),
                                      &id),
                         TROUPE_OK);
    for (int i = 0; i < 10000 && totals.live < 5; i++) {
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
        troupe_totals_now(f->system, &totals);
    }
    assert_int_equal(troupe_receive(f->me, 10 * TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    troupe_system_stop(f->system);
    assert_string_equal(journal, "-B--3-2-1A");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_stop_meets_a_pending_pre_start),
        BOTH(test_a_kill_meets_a_pending_post_start),
        BOTH(test_a_stop_meets_a_pending_handler),
        BOTH(test_a_kill_meets_a_pending_pre_stop),
        BOTH(test_who_does_not_stop_in_time_is_killed),
        BOTH(test_a_wake_resumes_each_step),
        BOTH(test_a_kill_meets_a_pending_pre_start),
        BOTH(test_a_stop_meets_a_pending_post_start),
        BOTH(test_a_kill_meets_a_pending_handler),
        BOTH(test_a_stop_meets_a_pending_pre_stop),
        BOTH(test_a_kill_meets_the_end_of_its_children),
        BOTH(test_a_kill_meets_a_held_child),
        BOTH(test_the_state_machine_can_be_asked_for),
        BOTH(test_a_start_that_waits_too_long_is_abandoned),
        BOTH(test_a_start_within_its_time_lives_on),
        BOTH(test_a_thread_that_spawns_gets_the_timeout),
        BOTH(test_a_restart_is_a_new_life_under_the_same_id),
        BOTH(test_only_the_supervisor_restarts),
        BOTH(test_a_stop_meets_a_held_child),
        BOTH(test_the_end_of_the_supervisor_releases_the_held),
        BOTH(test_children_end_in_reverse_before_their_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
