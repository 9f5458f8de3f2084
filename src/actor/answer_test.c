/* Answers: without a copy, into a full mailbox, to one who has ended, and beside a cancel. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>

#define ROUNDS 2000u
#define LARGE 100000u

/* ---- who answers ---- */

struct server {
    troupe_correlation owed;
    troupe_payload *large;
};

static troupe_status make_large(void *self, const troupe_start *start)
{
    struct server *server = self;
    static const char bytes[LARGE] = "large";

    (void)start;
    server->large = troupe_payload_new((troupe_bytes){bytes, sizeof bytes});
    return server->large ? TROUPE_OK : TROUPE_E_NO_MEMORY;
}

static void drop_large(void *self)
{
    troupe_payload_unref(((struct server *)self)->large);
}

/* Answers what is owed; how that went is the answer to this one. */
static troupe_status pay(struct server *server, troupe_context *ctx)
{
    uint64_t status = troupe_reply_to(ctx, server->owed, TROUPE_TEXT("paid"));

    return troupe_reply(ctx, TROUPE_BYTES_OF(status));
}

/* "now", "keep" (an answer is owed), "pay" (the one that is owed), "large", "this" (large, by its correlation). */
static troupe_status serve(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct server *server = self;

    switch (*(const char *)message->payload.data) {
    case 'k':
        server->owed = message->correlation;
        return TROUPE_OK;
    case 'p':
        return pay(server, ctx);
    case 'l':
        return troupe_reply_shared(ctx, (troupe_correlation){0}, server->large);
    case 't':
        assert_int_equal(troupe_reply_shared(ctx, message->correlation, server->large), TROUPE_OK);
        assert_int_equal(troupe_reply_shared(ctx, message->correlation, server->large),
                         TROUPE_E_INVALID);
        return troupe_reply_shared(ctx, (troupe_correlation){0}, server->large); /* nobody waits */
    default:
        return troupe_reply(ctx, message->payload);
    }
}

static const troupe_child_ops hooks = {.pre_start = make_large, .post_stop = drop_large};
static const troupe_actor_ops serving = {.handle_message = serve};

static troupe_id spawn_server(fixture *f)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.child = &hooks, .actor = &serving,
                                 .state_size = sizeof(struct server), .mailbox_bound = ROUNDS),
                     &id),
        TROUPE_OK);
    return id;
}

/* ---- who asks ---- */

struct order {
    troupe_id whom;
    bool keep;        /* one, for ever; else ROUNDS of them */
    bool cancel_soon; /* when the answer may be there */
};

struct asker {
    troupe_correlation asked[ROUNDS];
    uint8_t n_ends[ROUNDS];
    uint32_t n_asked;
};

static _Atomic uint32_t n_asked, n_ends, n_odd, last_status;

static void ask_once(struct asker *asker, troupe_context *ctx, const struct order *order)
{
    troupe_correlation *correlation = &asker->asked[asker->n_asked];

    if (troupe_request(ctx, order->whom, order->keep ? TROUPE_TEXT("keep") : TROUPE_TEXT("now"),
                       TROUPE_FOREVER, correlation) != TROUPE_OK)
        return;
    asker->n_asked++;
    trp_add_seq(&n_asked, 1);
    if (!order->cancel_soon)
        return;
    for (volatile uint32_t n = asker->n_asked * 7 % 600; n > 0; n--)
        continue; /* so that each of them crosses at another moment */
    troupe_cancel(ctx, *correlation);
}

static troupe_status obey(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;

    memcpy(&order, message->payload.data, sizeof order);
    for (uint32_t i = 0; i < (order.keep ? 1 : ROUNDS); i++)
        ask_once(self, ctx, &order);
    return TROUPE_OK;
}

static void note_end(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct asker *asker = self;
    uint32_t i = 0;

    (void)ctx;
    while (i < asker->n_asked && asker->asked[i].value != answer->correlation.value)
        i++;
    if (i == asker->n_asked || ++asker->n_ends[i] > 1)
        trp_add_seq(&n_odd, 1);
    trp_store_seq(&last_status, answer->status);
    trp_add_seq(&n_ends, 1);
}

