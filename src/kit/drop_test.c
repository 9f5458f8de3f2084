/* Mailboxes that lose messages, where kit stands between: over a restart, behind a pool, behind a topic. */
#include "kit_testing.h"

#define BOUND 4
#define WAIT_NS (10 * TROUPE_SECOND)

struct scene {
    struct part part;
    troupe_child child;
    troupe_supervisor supervisor;
    troupe_pool pool;
    troupe_topics *topics;
};

static void cast(struct stage *stage, struct scene *scene, troupe_on_full on_full)
{
    scene->part = (struct part){.stage = stage, .watcher = troupe_self(stage->me), .tag = 'm'};
    scene->child.spec = player_spec("m", &scene->part);
    scene->child.spec.mailbox_bound = BOUND;
    scene->child.spec.on_full = on_full;
}

/* One child that crashed, and waits long enough for its next life. */
static troupe_id bring_down_one(struct stage *stage, struct scene *scene, troupe_on_full on_full)
{
    cast(stage, scene, on_full);
    scene->supervisor =
        (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 10,
                                             .backoff = {.kind = TROUPE_BACKOFF_FIXED,
                                                         .initial_ns = WAIT_NS},
                                             .children = &scene->child, .n_children = 1);
    spawn_supervisor(stage, NULL, &scene->supervisor);
    expect_up(stage, 'm', 1);
    order(stage, named(stage, "m"), "c");
    await_log(stage, "[child-backoff] m crashed");
    return named(stage, "m");
}

/* The numbers of the messages of this thread that were lost for want of room, oldest first. */
static void expect_lost(struct stage *stage, troupe_id target, const uint64_t *numbers, size_t n)
{
    troupe_dead_letter letters[64];
    size_t found = troupe_dead_letters(stage->system, letters, 64), lost = 0;

    while (found-- > 0) {
        if (letters[found].reason != TROUPE_DEAD_FULL)
            continue;
        assert_true(lost < n);
        assert_int_equal(letters[found].sequence, numbers[lost]);
        assert_int_equal(letters[found].target.value, target.value);
        lost++;
    }
    assert_int_equal(lost, n);
}

/* In simulation nobody runs but while this thread waits: what is sent finds the mailbox as it is. */
static void in_simulation(void (*act)(struct stage *stage))
{
    struct stage stage;

    for (uint64_t seed = 1; seed <= 25; seed++) {
        stage_open(&stage, true, seed);
        act(&stage);
        stage_close(&stage);
    }
}

/* ---- over a restart ---- */

static void act_newest(struct stage *stage)
{
    struct scene scene = {0};
    troupe_id id = bring_down_one(stage, &scene, TROUPE_ON_FULL_DROP_NEWEST);

    for (int i = 0; i < BOUND + 2; i++)
        order(stage, id, "+"); /* its messages 2 to 7; the crash was 1 */
    expect_lost(stage, id, (const uint64_t[]){6, 7}, 2);
    expect_up(stage, 'm', 2);
    assert_int_equal(ask(stage, id).count, BOUND);
    curtain(stage);
}

static void test_the_newest_is_lost_while_a_child_is_down(void **state)
{
    (void)state;
    in_simulation(act_newest);
}

static void act_oldest(struct stage *stage)
{
    struct scene scene = {0};
    troupe_id id = bring_down_one(stage, &scene, TROUPE_ON_FULL_DROP_OLDEST);

    for (int i = 0; i < BOUND + 2; i++)
        order(stage, id, "+");
    expect_lost(stage, id, (const uint64_t[]){2, 3}, 2);
    expect_up(stage, 'm', 2);
    assert_int_equal(ask(stage, id).count, BOUND);
    curtain(stage);
}

static void test_the_oldest_is_lost_while_a_child_is_down(void **state)
{
    (void)state;
    in_simulation(act_oldest);
}

static void act_asked(struct stage *stage)
{
    struct scene scene = {0};
    troupe_id id = bring_down_one(stage, &scene, TROUPE_ON_FULL_DROP_NEWEST);

    for (int i = 0; i < BOUND; i++)
        order(stage, id, "+");
    assert_int_equal(troupe_call(stage->me, id, TROUPE_TEXT("?"), TROUPE_FOREVER, NULL),
                     TROUPE_E_FULL);
    expect_up(stage, 'm', 2);
    curtain(stage);
}

static void test_who_asks_one_that_is_down_and_full_hears_so(void **state)
{
    (void)state;
    in_simulation(act_asked);
}

/* ---- behind a pool ---- */

static void act_pool(struct stage *stage)
{
    struct scene scene = {0};
    troupe_spec spec = *TROUPE_SPEC(.name = "pool");
    troupe_error error = {.text = ""};
    troupe_id pool;

    cast(stage, &scene, TROUPE_ON_FULL_DROP_NEWEST);
    scene.pool = (troupe_pool)TROUPE_POOL(.n_members = 2);
    scene.pool.member = &scene.child;
    if (troupe_pool_spec(&scene.pool, &spec, &error) != TROUPE_OK)
        fail_msg("%s", error.text);
    pool = must_spawn(stage, &spec);
    expect_up(stage, 'm', 1);
    expect_up(stage, 'm', 1);
    for (int i = 0; i < BOUND; i++)
        order(stage, named(stage, "m-1"), "+");
    for (int i = 0; i < BOUND; i++)
        order(stage, pool, "+");
    expect_lost(stage, pool, NULL, 0);
    for (int i = 0; i < 3; i++)
        order(stage, pool, "+");
    assert_int_equal(troupe_waiting(stage->system, named(stage, "m-1")), BOUND);
    assert_int_equal(troupe_waiting(stage->system, named(stage, "m-2")), BOUND);
    settle(stage);
    assert_int_equal(ask(stage, named(stage, "m-1")).count, BOUND);
    assert_int_equal(ask(stage, named(stage, "m-2")).count, BOUND);
    curtain(stage);
}

static void test_a_pool_loses_nothing_while_a_member_has_room(void **state)
{
    (void)state;
    in_simulation(act_pool);
}

/* ---- behind a topic ---- */

static void act_topic(struct stage *stage)
{
    struct scene scene = {0};
    uint32_t reached;
    troupe_id id = bring_down_one(stage, &scene, TROUPE_ON_FULL_DROP_OLDEST);

    assert_int_equal(troupe_topics_new(stage->system, &scene.topics), TROUPE_OK);
    assert_int_equal(troupe_subscribe(scene.topics, id, TROUPE_TEXT("t")), TROUPE_OK);
    for (int i = 0; i < BOUND + 1; i++) {
        assert_int_equal(
            troupe_publish(stage->me, scene.topics, TROUPE_TEXT("t"), TROUPE_TEXT("+"), &reached),
            TROUPE_OK);
        assert_int_equal(reached, 1);
    }
    expect_lost(stage, id, (const uint64_t[]){2}, 1);
    expect_up(stage, 'm', 2);
    assert_int_equal(ask(stage, id).count, BOUND);
    curtain(stage);
    troupe_topics_free(scene.topics);
}

static void test_a_subscriber_that_drops_was_reached(void **state)
{
    (void)state;
    in_simulation(act_topic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_is_lost_while_a_child_is_down),
        cmocka_unit_test(test_the_oldest_is_lost_while_a_child_is_down),
        cmocka_unit_test(test_who_asks_one_that_is_down_and_full_hears_so),
        cmocka_unit_test(test_a_pool_loses_nothing_while_a_member_has_room),
        cmocka_unit_test(test_a_subscriber_that_drops_was_reached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
