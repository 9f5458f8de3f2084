/* Requests handed on: whoever holds one answers it, and the asker sees one answer. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>

/* What a component of this test is told to do. */
enum what {
    WHAT_KEEP,   /* an answer is owed */
    WHAT_ANSWER, /* what is at hand, else what is owed */
    WHAT_HAND_ON,
    WHAT_HAND_ON_OWED,
    WHAT_HAND_ON_AND_CRASH,
    WHAT_TRY_AGAIN, /* with what is handed on already */
    WHAT_CIRCLE,    /* for ever */
    WHAT_CRASH,
};

struct order {
    enum what what;
    troupe_id whom;
    enum what then; /* what whom is told */
};

struct clerk {
    troupe_correlation owed;
};

static _Atomic uint32_t last_status, n_hops;
static _Atomic uint64_t seen_sender, seen_correlation, seen_deadline;

static void note_message(const troupe_message *message)
{
    trp_store_seq(&seen_sender, message->sender.value);
    trp_store_seq(&seen_correlation, message->correlation.value);
    trp_store_seq(&seen_deadline, message->deadline_ns);
}

static void hand_on(troupe_context *ctx, troupe_correlation correlation, const struct order *order)
{
    struct order next = {order->then, TROUPE_NOBODY, WHAT_KEEP};

    trp_store_seq(&last_status,
                  troupe_delegate(ctx, correlation, order->whom, TROUPE_BYTES_OF(next)));
}

static void go_round(troupe_context *ctx, const troupe_message *message, struct order order)
{
    troupe_id next = order.whom;

    order.whom = troupe_self(ctx);
    trp_add_seq(&n_hops, 1);
    trp_store_seq(&last_status,
                  troupe_delegate(ctx, message->correlation, next, TROUPE_BYTES_OF(order)));
}

/* None of these reaches the asker. */
static void try_again(troupe_context *ctx, const troupe_message *message, const struct order *order)
{
    struct order answer = {WHAT_ANSWER, TROUPE_NOBODY, WHAT_KEEP};

    hand_on(ctx, message->correlation, order);
    assert_int_equal(
        troupe_delegate(ctx, message->correlation, order->whom, TROUPE_BYTES_OF(answer)),
        TROUPE_E_INVALID);
    assert_int_equal(troupe_reply(ctx, TROUPE_TEXT("mine")), TROUPE_OK); /* nobody waits here */
    assert_int_equal(troupe_reply_to(ctx, message->correlation, TROUPE_TEXT("mine")),
                     TROUPE_E_INVALID);
}

static troupe_status obey(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct clerk *clerk = self;
    struct order order;

    memcpy(&order, message->payload.data, sizeof order);
    note_message(message);
    switch (order.what) {
    case WHAT_KEEP:
        clerk->owed = message->correlation;
        return TROUPE_OK;
    case WHAT_ANSWER:
        if (message->correlation.value)
            return troupe_reply(ctx, TROUPE_TEXT("answer"));
        trp_store_seq(&last_status, troupe_reply_to(ctx, clerk->owed, TROUPE_TEXT("answer")));
        return TROUPE_OK;
    case WHAT_HAND_ON:
        hand_on(ctx, message->correlation, &order);
        return TROUPE_OK;
    case WHAT_HAND_ON_OWED:
        hand_on(ctx, clerk->owed, &order);
        return TROUPE_OK;
    case WHAT_HAND_ON_AND_CRASH:
        hand_on(ctx, message->correlation, &order);
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as told");
        return TROUPE_E_CRASHED;
    case WHAT_TRY_AGAIN:
        try_again(ctx, message, &order);
        return TROUPE_E_FAILED; /* not an answer either */
    case WHAT_CIRCLE:
        go_round(ctx, message, order);
        return TROUPE_OK;
    case WHAT_CRASH:
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as told");
        return TROUPE_OK;
    }
    return TROUPE_E_INVALID;
}

static const troupe_actor_ops obeying = {.handle_message = obey};

static troupe_id spawn_clerk(fixture *f)
{
    return spawn_named(f, NULL, NULL, &obeying, sizeof(struct clerk));
}

static void tell(fixture *f, troupe_id id, struct order order)
{
    assert_int_equal(troupe_send(f->me, id, TROUPE_BYTES_OF(order)), TROUPE_OK);
}

static void expect_call(fixture *f, troupe_id id, struct order order, troupe_status status,
                        const char *text)
{
    troupe_reply_buffer reply;
    troupe_bytes bytes;

    assert_int_equal(troupe_call(f->me, id, TROUPE_BYTES_OF(order), 5 * TROUPE_SECOND, &reply),
                     status);
    bytes = troupe_reply_bytes(&reply);
    if (text)
        assert_int_equal(bytes.size, strlen(text));
    if (text && bytes.size)
        assert_memory_equal(bytes.data, text, bytes.size);
    troupe_reply_clear(&reply);
}

