/* jobs.c - blocking work, on threads of its own: started when needed, at most max, ended with the executor.
 *
 * Invariant: under lock, a queued job has an idle thread that was signalled, or every allowed thread is busy and
 *            will look again. If broken: the job waits for ever.
 */
#include "executor.h"

bool trp_jobs_init(trp_jobs *jobs, unsigned max)
{
    trp_mutex_init(&jobs->lock);
    trp_condition_init(&jobs->wake);
    jobs->max = max;
    jobs->threads = trp_alloc(max * sizeof(trp_thread));
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

static void work(void *arg)
{
    trp_jobs *jobs = arg;

    trp_mutex_lock(&jobs->lock);
    for (;;) {
        troupe_job *job = take_locked(jobs);

        if (job) {
            trp_mutex_unlock(&jobs->lock);
            job->run(job);
            trp_mutex_lock(&jobs->lock);
        } else if (jobs->stopping) {
            break;
        } else {
            jobs->n_idle++;
            trp_condition_wait(&jobs->wake, &jobs->lock);
            jobs->n_idle--;
        }
    }
    trp_mutex_unlock(&jobs->lock);
}

troupe_status troupe_executor_offload(troupe_executor *executor, troupe_job *job)
{
    trp_jobs *jobs = &executor->jobs;
    troupe_status status = TROUPE_OK;

    trp_mutex_lock(&jobs->lock);
    if (!executor->simulated && jobs->n_queued >= jobs->n_idle && jobs->n_threads < jobs->max) {
        if (trp_thread_start(&jobs->threads[jobs->n_threads], "troupe-job", 0, work, jobs))
            jobs->n_threads++;
        else if (jobs->n_threads == 0)
            status = TROUPE_E_IO;
    }
    if (status == TROUPE_OK) {
        job->next = NULL;
        if (jobs->last)
            jobs->last->next = job;
        else
            jobs->first = job;
        jobs->last = job;
        jobs->n_queued++;
        trp_condition_signal(&jobs->wake);
    }
    trp_mutex_unlock(&jobs->lock);
    return status;
}

void trp_jobs_stop(trp_jobs *jobs)
{
    trp_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    trp_condition_broadcast(&jobs->wake);
    for (unsigned i = 0; i < jobs->n_threads; i++) { /* a job may still start another thread */
        trp_thread thread = jobs->threads[i];

        trp_mutex_unlock(&jobs->lock);
        trp_thread_join(&thread);
        trp_mutex_lock(&jobs->lock);
    }
    jobs->n_threads = 0;
    trp_mutex_unlock(&jobs->lock);
}

void trp_jobs_fini(trp_jobs *jobs)
{
    trp_free(jobs->threads);
    trp_condition_fini(&jobs->wake);
    trp_mutex_fini(&jobs->lock);
}
