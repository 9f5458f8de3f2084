/* executor.h - what the files of this room share. */
#ifndef TRP_EXEC_EXECUTOR_H
#define TRP_EXEC_EXECUTOR_H

#include "queue.h"
#include "troupe/exec.h"
#include "trp/atomic.h"
#include "trp/os.h"
#include "wheel.h"

typedef struct trp_worker {
    trp_queue queue;
    _Atomic(troupe_task *) next TRP_ALIGN_LINE; /* the LIFO slot; any thread may take it */
    _Atomic uint64_t
        turns; /* tasks begun, and wakes: the owner's while awake; the clock reads it */
    _Atomic bool
        overrunning; /* under idle_lock; its owner reads it without: another runs in its place */
    _Atomic(troupe_task *) running; /* NULL: asleep; the clock reads it */
    unsigned in_a_row;              /* owner: runs from the LIFO slot without a break */
    trp_random random;              /* owner: whom to steal from */
    uint64_t turns_seen;            /* clock only */
    unsigned n_stuck;               /* clock only: ticks without a new turn */
    bool awake;                     /* under idle_lock */
    bool ended;                     /* under idle_lock: its thread needs nothing any more */
    bool thief;                     /* under idle_lock, then the owner's: woken to steal */
    trp_condition wake;
    trp_thread thread;
    troupe_executor *executor;
    struct trp_worker *next_idle; /* under idle_lock: in sleepers or in spares */
} trp_worker;

/* A list of tasks in order of arrival. Guarded by its owner's lock. */
typedef struct trp_tasks {
    troupe_task *first, *last;
    size_t n;
} trp_tasks;

static inline void trp_tasks_append(trp_tasks *tasks, troupe_task *task)
{
    task->next = NULL;
    if (tasks->last)
        tasks->last->next = task;
    else
        tasks->first = task;
    tasks->last = task;
    tasks->n++;
}

static inline troupe_task *trp_tasks_take(trp_tasks *tasks)
{
    troupe_task *task = tasks->first;

    if (!task)
        return NULL;
    tasks->first = task->next;
    if (!tasks->first)
        tasks->last = NULL;
    tasks->n--;
    return task;
}

typedef struct trp_clock {
    trp_mutex lock;
    trp_condition wake;
    trp_wheel wheel;        /* under lock */
    troupe_ticker *tickers; /* under lock */
    bool ticking;           /* under lock: inside the tickers' functions */
    bool firing;            /* under lock: inside a timer's function */
    uint64_t n_fired;       /* under lock */
    unsigned n_settling;    /* under lock: who waits for one that fires */
    trp_condition ticked, fired;
    uint64_t sleeps_until; /* under lock: 0 while not asleep */
    unsigned quiet;        /* clock's thread: ticks since a worker was busy */
    bool stopping;         /* under lock */
    bool started;
    _Atomic bool idle; /* no tick while idle; a waking worker clears it */
    trp_thread thread;
} trp_clock;

typedef struct trp_job_thread {
    trp_thread thread;
    struct trp_jobs *jobs;
    bool ended; /* under the lock of jobs */
} trp_job_thread;

typedef struct trp_jobs {
    trp_mutex lock;
    trp_condition wake, ended;
    troupe_job *first, *last;
    size_t n_queued;
    size_t n_urgent; /* of these */
    unsigned n_threads, n_idle,
        max;            /* n_idle: they wait, or were signalled and are not yet there */
    unsigned n_running; /* that are not urgent: at most max */
    unsigned n_ended;
    trp_job_thread *threads;
    bool stopping, given_up;
    bool over; /* its threads are joined, or left alone: nobody would run or join another */
} trp_jobs;

/* A task whose run stalls. */
typedef struct trp_stalled {
    troupe_task *task;
    uint64_t began_ns, until_ns;
} trp_stalled;

typedef struct trp_simulation {
    trp_random random;
    uint64_t now_ns;
    uint64_t fingerprint;
    troupe_task **ready; /* unordered; the seed chooses */
    size_t n, capacity;
    trp_stalled *stalled; /* unordered */
    size_t n_stalled, stalled_capacity;
    uint32_t stall_one_in; /* set once; 0: none stalls */
    uint64_t stall_ns;
    bool stepping;
} trp_simulation;

typedef struct trp_driven {
    const void *driver; /* the one thread that runs tasks; set when made, and by the last user */
    int poll_fd, event_fd, timer_fd;
    trp_tasks ready; /* driver only */
    bool running;    /* under idle_lock; the driver writes it */
    bool news;       /* under idle_lock: a task was injected or a job queued since the last look */
    bool rung;       /* under idle_lock: the driver, which waits, is to look around */
    bool signalled;  /* under idle_lock: event_fd is readable */
    uint64_t armed_ns; /* under clock.lock: when timer_fd becomes readable, or did */
} trp_driven;

