/* Answers with as many bytes as the payload says (4 bytes, little endian), all 'x'. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    uint32_t len = 0;
    if (message->payload.len != sizeof len)
        return tg_fail(TG_INVALID, TG_TEXT("4 bytes wanted"));
    tg_copy(&len, message->payload.data, sizeof len);
    uint8_t *bytes = tg_scratch(len);
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = 'x';
    return tg_ok((tg_bytes){bytes, len});
}

TG_ACTOR(.handle_message = on_message)
