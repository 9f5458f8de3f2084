/* Calls that make no sense: each is refused with a defined error, and the system goes on. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

/* ---- whom it is sent to, and what ---- */

static troupe_status take(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, (troupe_bytes){"", message->payload.size ? 1 : 0});
}

static const troupe_actor_ops taker = {.handle_message = take};

static void test_nobody_gets_nothing(void **state)
{
    fixture *f = *state;
    troupe_timer_id timer;

    assert_int_equal(troupe_send(f->me, TROUPE_NOBODY, TROUPE_TEXT("x")), TROUPE_E_GONE);
    assert_int_equal(troupe_call(f->me, TROUPE_NOBODY, TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_E_GONE);
    assert_int_equal(troupe_send_after(f->me, TROUPE_NOBODY, TROUPE_TEXT("x"), 1, &timer),
                     TROUPE_E_GONE);
    assert_int_equal(troupe_stop(f->me, TROUPE_NOBODY, TROUPE_STOP_REQUESTED), TROUPE_E_GONE);
    assert_int_equal(troupe_kill(f->me, TROUPE_NOBODY), TROUPE_E_GONE);
    assert_int_equal(troupe_restart(f->me, TROUPE_NOBODY), TROUPE_E_GONE);
    assert_int_equal(troupe_waiting(f->system, TROUPE_NOBODY), 0);
}

static void test_an_id_that_never_was_gets_nothing(void **state)
{
    fixture *f = *state;
    troupe_id id = {UINT64_MAX};

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_E_GONE);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_E_GONE);
    assert_int_equal(troupe_release(f->me, id, true), TROUPE_E_GONE);
    troupe_wake(f->system, id, 1);
}

/* A slot that no component ever had, the one before the first, and the generation that is nobody's: whoever makes up a
 * number, as a guest may, meets no cell. */
static void test_a_made_up_id_gets_nothing(void **state)
{
    fixture *f = *state;
    troupe_id used = spawn_named(f, NULL, NULL, &taker, 0);
    troupe_id ids[] = {
        {UINT64_C(7) << 32 | 500}, {UINT64_C(7) << 32}, {500}, {(uint32_t)used.value}};

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        troupe_monitor monitor;
        troupe_timer_id timer;

        assert_int_equal(troupe_send_after(f->me, ids[i], TROUPE_TEXT("x"), 1, &timer),
                         TROUPE_E_GONE);
        assert_int_equal(troupe_send_every(f->me, ids[i], TROUPE_TEXT("x"), 1, &timer),
                         TROUPE_E_GONE);
        assert_int_equal(troupe_stop(f->me, ids[i], TROUPE_STOP_REQUESTED), TROUPE_E_GONE);
        assert_int_equal(troupe_kill(f->me, ids[i]), TROUPE_E_GONE);
        troupe_wake(f->system, ids[i], 0);
        /* gone, which is told at once; and nobody is there to be told that the monitor ends */
        assert_int_equal(troupe_monitor_start(f->me, ids[i], 0, &monitor), TROUPE_OK);
        assert_true(troupe_monitor_stop(f->me, monitor));
    }
}

static void test_the_dead_get_nothing(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &taker, 0);

    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_FOREVER, NULL), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_E_GONE);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL), TROUPE_E_GONE);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_E_GONE);
    troupe_wake(f->system, id, 1);
}

static void test_an_empty_payload_is_one_and_a_huge_one_is_refused(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &taker, 0);
    troupe_bytes huge = {"", SIZE_MAX};
    troupe_reply_buffer reply;

    assert_int_equal(troupe_call(f->me, id, (troupe_bytes){NULL, 0}, TROUPE_FOREVER, &reply),
                     TROUPE_OK);
    assert_int_equal(troupe_reply_bytes(&reply).size, 0);
    assert_int_equal(troupe_send(f->me, id, huge), TROUPE_E_TOO_LARGE);
    assert_int_equal(troupe_call(f->me, id, huge, TROUPE_SECOND, NULL), TROUPE_E_TOO_LARGE);
    assert_int_equal(troupe_send_after(f->me, id, huge, 1, NULL), TROUPE_E_TOO_LARGE);
    assert_int_equal(troupe_reply(f->me, huge), TROUPE_E_TOO_LARGE);
    assert_null(troupe_payload_new(huge));
}

