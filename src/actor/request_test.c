/* Requests: each ends exactly once, whatever comes together. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>

#define ROUNDS 2000u

/* ---- who answers ---- */

struct server {
    troupe_correlation later;
    bool has_later;
};

/* "now", "twice", "fail", "keep" (an answer is owed), "pay" (the one that is owed), "crash", "error",
 * "wait" (is not through with it until it is stopped). */
static troupe_status serve(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct server *server = self;
    const char *what = message->payload.data;

    switch (message->payload.size ? *what : 'n') {
    case 't':
        assert_int_equal(troupe_reply(ctx, TROUPE_TEXT("first")), TROUPE_OK);
        assert_int_equal(troupe_reply(ctx, TROUPE_TEXT("second")), TROUPE_OK); /* nobody waits */
        assert_int_equal(troupe_reply_to(ctx, message->correlation, TROUPE_TEXT("third")),
                         TROUPE_E_INVALID);
        return TROUPE_OK;
    case 'f':
        assert_int_equal(troupe_fail(ctx, message->correlation, TROUPE_OK, TROUPE_TEXT("no")),
                         TROUPE_E_INVALID);
        assert_int_equal(troupe_fail(ctx, message->correlation, TROUPE_PENDING, TROUPE_TEXT("no")),
                         TROUPE_E_INVALID);
        return troupe_fail(ctx, message->correlation, TROUPE_E_FAILED, TROUPE_TEXT("because"));
    case 'k':
        server->later = message->correlation;
        server->has_later = true;
        return TROUPE_OK;
    case 'p':
        assert_true(server->has_later);
        troupe_reply_to(ctx, server->later, TROUPE_TEXT("paid"));
        return troupe_reply(ctx, TROUPE_TEXT("done"));
    case 'c':
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as asked");
        return TROUPE_OK;
    case 'e':
        return TROUPE_E_INVALID;
    case 'w':
        return TROUPE_PENDING;
    default:
        return troupe_reply(ctx, message->payload);
    }
}

static const troupe_actor_ops serving = {.handle_message = serve};

static troupe_id spawn_server(fixture *f)
{
    return spawn_named(f, NULL, NULL, &serving, sizeof(struct server));
}

static void expect_call(fixture *f, troupe_id id, const char *what, troupe_status status,
                        const char *text)
{
    troupe_reply_buffer reply;
    troupe_bytes bytes;

    assert_int_equal(
        troupe_call(f->me, id, (troupe_bytes){what, strlen(what)}, TROUPE_SECOND, &reply), status);
    bytes = troupe_reply_bytes(&reply);
    assert_int_equal(bytes.size, strlen(text));
    if (bytes.size)
        assert_memory_equal(bytes.data, text, bytes.size);
    troupe_reply_clear(&reply);
}

static void test_only_the_first_answer_counts(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_server(f);

    expect_call(f, id, "twice", TROUPE_OK, "first");
    expect_call(f, id, "now", TROUPE_OK, "now");
}

static void test_a_failure_carries_its_text_and_an_error_its_status(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_server(f);

    expect_call(f, id, "fail", TROUPE_E_FAILED, "because");
    expect_call(f, id, "error", TROUPE_E_INVALID, "");
}

/* ---- who asks for answers of each size ---- */

#define SIZES 200u

struct sizer {
    troupe_correlation from; /* who wants to know how many came whole */
    uint64_t n_answers, n_whole;
};

static troupe_status ask_sizes(void *self, troupe_context *ctx, const troupe_message *message)
{
    uint8_t bytes[SIZES];
    troupe_id server;

    ((struct sizer *)self)->from = message->correlation;
    memcpy(&server, message->payload.data, sizeof server);
    for (uint32_t size = 0; size < SIZES; size++) {
        troupe_correlation correlation;

        memset(bytes, (int)(0x80 + size % 0x80), size);
        assert_int_equal(
            troupe_request(ctx, server, (troupe_bytes){bytes, size}, TROUPE_FOREVER, &correlation),
            TROUPE_OK);
    }
    return TROUPE_OK;
}

