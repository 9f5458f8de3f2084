/* What can be asked of a component and of all of them. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    if (message->payload.size == 4)
        return TROUPE_E_FAILED;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops answering = {.handle_message = answer};

static troupe_info info_of(fixture *f, troupe_id id)
{
    troupe_info info;

    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    return info;
}

static void test_a_component_says_what_it_did(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "counter", NULL, &answering, 48);
    troupe_info info;

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("fine"), TROUPE_SECOND, NULL),
                     TROUPE_E_FAILED);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("hello"), TROUPE_SECOND, NULL), TROUPE_OK);
    wait_until_handled(f, id, 2);
    info = info_of(f, id);
    assert_int_equal(info.id.value, id.value);
    assert_int_equal(info.phase, TROUPE_PHASE_RUNNING);
    assert_int_equal(info.incarnation, 1);
    assert_int_equal(info.restarts, 0);
    assert_int_equal(info.handled, 2);
    assert_int_equal(info.failed, 1);
    assert_int_equal(info.crashes, 0);
    assert_int_equal(info.state_bytes, 48);
    assert_int_equal(info.parent.value, troupe_self(f->me).value);
    assert_int_equal(info_of(f, troupe_self(f->me)).sent, 2);
}

/* ---- the high-water mark ---- */

static troupe_status wait_once(void *self, troupe_context *ctx, const troupe_message *message)
{
    bool *waited = self;

    (void)message;
    if (*waited)
        return TROUPE_OK;
    *waited = true;
    return troupe_send(ctx, troupe_self(ctx), TROUPE_TEXT("and one of my own")) == TROUPE_OK
               ? TROUPE_PENDING
               : TROUPE_E_FAILED;
}

static troupe_status go_on(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_OK;
}

static const troupe_actor_ops waiting_once = {.handle_message = wait_once, .resume = go_on};

static void test_the_high_water_mark_stays_when_the_mailbox_is_empty_again(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "slow", NULL, &waiting_once, sizeof(bool));

    for (int i = 0; i < 6; i++)
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    for (int i = 0; i < 10000 && troupe_waiting(f->system, id) < 7; i++) {
        troupe_message message;

        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    }
    assert_int_equal(troupe_waiting(f->system, id), 7);
    troupe_wake(f->system, id, 1);
    wait_until_handled(f, id, 7);
    assert_int_equal(info_of(f, id).high_water, 7);
}

/* ---- restarts and crashes ---- */

static troupe_status crash(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    if (message->payload.size != 4)
        return troupe_reply(ctx, message->payload);
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
    return TROUPE_OK;
}

static const troupe_actor_ops fragile = {.handle_message = crash};

static troupe_status start_child(void *self, troupe_context *ctx)
{
    return troupe_spawn(ctx, TROUPE_SPEC(.name = "child", .actor = &fragile, .supervised = true),
                        self);
}

static const troupe_child_ops parent_hooks = {.post_start = start_child};
static const troupe_actor_ops parent_actor = {.handle_down = restart_held_child};

static void test_restarts_and_crashes_are_counted_over_the_lives_of_an_id(void **state)
{
    fixture *f = *state;
    troupe_id parent = spawn_named(f, "parent", &parent_hooks, &parent_actor, sizeof(troupe_id));
    troupe_id child;
    troupe_info info;

    assert_int_equal(troupe_lookup(f->system, "child", &child), TROUPE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(troupe_call(f->me, child, TROUPE_TEXT("boom"), TROUPE_SECOND, NULL),
                         TROUPE_E_CRASHED);
        assert_int_equal(troupe_call(f->me, child, TROUPE_TEXT("hello"), TROUPE_SECOND, NULL),
                         TROUPE_OK);
    }
    wait_until_handled(f, child, 2);
    info = info_of(f, child);
    assert_int_equal(info.incarnation, 3);
    assert_int_equal(info.restarts, 2);
    assert_int_equal(info.crashes, 2);
    assert_int_equal(info.handled, 2);
    assert_int_equal(info.parent.value, parent.value);
}

/* ---- time ---- */

static troupe_status run_until_charged(void *self, troupe_context *ctx,
                                       const troupe_message *message)
{
    troupe_system *system = troupe_system_of(ctx);
    uint64_t give_up = troupe_now(system) + 10 * TROUPE_SECOND;
    troupe_info info;

    (void)self;
    do {
        if (troupe_info_of(system, troupe_self(ctx), &info) != TROUPE_OK)
            return TROUPE_E_FAILED;
    } while (info.busy_ns < 3 * TROUPE_MILLISECOND && troupe_now(system) < give_up);
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops busy = {.handle_message = run_until_charged};

static void test_the_ticks_find_who_runs(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "busy", NULL, &busy, 0);
    troupe_id idle = spawn_named(f, "idle", NULL, &answering, 0);

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), 20 * TROUPE_SECOND, NULL), TROUPE_OK);
    assert_true(info_of(f, id).busy_ns >= 3 * TROUPE_MILLISECOND);
    assert_true(info_of(f, idle).busy_ns < info_of(f, id).busy_ns);
}

