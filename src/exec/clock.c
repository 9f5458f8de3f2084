/* clock.c - timers and ticks, on a thread of its own that nobody's code can block.
 *
 * Threads:    the clock's thread fires and ticks; start, cancel, rouse come from anywhere. The wheel (wheel.h) holds
 *             the timers, under the lock.
 * Invariants: 1. While the clock sleeps, sleeps_until <= the earliest timer. A start that is earlier wakes it; a
 *                cancel wakes nobody: the clock comes once for nothing, at the time of what was cancelled.
 *                If broken: a timer fires late.
 *             2. idle is true only while the clock sleeps without ticking; a worker that wakes clears it.
 *                If broken: a guest that loops for ever is never rung.
 * In simulation and in a driven executor there is no thread: the driver asks for the next time and fires itself.
 */
#include "executor.h"

#define IDLE_TICKS 10u /* ticks without a busy worker before the clock sleeps */

/* Who sleeps until later than at_ns: the clock's thread, or a host's loop. */
static void wake_locked(troupe_executor *executor, uint64_t at_ns)
{
    if (executor->is_driven)
        trp_driven_arm_locked(executor, at_ns);
    else
        trp_condition_signal(&executor->clock.wake);
}

void troupe_timer_start(troupe_executor *executor, troupe_timer *timer, uint64_t at_ns)
{
    trp_clock *clock = &executor->clock;

    trp_mutex_lock(&clock->lock);
    trp_wheel_start(&clock->wheel, timer, at_ns);
    if (at_ns < clock->sleeps_until)
        wake_locked(executor, at_ns);
    trp_mutex_unlock(&clock->lock);
}

bool troupe_timer_cancel(troupe_executor *executor, troupe_timer *timer)
{
    trp_clock *clock = &executor->clock;
    bool armed;

    trp_mutex_lock(&clock->lock);
    armed = trp_wheel_cancel(&clock->wheel, timer);
    trp_mutex_unlock(&clock->lock);
    return armed;
}

uint64_t trp_clock_next(troupe_executor *executor, uint64_t until_ns)
{
    trp_clock *clock = &executor->clock;
    uint64_t next;

    trp_mutex_lock(&clock->lock);
    next = trp_wheel_next(&clock->wheel, until_ns);
    trp_mutex_unlock(&clock->lock);
    return next;
}

static void fire_locked(trp_clock *clock, uint64_t now_ns)
{
    troupe_timer *timer;

    while ((timer = trp_wheel_take(&clock->wheel, now_ns))) {
        clock->firing = true;
        trp_mutex_unlock(&clock->lock);
        timer->fire(timer);
        trp_mutex_lock(&clock->lock);
        clock->firing = false;
        clock->n_fired++;
        if (clock->n_settling)
            trp_condition_broadcast(&clock->fired);
    }
}

void troupe_timers_settle(troupe_executor *executor)
{
    trp_clock *clock = &executor->clock;
    uint64_t n_fired;

    trp_mutex_lock(&clock->lock);
    n_fired = clock->n_fired;
    clock->n_settling++;
    while (clock->firing && clock->n_fired == n_fired)
        trp_condition_wait(&clock->fired, &clock->lock);
    clock->n_settling--;
    trp_mutex_unlock(&clock->lock);
}

void trp_clock_fire(troupe_executor *executor, uint64_t now_ns)
{
    trp_mutex_lock(&executor->clock.lock);
    fire_locked(&executor->clock, now_ns);
    trp_mutex_unlock(&executor->clock.lock);
}

void troupe_ticker_start(troupe_executor *executor, troupe_ticker *ticker)
{
    trp_mutex_lock(&executor->clock.lock);
    ticker->next = executor->clock.tickers;
    executor->clock.tickers = ticker;
    trp_mutex_unlock(&executor->clock.lock);
}

void troupe_ticker_stop(troupe_executor *executor, troupe_ticker *ticker)
{
    trp_clock *clock = &executor->clock;

    trp_mutex_lock(&clock->lock);
    while (clock->ticking)
        trp_condition_wait(&clock->ticked, &clock->lock);
    for (troupe_ticker **at = &clock->tickers; *at; at = &(*at)->next) {
        if (*at == ticker) {
            *at = ticker->next;
            break;
        }
    }
    trp_mutex_unlock(&clock->lock);
}

