/* What goes wrong on purpose in a simulation: stalls, late answers, memory that is out. All of it from the seed. */
#include "actor_testing.h"

#include <string.h>

static void open_house(fixture *f, const troupe_faults *faults, uint64_t seed)
{
    assert_int_equal(
        troupe_system_new(
            &TROUPE_SYSTEM_OPTIONS(.simulation = true, .seed = seed, .faults = faults), &f->system),
        TROUPE_OK);
    f->me = troupe_attach(f->system);
    assert_non_null(f->me);
}

/* Ends with the account, as every test here does. */
static void close_house(fixture *f)
{
    void *state = f;

    assert_int_equal(tear_down(&state), 0);
}

static void test_faults_are_for_simulations_and_must_make_sense(void **state)
{
    troupe_system *system = NULL;
    const troupe_faults *const wrong[] = {
        TROUPE_FAULTS(.stall_one_in = 3), TROUPE_FAULTS(.stall_ns = 3),
        TROUPE_FAULTS(.late_one_in = 3), TROUPE_FAULTS(.late_ns = 3), &(troupe_faults){.size = 0}};

    (void)state;
    assert_int_equal(
        troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.faults = TROUPE_FAULTS(.no_memory_at = 1)),
                          &system),
        TROUPE_E_INVALID);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(
            troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.simulation = true, .faults = wrong[i]),
                              &system),
            TROUPE_E_INVALID);
    assert_null(system);
}

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops answering = {.handle_message = answer};

/* ---- stalls ---- */

#define STALLERS 20

static uint64_t time_inside(fixture *f, const troupe_id *ids)
{
    uint64_t sum = 0;
    troupe_info info;

    for (int i = 0; i < STALLERS; i++) {
        assert_int_equal(troupe_info_of(f->system, ids[i], &info), TROUPE_OK);
        sum += info.busy_ns;
    }
    return sum;
}

static void test_while_a_turn_stalls_time_passes_and_others_go_on(void **state)
{
    fixture f;
    troupe_id ids[STALLERS];
    uint64_t began, inside;

    (void)state;
    open_house(&f, TROUPE_FAULTS(.stall_one_in = 1, .stall_ns = TROUPE_MILLISECOND), 7);
    for (int i = 0; i < STALLERS; i++)
        ids[i] = spawn_named(&f, NULL, NULL, &answering, 0);
    inside = time_inside(&f, ids);
    began = troupe_now(f.system);
    for (int i = 0; i < STALLERS; i++)
        assert_int_equal(troupe_send(f.me, ids[i], TROUPE_TEXT("x")), TROUPE_OK);
    for (int i = 0; i < STALLERS; i++)
        wait_until_handled(&f, ids[i], 1);
    inside = time_inside(&f, ids) - inside;
    assert_true(inside > STALLERS * 100 * TROUPE_MICROSECOND); /* half a millisecond each, or so */
    assert_true(troupe_now(f.system) - began < inside);        /* beside each other */
    close_house(&f);
}

/* ---- late answers ---- */

static void test_a_late_answer_may_lose_against_the_timeout(void **state)
{
    fixture f;
    troupe_id id;
    unsigned n_ok = 0, n_late = 0;

    (void)state;
    open_house(&f, TROUPE_FAULTS(.late_one_in = 2, .late_ns = 2 * TROUPE_MILLISECOND), 7);
    id = spawn_named(&f, NULL, NULL, &answering, 0);
    for (int i = 0; i < 200; i++) {
        troupe_status status = troupe_call(f.me, id, TROUPE_TEXT("x"), TROUPE_MILLISECOND, NULL);

        n_ok += status == TROUPE_OK;
        n_late += status == TROUPE_E_TIMEOUT;
    }
    assert_int_equal(n_ok + n_late, 200);
    assert_true(n_ok > 100 && n_late > 20);
    close_house(&f); /* with late answers that nobody waits for any more */
}

static troupe_status answer_shared(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_payload *payload = troupe_payload_new(message->payload);
    troupe_status status =
        payload ? troupe_reply_shared(ctx, (troupe_correlation){0}, payload) : TROUPE_E_NO_MEMORY;

    (void)self;
    troupe_payload_unref(payload);
    return status;
}

static void expect_late_answers(const troupe_actor_ops *actor)
{
    fixture f;
    troupe_id id;
    uint64_t began;

    open_house(&f, TROUPE_FAULTS(.late_one_in = 1, .late_ns = 2 * TROUPE_MILLISECOND), 7);
    id = spawn_named(&f, NULL, NULL, actor, 0);
    began = troupe_now(f.system);
    for (uint64_t i = 1; i <= 100; i++) {
        troupe_reply_buffer reply;

        assert_int_equal(troupe_call(f.me, id, TROUPE_BYTES_OF(i), TROUPE_SECOND, &reply),
                         TROUPE_OK);
        assert_int_equal(troupe_reply_u64(&reply), i);
        troupe_reply_clear(&reply);
    }
    assert_true(troupe_now(f.system) - began > 20 * TROUPE_MILLISECOND);
    close_house(&f);
}

