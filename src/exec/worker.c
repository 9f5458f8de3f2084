/* worker.c - the loop of a worker: run, steal, park.
 *
 * Threads:    one per worker; submit comes from anywhere.
 *             A worker is: running -> searching -> asleep (in sleepers, waits on its condition) -> searching.
 * Invariants: 1. A task in a worker's own slot or queue is run by that worker unless somebody takes it: it
 *                never sleeps while it has one. So pushes to one's own queue wake others only for speed.
 *             2. Injected tasks and sleepers are under one lock: a worker sees no injected task and joins
 *                the sleepers in one critical section. If broken: a lost wake, the task waits for ever.
 *             3. n_thieves is 1 from the moment a sleeper is chosen until it found a task or sleeps again.
 *                If broken: a herd, or never another thief.
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

bool trp_worker_is_current(const troupe_executor *executor)
{
    return current && current->executor == executor;
}

/* idle_lock held. */
static void wake_one_locked(troupe_executor *executor, bool as_thief)
{
    trp_worker *sleeper = executor->sleepers;

    if (!sleeper)
        return;
    executor->sleepers = sleeper->next_sleeper;
    /* seq: pairs with the clock, which says "idle" and then looks here (trp_clock_rouse) */
    trp_store_seq(&executor->n_sleeping, trp_load_relaxed(&executor->n_sleeping) - 1);
    sleeper->awake = true;
    sleeper->thief = as_thief;
    trp_condition_signal(&sleeper->wake);
}

static void inject(troupe_executor *executor, troupe_task *task)
{
    trp_mutex_lock(&executor->idle_lock);
    trp_tasks_append(&executor->injected, task);
    trp_store_relaxed(&executor->n_injected, (uint32_t)executor->injected.n); /* a hint */
    wake_one_locked(executor, false);
    trp_mutex_unlock(&executor->idle_lock);
}

static troupe_task *take_injected(troupe_executor *executor)
{
    troupe_task *task;

    if (trp_load_relaxed(&executor->n_injected) == 0) /* a hint; park looks under the lock */
        return NULL;
    trp_mutex_lock(&executor->idle_lock);
    task = trp_tasks_take(&executor->injected);
    trp_store_relaxed(&executor->n_injected, (uint32_t)executor->injected.n);
    trp_mutex_unlock(&executor->idle_lock);
    return task;
}

void trp_thief_wake(troupe_executor *executor)
{
    uint32_t none = 0;

    if (trp_load_relaxed(&executor->n_sleeping) == 0) /* only speed is lost by an old value */
        return;
    if (!trp_cas_acq_rel(&executor->n_thieves, &none, 1))
        return;
    trp_mutex_lock(&executor->idle_lock);
    if (executor->sleepers)
        wake_one_locked(executor, true);
    else
        trp_store_release(&executor->n_thieves, 0);
    trp_mutex_unlock(&executor->idle_lock);
}

static void push_queue(trp_worker *worker, troupe_task *task)
{
    if (!trp_queue_push(&worker->queue, task)) {
        inject(worker->executor, task);
        return;
    }
    if (trp_queue_length(&worker->queue) >= WAKE_LENGTH)
        trp_thief_wake(worker->executor);
}

void trp_worker_submit(troupe_executor *executor, troupe_task *task, bool last)
{
    trp_worker *worker = current;

    if (!worker || worker->executor != executor) {
        inject(executor, task);
        return;
    }
    if (!last)
        task = trp_exchange_acq_rel(&worker->next, task); /* pairs with the taker's exchange */
    if (task)
        push_queue(worker, task);
}

static troupe_task *take_slot(trp_worker *worker)
{
    if (!trp_load_relaxed(&worker->next)) /* the exchange decides */
        return NULL;
    return trp_exchange_acq_rel(&worker->next, NULL);
}

static troupe_task *take_own(trp_worker *worker)
{
    troupe_task *task = NULL;

    if (worker->in_a_row < LIFO_BUDGET)
        task = take_slot(worker);
    if (task) {
        worker->in_a_row++;
        return task;
    }
    worker->in_a_row = 0;
    task = trp_queue_take(&worker->queue);
    return task ? task : take_slot(worker);
}

/* Half of what the victim has, so that one theft is enough for a while. */
static troupe_task *steal_from(trp_worker *thief, trp_worker *victim)
{
    uint64_t n = trp_queue_length(&victim->queue) / 2;
    troupe_task *task = trp_queue_take(&victim->queue);

    if (!task)
        return take_slot(victim);
    for (; n > 1; n--) {
        troupe_task *more = trp_queue_take(&victim->queue);

        if (!more)
            break;
        if (!trp_queue_push(&thief->queue, more)) {
            inject(thief->executor, more);
            break;
        }
    }
    return task;
}

