/* Handlers that do not return: who is told, what is free, who goes on, and what comes of it when they return at last. */
#include "stuck_testing.h"

/* ---- who else feels it ---- */

static void test_others_are_served_meanwhile(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false), other = spawn_named(f, NULL, NULL, &echo, 0);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(troupe_call(f->me, other, TROUPE_TEXT("x"), 10 * TROUPE_SECOND, NULL),
                         TROUPE_OK);
}

static void test_what_waits_counts_as_waiting_until_it_returns(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "2m", false);
    troupe_totals totals;

    for (int i = 0; i < 4; i++)
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    assert_int_equal(troupe_system_stop(f->system), TROUPE_E_TIMEOUT);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.waiting, 3);
    assert_int_equal(troupe_walk_mailboxes(f->system), 3);
    assert_int_equal(totals.sent, totals.handled + totals.dead_letters + 3);
    expect_cleaned_up(f, 1);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.waiting, 0);
    assert_int_equal(totals.dead_letters, 2); /* the second was handled in the end */
}

/* ---- who waits for its answers ---- */

static _Atomic unsigned n_answers, n_crashed;

static troupe_status ask_standing(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_correlation correlation;
    troupe_id to = *(const troupe_id *)message->payload.data;

    (void)self;
    return troupe_request(ctx, to, TROUPE_TEXT("x"), TROUPE_FOREVER, &correlation);
}

static void count_answer(void *self, troupe_context *ctx, const troupe_answer *got)
{
    (void)self;
    (void)ctx;
    if (got->status == TROUPE_E_CRASHED &&
        got->payload.size == strlen("its handler never returned"))
        trp_add_seq(&n_crashed, 1);
    trp_add_seq(&n_answers, 1);
}

static const troupe_actor_ops asking = {.handle_message = ask_standing,
                                        .handle_reply = count_answer};

static troupe_status keep_it(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_OK;
}

static const troupe_actor_ops keeping = {.handle_message = keep_it};

/* One that it held from before, one at hand, and two that wait behind; not one that somebody else holds. */
static void test_who_waits_for_its_answers_is_told(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "2m", false), other = spawn_named(f, NULL, NULL, &keeping, 0);
    troupe_id asker = spawn_named(f, NULL, NULL, &asking, 0);

    trp_store_seq(&n_answers, 0);
    trp_store_seq(&n_crashed, 0);
    assert_int_equal(troupe_send(f->me, asker, TROUPE_BYTES_OF(other)), TROUPE_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(troupe_send(f->me, asker, TROUPE_BYTES_OF(id)), TROUPE_OK);
    wait_before_gate(1);
    wait_until_handled(f, asker, 5);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    wait_for(f, &n_answers, 4);
    assert_int_equal(trp_load_seq(&n_crashed), 4);
    expect_cleaned_up(f, 1);
    assert_int_equal(trp_load_seq(&n_answers), 4);
}

static troupe_status hand_on_to_other(void *self, troupe_context *ctx,
                                      const troupe_message *message)
{
    (void)self;
    return troupe_delegate(ctx, message->correlation, other_id, message->payload);
}

static const troupe_actor_ops handing_on = {.handle_message = hand_on_to_other};

/* The way it came does not matter: by whom it lies counts. */
static void test_who_waits_for_what_was_handed_on_to_it_is_told(void **state)
{
    fixture *f = *state;
    troupe_id between = spawn_named(f, NULL, NULL, &handing_on, 0);
    troupe_id id = start_standing(f, "m", false);
    troupe_id asker = spawn_named(f, NULL, NULL, &asking, 0);

    trp_store_seq(&n_answers, 0);
    trp_store_seq(&n_crashed, 0);
    other_id = id;
    assert_int_equal(troupe_send(f->me, asker, TROUPE_BYTES_OF(between)), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    wait_for(f, &n_answers, 1);
    assert_int_equal(trp_load_seq(&n_crashed), 1);
    expect_cleaned_up(f, 1);
}

/* ---- other jobs ---- */

static void stand_as_a_job(void *argument)
{
    (void)argument;
    stand_before_the_gate();
}

/* More of them than there are threads for jobs, 16, and all of them block. */
static void test_jobs_that_block_do_not_put_it_off(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false);

    for (int i = 0; i < 20; i++)
        assert_int_equal(troupe_offload(f->system, stand_as_a_job, NULL), TROUPE_OK);
    wait_before_gate(16);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(17);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

static void test_its_name_is_free_for_another(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false), found;

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    id = spawn_named(f, "standing", NULL, &echo, 0);
    open_gate();
    wait_for(f, &n_ended, 1);
    assert_int_equal(troupe_lookup(f->system, "standing", &found), TROUPE_OK);
    assert_int_equal(found.value, id.value);
}

static void test_its_children_are_stopped_and_its_links_break(void **state)
{
    fixture *f = *state;
    troupe_id id;

    other_id = spawn_named(f, NULL, NULL, &echo, 0);
    id = start_standing(f, "mcls", false);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    assert_int_equal(troupe_wait_end(f->me, child_id, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, other_id, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
    expect_cleaned_up(f, 1);
}

static void test_a_monitor_of_one_given_up_tells_at_once(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false);
    troupe_exit exit;

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    assert_int_equal(troupe_wait_end(f->me, id, 10 * TROUPE_SECOND, &exit), TROUPE_OK);
    assert_int_equal(exit.reason, TROUPE_EXIT_GONE);
}

static void test_a_supervised_one_ends_for_good(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", true);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
    assert_int_equal(trp_load_seq(&n_lives), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(test_others_are_served_meanwhile),
        STAGED(test_what_waits_counts_as_waiting_until_it_returns),
        STAGED(test_who_waits_for_its_answers_is_told),
        STAGED(test_who_waits_for_what_was_handed_on_to_it_is_told),
        STAGED(test_jobs_that_block_do_not_put_it_off),
        STAGED(test_its_name_is_free_for_another),
        STAGED(test_its_children_are_stopped_and_its_links_break),
        STAGED(test_a_monitor_of_one_given_up_tells_at_once),
        STAGED(test_a_supervised_one_ends_for_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
