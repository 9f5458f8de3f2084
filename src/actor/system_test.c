/* The actor system from outside: the same tests run on threads and in simulation. */
#include "actor_testing.h"

#include "trp/atomic.h"

struct counter {
    uint64_t total;
};

static troupe_status count(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct counter *counter = self;

    counter->total += message->payload.size;
    return troupe_reply(ctx, TROUPE_BYTES_OF(counter->total));
}

static const troupe_actor_ops counter_actor = {.handle_message = count};

static void test_call_is_answered_by_the_handler(void **state)
{
    fixture *f = *state;
    troupe_reply_buffer reply;
    troupe_id id = spawn_named(f, "counter", NULL, &counter_actor, sizeof(struct counter));

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("hello")), TROUPE_OK);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("world"), TROUPE_SECOND, &reply),
                     TROUPE_OK);
    assert_int_equal(troupe_reply_u64(&reply), 10);
    troupe_reply_clear(&reply);
}

static void test_a_name_is_found_and_freed_by_the_end(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "counter", NULL, &counter_actor, sizeof(struct counter)), found;
    troupe_spec spec = {.size = sizeof spec, .name = "counter", .actor = &counter_actor};

    assert_int_equal(troupe_lookup(f->system, "counter", &found), TROUPE_OK);
    assert_int_equal(found.value, id.value);
    assert_int_equal(troupe_spawn(f->me, &spec, &found), TROUPE_E_TAKEN);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_lookup(f->system, "counter", &found), TROUPE_E_GONE);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("late")), TROUPE_E_GONE);
}

/* ---- hooks ---- */

struct hooked {
    int n;
};

static const char *hook_order[8];
static int n_hooks;

static troupe_status note_pre_start(void *self, const troupe_start *start)
{
    struct hooked *hooked = self;

    hook_order[n_hooks++ % 8] = "pre_start";
    if (hooked->n != 0)
        return TROUPE_E_INVALID;
    hooked->n = 1;
    if (start->argument)
        return troupe_error_set(start->error, TROUPE_E_INVALID, "%s",
                                (const char *)start->argument);
    return TROUPE_OK;
}

static troupe_status note_post_start(void *self, troupe_context *ctx)
{
    (void)self;
    (void)ctx;
    hook_order[n_hooks++ % 8] = "post_start";
    return TROUPE_OK;
}

static troupe_status note_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)self;
    (void)ctx;
    (void)reason;
    hook_order[n_hooks++ % 8] = "pre_stop";
    return TROUPE_OK;
}

static void note_post_stop(void *self)
{
    (void)self;
    hook_order[n_hooks++ % 8] = "post_stop";
}

static const troupe_child_ops hooks = {note_pre_start, note_post_start, note_pre_stop,
                                       note_post_stop, NULL};

static void test_hooks_run_once_and_in_order(void **state)
{
    static const char *const wanted[] = {"pre_start", "post_start", "pre_stop", "post_stop"};
    fixture *f = *state;
    troupe_id id;

    n_hooks = 0;
    id = spawn_named(f, "hooked", &hooks, NULL, sizeof(struct hooked));
    troupe_stop(f->me, id, TROUPE_STOP_REQUESTED);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(n_hooks, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(hook_order[i], wanted[i]);
}

static void test_a_refused_start_leaves_nothing_behind(void **state)
{
    fixture *f = *state;
    troupe_error error;
    troupe_totals before, after;
    troupe_id id = {77};

    n_hooks = 0;
    troupe_totals_now(f->system, &before);
    assert_int_equal(troupe_spawn_or_say(f->me,
                                         TROUPE_SPEC(.name = "no", .child = &hooks,
                                                     .state_size = sizeof(struct hooked),
                                                     .argument = "not today"),
                                         &id, &error),
                     TROUPE_E_REFUSED);
    assert_string_equal(error.text, "not today");
    assert_int_equal(id.value, 77);
    assert_int_equal(n_hooks, 1);
    troupe_totals_now(f->system, &after);
    assert_int_equal(after.live, before.live);
    assert_int_equal(troupe_lookup(f->system, "no", &id), TROUPE_E_GONE);
}

/* ---- crash ---- */

static troupe_status crash_on_boom(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    if (message->payload.size == 4)
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "boom");
    return TROUPE_OK;
}

