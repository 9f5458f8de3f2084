/* Dead letters that one can subscribe to, and ask for while they come. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

/* A component that takes no message until it is killed: what waits in it dies with it. */
static troupe_status wait_for_ever(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_PENDING;
}

static const troupe_actor_ops stuck = {.handle_message = wait_for_ever};

static troupe_id spawn_stuck(fixture *f, const char *name, uint32_t bound)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(f->me, TROUPE_SPEC(.name = name, .actor = &stuck, .mailbox_bound = bound),
                     &id),
        TROUPE_OK);
    return id;
}

static void end(fixture *f, troupe_id id)
{
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
}

/* Makes n dead letters, of n + 1 bytes each, to a component of this name. */
static troupe_id bury(fixture *f, const char *name, unsigned n)
{
    static const char payload[16];
    troupe_id id = spawn_stuck(f, name, 0);

    for (unsigned i = 0; i < n; i++)
        assert_int_equal(troupe_send(f->me, id, (troupe_bytes){payload, n + 1}), TROUPE_OK);
    end(f, id);
    return id;
}

static troupe_dead_letter expect_letter(fixture *f)
{
    troupe_dead_letter letter;
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, TROUPE_SECOND, &message), TROUPE_OK);
    assert_int_equal(message.sender.value, 0);
    assert_int_equal(message.sequence, 0);
    assert_int_equal(message.topic.size, strlen(TROUPE_DEAD_LETTERS_TOPIC));
    assert_memory_equal(message.topic.data, TROUPE_DEAD_LETTERS_TOPIC, message.topic.size);
    assert_int_equal(message.payload.size, sizeof letter);
    memcpy(&letter, message.payload.data, sizeof letter);
    return letter;
}

static void expect_nothing(fixture *f)
{
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
}

static uint64_t n_dead(fixture *f)
{
    troupe_totals totals;

    troupe_totals_now(f->system, &totals);
    return totals.dead_letters;
}

static void test_a_subscriber_gets_each_letter_as_a_message(void **state)
{
    fixture *f = *state;
    troupe_id target;

    assert_int_equal(troupe_dead_letters_subscribe(f->me), TROUPE_OK);
    assert_int_equal(troupe_dead_letters_subscribe(f->me), TROUPE_OK); /* twice is once */
    target = bury(f, "grave", 2);
    for (unsigned i = 1; i <= 2; i++) {
        troupe_dead_letter letter = expect_letter(f);

        assert_int_equal(letter.number, i);
        assert_int_equal(letter.reason, TROUPE_DEAD_KILLED);
        assert_int_equal(letter.sender.value, troupe_self(f->me).value);
        assert_int_equal(letter.target.value, target.value);
        assert_string_equal(letter.target_name, "grave");
        assert_int_equal(letter.sequence, i);
        assert_int_equal(letter.size, 3);
    }
    expect_nothing(f);
}

static void test_after_unsubscribing_no_letter_comes(void **state)
{
    fixture *f = *state;

    assert_false(troupe_dead_letters_unsubscribe(f->me));
    assert_int_equal(troupe_dead_letters_subscribe(f->me), TROUPE_OK);
    assert_true(troupe_dead_letters_unsubscribe(f->me));
    bury(f, "grave", 2);
    expect_nothing(f);
    assert_int_equal(n_dead(f), 2);
}

/* ---- subscribers that are components ---- */

static troupe_status subscribe(void *self, troupe_context *ctx)
{
    (void)self;
    return troupe_dead_letters_subscribe(ctx);
}

static const troupe_child_ops subscribing = {.post_start = subscribe};

/* Subscribes, and never finishes the first letter. */
static troupe_id spawn_stuck_subscriber(fixture *f, uint32_t bound)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.child = &subscribing, .actor = &stuck, .mailbox_bound = bound,
                                 .on_full = TROUPE_ON_FULL_BLOCK),
                     &id),
        TROUPE_OK);
    return id;
}

static void test_a_full_subscriber_is_passed_over_and_that_is_counted(void **state)
{
    fixture *f = *state;
    troupe_id full = spawn_stuck_subscriber(f, 2);
    troupe_totals totals;

    assert_int_equal(troupe_dead_letters_subscribe(f->me), TROUPE_OK);
    bury(f, "grave", 5);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.dead_letters_untold, 3);
    assert_int_equal(troupe_waiting(f->system, full), 2);
    for (unsigned i = 1; i <= 5; i++) /* the one with room got all of them */
        assert_int_equal(expect_letter(f).number, i);
}

static void test_a_letter_about_a_letter_makes_no_message(void **state)
{
    fixture *f = *state;
    troupe_id subscriber = spawn_stuck_subscriber(f, 16);

    assert_int_equal(troupe_dead_letters_subscribe(f->me), TROUPE_OK);
    bury(f, "grave", 3);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(expect_letter(f).number, i);
    end(f, subscriber); /* with three letters in its mailbox */
    assert_int_equal(n_dead(f), 6);
    expect_nothing(f);
    bury(f, "grave", 1);
    assert_int_equal(expect_letter(f).number, 7);
}

