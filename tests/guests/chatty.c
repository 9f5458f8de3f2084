/* Logs 100 lines of 1000 bytes, each with a field, for every message: a log quota has to stop
 * it. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    uint8_t *text = tg_scratch(1000);
    for (size_t i = 0; i < 1000; i++)
        text[i] = (uint8_t)('a' + i % 26);
    for (uint64_t i = 0; i < 100; i++) {
        uint8_t digits[20];
        tg_pair field = {TG_TEXT("line"), tg_text_from_u64(i, digits)};
        tg_log_fields(TG_INFO, (tg_bytes){text, 1000}, &field, 1);
    }
    return tg_ok_if_asked(message, TG_TEXT("logged"));
}

TG_ACTOR(.handle_message = on_message)
