/* What senders see of a child that waits for its next life. */
#include "kit_testing.h"

#define LONG (1000 * TROUPE_SECOND)

struct scene {
    struct part parts[2];
    troupe_child children[2];
    troupe_supervisor plan;
};

static void begin(struct stage *stage, struct scene *scene, troupe_supervisor plan,
                  bool unavailable)
{
    memset(scene, 0, sizeof *scene);
    for (size_t i = 0; i < 2; i++) {
        scene->parts[i] = (struct part){.stage = stage, .tag = (char)('a' + i)};
        scene->children[i].spec = player_spec(i ? "b" : "a", &scene->parts[i]);
        scene->children[i].unavailable_while_down = unavailable;
    }
    scene->plan = plan;
    scene->plan.children = scene->children;
    scene->plan.n_children = 2;
    (void)spawn_supervisor(stage, "top", &scene->plan);
}

/* It is down, and its supervisor has decided. */
static troupe_id bring_down(struct stage *stage, const char *name)
{
    troupe_id id = named(stage, name);
    char line[64];

    order(stage, id, "c");
    snprintf(line, sizeof line, "[child-backoff] %s", name);
    await_log(stage, line);
    /* It refuses after it has said so: an answer of the supervisor comes behind that. */
    (void)list_children(stage, named(stage, "top"), 0, NULL, 0);
    return id;
}

static void wake(struct stage *stage, const char *name)
{
    troupe_error error = {.text = ""};

    if (troupe_order_call(stage->me, named(stage, "top"),
                          TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = name), PATIENCE, NULL,
                          &error) != TROUPE_OK)
        fail_msg("%s", error.text);
}

static const troupe_backoff slow = {.kind = TROUPE_BACKOFF_FIXED, .initial_ns = LONG};

static void act_unavailable(struct stage *stage)
{
    struct scene scene;
    troupe_topics *topics;
    uint32_t reached;
    troupe_id a;

    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.backoff = slow), true);
    a = bring_down(stage, "a");
    assert_int_equal(troupe_send(stage->me, a, TROUPE_TEXT("+")), TROUPE_E_UNAVAILABLE);
    assert_int_equal(troupe_call(stage->me, a, TROUPE_TEXT("?"), LONG, NULL), TROUPE_E_UNAVAILABLE);
    assert_int_equal(troupe_topics_new(stage->system, &topics), TROUPE_OK);
    assert_int_equal(troupe_subscribe(topics, a, TROUPE_TEXT("t")), TROUPE_OK);
    assert_int_equal(
        troupe_publish(stage->me, topics, TROUPE_TEXT("t"), TROUPE_TEXT("+"), &reached),
        TROUPE_E_FULL); /* there is one, and it takes nothing now */
    assert_int_equal(troupe_refuse(stage->me, a), TROUPE_E_DENIED);
    wake(stage, "a");
    assert_int_equal(ask(stage, a).incarnation, 2);
    order(stage, a, "+");
    curtain(stage);
    assert_int_equal(troupe_refuse(stage->me, a), TROUPE_E_GONE);
    troupe_topics_free(topics);
}

static void test_one_that_is_down_may_be_unavailable(void **state)
{
    (void)state;
    each_way(act_unavailable);
}

static void act_open(struct stage *stage)
{
    struct scene scene;
    troupe_id a;

    begin(stage, &scene, (troupe_supervisor)TROUPE_SUPERVISOR(.backoff = slow), false);
    a = bring_down(stage, "a");
    for (int i = 0; i < 5; i++)
        order(stage, a, "+");
    wake(stage, "a");
    assert_int_equal(ask(stage, a).count, 5);
    curtain(stage);
}

static void test_by_default_its_mailbox_is_open(void **state)
{
    (void)state;
    each_way(act_open);
}

static void act_siblings(struct stage *stage)
{
    struct scene scene;
    troupe_backoff backoff = {.kind = TROUPE_BACKOFF_FIXED, .initial_ns = LONG};
    troupe_id b;

    begin(stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL, .backoff = backoff),
          true);
    b = named(stage, "b");
    (void)bring_down(stage, "a");
    while (troupe_send(stage->me, b, TROUPE_TEXT("+")) == TROUPE_OK)
        assert_true(troupe_step(stage->system)); /* until all of them are down */
    assert_int_equal(troupe_send(stage->me, b, TROUPE_TEXT("+")), TROUPE_E_UNAVAILABLE);
    assert_true(troupe_now(stage->system) < LONG);
    await_log(stage, "[child-restarted] b");
    assert_int_equal(ask(stage, b).incarnation, 2);
    curtain(stage);
}

/* Only in simulation: nobody waits a thousand seconds. */
static void test_siblings_that_wait_are_unavailable_too(void **state)
{
    struct stage stage;

    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        stage_open(&stage, true, seed);
        act_siblings(&stage);
        stage_close(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_is_down_may_be_unavailable),
        cmocka_unit_test(test_by_default_its_mailbox_is_open),
        cmocka_unit_test(test_siblings_that_wait_are_unavailable_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
