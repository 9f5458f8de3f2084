/* Orders at run time, where OTP has start_child, terminate_child, restart_child, delete_child, which_children and
 * count_children: what its supervisor_SUITE demands (docs/design/supervision-otp.md). */
#include "otp_testing.h"

#define ADD(what) TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = (what))
#define STOP(who) TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = (who))
#define RESTART(who) TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = (who))
#define REMOVE(who) TROUPE_ORDER(.kind = TROUPE_ORDER_REMOVE, .name = (who))

/* A supervisor of the first n of the crew; the others are for orders. */
static void raise_first(struct stage *stage, struct crew *crew, size_t n)
{
    crew->plan.n_children = n;
    crew_raise(stage, crew);
}

static troupe_child_info row_of(struct stage *stage, troupe_id top, const char *name)
{
    troupe_child_info rows[8];
    size_t n = list(stage, top, rows, 8);

    for (size_t i = 0; i < n && i < 8; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i];
    fail_msg("%s is not listed", name);
    return rows[0];
}

/* On threads whoever watches a child may hear of its end before its supervisor does. */
static void expect_state(struct stage *stage, troupe_id top, const char *name,
                         troupe_child_state state)
{
    for (int i = 0; i < 10000 && row_of(stage, top, name).state != state; i++)
        continue;
    assert_int_equal(row_of(stage, top, name).state, state);
}

/* ---- the life of a child ---- */

static void act_child(struct stage *stage)
{
    struct crew crew;
    troupe_id a;

    crew_enlist(stage, &crew, 1);
    raise_first(stage, &crew, 1);
    expect_state(stage, crew.top, "a", TROUPE_CHILD_UP);
    refuse_order(stage, crew.top, ADD(&crew.children[0]), TROUPE_E_TAKEN);
    refuse_order(stage, crew.top, STOP("nobody"), TROUPE_E_GONE);
    refuse_order(stage, crew.top, RESTART("nobody"), TROUPE_E_GONE);
    refuse_order(stage, crew.top, REMOVE("nobody"), TROUPE_E_GONE);
    give(stage, crew.top, STOP("a"));
    expect_words(stage, "+a -a");
    expect_state(stage, crew.top, "a", TROUPE_CHILD_DOWN);
    give(stage, crew.top, STOP("a"));
    refuse_order(stage, crew.top, ADD(&crew.children[0]), TROUPE_E_TAKEN);
    a = give(stage, crew.top, RESTART("a"));
    expect_up(stage, 'a', 1);
    assert_int_equal(row_of(stage, crew.top, "a").id.value, a.value);
    give(stage, crew.top, STOP("a"));
    give(stage, crew.top, REMOVE("a"));
    refuse_order(stage, crew.top, RESTART("a"), TROUPE_E_GONE);
    expect_children(stage, crew.top, 0);
    give(stage, crew.top, ADD(&crew.children[0]));
    expect_up(stage, 'a', 1);
    order(stage, named(stage, "a"), "c");
    expect_up(stage, 'a', 2);
    refuse_order(stage, TROUPE_NOBODY, STOP("a"), TROUPE_E_GONE);
    curtain(stage);
}

static void test_the_life_of_a_child_in_orders(void **state)
{
    (void)state;
    each_way(act_child);
}

static void act_list(struct stage *stage)
{
    struct crew crew;
    troupe_child_info rows[4];

    crew_enlist(stage, &crew, 2);
    raise_first(stage, &crew, 0);
    expect_children(stage, crew.top, 0);
    give(stage, crew.top, ADD(&crew.children[0]));
    give(stage, crew.top, ADD(&crew.children[1]));
    assert_int_equal(list(stage, crew.top, rows, 4), 2);
    assert_string_equal(rows[0].name, "a");
    assert_string_equal(rows[1].name, "b");
    assert_int_equal(rows[1].id.value, named(stage, "b").value);
    assert_false(rows[0].is_supervisor);
    give(stage, crew.top, STOP("a"));
    assert_int_equal(list(stage, crew.top, rows, 4), 2);
    assert_int_equal(rows[0].state, TROUPE_CHILD_DOWN);
    assert_int_equal(rows[1].state, TROUPE_CHILD_UP);
    give(stage, crew.top, REMOVE("a"));
    assert_int_equal(list(stage, crew.top, rows, 4), 1);
    assert_string_equal(rows[0].name, "b");
    curtain(stage);
}

