/* one_for_all, rest_for_one, trees: what OTP's supervisor_SUITE demands of them (docs/design/supervision-otp.md). */
#include "otp_testing.h"

/* ---- one_for_all ---- */

static void act_one_for_all(struct stage *stage)
{
    struct crew crew;
    troupe_id before;

    crew_enlist(stage, &crew, 3);
    crew.plan.strategy = TROUPE_ONE_FOR_ALL;
    crew.plan.max_restarts = 2;
    crew_raise(stage, &crew);
    before = named(stage, "a");
    order(stage, named(stage, "b"), "c");
    for (int i = 0; i < 3; i++)
        expect_up(stage, (char)('a' + i), 2);
    expect_words(stage, "+a +b +c -b -c -a +a +b +c");
    assert_int_equal(named(stage, "a").value, before.value);
    order(stage, named(stage, "a"), "c");
    for (int i = 0; i < 3; i++)
        expect_up(stage, (char)('a' + i), 3);
    order(stage, named(stage, "c"), "c");
    expect_end(stage, crew.top, TROUPE_EXIT_GAVE_UP);
    expect_words(stage, "+a +b +c -b -c -a +a +b +c -a -c -b +a +b +c -c -b -a");
    curtain(stage);
}

static void test_one_for_all_restarts_all_and_counts_it_once(void **state)
{
    (void)state;
    each_way(act_one_for_all);
}

static void act_all_escalate(struct stage *stage)
{
    struct crew crew;
    troupe_exit end;

    crew_enlist(stage, &crew, 2);
    crew.plan.strategy = TROUPE_ONE_FOR_ALL;
    crew.plan.max_restarts = 4;
    crew.tempers[1].part.refuse_from = 2;
    crew.tempers[1].part.refuse_text = "only once";
    crew_raise(stage, &crew);
    order(stage, named(stage, "a"), "c");
    if (await_end(stage, crew.top, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_GAVE_UP);
        assert_non_null(strstr(end.text, "only once"));
    }
    expect_words(stage, "+a +b -a -b +a -a +a -a +a -a +a -a");
    curtain(stage);
}

static void test_one_for_all_escalates_when_a_sibling_never_comes_back(void **state)
{
    (void)state;
    each_way(act_all_escalate);
}

static void act_all_again(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 2);
    crew.plan.strategy = TROUPE_ONE_FOR_ALL;
    crew.tempers[1].refuse_at = 2;
    crew_raise(stage, &crew);
    order(stage, named(stage, "a"), "c");
    expect_up(stage, 'a', 2);
    expect_up(stage, 'a', 3);
    expect_up(stage, 'b', 3);
    expect_words(stage, "+a +b -a -b +a -a +a +b");
    curtain(stage);
}

static void test_one_for_all_stops_the_restarted_when_another_fails_to_start(void **state)
{
    (void)state;
    each_way(act_all_again);
}

/* ---- rest_for_one ---- */

static void act_rest_for_one(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 3);
    crew.plan.strategy = TROUPE_REST_FOR_ONE;
    crew.plan.max_restarts = 2;
    crew_raise(stage, &crew);
    order(stage, named(stage, "b"), "c");
    expect_up(stage, 'b', 2);
    expect_up(stage, 'c', 2);
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 1);
    order(stage, named(stage, "c"), "c");
    expect_up(stage, 'c', 3);
    expect_words(stage, "+a +b +c -b -c +b +c -c +c");
    order(stage, named(stage, "b"), "c");
    expect_end(stage, crew.top, TROUPE_EXIT_GAVE_UP);
    expect_words(stage, "+a +b +c -b -c +b +c -c +c -b -c -a");
    curtain(stage);
}

static void test_rest_for_one_restarts_it_and_those_behind_it(void **state)
{
    (void)state;
    each_way(act_rest_for_one);
}

static void act_rest_escalate(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 2);
    crew.plan.strategy = TROUPE_REST_FOR_ONE;
    crew.plan.max_restarts = 4;
    crew.tempers[1].part.refuse_from = 2;
    crew.tempers[1].part.refuse_text = "only once";
    crew_raise(stage, &crew);
    order(stage, named(stage, "a"), "c");
    expect_end(stage, crew.top, TROUPE_EXIT_GAVE_UP);
    expect_words(stage, "+a +b -a -b +a -a");
    curtain(stage);
}

