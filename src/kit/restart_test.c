#include "restart.h"

#include "trp/os.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define S TROUPE_SECOND

static void test_backoff_immediate_never_waits(void **state)
{
    troupe_backoff backoff = {.kind = TROUPE_BACKOFF_IMMEDIATE};

    (void)state;
    assert_int_equal(troupe_backoff_ns(&backoff, 1), 0);
    assert_int_equal(troupe_backoff_ns(&backoff, 1000), 0);
}

static void test_backoff_fixed_is_the_same_each_time(void **state)
{
    troupe_backoff backoff = {.kind = TROUPE_BACKOFF_FIXED, .initial_ns = 7 * S};

    (void)state;
    for (uint32_t n = 1; n < 40; n++)
        assert_int_equal(troupe_backoff_ns(&backoff, n), 7 * S);
}

static void test_backoff_exponential_doubles_up_to_its_cap(void **state)
{
    static const uint64_t want[] = {1, 2, 4, 8, 16, 30, 30};
    troupe_backoff backoff = {
        .kind = TROUPE_BACKOFF_EXPONENTIAL, .initial_ns = 1 * S, .max_ns = 30 * S};

    (void)state;
    for (uint32_t n = 1; n <= 7; n++)
        assert_int_equal(troupe_backoff_ns(&backoff, n), want[n - 1] * S);
    assert_int_equal(troupe_backoff_ns(&backoff, UINT32_MAX), 30 * S);
}

static void test_backoff_multiplier_may_be_a_fraction(void **state)
{
    troupe_backoff backoff = {
        .kind = TROUPE_BACKOFF_EXPONENTIAL, .initial_ns = 1000, .multiplier = 1.5};

    (void)state;
    assert_int_equal(troupe_backoff_ns(&backoff, 1), 1000);
    assert_int_equal(troupe_backoff_ns(&backoff, 2), 1500);
    assert_int_equal(troupe_backoff_ns(&backoff, 3), 2250);
    assert_int_equal(troupe_backoff_ns(&backoff, 4), 3375);
}

static void test_backoff_without_cap_stays_a_time_that_can_be_added(void **state)
{
    troupe_backoff backoff = {.kind = TROUPE_BACKOFF_EXPONENTIAL, .initial_ns = 1 * S};

    (void)state;
    assert_true(troupe_backoff_ns(&backoff, 5000) <= UINT64_MAX / 4);
    assert_true(troupe_backoff_ns(&backoff, 5000) >= troupe_backoff_ns(&backoff, 30));
}

static void test_backoff_check_names_what_is_wrong(void **state)
{
    static const struct {
        troupe_backoff backoff;
        const char *word;
    } bad[] = {
        {{.kind = TROUPE_BACKOFF_FIXED}, "initial"},
        {{.kind = TROUPE_BACKOFF_EXPONENTIAL}, "initial"},
        {{.kind = TROUPE_BACKOFF_EXPONENTIAL, .initial_ns = 5, .multiplier = 0.5}, "multiplier"},
        {{.kind = TROUPE_BACKOFF_EXPONENTIAL, .initial_ns = 5, .multiplier = -1}, "multiplier"},
        {{.kind = TROUPE_BACKOFF_EXPONENTIAL, .initial_ns = 5, .max_ns = 4}, "max"},
        {{.kind = (troupe_backoff_kind)77}, "77"},
    };
    troupe_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(trp_backoff_check(&bad[i].backoff, &error), TROUPE_E_INVALID);
        assert_non_null(strstr(error.text, bad[i].word));
        assert_int_equal(trp_backoff_check(&bad[i].backoff, NULL), TROUPE_E_INVALID);
    }
}

static void test_window_admits_max_and_no_more(void **state)
{
    trp_window window;

    (void)state;
    trp_window_init(&window, 5, 60 * S);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(trp_window_admit(&window, i * S), TRP_ADMITTED);
    assert_int_equal(trp_window_admit(&window, 6 * S), TRP_EXCEEDED);
    assert_int_equal(window.count, 5);
    trp_window_fini(&window);
}

static void test_window_is_exact_at_its_edge(void **state)
{
    trp_window window;

    (void)state;
    trp_window_init(&window, 2, 10 * S);
    assert_int_equal(trp_window_admit(&window, 100), TRP_ADMITTED);
    assert_int_equal(trp_window_admit(&window, 4 * S), TRP_ADMITTED);
    assert_int_equal(trp_window_admit(&window, 10 * S + 99), TRP_EXCEEDED);
    assert_int_equal(trp_window_admit(&window, 10 * S + 100), TRP_ADMITTED);
    /* What slid out made room for one, not for two. */
    assert_int_equal(trp_window_admit(&window, 10 * S + 101), TRP_EXCEEDED);
    assert_int_equal(trp_window_admit(&window, 14 * S), TRP_ADMITTED);
    trp_window_fini(&window);
}

