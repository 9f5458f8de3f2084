/* Its cabi_realloc returns an address outside its memory: nothing may be written there. */
#include "own_realloc.h"

uint32_t own_realloc(uint32_t old, uint32_t old_size, uint32_t align, uint32_t n)
{
    (void)old, (void)old_size, (void)align;
    return 0u - (n + 1) / 2;
}
