/* Small blocks: none is too small for what is asked, what is kept is bounded, and a thread's end gives all of it back.
 * Under a sanitizer nothing is kept, and the bounds hold of themselves. */
#include "trp/blocks.h"
#include "trp/os.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MANY 5000
#define LARGEST 400
#define SIZE 120

static void *blocks[MANY];

static void take_all(size_t size)
{
    for (size_t i = 0; i < MANY; i++) {
        blocks[i] = trp_block_take(size);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, size);
    }
}

static void give_all(size_t size)
{
    for (size_t i = 0; i < MANY; i++)
        trp_block_give(blocks[i], size);
}

static void test_a_block_has_room_for_what_is_asked(void **state)
{
    (void)state;
    for (size_t given = 1; given <= LARGEST; given++) {
        trp_block_give(trp_block_take(given), given);
        for (size_t size = given; size <= LARGEST; size += 7) {
            void *block = trp_block_take(size);

            assert_non_null(block);
            assert_true(malloc_usable_size(block) >= size);
            trp_block_give(block, size);
        }
    }
    trp_block_give(NULL, 1);
}

static void test_two_that_are_out_are_not_the_same(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        take_all(SIZE);
        for (size_t i = 0; i < MANY; i++)
            memcpy(blocks[i], &i, sizeof i);
        for (size_t i = 0; i < MANY; i++)
            assert_memory_equal(blocks[i], &i, sizeof i);
        give_all(SIZE);
    }
}

static void test_a_kept_block_fails_as_an_allocation_does(void **state)
{
    void *block = trp_block_take(SIZE);

    (void)state;
    trp_block_give(block, SIZE);
    trp_alloc_fail_after(1);
    assert_null(trp_block_take(SIZE));
    block = trp_block_take(SIZE);
    assert_non_null(block);
    trp_block_give(block, SIZE);
}

static size_t in_use(void)
{
    return mallinfo2().uordblks;
}

static void test_what_is_kept_is_bounded(void **state)
{
    size_t before;

    (void)state;
    take_all(SIZE);
    before = in_use();
    give_all(SIZE);
    /* all but a thousand and some */
    assert_true(before - in_use() >= (MANY - 1100) * (size_t)SIZE || before == 0);
}

static void use_blocks(void *ignored)
{
    (void)ignored;
    take_all(SIZE);
    give_all(SIZE);
}

static void test_what_a_thread_kept_goes_back_when_it_ends(void **state)
{
    size_t before = in_use();
    trp_thread thread;

    (void)state;
    assert_true(trp_thread_start(&thread, "blocks", 0, use_blocks, NULL));
    trp_thread_join(&thread);
    assert_true(in_use() < before + 200 * SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_has_room_for_what_is_asked),
        cmocka_unit_test(test_two_that_are_out_are_not_the_same),
        cmocka_unit_test(test_a_kept_block_fails_as_an_allocation_does),
        cmocka_unit_test(test_what_is_kept_is_bounded),
        cmocka_unit_test(test_what_a_thread_kept_goes_back_when_it_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