static void test_window_forgets_crashes_spread_over_a_year(void **state)
{
    trp_window window;

    (void)state;
    trp_window_init(&window, 1, 5 * S);
    for (uint64_t day = 0; day < 365; day++)
        assert_int_equal(trp_window_admit(&window, day * 86400 * S), TRP_ADMITTED);
    trp_window_fini(&window);
}

static void test_window_defaults_and_no_restarts(void **state)
{
    trp_window window;

    (void)state;
    trp_window_init(&window, 0, 0);
    assert_int_equal(window.max, 3);
    assert_int_equal(window.within_ns, 5 * S);
    trp_window_init(&window, TROUPE_NO_RESTARTS, 0);
    assert_int_equal(trp_window_admit(&window, 1), TRP_EXCEEDED);
    trp_window_fini(&window);
}

/* Against the plain definition: how many of the admitted lie within the window. */
static void test_window_equals_a_plain_count(void **state)
{
    static uint64_t admitted[4000];

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        trp_random random = {seed};
        uint32_t max = 1 + (uint32_t)trp_random_below(&random, 40);
        uint64_t within = 1 + trp_random_below(&random, 1000);
        uint64_t now = 0;
        size_t n = 0;
        trp_window window;

        trp_window_init(&window, max, within);
        for (size_t i = 0; i < 4000; i++) {
            uint32_t inside = 0;

            now += trp_random_below(&random, 60);
            for (size_t k = n; k > 0 && now - admitted[k - 1] < within; k--)
                inside++;
            assert_int_equal(trp_window_admit(&window, now),
                             inside < max ? TRP_ADMITTED : TRP_EXCEEDED);
            if (inside < max)
                admitted[n++] = now;
        }
        trp_window_fini(&window);
    }
}

static void test_window_without_memory_admits_nothing(void **state)
{
    trp_window window;

    (void)state;
    trp_window_init(&window, 5, 60 * S);
    trp_alloc_fail_after(1);
    assert_int_equal(trp_window_admit(&window, 1), TRP_NO_ROOM);
    trp_alloc_fail_after(0);
    assert_int_equal(trp_window_admit(&window, 1), TRP_ADMITTED);
    trp_window_fini(&window);
}

static void test_rules(void **state)
{
    (void)state;
    assert_true(trp_rule_restarts(TROUPE_PERMANENT, TROUPE_EXIT_NORMAL));
    assert_true(trp_rule_restarts(TROUPE_PERMANENT, TROUPE_EXIT_CRASHED));
    assert_false(trp_rule_restarts(TROUPE_TRANSIENT, TROUPE_EXIT_NORMAL));
    assert_true(trp_rule_restarts(TROUPE_TRANSIENT, TROUPE_EXIT_CRASHED));
    assert_true(trp_rule_restarts(TROUPE_TRANSIENT, TROUPE_EXIT_GAVE_UP));
    assert_false(trp_rule_restarts(TROUPE_TEMPORARY, TROUPE_EXIT_CRASHED));
}

static void test_durations_read_well(void **state)
{
    char text[TRP_DURATION_MAX];

    (void)state;
    assert_string_equal(trp_duration_text(0, text), "0 ns");
    assert_string_equal(trp_duration_text(850, text), "850 ns");
    assert_string_equal(trp_duration_text(1300, text), "1.3 µs");
    assert_string_equal(trp_duration_text(9 * 1000, text), "9 µs");
    assert_string_equal(trp_duration_text(9 * 1000 + 30, text), "9 µs");
    assert_string_equal(trp_duration_text(12345 * UINT64_C(1000), text), "12 ms");
    assert_string_equal(trp_duration_text(1500 * TROUPE_MILLISECOND, text), "1.5 s");
    assert_string_equal(trp_duration_text(60 * S, text), "60 s");
    assert_string_equal(trp_duration_text(TROUPE_FOREVER, text), "18446744073 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_immediate_never_waits),
        cmocka_unit_test(test_backoff_fixed_is_the_same_each_time),
        cmocka_unit_test(test_backoff_exponential_doubles_up_to_its_cap),
        cmocka_unit_test(test_backoff_multiplier_may_be_a_fraction),
        cmocka_unit_test(test_backoff_without_cap_stays_a_time_that_can_be_added),
        cmocka_unit_test(test_backoff_check_names_what_is_wrong),
        cmocka_unit_test(test_window_admits_max_and_no_more),
        cmocka_unit_test(test_window_is_exact_at_its_edge),
        cmocka_unit_test(test_window_forgets_crashes_spread_over_a_year),
        cmocka_unit_test(test_window_defaults_and_no_restarts),
        cmocka_unit_test(test_window_equals_a_plain_count),
        cmocka_unit_test(test_window_without_memory_admits_nothing),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_durations_read_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
