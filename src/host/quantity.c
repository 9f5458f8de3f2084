#include "quantity.h"

#include <string.h>

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

static const unit sizes[] = {
    {"", 1}, {"B", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}};
static const unit durations[] = {{"ns", 1},
                                 {"us", TROUPE_MICROSECOND},
                                 {"µs", TROUPE_MICROSECOND},
                                 {"ms", TROUPE_MILLISECOND},
                                 {"s", TROUPE_SECOND},
                                 {"m", 60 * TROUPE_SECOND},
                                 {"h", 3600 * TROUPE_SECOND}};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at the start of text; false when they do not fit. *ret_rest is what follows. */
static bool read_digits(const char *text, uint64_t *ret_value, const char **ret_rest)
{
    uint64_t value = 0;

    for (; is_digit(*text); text++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    *ret_value = value;
    *ret_rest = text;
    return true;
}

const char *trp_read_count(const char *text, uint64_t max, uint64_t *ret_count)
{
    uint64_t value;
    const char *rest;

    if (!is_digit(text[0]))
        return "is no whole number; write digits, such as 4096";
    if (!read_digits(text, &value, &rest))
        return "is far too large; write a smaller number";
    if (*rest != '\0')
        return "is no whole number; write digits only, such as 4096";
    if (value > max)
        return "is too large; write a smaller number";
    *ret_count = value;
    return NULL;
}

/* digits, at most nine decimals, then a unit of the table. */
static bool read_with_unit(const char *text, const unit *units, size_t n, uint64_t *ret_value,
                           bool *ret_overflow)
{
    uint64_t whole, part = 0, scale = 1;
    const char *rest;

    *ret_overflow = false;
    if (!is_digit(text[0]))
        return false;
    if (!read_digits(text, &whole, &rest)) {
        *ret_overflow = true;
        return false;
    }
    if (rest[0] == '.' && is_digit(rest[1]))
        for (rest++; is_digit(*rest); rest++)
            if (scale < UINT64_C(1000000000)) {
                part = part * 10 + (uint64_t)(*rest - '0');
                scale *= 10;
            }
    while (*rest == ' ')
        rest++;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rest, units[i].name) != 0)
            continue;
        uint64_t value, more = (uint64_t)((__uint128_t)part * units[i].factor / scale);
        *ret_overflow = __builtin_mul_overflow(whole, units[i].factor, &value) ||
                        __builtin_add_overflow(value, more, &value);
        if (!*ret_overflow)
            *ret_value = value;
        return !*ret_overflow;
    }
    return false;
}

const char *trp_read_size(const char *text, uint64_t *ret_bytes)
{
    bool overflow;

    if (read_with_unit(text, sizes, N_OF(sizes), ret_bytes, &overflow))
        return NULL;
    return overflow ? "is far too large; write a smaller size"
                    : "is no size; write bytes or a number with KiB, MiB or GiB, such as 64KiB";
}

const char *trp_read_rate(const char *text, uint64_t *ret_bytes)
{
    char size[64];
    size_t n = strlen(text);

    if (n < 2 || n >= sizeof(size) || strcmp(text + n - 2, "/s") != 0)
        return "is no rate; write a size for each second, such as 64KiB/s";
    memcpy(size, text, n - 2);
    size[n - 2] = '\0';
    return trp_read_size(size, ret_bytes) == NULL
               ? NULL
               : "is no rate; write a size for each second, such as 64KiB/s";
}

const char *trp_read_duration(const char *text, uint64_t *ret_ns)
{
    bool overflow;
    const char *rest;
    uint64_t value;

    if (read_with_unit(text, durations, N_OF(durations), ret_ns, &overflow))
        return NULL;
    if (overflow)
        return "is far too long; write a shorter time";
    if (is_digit(text[0]) && read_digits(text, &value, &rest) && *rest == '\0')
        return "has no unit; write us, ms, s, m or h behind it, such as 50ms";
    return "is no time; write a number with us, ms, s, m or h, such as 50ms";
}

const char *trp_read_factor(const char *text, double *ret_factor)
{
    static const unit none[] = {{"", 1000000}};
    uint64_t millionths;
    bool overflow;

    if (!read_with_unit(text, none, 1, &millionths, &overflow))
        return "is no number; write one such as 2 or 1.5";
    *ret_factor = (double)millionths / 1e6;
    return NULL;
}