static void test_children_are_listed_as_they_come_and_go(void **state)
{
    (void)state;
    each_way(act_list);
}

/* A child that has nothing to do is no failure, and no longer there. */
static void act_nothing_to_do(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 3);
    crew.children[0].restart = TROUPE_TRANSIENT;
    crew.children[1].restart = TROUPE_TEMPORARY;
    crew.tempers[0].leaves_from = crew.tempers[1].leaves_from = 1;
    raise_first(stage, &crew, 0);
    for (int i = 0; i < 3; i++) {
        troupe_id id = give(stage, crew.top, ADD(&crew.children[i]));

        expect_up(stage, (char)('a' + i), 1);
        if (i < 2)
            assert_int_equal(troupe_wait_end(stage->me, id, PATIENCE, NULL), TROUPE_OK);
    }
    expect_children(stage, crew.top, 2); /* the temporary one is forgotten */
    expect_state(stage, crew.top, "a", TROUPE_CHILD_DOWN);
    expect_state(stage, crew.top, "c", TROUPE_CHILD_UP);
    curtain(stage);
}

static void test_a_child_with_nothing_to_do_is_added_and_is_down(void **state)
{
    (void)state;
    each_way(act_nothing_to_do);
}

static void act_taken(struct stage *stage)
{
    struct crew crew;
    troupe_id stranger = must_spawn(stage, TROUPE_SPEC(.name = "a"));

    crew_enlist(stage, &crew, 1);
    raise_first(stage, &crew, 0);
    refuse_order(stage, crew.top, ADD(&crew.children[0]), TROUPE_E_TAKEN);
    expect_children(stage, crew.top, 0);
    assert_int_equal(named(stage, "a").value, stranger.value);
    curtain(stage);
}

static void test_a_child_whose_name_a_stranger_has_is_not_added(void **state)
{
    (void)state;
    each_way(act_taken);
}

/* ---- temporary ones are forgotten ---- */

static const troupe_strategy strategies[] = {TROUPE_ONE_FOR_ONE, TROUPE_ONE_FOR_ALL,
                                             TROUPE_REST_FOR_ONE};

enum way { WAY_KILLED, WAY_CRASHED, WAY_NORMAL, WAY_ORDERED, N_WAYS };

static void end_child(struct stage *stage, struct crew *crew, const char *name, enum way way)
{
    troupe_id id = named(stage, name);

    if (way == WAY_ORDERED)
        give(stage, crew->top, STOP(name));
    else if (way == WAY_KILLED)
        assert_int_equal(troupe_kill(stage->me, id), TROUPE_OK);
    else
        order(stage, id, way == WAY_CRASHED ? "c" : "x");
}

/* a is permanent, b transient, c temporary: which of them is known after its end? */
static void remembered(bool simulation, troupe_strategy strategy, enum way way)
{
    struct stage stage;
    struct crew crew;
    troupe_id c;

    stage_open(&stage, simulation, 1 + (uint64_t)way);
    crew_enlist(&stage, &crew, 3);
    crew.plan.strategy = strategy;
    crew.plan.max_restarts = 9;
    crew.children[1].restart = TROUPE_TRANSIENT;
    crew.children[2].restart = TROUPE_TEMPORARY;
    raise_first(&stage, &crew, 0);
    for (int i = 0; i < 2; i++) {
        give(&stage, crew.top, ADD(&crew.children[i]));
        expect_up(&stage, (char)('a' + i), 1);
        end_child(&stage, &crew, crew.names[i], way);
        if (way != WAY_ORDERED && (i == 0 || way != WAY_NORMAL))
            expect_up(&stage, (char)('a' + i), 2);
        refuse_order(&stage, crew.top, ADD(&crew.children[i]), TROUPE_E_TAKEN);
        give(&stage, crew.top, REMOVE(crew.names[i]));
    }
    c = give(&stage, crew.top, ADD(&crew.children[2]));
    end_child(&stage, &crew, "c", way);
    assert_int_equal(troupe_wait_end(stage.me, c, PATIENCE, NULL), TROUPE_OK);
    give(&stage, crew.top, ADD(&crew.children[2]));
    curtain(&stage);
    stage_close(&stage);
}

