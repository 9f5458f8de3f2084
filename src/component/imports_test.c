/* What guests may call: messaging and services, with and without their grants. */
#include "house_testing.h"

static troupe_guest_options granting_send(const char *const *patterns, size_t n)
{
    return (troupe_guest_options){.grants = {.send = patterns, .n_send = n}};
}

/* ---- a native component that asks a guest and keeps what comes back ---- */

struct asker {
    troupe_id guest;
    troupe_correlation waiting;
};

static troupe_status ask_guest(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct asker *asker = self;

    if (message->payload.size == sizeof asker->guest) {
        memcpy(&asker->guest, message->payload.data, sizeof asker->guest);
        asker->waiting = message->correlation;
        return troupe_send(ctx, asker->guest, TROUPE_TEXT("ball"));
    }
    return troupe_reply_to(ctx, asker->waiting, message->payload);
}

static const troupe_actor_ops asker_ops = {.handle_message = ask_guest};

static troupe_id spawn_asker(const char *name)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(troupe_spawn(house.me,
                                  TROUPE_SPEC(.name = name, .actor = &asker_ops,
                                              .state_size = sizeof(struct asker)),
                                  &id),
                     TROUPE_OK);
    return id;
}

static void test_send_reaches_whom_the_manifest_names(void **state)
{
    static const char *const patterns[] = {"somebody", "ask*"};
    troupe_id guest =
        spawn(&house, load_with(&house, "send_back.wasm", granting_send(patterns, 2)), "back");
    troupe_id asker = spawn_asker("asker-1");
    troupe_bytes answer;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&house, asker, TROUPE_BYTES_OF(guest), &answer), TROUPE_OK);
        assert_string_equal(answer.data, "ball");
    }
}

static void test_send_to_another_is_denied_with_the_missing_line(void **state)
{
    static const char *const patterns[] = {"nobody", "asker-1*"};
    troupe_id guest =
        spawn(&house, load_with(&house, "send_back.wasm", granting_send(patterns, 2)), "back");
    troupe_bytes answer;

    (void)state;
    /* The sender is this thread, which has no name. */
    assert_int_equal(ask(&house, guest, TROUPE_TEXT("x"), &answer), TROUPE_E_DENIED);
    assert_string_equal(answer.data, "grants: [send: [NAME]]");
}

static void test_publish_goes_where_it_is_granted(void **state)
{
    static const char *const patterns[] = {"hits", "orders.*"};
    const troupe_guest_options options = {.grants = {.publish = patterns, .n_publish = 2}};
    troupe_id guest = spawn(&house, load_with(&house, "publisher.wasm", options), "publisher");
    troupe_bytes answer;

    (void)state;
    house.subscriber = spawn(&house, load(&house, "subscriber.wasm"), "subscriber");
    expect_answer(&house, guest, "hits one", "1");
    expect_answer(&house, guest, "orders.paid two", "1");
    assert_int_equal(ask(&house, guest, TROUPE_TEXT("hit one"), &answer), TROUPE_E_DENIED);
    assert_string_equal(answer.data, "grants: [publish: [hit]]");
    assert_int_equal(ask(&house, guest, TROUPE_TEXT("order.paid x"), &answer), TROUPE_E_DENIED);
    assert_int_equal(stop_and_wait(&house, house.subscriber).reason, TROUPE_EXIT_NORMAL);
    assert_string_equal(house.printed.text, "hits: one\norders.paid: two\n");
    assert_int_equal(ask(&house, guest, TROUPE_TEXT("hits x"), &answer), TROUPE_E_GONE);
}

static void test_no_guest_speaks_for_the_system(void **state)
{
    static const char *const patterns[] = {"*"};
    const troupe_guest_options options = {.grants = {.publish = patterns, .n_publish = 1}};
    troupe_id guest = spawn(&house, load_with(&house, "publisher.wasm", options), "publisher");
    troupe_bytes answer;

    (void)state;
    assert_int_equal(ask(&house, guest, TROUPE_TEXT("troupe.dead-letters x"), &answer),
                     TROUPE_E_INVALID);
    assert_string_equal(answer.data, "topics that begin with troupe. are the system's own");
    assert_int_equal(ask(&house, guest, TROUPE_TEXT("trouper x"), &answer), TROUPE_E_GONE);
}

static void test_guest_knows_itself_and_its_sender(void **state)
{
    troupe_id id = spawn(&house, load(&house, "whoami.wasm"), "who"), me = troupe_self(house.me);
    troupe_bytes answer;
    uint64_t ids[2];

    (void)state;
    assert_int_equal(ask(&house, id, TROUPE_TEXT("?"), &answer), TROUPE_OK);
    assert_int_equal(answer.size, sizeof ids);
    memcpy(ids, answer.data, sizeof ids);
    assert_int_equal(ids[0], id.value);
    assert_int_equal(ids[1], me.value);
}

