/* An executor that a host's loop drives: what its descriptor says, and what a run does. */
#include "exec_testing.h"

#include "executor.h"

#include <poll.h>
#include <unistd.h>

static troupe_executor *one; /* the executor of the test that runs */
static unsigned n_run;

typedef struct step {
    troupe_task task; /* first */
    void (*then)(void);
} step;

static void run_step(void *arg, troupe_task *task)
{
    step *mine = (step *)(void *)task;

    (void)arg;
    n_run++;
    if (mine->then)
        mine->then();
}

static int make(void **state)
{
    (void)state;
    n_run = 0;
    return troupe_executor_new(
        &TROUPE_EXECUTOR_OPTIONS(.policy = TROUPE_POLICY_DRIVEN, .run = run_step), &one);
}

static int end(void **state)
{
    (void)state;
    troupe_executor_free(one);
    return 0;
}

static bool is_readable(void)
{
    struct pollfd descriptor = {.fd = troupe_executor_descriptor(one), .events = POLLIN};

    return poll(&descriptor, 1, 0) == 1;
}

static void wait_until_readable(void)
{
    struct pollfd descriptor = {.fd = troupe_executor_descriptor(one), .events = POLLIN};

    assert_int_equal(poll(&descriptor, 1, 20000), 1);
}

static void on_another_thread(void (*run)(void *), void *arg)
{
    trp_thread thread;

    assert_true(trp_thread_start(&thread, "other", 0, run, arg));
    trp_thread_join(&thread);
}

static void submit(void *task)
{
    troupe_executor_submit(one, task);
}

/* ---- tasks ---- */

static void test_the_descriptor_is_readable_while_a_task_waits(void **state)
{
    step first = {0};

    (void)state;
    assert_false(is_readable());
    on_another_thread(submit, &first);
    assert_true(is_readable());
    assert_false(troupe_executor_run(one, TROUPE_FOREVER));
    assert_int_equal(n_run, 1);
    assert_false(is_readable());
}

static void test_only_the_first_of_many_submits_signals(void **state)
{
    step steps[3] = {0};
    uint64_t count = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        on_another_thread(submit, &steps[i]);
    assert_int_equal(read(one->driven.event_fd, &count, sizeof count), sizeof count);
    assert_int_equal(count, 1);
    one->driven.signalled = false;
    troupe_executor_run(one, TROUPE_FOREVER);
    assert_int_equal(n_run, 3);
}

static void test_a_run_ends_with_its_budget_and_says_that_more_is_ready(void **state)
{
    step steps[2] = {0};

    (void)state;
    submit(&steps[0]);
    submit(&steps[1]);
    assert_true(troupe_executor_run(one, 0));
    assert_int_equal(n_run, 1);
    assert_true(is_readable());
    assert_false(troupe_executor_run(one, 0));
    assert_int_equal(n_run, 2);
    assert_false(is_readable());
}

static step second;

static void submit_second(void)
{
    submit(&second);
}

static void test_what_a_task_submits_runs_in_the_same_run(void **state)
{
    step first = {.then = submit_second};

    (void)state;
    submit(&first);
    assert_false(troupe_executor_run(one, TROUPE_FOREVER));
    assert_int_equal(n_run, 2);
    assert_false(is_readable());
}

static void run_it(void *ret_more)
{
    *(bool *)ret_more = troupe_executor_run(one, TROUPE_FOREVER);
}

static void test_only_the_thread_that_made_it_may_run_it(void **state)
{
    step first = {0};
    bool more = true;

    (void)state;
    submit(&first);
    on_another_thread(run_it, &more);
    assert_false(more);
    assert_int_equal(n_run, 0);
    assert_true(troupe_executor_drives(one));
    troupe_executor_run(one, 0);
    assert_int_equal(n_run, 1);
}

static void run_inside(void)
{
    submit(&second);
    assert_true(troupe_executor_on_worker(one));
    assert_false(troupe_executor_run(one, TROUPE_FOREVER));
    assert_int_equal(n_run, 1);
}

static void test_a_run_inside_a_task_does_nothing(void **state)
{
    step first = {.then = run_inside};

    (void)state;
    submit(&first);
    troupe_executor_run(one, TROUPE_FOREVER);
    assert_int_equal(n_run, 2);
    assert_false(troupe_executor_on_worker(one));
}

static void count_job(troupe_job *job)
{
    (void)job;
    assert_true(troupe_executor_on_worker(one));
    n_run += 100;
}

static void offload(void *job)
{
    assert_int_equal(troupe_executor_offload(one, job), TROUPE_OK);
}

static void test_a_job_runs_inside_a_run(void **state)
{
    troupe_job jobs[2] = {{.run = count_job}, {.run = count_job}};

    (void)state;
    on_another_thread(offload, &jobs[0]);
    offload(&jobs[1]);
    assert_true(is_readable());
    assert_true(troupe_executor_run(one, 0));
    assert_int_equal(n_run, 100);
    assert_true(is_readable());
    assert_false(troupe_executor_run(one, 0));
    assert_int_equal(n_run, 200);
    assert_false(is_readable());
}