static void weigh_answer(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct sizer *sizer = self;
    const uint8_t *bytes = answer->payload.data;
    uint64_t size = sizer->n_answers++; /* of one sender: in order */
    bool whole = answer->status == TROUPE_OK && answer->payload.size == size;

    for (uint64_t i = 0; whole && i < size; i++)
        whole = bytes[i] == 0x80 + size % 0x80;
    sizer->n_whole += whole;
    if (sizer->n_answers == SIZES)
        assert_int_equal(troupe_reply_to(ctx, sizer->from, TROUPE_BYTES_OF(sizer->n_whole)),
                         TROUPE_OK);
}

static const troupe_actor_ops sizing = {.handle_message = ask_sizes, .handle_reply = weigh_answer};

static void test_an_answer_is_whole_whatever_its_size(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f);
    troupe_id sizer = spawn_named(f, NULL, NULL, &sizing, sizeof(struct sizer));
    troupe_reply_buffer reply;

    assert_int_equal(troupe_call(f->me, sizer, TROUPE_BYTES_OF(server), 10 * TROUPE_SECOND, &reply),
                     TROUPE_OK);
    assert_int_equal(troupe_reply_u64(&reply), SIZES);
    troupe_reply_clear(&reply);
}

/* ---- who asks: a component that counts the ends of each of its requests ---- */

struct order { /* what the asker is told to do */
    troupe_id whom;
    uint64_t timeout_ns;
    char what[8];
    uint32_t n;
    bool cancel;
};

struct asker {
    troupe_correlation asked[ROUNDS];
    uint8_t n_ends[ROUNDS];
    troupe_status last;
    uint32_t n_asked, n_refused, n_ended, n_unknown;
};

struct tally {
    troupe_status last;
    uint32_t n_asked, n_refused, n_ended, n_unknown, n_twice;
};

static void ask_once(struct asker *asker, troupe_context *ctx, const struct order *order)
{
    troupe_correlation correlation = {0};
    troupe_status status =
        troupe_request(ctx, order->whom, troupe_text(order->what), order->timeout_ns, &correlation);

    if (status != TROUPE_OK) {
        assert_int_equal(correlation.value, 0);
        asker->n_refused++;
        return;
    }
    asker->asked[asker->n_asked++] = correlation;
    if (order->cancel) {
        assert_true(troupe_cancel(ctx, correlation));
        assert_false(troupe_cancel(ctx, correlation));
    }
}

static troupe_status obey(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct asker *asker = self;
    struct tally tally = {asker->last,    asker->n_asked,   asker->n_refused,
                          asker->n_ended, asker->n_unknown, 0};
    struct order order;

    if (message->payload.size == sizeof order) {
        memcpy(&order, message->payload.data, sizeof order);
        for (uint32_t i = 0; i < order.n && asker->n_asked < ROUNDS; i++)
            ask_once(asker, ctx, &order);
        return TROUPE_OK;
    }
    for (uint32_t i = 0; i < asker->n_asked; i++)
        tally.n_twice += asker->n_ends[i] > 1;
    return troupe_reply(ctx, TROUPE_BYTES_OF(tally));
}

static void note_end(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct asker *asker = self;

    (void)ctx;
    asker->last = answer->status;
    asker->n_ended++;
    for (uint32_t i = 0; i < asker->n_asked; i++) {
        if (asker->asked[i].value == answer->correlation.value) {
            asker->n_ends[i]++;
            return;
        }
    }
    asker->n_unknown++;
}

static const troupe_actor_ops asking = {.handle_message = obey, .handle_reply = note_end};

/* Waits until every request that was accepted has ended. */
static struct tally wait_for_ends(fixture *f, troupe_id asker, uint32_t n_tried)
{
    struct tally tally = {0};
    troupe_message message;

    for (int i = 0; i < 10000; i++) {
        troupe_reply_buffer reply;

        assert_int_equal(troupe_call(f->me, asker, (troupe_bytes){0}, TROUPE_SECOND, &reply),
                         TROUPE_OK);
        memcpy(&tally, troupe_reply_bytes(&reply).data, sizeof tally);
        troupe_reply_clear(&reply);
        if (tally.n_asked + tally.n_refused == n_tried && tally.n_ended >= tally.n_asked)
            break;
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    }
    assert_int_equal(tally.n_asked + tally.n_refused, n_tried);
    assert_int_equal(tally.n_ended, tally.n_asked);
    assert_int_equal(tally.n_unknown, 0);
    assert_int_equal(tally.n_twice, 0);
    return tally;
}

