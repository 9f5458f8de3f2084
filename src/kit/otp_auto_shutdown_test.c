/* auto_shutdown and significant children: what OTP's supervisor_SUITE demands (docs/design/supervision-otp.md). */
#include "otp_testing.h"

static const troupe_auto_shutdown modes[] = {TROUPE_AUTO_SHUTDOWN_NEVER,
                                             TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT,
                                             TROUPE_AUTO_SHUTDOWN_ALL_SIGNIFICANT};

/* How a child ends by itself. */
enum way { WAY_KILLED, WAY_CRASHED, WAY_NORMAL, N_WAYS };

static void end_child(struct stage *stage, troupe_id id, enum way way)
{
    if (way == WAY_KILLED)
        assert_int_equal(troupe_kill(stage->me, id), TROUPE_OK);
    else
        order(stage, id, way == WAY_CRASHED ? "c" : "x");
}

/* a and b are significant, c is not. */
static void raise_three(struct stage *stage, struct crew *crew, troupe_auto_shutdown mode,
                        troupe_restart_rule rule)
{
    crew_enlist(stage, crew, 3);
    crew->plan.auto_shutdown = mode;
    crew->plan.max_restarts = 5;
    for (int i = 0; i < 3; i++) {
        crew->children[i].restart = rule;
        crew->children[i].significant = i < 2 && mode != TROUPE_AUTO_SHUTDOWN_NEVER;
    }
    crew_raise(stage, crew);
}

/* ---- children that are not significant ---- */

static void insignificant(struct stage *stage, troupe_restart_rule rule, troupe_auto_shutdown mode,
                          enum way way)
{
    struct crew crew;
    troupe_id c;

    raise_three(stage, &crew, mode, rule);
    c = named(stage, "c");
    end_child(stage, c, way);
    if (rule == TROUPE_TRANSIENT && way != WAY_NORMAL)
        expect_up(stage, 'c', 2);
    else
        assert_int_equal(troupe_wait_end(stage->me, c, PATIENCE, NULL), TROUPE_OK);
    expect_alive(stage, crew.top);
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 1);
    curtain(stage);
}

static void insignificant_each_way(bool simulation, troupe_restart_rule rule)
{
    struct stage stage;

    for (size_t mode = 0; mode < 3; mode++) {
        for (enum way way = 0; way < N_WAYS; way++) {
            stage_open(&stage, simulation, 1 + mode);
            insignificant(&stage, rule, modes[mode], way);
            stage_close(&stage);
        }
    }
}

static void test_the_end_of_an_insignificant_temporary_child_ends_nothing_else(void **state)
{
    (void)state;
    insignificant_each_way(true, TROUPE_TEMPORARY);
    insignificant_each_way(false, TROUPE_TEMPORARY);
}

static void test_the_end_of_an_insignificant_transient_child_ends_nothing_else(void **state)
{
    (void)state;
    insignificant_each_way(true, TROUPE_TRANSIENT);
    insignificant_each_way(false, TROUPE_TRANSIENT);
}

/* ---- children that are ---- */

