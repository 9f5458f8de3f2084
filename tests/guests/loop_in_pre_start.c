/* Never finishes its start: the deadline must be armed there, too. */
#include "troupe_guest.h"

static volatile uint32_t turns;

static tg_answer pre_start(const tg_config *config)
{
    while (config->id)
        turns++;
    return tg_none();
}

static tg_answer on_message(const tg_message *message)
{
    (void)message;
    return tg_none();
}

TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_start = pre_start)
