#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trp/utf8.h"

/* How the bits of a code point are laid out, whatever the code point: the standard's table, without its exceptions. */
static size_t encode(uint32_t code, size_t length, unsigned char to[4])
{
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    if (length == 1) {
        to[0] = (unsigned char)code;
        return 1;
    }
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        to[i] = (unsigned char)(0x80 | (code & 0x3f));
    to[0] = (unsigned char)(leads[length] | code);
    return length;
}

static size_t shortest(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

static void test_every_code_point_in_its_shortest_form_and_no_surrogate_is_valid(void **state)
{
    unsigned char bytes[4];

    (void)state;
    for (uint32_t code = 0; code < 0x1fffff; code++) {
        size_t n = encode(code, shortest(code), bytes);
        bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);

        assert_int_equal(trp_utf8_length(bytes, n), valid ? n : 0);
        if (n > 1)
            assert_int_equal(trp_utf8_length(bytes, n - 1), 0);
    }
}

static void test_a_longer_form_is_broken(void **state)
{
    unsigned char bytes[4];

    (void)state;
    for (uint32_t code = 0; code < 0x10000; code++)
        for (size_t n = shortest(code) + 1; n <= 4; n++) {
            encode(code, n, bytes);
            assert_int_equal(trp_utf8_length(bytes, n), 0);
        }
}

static void test_one_broken_byte_anywhere_is_found(void **state)
{
    char text[40];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        memset(text, 'a', sizeof text);
        assert_true(trp_is_utf8(text, sizeof text));
        text[i] = (char)0x80;
        assert_false(trp_is_utf8(text, sizeof text));
        assert_true(trp_is_utf8(text, i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_in_its_shortest_form_and_no_surrogate_is_valid),
        cmocka_unit_test(test_a_longer_form_is_broken),
        cmocka_unit_test(test_one_broken_byte_anywhere_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
