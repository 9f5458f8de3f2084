/* Links: what crosses them, in both directions, and what does not. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

/* ---- a puppet does what it is told: l link, u unlink, b both, c crash, p wait, k kill, d kill and crash, x end in order ---- */

struct order {
    char what;
    troupe_id whom;
};

static troupe_status act(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;
    troupe_status status = TROUPE_OK;

    (void)self;
    memcpy(&order, message->payload.data, sizeof order);
    switch (order.what) {
    case 'l':
        status = troupe_link(ctx, order.whom);
        break;
    case 'u':
        status = troupe_unlink(ctx, order.whom);
        break;
    case 'b':
        status = troupe_link(ctx, order.whom);
        troupe_unlink(ctx, order.whom);
        break;
    case 'm': /* memory is out */
        for (uint64_t n = 1; status == TROUPE_OK && n <= 3; n++) {
            trp_alloc_fail_after(n);
            status =
                troupe_link(ctx, order.whom) == TROUPE_E_NO_MEMORY ? TROUPE_OK : TROUPE_E_INVALID;
        }
        trp_alloc_fail_after(0);
        break;
    case 'k':
        status = troupe_kill(ctx, order.whom);
        break;
    case 'd':
        assert_int_equal(troupe_kill(ctx, order.whom), TROUPE_OK);
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
        return TROUPE_OK;
    case 'c':
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
        return TROUPE_OK;
    case 'p':
        troupe_reply(ctx, (troupe_bytes){0});
        return TROUPE_PENDING;
    default:
        troupe_exit_self(ctx);
    }
    return status == TROUPE_OK ? troupe_reply(ctx, (troupe_bytes){0}) : status;
}

static _Atomic unsigned n_notices, n_abandoned;
static troupe_notice last;

static void trap(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    (void)ctx;
    if (notice->event != TROUPE_EVENT_LINK_DOWN)
        return;
    last = *notice;
    trp_add_seq(&n_notices, 1);
}

static troupe_status resume_never(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_PENDING;
}

static void count_abandoned(void *self, troupe_context *ctx)
{
    (void)self;
    (void)ctx;
    trp_add_seq(&n_abandoned, 1);
}

static const troupe_actor_ops puppet = {
    .handle_message = act, .handle_down = trap, .resume = resume_never, .abandon = count_abandoned};

static troupe_id spawn_puppet(fixture *f, const char *name, bool traps)
{
    troupe_id id = TROUPE_NOBODY;

    trp_store_seq(&n_notices, 0);
    trp_store_seq(&n_abandoned, 0);
    assert_int_equal(
        troupe_spawn(f->me, TROUPE_SPEC(.name = name, .actor = &puppet, .trap_links = traps), &id),
        TROUPE_OK);
    return id;
}

static troupe_status tell(fixture *f, troupe_id id, char what, troupe_id whom)
{
    struct order order = {.what = what, .whom = whom};

    return troupe_call(f->me, id, TROUPE_BYTES_OF(order), 10 * TROUPE_SECOND, NULL);
}

static void crash(fixture *f, troupe_id id)
{
    assert_int_equal(tell(f, id, 'c', TROUPE_NOBODY), TROUPE_E_CRASHED);
}

/* It lives, and what was sent to it before is done. */
static void expect_alive(fixture *f, troupe_id id)
{
    assert_int_equal(tell(f, id, 'u', TROUPE_NOBODY), TROUPE_OK);
}

/* Watched from before its end, so that the exit is the real one. */
static troupe_exit seen[64];
static _Atomic unsigned n_seen;

static troupe_status watch(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_monitor monitor;
    troupe_id id;

    (void)self;
    memcpy(&id, message->payload.data, sizeof id);
    assert_int_equal(troupe_monitor_start(ctx, id, TROUPE_MONITOR_FINAL, &monitor), TROUPE_OK);
    return troupe_reply(ctx, (troupe_bytes){0});
}

static void see(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    (void)ctx;
    seen[trp_load_seq(&n_seen)] = notice->exit;
    trp_add_seq(&n_seen, 1);
}

static const troupe_actor_ops watching = {.handle_message = watch, .handle_down = see};

