/* Imports messaging.send without the place for its result. */
#include "troupe_guest.h"

TG_IMPORT("messaging", "send") void short_send(uint64_t target, const void *data, size_t len);

static tg_answer on_message(const tg_message *message)
{
    short_send(message->sender, message->payload.data, message->payload.len);
    return tg_none();
}

TG_ACTOR(.handle_message = on_message)
