/* Prints each message as "TOPIC: PAYLOAD", or "(no topic): PAYLOAD". */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    tg_bytes topic = message->has_topic ? message->topic : TG_TEXT("(no topic)");
    size_t len = topic.len + 2 + message->payload.len + 1;
    uint8_t *line = tg_scratch(len);
    tg_copy(line, topic.data, topic.len);
    tg_copy(line + topic.len, ": ", 2);
    tg_copy(line + topic.len + 2, message->payload.data, message->payload.len);
    line[len - 1] = '\n';
    tg_error error;
    if (tg_print((tg_bytes){line, len}, &error) != TG_OK)
        return tg_fail(TG_FAILED, TG_TEXT("could not print"));
    return tg_none();
}

TG_ACTOR(.handle_message = on_message)
