#include "troupe_guest.h"

static uint64_t total;

static tg_answer on_message(const tg_message *message)
{
    total += message->payload.len;
    return tg_ok_if_asked(message, (tg_bytes){(const uint8_t *)&total, sizeof total});
}

TG_ACTOR(.handle_message = on_message)
