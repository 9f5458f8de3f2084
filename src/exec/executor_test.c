/* The executor from outside: tasks, stealing, parking and wakes, jobs, simulation. */
#include "exec_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

/* ---- tasks ---- */

typedef struct work {
    troupe_task task; /* first */
    troupe_executor *executor;
    _Atomic uint32_t n_runs, n_left; /* runs so far; times it submits itself again */
    _Atomic uint32_t n_over;         /* runs that did not */
    _Atomic bool running;
    struct work *also, *then; /* submitted by its run, in this order */
    struct work *waits;       /* its run waits until that one has run */
    struct work *until;       /* it goes on until that one has run */
    bool last;
} work;

static _Atomic uint32_t n_run, n_beside; /* all runs; runs of one task beside itself */

static void submit_if(troupe_executor *executor, work *next)
{
    if (next)
        troupe_executor_submit(executor, &next->task);
}

static void run_work(void *arg, troupe_task *task)
{
    work *mine = (work *)(void *)task;
    troupe_executor *executor = mine->executor;
    uint32_t n_left = trp_load_seq(&mine->n_left);

    (void)arg;
    if (mine->until && trp_load_seq(&mine->until->n_runs))
        n_left = 0;
    if (trp_exchange_seq(&mine->running, true))
        trp_add_seq(&n_beside, 1);
    if (n_left)
        trp_store_seq(&mine->n_left, n_left - 1);
    trp_add_seq(&mine->n_runs, 1);
    while (mine->waits && !trp_load_seq(&mine->waits->n_runs))
        trp_pause();
    submit_if(executor, mine->also);
    submit_if(executor, mine->then);
    trp_store_seq(&mine->running, false);
    if (!n_left)
        trp_add_seq(&mine->n_over, 1); /* from here on the task is its owner's again */
    else if (mine->last)
        troupe_executor_submit_last(executor, task);
    else
        troupe_executor_submit(executor, task);
    trp_add_seq(&n_run, 1);
}

static troupe_executor *make(troupe_policy policy, unsigned workers, uint64_t seed)
{
    troupe_executor *executor = NULL;

    trp_store_seq(&n_run, 0);
    trp_store_seq(&n_beside, 0);
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.policy = policy, .workers = workers,
                                                     .seed = seed, .run = run_work),
                            &executor),
        TROUPE_OK);
    return executor;
}

static bool all_ran(void *arg)
{
    return trp_load_seq(&n_run) >= *(uint32_t *)arg;
}

static void wait_for_runs(uint32_t n)
{
    wait_until(all_ran, &n);
    assert_int_equal(trp_load_seq(&n_run), n);
    assert_int_equal(trp_load_seq(&n_beside), 0);
}

static void test_a_task_from_outside_runs_once_for_each_submit(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS, 2, 0);
    work one = {.executor = executor};

    (void)state;
    for (uint32_t i = 1; i <= 1000; i++) { /* each time the workers are about to sleep, or do */
        troupe_executor_submit(executor, &one.task);
        wait_for_runs(i);
    }
    troupe_executor_free(executor);
}

static void test_a_task_that_submits_itself_goes_on(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS, 1, 0);
    work one = {.executor = executor, .n_left = 10000};
    work two = {.executor = executor, .n_left = 10000, .last = true};

    (void)state;
    troupe_executor_submit(executor, &one.task); /* takes the slot again and again */
    troupe_executor_submit(executor, &two.task); /* and this one gets its turns all the same */
    wait_for_runs(20002);
    troupe_executor_free(executor);
}

/* On one worker: what comes from outside is not starved by a task that always takes the slot. */
static void test_a_busy_worker_looks_at_what_comes_from_outside(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS, 1, 0);
    work other = {.executor = executor};
    work busy = {.executor = executor, .n_left = UINT32_MAX, .until = &other};

    (void)state;
    troupe_executor_submit(executor, &busy.task);
    while (!trp_load_seq(&busy.n_runs))
        trp_pause();
    troupe_executor_submit(executor, &other.task);
    troupe_executor_free(executor); /* would not come back */
    assert_int_equal(trp_load_seq(&other.n_runs), 1);
    assert_int_equal(trp_load_seq(&n_beside), 0);
}

/* The starter puts two tasks on its own worker; the one in the slot waits for the other. A burst of two wakes nobody:
 * the clock sees a worker that does not get on, and sends a thief. */
static void test_what_waits_behind_a_stuck_task_is_stolen(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS, 2, 0);

    (void)state;
    for (uint32_t i = 1; i <= 20; i++) {
        work stolen = {.executor = executor};
        work stuck = {.executor = executor, .waits = &stolen};
        work second = {.executor = executor, .then = &stuck};
        work starter = {.executor = executor, .then = &second};

        second.also = &stolen;
        troupe_executor_submit(executor, &starter.task);
        wait_for_runs(4 * i);
    }
    troupe_executor_free(executor);
}

