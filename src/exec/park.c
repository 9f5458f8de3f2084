/* park.c - which threads act as workers: who sleeps, who is woken, and who takes the place of one that overruns.
 *
 *   running -> searching -> asleep -> searching                     (asleep: in sleepers)
 *      |                     ^ |
 *      | its task overruns   | | its place is given back
 *      v                     | v
 *   overrunning ----------> spare                                   (spare: in spares)
 *      its task returns: it runs on when a sleeper can become the spare instead
 *
 * Threads:    workers park and come back; the clock watches; inject, wake, overrun come from anywhere.
 * Invariants, all under idle_lock:
 *             1. A worker sees no injected task and joins the sleepers in one critical section. If broken: a lost
 *                wake, the task waits for ever.
 *             2. n_thieves is 1 from the moment a sleeper is chosen until it found a task or sleeps again.
 *                If broken: a herd, or never another thief.
 *             3. Each started thread is active, overrunning or spare; n_workers of them are active until the
 *                executor stops. If broken: too few and work waits, or more than the cores there are.
 *             4. What an overrunning worker has in its slot or queue becomes injected: at the hand-off, and by the
 *                clock what slipped in beside it. If broken: a task waits for as long as the overrunning one
 *                likes, which may be for ever.
 *             5. n_awake counts the threads that neither sleep nor are spare. If broken: no tick while a guest
 *                loops, or ticks for ever.
 * A spare waits as a sleeper does: it takes a place by moving from one list to the other, and is woken only when
 * there is work. So an overrun with nothing behind it wakes nobody.
 */
#include "executor.h"

/* Ticks that one task may run while work waits: 10 ms, as in Go's scheduler. */
#define STUCK_TICKS 10u

static void push_idle(trp_worker **list, trp_worker *worker)
{
    worker->next_idle = *list;
    *list = worker;
}

static trp_worker *pop_idle(trp_worker **list)
{
    trp_worker *worker = *list;

    if (worker)
        *list = worker->next_idle;
    return worker;
}

/* ---- wakes ---- */

static void add_sleeper_locked(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;

    push_idle(&executor->sleepers, worker);
    trp_store_relaxed(&executor->n_sleeping, trp_load_relaxed(&executor->n_sleeping) + 1);
}

static trp_worker *take_sleeper_locked(troupe_executor *executor)
{
    trp_worker *sleeper = pop_idle(&executor->sleepers);

    if (sleeper)
        trp_store_relaxed(&executor->n_sleeping, trp_load_relaxed(&executor->n_sleeping) - 1);
    return sleeper;
}

/* From here on it is awake, as soon as somebody signals it. */
static void rouse_locked(trp_worker *worker, bool as_thief)
{
    troupe_executor *executor = worker->executor;

    /* seq: pairs with the clock, which says "idle" and then looks here (trp_clock_rouse) */
    trp_store_seq(&executor->n_awake, trp_load_relaxed(&executor->n_awake) + 1);
    executor->n_wakes++;
    trp_count_own(&worker->turns, 1); /* its owner sleeps: no task runs there, so none is stuck */
    worker->awake = true;
    worker->thief = as_thief;
}

static trp_worker *rouse_one_locked(troupe_executor *executor, bool as_thief)
{
    trp_worker *sleeper = take_sleeper_locked(executor);

    if (sleeper)
        rouse_locked(sleeper, as_thief);
    return sleeper;
}

static void wake_locked(trp_worker *worker)
{
    rouse_locked(worker, false);
    trp_condition_signal(&worker->wake);
}

static bool wake_one_locked(troupe_executor *executor)
{
    trp_worker *sleeper = rouse_one_locked(executor, false);

    if (sleeper)
        trp_condition_signal(&sleeper->wake);
    return sleeper != NULL;
}

/* Without the lock: on a core that both share the woken one would run at once, into the lock, and sleep again. It
 * waits for what was said under the lock, so a signal that comes late wakes it for nothing, no more. */
static void signal_roused(trp_worker *sleeper)
{
    if (sleeper)
        trp_condition_signal(&sleeper->wake);
}

static void append_injected_locked(troupe_executor *executor, troupe_task *task)
{
    trp_tasks_append(&executor->injected, task);
    trp_store_relaxed(&executor->n_injected, (uint32_t)executor->injected.n); /* a hint */
}

