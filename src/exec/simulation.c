/* simulation.c - the other policy: one thread, a seed, virtual time.
 *
 * Each step runs one ready task or job, chosen by the seed, and moves time a little; when nothing is ready,
 * time jumps to the next timer. Equal seeds and equal submits give equal runs.
 * A run may stall: its task is put aside, others go on, and it is run when its time has come, before everything else.
 */
#include "executor.h"

#define STEP_NS_MAX 2000u /* a step takes 1 to this many virtual nanoseconds */

bool trp_simulation_init(trp_simulation *simulation, const troupe_executor_options *options)
{
    simulation->random.state = options->seed;
    simulation->stall_one_in = options->stall_one_in;
    simulation->stall_ns = options->stall_ns;
    simulation->now_ns = TROUPE_SECOND; /* so that a time of 0 is always the past */
    simulation->capacity = 64;
    simulation->ready = trp_alloc(simulation->capacity * sizeof(troupe_task *));
    return simulation->ready != NULL;
}

void trp_simulation_fini(trp_simulation *simulation)
{
    trp_free(simulation->ready);
    trp_free(simulation->stalled);
}

/* A simulation that cannot note a task is of no use, so the faults it injects spare it. */
static void *grow(void *items, size_t size)
{
    trp_alloc_faults *faults = trp_alloc_faults_use(NULL);

    items = trp_realloc(items, size);
    TROUPE_ASSERT(items);
    trp_alloc_faults_use(faults);
    return items;
}

void trp_simulation_submit(troupe_executor *executor, troupe_task *task)
{
    trp_simulation *simulation = &executor->simulation;

    if (simulation->n == simulation->capacity) {
        simulation->capacity *= 2;
        simulation->ready = grow(simulation->ready, simulation->capacity * sizeof(troupe_task *));
    }
    simulation->ready[simulation->n++] = task;
}

static void note(trp_simulation *simulation, uint64_t choice)
{
    simulation->fingerprint ^= choice + 1;
    simulation->fingerprint *= UINT64_C(0x9e3779b97f4a7c15);
    simulation->fingerprint ^= simulation->fingerprint >> 29;
}

void troupe_executor_note(troupe_executor *executor, uint64_t choice)
{
    note(&executor->simulation, choice);
}

/* A number below n, noted in the fingerprint where there was a choice. */
static size_t choose(trp_simulation *simulation, size_t n)
{
    size_t i;

    if (n == 1)
        return 0;
    i = (size_t)trp_random_below(&simulation->random, n);
    note(simulation, i);
    return i;
}

/* ---- stalls ---- */

/* True: it will be run later. */
static bool stalls(trp_simulation *simulation, troupe_task *task)
{
    uint64_t ns;

    if (!simulation->stall_one_in ||
        trp_random_below(&simulation->random, simulation->stall_one_in) != 0)
        return false;
    ns = 1 + trp_random_below(&simulation->random, simulation->stall_ns);
    note(simulation, ns);
    if (simulation->n_stalled == simulation->stalled_capacity) {
        simulation->stalled_capacity += 16;
        simulation->stalled =
            grow(simulation->stalled, simulation->stalled_capacity * sizeof(trp_stalled));
    }
    simulation->stalled[simulation->n_stalled++] =
        (trp_stalled){task, simulation->now_ns, simulation->now_ns + ns};
    return true;
}

/* The one that goes on first; n_stalled without any. */
static size_t first_stalled(const trp_simulation *simulation)
{
    size_t first = simulation->n_stalled;

    for (size_t i = 0; i < simulation->n_stalled; i++) {
        if (first == simulation->n_stalled ||
            simulation->stalled[i].until_ns < simulation->stalled[first].until_ns)
            first = i;
    }
    return first;
}

/* ---- steps ---- */

/* The task ran, and it took the time since began_ns and this step's. */
static void pass_time(troupe_executor *executor, troupe_task *task, uint64_t began_ns)
{
    trp_simulation *simulation = &executor->simulation;

    simulation->now_ns += 1 + trp_random_below(&simulation->random, STEP_NS_MAX);
    if (task && executor->spent)
        executor->spent(executor->arg, task, simulation->now_ns - began_ns);
}

static void run_ready(troupe_executor *executor, size_t n_choices)
{
    trp_simulation *simulation = &executor->simulation;
    size_t i = choose(simulation, n_choices);
    troupe_task *task = NULL;

    if (i < simulation->n) {
        task = simulation->ready[i];
        simulation->ready[i] = simulation->ready[--simulation->n];
        if (stalls(simulation, task))
            return;
        executor->run(executor->arg, task);
    } else {
        troupe_job *job = trp_jobs_take(&executor->jobs);

        job->run(job);
    }
    pass_time(executor, task, simulation->now_ns);
}

/* False: none has stalled for long enough. */
static bool run_stalled(troupe_executor *executor)
{
    trp_simulation *simulation = &executor->simulation;
    size_t i = first_stalled(simulation);
    trp_stalled stalled;

    if (i == simulation->n_stalled || simulation->stalled[i].until_ns > simulation->now_ns)
        return false;
    stalled = simulation->stalled[i];
    simulation->stalled[i] = simulation->stalled[--simulation->n_stalled];
    executor->run(executor->arg, stalled.task);
    pass_time(executor, stalled.task, stalled.began_ns);
    return true;
}

/* When something happens next; now, while a task or job is ready; after until_ns when nothing does before. */
static uint64_t next_event(troupe_executor *executor, size_t n_choices, uint64_t until_ns)
{
    trp_simulation *simulation = &executor->simulation;
    size_t first = first_stalled(simulation);
    uint64_t goes_on =
        first < simulation->n_stalled ? simulation->stalled[first].until_ns : TROUPE_FOREVER;
    uint64_t next = simulation->now_ns;

    if (n_choices == 0)
        next = trp_clock_next(executor, goes_on < until_ns ? goes_on : until_ns);
    return goes_on < next ? goes_on : next;
}

bool troupe_executor_step_until(troupe_executor *executor, uint64_t until_ns)
{
    trp_simulation *simulation = &executor->simulation;
    size_t n_choices = simulation->n + (executor->jobs.first ? 1 : 0);
    uint64_t next = next_event(executor, n_choices, until_ns);

    TROUPE_ASSERT(executor->simulated && !simulation->stepping);
    if (next > until_ns || next == TROUPE_FOREVER) {
        if (until_ns != TROUPE_FOREVER && until_ns > simulation->now_ns)
            simulation->now_ns = until_ns;
        return false;
    }
    simulation->stepping = true;
    if (next > simulation->now_ns)
        simulation->now_ns = next;
    if (!run_stalled(executor) && n_choices > 0)
        run_ready(executor, n_choices);
    trp_clock_fire(executor, simulation->now_ns);
    simulation->stepping = false;
    return true;
}

bool troupe_executor_step(troupe_executor *executor)
{
    return troupe_executor_step_until(executor, TROUPE_FOREVER);
}
