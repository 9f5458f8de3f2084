/* Timers and ticks. */
#include "exec_testing.h"

#include "executor.h"

static void run_nothing(void *arg, troupe_task *task)
{
    (void)arg;
    (void)task;
}

static troupe_executor *make(troupe_policy policy)
{
    troupe_executor *executor = NULL;

    assert_int_equal(troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.policy = policy, .workers = 1,
                                                                  .seed = 5, .run = run_nothing),
                                         &executor),
                     TROUPE_OK);
    return executor;
}

/* ---- timers ---- */

typedef struct alarm {
    troupe_timer timer; /* first */
    troupe_executor *executor;
    _Atomic uint32_t n_fired;
    _Atomic uint64_t fired_at, place; /* place: the how-manieth of all */
} alarm;

static _Atomic uint64_t n_fired;

static void fire(troupe_timer *timer)
{
    alarm *mine = (alarm *)(void *)timer;

    trp_store_seq(&mine->fired_at, troupe_executor_now(mine->executor));
    trp_store_seq(&mine->place, trp_load_seq(&n_fired) + 1); /* only the clock's thread counts */
    trp_add_seq(&mine->n_fired, 1);
    trp_add_seq(&n_fired, 1); /* from here on the alarm is the test's again */
}

static void set_up(alarm *alarms, size_t n, troupe_executor *executor)
{
    trp_store_seq(&n_fired, 0);
    for (size_t i = 0; i < n; i++) {
        alarms[i] = (alarm){.executor = executor};
        troupe_timer_init(&alarms[i].timer, fire);
    }
}

static bool all_fired(void *arg)
{
    return trp_load_seq(&n_fired) >= *(uint64_t *)arg;
}

static void wait_for_fires(troupe_executor *executor, uint64_t n)
{
    if (troupe_executor_simulated(executor)) {
        while (troupe_executor_step(executor))
            continue;
    }
    wait_until(all_fired, &n);
    assert_int_equal(trp_load_seq(&n_fired), n);
}

static void timers_fire_in_order_of_time(troupe_policy policy)
{
    static const unsigned delays[] = {7, 3, 9, 1, 5, 8, 2, 6, 4, 10};
    troupe_executor *executor = make(policy);
    uint64_t now = troupe_executor_now(executor);
    alarm alarms[10];

    set_up(alarms, 10, executor);
    for (size_t i = 0; i < 10; i++)
        troupe_timer_start(executor, &alarms[i].timer, now + delays[i] * 10 * TROUPE_MILLISECOND);
    wait_for_fires(executor, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(trp_load_seq(&alarms[i].place), delays[i]);
        assert_int_equal(trp_load_seq(&alarms[i].n_fired), 1);
        assert_true(trp_load_seq(&alarms[i].fired_at) >= now + delays[i] * 10 * TROUPE_MILLISECOND);
    }
    troupe_executor_free(executor);
}

static void test_timers_fire_once_and_in_order_of_time(void **state)
{
    (void)state;
    timers_fire_in_order_of_time(TROUPE_POLICY_THREADS);
    timers_fire_in_order_of_time(TROUPE_POLICY_SIMULATION);
}

/* The clock sleeps for long (every worker does); an earlier timer must wake it. */
static void test_an_earlier_timer_is_not_late(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS);
    alarm alarms[2];

    (void)state;
    set_up(alarms, 2, executor);
    while (!trp_load_seq(&executor->clock.idle))
        trp_pause();
    troupe_timer_start(executor, &alarms[0].timer,
                       troupe_executor_now(executor) + 600 * TROUPE_SECOND);
    troupe_timer_start(executor, &alarms[1].timer,
                       troupe_executor_now(executor) + TROUPE_MILLISECOND);
    wait_for_fires(executor, 1);
    assert_int_equal(trp_load_seq(&alarms[1].n_fired), 1);
    assert_true(troupe_timer_cancel(executor, &alarms[0].timer));
    troupe_executor_free(executor);
}

static bool sleeps_until_exactly(void *arg)
{
    alarm *next = arg;
    trp_clock *clock = &next->executor->clock;
    bool exactly;

    trp_mutex_lock(&clock->lock);
    exactly = clock->sleeps_until == next->timer.at_ns && trp_load_seq(&clock->idle);
    trp_mutex_unlock(&clock->lock);
    return exactly;
}

