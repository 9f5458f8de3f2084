/* Exports two of the four functions of `lifecycle`: all or none is the rule. */
#include "troupe_guest.h"

static tg_answer on_message(const tg_message *message)
{
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)

TG_EXPORT("lifecycle", "post-start") void post_start(void);
void post_start(void)
{
}

TG_EXPORT("lifecycle", "post-stop") void post_stop(void);
void post_stop(void)
{
}
