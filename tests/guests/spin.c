/* Spends time: counts down from the number in the payload (decimal), then answers "done". */
#include "troupe_guest.h"

static volatile uint64_t left;

static tg_answer on_message(const tg_message *message)
{
    uint64_t number = 0;
    for (size_t i = 0; i < message->payload.len; i++)
        number = number * 10 + (uint64_t)(message->payload.data[i] - '0');
    for (left = number; left > 0;)
        left--;
    return tg_ok_if_asked(message, TG_TEXT("done"));
}

TG_ACTOR(.handle_message = on_message)
