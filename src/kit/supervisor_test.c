#include "kit_testing.h"

#define S TROUPE_SECOND

/* Two or three players with the watcher set; the usual cast. */
static void cast(struct stage *stage, struct part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct part){
            .stage = stage, .watcher = troupe_self(stage->me), .tag = (char)('a' + i)};
}

/* ---- the start ---- */

static void act_order(struct stage *stage)
{
    struct part parts[3];
    cast(stage, parts, 3);
    const troupe_child children[] = {{.spec = player_spec("a", &parts[0])},
                                     {.spec = player_spec("b", &parts[1])},
                                     {.spec = player_spec("c", &parts[2])}};
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = children, .n_children = 3);
    troupe_id top = spawn_supervisor(stage, "top", &plan);

    assert_string_equal(stage->journal.words, "+a +b +c");
    for (int i = 0; i < 3; i++)
        expect_up(stage, (char)('a' + i), 1);
    assert_int_equal(troupe_stop(stage->me, top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, top, PATIENCE, NULL), TROUPE_OK);
    assert_string_equal(stage->journal.words, "+a +b +c -c -b -a");
    curtain(stage);
}

static void test_supervisor_starts_in_order_and_stops_in_reverse(void **state)
{
    (void)state;
    each_way(act_order);
}

static void act_own_turn(struct stage *stage)
{
    struct part parts[3];
    cast(stage, parts, 3);
    troupe_child children[] = {{.spec = player_spec("a", &parts[0])},
                               {.spec = player_spec("b", &parts[1])},
                               {.spec = player_spec("c", &parts[2])}};
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = children, .n_children = 3);
    troupe_id top;

    for (int i = 0; i < 3; i++)
        children[i].spec.start_on_own_turn = true;
    top = spawn_supervisor(stage, "top", &plan);
    assert_string_equal(stage->journal.words, "+a +b +c");
    assert_int_equal(ask(stage, named(stage, "c")).incarnation, 1);
    assert_int_equal(troupe_stop(stage->me, top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, top, PATIENCE, NULL), TROUPE_OK);
    assert_string_equal(stage->journal.words, "+a +b +c -c -b -a");
    curtain(stage);
}

static void test_supervisor_waits_for_children_that_start_on_their_own_turn(void **state)
{
    (void)state;
    each_way(act_own_turn);
}

static void refusal(struct stage *stage, bool own_turn, bool doorstep)
{
    struct part parts[3];
    cast(stage, parts, 3);
    troupe_child children[] = {{.spec = player_spec("a", &parts[0])},
                               {.spec = player_spec("b", &parts[1])},
                               {.spec = player_spec("c", &parts[2])}};
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = children, .n_children = 3);
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    troupe_error error = {.text = ""};
    troupe_id id = TROUPE_NOBODY;

    parts[1].refuse_text = "no config for b";
    if (doorstep)
        parts[1].crash_from = 1;
    else
        parts[1].refuse_from = 1;
    children[1].spec.start_on_own_turn = own_turn;
    assert_int_equal(troupe_supervisor_spec(&plan, &spec, NULL), TROUPE_OK);
    assert_int_not_equal(troupe_spawn_or_say(stage->me, &spec, &id, &error), TROUPE_OK);
    assert_non_null(strstr(error.text, "b did not start"));
    assert_non_null(strstr(error.text, doorstep ? "doorstep" : "no config for b"));
    assert_string_equal(stage->journal.words, doorstep ? "+a +b -b -a" : "+a -a");
    assert_int_equal(troupe_lookup(stage->system, "a", &id), TROUPE_E_GONE);
    assert_int_equal(troupe_lookup(stage->system, "top", &id), TROUPE_E_GONE);
    curtain(stage);
}

static void act_refused(struct stage *stage)
{
    refusal(stage, false, false);
}

static void act_refused_on_own_turn(struct stage *stage)
{
    refusal(stage, true, false);
}

static void act_crash_in_start(struct stage *stage)
{
    refusal(stage, false, true);
}

