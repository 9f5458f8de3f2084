#include "kit_testing.h"

#define S TROUPE_SECOND
#define MOST 100

struct scene {
    struct part parts[MOST];
    troupe_topics *topics;
    troupe_id ids[MOST];
};

static void open_scene(struct stage *stage, struct scene *scene, int n, uint32_t bound)
{
    memset(scene, 0, sizeof *scene);
    assert_int_equal(troupe_topics_new(stage->system, &scene->topics), TROUPE_OK);
    for (int i = 0; i < n; i++) {
        troupe_spec spec;

        scene->parts[i] = (struct part){.stage = stage, .tag = (char)('a' + i % 26)};
        spec = player_spec(NULL, &scene->parts[i]);
        spec.mailbox_bound = bound;
        scene->ids[i] = must_spawn(stage, &spec);
        assert_int_equal(troupe_subscribe(scene->topics, scene->ids[i], TROUPE_TEXT("hits")),
                         TROUPE_OK);
    }
}

static void close_scene(struct stage *stage, struct scene *scene)
{
    curtain(stage);
    troupe_topics_free(scene->topics);
}

static uint32_t publish(struct stage *stage, struct scene *scene, const char *topic)
{
    uint32_t reached = 777;

    assert_int_equal(
        troupe_publish(stage->me, scene->topics, troupe_text(topic), TROUPE_TEXT("+"), &reached),
        TROUPE_OK);
    return reached;
}

static troupe_totals totals_of(struct stage *stage)
{
    troupe_totals totals;

    troupe_totals_now(stage->system, &totals);
    return totals;
}

static void act_all(struct stage *stage)
{
    struct scene scene;
    troupe_totals before, after;

    open_scene(stage, &scene, MOST, 0);
    before = totals_of(stage);
    assert_int_equal(publish(stage, &scene, "hits"), MOST);
    assert_int_equal(publish(stage, &scene, "hits"), MOST);
    after = totals_of(stage);
    assert_int_equal(after.sent - before.sent, 2 * MOST);
    assert_int_equal(after.dead_letters, before.dead_letters);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(ask(stage, scene.ids[i]).count, 2);
    close_scene(stage, &scene);
}

static void test_publish_reaches_every_subscriber_and_counts_one_for_each(void **state)
{
    (void)state;
    each_way(act_all);
}

static void act_nobody(struct stage *stage)
{
    troupe_dead_letter letter;
    struct scene scene;
    troupe_totals totals;

    open_scene(stage, &scene, 1, 0);
    assert_int_equal(publish(stage, &scene, "hit"), 0); /* a prefix is another name */
    assert_int_equal(publish(stage, &scene, "hits/all"), 0);
    totals = totals_of(stage);
    assert_int_equal(totals.dead_letters, 2);
    assert_int_equal(totals.sent, 2);
    assert_int_equal(troupe_dead_letters(stage->system, &letter, 1), 1);
    assert_int_equal(letter.reason, TROUPE_DEAD_NO_SUBSCRIBER);
    assert_int_equal(letter.sender.value, troupe_self(stage->me).value);
    assert_int_equal(letter.size, 1);
    close_scene(stage, &scene);
}

static void test_publish_to_nobody_is_one_dead_letter(void **state)
{
    (void)state;
    each_way(act_nobody);
}

static void act_twice(struct stage *stage)
{
    struct scene scene;

    open_scene(stage, &scene, 2, 0);
    assert_int_equal(troupe_subscribe(scene.topics, scene.ids[0], TROUPE_TEXT("hits")), TROUPE_OK);
    assert_int_equal(publish(stage, &scene, "hits"), 2);
    assert_int_equal(ask(stage, scene.ids[0]).count, 1);
    assert_true(troupe_unsubscribe(scene.topics, scene.ids[0], TROUPE_TEXT("hits")));
    assert_false(troupe_unsubscribe(scene.topics, scene.ids[0], TROUPE_TEXT("hits")));
    assert_false(troupe_unsubscribe(scene.topics, scene.ids[0], TROUPE_TEXT("misses")));
    assert_int_equal(publish(stage, &scene, "hits"), 1);
    assert_true(troupe_unsubscribe(scene.topics, scene.ids[1], TROUPE_TEXT("hits")));
    assert_int_equal(publish(stage, &scene, "hits"), 0);
    assert_int_equal(troupe_subscribe(scene.topics, scene.ids[1], TROUPE_TEXT("")),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_subscribe(scene.topics, TROUPE_NOBODY, TROUPE_TEXT("hits")),
                     TROUPE_E_GONE);
    close_scene(stage, &scene);
}

