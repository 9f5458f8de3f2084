/* A storm: a tree of components that crash, leave, wait, spawn and ask at random, while stops, kills and restarts
 * come from outside at any moment. In the end every start has its end, every request its one end, and the account
 * holds. In simulation over many seeds; the same on threads, for the sanitizers. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

#define N_KEPT 32u

static _Atomic uint64_t n_entered, n_left, n_double, n_asked, n_answered, n_down_twice, n_odd_rows;
static _Atomic uint64_t some_ids[N_KEPT]; /* whom to pick on; may be gone */

struct node {
    uint64_t mark; /* set by pre_start, cleared by post_stop */
    unsigned depth;
    bool busy; /* inside a handler or hook: never two at once */
    unsigned n_children;
};

static uint64_t roll(troupe_context *ctx, uint64_t n)
{
    return troupe_random(troupe_system_of(ctx)) % n;
}

static troupe_id pick(troupe_context *ctx)
{
    return (troupe_id){trp_load_seq(&some_ids[roll(ctx, N_KEPT)])};
}

static void any(troupe_status status)
{
    (void)status;
}

static void enter(struct node *node)
{
    if (node->busy || node->mark != 1)
        trp_add_seq(&n_double, 1);
    node->busy = true;
}

static troupe_status leave(struct node *node, troupe_status status)
{
    node->busy = false;
    return status;
}

static troupe_status begin(void *self, const troupe_start *start)
{
    struct node *node = self;

    if (node->mark || node->busy)
        trp_add_seq(&n_double, 1);
    if (troupe_random(start->system) % 20 == 0)
        return TROUPE_E_REFUSED;
    node->mark = 1;
    node->depth = *(const unsigned *)start->argument;
    trp_store_seq(&some_ids[start->id.value % N_KEPT], start->id.value);
    trp_add_seq(&n_entered, 1);
    return TROUPE_OK;
}

struct waker {
    troupe_system *system;
    troupe_id id;
    uint32_t incarnation;
};

static void wake_later(void *argument)
{
    struct waker *waker = argument;

    troupe_wake(waker->system, waker->id, waker->incarnation);
    trp_free(waker);
}

/* TROUPE_PENDING, with a wake to come; sometimes none ever comes (not where a thread might wait for room for ever). */
static troupe_status wait_a_little(troupe_context *ctx)
{
    struct waker *waker;

    if (troupe_simulated(troupe_system_of(ctx)) && roll(ctx, 8) == 0)
        return TROUPE_PENDING;
    waker = trp_alloc(sizeof *waker);
    if (!waker)
        return TROUPE_OK;
    *waker = (struct waker){troupe_system_of(ctx), troupe_self(ctx), troupe_incarnation(ctx)};
    if (troupe_offload(waker->system, wake_later, waker) == TROUPE_OK)
        return TROUPE_PENDING;
    trp_free(waker);
    return TROUPE_OK;
}

static const unsigned depths[] = {0, 1, 2, 3};
static const troupe_child_ops node_hooks;
static const troupe_actor_ops node_actor;

static const troupe_spec *new_spec(troupe_context *ctx, troupe_spec *spec, unsigned depth)
{
    *spec = (troupe_spec){.size = sizeof *spec,
                          .child = &node_hooks,
                          .actor = &node_actor,
                          .state_size = sizeof(struct node),
                          .argument = &depths[depth],
                          .mailbox_bound = 1 + (uint32_t)roll(ctx, 8),
                          .mailbox_bytes = 1 + roll(ctx, 64),
                          .on_full = (troupe_on_full)roll(ctx, 4),
                          .drain = roll(ctx, 2),
                          .start_on_own_turn = roll(ctx, 2),
                          .supervised = depth > 0 && roll(ctx, 2),
                          .stop_timeout = 2 * TROUPE_MILLISECOND};
    return spec;
}

static void spawn_child(struct node *node, troupe_context *ctx)
{
    troupe_spec spec;
    troupe_id id;

    if (node->depth >= 3 || node->n_children >= 3)
        return;
    if (troupe_spawn(ctx, new_spec(ctx, &spec, node->depth + 1), &id) == TROUPE_OK)
        node->n_children++;
}