static troupe_id begin_watching(fixture *f, troupe_id id)
{
    troupe_id watcher = spawn_named(f, NULL, NULL, &watching, 0);

    trp_store_seq(&n_seen, 0);
    assert_int_equal(troupe_call(f->me, watcher, TROUPE_BYTES_OF(id), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    return watcher;
}

static void wait_for(fixture *f, _Atomic unsigned *count, unsigned n)
{
    troupe_message message;

    for (int i = 0; i < 10000 && trp_load_seq(count) < n; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_seq(count), n);
}

static void expect_end(fixture *f, troupe_exit_reason reason, const char *text)
{
    wait_for(f, &n_seen, 1);
    assert_int_equal(seen[0].reason, reason);
    assert_string_equal(seen[0].text, text);
}

/* ---- what crosses ---- */

static void test_a_crash_crosses_to_the_linker(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false), b = spawn_puppet(f, "b", false);

    begin_watching(f, a);
    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK);
    crash(f, b);
    expect_end(f, TROUPE_EXIT_CRASHED, "linked b crashed: boom, handling message 3");
    assert_int_equal(seen[0].operation, TROUPE_OPERATION_NONE);
}

static void test_a_crash_crosses_from_the_linker(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, NULL, false), b = spawn_puppet(f, "b", false);

    begin_watching(f, b);
    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK);
    crash(f, a);
    expect_end(f, TROUPE_EXIT_CRASHED, "linked component crashed: boom, handling message 3");
}

static void test_a_kill_crosses_a_chain(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false), b = spawn_puppet(f, "b", false),
              c = spawn_puppet(f, "c", false);

    begin_watching(f, c);
    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK);
    assert_int_equal(tell(f, c, 'l', b), TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, a), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_CRASHED, "linked b crashed: linked a killed: killed");
}

static void test_a_normal_end_does_not_cross(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false), b = spawn_puppet(f, "b", false);

    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK);
    assert_int_equal(troupe_stop(f->me, b, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, b, TROUPE_SECOND, NULL), TROUPE_OK);
    expect_alive(f, a);
}

static void test_one_that_waits_is_abandoned_when_its_link_breaks(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false), b = spawn_puppet(f, "b", false);

    begin_watching(f, a);
    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK);
    assert_int_equal(tell(f, a, 'p', TROUPE_NOBODY), TROUPE_OK);
    crash(f, b);
    wait_for(f, &n_seen, 1);
    assert_int_equal(seen[0].reason, TROUPE_EXIT_CRASHED);
    assert_int_equal(seen[0].operation, TROUPE_OPERATION_NONE); /* it came from outside */
    assert_int_equal(trp_load_seq(&n_abandoned), 1);
}

static void test_a_ring_ends_as_a_whole(void **state)
{
    fixture *f = *state;
    troupe_id ring[50];

    for (int i = 0; i < 50; i++)
        ring[i] = spawn_puppet(f, NULL, false);
    for (int i = 0; i < 50; i++)
        assert_int_equal(tell(f, ring[i], 'l', ring[(i + 1) % 50]), TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, ring[17]), TROUPE_OK);
    for (int i = 0; i < 50; i++)
        assert_int_equal(troupe_wait_end(f->me, ring[i], 10 * TROUPE_SECOND, NULL), TROUPE_OK);
}

/* ---- traps ---- */

static void test_one_that_traps_is_told_once_also_of_a_normal_end(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", true), b = spawn_puppet(f, "b", false);

    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK);
    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK); /* twice is once */
    assert_int_equal(tell(f, b, 'l', a), TROUPE_OK); /* from either side */
    assert_int_equal(troupe_stop(f->me, b, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_for(f, &n_notices, 1);
    assert_int_equal(last.exit.reason, TROUPE_EXIT_NORMAL);
    assert_int_equal(last.exit.id.value, b.value);
    assert_int_equal(last.exit.incarnation, 1);
    assert_int_equal(last.monitor.value, 0);
    expect_alive(f, a);
    assert_int_equal(trp_load_seq(&n_notices), 1);
}

static void test_one_that_traps_outlives_a_crash_and_hears_its_words(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", true), b = spawn_puppet(f, "b", false);

    assert_int_equal(tell(f, b, 'l', a), TROUPE_OK);
    crash(f, b);
    wait_for(f, &n_notices, 1);
    assert_int_equal(last.exit.reason, TROUPE_EXIT_CRASHED);
    assert_string_equal(last.exit.text, "boom, handling message 2");
    assert_int_equal(last.exit.operation, TROUPE_OPERATION_HANDLE_MESSAGE);
    expect_alive(f, a);
}

/* ---- kills ---- */

static void test_a_kill_is_not_trapped_but_a_link_to_the_killed_is(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", true), b = spawn_puppet(f, "b", true);

    begin_watching(f, a);
    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, a), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_KILLED, "killed");
    wait_for(f, &n_notices, 1);
    assert_int_equal(last.exit.reason, TROUPE_EXIT_KILLED);
    expect_alive(f, b);
}