/* ---- one that sends to itself without an end ---- */

struct looper {
    _Atomic uint32_t n_full, n_sent;
};

static struct looper loops;

static troupe_status loop(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)message;
    for (int i = 0; i < 100; i++) {
        troupe_status status = troupe_send(ctx, troupe_self(ctx), TROUPE_TEXT("again"));

        if (status == TROUPE_E_FULL)
            trp_add_seq(&loops.n_full, 1);
        else if (status == TROUPE_OK)
            trp_add_seq(&loops.n_sent, 1);
    }
    return TROUPE_OK;
}

static const troupe_actor_ops looper = {.handle_message = loop};

static void loop_with(fixture *f, troupe_on_full on_full)
{
    troupe_id id, other = spawn_named(f, NULL, NULL, &taker, 0);

    memset(&loops, 0, sizeof loops);
    assert_int_equal(
        troupe_spawn(f->me, TROUPE_SPEC(.actor = &looper, .mailbox_bound = 8, .on_full = on_full),
                     &id),
        TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("begin")), TROUPE_OK);
    for (int i = 0; i < 10; i++) /* others are served meanwhile */
        assert_int_equal(troupe_call(f->me, other, TROUPE_TEXT("x"), TROUPE_FOREVER, NULL),
                         TROUPE_OK);
    wait_until_handled(f, id, 20);
    assert_true(trp_load_seq(&loops.n_full) > 0);
    assert_true(troupe_waiting(f->system, id) <= 9);
}

static void test_who_sends_to_itself_for_ever_fills_its_own_mailbox_only(void **state)
{
    loop_with(*state, TROUPE_ON_FULL_REJECT);
}

static void test_who_blocks_on_itself_is_refused_instead(void **state)
{
    loop_with(*state, TROUPE_ON_FULL_BLOCK);
}

/* ---- from inside ---- */

struct orders {
    fixture *f;
    troupe_context *leaked; /* the handler's own context */
    troupe_status called, received, waited, through_thread, attached;
    uint64_t walked;
    _Atomic bool done;
};

static struct orders orders;

static troupe_status misbehave(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_message unread;
    troupe_system *system = troupe_system_of(ctx);
    troupe_context *mine;

    (void)self;
    (void)message;
    orders.leaked = ctx;
    orders.called = troupe_call(ctx, troupe_self(ctx), TROUPE_TEXT("x"), TROUPE_SECOND, NULL);
    orders.received = troupe_receive(ctx, 0, &unread);
    orders.waited = troupe_wait_end(ctx, troupe_self(ctx), TROUPE_SECOND, NULL);
    orders.through_thread = troupe_send(orders.f->me, troupe_self(ctx), TROUPE_TEXT("x"));
    mine = troupe_attach(system);
    orders.attached = mine ? TROUPE_OK : TROUPE_E_INVALID;
    troupe_detach(ctx);
    (void)troupe_step(system);
    troupe_system_stop(system);
    troupe_system_free(system);
    orders.walked = troupe_walk_mailboxes(system);
    trp_store_seq(&orders.done, true);
    return troupe_reply(ctx, TROUPE_TEXT("alive"));
}

static const troupe_actor_ops misbehaver = {.handle_message = misbehave};

static troupe_id let_misbehave(fixture *f)
{
    troupe_id id = spawn_named(f, NULL, NULL, &misbehaver, 0);
    troupe_reply_buffer reply;

    memset(&orders, 0, sizeof orders);
    orders.f = f;
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, &reply), TROUPE_OK);
    assert_int_equal(troupe_reply_bytes(&reply).size, 5);
    troupe_reply_clear(&reply);
    return id;
}

static void test_a_handler_may_not_wait(void **state)
{
    let_misbehave(*state);
    assert_int_equal(orders.called, TROUPE_E_INVALID);
    assert_int_equal(orders.received, TROUPE_E_INVALID);
    assert_int_equal(orders.waited, TROUPE_E_INVALID);
}

