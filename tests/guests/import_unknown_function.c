/* Imports a function that is not in an interface that is. */
#include "troupe_guest.h"

TG_IMPORT("messaging", "shout") void shout(void);

static tg_answer on_message(const tg_message *message)
{
    shout();
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