static void test_supervisor_start_fails_with_the_words_of_the_child_that_refused(void **state)
{
    (void)state;
    each_way(act_refused);
    each_way(act_refused_on_own_turn);
    each_way(act_crash_in_start);
}

/* ---- the rules ---- */

struct ruling {
    troupe_id top, child;
};

static struct ruling one_child(struct stage *stage, struct part *part, troupe_child *child,
                               troupe_supervisor *plan)
{
    struct ruling ruling;

    cast(stage, part, 1);
    child->spec = player_spec("a", part);
    plan->size = sizeof *plan;
    plan->child_size = sizeof *child;
    plan->children = child;
    plan->n_children = 1;
    ruling.top = spawn_supervisor(stage, "top", plan);
    ruling.child = named(stage, "a");
    expect_up(stage, 'a', 1);
    return ruling;
}

static void act_permanent(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = {.max_restarts = 100};
    struct ruling is = one_child(stage, &part, &child, &plan);

    order(stage, is.child, "c");
    expect_up(stage, 'a', 2);
    assert_int_equal(named(stage, "a").value, is.child.value);
    order(stage, is.child, "x");
    expect_up(stage, 'a', 3);
    order(stage, is.child, "+");
    assert_int_equal(ask(stage, is.child).count, 1);
    await_log(stage, "[child-restarted] a crashed: told to crash");
    await_log(stage, "(1 of 100 in 5 s)");
    await_log(stage, "(2 of 100 in 5 s)");
    curtain(stage);
}

static void test_permanent_comes_back_whatever_ended_it(void **state)
{
    (void)state;
    each_way(act_permanent);
}

static void act_transient(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_TRANSIENT};
    troupe_supervisor plan = {.max_restarts = 100};
    struct ruling is = one_child(stage, &part, &child, &plan);
    troupe_exit end;

    order(stage, is.child, "c");
    expect_up(stage, 'a', 2);
    order(stage, is.child, "x");
    if (await_end(stage, is.child, &end))
        assert_int_equal(end.reason, TROUPE_EXIT_NORMAL);
    await_log(stage, "[child-released] a ended");
    curtain(stage);
}

static void test_transient_comes_back_unless_it_ended_normally(void **state)
{
    (void)state;
    each_way(act_transient);
}

/* It ended in order, but somebody wants it back; and this is no failure to count. */
static void act_stopped_for_a_restart(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_TRANSIENT};
    troupe_supervisor plan = {.max_restarts = TROUPE_NO_RESTARTS};
    struct ruling is = one_child(stage, &part, &child, &plan);

    assert_int_equal(troupe_stop(stage->me, is.child, TROUPE_STOP_RESTART), TROUPE_OK);
    expect_up(stage, 'a', 2);
    await_log(stage, "[child-restarted] a was stopped for a restart; restarted in");
    assert_int_equal(named(stage, "a").value, is.child.value);
    curtain(stage);
}

static void test_transient_comes_back_when_stopped_for_a_restart(void **state)
{
    (void)state;
    each_way(act_stopped_for_a_restart);
}

static void act_escalates(struct stage *stage)
{
    struct part part;
    troupe_child child;
    troupe_supervisor plan = TROUPE_SUPERVISOR(.max_restarts = 100);
    troupe_exit end;
    troupe_id top;

    cast(stage, &part, 1);
    child = (troupe_child){.spec = player_spec("a", &part), .restart = TROUPE_TEMPORARY};
    child.spec.on_error = TROUPE_ON_ERROR_ESCALATE;
    plan.children = &child;
    plan.n_children = 1;
    top = spawn_supervisor(stage, "top", &plan);
    order(stage, named(stage, "a"), "e");
    if (await_end(stage, top, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_GAVE_UP);
        assert_non_null(strstr(end.text, "child a: its error escalated; last: message 1 failed: "));
    }
    curtain(stage);
}

static void test_an_escalated_error_ends_the_supervisor_whatever_the_rule(void **state)
{
    (void)state;
    each_way(act_escalates);
}