static void test_a_handler_may_not_stop_or_free_its_system(void **state)
{
    fixture *f = *state;
    troupe_id id = let_misbehave(f);

    assert_true(trp_load_seq(&orders.done));
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, NULL), TROUPE_OK);
}

/* It would wait for its own turn. Its own message is there, and not counted. */
static void test_a_handler_may_not_walk_the_mailboxes(void **state)
{
    let_misbehave(*state);
    assert_true(trp_load_seq(&orders.done));
    assert_int_equal(orders.walked, 0);
}

static void test_a_handler_may_not_use_or_make_a_threads_context(void **state)
{
    let_misbehave(*state);
    assert_int_equal(orders.through_thread, TROUPE_E_INVALID);
    assert_int_equal(orders.attached, TROUPE_E_INVALID);
}

/* The rest of them: by count, of a supervisor, of room, of names. */
static void expect_the_others_refused(troupe_context *ctx, troupe_id id)
{
    troupe_payload *payload = troupe_payload_new(TROUPE_TEXT("x"));
    troupe_correlation correlation;
    troupe_timer_id timer;
    troupe_shared *shared;
    troupe_id found;

    assert_non_null(payload);
    assert_int_equal(troupe_send_shared(ctx, id, NULL, payload), TROUPE_E_INVALID);
    assert_int_equal(troupe_request_shared(ctx, id, NULL, payload, 1, &correlation),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_call_shared(ctx, id, NULL, payload, 1, NULL), TROUPE_E_INVALID);
    assert_int_equal(troupe_reply_shared(ctx, (troupe_correlation){1}, payload), TROUPE_E_INVALID);
    assert_int_equal(troupe_fail(ctx, (troupe_correlation){1}, TROUPE_E_FAILED, TROUPE_TEXT("x")),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_send_every(ctx, id, TROUPE_TEXT("x"), 1, &timer), TROUPE_E_INVALID);
    assert_int_equal(troupe_room_notify(ctx, id), TROUPE_E_INVALID);
    assert_int_equal(troupe_room_wait(ctx, id, 0), TROUPE_E_INVALID);
    assert_int_equal(troupe_refuse(ctx, id), TROUPE_E_INVALID);
    assert_int_equal(troupe_lookup_or_spawn(ctx, TROUPE_SPEC(.name = "late", .actor = &taker),
                                            &found, NULL, NULL),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_shared_new(1, &shared), TROUPE_OK);
    assert_int_equal(troupe_shared_write(ctx, shared, TROUPE_TEXT("x")), TROUPE_E_INVALID);
    assert_int_equal(troupe_shared_version(shared), 0);
    troupe_shared_unref(shared);
    assert_null(troupe_killed(ctx));
    troupe_log_keep(ctx, TROUPE_TEXT("x"));
    troupe_payload_unref(payload);
}

