/* Mailboxes that lose a message rather than refuse one: which one, who is told, and that nothing else is lost. */
#include "gate_testing.h"

static uint64_t count_dead(fixture *f)
{
    troupe_totals totals;

    troupe_totals_now(f->system, &totals);
    return totals.dead_letters;
}

/* The sequence numbers of the last n dead letters, oldest first, all of them for want of room. */
static void expect_dropped(fixture *f, const uint64_t *sequences, size_t n)
{
    troupe_dead_letter letters[16];

    assert_int_equal(count_dead(f), n);
    assert_int_equal(troupe_dead_letters(f->system, letters, 16), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(letters[n - 1 - i].sequence, sequences[i]);
        assert_int_equal(letters[n - 1 - i].reason, TROUPE_DEAD_FULL);
        assert_int_equal(letters[n - 1 - i].sender.value, troupe_self(f->me).value);
        assert_int_equal(letters[n - 1 - i].size, sizeof(uint32_t));
    }
}

static void test_a_full_mailbox_loses_the_newest(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 4, 0, TROUPE_ON_FULL_DROP_NEWEST);

    send_numbers(f, id, 2, 7);
    assert_int_equal(troupe_waiting(f->system, id), 4);
    expect_dropped(f, (const uint64_t[]){5, 6, 7}, 3);
    gate_open(f, id);
    EXPECT_NUMBERS(f, 1, 2, 3, 4);
}

static void test_a_full_mailbox_loses_the_oldest_that_waits(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 4, 0, TROUPE_ON_FULL_DROP_OLDEST);

    send_numbers(f, id, 2, 7);
    assert_int_equal(troupe_waiting(f->system, id), 4);
    expect_dropped(f, (const uint64_t[]){2, 3, 4}, 3);
    gate_open(f, id);
    EXPECT_NUMBERS(f, 1, 5, 6, 7);
}

static void test_the_newest_message_is_never_the_oldest(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 1, 0, TROUPE_ON_FULL_DROP_OLDEST);

    send_numbers(f, id, 2, 4); /* the one at hand takes the only place */
    expect_dropped(f, (const uint64_t[]){2, 3}, 2);
    gate_open(f, id);
    EXPECT_NUMBERS(f, 1, 4);
}

static void test_the_oldest_make_room_in_bytes(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 100, 16, TROUPE_ON_FULL_DROP_OLDEST);
    uint32_t large[4] = {5};

    send_numbers(f, id, 2, 4);
    assert_int_equal(count_dead(f), 0);
    assert_int_equal(troupe_send(f->me, id, TROUPE_BYTES_OF(large)), TROUPE_OK);
    expect_dropped(f, (const uint64_t[]){2}, 1); /* 12 bytes waited: below the bound again */
    gate_open(f, id);
    EXPECT_NUMBERS(f, 1, 3, 4, 5);
}

/* ---- who asks ---- */

static void test_a_call_that_finds_no_room_ends_at_once(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 1, 0, TROUPE_ON_FULL_DROP_NEWEST);
    uint32_t number = 2;

    assert_int_equal(troupe_call(f->me, id, TROUPE_BYTES_OF(number), TROUPE_FOREVER, NULL),
                     TROUPE_E_FULL);
    expect_dropped(f, (const uint64_t[]){2}, 1);
    gate_open(f, id);
    EXPECT_NUMBERS(f, 1);
}

static _Atomic uint32_t n_answers, n_full_answers;

static troupe_status ask(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_correlation correlation;
    troupe_id whom;

    (void)self;
    memcpy(&whom, message->payload.data, sizeof whom);
    return troupe_request(ctx, whom, TROUPE_TEXT("asked"), TROUPE_FOREVER, &correlation);
}

static void note_answer(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    (void)self;
    (void)ctx;
    if (answer->status == TROUPE_E_FULL)
        trp_add_seq(&n_full_answers, 1);
    trp_add_seq(&n_answers, 1);
}

static const troupe_actor_ops asking = {.handle_message = ask, .handle_reply = note_answer};

static void test_who_asked_by_a_message_that_is_dropped_later_is_told(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_stalled(f, 3, 0, TROUPE_ON_FULL_DROP_OLDEST);
    troupe_id asker = spawn_named(f, NULL, NULL, &asking, 0);

    trp_store_seq(&n_answers, 0);
    trp_store_seq(&n_full_answers, 0);
    assert_int_equal(troupe_send(f->me, asker, TROUPE_BYTES_OF(id)), TROUPE_OK);
    wait_until_handled(f, asker, 1);
    assert_int_equal(trp_load_seq(&n_answers), 0); /* it waits */
    send_numbers(f, id, 3, 4);
    gate_wait(f, &n_full_answers, 1);
    assert_int_equal(trp_load_seq(&n_answers), 1);
    gate_open(f, id);
    EXPECT_NUMBERS(f, 1, 3, 4);
}

/* ---- what takes no room ---- */