static void act_temporary(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_TEMPORARY};
    troupe_supervisor plan = {.max_restarts = 100};
    struct ruling is = one_child(stage, &part, &child, &plan);
    troupe_exit end;
    troupe_id id;

    order(stage, is.child, "c");
    if (await_end(stage, is.child, &end))
        assert_int_equal(end.reason, TROUPE_EXIT_CRASHED);
    assert_int_equal(troupe_lookup(stage->system, "a", &id), TROUPE_E_GONE);
    await_log(stage, "[child-released] a crashed: told to crash");
    curtain(stage);
}

static void test_temporary_does_not_come_back(void **state)
{
    (void)state;
    each_way(act_temporary);
}

static void act_asked_to_stop(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = {.max_restarts = 100};
    struct ruling is = one_child(stage, &part, &child, &plan);

    assert_int_equal(troupe_stop(stage->me, is.child, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, is.child, PATIENCE, NULL), TROUPE_OK);
    assert_string_equal(stage->journal.words, "+a -a");
    curtain(stage);
}

static void test_a_child_that_was_asked_to_stop_stays_away(void **state)
{
    (void)state;
    each_way(act_asked_to_stop);
}

/* Messages that wait while a child is between two lives are handled by the next one. */
static void act_mail_waits(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = {
        .max_restarts = 100,
        .backoff = {.kind = TROUPE_BACKOFF_FIXED, .initial_ns = 20 * TROUPE_MILLISECOND}};
    struct ruling is = one_child(stage, &part, &child, &plan);

    order(stage, is.child, "c");
    for (int i = 0; i < 10; i++)
        order(stage, is.child, "+");
    expect_up(stage, 'a', 2);
    assert_int_equal(ask(stage, is.child).count, 10);
    curtain(stage);
}

static void test_mail_waits_for_the_next_life(void **state)
{
    (void)state;
    each_way(act_mail_waits);
}

/* ---- backoff, in virtual time ---- */

static struct told next_told(struct stage *stage)
{
    troupe_message message;
    struct told told;

    assert_int_equal(troupe_receive(stage->me, TROUPE_FOREVER, &message), TROUPE_OK);
    memcpy(&told, message.payload.data, sizeof told);
    return told;
}

static void test_backoff_schedule_in_virtual_time(void **state)
{
    static const uint64_t want[] = {1, 2, 4, 8, 16, 30, 30};

    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct stage stage;
        struct part part;
        troupe_child child = {.restart = TROUPE_PERMANENT};
        troupe_supervisor plan = {.max_restarts = 100,
                                  .within_ns = 600 * S,
                                  .backoff = {.kind = TROUPE_BACKOFF_EXPONENTIAL,
                                              .initial_ns = 1 * S,
                                              .max_ns = 30 * S,
                                              .multiplier = 2}};
        struct ruling is;

        stage_open(&stage, true, seed);
        is = one_child(&stage, &part, &child, &plan);
        for (size_t i = 0; i < 7; i++) {
            uint64_t before = troupe_now(stage.system);

            order(&stage, is.child, "c");
            assert_int_equal((next_told(&stage).at_ns - before) / TROUPE_MILLISECOND,
                             want[i] * 1000);
        }
        await_log(&stage, "[child-backoff] a crashed: told to crash, handling message 7; "
                          "next start in 30 s (7 of 100 in 600 s)");
        stage_close(&stage);
    }
}

/* Virtual time goes on to the next timer: one of ours. */
static void pass(struct stage *stage, uint64_t ns)
{
    troupe_message message;
    troupe_timer_id timer;

    assert_int_equal(
        troupe_send_after(stage->me, troupe_self(stage->me), TROUPE_TEXT("now"), ns, &timer),
        TROUPE_OK);
    assert_int_equal(troupe_receive(stage->me, TROUPE_FOREVER, &message), TROUPE_OK);
}

