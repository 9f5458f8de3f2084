/* Orders to running supervisors and pools: what they do, what is answered, and what they cannot be asked. */
#include "kit_testing.h"

#define S TROUPE_SECOND

struct scene {
    struct part parts[4];
    troupe_child children[4];
    troupe_supervisor plan;
    troupe_pool pool;
    troupe_id top;
};

static void cast(struct stage *stage, struct scene *scene)
{
    static const char *const names[] = {"a", "b", "c", "d"};

    memset(scene, 0, sizeof *scene);
    for (size_t i = 0; i < 4; i++) {
        scene->parts[i] = (struct part){.stage = stage, .tag = (char)('a' + i)};
        scene->children[i].spec = player_spec(names[i], &scene->parts[i]);
    }
}

/* With the first n of them; the others are for orders. */
static void begin(struct stage *stage, struct scene *scene, size_t n, troupe_supervisor plan)
{
    scene->plan = plan;
    scene->plan.children = scene->children;
    scene->plan.n_children = n;
    scene->top = spawn_supervisor(stage, "top", &scene->plan);
}

static troupe_id must(struct stage *stage, struct scene *scene, const troupe_order *order)
{
    troupe_error error = {.text = ""};
    troupe_id id = TROUPE_NOBODY;
    troupe_status status = troupe_order_call(stage->me, scene->top, order, PATIENCE, &id, &error);

    if (status != TROUPE_OK)
        fail_msg("%s: %s", troupe_status_name(status), error.text);
    return id;
}

static void must_not(struct stage *stage, struct scene *scene, const troupe_order *order,
                     troupe_status want, const char *words)
{
    troupe_error error = {.text = ""};

    assert_int_equal(troupe_order_call(stage->me, scene->top, order, PATIENCE, NULL, &error), want);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static troupe_child_info row_of(struct stage *stage, troupe_id supervisor, const char *name)
{
    troupe_child_info rows[8];
    troupe_child_page page = list_children(stage, supervisor, 0, rows, 8);

    assert_int_equal(page.n_rows, page.n_children);
    for (size_t i = 0; i < page.n_rows; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i];
    }
    return (troupe_child_info){.state = TROUPE_CHILD_DOWN};
}

/* ---- ADD ---- */

static void act_add(struct stage *stage)
{
    struct scene scene;
    troupe_id c;

    cast(stage, &scene);
    begin(stage, &scene, 2, (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_REST_FOR_ONE));
    c = must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[2]));
    assert_int_equal(named(stage, "c").value, c.value);
    assert_int_equal(ask(stage, c).incarnation, 1);
    order(stage, named(stage, "b"), "c"); /* it is one of the rest now */
    await_log(stage, "[child-restarted] c");
    assert_string_equal(stage->journal.words, "+a +b +c -b -c +b +c");
    assert_int_equal(troupe_stop(stage->me, scene.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, scene.top, PATIENCE, NULL), TROUPE_OK);
    assert_string_equal(stage->journal.words, "+a +b +c -b -c +b +c -c -b -a");
    curtain(stage);
}

static void test_a_child_that_was_added_is_the_last_in_the_order(void **state)
{
    (void)state;
    each_way(act_add);
}

static void act_add_refused(struct stage *stage)
{
    struct scene scene;

    cast(stage, &scene);
    begin(stage, &scene, 1, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 3));
    scene.parts[1].refuse_from = 1;
    scene.parts[1].refuse_text = "no config for b";
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[1]),
             TROUPE_E_REFUSED, "no config for b");
    scene.parts[1].refuse_from = 0;
    scene.parts[1].crash_from = 1;
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[1]),
             TROUPE_E_REFUSED, "fell over the doorstep");
    scene.parts[1].crash_from = 0;
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[0]),
             TROUPE_E_TAKEN, "a is a child already");
    assert_int_equal(row_of(stage, scene.top, "b").id.value, 0);
    (void)must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[1]));
    curtain(stage);
}

static void test_a_child_that_cannot_be_added_leaves_nothing(void **state)
{
    (void)state;
    each_way(act_add_refused);
}

/* ---- STOP, RESTART, REMOVE ---- */

