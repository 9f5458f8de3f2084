/* Keeps a request and answers it with the payload of the next message, which is then kept itself
 * if it is a request. The payload "fail" fails the kept one; "twice" answers it twice and fails
 * itself with the code of the second try as a number, which must be that of `invalid`, 8. */
#include "troupe_guest.h"

static uint64_t kept; /* 0: none */

static tg_answer on_message(const tg_message *message)
{
    static uint8_t digits[20];
    tg_code second = TG_OK;
    bool twice = tg_equal(message->payload, TG_TEXT("twice"));
    if (kept && tg_equal(message->payload, TG_TEXT("fail")))
        tg_reply_error(kept, TG_FAILED, TG_TEXT("told to fail"), NULL);
    else if (kept)
        tg_reply(kept, message->payload, NULL);
    if (kept && twice)
        second = tg_reply(kept, message->payload, NULL);
    kept = message->is_request && !twice ? message->correlation : 0;
    return twice ? tg_fail(TG_FAILED, tg_text_from_u64(second, digits)) : tg_none();
}

TG_ACTOR(.handle_message = on_message)
