/* mailbox.h - an intrusive queue with many pushers and one taker, and the taker's sleep.
 *
 * Picture:    tail -> [done] -> [a] -> [b] <- head
 *             The node at tail has been taken; its memory is freed when the next one is. head also carries the
 *             bit ASLEEP: the taker has gone, and who pushes next must schedule it.
 * Threads:    push, is_asleep, rouse: any. take, sleep, walk: the one who owns the cell.
 * Invariants: 1. One exchange orders all pushes; a sender's own pushes keep their order. If broken: order per sender
 *                and target is lost.
 *             2. Between a push's exchange and its link the chain has a gap; take then sees an empty queue though
 *                sleep refuses. If broken: a node is skipped.
 *             3. ASLEEP is set only when head == tail (nothing waits), by one exchange. Whoever clears it owns the
 *                right to schedule. If broken: the cell runs twice at once, or never again.
 * Progress:   push is wait-free, take never waits.
 */
#ifndef TRP_ACTOR_MAILBOX_H
#define TRP_ACTOR_MAILBOX_H

#include "troupe/actor.h"
#include "trp/atomic.h"

typedef enum trp_node_kind {
    TRP_NODE_MESSAGE,
    TRP_NODE_REPLY,
} trp_node_kind;

typedef struct trp_node {
    _Atomic(struct trp_node *) next;
    uint64_t target; /* the full id: a slot may have gone on to another component */
    uint64_t sender;
    uint64_t sequence;    /* the how-manieth of its sender */
    uint64_t correlation; /* message: who waits; reply: for which request */
    uint64_t deadline_ns;
    troupe_payload *topic;
    troupe_payload *trace;
    troupe_payload *shared;                      /* the bytes, when they are not behind the node */
    uint32_t size;                               /* of the payload behind the node */
    uint32_t incarnation;                        /* reply: the life that asked */
    uint8_t kind;                                /* trp_node_kind */
    bool counted;                                /* takes room in the mailbox */
    uint16_t status;                             /* reply: troupe_status */
    uint32_t behind;                             /* how many bytes were taken behind the node */
    uint8_t bytes[] __attribute__((aligned(8))); /* a payload may be looked at as a struct */
} trp_node;

#define TRP_ASLEEP ((uintptr_t)1)

typedef struct trp_mailbox {
    _Atomic uintptr_t head TRP_ALIGN_LINE; /* any thread */
    trp_node *tail;                        /* owner */
} trp_mailbox;

/* done is a node that counts as taken; the mailbox owns it. Starts asleep. */
static inline void trp_mailbox_init(trp_mailbox *mailbox, trp_node *done)
{
    trp_store_relaxed(&done->next,
                      NULL); /* nobody knows it yet, nor this mailbox: its id publishes it */
    mailbox->tail = done;
    trp_store_relaxed(&mailbox->head, (uintptr_t)done | TRP_ASLEEP);
}

/* True: the taker slept, and the caller must schedule it. */
static inline bool trp_mailbox_push(trp_mailbox *mailbox, trp_node *node)
{
    uintptr_t before;

    trp_store_relaxed(&node->next, NULL);                           /* published by the exchange */
    before = trp_exchange_acq_rel(&mailbox->head, (uintptr_t)node); /* pairs with sleep, take */
    trp_store_release(&((trp_node *)(before & ~TRP_ASLEEP))->next, node); /* pairs with take */
    return before & TRP_ASLEEP;
}

/* The next node, NULL when none is linked. It stays readable until the next take; ret_done is what was before it
 * and is now the caller's to free. */
static inline trp_node *trp_mailbox_take(trp_mailbox *mailbox, trp_node **ret_done)
{
    trp_node *next = trp_load_acquire(&mailbox->tail->next); /* pairs with push's release */

    if (!next)
        return NULL;
    *ret_done = mailbox->tail;
    mailbox->tail = next;
    return next;
}

/* True: the taker is gone, and must not touch the mailbox. False: something was pushed. */
static inline bool trp_mailbox_sleep(trp_mailbox *mailbox)
{
    uintptr_t last = (uintptr_t)mailbox->tail;

    return trp_cas_seq(&mailbox->head, &last, last | TRP_ASLEEP);
}

/* True: the taker slept, and the caller now owns the right to schedule it. */
static inline bool trp_mailbox_rouse(trp_mailbox *mailbox)
{
    uintptr_t head = trp_load_seq(&mailbox->head);

    while (head & TRP_ASLEEP) {
        if (trp_cas_acq_rel(&mailbox->head, &head, head & ~TRP_ASLEEP))
            return true;
    }
    return false;
}

#endif
