/* ring.pml - a worker's queue: its owner pushes and takes, a thief takes (src/exec/queue.h). Two slots, three tasks.
 *
 * Promised: each task is taken once, and is whole when it is taken.
 * With a relaxed exchange a taker may read the slot behind it, and with a relaxed look at the head the owner may have
 * written the slot before it: so they are modelled.
 *
 * order: PUBLISH  src/exec/queue.h  trp_store_release(&queue->tail, tail + 1)
 * order: TASKS    src/exec/queue.h  if (head >= trp_load_acquire(&queue->tail))
 * order: TAKE     src/exec/queue.h  trp_cas_acq_rel(&queue->head, &head, head + 1)
 * order: ROOM     src/exec/queue.h  if (tail - trp_load_acquire(&queue->head) >= TRP_QUEUE_SIZE)
 */
#define THREADS 2
#define WORDS 7
#define STORES 5
#include "memory.pml"

#define SIZE 2
#define TASKS 3
#define HEAD 0
#define TAIL 1
#define SLOT(i) (2 + (i) % SIZE)
#define TASK(i) (2 + SIZE - 1 + (i)) /* what a task holds: plain memory; the first is 1 */

byte n_taken[TASKS + 1];
bool guessed = false; /* that there will be room; it may be wrong, and then this never was */

inline take_one()
{
    load(HEAD, RELAXED, head);
    do
    :: true ->
        load(TAIL, O_TASKS, tail);
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
            touch(TASK(task));
            n_taken[task]++;
            assert(n_taken[task] == 1);
            break
        :: else -> head = seen
        fi
    od;
    head = 0; seen = 0; task = 0
}

inline push(room)
{
    touch(TASK(next));
    store(SLOT(tail), next, RELAXED);
    room;
    store(TAIL, tail + 1, O_PUBLISH);
    next++
}

proctype owner()
{
    byte me = 0, i, j, next = 1, head, tail, seen, task;

    do
    :: next <= TASKS ->
        load(TAIL, RELAXED, tail);
        load(HEAD, O_ROOM, head);
        if
        :: tail - head < SIZE -> push(skip)
        :: tail - head == SIZE && O_ROOM == RELAXED ->
            guessed = true;
            push(NEWEST(HEAD) > head);
            guessed = false
        :: else
        fi
    :: true -> take_one()
    :: next > TASKS -> break
    od;
    take_one();
    take_one();
    take_one()
}

proctype thief()
{
    byte me = 1, i, j, head, tail, seen, task;

    take_one();
    take_one();
    take_one()
}

init
{
    atomic {
        run owner();
        run thief()
    };
    timeout;
    assert(guessed || n_taken[1] + n_taken[2] + n_taken[3] == TASKS)
}
