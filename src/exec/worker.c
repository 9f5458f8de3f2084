/* worker.c - the loop of a worker: run, steal, park.
 *
 * Threads:    one per worker; submit comes from anywhere. Who sleeps, and who takes whose place: park.c.
 * Invariants: 1. A task in a worker's own slot or queue is run by that worker unless somebody takes it: it
 *                never sleeps while it has one. So pushes to one's own queue wake others only for speed.
 *                If broken: a lost wake.
 *             2. A thread whose task overruns submits as a foreign one. If broken: what it submits waits until
 *                its task returns, or until the clock looks.
 * May run together: everything; take and steal race on the queue's head alone.
 */
#include "executor.h"

#include <string.h>

#define LIFO_BUDGET 16u /* runs from the slot before the queue gets a turn */
#define INJECTED_EVERY                                                                             \
    61u                /* turns between looks at the injected tasks; prime, as in Go and tokio */
#define SPINS 200u     /* rounds of looking around before sleep: about 10 us */
#define WAKE_LENGTH 4u /* a shorter burst stays on its core: a wake costs more than it saves */

static _Thread_local trp_worker *current;

/* The worker that this thread is; NULL for a foreign one. */
static trp_worker *worker_here(const troupe_executor *executor)
{
    trp_worker *worker = current;

    return worker && worker->executor == executor ? worker : NULL;
}

/* A flag of its own thread. Relaxed: the clock may be setting it now, and then looks after what slipped in. */
static bool overruns(const trp_worker *worker)
{
    return trp_load_relaxed(&worker->overrunning);
}

bool trp_worker_is_current(const troupe_executor *executor)
{
    const trp_worker *worker = worker_here(executor);

    return worker && !overruns(worker);
}

bool trp_overrun(const troupe_executor *executor)
{
    trp_worker *worker = worker_here(executor);

    return worker && trp_worker_overrun(worker);
}

static void push_queue(trp_worker *worker, troupe_task *task)
{
    if (!trp_queue_push(&worker->queue, task)) {
        trp_inject(worker->executor, task);
        return;
    }
    if (trp_queue_length(&worker->queue) >= WAKE_LENGTH)
        trp_thief_wake(worker->executor);
}

void trp_worker_submit(troupe_executor *executor, troupe_task *task, bool last)
{
    trp_worker *worker = worker_here(executor);

    if (!worker || overruns(worker)) {
        trp_inject(executor, task);
        return;
    }
    if (!last)
        task = trp_exchange_acq_rel(&worker->next, task); /* pairs with the taker's exchange */
    if (task)
        push_queue(worker, task);
}

troupe_task *trp_worker_take_slot(trp_worker *worker)
{
    if (!trp_load_relaxed(&worker->next)) /* the exchange decides */
        return NULL;
    return trp_exchange_acq_rel(&worker->next, NULL);
}

static troupe_task *take_own(trp_worker *worker)
{
    troupe_task *task = NULL;

    if (worker->in_a_row < LIFO_BUDGET)
        task = trp_worker_take_slot(worker);
    if (task) {
        worker->in_a_row++;
        return task;
    }
    worker->in_a_row = 0;
    task = trp_queue_take(&worker->queue);
    return task ? task : trp_worker_take_slot(worker);
}

/* Half of what the victim has, so that one theft is enough for a while. */
static troupe_task *steal_from(trp_worker *thief, trp_worker *victim)
{
    uint64_t n = trp_queue_length(&victim->queue) / 2;
    troupe_task *task = trp_queue_take(&victim->queue);

    if (!task)
        return trp_worker_take_slot(victim);
    for (; n > 1; n--) {
        troupe_task *more = trp_queue_take(&victim->queue);

        if (!more)
            break;
        if (!trp_queue_push(&thief->queue, more)) {
            trp_inject(thief->executor, more);
            break;
        }
    }
    return task;
}

static troupe_task *steal(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;
    /* relaxed: all of them are set up before the first thread runs; a late one has nothing yet */
    uint32_t n = trp_load_relaxed(&executor->n_started);
    uint64_t from = trp_random_below(&worker->random, n);

    for (uint32_t i = 0; i < n; i++) {
        trp_worker *victim = &executor->workers[(from + i) % n];
        troupe_task *task = victim == worker ? NULL : steal_from(worker, victim);

        if (task)
            return task;
    }
    return NULL;
}

