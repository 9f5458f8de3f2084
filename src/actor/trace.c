/* trace.c - the trace that a thread or a handler gives to what it sends. Without one, sends made while a message is
 * handled carry that message's trace on: trp_trace_at_hand in cell.h. Everything here is the context's own. */
#include "cell.h"

#define TRACEPARENT_SIZE 55u /* of W3C's version 00; later ones may be longer */

void trp_trace_clear(trp_cell *cell)
{
    troupe_payload_unref(cell->trace);
    cell->trace = NULL;
    cell->has_trace = false;
}

troupe_status troupe_trace_set(troupe_context *ctx, troupe_bytes traceparent)
{
    troupe_payload *trace = NULL;
    troupe_status status = trp_context_check(ctx);

    if (status != TROUPE_OK)
        return status;
    if (traceparent.size > TROUPE_TRACE_MAX)
        return TROUPE_E_TOO_LARGE;
    if (traceparent.size > 0 && traceparent.size < TRACEPARENT_SIZE)
        return TROUPE_E_INVALID;
    if (!ctx->thread && !trp_at_hand(ctx))
        return TROUPE_E_INVALID; /* nothing would end it */
    if (traceparent.size > 0) {
        trace = troupe_payload_new(traceparent);
        if (!trace)
            return TROUPE_E_NO_MEMORY;
    }
    trp_trace_clear(ctx);
    ctx->trace = trace;
    ctx->has_trace = true;
    return TROUPE_OK;
}
