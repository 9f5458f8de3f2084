#include "trp/options.h"

#include <string.h>

bool trp_options_take(void *to, size_t known, const void *from)
{
    size_t size;

    memcpy(&size, from, sizeof size);
    return size >= sizeof size && trp_struct_take(to, known, from, size);
}

bool trp_struct_take(void *to, size_t known, const void *from, size_t size)
{
    const uint8_t *bytes = from;

    if (size == 0)
        return false;
    for (size_t i = known; i < size; i++) {
        if (bytes[i])
            return false;
    }
    if (size > known)
        size = known;
    memcpy(to, from, size);
    memset((uint8_t *)to + size, 0, known - size);
    return true;
}

void trp_options_give(void *to, size_t size, const void *from, size_t known)
{
    if (size > known)
        memset((uint8_t *)to + known, 0, size - known);
    memcpy(to, from, size < known ? size : known);
}
