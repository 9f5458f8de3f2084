#include "kit_testing.h"

#include <malloc.h>

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

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* Each hears of its own job only, so that no publish ever finds that it ended. */
static void test_memory_is_flat_when_subscribers_end_and_nobody_publishes(void **state)
{
    struct stage stage;
    struct scene scene;
    size_t before = 0;

    (void)state;
    stage_open(&stage, true, 1);
    open_scene(&stage, &scene, 2, 0);
    for (int i = 0; i < 4000; i++) {
        troupe_spec spec = *TROUPE_SPEC();
        troupe_id id = must_spawn(&stage, &spec);
        char topic[201];

        if (i == 1000)
            before = in_use();
        snprintf(topic, sizeof topic, "job.%0196d", i);
        assert_int_equal(troupe_subscribe(scene.topics, id, troupe_text(topic)), TROUPE_OK);
        assert_int_equal(troupe_stop(stage.me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
        assert_int_equal(troupe_wait_end(stage.me, id, PATIENCE, NULL), TROUPE_OK);
    }
    assert_true(in_use() < before + (256u << 10)); /* a subscription takes 600 bytes */
    assert_int_equal(publish(&stage, &scene, "hits"), 2);
    close_scene(&stage, &scene);
    stage_close(&stage);
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

/* ---- wildcards ---- */

static void test_patterns_match_as_nats_writes_them(void **state)
{
    static const struct {
        const char *pattern, *topic;
        bool matches;
    } cases[] = {
        {"orders.*", "orders.new", true},
        {"orders.*", "orders", false},
        {"orders.*", "orders.new.eu", false},
        {"orders.>", "orders.new", true},
        {"orders.>", "orders.new.eu", true},
        {"orders.>", "orders", false},
        {"orders.>", "order.new", false},
        {"*.new", "orders.new", true},
        {"*.new", "orders.old", false},
        {"*.*.eu", "orders.new.eu", true},
        {"orders.*.eu", "orders.new.eu", true},
        {"orders.*.eu", "orders.new.us", false},
        {"*", "orders", true},
        {"*", "orders.new", false},
        {">", "orders", true},
        {">", "orders.new.eu", true},
        {"*.>", "orders.new", true},
        {"*.>", "orders", false},
        {"orders", "orders", true},
        {"orders", "orders.new", false},
        {"orders", "order", false},
        {"orders.new", "orders", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (troupe_topic_matches(troupe_text(cases[i].pattern), troupe_text(cases[i].topic)) !=
            cases[i].matches)
            fail_msg("%s %s", cases[i].pattern, cases[i].topic);
}

static void test_what_is_no_pattern_says_how_to_write_it(void **state)
{
    static const struct {
        const char *pattern, *remedy;
    } bad[] = {
        {"", "name a topic"},
        {"a..b", "a.b"},
        {".a", "a.b"},
        {"a.", "a.b"},
        {"orders*", "orders.*"},
        {"a.b>", "orders.>"},
        {"**", "whole words"},
        {"a.>.b", "nothing may come behind"},
        {">.a", "nothing may come behind"},
    };
    char longest[TROUPE_TOPIC_MAX + 2];
    troupe_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(troupe_topic_check(troupe_text(bad[i].pattern), &error), TROUPE_E_INVALID);
        assert_non_null(strstr(error.text, bad[i].remedy));
    }
    memset(longest, 'a', sizeof longest);
    assert_int_equal(troupe_topic_check((troupe_bytes){longest, TROUPE_TOPIC_MAX}, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_topic_check((troupe_bytes){longest, TROUPE_TOPIC_MAX + 1}, NULL),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_topic_check((troupe_bytes){NULL, 0}, NULL), TROUPE_E_INVALID);
}

static void act_refused(struct stage *stage)
{
    static const char *const bad[] = {"", "hits.*", ">", "a..b", "hits*"};
    struct scene scene;
    uint32_t reached = 777;
    troupe_totals before, after;

    open_scene(stage, &scene, 1, 0);
    before = totals_of(stage);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(troupe_publish(stage->me, scene.topics, troupe_text(bad[i]),
                                        TROUPE_TEXT("+"), &reached),
                         TROUPE_E_INVALID);
        assert_int_equal(reached, 0);
    }
    after = totals_of(stage);
    assert_int_equal(after.sent, before.sent);
    assert_int_equal(troupe_subscribe(scene.topics, scene.ids[0], TROUPE_TEXT("a..b")),
                     TROUPE_E_INVALID);
    assert_false(troupe_unsubscribe(scene.topics, scene.ids[0], TROUPE_TEXT("a..b")));
    close_scene(stage, &scene);
}

static void test_publishing_to_a_pattern_is_refused(void **state)
{
    (void)state;
    each_way(act_refused);
}

static void must_subscribe(struct scene *scene, int which, const char *pattern)
{
    assert_int_equal(troupe_subscribe(scene->topics, scene->ids[which], troupe_text(pattern)),
                     TROUPE_OK);
}

static void act_wildcards(struct stage *stage)
{
    struct scene scene;

    open_scene(stage, &scene, 4, 0);
    must_subscribe(&scene, 0, "orders.*");
    must_subscribe(&scene, 1, "orders.>");
    must_subscribe(&scene, 2, "*.new");
    must_subscribe(&scene, 3, "orders.new");
    assert_int_equal(publish(stage, &scene, "orders.new"), 4);
    assert_int_equal(publish(stage, &scene, "orders.new.eu"), 1);
    assert_int_equal(publish(stage, &scene, "bills.new"), 1);
    assert_int_equal(publish(stage, &scene, "orders"), 0);
    assert_int_equal(ask(stage, scene.ids[0]).count, 1);
    assert_int_equal(ask(stage, scene.ids[1]).count, 2);
    assert_int_equal(ask(stage, scene.ids[2]).count, 2);
    assert_int_equal(ask(stage, scene.ids[3]).count, 1);
    close_scene(stage, &scene);
}

static void test_wildcards_reach_who_asked_for_them(void **state)
{
    (void)state;
    each_way(act_wildcards);
}

static void act_once(struct stage *stage)
{
    struct scene scene;

    open_scene(stage, &scene, 2, 0);
    must_subscribe(&scene, 0, "orders.*");
    must_subscribe(&scene, 0, "orders.>");
    must_subscribe(&scene, 0, "orders.new");
    must_subscribe(&scene, 1, ">");
    assert_int_equal(publish(stage, &scene, "orders.new"), 2);
    assert_int_equal(ask(stage, scene.ids[0]).count, 1);
    assert_true(troupe_unsubscribe(scene.topics, scene.ids[0], TROUPE_TEXT("orders.*")));
    assert_false(troupe_unsubscribe(scene.topics, scene.ids[0], TROUPE_TEXT("orders.old")));
    assert_int_equal(publish(stage, &scene, "orders.old"), 2);
    assert_true(troupe_unsubscribe(scene.topics, scene.ids[0], TROUPE_TEXT("orders.>")));
    assert_int_equal(publish(stage, &scene, "orders.old"), 1);
    assert_int_equal(publish(stage, &scene, "orders.new"), 2);
    assert_true(troupe_unsubscribe(scene.topics, scene.ids[1], TROUPE_TEXT(">")));
    assert_true(troupe_unsubscribe(scene.topics, scene.ids[0], TROUPE_TEXT("orders.new")));
    assert_int_equal(publish(stage, &scene, "orders.new"), 0);
    close_scene(stage, &scene);
}

static void test_who_matches_twice_gets_one_message(void **state)
{
    (void)state;
    each_way(act_once);
}

/* Everybody tells this thread, in the order in which the sends came: on one worker of a simulation that is not given,
 * but the order of sends is what dead letters show when everybody is full. */
static void test_subscribers_are_sent_to_in_the_order_in_which_they_came(void **state)
{
    troupe_dead_letter letters[4];
    struct stage stage;
    struct scene scene;

    (void)state;
    stage_open(&stage, true, 1);
    open_scene(&stage, &scene, 5, 1);
    must_subscribe(&scene, 2, "x.>");
    must_subscribe(&scene, 1, "x.y");
    must_subscribe(&scene, 4, ">");
    must_subscribe(&scene, 0, "x.*");
    must_subscribe(&scene, 3, "*.y");
    must_subscribe(&scene, 2, "x.y"); /* it came first by another pattern */
    for (int i = 0; i < 4; i++)
        order(&stage, scene.ids[i], "+");
    assert_int_equal(publish(&stage, &scene, "x.y"), 1);
    assert_int_equal(troupe_dead_letters(stage.system, letters, 4), 4); /* newest first */
    assert_int_equal(letters[3].target.value, scene.ids[2].value);
    assert_int_equal(letters[2].target.value, scene.ids[1].value);
    assert_int_equal(letters[1].target.value, scene.ids[0].value);
    assert_int_equal(letters[0].target.value, scene.ids[3].value);
    close_scene(&stage, &scene);
    stage_close(&stage);
}

static void act_topic_of_pattern(struct stage *stage)
{
    struct scene scene;
    troupe_message message;

    open_scene(stage, &scene, 0, 0);
    assert_int_equal(troupe_subscribe(scene.topics, troupe_self(stage->me), TROUPE_TEXT("news.>")),
                     TROUPE_OK);
    assert_int_equal(publish(stage, &scene, "news.of.today"), 1);
    assert_int_equal(troupe_receive(stage->me, PATIENCE, &message), TROUPE_OK);
    assert_int_equal(message.topic.size, 13);
    assert_memory_equal(message.topic.data, "news.of.today", 13);
    close_scene(stage, &scene);
}

static void test_the_message_carries_the_topic_and_not_the_pattern(void **state)
{
    (void)state;
    each_way(act_topic_of_pattern);
}

/* Those that ended are taken out of every pattern that a publish meets, and the branches that only they needed go. */
static void act_gone_patterns(struct stage *stage)
{
    static const char *const patterns[] = {">", "a.>", "a.*", "*.b", "a.b", "*.*", "a.b.>"};
    struct scene scene;

    open_scene(stage, &scene, 2, 0);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        must_subscribe(&scene, 1, patterns[i]);
    must_subscribe(&scene, 0, "a.*");
    assert_int_equal(troupe_stop(stage->me, scene.ids[1], TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, scene.ids[1], PATIENCE, NULL), TROUPE_OK);
    assert_int_equal(publish(stage, &scene, "a.b"), 1);
    for (size_t i = 0; i + 1 < sizeof patterns / sizeof patterns[0]; i++)
        assert_false(troupe_unsubscribe(scene.topics, scene.ids[1], troupe_text(patterns[i])));
    assert_true(troupe_unsubscribe(scene.topics, scene.ids[1], TROUPE_TEXT("a.b.>"))); /* not met */
    assert_int_equal(publish(stage, &scene, "a.b"), 1);
    assert_int_equal(publish(stage, &scene, "c.b"), 0);
    close_scene(stage, &scene);
}

static void test_subscribers_that_ended_are_forgotten_in_every_pattern(void **state)
{
    (void)state;
    each_way(act_gone_patterns);
}

/* The tree against the plain rule, pattern by pattern. */
static void test_the_tree_agrees_with_the_rule_on_random_patterns(void **state)
{
    static const char *const tokens[] = {"a", "b", "*", ">"};
    trp_random random = {.state = 5};
    struct stage stage;
    struct scene scene;

    (void)state;
    stage_open(&stage, true, 1);
    open_scene(&stage, &scene, 20, 100000);
    for (int round = 0; round < 200; round++) {
        char patterns[20][16] = {{0}}, topic[16] = "";
        uint32_t expected = 0, reached;

        for (int i = 0; i < 20; i++) {
            for (uint64_t left = 1 + trp_random_below(&random, 3); left > 0; left--) {
                const char *token = tokens[trp_random_below(&random, left == 1 ? 4 : 3)];

                snprintf(patterns[i] + strlen(patterns[i]), 4, "%s%s", patterns[i][0] ? "." : "",
                         token);
            }
            must_subscribe(&scene, i, patterns[i]);
        }
        for (uint64_t left = 1 + trp_random_below(&random, 3); left > 0; left--)
            snprintf(topic + strlen(topic), 4, "%s%s", topic[0] ? "." : "",
                     tokens[trp_random_below(&random, 2)]);
        for (int i = 0; i < 20; i++)
            expected += troupe_topic_matches(troupe_text(patterns[i]), troupe_text(topic));
        reached = publish(&stage, &scene, topic);
        if (reached != expected)
            fail_msg("round %d, %s: %u, not %u", round, topic, reached, expected);
        for (int i = 0; i < 20; i++)
            assert_true(troupe_unsubscribe(scene.topics, scene.ids[i], troupe_text(patterns[i])));
    }
    settle(&stage);
    close_scene(&stage, &scene);
    stage_close(&stage);
}

struct publisher {
    struct stage *stage;
    struct scene *scene;
    trp_thread thread;
    uint64_t reached;
};

/* Four of the eight hear it by the plain topic or by a pattern, in turn, and not at all in between. */
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

            troupe_bytes pattern = i % 32 ? TROUPE_TEXT("hits") : TROUPE_TEXT("*");

            troupe_unsubscribe(publisher->scene->topics, id, TROUPE_TEXT("hits"));
            troupe_unsubscribe(publisher->scene->topics, id, TROUPE_TEXT("*"));
            if (troupe_subscribe(publisher->scene->topics, id, pattern) != TROUPE_OK)
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
        cmocka_unit_test(test_memory_is_flat_when_subscribers_end_and_nobody_publishes),
        cmocka_unit_test(test_a_thread_may_subscribe_and_sees_the_topic),
        cmocka_unit_test(test_a_thousand_topics_do_not_mix),
        cmocka_unit_test(test_patterns_match_as_nats_writes_them),
        cmocka_unit_test(test_what_is_no_pattern_says_how_to_write_it),
        cmocka_unit_test(test_publishing_to_a_pattern_is_refused),
        cmocka_unit_test(test_wildcards_reach_who_asked_for_them),
        cmocka_unit_test(test_who_matches_twice_gets_one_message),
        cmocka_unit_test(test_subscribers_are_sent_to_in_the_order_in_which_they_came),
        cmocka_unit_test(test_the_message_carries_the_topic_and_not_the_pattern),
        cmocka_unit_test(test_subscribers_that_ended_are_forgotten_in_every_pattern),
        cmocka_unit_test(test_the_tree_agrees_with_the_rule_on_random_patterns),
        cmocka_unit_test(test_threads_publish_and_subscribe_beside_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