static void act_stop(struct stage *stage)
{
    struct scene scene;
    troupe_id before, b;

    cast(stage, &scene);
    begin(stage, &scene, 3,
          (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL, .max_restarts = 9));
    before = named(stage, "b");
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "b"));
    assert_int_equal(troupe_lookup(stage->system, "b", &b), TROUPE_E_GONE);
    assert_int_equal(row_of(stage, scene.top, "b").state, TROUPE_CHILD_DOWN);
    assert_string_equal(row_of(stage, scene.top, "b").name, "b");
    order(stage, named(stage, "a"), "c"); /* its siblings' restart does not wake it */
    await_log(stage, "[child-restarted] c");
    assert_int_equal(troupe_lookup(stage->system, "b", &b), TROUPE_E_GONE);
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "b")); /* twice is once */
    b = must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = "b"));
    assert_int_not_equal(b.value, before.value);
    assert_int_equal(ask(stage, b).incarnation, 1);
    order(stage, named(stage, "a"), "c");
    await_log(stage, "[child-restarted] b");
    curtain(stage);
}

static void test_a_child_that_was_stopped_stays_down_until_an_order(void **state)
{
    (void)state;
    each_way(act_stop);
}

static void act_restart(struct stage *stage)
{
    struct scene scene;
    troupe_id a;

    cast(stage, &scene);
    scene.children[1].restart = TROUPE_TEMPORARY;
    begin(stage, &scene, 2,
          (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = TROUPE_NO_RESTARTS));
    a = named(stage, "a");
    assert_int_equal(must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .id = a)).value,
                     a.value);
    assert_int_equal(ask(stage, a).incarnation, 2);
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = "b"));
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 2);
    curtain(stage);
}

static void test_a_restart_by_order_counts_for_nothing(void **state)
{
    (void)state;
    each_way(act_restart);
}

static void act_backoff(struct stage *stage)
{
    struct scene scene;
    troupe_id a;

    cast(stage, &scene);
    begin(stage, &scene, 2,
          (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 9,
                                               .backoff = {.kind = TROUPE_BACKOFF_FIXED,
                                                           .initial_ns = 100000 * S}));
    a = named(stage, "a");
    order(stage, a, "c");
    await_log(stage, "[child-backoff] a");
    assert_int_equal(row_of(stage, scene.top, "a").state, TROUPE_CHILD_WAITING);
    assert_int_equal(row_of(stage, scene.top, "a").reason, TROUPE_EXIT_CRASHED);
    assert_non_null(strstr(row_of(stage, scene.top, "a").text, "told to crash"));
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = "a"));
    assert_int_equal(ask(stage, a).incarnation, 2);
    order(stage, a, "c");
    await_log(stage, "(2 of 9 in 5 s)");
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .id = a));
    assert_int_equal(troupe_wait_end(stage->me, a, PATIENCE, NULL), TROUPE_OK);
    assert_int_equal(row_of(stage, scene.top, "a").state, TROUPE_CHILD_DOWN);
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_REMOVE, .name = "a"));
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = "a"), TROUPE_E_GONE,
             "no such child");
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_REMOVE, .name = "b")); /* that is up */
    assert_int_equal(troupe_lookup(stage->system, "b", &a), TROUPE_E_GONE);
    (void)must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[1]));
    curtain(stage);
}

static void test_orders_about_one_that_waits_in_its_backoff(void **state)
{
    (void)state;
    each_way(act_backoff);
}

static void act_restart_fails(struct stage *stage)
{
    struct scene scene;

    cast(stage, &scene);
    begin(stage, &scene, 2, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 9));
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "b"));
    scene.parts[1].refuse_from = 1;
    scene.parts[1].refuse_text = "not any more";
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = "b"),
             TROUPE_E_REFUSED, "not any more");
    assert_int_equal(row_of(stage, scene.top, "b").state, TROUPE_CHILD_DOWN);
    scene.parts[1].refuse_from = 0;
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = "b"));
    curtain(stage);
}

static void test_a_restart_that_fails_says_why_and_leaves_it_down(void **state)
{
    (void)state;
    each_way(act_restart_fails);
}

/* ---- CHANGE ---- */

