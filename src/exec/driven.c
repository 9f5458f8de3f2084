/* driven.c - the policy without threads of ours: a host's loop waits on a descriptor and calls.
 *
 *   idle --(a task from another thread, a job: event_fd; a timer: timer_fd)--> readable --(run)--> idle or readable
 *
 * Threads:    the driver (the thread that made the executor) runs tasks, jobs and timers' functions, inside
 *             troupe_executor_run and troupe_executor_drive only. Submit, timers and offload come from anywhere.
 * Invariants: 1. While nobody runs, event_fd is readable exactly when a task or job waits: who adds the first one
 *                writes, under idle_lock, and a run that leaves none reads. A run's own submits write nothing, and the
 *                second injected task finds `signalled`. If broken: the host sleeps on work, or never sleeps.
 *             2. While nobody runs, timer_fd is armed for no later than the earliest timer; clock.sleeps_until says
 *                for when. It is 0 during a run: whoever starts a timer then leaves the arming to the run's end.
 *                If broken: a timer fires late.
 *             3. Tasks run one at a time and never inside each other: a run inside a run is refused.
 * Order:      tasks in the order in which they were submitted; in each round the timers that are due come first, then
 *             one job, then the tasks that were ready when the round began.
 */
#include "executor.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static _Thread_local const troupe_executor *running_here;
static _Thread_local char this_thread; /* its address tells threads apart */

/* ---- the descriptors ---- */

