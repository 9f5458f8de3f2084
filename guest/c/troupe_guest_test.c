/* The kit on the host's side of the compiler: what does not need wasm32. That guests work is shown by
 * the tests of the component room, over tests/guests. */
#include "troupe_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static tg_result next_result;

void tg_i_publish(const void *topic, size_t topic_len, const void *data, size_t len, void *result)
{
    (void)topic, (void)topic_len, (void)data, (void)len;
    memcpy(result, &next_result, sizeof next_result);
}

static tg_answer on_message(const tg_message *message)
{
    return tg_ok_if_asked(message, message->payload);
}

/* The canonical ABI flattens a record into as many parameters as it has fields. */
/* NOLINTBEGIN(readability-function-size) */
TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_start = NULL)
/* NOLINTEND(readability-function-size) */

static tg_answer deliver(bool is_request, tg_bytes payload)
{
    uint8_t *copy = tg_realloc(NULL, 0, 1, payload.len);
    memcpy(copy, payload.data, payload.len);
    tg_answer *answer =
        tg_e_handle_message(1, is_request, 9, 0, NULL, 0, 0, 0, 0, NULL, 0, copy, payload.len);
    tg_answer returned = *answer;
    tg_p_handle_message(answer);
    return returned;
}

static void test_text_from_u64_writes_all_digits(void **state)
{
    (void)state;
    uint8_t digits[20];
    assert_true(tg_equal(tg_text_from_u64(0, digits), TG_TEXT("0")));
    assert_true(tg_equal(tg_text_from_u64(UINT64_MAX, digits), TG_TEXT("18446744073709551615")));
}

static void test_equal_compares_length_and_bytes(void **state)
{
    (void)state;
    assert_true(tg_equal(TG_TEXT(""), (tg_bytes){NULL, 0}));
    assert_false(tg_equal(TG_TEXT("abc"), TG_TEXT("abd")));
    assert_false(tg_equal(TG_TEXT("abc"), TG_TEXT("ab")));
}

static void test_message_is_answered_only_when_asked(void **state)
{
    (void)state;
    tg_answer answer = deliver(true, TG_TEXT("hello"));
    assert_int_equal(answer.tag, 1);
    assert_true(tg_equal(answer.bytes, TG_TEXT("hello")));
    assert_int_equal(deliver(false, TG_TEXT("hello")).tag, 0);
}

static void test_arena_begins_again_after_post_return(void **state)
{
    (void)state;
    void *first = tg_scratch(100000);
    assert_ptr_not_equal(first, tg_scratch(8));
    tg_arena_reset();
    assert_ptr_equal(first, tg_scratch(100000));
    tg_arena_reset();
}

static void test_realloc_keeps_bytes_and_alignment(void **state)
{
    (void)state;
    char *bytes = tg_realloc(NULL, 0, 1, 3);
    tg_copy(bytes, TG_TEXT("abc").data, 3);
    char *more = tg_realloc(bytes, 3, 8, 64);
    assert_memory_equal(more, "abc", 3);
    assert_int_equal((uintptr_t)more % 8, 0);
    tg_arena_reset();
}

static void test_publish_hands_on_what_the_host_says(void **state)
{
    (void)state;
    uint32_t n_reached = 7;
    tg_error error = {0};
    next_result = (tg_result){.is_error = 1, .error = {.code = TG_DENIED, .text = TG_TEXT("no")}};
    assert_int_equal(tg_publish(TG_TEXT("t"), TG_TEXT("x"), &n_reached, &error), TG_DENIED);
    assert_int_equal(n_reached, 7);
    assert_true(tg_equal(error.text, TG_TEXT("no")));
    next_result = (tg_result){.is_error = 0, .number = 3};
    assert_int_equal(tg_publish(TG_TEXT("t"), TG_TEXT("x"), &n_reached, NULL), TG_OK);
    assert_int_equal(n_reached, 3);
}

static void test_lifecycle_hook_left_out_lets_the_start_go_on(void **state)
{
    (void)state;
    tg_answer *answer = tg_e_pre_start(1, NULL, 0, 1, 0, NULL, 0, NULL, 0, 0, 0, 0, 0);
    assert_int_equal(answer->is_error, 0);
    tg_p_pre_start(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_from_u64_writes_all_digits),
        cmocka_unit_test(test_equal_compares_length_and_bytes),
        cmocka_unit_test(test_message_is_answered_only_when_asked),
        cmocka_unit_test(test_arena_begins_again_after_post_return),
        cmocka_unit_test(test_realloc_keeps_bytes_and_alignment),
        cmocka_unit_test(test_publish_hands_on_what_the_host_says),
        cmocka_unit_test(test_lifecycle_hook_left_out_lets_the_start_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
