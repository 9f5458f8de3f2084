/* simulation.c - the other policy: one thread, a seed, virtual time.
 *
 * Each step runs one ready task or job, chosen by the seed, and moves time a little; when nothing is ready,
 * time jumps to the next timer. Equal seeds and equal submits give equal runs.
 */
#include "executor.h"

#define STEP_NS_MAX 2000u /* a step takes 1 to this many virtual nanoseconds */

bool trp_simulation_init(trp_simulation *simulation, uint64_t seed)
{
    simulation->random.state = seed;
    simulation->now_ns = TROUPE_SECOND; /* so that a time of 0 is always the past */
    simulation->capacity = 64;
    simulation->ready = trp_alloc(simulation->capacity * sizeof(troupe_task *));
    return simulation->ready != NULL;
}

void trp_simulation_submit(troupe_executor *executor, troupe_task *task)
{
    trp_simulation *simulation = &executor->simulation;

    if (simulation->n == simulation->capacity) {
        size_t capacity = 2 * simulation->capacity;
        troupe_task **ready = trp_realloc(simulation->ready, capacity * sizeof(troupe_task *));

        TROUPE_ASSERT(ready); /* a simulation that cannot note a task is of no use */
        simulation->ready = ready;
        simulation->capacity = capacity;
    }
    simulation->ready[simulation->n++] = task;
}

/* A number below n, noted in the fingerprint where there was a choice. */
static size_t choose(trp_simulation *simulation, size_t n)
{
    size_t i;

    if (n == 1)
        return 0;
    i = (size_t)trp_random_below(&simulation->random, n);
    simulation->fingerprint ^= i + 1;
    simulation->fingerprint *= UINT64_C(0x9e3779b97f4a7c15);
    simulation->fingerprint ^= simulation->fingerprint >> 29;
    return i;
}

/* The task that ran; NULL: it was a job. */
static troupe_task *run_one(troupe_executor *executor, size_t n_choices)
{
    trp_simulation *simulation = &executor->simulation;
    size_t i = choose(simulation, n_choices);
    troupe_job *job;

    if (i < simulation->n) {
        troupe_task *task = simulation->ready[i];

        simulation->ready[i] = simulation->ready[--simulation->n];
        executor->run(executor->arg, task);
        return task;
    }
    job = trp_jobs_take(&executor->jobs);
    job->run(job);
    return NULL;
}

/* One ready task or job, and the time that it takes. */
static void run_and_pass_time(troupe_executor *executor, size_t n_choices)
{
    trp_simulation *simulation = &executor->simulation;
    troupe_task *task = run_one(executor, n_choices);
    uint64_t ns = 1 + trp_random_below(&simulation->random, STEP_NS_MAX);

    simulation->now_ns += ns;
    if (task && executor->spent)
        executor->spent(executor->arg, task, ns);
}

bool troupe_executor_step_until(troupe_executor *executor, uint64_t until_ns)
{
    trp_simulation *simulation = &executor->simulation;
    size_t n_choices = simulation->n + (executor->jobs.first ? 1 : 0);
    uint64_t next = n_choices > 0 ? simulation->now_ns : trp_clock_next(executor, until_ns);

    TROUPE_ASSERT(executor->simulated && !simulation->stepping);
    if (next > until_ns || next == TROUPE_FOREVER) {
        if (until_ns != TROUPE_FOREVER && until_ns > simulation->now_ns)
            simulation->now_ns = until_ns;
        return false;
    }
    simulation->stepping = true;
    if (n_choices > 0) {
        run_and_pass_time(executor, n_choices);
    } else if (next > simulation->now_ns) {
        simulation->now_ns = next;
    }
    trp_clock_fire(executor, simulation->now_ns);
    simulation->stepping = false;
    return true;
}

bool troupe_executor_step(troupe_executor *executor)
{
    return troupe_executor_step_until(executor, TROUPE_FOREVER);
}
