/* Traps in the hook or handler that its settings name: {"at":"post-stop"}. */
#include "troupe_guest.h"

static uint8_t where[64];
static size_t where_len;

static void fall_if(tg_bytes here)
{
    for (size_t i = 0; i + here.len <= where_len; i++)
        if (tg_equal((tg_bytes){where + i, here.len}, here))
            __builtin_trap();
}

static tg_answer pre_start(const tg_config *config)
{
    where_len = config->settings.len < sizeof where ? config->settings.len : sizeof where;
    tg_copy(where, config->settings.data, where_len);
    fall_if(TG_TEXT("pre-start"));
    return tg_none();
}

static void post_start(void)
{
    fall_if(TG_TEXT("post-start"));
}

static tg_answer on_message(const tg_message *message)
{
    fall_if(TG_TEXT("message"));
    return tg_ok_if_asked(message, message->payload);
}

static void pre_stop(tg_stop_reason reason, uint64_t grace_ms)
{
    (void)reason;
    (void)grace_ms;
    fall_if(TG_TEXT("pre-stop"));
}

static void post_stop(void)
{
    fall_if(TG_TEXT("post-stop"));
}

static tg_health check(void)
{
    fall_if(TG_TEXT("check"));
    return (tg_health){TG_HEALTHY, {where, 0}};
}

TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_start = pre_start, .post_start = post_start, .pre_stop = pre_stop,
             .post_stop = post_stop)
TG_HEALTH(check)
