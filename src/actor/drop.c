/* drop.c - full mailboxes that lose a message rather than refuse one: the new one, or the oldest that waits.
 *
 * The oldest is taken out by the sender, in the middle of the receiver's queue, so a mailbox that drops its oldest is
 * pushed to and taken from under a lock; the others have none.
 *
 *   tail -> [done] -> [a] -> [b] -> [c] <- head        a is unlinked: done's link then names b.
 *
 * Threads:    trp_drop_newest, trp_drop_oldest, trp_oldest_push: any. start, stop, lock: the owner of the cell.
 * Invariants: 1. Who follows or changes links behind the tail while `on`, holds the lock. If broken: a node is freed twice.
 *             2. A node is unlinked only when another is linked behind it: then no pusher writes its link any more,
 *                and head names another. If broken: what is pushed next hangs on a freed node.
 *             3. The done node at the tail is the receiver's, in the middle of a handler too, and is left alone.
 *             4. Who pushes while `on` holds the lock too, though the queue does not need it: one that stands between
 *                its exchange and its link hides all that is behind it. If broken: a pusher that is not given the
 *                processor lets the mailbox grow for as long. One that is for the slot's last owner may have found no lock, or
 *                one that was off; so the links are acquired here as the receiver does it.
 */
#include "cell.h"

struct trp_oldest {
    trp_mutex lock;
    _Atomic bool on; /* written under lock by the cell's owner */
};

/* ---- the owner of the cell ---- */

bool trp_oldest_start(trp_cell *cell)
{
    trp_oldest *oldest = trp_load_relaxed(&cell->oldest); /* owner */

    if (!oldest) {
        oldest = trp_alloc_zeroed(sizeof *oldest);
        if (!oldest)
            return false;
        trp_mutex_init(&oldest->lock);
        trp_store_release(&cell->oldest, oldest); /* for who still sends to the slot's last one */
    }
    trp_mutex_lock(&oldest->lock);
    trp_store_relaxed(&oldest->on, true); /* under lock, this and the next */
    trp_mutex_unlock(&oldest->lock);
    return true;
}

void trp_oldest_stop(trp_cell *cell)
{
    trp_oldest *oldest = trp_load_relaxed(&cell->oldest); /* owner */

    if (!oldest || !trp_load_relaxed(&oldest->on)) /* its only writer */
        return;
    trp_mutex_lock(&oldest->lock);
    trp_store_relaxed(&oldest->on, false);
    trp_mutex_unlock(&oldest->lock);
}

void trp_oldest_free(trp_cell *cell)
{
    trp_oldest *oldest = trp_load_relaxed(&cell->oldest); /* nobody else is left */

    if (!oldest)
        return;
    trp_mutex_fini(&oldest->lock);
    trp_free(oldest);
}

bool trp_oldest_lock(trp_cell *cell)
{
    trp_oldest *oldest = trp_load_relaxed(&cell->oldest); /* owner */

    if (!oldest || !trp_load_relaxed(&oldest->on)) /* its only writer */
        return false;
    trp_mutex_lock(&oldest->lock);
    return true;
}

void trp_oldest_unlock(trp_cell *cell)
{
    trp_mutex_unlock(&trp_load_relaxed(&cell->oldest)->lock); /* owner */
}

trp_node *trp_oldest_take(trp_cell *cell, trp_node **ret_done)
{
    bool locked = trp_oldest_lock(cell);
    trp_node *node = trp_mailbox_take(&cell->mailbox, ret_done);

    if (locked)
        trp_oldest_unlock(cell);
    return node;
}

/* ---- senders ---- */

static void drop(trp_cell *cell, trp_node *node)
{
    trp_node_bury(cell, node, TROUPE_DEAD_FULL, TROUPE_E_FULL);
    trp_node_free(node);
}

void trp_drop_newest(trp_cell *sender, trp_node *node)
{
    drop(sender, node);
}

/* The oldest that takes room; answers and timers' messages take none and stay. NULL: none has another behind it. */
static trp_node *unlink_oldest_locked(trp_cell *cell)
{
    trp_node *before = cell->mailbox.tail;
    /* this and the next pair with push: one for the slot's last owner that is late took no lock */
    trp_node *node = trp_load_acquire(&before->next);

    while (node) {
        trp_node *after = trp_load_acquire(&node->next);

        if (after && node->counted) {
            trp_store_relaxed(&before->next, after); /* takers hold the lock */
            return node;
        }
        before = node;
        node = after;
    }
    return NULL;
}

static bool is_over(trp_cell *target, uint64_t own)
{
    return trp_room_is_over(trp_load_relaxed(&target->waiting), trp_load_relaxed(&target->bound),
                            own); /* set at spawn */
}

/* Takes out what is over the bound; the list is the caller's. */
static trp_node *unlink_locked(trp_cell *target, uint64_t own)
{
    trp_node *first = NULL, *last = NULL, *node;

    while (is_over(target, own) && (node = unlink_oldest_locked(target))) {
        trp_sub_seq(&target->waiting, trp_node_room(node));
        trp_store_relaxed(&node->next, NULL); /* this and the next: nobody else has it any more */
        if (last)
            trp_store_relaxed(&last->next, node);
        else
            first = node;
        last = node;
    }
    return first;
}

bool trp_oldest_push(trp_cell *target, trp_node *node)
{
    trp_oldest *oldest = trp_load_acquire(&target->oldest); /* pairs with start */
    bool woke;

    if (!oldest || !trp_load_relaxed(&oldest->on)) /* the one who is late only hides a node */
        return trp_mailbox_push(&target->mailbox, node);
    trp_mutex_lock(&oldest->lock);
    woke = trp_mailbox_push(&target->mailbox, node);
    trp_mutex_unlock(&oldest->lock);
    return woke;
}

void trp_drop_oldest(trp_cell *target, trp_node *node, uint64_t own)
{
    trp_oldest *oldest = trp_load_acquire(&target->oldest); /* pairs with start */
    trp_node *dropped = NULL;
    bool woke;

    if (!oldest) { /* too late for the one it is for; the slot's next one is just being made */
        trp_push(target, node);
        return;
    }
    trp_mutex_lock(&oldest->lock);
    woke = trp_mailbox_push(&target->mailbox, node);
    if (trp_load_relaxed(&oldest->on)) /* else the slot is another's by now; under lock */
        dropped = unlink_locked(target, own);
    trp_mutex_unlock(&oldest->lock);
    if (woke)
        trp_cell_schedule(target);
    if (!dropped)
        return;
    while (dropped) {
        trp_node *next = trp_load_relaxed(&dropped->next); /* this thread's list */

        drop(target, dropped);
        dropped = next;
    }
    trp_room_look(target);
}