static void test_a_temporary_child_is_forgotten_however_it_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        for (enum way way = 0; way < N_WAYS; way++) {
            remembered(true, strategies[i], way);
            remembered(false, strategies[i], way);
        }
    }
}

/* ---- trees ---- */

static void act_next_life(struct stage *stage)
{
    struct crew crew;
    troupe_child branch = {.spec = *TROUPE_SPEC(.name = "inner")};
    troupe_supervisor top = TROUPE_SUPERVISOR(.children = &branch, .n_children = 1);
    troupe_id top_id;

    crew_enlist(stage, &crew, 2);
    crew.plan.n_children = 1;
    assert_int_equal(troupe_supervisor_spec(&crew.plan, &branch.spec, NULL), TROUPE_OK);
    top_id = spawn_supervisor(stage, "top", &top);
    expect_up(stage, 'a', 1);
    crew.top = named(stage, "inner");
    assert_true(row_of(stage, top_id, "inner").is_supervisor);
    give(stage, crew.top, ADD(&crew.children[1]));
    expect_up(stage, 'b', 1);
    assert_int_equal(troupe_kill(stage->me, crew.top), TROUPE_OK);
    expect_up(stage, 'a', 1);
    expect_children(stage, crew.top, 1);
    expect_gone(stage, "b");
    expect_words(stage, "+a +b -b -a +a");
    curtain(stage);
}

static void test_who_was_added_is_not_there_in_the_next_life_of_its_supervisor(void **state)
{
    (void)state;
    each_way(act_next_life);
}

/* ---- between two lives ---- */

