#include "scan.h"

#include "cursor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECTION_FUNCTIONS 3

static trp_form wrong(char *why, size_t size, const char *format, ...) TROUPE_PRINTF(3, 4);

static trp_form wrong(char *why, size_t size, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(why, size, format, list);
    va_end(list);
    return TRP_FORM_WRONG;
}

static trp_form scan_sections(troupe_bytes bytes, char *why, size_t why_size)
{
    const uint8_t *start = bytes.data;
    trp_cursor cursor = {start + 8, start + bytes.size}, content;
    uint32_t functions;
    uint8_t id;

    while (cursor.at < cursor.end) {
        size_t offset = (size_t)(cursor.at - start);

        if (!trp_read_section(&cursor, &id, &content))
            return wrong(why, why_size,
                         "is cut off: the section at byte %zu goes on behind its end (%zu bytes)",
                         offset, bytes.size);
        if (id == SECTION_FUNCTIONS && trp_read_u32(&content, &functions) &&
            functions > TRP_FUNCTIONS_MAX)
            return wrong(why, why_size, "has %u functions; the most are %u", functions,
                         TRP_FUNCTIONS_MAX);
    }
    return TRP_FORM_MODULE;
}

static bool looks_like_text(troupe_bytes bytes)
{
    const uint8_t *data = bytes.data;
    size_t i = 0;

    while (i < bytes.size && strchr(" \t\r\n", data[i]) && data[i])
        i++;
    return i < bytes.size &&
           (data[i] == '(' || (data[i] == ';' && i + 1 < bytes.size && data[i + 1] == ';'));
}

trp_form trp_scan(troupe_bytes bytes, char *why, size_t why_size)
{
    static const uint8_t magic[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    static const uint8_t component[8] = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};
    const uint8_t *data = bytes.data;
    size_t shown = bytes.size < 4 ? bytes.size : 4;

    if (bytes.size == 0)
        return wrong(why, why_size, "is empty");
    if (bytes.size > TRP_MODULE_MAX)
        return wrong(why, why_size, "has %zu bytes; the most are %zu", bytes.size, TRP_MODULE_MAX);
    if (looks_like_text(bytes))
        return TRP_FORM_TEXT;
    if (memcmp(data, magic, shown) != 0)
        return wrong(why, why_size,
                     "is neither WebAssembly nor its text: give a core module (.wasm)"
                     ", built with guest/c/troupe_guest.h for example, or a .wat");
    if (bytes.size < 8)
        return wrong(why, why_size, "is cut off after %zu bytes", bytes.size);
    if (memcmp(data, component, 8) == 0)
        return wrong(why, why_size,
                     "is a component; components come with a later version: give the core module");
    if (memcmp(data, magic, 8) != 0)
        return wrong(why, why_size, "is WebAssembly of an unknown version (%02x %02x %02x %02x)",
                     data[4], data[5], data[6], data[7]);
    return scan_sections(bytes, why, why_size);
}
