/* Workers whose tasks overrun: who takes their place, how many may, and an end that does not wait for ever. */
#include "exec_testing.h"

typedef struct duty {
    troupe_task task; /* first */
    troupe_executor *executor;
    void (*does)(struct duty *mine);
    struct duty *other;
    _Atomic uint32_t n_runs;
    _Atomic bool *gate; /* it waits until this is open */
    bool says_so;       /* it calls troupe_executor_overrun */
    bool handed_off;    /* what that answered */
    uint64_t n_wakes;   /* seen from inside */
    pthread_t thread;
} duty;

static void run_duty(void *arg, troupe_task *task)
{
    duty *mine = (duty *)(void *)task;

    (void)arg;
    mine->thread = pthread_self();
    if (mine->does)
        mine->does(mine);
    trp_add_seq(&mine->n_runs, 1); /* from here on it is the test's again */
}

static troupe_executor *make(unsigned workers, unsigned spares)
{
    troupe_executor *executor = NULL;

    assert_int_equal(
        troupe_executor_new(
            &TROUPE_EXECUTOR_OPTIONS(.workers = workers, .spares = spares, .run = run_duty),
            &executor),
        TROUPE_OK);
    return executor;
}

static bool has_run(void *arg)
{
    duty *mine = arg;

    return trp_load_seq(&mine->n_runs) > 0;
}

static void run_and_wait(duty *mine)
{
    trp_store_seq(&mine->n_runs, 0);
    troupe_executor_submit(mine->executor, &mine->task);
    wait_until(has_run, mine);
}

static uint32_t threads_of(troupe_executor *executor)
{
    return trp_load_seq(&executor->n_started);
}

/* ---- a spare takes over ---- */

/* What the lone worker still held would wait there for the clock. */
static bool holds_nothing(duty *mine)
{
    return !trp_load_seq(&mine->executor->workers[0].next);
}

static void overrun_until_the_other_ran(duty *mine)
{
    if (mine->says_so)
        mine->handed_off = troupe_executor_overrun(mine->executor) && holds_nothing(mine);
    while (!trp_load_seq(&mine->other->n_runs))
        trp_pause();
}

static void submit_then_overrun(duty *mine)
{
    troupe_executor_submit(mine->executor, &mine->other->task);
    overrun_until_the_other_ran(mine);
}

static void overrun_then_submit(duty *mine)
{
    mine->handed_off =
        troupe_executor_overrun(mine->executor) && !troupe_executor_on_worker(mine->executor);
    troupe_executor_submit(mine->executor, &mine->other->task);
    mine->handed_off = mine->handed_off && holds_nothing(mine);
    while (!trp_load_seq(&mine->other->n_runs))
        trp_pause();
}

static void a_lone_worker_is_relieved(void (*does)(duty *mine), bool says_so)
{
    troupe_executor *executor = make(1, 1);
    duty behind = {.executor = executor};
    duty holder = {.executor = executor, .does = does, .other = &behind, .says_so = says_so};

    run_and_wait(&holder);
    assert_int_equal(trp_load_seq(&behind.n_runs), 1);
    assert_int_equal(holder.handed_off, says_so);
    assert_false(pthread_equal(holder.thread, behind.thread));
    troupe_executor_free(executor);
}

static void test_what_waits_behind_a_task_that_overruns_runs_on_a_spare(void **state)
{
    (void)state;
    a_lone_worker_is_relieved(submit_then_overrun, true);
}

static void test_what_an_overrunning_task_submits_runs_on_a_spare(void **state)
{
    (void)state;
    a_lone_worker_is_relieved(overrun_then_submit, true);
}

static void test_a_task_that_says_nothing_is_found_by_the_clock(void **state)
{
    (void)state;
    a_lone_worker_is_relieved(submit_then_overrun, false);
}

static void wait_for_the_gate(duty *mine)
{
    if (mine->says_so)
        mine->handed_off = troupe_executor_overrun(mine->executor);
    while (!trp_load_seq(mine->gate))
        trp_pause();
}

static void test_a_task_from_outside_runs_while_the_only_worker_is_stuck(void **state)
{
    troupe_executor *executor = make(1, 1);
    _Atomic bool gate = false;
    duty stuck = {.executor = executor, .does = wait_for_the_gate, .gate = &gate};
    duty other = {.executor = executor};

    (void)state;
    troupe_executor_submit(executor, &stuck.task);
    for (int i = 0; i < 100; i++)
        run_and_wait(&other);
    trp_store_seq(&gate, true);
    troupe_executor_free(executor);
    assert_int_equal(trp_load_seq(&stuck.n_runs), 1);
}

/* ---- bounds ---- */

#define N_STUCK 8

static bool three_run(void *arg)
{
    _Atomic uint32_t *n = arg;

    return trp_load_seq(n) == 3;
}

static _Atomic uint32_t n_inside, n_refused;

