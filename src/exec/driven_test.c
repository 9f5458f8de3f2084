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

static step again;

static void submit_again(void)
{
    troupe_executor_submit(one, &again.task);
    assert_false(one->driven.signalled); /* a run's own submits write nothing */
}

static void test_a_run_ends_with_its_budget_and_says_that_more_is_ready(void **state)
{
    (void)state;
    again.then = submit_again;
    on_another_thread(submit, &again);
    assert_false(troupe_executor_drives(one) && !is_readable());
    again.then = NULL;
    assert_false(troupe_executor_run(one, 0));
    assert_int_equal(n_run, 1);
    step two[2] = {0};
    submit(&two[0]);
    submit(&two[1]);
    assert_true(troupe_executor_run(one, 0));
    assert_int_equal(n_run, 2);
    assert_true(is_readable());
    assert_false(troupe_executor_run(one, 0));
    assert_int_equal(n_run, 3);
    assert_false(is_readable());
}

static void test_what_a_task_submits_runs_in_the_same_run(void **state)
{
    step first = {.then = submit_again};

    (void)state;
    again.then = NULL;
    one->driven.signalled = false;
    submit(&first);
    signal_is_quiet(&first);
    assert_false(troupe_executor_run(one, TROUPE_FOREVER));
    assert_int_equal(n_run, 2);
}
