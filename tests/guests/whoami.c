/* Answers with 16 bytes: its own id and the sender's. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    static uint64_t ids[2];
    ids[0] = tg_self();
    ids[1] = message->sender;
    return tg_ok_if_asked(message, TG_BYTES_OF(ids));
}

TG_ACTOR(.handle_message = on_message)