static void test_log_is_cut_and_bounded(void **state)
{
    troupe_guest_options options = all_grants();
    troupe_id id;

    (void)state;
    options.limits.log_bytes = 10 * 1010;
    id = spawn(&house, load_with(&house, "chatty.wasm", options), "chatty");
    expect_answer(&house, id, "x", "logged");
    assert_true(house.logged.lines >= 9 && house.logged.lines <= 20);
    expect_in(house.logged.text, "xyz");
    expect_in(house.logged.text, " line=0\n");
}

static void test_random_and_clocks(void **state)
{
    troupe_id id = spawn(&house, load(&house, "random_clock.wasm"), "random");
    uint64_t first[3], second[3];
    uint32_t count = 65536;
    troupe_bytes answer;

    (void)state;
    assert_int_equal(ask(&house, id, TROUPE_TEXT("?"), &answer), TROUPE_OK);
    assert_int_equal(answer.size, sizeof first);
    memcpy(first, answer.data, sizeof first);
    assert_int_equal(ask(&house, id, TROUPE_TEXT("?"), &answer), TROUPE_OK);
    memcpy(second, answer.data, sizeof second);
    assert_int_not_equal(first[0], second[0]);
    assert_true(first[1] > UINT64_C(1700000000) * TROUPE_SECOND);
    assert_true(second[1] >= first[1] && second[2] >= first[2]);
    assert_int_equal(ask(&house, id, TROUPE_BYTES_OF(count), &answer), TROUPE_OK);
    count++;
    assert_int_equal(ask(&house, id, TROUPE_BYTES_OF(count), &answer), TROUPE_E_TOO_LARGE);
}

/* ---- many guests of each kind at once ---- */

enum { N_KINDS = 4, N_GUESTS = 16, N_MESSAGES = 60 };

/* Fills their mailboxes in one turn, so that the workers then run full batches of them side by side. */
static troupe_status fill_mailboxes(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_id ids[N_GUESTS];

    (void)self;
    memcpy(ids, message->payload.data, sizeof ids);
    for (size_t n = 0; n < N_MESSAGES; n++) {
        for (size_t i = 0; i < N_GUESTS; i++) {
            if (troupe_send(ctx, ids[i], TROUPE_TEXT("hits one two")) != TROUPE_OK)
                return TROUPE_E_FAILED;
        }
    }
    return troupe_reply(ctx, (troupe_bytes){0});
}

static const troupe_actor_ops filler_ops = {.handle_message = fill_mailboxes};

/* Imports of different guests run beside each other: what they share must bear it. */
static void test_imports_are_called_on_two_workers_at_once(void **state)
{
    static const char *const files[N_KINDS] = {"whoami.wasm", "chatty.wasm", "random_clock.wasm",
                                               "publisher.wasm"};
    const troupe_guest *guests[N_KINDS];
    troupe_id ids[N_GUESTS], filler;
    troupe_bytes answer;

    (void)state;
    assert_int_equal(
        troupe_spawn(house.me, TROUPE_SPEC(.name = "filler", .actor = &filler_ops), &filler),
        TROUPE_OK);
    house.subscriber = spawn(&house, load(&house, "counter.wasm"), "subscriber");
    for (size_t i = 0; i < N_KINDS; i++)
        guests[i] = load(&house, files[i]);
    for (size_t i = 0; i < N_GUESTS; i++)
        ids[i] = spawn(&house, guests[i % N_KINDS], NULL);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(ask(&house, filler, TROUPE_BYTES_OF(ids), &answer), TROUPE_OK);
        for (size_t i = 0; i < N_GUESTS; i++)
            assert_int_equal(ask(&house, ids[i], TROUPE_TEXT("hits one two"), &answer), TROUPE_OK);
    }
}

#define BOTH_WAYS(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, open_threads, close_house),                              \
        cmocka_unit_test_setup_teardown(test, open_simulation, close_house)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_WAYS(test_send_reaches_whom_the_manifest_names),
        BOTH_WAYS(test_send_to_another_is_denied_with_the_missing_line),
        BOTH_WAYS(test_publish_goes_where_it_is_granted),
        BOTH_WAYS(test_no_guest_speaks_for_the_system),
        BOTH_WAYS(test_guest_knows_itself_and_its_sender),
        BOTH_WAYS(test_log_is_cut_and_bounded),
        BOTH_WAYS(test_random_and_clocks),
        BOTH_WAYS(test_imports_are_called_on_two_workers_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
