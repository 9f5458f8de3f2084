/* Rules, intensity, stops: what OTP's supervisor_SUITE demands of one_for_one and pools (docs/design/supervision-otp.md). */
#include "otp_testing.h"

#define S TROUPE_SECOND

/* ---- one_for_one ---- */

static void act_one_for_one(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 2);
    crew.plan.max_restarts = 2;
    crew_raise(stage, &crew);
    order(stage, named(stage, "a"), "c");
    expect_up(stage, 'a', 2);
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 1);
    order(stage, named(stage, "b"), "c");
    expect_up(stage, 'b', 2);
    order(stage, named(stage, "a"), "c");
    expect_end(stage, crew.top, TROUPE_EXIT_GAVE_UP);
    expect_words(stage, "+a +b -a +a -b +b -a -b");
    curtain(stage);
}

static void test_one_for_one_restarts_it_alone_and_counts_all_together(void **state)
{
    (void)state;
    each_way(act_one_for_one);
}

static void act_escalates(struct stage *stage)
{
    struct crew crew;
    troupe_id b;

    crew_enlist(stage, &crew, 2);
    crew.plan.max_restarts = 4;
    crew.tempers[0].part.refuse_from = 2;
    crew.tempers[0].part.refuse_text = "only once";
    crew_raise(stage, &crew);
    b = named(stage, "b");
    order(stage, named(stage, "a"), "c");
    expect_end(stage, crew.top, TROUPE_EXIT_GAVE_UP);
    assert_int_equal(troupe_wait_end(stage->me, b, PATIENCE, NULL), TROUPE_OK);
    expect_words(stage, "+a +b -a -b");
    curtain(stage);
}

static void test_one_for_one_escalates_when_a_child_never_comes_back(void **state)
{
    (void)state;
    each_way(act_escalates);
}

/* Virtual time goes on by ns. */
static void pass(struct stage *stage, uint64_t ns)
{
    troupe_message message;
    troupe_timer_id timer;

    assert_int_equal(
        troupe_send_after(stage->me, troupe_self(stage->me), TROUPE_TEXT("now"), ns, &timer),
        TROUPE_OK);
    assert_int_equal(troupe_receive(stage->me, TROUPE_FOREVER, &message), TROUPE_OK);
}

static void test_a_child_may_crash_for_ever_within_its_intensity(void **state)
{
    struct stage stage;
    struct crew crew;

    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        stage_open(&stage, true, seed);
        crew_enlist(&stage, &crew, 1);
        crew.plan.max_restarts = 1;
        crew.plan.within_ns = 1 * S;
        crew_raise(&stage, &crew);
        for (uint32_t life = 2; life < 12; life++) {
            order(&stage, named(&stage, "a"), "c");
            expect_up(&stage, 'a', life);
            pass(&stage, 1 * S);
        }
        curtain(&stage);
        stage_close(&stage);
    }
}

/* Memory is out now and then: a supervisor that goes on has its permanent child, or else it ends. */
static void crash_without_memory(uint64_t seed)
{
    const troupe_faults faults = {.size = sizeof faults, .no_memory_one_in = 12};
    troupe_system_options options =
        TROUPE_SYSTEM_OPTIONS(.simulation = true, .seed = seed, .faults = &faults);
    struct stage stage = {.simulation = true};
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    struct crew crew;
    troupe_id id;

    trp_mutex_init(&stage.journal.mutex);
    trp_condition_init(&stage.journal.more);
    assert_int_equal(troupe_system_new(&options, &stage.system), TROUPE_OK);
    stage.me = troupe_attach(stage.system);
    assert_non_null(stage.me);
    crew_enlist(&stage, &crew, 1);
    crew.tempers[0].part.watcher = TROUPE_NOBODY;
    crew.plan.max_restarts = 1000;
    assert_int_equal(troupe_supervisor_spec(&crew.plan, &spec, NULL), TROUPE_OK);
    if (troupe_spawn(stage.me, &spec, &crew.top) == TROUPE_OK) {
        for (int i = 0; i < 20 && troupe_lookup(stage.system, "a", &id) == TROUPE_OK; i++) {
            (void)troupe_kill(stage.me, id);
            settle(&stage);
        }
        if (troupe_lookup(stage.system, "top", &id) == TROUPE_OK &&
            troupe_lookup(stage.system, "a", &id) != TROUPE_OK)
            fail_msg("seed %llu: the supervisor goes on without its child",
                     (unsigned long long)seed);
    }
    stage_close(&stage);
}

static void test_a_child_for_whose_restart_memory_is_out_is_not_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++)
        crash_without_memory(seed);
}

/* ---- what a stop leaves ---- */

static void asked_to_stop(struct stage *stage, troupe_restart_rule rule)
{
    struct crew crew;

    crew_enlist(stage, &crew, 1);
    crew.children[0].restart = rule;
    crew_raise(stage, &crew);
    stop_and_wait(stage, named(stage, "a"));
    expect_alive(stage, crew.top);
    expect_gone(stage, "a");
    expect_words(stage, "+a -a");
    curtain(stage);
}

static void act_permanent_stopped(struct stage *stage)
{
    asked_to_stop(stage, TROUPE_PERMANENT);
}

static void act_transient_stopped(struct stage *stage)
{
    asked_to_stop(stage, TROUPE_TRANSIENT);
}

