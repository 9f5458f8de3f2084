/* Starts: what OTP's supervisor_SUITE demands (docs/design/supervision-otp.md). */
#include "otp_testing.h"

#include <stddef.h>

static void act_empty(struct stage *stage)
{
    troupe_supervisor plan = TROUPE_SUPERVISOR(.max_restarts = 2);
    troupe_id top = spawn_supervisor(stage, "top", &plan);

    expect_alive(stage, top);
    assert_int_equal(troupe_stop(stage->me, top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(stage, top, TROUPE_EXIT_NORMAL);
    expect_gone(stage, "top");
}

static void test_a_supervisor_without_children_starts_and_stops(void **state)
{
    (void)state;
    each_way(act_empty);
}

/* A child has looked, and there is nothing to do for it. */
static void leaves(struct stage *stage, troupe_restart_rule rule)
{
    struct crew crew;

    crew_enlist(stage, &crew, 2);
    crew.tempers[0].leaves_from = 1;
    crew.children[0].restart = rule;
    crew_raise(stage, &crew);
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 1);
    settle(stage);
    expect_alive(stage, crew.top);
    curtain(stage);
    if (strcmp(stage->journal.words, "+a -a +b -b") !=
        0) /* it may end before the next one starts */
        expect_words(stage, "+a +b -a -b");
}

static void test_a_child_with_nothing_to_do_ends_in_its_start_and_fails_nobodys(void **state)
{
    static const troupe_restart_rule rules[] = {TROUPE_TRANSIENT, TROUPE_TEMPORARY};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stage stage;

        for (uint64_t seed = 1; seed <= 10; seed++) {
            stage_open(&stage, true, seed);
            leaves(&stage, rules[i]);
            stage_close(&stage);
        }
    }
}

/* Whatever allocation fails: an error for the spawner, or a start; never half of one. */
static void test_a_supervisor_that_cannot_begin_leaves_nothing_behind(void **state)
{
    bool started = false;

    (void)state;
    for (uint64_t nth = 1; !started; nth++) {
        struct stage stage;
        troupe_supervisor plan = TROUPE_SUPERVISOR(.max_restarts = 2);
        troupe_spec spec = *TROUPE_SPEC(.name = "top");
        troupe_status status;
        troupe_id id;

        assert_true(nth < 100);
        stage_open(&stage, true, nth);
        assert_int_equal(troupe_supervisor_spec(&plan, &spec, NULL), TROUPE_OK);
        trp_alloc_fail_after(nth);
        status = troupe_spawn(stage.me, &spec, &id);
        trp_alloc_fail_after(0);
        started = status == TROUPE_OK;
        if (!started)
            expect_gone(&stage, "top");
        stage_close(&stage);
    }
}

/* Three restarts within five seconds, by nobody's word. */
static void act_defaults(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 1);
    crew.plan.within_ns = 0;
    crew_raise(stage, &crew);
    for (uint32_t life = 2; life <= 4; life++) {
        order(stage, named(stage, "a"), life % 2 ? "c" : "x");
        expect_up(stage, 'a', life);
    }
    await_log(stage, "(3 of 3 in 5 s)");
    order(stage, named(stage, "a"), "c");
    expect_end(stage, crew.top, TROUPE_EXIT_GAVE_UP);
    curtain(stage);
}

static void test_what_a_plan_leaves_out_has_its_default(void **state)
{
    struct stage stage;

    (void)state;
    for (uint64_t seed = 1; seed <= 10;
         seed++) { /* in virtual time, as no machine is too slow for it */
        stage_open(&stage, true, seed);
        act_defaults(&stage);
        stage_close(&stage);
    }
}

/* ---- what makes no sense ---- */

static void refuse(const troupe_supervisor *plan, const char *word)
{
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    troupe_error error = {.text = ""};

    if (troupe_supervisor_spec(plan, &spec, &error) != TROUPE_E_INVALID)
        fail_msg("not refused: %s", word);
    if (!strstr(error.text, word))
        fail_msg("\"%s\" does not say \"%s\"", error.text, word);
    assert_null(spec.child);
}