static troupe_task *take_injected_locked(troupe_executor *executor)
{
    /* given up: what its tasks use may be gone */
    troupe_task *task = executor->given_up ? NULL : trp_tasks_take(&executor->injected);

    trp_store_relaxed(&executor->n_injected, (uint32_t)executor->injected.n);
    return task;
}

void trp_inject(troupe_executor *executor, troupe_task *task)
{
    trp_worker *sleeper;

    trp_mutex_lock(&executor->idle_lock);
    append_injected_locked(executor, task);
    sleeper = rouse_one_locked(executor, false);
    trp_mutex_unlock(&executor->idle_lock);
    signal_roused(sleeper);
}

troupe_task *trp_injected_take(troupe_executor *executor)
{
    troupe_task *task;

    if (trp_load_relaxed(&executor->n_injected) == 0) /* a hint; park looks under the lock */
        return NULL;
    trp_mutex_lock(&executor->idle_lock);
    task = take_injected_locked(executor);
    trp_mutex_unlock(&executor->idle_lock);
    return task;
}

void trp_thief_wake(troupe_executor *executor)
{
    uint32_t none = 0;
    trp_worker *sleeper;

    if (trp_load_relaxed(&executor->n_sleeping) == 0) /* only speed is lost by an old value */
        return;
    if (!trp_cas_relaxed(&executor->n_thieves, &none, 1)) /* one word says who is the thief */
        return;
    trp_mutex_lock(&executor->idle_lock);
    sleeper = rouse_one_locked(executor, true);
    if (!sleeper)
        trp_store_relaxed(&executor->n_thieves, 0);
    trp_mutex_unlock(&executor->idle_lock);
    signal_roused(sleeper);
}

void trp_theft_end(trp_worker *worker)
{
    if (!worker->thief)
        return;
    worker->thief = false;
    trp_store_relaxed(&worker->executor->n_thieves, 0); /* an old value costs a wake */
}

/* ---- sleep ---- */

static void wait_locked(trp_worker *worker)
{
    while (!worker->awake)
        trp_condition_wait(&worker->wake, &worker->executor->idle_lock);
}

static void sleep_locked(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;

    worker->awake = false;
    trp_store_relaxed(&worker->running, NULL); /* for the clock: no time is charged to a sleeper */
    /* relaxed, under the lock: with an old count the clock is awake a tick longer */
    trp_store_relaxed(&executor->n_awake, trp_load_relaxed(&executor->n_awake) - 1);
    wait_locked(worker);
}

static void become_spare_locked(trp_worker *worker)
{
    trp_store_relaxed(&worker->overrunning, false); /* under the lock; the owner is here */
    push_idle(&worker->executor->spares, worker);
    sleep_locked(worker);
}

void trp_worker_await(trp_worker *worker)
{
    trp_mutex_lock(&worker->executor->idle_lock);
    wait_locked(worker);
    trp_mutex_unlock(&worker->executor->idle_lock);
    trp_clock_rouse(worker->executor);
}

troupe_task *trp_worker_park(trp_worker *worker, bool *ret_stop)
{
    troupe_executor *executor = worker->executor;
    troupe_task *task;

    trp_theft_end(worker);
    trp_mutex_lock(&executor->idle_lock);
    task = take_injected_locked(executor);
    if (!task && executor->stopping) {
        *ret_stop = true;
    } else if (!task && trp_load_relaxed(&worker->overrunning)) { /* the clock was late */
        become_spare_locked(worker);
    } else if (!task) {
        add_sleeper_locked(worker);
        sleep_locked(worker);
    }
    trp_mutex_unlock(&executor->idle_lock);
    trp_clock_rouse(executor);
    return task;
}

/* ---- overruns ---- */

/* Takers of a queue may be any threads: this one takes all of it. */
static void inject_all_locked(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;
    troupe_task *task = trp_worker_take_slot(worker);

    if (!task)
        task = trp_queue_take(&worker->queue);
    while (task) {
        append_injected_locked(executor, task);
        wake_one_locked(executor);
        task = trp_queue_take(&worker->queue);
    }
}

/* NULL: as many as are allowed overrun already, or the system has no thread to give. */
static trp_worker *take_spare_locked(troupe_executor *executor)
{
    trp_worker *spare = pop_idle(&executor->spares);
    uint32_t n_started = trp_load_relaxed(&executor->n_started); /* under the lock */

    if (spare || n_started == executor->n_workers + executor->n_spares)
        return spare;
    spare = &executor->workers[n_started];
    if (!trp_worker_start(spare))
        return NULL;
    trp_store_relaxed(&executor->n_started, n_started + 1); /* set up before any thread was */
    return spare;
}

