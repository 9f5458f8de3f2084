#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trp/options.h"

struct old_options {
    size_t size;
    uint32_t bound;
};

struct new_options {
    size_t size;
    uint32_t bound;
    uint32_t more;
    uint64_t even_more;
};

static void test_an_older_caller_gets_the_defaults_of_what_it_did_not_know(void **state)
{
    struct old_options old = {.size = sizeof old, .bound = 7};
    struct new_options taken;

    (void)state;
    old.size = offsetof(struct old_options, bound) + sizeof old.bound;
    memset(&taken, 0xff, sizeof taken);
    assert_true(trp_options_take(&taken, sizeof taken, &old));
    assert_int_equal(taken.bound, 7);
    assert_int_equal(taken.more, 0);
    assert_int_equal(taken.even_more, 0);
}

static void test_a_newer_caller_is_taken_while_it_asks_for_nothing_new(void **state)
{
    struct new_options asked = {.size = sizeof asked, .bound = 7};
    struct old_options taken;

    (void)state;
    assert_true(trp_options_take(&taken, sizeof taken, &asked));
    assert_int_equal(taken.bound, 7);
    asked.even_more = 1;
    assert_false(trp_options_take(&taken, sizeof taken, &asked));
    assert_false(trp_struct_take(&taken, sizeof taken, &asked, sizeof asked));
    assert_true(
        trp_struct_take(&taken, sizeof taken, &asked, offsetof(struct new_options, even_more)));
}

static void test_a_struct_without_its_size_is_refused(void **state)
{
    struct old_options asked = {.bound = 7};
    struct old_options taken;

    (void)state;
    assert_false(trp_options_take(&taken, sizeof taken, &asked));
    assert_false(trp_struct_take(&taken, sizeof taken, &asked, 0));
}

static void test_what_is_given_fits_an_older_and_a_newer_caller(void **state)
{
    struct new_options known = {.size = sizeof known, .bound = 7, .more = 8, .even_more = 9}, got;

    (void)state;
    memset(&got, 0xff, sizeof got);
    trp_options_give(&got, offsetof(struct new_options, more), &known, sizeof known);
    assert_int_equal(got.bound, 7);
    assert_int_equal(got.more, UINT32_MAX); /* no room of the caller's */
    trp_options_give(&got, sizeof got, &known, offsetof(struct new_options, even_more));
    assert_int_equal(got.more, 8);
    assert_int_equal(got.even_more, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_older_caller_gets_the_defaults_of_what_it_did_not_know),
        cmocka_unit_test(test_a_newer_caller_is_taken_while_it_asks_for_nothing_new),
        cmocka_unit_test(test_a_struct_without_its_size_is_refused),
        cmocka_unit_test(test_what_is_given_fits_an_older_and_a_newer_caller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
