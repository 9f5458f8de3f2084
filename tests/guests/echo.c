/* Answers a request with its own payload; other messages go nowhere. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