static void free_it(void *arg)
{
    (void)arg;
    troupe_executor_free(one);
}

static void test_free_on_another_thread_runs_what_is_left(void **state)
{
    step first = {.then = submit_second};
    troupe_job job = {.run = count_job};

    submit(&first);
    offload(&job);
    on_another_thread(free_it, NULL);
    assert_int_equal(n_run, 102);
    assert_int_equal(make(state), 0);
}

/* ---- timers ---- */

static _Atomic uint64_t fired_at;

static void fire(troupe_timer *timer)
{
    (void)timer;
    trp_store_seq(&fired_at, troupe_executor_now(one));
}

static void test_the_descriptor_is_readable_when_a_timer_is_due_and_not_before(void **state)
{
    uint64_t at = troupe_executor_now(one) + 5 * TROUPE_MILLISECOND;
    troupe_timer timer;

    (void)state;
    troupe_timer_init(&timer, fire);
    trp_store_seq(&fired_at, 0);
    troupe_timer_start(one, &timer, at);
    wait_until_readable();
    assert_true(troupe_executor_now(one) >= at);
    assert_false(troupe_executor_run(one, 0));
    assert_true(trp_load_seq(&fired_at) >= at);
    assert_false(is_readable());
}

static void start_soon(void *timer)
{
    troupe_timer_start(one, timer, troupe_executor_now(one) + TROUPE_MILLISECOND);
}

static void test_an_earlier_timer_of_another_thread_is_not_late(void **state)
{
    troupe_timer far, soon;

    (void)state;
    troupe_timer_init(&far, fire);
    troupe_timer_init(&soon, fire);
    trp_store_seq(&fired_at, 0);
    troupe_timer_start(one, &far, troupe_executor_now(one) + 3600 * TROUPE_SECOND);
    troupe_executor_run(one, 0);
    on_another_thread(start_soon, &soon);
    wait_until_readable();
    troupe_executor_run(one, 0);
    assert_int_not_equal(trp_load_seq(&fired_at), 0);
    assert_true(troupe_timer_cancel(one, &far));
}

/* The descriptor stays armed for it; coming for nothing once is cheaper than two calls of the system for each. */
static void test_a_cancelled_timer_wakes_the_host_at_most_once(void **state)
{
    troupe_timer timer;

    (void)state;
    troupe_timer_init(&timer, fire);
    trp_store_seq(&fired_at, 0);
    start_soon(&timer);
    assert_true(troupe_timer_cancel(one, &timer));
    wait_until_readable();
    assert_false(troupe_executor_run(one, 0));
    assert_int_equal(trp_load_seq(&fired_at), 0);
    assert_false(is_readable());
    assert_int_equal(one->driven.armed_ns, TROUPE_FOREVER);
}

/* ---- a driver that waits ---- */

static void rouse(void *arg)
{
    (void)arg;
    troupe_executor_rouse(one);
}

static void test_a_driver_that_waits_comes_back_when_it_is_roused(void **state)
{
    trp_thread thread;

    (void)state;
    assert_true(trp_thread_start(&thread, "other", 0, rouse, NULL));
    assert_true(troupe_executor_drive(one, TROUPE_FOREVER));
    trp_thread_join(&thread);
}

static void test_a_driver_that_waits_comes_back_when_something_ran(void **state)
{
    step first = {0};

    (void)state;
    submit(&first);
    assert_true(troupe_executor_drive(one, TROUPE_FOREVER));
    assert_int_equal(n_run, 1);
    assert_false(troupe_executor_drive(one, troupe_executor_now(one)));
}

static void test_threads_cannot_be_asked_for(void **state)
{
    troupe_executor *none = NULL;

    (void)state;
    assert_int_equal(troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.policy = TROUPE_POLICY_DRIVEN,
                                                                  .run = run_step, .workers = 1),
                                         &none),
                     TROUPE_E_INVALID);
    assert_null(none);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_descriptor_is_readable_while_a_task_waits),
        TEST(test_only_the_first_of_many_submits_signals),
        TEST(test_a_run_ends_with_its_budget_and_says_that_more_is_ready),
        TEST(test_what_a_task_submits_runs_in_the_same_run),
        TEST(test_only_the_thread_that_made_it_may_run_it),
        TEST(test_a_run_inside_a_task_does_nothing),
        TEST(test_a_job_runs_inside_a_run),
        TEST(test_free_on_another_thread_runs_what_is_left),
        TEST(test_the_descriptor_is_readable_when_a_timer_is_due_and_not_before),
        TEST(test_an_earlier_timer_of_another_thread_is_not_late),
        TEST(test_a_cancelled_timer_wakes_the_host_at_most_once),
        TEST(test_a_driver_that_waits_comes_back_when_it_is_roused),
        TEST(test_a_driver_that_waits_comes_back_when_something_ran),
        TEST(test_threads_cannot_be_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
