#include "trp/utf8.h"

#include <stdint.h>
#include <string.h>

size_t trp_utf8_length(const unsigned char *at, size_t n)
{
    unsigned char low = 0x80, high = 0xbf; /* what the second byte may be */
    size_t length;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    if (n < length || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    }
    return length;
}

bool trp_is_utf8(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    size_t i = 0;

    while (i < size) {
        uint64_t word;
        size_t n;

        if (size - i >= sizeof word) {
            memcpy(&word, bytes + i, sizeof word);
            if (!(word & UINT64_C(0x8080808080808080))) {
                i += sizeof word;
                continue;
            }
        }
        n = trp_utf8_length(bytes + i, size - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
