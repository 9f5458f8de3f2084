/* What travels with messages: the deadline of who asked first, and the trace. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define OTHER "00-1bf7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"

/* What a relay is told to do with whom. */
enum what {
    WHAT_NOTE,       /* what it sees */
    WHAT_ANSWER,     /* at once */
    WHAT_ASK,        /* whom; the answer of whom is its own answer */
    WHAT_ASK_TWICE,  /* once more when the answer came */
    WHAT_ANSWER_ASK, /* answers, and asks then */
    WHAT_WAIT_ASK,   /* asks when it is woken */
    WHAT_WATCH_WAIT, /* asks when whom is down, while it waits */
    WHAT_SEND,
    WHAT_SEND_AFTER,
    WHAT_DELEGATE,
    WHAT_TRACE_SEND, /* sends with a trace of its own */
    WHAT_CLEAR_SEND, /* sends with none */
};

struct order {
    enum what what, then; /* then: what whom is told */
    troupe_id whom, other;
    uint64_t timeout_ns;
};

struct relay {
    struct order order;
    troupe_correlation asker;
    bool again;
};

/* What the last one that noted saw. */
static struct sight {
    _Atomic uint64_t deadline_ns, trace_at, n;
    _Atomic uint32_t status;
    char trace[TROUPE_TRACE_MAX + 1]; /* before n */
} noted, relayed;

static void note(struct sight *sight, const troupe_message *message)
{
    memset(sight->trace, 0, sizeof sight->trace);
    if (message->trace.size > 0)
        memcpy(sight->trace, message->trace.data, message->trace.size);
    trp_store_seq(&sight->deadline_ns, message->deadline_ns);
    trp_store_seq(&sight->trace_at, (uint64_t)(uintptr_t)message->trace.data);
    trp_add_seq(&sight->n, 1);
}

static void ask_on(troupe_context *ctx, troupe_id whom, const struct order *order)
{
    struct order next = {.what = order->then};
    troupe_correlation correlation;

    trp_store_seq(&relayed.status, troupe_request(ctx, whom, TROUPE_BYTES_OF(next),
                                                  order->timeout_ns, &correlation));
}

static void send_on(troupe_context *ctx, const struct order *order)
{
    struct order next = {.what = order->then};

    assert_int_equal(troupe_send(ctx, order->whom, TROUPE_BYTES_OF(next)), TROUPE_OK);
}

static troupe_status act(struct relay *relay, troupe_context *ctx, const troupe_message *message)
{
    const struct order *order = &relay->order;
    struct order next = {.what = order->then};
    troupe_monitor monitor;

    switch (order->what) {
    case WHAT_NOTE:
        note(&noted, message);
        return TROUPE_OK; /* whoever waits for an answer waits for long */
    case WHAT_ANSWER:
        note(&noted, message);
        return troupe_reply(ctx, (troupe_bytes){0});
    case WHAT_ASK:
    case WHAT_ASK_TWICE:
        relay->again = order->what == WHAT_ASK_TWICE;
        ask_on(ctx, order->whom, order);
        return TROUPE_OK;
    case WHAT_ANSWER_ASK:
        assert_int_equal(troupe_reply(ctx, (troupe_bytes){0}), TROUPE_OK);
        ask_on(ctx, order->whom, order);
        return TROUPE_OK;
    case WHAT_WATCH_WAIT:
        assert_int_equal(troupe_monitor_start(ctx, order->whom, TROUPE_MONITOR_FINAL, &monitor),
                         TROUPE_OK);
        return TROUPE_PENDING;
    case WHAT_WAIT_ASK:
        return TROUPE_PENDING;
    case WHAT_SEND:
        send_on(ctx, order);
        return TROUPE_OK;
    case WHAT_SEND_AFTER:
        return troupe_send_after(ctx, order->whom, TROUPE_BYTES_OF(next), 1, NULL);
    case WHAT_DELEGATE:
        return troupe_delegate(ctx, message->correlation, order->whom, TROUPE_BYTES_OF(next));
    case WHAT_TRACE_SEND:
        assert_int_equal(troupe_trace_set(ctx, TROUPE_TEXT(OTHER)), TROUPE_OK);
        assert_memory_equal(message->trace.data, TRACE, strlen(TRACE)); /* lent until it returns */
        send_on(ctx, order);
        return TROUPE_OK;
    case WHAT_CLEAR_SEND:
        assert_int_equal(troupe_trace_set(ctx, (troupe_bytes){0}), TROUPE_OK);
        send_on(ctx, order);
        return TROUPE_OK;
    }
    return TROUPE_E_INVALID;
}

