/* Falls at every message. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    (void)message;
    __builtin_trap();
}

TG_ACTOR(.handle_message = on_message)