/* Every verb that takes a context; those without a status must do nothing. */
static void expect_refused(fixture *f, troupe_context *ctx, troupe_id id)
{
    troupe_correlation correlation;
    troupe_timer_id timer;
    troupe_monitor monitor;
    troupe_message message;
    troupe_id child;

    assert_int_equal(troupe_send(ctx, id, TROUPE_TEXT("x")), TROUPE_E_INVALID);
    assert_int_equal(troupe_request(ctx, id, TROUPE_TEXT("x"), 1, &correlation), TROUPE_E_INVALID);
    assert_int_equal(troupe_call(ctx, id, TROUPE_TEXT("x"), 1, NULL), TROUPE_E_INVALID);
    assert_int_equal(troupe_receive(ctx, 0, &message), TROUPE_E_INVALID);
    assert_int_equal(troupe_wait_end(ctx, id, 0, NULL), TROUPE_E_INVALID);
    assert_int_equal(troupe_reply(ctx, TROUPE_TEXT("x")), TROUPE_E_INVALID);
    assert_int_equal(troupe_reply_to(ctx, (troupe_correlation){1}, TROUPE_TEXT("x")),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_spawn(ctx, TROUPE_SPEC(.actor = &taker), &child), TROUPE_E_INVALID);
    assert_int_equal(troupe_stop(ctx, id, TROUPE_STOP_REQUESTED), TROUPE_E_INVALID);
    assert_int_equal(troupe_kill(ctx, id), TROUPE_E_INVALID);
    assert_int_equal(troupe_send_after(ctx, id, TROUPE_TEXT("x"), 1, &timer), TROUPE_E_INVALID);
    assert_int_equal(troupe_monitor_start(ctx, id, 0, &monitor), TROUPE_E_INVALID);
    assert_false(troupe_cancel(ctx, (troupe_correlation){1}));
    assert_false(troupe_cancel_timer(ctx, (troupe_timer_id){1}));
    assert_false(troupe_monitor_stop(ctx, (troupe_monitor){1}));
    assert_false(troupe_overrun(ctx));
    assert_int_equal(troupe_delegate(ctx, (troupe_correlation){1}, id, TROUPE_TEXT("x")),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_link(ctx, id), TROUPE_E_INVALID);
    assert_int_equal(troupe_unlink(ctx, id), TROUPE_E_INVALID);
    assert_int_equal(troupe_trace_set(ctx, TROUPE_TEXT("")), TROUPE_E_INVALID);
    assert_int_equal(troupe_dead_letters_subscribe(ctx), TROUPE_E_INVALID);
    assert_false(troupe_dead_letters_unsubscribe(ctx));
    expect_the_others_refused(ctx, id);
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, "not mine");
    troupe_exit_self(ctx);
    troupe_dead_letter_add(ctx, id, TROUPE_DEAD_REFUSED, 1);
    troupe_detach(ctx);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, NULL), TROUPE_OK);
}

static void test_a_handlers_context_is_of_no_use_outside(void **state)
{
    troupe_id id = let_misbehave(*state);

    expect_refused(*state, orders.leaked, id);
}

static void test_a_context_that_was_given_back_is_of_no_use(void **state)
{
    fixture *f = *state;
    troupe_context *second = troupe_attach(f->system);
    troupe_id id = spawn_named(f, NULL, NULL, &taker, 0);

    troupe_detach(second);
    expect_refused(f, second, id);
    for (int i = 0; i < 100; i++) /* also when its slot is another's */
        spawn_named(f, NULL, NULL, &taker, 0);
    expect_refused(f, second, id);
}

struct stranger {
    fixture *f;
    troupe_status sent, received;
};

static void use_anothers(void *argument)
{
    struct stranger *stranger = argument;
    troupe_message message;

    stranger->sent = troupe_send(stranger->f->me, troupe_self(stranger->f->me), TROUPE_TEXT("x"));
    stranger->received = troupe_receive(stranger->f->me, 0, &message);
    troupe_detach(stranger->f->me);
}

static void test_a_threads_context_is_of_no_use_to_another_thread(void **state)
{
    struct stranger stranger = {.f = *state};
    trp_thread thread;

    assert_true(trp_thread_start(&thread, "stranger", 0, use_anothers, &stranger));
    trp_thread_join(&thread);
    assert_int_equal(stranger.sent, TROUPE_E_INVALID);
    assert_int_equal(stranger.received, TROUPE_E_INVALID);
    assert_int_equal(troupe_receive(stranger.f->me, 0, &(troupe_message){.sequence = 0}),
                     TROUPE_E_TIMEOUT);
}

static void work_as_the_thread(void *argument)
{
    struct stranger *stranger = argument;

    use_anothers(stranger);
    troupe_system_free(stranger->f->system);
    trp_store_seq(&orders.done, true);
}

static void test_offloaded_work_may_use_no_context_and_end_nothing(void **state)
{
    struct stranger stranger = {.f = *state};
    troupe_message message;

    trp_store_seq(&orders.done, false);
    assert_int_equal(troupe_offload(stranger.f->system, work_as_the_thread, &stranger), TROUPE_OK);
    for (int i = 0; i < 10000 && !trp_load_seq(&orders.done); i++)
        assert_int_equal(troupe_receive(stranger.f->me, TROUPE_MILLISECOND, &message),
                         TROUPE_E_TIMEOUT);
    assert_true(trp_load_seq(&orders.done));
    assert_int_equal(stranger.sent, TROUPE_E_INVALID);
}

