/* Answers with bytes that are not all in its memory. Payload "overflow": address plus length
 * passes 32 bits; "end": they begin in the memory and end behind it; "huge": length is 4 GiB -
 * 1; else an echo. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    const uint8_t *near_end = (const uint8_t *)(__builtin_wasm_memory_size(0) * 65536 - 16);
    if (tg_equal(message->payload, TG_TEXT("overflow")))
        return tg_ok((tg_bytes){(const uint8_t *)0xfffffff0u, 0x20});
    if (tg_equal(message->payload, TG_TEXT("end")))
        return tg_ok((tg_bytes){near_end, 17});
    if (tg_equal(message->payload, TG_TEXT("huge")))
        return tg_ok((tg_bytes){(const uint8_t *)1, 0xffffffffu});
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
