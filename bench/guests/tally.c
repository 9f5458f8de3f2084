/* Counts its messages. Each has 16 bytes: what (0: count, 1: trap) and a number that is added up. A
 * request is answered with how many this life has handled. */
#include "troupe_guest.h"

static uint64_t n_handled, sum;

static tg_answer on_message(const tg_message *message)
{
    uint64_t numbers[2];
    if (message->payload.len != sizeof numbers)
        return tg_fail(TG_INVALID, TG_TEXT("16 bytes wanted"));
    tg_copy(numbers, message->payload.data, sizeof numbers);
    if (numbers[0] == 1)
        __builtin_trap();
    n_handled++;
    sum += numbers[1];
    return tg_ok_if_asked(message, TG_BYTES_OF(n_handled));
}

TG_ACTOR(.handle_message = on_message)
