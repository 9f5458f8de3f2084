/* What follows too many restarts, whose restarts count against whom, which crashes count at all; and supervisors that
 * end because their work is done. */
#include "kit_testing.h"

#define S TROUPE_SECOND
#define N 3

struct scene {
    struct part parts[N];
    troupe_child children[N];
    troupe_supervisor plan, outer;
    troupe_child outer_child;
    troupe_id top;
};

static void cast(struct stage *stage, struct scene *scene)
{
    static const char *const names[N] = {"a", "b", "c"};

    memset(scene, 0, sizeof *scene);
    for (size_t i = 0; i < N; i++) {
        scene->parts[i] = (struct part){.stage = stage, .tag = (char)('a' + i)};
        scene->children[i].spec = player_spec(names[i], &scene->parts[i]);
    }
}

static void begin(struct stage *stage, struct scene *scene, troupe_supervisor plan)
{
    scene->plan = plan;
    scene->plan.children = scene->children;
    scene->plan.n_children = N;
    scene->top = spawn_supervisor(stage, "top", &scene->plan);
}

static void crash(struct stage *stage, const char *name, int times)
{
    for (int i = 0; i < times; i++)
        order(stage, named(stage, name), "c");
}

/* ---- on_intensity ---- */

static void act_left_down(struct stage *stage)
{
    struct scene scene;
    troupe_id a;

    cast(stage, &scene);
    begin(stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.on_intensity = TROUPE_ON_INTENSITY_LEAVE_DOWN,
                                               .max_restarts = 2));
    a = named(stage, "a");
    crash(stage, "a", 3);
    assert_int_equal(troupe_wait_end(stage->me, a, PATIENCE, NULL), TROUPE_OK);
    await_log(stage, "[child-left-down] a crashed: told to crash, handling message 3; 2 restarts "
                     "within 5 s: it stays down");
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 1);
    assert_int_equal(troupe_lookup(stage->system, "a", &a), TROUPE_E_GONE);
    curtain(stage);
}

static void test_a_child_that_falls_too_often_is_left_down(void **state)
{
    (void)state;
    each_way(act_left_down);
}

/* Beneath another supervisor, whose rule for it is permanent. */
static void begin_inner(struct stage *stage, struct scene *scene, troupe_supervisor plan,
                        troupe_restart_rule rule)
{
    troupe_error error = {.text = ""};

    scene->plan = plan;
    scene->plan.children = scene->children;
    scene->plan.n_children = N;
    scene->outer_child.spec = *TROUPE_SPEC(.name = "inner");
    scene->outer_child.restart = rule;
    if (troupe_supervisor_spec(&scene->plan, &scene->outer_child.spec, &error) != TROUPE_OK)
        fail_msg("%s", error.text);
    scene->outer =
        (troupe_supervisor)TROUPE_SUPERVISOR(.children = &scene->outer_child, .n_children = 1);
    scene->top = spawn_supervisor(stage, "top", &scene->outer);
}

static void act_stopped(struct stage *stage)
{
    struct scene scene;
    troupe_exit end;
    troupe_id inner;

    cast(stage, &scene);
    begin_inner(stage, &scene,
                (troupe_supervisor)TROUPE_SUPERVISOR(.on_intensity = TROUPE_ON_INTENSITY_STOP,
                                                     .max_restarts = 1),
                TROUPE_PERMANENT);
    inner = named(stage, "inner");
    crash(stage, "b", 2);
    if (await_end(stage, inner, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_SHUTDOWN);
        assert_non_null(strstr(end.text, "child b: 1 restart within 5 s"));
    }
    await_log(stage, "[child-released] inner shut down");
    assert_string_equal(stage->journal.words, "+a +b +c -b +b -b -c -a");
    assert_int_equal(troupe_lookup(stage->system, "inner", &inner), TROUPE_E_GONE);
    (void)named(stage, "top"); /* goes on */
    curtain(stage);
}

static void test_a_subtree_that_falls_too_often_stays_down(void **state)
{
    (void)state;
    each_way(act_stopped);
}

