#include "kit_testing.h"

#define S TROUPE_SECOND

/* Everything a pool needs to live in one act. */
struct scene {
    struct part part;
    troupe_pool plan;
    troupe_child member;
    troupe_id pool;
};

static void open_pool(struct stage *stage, struct scene *scene, uint32_t n, troupe_pool plan)
{
    troupe_spec spec = *TROUPE_SPEC(.name = "pool");
    troupe_error error = {.text = ""};

    scene->part = (struct part){.stage = stage, .watcher = troupe_self(stage->me), .tag = 'm'};
    scene->plan = plan;
    scene->plan.size = sizeof(troupe_pool);
    scene->plan.child_size = sizeof(troupe_child);
    scene->plan.n_members = n;
    scene->member = plan.member ? *plan.member : (troupe_child){.restart = TROUPE_PERMANENT};
    scene->plan.member = &scene->member;
    scene->member.spec = player_spec("m", &scene->part);
    if (plan.member) {
        scene->member.spec.mailbox_bound = plan.member->spec.mailbox_bound;
        scene->member.spec.on_full = plan.member->spec.on_full;
    }
    if (troupe_pool_spec(&scene->plan, &spec, &error) != TROUPE_OK)
        fail_msg("%s", error.text);
    scene->pool = must_spawn(stage, &spec);
    for (uint32_t i = 0; i < n; i++)
        expect_up(stage, 'm', 1);
}

static void act_turns(struct stage *stage)
{
    struct scene scene;
    uint64_t sum = 0;

    open_pool(stage, &scene, 4, (troupe_pool){0});
    for (int i = 0; i < 8; i++)
        order(stage, scene.pool, "+");
    for (int i = 1; i <= 4; i++) {
        char name[16];
        struct told told;

        snprintf(name, sizeof name, "m-%d", i);
        told = ask(stage, named(stage, name));
        assert_int_equal(told.count, 2);
        sum += told.count;
    }
    assert_int_equal(sum, 8);
    curtain(stage);
}

static void test_messages_go_to_members_in_turn(void **state)
{
    (void)state;
    each_way(act_turns);
}

static void act_backoff(struct stage *stage)
{
    struct scene scene;
    troupe_id down;

    open_pool(stage, &scene, 3,
              (troupe_pool){.max_restarts = 10,
                            .backoff = {.kind = TROUPE_BACKOFF_FIXED, .initial_ns = 100000 * S}});
    down = named(stage, "m-2");
    order(stage, down, "c");
    await_log(stage, "[child-backoff] m-2 crashed");
    for (int i = 0; i < 30; i++)
        assert_int_not_equal(ask(stage, scene.pool).id, down.value);
    curtain(stage);
}

static void test_no_member_in_backoff_is_chosen(void **state)
{
    (void)state;
    each_way(act_backoff);
}

static void act_all_down(struct stage *stage)
{
    struct scene scene;

    open_pool(stage, &scene, 2,
              (troupe_pool){.max_restarts = 10,
                            .backoff = {.kind = TROUPE_BACKOFF_FIXED,
                                        .initial_ns = 20 * TROUPE_MILLISECOND}});
    order(stage, named(stage, "m-1"), "c");
    order(stage, named(stage, "m-2"), "c");
    await_log(stage, "[child-backoff] m-1 crashed");
    await_log(stage, "[child-backoff] m-2 crashed");
    for (int i = 0; i < 4; i++)
        order(stage, scene.pool, "+");
    expect_up(stage, 'm', 2);
    expect_up(stage, 'm', 2);
    assert_int_equal(ask(stage, named(stage, "m-1")).count + ask(stage, named(stage, "m-2")).count,
                     4);
    curtain(stage);
}

static void test_mail_to_a_pool_that_is_down_waits_for_the_next_lives(void **state)
{
    (void)state;
    each_way(act_all_down);
}

static void act_none_left(struct stage *stage)
{
    struct scene scene;
    troupe_id first, second;

    open_pool(stage, &scene, 2,
              (troupe_pool){.member = &(troupe_child){.restart = TROUPE_TEMPORARY}});
    first = named(stage, "m-1");
    second = named(stage, "m-2");
    order(stage, first, "c");
    order(stage, second, "x");
    assert_int_equal(troupe_wait_end(stage->me, first, PATIENCE, NULL), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, second, PATIENCE, NULL), TROUPE_OK);
    /* Its own notice may come a moment after ours; what is sent in between is refused as gone. */
    for (;;) {
        troupe_status status = troupe_send(stage->me, scene.pool, TROUPE_TEXT("+"));

        if (status == TROUPE_E_UNAVAILABLE)
            break;
        assert_int_equal(status, TROUPE_E_GONE);
        if (stage->simulation)
            assert_true(troupe_step(stage->system));
    }
    curtain(stage);
}

static void test_a_pool_without_members_is_unavailable(void **state)
{
    (void)state;
    each_way(act_none_left);
}

