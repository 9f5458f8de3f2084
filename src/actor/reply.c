/* reply.c - the holder's side of a request: it is accepted, and then answered, failed or handed on, once.
 *
 *   in a mailbox --accept--> held --(answer, fail, the holder's end)--> ended
 *                   ^          |
 *                   +----------+ delegate: in another mailbox
 *
 * Threads:    all of it: the holder's owner.
 * Invariants: 1. One count of the record is the holder's; it goes with the node while the request is in a mailbox. If
 *                broken: a record returns while somebody holds it.
 *             2. Who delegates lets go of the record before the node is pushed, and does not look at it afterwards. If
 *                broken: two cells have it in their lists.
 */
#include "cell.h"

static void hold(trp_cell *holder, trp_request *request)
{
    trp_list_append(&holder->held, &request->held);
    trp_store_relaxed(&request->holder, trp_id_of(holder).value); /* see find_held */
    holder->n_held++;
}

/* The holder's count is the caller's now. */
static void take_out(trp_cell *holder, trp_request *request)
{
    trp_list_remove(&request->held);
    trp_store_relaxed(&request->holder, 0); /* see find_held */
    holder->n_held--;
}

static void let_go(trp_cell *holder, trp_request *request)
{
    if (holder->request == request)
        holder->request = NULL;
    take_out(holder, request);
    trp_request_unref(request, 1);
}

/* Requests that ended otherwise stay in the list until this; each is looked at O(1) times on average. */
static void sweep_held(trp_cell *holder)
{
    trp_link *at = holder->held.next;

    while (at != &holder->held) {
        trp_request *request = TRP_OF(at, trp_request, held);

        at = at->next;
        if (!trp_request_is_open(request))
            let_go(holder, request);
    }
    holder->n_held_swept = holder->n_held;
}

void trp_request_accept(trp_cell *holder, trp_node *node)
{
    trp_request *request =
        node->correlation ? trp_request_find(holder->system, node->correlation) : NULL;

    holder->request = request;
    if (!request)
        return;
    if (holder->n_held > 2 * holder->n_held_swept + 16)
        sweep_held(holder);
    hold(holder, request);
}

void trp_request_drop(trp_cell *holder, trp_node *node, troupe_status status, troupe_bytes text)
{
    trp_request *request = node->correlation && node->kind == TRP_NODE_MESSAGE
                               ? trp_request_find(holder->system, node->correlation)
                               : NULL;

    if (!request)
        return;
    trp_request_close(request, status, text);
    trp_request_unref(request, 1);
}

/* shared: the same bytes as one that is counted; NULL: they are copied. */
static troupe_status answer_with(trp_cell *holder, trp_request *request, troupe_status status,
                                 troupe_bytes payload, troupe_payload *shared)
{
    troupe_system *system = holder->system;
    bool open = system->faults && trp_answer_late(system, request, status, payload);

    if (!open)
        open = shared ? trp_request_close_shared(request, shared)
                      : trp_request_close(request, status, payload);
    let_go(holder, request);
    return open ? TROUPE_OK : TROUPE_E_GONE;
}

static troupe_status answer(trp_cell *holder, trp_request *request, troupe_status status,
                            troupe_bytes payload)
{
    return answer_with(holder, request, status, payload, NULL);
}

void trp_request_answer_current(trp_cell *holder, troupe_status status, troupe_bytes text)
{
    if (holder->request)
        answer(holder, holder->request, status, text);
}

void trp_requests_end_held(trp_cell *cell, troupe_status status, const char *text)
{
    while (!trp_list_empty(&cell->held))
        answer(cell, TRP_OF(cell->held.next, trp_request, held), status, troupe_text(text));
}

static troupe_status find_held(trp_cell *holder, troupe_correlation correlation,
                               trp_request **ret_request)
{
    troupe_status status = trp_context_check(holder);
    trp_request *request;

    if (status != TROUPE_OK)
        return status;
    request = trp_request_find(holder->system, correlation.value);
    /* relaxed: our own id is there only when this life wrote it; then the list's count keeps the record as it is */
    if (!request || trp_load_relaxed(&request->holder) != trp_id_of(holder).value)
        return TROUPE_E_INVALID;
    *ret_request = request;
    return TROUPE_OK;
}

