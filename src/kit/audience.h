/* audience.h - to whom one message goes: collected under a table's lock, sent to without it. */
#ifndef TRP_KIT_AUDIENCE_H
#define TRP_KIT_AUDIENCE_H

#include "troupe/kit.h"

#define TRP_SEATS_ON_STACK 64u

typedef struct trp_listener {
    troupe_id id;
    uint64_t since; /* who came first is sent to first */
} trp_listener;

typedef struct trp_audience {
    trp_listener *listeners;
    uint32_t n, room;
    uint32_t n_lists;      /* they come from */
    troupe_payload *topic; /* a count of it; NULL: none */
    trp_listener on_stack[TRP_SEATS_ON_STACK];
} trp_audience;

void trp_audience_init(trp_audience *audience);
void trp_audience_fini(trp_audience *audience);

/* trp_audience_add - one list, in the order in which they came. False: memory is out. */
bool trp_audience_add(trp_audience *audience, const trp_listener *listeners, uint32_t n);

/* trp_audience_merge - afterwards each id is there once, in the order in which they came. */
void trp_audience_merge(trp_audience *audience);

/* trp_audience_tell - send to all of them, and account as troupe_publish says; nobody: nothing happens. No lock.
 * *ret_gone: some have ended. */
troupe_status trp_audience_tell(trp_audience *audience, troupe_context *ctx, troupe_bytes payload,
                                uint32_t *ret_reached, bool *ret_gone);

/* trp_topics_tell - as troupe_publish, to whoever listens: nobody is fine, and no dead letter. */
void trp_topics_tell(troupe_topics *topics, troupe_context *ctx, troupe_bytes topic,
                     troupe_bytes payload);

#endif
