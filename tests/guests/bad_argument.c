/* Calls imports with arguments that are wrong, one for each payload; an echo otherwise. None of
 * them needs a grant. */
#include "troupe_guest.h"

#define FAR ((uint8_t *)0xfffffff0u)

static tg_answer on_message(const tg_message *message)
{
    tg_bytes what = message->payload;
    static const tg_pair fields[1];
    tg_result result;
    if (tg_equal(what, TG_TEXT("bytes")))
        tg_i_reply(1, FAR, 0x20, &result);
    if (tg_equal(what, TG_TEXT("result")))
        tg_i_reply(1, what.data, what.len, FAR);
    if (tg_equal(what, TG_TEXT("unaligned result")))
        tg_i_reply(1, what.data, what.len, (uint8_t *)&result + 1);
    if (tg_equal(what, TG_TEXT("text")))
        tg_i_log(TG_INFO, FAR, 0x20, NULL, 0);
    if (tg_equal(what, TG_TEXT("list")))
        tg_i_log(TG_INFO, what.data, what.len, fields, 0x10000001);
    if (tg_equal(what, TG_TEXT("unaligned list")))
        tg_i_log(TG_INFO, what.data, what.len, (const uint8_t *)fields + 1, 1);
    if (tg_equal(what, TG_TEXT("level")))
        tg_i_log(5, what.data, what.len, NULL, 0);
    if (tg_equal(what, TG_TEXT("error code")))
        tg_i_reply_error(1, TG_FAILED + 1, what.data, what.len, &result);
    return tg_ok_if_asked(message, what);
}

TG_ACTOR(.handle_message = on_message)
