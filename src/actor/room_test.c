/* Room in messages and in bytes: what takes it, and when there is none. */
#include "gate_testing.h"

static uint64_t bytes_of(fixture *f, troupe_id id)
{
    troupe_info info;

    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    return info.waiting_bytes;
}

static void test_a_mailbox_is_full_by_its_bytes(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 100, 10, TROUPE_ON_FULL_REJECT);

    send_number(f, id, 2);
    assert_int_equal(bytes_of(f, id), 8);
    send_number(f, id, 3); /* below the bound there is room for one more */
    assert_int_equal(bytes_of(f, id), 12);
    assert_false(troupe_has_room(f->system, id));
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_E_FULL);
    assert_int_equal(bytes_of(f, id), 12);
    gate_open(f, id);
    EXPECT_NUMBERS(f, 1, 2, 3);
    wait_until_handled(f, id, 3);
}

static void test_room_comes_back_when_messages_are_handled(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 2, 0, TROUPE_ON_FULL_REJECT);

    send_number(f, id, 2);
    assert_false(troupe_has_room(f->system, id));
    gate_open(f, id);
    wait_until_empty(f, id);
    assert_int_equal(bytes_of(f, id), 0);
    assert_true(troupe_has_room(f->system, id));
}

static void test_the_largest_message_gets_through_an_empty_mailbox(void **state)
{
    static const uint8_t large[TROUPE_MESSAGE_MAX];
    fixture *f = *state;
    troupe_id id = spawn_gate(f, 0, 1, TROUPE_ON_FULL_REJECT);

    assert_int_equal(troupe_send(f->me, id, (troupe_bytes){large, sizeof large}), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_E_FULL);
    gate_wait(f, &gate_stalled, 1);
    gate_open(f, id);
    wait_until_handled(f, id, 1);
}

static void test_empty_messages_are_bounded_by_their_number(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 3, 1000, TROUPE_ON_FULL_REJECT);

    assert_int_equal(troupe_send(f->me, id, (troupe_bytes){0}), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, (troupe_bytes){0}), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, (troupe_bytes){0}), TROUPE_E_FULL);
    gate_open(f, id);
    wait_until_handled(f, id, 3);
}

static void test_a_shared_payload_counts_in_each_mailbox(void **state)
{
    fixture *f = *state;
    troupe_id one = spawn_stalled(f, 10, 8, TROUPE_ON_FULL_REJECT);
    troupe_id two = spawn_stalled(f, 10, 8, TROUPE_ON_FULL_REJECT);
    troupe_payload *payload = troupe_payload_new(TROUPE_TEXT("five!"));

    assert_non_null(payload);
    assert_int_equal(troupe_send_shared(f->me, one, NULL, payload), TROUPE_OK);
    assert_int_equal(troupe_send_shared(f->me, two, NULL, payload), TROUPE_OK);
    assert_int_equal(bytes_of(f, one), 9);
    assert_int_equal(bytes_of(f, two), 9);
    assert_int_equal(troupe_send_shared(f->me, two, NULL, payload), TROUPE_E_FULL);
    troupe_payload_unref(payload);
    gate_open(f, one);
    gate_open(f, two);
    wait_until_handled(f, one, 2);
    wait_until_handled(f, two, 2);
}

static void test_a_threads_own_mailbox_has_both_bounds(void **state)
{
    static const uint8_t large[TROUPE_MESSAGE_MAX];
    fixture *f = *state;
    troupe_context *other = troupe_attach(f->system);
    troupe_id id = troupe_self(other);
    uint32_t n = 0;

    while (troupe_send(f->me, id, (troupe_bytes){large, sizeof large}) == TROUPE_OK)
        n++;
    assert_int_equal(n, TROUPE_MAILBOX_BYTES / TROUPE_MESSAGE_MAX);
    troupe_detach(other);
}

static troupe_status spawn_with(fixture *f, uint32_t bound, uint64_t bytes, troupe_on_full on_full)
{
    troupe_id id;

    return troupe_spawn(
        f->me, TROUPE_SPEC(.mailbox_bound = bound, .mailbox_bytes = bytes, .on_full = on_full),
        &id);
}

static void test_a_bound_that_nobody_could_keep_is_refused(void **state)
{
    fixture *f = *state;

    assert_int_equal(spawn_with(f, TROUPE_MAILBOX_BOUND_MAX + 1, 0, 0), TROUPE_E_INVALID);
    assert_int_equal(spawn_with(f, 0, TROUPE_MAILBOX_BYTES_MAX + 1, 0), TROUPE_E_INVALID);
    assert_int_equal(spawn_with(f, 0, 0, (troupe_on_full)4), TROUPE_E_INVALID);
    assert_int_equal(spawn_with(f, TROUPE_MAILBOX_BOUND_MAX, TROUPE_MAILBOX_BYTES_MAX, 0),
                     TROUPE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_mailbox_is_full_by_its_bytes),
        BOTH(test_room_comes_back_when_messages_are_handled),
        BOTH(test_the_largest_message_gets_through_an_empty_mailbox),
        BOTH(test_empty_messages_are_bounded_by_their_number),
        BOTH(test_a_shared_payload_counts_in_each_mailbox),
        BOTH(test_a_threads_own_mailbox_has_both_bounds),
        BOTH(test_a_bound_that_nobody_could_keep_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
