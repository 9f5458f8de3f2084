/* Blocking jobs. */
#include "exec_testing.h"

#include "executor.h"

static void run_nothing(void *arg, troupe_task *task)
{
    (void)arg;
    (void)task;
}

static troupe_executor *make(troupe_policy policy, unsigned threads)
{
    troupe_executor *executor = NULL;

    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.policy = policy, .workers = 1,
                                                     .job_threads = threads, .run = run_nothing),
                            &executor),
        TROUPE_OK);
    return executor;
}

typedef struct errand {
    troupe_job job; /* first */
    troupe_executor *executor;
    _Atomic uint32_t *awaits; /* blocks until that is not 0 */
    struct errand *then;      /* offloaded by its run */
    _Atomic uint32_t n_runs;
} errand;

static void run_errand(troupe_job *job)
{
    errand *mine = (errand *)(void *)job;

    while (mine->awaits && !trp_load_seq(mine->awaits))
        trp_pause();
    if (mine->then)
        assert_int_equal(troupe_executor_offload(mine->executor, &mine->then->job), TROUPE_OK);
    trp_add_seq(&mine->n_runs, 1);
}

static void init(errand *mine, troupe_executor *executor)
{
    *mine = (errand){.job.run = run_errand, .executor = executor};
}

static bool has_run(void *arg)
{
    return trp_load_seq(&((errand *)arg)->n_runs) > 0;
}

static void offload(errand *mine)
{
    assert_int_equal(troupe_executor_offload(mine->executor, &mine->job), TROUPE_OK);
}

/* One idle thread, two jobs, and the first waits for the second: a thread that is on its way is not idle. */
static void test_two_jobs_at_once_find_two_threads(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS, 4);

    (void)state;
    for (int i = 0; i < 200; i++) {
        errand warm, first, second;

        init(&warm, executor);
        init(&first, executor);
        init(&second, executor);
        first.awaits = &second.n_runs;
        offload(&warm);
        wait_until(has_run, &warm);
        offload(&first);
        offload(&second);
        wait_until(has_run, &first);
        wait_until(has_run, &second);
    }
    troupe_executor_free(executor);
}

static void test_jobs_over_the_bound_wait_and_run_once(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS, 2);
    errand errands[50];
    _Atomic uint32_t gate = 0;

    (void)state;
    for (size_t i = 0; i < 50; i++) {
        init(&errands[i], executor);
        errands[i].awaits = &gate;
        offload(&errands[i]);
    }
    trp_store_seq(&gate, 1);
    for (size_t i = 0; i < 50; i++) {
        wait_until(has_run, &errands[i]);
        assert_int_equal(trp_load_seq(&errands[i].n_runs), 1);
    }
    troupe_executor_free(executor);
}

/* Every thread that others may have is blocked, and more of them wait. The others keep to their bound meanwhile. */
static void test_an_urgent_job_waits_for_no_other(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS, 2);
    errand errands[5], urgent[2];
    _Atomic uint32_t gate = 0;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        init(&errands[i], executor);
        errands[i].awaits = &gate;
        offload(&errands[i]);
    }
    for (size_t i = 0; i < 2; i++) { /* the second finds the thread that the first one had */
        init(&urgent[i], executor);
        assert_int_equal(troupe_executor_offload_urgent(executor, &urgent[i].job), TROUPE_OK);
        wait_until(has_run, &urgent[i]);
    }
    trp_mutex_lock(&executor->jobs.lock);
    assert_true(executor->jobs.n_running <= 2);
    assert_int_equal(executor->jobs.n_threads, 3);
    trp_mutex_unlock(&executor->jobs.lock);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(trp_load_seq(&errands[i].n_runs), 0);
    trp_store_seq(&gate, 1);
    for (size_t i = 0; i < 5; i++)
        wait_until(has_run, &errands[i]);
    troupe_executor_free(executor);
}

static errand *order_seen[8];
static size_t n_seen;

static void note_order(troupe_job *job)
{
    order_seen[n_seen++] = (errand *)(void *)job;
}

