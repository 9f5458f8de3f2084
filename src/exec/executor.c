#include "executor.h"

#include "trp/options.h"

#include <string.h>

static troupe_status take_options(troupe_executor_options *options,
                                  const troupe_executor_options *asked)
{
    if (!asked || !trp_options_take(options, sizeof *options, asked))
        return TROUPE_E_INVALID;
    if (!options->run || options->workers > 1024 || options->spares > 1024)
        return TROUPE_E_INVALID;
    if (options->worker_stack && options->worker_stack < trp_stack_min())
        return TROUPE_E_INVALID;
    if (!options->stall_one_in != !options->stall_ns ||
        (options->stall_ns && options->policy != TROUPE_POLICY_SIMULATION))
        return TROUPE_E_INVALID;
    if ((unsigned)options->policy > TROUPE_POLICY_DRIVEN)
        return TROUPE_E_INVALID;
    if (options->policy == TROUPE_POLICY_DRIVEN &&
        (options->workers || options->worker_stack || options->job_threads || options->spares))
        return TROUPE_E_INVALID;
    return TROUPE_OK;
}

/* What a worker runs when the clock ticks is taken to have run for all of the tick. */
static void charge(void *arg)
{
    troupe_executor *executor = arg;
    uint32_t n = trp_load_relaxed(&executor->n_started); /* a late look sees it the next time */

    for (uint32_t i = 0; i < n; i++) {
        troupe_task *task = trp_load_acquire(&executor->workers[i].running); /* a sample */

        if (task)
            executor->spent(executor->arg, task, TROUPE_TICK);
    }
}

static troupe_status start_threads(troupe_executor *executor,
                                   const troupe_executor_options *options)
{
    troupe_status status;

    if (!trp_jobs_init(&executor->jobs, options->job_threads ? options->job_threads : 16))
        return TROUPE_E_NO_MEMORY;
    if (executor->simulated)
        return trp_simulation_init(&executor->simulation, options) ? TROUPE_OK : TROUPE_E_NO_MEMORY;
    if (executor->is_driven)
        return trp_driven_init(executor) ? TROUPE_OK : TROUPE_E_IO;
    executor->n_cores = trp_cores();
    executor->n_workers = options->workers ? options->workers : executor->n_cores;
    executor->n_spares = options->spares ? options->spares : TROUPE_SPARES;
    executor->worker_stack = options->worker_stack ? options->worker_stack : 2u << 20;
    status = trp_workers_start(executor);
    if (status == TROUPE_OK && !trp_clock_start(executor))
        status = TROUPE_E_IO;
    if (status == TROUPE_OK && executor->spent) {
        executor->charge = (troupe_ticker){.tick = charge, .arg = executor};
        troupe_ticker_start(executor, &executor->charge);
    }
    return status;
}

troupe_status troupe_executor_new(const troupe_executor_options *asked,
                                  troupe_executor **ret_executor)
{
    troupe_executor_options options;
    troupe_status status = take_options(&options, asked);
    troupe_executor *executor;

    if (status != TROUPE_OK)
        return status;
    executor = trp_alloc_aligned(TRP_CACHE_LINE, sizeof *executor);
    if (!executor)
        return TROUPE_E_NO_MEMORY;
    memset(executor, 0, sizeof *executor);
    executor->run = options.run;
    executor->arg = options.arg;
    executor->spent = options.spent;
    executor->simulated = options.policy == TROUPE_POLICY_SIMULATION;
    executor->is_driven = options.policy == TROUPE_POLICY_DRIVEN;
    executor->driven = (trp_driven){.poll_fd = -1, .event_fd = -1, .timer_fd = -1};
    trp_mutex_init(&executor->idle_lock);
    trp_condition_init(&executor->ended);
    trp_clock_init(&executor->clock);
    status = start_threads(executor, &options);
    if (status != TROUPE_OK) {
        troupe_executor_free(executor);
        return status;
    }
    *ret_executor = executor;
    return TROUPE_OK;
}

bool troupe_executor_stop(troupe_executor *executor, uint64_t timeout_ns)
{
    uint64_t deadline = trp_time_after(trp_monotonic_ns(), timeout_ns);

    if (executor->stopped)
        return executor->all_back;
    executor->stopped = true;
    executor->all_back = trp_jobs_stop(&executor->jobs, deadline);
    while (executor->simulation.n || executor->simulation.n_stalled ||
           (executor->simulated && executor->jobs.first))
        troupe_executor_step(executor);
    if (executor->is_driven)
        trp_driven_finish(executor);
    trp_clock_stop(&executor->clock); /* before the workers, which it looks at */
    if (!trp_workers_stop(executor, deadline))
        executor->all_back = false;
    return executor->all_back;
}

void troupe_executor_free(troupe_executor *executor)
{
    if (!executor || !troupe_executor_stop(executor, TROUPE_FOREVER))
        return; /* what has not come back may still look here */
    trp_workers_fini(executor);
    trp_driven_fini(&executor->driven);
    trp_clock_fini(&executor->clock);
    trp_jobs_fini(&executor->jobs);
    trp_condition_fini(&executor->ended);
    trp_mutex_fini(&executor->idle_lock);
    trp_simulation_fini(&executor->simulation);
    trp_free(executor);
}

void troupe_executor_submit(troupe_executor *executor, troupe_task *task)
{
    if (executor->simulated)
        trp_simulation_submit(executor, task);
    else if (executor->is_driven)
        trp_driven_submit(executor, task);
    else
        trp_worker_submit(executor, task, false);
}

void troupe_executor_submit_last(troupe_executor *executor, troupe_task *task)
{
    if (executor->simulated)
        trp_simulation_submit(executor, task);
    else if (executor->is_driven)
        trp_driven_submit(executor, task);
    else
        trp_worker_submit(executor, task, true);
}

uint64_t troupe_executor_now(const troupe_executor *executor)
{
    return executor->simulated ? executor->simulation.now_ns : trp_monotonic_ns();
}

bool troupe_executor_simulated(const troupe_executor *executor)
{
    return executor->simulated;
}

bool troupe_executor_driven(const troupe_executor *executor)
{
    return executor->is_driven;
}

bool troupe_executor_on_worker(const troupe_executor *executor)
{
    if (executor->is_driven)
        return trp_driven_is_running(executor);
    return executor->simulated ? executor->simulation.stepping : trp_worker_is_current(executor);
}

bool troupe_executor_overrun(troupe_executor *executor)
{
    return !executor->simulated && !executor->is_driven && trp_overrun(executor);
}

uint64_t troupe_executor_schedule(const troupe_executor *executor)
{
    return executor->simulation.fingerprint;
}