static void give_order(fixture *f, troupe_id asker, struct order order)
{
    assert_int_equal(troupe_send(f->me, asker, TROUPE_BYTES_OF(order)), TROUPE_OK);
}

static troupe_id spawn_asker(fixture *f)
{
    return spawn_named(f, NULL, NULL, &asking, sizeof(struct asker));
}

static void test_a_crash_ends_what_was_accepted_before_it(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker = spawn_asker(f);

    give_order(f, asker, (struct order){server, TROUPE_FOREVER, "keep", 1, false});
    wait_until_handled(f, server, 1);
    assert_int_equal(troupe_send(f->me, server, TROUPE_TEXT("crash")), TROUPE_OK);
    assert_int_equal(wait_for_ends(f, asker, 1).last, TROUPE_E_CRASHED);
}

static void test_the_holders_stop_ends_it_with_gone(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker = spawn_asker(f);

    give_order(f, asker, (struct order){server, TROUPE_FOREVER, "keep", 1, false});
    wait_until_handled(f, server, 1);
    assert_int_equal(troupe_stop(f->me, server, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(wait_for_ends(f, asker, 1).last, TROUPE_E_GONE);
}

static void test_who_would_wait_for_no_time_is_refused(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker = spawn_asker(f);

    give_order(f, asker, (struct order){server, 0, "now", 1, false});
    assert_int_equal(wait_for_ends(f, asker, 1).n_refused, 1);
    assert_int_equal(troupe_call(f->me, server, TROUPE_TEXT("now"), 0, NULL), TROUPE_E_INVALID);
}

static void test_an_answer_may_come_in_a_later_turn(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker = spawn_asker(f);

    give_order(f, asker, (struct order){server, TROUPE_FOREVER, "keep", 1, false});
    wait_until_handled(f, server, 1);
    expect_call(f, server, "pay", TROUPE_OK, "done");
    assert_int_equal(wait_for_ends(f, asker, 1).last, TROUPE_OK);
}

static void test_the_targets_end_ends_what_still_waits_in_its_mailbox(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker = spawn_asker(f);

    assert_int_equal(troupe_send(f->me, server, TROUPE_TEXT("wait")), TROUPE_OK);
    give_order(f, asker, (struct order){server, TROUPE_FOREVER, "now", 3, false});
    wait_until_handled(f, asker, 1); /* they stand behind the one that waits */
    assert_int_equal(troupe_kill(f->me, server), TROUPE_OK);
    assert_int_equal(wait_for_ends(f, asker, 3).last, TROUPE_E_GONE);
}

static void test_a_late_answer_is_nobodys(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker = spawn_asker(f);

    give_order(f, asker, (struct order){server, TROUPE_MILLISECOND, "keep", 1, false});
    assert_int_equal(wait_for_ends(f, asker, 1).last, TROUPE_E_TIMEOUT);
    expect_call(f, server, "pay", TROUPE_OK, "done");
    assert_int_equal(wait_for_ends(f, asker, 1).last, TROUPE_E_TIMEOUT);
}

static void test_cancel_is_one_end_and_comes_through_handle_reply(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker = spawn_asker(f);

    /* kept: an answer from another worker would be there before the cancel */
    give_order(f, asker, (struct order){server, TROUPE_SECOND, "keep", 50, true});
    assert_int_equal(wait_for_ends(f, asker, 50).last, TROUPE_E_CANCELLED);
}

/* Answers and time-outs cross: which one wins is anybody's guess, both never do. */
static void test_a_timeout_that_crosses_the_answer_is_one_end(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker = spawn_asker(f);

    for (uint32_t i = 0; i < 50; i++) {
        give_order(f, asker, (struct order){server, 1 + i * 40000, "now", 20, false});
        wait_for_ends(f, asker, 20 * (i + 1));
    }
}

/* The clock may be faster than the refusal; a refused request has no end all the same. */
static void test_a_refused_request_never_ends_by_its_timeout(void **state)
{
    fixture *f = *state;
    troupe_id asker = spawn_asker(f), full;
    static const troupe_actor_ops deaf = {.handle_message = serve};

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &deaf, .state_size = sizeof(struct server),
                                              .mailbox_bound = 1),
                                  &full),
                     TROUPE_OK);
    give_order(f, asker, (struct order){full, 1, "now", 1000, false});
    wait_for_ends(f, asker, 1000);
}

