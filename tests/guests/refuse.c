/* Says no in pre-start, with a text. */
#include "troupe_guest.h"

static tg_answer pre_start(const tg_config *config)
{
    (void)config;
    return tg_fail(TG_FAILED, TG_TEXT("not today"));
}

static tg_answer on_message(const tg_message *message)
{
    (void)message;
    return tg_none();
}

TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_start = pre_start)