static void act_change(struct stage *stage)
{
    static const troupe_on_intensity leave = TROUPE_ON_INTENSITY_LEAVE_DOWN;
    struct scene scene;
    troupe_id a;

    cast(stage, &scene);
    begin(stage, &scene, 2, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 9));
    a = named(stage, "a");
    must_not(stage, &scene,
             TROUPE_ORDER(.kind = TROUPE_ORDER_CHANGE,
                          .backoff = &(troupe_backoff){.kind = TROUPE_BACKOFF_FIXED}),
             TROUPE_E_INVALID, "initial must be above 0");
    must(stage, &scene,
         TROUPE_ORDER(.kind = TROUPE_ORDER_CHANGE, .max_restarts = 1, .on_intensity = &leave));
    order(stage, a, "c");
    order(stage, a, "c");
    assert_int_equal(troupe_wait_end(stage->me, a, PATIENCE, NULL), TROUPE_OK);
    await_log(stage, "1 restart within 5 s: it stays down");
    curtain(stage);
}

static void test_numbers_are_changed_at_run_time(void **state)
{
    (void)state;
    each_way(act_change);
}

/* ---- pools ---- */

static void act_pool(struct stage *stage)
{
    struct scene scene;
    troupe_spec spec = *TROUPE_SPEC(.name = "pool");
    troupe_error error = {.text = ""};
    troupe_id first, second;
    troupe_child_info row;

    cast(stage, &scene);
    scene.children[0].restart = TROUPE_TEMPORARY;
    scene.pool = (troupe_pool)TROUPE_POOL(.member = &scene.children[0], .max_members = 2);
    if (troupe_pool_spec(&scene.pool, &spec, &error) != TROUPE_OK)
        fail_msg("%s", error.text);
    scene.top = must_spawn(stage, &spec);
    assert_int_equal(troupe_send(stage->me, scene.top, TROUPE_TEXT("+")), TROUPE_E_UNAVAILABLE);
    first = must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD));
    second =
        must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .argument = &scene.parts[1]));
    assert_int_equal(ask(stage, second).tag, 'b');
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD), TROUPE_E_QUOTA,
             "the pool has its 2 members");
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[1]),
             TROUPE_E_INVALID, "leave child out");
    order(stage, first, "c"); /* temporary: it is gone, and makes room */
    assert_int_equal(troupe_wait_end(stage->me, first, PATIENCE, NULL), TROUPE_OK);
    while (row_of(stage, scene.top, "a-1").id.value) /* its supervisor may hear of it later */
        continue;
    row = row_of(stage, scene.top, "a-2");
    assert_int_equal(row.id.value, second.value);
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD));
    assert_int_equal(ask(stage, scene.top).tag == 'a' || ask(stage, scene.top).tag == 'a', 1);
    must(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .id = second));
    assert_int_equal(row_of(stage, scene.top, "a-2").id.value,
                     0); /* the order was answered after that */
    curtain(stage);
}

static void test_a_pool_grows_on_demand_up_to_its_bound(void **state)
{
    (void)state;
    each_way(act_pool);
}

/* ---- from handlers ---- */

struct boss {
    troupe_id top, asker_id;
    troupe_correlation asker;
};

static const troupe_child *to_add;

static troupe_status boss_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct boss *boss = self;
    troupe_correlation correlation;
    troupe_id top;

    memcpy(&top, message->payload.data, sizeof top);
    boss->asker = message->correlation;
    return troupe_order_request(ctx, top, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = to_add),
                                PATIENCE, &correlation);
}

static void boss_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct boss *boss = self;
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(troupe_order_read(answer, &id, NULL), TROUPE_OK);
    troupe_reply_to(ctx, boss->asker, TROUPE_BYTES_OF(id));
}

static const troupe_actor_ops boss_actor = {.handle_message = boss_message,
                                            .handle_reply = boss_reply};