/* No tick, and no look in between, however far it is. */
static void test_an_idle_clock_sleeps_until_the_next_timer(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS);
    uint64_t at = troupe_executor_now(executor) + 3600 * TROUPE_SECOND;
    alarm alarms[2];

    (void)state;
    set_up(alarms, 2, executor);
    troupe_timer_start(executor, &alarms[1].timer, at + 1);
    troupe_timer_start(executor, &alarms[0].timer, at);
    wait_until(sleeps_until_exactly, &alarms[0]);
    troupe_executor_free(executor);
}

static void test_a_cancelled_timer_does_not_fire(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_SIMULATION);
    uint64_t now = troupe_executor_now(executor);
    alarm alarms[100];

    (void)state;
    set_up(alarms, 100, executor);
    for (size_t i = 0; i < 100; i++)
        troupe_timer_start(executor, &alarms[i].timer, now + 1000 + i * 37 % 100);
    for (size_t i = 0; i < 100; i += 3)
        assert_true(troupe_timer_cancel(executor, &alarms[i].timer));
    assert_false(troupe_timer_cancel(executor, &alarms[0].timer));
    wait_for_fires(executor, 66);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(trp_load_seq(&alarms[i].n_fired), i % 3 ? 1 : 0);
    assert_false(troupe_timer_cancel(executor, &alarms[1].timer));
    troupe_executor_free(executor);
}

/* True from cancel and a fire exclude each other, and one of them comes. */
static void test_a_cancel_beside_the_clock_is_one_or_the_other(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS);
    uint64_t n_expected = 0;
    alarm one;

    (void)state;
    trp_store_seq(&n_fired, 0);
    for (int i = 0; i < 500; i++) {
        one = (alarm){.executor = executor};
        troupe_timer_init(&one.timer, fire);
        troupe_timer_start(executor, &one.timer, troupe_executor_now(executor) + (uint64_t)i * 100);
        for (int j = 0; j < i; j++)
            trp_pause();
        if (!troupe_timer_cancel(executor, &one.timer)) {
            n_expected++;
            wait_until(all_fired, &n_expected);
            while (!trp_load_seq(&one.n_fired))
                trp_pause();
        }
        assert_int_equal(trp_load_seq(&n_fired), n_expected);
    }
    troupe_executor_free(executor);
}

static void test_free_forgets_timers_that_have_not_fired(void **state)
{
    alarm one;

    (void)state;
    for (int policy = TROUPE_POLICY_THREADS; policy <= TROUPE_POLICY_SIMULATION; policy++) {
        troupe_executor *executor = make((troupe_policy)policy);

        set_up(&one, 1, executor);
        troupe_timer_start(executor, &one.timer,
                           troupe_executor_now(executor) + 60 * TROUPE_SECOND);
        troupe_executor_free(executor);
        assert_int_equal(trp_load_seq(&n_fired), 0);
    }
}

/* ---- ticks ---- */

static void count_tick(void *arg)
{
    trp_add_seq((_Atomic uint64_t *)arg, 1);
}

static bool ticked_thrice(void *arg)
{
    return trp_load_seq((_Atomic uint64_t *)arg) >= 3;
}

/* Ticks come while a worker is busy. */
static _Atomic bool is_over;

static void be_busy(void *arg, troupe_task *task)
{
    (void)arg;
    (void)task;
    while (!trp_load_seq(&is_over))
        trp_yield();
}

static void test_a_ticker_rings_and_is_silent_after_its_stop(void **state)
{
    troupe_executor *executor = NULL;
    troupe_task busy = {0};
    _Atomic uint64_t n_first = 0, n_second = 0;
    troupe_ticker first = {.tick = count_tick, .arg = &n_first};
    troupe_ticker second = {.tick = count_tick, .arg = &n_second};
    uint64_t at_stop;

    (void)state;
    trp_store_seq(&is_over, false);
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.workers = 1, .run = be_busy), &executor),
        TROUPE_OK);
    troupe_executor_submit(executor, &busy);
    troupe_ticker_start(executor, &first);
    troupe_ticker_start(executor, &second);
    wait_until(ticked_thrice, &n_first);
    troupe_ticker_stop(executor, &first);
    at_stop = trp_load_seq(&n_first);
    trp_store_seq(&n_second, 0);
    wait_until(ticked_thrice, &n_second);
    assert_int_equal(trp_load_seq(&n_first), at_stop);
    troupe_ticker_stop(executor, &second);
    trp_store_seq(&is_over, true);
    troupe_executor_free(executor);
}

