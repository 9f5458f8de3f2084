/* Never comes back from the message "loop"; an echo otherwise. */
#include "troupe_guest.h"

static volatile uint32_t turns;

static tg_answer on_message(const tg_message *message)
{
    while (tg_equal(message->payload, TG_TEXT("loop")))
        turns++;
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
