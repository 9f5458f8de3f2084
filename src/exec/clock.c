/* clock.c - timers in a heap and ticks, on a thread of its own that nobody's code can block.
 *
 * Threads:    the clock's thread fires and ticks; start, cancel, rouse come from anywhere.
 * Invariants: 1. heap[t->place] == t for every armed timer. If broken: a cancel takes out another's timer.
 *             2. While the clock sleeps, sleeps_until <= the earliest timer. A start that is earlier wakes it.
 *                If broken: a timer fires late.
 *             3. idle is true only while the clock sleeps without ticking; a worker that wakes clears it.
 *                If broken: a guest that loops for ever is never rung.
 * In simulation there is no thread: the driver asks for the next time and fires itself.
 */
#include "executor.h"

#define IDLE_TICKS 100u /* ticks without a busy worker before the clock sleeps */

static bool earlier(const troupe_timer *a, const troupe_timer *b)
{
    return a->at_ns < b->at_ns;
}

static void put(trp_clock *clock, size_t place, troupe_timer *timer)
{
    clock->heap[place] = timer;
    timer->place = place;
}

static void sift_up(trp_clock *clock, size_t place, troupe_timer *timer)
{
    while (place > 0 && earlier(timer, clock->heap[(place - 1) / 2])) {
        put(clock, place, clock->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(clock, place, timer);
}

static void sift_down(trp_clock *clock, size_t place, troupe_timer *timer)
{
    for (;;) {
        size_t child = 2 * place + 1;

        if (child >= clock->n)
            break;
        if (child + 1 < clock->n && earlier(clock->heap[child + 1], clock->heap[child]))
            child++;
        if (!earlier(clock->heap[child], timer))
            break;
        put(clock, place, clock->heap[child]);
        place = child;
    }
    put(clock, place, timer);
}

static void take_out_locked(trp_clock *clock, troupe_timer *timer)
{
    size_t place = timer->place;
    troupe_timer *last = clock->heap[--clock->n];

    timer->place = SIZE_MAX;
    if (last == timer)
        return;
    if (place > 0 && earlier(last, clock->heap[(place - 1) / 2]))
        sift_up(clock, place, last);
    else
        sift_down(clock, place, last);
}

void troupe_timer_init(troupe_timer *timer, void (*fire)(troupe_timer *timer))
{
    *timer = (troupe_timer){.place = SIZE_MAX, .fire = fire};
}

troupe_status troupe_timer_start(troupe_executor *executor, troupe_timer *timer, uint64_t at_ns)
{
    trp_clock *clock = &executor->clock;

    TROUPE_ASSERT(timer->place == SIZE_MAX);
    trp_mutex_lock(&clock->lock);
    if (clock->n == clock->capacity) {
        size_t capacity = clock->capacity ? 2 * clock->capacity : 64;
        troupe_timer **heap = trp_realloc(clock->heap, capacity * sizeof(troupe_timer *));

        if (!heap) {
            trp_mutex_unlock(&clock->lock);
            return TROUPE_E_NO_MEMORY;
        }
        clock->heap = heap;
        clock->capacity = capacity;
    }
    timer->at_ns = at_ns;
    sift_up(clock, clock->n++, timer);
    if (at_ns < clock->sleeps_until)
        trp_condition_signal(&clock->wake);
    trp_mutex_unlock(&clock->lock);
    return TROUPE_OK;
}

bool troupe_timer_cancel(troupe_executor *executor, troupe_timer *timer)
{
    trp_clock *clock = &executor->clock;
    bool armed;

    trp_mutex_lock(&clock->lock);
    armed = timer->place != SIZE_MAX;
    if (armed)
        take_out_locked(clock, timer);
    trp_mutex_unlock(&clock->lock);
    return armed;
}

uint64_t trp_clock_next(troupe_executor *executor)
{
    trp_clock *clock = &executor->clock;
    uint64_t next;

    trp_mutex_lock(&clock->lock);
    next = clock->n ? clock->heap[0]->at_ns : TROUPE_FOREVER;
    trp_mutex_unlock(&clock->lock);
    return next;
}

static void fire_locked(trp_clock *clock, uint64_t now_ns)
{
    while (clock->n && clock->heap[0]->at_ns <= now_ns) {
        troupe_timer *timer = clock->heap[0];

        take_out_locked(clock, timer);
        trp_mutex_unlock(&clock->lock);
        timer->fire(timer);
        trp_mutex_lock(&clock->lock);
    }
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

/* A worker that still runs the task of the last tick, with work behind it, wants a thief. */
static bool look_at_workers(troupe_executor *executor)
{
    bool stuck = false;

    for (unsigned i = 0; i < executor->n_workers; i++) {
        trp_worker *worker = &executor->workers[i];
        uint64_t turns = trp_load_relaxed(&worker->turns);

        if (turns == worker->turns_seen &&
            (trp_load_relaxed(&worker->next) || trp_queue_length(&worker->queue)))
            stuck = true;
        worker->turns_seen = turns;
    }
    if (stuck)
        trp_thief_wake(executor);
    return trp_load_relaxed(&executor->n_sleeping) < executor->n_workers;
}

void trp_clock_rouse(troupe_executor *executor)
{
    trp_clock *clock = &executor->clock;

    if (!trp_load_seq(&clock->idle)) /* pairs with the clock's store and its look at n_sleeping */
        return;
    trp_mutex_lock(&clock->lock);
    trp_store_seq(&clock->idle, false);
    trp_condition_signal(&clock->wake);
    trp_mutex_unlock(&clock->lock);
}

/* How long to sleep: a tick, or for ever when every worker has slept for a while. */
static uint64_t plan_sleep(troupe_executor *executor, uint64_t now_ns)
{
    trp_clock *clock = &executor->clock;

    clock->quiet = look_at_workers(executor) ? 0 : clock->quiet + 1;
    if (clock->quiet <= IDLE_TICKS)
        return now_ns + TROUPE_TICK;
    trp_store_seq(&clock->idle, true); /* then look again: a worker may just have woken */
    if (trp_load_seq(&executor->n_sleeping) == executor->n_workers)
        return TROUPE_FOREVER;
    trp_store_seq(&clock->idle, false);
    clock->quiet = 0;
    return now_ns + TROUPE_TICK;
}

static bool must_sleep_locked(trp_clock *clock, bool idle)
{
    if (clock->stopping || trp_monotonic_ns() >= clock->sleeps_until)
        return false;
    if (idle && !trp_load_seq(&clock->idle))
        return false;
    return !clock->n || clock->heap[0]->at_ns >= clock->sleeps_until;
}

static void keep_time(void *arg)
{
    troupe_executor *executor = arg;
    trp_clock *clock = &executor->clock;

    trp_mutex_lock(&clock->lock);
    while (!clock->stopping) {
        uint64_t now = trp_monotonic_ns();
        uint64_t until;
        bool idle;

        fire_locked(clock, now);
        tick_locked(clock);
        until = plan_sleep(executor, now);
        idle = until == TROUPE_FOREVER;
        clock->sleeps_until =
            clock->n && clock->heap[0]->at_ns < until ? clock->heap[0]->at_ns : until;
        while (must_sleep_locked(clock, idle))
            trp_condition_wait_until(&clock->wake, &clock->lock, clock->sleeps_until);
        clock->sleeps_until = 0;
        if (idle && !trp_load_seq(&clock->idle))
            clock->quiet = 0;
        trp_store_seq(&clock->idle, false);
    }
    trp_mutex_unlock(&clock->lock);
}

void trp_clock_init(trp_clock *clock)
{
    trp_mutex_init(&clock->lock);
    trp_condition_init(&clock->wake);
    trp_condition_init(&clock->ticked);
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
    trp_free(clock->heap);
}