static void any_temporary(struct stage *stage, enum way way)
{
    struct crew crew;

    raise_three(stage, &crew, TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT, TROUPE_TEMPORARY);
    end_child(stage, named(stage, "b"), way);
    expect_end(stage, crew.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+a +b +c -b -c -a");
    curtain(stage);
}

static void act_any_killed(struct stage *stage)
{
    any_temporary(stage, WAY_KILLED);
}

static void act_any_crashed(struct stage *stage)
{
    any_temporary(stage, WAY_CRASHED);
}

static void act_any_normal(struct stage *stage)
{
    any_temporary(stage, WAY_NORMAL);
}

static void all_of(struct stage *stage, troupe_restart_rule rule)
{
    struct crew crew;
    troupe_id a;

    raise_three(stage, &crew, TROUPE_AUTO_SHUTDOWN_ALL_SIGNIFICANT, rule);
    a = named(stage, "a");
    end_child(stage, a, WAY_NORMAL);
    assert_int_equal(troupe_wait_end(stage->me, a, PATIENCE, NULL), TROUPE_OK);
    expect_alive(stage, crew.top);
    end_child(stage, named(stage, "b"), WAY_NORMAL);
    expect_end(stage, crew.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+a +b +c -a -b -c");
    curtain(stage);
}

static void act_all_temporary(struct stage *stage)
{
    all_of(stage, TROUPE_TEMPORARY);
}

static void act_all_transient(struct stage *stage)
{
    all_of(stage, TROUPE_TRANSIENT);
}

static void test_a_significant_temporary_child_ends_its_supervisor_whatever_ended_it(void **state)
{
    (void)state;
    each_way(act_any_killed);
    each_way(act_any_crashed);
    each_way(act_any_normal);
    each_way(act_all_temporary);
}

static void act_any_transient(struct stage *stage)
{
    struct crew crew;

    raise_three(stage, &crew, TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT, TROUPE_TRANSIENT);
    end_child(stage, named(stage, "a"), WAY_KILLED);
    expect_up(stage, 'a', 2);
    end_child(stage, named(stage, "a"), WAY_CRASHED);
    expect_up(stage, 'a', 3);
    expect_alive(stage, crew.top);
    end_child(stage, named(stage, "a"), WAY_NORMAL);
    expect_end(stage, crew.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+a +b +c -a +a -a +a -a -c -b");
    curtain(stage);
}

static void
test_a_significant_transient_child_ends_its_supervisor_by_a_normal_end_only(void **state)
{
    (void)state;
    each_way(act_any_transient);
    each_way(act_all_transient);
}

/* A sibling's restart stops it: that is no end of its own. */
static void bystander(bool simulation, troupe_strategy strategy, troupe_auto_shutdown mode)
{
    struct stage stage;
    struct crew crew;

    stage_open(&stage, simulation, 7);
    crew_enlist(&stage, &crew, 3);
    for (int i = 0; i < 3; i++)
        crew.children[i].restart = TROUPE_TRANSIENT;
    crew.children[0].significant = crew.children[2].significant = true;
    crew.plan.strategy = strategy;
    crew.plan.auto_shutdown = mode;
    crew_raise(&stage, &crew);
    end_child(&stage, named(&stage, "b"), WAY_KILLED);
    for (int i = strategy == TROUPE_ONE_FOR_ALL ? 0 : 1; i < 3; i++)
        if (i == 1 || strategy != TROUPE_ONE_FOR_ONE)
            expect_up(&stage, (char)('a' + i), 2);
    expect_alive(&stage, crew.top);
    curtain(&stage);
    stage_close(&stage);
}

static void test_a_significant_child_that_is_stopped_for_a_sibling_ends_nothing(void **state)
{
    static const troupe_strategy strategies[] = {TROUPE_ONE_FOR_ONE, TROUPE_ONE_FOR_ALL,
                                                 TROUPE_REST_FOR_ONE};

    (void)state;
    for (int i = 0; i < 3; i++) {
        for (int mode = 1; mode < 3; mode++) {
            bystander(true, strategies[i], modes[mode]);
            bystander(false, strategies[i], modes[mode]);
        }
    }
}

/* ---- supervisors that are significant ---- */

static void escalation(struct stage *stage, bool significant)
{
    struct crew crew;
    troupe_child branch = {.restart = TROUPE_TRANSIENT,
                           .significant = significant,
                           .spec = *TROUPE_SPEC(.name = "inner")};
    troupe_supervisor outer =
        TROUPE_SUPERVISOR(.auto_shutdown = TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT,
                          .children = &branch, .n_children = 1);
    troupe_id top, inner;

    crew_enlist(stage, &crew, 1);
    crew.children[0].restart = TROUPE_TRANSIENT;
    crew.children[0].significant = true;
    crew.plan.auto_shutdown = TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT;
    assert_int_equal(troupe_supervisor_spec(&crew.plan, &branch.spec, NULL), TROUPE_OK);
    top = spawn_supervisor(stage, "top", &outer);
    expect_up(stage, 'a', 1);
    inner = named(stage, "inner");
    end_child(stage, named(stage, "a"), WAY_NORMAL);
    expect_end(stage, inner, TROUPE_EXIT_NORMAL);
    if (significant)
        expect_end(stage, top, TROUPE_EXIT_NORMAL);
    else
        expect_alive(stage, top);
    expect_words(stage, "+a -a");
    curtain(stage);
}

static void act_through_a_significant_one(struct stage *stage)
{
    escalation(stage, true);
}

static void act_not_through_another(struct stage *stage)
{
    escalation(stage, false);
}

static void test_an_auto_shutdown_goes_on_through_a_significant_supervisor_only(void **state)
{
    (void)state;
    each_way(act_through_a_significant_one);
    each_way(act_not_through_another);
}

/* ---- changed at run time ---- */

/* A supervisor with one mode, to which another is given; a and b are significant, and added before or after. */
static void raise_none(struct stage *stage, struct crew *crew, troupe_auto_shutdown mode)
{
    crew_enlist(stage, crew, 2);
    crew->plan.auto_shutdown = mode;
    crew->plan.n_children = 0;
    for (int i = 0; i < 2; i++) {
        crew->children[i].restart = TROUPE_TRANSIENT;
        crew->children[i].significant = true;
    }
    crew_raise(stage, crew);
}

static void change(struct stage *stage, struct crew *crew, troupe_auto_shutdown mode)
{
    give(stage, crew->top, TROUPE_ORDER(.kind = TROUPE_ORDER_CHANGE, .auto_shutdown = &mode));
}

static void add(struct stage *stage, struct crew *crew, int i)
{
    give(stage, crew->top, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &crew->children[i]));
    expect_up(stage, (char)('a' + i), 1);
}

static void end_normally(struct stage *stage, const char *name)
{
    troupe_id id = named(stage, name);

    end_child(stage, id, WAY_NORMAL);
    assert_int_equal(troupe_wait_end(stage->me, id, PATIENCE, NULL), TROUPE_OK);
}

/* The normal end of a: the supervisor's, or only that of b is. */
static void expect_mode(struct stage *stage, struct crew *crew, troupe_auto_shutdown mode)
{
    end_normally(stage, "a");
    if (mode == TROUPE_AUTO_SHUTDOWN_ALL_SIGNIFICANT) {
        expect_alive(stage, crew->top);
        end_normally(stage, "b");
    }
    expect_end(stage, crew->top, TROUPE_EXIT_NORMAL);
}

static void from_never(struct stage *stage, troupe_auto_shutdown mode)
{
    struct crew crew;

    raise_none(stage, &crew, TROUPE_AUTO_SHUTDOWN_NEVER);
    refuse_order(stage, crew.top,
                 TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &crew.children[0]),
                 TROUPE_E_INVALID);
    change(stage, &crew, mode);
    add(stage, &crew, 0);
    add(stage, &crew, 1);
    expect_mode(stage, &crew, mode);
    curtain(stage);
}

/* On threads who watches it may hear of its end before its supervisor does, which then says that it is gone. */
static void restart_ended(struct stage *stage, troupe_id top, const char *name)
{
    const troupe_order *restart = TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = name);
    troupe_status status = TROUPE_E_GONE;

    for (int i = 0; i < 10000 && status == TROUPE_E_GONE; i++)
        status = troupe_order_call(stage->me, top, restart, PATIENCE, NULL, NULL);
    assert_int_equal(status, TROUPE_OK);
}