/* ---- the bound ---- */

static void test_one_more_than_the_bound_is_refused_until_one_has_ended(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f), asker;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &asking, .state_size = sizeof(struct asker),
                                              .requests_bound = 5),
                                  &asker),
                     TROUPE_OK);
    give_order(f, asker, (struct order){server, TROUPE_SECOND, "keep", 8, false});
    wait_until_handled(f, server, 5);
    assert_int_equal(wait_for_ends(f, asker, 8).n_refused, 3); /* they time out */
    give_order(f, asker, (struct order){server, TROUPE_SECOND, "now", 6, false});
    assert_int_equal(wait_for_ends(f, asker, 14).n_refused, 4);
    wait_until_handled(f, server, 10); /* nothing of what was refused was sent */
}

static void test_a_thread_has_a_bound_too(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f);
    troupe_correlation correlation;
    troupe_message message;

    f->me->requests_bound = 2; /* as if they were 16384 */
    for (int i = 0; i < 2; i++)
        assert_int_equal(trp_request_send(f->me, server, (trp_letter){.bytes = TROUPE_TEXT("keep")},
                                          TROUPE_SECOND, &correlation),
                         TROUPE_OK);
    assert_int_equal(troupe_call(f->me, server, TROUPE_TEXT("now"), TROUPE_SECOND, NULL),
                     TROUPE_E_QUOTA);
    assert_true(troupe_cancel(f->me, correlation));
    assert_int_equal(troupe_receive(f->me, 1, &message), TROUPE_E_TIMEOUT); /* takes the end */
    expect_call(f, server, "now", TROUPE_OK, "now");
}

/* Ends that crossed a refusal are taken in, too: a thread that only meets full mailboxes keeps nothing. */
static void test_calls_that_are_refused_leave_nothing(void **state)
{
    fixture *f = *state;
    troupe_id full;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &serving, .mailbox_bound = 1,
                                              .state_size = sizeof(struct server),
                                              .on_full = TROUPE_ON_FULL_BLOCK),
                                  &full),
                     TROUPE_OK);
    trp_add_seq(&trp_cell_find(f->system, full)->waiting, TRP_ROOM_MESSAGE); /* there is no room */
    for (int i = 0; i < 20; i++)
        assert_int_equal(troupe_call(f->me, full, TROUPE_TEXT("now"), 200000, NULL),
                         TROUPE_E_TIMEOUT);
    assert_true(f->me->n_asked <= 2); /* the last ones may still be on their way */
    trp_sub_seq(&trp_cell_find(f->system, full)->waiting, TRP_ROOM_MESSAGE);
}

/* ---- white box: the clock wins for certain ---- */

static void test_an_answer_to_a_refused_request_is_dropped(void **state)
{
    fixture *f = *state;
    troupe_id full;
    troupe_message message;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &serving, .mailbox_bound = 1,
                                              .state_size = sizeof(struct server),
                                              .on_full = TROUPE_ON_FULL_BLOCK),
                                  &full),
                     TROUPE_OK);
    /* As if somebody's message were on its way for ever: there is no room, and none comes. */
    trp_add_seq(&trp_cell_find(f->system, full)->waiting, TRP_ROOM_MESSAGE);
    assert_int_equal(troupe_call(f->me, full, TROUPE_TEXT("now"), 3 * TROUPE_MILLISECOND, NULL),
                     TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_receive(f->me, 10 * TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_null(f->me->thread->saved);
    assert_true(trp_list_empty(&f->me->asked));
    trp_sub_seq(&trp_cell_find(f->system, full)->waiting, TRP_ROOM_MESSAGE);
    expect_call(f, full, "now", TROUPE_OK, "now");
}

static void test_a_record_goes_back_with_its_askers_last_life(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f);
    troupe_context *other;
    trp_request *kept = NULL;

    for (int i = 0; i < 100000 && !kept; i++) {
        troupe_reply_buffer buffer = {0};

        other = troupe_attach(f->system);
        assert_non_null(other);
        assert_int_equal(troupe_call(other, server, TROUPE_TEXT("now"), TROUPE_FOREVER, &buffer),
                         TROUPE_OK);
        troupe_reply_clear(&buffer);
        kept = other->spare_request;
        troupe_detach(other);
    }
    assert_non_null(kept);
    trp_mutex_lock(&f->system->requests_lock);
    assert_ptr_equal(f->system->free_requests, kept);
    trp_mutex_unlock(&f->system->requests_lock);
}

