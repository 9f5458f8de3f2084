/* ring.pml - a worker's queue: its owner pushes and takes, a thief takes (src/exec/queue.h). Two slots, three tasks.
 *
 * Promised: each task is taken once, and is whole when it is taken.
 * A relaxed exchange on the head may be done before the slot was read: so it is modelled.
 *
 * order: PUBLISH  src/exec/queue.h  trp_store_release(&queue->tail, tail + 1)
 * order: TAKE     src/exec/queue.h  trp_cas_acq_rel(&queue->head, &head, head + 1)
 */
#define THREADS 2
#define WORDS 7
#include "memory.pml"

#define SIZE 2
#define TASKS 3
#define HEAD 0
#define TAIL 1
#define SLOT(i) (2 + (i) % SIZE)
#define TASK(i) (2 + SIZE - 1 + (i)) /* what a task holds; the first is 1 */

byte n_taken[TASKS + 1];

inline take()
{
    load(HEAD, RELEASE, head);
    do
    :: true ->
        load(TAIL, RELEASE, tail);
        if
        :: head >= tail -> break
        :: else
        fi;
        if
        :: O_TAKE != RELAXED -> load(SLOT(head), RELAXED, task)
        :: else
        fi;
        compare_exchange(HEAD, head, head + 1, O_TAKE, seen);
        if
        :: seen == head ->
            if
            :: O_TAKE == RELAXED -> load(SLOT(head), RELAXED, task)
            :: else
            fi;
            assert(task > 0);
            load(TASK(task), RELAXED, whole);
            assert(whole);
            n_taken[task]++;
            assert(n_taken[task] == 1);
            break
        :: else -> head = seen
        fi
    od;
    head = 0; seen = 0; task = 0; whole = 0
}

proctype owner()
{
    byte me = 0, next = 1, head, tail, seen, task, whole;

    do
    :: next <= TASKS ->
        load(TAIL, RELAXED, tail);
        load(HEAD, RELEASE, head);
        if
        :: tail - head < SIZE ->
            store(TASK(next), 1, RELAXED);
            store(SLOT(tail), next, RELAXED);
            store(TAIL, tail + 1, O_PUBLISH);
            next++
        :: else
        fi;
        take()
    :: next > TASKS -> break
    od;
    take();
    take()
}

proctype thief()
{
    byte me = 1, head, tail, seen, task, whole;

    take();
    take();
    take()
}

init
{
    atomic {
        run owner();
        run thief()
    };
    timeout;
    assert(n_taken[1] + n_taken[2] + n_taken[3] == TASKS);
}
