/* Which siblings go down and up with a child that ended, in which order, and what the rest of them notice. */
#include "kit_testing.h"

#define S TROUPE_SECOND
#define N 4

struct scene {
    struct part parts[N];
    troupe_child children[N];
    troupe_supervisor plan;
    troupe_id top;
};

static void cast(struct stage *stage, struct scene *scene)
{
    static const char *const names[N] = {"a", "b", "c", "d"};

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
    assert_string_equal(stage->journal.words, "+a +b +c +d");
    stage->journal.words[0] = 0;
}

/* A life of a supervisor's child that starts again is told to the log once it is up. */
static void crash_and_await(struct stage *stage, const char *name)
{
    char line[64];

    order(stage, named(stage, name), "c");
    snprintf(line, sizeof line, "[child-restarted] d");
    await_log(stage, line); /* the last one of each strategy here */
}

static void expect_words(struct stage *stage, const char *words)
{
    trp_mutex_lock(&stage->journal.mutex);
    assert_string_equal(stage->journal.words, words);
    stage->journal.words[0] = 0;
    trp_mutex_unlock(&stage->journal.mutex);
}

static void act_all(struct stage *stage)
{
    struct scene scene;
    troupe_id before[N];

    cast(stage, &scene);
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL));
    for (size_t i = 0; i < N; i++)
        before[i] = named(stage, scene.children[i].spec.name);
    crash_and_await(stage, "b");
    expect_words(stage, "-b -d -c -a +a +b +c +d");
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(named(stage, scene.children[i].spec.name).value, before[i].value);
        assert_int_equal(ask(stage, before[i]).incarnation, 2);
    }
    curtain(stage);
}

static void test_one_for_all_stops_all_in_reverse_and_starts_them_in_order(void **state)
{
    (void)state;
    each_way(act_all);
}

static void act_rest(struct stage *stage)
{
    struct scene scene;

    cast(stage, &scene);
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_REST_FOR_ONE));
    crash_and_await(stage, "b");
    expect_words(stage, "-b -d -c +b +c +d");
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 1);
    assert_int_equal(ask(stage, named(stage, "c")).incarnation, 2);
    curtain(stage);
}

static void test_rest_for_one_leaves_those_before_alone(void **state)
{
    (void)state;
    each_way(act_rest);
}

static void act_temporary(struct stage *stage)
{
    struct scene scene;
    troupe_id id;

    cast(stage, &scene);
    scene.children[2].restart = TROUPE_TEMPORARY;
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL));
    crash_and_await(stage, "a");
    expect_words(stage, "-a -d -c -b +a +b +d");
    assert_int_equal(troupe_lookup(stage->system, "c", &id), TROUPE_E_GONE);
    curtain(stage);
}

static void test_a_temporary_sibling_is_stopped_and_forgotten(void **state)
{
    (void)state;
    each_way(act_temporary);
}

static void act_ended_before(struct stage *stage)
{
    struct scene scene;
    troupe_id before;

    cast(stage, &scene);
    scene.children[1].restart = TROUPE_TRANSIENT;
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL));
    before = named(stage, "b");
    order(stage, before, "x");
    assert_int_equal(troupe_wait_end(stage->me, before, PATIENCE, NULL), TROUPE_OK);
    expect_words(stage, "-b");
    crash_and_await(stage, "a");
    expect_words(stage, "-a -d -c +a +b +c +d");
    assert_int_not_equal(named(stage, "b").value, before.value);
    curtain(stage);
}

static void test_one_that_had_ended_starts_again_with_its_siblings(void **state)
{
    (void)state;
    each_way(act_ended_before);
}

static void act_backoff(struct stage *stage)
{
    struct scene scene;
    uint64_t began;

    cast(stage, &scene);
    begin(stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_REST_FOR_ONE,
                                               .backoff = {.kind = TROUPE_BACKOFF_FIXED,
                                                           .initial_ns = 7 * TROUPE_MILLISECOND}));
    began = troupe_now(stage->system);
    crash_and_await(stage, "c");
    expect_words(stage, "-c -d +c +d");
    assert_true(troupe_now(stage->system) - began >= 7 * TROUPE_MILLISECOND);
    curtain(stage);
}

static void test_siblings_wait_for_the_backoff_together(void **state)
{
    (void)state;
    each_way(act_backoff);
}

