/* send.c - the router: from an id to a cell, and a node into its mailbox. */
#include "cell.h"

#define ROUTES_MAX 8 /* an address behind an address behind ...: more is a circle */

/* What an address names, from one to the next. */
TRP_RARE static troupe_status follow_routes(troupe_system *system, troupe_id *id,
                                            troupe_payload *topic, trp_cell **ret_target)
{
    for (int i = 0; i < ROUTES_MAX; i++) {
        trp_cell *target = trp_cell_find(system, *id);
        troupe_id next = *id;
        trp_route *route;

        if (!target)
            return TROUPE_E_GONE;
        route = trp_load_acquire(&target->route); /* pairs with spawn */
        /* else it may be the next one's route. Relaxed: who acquired that one sees this id gone */
        if (trp_load_relaxed(&target->id) != id->value)
            return TROUPE_E_GONE;
        if (route)
            next = route->choose(route->state, system,
                                 topic ? trp_payload_bytes(topic) : (troupe_bytes){0});
        if (next.value == id->value) { /* no address, or one that takes this itself */
            uint32_t closed = trp_load_relaxed(&target->closed);

            if (closed) /* what slips through is a dead letter, or waits */
                return closed == TRP_REFUSES ? TROUPE_E_UNAVAILABLE : TROUPE_E_GONE;
            *ret_target = target;
            return TROUPE_OK;
        }
        if (!next.value)
            return TROUPE_E_UNAVAILABLE;
        *id = next;
    }
    return TROUPE_E_INVALID;
}

/* Straight for what is no address: these are the looks of follow_routes. */
troupe_status trp_follow(troupe_system *system, troupe_id *id, troupe_payload *topic,
                         trp_cell **ret_target)
{
    trp_cell *target = trp_cell_find(system, *id);
    /* relaxed: follow_routes looks again at one that is there; none beside an old id makes a dead letter */
    trp_route *addressed = target ? trp_load_relaxed(&target->route) : NULL;

    if (!target)
        return TROUPE_E_GONE;
    /* relaxed, these two: as there */
    if (addressed || trp_load_relaxed(&target->id) != id->value ||
        trp_load_relaxed(&target->closed))
        return follow_routes(system, id, topic, ret_target);
    *ret_target = target;
    return TROUPE_OK;
}

troupe_status trp_resolve(trp_cell *sender, troupe_id *id, troupe_payload *topic, size_t size,
                          trp_cell **ret_target)
{
    troupe_status status = trp_context_check(sender);

    if (status != TROUPE_OK)
        return status;
    if (size > sender->system->message_max)
        return TROUPE_E_TOO_LARGE;
    return trp_follow(sender->system, id, topic, ret_target);
}

void trp_push(trp_cell *target, trp_node *node)
{
    bool locked = trp_load_relaxed(&target->oldest); /* only whether there is one */

    if (locked ? trp_oldest_push(target, node) : trp_mailbox_push(&target->mailbox, node))
        trp_cell_schedule(target);
}

troupe_status trp_send_node(trp_cell *sender, trp_cell *target, troupe_id id, trp_node *node)
{
    troupe_on_full on_full = (troupe_on_full)trp_load_relaxed(&target->on_full); /* set at spawn */
    uint64_t room = trp_node_room(node);
    troupe_status status = trp_room_reserve(sender, target, id, room, on_full);
    bool dropped = status == TROUPE_E_FULL && on_full == TROUPE_ON_FULL_DROP_NEWEST;

    if (status != TROUPE_OK && !dropped)
        return status;
    trp_count_own(&sender->n_sent, 1);
    node->target = id.value;
    node->sender = trp_id_of(sender).value;
    node->sequence = trp_load_relaxed(&sender->n_sent); /* its owner is this thread */
    if (dropped) {
        trp_drop_newest(sender, node);
        return TROUPE_OK;
    }
    node->counted = true;
    if (!node->trace)
        node->trace = troupe_payload_ref(trp_trace_at_hand(sender));
    if (on_full == TROUPE_ON_FULL_DROP_OLDEST)
        trp_drop_oldest(target, node, room);
    else
        trp_push(target, node);
    return TROUPE_OK;
}

static inline troupe_status send(trp_cell *sender, troupe_id id, troupe_payload *topic,
                                 troupe_bytes payload, troupe_payload *shared)
{
    trp_cell *target;
    troupe_status status = trp_resolve(sender, &id, topic, payload.size, &target);
    trp_node *node;

    if (status != TROUPE_OK)
        return status;
    node = trp_node_new(payload, shared);
    if (!node)
        return TROUPE_E_NO_MEMORY;
    node->topic = troupe_payload_ref(topic);
    status = trp_send_node(sender, target, id, node);
    if (status != TROUPE_OK)
        trp_node_free(node);
    return status;
}

TRP_STRAIGHT troupe_status troupe_send(troupe_context *ctx, troupe_id target, troupe_bytes payload)
{
    return send(ctx, target, NULL, payload, NULL);
}

troupe_status troupe_send_shared(troupe_context *ctx, troupe_id target, troupe_payload *topic,
                                 troupe_payload *payload)
{
    return send(ctx, target, topic, trp_payload_bytes(payload), payload);
}
