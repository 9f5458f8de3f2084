/* vectors.c - reads the types, imports, functions and exports of a module, as the WebAssembly standard lays them out.
 *
 * The module is valid, but this file does not count on it: what it does not understand it calls a vector.
 */
#include "vectors.h"

#include "cursor.h"

#include "trp/os.h"

#include <string.h>

enum { TYPES = 1, IMPORTS = 2, FUNCTIONS = 3, EXPORTS = 7 };
enum { FUNCTION, TABLE, MEMORY, GLOBAL, TAG };

#define FORM_FUNCTION 0x60
#define V128 0x7b
#define LIMITS_MAX_GIVEN 1

typedef struct module_types {
    bool *odd; /* by type: takes or gives a vector */
    uint32_t n_types;
    uint32_t *functions; /* by function: its type */
    uint32_t n_functions, room;
} module_types;

static bool read_value_types(trp_cursor *cursor, bool *odd)
{
    uint32_t n;
    uint8_t type;

    if (!trp_read_u32(cursor, &n))
        return false;
    while (n-- > 0) {
        if (!trp_read_byte(cursor, &type))
            return false;
        *odd = *odd || type == V128;
    }
    return true;
}

static bool read_types(module_types *survey, trp_cursor *cursor)
{
    uint8_t form;

    if (!trp_read_u32(cursor, &survey->n_types) ||
        survey->n_types > (size_t)(cursor->end - cursor->at))
        return false;
    survey->odd = trp_alloc_zeroed(survey->n_types + 1);
    if (!survey->odd)
        return false;
    for (uint32_t i = 0; i < survey->n_types; i++) {
        if (!trp_read_byte(cursor, &form) || form != FORM_FUNCTION ||
            !read_value_types(cursor, &survey->odd[i]) ||
            !read_value_types(cursor, &survey->odd[i]))
            return false;
    }
    return true;
}

static bool add_function(module_types *survey, uint32_t type)
{
    if (type >= survey->n_types)
        return false;
    if (survey->n_functions == survey->room) {
        uint32_t room = survey->room ? survey->room * 2 : 64;
        uint32_t *more = trp_realloc(survey->functions, room * sizeof(*more));

        if (!more)
            return false;
        survey->functions = more;
        survey->room = room;
    }
    survey->functions[survey->n_functions++] = type;
    return true;
}

static bool skip_limits(trp_cursor *cursor)
{
    uint32_t flags, ignored;

    return trp_read_u32(cursor, &flags) && trp_read_u32(cursor, &ignored) &&
           (!(flags & LIMITS_MAX_GIVEN) || trp_read_u32(cursor, &ignored));
}

static bool read_import(module_types *survey, trp_cursor *cursor)
{
    uint8_t kind, ignored;
    uint32_t type;

    if (!trp_skip_name(cursor) || !trp_skip_name(cursor) || !trp_read_byte(cursor, &kind))
        return false;
    switch (kind) {
    case FUNCTION:
        return trp_read_u32(cursor, &type) && add_function(survey, type) && !survey->odd[type];
    case TABLE:
        return trp_read_byte(cursor, &ignored) && skip_limits(cursor);
    case MEMORY:
        return skip_limits(cursor);
    case GLOBAL:
        return trp_read_byte(cursor, &ignored) && trp_read_byte(cursor, &ignored);
    default:
        return false;
    }
}

static bool read_functions(module_types *survey, trp_cursor *cursor)
{
    uint32_t n, type;

    if (!trp_read_u32(cursor, &n))
        return false;
    while (n-- > 0) {
        if (!trp_read_u32(cursor, &type) || !add_function(survey, type))
            return false;
    }
    return true;
}

static bool read_export(const module_types *survey, trp_cursor *cursor)
{
    uint32_t index;
    uint8_t kind;

    if (!trp_skip_name(cursor) || !trp_read_byte(cursor, &kind) || !trp_read_u32(cursor, &index))
        return false;
    return kind != FUNCTION ||
           (index < survey->n_functions && !survey->odd[survey->functions[index]]);
}

/* False: a vector, or something that is not understood. */
static bool read_section(module_types *survey, uint8_t id, trp_cursor *cursor)
{
    uint32_t n;

    if (id == TYPES)
        return read_types(survey, cursor);
    if (id == FUNCTIONS)
        return read_functions(survey, cursor);
    if (id != IMPORTS && id != EXPORTS)
        return true;
    if (!trp_read_u32(cursor, &n))
        return false;
    while (n-- > 0) {
        if (!(id == IMPORTS ? read_import(survey, cursor) : read_export(survey, cursor)))
            return false;
    }
    return true;
}

bool trp_has_vectors(troupe_bytes wasm)
{
    const uint8_t *start = wasm.data;
    trp_cursor cursor = {start + 8, start + wasm.size};
    module_types survey = {0};
    bool fine = wasm.size >= 8;

    while (fine && cursor.at < cursor.end) {
        trp_cursor section;
        uint8_t id;

        fine = trp_read_section(&cursor, &id, &section) && read_section(&survey, id, &section);
    }
    trp_free(survey.odd);
    trp_free(survey.functions);
    return !fine;
}