static void act_handler(struct stage *stage)
{
    struct scene scene;
    troupe_reply_buffer reply = {NULL};
    troupe_id boss;

    cast(stage, &scene);
    begin(stage, &scene, 1, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 9));
    to_add = &scene.children[3];
    boss = must_spawn(stage, TROUPE_SPEC(.actor = &boss_actor, .state_size = sizeof(struct boss)));
    assert_int_equal(troupe_call(stage->me, boss, TROUPE_BYTES_OF(scene.top), PATIENCE, &reply),
                     TROUPE_OK);
    assert_int_equal(troupe_reply_u64(&reply), named(stage, "d").value);
    troupe_reply_clear(&reply);
    curtain(stage);
}

static void test_a_handler_spawns_under_supervision_by_a_message(void **state)
{
    (void)state;
    each_way(act_handler);
}

/* ---- what makes no sense ---- */

static void act_nonsense(struct stage *stage)
{
    struct scene scene;
    troupe_payload *topic = troupe_payload_new(troupe_text(TROUPE_CONTROL_TOPIC));
    troupe_payload *rubbish = troupe_payload_new(TROUPE_TEXT("rubbish"));
    char long_name[TROUPE_NAME_MAX + 2];
    troupe_child itself = {.spec = *TROUPE_SPEC(.name = "itself")};
    troupe_id top;

    cast(stage, &scene);
    begin(stage, &scene, 1, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 9));
    must_not(stage, &scene, TROUPE_ORDER(.kind = (troupe_order_kind)77), TROUPE_E_INVALID,
             "no order has the number 77");
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP), TROUPE_E_INVALID,
             "give its id or name");
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "nobody"),
             TROUPE_E_GONE, "no such child");
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD), TROUPE_E_INVALID,
             "no child to add");
    memset(long_name, 'n', sizeof long_name);
    long_name[TROUPE_NAME_MAX + 1] = 0;
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = long_name),
             TROUPE_E_INVALID, "more than 127 bytes");
    assert_int_equal(troupe_supervisor_spec(&scene.plan, &itself.spec, NULL), TROUPE_OK);
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &itself),
             TROUPE_E_INVALID, "cannot be its own child");
    scene.children[1].significant = true;
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[1]),
             TROUPE_E_INVALID, "significant and permanent");
    assert_int_equal(troupe_call_shared(stage->me, scene.top, topic, rubbish, PATIENCE, NULL),
                     TROUPE_E_INVALID);
    top = scene.top;
    assert_int_equal(troupe_stop(stage->me, top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, top, PATIENCE, NULL), TROUPE_OK);
    must_not(stage, &scene, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "a"), TROUPE_E_GONE,
             "");
    troupe_payload_unref(topic);
    troupe_payload_unref(rubbish);
    curtain(stage);
}

static void test_orders_that_make_no_sense_are_refused_with_a_reason(void **state)
{
    (void)state;
    each_way(act_nonsense);
}

/* What a caller of a newer library gives: longer, and all is well while what is new stays 0. */
struct newer_child {
    troupe_child known;
    uint64_t wish;
};

struct newer_backoff {
    troupe_backoff known;
    uint64_t wish;
};

static void act_sizes(struct stage *stage)
{
    struct scene scene;
    struct newer_child child;
    struct newer_backoff backoff = {.known = {.kind = TROUPE_BACKOFF_FIXED, .initial_ns = S}};
    troupe_order add = *TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &child.known);
    troupe_order change = *TROUPE_ORDER(.kind = TROUPE_ORDER_CHANGE, .backoff = &backoff.known);

    cast(stage, &scene);
    begin(stage, &scene, 1, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 9));
    child = (struct newer_child){.known = scene.children[1], .wish = 1};
    child.known.spec.size = sizeof child - offsetof(struct newer_child, known.spec);
    add.child_size = sizeof child;
    must_not(stage, &scene, &add, TROUPE_E_INVALID,
             "its child was not made with TROUPE_ORDER, or asks for what only a newer library "
             "knows: make the order with TROUPE_ORDER, and leave out what is new");
    add.child_size = 8;
    must_not(stage, &scene, &add, TROUPE_E_INVALID, "its child was not made with TROUPE_ORDER");
    add.child_size = sizeof child;
    child.wish = 0;
    must(stage, &scene, &add);
    assert_int_equal(ask(stage, named(stage, "b")).tag, 'b');
    change.backoff_size = sizeof backoff;
    backoff.wish = 1;
    must_not(stage, &scene, &change, TROUPE_E_INVALID,
             "its backoff was not made with TROUPE_ORDER");
    change.backoff_size = 0;
    must_not(stage, &scene, &change, TROUPE_E_INVALID,
             "its backoff was not made with TROUPE_ORDER");
    change.backoff_size = sizeof backoff;
    backoff.wish = 0;
    must(stage, &scene, &change);
    change.size = 0;
    must_not(stage, &scene, &change, TROUPE_E_INVALID, "it was not made with TROUPE_ORDER");
    curtain(stage);
}

