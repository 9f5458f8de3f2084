#include "cell.h"

#include "trp/blocks.h"

#include <string.h>

struct troupe_payload {
    _Atomic uint32_t refs;
    size_t size;
    uint8_t bytes[];
};

troupe_payload *troupe_payload_new(troupe_bytes bytes)
{
    troupe_payload *payload;

    if (bytes.size > SIZE_MAX - sizeof *payload)
        return NULL;
    payload = trp_alloc(sizeof *payload + bytes.size);
    if (!payload)
        return NULL;
    trp_store_relaxed(&payload->refs, 1); /* nobody else has it yet */
    payload->size = bytes.size;
    if (bytes.size)
        memcpy(payload->bytes, bytes.data, bytes.size);
    return payload;
}

troupe_payload *troupe_payload_ref(troupe_payload *payload)
{
    if (payload)
        trp_add_relaxed(&payload->refs, 1); /* the caller's own count keeps it */
    return payload;
}

void troupe_payload_unref(troupe_payload *payload)
{
    if (payload && trp_sub_acq_rel(&payload->refs, 1) == 1) /* pairs with the other unrefs */
        trp_free(payload);
}

bool trp_payload_is_shared(const troupe_payload *payload)
{
    return trp_load_relaxed(&payload->refs) > 1; /* an old value: it was so a moment ago */
}

troupe_bytes trp_payload_bytes(const troupe_payload *payload)
{
    return payload ? (troupe_bytes){payload->bytes, payload->size} : (troupe_bytes){NULL, 0};
}

troupe_bytes troupe_reply_bytes(const troupe_reply_buffer *reply)
{
    return trp_payload_bytes(reply->payload);
}

uint64_t troupe_reply_u64(const troupe_reply_buffer *reply)
{
    troupe_bytes bytes = trp_payload_bytes(reply->payload);
    uint64_t value = 0;

    if (bytes.size >= sizeof value)
        memcpy(&value, bytes.data, sizeof value);
    return value;
}

void troupe_reply_clear(troupe_reply_buffer *reply)
{
    troupe_payload_unref(reply->payload);
    reply->payload = NULL;
}

/* Field by field, which becomes a few wide stores: a memset of this size is a string instruction, whose start costs more
 * than the rest of a send, and which the loads that follow have to wait for. */
static inline void blank(trp_node *node)
{
    trp_store_relaxed(&node->next, NULL); /* nobody knows it yet */
    node->target = node->sender = node->sequence = 0;
    node->correlation = node->deadline_ns = 0;
    node->topic = node->trace = node->shared = NULL;
    node->size = node->incarnation = node->behind = 0;
    node->kind = TRP_NODE_MESSAGE;
    node->counted = false;
    node->status = 0;
}

trp_node *trp_node_new(troupe_bytes payload, troupe_payload *shared)
{
    size_t behind = shared ? 0 : payload.size;
    trp_node *node = trp_block_take(sizeof *node + behind);

    if (!node)
        return NULL;
    blank(node);
    node->shared = troupe_payload_ref(shared);
    node->size = node->behind = (uint32_t)behind; /* message_max is below 4 GiB */
    if (behind)
        memcpy(node->bytes, payload.data, behind);
    return node;
}

void trp_node_unref(trp_node *node)
{
    troupe_payload_unref(node->shared);
    troupe_payload_unref(node->topic);
    troupe_payload_unref(node->trace);
    node->shared = node->topic = node->trace = NULL;
}

trp_node *trp_node_new_reply(size_t room)
{
    trp_node *node = trp_block_take(sizeof *node + room);

    if (!node)
        return NULL;
    blank(node);
    node->kind = TRP_NODE_REPLY;
    node->behind = (uint32_t)room;
    return node;
}

bool trp_node_fill(trp_node *node, troupe_bytes payload)
{
    if (payload.size > node->behind)
        return false;
    node->size = (uint32_t)payload.size;
    if (payload.size)
        memcpy(node->bytes, payload.data, payload.size);
    return true;
}

void trp_node_give_back(trp_node *node)
{
    trp_block_give(node, sizeof *node + node->behind);
}

void trp_node_free(trp_node *node)
{
    if (!node)
        return;
    trp_node_release(node);
    trp_node_give_back(node);
}

troupe_bytes trp_node_payload(const trp_node *node)
{
    return node->shared ? trp_payload_bytes(node->shared) : (troupe_bytes){node->bytes, node->size};
}

size_t trp_node_size(const trp_node *node)
{
    return trp_node_payload(node).size;
}

troupe_message trp_node_message(const trp_node *node)
{
    return (troupe_message){
        .sender = {node->sender},
        .correlation = {node->correlation},
        .topic = trp_payload_bytes(node->topic),
        .deadline_ns = node->deadline_ns,
        .trace = trp_payload_bytes(node->trace),
        .payload = trp_node_payload(node),
        .sequence = node->sequence,
    };
}
