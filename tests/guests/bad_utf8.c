/* Uses text that is no UTF-8. Payload "log": as a line of the log; "publish": as a topic; else
 * as the text of an error. */
#include "troupe_guest.h"

#define BAD_TEXT TG_TEXT("half a \xc3")

static tg_answer on_message(const tg_message *message)
{
    if (tg_equal(message->payload, TG_TEXT("log"))) {
        tg_log(TG_INFO, BAD_TEXT);
        return tg_none();
    }
    if (tg_equal(message->payload, TG_TEXT("publish"))) {
        tg_publish(BAD_TEXT, message->payload, NULL, NULL);
        return tg_none();
    }
    return tg_fail(TG_FAILED, BAD_TEXT);
}

TG_ACTOR(.handle_message = on_message)