static bool watch(const trp_driven *driven, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return epoll_ctl(driven->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool trp_driven_init(troupe_executor *executor)
{
    trp_driven *driven = &executor->driven;

    driven->driver = &this_thread;
    driven->armed_ns = executor->clock.sleeps_until = TROUPE_FOREVER;
    driven->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    driven->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    driven->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return driven->poll_fd >= 0 && driven->event_fd >= 0 && driven->timer_fd >= 0 &&
           watch(driven, driven->event_fd) && watch(driven, driven->timer_fd);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void trp_driven_fini(trp_driven *driven)
{
    close_if_open(driven->timer_fd);
    close_if_open(driven->event_fd);
    close_if_open(driven->poll_fd);
}

int troupe_executor_descriptor(const troupe_executor *executor)
{
    return executor->is_driven ? executor->driven.poll_fd : -1;
}

/* idle_lock held. Neither call can fail: the counter is 0 or 1. */
static void signal_locked(trp_driven *driven, bool readable)
{
    uint64_t one = 1;

    if (driven->signalled == readable)
        return;
    driven->signalled = readable;
    if (readable)
        TROUPE_ASSERT(write(driven->event_fd, &one, sizeof one) == sizeof one);
    else
        TROUPE_ASSERT(read(driven->event_fd, &one, sizeof one) == sizeof one);
}

void trp_driven_arm_locked(troupe_executor *executor, uint64_t at_ns)
{
    struct itimerspec at = {0}; /* all zero: never */

    if (at_ns != TROUPE_FOREVER) {
        at.it_value.tv_sec = (time_t)(at_ns / TROUPE_SECOND);
        at.it_value.tv_nsec = (long)(at_ns % TROUPE_SECOND);
        if (at_ns == 0)
            at.it_value.tv_nsec = 1;
    }
    TROUPE_ASSERT(timerfd_settime(executor->driven.timer_fd, TFD_TIMER_ABSTIME, &at, NULL) == 0);
    executor->driven.armed_ns = executor->clock.sleeps_until = at_ns;
}

/* A time that has not come and is early enough is left as it is: a request that ended took its timer along, and the
 * host is woken once for nothing instead of arming twice for each. */
static void plan_wake(troupe_executor *executor)
{
    trp_clock *clock = &executor->clock;
    trp_driven *driven = &executor->driven;
    uint64_t bound;

    trp_mutex_lock(&clock->lock);
    bound = trp_wheel_bound(&clock->wheel);
    if (bound < driven->armed_ns || driven->armed_ns <= trp_monotonic_ns())
        trp_driven_arm_locked(executor, bound);
    clock->sleeps_until = driven->armed_ns;
    trp_mutex_unlock(&clock->lock);
}

/* ---- who submits ---- */

/* idle_lock held. */
static void tell_locked(trp_driven *driven)
{
    driven->news = true;
    if (!driven->running)
        signal_locked(driven, true);
}

void trp_driven_tell(troupe_executor *executor)
{
    trp_mutex_lock(&executor->idle_lock);
    tell_locked(&executor->driven);
    trp_mutex_unlock(&executor->idle_lock);
}

void trp_driven_submit(troupe_executor *executor, troupe_task *task)
{
    if (running_here == executor) {
        trp_tasks_append(&executor->driven.ready, task);
        return;
    }
    trp_mutex_lock(&executor->idle_lock);
    trp_tasks_append(&executor->injected, task);
    tell_locked(&executor->driven);
    trp_mutex_unlock(&executor->idle_lock);
}

void troupe_executor_rouse(troupe_executor *executor)
{
    trp_driven *driven = &executor->driven;

    if (!executor->is_driven)
        return;
    trp_mutex_lock(&executor->idle_lock);
    driven->rung = true;
    if (!driven->running)
        signal_locked(driven, true);
    trp_mutex_unlock(&executor->idle_lock);
}

/* ---- the driver ---- */

bool troupe_executor_drives(const troupe_executor *executor)
{
    return executor->is_driven && executor->driven.driver == &this_thread;
}

bool trp_driven_is_running(const troupe_executor *executor)
{
    return troupe_executor_drives(executor) && executor->driven.running; /* the driver wrote it */
}

static void take_in_locked(troupe_executor *executor)
{
    troupe_task *task;

    while ((task = trp_tasks_take(&executor->injected)))
        trp_tasks_append(&executor->driven.ready, task);
    executor->driven.news = false;
}

/* Returns when it has ended. */
static uint64_t run_task(troupe_executor *executor, uint64_t began_ns)
{
    troupe_task *task = trp_tasks_take(&executor->driven.ready);
    uint64_t now;

    executor->run(executor->arg, task);
    now = trp_monotonic_ns();
    if (executor->spent)
        executor->spent(executor->arg, task, now - began_ns);
    return now;
}

/* True: the time is up. */
static bool run_round(troupe_executor *executor, uint64_t until_ns, bool *ret_ran)
{
    size_t n = executor->driven.ready.n;
    troupe_job *job = trp_jobs_take(&executor->jobs);
    uint64_t now;

    if (job)
        job->run(job);
    if (job || n > 0)
        *ret_ran = true;
    now = trp_monotonic_ns();
    for (size_t i = 0; i < n && (i == 0 || now < until_ns); i++)
        now = run_task(executor, now);
    return now >= until_ns;
}

/* idle_lock held. What waits now, so that the descriptor says so. */
static bool finish_locked(troupe_executor *executor, bool jobs_wait)
{
    trp_driven *driven = &executor->driven;
    bool more = driven->ready.n > 0 || driven->news || jobs_wait;

    driven->running = false;
    signal_locked(driven, more);
    return more;
}

/* *ret_stirred: something ran, or the driver was rung; else it is left as it is. */
static bool run(troupe_executor *executor, uint64_t budget_ns, bool *ret_stirred)
{
    const troupe_executor *outer = running_here;
    trp_driven *driven = &executor->driven;
    uint64_t until = trp_time_after(trp_monotonic_ns(), budget_ns);
    bool late, jobs_wait, more;

    running_here = executor;
    trp_mutex_lock(&executor->clock.lock);
    executor->clock.sleeps_until = 0;
    trp_mutex_unlock(&executor->clock.lock);
    trp_mutex_lock(&executor->idle_lock);
    driven->running = true;
    do {
        take_in_locked(executor);
        trp_mutex_unlock(&executor->idle_lock);
        trp_clock_fire(executor, trp_monotonic_ns());
        late = run_round(executor, until, ret_stirred);
        jobs_wait = trp_jobs_wait(&executor->jobs);
        trp_mutex_lock(&executor->idle_lock);
    } while (!late && (driven->ready.n > 0 || driven->news || jobs_wait));
    more = finish_locked(executor, jobs_wait);
    if (driven->rung)
        *ret_stirred = true;
    driven->rung = false;
    trp_mutex_unlock(&executor->idle_lock);
    plan_wake(executor);
    running_here = outer;
    return more;
}

bool troupe_executor_run(troupe_executor *executor, uint64_t budget_ns)
{
    bool stirred;

    if (!troupe_executor_drives(executor) || executor->driven.running) /* the driver's own flag */
        return false;
    return run(executor, budget_ns, &stirred);
}

bool troupe_executor_drive(troupe_executor *executor, uint64_t until_ns)
{
    struct pollfd readable = {.fd = executor->driven.poll_fd, .events = POLLIN};
    struct timespec left;
    bool stirred = false;
    uint64_t now;

    TROUPE_ASSERT(troupe_executor_drives(executor) && !executor->driven.running);
    if (run(executor, 0, &stirred) || stirred)
        return true;
    now = trp_monotonic_ns();
    if (now >= until_ns)
        return false;
    left.tv_sec = (time_t)((until_ns - now) / TROUPE_SECOND);
    left.tv_nsec = (long)((until_ns - now) % TROUPE_SECOND);
    TROUPE_ASSERT(ppoll(&readable, 1, until_ns == TROUPE_FOREVER ? NULL : &left, NULL) >= 0 ||
                  errno == EINTR);
    return trp_monotonic_ns() < until_ns;
}

void troupe_executor_adopt(troupe_executor *executor)
{
    executor->driven.driver = &this_thread;
}

void trp_driven_finish(troupe_executor *executor)
{
    trp_driven *driven = &executor->driven;
    bool stirred;

    troupe_executor_adopt(executor);
    while (driven->ready.n > 0 || executor->injected.n > 0 || trp_jobs_wait(&executor->jobs))
        run(executor, TROUPE_FOREVER, &stirred);
}