static void test_every_number_of_a_supervisor_is_looked_at(void **state)
{
    const troupe_backoff fixed = {.kind = TROUPE_BACKOFF_FIXED, .initial_ns = 1};
    const troupe_backoff grows = {.kind = TROUPE_BACKOFF_EXPONENTIAL, .initial_ns = 2};
    struct {
        troupe_supervisor plan;
        const char *word;
    } bad[] = {
        {TROUPE_SUPERVISOR(.strategy = (troupe_strategy)7), "strategy"},
        {TROUPE_SUPERVISOR(.strategy = (troupe_strategy)-1), "strategy"},
        {TROUPE_SUPERVISOR(.on_intensity = (troupe_on_intensity)7), "intensity"},
        {TROUPE_SUPERVISOR(.auto_shutdown = (troupe_auto_shutdown)7), "auto_shutdown"},
        {TROUPE_SUPERVISOR(.backoff = fixed), "jitter"},
        {TROUPE_SUPERVISOR(.backoff = fixed), "jitter"},
        {TROUPE_SUPERVISOR(.backoff = grows), "multiplier"},
        {TROUPE_SUPERVISOR(.backoff = grows), "multiplier"},
        {TROUPE_SUPERVISOR(.backoff = grows), "max"},
        {TROUPE_SUPERVISOR(.backoff = {.kind = TROUPE_BACKOFF_EXPONENTIAL}), "initial"},
        {TROUPE_SUPERVISOR(.backoff = {.kind = (troupe_backoff_kind)9}), "kind"},
        {TROUPE_SUPERVISOR(.n_children = 1), "children"},
    };

    (void)state;
    bad[4].plan.backoff.jitter = 1.5;
    bad[5].plan.backoff.jitter = -0.5;
    bad[6].plan.backoff.multiplier = 0.5;
    bad[7].plan.backoff.multiplier = __builtin_nan("");
    bad[8].plan.backoff.max_ns = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(&bad[i].plan, bad[i].word);
}

static const troupe_spec somebody = {.size = sizeof somebody, .name = "somebody"};

static void refuse_child(troupe_child child, troupe_auto_shutdown mode, const char *word)
{
    const troupe_supervisor plan =
        TROUPE_SUPERVISOR(.auto_shutdown = mode, .children = &child, .n_children = 1);

    refuse(&plan, word);
}

static void test_every_child_that_makes_no_sense_is_refused_by_name(void **state)
{
    const troupe_child twins[] = {{.spec = somebody}, {.spec = somebody}};
    const troupe_supervisor two = TROUPE_SUPERVISOR(.children = twins, .n_children = 2);
    const troupe_auto_shutdown any = TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT;

    (void)state;
    refuse(&two, "somebody");
    refuse_child((troupe_child){.spec = somebody, .restart = (troupe_restart_rule)5},
                 TROUPE_AUTO_SHUTDOWN_NEVER, "somebody");
    refuse_child((troupe_child){.spec = somebody, .on_crash = (troupe_on_crash)5},
                 TROUPE_AUTO_SHUTDOWN_NEVER, "somebody");
    refuse_child((troupe_child){.spec = somebody, .within_ns = 1}, TROUPE_AUTO_SHUTDOWN_NEVER,
                 "somebody");
    refuse_child((troupe_child){.spec = somebody, .significant = true, .restart = TROUPE_TRANSIENT},
                 TROUPE_AUTO_SHUTDOWN_NEVER, "significant");
    refuse_child((troupe_child){.spec = somebody, .significant = true}, any, "significant");
}

static void test_every_child_that_makes_sense_is_accepted(void **state)
{
    (void)state;
    for (int mode = 0; mode < 3; mode++) {
        for (int rule = 0; rule < 3; rule++) {
            for (int significant = 0; significant < 2; significant++) {
                const troupe_child child = {.spec = somebody,
                                            .restart = (troupe_restart_rule)rule,
                                            .significant = significant,
                                            .max_restarts = 2};
                const troupe_supervisor plan =
                    TROUPE_SUPERVISOR(.auto_shutdown = (troupe_auto_shutdown)mode,
                                      .children = &child, .n_children = 1);
                troupe_spec spec = *TROUPE_SPEC(.name = "top");
                bool bad = significant && (mode == 0 || rule == TROUPE_PERMANENT);

                assert_int_equal(troupe_supervisor_spec(&plan, &spec, NULL),
                                 bad ? TROUPE_E_INVALID : TROUPE_OK);
            }
        }
    }
}