static troupe_status on_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct relay *relay = self;

    assert_int_equal(message->payload.size, sizeof relay->order);
    memcpy(&relay->order, message->payload.data, sizeof relay->order);
    relay->asker = message->correlation;
    if (relay->order.what > WHAT_ANSWER)
        note(&relayed, message);
    return act(relay, ctx, message);
}

static void on_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct relay *relay = self;

    if (relay->again && answer->status == TROUPE_OK) {
        relay->again = false;
        ask_on(ctx, relay->order.other, &relay->order);
        return;
    }
    if (relay->asker.value)
        (void)troupe_reply_to(ctx, relay->asker, (troupe_bytes){0});
}

static void on_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct relay *relay = self;

    (void)notice;
    ask_on(ctx, relay->order.other, &relay->order);
}

static troupe_status on_resume(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct relay *relay = self;

    (void)message;
    if (relay->order.what == WHAT_WAIT_ASK)
        ask_on(ctx, relay->order.whom, &relay->order);
    return TROUPE_OK;
}

static troupe_status refuse_traces(void *self, troupe_context *ctx)
{
    (void)self;
    assert_int_equal(troupe_trace_set(ctx, TROUPE_TEXT(TRACE)), TROUPE_E_INVALID);
    return TROUPE_OK;
}

static const troupe_child_ops hooks = {.post_start = refuse_traces};
static const troupe_actor_ops relaying = {.handle_message = on_message,
                                          .handle_reply = on_reply,
                                          .handle_down = on_down,
                                          .resume = on_resume};

static troupe_id spawn_relay(fixture *f)
{
    return spawn_named(f, NULL, &hooks, &relaying, sizeof(struct relay));
}

static void start_notes(void)
{
    trp_store_seq(&noted.n, 0);
    trp_store_seq(&relayed.n, 0);
}

static void pass_time(fixture *f, uint64_t ns)
{
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, ns, &message), TROUPE_E_TIMEOUT);
}

static void wait_until_noted(fixture *f, uint64_t n)
{
    for (int i = 0; i < 10000 && trp_load_seq(&noted.n) < n; i++)
        pass_time(f, TROUPE_MILLISECOND);
    assert_int_equal(trp_load_seq(&noted.n), n);
}

static troupe_status call(fixture *f, troupe_id id, struct order order, uint64_t timeout_ns)
{
    return troupe_call(f->me, id, TROUPE_BYTES_OF(order), timeout_ns, NULL);
}

static void tell(fixture *f, troupe_id id, struct order order)
{
    assert_int_equal(troupe_send(f->me, id, TROUPE_BYTES_OF(order)), TROUPE_OK);
}

/* ---- deadlines ---- */

static void test_what_is_asked_while_handling_ends_no_later_than_the_askers_deadline(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_relay(f), b = spawn_relay(f);

    start_notes();
    assert_int_equal(call(f, a,
                          (struct order){WHAT_ASK, WHAT_ANSWER, b, TROUPE_NOBODY, TROUPE_FOREVER},
                          5 * TROUPE_SECOND),
                     TROUPE_OK);
    assert_true(trp_load_seq(&relayed.deadline_ns) > 0);
    assert_int_equal(trp_load_seq(&noted.deadline_ns), trp_load_seq(&relayed.deadline_ns));
}

