/* Adds up messages of 4 bytes (little endian) and answers with the sum in 8; "crash" traps. A
 * new life begins at 0. */
#include "troupe_guest.h"

static uint64_t total;

static tg_answer on_message(const tg_message *message)
{
    uint32_t number;
    if (tg_equal(message->payload, TG_TEXT("crash")))
        __builtin_trap();
    if (message->payload.len != sizeof number)
        return tg_fail(TG_INVALID, TG_TEXT("4 bytes wanted"));
    tg_copy(&number, message->payload.data, sizeof number);
    total += number;
    return tg_ok_if_asked(message, TG_BYTES_OF(total));
}

TG_ACTOR(.handle_message = on_message)
