/* order.c - orders to supervisors: how they are given, and what came of them is read. Any room could have written it: an
 * order is a request. */
#include "order_letter.h"

#include "trp/options.h"
#include "trp/os.h"

#include <string.h>

/* True: the name, or none, has its place in the letter. */
static bool take_name(char to[TROUPE_NAME_MAX + 1], const char *name)
{
    size_t size = name ? strlen(name) : 0;

    if (size > TROUPE_NAME_MAX)
        return false;
    memcpy(to, name ? name : "", size + 1);
    return true;
}

static troupe_status of_another_version(troupe_error *error, const char *what)
{
    return troupe_error_set(
        error, TROUPE_E_INVALID,
        "order: %s was not made with TROUPE_ORDER, or asks for what only a newer "
        "library knows: make the order with TROUPE_ORDER, and leave out what is "
        "new",
        what);
}

static troupe_status write_order(trp_order_letter *letter, const troupe_order *order,
                                 troupe_error *error)
{
    if (!trp_options_take(&letter->order, sizeof letter->order, order))
        return of_another_version(error, "it");
    order = &letter->order;
    letter->has_child = order->child != NULL;
    if (order->child && !trp_child_take(&letter->child, order->child, order->child_size))
        return of_another_version(error, "its child");
    letter->has_backoff = order->backoff != NULL;
    if (order->backoff && !trp_struct_take(&letter->backoff, sizeof letter->backoff, order->backoff,
                                           order->backoff_size))
        return of_another_version(error, "its backoff");
    letter->has_on_intensity = order->on_intensity != NULL;
    if (order->on_intensity)
        letter->on_intensity = *order->on_intensity;
    letter->has_auto_shutdown = order->auto_shutdown != NULL;
    if (order->auto_shutdown)
        letter->auto_shutdown = *order->auto_shutdown;
    if (!take_name(letter->name, order->name) ||
        !take_name(letter->child_name, letter->child.spec.name))
        return troupe_error_set(error, TROUPE_E_INVALID, "order: a name has more than %d bytes",
                                TROUPE_NAME_MAX);
    return TROUPE_OK;
}

/* What a request is made of. */
struct parcel {
    troupe_payload *topic, *payload;
};

static troupe_status pack(trp_order_letter *letter, struct parcel *parcel)
{
    letter->size = sizeof *letter;
    parcel->topic = troupe_payload_new(troupe_text(TROUPE_CONTROL_TOPIC));
    parcel->payload = troupe_payload_new((troupe_bytes){letter, sizeof *letter});
    return parcel->topic && parcel->payload ? TROUPE_OK : TROUPE_E_NO_MEMORY;
}

static void unpack(struct parcel *parcel)
{
    if (parcel->topic)
        troupe_payload_unref(parcel->topic);
    if (parcel->payload)
        troupe_payload_unref(parcel->payload);
}

static troupe_status call(troupe_context *ctx, troupe_id supervisor, trp_order_letter *letter,
                          uint64_t timeout_ns, troupe_reply_buffer *reply, troupe_answer *answer)
{
    struct parcel parcel;

    answer->status = pack(letter, &parcel);
    if (answer->status == TROUPE_OK)
        answer->status =
            troupe_call_shared(ctx, supervisor, parcel.topic, parcel.payload, timeout_ns, reply);
    answer->payload = troupe_reply_bytes(reply);
    unpack(&parcel);
    return answer->status;
}

static troupe_status request(troupe_context *ctx, troupe_id supervisor, trp_order_letter *letter,
                             uint64_t timeout_ns, troupe_correlation *ret_correlation)
{
    struct parcel parcel;
    troupe_status status = pack(letter, &parcel);

    if (status == TROUPE_OK)
        status = troupe_request_shared(ctx, supervisor, parcel.topic, parcel.payload, timeout_ns,
                                       ret_correlation);
    unpack(&parcel);
    return status;
}

/* ---- one child ---- */