static void count_then_wait_for_the_gate(duty *mine)
{
    mine->handed_off = troupe_executor_overrun(mine->executor);
    if (!mine->handed_off)
        trp_add_seq(&n_refused, 1);
    trp_add_seq(&n_inside, 1);
    while (!trp_load_seq(mine->gate))
        trp_pause();
}

static void test_no_more_spares_than_allowed_are_made(void **state)
{
    troupe_executor *executor = make(1, 2);
    _Atomic bool gate = false;
    duty stuck[N_STUCK];

    (void)state;
    trp_store_seq(&n_inside, 0);
    trp_store_seq(&n_refused, 0);
    for (int i = 0; i < N_STUCK; i++) {
        stuck[i] =
            (duty){.executor = executor, .does = count_then_wait_for_the_gate, .gate = &gate};
        troupe_executor_submit(executor, &stuck[i].task);
    }
    wait_until(three_run,
               &n_inside); /* one worker, two spares: the third is told that none is left */
    assert_int_equal(trp_load_seq(&n_refused), 1);
    assert_int_equal(threads_of(executor), 3);
    trp_store_seq(&gate, true);
    for (int i = 0; i < N_STUCK; i++)
        wait_until(has_run, &stuck[i]);
    assert_int_equal(threads_of(executor), 3);
    troupe_executor_free(executor);
}

static void overrun_and_look(duty *mine)
{
    mine->handed_off = troupe_executor_overrun(mine->executor) &&
                       troupe_executor_overrun(mine->executor); /* it stays so */
    mine->n_wakes = wakes_so_far(mine->executor);
}

static void test_an_overrun_with_nothing_behind_it_wakes_nobody(void **state)
{
    troupe_executor *executor = make(1, 4);
    duty one = {.executor = executor, .does = overrun_and_look};
    pthread_t first = pthread_self();

    (void)state;
    trp_clock_stop(&executor->clock); /* it would relieve a worker that has no core for long */
    for (int i = 0; i < 100; i++) {
        uint64_t before;

        wait_until(all_sleep, executor);
        before = wakes_so_far(executor);
        run_and_wait(&one);
        assert_true(one.handed_off);
        assert_int_equal(one.n_wakes, before + 1); /* its own */
        if (i == 0)
            first = one.thread;
        assert_true(pthread_equal(one.thread, first)); /* who comes back goes on in its place */
    }
    assert_int_equal(threads_of(executor), 2);
    troupe_executor_free(executor);
}

static void overrun_and_submit_both(duty *mine)
{
    (void)troupe_executor_overrun(mine->executor);
    if (mine->other)
        troupe_executor_submit(mine->executor, &mine->other->task);
}

/* The places go round between the threads, and never are there more active ones than workers. */
static void test_places_come_back_after_overruns_that_cross(void **state)
{
    troupe_executor *executor = make(2, 3);
    duty seconds[6], firsts[6];

    (void)state;
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 6; i++) {
            seconds[i] = (duty){.executor = executor, .does = overrun_and_submit_both};
            firsts[i] =
                (duty){.executor = executor, .does = overrun_and_submit_both, .other = &seconds[i]};
            troupe_executor_submit(executor, &firsts[i].task);
        }
        for (int i = 0; i < 6; i++)
            wait_until(has_run, &seconds[i]);
        wait_until(all_sleep, executor);
        assert_int_equal(trp_load_seq(&executor->n_sleeping), 2);
        assert_true(threads_of(executor) <= 5);
    }
    troupe_executor_free(executor);
}

/* ---- many at once ---- */

#define N_CHAINS 24
#define N_LINKS 200

typedef struct chain {
    troupe_task task; /* first */
    troupe_executor *executor;
    uint32_t n;
    bool overruns;
    _Atomic bool over;
} chain;

static void run_chain(void *arg, troupe_task *task)
{
    chain *mine = (chain *)(void *)task;

    (void)arg;
    if (mine->overruns && mine->n % 3 == 0)
        (void)troupe_executor_overrun(mine->executor);
    if (++mine->n == N_LINKS)
        trp_store_seq(&mine->over, true);
    else if (mine->n % 2)
        troupe_executor_submit(mine->executor, task); /* from a foreign thread, at times */
    else
        troupe_executor_submit_last(mine->executor, task);
}

static bool is_over(void *arg)
{
    chain *mine = arg;

    return trp_load_seq(&mine->over);
}

static void test_nothing_is_lost_or_doubled_while_workers_change_places(void **state)
{
    troupe_executor *executor = NULL;
    chain chains[N_CHAINS];

    (void)state;
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.workers = 2, .spares = 3, .run = run_chain),
                            &executor),
        TROUPE_OK);
    for (int i = 0; i < N_CHAINS; i++) {
        chains[i] = (chain){.executor = executor, .overruns = i % 2};
        troupe_executor_submit(executor, &chains[i].task);
    }
    for (int i = 0; i < N_CHAINS; i++)
        wait_until(is_over, &chains[i]);
    troupe_executor_free(executor);
    for (int i = 0; i < N_CHAINS; i++)
        assert_int_equal(chains[i].n, N_LINKS);
}