static void test_who_kills_itself_ends_when_its_handler_returns(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false);

    begin_watching(f, a);
    assert_int_equal(tell(f, a, 'k', a), TROUPE_OK); /* it could still answer */
    expect_end(f, TROUPE_EXIT_KILLED, "killed");
}

static void test_an_end_of_its_own_comes_before_a_kill_on_its_way(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false);

    begin_watching(f, a);
    assert_int_equal(tell(f, a, 'd', a), TROUPE_E_CRASHED);
    expect_end(f, TROUPE_EXIT_CRASHED, "boom, handling message 2");
}

/* ---- what is gone ---- */

static void test_linking_what_is_gone_is_as_if_it_ended_now(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false), b = spawn_puppet(f, "b", true);

    begin_watching(f, a);
    assert_int_equal(tell(f, a, 'l', (troupe_id){12345}), TROUPE_OK);
    expect_end(f, TROUPE_EXIT_CRASHED, "linked component gone before it was linked");
    assert_int_equal(tell(f, b, 'l', a), TROUPE_OK);
    wait_for(f, &n_notices, 1);
    assert_int_equal(last.exit.reason, TROUPE_EXIT_GONE);
    assert_int_equal(last.exit.id.value, a.value);
}

/* ---- unlink ---- */

static void test_an_unlinked_end_is_nothing(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false), b = spawn_puppet(f, "b", false),
              c = spawn_puppet(f, "c", true);

    assert_int_equal(tell(f, a, 'l', b), TROUPE_OK);
    assert_int_equal(tell(f, c, 'l', b), TROUPE_OK);
    assert_int_equal(tell(f, b, 'u', a), TROUPE_OK); /* from the other side */
    assert_int_equal(tell(f, c, 'u', b), TROUPE_OK);
    crash(f, b);
    assert_int_equal(troupe_wait_end(f->me, b, TROUPE_SECOND, NULL), TROUPE_OK);
    expect_alive(f, a);
    expect_alive(f, c);
    assert_int_equal(trp_load_seq(&n_notices), 0);
}

/* The notice is on its way when unlink returns. */
static void test_an_unlink_calls_off_what_is_on_its_way(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false);

    assert_int_equal(tell(f, a, 'b', (troupe_id){12345}), TROUPE_OK);
    expect_alive(f, a);
    expect_alive(f, a);
}

/* ---- a link belongs to two lives ---- */

static troupe_id child_id;

static troupe_status start_child(void *self, troupe_context *ctx)
{
    (void)self;
    return troupe_spawn(ctx, TROUPE_SPEC(.name = "child", .actor = &puppet, .supervised = true),
                        &child_id);
}

static _Atomic unsigned n_child_starts;

static void restart_child(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    if (notice->event == TROUPE_EVENT_CHILD_EXIT)
        troupe_restart(ctx, notice->exit.id);
    if (notice->event == TROUPE_EVENT_STARTED)
        trp_add_seq(&n_child_starts, 1);
}

static const troupe_child_ops parent_hooks = {.post_start = start_child};
static const troupe_actor_ops parent_actor = {.handle_down = restart_child};

static void test_a_restart_does_not_renew_a_link(void **state)
{
    fixture *f = *state;
    troupe_id a;

    trp_store_seq(&n_child_starts, 0);
    spawn_named(f, NULL, &parent_hooks, &parent_actor, 0);
    a = spawn_puppet(f, "a", true);
    assert_int_equal(tell(f, a, 'l', child_id), TROUPE_OK);
    crash(f, child_id);
    wait_for(f, &n_child_starts, 2);
    wait_for(f, &n_notices, 1);
    crash(f, child_id);
    wait_for(f, &n_child_starts, 3);
    expect_alive(f, a);
    assert_int_equal(trp_load_seq(&n_notices), 1);
    assert_int_equal(last.exit.incarnation, 1);
    assert_int_equal(tell(f, a, 'l', child_id), TROUPE_OK);
    crash(f, child_id);
    wait_for(f, &n_notices, 2);
    assert_int_equal(last.exit.incarnation, 3);
}

