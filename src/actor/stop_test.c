/* Stops, kills and ends at every step of a life. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>

/* ---- troupe_exit_self while it drains ---- */

static _Atomic bool may_leave;

/* Not before the test has sent everything; a simulation runs nothing meanwhile. */
static troupe_status leave(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)message;
    while (!troupe_simulated(troupe_system_of(ctx)) && !trp_load_acquire(&may_leave))
        trp_pause();
    troupe_exit_self(ctx);
    return TROUPE_OK;
}

static troupe_status go_on(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_OK;
}

static const troupe_actor_ops leaving = {.handle_message = leave};

static void test_a_component_may_leave_while_it_drains(void **state)
{
    fixture *f = *state;
    troupe_id id;
    troupe_info info;

    trp_store_release(&may_leave, false);
    assert_int_equal(troupe_spawn(f->me, TROUPE_SPEC(.actor = &leaving, .drain = true), &id),
                     TROUPE_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    trp_store_release(&may_leave, true);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_E_GONE);
}

/* ---- one that leaves by itself, and takes its time ---- */

static _Atomic uint32_t stop_reason_seen; /* and one more, so that 0 is none */

static troupe_status linger(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)self;
    (void)ctx;
    trp_store_release(&stop_reason_seen, (uint32_t)reason + 1);
    return TROUPE_PENDING;
}

static troupe_status have_lingered(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_OK;
}

static const troupe_child_ops lingering_hooks = {.pre_stop = linger};
static const troupe_actor_ops lingering = {.handle_message = leave, .resume = have_lingered};

static void test_one_that_stops_says_why_and_has_no_room(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, &lingering_hooks, &lingering, 0);
    troupe_message message;

    trp_store_release(&may_leave, true);
    trp_store_release(&stop_reason_seen, 0);
    assert_true(troupe_has_room(f->system, id));
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    for (int i = 0; i < 10000 && !trp_load_acquire(&stop_reason_seen); i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_acquire(&stop_reason_seen), TROUPE_STOP_REQUESTED + 1);
    assert_false(troupe_has_room(f->system, id));
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_E_GONE);
    troupe_wake(f->system, id, 1);
    assert_int_equal(troupe_wait_end(f->me, id, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
}

/* ---- a refused start beside the system's stop ---- */

struct beside {
    fixture *f;
    trp_thread thread;
    _Atomic bool in_hook;
    troupe_status status;
};

/* Refuses once the stop has asked this very component, and the stopper waits (or is about to). */
static troupe_status refuse_when_asked(void *self, const troupe_start *start)
{
    struct beside *beside = *(struct beside *const *)start->argument;
    const trp_cell *cell = trp_slot_at(start->system, (uint32_t)start->id.value);

    (void)self;
    trp_store_release(&beside->in_hook, true);
    while (!(trp_load_seq(&cell->asks) & TRP_ASK_STOP_SHUTDOWN))
        trp_pause();
    for (int i = 0; i < 1000; i++) { /* the stopper has let go of the lock: it waits */
        trp_mutex_lock(&start->system->roots_lock);
        trp_mutex_unlock(&start->system->roots_lock);
    }
    return TROUPE_E_REFUSED;
}

static void spawn_beside(void *arg)
{
    static const troupe_child_ops refusing = {.pre_start = refuse_when_asked};
    struct beside *beside = arg;
    troupe_context *ctx = troupe_attach(beside->f->system);
    troupe_id id;

    beside->status = troupe_spawn(ctx, TROUPE_SPEC(.child = &refusing, .argument = &beside), &id);
    troupe_detach(ctx);
}

static void test_a_start_refused_during_the_systems_stop_does_not_hold_it_up(void **state)
{
    struct beside beside = {.f = *state};

    assert_true(trp_thread_start(&beside.thread, "beside", 0, spawn_beside, &beside));
    while (!trp_load_acquire(&beside.in_hook))
        trp_pause();
    troupe_system_stop(beside.f->system);
    trp_thread_join(&beside.thread);
    assert_int_equal(beside.status, TROUPE_E_REFUSED);
}

/* ---- a stop timeout that comes late ---- */

static troupe_id child_id;
static _Atomic unsigned n_exits, n_downs, n_started;

static troupe_status spawn_child(void *self, troupe_context *ctx)
{
    static const troupe_actor_ops idle = {.handle_message = go_on};

    (void)self;
    return troupe_spawn(ctx, TROUPE_SPEC(.actor = &idle, .supervised = true), &child_id);
}

static void count_notices(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    (void)ctx;
    if (notice->event == TROUPE_EVENT_CHILD_EXIT)
        trp_add_relaxed(&n_exits, 1);
    if (notice->event == TROUPE_EVENT_CHILD_DOWN)
        trp_add_relaxed(&n_downs, 1);
    if (notice->event == TROUPE_EVENT_STARTED)
        trp_add_relaxed(&n_started, 1);
}

static troupe_status restart_child(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)message;
    assert_int_equal(troupe_restart(ctx, child_id), TROUPE_OK);
    return troupe_reply(ctx, (troupe_bytes){0});
}

static const troupe_child_ops parent_hooks = {.post_start = spawn_child};
static const troupe_actor_ops parent_actor = {.handle_message = restart_child,
                                              .handle_down = count_notices};

static void wait_for_count(fixture *f, _Atomic unsigned *count, unsigned n)
{
    troupe_message message;

    for (int i = 0; i < 10000 && trp_load_relaxed(count) < n; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_relaxed(count), n);
}

static void test_a_late_stop_timeout_does_not_end_a_held_child(void **state)
{
    fixture *f = *state;
    troupe_id parent;

    n_exits = n_downs = n_started = 0;
    parent = spawn_named(f, NULL, &parent_hooks, &parent_actor, 0);
    wait_for_count(f, &n_started, 1);
    assert_int_equal(troupe_stop(f->me, child_id, TROUPE_STOP_RESTART), TROUPE_OK);
    wait_for_count(f, &n_exits, 1);
    /* as the clock does it when the end of the life was a little faster than its cancel */
    trp_cell_ask(f->system, child_id, 0, TRP_ASK_DEADLINE);
    assert_int_equal(troupe_call(f->me, parent, (troupe_bytes){0}, TROUPE_SECOND, NULL), TROUPE_OK);
    wait_for_count(f, &n_started, 2);
    assert_int_equal(trp_load_relaxed(&n_downs), 0);
    assert_int_equal(troupe_send(f->me, child_id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_until_handled(f, child_id, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_component_may_leave_while_it_drains),
        BOTH(test_one_that_stops_says_why_and_has_no_room),
        BOTH(test_a_late_stop_timeout_does_not_end_a_held_child),
        {"test_a_start_refused_during_the_systems_stop_does_not_hold_it_up",
         test_a_start_refused_during_the_systems_stop_does_not_hold_it_up, on_threads, tear_down,
         NULL},
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
