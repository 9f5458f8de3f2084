/* Handlers that hold their worker, and components that have always more to do: others get their turns. */
#include "actor_testing.h"

#include "cell.h"

#define N_SPARES 2u

static _Atomic bool gate;
static _Atomic uint32_t n_inside, n_handed_off, n_sunk, n_failed;

static int set_up_workers(void **state, unsigned workers)
{
    trp_store_seq(&gate, false);
    trp_store_seq(&n_inside, 0);
    trp_store_seq(&n_handed_off, 0);
    trp_store_seq(&n_sunk, 0);
    trp_store_seq(&n_failed, 0);
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.workers = workers, .spares = N_SPARES));
}

static int on_one_worker(void **state)
{
    return set_up_workers(state, 1);
}

static int on_two_workers(void **state)
{
    return set_up_workers(state, 2);
}

static int open_and_tear_down(void **state)
{
    trp_store_seq(&gate, true); /* also for a test that failed before it did */
    return tear_down(state) || trp_load_seq(&n_failed) ? -1 : 0;
}

static troupe_status echo(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops echo_ops = {.handle_message = echo};

static void call_it(fixture *f, troupe_id id)
{
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("hello"), 20 * TROUPE_SECOND, NULL),
                     TROUPE_OK);
}

/* Waits for what other threads do; a test that would wait for ever fails instead. */
static void wait_for_count(_Atomic uint32_t *count, uint32_t n)
{
    uint64_t deadline = trp_monotonic_ns() + 20 * TROUPE_SECOND;

    while (trp_load_seq(count) < n) {
        if (trp_monotonic_ns() > deadline)
            fail_msg("%s", "it did not come about within 20 s");
        trp_pause();
    }
}

/* ---- a handler that holds its worker ---- */

static troupe_status hold(void *self, troupe_context *ctx, const troupe_message *message)
{
    uint32_t n;

    (void)self;
    if (message->payload.size && troupe_overrun(ctx))
        trp_add_seq(&n_handed_off, 1);
    n = trp_add_seq(&n_inside, 1) + 1;
    if (n > N_SPARES + 1)
        trp_add_seq(&n_failed, 1);
    while (!trp_load_seq(&gate))
        trp_pause();
    trp_sub_seq(&n_inside, 1);
    return TROUPE_OK;
}

static const troupe_actor_ops holding_ops = {.handle_message = hold};

static void test_a_handler_that_never_looks_up_delays_nobody(void **state)
{
    fixture *f = *state;
    troupe_id holder = spawn_named(f, NULL, NULL, &holding_ops, 0);
    troupe_id other = spawn_named(f, NULL, NULL, &echo_ops, 0);

    assert_int_equal(troupe_send(f->me, holder, TROUPE_TEXT("")), TROUPE_OK);
    wait_for_count(&n_inside, 1);
    for (int i = 0; i < 100; i++)
        call_it(f, other);
    assert_int_equal(trp_load_seq(&n_inside), 1); /* it still does not look up */
    trp_store_seq(&gate, true);
}

