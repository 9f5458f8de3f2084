#include "visible.h"

#include "trp/utf8.h"

#include <string.h>

static bool is_control(const unsigned char *at, size_t length)
{
    return at[0] < 0x20 || at[0] == 0x7F || (length == 2 && at[0] == 0xC2 && at[1] < 0xA0);
}

/* U+202A to U+202E and U+2066 to U+2069 turn the reading order of what stands beside them. */
static bool turns_text(const unsigned char *at, size_t length)
{
    return length == 3 && at[0] == 0xE2 &&
           ((at[1] == 0x80 && at[2] >= 0xAA && at[2] <= 0xAE) ||
            (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9));
}

size_t trp_visible(troupe_bytes text, char *buffer, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *at = text.data;
    size_t left = text.size, used = 0;

    while (left > 0) {
        size_t length = trp_utf8_length(at, left);
        bool shown = length > 0 && !is_control(at, length) && !turns_text(at, length);
        size_t room = shown ? length : 4;

        if (size - used <= room)
            break;
        if (shown) {
            memcpy(buffer + used, at, length);
        } else {
            length = 1;
            buffer[used] = '\\';
            buffer[used + 1] = 'x';
            buffer[used + 2] = hex[at[0] >> 4];
            buffer[used + 3] = hex[at[0] & 15];
        }
        used += room;
        at += length;
        left -= length;
    }
    buffer[used] = '\0';
    return used;
}
