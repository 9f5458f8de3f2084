/* Who is woken, and who is left asleep: one thief at a time, a budget for the slot, nobody while nothing happens. */
#include "exec_testing.h"

static void (*run_now)(troupe_task *task); /* what tasks of the present test do */

static void run_it(void *arg, troupe_task *task)
{
    (void)arg;
    run_now(task);
}

static troupe_executor *make(unsigned workers, void (*run)(troupe_task *task))
{
    troupe_executor *executor = NULL;

    run_now = run;
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.workers = workers, .run = run_it), &executor),
        TROUPE_OK);
    return executor;
}

static bool is_set(void *arg)
{
    return trp_load_seq((_Atomic bool *)arg);
}

static bool is_seven(void *arg)
{
    return trp_load_seq((_Atomic uint32_t *)arg) == 7;
}

/* ---- thieves ---- */

static struct {
    troupe_executor *executor;
    troupe_task starter, crowd[8];
    _Atomic uint32_t n_run;
    _Atomic bool pushed, go_on;
    uint64_t n_wakes; /* by the pushes */
} burst;

static void push_a_burst(troupe_task *task)
{
    uint64_t before;

    if (task != &burst.starter) {
        trp_add_seq(&burst.n_run, 1);
        return;
    }
    before = wakes_so_far(burst.executor);
    for (size_t i = 0; i < 7; i++)
        troupe_executor_submit_last(burst.executor, &burst.crowd[i]);
    burst.n_wakes = wakes_so_far(burst.executor) - before;
    trp_store_seq(&burst.pushed, true);
    while (!trp_load_seq(&burst.go_on))
        trp_pause();
}

/* Held up, a thief has not come to its first task for as long as the test likes. */
static void push_beside(uint32_t n_thieves)
{
    burst.executor = make(4, push_a_burst);
    trp_store_seq(&burst.n_run, 0);
    trp_store_seq(&burst.pushed, false);
    trp_store_seq(&burst.go_on, false);
    wait_until(all_sleep, burst.executor);
    trp_mutex_lock(&burst.executor->idle_lock);
    burst.executor->n_spares =
        0; /* nor does a spare come to help, however long this machine takes */
    trp_mutex_unlock(&burst.executor->idle_lock);
    trp_store_seq(&burst.executor->n_thieves, n_thieves);
    troupe_executor_submit(burst.executor, &burst.starter);
    wait_until(is_set, &burst.pushed);
}

static void test_a_burst_wakes_nobody_while_a_thief_is_on_its_way(void **state)
{
    (void)state;
    push_beside(0);
    assert_in_range(burst.n_wakes, 1, 4); /* one, and the next when that one has found something */
    trp_store_seq(&burst.go_on, true);
    troupe_executor_free(burst.executor);
    push_beside(1);
    assert_int_equal(burst.n_wakes, 0);
    assert_int_equal(trp_load_seq(&burst.executor->n_sleeping), 3);
    trp_store_seq(&burst.executor->n_thieves, 0);
    trp_store_seq(&burst.go_on, true);
    wait_until(is_seven, &burst.n_run);
    troupe_executor_free(burst.executor);
}

static void test_a_thief_that_found_nothing_makes_way_for_the_next(void **state)
{
    troupe_executor *executor = make(2, push_a_burst);

    (void)state;
    for (int i = 0; i < 100; i++) {
        uint64_t before;

        wait_until(all_sleep, executor);
        before = wakes_so_far(executor);
        trp_thief_wake(executor);
        assert_int_equal(wakes_so_far(executor), before + 1);
    }
    troupe_executor_free(executor);
}

/* ---- the slot's budget ---- */

#define MANY 100000u

static struct {
    troupe_executor *executor;
    troupe_task pair[2], third;
    _Atomic uint32_t n_pair, n_before; /* n_before: runs of the pair before the third's */
    _Atomic bool over;
} duet;

static void wake_each_other(troupe_task *task)
{
    uint32_t n;

    if (task == &duet.third) {
        trp_store_seq(&duet.n_before, trp_load_seq(&duet.n_pair));
        return;
    }
    n = trp_add_seq(&duet.n_pair, 1) + 1;
    if (n == 1)
        troupe_executor_submit_last(duet.executor, &duet.third);
    if (n == MANY || trp_load_seq(&duet.n_before))
        trp_store_seq(&duet.over, true);
    else
        troupe_executor_submit(duet.executor, &duet.pair[n % 2]);
}

static void test_two_that_wake_each_other_do_not_starve_the_queue(void **state)
{
    troupe_executor *executor = duet.executor = make(1, wake_each_other);

    (void)state;
    troupe_executor_submit(executor, &duet.pair[0]);
    wait_until(is_set, &duet.over);
    assert_in_range(trp_load_seq(&duet.n_before), 1,
                    64); /* 16, and some where the injected had a look */
    troupe_executor_free(executor);
}

/* ---- idle ---- */

static bool is_idle(void *arg)
{
    troupe_executor *executor = arg;

    return all_sleep(executor) && trp_load_seq(&executor->clock.idle);
}

static bool sleeps_for_good(void *arg)
{
    switches first = count_switches("troupe-"), second;

    if (!is_idle(arg))
        return false;
    for (int i = 0; i < 1000; i++) /* between the flag and the sleep itself lie some instructions */
        trp_pause();
    second = count_switches("troupe-");
    return first.n == second.n;
}

static _Atomic bool fired;

static void fire(troupe_timer *timer)
{
    (void)timer;
    trp_store_seq(&fired, true);
}

static void run_nothing(troupe_task *task)
{
    (void)task;
}

/* The wait for the timer is long enough for many ticks, and nobody ticks. */
static void test_an_idle_executor_wakes_for_a_timer_alone_and_then_only_the_clock(void **state)
{
    troupe_executor *executor = make(3, run_nothing);
    switches workers, clock;
    troupe_task task = {NULL};
    troupe_timer timer;

    (void)state;
    troupe_executor_submit(executor, &task); /* it has been busy */
    wait_until(sleeps_for_good, executor);
    workers = count_switches("troupe-worker");
    clock = count_switches("troupe-clock");
    trp_store_seq(&fired, false);
    troupe_timer_init(&timer, fire);
    troupe_timer_start(executor, &timer, troupe_executor_now(executor) + 100 * TROUPE_TICK);
    wait_until(is_set, &fired);
    assert_int_equal(workers.n_threads, 3);
    assert_int_equal(count_switches("troupe-worker").n, workers.n);
    assert_int_equal(clock.n_threads, 1);
    /* woken for the new timer, woken by the timer; and a lock that is held at each */
    assert_in_range(count_switches("troupe-clock").n - clock.n, 1, 4);
    troupe_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_wakes_nobody_while_a_thief_is_on_its_way),
        cmocka_unit_test(test_a_thief_that_found_nothing_makes_way_for_the_next),
        cmocka_unit_test(test_two_that_wake_each_other_do_not_starve_the_queue),
        cmocka_unit_test(test_an_idle_executor_wakes_for_a_timer_alone_and_then_only_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