/* Of a request that waits for its end: when the timer fires. */
static uint64_t end_of_a_request(fixture *f, troupe_id id, uint64_t timeout_ns)
{
    troupe_correlation correlation;
    uint64_t ends_ns;

    assert_int_equal(trp_request_send(f->me, id, (trp_letter){.bytes = TROUPE_TEXT("keep")},
                                      timeout_ns, &correlation),
                     TROUPE_OK);
    ends_ns = trp_request_find(f->system, correlation.value)->timer.at_ns;
    assert_true(troupe_cancel(f->me, correlation));
    return ends_ns;
}

static void test_no_time_out_is_early(void **state)
{
    static const uint64_t times[] = {TROUPE_SECOND / 2, TROUPE_SECOND};
    fixture *f = *state;
    troupe_id server = spawn_server(f);

    for (int i = 0; i < 100; i++) {
        uint64_t before = troupe_now(f->system), time = times[i % 2];
        uint64_t ends_ns = end_of_a_request(f, server, time);

        assert_true(ends_ns >= before + time);
        assert_true(ends_ns <= troupe_now(f->system) + time + TRP_RECENT_NS);
    }
}

static void test_a_correlation_is_retired_before_it_comes_again(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f);
    trp_request *first;

    /* the record stays with the asker, unless its holder was the last to let go of it */
    for (int i = 0; i < 100000 && !f->me->spare_request; i++)
        expect_call(f, server, "now", TROUPE_OK, "now");
    first = f->me->spare_request;
    assert_non_null(first);
    trp_store_release(&first->word, (uint64_t)UINT32_MAX << 1 | 1);
    for (int i = 0; i < 10; i++)
        expect_call(f, server, "now", TROUPE_OK, "now");
    assert_ptr_not_equal(f->me->spare_request, first);
    trp_mutex_lock(&f->system->requests_lock);
    for (const trp_request *at = f->system->free_requests; at; at = at->free_next)
        assert_ptr_not_equal(at, first);
    trp_mutex_unlock(&f->system->requests_lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_only_the_first_answer_counts),
        BOTH(test_no_time_out_is_early),
        BOTH(test_an_answer_is_whole_whatever_its_size),
        BOTH(test_a_record_goes_back_with_its_askers_last_life),
        BOTH(test_a_failure_carries_its_text_and_an_error_its_status),
        BOTH(test_a_crash_ends_what_was_accepted_before_it),
        BOTH(test_the_holders_stop_ends_it_with_gone),
        BOTH(test_who_would_wait_for_no_time_is_refused),
        BOTH(test_an_answer_may_come_in_a_later_turn),
        BOTH(test_the_targets_end_ends_what_still_waits_in_its_mailbox),
        BOTH(test_a_late_answer_is_nobodys),
        BOTH(test_cancel_is_one_end_and_comes_through_handle_reply),
        BOTH(test_a_timeout_that_crosses_the_answer_is_one_end),
        BOTH(test_a_refused_request_never_ends_by_its_timeout),
        BOTH(test_one_more_than_the_bound_is_refused_until_one_has_ended),
        BOTH(test_a_thread_has_a_bound_too),
        BOTH(test_calls_that_are_refused_leave_nothing),
        BOTH(test_an_answer_to_a_refused_request_is_dropped),
        BOTH(test_a_correlation_is_retired_before_it_comes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
