/* Simulation: equal seeds give equal runs, others differ; time is virtual. */
#include "exec_testing.h"

#define N_TASKS 8u
#define N_RUNS 20u

typedef struct step {
    troupe_task task; /* first */
    unsigned number, n_left;
} step;

typedef struct run {
    troupe_executor *executor;
    step steps[N_TASKS];
    uint8_t order[N_TASKS * N_RUNS];
    size_t n;
} run;

static void note_step(void *arg, troupe_task *task)
{
    run *mine = arg;
    step *at = (step *)(void *)task;

    assert_true(troupe_executor_on_worker(mine->executor));
    mine->order[mine->n++] = (uint8_t)at->number;
    if (--at->n_left)
        troupe_executor_submit(mine->executor, task);
}

/* The fingerprint of one run; its order stays in mine. */
static uint64_t play(run *mine, uint64_t seed)
{
    uint64_t schedule, before;

    mine->n = 0;
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.policy = TROUPE_POLICY_SIMULATION,
                                                     .seed = seed, .run = note_step, .arg = mine),
                            &mine->executor),
        TROUPE_OK);
    before = troupe_executor_now(mine->executor);
    for (unsigned i = 0; i < N_TASKS; i++) {
        mine->steps[i] = (step){.number = i, .n_left = N_RUNS};
        troupe_executor_submit(mine->executor, &mine->steps[i].task);
    }
    while (troupe_executor_step(mine->executor))
        continue;
    assert_int_equal(mine->n, N_TASKS * N_RUNS);
    assert_true(troupe_executor_now(mine->executor) > before);
    assert_false(troupe_executor_on_worker(mine->executor));
    schedule = troupe_executor_schedule(mine->executor);
    troupe_executor_free(mine->executor);
    return schedule;
}

static void test_equal_seeds_give_equal_schedules(void **state)
{
    static run first, second;

    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_int_equal(play(&first, seed), play(&second, seed));
        assert_memory_equal(first.order, second.order, sizeof first.order);
    }
}

static void test_other_seeds_give_other_schedules(void **state)
{
    static run mine;
    uint64_t seen[50];

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        seen[seed] = play(&mine, seed);
        for (uint64_t i = 0; i < seed; i++)
            assert_int_not_equal(seen[seed], seen[i]);
    }
}

static void set_to_one(troupe_timer *timer)
{
    timer->at_ns = 1; /* it is the test's again */
}

static void test_time_jumps_to_the_next_timer_but_not_over_a_wait(void **state)
{
    static run mine;
    troupe_executor *executor = NULL;
    troupe_timer timer;
    uint64_t start;

    (void)state;
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.policy = TROUPE_POLICY_SIMULATION,
                                                     .run = note_step, .arg = &mine),
                            &executor),
        TROUPE_OK);
    start = troupe_executor_now(executor);
    troupe_timer_init(&timer, set_to_one);
    troupe_timer_start(executor, &timer, start + 3600 * TROUPE_SECOND);
    assert_false(troupe_executor_step_until(executor, start + TROUPE_SECOND));
    assert_int_equal(troupe_executor_now(executor), start + TROUPE_SECOND);
    assert_true(troupe_executor_step(executor));
    assert_int_equal(troupe_executor_now(executor), start + 3600 * TROUPE_SECOND);
    assert_int_equal(timer.at_ns, 1);
    assert_false(troupe_executor_step(executor));
    troupe_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_seeds_give_equal_schedules),
        cmocka_unit_test(test_other_seeds_give_other_schedules),
        cmocka_unit_test(test_time_jumps_to_the_next_timer_but_not_over_a_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
