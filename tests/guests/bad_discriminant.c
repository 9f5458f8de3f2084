/* Returns a tag that no case has. Payload "result", "option" or "error" says which; else an
 * echo. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    if (tg_equal(message->payload, TG_TEXT("result")))
        return (tg_answer){.is_error = 2, .tag = 0};
    if (tg_equal(message->payload, TG_TEXT("option")))
        return (tg_answer){.is_error = 0, .tag = 2};
    if (tg_equal(message->payload, TG_TEXT("error")))
        return (tg_answer){.is_error = 1, .tag = TG_FAILED + 1};
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
