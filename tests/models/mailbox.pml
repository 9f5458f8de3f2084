/* mailbox.pml - two push, and the owner takes, or walks: to count what waits, or to drop the oldest beside who found no
 * lock (src/actor/mailbox.h, src/actor/account.c, src/actor/drop.c).
 *
 * Promised: each message is whole when it is taken, counted or dropped, and each is taken.
 *
 * order: PUSH  src/actor/mailbox.h  before = trp_exchange_acq_rel(&mailbox->head, (uintptr_t)node)
 * order: LINK  src/actor/mailbox.h  trp_store_release(&((trp_node *)(before & ~TRP_ASLEEP))->next, node)
 * order: TAKE  src/actor/mailbox.h  trp_node *next = trp_load_acquire(&mailbox->tail->next)
 * order: WALK  src/actor/account.c  trp_node *node = trp_load_acquire(&cell->mailbox.tail->next)
 * order: WALK  src/actor/account.c  node = trp_load_acquire(&node->next))
 * order: WALK  src/actor/drop.c     trp_node *node = trp_load_acquire(&before->next)
 * order: WALK  src/actor/drop.c     trp_node *after = trp_load_acquire(&node->next)
 */
#define THREADS 3
#define WORDS 6
#define STORES 4
#include "memory.pml"

#define PUSHES 2
#define HEAD 0
#define NEXT(node) (1 + (node)) /* of the taken one that every mailbox has, 0, and of those that are pushed */
#define NODE(node) (3 + (node)) /* what it holds: plain memory */

byte n_pushed, n_taken;

proctype pusher(byte me)
{
    byte i, j, before, mine = me + 1;

    touch(NODE(mine));
    store(NEXT(mine), 0, RELAXED);
    exchange(HEAD, mine, O_PUSH, before);
    store(NEXT(before), mine, O_LINK);
    n_pushed++
}

inline walk()
{
    at = tail;
    do
    :: true ->
        load(NEXT(at), O_WALK, next);
        at = next;
        if
        :: at -> touch(NODE(at))
        :: else -> break
        fi
    od
}

proctype owner()
{
    byte me = 2, i, j, tail, at, next;

end:
    do
    :: n_taken < PUSHES ->
        load(NEXT(tail), O_TAKE, at);
        if
        :: at -> touch(NODE(at)); tail = at; n_taken++
        :: else
        fi
    :: n_taken == 0 -> walk()
    od
}

init
{
    atomic {
        run pusher(0);
        run pusher(1);
        run owner()
    };
    n_pushed == PUSHES;
    assert(NEWEST(NEXT(0)) && NEWEST(NEXT(NEWEST(NEXT(0))))); /* no link was written over */
    timeout;
    assert(n_taken == PUSHES)
}
