/* publisher.c: prints what changed, a line each. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    uint8_t *line = tg_scratch(message->payload.len + 1);

    tg_copy(line, message->payload.data, message->payload.len);
    line[message->payload.len] = '\n';
    tg_print((tg_bytes){line, message->payload.len + 1}, NULL);
    return tg_none();
}

TG_ACTOR(.handle_message = on_message)