static const troupe_actor_ops asking = {.handle_message = obey, .handle_reply = note_end};

static troupe_id start_asking(fixture *f, struct order order)
{
    troupe_id id = TROUPE_NOBODY;

    trp_store_seq(&n_asked, 0);
    trp_store_seq(&n_ends, 0);
    trp_store_seq(&n_odd, 0);
    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &asking, .state_size = sizeof(struct asker),
                                              .mailbox_bound = 1),
                                  &id),
                     TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, TROUPE_BYTES_OF(order)), TROUPE_OK);
    wait_until_handled(f, id, 1);
    return id;
}

static void wait_for_ends(fixture *f)
{
    troupe_message message;

    for (int i = 0; i < 10000 && trp_load_seq(&n_ends) < trp_load_seq(&n_asked); i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_seq(&n_ends), trp_load_seq(&n_asked));
    assert_int_equal(trp_load_seq(&n_odd), 0);
}

static void end(fixture *f, troupe_id id)
{
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, id, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
}

static uint64_t pay_up(fixture *f, troupe_id server)
{
    troupe_reply_buffer reply;
    uint64_t status;

    assert_int_equal(troupe_call(f->me, server, TROUPE_TEXT("pay"), TROUPE_SECOND, &reply),
                     TROUPE_OK);
    status = troupe_reply_u64(&reply);
    troupe_reply_clear(&reply);
    return status;
}

/* ---- tests ---- */

static void test_a_shared_answer_is_the_same_bytes_for_all(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_server(f);
    troupe_reply_buffer first, second;

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("large"), TROUPE_SECOND, &first),
                     TROUPE_OK);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("this"), TROUPE_SECOND, &second),
                     TROUPE_OK);
    assert_ptr_equal(troupe_reply_bytes(&first).data, troupe_reply_bytes(&second).data);
    assert_int_equal(troupe_reply_bytes(&first).size, LARGE);
    end(f, id);
    assert_string_equal(troupe_reply_bytes(&first).data, "large"); /* by a count of its own */
    troupe_reply_clear(&first);
    troupe_reply_clear(&second);
}

/* Room is for messages: the one answer has its own. */
static void test_an_answer_comes_into_a_mailbox_that_is_full(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f),
              asker = start_asking(f, (struct order){server, .keep = true});
    trp_cell *cell = trp_cell_find(f->system, asker);

    wait_until_handled(f, server, 1);
    trp_add_seq(&cell->waiting, TRP_ROOM_MESSAGE); /* as if one were on its way for ever */
    assert_int_equal(troupe_send(f->me, asker, TROUPE_TEXT("x")), TROUPE_E_FULL);
    assert_int_equal(pay_up(f, server), TROUPE_OK);
    wait_for_ends(f);
    assert_int_equal(trp_load_seq(&last_status), TROUPE_OK);
    trp_sub_seq(&cell->waiting, TRP_ROOM_MESSAGE);
}

static void test_the_askers_end_is_an_end(void **state)
{
    fixture *f = *state;
    troupe_id server = spawn_server(f),
              asker = start_asking(f, (struct order){server, .keep = true});

    wait_until_handled(f, server, 1);
    end(f, asker);
    assert_int_equal(pay_up(f, server), TROUPE_E_GONE);
    assert_int_equal(trp_load_seq(&n_ends), 0);
}

/* The asker cancels on one worker what the server answers on another. */
static void test_a_cancel_that_crosses_the_answer_is_one_end(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 60; i++) {
        troupe_id server = spawn_server(f),
                  asker = start_asking(f, (struct order){server, .cancel_soon = true});

        wait_for_ends(f);
        end(f, asker);
        end(f, server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_shared_answer_is_the_same_bytes_for_all),
        BOTH(test_an_answer_comes_into_a_mailbox_that_is_full),
        BOTH(test_the_askers_end_is_an_end),
        BOTH(test_a_cancel_that_crosses_the_answer_is_one_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
