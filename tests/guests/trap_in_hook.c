/* Traps in the hook that its settings name: {"trap":"post-start"}, "pre-stop" or "post-stop". */
#include "troupe_guest.h"

static tg_bytes hook;
static uint8_t kept[16];

static tg_answer pre_start(const tg_config *config)
{
    static const char start[] = "{\"trap\":\"", end[] = "\"}";
    const size_t around = sizeof start - 1 + sizeof end - 1;
    if (config->settings.len <= around || config->settings.len - around > sizeof kept)
        return tg_fail(TG_FAILED, TG_TEXT("settings {\"trap\":\"HOOK\"} wanted"));
    hook = (tg_bytes){kept, config->settings.len - around};
    tg_copy(kept, config->settings.data + sizeof start - 1, hook.len);
    return tg_none();
}

static void post_start(void)
{
    if (tg_equal(hook, TG_TEXT("post-start")))
        __builtin_trap();
}

static void pre_stop(tg_stop_reason reason, uint64_t grace_ms)
{
    (void)reason;
    (void)grace_ms;
    if (tg_equal(hook, TG_TEXT("pre-stop")))
        __builtin_trap();
}

static void post_stop(void)
{
    if (tg_equal(hook, TG_TEXT("post-stop")))
        __builtin_trap();
}

static tg_answer on_message(const tg_message *message)
{
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_start = pre_start, .post_start = post_start, .pre_stop = pre_stop,
             .post_stop = post_stop)