static void test_in_simulation_each_turn_takes_virtual_time(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "busy", NULL, &answering, 0);
    uint64_t began = troupe_now(f->system), before = info_of(f, id).busy_ns;

    for (int i = 0; i < 100; i++)
        assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("hello"), TROUPE_SECOND, NULL),
                         TROUPE_OK);
    assert_true(info_of(f, id).busy_ns > before);
    assert_true(info_of(f, id).busy_ns - before <= troupe_now(f->system) - began);
}

/* ---- all of them ---- */

static bool has(const troupe_info *infos, size_t n, troupe_id id)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += infos[i].id.value == id.value;
    return found == 1;
}

static void test_a_snapshot_has_each_component_once(void **state)
{
    fixture *f = *state;
    troupe_info infos[8];
    troupe_id ids[3];
    size_t n;

    for (int i = 0; i < 3; i++)
        ids[i] = spawn_named(f, NULL, NULL, &answering, 0);
    assert_int_equal(troupe_kill(f->me, ids[1]), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, ids[1], TROUPE_SECOND, NULL), TROUPE_OK);
    n = troupe_snapshot(f->system, infos, 8);
    assert_int_equal(n, 2);
    assert_true(has(infos, n, ids[0]));
    assert_false(has(infos, n, ids[1]));
    assert_true(has(infos, n, ids[2]));
    assert_int_equal(troupe_snapshot(f->system, infos, 1), 2); /* how many there are */
    assert_int_equal(troupe_snapshot(f->system, NULL, 0), 2);
}

/* ---- the account ---- */

static troupe_status handle_slowly(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    for (int i = 0; i < 20; i++)
        trp_yield();
    return TROUPE_OK;
}

static const troupe_actor_ops slow = {.handle_message = handle_slowly};

/* Counts that are read before the mailboxes are walked do not have what is handled while the walk waits. */
static void test_the_account_fits_while_turns_are_under_way(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "slow", NULL, &slow, 0);

    for (int round = 0; round < 20; round++) {
        troupe_totals totals;
        uint64_t walked;

        for (int i = 0; i < 40; i++)
            assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
        walked = troupe_account_now(f->system, &totals);
        assert_int_equal(totals.sent, totals.handled + totals.dead_letters + walked);
    }
}

/* A thread's mailbox that is walked before the others does not have what their last turns bury. */
static void test_letters_of_last_turns_are_in_the_account(void **state)
{
    fixture *f = *state;

    assert_int_equal(troupe_dead_letters_subscribe(f->me), TROUPE_OK);
    for (int round = 0; round < 20; round++) {
        troupe_id id = spawn_named(f, NULL, NULL, &slow, 0);
        troupe_message message;
        troupe_totals totals;
        uint64_t walked;

        for (int i = 0; i < 50; i++)
            assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
        assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
        walked = troupe_account_now(f->system, &totals);
        assert_int_equal(totals.sent, totals.handled + totals.dead_letters + walked);
        while (troupe_receive(f->me, 0, &message) == TROUPE_OK)
            ;
    }
}

/* ---- callers that were built before, or after ---- */

static void test_no_more_is_written_than_the_caller_knows(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "old", NULL, &answering, 0);
    struct {
        troupe_info info;
        uint64_t behind;
    } space;
    size_t known = offsetof(troupe_info, handled);

    memset(&space, 0xee, sizeof space);
    assert_int_equal(troupe_info_read(f->system, id, &space.info, known), TROUPE_OK);
    assert_int_equal(space.info.id.value, id.value);
    for (size_t i = known; i < sizeof space; i++)
        assert_int_equal(((unsigned char *)&space)[i], 0xee);
    assert_int_equal(troupe_info_read(f->system, id, &space.info, sizeof space), TROUPE_OK);
    assert_int_equal(space.behind,
                     0); /* what a newer caller asks for and this library does not know */
}

static void test_rows_of_a_snapshot_lie_as_far_apart_as_the_caller_says(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_named(f, "first", NULL, &answering, 0);
    troupe_id second = spawn_named(f, "second", NULL, &answering, 0);
    troupe_id rows[2];

    assert_int_equal(
        troupe_snapshot_read(f->system, (troupe_info *)(void *)rows, 2, sizeof(troupe_id)), 2);
    assert_true((rows[0].value == first.value && rows[1].value == second.value) ||
                (rows[0].value == second.value && rows[1].value == first.value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_component_says_what_it_did),
        BOTH(test_the_high_water_mark_stays_when_the_mailbox_is_empty_again),
        BOTH(test_restarts_and_crashes_are_counted_over_the_lives_of_an_id),
        cmocka_unit_test_setup_teardown(test_the_ticks_find_who_runs, on_threads, tear_down),
        cmocka_unit_test_setup_teardown(test_in_simulation_each_turn_takes_virtual_time,
                                        in_simulation, tear_down),
        BOTH(test_a_snapshot_has_each_component_once),
        BOTH(test_the_account_fits_while_turns_are_under_way),
        BOTH(test_letters_of_last_turns_are_in_the_account),
        BOTH(test_no_more_is_written_than_the_caller_knows),
        BOTH(test_rows_of_a_snapshot_lie_as_far_apart_as_the_caller_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