static void act_escalated(struct stage *stage)
{
    struct scene scene;

    cast(stage, &scene);
    begin_inner(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 1),
                TROUPE_PERMANENT);
    crash(stage, "b", 2);
    await_log(stage, "[child-restarted] inner gave up");
    assert_string_equal(stage->journal.words, "+a +b +c -b +b -b -c -a +a +b +c");
    curtain(stage);
}

static void test_by_default_the_supervisor_above_decides(void **state)
{
    (void)state;
    each_way(act_escalated);
}

/* ---- budgets ---- */

static void act_budget(struct stage *stage)
{
    struct scene scene;
    troupe_exit end;

    cast(stage, &scene);
    scene.children[0].max_restarts = 20;
    scene.children[0].within_ns = 60 * S;
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 2));
    crash(stage, "a", 10);
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 11);
    crash(stage, "b", 1);
    crash(stage, "c", 1);
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 2);
    assert_int_equal(ask(stage, named(stage, "c")).incarnation, 2);
    crash(stage, "c", 1); /* the third of those that count together */
    if (await_end(stage, scene.top, &end))
        assert_non_null(strstr(end.text, "child c: 2 restarts within 5 s"));
    curtain(stage);
}

static void test_a_budget_of_its_own_spares_the_siblings(void **state)
{
    (void)state;
    each_way(act_budget);
}

static void act_own_end(struct stage *stage)
{
    struct scene scene;
    troupe_exit end;

    cast(stage, &scene);
    scene.children[0].max_restarts = TROUPE_NO_RESTARTS;
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 20));
    crash(stage, "b", 3);
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 4);
    crash(stage, "a", 1);
    if (await_end(stage, scene.top, &end))
        assert_non_null(strstr(end.text, "child a: 0 restarts within 5 s"));
    curtain(stage);
}

static void test_a_budget_that_is_used_up_ends_as_the_common_one(void **state)
{
    (void)state;
    each_way(act_own_end);
}

/* ---- on_crash ---- */

static void act_ignored(struct stage *stage)
{
    struct scene scene;
    troupe_id a;

    cast(stage, &scene);
    scene.children[0].on_crash = TROUPE_ON_CRASH_IGNORE;
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = TROUPE_NO_RESTARTS));
    a = named(stage, "a");
    crash(stage, "a", 1);
    assert_int_equal(troupe_wait_end(stage->me, a, PATIENCE, NULL), TROUPE_OK);
    await_log(stage, "its crash is ignored: it stays down");
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 1);
    curtain(stage);
}

static void test_a_crash_that_is_ignored_counts_for_nobody(void **state)
{
    (void)state;
    each_way(act_ignored);
}

static void act_escalates(struct stage *stage)
{
    struct scene scene;
    troupe_exit end;

    cast(stage, &scene);
    scene.children[1].on_crash = TROUPE_ON_CRASH_ESCALATE;
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 100));
    crash(stage, "b", 1);
    if (await_end(stage, scene.top, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_GAVE_UP);
        assert_non_null(strstr(end.text, "child b: its crash escalates; last: told to crash"));
    }
    curtain(stage);
}

static void test_a_crash_may_escalate_at_once(void **state)
{
    (void)state;
    each_way(act_escalates);
}

/* ---- auto_shutdown ---- */

static void end_one(struct stage *stage, const char *name)
{
    troupe_id id = named(stage, name);

    order(stage, id, "x");
    assert_int_equal(troupe_wait_end(stage->me, id, PATIENCE, NULL), TROUPE_OK);
}

static void significant(struct scene *scene)
{
    scene->children[0].restart = scene->children[1].restart = TROUPE_TRANSIENT;
    scene->children[0].significant = scene->children[1].significant = true;
}

