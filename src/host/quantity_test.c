#include "quantity.h"

#include "testing.h"

static void assert_size(const char *text, uint64_t bytes)
{
    uint64_t found = 0;

    assert_null(trp_read_size(text, &found));
    assert_int_equal(found, bytes);
}

static void assert_duration(const char *text, uint64_t ns)
{
    uint64_t found = 0;

    assert_null(trp_read_duration(text, &found));
    assert_int_equal(found, ns);
}

static void test_sizes_have_units_of_1024(void **state)
{
    (void)state;
    assert_size("0", 0);
    assert_size("65536", 65536);
    assert_size("64KiB", 65536);
    assert_size("1MiB", 1 << 20);
    assert_size("2 GiB", UINT64_C(2) << 30);
    assert_size("1.5MiB", 1572864);
}

static void test_sizes_that_are_none_are_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "KiB",
                                        "-1",
                                        "1KB",
                                        "1kib",
                                        "1 2KiB",
                                        "1e3",
                                        "0x10",
                                        "1.KiB",
                                        "64KiB/s",
                                        " 1",
                                        "99999999999999999999",
                                        "18446744073709551615GiB"};
    uint64_t found = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_non_null(trp_read_size(wrong[i], &found));
    assert_int_equal(found, 7);
}

static void test_durations_need_a_unit(void **state)
{
    uint64_t found = 7;

    (void)state;
    assert_duration("500us", 500 * TROUPE_MICROSECOND);
    assert_duration("50ms", 50 * TROUPE_MILLISECOND);
    assert_duration("1.5s", 1500 * TROUPE_MILLISECOND);
    assert_duration("5m", 300 * TROUPE_SECOND);
    assert_duration("1h", 3600 * TROUPE_SECOND);
    assert_duration("0s", 0);
    assert_non_null(strstr(trp_read_duration("50", &found), "has no unit"));
    assert_non_null(trp_read_duration("5 minutes", &found));
    assert_non_null(trp_read_duration("-5s", &found));
    assert_non_null(strstr(trp_read_duration("99999999999h", &found), "too long"));
    assert_int_equal(found, 7);
}

static void test_rates_are_sizes_for_each_second(void **state)
{
    uint64_t found = 0;

    (void)state;
    assert_null(trp_read_rate("64KiB/s", &found));
    assert_int_equal(found, 65536);
    assert_non_null(trp_read_rate("64KiB", &found));
    assert_non_null(trp_read_rate("/s", &found));
    assert_non_null(trp_read_rate("64KiB/m", &found));
}

static void test_counts_are_digits_up_to_a_most(void **state)
{
    uint64_t found = 0;

    (void)state;
    assert_null(trp_read_count("4096", 5000, &found));
    assert_int_equal(found, 4096);
    assert_non_null(trp_read_count("5001", 5000, &found));
    assert_non_null(trp_read_count("4k", 5000, &found));
    assert_non_null(trp_read_count("99999999999999999999", UINT64_MAX, &found));
}

static void test_factors_may_have_decimals(void **state)
{
    double factor = 0;

    (void)state;
    assert_null(trp_read_factor("2", &factor));
    assert_true(factor == 2);
    assert_null(trp_read_factor("1.5", &factor));
    assert_true(factor == 1.5);
    assert_non_null(trp_read_factor("twice", &factor));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_have_units_of_1024),
        cmocka_unit_test(test_sizes_that_are_none_are_refused),
        cmocka_unit_test(test_durations_need_a_unit),
        cmocka_unit_test(test_rates_are_sizes_for_each_second),
        cmocka_unit_test(test_counts_are_digits_up_to_a_most),
        cmocka_unit_test(test_factors_may_have_decimals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
