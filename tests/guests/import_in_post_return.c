/* Calls an import from inside its post-return, which is refused. */
#define TG_GUEST_NO_RUNTIME
#include "troupe_guest.h"

tg_answer tg_returned;
static uint8_t room[4096];

void tg_arena_reset(void)
{
    tg_log(TG_INFO, TG_TEXT("from inside post-return"));
}

TG_NAMED_EXPORT("cabi_realloc")
void *own_realloc(void *old, size_t old_size, size_t align, size_t n);
void *own_realloc(void *old, size_t old_size, size_t align, size_t n)
{
    (void)old, (void)old_size, (void)align;
    if (n > sizeof room)
        __builtin_trap();
    return room;
}

static tg_answer on_message(const tg_message *message)
{
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