static void act_any(struct stage *stage)
{
    struct scene scene;
    troupe_exit end;

    cast(stage, &scene);
    significant(&scene);
    begin(stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.auto_shutdown =
                                                   TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT));
    crash(stage, "a", 1); /* no end for good */
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 2);
    end_one(stage, "b");
    if (await_end(stage, scene.top, &end))
        assert_int_equal(end.reason, TROUPE_EXIT_NORMAL);
    assert_string_equal(stage->journal.words, "+a +b +c -a +a -b -c -a");
    curtain(stage);
}

static void test_the_first_significant_end_is_the_supervisors(void **state)
{
    (void)state;
    each_way(act_any);
}

static void act_last(struct stage *stage)
{
    struct scene scene;
    troupe_exit end;

    cast(stage, &scene);
    significant(&scene);
    scene.children[2].restart = TROUPE_TRANSIENT;
    begin(stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.auto_shutdown =
                                                   TROUPE_AUTO_SHUTDOWN_ALL_SIGNIFICANT));
    end_one(stage, "b");
    end_one(stage, "c"); /* not significant */
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 1);
    end_one(stage, "a");
    if (await_end(stage, scene.top, &end))
        assert_int_equal(end.reason, TROUPE_EXIT_NORMAL);
    curtain(stage);
}

static void test_the_last_significant_end_is_the_supervisors(void **state)
{
    (void)state;
    each_way(act_last);
}

static void act_above(struct stage *stage, troupe_restart_rule rule)
{
    struct scene scene;
    troupe_id inner;

    cast(stage, &scene);
    significant(&scene);
    begin_inner(
        stage, &scene,
        (troupe_supervisor)TROUPE_SUPERVISOR(.auto_shutdown = TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT),
        rule);
    end_one(stage, "a");
    if (rule == TROUPE_PERMANENT) {
        await_log(stage, "[child-restarted] inner ended");
        assert_int_equal(ask(stage, named(stage, "a")).incarnation, 1); /* another a */
    } else {
        await_log(stage, "[child-released] inner ended");
        assert_int_equal(troupe_lookup(stage->system, "a", &inner), TROUPE_E_GONE);
    }
    curtain(stage);
}

static void act_above_permanent(struct stage *stage)
{
    act_above(stage, TROUPE_PERMANENT);
}

static void act_above_transient(struct stage *stage)
{
    act_above(stage, TROUPE_TRANSIENT);
}

static void test_the_rule_above_decides_about_one_that_shut_down(void **state)
{
    (void)state;
    each_way(act_above_permanent);
    each_way(act_above_transient);
}

/* ---- what makes no sense ---- */

static void expect_refused(const troupe_supervisor *plan, const char *words)
{
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    troupe_error error = {.text = ""};

    assert_int_equal(troupe_supervisor_spec(plan, &spec, &error), TROUPE_E_INVALID);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static void test_what_makes_no_sense_is_refused_with_the_child_that_says_it(void **state)
{
    troupe_child children[2] = {{.spec = *TROUPE_SPEC(.name = "a")},
                                {.spec = *TROUPE_SPEC(.name = "b")}};
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = children, .n_children = 2);

    (void)state;
    plan.strategy = (troupe_strategy)9;
    expect_refused(&plan, "no strategy has the number 9");
    plan.strategy = TROUPE_ONE_FOR_ONE;
    plan.on_intensity = (troupe_on_intensity)9;
    expect_refused(&plan, "no on_intensity has the number 9");
    plan.on_intensity = TROUPE_ON_INTENSITY_ESCALATE;
    plan.auto_shutdown = (troupe_auto_shutdown)9;
    expect_refused(&plan, "no auto_shutdown has the number 9");
    plan.auto_shutdown = TROUPE_AUTO_SHUTDOWN_NEVER;
    children[1].restart = (troupe_restart_rule)7;
    expect_refused(&plan, "child 2 (b): no restart rule has the number 7");
    children[1].restart = TROUPE_PERMANENT;
    children[0].on_crash = (troupe_on_crash)7;
    expect_refused(&plan, "child 1 (a): no on_crash has the number 7");
    children[0].on_crash = TROUPE_ON_CRASH_RESTART;
    children[0].significant = true;
    expect_refused(&plan, "child 1 (a): it is significant and permanent");
    children[0].restart = TROUPE_TEMPORARY;
    expect_refused(&plan, "child 1 (a): it is significant, and auto_shutdown is never");
    children[0].significant = false;
    children[0].within_ns = S;
    expect_refused(&plan, "child 1 (a): within_ns without max_restarts");
    children[0].within_ns = 0;
    children[1].spec.name = "a";
    expect_refused(&plan, "two children are called a");
    children[1].spec.name = NULL;
    plan.backoff.jitter = 1.5;
    expect_refused(&plan, "jitter is 1.5");
    plan.backoff.jitter = 0;
    plan.child_size = 0;
    expect_refused(&plan, "TROUPE_SUPERVISOR");
    plan.child_size =
        2 * sizeof(troupe_child); /* as if each were twice as long, and its half not 0 */
    plan.n_children = 1;
    expect_refused(&plan, "child 1: its child_size is none that this library knows");
}

