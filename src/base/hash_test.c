/* The keyed hash: every byte counts, every bit of the result is used, and the key decides. */
#include "trp/hash.h"
#include "trp/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <cmocka.h>

#define N_KEYS 4096

static const trp_hash_key key = {.start = UINT64_C(0x6a09e667f3bcc908),
                                 .factor = UINT64_C(0xbb67ae8584caa73b)};

static void test_every_byte_and_the_length_count(void **state)
{
    unsigned char bytes[40] = {0};

    (void)state;
    for (size_t size = 1; size <= sizeof bytes; size++) {
        uint64_t plain = trp_hash(&key, bytes, size);

        assert_int_not_equal(plain, trp_hash(&key, bytes, size - 1));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = 1;
            assert_int_not_equal(plain, trp_hash(&key, bytes, size));
            bytes[i] = 0;
        }
    }
}

static void test_the_same_bytes_give_the_same_hash_wherever_they_lie(void **state)
{
    char room[64];

    (void)state;
    for (size_t at = 0; at < 8; at++) {
        memcpy(room + at, "a name of 21 letters!", sizeof "a name of 21 letters!");
        assert_int_equal(trp_hash(&key, room + at, 21),
                         trp_hash(&key, "a name of 21 letters!", 21));
    }
}

static void test_another_key_gives_other_hashes(void **state)
{
    const trp_hash_key other = trp_hash_key_from(key.start, key.factor + 2);
    const trp_hash_key third = trp_hash_key_from(key.start + 1, key.factor);

    (void)state;
    assert_int_not_equal(trp_hash(&key, "name", 4), trp_hash(&other, "name", 4));
    assert_int_not_equal(trp_hash(&key, "name", 4), trp_hash(&third, "name", 4));
}

/* Names that differ by a number, as those of a pool do: no bucket of either end gets far more than its share. */
static void test_numbered_names_spread_over_both_ends(void **state)
{
    static unsigned low[N_KEYS], high[N_KEYS];
    char name[32];

    (void)state;
    for (unsigned i = 0; i < N_KEYS; i++) {
        int size = snprintf(name, sizeof name, "worker-%u", i);
        uint64_t hash = trp_hash(&key, name, (size_t)size);

        low[hash % N_KEYS]++;
        high[hash / (UINT64_MAX / N_KEYS + 1)]++;
    }
    for (unsigned i = 0; i < N_KEYS; i++) {
        assert_true(low[i] <= 10);
        assert_true(high[i] <= 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_and_the_length_count),
        cmocka_unit_test(test_the_same_bytes_give_the_same_hash_wherever_they_lie),
        cmocka_unit_test(test_another_key_gives_other_hashes),
        cmocka_unit_test(test_numbered_names_spread_over_both_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
