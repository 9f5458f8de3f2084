/* A payload "TOPIC TEXT" is published; a request is answered with the number of mailboxes
 * reached, in decimal. An error is handed back as it is. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    static uint8_t digits[20];
    tg_bytes topic = {message->payload.data, 0}, text = {NULL, 0};
    while (topic.len < message->payload.len && topic.data[topic.len] != ' ')
        topic.len++;
    if (topic.len < message->payload.len)
        text = (tg_bytes){topic.data + topic.len + 1, message->payload.len - topic.len - 1};

    uint32_t n_reached = 0;
    tg_error error;
    tg_code code = tg_publish(topic, text, &n_reached, &error);
    if (code == TG_OK)
        return tg_ok_if_asked(message, tg_text_from_u64(n_reached, digits));
    bool has_text = code == TG_DENIED || code == TG_QUOTA || code == TG_INVALID;
    return tg_fail(code, has_text ? error.text : (tg_bytes){NULL, 0});
}

TG_ACTOR(.handle_message = on_message)