static troupe_task *steal(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;
    uint64_t from = trp_random_below(&worker->random, executor->n_workers);

    for (unsigned i = 0; i < executor->n_workers; i++) {
        trp_worker *victim = &executor->workers[(from + i) % executor->n_workers];
        troupe_task *task = victim == worker ? NULL : steal_from(worker, victim);

        if (task)
            return task;
    }
    return NULL;
}

static troupe_task *search(trp_worker *worker)
{
    for (unsigned i = 0; i < SPINS; i++) {
        troupe_task *task = take_injected(worker->executor);

        if (!task)
            task = steal(worker);
        if (task)
            return task;
        trp_pause();
    }
    return NULL;
}

static void end_theft(trp_worker *worker)
{
    if (!worker->thief)
        return;
    worker->thief = false;
    trp_store_release(&worker->executor->n_thieves, 0);
}

/* Sleeps until chosen. NULL: woken, look around; or the executor ends and *ret_stop is set. */
static troupe_task *park(trp_worker *worker, bool *ret_stop)
{
    troupe_executor *executor = worker->executor;
    troupe_task *task;

    end_theft(worker);
    trp_store_relaxed(&worker->running, NULL);
    trp_mutex_lock(&executor->idle_lock);
    task = trp_tasks_take(&executor->injected);
    trp_store_relaxed(&executor->n_injected, (uint32_t)executor->injected.n);
    if (!task && executor->stopping)
        *ret_stop = true;
    if (!task && !*ret_stop) {
        worker->awake = false;
        worker->next_sleeper = executor->sleepers;
        executor->sleepers = worker;
        trp_store_seq(&executor->n_sleeping, trp_load_relaxed(&executor->n_sleeping) + 1);
        while (!worker->awake)
            trp_condition_wait(&worker->wake, &executor->idle_lock);
    }
    trp_mutex_unlock(&executor->idle_lock);
    trp_clock_rouse(executor);
    return task;
}

static void work(void *arg)
{
    trp_worker *worker = arg;
    troupe_executor *executor = worker->executor;
    bool stop = false;

    current = worker;
    while (!stop) {
        uint64_t turns = trp_load_relaxed(&worker->turns); /* only this thread writes it */
        troupe_task *task = turns % INJECTED_EVERY == 0 ? take_injected(executor) : NULL;

        if (!task)
            task = take_own(worker);
        if (!task) {
            task = search(worker);
            if (!task)
                task = park(worker, &stop);
        }
        if (task) {
            end_theft(worker); /* wherever it came from: the next one may be woken */
            trp_store_relaxed(&worker->turns, turns + 1); /* the clock compares, no more */
            trp_store_relaxed(&worker->running, task);    /* the clock looks, no more */
            executor->run(executor->arg, task);
        }
    }
    current = NULL;
}

static void stop_threads(troupe_executor *executor, unsigned n_started)
{
    trp_mutex_lock(&executor->idle_lock);
    executor->stopping = true;
    while (executor->sleepers)
        wake_one_locked(executor, false);
    trp_mutex_unlock(&executor->idle_lock);
    for (unsigned i = 0; i < n_started; i++)
        trp_thread_join(&executor->workers[i].thread);
    for (unsigned i = 0; i < executor->n_workers; i++)
        trp_condition_fini(&executor->workers[i].wake);
    trp_free(executor->workers);
    executor->workers = NULL;
}

troupe_status trp_workers_start(troupe_executor *executor, size_t stack)
{
    unsigned n = executor->n_workers;

    executor->workers = trp_alloc_aligned(TRP_CACHE_LINE, n * sizeof(trp_worker));
    if (!executor->workers)
        return TROUPE_E_NO_MEMORY;
    memset(executor->workers, 0, n * sizeof(trp_worker));
    for (unsigned i = 0; i < n; i++) {
        executor->workers[i].executor = executor;
        executor->workers[i].random.state = i + 1;
        trp_condition_init(&executor->workers[i].wake);
    }
    for (unsigned i = 0; i < n; i++) {
        if (!trp_thread_start(&executor->workers[i].thread, "troupe-worker", stack, work,
                              &executor->workers[i])) {
            stop_threads(executor, i);
            return TROUPE_E_IO;
        }
    }
    return TROUPE_OK;
}

void trp_workers_stop(troupe_executor *executor)
{
    if (executor->workers)
        stop_threads(executor, executor->n_workers);
}
