/* cores.c - which cores a run may use, and how far apart they are at the moment.
 *
 * The two virtual cores of many machines change their distance within seconds: a cache line makes
 * the round trip in 50-75 ns or in 400-500, and every figure of two cores follows it. So the
 * distance is measured around each round, and the figures are labelled.
 */
#include "bench.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define PROBE_NS (20 * TROUPE_MILLISECOND)
#define NEAR_BELOW_NS 200.0
#define VOLLEY 64 /* round trips between two looks at the clock */
#define NO_CORE SIZE_MAX

static cpu_set_t at_start;
static unsigned n_at_start;

static void look_at_start(void)
{
    if (n_at_start > 0)
        return;
    BENCH_MUST(sched_getaffinity(0, sizeof at_start, &at_start) == 0, "sched_getaffinity failed");
    n_at_start = trp_cores();
}

unsigned bench_cores(void)
{
    look_at_start();
    return n_at_start;
}

/* The n-th core, from 0, of those this process was started with. */
static size_t nth_core(unsigned n)
{
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &at_start) && n-- == 0)
            return cpu;
    return NO_CORE;
}

void bench_use_cores(unsigned n)
{
    cpu_set_t set;

    look_at_start();
    CPU_ZERO(&set);
    for (unsigned i = 0; i < n && nth_core(i) != NO_CORE; i++)
        CPU_SET(nth_core(i), &set);
    BENCH_MUST(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity failed");
}

struct court {
    TRP_ALIGN_LINE _Atomic(uint64_t) ball; /* odd: the other side's turn */
    TRP_ALIGN_LINE atomic_bool over;
    size_t cpu;
};

static void stay_on(size_t cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    BENCH_MUST(pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0,
               "a thread could not be placed");
}

static void hit_back(void *arg)
{
    struct court *court = arg;

    stay_on(court->cpu);
    while (!trp_load_relaxed(&court->over)) {
        uint64_t ball = trp_load_acquire(&court->ball);

        if (ball & 1)
            trp_store_release(&court->ball, ball + 1);
    }
}

/* There and back. */
static void serve(struct court *court)
{
    uint64_t mine = trp_load_relaxed(&court->ball) + 1;

    trp_store_release(&court->ball, mine);
    while (trp_load_acquire(&court->ball) == mine)
        continue;
}

double bench_round_trip_ns(void)
{
    struct court court = {.ball = 0};
    uint64_t n = 0, began, now;
    trp_thread other;
    cpu_set_t before;

    look_at_start();
    if (nth_core(1) == NO_CORE)
        return 0;
    BENCH_MUST(sched_getaffinity(0, sizeof before, &before) == 0, "sched_getaffinity failed");
    court.cpu = nth_core(1);
    BENCH_MUST(trp_thread_start(&other, "probe", 0, hit_back, &court), "no thread for the probe");
    stay_on(nth_core(0));
    trp_store_release(&court.ball, 1);
    while (trp_load_acquire(&court.ball) & 1)
        continue; /* it has started and is in its place */
    began = now = trp_monotonic_ns();
    while (now - began < PROBE_NS) {
        for (unsigned i = 0; i < VOLLEY; i++)
            serve(&court);
        n += VOLLEY;
        now = trp_monotonic_ns();
    }
    trp_store_relaxed(&court.over, true);
    trp_thread_join(&other);
    BENCH_MUST(sched_setaffinity(0, sizeof before, &before) == 0, "sched_setaffinity failed");
    return (double)(now - began) / (double)n;
}

bool bench_is_near(double round_trip_ns)
{
    return round_trip_ns < NEAR_BELOW_NS;
}