/* ---- an end that does not wait for ever ---- */

static troupe_executor
    *volatile left_behind[2]; /* nobody gives them back: what stays is meant to */
static _Atomic bool late_gate;

static duty not_any_more;

static void submit_when_late(duty *mine)
{
    trp_add_seq(&n_inside, 1);
    while (!trp_load_seq(&late_gate))
        trp_pause();
    troupe_executor_submit(mine->executor, &not_any_more.task);
}

/* Nobody is left of the executor: only the test's own thread, and what a sanitizer runs. */
static bool no_worker_is_left(void *arg)
{
    (void)arg;
    return count_threads("troupe-worker") == 0;
}

static bool is_inside(void *arg)
{
    (void)arg;
    return trp_load_seq(&n_inside) > 0;
}

static void test_stop_does_not_wait_for_a_task_that_never_returns(void **state)
{
    static duty stuck;
    troupe_executor *executor = left_behind[0] = make(2, 1);

    (void)state;
    trp_store_seq(&n_inside, 0);
    stuck = (duty){.executor = executor, .does = submit_when_late};
    troupe_executor_submit(executor, &stuck.task);
    wait_until(is_inside, NULL);
    assert_false(troupe_executor_stop(executor, TROUPE_MILLISECOND));
    assert_false(troupe_executor_stop(executor, TROUPE_FOREVER)); /* the answer stays */
    troupe_executor_free(executor);                               /* and nothing is given back */
    trp_store_seq(&late_gate, true);
    wait_until(has_run, &stuck);
    wait_until(no_worker_is_left, NULL); /* it has come back, and ends */
    assert_int_equal(trp_load_seq(&not_any_more.n_runs), 0);
}

static void wait_in_a_job(troupe_job *job)
{
    (void)job;
    trp_add_seq(&n_inside, 1);
    while (!trp_load_seq(&late_gate))
        trp_pause();
    trp_add_seq(&n_inside, 1);
}

static bool job_is_over(void *arg)
{
    (void)arg;
    return trp_load_seq(&n_inside) == 2;
}

static void test_stop_does_not_wait_for_a_job_that_never_returns(void **state)
{
    static troupe_job job = {.run = wait_in_a_job};
    troupe_executor *executor = left_behind[1] = make(1, 1);

    (void)state;
    trp_store_seq(&n_inside, 0);
    trp_store_seq(&late_gate, false);
    assert_int_equal(troupe_executor_offload(executor, &job), TROUPE_OK);
    wait_until(is_inside, NULL);
    assert_false(troupe_executor_stop(executor, TROUPE_MILLISECOND));
    troupe_executor_free(executor);
    trp_store_seq(&late_gate, true);
    wait_until(job_is_over, NULL);
}

static void test_stop_of_what_returns_joins_all(void **state)
{
    troupe_executor *executor = make(2, 2);
    duty one = {.executor = executor, .does = overrun_and_look};

    (void)state;
    troupe_executor_submit(executor, &one.task);
    assert_true(troupe_executor_stop(executor, TROUPE_FOREVER));
    assert_int_equal(trp_load_seq(&one.n_runs), 1);
    assert_true(troupe_executor_stop(executor, 0));
    troupe_executor_free(executor);
}

static void test_a_foreign_thread_has_no_worker_to_hand_off(void **state)
{
    troupe_executor *executor = make(1, 1);

    (void)state;
    assert_false(troupe_executor_overrun(executor));
    assert_int_equal(threads_of(executor), 1);
    troupe_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_waits_behind_a_task_that_overruns_runs_on_a_spare),
        cmocka_unit_test(test_what_an_overrunning_task_submits_runs_on_a_spare),
        cmocka_unit_test(test_a_task_that_says_nothing_is_found_by_the_clock),
        cmocka_unit_test(test_a_task_from_outside_runs_while_the_only_worker_is_stuck),
        cmocka_unit_test(test_no_more_spares_than_allowed_are_made),
        cmocka_unit_test(test_an_overrun_with_nothing_behind_it_wakes_nobody),
        cmocka_unit_test(test_places_come_back_after_overruns_that_cross),
        cmocka_unit_test(test_nothing_is_lost_or_doubled_while_workers_change_places),
        cmocka_unit_test(test_stop_does_not_wait_for_a_task_that_never_returns),
        cmocka_unit_test(test_stop_does_not_wait_for_a_job_that_never_returns),
        cmocka_unit_test(test_stop_of_what_returns_joins_all),
        cmocka_unit_test(test_a_foreign_thread_has_no_worker_to_hand_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
