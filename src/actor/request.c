/* request.c - requests: each ends exactly once.
 *
 *   open --(reply, error, timeout, the holder's end, cancel, the asker's end: whoever's exchange wins)--> closed
 *
 * Here: the records and the asker's side; reply.c is the holder's.
 *
 * Records live in slots of their own; a correlation is generation << 32 | slot, so that a late reply cannot reach the
 * next request. A record is counted by the asker, by the node or the life that holds it, and by its timer.
 * Threads:    close: any. asked and held lists: their cell's owner.
 * Invariants: 1. Only the thread whose exchange set `closed` uses the reply node and cancels the timer. If broken: two
 *                answers to one request.
 *             2. The record is registered and its timer armed before the node is pushed. If broken: an early reply
 *                is lost.
 *             3. The last count returns the record, with the next generation. If broken: a correlation names
 *                another's request.
 */
#include "cell.h"

#include <string.h>

#define CLOSED UINT64_C(1)
#define NEVER_OPEN CLOSED             /* of no generation */
#define FIRST_WORD (UINT64_C(1) << 1) /* open, of the first one */
#define REQUEST_CHUNK 256u
#define REPLY_ROOM 40u /* node and answer are one block of 128 bytes */

uint64_t trp_request_correlation(const trp_request *request)
{
    return (trp_load_relaxed(&request->word) >> 1) << 32 | request->slot; /* stable while counted */
}

/* NULL: a slot that no record was made for. */
static trp_request *record_at(troupe_system *system, uint32_t slot)
{
    trp_request *chunk;

    if (!slot || slot / REQUEST_CHUNK >= TRP_REQUEST_CHUNKS)
        return NULL;
    chunk = trp_load_acquire(&system->request_chunks[slot / REQUEST_CHUNK]); /* pairs with grow */
    return chunk ? &chunk[slot % REQUEST_CHUNK] : NULL;
}

trp_request *trp_request_find(troupe_system *system, uint64_t correlation)
{
    trp_request *request = record_at(system, (uint32_t)correlation);

    if (!request)
        return NULL;
    return (trp_load_acquire(&request->word) >> 1 & 0xffffffff) == correlation >> 32 ? request
                                                                                     : NULL;
}

static trp_request *grow_locked(troupe_system *system)
{
    uint32_t slot = system->n_requests;
    trp_request *chunk, *request;

    if (slot / REQUEST_CHUNK >= TRP_REQUEST_CHUNKS)
        return NULL;
    chunk = trp_load_relaxed(&system->request_chunks[slot / REQUEST_CHUNK]); /* under the lock */
    if (!chunk) {
        chunk = trp_alloc_zeroed(REQUEST_CHUNK * sizeof(trp_request));
        if (!chunk)
            return NULL;
        trp_store_release(&system->request_chunks[slot / REQUEST_CHUNK],
                          chunk); /* pairs with find */
    }
    system->n_requests++;
    request = &chunk[slot % REQUEST_CHUNK];
    request->slot = slot;
    request->system = system;
    /* relaxed: nobody finds it, and who looks at every record has had this lock */
    trp_store_relaxed(&request->word, NEVER_OPEN);
    return request;
}

static trp_request *take(trp_cell *asker)
{
    troupe_system *system = asker->system;
    trp_request *request = asker->spare_request;

    asker->spare_request = NULL;
    if (request)
        return request;
    trp_mutex_lock(&system->requests_lock);
    request = system->free_requests;
    if (request)
        system->free_requests = request->free_next;
    else
        request = grow_locked(system);
    trp_mutex_unlock(&system->requests_lock);
    return request;
}

/* The last count went, so nobody else knows the record. False: a correlation is never used again, it is retired. */
static bool renew(trp_request *request)
{
    uint64_t generation = (trp_load_relaxed(&request->word) >> 1) + 1; /* the last one owns it */

    troupe_payload_unref(request->trace);
    request->trace = NULL;
    if (generation > UINT32_MAX)
        return false;
    trp_store_release(&request->word, generation << 1 | CLOSED);
    return true;
}

static void give(troupe_system *system, trp_request *request)
{
    trp_mutex_lock(&system->requests_lock);
    request->free_next = system->free_requests;
    system->free_requests = request;
    trp_mutex_unlock(&system->requests_lock);
}

static bool is_last(trp_request *request, uint32_t n)
{
    return trp_sub_acq_rel(&request->refs, n) == n; /* pairs with the other unrefs */
}