/* In simulation nothing runs while the driving thread sends: the mailboxes fill as we say. */
static void test_a_member_with_room_is_preferred(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct stage stage;
        struct scene scene;
        troupe_id one, two;

        stage_open(&stage, true, seed);
        open_pool(&stage, &scene, 2,
                  (troupe_pool){.member = &(troupe_child){.spec = {.mailbox_bound = 3}}});
        one = named(&stage, "m-1");
        two = named(&stage, "m-2");
        for (int i = 0; i < 3; i++)
            order(&stage, one, "+");
        for (int i = 0; i < 3; i++)
            order(&stage, scene.pool, "+");
        assert_int_equal(troupe_waiting(stage.system, two), 3);
        assert_int_equal(troupe_send(stage.me, scene.pool, TROUPE_TEXT("+")), TROUPE_E_FULL);
        settle(&stage);
        assert_int_equal(ask(&stage, one).count, 3);
        assert_int_equal(ask(&stage, two).count, 3);
        curtain(&stage);
        stage_close(&stage);
    }
}

/* Calls through the one address are answered by members, also while they crash and come back. */
static void act_busy(struct stage *stage)
{
    struct scene scene;
    uint64_t count = 0;

    open_pool(stage, &scene, 3, (troupe_pool){.max_restarts = 1000, .within_ns = 3600 * S});
    for (int i = 0; i < 60; i++) {
        order(stage, scene.pool, i % 7 == 3 ? "c" : "+");
        assert_int_equal(ask(stage, scene.pool).tag, 'm');
    }
    for (int i = 1; i <= 3; i++) {
        char name[16];

        snprintf(name, sizeof name, "m-%d", i);
        count += ask(stage, named(stage, name)).incarnation - 1;
    }
    assert_int_equal(count, 9);
    curtain(stage);
}

static void test_a_pool_answers_while_members_crash(void **state)
{
    (void)state;
    each_way(act_busy);
}

static void act_restarted(struct stage *stage)
{
    struct scene scene;
    troupe_exit end;

    open_pool(stage, &scene, 2, (troupe_pool){.max_restarts = 1, .within_ns = 3600 * S});
    order(stage, scene.pool, "c");
    expect_up(stage, 'm', 2);
    order(stage, scene.pool, "c");
    if (await_end(stage, scene.pool, &end)) {
        assert_int_equal(end.reason, TROUPE_EXIT_GAVE_UP);
        assert_non_null(strstr(end.text, "1 restart within 3600 s; last: told to crash"));
    }
    curtain(stage);
}

static void test_a_pool_gives_up_like_a_supervisor(void **state)
{
    (void)state;
    each_way(act_restarted);
}

static void test_spec_refuses_what_makes_no_sense(void **state)
{
    char name[TROUPE_NAME_MAX + 1];
    troupe_child member = {.restart = TROUPE_PERMANENT};
    troupe_pool plan = TROUPE_POOL(.n_members = 0, .member = &member);
    troupe_spec spec = *TROUPE_SPEC(.name = "pool");
    troupe_error error;

    (void)state;
    assert_int_equal(troupe_pool_spec(&plan, &spec, &error), TROUPE_E_INVALID);
    plan.n_members = TROUPE_POOL_MAX + 1;
    assert_int_equal(troupe_pool_spec(&plan, &spec, &error), TROUPE_E_INVALID);
    assert_non_null(strstr(error.text, "1048577"));
    plan.n_members = 1024;
    plan.max_members = 1023;
    assert_int_equal(troupe_pool_spec(&plan, &spec, &error), TROUPE_E_INVALID);
    plan.max_members = 0;
    plan.member = NULL;
    assert_int_equal(troupe_pool_spec(&plan, &spec, &error), TROUPE_E_INVALID);
    plan.member = &member;
    assert_int_equal(troupe_pool_spec(&plan, &spec, &error), TROUPE_OK);
    memset(name, 'n', sizeof name);
    name[TROUPE_NAME_MAX] = 0;
    member.spec.name = name;
    assert_int_equal(troupe_pool_spec(&plan, &spec, &error), TROUPE_E_INVALID);
    name[TROUPE_NAME_MAX - 5] = 0;
    assert_int_equal(troupe_pool_spec(&plan, &spec, &error), TROUPE_OK);
    plan.backoff = (troupe_backoff){.kind = TROUPE_BACKOFF_EXPONENTIAL};
    assert_int_equal(troupe_pool_spec(&plan, &spec, &error), TROUPE_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_go_to_members_in_turn),
        cmocka_unit_test(test_no_member_in_backoff_is_chosen),
        cmocka_unit_test(test_mail_to_a_pool_that_is_down_waits_for_the_next_lives),
        cmocka_unit_test(test_a_pool_without_members_is_unavailable),
        cmocka_unit_test(test_a_member_with_room_is_preferred),
        cmocka_unit_test(test_a_pool_answers_while_members_crash),
        cmocka_unit_test(test_a_pool_gives_up_like_a_supervisor),
        cmocka_unit_test(test_spec_refuses_what_makes_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
