/* next_task.pml - the slot for the task that a worker runs next (src/exec/worker.c): its owner puts three tasks there, and
 * takes; a thief takes. What stood there goes into the owner's queue.
 *
 * Promised: each task is run once, and is whole.
 *
 * order: PUT   src/exec/worker.c  task = trp_exchange_acq_rel(&worker->next, task)
 * order: TAKE  src/exec/worker.c  return trp_exchange_acq_rel(&worker->next, NULL)
 */
#define THREADS 2
#define WORDS 4
#define STORES 9
#include "memory.pml"

#define TASKS 3
#define NEXT 0
#define TASK(i) (i) /* what it holds: plain memory; the first is 1 */

byte n_run[TASKS + 1];

inline run_it(task)
{
    if
    :: task -> touch(TASK(task)); n_run[task]++; assert(n_run[task] == 1)
    :: else
    fi
}

proctype owner()
{
    byte me = 0, i, j, next, task;

    do
    :: next < TASKS ->
        next++;
        touch(TASK(next));
        exchange(NEXT, next, O_PUT, task);
        run_it(task); /* out of the queue: it is the owner's already */
        if
        :: exchange(NEXT, 0, O_TAKE, task); run_it(task)
        :: next < TASKS
        fi
    :: else -> break
    od
}

proctype thief()
{
    byte me = 1, i, j, task;

    exchange(NEXT, 0, O_TAKE, task);
    run_it(task);
    exchange(NEXT, 0, O_TAKE, task);
    run_it(task)
}

init
{
    atomic {
        run owner();
        run thief()
    };
    timeout;
    assert(n_run[1] + n_run[2] + n_run[3] == TASKS)
}