static void test_subscribing_twice_is_one_and_can_be_undone(void **state)
{
    (void)state;
    each_way(act_twice);
}

/* In simulation nothing runs while the driving thread sends. */
static void test_a_full_subscriber_is_one_dead_letter_and_the_others_get_theirs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        troupe_dead_letter letter;
        struct stage stage;
        struct scene scene;
        troupe_totals before, after;
        uint32_t reached = 777;

        stage_open(&stage, true, seed);
        open_scene(&stage, &scene, 2, 2);
        order(&stage, scene.ids[0], "+");
        order(&stage, scene.ids[0], "+");
        assert_int_equal(publish(&stage, &scene, "hits"), 1);
        assert_int_equal(totals_of(&stage).dead_letters, 1);
        assert_int_equal(troupe_dead_letters(stage.system, &letter, 1), 1);
        assert_int_equal(letter.reason, TROUPE_DEAD_FULL);
        assert_int_equal(letter.target.value, scene.ids[0].value);
        assert_int_equal(publish(&stage, &scene, "hits"), 1);
        before = totals_of(&stage);
        assert_int_equal(
            troupe_publish(stage.me, scene.topics, TROUPE_TEXT("hits"), TROUPE_TEXT("+"), &reached),
            TROUPE_E_FULL);
        after = totals_of(&stage);
        assert_int_equal(reached, 0);
        assert_int_equal(after.sent, before.sent);
        assert_int_equal(after.dead_letters, before.dead_letters);
        settle(&stage);
        assert_int_equal(ask(&stage, scene.ids[0]).count, 2);
        assert_int_equal(ask(&stage, scene.ids[1]).count, 2);
        close_scene(&stage, &scene);
        stage_close(&stage);
    }
}

static void act_gone(struct stage *stage)
{
    struct scene scene;

    open_scene(stage, &scene, 3, 0);
    assert_int_equal(troupe_stop(stage->me, scene.ids[1], TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, scene.ids[1], PATIENCE, NULL), TROUPE_OK);
    assert_int_equal(publish(stage, &scene, "hits"), 2);
    assert_false(troupe_unsubscribe(scene.topics, scene.ids[1], TROUPE_TEXT("hits")));
    assert_int_equal(publish(stage, &scene, "hits"), 2);
    assert_int_equal(totals_of(stage).dead_letters, 0);
    for (int i = 0; i < 3; i += 2) {
        assert_int_equal(ask(stage, scene.ids[i]).count, 2);
        assert_int_equal(troupe_stop(stage->me, scene.ids[i], TROUPE_STOP_REQUESTED), TROUPE_OK);
        assert_int_equal(troupe_wait_end(stage->me, scene.ids[i], PATIENCE, NULL), TROUPE_OK);
    }
    assert_int_equal(publish(stage, &scene, "hits"), 0);
    assert_int_equal(totals_of(stage).dead_letters, 1);
    close_scene(stage, &scene);
}

static void test_subscribers_that_ended_are_forgotten(void **state)
{
    (void)state;
    each_way(act_gone);
}

static void act_outlasts(struct stage *stage)
{
    struct part part = {.stage = stage, .watcher = troupe_self(stage->me), .tag = 'a'};
    const troupe_child child = {.spec = player_spec("a", &part)};
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = &child, .n_children = 1);
    struct scene scene;

    open_scene(stage, &scene, 0, 0);
    spawn_supervisor(stage, "top", &plan);
    expect_up(stage, 'a', 1);
    assert_int_equal(troupe_subscribe(scene.topics, named(stage, "a"), TROUPE_TEXT("hits")),
                     TROUPE_OK);
    order(stage, named(stage, "a"), "c");
    assert_int_equal(publish(stage, &scene, "hits"), 1); /* it may be between two lives */
    expect_up(stage, 'a', 2);
    assert_int_equal(publish(stage, &scene, "hits"), 1);
    assert_int_equal(ask(stage, named(stage, "a")).count, 2);
    close_scene(stage, &scene);
}

static void test_a_subscription_outlasts_restarts(void **state)
{
    (void)state;
    each_way(act_outlasts);
}

