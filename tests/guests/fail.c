/* Fails every message, with the payload as the text (it must be UTF-8). Never crashes. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    return tg_fail(TG_FAILED, message->payload);
}

TG_ACTOR(.handle_message = on_message)