static void test_backoff_begins_anew_after_a_life_longer_than_the_window(void **state)
{
    struct stage stage;
    struct part part;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = {.max_restarts = 100,
                              .within_ns = 60 * S,
                              .backoff = {.kind = TROUPE_BACKOFF_EXPONENTIAL, .initial_ns = 1 * S}};
    static const struct {
        uint64_t up, wait;
    } steps[] = {{0, 1}, {0, 2}, {59, 4}, {61, 1}, {0, 2}};
    struct ruling is;

    (void)state;
    stage_open(&stage, true, 3);
    is = one_child(&stage, &part, &child, &plan);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint64_t before;

        if (steps[i].up)
            pass(&stage, steps[i].up * S);
        before = troupe_now(stage.system);
        order(&stage, is.child, "c");
        assert_int_equal((next_told(&stage).at_ns - before) / TROUPE_MILLISECOND,
                         steps[i].wait * 1000);
    }
    stage_close(&stage);
}

static void act_stop_in_backoff(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = {.backoff = {.kind = TROUPE_BACKOFF_FIXED, .initial_ns = 100000 * S}};
    struct ruling is = one_child(stage, &part, &child, &plan);
    troupe_exit end;

    order(stage, is.child, "c");
    await_log(stage, "[child-backoff] a crashed");
    assert_int_equal(troupe_stop(stage->me, is.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    if (await_end(stage, is.top, &end))
        assert_int_equal(end.reason, TROUPE_EXIT_NORMAL);
    assert_int_equal(troupe_wait_end(stage->me, is.child, PATIENCE, NULL), TROUPE_OK);
    assert_string_equal(stage->journal.words, "+a -a");
    curtain(stage);
}

static void test_a_supervisor_ends_at_once_while_a_child_waits(void **state)
{
    (void)state;
    each_way(act_stop_in_backoff);
}

/* ---- intensity ---- */

#define GAVE_UP_TEXT "child a: 3 restarts within 3600 s; last: told to crash, handling message 4"

static void act_gives_up(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = {.max_restarts = 3, .within_ns = 3600 * S};
    struct ruling is = one_child(stage, &part, &child, &plan);
    troupe_exit end;

    for (uint32_t life = 2; life <= 4; life++) {
        order(stage, is.child, "c");
        expect_up(stage, 'a', life);
    }
    order(stage, is.child, "c");
    if (await_end(stage, is.top, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_GAVE_UP);
        assert_string_equal(end.text, GAVE_UP_TEXT);
    }
    await_log(stage, "[supervisor-gave-up] " GAVE_UP_TEXT);
    assert_int_equal(troupe_wait_end(stage->me, is.child, PATIENCE, &end), TROUPE_OK);
    curtain(stage);
}

static void test_one_restart_too_many_and_the_supervisor_gives_up(void **state)
{
    (void)state;
    each_way(act_gives_up);
}

/* Crashes at 0, 4 and 8 s of a window of 10 s; the fourth at first + after. */
static troupe_status fourth_crash(uint64_t seed, uint64_t after_ns)
{
    struct stage stage;
    struct part part;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = {.max_restarts = 3, .within_ns = 10 * S};
    troupe_timer_id timer;
    troupe_status status;
    struct ruling is;
    uint64_t first;

    stage_open(&stage, true, seed);
    is = one_child(&stage, &part, &child, &plan);
    first = troupe_now(stage.system) + 1 * S;
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t at = first + 4 * i * S;

        assert_int_equal(troupe_send_after(stage.me, is.child, TROUPE_TEXT("c"),
                                           at - troupe_now(stage.system), &timer),
                         TROUPE_OK);
        expect_up(&stage, 'a', i + 2);
    }
    assert_int_equal(troupe_send_after(stage.me, is.child, TROUPE_TEXT("c"),
                                       first + after_ns - troupe_now(stage.system), &timer),
                     TROUPE_OK);
    status = troupe_wait_end(stage.me, is.top, 100 * S, NULL);
    stage_close(&stage);
    return status;
}

static void test_intensity_is_exact_at_the_edge_of_the_window(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        assert_int_equal(fourth_crash(seed, 10 * S - 1 * TROUPE_MILLISECOND), TROUPE_OK);
        assert_int_equal(fourth_crash(seed, 10 * S + 1 * TROUPE_MILLISECOND), TROUPE_E_TIMEOUT);
    }
}

