/* Says how it is as it was last told: "well", "degraded WHY", "ill WHY", "trap"; anything else is answered as it is. */
#include "troupe_guest.h"

static tg_condition condition = TG_HEALTHY;
static bool traps;
static uint8_t why[64];
static size_t why_len;

static bool begins(tg_bytes text, const char *with, size_t n)
{
    return text.len >= n &&
           tg_equal((tg_bytes){text.data, n}, (tg_bytes){(const uint8_t *)with, n});
}

static void note(tg_bytes text, size_t skip, tg_condition is)
{
    condition = is;
    why_len = text.len - skip < sizeof why ? text.len - skip : sizeof why;
    tg_copy(why, text.data + skip, why_len);
}

static tg_answer on_message(const tg_message *message)
{
    if (begins(message->payload, "ill ", 4))
        note(message->payload, 4, TG_UNHEALTHY);
    else if (begins(message->payload, "degraded ", 9))
        note(message->payload, 9, TG_DEGRADED);
    else if (begins(message->payload, "well", 4))
        condition = TG_HEALTHY;
    else if (begins(message->payload, "trap", 4))
        traps = true;
    return tg_ok_if_asked(message, message->payload);
}

static tg_health check(void)
{
    if (traps)
        __builtin_trap();
    return (tg_health){(uint8_t)condition, {why, why_len}};
}

TG_ACTOR(.handle_message = on_message)
TG_HEALTH(check)