static void to_never(struct stage *stage, troupe_auto_shutdown mode)
{
    struct crew crew;

    raise_none(stage, &crew, mode);
    add(stage, &crew, 0);
    change(stage, &crew, TROUPE_AUTO_SHUTDOWN_NEVER);
    refuse_order(stage, crew.top,
                 TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &crew.children[1]),
                 TROUPE_E_INVALID);
    end_normally(stage, "a");
    expect_alive(stage, crew.top);
    restart_ended(stage, crew.top, "a");
    expect_up(stage, 'a', 1);
    stop_and_wait(stage, crew.top);
    curtain(stage);
}

static void from_to(struct stage *stage, troupe_auto_shutdown from, troupe_auto_shutdown mode)
{
    struct crew crew;

    raise_none(stage, &crew, from);
    add(stage, &crew, 0);
    add(stage, &crew, 1);
    change(stage, &crew, mode);
    expect_alive(stage, crew.top);
    expect_mode(stage, &crew, mode);
    curtain(stage);
}

static void act_changes(struct stage *stage, int which)
{
    const troupe_auto_shutdown any = TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT;
    const troupe_auto_shutdown all = TROUPE_AUTO_SHUTDOWN_ALL_SIGNIFICANT;

    switch (which) {
    case 0:
        from_never(stage, any);
        break;
    case 1:
        from_never(stage, all);
        break;
    case 2:
        to_never(stage, any);
        break;
    case 3:
        to_never(stage, all);
        break;
    case 4:
        from_to(stage, any, all);
        break;
    default:
        from_to(stage, all, any);
    }
}