void trp_request_unref(trp_request *request, uint32_t n)
{
    if (is_last(request, n) && renew(request))
        give(request->system, request);
}

bool trp_request_is_open(const trp_request *request)
{
    return !(trp_load_acquire(&request->word) & CLOSED);
}

/* True: the caller closed it, and nobody else will. word: as it was seen; the exchange looks again. Relaxed: one word
 * decides; what the record holds came to the caller with a message, by the clock's lock, with word, or is its own. */
static bool win_from(trp_request *request, uint64_t word)
{
    return !(word & CLOSED) && trp_cas_relaxed(&request->word, &word, word | CLOSED);
}

static bool win(trp_request *request)
{
    return win_from(request, trp_load_relaxed(&request->word)); /* see there */
}

static void end_timer(trp_request *request)
{
    if (troupe_timer_cancel(request->system->executor, &request->timer))
        trp_request_unref(request, 1);
}

static void send_reply(trp_request *request, trp_node *reply, troupe_status status)
{
    trp_cell *asker = trp_slot_at(request->system, (uint32_t)request->requester);

    reply->target = request->requester;
    reply->correlation = trp_request_correlation(request);
    reply->incarnation = request->incarnation;
    reply->status = (uint16_t)status;
    trp_push(asker, reply);
}

/* The one who won says how it ended; payload's count goes with it. */
static void end_with(trp_request *request, troupe_status status, troupe_payload *payload)
{
    trp_node *reply = request->reply;

    request->reply = NULL;
    reply->shared = payload;
    end_timer(request);
    send_reply(request, reply, status);
}

static void end_with_copy(trp_request *request, troupe_status status, troupe_bytes bytes)
{
    troupe_payload *payload = NULL;

    if (!trp_node_fill(request->reply, bytes)) {
        payload = troupe_payload_new(bytes);
        if (!payload)
            status = TROUPE_E_NO_MEMORY;
    }
    end_with(request, status, payload);
}

/* The caller holds a count of request. */
bool trp_request_close(trp_request *request, troupe_status status, troupe_bytes bytes)
{
    if (!win(request))
        return false;
    end_with_copy(request, status, bytes);
    return true;
}

bool trp_request_close_shared(trp_request *request, troupe_payload *payload)
{
    if (!win(request))
        return false;
    end_with(request, TROUPE_OK, troupe_payload_ref(payload));
    return true;
}

static void time_out(troupe_timer *timer)
{
    trp_request *request = TRP_OF(timer, trp_request, timer);

    if (win(request)) {
        trp_node *reply = request->reply;

        request->reply = NULL;
        send_reply(request, reply, TROUPE_E_TIMEOUT);
    }
    trp_request_unref(request, 1);
}

static void forget(trp_cell *asker, trp_request *request)
{
    trp_list_remove(&request->asked);
    asker->n_asked--;
}

/* When the one stops waiting for whom this sender is at work: what it asks for ends no later. A reply carries it on to
 * its own handler, see open_request. */
static uint64_t deadline_at_hand(const trp_cell *sender)
{
    const trp_node *node = trp_at_hand(sender);

    if (!node || !node->deadline_ns || (node->kind == TRP_NODE_MESSAGE && !sender->request))
        return TROUPE_FOREVER;
    return node->deadline_ns;
}

static trp_node *new_reply(trp_cell *sender)
{
    uint64_t deadline_ns = deadline_at_hand(sender);
    /* a thread keeps the answer when the node is gone */
    trp_node *reply = trp_node_new_reply(sender->thread ? 0 : REPLY_ROOM);

    if (!reply)
        return NULL;
    reply->deadline_ns = deadline_ns == TROUPE_FOREVER ? 0 : deadline_ns;
    reply->trace = troupe_payload_ref(trp_trace_at_hand(sender));
    return reply;
}

/* pairs with find, and with end_if_with */
static void open_word(trp_request *request)
{
    uint64_t last = trp_load_relaxed(&request->word); /* nobody else writes it */

    trp_store_release(&request->word, last == NEVER_OPEN ? FIRST_WORD : last & ~CLOSED);
}

