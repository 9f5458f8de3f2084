/* Answers with 8 random bytes, now_ns and monotonic_ns, 8 bytes each. A payload of 4 bytes (little
 * endian) instead asks for so many random bytes alone. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    static uint64_t answer[3];
    uint32_t count = sizeof answer[0];
    tg_bytes bytes;
    tg_error error;
    if (message->payload.len == sizeof count)
        tg_copy(&count, message->payload.data, sizeof count);
    tg_code code = tg_random(count, &bytes, &error);
    if (code != TG_OK)
        return tg_fail(code, (tg_bytes){NULL, 0});
    if (message->payload.len == sizeof count)
        return tg_ok_if_asked(message, bytes);
    tg_copy(&answer[0], bytes.data, sizeof answer[0]);
    answer[1] = tg_now_ns();
    answer[2] = tg_monotonic_ns();
    return tg_ok_if_asked(message, TG_BYTES_OF(answer));
}

TG_ACTOR(.handle_message = on_message)
