/* Sends every payload back to its sender as a message of its own. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    tg_error error;
    tg_code code = tg_send(message->sender, message->payload, &error);
    if (code == TG_OK)
        return tg_none();
    return tg_fail(code,
                   code == TG_DENIED || code == TG_INVALID ? error.text : (tg_bytes){NULL, 0});
}

TG_ACTOR(.handle_message = on_message)