static bool hand_off_locked(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;
    trp_worker *spare = executor->stopping ? NULL : take_spare_locked(executor);

    if (!spare)
        return false;
    /* relaxed: a submit that still goes into its own queue is found by the clock */
    trp_store_relaxed(&worker->overrunning, true);
    add_sleeper_locked(spare);
    inject_all_locked(worker);
    if (executor->injected.n)
        wake_one_locked(executor);
    return true;
}

bool trp_worker_overrun(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;
    bool handed_off;

    trp_mutex_lock(&executor->idle_lock);
    handed_off = trp_load_relaxed(&worker->overrunning) || hand_off_locked(worker);
    trp_mutex_unlock(&executor->idle_lock);
    if (!handed_off)
        trp_thief_wake(executor); /* what waits behind it is at least stolen */
    return handed_off;
}

static void come_back_locked(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;
    trp_worker *sleeper = executor->stopping ? NULL : take_sleeper_locked(executor);

    if (sleeper)
        push_idle(&executor->spares, sleeper);
    if (sleeper || executor->stopping) {
        trp_store_relaxed(&worker->overrunning, false); /* under the lock; the owner is here */
    } else {
        inject_all_locked(worker);
        become_spare_locked(worker);
    }
}

bool trp_worker_come_back(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;
    bool wanted;

    trp_mutex_lock(&executor->idle_lock);
    wanted = !executor->given_up;
    if (wanted)
        come_back_locked(worker);
    trp_mutex_unlock(&executor->idle_lock);
    if (wanted)
        trp_clock_rouse(executor);
    return wanted;
}

/* ---- the end ---- */

void trp_workers_dismiss_locked(troupe_executor *executor)
{
    trp_worker *spare;

    executor->stopping = true;
    while (wake_one_locked(executor))
        continue;
    while ((spare = pop_idle(&executor->spares)))
        wake_locked(spare);
}

bool trp_workers_gone_locked(troupe_executor *executor, uint64_t deadline_ns)
{
    while (executor->n_ended < trp_load_relaxed(&executor->n_started)) {
        if (trp_monotonic_ns() >= deadline_ns) {
            executor->given_up = true;
            return false;
        }
        (void)trp_condition_wait_until(&executor->ended, &executor->idle_lock, deadline_ns);
    }
    return true;
}

void trp_worker_leave(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;

    trp_mutex_lock(&executor->idle_lock);
    if (!executor->given_up) {
        worker->ended = true;
        executor->n_ended++;
        trp_condition_signal(&executor->ended);
    }
    trp_mutex_unlock(&executor->idle_lock);
}

/* ---- the clock looks ---- */

static bool has_tasks(const trp_worker *worker)
{
    return trp_load_relaxed(&worker->next) || trp_queue_length(&worker->queue); /* hints */
}

/* It ran one task for long: somebody else goes on in its place. */
static void take_over(trp_worker *worker)
{
    troupe_executor *executor = worker->executor;

    trp_mutex_lock(&executor->idle_lock);
    if (trp_load_relaxed(&worker->overrunning))
        inject_all_locked(worker);
    else if (worker->awake && trp_load_relaxed(&worker->running) && /* else it got no core yet */
             trp_load_relaxed(&worker->turns) == worker->turns_seen)
        (void)hand_off_locked(worker);
    trp_mutex_unlock(&executor->idle_lock);
}

bool trp_workers_watch(troupe_executor *executor)
{
    uint32_t n = trp_load_relaxed(&executor->n_started); /* a late look sees it the next time */
    bool stuck = false;

    for (uint32_t i = 0; i < n; i++) {
        trp_worker *worker = &executor->workers[i];
        uint64_t turns = trp_load_relaxed(&worker->turns);
        bool waits = has_tasks(worker);

        if (turns != worker->turns_seen) {
            worker->turns_seen = turns;
            worker->n_stuck = 0;
            continue;
        }
        worker->n_stuck++;
        stuck |= waits;
        waits |= !trp_load_relaxed(&worker->overrunning) && trp_load_relaxed(&executor->n_injected);
        if (waits && worker->n_stuck >= STUCK_TICKS)
            take_over(worker);
    }
    if (stuck)
        trp_thief_wake(executor);
    return trp_load_relaxed(&executor->n_awake) != 0;
}
