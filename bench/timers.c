/* timers.c - timer_start_cancel: what a request pays for its timeout, with few and with very many armed. */
#include "bench.h"

#include "troupe/exec.h"
#include "trp/os.h"

#define FAR (1000 * TROUPE_SECOND) /* armed ones lie between this and twice this: none fires */

struct timers {
    troupe_executor *executor;
    troupe_timer *armed;
    uint64_t n;
    troupe_timer one;
};

static void run_nothing(void *arg, troupe_task *task)
{
    (void)arg;
    (void)task;
}

static void fire_nothing(troupe_timer *timer)
{
    (void)timer;
}

static struct timers *open_timers(uint64_t n)
{
    struct timers *timers = trp_alloc_zeroed(sizeof *timers);
    trp_random random = {.state = n};

    BENCH_MUST(timers, "memory is out");
    timers->n = n;
    timers->armed = trp_alloc(n * sizeof *timers->armed);
    BENCH_MUST(timers->armed, "memory is out");
    BENCH_OK(troupe_executor_new(&TROUPE_EXECUTOR_OPTIONS(.workers = 1, .run = run_nothing),
                                 &timers->executor));
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = troupe_executor_now(timers->executor) + FAR + trp_random_below(&random, FAR);

        troupe_timer_init(&timers->armed[i], fire_nothing);
        troupe_timer_start(timers->executor, &timers->armed[i], at);
    }
    troupe_timer_init(&timers->one, fire_nothing);
    return timers;
}

static void *open_10(unsigned cores)
{
    (void)cores;
    return open_timers(10);
}

static void *open_1000(unsigned cores)
{
    (void)cores;
    return open_timers(1000);
}

static void *open_1000000(unsigned cores)
{
    (void)cores;
    return open_timers(1000000);
}

static void start_and_cancel(void *state, uint64_t ops)
{
    struct timers *timers = state;
    uint64_t at = troupe_executor_now(timers->executor) + 5 * TROUPE_SECOND;

    for (uint64_t i = 0; i < ops; i++) {
        troupe_timer_start(timers->executor, &timers->one, at + i);
        BENCH_MUST(troupe_timer_cancel(timers->executor, &timers->one), "a timer fired early");
    }
}

static void close_timers(void *state)
{
    struct timers *timers = state;

    for (uint64_t i = 0; i < timers->n; i++)
        BENCH_MUST(troupe_timer_cancel(timers->executor, &timers->armed[i]), "a timer was lost");
    troupe_executor_free(timers->executor);
    trp_free(timers->armed);
    trp_free(timers);
}

#define CASE(VARIANT, OPEN)                                                                        \
    {                                                                                              \
        .name = "timer_start_cancel", .variant = VARIANT,                                          \
        .what = "start a timer of 5 s, cancel it", .most_cores = 1, .ops = 200000, .open = OPEN,   \
        .round = start_and_cancel, .close = close_timers                                           \
    }

const bench_case bench_timers[] = {
    CASE("armed_10", open_10),
    CASE("armed_1000", open_1000),
    CASE("armed_1000000", open_1000000),
    {0},
};
