/* Traps in the function `fall_over` when the payload is "crash"; an echo otherwise. */
#include "troupe_guest.h"

static __attribute__((noinline)) void fall_over(void)
{
    __builtin_trap();
}

static tg_answer on_message(const tg_message *message)
{
    if (tg_equal(message->payload, TG_TEXT("crash")))
        fall_over();
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