/* What one turn does: every way to end, to wait and to reach others. */
static troupe_status act(struct node *node, troupe_context *ctx, bool may_wait)
{
    troupe_correlation correlation;
    troupe_monitor monitor;
    troupe_id whom = pick(ctx);

    switch (roll(ctx, 16)) {
    case 0:
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "storm");
        return TROUPE_OK;
    case 1:
        troupe_exit_self(ctx);
        return TROUPE_OK;
    case 2:
        return TROUPE_E_FAILED;
    case 3:
    case 4:
        return may_wait ? wait_a_little(ctx) : TROUPE_OK;
    case 5:
    case 6:
        spawn_child(node, ctx);
        return TROUPE_OK;
    case 7:
        any(troupe_monitor_start(ctx, whom, (unsigned)roll(ctx, 4), &monitor));
        return TROUPE_OK;
    case 8:
        any(troupe_send_after(ctx, whom, TROUPE_TEXT("late"), roll(ctx, 3 * TROUPE_MILLISECOND),
                              NULL));
        return TROUPE_OK;
    case 9:
        any(troupe_stop(ctx, whom, (troupe_stop_reason)roll(ctx, 3)));
        return TROUPE_OK;
    case 10:
    case 11:
        if (troupe_request(ctx, whom, TROUPE_TEXT("?"), 1 + roll(ctx, TROUPE_MILLISECOND),
                           &correlation) != TROUPE_OK)
            return TROUPE_OK;
        trp_add_seq(&n_asked, 1);
        if (roll(ctx, 4) == 0)
            troupe_cancel(ctx, correlation);
        return TROUPE_OK;
    default:
        for (uint64_t n = roll(ctx, 6); n > 0; n--)
            any(troupe_send(ctx, pick(ctx), TROUPE_TEXT("x")));
        return TROUPE_OK;
    }
}

static troupe_status settle(void *self, troupe_context *ctx)
{
    enter(self);
    return leave(self, act(self, ctx, true));
}

static troupe_status on_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    enter(self);
    if (message->correlation.value && roll(ctx, 2))
        troupe_reply(ctx, message->payload);
    else if (message->correlation.value && roll(ctx, 4) == 0)
        any(troupe_delegate(ctx, message->correlation, pick(ctx), message->payload));
    return leave(self, act(self, ctx, true));
}

static void on_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    (void)answer;
    enter(self);
    trp_add_seq(&n_answered, 1);
    leave(self, act(self, ctx, false));
}

static void on_notice(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct node *node = self;

    enter(node);
    if (notice->event == TROUPE_EVENT_CHILD_EXIT)
        any(roll(ctx, 4) ? troupe_restart(ctx, notice->exit.id)
                         : troupe_release(ctx, notice->exit.id, roll(ctx, 2)));
    if (notice->event == TROUPE_EVENT_CHILD_DOWN) {
        if (node->n_children == 0)
            trp_add_seq(&n_down_twice, 1); /* of a child that was never there, or was down before */
        else
            node->n_children--;
    }
    leave(node, TROUPE_OK);
}

static troupe_status on_resume(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)message;
    enter(self);
    return leave(self, act(self, ctx, true));
}

static void on_abandon(void *self, troupe_context *ctx)
{
    (void)ctx;
    enter(self);
    leave(self, TROUPE_OK);
}

static troupe_status before_end(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)reason;
    enter(self);
    return leave(self, act(self, ctx, true));
}

static void end(void *self)
{
    struct node *node = self;

    if (node->mark != 1 || node->busy)
        trp_add_seq(&n_double, 1);
    node->mark = 2;
    trp_add_seq(&n_left, 1);
}

static const troupe_child_ops node_hooks = {begin, settle, before_end, end, NULL};
static const troupe_actor_ops node_actor = {.handle_message = on_message,
                                            .handle_reply = on_reply,
                                            .handle_down = on_notice,
                                            .resume = on_resume,
                                            .abandon = on_abandon};

/* ---- the weather ---- */

/* Somebody who looks on stops nobody, and sees nothing that cannot be. */
static void look_on(troupe_context *me)
{
    troupe_system *system = troupe_system_of(me);
    troupe_dead_letter letters[4];
    troupe_info rows[64];
    size_t n = troupe_snapshot(system, rows, 64);

    for (size_t i = 0; i < n && i < 64; i++) {
        if (!rows[i].id.value || rows[i].state_bytes != sizeof(struct node))
            trp_add_seq(&n_odd_rows, 1);
    }
    n = troupe_dead_letters(system, letters, 4);
    for (size_t i = 1; i < n; i++) {
        if (letters[i].number + 1 != letters[i - 1].number)
            trp_add_seq(&n_odd_rows, 1);
    }
    if (roll(me, 2))
        any(troupe_dead_letters_subscribe(me));
    else
        troupe_dead_letters_unsubscribe(me);
}

