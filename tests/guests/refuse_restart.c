/* Starts once; traps at the message "crash" and says no when it is brought back. */
#include "troupe_guest.h"

static tg_answer pre_start(const tg_config *config)
{
    if (config->incarnation > 1)
        return tg_fail(TG_FAILED, TG_TEXT("once was enough"));
    return tg_none();
}

static tg_answer on_message(const tg_message *message)
{
    if (tg_equal(message->payload, TG_TEXT("crash")))
        __builtin_trap();
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_start = pre_start)