typedef struct burst {
    work starter;
    work crowd[600]; /* more than a queue holds */
} burst;

static burst *crowd_of;

static void run_burst(void *arg, troupe_task *task)
{
    burst *all = crowd_of;

    if (task != &all->starter.task) {
        run_work(arg, task);
        return;
    }
    for (size_t i = 0; i < 600; i++)
        troupe_executor_submit(all->starter.executor, &all->crowd[i].task);
    /* this worker is busy until another one has run the last of them */
    while (trp_load_seq(&n_run) < 600)
        trp_pause();
    trp_add_seq(&n_run, 1);
}

static void test_a_burst_over_the_queue_is_run_by_thieves(void **state)
{
    troupe_executor *executor = NULL;
    burst *all = calloc(1, sizeof *all);

    (void)state;
    crowd_of = all;
    trp_store_seq(&n_run, 0);
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.workers = 3, .run = run_burst), &executor),
        TROUPE_OK);
    all->starter.executor = executor;
    for (size_t i = 0; i < 600; i++)
        all->crowd[i].executor = executor;
    troupe_executor_submit(executor, &all->starter.task);
    wait_for_runs(601);
    for (size_t i = 0; i < 600; i++)
        assert_int_equal(trp_load_seq(&all->crowd[i].n_runs), 1);
    troupe_executor_free(executor);
    free(all);
}

/* ---- many threads, many tasks ---- */

#define N_FEEDERS 3u
#define N_TASKS 64u
#define N_ROUNDS 300u

typedef struct feeder {
    trp_thread thread;
    troupe_executor *executor;
    work works[N_TASKS];
} feeder;

static void feed(void *arg)
{
    feeder *mine = arg;

    for (uint32_t round = 1; round <= N_ROUNDS; round++) {
        for (size_t i = 0; i < N_TASKS; i++) {
            while (trp_load_seq(&mine->works[i].n_over) < round - 1)
                trp_pause();
            trp_store_seq(&mine->works[i].n_left, 1);
            troupe_executor_submit(mine->executor, &mine->works[i].task);
        }
    }
}

static void test_nothing_is_lost_or_doubled_between_many_threads(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS, 4, 0);
    feeder *feeders = calloc(N_FEEDERS, sizeof *feeders);

    (void)state;
    for (size_t i = 0; i < N_FEEDERS; i++) {
        feeders[i].executor = executor;
        for (size_t j = 0; j < N_TASKS; j++)
            feeders[i].works[j] = (work){.executor = executor, .last = j % 2};
        assert_true(trp_thread_start(&feeders[i].thread, "feeder", 0, feed, &feeders[i]));
    }
    for (size_t i = 0; i < N_FEEDERS; i++)
        trp_thread_join(&feeders[i].thread);
    wait_for_runs(2 * N_FEEDERS * N_TASKS * N_ROUNDS);
    troupe_executor_free(executor);
    free(feeders);
}

static void test_free_runs_what_is_still_queued(void **state)
{
    work works[200];

    (void)state;
    for (int policy = TROUPE_POLICY_THREADS; policy <= TROUPE_POLICY_SIMULATION; policy++) {
        troupe_executor *executor = make((troupe_policy)policy, 2, 1);

        for (size_t i = 0; i < 200; i++) {
            works[i] = (work){.executor = executor, .n_left = 2, .last = i % 2};
            troupe_executor_submit(executor, &works[i].task);
        }
        troupe_executor_free(executor);
        assert_int_equal(trp_load_seq(&n_run), 600);
    }
}

static void test_bad_options_are_refused(void **state)
{
    troupe_executor *executor = NULL;

    (void)state;
    assert_int_equal(troupe_executor_new(NULL, &executor), TROUPE_E_INVALID);
    assert_int_equal(troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.workers = 1), &executor),
                     TROUPE_E_INVALID);
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.run = run_work, .workers = 1025), &executor),
        TROUPE_E_INVALID);
    assert_null(executor);
}

static void test_an_executor_that_finds_no_memory_leaves_nothing(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        troupe_executor *executor = NULL;
        troupe_status status;

        trp_alloc_fail_after(n);
        status =
            troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.run = run_work, .workers = 2), &executor);
        trp_alloc_fail_after(0);
        if (status == TROUPE_OK) {
            troupe_executor_free(executor);
            assert_true(n > 2);
            break;
        }
        assert_null(executor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_from_outside_runs_once_for_each_submit),
        cmocka_unit_test(test_a_task_that_submits_itself_goes_on),
        cmocka_unit_test(test_a_busy_worker_looks_at_what_comes_from_outside),
        cmocka_unit_test(test_what_waits_behind_a_stuck_task_is_stolen),
        cmocka_unit_test(test_a_burst_over_the_queue_is_run_by_thieves),
        cmocka_unit_test(test_nothing_is_lost_or_doubled_between_many_threads),
        cmocka_unit_test(test_free_runs_what_is_still_queued),
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_an_executor_that_finds_no_memory_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
