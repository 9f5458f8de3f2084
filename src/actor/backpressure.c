/* backpressure.c - room in mailboxes, and who waits for it.
 *
 * waiting counts the messages that take room, and their bytes (room.h): reserved by the sender before the push, given
 * back by the receiver after the handler. A sender that meets a full `block` mailbox is muted: it joins the target's list, its message
 * goes in over the bound, and it gets no turn until the target has room again (half its bound).
 *
 * Threads:    reserve: any sender. give: the receiver, and a sender that takes a reservation back.
 * Invariants: 1. waiting <= bound, plus one bound of overshoot for each muted sender, plus reservations about to be taken
 *                back. If broken: memory grows with the flood.
 *             2. A muted cell stands in the list of exactly one target, muted_on (both under mute_lock). If broken: it is
 *                never woken, or twice.
 *             3. The chain of those who wait for each other has no circle: muted_on; from a held cell to its parent, who
 *                must decide about it; from a cell whose life is over to the child that must end first. Who would close
 *                it by being muted gets full; who is muted when the chain grows otherwise is let go (a parent by the
 *                notice that its child is held, a child by being asked to stop). If broken: the circle waits for ever.
 *             4. Joining writes n_muted, then reads waiting; giving room writes waiting, then reads n_muted (all
 *                seq). If broken: room comes and nobody is woken.
 *             5. Nobody is let go while there is no room, however many wait: who gives it looks again before each. If
 *                broken: they send over the bound as fast as they are let go, and the giver never comes to an end.
 */
#include "cell.h"

#define CHAIN_MAX 4096u

static bool is_low(const trp_cell *cell, uint64_t waiting)
{
    return trp_room_is_within(waiting, trp_load_relaxed(&cell->bound), 1); /* set at spawn */
}

static const trp_cell *waits_for_locked(const trp_cell *cell)
{
    const trp_cell *target = trp_load_relaxed(&cell->muted_on); /* under mute_lock */
    uint64_t id = trp_load_relaxed(&cell->ending); /* what told the child to end orders it */

    if (target)
        return target;
    if (!id &&
        trp_load_relaxed(&cell->phase) == TROUPE_PHASE_HELD) /* if only just: its notice comes */
        id = trp_load_relaxed(&cell->parent);                /* set at spawn */
    return trp_cell_find(cell->system, (troupe_id){id});
}

/* A chain too long to follow counts as a circle: one may run past the sender until a parent's notice opens it. */
static bool closes_circle_locked(const trp_cell *sender, const trp_cell *target)
{
    unsigned n = 0;

    for (const trp_cell *at = target; at; at = waits_for_locked(at)) {
        if (at == sender || ++n == CHAIN_MAX)
            return true;
    }
    return false;
}

static void join_locked(trp_cell *sender, trp_cell *target)
{
    trp_store_relaxed(&sender->muted_on, target); /* its own turn looks next */
    sender->overshoot = 0;
    sender->mute_next = NULL;
    if (target->mute_last)
        target->mute_last->mute_next = sender;
    else
        target->mute_first = sender;
    target->mute_last = sender;
    trp_add_seq(&target->n_muted, 1);
}

static void leave_locked(trp_cell *sender)
{
    trp_cell *target = trp_load_relaxed(&sender->muted_on); /* under mute_lock */
    trp_cell *before = NULL;

    for (trp_cell *at = target->mute_first; at != sender; at = at->mute_next)
        before = at;
    if (before)
        before->mute_next = sender->mute_next;
    else
        target->mute_first = sender->mute_next;
    if (target->mute_last == sender)
        target->mute_last = before;
    trp_sub_relaxed(&target->n_muted, 1); /* an old count costs a look under the lock */
    trp_store_seq(&sender->muted_on, NULL);
}

void trp_mute_cancel(trp_cell *cell)
{
    if (!trp_load_relaxed(&cell->muted_on)) /* its own turn mutes it, nobody else */
        return;
    trp_mutex_lock(&cell->system->mute_lock);
    if (trp_load_relaxed(&cell->muted_on)) /* under mute_lock */
        leave_locked(cell);
    trp_mutex_unlock(&cell->system->mute_lock);
}

bool trp_room_is_low(const trp_cell *cell)
{
    /* relaxed: whoever gives room later than what this sees looks as well */
    return is_low(cell, trp_load_relaxed(&cell->waiting));
}

/* One at a time, and each only while there is room: those who were let go send again at once, beside this. Who is left
 * is for the next to give. all: the target takes no more. */
