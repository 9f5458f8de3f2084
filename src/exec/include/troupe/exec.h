/* troupe/exec.h - the executor: runs tasks on worker threads, or in simulation on one.
 *
 * A task is one intrusive node; the executor calls its owner's run function with it, once for each
 * submit. Knows no message and no component. Only this room and base touch threads and clocks.
 */
#ifndef TROUPE_EXEC_H
#define TROUPE_EXEC_H

#include "troupe/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_executor troupe_executor;

/* One thing to run. Kept by its owner from submit until its run begins. */
typedef struct troupe_task {
    struct troupe_task *next; /* the executor's, while submitted */
} troupe_task;

typedef enum troupe_policy {
    TROUPE_POLICY_THREADS,    /* worker threads, real time */
    TROUPE_POLICY_SIMULATION, /* the caller's thread, a seed, virtual time: troupe_executor_step */
    TROUPE_POLICY_DRIVEN,     /* the thread that made it, real time: troupe_executor_run */
} troupe_policy;

typedef struct troupe_executor_options {
    size_t size;          /* set by TROUPE_EXECUTOR_OPTIONS */
    troupe_policy policy; /* default: threads */
    unsigned workers;     /* threads; default: what affinity and cgroup allow; at most 1024.
                             Driven: this and the sizes of threads must be 0 */
    uint64_t seed;        /* simulation: chooses the schedule */
    size_t
        worker_stack; /* bytes of a worker's stack, as much as the machine asks for (16 KiB and more); default 2 MiB */
    unsigned job_threads; /* the most threads for blocking jobs; default 16 */
    void (*run)(void *arg,
                troupe_task *task); /* must be set; on a worker, may block only shortly */
    void *arg;
    /* Task ran for about ns: on the clock's thread at each tick for what each worker runs then, else after each
     * task. Wait-free. Only for tasks that stay: it may be over by then. NULL: nobody asks. */
    void (*spent)(void *arg, troupe_task *task, uint64_t ns);
    unsigned
        spares; /* the most threads that take the place of workers that overrun, made when needed;
                        default TROUPE_SPARES; at most 1024 */
    /* Simulation: a run stalls with the chance of one in so many, and begins up to stall_ns later; others go on. Both or
     * none. */
    uint32_t stall_one_in;
    uint64_t stall_ns;
} troupe_executor_options;

#define TROUPE_SPARES 16

#define TROUPE_EXECUTOR_OPTIONS(...)                                                               \
    ((troupe_executor_options){.size = sizeof(troupe_executor_options), __VA_ARGS__})

/* troupe_executor_new - make an executor and, under the threads policy, start its workers.
 *
 * Owns:    *ret_executor is the caller's; options are lent.
 * Threads: any.
 * Order:   tasks may be submitted as soon as it returns.
 * Errors:  TROUPE_E_INVALID, TROUPE_E_NO_MEMORY, TROUPE_E_IO no thread to be had.
 */
TROUPE_MUST_CHECK troupe_status troupe_executor_new(const troupe_executor_options *options,
                                                    troupe_executor **ret_executor);

/* troupe_executor_stop - end within timeout_ns: what is submitted still runs, then the threads are joined.
 *
 * Owns:    nothing; troupe_executor_free still has to come. Timers that have not fired never will.
 * Threads: none of its own, and nobody submits any more but the tasks and jobs that run. Blocks. A second call
 *          gives the first one's answer.
 * Errors:  false: some thread has not come back from its task or job. It is left to run; when it does come back it
 *          ends and runs nothing else. Until then it may use the executor and whatever its task uses: neither
 *          may be given back, so troupe_executor_free gives nothing back either.
 */
bool troupe_executor_stop(troupe_executor *executor, uint64_t timeout_ns);

/* troupe_executor_free - troupe_executor_stop without a limit if that was not called, then give everything back.
 *
 * Owns:    takes executor; NULL is fine.
 * Threads: none of its own; nobody may use the executor any more. Blocks.
 * Errors:  none.
 */
void troupe_executor_free(troupe_executor *executor);