static void tick_locked(trp_clock *clock)
{
    troupe_ticker *tickers = clock->tickers;

    clock->ticking = true; /* keeps the list as it is: stop waits, start puts in front */
    trp_mutex_unlock(&clock->lock);
    for (troupe_ticker *ticker = tickers; ticker; ticker = ticker->next)
        ticker->tick(ticker->arg);
    trp_mutex_lock(&clock->lock);
    clock->ticking = false;
    trp_condition_broadcast(&clock->ticked);
}

void trp_clock_rouse(troupe_executor *executor)
{
    trp_clock *clock = &executor->clock;

    if (!trp_load_seq(&clock->idle)) /* pairs with the clock's store and its look at n_awake */
        return;
    trp_mutex_lock(&clock->lock);
    trp_store_relaxed(&clock->idle, false); /* an old value costs a signal */
    trp_condition_signal(&clock->wake);
    trp_mutex_unlock(&clock->lock);
}

/* How long to sleep: a tick, or for ever when every thread has slept for a while. */
static uint64_t plan_sleep(troupe_executor *executor, uint64_t now_ns)
{
    trp_clock *clock = &executor->clock;

    clock->quiet = trp_workers_watch(executor) ? 0 : clock->quiet + 1;
    if (clock->quiet <= IDLE_TICKS)
        return now_ns + TROUPE_TICK;
    trp_store_seq(&clock->idle, true); /* then look again: a worker may just have woken */
    if (trp_load_seq(&executor->n_awake) == 0)
        return TROUPE_FOREVER;
    trp_store_relaxed(&clock->idle, false); /* an old value costs a signal */
    clock->quiet = 0;
    return now_ns + TROUPE_TICK;
}

static bool must_sleep_locked(trp_clock *clock, bool idle)
{
    if (clock->stopping || trp_monotonic_ns() >= clock->sleeps_until)
        return false;
    if (idle && !trp_load_relaxed(&clock->idle)) /* cleared under the lock */
        return false;
    return trp_wheel_bound(&clock->wheel) >= clock->sleeps_until;
}

static void keep_time(void *arg)
{
    troupe_executor *executor = arg;
    trp_clock *clock = &executor->clock;

    trp_mutex_lock(&clock->lock);
    while (!clock->stopping) {
        uint64_t now = trp_monotonic_ns();
        uint64_t until, bound;
        bool idle;

        fire_locked(clock, now);
        tick_locked(clock);
        until = plan_sleep(executor, now);
        idle = until == TROUPE_FOREVER;
        bound = trp_wheel_bound(&clock->wheel);
        clock->sleeps_until = bound < until ? bound : until;
        while (must_sleep_locked(clock, idle))
            trp_condition_wait_until(&clock->wake, &clock->lock, clock->sleeps_until);
        clock->sleeps_until = 0;
        if (idle && !trp_load_relaxed(&clock->idle)) /* cleared under the lock */
            clock->quiet = 0;
        trp_store_relaxed(&clock->idle, false); /* an old value costs a signal */
    }
    trp_mutex_unlock(&clock->lock);
}

void trp_clock_init(trp_clock *clock)
{
    trp_mutex_init(&clock->lock);
    trp_condition_init(&clock->wake);
    trp_condition_init(&clock->ticked);
    trp_condition_init(&clock->fired);
    trp_wheel_init(&clock->wheel);
}

bool trp_clock_start(troupe_executor *executor)
{
    executor->clock.started =
        trp_thread_start(&executor->clock.thread, "troupe-clock", 256u << 10, keep_time, executor);
    return executor->clock.started;
}

void trp_clock_stop(trp_clock *clock)
{
    if (!clock->started)
        return;
    trp_mutex_lock(&clock->lock);
    clock->stopping = true;
    trp_condition_signal(&clock->wake);
    trp_mutex_unlock(&clock->lock);
    trp_thread_join(&clock->thread);
    clock->started = false;
}

void trp_clock_fini(trp_clock *clock)
{
    trp_mutex_fini(&clock->lock);
    trp_condition_fini(&clock->wake);
    trp_condition_fini(&clock->ticked);
    trp_condition_fini(&clock->fired);
}