/* It ends in order, but to the other side the life that it was joined to is gone. */
static void test_a_stop_for_a_restart_crosses(void **state)
{
    fixture *f = *state;
    troupe_id a, b;

    trp_store_seq(&n_child_starts, 0);
    spawn_named(f, NULL, &parent_hooks, &parent_actor, 0);
    a = spawn_puppet(f, "a", true);
    b = spawn_puppet(f, "b", false);
    assert_int_equal(tell(f, a, 'l', child_id), TROUPE_OK);
    assert_int_equal(tell(f, b, 'l', child_id), TROUPE_OK);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_RESTART), TROUPE_OK);
    wait_for(f, &n_notices, 1);
    assert_int_equal(last.exit.reason, TROUPE_EXIT_RESTART);
    assert_int_equal(troupe_wait_end(f->me, b, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
    expect_alive(f, a);
}

/* ---- bad input ---- */

static void test_threads_are_not_linked(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false);

    assert_int_equal(troupe_link(f->me, a), TROUPE_E_INVALID);
    assert_int_equal(troupe_unlink(f->me, a), TROUPE_E_INVALID);
    assert_int_equal(tell(f, a, 'l', troupe_self(f->me)), TROUPE_E_INVALID);
    assert_int_equal(tell(f, a, 'l', a), TROUPE_OK); /* to itself: nothing */
    expect_alive(f, a);
}

static void test_a_link_without_memory_is_none(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_puppet(f, "a", false), b = spawn_puppet(f, "b", false);

    assert_int_equal(tell(f, a, 'm', b), TROUPE_OK);
    crash(f, b);
    assert_int_equal(troupe_wait_end(f->me, b, TROUPE_SECOND, NULL), TROUPE_OK);
    expect_alive(f, a);
}

/* ---- ends that cross: two that are linked end at the same time, again and again ---- */

static void test_ends_that_cross_leave_nothing(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 300; i++) {
        troupe_id a = spawn_puppet(f, NULL, i % 2), b = spawn_puppet(f, NULL, i % 3 == 0);
        struct order link = {.what = 'l', .whom = b}, back = {.what = 'l', .whom = a};

        assert_int_equal(troupe_send(f->me, a, TROUPE_BYTES_OF(link)), TROUPE_OK);
        assert_int_equal(troupe_send(f->me, b, TROUPE_BYTES_OF(back)), TROUPE_OK);
        troupe_kill(f->me, i % 5 ? a : b);
        troupe_kill(f->me, i % 5 ? b : a);
        assert_int_equal(troupe_wait_end(f->me, a, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
        assert_int_equal(troupe_wait_end(f->me, b, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_crash_crosses_to_the_linker),
        BOTH(test_a_crash_crosses_from_the_linker),
        BOTH(test_a_kill_crosses_a_chain),
        BOTH(test_a_normal_end_does_not_cross),
        BOTH(test_one_that_waits_is_abandoned_when_its_link_breaks),
        BOTH(test_a_ring_ends_as_a_whole),
        BOTH(test_one_that_traps_is_told_once_also_of_a_normal_end),
        BOTH(test_one_that_traps_outlives_a_crash_and_hears_its_words),
        BOTH(test_a_kill_is_not_trapped_but_a_link_to_the_killed_is),
        BOTH(test_who_kills_itself_ends_when_its_handler_returns),
        BOTH(test_an_end_of_its_own_comes_before_a_kill_on_its_way),
        BOTH(test_linking_what_is_gone_is_as_if_it_ended_now),
        BOTH(test_an_unlinked_end_is_nothing),
        BOTH(test_an_unlink_calls_off_what_is_on_its_way),
        BOTH(test_a_restart_does_not_renew_a_link),
        BOTH(test_a_stop_for_a_restart_crosses),
        BOTH(test_threads_are_not_linked),
        BOTH(test_a_link_without_memory_is_none),
        BOTH(test_ends_that_cross_leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