TRP_STRAIGHT troupe_status troupe_reply(troupe_context *ctx, troupe_bytes payload)
{
    troupe_status status = trp_context_check(ctx);

    if (status == TROUPE_OK && payload.size > ctx->system->message_max)
        status = TROUPE_E_TOO_LARGE;
    if (status != TROUPE_OK)
        return status;
    return ctx->request ? answer(ctx, ctx->request, TROUPE_OK, payload) : TROUPE_OK;
}

troupe_status troupe_reply_to(troupe_context *ctx, troupe_correlation correlation,
                              troupe_bytes payload)
{
    trp_request *request;
    troupe_status status = find_held(ctx, correlation, &request);

    if (status != TROUPE_OK)
        return status;
    if (payload.size > ctx->system->message_max)
        return TROUPE_E_TOO_LARGE;
    return answer(ctx, request, TROUPE_OK, payload);
}

troupe_status troupe_reply_shared(troupe_context *ctx, troupe_correlation correlation,
                                  troupe_payload *payload)
{
    trp_request *request = NULL;
    troupe_status status =
        correlation.value ? find_held(ctx, correlation, &request) : trp_context_check(ctx);
    troupe_bytes bytes = trp_payload_bytes(payload);

    if (status == TROUPE_OK && bytes.size > ctx->system->message_max)
        status = TROUPE_E_TOO_LARGE;
    if (status == TROUPE_OK && !correlation.value)
        request = ctx->request; /* only now: the context is the caller's */
    if (status != TROUPE_OK || !request)
        return status;
    return answer_with(ctx, request, TROUPE_OK, bytes, payload);
}

troupe_status troupe_fail(troupe_context *ctx, troupe_correlation correlation, troupe_status status,
                          troupe_bytes text)
{
    trp_request *request;
    troupe_status found = find_held(ctx, correlation, &request);

    if (found != TROUPE_OK)
        return found;
    if (status == TROUPE_OK || status == TROUPE_PENDING)
        return TROUPE_E_INVALID;
    return answer(ctx, request, status, text);
}

/* ---- handed on ---- */

static troupe_status hand_on(trp_cell *holder, trp_request *request, trp_cell *target, troupe_id id,
                             trp_node *node)
{
    bool at_hand = holder->request == request;
    troupe_status status;

    node->correlation = trp_request_correlation(request);
    node->deadline_ns = request->deadline_ns;
    node->trace = troupe_payload_ref(request->trace);
    take_out(holder, request); /* once it is sent the record is the new holder's */
    trp_store_relaxed(&request->lies_with, id.value); /* a hint: who is given up now may miss it */
    status = trp_send_node(holder, target, id, node);
    if (status != TROUPE_OK) {
        trp_store_relaxed(&request->lies_with, trp_id_of(holder).value); /* likewise */
        hold(holder, request);
    } else if (at_hand) {
        holder->request = NULL;
    }
    return status;
}

troupe_status troupe_delegate(troupe_context *ctx, troupe_correlation correlation, troupe_id target,
                              troupe_bytes payload)
{
    trp_request *request;
    troupe_status status = find_held(ctx, correlation, &request);
    trp_cell *cell;
    trp_node *node;

    if (status != TROUPE_OK)
        return status;
    if (!trp_request_is_open(request)) {
        let_go(ctx, request);
        return TROUPE_E_CANCELLED;
    }
    status = trp_resolve(ctx, &target, NULL, payload.size, &cell);
    if (status != TROUPE_OK)
        return status;
    node = trp_node_new(payload, NULL);
    if (!node)
        return TROUPE_E_NO_MEMORY;
    status = hand_on(ctx, request, cell, target, node);
    if (status != TROUPE_OK)
        trp_node_free(node);
    return status;
}