static void act_topic_and_thread(struct stage *stage)
{
    struct scene scene;
    troupe_message message;

    open_scene(stage, &scene, 0, 0);
    assert_int_equal(troupe_subscribe(scene.topics, troupe_self(stage->me), TROUPE_TEXT("news")),
                     TROUPE_OK);
    assert_int_equal(publish(stage, &scene, "news"), 1);
    assert_int_equal(troupe_receive(stage->me, PATIENCE, &message), TROUPE_OK);
    assert_int_equal(message.topic.size, 4);
    assert_memory_equal(message.topic.data, "news", 4);
    assert_int_equal(message.payload.size, 1);
    close_scene(stage, &scene);
}

static void test_a_thread_may_subscribe_and_sees_the_topic(void **state)
{
    (void)state;
    each_way(act_topic_and_thread);
}

static void act_many(struct stage *stage)
{
    struct scene scene;
    char name[32];

    open_scene(stage, &scene, 1, 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "topic-%d", i);
        assert_int_equal(troupe_subscribe(scene.topics, scene.ids[0], troupe_text(name)),
                         TROUPE_OK);
    }
    for (int i = 0; i < 1000; i += 2) {
        snprintf(name, sizeof name, "topic-%d", i);
        assert_true(troupe_unsubscribe(scene.topics, scene.ids[0], troupe_text(name)));
    }
    for (int i = 0; i < 1000; i += 50) {
        snprintf(name, sizeof name, "topic-%d", i + 1);
        assert_int_equal(publish(stage, &scene, name), 1);
        snprintf(name, sizeof name, "topic-%d", i);
        assert_int_equal(publish(stage, &scene, name), 0);
    }
    assert_int_equal(ask(stage, scene.ids[0]).count, 20);
    close_scene(stage, &scene);
}

static void test_a_thousand_topics_do_not_mix(void **state)
{
    (void)state;
    each_way(act_many);
}

struct publisher {
    struct stage *stage;
    struct scene *scene;
    trp_thread thread;
    uint64_t reached;
};

static void publish_and_change(void *arg)
{
    struct publisher *publisher = arg;
    troupe_context *ctx = troupe_attach(publisher->stage->system);

    for (int i = 0; i < 2000; i++) {
        uint32_t reached = 0;
        troupe_status status = troupe_publish(ctx, publisher->scene->topics, TROUPE_TEXT("hits"),
                                              TROUPE_TEXT("+"), &reached);

        if (status == TROUPE_OK)
            publisher->reached += reached;
        if (i % 16 == 0) {
            troupe_id id = publisher->scene->ids[(i / 16) % 4];

            troupe_unsubscribe(publisher->scene->topics, id, TROUPE_TEXT("hits"));
            if (troupe_subscribe(publisher->scene->topics, id, TROUPE_TEXT("hits")) != TROUPE_OK)
                break; /* the sum below then falls short */
        }
    }
    troupe_detach(ctx);
}

static void test_threads_publish_and_subscribe_beside_each_other(void **state)
{
    struct publisher publishers[3];
    struct stage stage;
    struct scene scene;
    uint64_t reached = 0, counted = 0;

    (void)state;
    stage_open(&stage, false, 0);
    open_scene(&stage, &scene, 8, 100000);
    for (int i = 0; i < 3; i++) {
        publishers[i] = (struct publisher){.stage = &stage, .scene = &scene};
        assert_true(trp_thread_start(&publishers[i].thread, "publisher", 0, publish_and_change,
                                     &publishers[i]));
    }
    for (int i = 0; i < 3; i++) {
        trp_thread_join(&publishers[i].thread);
        reached += publishers[i].reached;
    }
    for (int i = 0; i < 8; i++)
        counted += ask(&stage, scene.ids[i]).count;
    assert_int_equal(counted, reached);
    assert_true(reached >= 3 * 2000 * 4);
    close_scene(&stage, &scene);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish_reaches_every_subscriber_and_counts_one_for_each),
        cmocka_unit_test(test_publish_to_nobody_is_one_dead_letter),
        cmocka_unit_test(test_subscribing_twice_is_one_and_can_be_undone),
        cmocka_unit_test(test_a_full_subscriber_is_one_dead_letter_and_the_others_get_theirs),
        cmocka_unit_test(test_subscribers_that_ended_are_forgotten),
        cmocka_unit_test(test_a_subscription_outlasts_restarts),
        cmocka_unit_test(test_a_thread_may_subscribe_and_sees_the_topic),
        cmocka_unit_test(test_a_thousand_topics_do_not_mix),
        cmocka_unit_test(test_threads_publish_and_subscribe_beside_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