static void test_urgent_jobs_stand_before_others_and_keep_their_order(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_SIMULATION, 0);
    errand jobs[6];
    static const size_t expected[6] = {1, 3, 4, 0, 2, 5};

    (void)state;
    n_seen = 0;
    for (size_t i = 0; i < 6; i++) {
        jobs[i] = (errand){.job.run = note_order};
        assert_int_equal(expected[0] == i || expected[1] == i || expected[2] == i
                             ? troupe_executor_offload_urgent(executor, &jobs[i].job)
                             : troupe_executor_offload(executor, &jobs[i].job),
                         TROUPE_OK);
    }
    while (troupe_executor_step(executor))
        ;
    assert_int_equal(n_seen, 6);
    for (size_t i = 0; i < 6; i++)
        assert_ptr_equal(order_seen[i], &jobs[expected[i]]);
    troupe_executor_free(executor);
}

/* Also the job that another one hands on when the threads are told to end. */
static void test_free_runs_every_job(void **state)
{
    (void)state;
    for (int policy = TROUPE_POLICY_THREADS; policy <= TROUPE_POLICY_SIMULATION; policy++) {
        troupe_executor *executor = make((troupe_policy)policy, 3);
        errand firsts[20], seconds[20];

        for (size_t i = 0; i < 20; i++) {
            init(&firsts[i], executor);
            init(&seconds[i], executor);
            firsts[i].then = &seconds[i];
            offload(&firsts[i]);
        }
        troupe_executor_free(executor);
        for (size_t i = 0; i < 20; i++) {
            assert_int_equal(trp_load_seq(&firsts[i].n_runs), 1);
            assert_int_equal(trp_load_seq(&seconds[i].n_runs), 1);
        }
    }
}

/* ---- a task that is still at it when the threads for jobs have ended ---- */

typedef struct latecomer {
    troupe_task task; /* first */
    troupe_executor *executor;
    errand job;
    _Atomic bool began;
    troupe_status status; /* of its offload */
} latecomer;

static bool workers_end(troupe_executor *executor)
{
    bool stopping;

    trp_mutex_lock(&executor->idle_lock);
    stopping = executor->stopping;
    trp_mutex_unlock(&executor->idle_lock);
    return stopping;
}

static void offload_late(void *arg, troupe_task *task)
{
    latecomer *mine = (latecomer *)(void *)task;

    (void)arg;
    trp_store_seq(&mine->began, true);
    while (!workers_end(mine->executor))
        trp_pause();
    mine->status = troupe_executor_offload(mine->executor, &mine->job.job);
}

static bool began(void *arg)
{
    return trp_load_seq(&((latecomer *)arg)->began);
}

static void test_a_job_that_comes_after_their_end_is_refused(void **state)
{
    troupe_executor *executor = NULL;
    static latecomer late;

    (void)state;
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.workers = 1, .run = offload_late), &executor),
        TROUPE_OK);
    late.executor = executor;
    init(&late.job, executor);
    troupe_executor_submit(executor, &late.task);
    wait_until(began, &late);
    assert_true(troupe_executor_stop(executor, TROUPE_FOREVER));
    assert_int_equal(late.status, TROUPE_E_CLOSED);
    troupe_executor_free(executor);
    assert_int_equal(trp_load_seq(&late.job.n_runs), 0);
}

static void test_in_simulation_a_job_runs_inside_a_step(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_SIMULATION, 0);
    errand one;

    (void)state;
    init(&one, executor);
    offload(&one);
    assert_int_equal(trp_load_seq(&one.n_runs), 0);
    assert_true(troupe_executor_step(executor));
    assert_int_equal(trp_load_seq(&one.n_runs), 1);
    assert_false(troupe_executor_step(executor));
    troupe_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_jobs_at_once_find_two_threads),
        cmocka_unit_test(test_jobs_over_the_bound_wait_and_run_once),
        cmocka_unit_test(test_an_urgent_job_waits_for_no_other),
        cmocka_unit_test(test_urgent_jobs_stand_before_others_and_keep_their_order),
        cmocka_unit_test(test_free_runs_every_job),
        cmocka_unit_test(test_a_job_that_comes_after_their_end_is_refused),
        cmocka_unit_test(test_in_simulation_a_job_runs_inside_a_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