/* ---- what does not apply ---- */

static void test_a_wake_of_what_does_not_wait_is_nothing(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &taker, 0);

    for (uint32_t life = 0; life < 3; life++)
        troupe_wake(f->system, id, life);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, NULL), TROUPE_OK);
    troupe_wake(f->system, troupe_self(f->me), 1);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, NULL), TROUPE_OK);
}

static void test_a_thread_may_not_do_what_needs_a_handler(void **state)
{
    fixture *f = *state;
    troupe_correlation correlation;
    troupe_id id = spawn_named(f, NULL, NULL, &taker, 0);

    assert_int_equal(troupe_request(f->me, id, TROUPE_TEXT("x"), TROUPE_SECOND, &correlation),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_spawn(f->me, TROUPE_SPEC(.supervised = true), &id), TROUPE_E_INVALID);
    assert_int_equal(troupe_reply(f->me, TROUPE_TEXT("to nobody")), TROUPE_OK);
    assert_int_equal(troupe_reply_to(f->me, (troupe_correlation){77}, TROUPE_TEXT("x")),
                     TROUPE_E_INVALID);
    troupe_crash(f->me, TROUPE_EXIT_CRASHED, "a thread has no life");
    troupe_exit_self(f->me);
    if (!troupe_simulated(f->system))
        assert_false(troupe_step(f->system));
}

/* ---- what makes no sense in itself ---- */

static troupe_status crash_without_words(void *self, troupe_context *ctx,
                                         const troupe_message *message)
{
    (void)self;
    (void)message;
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, NULL);
    return TROUPE_OK;
}

static const troupe_actor_ops wordless = {.handle_message = crash_without_words};

static void test_a_crash_needs_no_words(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &wordless, 0);

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, NULL),
                     TROUPE_E_CRASHED);
}

/* ---- the log ---- */

static unsigned n_lines;

static void count_line(void *arg, const troupe_log_line *line)
{
    (void)arg;
    (void)line;
    n_lines++;
}

static void test_a_context_that_was_given_back_writes_no_line(void **state)
{
    fixture *f = *state;
    troupe_context *second = troupe_attach(f->system);

    n_lines = 0;
    troupe_log_write(second, TROUPE_LEVEL_INFO, "test", TROUPE_TEXT("x"));
    assert_int_equal(n_lines, 1);
    troupe_detach(second);
    troupe_log_write(second, TROUPE_LEVEL_INFO, "test", TROUPE_TEXT("x"));
    assert_int_equal(n_lines, 1);
}

static int with_a_log(void **state)
{
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.workers = 1, .log = {count_line, NULL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_nobody_gets_nothing),
        BOTH(test_an_id_that_never_was_gets_nothing),
        BOTH(test_a_made_up_id_gets_nothing),
        BOTH(test_the_dead_get_nothing),
        BOTH(test_an_empty_payload_is_one_and_a_huge_one_is_refused),
        BOTH(test_who_sends_to_itself_for_ever_fills_its_own_mailbox_only),
        BOTH(test_who_blocks_on_itself_is_refused_instead),
        BOTH(test_a_handler_may_not_wait),
        BOTH(test_a_handler_may_not_stop_or_free_its_system),
        BOTH(test_a_handler_may_not_walk_the_mailboxes),
        cmocka_unit_test_setup_teardown(test_a_context_that_was_given_back_writes_no_line,
                                        with_a_log, tear_down),
        BOTH(test_a_crash_needs_no_words),
        BOTH(test_a_handler_may_not_use_or_make_a_threads_context),
        BOTH(test_a_handlers_context_is_of_no_use_outside),
        BOTH(test_a_context_that_was_given_back_is_of_no_use),
        BOTH(test_a_threads_context_is_of_no_use_to_another_thread),
        BOTH(test_offloaded_work_may_use_no_context_and_end_nothing),
        BOTH(test_a_wake_of_what_does_not_wait_is_nothing),
        BOTH(test_a_thread_may_not_do_what_needs_a_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