static void restart_that_fails(struct stage *stage, bool doorstep)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_TRANSIENT};
    troupe_supervisor plan = {.max_restarts = 4, .within_ns = 3600 * S};
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    troupe_exit end;
    troupe_id top;

    cast(stage, &part, 1);
    if (doorstep)
        part.crash_from = 2;
    else
        part.refuse_from = 2;
    part.refuse_text = "only once";
    child.spec = player_spec("a", &part);
    plan.size = sizeof plan;
    plan.child_size = sizeof child;
    plan.children = &child;
    plan.n_children = 1;
    assert_int_equal(troupe_supervisor_spec(&plan, &spec, NULL), TROUPE_OK);
    top = must_spawn(stage, &spec);
    expect_up(stage, 'a', 1);
    order(stage, named(stage, "a"), "c");
    if (await_end(stage, top, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_GAVE_UP);
        assert_non_null(strstr(end.text, "4 restarts"));
        assert_non_null(strstr(end.text, doorstep ? "doorstep" : "only once"));
    }
    curtain(stage);
}

static void act_refuses_again(struct stage *stage)
{
    restart_that_fails(stage, false);
}

static void act_crashes_again(struct stage *stage)
{
    restart_that_fails(stage, true);
}

static void test_a_child_that_fails_in_its_restart_uses_up_the_intensity(void **state)
{
    (void)state;
    each_way(act_refuses_again);
    each_way(act_crashes_again);
}

/* ---- trees ---- */

static void act_nested(struct stage *stage)
{
    struct part parts[2];
    cast(stage, parts, 2);
    const troupe_child leaf = {.spec = player_spec("a", &parts[0])};
    troupe_supervisor inner = TROUPE_SUPERVISOR(.children = &leaf, .n_children = 1,
                                                .max_restarts = 1, .within_ns = 3600 * S);
    troupe_child branches[2] = {{.spec = *TROUPE_SPEC(.name = "inner")},
                                {.spec = player_spec("b", &parts[1])}};
    troupe_supervisor outer = TROUPE_SUPERVISOR(.children = branches, .n_children = 2,
                                                .max_restarts = 1, .within_ns = 3600 * S);
    troupe_exit end;
    troupe_id top;

    assert_int_equal(troupe_supervisor_spec(&inner, &branches[0].spec, NULL), TROUPE_OK);
    top = spawn_supervisor(stage, "top", &outer);
    expect_up(stage, 'a', 1);
    expect_up(stage, 'b', 1);
    order(stage, named(stage, "a"), "c");
    expect_up(stage, 'a', 2);
    order(stage, named(stage, "a"), "c"); /* inner gives up; outer makes it anew, with a new a */
    expect_up(stage, 'a', 1);
    await_log(stage, "inner gave up: child a: 1 restart within 3600 s");
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 1);
    order(stage, named(stage, "a"), "c");
    expect_up(stage, 'a', 2);
    order(stage, named(stage, "a"), "c"); /* and now outer has no restart left */
    if (await_end(stage, top, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_GAVE_UP);
        assert_non_null(strstr(end.text, "child inner: 1 restart within 3600 s; last: child a"));
    }
    assert_int_equal(troupe_lookup(stage->system, "b", &top), TROUPE_E_GONE);
    curtain(stage);
}

static void test_giving_up_goes_up_the_tree(void **state)
{
    (void)state;
    each_way(act_nested);
}