static void test_rest_for_one_escalates_when_a_sibling_never_comes_back(void **state)
{
    (void)state;
    each_way(act_rest_escalate);
}

static void act_rest_again(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 2);
    crew.plan.strategy = TROUPE_REST_FOR_ONE;
    crew.tempers[1].refuse_at = 2;
    crew_raise(stage, &crew);
    order(stage, named(stage, "a"), "c");
    expect_up(stage, 'a', 2);
    expect_up(stage, 'b', 3);
    expect_words(stage, "+a +b -a -b +a +b");
    curtain(stage);
}

static void test_rest_for_one_tries_again_only_from_the_one_that_failed_to_start(void **state)
{
    (void)state;
    each_way(act_rest_again);
}

/* ---- order, bystanders ---- */

static void act_order_of_five(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 5);
    crew.plan.strategy = TROUPE_REST_FOR_ONE;
    crew_raise(stage, &crew);
    order(stage, named(stage, "c"), "c");
    for (int i = 2; i < 5; i++)
        expect_up(stage, (char)('a' + i), 2);
    expect_words(stage, "+a +b +c +d +e -c -e -d +c +d +e");
    stop_and_wait(stage, crew.top);
    expect_words(stage, "+a +b +c +d +e -c -e -d +c +d +e -e -d -c -b -a");
    curtain(stage);
}

static void test_children_start_in_order_and_stop_in_reverse_whoever_asks(void **state)
{
    (void)state;
    each_way(act_order_of_five);
}

static void bystander(struct stage *stage, troupe_strategy strategy)
{
    struct crew crew;
    troupe_id b;

    crew_enlist(stage, &crew, 2);
    crew.plan.strategy = strategy;
    crew.plan.max_restarts = 2;
    crew.children[1].restart = TROUPE_TEMPORARY;
    crew_raise(stage, &crew);
    b = named(stage, "b");
    order(stage, named(stage, "a"), "x");
    expect_up(stage, 'a', 2);
    assert_int_equal(troupe_wait_end(stage->me, b, PATIENCE, NULL), TROUPE_OK);
    expect_alive(stage, crew.top);
    expect_words(stage, "+a +b -a -b +a");
    expect_gone(stage, "b");
    curtain(stage);
}

static void act_bystander_of_all(struct stage *stage)
{
    bystander(stage, TROUPE_ONE_FOR_ALL);
}

static void act_bystander_of_rest(struct stage *stage)
{
    bystander(stage, TROUPE_REST_FOR_ONE);
}

static void test_a_temporary_sibling_is_stopped_and_not_started_again(void **state)
{
    (void)state;
    each_way(act_bystander_of_all);
    each_way(act_bystander_of_rest);
}

/* ---- trees ---- */

static void act_tree(struct stage *stage)
{
    struct crew crew;
    troupe_child branches[2] = {{.spec = *TROUPE_SPEC(.name = "s1")},
                                {.spec = *TROUPE_SPEC(.name = "s2")}};
    troupe_supervisor inner[2],
        top = TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL, .max_restarts = 4,
                                .within_ns = LONG, .children = branches, .n_children = 2);

    crew_enlist(stage, &crew, 4);
    crew.tempers[2].part.refuse_from = 2;
    crew.tempers[2].part.refuse_text = "only once";
    for (int i = 0; i < 2; i++) {
        inner[i] = (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 4, .within_ns = LONG,
                                                        .children = crew.children + 2 * i,
                                                        .n_children = 2);
        assert_int_equal(troupe_supervisor_spec(&inner[i], &branches[i].spec, NULL), TROUPE_OK);
    }
    spawn_supervisor(stage, "top", &top);
    for (int i = 0; i < 4; i++)
        expect_up(stage, (char)('a' + i), 1);
    order(stage, named(stage, "d"), "c");
    expect_up(stage, 'd', 2);
    expect_words(stage, "+a +b +c +d -d +d");
    order(stage, named(stage, "c"),
          "c"); /* s2 gives up, and the strategy of the top takes s1 along */
    for (int i = 0; i < 4; i++)
        expect_up(stage, (char)('a' + i), 1);
    expect_words(stage, "+a +b +c +d -d +d -c -d -b -a +a +b +c +d");
    curtain(stage);
}