static void test_spares_are_bounded_when_many_overrun_at_once(void **state)
{
    fixture *f = *state;
    troupe_id holders[8];

    for (size_t i = 0; i < 8; i++)
        holders[i] = spawn_named(f, NULL, NULL, &holding_ops, 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(troupe_send(f->me, holders[i], TROUPE_TEXT("say so")), TROUPE_OK);
    wait_for_count(&n_inside, N_SPARES + 1);
    assert_int_equal(trp_load_seq(&n_handed_off), N_SPARES);
    trp_store_seq(&gate, true);
    for (size_t i = 0; i < 8; i++)
        wait_until_handled(f, holders[i], 1);
}

/* ---- it sends while it overruns ---- */

static troupe_status sink(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    trp_add_seq(&n_sunk, 1);
    return TROUPE_OK;
}

static const troupe_actor_ops sink_ops = {.handle_message = sink};

typedef struct pusher {
    troupe_id to;
    bool says_so;
    _Atomic uint32_t n_accepted;
} pusher;

#define N_PUSHED 2000u

/* In one turn: until the sink has handled so many, which somebody else must do meanwhile. */
static troupe_status push(void *self, troupe_context *ctx, const troupe_message *message)
{
    pusher *mine = *(pusher *const *)message->payload.data;
    uint64_t deadline = trp_monotonic_ns() + 20 * TROUPE_SECOND;

    (void)self;
    if (mine->says_so && troupe_overrun(ctx))
        trp_add_seq(&n_handed_off, 1);
    while (trp_load_seq(&n_sunk) < N_PUSHED && trp_monotonic_ns() < deadline) {
        if (troupe_send(ctx, mine->to, TROUPE_TEXT("from a foreign thread")) == TROUPE_OK)
            trp_add_seq(&mine->n_accepted, 1);
    }
    if (trp_load_seq(&n_sunk) < N_PUSHED)
        trp_add_seq(&n_failed, 1);
    trp_add_seq(&n_inside, 1);
    return TROUPE_OK;
}

static const troupe_actor_ops pusher_ops = {.handle_message = push};

static void send_while_overrunning(fixture *f, bool says_so, size_t n)
{
    pusher pushers[2] = {{.says_so = says_so}, {.says_so = says_so}};
    troupe_id to = spawn_named(f, NULL, NULL, &sink_ops, 0);
    uint32_t n_accepted = 0;
    troupe_id ids[2];

    for (size_t i = 0; i < n; i++)
        ids[i] = spawn_named(f, NULL, NULL, &pusher_ops, 0);
    for (size_t i = 0; i < n; i++) {
        pusher *mine = &pushers[i];

        mine->to = to;
        assert_int_equal(troupe_send(f->me, ids[i], TROUPE_BYTES_OF(mine)), TROUPE_OK);
    }
    wait_for_count(&n_inside, (uint32_t)n);
    assert_int_equal(trp_load_seq(&n_failed), 0);
    for (size_t i = 0; i < n; i++)
        n_accepted += trp_load_seq(&pushers[i].n_accepted);
    wait_for_count(&n_sunk, n_accepted);
    wait_until_handled(f, to, n_accepted);
    assert_int_equal(trp_load_seq(&n_sunk), n_accepted);
}

static void test_a_thread_sends_while_it_overruns(void **state)
{
    send_while_overrunning(*state, true, 1);
    assert_int_equal(trp_load_seq(&n_handed_off), 1);
}

static void test_two_threads_send_to_one_while_they_overrun(void **state)
{
    send_while_overrunning(*state, true, 2);
    assert_int_equal(trp_load_seq(&n_handed_off), 2);
}

static void test_a_thread_sends_while_the_clock_finds_that_it_overruns(void **state)
{
    send_while_overrunning(*state, false, 1);
}

/* ---- a component that may block says so once, at its spawn ---- */

typedef struct seen {
    bool pre_start, post_start, message;
} seen;

static seen on_worker; /* of the one component of a test; read after it answered or ended */

static bool is_on_worker(troupe_system *system)
{
    return troupe_executor_on_worker(system->executor);
}

static troupe_status note_pre_start(void *self, const troupe_start *start)
{
    (void)self;
    on_worker.pre_start = is_on_worker(start->system);
    return TROUPE_OK;
}

static troupe_status note_post_start(void *self, troupe_context *ctx)
{
    (void)self;
    on_worker.post_start = is_on_worker(troupe_system_of(ctx));
    return TROUPE_OK;
}

static troupe_status note_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    on_worker.message = is_on_worker(troupe_system_of(ctx));
    return echo(self, ctx, message);
}

static const troupe_child_ops noting_child = {.pre_start = note_pre_start,
                                              .post_start = note_post_start};
static const troupe_actor_ops noting_actor = {.handle_message = note_message};

static troupe_id spawn_noting(fixture *f, bool blocking)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.child = &noting_child, .actor = &noting_actor,
                                              .start_on_own_turn = true, .blocking = blocking),
                                  &id),
                     TROUPE_OK);
    call_it(f, id);
    return id;
}

static void test_each_turn_of_a_blocking_component_gives_its_worker_away(void **state)
{
    fixture *f = *state;

    spawn_noting(f, false);
    assert_true(on_worker.pre_start && on_worker.post_start && on_worker.message);
    spawn_noting(f, true);
    assert_false(on_worker.pre_start || on_worker.post_start || on_worker.message);
    spawn_noting(f, false); /* and takes it back after it */
    assert_true(on_worker.pre_start && on_worker.post_start && on_worker.message);
}

static troupe_status spawn_noting_child(void *self, troupe_context *ctx,
                                        const troupe_message *message)
{
    bool blocking = message->payload.size > 0;
    troupe_id id;

    (void)self;
    if (troupe_spawn(ctx, TROUPE_SPEC(.child = &noting_child, .blocking = blocking), &id) !=
        TROUPE_OK)
        trp_add_seq(&n_failed, 1);
    return troupe_reply(ctx, TROUPE_TEXT(""));
}

static const troupe_actor_ops spawning_ops = {.handle_message = spawn_noting_child};

