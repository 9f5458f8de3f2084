/* A short life: all four hooks, and a count. A hook that finds that another was left out traps, and
 * so does an end without a message. */
#include "troupe_guest.h"

static uint32_t stage;

static void reach(uint32_t next)
{
    if (++stage != next)
        __builtin_trap();
}

static tg_answer pre_start(const tg_config *config)
{
    (void)config;
    reach(1);
    return tg_none();
}

static void post_start(void)
{
    reach(2);
}

static tg_answer on_message(const tg_message *message)
{
    (void)message;
    reach(3);
    return tg_none();
}

static void pre_stop(tg_stop_reason reason, uint64_t grace_ms)
{
    (void)reason;
    (void)grace_ms;
    reach(4);
}

static void post_stop(void)
{
    reach(5);
}

TG_LIFECYCLE(.pre_start = pre_start, .post_start = post_start, .pre_stop = pre_stop,
             .post_stop = post_stop)
TG_ACTOR(.handle_message = on_message)