static troupe_status say_failure(const troupe_answer *answer, troupe_error *error)
{
    if (answer->payload.size > 0)
        return troupe_error_set(error, answer->status, "%.*s", (int)answer->payload.size,
                                (const char *)answer->payload.data);
    return troupe_error_set(error, answer->status, "%s", troupe_status_text(answer->status));
}

static troupe_status no_supervisor(troupe_error *error)
{
    return troupe_error_set(error, TROUPE_E_INVALID,
                            "the order was answered by one that is no supervisor");
}

troupe_status troupe_order_read(const troupe_answer *answer, troupe_id *ret_id, troupe_error *error)
{
    troupe_id id;

    if (answer->status != TROUPE_OK)
        return say_failure(answer, error);
    if (answer->payload.size != sizeof id)
        return no_supervisor(error);
    memcpy(&id, answer->payload.data, sizeof id);
    if (ret_id)
        *ret_id = id;
    return TROUPE_OK;
}

troupe_status troupe_order_call(troupe_context *ctx, troupe_id supervisor,
                                const troupe_order *order, uint64_t timeout_ns, troupe_id *ret_id,
                                troupe_error *error)
{
    trp_order_letter letter = {.kind = TRP_LETTER_ORDER};
    troupe_status status = write_order(&letter, order, error);
    troupe_reply_buffer reply = {NULL};
    troupe_answer answer = {.status = TROUPE_OK};

    if (status != TROUPE_OK)
        return status;
    (void)call(ctx, supervisor, &letter, timeout_ns, &reply, &answer);
    status = troupe_order_read(&answer, ret_id, error);
    troupe_reply_clear(&reply);
    return status;
}

troupe_status troupe_order_request(troupe_context *ctx, troupe_id supervisor,
                                   const troupe_order *order, uint64_t timeout_ns,
                                   troupe_correlation *ret_correlation)
{
    trp_order_letter letter = {.kind = TRP_LETTER_ORDER};
    troupe_status status = write_order(&letter, order, NULL);

    if (status != TROUPE_OK)
        return status;
    return request(ctx, supervisor, &letter, timeout_ns, ret_correlation);
}

/* ---- all of them ---- */

troupe_status troupe_children_read(const troupe_answer *answer, troupe_child_page *page)
{
    const uint8_t *bytes = answer->payload.data;
    trp_list_head head;

    page->n_rows = 0;
    if (answer->status != TROUPE_OK)
        return answer->status;
    if (answer->payload.size < sizeof head)
        return TROUPE_E_INVALID;
    memcpy(&head, bytes, sizeof head);
    if (head.row_size != sizeof(troupe_child_info) ||
        answer->payload.size != sizeof head + head.n_rows * head.row_size)
        return TROUPE_E_INVALID;
    for (; page->n_rows < page->n && page->n_rows < head.n_rows; page->n_rows++) {
        troupe_child_info row;

        memcpy(&row, bytes + sizeof head + page->n_rows * sizeof row, sizeof row);
        trp_options_give((uint8_t *)page->rows + page->n_rows * page->row_size, page->row_size,
                         &row, sizeof row);
    }
    page->n_children = head.n_children;
    return TROUPE_OK;
}

troupe_status troupe_children_call(troupe_context *ctx, troupe_id supervisor, size_t first,
                                   troupe_child_page *page, uint64_t timeout_ns)
{
    trp_order_letter letter = {.kind = TRP_LETTER_LIST, .first = first, .n = page->n};
    troupe_reply_buffer reply = {NULL};
    troupe_answer answer = {.status = TROUPE_OK};
    troupe_status status;

    (void)call(ctx, supervisor, &letter, timeout_ns, &reply, &answer);
    status = troupe_children_read(&answer, page);
    troupe_reply_clear(&reply);
    return status;
}

troupe_status troupe_children_request(troupe_context *ctx, troupe_id supervisor, size_t first,
                                      size_t n, uint64_t timeout_ns,
                                      troupe_correlation *ret_correlation)
{
    trp_order_letter letter = {.kind = TRP_LETTER_LIST, .first = first, .n = n};

    return request(ctx, supervisor, &letter, timeout_ns, ret_correlation);
}