/* auto_shutdown is no field of a pool, whose members are all alike. */
static void test_a_pool_takes_no_significant_member(void **state)
{
    const troupe_child member = {
        .spec = somebody, .significant = true, .restart = TROUPE_TRANSIENT};
    const troupe_pool pool = TROUPE_POOL(.member = &member, .n_members = 2);
    troupe_spec spec = *TROUPE_SPEC(.name = "pool");
    troupe_error error = {.text = ""};

    (void)state;
    assert_int_equal(troupe_pool_spec(&pool, &spec, &error), TROUPE_E_INVALID);
    assert_non_null(strstr(error.text, "significant"));
}

/* ---- starts that fail ---- */

static void act_taken(struct stage *stage)
{
    struct crew crew;
    troupe_spec other = *TROUPE_SPEC(.name = "b"), spec = *TROUPE_SPEC(.name = "top");
    troupe_error error = {.text = ""};
    troupe_id id, b = must_spawn(stage, &other);

    crew_enlist(stage, &crew, 2);
    assert_int_equal(troupe_supervisor_spec(&crew.plan, &spec, NULL), TROUPE_OK);
    assert_int_not_equal(troupe_spawn_or_say(stage->me, &spec, &id, &error), TROUPE_OK);
    assert_non_null(strstr(error.text, "b did not start"));
    expect_words(stage, "+a -a");
    assert_int_equal(named(stage, "b").value, b.value);
    expect_gone(stage, "top");
    curtain(stage);
}

static void test_a_child_whose_name_another_has_fails_the_start(void **state)
{
    (void)state;
    each_way(act_taken);
}

/* The innermost reason reaches whoever started the whole. */
static void act_deep_refusal(struct stage *stage)
{
    struct crew crew;
    troupe_child middle = {.spec = *TROUPE_SPEC(.name = "middle")};
    troupe_supervisor top = TROUPE_SUPERVISOR(.children = &middle, .n_children = 1);
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    troupe_error error = {.text = ""};
    troupe_id id;

    crew_enlist(stage, &crew, 2);
    crew.tempers[1].part.refuse_from = 1;
    crew.tempers[1].part.refuse_text = "no such module";
    assert_int_equal(troupe_supervisor_spec(&crew.plan, &middle.spec, NULL), TROUPE_OK);
    assert_int_equal(troupe_supervisor_spec(&top, &spec, NULL), TROUPE_OK);
    assert_int_not_equal(troupe_spawn_or_say(stage->me, &spec, &id, &error), TROUPE_OK);
    assert_non_null(strstr(error.text, "middle did not start"));
    assert_non_null(strstr(error.text, "b did not start"));
    assert_non_null(strstr(error.text, "no such module"));
    expect_words(stage, "+a -a");
    curtain(stage);
}

static void test_the_innermost_reason_reaches_who_started_the_tree(void **state)
{
    (void)state;
    each_way(act_deep_refusal);
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* A start that goes well is no news; a restart is one line. */
static void act_quiet(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 2);
    crew_raise(stage, &crew);
    expect_alive(stage, crew.top);
    assert_int_equal(count(stage->journal.log, "[child-"), 0);
    order(stage, named(stage, "a"), "x");
    expect_up(stage, 'a', 2);
    await_log(stage, "[child-restarted] a ended");
    assert_int_equal(count(stage->journal.log, "[child-"), 1);
    curtain(stage);
}

static void test_a_start_logs_nothing_and_a_restart_one_line(void **state)
{
    (void)state;
    each_way(act_quiet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_supervisor_without_children_starts_and_stops),
        cmocka_unit_test(test_a_child_with_nothing_to_do_ends_in_its_start_and_fails_nobodys),
        cmocka_unit_test(test_a_supervisor_that_cannot_begin_leaves_nothing_behind),
        cmocka_unit_test(test_what_a_plan_leaves_out_has_its_default),
        cmocka_unit_test(test_every_number_of_a_supervisor_is_looked_at),
        cmocka_unit_test(test_every_child_that_makes_no_sense_is_refused_by_name),
        cmocka_unit_test(test_every_child_that_makes_sense_is_accepted),
        cmocka_unit_test(test_a_pool_takes_no_significant_member),
        cmocka_unit_test(test_a_child_whose_name_another_has_fails_the_start),
        cmocka_unit_test(test_the_innermost_reason_reaches_who_started_the_tree),
        cmocka_unit_test(test_a_start_logs_nothing_and_a_restart_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
