/* audience.c - one payload for many, and the account of who took it. */
#include "audience.h"

#include "trp/os.h"

#include <stdlib.h>
#include <string.h>

/* How the sending went. */
struct outcome {
    uint32_t reached, full, gone;
    troupe_status failure; /* the first that says nothing about the listener */
};

void trp_audience_init(trp_audience *audience)
{
    audience->listeners = audience->on_stack;
    audience->n = audience->n_lists = 0;
    audience->room = TRP_SEATS_ON_STACK;
    audience->topic = NULL;
}

void trp_audience_fini(trp_audience *audience)
{
    troupe_payload_unref(audience->topic);
    if (audience->listeners != audience->on_stack)
        trp_free(audience->listeners);
}

static bool grow(trp_audience *audience, uint32_t least)
{
    uint32_t room = least > 2 * audience->room ? least : 2 * audience->room;
    trp_listener *listeners = trp_alloc(room * sizeof *listeners);

    if (!listeners)
        return false;
    memcpy(listeners, audience->listeners, audience->n * sizeof *listeners);
    if (audience->listeners != audience->on_stack)
        trp_free(audience->listeners);
    audience->listeners = listeners;
    audience->room = room;
    return true;
}

bool trp_audience_add(trp_audience *audience, const trp_listener *listeners, uint32_t n)
{
    if (n == 0)
        return true;
    if (audience->n + n > audience->room && !grow(audience, audience->n + n))
        return false;
    memcpy(audience->listeners + audience->n, listeners, n * sizeof *listeners);
    audience->n += n;
    audience->n_lists++;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const trp_listener *x = a, *y = b;

    if (x->id.value != y->id.value)
        return x->id.value < y->id.value ? -1 : 1;
    return (x->since > y->since) - (x->since < y->since);
}

static int by_since(const void *a, const void *b)
{
    const trp_listener *x = a, *y = b;

    return (x->since > y->since) - (x->since < y->since);
}

void trp_audience_merge(trp_audience *audience)
{
    trp_listener *all = audience->listeners;
    uint32_t kept = 0;

    if (audience->n_lists < 2)
        return;
    qsort(all, audience->n, sizeof *all, by_id);
    for (uint32_t i = 0; i < audience->n; i++) {
        if (kept == 0 || all[kept - 1].id.value != all[i].id.value)
            all[kept++] = all[i];
    }
    audience->n = kept;
    qsort(all, kept, sizeof *all, by_since);
    audience->n_lists = 1;
}

/* Those that were full are left in front. One that is unavailable (a pool without members, a child that refuses while it is down) counts
 * as full: it is there, and may have room later. */
static struct outcome send_to_all(trp_audience *audience, troupe_context *ctx,
                                  troupe_payload *payload)
{
    struct outcome outcome = {.failure = TROUPE_OK};

    for (uint32_t i = 0; i < audience->n; i++) {
        trp_listener one = audience->listeners[i];
        troupe_status status = troupe_send_shared(ctx, one.id, audience->topic, payload);

        if (status == TROUPE_OK)
            outcome.reached++;
        else if (status == TROUPE_E_FULL || status == TROUPE_E_UNAVAILABLE)
            audience->listeners[outcome.full++] = one;
        else if (status == TROUPE_E_GONE)
            outcome.gone++;
        else if (outcome.failure == TROUPE_OK)
            outcome.failure = status;
    }
    return outcome;
}

static troupe_status account(const trp_audience *audience, troupe_context *ctx,
                             const struct outcome *outcome, size_t size)
{
    if (outcome->failure != TROUPE_OK)
        return outcome->failure;
    if (outcome->reached == 0 && outcome->full > 0)
        return TROUPE_E_FULL;
    for (uint32_t i = 0; i < outcome->full; i++)
        troupe_dead_letter_add(ctx, audience->listeners[i].id, TROUPE_DEAD_FULL, size);
    return TROUPE_OK;
}

troupe_status trp_audience_tell(trp_audience *audience, troupe_context *ctx, troupe_bytes payload,
                                uint32_t *ret_reached, bool *ret_gone)
{
    struct outcome outcome;
    troupe_payload *shared;

    *ret_reached = 0;
    *ret_gone = false;
    if (audience->n == 0)
        return TROUPE_OK;
    shared = troupe_payload_new(payload);
    if (!shared)
        return TROUPE_E_NO_MEMORY;
    outcome = send_to_all(audience, ctx, shared);
    troupe_payload_unref(shared);
    *ret_reached = outcome.reached;
    *ret_gone = outcome.gone > 0;
    return account(audience, ctx, &outcome, payload.size);
}
