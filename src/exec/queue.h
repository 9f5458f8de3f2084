/* queue.h - one worker's queue: a ring with one pusher (the owner) and many takers.
 *
 * Threads:    push: the owner. take: the owner and thieves.
 * Invariants: 1. head <= tail <= head + SIZE. If broken: a task is overwritten before it was taken.
 *             2. slot i % SIZE is written only while i is outside [head, tail). A taker reads the slot before
 *                its exchange on head; when that succeeds nobody moved head, so the slot was not reused.
 *                If broken: a task runs twice or never.
 * Progress:   push is wait-free; take is lock-free.
 * Positions only grow (64 bits), so there is no ABA.
 */
#ifndef TRP_EXEC_QUEUE_H
#define TRP_EXEC_QUEUE_H

#include "troupe/exec.h"
#include "trp/atomic.h"

#define TRP_QUEUE_SIZE 256u

typedef struct trp_queue {
    _Atomic uint64_t head TRP_ALIGN_LINE; /* takers */
    _Atomic uint64_t tail TRP_ALIGN_LINE; /* owner */
    _Atomic(troupe_task *) slots[TRP_QUEUE_SIZE] TRP_ALIGN_LINE;
} trp_queue;

static inline uint64_t trp_queue_length(const trp_queue *queue)
{
    uint64_t head = trp_load_relaxed(&queue->head); /* a hint, both */
    uint64_t tail = trp_load_relaxed(&queue->tail);

    return tail > head ? tail - head : 0;
}

/* False: full. */
static inline bool trp_queue_push(trp_queue *queue, troupe_task *task)
{
    uint64_t tail = trp_load_relaxed(&queue->tail); /* relaxed: only the owner writes it */

    /* acquire pairs with the taker's exchange: its read of the slot came before */
    if (tail - trp_load_acquire(&queue->head) >= TRP_QUEUE_SIZE)
        return false;
    trp_store_relaxed(&queue->slots[tail % TRP_QUEUE_SIZE], task); /* published by tail */
    trp_store_release(&queue->tail, tail + 1);                     /* pairs with take's acquire */
    return true;
}

static inline troupe_task *trp_queue_take(trp_queue *queue)
{
    uint64_t head = trp_load_relaxed(&queue->head); /* an old one fails the exchange */

    for (;;) {
        troupe_task *task;

        if (head >= trp_load_acquire(&queue->tail)) /* pairs with push: what is in the slots */
            return NULL;
        task = trp_load_relaxed(&queue->slots[head % TRP_QUEUE_SIZE]); /* valid if head holds */
        if (trp_cas_acq_rel(&queue->head, &head, head + 1))
            return task;
    }
}

#endif