static void act_storm(struct stage *stage)
{
    struct part parts[4];
    cast(stage, parts, 4);
    troupe_child children[4];
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = children, .n_children = 4,
                                               .max_restarts = 1000, .within_ns = 3600 * S);
    static const char *const names[] = {"a", "b", "c", "d"};
    trp_random random = {stage->seed + 77};
    uint32_t crashes = 0;
    troupe_id ids[4];

    for (int i = 0; i < 4; i++) {
        parts[i].watcher = TROUPE_NOBODY;
        children[i] = (troupe_child){.spec = player_spec(names[i], &parts[i])};
    }
    spawn_supervisor(stage, "top", &plan);
    for (int i = 0; i < 4; i++)
        ids[i] = named(stage, children[i].spec.name);
    for (int i = 0; i < 200; i++) {
        bool crash = trp_random_below(&random, 3) == 0;

        crashes += crash;
        order(stage, ids[trp_random_below(&random, 4)], crash ? "c" : "+");
    }
    for (int i = 0; i < 4; i++)
        crashes -= ask(stage, ids[i]).incarnation - 1;
    assert_int_equal(crashes, 0);
    curtain(stage);
}

static void test_every_crash_of_a_storm_is_one_restart(void **state)
{
    (void)state;
    each_way(act_storm);
}

/* ---- the door ---- */

static void act_strangers(struct stage *stage)
{
    struct part part;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = {.max_restarts = 1};
    struct ruling is = one_child(stage, &part, &child, &plan);
    const uint64_t forged[2] = {0, 1};

    assert_int_equal(troupe_call(stage->me, is.top, TROUPE_BYTES_OF(forged), PATIENCE, NULL),
                     TROUPE_E_INVALID);
    curtain(stage);
}

static void test_a_supervisor_takes_no_orders_by_message(void **state)
{
    (void)state;
    each_way(act_strangers);
}

static void test_spec_refuses_what_makes_no_sense(void **state)
{
    troupe_supervisor plan = TROUPE_SUPERVISOR(.backoff = {.kind = TROUPE_BACKOFF_FIXED});
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    troupe_error error;

    (void)state;
    assert_int_equal(troupe_supervisor_spec(&plan, &spec, &error), TROUPE_E_INVALID);
    assert_non_null(strstr(error.text, "initial"));
    plan = (troupe_supervisor)TROUPE_SUPERVISOR(.n_children = 2);
    assert_int_equal(troupe_supervisor_spec(&plan, &spec, &error), TROUPE_E_INVALID);
    plan.size = 0;
    assert_int_equal(troupe_supervisor_spec(&plan, &spec, &error), TROUPE_E_INVALID);
    assert_null(spec.child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supervisor_starts_in_order_and_stops_in_reverse),
        cmocka_unit_test(test_supervisor_waits_for_children_that_start_on_their_own_turn),
        cmocka_unit_test(test_supervisor_start_fails_with_the_words_of_the_child_that_refused),
        cmocka_unit_test(test_permanent_comes_back_whatever_ended_it),
        cmocka_unit_test(test_transient_comes_back_unless_it_ended_normally),
        cmocka_unit_test(test_transient_comes_back_when_stopped_for_a_restart),
        cmocka_unit_test(test_an_escalated_error_ends_the_supervisor_whatever_the_rule),
        cmocka_unit_test(test_temporary_does_not_come_back),
        cmocka_unit_test(test_a_child_that_was_asked_to_stop_stays_away),
        cmocka_unit_test(test_mail_waits_for_the_next_life),
        cmocka_unit_test(test_backoff_schedule_in_virtual_time),
        cmocka_unit_test(test_backoff_begins_anew_after_a_life_longer_than_the_window),
        cmocka_unit_test(test_a_supervisor_ends_at_once_while_a_child_waits),
        cmocka_unit_test(test_one_restart_too_many_and_the_supervisor_gives_up),
        cmocka_unit_test(test_intensity_is_exact_at_the_edge_of_the_window),
        cmocka_unit_test(test_a_child_that_fails_in_its_restart_uses_up_the_intensity),
        cmocka_unit_test(test_giving_up_goes_up_the_tree),
        cmocka_unit_test(test_every_crash_of_a_storm_is_one_restart),
        cmocka_unit_test(test_a_supervisor_takes_no_orders_by_message),
        cmocka_unit_test(test_spec_refuses_what_makes_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