static void test_a_supervisor_among_its_own_children_is_refused(void **state)
{
    troupe_child children[2] = {{.spec = *TROUPE_SPEC(.name = "inner")}};
    troupe_supervisor outer = TROUPE_SUPERVISOR(.children = &children[0], .n_children = 1);
    troupe_supervisor inner = TROUPE_SUPERVISOR(.children = &children[1], .n_children = 1);

    (void)state;
    children[1].spec = *TROUPE_SPEC(.name = "leaf");
    assert_int_equal(troupe_supervisor_spec(&inner, &children[0].spec, NULL), TROUPE_OK);
    assert_int_equal(troupe_supervisor_spec(&outer, &children[1].spec, NULL), TROUPE_OK);
    expect_refused(&inner, "among its own children");
    expect_refused(&outer, "among its own children");
}

/* ---- jitter ---- */

static void act_jitter(struct stage *stage)
{
    struct scene scene;
    uint64_t began, waited, last_waited = 0;
    int n_distinct = 0;

    cast(stage, &scene);
    begin(stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 1000,
                                               .backoff = {.kind = TROUPE_BACKOFF_FIXED,
                                                           .initial_ns = 8 * TROUPE_MILLISECOND,
                                                           .jitter = 0.5}));
    for (uint32_t i = 1; i <= 8; i++) {
        began = troupe_now(stage->system);
        crash(stage, "a", 1);
        assert_int_equal(ask(stage, named(stage, "a")).incarnation, i + 1);
        waited = troupe_now(stage->system) - began;
        assert_true(waited >= 4 * TROUPE_MILLISECOND);
        assert_true(!stage->simulation || waited <= 9 * TROUPE_MILLISECOND);
        n_distinct += waited != last_waited;
        last_waited = waited;
    }
    assert_true(n_distinct >= 4);
    curtain(stage);
}

static void test_jitter_spreads_the_waits_below_the_schedule(void **state)
{
    (void)state;
    each_way(act_jitter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_child_that_falls_too_often_is_left_down),
        cmocka_unit_test(test_a_subtree_that_falls_too_often_stays_down),
        cmocka_unit_test(test_by_default_the_supervisor_above_decides),
        cmocka_unit_test(test_a_budget_of_its_own_spares_the_siblings),
        cmocka_unit_test(test_a_budget_that_is_used_up_ends_as_the_common_one),
        cmocka_unit_test(test_a_crash_that_is_ignored_counts_for_nobody),
        cmocka_unit_test(test_a_crash_may_escalate_at_once),
        cmocka_unit_test(test_the_first_significant_end_is_the_supervisors),
        cmocka_unit_test(test_the_last_significant_end_is_the_supervisors),
        cmocka_unit_test(test_the_rule_above_decides_about_one_that_shut_down),
        cmocka_unit_test(test_what_makes_no_sense_is_refused_with_the_child_that_says_it),
        cmocka_unit_test(test_a_supervisor_among_its_own_children_is_refused),
        cmocka_unit_test(test_jitter_spreads_the_waits_below_the_schedule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