static void act_loop(struct stage *stage)
{
    struct crew crew;
    troupe_id a;

    crew_enlist(stage, &crew, 1);
    crew.plan.max_restarts = 8;
    crew.plan.backoff = (troupe_backoff){.kind = TROUPE_BACKOFF_FIXED, .initial_ns = LONG};
    raise_first(stage, &crew, 1);
    a = named(stage, "a");
    order(stage, a, "c");
    await_log(stage, "[child-backoff] a crashed");
    expect_state(stage, crew.top, "a", TROUPE_CHILD_WAITING);
    refuse_order(stage, crew.top, ADD(&crew.children[0]), TROUPE_E_TAKEN);
    give(stage, crew.top, STOP("a"));
    expect_state(stage, crew.top, "a", TROUPE_CHILD_DOWN);
    assert_int_equal(troupe_wait_end(stage->me, a, PATIENCE, NULL), TROUPE_OK);
    a = give(stage, crew.top, RESTART("a"));
    expect_up(stage, 'a', 1);
    order(stage, a, "c");
    await_log(stage, "(2 of 8 in 3600 s)");
    assert_int_equal(troupe_stop(stage->me, crew.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(stage, crew.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+a -a +a -a");
    curtain(stage);
}

static void test_a_child_and_its_supervisor_can_be_stopped_between_its_lives(void **state)
{
    (void)state;
    each_way(act_loop);
}

static void act_loop_of_the_rest(struct stage *stage)
{
    struct crew crew;
    troupe_id a;

    crew_enlist(stage, &crew, 3);
    crew.plan.strategy = TROUPE_REST_FOR_ONE;
    crew.plan.max_restarts = 8;
    crew.plan.backoff = (troupe_backoff){.kind = TROUPE_BACKOFF_FIXED, .initial_ns = LONG};
    raise_first(stage, &crew, 3);
    a = named(stage, "a");
    order(stage, named(stage, "b"), "c");
    await_log(stage, "[child-backoff] b crashed");
    while (row_of(stage, crew.top, "c").state != TROUPE_CHILD_HELD)
        continue;
    assert_int_equal(row_of(stage, crew.top, "a").id.value, a.value);
    expect_state(stage, crew.top, "a", TROUPE_CHILD_UP);
    assert_int_not_equal(row_of(stage, crew.top, "b").state, TROUPE_CHILD_UP);
    give(stage, crew.top, STOP("b"));
    expect_state(stage, crew.top, "b", TROUPE_CHILD_DOWN);
    give(stage, crew.top, RESTART("b"));
    expect_up(stage, 'c', 2); /* whose wait is over, too */
    expect_up(stage, 'b', 1);
    assert_int_equal(ask(stage, a).incarnation, 1);
    stop_and_wait(stage, crew.top);
    curtain(stage);
}

static void test_orders_about_one_whose_siblings_wait_for_it(void **state)
{
    (void)state;
    each_way(act_loop_of_the_rest);
}

/* Three are between two lives, one by one; the count of those that are up says so. */
static void act_count(struct stage *stage)
{
    struct crew crew;
    troupe_child_info rows[4];

    crew_enlist(stage, &crew, 3);
    crew.plan.max_restarts = 20;
    crew.plan.backoff = (troupe_backoff){.kind = TROUPE_BACKOFF_FIXED, .initial_ns = LONG};
    raise_first(stage, &crew, 3);
    for (size_t i = 0; i < 2; i++) {
        order(stage, named(stage, crew.names[i]), "c");
        await_log(stage, i == 0 ? "[child-backoff] a crashed" : "[child-backoff] b crashed");
    }
    assert_int_equal(list(stage, crew.top, rows, 4), 3);
    assert_int_equal(rows[0].state, TROUPE_CHILD_WAITING);
    assert_int_equal(rows[1].state, TROUPE_CHILD_WAITING);
    assert_int_equal(rows[2].state, TROUPE_CHILD_UP);
    for (size_t i = 0; i < 2; i++) {
        give(stage, crew.top, RESTART(crew.names[i]));
        expect_up(stage, (char)('a' + i), 2);
    }
    assert_int_equal(list(stage, crew.top, rows, 4), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rows[i].state, TROUPE_CHILD_UP);
    curtain(stage);
}

static void test_children_between_two_lives_are_counted_as_such(void **state)
{
    (void)state;
    each_way(act_count);
}

/* ---- one that does not obey ---- */

struct boss {
    troupe_id top;
};

/* "stop a" to the supervisor whose id comes; the answer is its status. */
static troupe_status boss_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct boss *boss = self;
    troupe_correlation correlation;

    memcpy(&boss->top, message->payload.data, sizeof boss->top);
    return troupe_order_request(ctx, boss->top, STOP("a"), TROUPE_FOREVER, &correlation);
}

static void boss_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    (void)self;
    (void)ctx;
    assert_int_equal(troupe_order_read(answer, NULL, NULL), TROUPE_OK);
}

static const troupe_actor_ops boss_actor = {.handle_message = boss_message,
                                            .handle_reply = boss_reply};

static void act_disobedient(struct stage *stage)
{
    struct crew crew;
    troupe_id a, boss;

    crew_enlist(stage, &crew, 2);
    crew.tempers[0].hangs = true;
    crew.children[0].spec.stop_timeout = TROUPE_FOREVER;
    raise_first(stage, &crew, 2);
    a = named(stage, "a");
    boss = must_spawn(stage, TROUPE_SPEC(.actor = &boss_actor, .state_size = sizeof(struct boss)));
    assert_int_equal(troupe_send(stage->me, boss, TROUPE_BYTES_OF(crew.top)), TROUPE_OK);
    while (row_of(stage, crew.top, "a").state != TROUPE_CHILD_STOPPING)
        continue;
    refuse_order(stage, crew.top, RESTART("a"), TROUPE_E_UNAVAILABLE);
    give(stage, crew.top, STOP("b"));
    assert_int_equal(troupe_kill(stage->me, a), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, a, PATIENCE, NULL), TROUPE_OK);
    expect_state(stage, crew.top, "a", TROUPE_CHILD_DOWN);
    curtain(stage);
}

static void test_a_child_that_does_not_stop_holds_up_nobody_else(void **state)
{
    (void)state;
    each_way(act_disobedient);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_life_of_a_child_in_orders),
        cmocka_unit_test(test_children_are_listed_as_they_come_and_go),
        cmocka_unit_test(test_a_child_with_nothing_to_do_is_added_and_is_down),
        cmocka_unit_test(test_a_child_whose_name_a_stranger_has_is_not_added),
        cmocka_unit_test(test_a_temporary_child_is_forgotten_however_it_ends),
        cmocka_unit_test(test_who_was_added_is_not_there_in_the_next_life_of_its_supervisor),
        cmocka_unit_test(test_a_child_and_its_supervisor_can_be_stopped_between_its_lives),
        cmocka_unit_test(test_orders_about_one_whose_siblings_wait_for_it),
        cmocka_unit_test(test_children_between_two_lives_are_counted_as_such),
        cmocka_unit_test(test_a_child_that_does_not_stop_holds_up_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