struct troupe_executor {
    void (*run)(void *arg, troupe_task *task);
    void *arg;
    void (*spent)(void *arg, troupe_task *task, uint64_t ns);
    troupe_ticker charge;
    bool simulated, is_driven;
    bool stopped;        /* troupe_executor_stop was called */
    bool all_back;       /* its answer */
    unsigned n_cores;    /* that this process may use */
    unsigned n_workers;  /* that are active at a time */
    unsigned n_spares;   /* the most that may take the place of one that overruns */
    size_t worker_stack; /* bytes */
    trp_worker *workers; /* n_workers + n_spares */
    trp_clock clock;
    trp_jobs jobs;
    trp_simulation simulation;
    trp_driven driven;

    trp_mutex idle_lock TRP_ALIGN_LINE;
    trp_tasks injected;          /* under idle_lock: from foreign threads, and overflow */
    trp_worker *sleepers;        /* under idle_lock: active and asleep */
    trp_worker *spares;          /* under idle_lock: asleep, not active */
    bool stopping;               /* under idle_lock */
    bool given_up;               /* under idle_lock: threads that still run are left alone */
    unsigned n_ended;            /* under idle_lock */
    uint64_t n_wakes;            /* under idle_lock: so far; tests look at it */
    trp_condition ended;         /* with idle_lock */
    _Atomic uint32_t n_started;  /* of workers; grows under idle_lock */
    _Atomic uint32_t n_injected; /* injected.n, readable without the lock */
    _Atomic uint32_t n_sleeping; /* in sleepers, readable without the lock */
    _Atomic uint32_t n_awake;    /* threads neither asleep nor spare; written under idle_lock */
    _Atomic uint32_t n_thieves;  /* woken to steal and not yet successful: at most one */
};

/* worker.c */
troupe_status trp_workers_start(troupe_executor *executor);
/* False: some have not come back by deadline_ns; they are left alone, for good. */
bool trp_workers_stop(troupe_executor *executor, uint64_t deadline_ns);
void trp_workers_fini(troupe_executor *executor);
bool trp_worker_start(trp_worker *worker);
troupe_task *trp_worker_take_slot(trp_worker *worker);
void trp_worker_submit(troupe_executor *executor, troupe_task *task, bool last);
bool trp_worker_is_current(const troupe_executor *executor);
bool trp_overrun(const troupe_executor *executor);

/* park.c */
void trp_inject(troupe_executor *executor, troupe_task *task);
troupe_task *trp_injected_take(troupe_executor *executor);
/* Wake one sleeper to steal, unless one is at it already. */
void trp_thief_wake(troupe_executor *executor);
void trp_theft_end(trp_worker *worker);
/* A new thread waits until it is active. */
void trp_worker_await(trp_worker *worker);
/* Sleeps until chosen. NULL: woken, look around; or the executor ends and *ret_stop is set. */
troupe_task *trp_worker_park(trp_worker *worker, bool *ret_stop);
/* By its own thread: the task it runs overruns. True: another thread has taken its place. */
bool trp_worker_overrun(trp_worker *worker);
/* The task that overran returned; comes back when its thread is active again. False: the executor has ended. */
bool trp_worker_come_back(trp_worker *worker);
void trp_workers_dismiss_locked(troupe_executor *executor);
bool trp_workers_gone_locked(troupe_executor *executor, uint64_t deadline_ns);
void trp_worker_leave(trp_worker *worker);
/* By the clock, each tick. False: every thread sleeps. */
bool trp_workers_watch(troupe_executor *executor);

void trp_clock_init(trp_clock *clock);
bool trp_clock_start(troupe_executor *executor);
void trp_clock_stop(trp_clock *clock);
void trp_clock_fini(trp_clock *clock);
/* A worker woke: ticks are wanted. */
void trp_clock_rouse(troupe_executor *executor);
/* The earliest timer's time, if that is not after until_ns, to which time then moves; else anything after it. */
uint64_t trp_clock_next(troupe_executor *executor, uint64_t until_ns);
/* Fire what is due at now_ns. */
void trp_clock_fire(troupe_executor *executor, uint64_t now_ns);

bool trp_jobs_init(trp_jobs *jobs, unsigned max);
/* Runs what is queued, then ends the threads. False: some have not come back by deadline_ns. */
bool trp_jobs_stop(trp_jobs *jobs, uint64_t deadline_ns);
void trp_jobs_fini(trp_jobs *jobs);
troupe_job *trp_jobs_take(trp_jobs *jobs);
bool trp_jobs_wait(trp_jobs *jobs); /* some job is queued */

bool trp_simulation_init(trp_simulation *simulation, const troupe_executor_options *options);
void trp_simulation_fini(trp_simulation *simulation);
void trp_simulation_submit(troupe_executor *executor, troupe_task *task);

bool trp_driven_init(troupe_executor *executor);
/* Runs what is left; the caller is the last user, on whichever thread. */
void trp_driven_finish(troupe_executor *executor);
void trp_driven_fini(trp_driven *driven);
bool trp_driven_is_running(const troupe_executor *executor);
void trp_driven_submit(troupe_executor *executor, troupe_task *task);
/* A job was queued. */
void trp_driven_tell(troupe_executor *executor);
/* clock.lock is held; the driver may be asleep until later than at_ns. */
void trp_driven_arm_locked(troupe_executor *executor, uint64_t at_ns);

#endif