/* troupe_executor_submit - run this task soon: on a worker next, elsewhere behind what waits.
 * troupe_executor_submit_last - behind everything that this worker has: for one that had its turn.
 *
 * Owns:    task is kept until its run begins; a task is submitted at most once at a time.
 * Threads: any. Never blocks for longer than a short lock.
 * Order:   what the submitter wrote before is seen by the run.
 * Errors:  none.
 */
void troupe_executor_submit(troupe_executor *executor, troupe_task *task);
void troupe_executor_submit_last(troupe_executor *executor, troupe_task *task);

/* troupe_executor_now - monotonic nanoseconds: real, or virtual in simulation. Any thread. */
uint64_t troupe_executor_now(const troupe_executor *executor);

/* troupe_executor_simulated - whether the policy is simulation. Any thread. */
bool troupe_executor_simulated(const troupe_executor *executor);

/* troupe_executor_driven - whether the policy is driven. Any thread. */
bool troupe_executor_driven(const troupe_executor *executor);

/* troupe_executor_on_worker - whether the calling thread is one of its workers (or runs its step). One that overruns is
 * none. */
bool troupe_executor_on_worker(const troupe_executor *executor);

/* troupe_executor_runs - whether a worker runs this task now, or ran it last and nothing since. For one who asks why it
 * does not come back; a task that waits its turn is none of these. Any thread.
 */
bool troupe_executor_runs(const troupe_executor *executor, const troupe_task *task);

/* ---- timers ---- */

typedef struct troupe_timer {
    void *link[2]; /* the executor's, set by troupe_timer_init */
    uint64_t at_ns;
    void (*fire)(
        struct troupe_timer *timer); /* on the clock's thread; must not block or run user code */
} troupe_timer;

/* troupe_timer_init - set up a timer that is not armed. Threads: the owner of timer. */
void troupe_timer_init(troupe_timer *timer, void (*fire)(troupe_timer *timer));

/* troupe_timer_start - arm: fire is called once, never before at_ns; in simulation at at_ns, else shortly after.
 *
 * Owns:    timer is kept until it fires or is cancelled. It must not be armed.
 * Threads: any. Never blocks for longer than a short lock.
 * Order:   timers fire by their time, those of one time as they were started; a time already past counts as now.
 * Errors:  none: it takes no memory.
 */
void troupe_timer_start(troupe_executor *executor, troupe_timer *timer, uint64_t at_ns);

/* troupe_timer_cancel - true: it will not fire. False: it was not armed, has fired, or fires now.
 * Owns: timer is the caller's again when true. Threads: any. Errors: none.
 */
bool troupe_timer_cancel(troupe_executor *executor, troupe_timer *timer);

/* troupe_timers_settle - when it returns, the timer that fired as it was called has fired: all that its function did is
 * seen.
 * Threads: any, but none of a timer's. Blocks. Errors: none.
 */
void troupe_timers_settle(troupe_executor *executor);

/* ---- ticks: a ring about every period while workers are busy; none while all of them sleep ---- */

typedef struct troupe_ticker {
    struct troupe_ticker *next;
    void (*tick)(void *arg); /* on the clock's thread; a few nanoseconds */
    void *arg;
} troupe_ticker;

#define TROUPE_TICK (1 * TROUPE_MILLISECOND)

/* troupe_ticker_start, troupe_ticker_stop - after stop returns, tick is not called any more.
 * Owns: ticker is kept between the two. Threads: any. In simulation it never ticks. Errors: none.
 */
void troupe_ticker_start(troupe_executor *executor, troupe_ticker *ticker);
void troupe_ticker_stop(troupe_executor *executor, troupe_ticker *ticker);

/* ---- blocking jobs ---- */

typedef struct troupe_job {
    struct troupe_job *next;
    void (*run)(struct troupe_job *job); /* on a thread for blocking jobs; may block */
    bool urgent;                         /* the executor's */
} troupe_job;

