/* room_ask.c - a component asks to be told when a full mailbox has room again: one notice for each target.
 *
 * An ask stands in two lists, the target's and the asker's, both under mute_lock, and is counted in the target's n_muted
 * as a muted sender is. So the receiver pays nothing more: who gives room looks at that count anyway (backpressure.c,
 * invariant 4: an ask is counted, then waiting is read). The notice is made with the ask and cannot fail.
 *
 * Invariants: 1. An ask in the lists belongs to whoever takes it out, under mute_lock. If broken: two notices, or none.
 *             2. Who gives room tells one at least, although muted senders come first and may take it all; more only
 *                while there is room. If broken: where senders are muted again and again nobody is ever told, or one
 *                that asks again and again keeps the giver.
 *             3. At the end of its asker's life it is taken out. If broken: asks of the dead pile up at a stalled target.
 */
#include "cell.h"

typedef struct room_ask {
    trp_link at_target, of_asker; /* under mute_lock */
    trp_cell *target;
    uint64_t id; /* of the target; the notice names whom the asker named, which may be a route */
    trp_signal *notice;
} room_ask;

static void free_ask(room_ask *ask)
{
    trp_signal_free(ask->notice);
    trp_free(ask);
}

static room_ask *new_ask(trp_cell *asker, trp_cell *target, troupe_id id, troupe_id asked)
{
    room_ask *ask = trp_alloc_zeroed(sizeof *ask);

    if (!ask)
        return NULL;
    ask->notice = trp_alloc_zeroed(sizeof *ask->notice);
    if (!ask->notice) {
        trp_free(ask);
        return NULL;
    }
    ask->target = target;
    ask->id = id.value;
    ask->notice->kind = TRP_SIGNAL_NOTICE;
    ask->notice->event = TROUPE_EVENT_ROOM;
    ask->notice->target = trp_id_of(asker).value;
    ask->notice->life = trp_load_relaxed(&asker->incarnation); /* owner */
    ask->notice->id = asked.value;
    return ask;
}

static void join_locked(trp_cell *asker, room_ask *ask)
{
    trp_list_append(&ask->target->room_askers, &ask->at_target);
    trp_list_append(&asker->room_asks, &ask->of_asker);
    trp_add_seq(&ask->target->n_muted, 1);
}

static void leave_locked(room_ask *ask)
{
    trp_list_remove(&ask->at_target);
    trp_list_remove(&ask->of_asker);
    trp_sub_relaxed(&ask->target->n_muted, 1); /* as in backpressure.c */
}

static bool takes_no_more(const room_ask *ask)
{
    return trp_load_seq(&ask->target->id) != ask->id || trp_load_seq(&ask->target->closed) == true;
}

/* Takes ask, which is in no list any more. */
static void tell(room_ask *ask)
{
    trp_signal *notice = ask->notice;

    notice->reason = takes_no_more(ask) ? TROUPE_EXIT_GONE : TROUPE_EXIT_NORMAL;
    trp_signal_send(ask->target->system, notice);
    trp_free(ask);
}

static bool has_asked_locked(const trp_cell *asker, troupe_id asked)
{
    for (const trp_link *at = asker->room_asks.next; at != &asker->room_asks; at = at->next) {
        if (TRP_OF(at, room_ask, of_asker)->notice->id == asked.value)
            return true;
    }
    return false;
}

troupe_status troupe_room_notify(troupe_context *ctx, troupe_id target)
{
    troupe_id id = target;
    bool asked, now = false;
    trp_cell *cell;
    room_ask *ask;
    troupe_status status = ctx->thread ? TROUPE_E_INVALID : trp_resolve(ctx, &id, NULL, 0, &cell);

    if (status != TROUPE_OK)
        return status;
    ask = new_ask(ctx, cell, id, target);
    if (!ask)
        return TROUPE_E_NO_MEMORY;
    ctx->asks_room = true;
    trp_mutex_lock(&ctx->system->mute_lock);
    asked = has_asked_locked(ctx, target);
    if (!asked) {
        join_locked(ctx, ask);
        now = takes_no_more(ask) || !trp_room_is_full(trp_load_seq(&cell->waiting),
                                                      trp_load_relaxed(&cell->bound)); /* spawn's */
        if (now)
            leave_locked(ask);
    }
    trp_mutex_unlock(&ctx->system->mute_lock);
    if (asked)
        free_ask(ask);
    if (now)
        tell(ask);
    return TROUPE_OK;
}

/* The first was promised the room that its giver saw, whoever took it since; the others go by what there is now. */
void trp_room_tell(trp_cell *target, bool all)
{
    for (bool promised = true;; promised = false) {
        room_ask *ask = NULL;

        trp_mutex_lock(&target->system->mute_lock);
        if (!trp_list_empty(&target->room_askers) && (all || promised || trp_room_is_low(target))) {
            ask = TRP_OF(target->room_askers.next, room_ask, at_target);
            leave_locked(ask);
        }
        trp_mutex_unlock(&target->system->mute_lock);
        if (!ask)
            return;
        tell(ask);
    }
}

void trp_room_forget(trp_cell *asker)
{
    if (!asker->asks_room)
        return;
    asker->asks_room = false;
    for (;;) {
        room_ask *ask = NULL;

        trp_mutex_lock(&asker->system->mute_lock);
        if (!trp_list_empty(&asker->room_asks)) {
            ask = TRP_OF(asker->room_asks.next, room_ask, of_asker);
            leave_locked(ask);
        }
        trp_mutex_unlock(&asker->system->mute_lock);
        if (!ask)
            return;
        free_ask(ask);
    }
}
