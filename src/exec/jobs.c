/* jobs.c - blocking work, on threads of its own: started when needed, at most max, and one for what is urgent; ended
 * with the executor.
 *
 * Urgent jobs stand first in the queue. Others are run on max threads at a time, so that all of them may block and one
 * more thread is still there for what is urgent.
 * Invariant: under lock, a queued job has an idle thread that was signalled, or every allowed thread is busy and
 *            will look again; once the threads have ended none is queued. If broken: the job waits for ever, or runs
 *            on a thread that outlives the executor.
 */
#include "executor.h"

bool trp_jobs_init(trp_jobs *jobs, unsigned max)
{
    trp_mutex_init(&jobs->lock);
    trp_condition_init(&jobs->wake);
    trp_condition_init(&jobs->ended);
    jobs->max = max;
    jobs->threads = trp_alloc_zeroed((max + 1) * sizeof *jobs->threads);
    return jobs->threads != NULL;
}

static troupe_job *take_locked(trp_jobs *jobs)
{
    troupe_job *job = jobs->first;

    if (!job)
        return NULL;
    jobs->first = job->next;
    if (!jobs->first)
        jobs->last = NULL;
    jobs->n_queued--;
    if (job->urgent)
        jobs->n_urgent--;
    return job;
}

troupe_job *trp_jobs_take(trp_jobs *jobs)
{
    troupe_job *job;

    trp_mutex_lock(&jobs->lock);
    job = take_locked(jobs);
    trp_mutex_unlock(&jobs->lock);
    return job;
}

bool trp_jobs_wait(trp_jobs *jobs)
{
    bool any;

    trp_mutex_lock(&jobs->lock);
    any = jobs->first != NULL;
    trp_mutex_unlock(&jobs->lock);
    return any;
}

static bool may_take_locked(const trp_jobs *jobs)
{
    return !jobs->given_up && jobs->first && (jobs->first->urgent || jobs->n_running < jobs->max);
}

static void run_locked(trp_jobs *jobs, troupe_job *job)
{
    bool urgent = job->urgent; /* its run may free it */

    jobs->n_running += !urgent;
    trp_mutex_unlock(&jobs->lock);
    job->run(job);
    trp_mutex_lock(&jobs->lock);
    jobs->n_running -= !urgent;
}

static void work_locked(trp_jobs *jobs)
{
    for (;;) {
        if (may_take_locked(jobs)) {
            run_locked(jobs, take_locked(jobs));
        } else if (jobs->stopping) {
            break;
        } else {
            jobs->n_idle++;
            trp_condition_wait(&jobs->wake, &jobs->lock);
            jobs->n_idle--;
        }
    }
}

static void work(void *arg)
{
    trp_job_thread *mine = arg;
    trp_jobs *jobs = mine->jobs;

    trp_mutex_lock(&jobs->lock);
    work_locked(jobs);
    if (!jobs->given_up) {
        mine->ended = true;
        jobs->n_ended++;
        trp_condition_signal(&jobs->ended);
    }
    trp_mutex_unlock(&jobs->lock);
}

static bool start_thread_locked(trp_jobs *jobs)
{
    trp_job_thread *mine = &jobs->threads[jobs->n_threads];

    mine->jobs = jobs;
    if (!trp_thread_start(&mine->thread, "troupe-job", 0, work, mine))
        return false;
    jobs->n_threads++;
    return true;
}

static void queue_locked(trp_jobs *jobs, troupe_job *job)
{
    troupe_job **at = &jobs->first;

    for (unsigned n = 0; job->urgent && n < jobs->n_urgent; n++)
        at = &(*at)->next;
    if (!job->urgent && jobs->last)
        at = &jobs->last->next;
    job->next = *at;
    *at = job;
    if (!job->next)
        jobs->last = job;
    jobs->n_queued++;
    jobs->n_urgent += job->urgent;
}

static troupe_status offload(troupe_executor *executor, troupe_job *job, bool urgent)
{
    bool on_threads = !executor->simulated && !executor->is_driven;
    trp_jobs *jobs = &executor->jobs;
    troupe_status status = TROUPE_OK;

    trp_mutex_lock(&jobs->lock);
    if (on_threads && jobs->over)
        status = TROUPE_E_CLOSED;
    else if (on_threads && jobs->n_queued >= jobs->n_idle && jobs->n_threads < jobs->max + urgent &&
             !start_thread_locked(jobs) && jobs->n_threads == 0)
        status = TROUPE_E_IO;
    if (status == TROUPE_OK) {
        job->urgent = urgent;
        queue_locked(jobs, job);
        trp_condition_signal(&jobs->wake);
    }
    trp_mutex_unlock(&jobs->lock);
    if (executor->is_driven)
        trp_driven_tell(executor);
    return status;
}

troupe_status troupe_executor_offload(troupe_executor *executor, troupe_job *job)
{
    return offload(executor, job, false);
}

troupe_status troupe_executor_offload_urgent(troupe_executor *executor, troupe_job *job)
{
    return offload(executor, job, true);
}

static bool wait_for_the_last_locked(trp_jobs *jobs, uint64_t deadline_ns)
{
    while (jobs->n_ended < jobs->n_threads) { /* a job may still start another thread */
        if (trp_monotonic_ns() >= deadline_ns) {
            jobs->given_up = true;
            return false;
        }
        (void)trp_condition_wait_until(&jobs->ended, &jobs->lock, deadline_ns);
    }
    return true;
}

bool trp_jobs_stop(trp_jobs *jobs, uint64_t deadline_ns)
{
    bool all;

    trp_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    trp_condition_broadcast(&jobs->wake);
    all = wait_for_the_last_locked(jobs, deadline_ns);
    for (unsigned i = 0; i < jobs->n_threads; i++) {
        if (jobs->threads[i].ended)
            trp_thread_join(&jobs->threads[i].thread); /* it has let go of the lock */
        else
            trp_thread_detach(&jobs->threads[i].thread);
    }
    jobs->n_threads = jobs->n_ended = 0;
    jobs->over = true;
    trp_mutex_unlock(&jobs->lock);
    return all;
}

void trp_jobs_fini(trp_jobs *jobs)
{
    trp_free(jobs->threads);
    trp_condition_fini(&jobs->wake);
    trp_condition_fini(&jobs->ended);
    trp_mutex_fini(&jobs->lock);
}