static troupe_status answer_at_once(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops answering = {.handle_message = answer_at_once};

/* Asks whom it is told to, and stalls in the next message. */
static troupe_status ask_and_stall(void *self, troupe_context *ctx, const troupe_message *message)
{
    if (message->payload.size == sizeof(troupe_id))
        return ask(self, ctx, message);
    return gate_handle(self, ctx, message);
}

static const troupe_actor_ops stalling = {
    .handle_message = ask_and_stall, .handle_reply = note_answer, .resume = gate_resume};

static void test_a_flood_drops_no_answers_and_no_timers(void **state)
{
    fixture *f = *state;
    troupe_id helper = spawn_named(f, NULL, NULL, &answering, 0);
    uint32_t late = 99;
    troupe_id id;

    trp_store_seq(&n_answers, 0);
    trp_store_seq(&n_full_answers, 0);
    trp_store_seq(&gate_taken, 0);
    trp_store_seq(&gate_n, 0);
    trp_store_seq(&gate_stalled, 0);
    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.actor = &stalling, .state_size = sizeof(gate), .mailbox_bound = 2,
                                 .on_full = TROUPE_ON_FULL_DROP_OLDEST, .drain = true),
                     &id),
        TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, TROUPE_BYTES_OF(helper)), TROUPE_OK);
    send_number(f, id, 1);
    gate_wait(f, &gate_stalled, 1);
    assert_int_equal(troupe_send_after(f->me, id, TROUPE_BYTES_OF(late), 1, NULL), TROUPE_OK);
    wait_until_handled(f, helper, 1); /* the answer waits, or was taken before the stall */
    send_numbers(f, id, 2, 20);
    gate_open(f, id);
    gate_wait(f, &gate_n, 3);
    gate_wait(f, &n_answers, 1);
    assert_int_equal(trp_load_seq(&n_full_answers), 0);
    assert_int_equal(count_dead(f), 18);
}

/* ---- many at a time ---- */

#define N_FLOODERS 4
#define N_EACH 5000u

typedef struct flooder {
    troupe_system *system;
    troupe_id target;
    trp_thread thread;
} flooder;

static void flood(void *arg)
{
    flooder *self = arg;
    troupe_context *ctx = troupe_attach(self->system);

    for (uint32_t i = 0; i < N_EACH; i++)
        TROUPE_ASSERT(troupe_send(ctx, self->target, TROUPE_BYTES_OF(i)) == TROUPE_OK);
    troupe_detach(ctx);
}

static void start_flood(fixture *f, troupe_id target, flooder *flooders)
{
    for (int i = 0; i < N_FLOODERS; i++) {
        flooders[i] = (flooder){.system = f->system, .target = target};
        assert_true(trp_thread_start(&flooders[i].thread, "flood", 0, flood, &flooders[i]));
    }
}

static void end_flood(flooder *flooders)
{
    for (int i = 0; i < N_FLOODERS; i++)
        trp_thread_join(&flooders[i].thread);
}

/* A sender that is through may leave its slot to the next one, whose id differs. */
static void expect_order_of_each_sender(uint32_t n)
{
    static gate_note last[64];

    memset(last, 0, sizeof last);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = (uint32_t)gate_notes[i].sender;

        assert_true(slot < 64);
        if (last[slot].sender == gate_notes[i].sender)
            assert_true(gate_notes[i].sequence > last[slot].sequence);
        last[slot] = gate_notes[i];
    }
}

static void test_many_senders_leave_exactly_the_bound(void **state)
{
    fixture *f = *state;
    flooder flooders[N_FLOODERS];
    troupe_id id = spawn_stalled(f, 32, 0, TROUPE_ON_FULL_DROP_OLDEST);

    start_flood(f, id, flooders);
    end_flood(flooders);
    assert_int_equal(troupe_waiting(f->system, id), 32);
    assert_int_equal(count_dead(f), N_FLOODERS * N_EACH + 1 - 32);
    gate_open(f, id);
    gate_wait(f, &gate_n, 32);
    expect_order_of_each_sender(32);
}

static void test_a_receiver_that_takes_meanwhile_gets_each_message_once(void **state)
{
    fixture *f = *state;
    flooder flooders[N_FLOODERS];
    troupe_id id = spawn_stalled(f, 8, 0, TROUPE_ON_FULL_DROP_OLDEST);
    troupe_totals totals;

    gate_open(f, id);
    start_flood(f, id, flooders);
    end_flood(flooders);
    wait_until_empty(f, id);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.handled + totals.dead_letters, N_FLOODERS * N_EACH + 1);
    gate_wait(f, &gate_n, (uint32_t)totals.handled); /* and its notes can be seen */
    expect_order_of_each_sender((uint32_t)totals.handled);
}

#define THREADS(test)                                                                              \
    {                                                                                              \
#test, test, on_threads, tear_down, NULL                                                   \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_full_mailbox_loses_the_newest),
        BOTH(test_a_full_mailbox_loses_the_oldest_that_waits),
        BOTH(test_the_newest_message_is_never_the_oldest),
        BOTH(test_the_oldest_make_room_in_bytes),
        BOTH(test_a_call_that_finds_no_room_ends_at_once),
        BOTH(test_who_asked_by_a_message_that_is_dropped_later_is_told),
        BOTH(test_a_flood_drops_no_answers_and_no_timers),
        THREADS(test_many_senders_leave_exactly_the_bound),
        THREADS(test_a_receiver_that_takes_meanwhile_gets_each_message_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