static void test_who_ended_is_no_subscriber_and_makes_place(void **state)
{
    fixture *f = *state;
    troupe_id ids[16];

    for (int i = 0; i < 16; i++)
        ids[i] = spawn_stuck_subscriber(f, 4);
    assert_int_equal(troupe_dead_letters_subscribe(f->me), TROUPE_E_QUOTA);
    end(f, ids[7]);
    assert_int_equal(troupe_dead_letters_subscribe(f->me), TROUPE_OK);
    bury(f, "grave", 1);
    assert_int_equal(expect_letter(f).number, 1);
    for (int i = 0; i < 16; i++)
        assert_int_equal(troupe_waiting(f->system, ids[i]), i != 7);
}

/* ---- over a restart ---- */

static troupe_status crash(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    if (message->topic.size == 0)
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
    return TROUPE_OK;
}

static troupe_status subscribe_in_the_first_life(void *self, troupe_context *ctx)
{
    (void)self;
    return troupe_incarnation(ctx) == 1 ? troupe_dead_letters_subscribe(ctx) : TROUPE_OK;
}

static const troupe_child_ops once_subscribing = {.post_start = subscribe_in_the_first_life};
static const troupe_actor_ops crashing = {.handle_message = crash};

static troupe_status start_child(void *self, troupe_context *ctx)
{
    return troupe_spawn(ctx,
                        TROUPE_SPEC(.name = "child", .child = &once_subscribing, .actor = &crashing,
                                    .supervised = true),
                        self);
}

static const troupe_child_ops parent_hooks = {.post_start = start_child};
static const troupe_actor_ops parent_actor = {.handle_down = restart_held_child};

static void test_a_subscription_outlasts_a_restart(void **state)
{
    fixture *f = *state;
    troupe_info info;
    troupe_id child;

    spawn_named(f, "parent", &parent_hooks, &parent_actor, sizeof(troupe_id));
    assert_int_equal(troupe_lookup(f->system, "child", &child), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, child, TROUPE_TEXT("boom")), TROUPE_OK);
    wait_until_handled(f, child, 1); /* its next life handles the letter about the crash */
    assert_int_equal(troupe_info_of(f->system, child, &info), TROUPE_OK);
    assert_int_equal(info.incarnation, 2);
}

/* ---- a storm ---- */

#define STORM_ROUNDS 3000
#define STORM_BURIERS 2

struct burier {
    troupe_system *system;
    trp_thread thread;
};

static _Atomic unsigned n_burying;

static void bury_on(void *arg)
{
    const struct burier *burier = arg;
    troupe_context *me = troupe_attach(burier->system);

    for (int i = 0; me && i < STORM_ROUNDS; i++)
        troupe_dead_letter_add(me, TROUPE_NOBODY, TROUPE_DEAD_TOO_LARGE, (size_t)i);
    troupe_detach(me);
    trp_sub_acq_rel(&n_burying, 1);
}

/* The newest first, without a gap: what was asked for is one piece of the row. */
static void check_row(const troupe_dead_letter *letters, size_t n)
{
    for (size_t i = 1; i < n; i++)
        assert_int_equal(letters[i].number, letters[0].number - i);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(letters[i].reason, TROUPE_DEAD_TOO_LARGE);
}

static void test_in_a_storm_the_kept_ones_are_a_row_without_a_gap(void **state)
{
    static troupe_dead_letter letters[200];
    fixture *f = *state;
    struct burier buriers[STORM_BURIERS];
    size_t n;

    spawn_stuck_subscriber(f, 64);
    trp_store_release(&n_burying, STORM_BURIERS);
    for (int i = 0; i < STORM_BURIERS; i++) {
        buriers[i].system = f->system;
        assert_true(trp_thread_start(&buriers[i].thread, "burier", 0, bury_on, &buriers[i]));
    }
    while (trp_load_acquire(&n_burying)) {
        n = troupe_dead_letters(f->system, letters, 200);
        assert_true(n <= 128);
        check_row(letters, n);
    }
    for (int i = 0; i < STORM_BURIERS; i++)
        trp_thread_join(&buriers[i].thread);
    assert_int_equal(troupe_dead_letters(f->system, letters, 200), 128);
    check_row(letters, 128);
    assert_int_equal(letters[0].number, STORM_BURIERS * STORM_ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_subscriber_gets_each_letter_as_a_message),
        BOTH(test_after_unsubscribing_no_letter_comes),
        BOTH(test_a_full_subscriber_is_passed_over_and_that_is_counted),
        BOTH(test_a_letter_about_a_letter_makes_no_message),
        BOTH(test_who_ended_is_no_subscriber_and_makes_place),
        BOTH(test_a_subscription_outlasts_a_restart),
        cmocka_unit_test_setup_teardown(test_in_a_storm_the_kept_ones_are_a_row_without_a_gap,
                                        on_threads, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