static void act_mail(struct stage *stage)
{
    struct scene scene;

    cast(stage, &scene);
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL));
    order(stage, named(stage, "a"), "c");
    for (int i = 0; i < 5; i++)
        order(stage, named(stage, "d"), "+");
    await_log(stage, "[child-restarted] d");
    order(stage, named(stage, "d"), "+");
    /* Some may have been handled in the life before: but none of them is lost. */
    assert_true(ask(stage, named(stage, "d")).count >= 1);
    curtain(stage);
}

static void test_mail_of_a_stopped_sibling_waits_for_its_next_life(void **state)
{
    (void)state;
    each_way(act_mail);
}

/* Two crash at once: whichever is heard first, all end up in a life after the first. */
static void act_two(struct stage *stage)
{
    struct scene scene;

    cast(stage, &scene);
    begin(
        stage, &scene,
        (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_REST_FOR_ONE, .max_restarts = 10));
    order(stage, named(stage, "c"), "c");
    order(stage, named(stage, "a"), "c");
    await_log(stage, "[child-restarted] a");
    await_log(stage, "[child-restarted] d");
    for (size_t i = 0; i < N; i++)
        assert_true(ask(stage, named(stage, scene.children[i].spec.name)).incarnation >= 2);
    curtain(stage);
}

static void test_two_that_crash_at_once_come_up_both(void **state)
{
    (void)state;
    each_way(act_two);
}

static void act_start_fails(struct stage *stage)
{
    struct scene scene;
    troupe_exit end;

    cast(stage, &scene);
    scene.parts[2].refuse_from = 2;
    scene.parts[2].refuse_text = "only once";
    begin(stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL, .max_restarts = 2));
    order(stage, named(stage, "a"), "c");
    if (await_end(stage, scene.top, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_GAVE_UP);
        assert_non_null(strstr(end.text, "child c: 2 restarts within 5 s; last: only once"));
    }
    expect_words(stage, "-a -d -c -b +a +b -b -a +a +b -b -a");
    curtain(stage);
}

static void test_a_sibling_that_does_not_start_again_counts_and_is_tried_again(void **state)
{
    (void)state;
    each_way(act_start_fails);
}

static void act_alone(struct stage *stage)
{
    struct scene scene;

    cast(stage, &scene);
    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 100));
    for (int i = 0; i < 10; i++)
        order(stage, named(stage, "d"), "c");
    assert_int_equal(ask(stage, named(stage, "d")).incarnation, 11);
    for (size_t i = 0; i < N - 1; i++)
        assert_int_equal(ask(stage, named(stage, scene.children[i].spec.name)).incarnation, 1);
    curtain(stage);
}

static void test_nothing_else_stops_while_one_is_restarted(void **state)
{
    (void)state;
    each_way(act_alone);
}

/* A crash while the tree starts: under one_for_all those that are up start once more, before the next one. */
static void act_crash_while_starting(struct stage *stage)
{
    struct scene scene;

    cast(stage, &scene);
    scene.parts[0].watcher = troupe_self(stage->me);
    scene.plan = (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL,
                                                      .children = scene.children, .n_children = N);
    scene.parts[0].crash_once_up = true;
    scene.top = spawn_supervisor(stage, "top", &scene.plan);
    expect_up(stage, 'a', 1);
    expect_up(stage, 'a', 2);
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 2);
    assert_true(ask(stage, named(stage, "d")).incarnation <= 2); /* it may have been up before */
    curtain(stage);
}

static void test_a_crash_while_the_tree_starts_is_a_restart_too(void **state)
{
    (void)state;
    each_way(act_crash_while_starting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_for_all_stops_all_in_reverse_and_starts_them_in_order),
        cmocka_unit_test(test_rest_for_one_leaves_those_before_alone),
        cmocka_unit_test(test_a_temporary_sibling_is_stopped_and_forgotten),
        cmocka_unit_test(test_one_that_had_ended_starts_again_with_its_siblings),
        cmocka_unit_test(test_siblings_wait_for_the_backoff_together),
        cmocka_unit_test(test_mail_of_a_stopped_sibling_waits_for_its_next_life),
        cmocka_unit_test(test_two_that_crash_at_once_come_up_both),
        cmocka_unit_test(test_a_sibling_that_does_not_start_again_counts_and_is_tried_again),
        cmocka_unit_test(test_nothing_else_stops_while_one_is_restarted),
        cmocka_unit_test(test_a_crash_while_the_tree_starts_is_a_restart_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