static void test_a_child_or_backoff_of_another_size_is_checked_and_never_cut(void **state)
{
    (void)state;
    each_way(act_sizes);
}

/* ---- who dies meanwhile ---- */

static void act_dies(struct stage *stage)
{
    struct scene scene;
    troupe_error error = {.text = ""};
    troupe_status status;

    cast(stage, &scene);
    begin(stage, &scene, 1, (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 9));
    assert_int_equal(troupe_kill(stage->me, scene.top), TROUPE_OK);
    status = troupe_order_call(stage->me, scene.top,
                               TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &scene.children[1]),
                               PATIENCE, NULL, &error);
    /* OK: on threads it may have been taken just before. Never a time-out. */
    if (status != TROUPE_E_GONE && status != TROUPE_E_CRASHED && status != TROUPE_OK)
        fail_msg("%s: %s", troupe_status_name(status), error.text);
    curtain(stage);
}

static void test_an_order_ends_when_its_supervisor_dies(void **state)
{
    (void)state;
    each_way(act_dies);
}

/* ---- many ---- */

static void act_pages(struct stage *stage)
{
    struct scene scene;
    troupe_spec spec = *TROUPE_SPEC(.name = "pool");
    static troupe_child_info rows[TROUPE_CHILDREN_MAX];
    troupe_child_page page;
    size_t seen = 0;

    cast(stage, &scene);
    scene.pool = (troupe_pool)TROUPE_POOL(.member = &scene.children[0], .n_members = 600);
    assert_int_equal(troupe_pool_spec(&scene.pool, &spec, NULL), TROUPE_OK);
    memset(&scene.parts[0], 0, sizeof scene.parts[0]);
    scene.children[0].spec.child = NULL; /* 600 words are too many for the journal */
    scene.children[0].spec.state_size = 0;
    scene.top = must_spawn(stage, &spec);
    do {
        page = list_children(stage, scene.top, seen, rows, TROUPE_CHILDREN_MAX);
        assert_int_equal(page.n_children, 600);
        for (size_t i = 0; i < page.n_rows; i++) {
            char name[16];

            snprintf(name, sizeof name, "a-%zu", seen + i + 1);
            assert_string_equal(rows[i].name, name);
            assert_int_equal(rows[i].state, TROUPE_CHILD_UP);
        }
        seen += page.n_rows;
    } while (page.n_rows > 0);
    assert_int_equal(seen, 600);
    curtain(stage);
}

static void test_many_children_are_listed_page_by_page(void **state)
{
    (void)state;
    each_way(act_pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_child_that_was_added_is_the_last_in_the_order),
        cmocka_unit_test(test_a_child_that_cannot_be_added_leaves_nothing),
        cmocka_unit_test(test_a_child_that_was_stopped_stays_down_until_an_order),
        cmocka_unit_test(test_a_restart_by_order_counts_for_nothing),
        cmocka_unit_test(test_orders_about_one_that_waits_in_its_backoff),
        cmocka_unit_test(test_a_restart_that_fails_says_why_and_leaves_it_down),
        cmocka_unit_test(test_numbers_are_changed_at_run_time),
        cmocka_unit_test(test_a_pool_grows_on_demand_up_to_its_bound),
        cmocka_unit_test(test_a_handler_spawns_under_supervision_by_a_message),
        cmocka_unit_test(test_orders_that_make_no_sense_are_refused_with_a_reason),
        cmocka_unit_test(test_a_child_or_backoff_of_another_size_is_checked_and_never_cut),
        cmocka_unit_test(test_an_order_ends_when_its_supervisor_dies),
        cmocka_unit_test(test_many_children_are_listed_page_by_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