/* With one core nobody can bring a task while this thread looks for one: whoever would waits for the core. */
static troupe_task *search(trp_worker *worker)
{
    unsigned n = worker->executor->n_cores > 1 ? SPINS : 1;

    for (unsigned i = 0; i < n; i++) {
        troupe_task *task = trp_injected_take(worker->executor);

        if (!task)
            task = steal(worker);
        if (task)
            return task;
        trp_pause();
    }
    return NULL;
}

static troupe_task *next_task(trp_worker *worker, bool *ret_stop)
{
    uint64_t turns = trp_load_relaxed(&worker->turns); /* only this thread writes it */
    troupe_task *task = turns % INJECTED_EVERY == 0 ? trp_injected_take(worker->executor) : NULL;

    if (!task)
        task = take_own(worker);
    if (!task)
        task = search(worker);
    return task ? task : trp_worker_park(worker, ret_stop);
}

static void work(void *arg)
{
    trp_worker *worker = arg;
    troupe_executor *executor = worker->executor;
    bool stop = false;

    current = worker;
    trp_worker_await(worker);
    while (!stop) {
        troupe_task *task = next_task(worker, &stop);

        if (!task)
            continue;
        trp_theft_end(worker);            /* wherever it came from: the next one may be woken */
        trp_count_own(&worker->turns, 1); /* the clock compares, no more */
        trp_store_release(&worker->running,
                          task); /* pairs with the clock, which charges it, and with who asks */
        executor->run(executor->arg, task);
        if (overruns(worker) && !trp_worker_come_back(worker))
            break;
    }
    current = NULL;
    trp_worker_leave(worker);
}

bool troupe_executor_runs(const troupe_executor *executor, const troupe_task *task)
{
    uint32_t n = trp_load_relaxed(&executor->n_started); /* a late look sees it the next time */

    for (uint32_t i = 0; i < n; i++) {
        if (trp_load_relaxed(&executor->workers[i].running) == task) /* pairs with work */
            return true;
    }
    return false;
}

bool trp_worker_start(trp_worker *worker)
{
    return trp_thread_start(&worker->thread, "troupe-worker", worker->executor->worker_stack, work,
                            worker);
}

troupe_status trp_workers_start(troupe_executor *executor)
{
    unsigned n = executor->n_workers + executor->n_spares;

    executor->workers = trp_alloc_aligned(TRP_CACHE_LINE, n * sizeof(trp_worker));
    if (!executor->workers)
        return TROUPE_E_NO_MEMORY;
    memset(executor->workers, 0, n * sizeof(trp_worker));
    for (unsigned i = 0; i < n; i++) {
        executor->workers[i].executor = executor;
        executor->workers[i].random.state = i + 1;
        executor->workers[i].awake = i < executor->n_workers;
        trp_condition_init(&executor->workers[i].wake);
    }
    trp_store_relaxed(&executor->n_awake, executor->n_workers);
    trp_store_relaxed(&executor->n_started, executor->n_workers);
    for (unsigned i = 0; i < executor->n_workers; i++) {
        if (!trp_worker_start(&executor->workers[i])) {
            trp_store_relaxed(&executor->n_started, i); /* nobody has submitted anything yet */
            return TROUPE_E_IO;
        }
    }
    return TROUPE_OK;
}

bool trp_workers_stop(troupe_executor *executor, uint64_t deadline_ns)
{
    bool all;

    if (!executor->workers)
        return true;
    trp_mutex_lock(&executor->idle_lock);
    trp_workers_dismiss_locked(executor);
    all = trp_workers_gone_locked(executor, deadline_ns);
    for (uint32_t i = 0; i < trp_load_relaxed(&executor->n_started); i++) {
        trp_worker *worker = &executor->workers[i];

        if (worker->ended) {
            trp_thread_join(&worker->thread); /* it has let go of the lock */
        } else {
            trp_store_relaxed(&worker->overrunning, true); /* so that it asks when it comes back */
            trp_thread_detach(&worker->thread);
        }
    }
    trp_mutex_unlock(&executor->idle_lock);
    return all;
}

void trp_workers_fini(troupe_executor *executor)
{
    if (!executor->workers)
        return;
    for (unsigned i = 0; i < executor->n_workers + executor->n_spares; i++)
        trp_condition_fini(&executor->workers[i].wake);
    trp_free(executor->workers);
}
