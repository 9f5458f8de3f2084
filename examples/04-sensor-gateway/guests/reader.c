/* reader.c: "SENSOR VALUE" lines to the topic readings. It believes that every value is a number: the bug is left in. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    const uint8_t *at = message->payload.data, *end = at + message->payload.len;
    uint32_t n_reached;

    while (at < end && *at != ' ')
        at++;
    for (at++; at < end; at++)
        if (*at < '0' || *at > '9')
            __builtin_trap();
    if (tg_publish(TG_TEXT("readings"), message->payload, &n_reached, NULL) != TG_OK)
        return tg_fail(TG_FAILED, TG_TEXT("nobody took the reading"));
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