/* A request of which this thread does not wait: as troupe_call, whose end is dropped. */
static troupe_correlation ask(fixture *f, troupe_id id, struct order order, uint64_t timeout_ns)
{
    troupe_correlation correlation;

    assert_int_equal(trp_request_send(f->me, id, (trp_letter){.bytes = TROUPE_BYTES_OF(order)},
                                      timeout_ns, &correlation),
                     TROUPE_OK);
    return correlation;
}

static bool has_ended(trp_cell *cell, void *arg)
{
    (void)arg;
    return trp_list_empty(&cell->asked);
}

static void wait_for_end(fixture *f)
{
    assert_true(
        trp_thread_wait(f->me, troupe_now(f->system) + 10 * TROUPE_SECOND, has_ended, NULL));
}

/* ---- the way of one ---- */

static void test_the_asker_gets_the_answer_of_whom_it_was_handed_to(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);

    expect_call(f, first, (struct order){WHAT_HAND_ON, second, WHAT_ANSWER}, TROUPE_OK, "answer");
    assert_int_equal(trp_load_seq(&last_status), TROUPE_OK);
}

static void test_correlation_and_deadline_go_with_it_and_the_sender_is_who_handed_on(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);
    struct order keep = {WHAT_KEEP, TROUPE_NOBODY, WHAT_KEEP};
    troupe_correlation correlation = ask(f, first, keep, 7 * TROUPE_SECOND);
    uint64_t deadline_ns;

    wait_until_handled(f, first, 1);
    deadline_ns = trp_load_seq(&seen_deadline);
    assert_true(deadline_ns > 0);
    tell(f, first, (struct order){WHAT_HAND_ON_OWED, second, WHAT_ANSWER});
    wait_until_handled(f, second, 1);
    assert_int_equal(trp_load_seq(&seen_correlation), correlation.value);
    assert_int_equal(trp_load_seq(&seen_deadline), deadline_ns);
    assert_int_equal(trp_load_seq(&seen_sender), first.value);
    wait_for_end(f);
}

static void test_who_handed_it_on_has_no_more_to_say(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);

    expect_call(f, first, (struct order){WHAT_TRY_AGAIN, second, WHAT_ANSWER}, TROUPE_OK, "answer");
}

static void test_a_thread_hands_on_what_it_received(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);
    struct order keep = {WHAT_KEEP, TROUPE_NOBODY, WHAT_KEEP},
                 answer = {WHAT_ANSWER, TROUPE_NOBODY, WHAT_KEEP};
    troupe_message message;

    ask(f, first, keep, TROUPE_SECOND);
    wait_until_handled(f, first, 1);
    tell(f, first, (struct order){WHAT_HAND_ON_OWED, troupe_self(f->me), WHAT_KEEP});
    assert_int_equal(troupe_receive(f->me, TROUPE_SECOND, &message), TROUPE_OK);
    assert_int_equal(troupe_delegate(f->me, message.correlation, second, TROUPE_BYTES_OF(answer)),
                     TROUPE_OK);
    wait_for_end(f);
    assert_int_equal(troupe_delegate(f->me, message.correlation, second, TROUPE_BYTES_OF(answer)),
                     TROUPE_E_INVALID);
}

/* ---- refused: nothing changed ---- */

static void expect_still_held(fixture *f, troupe_id target, troupe_status status)
{
    troupe_id first = spawn_clerk(f);
    struct order keep = {WHAT_KEEP, TROUPE_NOBODY, WHAT_KEEP};

    ask(f, first, keep, 5 * TROUPE_SECOND);
    wait_until_handled(f, first, 1);
    tell(f, first, (struct order){WHAT_HAND_ON_OWED, target, WHAT_ANSWER});
    wait_until_handled(f, first, 2);
    assert_int_equal(trp_load_seq(&last_status), status);
    assert_false(trp_list_empty(&f->me->asked));
    tell(f, first, (struct order){WHAT_ANSWER, TROUPE_NOBODY, WHAT_KEEP});
    wait_for_end(f);
    wait_until_handled(f, first, 3);
    assert_int_equal(trp_load_seq(&last_status), TROUPE_OK);
}

static void test_refused_by_one_who_has_ended_it_is_still_held(void **state)
{
    fixture *f = *state;
    troupe_id second = spawn_clerk(f);

    assert_int_equal(troupe_stop(f->me, second, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, second, TROUPE_SECOND, NULL), TROUPE_OK);
    expect_still_held(f, second, TROUPE_E_GONE);
}

static void test_refused_for_room_it_is_still_held(void **state)
{
    fixture *f = *state;
    troupe_id second;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &obeying, .mailbox_bound = 1,
                                              .state_size = sizeof(struct clerk)),
                                  &second),
                     TROUPE_OK);
    trp_add_seq(&trp_cell_find(f->system, second)->waiting, TRP_ROOM_MESSAGE); /* full */
    expect_still_held(f, second, TROUPE_E_FULL);
    trp_room_give(trp_cell_find(f->system, second), TRP_ROOM_MESSAGE);
}

