/* A row beside a plain array that does the same by walking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "places.h"

#include "trp/os.h"

#define MOST 2000

struct plain {
    uint64_t orders[MOST];
    uint32_t n;
};

static void compare(const trp_places *row, const struct plain *plain, uint64_t n)
{
    void *who = trp_places_nth(row, n);

    assert_int_equal(row->n, plain->n);
    if (n >= plain->n) {
        assert_null(who);
        return;
    }
    assert_non_null(who);
    assert_int_equal((uint64_t)(uintptr_t)who, plain->orders[n]);
    assert_int_equal(trp_places_before(row, plain->orders[n]), n);
    assert_int_equal(trp_places_before(row, plain->orders[n] + 1), n + 1);
}

static void add(trp_places *row, struct plain *plain, uint64_t order)
{
    assert_true(trp_places_append(row, order, (void *)(uintptr_t)order));
    plain->orders[plain->n++] = order;
}

static void drop(trp_places *row, struct plain *plain, uint32_t at)
{
    trp_places_remove(row, plain->orders[at]);
    plain->n--;
    for (uint32_t i = at; i < plain->n; i++)
        plain->orders[i] = plain->orders[i + 1];
}

static void test_who_comes_and_goes_is_found_by_place_and_by_order(void **state)
{
    static struct plain plain;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        trp_random random = {seed};
        trp_places row = {0};
        uint64_t order = 0;

        plain.n = 0;
        for (int i = 0; i < 4000; i++) {
            bool grows = i / 1000 % 2 == 0; /* up, and down again, twice */
            bool adds = trp_random_below(&random, 4) < (grows ? 3 : 1);

            if (adds && plain.n < MOST)
                add(&row, &plain, order += 1 + trp_random_below(&random, 3));
            else if (plain.n > 0)
                drop(&row, &plain, (uint32_t)trp_random_below(&random, plain.n));
            compare(&row, &plain, trp_random_below(&random, plain.n + 1u));
        }
        for (uint32_t n = 0; n <= plain.n; n++)
            compare(&row, &plain, n);
        trp_places_fini(&row);
    }
}

static void test_a_row_that_empties_keeps_no_memory_for_all_that_ever_were(void **state)
{
    trp_places row = {0};

    (void)state;
    for (uint64_t order = 1; order <= 100000; order++) {
        assert_true(trp_places_append(&row, order, &row));
        if (order > 8)
            trp_places_remove(&row, order - 8);
    }
    assert_int_equal(row.n, 8);
    assert_in_range(row.capacity, 8, 64);
    trp_places_fini(&row);
}

static void test_without_memory_nothing_changes(void **state)
{
    trp_places row = {0};
    uint64_t order = 0;

    (void)state;
    assert_null(trp_places_nth(&row, 0));
    assert_int_equal(trp_places_before(&row, 1), 0);
    while (row.n_places < row.capacity || order == 0)
        assert_true(trp_places_append(&row, ++order, &row));
    trp_alloc_fail_after(1);
    assert_false(trp_places_append(&row, order + 1, &row));
    trp_alloc_fail_after(0);
    assert_int_equal(row.n, order);
    assert_true(trp_places_append(&row, order + 1, &order));
    assert_ptr_equal(trp_places_nth(&row, order), &order);
    trp_places_fini(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_comes_and_goes_is_found_by_place_and_by_order),
        cmocka_unit_test(test_a_row_that_empties_keeps_no_memory_for_all_that_ever_were),
        cmocka_unit_test(test_without_memory_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
