/* Handlers that do not return: where they may stand, and who is not given up. On threads only: in a simulation there is
 * one. */
#include "stuck_testing.h"

/* ---- where it may stand ---- */

static void kill_standing_in(fixture *f, const char *where, bool send, unsigned n_post_stops)
{
    troupe_id id = start_standing(f, where, false);

    if (send)
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, n_post_stops);
}

static void test_one_that_stands_in_a_message_is_given_up(void **state)
{
    kill_standing_in(*state, "m", true, 1);
}

static void test_one_that_heard_of_its_kill_has_to_return_all_the_same(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "km", false);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_for(f, &n_begun, 1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

static void test_one_that_stands_in_handle_down_is_given_up(void **state)
{
    kill_standing_in(*state, "d", true, 1);
}

static void test_one_that_stands_in_pre_start_is_given_up(void **state)
{
    kill_standing_in(*state, "a", false, 1);
    assert_string_equal(last_name, "standing"); /* though that was free for another */
}

static void test_one_that_stands_in_post_start_is_given_up(void **state)
{
    kill_standing_in(*state, "b", false, 1);
}

static void stop_standing_in(fixture *f, const char *where, unsigned n_post_stops)
{
    troupe_id id = start_standing(f, where, false);

    wait_for(f, &n_lives, 1);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_KILLED);
    expect_cleaned_up(f, n_post_stops);
}

static void test_one_that_stands_in_pre_stop_is_given_up(void **state)
{
    stop_standing_in(*state, "p", 1);
}

static void test_one_that_stands_in_post_stop_is_given_up(void **state)
{
    stop_standing_in(*state, "z", 1);
}

/* Neither its handler nor its stop timer has seen the stop. */
static void test_one_that_never_sees_its_stop_is_given_up(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_KILLED);
    expect_cleaned_up(f, 1);
}

static void test_a_kill_that_stands_in_post_stop_is_given_up(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "z", false);

    wait_for(f, &n_lives, 1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK); /* obeyed at once: then it stands */
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

/* ---- and who is not given up ---- */

static void test_one_that_returns_in_time_is_only_killed(void **state)
{
    fixture *f = *state;
    troupe_id id;

    for (unsigned i = 1; i <= 50; i++) {
        id = start_standing(f, "", false);
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
        assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
        wait_for(f, &n_downs, i);
        assert_int_equal(down_exit.reason, TROUPE_EXIT_KILLED);
        assert_string_equal(down_exit.text, "killed");
    }
}

static troupe_id spawn_standing_alone(fixture *f, const char *where)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.child = &standing_hooks, .actor = &standing_actor,
                                 .argument = where, .state_size = sizeof(struct standing)),
                     &id),
        TROUPE_OK);
    return id;
}

/* A worker and its only spare stand before the gate, so a third waits its turn. Its time is over before that of the
 * first, which is given up. */
static void test_one_that_only_waits_for_a_worker_is_not_given_up(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_standing_alone(f, "m"), second = spawn_standing_alone(f, "m");
    troupe_id third = start_standing(f, "", false);
    troupe_exit exit;
    troupe_info info;

    assert_int_equal(troupe_send(f->me, first, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, second, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(2);
    assert_int_equal(troupe_send(f->me, third, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, third), TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, first), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, first, 10 * TROUPE_SECOND, &exit), TROUPE_OK);
    assert_int_equal(exit.reason, TROUPE_EXIT_STUCK);
    assert_int_equal(troupe_info_of(f->system, third, &info), TROUPE_OK);
    open_gate();
    wait_for(f, &n_downs, 1);
    assert_int_equal(down_exit.reason, TROUPE_EXIT_KILLED);
    assert_string_equal(down_exit.text, "killed");
}

/* Killed and returning at about the same moment, again and again: told once, by whichever is first. */
static void test_a_return_that_crosses_the_giving_up_is_told_once(void **state)
{
    fixture *f = *state;
    troupe_message message;

    for (unsigned i = 1; i <= 30; i++) {
        troupe_id id = start_standing(f, "m", false);

        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
        wait_before_gate(i);
        assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
        assert_int_equal(troupe_receive(f->me, 19 * TROUPE_MILLISECOND + i * 100000, &message),
                         TROUPE_E_TIMEOUT);
        open_gate();
        wait_for(f, &n_downs, i);
        wait_for(f, &n_notices, i);
        wait_for(f, &n_ended, i);
        trp_mutex_lock(&gate_lock);
        gate_open = false;
        trp_mutex_unlock(&gate_lock);
    }
}