static void blow(troupe_context *me, unsigned n)
{
    troupe_system *system = troupe_system_of(me);
    troupe_message message;
    troupe_spec spec;
    troupe_id id;

    for (unsigned i = 0; i < n; i++) {
        troupe_id whom = pick(me);

        switch (roll(me, 13)) {
        case 0:
        case 1:
            any(troupe_spawn(me, new_spec(me, &spec, 0), &id));
            break;
        case 2:
            any(troupe_kill(me, whom));
            break;
        case 3:
            any(troupe_stop(me, whom, (troupe_stop_reason)roll(me, 3)));
            break;
        case 4:
            any(troupe_call(me, whom, TROUPE_TEXT("?"), 1 + roll(me, TROUPE_MILLISECOND), NULL));
            break;
        case 5:
            any(troupe_receive(me, roll(me, TROUPE_MILLISECOND), &message));
            break;
        case 6:
            any(troupe_wait_end(me, whom, roll(me, TROUPE_MILLISECOND), NULL));
            break;
        case 7:
            troupe_wake(system, whom, 1 + (uint32_t)roll(me, 3));
            break;
        case 8:
            look_on(me);
            break;
        default:
            if (!troupe_simulated(system) || roll(me, 2))
                any(troupe_send(me, whom, TROUPE_TEXT("x")));
            else
                troupe_step(system);
        }
    }
}

struct storm {
    troupe_system *system;
    trp_thread thread;
};

static void blow_beside(void *arg)
{
    struct storm *storm = arg;
    troupe_context *me = troupe_attach(storm->system);

    if (me)
        blow(me, 300);
    troupe_detach(me);
}

static void start_counts(void)
{
    trp_store_seq(&n_entered, 0);
    trp_store_seq(&n_left, 0);
    trp_store_seq(&n_double, 0);
    trp_store_seq(&n_asked, 0);
    trp_store_seq(&n_answered, 0);
    trp_store_seq(&n_down_twice, 0);
    trp_store_seq(&n_odd_rows, 0);
    for (size_t i = 0; i < N_KEPT; i++)
        trp_store_seq(&some_ids[i], 0);
}

static void check_and_free(troupe_system *system, troupe_context *me)
{
    troupe_totals totals;
    uint64_t walked;

    troupe_system_stop(system);
    walked = troupe_account_now(system, &totals);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.sent, totals.handled + totals.dead_letters + walked);
    assert_int_equal(trp_load_seq(&n_entered), trp_load_seq(&n_left));
    assert_int_equal(trp_load_seq(&n_double), 0);
    assert_int_equal(trp_load_seq(&n_down_twice), 0);
    assert_int_equal(trp_load_seq(&n_odd_rows), 0);
    assert_true(trp_load_seq(&n_answered) <= trp_load_seq(&n_asked));
    troupe_detach(me);
    troupe_system_free(system);
}

/* The fingerprint of the storm that this seed makes. */
static uint64_t simulate(uint64_t seed, const troupe_faults *faults)
{
    troupe_system *system = NULL;
    troupe_context *me;
    uint64_t schedule;

    start_counts();
    assert_int_equal(
        troupe_system_new(
            &TROUPE_SYSTEM_OPTIONS(.simulation = true, .seed = seed, .faults = faults), &system),
        TROUPE_OK);
    me = troupe_attach(system);
    blow(me, 300);
    schedule = troupe_schedule(system);
    check_and_free(system, me);
    return schedule;
}

static void test_after_a_storm_in_simulation_everything_adds_up(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        simulate(seed, NULL);
}

static void test_after_a_storm_with_faults_everything_adds_up(void **state)
{
    const troupe_faults *faults = TROUPE_FAULTS(.no_memory_one_in = 60, .stall_one_in = 20,
                                                .stall_ns = 200 * TROUPE_MICROSECOND,
                                                .late_one_in = 3, .late_ns = TROUPE_MILLISECOND);

    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t schedule = simulate(seed, faults);

        if (seed % 20 == 0)
            assert_int_equal(simulate(seed, faults), schedule);
    }
}

static void test_the_same_seed_makes_the_same_storm(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t schedule = simulate(seed, NULL);

        assert_int_equal(simulate(seed, NULL), schedule);
        assert_int_not_equal(schedule, last);
        last = schedule;
    }
}

static void test_after_a_storm_on_threads_everything_adds_up(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        troupe_system *system = NULL;
        struct storm storms[2];
        troupe_context *me;

        start_counts();
        assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.workers = 3), &system),
                         TROUPE_OK);
        me = troupe_attach(system);
        for (int i = 0; i < 2; i++) {
            storms[i].system = system;
            assert_true(trp_thread_start(&storms[i].thread, "storm", 0, blow_beside, &storms[i]));
        }
        blow(me, 100);
        if (round % 2)
            troupe_system_stop(system); /* beside the others, who go on */
        for (int i = 0; i < 2; i++)
            trp_thread_join(&storms[i].thread);
        check_and_free(system, me);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_a_storm_in_simulation_everything_adds_up),
        cmocka_unit_test(test_after_a_storm_with_faults_everything_adds_up),
        cmocka_unit_test(test_the_same_seed_makes_the_same_storm),
        cmocka_unit_test(test_after_a_storm_on_threads_everything_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
