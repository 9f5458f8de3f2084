/* Memory that is out, at every place in turn: in a simulation every allocation is this thread's, so the n-th one of
 * a whole run can be made to fail. Nothing leaks, nothing is lost, everybody is told, the system still stops. */
#include "actor_testing.h"

#include "trp/os.h"

#include <string.h>

static void test_a_system_that_finds_no_memory_leaves_nothing(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        troupe_system *system = NULL;
        troupe_status status;

        trp_alloc_fail_after(n);
        status = troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.workers = 1), &system);
        trp_alloc_fail_after(0);
        if (status == TROUPE_OK) {
            troupe_system_free(system);
            assert_true(n > 3);
            break;
        }
        assert_null(system);
    }
}

/* ---- a small house: a parent that supervises a child, asks it, watches it, sets timers ---- */

/* Any status will do, as long as everything adds up in the end. */
static void any(troupe_status status)
{
    (void)status;
}

struct parent {
    troupe_id child;
    unsigned n_restarts;
};

static unsigned n_ends, n_accepted; /* of requests; one thread runs all of it */

static troupe_status work_or_crash(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    if (message->payload.size == 4)
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops child_actor = {.handle_message = work_or_crash};

static troupe_status start_child(void *self, troupe_context *ctx)
{
    struct parent *parent = self;

    return troupe_spawn(
        ctx,
        TROUPE_SPEC(.name = "child", .actor = &child_actor, .supervised = true, .state_size = 8),
        &parent->child);
}

static troupe_status direct(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct parent *parent = self;
    troupe_correlation correlation;
    troupe_monitor monitor;
    troupe_timer_id timer;
    troupe_payload *shared = troupe_payload_new(TROUPE_TEXT("shared"));

    if (shared)
        any(troupe_send_shared(ctx, parent->child, shared, shared));
    troupe_payload_unref(shared);
    if (troupe_request(ctx, parent->child, message->payload, TROUPE_SECOND, &correlation) ==
        TROUPE_OK)
        n_accepted++;
    if (troupe_monitor_start(ctx, parent->child, TROUPE_MONITOR_EACH_LIFE, &monitor) == TROUPE_OK)
        (void)troupe_monitor_stop(ctx, monitor);
    any(troupe_monitor_start(ctx, parent->child, TROUPE_MONITOR_EACH_LIFE, NULL));
    if (troupe_send_after(ctx, parent->child, TROUPE_TEXT("late"), TROUPE_MILLISECOND, &timer) ==
        TROUPE_OK)
        any(troupe_send_after(ctx, parent->child, TROUPE_TEXT("boom"), 2 * TROUPE_MILLISECOND,
                              NULL));
    return troupe_reply(ctx, message->payload);
}

static void count_end(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    (void)self;
    (void)ctx;
    (void)answer;
    n_ends++;
}

static void decide(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct parent *parent = self;

    if (notice->event != TROUPE_EVENT_CHILD_EXIT)
        return;
    if (parent->n_restarts++ < 3)
        any(troupe_restart(ctx, notice->exit.id));
    else
        any(troupe_release(ctx, notice->exit.id, true));
}

static const troupe_child_ops parent_hooks = {.post_start = start_child};
static const troupe_actor_ops parent_actor = {
    .handle_message = direct, .handle_reply = count_end, .handle_down = decide};

/* Whether the armed fault has struck; it is off afterwards. */
static bool fault_is_spent(void)
{
    bool spent = true;

    for (int i = 0; i < 100000 && spent; i++) {
        void *probe = trp_alloc(1);

        spent = probe != NULL;
        trp_free(probe);
    }
    trp_alloc_fail_after(0);
    return spent;
}

/* One whole run. True: the n-th allocation was never reached. */
static bool run_with_failure(uint64_t n)
{
    troupe_system *system = NULL;
    troupe_context *me, *other;
    troupe_totals totals;
    uint64_t walked;
    troupe_id id;
    troupe_message message;
    troupe_exit exit;
    bool reached;

    n_ends = n_accepted = 0;
    assert_int_equal(
        troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.simulation = true, .seed = n), &system),
        TROUPE_OK);
    me = troupe_attach(system);
    assert_non_null(me);
    trp_alloc_fail_after(n);
    if (troupe_spawn(me,
                     TROUPE_SPEC(.name = "parent", .child = &parent_hooks, .actor = &parent_actor,
                                 .state_size = sizeof(struct parent)),
                     &id) == TROUPE_OK) {
        for (int i = 0; i < 3; i++) {
            any(troupe_call(me, id, TROUPE_TEXT("hello"), TROUPE_SECOND, NULL));
            any(troupe_send(me, id, TROUPE_TEXT("boom")));
            any(troupe_receive(me, 5 * TROUPE_MILLISECOND, &message));
        }
        any(troupe_stop(me, id, TROUPE_STOP_REQUESTED));
        any(troupe_wait_end(me, id, 10 * TROUPE_SECOND, &exit));
    }
    other = troupe_attach(system);
    if (other) {
        any(troupe_send(me, troupe_self(other), TROUPE_TEXT("unread")));
        any(troupe_receive(other, 0, &message));
        troupe_detach(other);
    }
    reached = fault_is_spent();
    troupe_system_stop(system);
    walked = troupe_account_now(system, &totals);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.waiting, 0);
    assert_int_equal(totals.sent, totals.handled + totals.dead_letters + walked);
    assert_true(n_ends <= n_accepted);
    troupe_detach(me);
    troupe_system_free(system);
    return !reached;
}

static void test_whatever_allocation_fails_the_account_holds(void **state)
{
    uint64_t n = 1;

    (void)state;
    while (!run_with_failure(n))
        n++;
    assert_true(n > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_system_that_finds_no_memory_leaves_nothing),
        cmocka_unit_test(test_whatever_allocation_fails_the_account_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