/* Ends it, and waits until another may have its slot. */
static trp_cell *end_and_free(fixture *f, troupe_id id)
{
    trp_cell *cell = trp_slot_at(f->system, (uint32_t)id.value);
    bool free = false;

    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    for (int i = 0; i < 10000 && !free; i++) {
        pass_time(f);
        trp_mutex_lock(&f->system->slots_lock);
        free = f->system->free_last == cell;
        trp_mutex_unlock(&f->system->slots_lock);
    }
    assert_true(free);
    return cell;
}

/* An asker may be held up between its ask and its watch for as long as it takes to end and to spawn another. */
static void test_askers_that_come_late_leave_the_next_in_the_slot_alone(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_named(f, NULL, NULL, &echo, 0);
    troupe_id old = spawn_named(f, NULL, NULL, &echo, 0), id;
    trp_cell *cell;

    end_and_free(f, first); /* for the parent of the next one */
    cell = end_and_free(f, old);
    trp_stuck_watch(cell, old, TRP_ASK_KILL);
    id = start_standing(f, "m", false);
    assert_int_equal((uint32_t)id.value, (uint32_t)old.value);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    trp_stuck_watch(cell, old, TRP_ASK_KILL);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

/* ---- an end has a time limit where it calls anything, and nowhere else ---- */

/* A stop that comes before the start is through calls no pre_stop. */
static void wait_until_it_runs(fixture *f, troupe_id id)
{
    troupe_info info = {.phase = TROUPE_PHASE_STARTING};

    for (int i = 0; i < 10000 && info.phase != TROUPE_PHASE_RUNNING; i++) {
        pass_time(f);
        assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    }
    assert_int_equal(info.phase, TROUPE_PHASE_RUNNING);
}

static void test_the_one_hook_of_a_stop_has_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id = start_as_wished(f, (struct wish){.where = "p", .hooks = &with_pre_stop});

    wait_until_it_runs(f, id);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_KILLED);
    expect_cleaned_up(f, 0);
}

static void test_the_one_hook_after_a_crash_has_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id = start_as_wished(f, (struct wish){.where = "xz", .hooks = &with_post_stop});

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

static void test_what_is_drained_has_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id =
        start_as_wished(f, (struct wish){.where = "m", .drain = true, .hooks = &with_no_hook});

    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_KILLED);
    expect_cleaned_up(f, 0);
}

static void test_what_is_abandoned_has_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id = start_as_wished(f, (struct wish){.where = "w", .hooks = &with_no_hook});

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_for(f, &n_begun, 1);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 0);
}

static void test_a_killed_one_is_abandoned_in_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id = start_as_wished(f, (struct wish){.where = "w", .hooks = &with_no_hook});

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_for(f, &n_begun, 1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(test_one_that_stands_in_a_message_is_given_up),
        STAGED(test_one_that_heard_of_its_kill_has_to_return_all_the_same),
        STAGED(test_one_that_stands_in_handle_down_is_given_up),
        STAGED(test_one_that_stands_in_pre_start_is_given_up),
        STAGED(test_one_that_stands_in_post_start_is_given_up),
        STAGED(test_one_that_stands_in_pre_stop_is_given_up),
        STAGED(test_one_that_stands_in_post_stop_is_given_up),
        STAGED(test_one_that_never_sees_its_stop_is_given_up),
        STAGED(test_a_kill_that_stands_in_post_stop_is_given_up),
        STAGED(test_the_one_hook_of_a_stop_has_its_time),
        STAGED(test_the_one_hook_after_a_crash_has_its_time),
        STAGED(test_what_is_drained_has_its_time),
        STAGED(test_what_is_abandoned_has_its_time),
        STAGED(test_a_killed_one_is_abandoned_in_its_time),
        {"test_one_that_returns_in_time_is_only_killed",
         test_one_that_returns_in_time_is_only_killed, set_a_patient_stage, strike_the_stage, NULL},
        STAGED(test_one_that_only_waits_for_a_worker_is_not_given_up),
        STAGED(test_a_return_that_crosses_the_giving_up_is_told_once),
        STAGED(test_askers_that_come_late_leave_the_next_in_the_slot_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