static void test_one_that_nobody_holds_is_refused(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_clerk(f);

    assert_int_equal(troupe_delegate(f->me, (troupe_correlation){0}, id, (troupe_bytes){0}),
                     TROUPE_E_INVALID);
    assert_int_equal(
        troupe_delegate(f->me, (troupe_correlation){UINT64_MAX}, id, (troupe_bytes){0}),
        TROUPE_E_INVALID);
}

/* ---- ends ---- */

static void test_one_that_nobody_waits_for_any_more_is_let_go(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);
    struct order keep = {WHAT_KEEP, TROUPE_NOBODY, WHAT_KEEP};

    ask(f, first, keep, 5 * TROUPE_MILLISECOND);
    wait_until_handled(f, first, 1);
    wait_for_end(f);
    tell(f, first, (struct order){WHAT_HAND_ON_OWED, second, WHAT_ANSWER});
    wait_until_handled(f, first, 2);
    assert_int_equal(trp_load_seq(&last_status), TROUPE_E_CANCELLED);
    tell(f, first, (struct order){WHAT_HAND_ON_OWED, second, WHAT_ANSWER});
    wait_until_handled(f, first, 3);
    assert_int_equal(trp_load_seq(&last_status), TROUPE_E_INVALID);
}

static void test_the_new_holders_crash_is_the_askers_end(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);

    expect_call(f, first, (struct order){WHAT_HAND_ON, second, WHAT_CRASH}, TROUPE_E_CRASHED, NULL);
}

static void test_the_old_holders_crash_ends_nothing(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);

    expect_call(f, first, (struct order){WHAT_HAND_ON_AND_CRASH, second, WHAT_ANSWER}, TROUPE_OK,
                "answer");
}

static void test_the_new_holders_end_is_the_askers_end(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);
    struct order keep = {WHAT_KEEP, TROUPE_NOBODY, WHAT_KEEP};

    ask(f, first, keep, 5 * TROUPE_SECOND);
    wait_until_handled(f, first, 1);
    tell(f, first, (struct order){WHAT_HAND_ON_OWED, second, WHAT_KEEP});
    wait_until_handled(f, second, 1);
    assert_int_equal(troupe_stop(f->me, second, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_for_end(f);
}

static void test_handed_to_oneself_it_comes_again(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_clerk(f);

    expect_call(f, id, (struct order){WHAT_HAND_ON, id, WHAT_ANSWER}, TROUPE_OK, "answer");
    wait_until_handled(f, id, 2);
}

static void ask_a_circle(fixture *f, uint64_t timeout_ns)
{
    troupe_id first = spawn_clerk(f), second = spawn_clerk(f);
    struct order order = {WHAT_CIRCLE, second, WHAT_KEEP};

    trp_store_seq(&n_hops, 0);
    trp_store_seq(&last_status, TROUPE_OK);
    assert_int_equal(troupe_call(f->me, first, TROUPE_BYTES_OF(order), timeout_ns, NULL),
                     TROUPE_E_TIMEOUT);
    for (int i = 0; i < 10000 && trp_load_seq(&last_status) != TROUPE_E_CANCELLED; i++) {
        troupe_message message;

        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    }
    assert_int_equal(trp_load_seq(&last_status), TROUPE_E_CANCELLED);
}

/* A busy machine may let the deadline pass before the circle has gone round once: then it is asked for longer. */
static void test_a_circle_ends_with_the_askers_deadline(void **state)
{
    uint64_t timeout_ns = 2 * TROUPE_MILLISECOND;

    do {
        ask_a_circle(*state, timeout_ns);
        timeout_ns *= 2;
    } while (trp_load_seq(&n_hops) <= 2 && timeout_ns < 10 * TROUPE_SECOND);
    assert_true(trp_load_seq(&n_hops) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_the_asker_gets_the_answer_of_whom_it_was_handed_to),
        BOTH(test_correlation_and_deadline_go_with_it_and_the_sender_is_who_handed_on),
        BOTH(test_who_handed_it_on_has_no_more_to_say),
        BOTH(test_a_thread_hands_on_what_it_received),
        BOTH(test_refused_by_one_who_has_ended_it_is_still_held),
        BOTH(test_refused_for_room_it_is_still_held),
        BOTH(test_one_that_nobody_holds_is_refused),
        BOTH(test_one_that_nobody_waits_for_any_more_is_let_go),
        BOTH(test_the_new_holders_crash_is_the_askers_end),
        BOTH(test_the_old_holders_crash_ends_nothing),
        BOTH(test_the_new_holders_end_is_the_askers_end),
        BOTH(test_handed_to_oneself_it_comes_again),
        BOTH(test_a_circle_ends_with_the_askers_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