/* ---- settling ---- */

static _Atomic uint32_t begun, settling, finished;

static void fire_slowly(troupe_timer *timer)
{
    (void)timer;
    trp_store_seq(&begun, 1);
    while (!trp_load_seq(&settling))
        trp_yield();
    for (int i = 0; i < 1000; i++) /* who does not wait for it is through long before */
        trp_yield();
    trp_store_seq(&finished, 1);
}

static void test_settling_waits_for_the_timer_that_fires(void **state)
{
    troupe_executor *executor = make(TROUPE_POLICY_THREADS);
    troupe_timer timer;

    (void)state;
    troupe_timers_settle(executor); /* none fires: at once */
    troupe_timer_init(&timer, fire_slowly);
    troupe_timer_start(executor, &timer, 0);
    while (!trp_load_seq(&begun))
        trp_yield();
    trp_store_seq(&settling, 1);
    troupe_timers_settle(executor);
    assert_int_equal(trp_load_seq(&finished), 1);
    troupe_executor_free(executor);
}

/* ---- whom a tick charges ---- */

typedef struct job {
    troupe_task task; /* first */
    bool is_last;
    uint64_t tag; /* plain: written before the task is submitted, read by the clock */
    troupe_executor *executor;
    _Atomic uint64_t charged;
} job;

static _Atomic(job *) last_job;

static bool is_charged(void *arg)
{
    return trp_load_relaxed(&((job *)arg)->charged) != 0;
}

/* The first makes the last one, here, so that nothing but its being run tells the clock of it. */
static void run_job(void *arg, troupe_task *task)
{
    job *mine = (job *)(void *)task, *last;

    (void)arg;
    if (mine->is_last) {
        wait_until(is_charged, mine);
        trp_store_seq(&last_job, mine);
        return;
    }
    last = calloc(1, sizeof *last);
    assert_non_null(last);
    last->is_last = true;
    last->tag = 7;
    troupe_executor_submit(mine->executor, &last->task);
}

static void charge_job(void *arg, troupe_task *task, uint64_t ns)
{
    job *charged = (job *)(void *)task;

    (void)arg;
    trp_store_relaxed(&charged->charged, charged->tag + ns);
}

static bool last_ran(void *arg)
{
    (void)arg;
    return trp_load_seq(&last_job) != NULL;
}

static void test_a_tick_charges_a_task_that_it_sees_whole(void **state)
{
    troupe_executor *executor = NULL;
    job first = {.tag = 0};

    (void)state;
    assert_int_equal(
        troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.policy = TROUPE_POLICY_THREADS, .workers = 1,
                                                     .run = run_job, .spent = charge_job),
                            &executor),
        TROUPE_OK);
    first.executor = executor;
    troupe_executor_submit(executor, &first.task);
    wait_until(last_ran, NULL);
    assert_int_equal(trp_load_relaxed(&trp_load_seq(&last_job)->charged) % TROUPE_TICK, 7);
    troupe_executor_free(executor);
    free(trp_load_seq(&last_job));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_once_and_in_order_of_time),
        cmocka_unit_test(test_an_earlier_timer_is_not_late),
        cmocka_unit_test(test_an_idle_clock_sleeps_until_the_next_timer),
        cmocka_unit_test(test_a_cancelled_timer_does_not_fire),
        cmocka_unit_test(test_a_cancel_beside_the_clock_is_one_or_the_other),
        cmocka_unit_test(test_free_forgets_timers_that_have_not_fired),
        cmocka_unit_test(test_a_ticker_rings_and_is_silent_after_its_stop),
        cmocka_unit_test(test_settling_waits_for_the_timer_that_fires),
        cmocka_unit_test(test_a_tick_charges_a_task_that_it_sees_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
