/* At the message "grow" takes memory until it gets no more, then traps in tg_out_of_memory; at
 * "ask" takes all that it is given and answers how many pages it has; an echo otherwise. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    static uint8_t digits[20];
    while (tg_equal(message->payload, TG_TEXT("grow"))) {
        volatile uint8_t *page = tg_scratch(65536);
        *page = 1;
    }
    if (tg_equal(message->payload, TG_TEXT("ask"))) {
        while (__builtin_wasm_memory_grow(0, 1) != (size_t)-1)
            ;
        return tg_ok(tg_text_from_u64(__builtin_wasm_memory_size(0), digits));
    }
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