/* troupe_executor_offload - run a blocking job off the workers.
 * troupe_executor_offload_urgent - before all that waits, and though all threads for others are blocked: one thread more
 * is there for it. For jobs that do not block for long themselves.
 *
 * Owns:    job is kept until its run begins; run may free it.
 * Threads: any. Never blocks. In simulation the job runs inside some later step.
 * Errors:  TROUPE_E_IO no thread could be started; TROUPE_E_CLOSED a task or timer came too late: troupe_executor_stop
 *          has ended the threads.
 */
TROUPE_MUST_CHECK troupe_status troupe_executor_offload(troupe_executor *executor, troupe_job *job);
TROUPE_MUST_CHECK troupe_status troupe_executor_offload_urgent(troupe_executor *executor,
                                                               troupe_job *job);

/* ---- overruns ---- */

/* troupe_executor_overrun - the running task says that it holds its worker for longer than a slice: a spare thread takes
 * the worker's place until the task returns. Who says nothing is found by the clock, after about 10 ms with work waiting.
 *
 * Threads: the worker that runs the task. From then on the thread must be taken for a foreign one.
 * Counts:  at most options.spares at a time. Again in the same task: nothing happens, true.
 * Errors:  none. False: no spare is left, or it is no worker, or simulation; the task goes on as before.
 */
bool troupe_executor_overrun(troupe_executor *executor);

/* ---- simulation ---- */

/* troupe_executor_step - run one ready task or job, chosen by the seed; when none is ready, move
 * virtual time to the next timer and fire it.
 *
 * Threads: the one thread that drives this simulation; not from inside a task.
 * Errors:  false: there is nothing to do, now or ever, until somebody submits.
 */
bool troupe_executor_step(troupe_executor *executor);

/* troupe_executor_step_until - the same for one who waits until until_ns: time does not jump over it.
 *
 * Threads: as troupe_executor_step.
 * Errors:  false: there is nothing to do before until_ns, and it is until_ns now (not for TROUPE_FOREVER).
 */
bool troupe_executor_step_until(troupe_executor *executor, uint64_t until_ns);

/* troupe_executor_note - a choice that the owner of the tasks made itself, by the seed: it belongs to the schedule.
 * Threads: as troupe_executor_step, or a task. Errors: none.
 */
void troupe_executor_note(troupe_executor *executor, uint64_t choice);

/* troupe_executor_schedule - a fingerprint of every choice made so far: equal for equal schedules.
 * Threads: the one that drives. Errors: none. */
uint64_t troupe_executor_schedule(const troupe_executor *executor);

/* ---- driven by a host's loop ---- */

/* troupe_executor_run - run what is ready, for about budget_ns: due timers, jobs, tasks. No task is interrupted, and at
 * least one runs; 0: one round of a task and a job at most; TROUPE_FOREVER: until nothing is ready.
 *
 * Threads: the driver: the thread that made the executor; not from inside a task.
 * Errors:  true: more is ready now. False: nothing is, or the caller may not run it.
 */
bool troupe_executor_run(troupe_executor *executor, uint64_t budget_ns);

/* troupe_executor_descriptor - readable while troupe_executor_run has something to do. -1: not driven.
 * Owns: the executor keeps it; wait for it to be readable, no more. Threads: any. Errors: -1.
 */
int troupe_executor_descriptor(const troupe_executor *executor);

/* troupe_executor_drives - whether the calling thread is the driver of a driven executor. Any thread. */
bool troupe_executor_drives(const troupe_executor *executor);

/* troupe_executor_drive - for a driver that waits: run a little, or sleep until something is ready or somebody rouses it.
 *
 * Threads: the driver, not from inside a task.
 * Errors:  false: it is until_ns.
 */
bool troupe_executor_drive(troupe_executor *executor, uint64_t until_ns);

/* troupe_executor_adopt - the caller is the last user of a driven executor, and its driver from now on; else nothing.
 * Threads: the last user. Errors: none.
 */
void troupe_executor_adopt(troupe_executor *executor);

/* troupe_executor_rouse - a driver inside troupe_executor_drive returns soon, to look at what it waits for.
 * Threads: any. Errors: none; nothing happens to one that is not driven.
 */
void troupe_executor_rouse(troupe_executor *executor);

#ifdef __cplusplus
}
#endif
#endif