static const troupe_actor_ops fragile = {.handle_message = crash_on_boom};

static void test_a_crash_ends_the_request_and_buries_its_message(void **state)
{
    fixture *f = *state;
    troupe_reply_buffer reply;
    troupe_dead_letter letter;
    troupe_id id = spawn_named(f, "fragile", NULL, &fragile, 0);

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("boom"), TROUPE_SECOND, &reply),
                     TROUPE_E_CRASHED);
    troupe_reply_clear(&reply);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_dead_letters(f->system, &letter, 1), 1);
    assert_int_equal(letter.reason, TROUPE_DEAD_CRASHED);
    assert_string_equal(letter.target_name, "fragile");
    assert_int_equal(letter.sequence, 1);
}

static void test_a_deferred_request_times_out(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "silent", NULL, &fragile, 0);

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), 5 * TROUPE_MILLISECOND, NULL),
                     TROUPE_E_TIMEOUT);
}

/* ---- mailbox bounds ---- */

struct gate {
    bool open;
};

static _Atomic bool gate_reached;

static void wait_until_reached(fixture *f)
{
    troupe_message message;

    for (int i = 0; i < 10000 && !trp_load_acquire(&gate_reached); i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_true(trp_load_acquire(&gate_reached));
    trp_store_release(&gate_reached, false);
}

static troupe_status wait_for_gate(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct gate *gate = self;

    (void)ctx;
    (void)message;
    if (gate->open)
        return TROUPE_OK;
    trp_store_release(&gate_reached, true); /* the handler has begun: from here on a wake is kept */
    return TROUPE_PENDING;
}

static troupe_status pass_gate(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct gate *gate = self;

    (void)ctx;
    (void)message;
    gate->open = true;
    return TROUPE_OK;
}

static const troupe_actor_ops gated = {.handle_message = wait_for_gate, .resume = pass_gate};

static void test_a_full_mailbox_rejects(void **state)
{
    fixture *f = *state;
    troupe_id id;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &gated, .state_size = sizeof(struct gate),
                                              .mailbox_bound = 3, .drain = true),
                                  &id),
                     TROUPE_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_E_FULL);
    wait_until_reached(f);
    troupe_wake(f->system, id, 1);
    wait_until_handled(f, id, 3);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
}

static void test_a_pending_handler_is_resumed_once_by_a_wake(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "gate", NULL, &gated, sizeof(struct gate));
    troupe_info info;

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_until_reached(f);
    troupe_wake(f->system, id, 7); /* another life's: dropped */
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    assert_int_equal(info.handled, 0);
    troupe_wake(f->system, id, 1);
    wait_until_handled(f, id, 1);
}

/* ---- monitors ---- */

static void test_a_monitor_of_what_is_gone_tells_at_once(void **state)
{
    fixture *f = *state;
    troupe_exit exit;
    troupe_id id = spawn_named(f, "fragile", NULL, &fragile, 0);

    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, &exit), TROUPE_OK);
    assert_int_equal(exit.reason, TROUPE_EXIT_GONE);
}

/* ---- time ---- */

static void test_a_wait_in_vain_takes_its_time(void **state)
{
    fixture *f = *state;
    troupe_message message;
    uint64_t began = troupe_now(f->system);

    assert_int_equal(troupe_receive(f->me, 20 * TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_true(troupe_now(f->system) - began >= 20 * TROUPE_MILLISECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_call_is_answered_by_the_handler),
        BOTH(test_a_name_is_found_and_freed_by_the_end),
        BOTH(test_hooks_run_once_and_in_order),
        BOTH(test_a_refused_start_leaves_nothing_behind),
        BOTH(test_a_crash_ends_the_request_and_buries_its_message),
        BOTH(test_a_deferred_request_times_out),
        BOTH(test_a_full_mailbox_rejects),
        BOTH(test_a_pending_handler_is_resumed_once_by_a_wake),
        BOTH(test_a_monitor_of_what_is_gone_tells_at_once),
        BOTH(test_a_wait_in_vain_takes_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