static void wake_waiting(trp_cell *target, bool all)
{
    for (;;) {
        trp_cell *first;

        trp_mutex_lock(&target->system->mute_lock);
        first = all || trp_room_is_low(target) ? target->mute_first : NULL;
        if (first)
            leave_locked(first);
        trp_mutex_unlock(&target->system->mute_lock);
        if (!first)
            break;
        trp_cell_poke(first);
    }
    trp_room_tell(target, all);
}

void trp_room_give(trp_cell *cell, uint64_t room)
{
    uint64_t left = trp_sub_seq(&cell->waiting, room) - room;

    if (is_low(cell, left) && trp_load_seq(&cell->n_muted))
        wake_waiting(cell, false);
}

void trp_room_look(trp_cell *cell)
{
    if (trp_room_is_low(cell) && trp_load_seq(&cell->n_muted))
        wake_waiting(cell, false);
}

bool trp_room_try(trp_cell *target, uint64_t room)
{
    uint64_t before = trp_add_relaxed(&target->waiting, room); /* as in trp_room_reserve */

    if (!trp_room_is_full(before, trp_load_relaxed(&target->bound))) /* set at spawn */
        return true;
    trp_room_give(target, room);
    return false;
}

void trp_room_release_all(trp_cell *cell)
{
    if (trp_load_seq(&cell->n_muted))
        wake_waiting(cell, true);
}

/* Joins target's list, or learns that there is room, or that it has ended. */
static troupe_status mute_locked(trp_cell *sender, trp_cell *target, troupe_id id, uint64_t own)
{
    if (trp_room_is_full(trp_load_relaxed(&target->waiting), TRP_ROOM_WALL))
        return TROUPE_E_FULL;
    if (trp_load_relaxed(&sender->muted_on)) { /* under mute_lock */
        if (trp_room_is_full(sender->overshoot,
                             trp_load_relaxed(&target->bound))) /* set at spawn */
            return TROUPE_E_FULL;
        sender->overshoot += own;
        return TROUPE_OK;
    }
    if (closes_circle_locked(sender, target))
        return TROUPE_E_FULL;
    join_locked(sender, target);
    if (is_low(target, trp_load_seq(&target->waiting) - own) ||
        trp_load_seq(&target->id) != id.value)
        leave_locked(sender);
    return TROUPE_OK;
}

static troupe_status mute(trp_cell *sender, trp_cell *target, troupe_id id, uint64_t own)
{
    troupe_status status;

    trp_mutex_lock(&sender->system->mute_lock);
    status = mute_locked(sender, target, id, own);
    trp_mutex_unlock(&sender->system->mute_lock);
    return status;
}

static bool has_room(trp_cell *sender, void *arg)
{
    (void)arg;
    return !trp_load_seq(&sender->muted_on);
}

/* A thread waits in target's list. */
static troupe_status wait_for_room(trp_cell *thread, trp_cell *target, troupe_id id)
{
    troupe_status status = mute(thread, target, id, 0);

    if (status == TROUPE_OK)
        status = trp_thread_block(thread, has_room);
    if (status != TROUPE_OK) {
        trp_mute_cancel(thread);
        return status;
    }
    /* relaxed: who let go because the id went had cleared it */
    return trp_load_relaxed(&target->id) == id.value ? TROUPE_OK : TROUPE_E_GONE;
}

troupe_status trp_room_over(trp_cell *sender, trp_cell *target, troupe_id id, uint64_t room,
                            troupe_on_full on_full)
{
    bool block = on_full == TROUPE_ON_FULL_BLOCK;
    troupe_status status = TROUPE_E_FULL;

    if (on_full == TROUPE_ON_FULL_DROP_OLDEST)
        return TROUPE_OK; /* its sender makes room once it is in: drop.c */
    if (block && !sender->thread)
        status = mute(sender, target, id, room);
    if (status == TROUPE_OK)
        return TROUPE_OK;
    trp_room_give(target, room);
    if (!block || !sender->thread)
        return status;
    do
        status = wait_for_room(sender, target, id);
    while (status == TROUPE_OK && !trp_room_try(target, room));
    return status;
}

troupe_status troupe_room_wait(troupe_context *ctx, troupe_id target, uint64_t timeout_ns)
{
    trp_cell *cell;
    troupe_status status =
        ctx->thread ? trp_resolve(ctx, &target, NULL, 0, &cell) : TROUPE_E_INVALID;

    if (status != TROUPE_OK)
        return status;
    if (!trp_room_is_full(trp_load_relaxed(&cell->waiting), trp_load_relaxed(&cell->bound)))
        return TROUPE_OK; /* bound: set at spawn */
    ctx->thread->send_until = trp_deadline(ctx->system, timeout_ns);
    status = wait_for_room(ctx, cell, target);
    ctx->thread->send_until = TROUPE_FOREVER;
    return status;
}