static void test_a_shorter_time_of_its_own_stays(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_relay(f), b = spawn_relay(f);

    start_notes();
    assert_int_equal(call(f, a,
                          (struct order){WHAT_ASK, WHAT_ANSWER, b, TROUPE_NOBODY, TROUPE_SECOND},
                          3600 * TROUPE_SECOND),
                     TROUPE_OK);
    assert_true(trp_load_seq(&noted.deadline_ns) > 0);
    assert_true(trp_load_seq(&noted.deadline_ns) < trp_load_seq(&relayed.deadline_ns));
}

static void test_it_travels_through_the_answer_to_what_is_asked_then(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_relay(f), b = spawn_relay(f), c = spawn_relay(f);

    start_notes();
    assert_int_equal(call(f, a, (struct order){WHAT_ASK_TWICE, WHAT_ANSWER, b, c, TROUPE_FOREVER},
                          5 * TROUPE_SECOND),
                     TROUPE_OK);
    assert_int_equal(trp_load_seq(&noted.n), 2);
    assert_int_equal(trp_load_seq(&noted.deadline_ns), trp_load_seq(&relayed.deadline_ns));
}

static void test_past_the_deadline_nothing_is_asked_any_more(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_relay(f), b = spawn_relay(f);

    start_notes();
    assert_int_equal(
        call(f, a, (struct order){WHAT_WAIT_ASK, WHAT_NOTE, b, TROUPE_NOBODY, TROUPE_FOREVER},
             5 * TROUPE_MILLISECOND),
        TROUPE_E_TIMEOUT);
    troupe_wake(f->system, a, 1);
    wait_until_handled(f, a, 1);
    assert_int_equal(trp_load_seq(&relayed.status), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_seq(&noted.n), 0);
    assert_int_equal(troupe_waiting(f->system, b), 0);
}

static void test_who_has_answered_is_bound_no_more(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_relay(f), b = spawn_relay(f);

    start_notes();
    assert_int_equal(
        call(f, a, (struct order){WHAT_ANSWER_ASK, WHAT_ANSWER, b, TROUPE_NOBODY, TROUPE_FOREVER},
             5 * TROUPE_SECOND),
        TROUPE_OK);
    wait_until_noted(f, 1);
    assert_int_equal(trp_load_seq(&noted.deadline_ns), 0);
}

