/* cursor.h - reading the binary format of WebAssembly, never behind the end. Each function: false at the end. */
#ifndef TRP_CURSOR_H
#define TRP_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct trp_cursor {
    const uint8_t *at, *end;
} trp_cursor;

static inline bool trp_read_byte(trp_cursor *cursor, uint8_t *ret)
{
    if (cursor->at == cursor->end)
        return false;
    *ret = *cursor->at++;
    return true;
}

/* LEB128, at most five bytes. */
static inline bool trp_read_u32(trp_cursor *cursor, uint32_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte;

        if (!trp_read_byte(cursor, &byte))
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = (uint32_t)value;
            return value <= UINT32_MAX;
        }
    }
    return false;
}

static inline bool trp_skip_name(trp_cursor *cursor)
{
    uint32_t size;

    if (!trp_read_u32(cursor, &size) || size > (size_t)(cursor->end - cursor->at))
        return false;
    cursor->at += size;
    return true;
}

/* One section: its id, and its content as a cursor of its own. */
static inline bool trp_read_section(trp_cursor *cursor, uint8_t *ret_id, trp_cursor *ret_content)
{
    uint32_t size;

    if (!trp_read_byte(cursor, ret_id) || !trp_read_u32(cursor, &size) ||
        size > (size_t)(cursor->end - cursor->at))
        return false;
    *ret_content = (trp_cursor){cursor->at, cursor->at + size};
    cursor->at += size;
    return true;
}

#endif
