/* own_realloc.h: for guests that bring a cabi_realloc of their own, wrong on purpose. */
#ifndef OWN_REALLOC_H
#define OWN_REALLOC_H

#define TG_GUEST_NO_RUNTIME
#include "troupe_guest.h"

tg_answer tg_returned;

void tg_arena_reset(void)
{
}

static tg_answer on_message(const tg_message *message)
{
    return tg_ok_if_asked(message, TG_TEXT("survived"));
}

TG_ACTOR(.handle_message = on_message)

TG_NAMED_EXPORT("cabi_realloc")
uint32_t own_realloc(uint32_t old, uint32_t old_size, uint32_t align, uint32_t n);

#endif