static void test_the_pre_start_of_a_blocking_child_gives_its_spawners_worker_away(void **state)
{
    fixture *f = *state;
    troupe_id parent = spawn_named(f, NULL, NULL, &spawning_ops, 0);

    assert_int_equal(troupe_call(f->me, parent, TROUPE_TEXT(""), 20 * TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_true(on_worker.pre_start);
    assert_int_equal(troupe_call(f->me, parent, TROUPE_TEXT("blocking"), 20 * TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_false(on_worker.pre_start);
}

static troupe_status overrun_in_vain(void *self, troupe_context *ctx, const troupe_message *message)
{
    if (troupe_overrun(ctx))
        trp_add_seq(&n_failed, 1);
    return echo(self, ctx, message);
}

static const troupe_actor_ops vain_ops = {.handle_message = overrun_in_vain};

static void test_a_simulation_has_no_spare_and_goes_on(void **state)
{
    fixture *f = *state;
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(troupe_spawn(f->me, TROUPE_SPEC(.actor = &vain_ops, .blocking = true), &id),
                     TROUPE_OK);
    call_it(f, id);
    assert_int_equal(trp_load_seq(&n_failed), 0);
}

/* ---- fairness: more to do than one turn holds ---- */

typedef struct greedy {
    troupe_id other;
    _Atomic uint32_t n;        /* messages that it handled */
    _Atomic uint32_t n_before; /* of them, before the other had its turn */
    bool sends;                /* to itself, each time */
} greedy;

static greedy the_greedy;

#define N_GREEDY 100000u

static void must_send(troupe_context *ctx, troupe_id to)
{
    if (troupe_send(ctx, to, TROUPE_TEXT("")) != TROUPE_OK)
        trp_add_seq(&n_failed, 1);
}

static troupe_status take_and_take(void *self, troupe_context *ctx, const troupe_message *message)
{
    uint32_t n = trp_add_seq(&the_greedy.n, 1) + 1;

    (void)self;
    if (n == 1)
        must_send(ctx, the_greedy.other);
    if (the_greedy.sends && n < N_GREEDY && !trp_load_seq(&the_greedy.n_before))
        return troupe_send(ctx, troupe_self(ctx), message->payload);
    return TROUPE_OK;
}

static troupe_status note_how_late(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    trp_store_seq(&the_greedy.n_before, trp_load_seq(&the_greedy.n));
    return TROUPE_OK;
}

static const troupe_actor_ops greedy_ops = {.handle_message = take_and_take};
static const troupe_actor_ops patient_ops = {.handle_message = note_how_late};

static void spawn_greedy(fixture *f, troupe_id *ret_greedy, bool sends)
{
    the_greedy = (greedy){.other = spawn_named(f, NULL, NULL, &patient_ops, 0), .sends = sends};
    *ret_greedy = spawn_named(f, NULL, NULL, &greedy_ops, 0);
}

static void check_fairness(fixture *f)
{
    wait_until_handled(f, the_greedy.other, 1);
    assert_in_range(trp_load_seq(&the_greedy.n_before), 1,
                    64 * 8); /* the batch of a turn; the seed may give some more turns */
}

static void test_one_that_sends_to_itself_does_not_starve_others(void **state)
{
    fixture *f = *state;
    troupe_id id;

    spawn_greedy(f, &id, true);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("")), TROUPE_OK);
    check_fairness(f);
}

static troupe_status flood(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_id to = *(const troupe_id *)message->payload.data;

    (void)self;
    for (uint32_t i = 0; i < TROUPE_MAILBOX_BOUND; i++)
        must_send(ctx, to);
    return TROUPE_OK;
}

static const troupe_actor_ops flood_ops = {.handle_message = flood};

static void test_one_that_is_flooded_does_not_starve_others(void **state)
{
    fixture *f = *state;
    troupe_id id;

    spawn_greedy(f, &id, false);
    assert_int_equal(
        troupe_send(f->me, spawn_named(f, NULL, NULL, &flood_ops, 0), TROUPE_BYTES_OF(id)),
        TROUPE_OK);
    check_fairness(f);
}

#define ON_ONE(test)                                                                               \
    {                                                                                              \
#test, test, on_one_worker, open_and_tear_down, NULL                                       \
    }
#define ON_TWO(test)                                                                               \
    {                                                                                              \
#test " on two workers", test, on_two_workers, open_and_tear_down, NULL                    \
    }
#define IN_SIMULATION(test)                                                                        \
    {                                                                                              \
#test " in simulation", test, in_simulation, tear_down, NULL                               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ONE(test_a_handler_that_never_looks_up_delays_nobody),
        ON_ONE(test_spares_are_bounded_when_many_overrun_at_once),
        ON_ONE(test_a_thread_sends_while_it_overruns),
        ON_TWO(test_a_thread_sends_while_it_overruns),
        ON_ONE(test_two_threads_send_to_one_while_they_overrun),
        ON_ONE(test_a_thread_sends_while_the_clock_finds_that_it_overruns),
        ON_ONE(test_each_turn_of_a_blocking_component_gives_its_worker_away),
        ON_ONE(test_the_pre_start_of_a_blocking_child_gives_its_spawners_worker_away),
        IN_SIMULATION(test_a_simulation_has_no_spare_and_goes_on),
        ON_ONE(test_one_that_sends_to_itself_does_not_starve_others),
        IN_SIMULATION(test_one_that_sends_to_itself_does_not_starve_others),
        ON_ONE(test_one_that_is_flooded_does_not_starve_others),
        IN_SIMULATION(test_one_that_is_flooded_does_not_starve_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