static void test_a_notice_is_not_bound_by_the_message_that_waits(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_relay(f), b = spawn_relay(f), c = spawn_relay(f);

    start_notes();
    assert_int_equal(call(f, a, (struct order){WHAT_WATCH_WAIT, WHAT_ANSWER, b, c, TROUPE_FOREVER},
                          5 * TROUPE_MILLISECOND),
                     TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_stop(f->me, b, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_until_noted(f, 1);
    assert_int_equal(trp_load_seq(&noted.deadline_ns), 0);
    troupe_wake(f->system, a, 1);
    wait_until_handled(f, a, 1);
}

/* ---- traces ---- */

static void expect_trace(fixture *f, enum what what, const char *trace)
{
    troupe_id a = spawn_relay(f), b = spawn_relay(f);

    start_notes();
    assert_int_equal(troupe_trace_set(f->me, TROUPE_TEXT(TRACE)), TROUPE_OK);
    tell(f, a, (struct order){what, WHAT_NOTE, b, TROUPE_NOBODY, TROUPE_SECOND});
    wait_until_noted(f, 1);
    assert_string_equal(relayed.trace, TRACE);
    assert_string_equal(noted.trace, trace);
    if (trace[0] && strcmp(trace, TRACE) == 0) /* one copy for all */
        assert_int_equal(trp_load_seq(&noted.trace_at), trp_load_seq(&relayed.trace_at));
}

static void test_a_trace_goes_on_with_what_is_sent_while_handling(void **state)
{
    expect_trace(*state, WHAT_SEND, TRACE);
    expect_trace(*state, WHAT_ASK, TRACE);
    expect_trace(*state, WHAT_SEND_AFTER, TRACE);
}

static void test_a_handlers_own_trace_comes_instead(void **state)
{
    expect_trace(*state, WHAT_TRACE_SEND, OTHER);
    expect_trace(*state, WHAT_CLEAR_SEND, "");
}

static void test_a_trace_goes_on_with_the_answer_and_with_a_delegation(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_relay(f), b = spawn_relay(f), c = spawn_relay(f);

    start_notes();
    assert_int_equal(troupe_trace_set(f->me, TROUPE_TEXT(TRACE)), TROUPE_OK);
    assert_int_equal(call(f, a, (struct order){WHAT_ASK_TWICE, WHAT_ANSWER, b, c, TROUPE_FOREVER},
                          5 * TROUPE_SECOND),
                     TROUPE_OK);
    assert_int_equal(trp_load_seq(&noted.n), 2);
    assert_string_equal(noted.trace, TRACE);
    assert_int_equal(call(f, a,
                          (struct order){.what = WHAT_DELEGATE, .then = WHAT_ANSWER, .whom = b},
                          5 * TROUPE_SECOND),
                     TROUPE_OK);
    assert_string_equal(noted.trace, TRACE);
}

static void test_a_handlers_own_trace_ends_with_its_message(void **state)
{
    fixture *f = *state;
    troupe_id a = spawn_relay(f), b = spawn_relay(f);

    start_notes();
    assert_int_equal(troupe_trace_set(f->me, TROUPE_TEXT(TRACE)), TROUPE_OK);
    tell(f, a, (struct order){.what = WHAT_TRACE_SEND, .then = WHAT_NOTE, .whom = b});
    tell(f, a, (struct order){.what = WHAT_SEND, .then = WHAT_NOTE, .whom = b});
    wait_until_noted(f, 2);
    assert_string_equal(noted.trace, TRACE);
    assert_int_equal(troupe_trace_set(f->me, (troupe_bytes){0}), TROUPE_OK);
    tell(f, a, (struct order){.what = WHAT_SEND, .then = WHAT_NOTE, .whom = b});
    wait_until_noted(f, 3);
    assert_string_equal(noted.trace, "");
}

static void test_a_trace_of_a_size_that_makes_no_sense_is_refused(void **state)
{
    fixture *f = *state;
    char longest[TROUPE_TRACE_MAX + 1];

    memset(longest, 'a', sizeof longest);
    assert_int_equal(troupe_trace_set(f->me, (troupe_bytes){longest, sizeof longest}),
                     TROUPE_E_TOO_LARGE);
    assert_int_equal(troupe_trace_set(f->me, (troupe_bytes){longest, 54}), TROUPE_E_INVALID);
    assert_int_equal(troupe_trace_set(f->me, (troupe_bytes){longest, TROUPE_TRACE_MAX}), TROUPE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_what_is_asked_while_handling_ends_no_later_than_the_askers_deadline),
        BOTH(test_a_shorter_time_of_its_own_stays),
        BOTH(test_it_travels_through_the_answer_to_what_is_asked_then),
        BOTH(test_past_the_deadline_nothing_is_asked_any_more),
        BOTH(test_who_has_answered_is_bound_no_more),
        BOTH(test_a_notice_is_not_bound_by_the_message_that_waits),
        BOTH(test_a_trace_goes_on_with_what_is_sent_while_handling),
        BOTH(test_a_handlers_own_trace_comes_instead),
        BOTH(test_a_trace_goes_on_with_the_answer_and_with_a_delegation),
        BOTH(test_a_handlers_own_trace_ends_with_its_message),
        BOTH(test_a_trace_of_a_size_that_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