static void changes(int which)
{
    for (uint64_t seed = 0; seed <= 10; seed++) {
        struct stage stage;

        stage_open(&stage, seed > 0, seed); /* once on threads */
        act_changes(&stage, which);
        stage_close(&stage);
    }
}

static void test_auto_shutdown_is_turned_on_at_run_time(void **state)
{
    (void)state;
    changes(0);
    changes(1);
}

static void test_auto_shutdown_is_turned_off_at_run_time(void **state)
{
    (void)state;
    changes(2);
    changes(3);
}

static void test_auto_shutdown_is_of_another_kind_from_now_on(void **state)
{
    (void)state;
    changes(4);
    changes(5);
}

/* A child is significant or not as its spec says; another spec is another child. */
static void act_significance(struct stage *stage)
{
    struct crew crew;

    raise_none(stage, &crew, TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT);
    add(stage, &crew, 0);
    give(stage, crew.top, TROUPE_ORDER(.kind = TROUPE_ORDER_REMOVE, .name = "a"));
    expect_alive(stage, crew.top);
    crew.children[0].significant = false;
    add(stage, &crew, 0);
    end_normally(stage, "a");
    expect_alive(stage, crew.top);
    give(stage, crew.top, TROUPE_ORDER(.kind = TROUPE_ORDER_REMOVE, .name = "a"));
    crew.children[0].significant = true;
    add(stage, &crew, 0);
    end_normally(stage, "a");
    expect_end(stage, crew.top, TROUPE_EXIT_NORMAL);
    curtain(stage);
}

static void test_a_child_changes_its_significance_by_remove_and_add(void **state)
{
    (void)state;
    each_way(act_significance);
}

/* An order to stop is no end of its own. */
static void act_ordered(struct stage *stage)
{
    struct crew crew;

    raise_none(stage, &crew, TROUPE_AUTO_SHUTDOWN_ANY_SIGNIFICANT);
    add(stage, &crew, 0);
    give(stage, crew.top, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "a"));
    expect_alive(stage, crew.top);
    curtain(stage);
}

static void test_a_significant_child_that_is_stopped_by_an_order_ends_nothing(void **state)
{
    (void)state;
    each_way(act_ordered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_of_an_insignificant_temporary_child_ends_nothing_else),
        cmocka_unit_test(test_the_end_of_an_insignificant_transient_child_ends_nothing_else),
        cmocka_unit_test(test_a_significant_temporary_child_ends_its_supervisor_whatever_ended_it),
        cmocka_unit_test(
            test_a_significant_transient_child_ends_its_supervisor_by_a_normal_end_only),
        cmocka_unit_test(test_a_significant_child_that_is_stopped_for_a_sibling_ends_nothing),
        cmocka_unit_test(test_an_auto_shutdown_goes_on_through_a_significant_supervisor_only),
        cmocka_unit_test(test_auto_shutdown_is_turned_on_at_run_time),
        cmocka_unit_test(test_auto_shutdown_is_turned_off_at_run_time),
        cmocka_unit_test(test_auto_shutdown_is_of_another_kind_from_now_on),
        cmocka_unit_test(test_a_child_changes_its_significance_by_remove_and_add),
        cmocka_unit_test(test_a_significant_child_that_is_stopped_by_an_order_ends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
