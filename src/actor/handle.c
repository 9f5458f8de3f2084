/* handle.c - a message and its handler: the straight part of a message's way.
 *
 * Runs in the turn of the cell's owner. Each node ends in exactly one of: handled, dead letter, dropped reply.
 */
#include "cell.h"

#include <stdio.h>
#include <string.h>

/* The node at hand is done with; it stays as the mailbox's `done` node. */
static inline void settle(trp_cell *cell)
{
    trp_node *node = cell->current;

    cell->current = NULL;
    cell->request = NULL;
    if (node->counted)
        trp_count_own(&cell->done, trp_node_room(node));
    if (cell->has_trace)
        trp_trace_clear(cell);
    trp_node_release(node);
}

/* Only this thread makes it less (and senders that drop for room, to the bound), so just before it does is when it is
 * the most. */
static void note_high_water(trp_cell *cell)
{
    uint32_t waiting =
        trp_room_messages(trp_load_relaxed(&cell->waiting)); /* lookers-on want no more */

    if (waiting > trp_load_relaxed(&cell->high_water)) /* its owner is this thread */
        trp_store_relaxed(&cell->high_water, waiting);
}

static void give_room(trp_cell *cell)
{
    uint64_t done = trp_load_relaxed(&cell->done); /* owner */

    trp_store_relaxed(&cell->done, 0); /* lookers-on look at it only where nobody runs */
    if (!done)
        return;
    note_high_water(cell);
    trp_room_give(cell, done);
}

static void log_failure(trp_cell *cell, troupe_status status)
{
    char text[128];
    int n = snprintf(text, sizeof text, "message %llu failed: %s",
                     (unsigned long long)cell->current->sequence, troupe_status_text(status));

    trp_log_line(cell, TROUPE_LEVEL_DEBUG, "message-failed", (troupe_bytes){text, (size_t)n});
}

TRP_RARE static void fail(trp_cell *cell, troupe_status status)
{
    trp_count_own(&cell->n_failed, 1);
    log_failure(cell, status);
    trp_request_answer_current(cell, status, (troupe_bytes){0});
    if (cell->on_error != TROUPE_ON_ERROR_CONTINUE)
        trp_life_failed(cell, status);
    if (cell->vitals)
        trp_vitals_failed(cell);
}

/* The handler is through with the message at hand, well or with an error. */
static inline void finish(trp_cell *cell, troupe_status status)
{
    trp_count_own(&cell->n_handled, 1);
    if (status != TROUPE_OK)
        fail(cell, status);
    settle(cell);
}

/* As above, outside a batch: what comes next may be a wait, so the room is given back at once. */
void trp_handle_resumed(trp_cell *cell, troupe_status status)
{
    finish(cell, status);
    give_room(cell);
}

/* The message at hand will not be finished. */
void trp_handle_give_up(trp_cell *cell, troupe_dead_reason reason, troupe_status status,
                        const char *text)
{
    trp_node *node = cell->current;

    if (!node)
        return;
    trp_dead_letter(cell->system, reason, node->sender, (troupe_id){node->target}, node->sequence,
                    trp_node_size(node));
    trp_request_answer_current(cell, status, troupe_text(text));
    settle(cell);
    give_room(cell);
}

static void handle_message(trp_cell *cell, trp_node *node)
{
    troupe_message message;
    troupe_status status;

    trp_request_accept(cell, node);
    if (!cell->actor || !cell->actor->handle_message) {
        trp_handle_give_up(cell, TROUPE_DEAD_NO_HANDLER, TROUPE_E_GONE, "handles no messages");
        return;
    }
    message = trp_node_message(node);
    status = cell->actor->handle_message(cell->state, cell, &message);
    if (cell->crashing)
        return; /* the end of this life takes the message */
    if (status == TROUPE_PENDING)
        trp_set_pending(cell, true);
    else
        finish(cell, status);
}

static void handle_reply(trp_cell *cell, trp_node *node)
{
    troupe_answer answer = {.correlation = {node->correlation},
                            .status = (troupe_status)node->status,
                            .payload = trp_node_payload(node)};

    if (trp_request_take_reply(cell, node) && cell->actor && cell->actor->handle_reply)
        cell->actor->handle_reply(cell->state, cell, &answer);
    settle(cell);
}

void trp_node_bury(trp_cell *cell, trp_node *node, troupe_dead_reason reason, troupe_status status)
{
    if (node->kind != TRP_NODE_MESSAGE)
        return;
    trp_dead_letter(cell->system, reason, node->sender, (troupe_id){node->target}, node->sequence,
                    trp_node_size(node));
    trp_request_drop(cell, node, status, (troupe_bytes){0});
}

/* For a component that was here before. */
static void bury_one(trp_cell *cell, trp_node *node, troupe_dead_reason reason)
{
    trp_node_bury(cell, node, reason, TROUPE_E_GONE);
    settle(cell);
}

static inline trp_node *take(trp_cell *cell)
{
    trp_node *done = NULL, *node;

    if (trp_load_relaxed(&cell->oldest)) /* owner */
        node = trp_oldest_take(cell, &done);
    else
        node = trp_mailbox_take(&cell->mailbox, &done);
    if (node)
        trp_node_give_back(done); /* it was settled */
    cell->current = node;
    return node;
}

void trp_bury(trp_cell *cell, troupe_dead_reason reason)
{
    trp_node *node;

    while ((node = take(cell)))
        bury_one(cell, node, reason);
    give_room(cell);
}

/* Up to a batch of messages. True: nothing more was linked. */
TRP_STRAIGHT bool trp_handle_batch(trp_cell *cell)
{
    bool empty = false;

    for (unsigned n = cell->system->batch; n > 0; n--) {
        trp_node *node = take(cell);

        if (!node) {
            empty = true;
            break;
        }
        if (node->target != trp_load_relaxed(&cell->id)) /* owner; 0 when it was given up */
            bury_one(cell, node, TROUPE_DEAD_ENDED);
        else if (node->kind == TRP_NODE_REPLY)
            handle_reply(cell, node);
        else
            handle_message(cell, node);
        if (cell->crashing || cell->exiting || cell->pending || trp_has_news(cell) ||
            trp_load_relaxed(&cell->muted_on)) /* a hint: advance looks again */
            break;
        if (!trp_room_is_within(trp_load_relaxed(&cell->done), trp_load_relaxed(&cell->bound), 2))
            give_room(cell);
    }
    give_room(cell);
    return empty;
}