static void test_a_tree_restarts_what_the_strategy_of_each_level_says(void **state)
{
    (void)state;
    each_way(act_tree);
}

/* The name of a child leads to its next life, whatever ended the one before or its supervisor's. */
static void act_names_through_all_ends(struct stage *stage)
{
    struct crew crew;
    troupe_child branch = {.spec = *TROUPE_SPEC(.name = "sup")};
    troupe_supervisor top =
        TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL, .max_restarts = 3, .within_ns = LONG,
                          .children = &branch, .n_children = 1);
    troupe_id sup, a;

    crew_enlist(stage, &crew, 1);
    crew.plan.strategy = TROUPE_ONE_FOR_ALL;
    assert_int_equal(troupe_supervisor_spec(&crew.plan, &branch.spec, NULL), TROUPE_OK);
    spawn_supervisor(stage, "top", &top);
    expect_up(stage, 'a', 1);
    sup = named(stage, "sup");
    a = named(stage, "a");
    assert_int_equal(troupe_kill(stage->me, a), TROUPE_OK);
    expect_up(stage, 'a', 2);
    order(stage, a, "x");
    expect_up(stage, 'a', 3);
    assert_int_equal(troupe_stop(stage->me, a, TROUPE_STOP_RESTART), TROUPE_OK);
    expect_up(stage, 'a', 4);
    assert_int_equal(named(stage, "a").value, a.value);
    assert_int_equal(troupe_kill(stage->me, sup), TROUPE_OK);
    expect_up(stage, 'a', 1);
    assert_int_equal(named(stage, "sup").value, sup.value);
    assert_int_not_equal(named(stage, "a").value, a.value);
    expect_words(stage, "+a -a +a -a +a -a +a -a +a");
    curtain(stage);
}

static void test_names_lead_to_the_next_life_after_every_end(void **state)
{
    (void)state;
    each_way(act_names_through_all_ends);
}

static void act_stop_in_the_loop(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 3);
    crew.plan.strategy = TROUPE_REST_FOR_ONE;
    crew.plan.max_restarts = 8;
    crew.plan.backoff = (troupe_backoff){.kind = TROUPE_BACKOFF_FIXED, .initial_ns = LONG};
    crew_raise(stage, &crew);
    order(stage, named(stage, "b"), "c");
    await_log(stage, "[child-backoff] b crashed");
    stop_and_wait(stage, crew.top);
    expect_words(stage, "+a +b +c -b -c -a");
    curtain(stage);
}

static void test_a_supervisor_ends_at_once_while_its_children_wait_for_each_other(void **state)
{
    (void)state;
    each_way(act_stop_in_the_loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_for_all_restarts_all_and_counts_it_once),
        cmocka_unit_test(test_one_for_all_escalates_when_a_sibling_never_comes_back),
        cmocka_unit_test(test_one_for_all_stops_the_restarted_when_another_fails_to_start),
        cmocka_unit_test(test_rest_for_one_restarts_it_and_those_behind_it),
        cmocka_unit_test(test_rest_for_one_escalates_when_a_sibling_never_comes_back),
        cmocka_unit_test(test_rest_for_one_tries_again_only_from_the_one_that_failed_to_start),
        cmocka_unit_test(test_children_start_in_order_and_stop_in_reverse_whoever_asks),
        cmocka_unit_test(test_a_temporary_sibling_is_stopped_and_not_started_again),
        cmocka_unit_test(test_a_tree_restarts_what_the_strategy_of_each_level_says),
        cmocka_unit_test(test_names_lead_to_the_next_life_after_every_end),
        cmocka_unit_test(test_a_supervisor_ends_at_once_while_its_children_wait_for_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