static void act_temporary_stopped(struct stage *stage)
{
    asked_to_stop(stage, TROUPE_TEMPORARY);
}

static void test_who_is_asked_to_stop_stays_away_whatever_its_rule(void **state)
{
    (void)state;
    each_way(act_permanent_stopped);
    each_way(act_transient_stopped);
    each_way(act_temporary_stopped);
}

/* ---- how a supervisor stops its children ---- */

/* b needs its time and does not get enough: it is killed, and a, before it, stops in order all the same. */
static void one_that_hangs(struct stage *stage, uint64_t stop_timeout)
{
    struct crew crew;
    troupe_exit end;
    troupe_id b;

    crew_enlist(stage, &crew, 2);
    crew.tempers[1].hangs = true;
    crew.children[1].spec.stop_timeout = stop_timeout;
    crew_raise(stage, &crew);
    b = named(stage, "b");
    assert_int_equal(troupe_stop(stage->me, crew.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    if (await_end(stage, b, &end))
        assert_int_equal(end.reason, TROUPE_EXIT_KILLED);
    expect_end(stage, crew.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+a +b -b -a");
    curtain(stage);
}

static void act_too_slow(struct stage *stage)
{
    one_that_hangs(stage, 5 * TROUPE_MILLISECOND);
}

static void act_without_time(struct stage *stage)
{
    one_that_hangs(stage, 1);
}

static void test_a_child_that_does_not_stop_in_its_time_is_killed(void **state)
{
    (void)state;
    each_way(act_too_slow);
}

static void test_a_child_without_time_to_stop_is_killed_at_once(void **state)
{
    (void)state;
    each_way(act_without_time);
}

/* An hour passes while it waits; nobody kills it. */
static void test_a_child_with_all_the_time_is_waited_for(void **state)
{
    struct stage stage;
    struct crew crew;
    uint64_t before;

    (void)state;
    stage_open(&stage, true, 5);
    crew_enlist(&stage, &crew, 2);
    crew.tempers[1].hangs = true;
    for (int i = 0; i < 2; i++)
        crew.children[i].spec.stop_timeout = TROUPE_FOREVER;
    crew_raise(&stage, &crew);
    assert_int_equal(troupe_stop(stage.me, crew.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    before = troupe_now(stage.system);
    assert_int_equal(troupe_wait_end(stage.me, crew.top, LONG, NULL), TROUPE_E_TIMEOUT);
    assert_true(troupe_now(stage.system) - before >= LONG);
    expect_words(&stage, "+a +b");
    assert_int_equal(troupe_kill(stage.me, named(&stage, "b")), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage.me, crew.top, PATIENCE, NULL), TROUPE_OK);
    expect_words(&stage, "+a +b -b -a");
    stage_close(&stage);
}

/* While e takes its time to stop, the others end by themselves, each in its way; the supervisor ends in order. */
static void race(struct stage *stage, troupe_restart_rule rule)
{
    static const char *const ways[] = {"c", "x", "c", "x"};
    struct crew crew;
    troupe_id ids[4];

    crew_enlist(stage, &crew, 5);
    crew.tempers[4].hangs = true;
    crew.children[4].spec.stop_timeout = 20 * TROUPE_MILLISECOND;
    crew.plan.max_restarts = 100; /* some may end before the stop is heard */
    for (int i = 0; i < 4; i++)
        crew.children[i].restart = rule;
    crew_raise(stage, &crew);
    for (int i = 0; i < 4; i++)
        ids[i] = named(stage, crew.names[i]);
    assert_int_equal(troupe_stop(stage->me, crew.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    for (int i = 0; i < 4; i++) {
        troupe_status status = troupe_send(stage->me, ids[i], troupe_text(ways[i]));

        assert_true(status == TROUPE_OK || status == TROUPE_E_GONE);
    }
    expect_end(stage, crew.top, TROUPE_EXIT_NORMAL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(troupe_wait_end(stage->me, ids[i], PATIENCE, NULL), TROUPE_OK);
    curtain(stage);
}

static void act_race_of_permanent(struct stage *stage)
{
    race(stage, TROUPE_PERMANENT);
}

static void act_race_of_transient(struct stage *stage)
{
    race(stage, TROUPE_TRANSIENT);
}

static void act_race_of_temporary(struct stage *stage)
{
    race(stage, TROUPE_TEMPORARY);
}

static void test_children_that_end_by_themselves_during_a_stop_disturb_nothing(void **state)
{
    (void)state;
    each_way(act_race_of_permanent);
    each_way(act_race_of_transient);
    each_way(act_race_of_temporary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_for_one_restarts_it_alone_and_counts_all_together),
        cmocka_unit_test(test_one_for_one_escalates_when_a_child_never_comes_back),
        cmocka_unit_test(test_a_child_may_crash_for_ever_within_its_intensity),
        cmocka_unit_test(test_a_child_for_whose_restart_memory_is_out_is_not_lost),
        cmocka_unit_test(test_who_is_asked_to_stop_stays_away_whatever_its_rule),
        cmocka_unit_test(test_a_child_that_does_not_stop_in_its_time_is_killed),
        cmocka_unit_test(test_a_child_without_time_to_stop_is_killed_at_once),
        cmocka_unit_test(test_a_child_with_all_the_time_is_waited_for),
        cmocka_unit_test(test_children_that_end_by_themselves_during_a_stop_disturb_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