static trp_request *open_request(trp_cell *sender, troupe_id target, uint64_t deadline_ns,
                                 uint64_t ends_ns)
{
    troupe_system *system = sender->system;
    trp_node *reply = new_reply(sender);
    trp_request *request = reply ? take(sender) : NULL;

    if (!request) {
        trp_node_free(reply);
        return NULL;
    }
    request->reply = reply;
    request->trace = troupe_payload_ref(reply->trace);
    request->refused = false;
    request->deadline_ns = deadline_ns == TROUPE_FOREVER ? 0 : deadline_ns;
    request->requester = trp_id_of(sender).value;
    trp_store_relaxed(&request->lies_with, target.value);          /* published by the word */
    request->incarnation = trp_load_relaxed(&sender->incarnation); /* owner */
    trp_store_relaxed(&request->refs, 3);                          /* nobody else knows it yet */
    trp_list_init(&request->held);
    troupe_timer_init(&request->timer, time_out);
    trp_list_append(&sender->asked, &request->asked);
    sender->n_asked++;
    open_word(request);
    if (ends_ns == TROUPE_FOREVER)
        trp_request_unref(request, 1);
    else
        troupe_timer_start(system->executor, &request->timer, ends_ns);
    return request;
}

/* The asker wants no answer any more. False: one is on its way. */
static bool withdraw(trp_request *request)
{
    if (!win(request))
        return false;
    trp_node_free(request->reply);
    request->reply = NULL;
    end_timer(request);
    return true;
}

/* Nothing was sent: as if it had never been. When the clock was faster, its answer is on the way and ends there. */
static void take_back(trp_cell *asker, trp_request *request)
{
    if (!withdraw(request)) {
        request->refused = true;
        trp_request_unref(request, 1);
        return;
    }
    forget(asker, request);
    trp_request_unref(request, 2);
}

/* What is at hand ends at bound_ns. */
static troupe_status may_ask(const trp_cell *sender, uint64_t bound_ns, uint64_t lately_ns)
{
    if (bound_ns <= lately_ns + TRP_RECENT_NS && bound_ns <= troupe_now(sender->system))
        return TROUPE_E_TIMEOUT;
    return sender->n_asked < sender->requests_bound ? TROUPE_OK : TROUPE_E_QUOTA;
}

/* When a request with that deadline ends: not early, and no later than what is at hand. */
static uint64_t end_of(const trp_cell *sender, uint64_t deadline_ns, uint64_t timeout_ns,
                       uint64_t bound_ns)
{
    uint64_t ends_ns =
        trp_is_patient(timeout_ns) ? trp_not_before(sender->system, deadline_ns) : deadline_ns;

    return ends_ns < bound_ns ? ends_ns : bound_ns;
}

TRP_STRAIGHT troupe_status trp_request_send(trp_cell *sender, troupe_id id, trp_letter letter,
                                            uint64_t timeout_ns,
                                            troupe_correlation *ret_correlation)
{
    /* the clock is read once, and where that will do the cheap one: the other is a fifth of a request */
    uint64_t now_ns =
        trp_is_patient(timeout_ns) ? trp_lately(sender->system) : troupe_now(sender->system);
    uint64_t deadline_ns = trp_time_after(now_ns, timeout_ns), bound_ns;
    trp_cell *target;
    troupe_status status = timeout_ns
                               ? trp_resolve(sender, &id, letter.topic, letter.bytes.size, &target)
                               : TROUPE_E_INVALID;
    trp_request *request;
    uint64_t correlation;
    trp_node *node;

    if (status != TROUPE_OK)
        return status;
    bound_ns =
        deadline_at_hand(sender); /* only now: the context is the caller's, see trp_resolve */
    status = may_ask(sender, bound_ns, now_ns);
    if (status != TROUPE_OK)
        return status;
    if (deadline_ns > bound_ns)
        deadline_ns = bound_ns;
    node = trp_node_new(letter.bytes, letter.shared);
    request = node ? open_request(sender, id, deadline_ns,
                                  end_of(sender, deadline_ns, timeout_ns, bound_ns))
                   : NULL;
    if (!request) {
        trp_node_free(node);
        return TROUPE_E_NO_MEMORY;
    }
    node->correlation = trp_request_correlation(request);
    node->deadline_ns = request->deadline_ns;
    node->topic = troupe_payload_ref(letter.topic);
    correlation = node->correlation; /* once it is sent the node is the receiver's */
    status = trp_send_node(sender, target, id, node);
    if (status == TROUPE_OK) {
        *ret_correlation = (troupe_correlation){correlation};
    } else {
        take_back(sender, request);
        trp_node_free(node);
    }
    return status;
}

