/* Publishes; the manifest that it is loaded with grants nothing. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    tg_publish(TG_TEXT("secrets"), message->payload, NULL, NULL);
    return tg_none();
}

TG_ACTOR(.handle_message = on_message)
