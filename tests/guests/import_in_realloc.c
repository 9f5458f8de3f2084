/* Calls an import from inside cabi_realloc, which is refused. */
#include "own_realloc.h"

static uint8_t room[4096];

uint32_t own_realloc(uint32_t old, uint32_t old_size, uint32_t align, uint32_t n)
{
    (void)old, (void)old_size, (void)align;
    if (n > sizeof room)
        __builtin_trap();
    tg_log(TG_INFO, TG_TEXT("from inside realloc"));
    return (uint32_t)(uintptr_t)room;
}