troupe_status troupe_request(troupe_context *ctx, troupe_id target, troupe_bytes payload,
                             uint64_t timeout_ns, troupe_correlation *ret_correlation)
{
    if (ctx->thread)
        return TROUPE_E_INVALID; /* it has no handle_reply: troupe_call is for threads */
    return trp_request_send(ctx, target, (trp_letter){.bytes = payload}, timeout_ns,
                            ret_correlation);
}

troupe_status troupe_request_shared(troupe_context *ctx, troupe_id target, troupe_payload *topic,
                                    troupe_payload *payload, uint64_t timeout_ns,
                                    troupe_correlation *ret_correlation)
{
    if (ctx->thread)
        return TROUPE_E_INVALID;
    return trp_request_send(ctx, target, trp_letter_shared(topic, payload), timeout_ns,
                            ret_correlation);
}

bool troupe_cancel(troupe_context *ctx, troupe_correlation correlation)
{
    trp_request *request = trp_request_find(ctx->system, correlation.value);

    if (trp_context_check(ctx) != TROUPE_OK)
        return false;
    /* only the asker's own count makes a look at the record safe: it must be in its list */
    for (trp_link *at = ctx->asked.next; request && at != &ctx->asked; at = at->next) {
        if (TRP_OF(at, trp_request, asked) == request)
            return trp_request_close(request, TROUPE_E_CANCELLED, (troupe_bytes){0});
    }
    return false;
}

/* ---- the asker ---- */

bool trp_request_take_reply(trp_cell *cell, trp_node *node)
{
    trp_request *request;
    bool refused;

    if (node->incarnation != trp_load_relaxed(&cell->incarnation)) /* owner */
        return false;
    request = trp_request_find(cell->system, node->correlation);
    if (!request) /* the asker's count keeps it until here, so this is an answer of another life */
        return false;
    refused = request->refused;
    forget(cell, request);
    if (!is_last(request, 1) || !renew(request))
        return !refused;
    if (cell->spare_request)
        give(cell->system, request);
    else
        cell->spare_request = request; /* who asks once asks again: it costs no lock */
    return !refused;
}

void trp_requests_end_asked(trp_cell *cell)
{
    while (!trp_list_empty(&cell->asked)) {
        trp_request *request = TRP_OF(cell->asked.next, trp_request, asked);

        forget(cell, request);
        withdraw(request);
        trp_request_unref(request, 1); /* an answer under way carries the old life's number */
    }
    if (cell->spare_request)
        give(cell->system, cell->spare_request);
    cell->spare_request = NULL;
}

/* ---- with one that was given up ---- */

/* A count for who has none: only beside another, so that the record stays as it is from then on. */
static bool join(trp_request *request)
{
    uint32_t refs = trp_load_relaxed(&request->refs); /* the exchange looks again */

    while (refs && !trp_cas_relaxed(&request->refs, &refs, refs + 1)) /* see below */
        ;
    return refs != 0;
}

/* What is read before the exchange may be of an earlier request: then the word has moved on, and the exchange fails.
 * Whom it lies with is set before it is open. */
static void end_if_with(trp_request *request, uint64_t id, troupe_bytes text)
{
    uint64_t word = trp_load_acquire(&request->word); /* pairs with open_request */

    if (trp_load_relaxed(&request->lies_with) == id && win_from(request, word))
        end_with_copy(request, TROUPE_E_CRASHED, text);
}

/* In its mailbox or held: both are its owner's, who does not come. So every record is looked at. */
void trp_requests_end_with(troupe_system *system, troupe_id id, const char *text)
{
    uint32_t n;

    trp_mutex_lock(&system->requests_lock);
    n = system->n_requests;
    trp_mutex_unlock(&system->requests_lock);
    for (uint32_t slot = 1; slot < n; slot++) {
        trp_request *request = record_at(system, slot);

        if (!request || !join(request))
            continue;
        end_if_with(request, id.value, troupe_text(text));
        trp_request_unref(request, 1);
    }
}

void trp_requests_free(troupe_system *system)
{
    for (uint32_t i = 0; i < TRP_REQUEST_CHUNKS; i++)
        trp_free(trp_load_relaxed(&system->request_chunks[i])); /* nobody else is left */
    trp_free(system->request_chunks);
}
