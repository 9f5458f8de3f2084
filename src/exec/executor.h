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
    _Atomic uint64_t turns;                     /* tasks begun; the clock reads it */
    _Atomic(troupe_task *) running;             /* NULL: asleep; the clock reads it */
    uint64_t turns_seen;                        /* clock only */
    unsigned in_a_row;                          /* owner: runs from the LIFO slot without a break */
    trp_random random;                          /* owner: whom to steal from */
    bool awake;                                 /* under idle_lock */
    bool thief; /* under idle_lock, then the owner's: woken to steal */
    trp_condition wake;
    trp_thread thread;
    troupe_executor *executor;
    struct trp_worker *next_sleeper; /* under idle_lock */
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
    trp_condition ticked;
    uint64_t sleeps_until; /* under lock: 0 while not asleep */
    unsigned quiet;        /* clock's thread: ticks since a worker was busy */
    bool stopping;         /* under lock */
    bool started;
    _Atomic bool idle; /* no tick while idle; a waking worker clears it */
    trp_thread thread;
} trp_clock;

typedef struct trp_jobs {
    trp_mutex lock;
    trp_condition wake;
    troupe_job *first, *last;
    size_t n_queued;
    unsigned n_threads, n_idle,
        max; /* n_idle: they wait, or were signalled and are not yet there */
    trp_thread *threads;
    bool stopping;
} trp_jobs;

typedef struct trp_simulation {
    trp_random random;
    uint64_t now_ns;
    uint64_t fingerprint;
    troupe_task **ready; /* unordered; the seed chooses */
    size_t n, capacity;
    bool stepping;
} trp_simulation;

struct troupe_executor {
    void (*run)(void *arg, troupe_task *task);
    void *arg;
    void (*spent)(void *arg, troupe_task *task, uint64_t ns);
    troupe_ticker charge;
    bool simulated;
    unsigned n_workers;
    trp_worker *workers;
    trp_clock clock;
    trp_jobs jobs;
    trp_simulation simulation;

    trp_mutex idle_lock TRP_ALIGN_LINE;
    trp_tasks injected;          /* under idle_lock: from foreign threads, and overflow */
    trp_worker *sleepers;        /* under idle_lock */
    bool stopping;               /* under idle_lock */
    _Atomic uint32_t n_injected; /* injected.n, readable without the lock */
    _Atomic uint32_t n_sleeping;
    _Atomic uint32_t n_thieves; /* woken to steal and not yet successful: at most one */
};

troupe_status trp_workers_start(troupe_executor *executor, size_t stack);
void trp_workers_stop(troupe_executor *executor);
void trp_worker_submit(troupe_executor *executor, troupe_task *task, bool last);
bool trp_worker_is_current(const troupe_executor *executor);
/* Wake one sleeper to steal, unless one is at it already. */
void trp_thief_wake(troupe_executor *executor);

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
/* Runs what is queued, then ends the threads. */
void trp_jobs_stop(trp_jobs *jobs);
void trp_jobs_fini(trp_jobs *jobs);
troupe_job *trp_jobs_take(trp_jobs *jobs);

bool trp_simulation_init(trp_simulation *simulation, uint64_t seed);
void trp_simulation_submit(troupe_executor *executor, troupe_task *task);

#endif