static void test_a_late_answer_is_the_right_one(void **state)
{
    static const troupe_actor_ops sharing = {.handle_message = answer_shared};

    (void)state;
    expect_late_answers(&answering);
    expect_late_answers(&sharing);
}

/* ---- memory ---- */

/* One allocation for each send, and nobody else's in between. */
static troupe_status send_ten(void *self, troupe_context *ctx, const troupe_message *message)
{
    uint64_t n_failed = 0;

    (void)self;
    if (message->payload.size != 3)
        return TROUPE_OK;
    for (int i = 0; i < 10; i++)
        n_failed += troupe_send(ctx, troupe_self(ctx), TROUPE_TEXT("x")) == TROUPE_E_NO_MEMORY;
    return troupe_reply(ctx, TROUPE_BYTES_OF(n_failed));
}

static const troupe_actor_ops sending = {.handle_message = send_ten};

/* How many of ten sends of one handler found no memory; 0 when another allocation did. */
static uint64_t run_sends(const troupe_faults *faults, uint64_t seed)
{
    troupe_reply_buffer reply = {NULL};
    uint64_t n_failed = 0;
    troupe_id id = TROUPE_NOBODY;
    fixture f;

    open_house(&f, faults, seed);
    if (troupe_spawn(f.me, TROUPE_SPEC(.actor = &sending), &id) == TROUPE_OK &&
        troupe_call(f.me, id, TROUPE_TEXT("go!"), TROUPE_SECOND, &reply) == TROUPE_OK)
        n_failed = troupe_reply_u64(&reply);
    troupe_reply_clear(&reply);
    close_house(&f);
    return n_failed;
}

static void test_the_nth_allocation_of_the_turns_fails_once(void **state)
{
    unsigned n_runs = 0;

    (void)state;
    for (uint64_t n = 1; n <= 40; n++) {
        uint64_t n_failed = run_sends(TROUPE_FAULTS(.no_memory_at = n), 7);

        assert_true(n_failed <= 1);
        n_runs += n_failed == 1;
    }
    assert_int_equal(n_runs, 10);
    assert_int_equal(run_sends(TROUPE_FAULTS(.no_memory_at = 0), 7), 0);
}

static void test_allocations_fail_by_chance_and_the_same_ones_again(void **state)
{
    uint64_t n_all = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t n = run_sends(TROUPE_FAULTS(.no_memory_one_in = 8), seed);

        assert_int_equal(run_sends(TROUPE_FAULTS(.no_memory_one_in = 8), seed), n);
        n_all += n;
    }
    assert_true(n_all > 10 && n_all < 200);
}

static troupe_status wait_for_ever(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)self;
    (void)ctx;
    (void)reason;
    return TROUPE_PENDING;
}

static const troupe_child_ops never_stopping = {.pre_stop = wait_for_ever};

/* Whichever allocation fails, that of the time limit too. */
static void test_a_stop_without_memory_for_its_time_limit_comes_to_its_end(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 12; n++) {
        fixture f;
        troupe_id id;
        troupe_exit exit;

        open_house(&f, TROUPE_FAULTS(.no_memory_at = n), 7);
        id = spawn_named(&f, NULL, &never_stopping, &answering, 0);
        assert_int_equal(troupe_stop(f.me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
        assert_int_equal(troupe_wait_end(f.me, id, 20 * TROUPE_SECOND, &exit), TROUPE_OK);
        assert_int_equal(exit.reason, TROUPE_EXIT_KILLED);
        close_house(&f);
    }
}

static void test_two_simulations_of_one_thread_have_faults_of_their_own(void **state)
{
    fixture with, without;
    troupe_id id;

    (void)state;
    open_house(&with, TROUPE_FAULTS(.no_memory_one_in = 1), 7);
    open_house(&without, NULL, 7);
    assert_int_equal(troupe_spawn(with.me, TROUPE_SPEC(.actor = &answering), &id), TROUPE_OK);
    assert_int_equal(troupe_call(with.me, id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_E_NO_MEMORY);
    id = spawn_named(&without, NULL, NULL, &answering, 0);
    assert_int_equal(troupe_call(without.me, id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL), TROUPE_OK);
    close_house(&without);
    close_house(&with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_are_for_simulations_and_must_make_sense),
        cmocka_unit_test(test_while_a_turn_stalls_time_passes_and_others_go_on),
        cmocka_unit_test(test_a_late_answer_may_lose_against_the_timeout),
        cmocka_unit_test(test_a_late_answer_is_the_right_one),
        cmocka_unit_test(test_the_nth_allocation_of_the_turns_fails_once),
        cmocka_unit_test(test_allocations_fail_by_chance_and_the_same_ones_again),
        cmocka_unit_test(test_a_stop_without_memory_for_its_time_limit_comes_to_its_end),
        cmocka_unit_test(test_two_simulations_of_one_thread_have_faults_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
