#include "visible.h"

#include <string.h>

size_t trp_utf8_length(const unsigned char *at, size_t n)
{
    unsigned char lead = at[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;

    if (length == 0 || lead > 0xF4 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, and what lies above the last code point. */
    if ((lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F) ||
        (lead == 0xF0 && at[1] < 0x90) || (lead == 0xF4 && at[1] > 0x8F))
        return 0;
    return length;
}

static bool is_control(const unsigned char *at, size_t length)
{
    return at[0] < 0x20 || at[0] == 0x7F || (length == 2 && at[0] == 0xC2 && at[1] < 0xA0);
}

size_t trp_visible(troupe_bytes text, char *buffer, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *at = text.data;
    size_t left = text.size, used = 0;

    while (left > 0) {
        size_t length = trp_utf8_length(at, left);
        bool shown = length > 0 && !is_control(at, length);
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
