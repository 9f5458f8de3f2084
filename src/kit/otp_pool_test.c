/* Pools, where OTP has simple_one_for_one: what its supervisor_SUITE demands (docs/design/supervision-otp.md). */
#include "otp_testing.h"

#include <malloc.h>

struct pool {
    struct temper
        tempers[3]; /* the first is every member's, but of those that were added with another */
    troupe_child member;
    troupe_pool plan;
    troupe_id top;
};

static void plan_pool(struct stage *stage, struct pool *pool, uint32_t n, uint32_t max)
{
    *pool = (struct pool){.top = TROUPE_NOBODY};
    for (int i = 0; i < 3; i++)
        pool->tempers[i].part = (struct part){
            .stage = stage, .watcher = troupe_self(stage->me), .tag = (char)('a' + i)};
    pool->member.spec = temper_spec("m", &pool->tempers[0]);
    pool->plan = (troupe_pool)TROUPE_POOL(.member = &pool->member, .n_members = n,
                                          .max_members = max, .within_ns = LONG);
}

static void open_pool(struct stage *stage, struct pool *pool)
{
    troupe_spec spec = *TROUPE_SPEC(.name = "pool");
    troupe_error error = {.text = ""};

    if (troupe_pool_spec(&pool->plan, &spec, &error) != TROUPE_OK)
        fail_msg("%s", error.text);
    pool->top = must_spawn(stage, &spec);
    for (uint32_t i = 0; i < pool->plan.n_members; i++)
        expect_up(stage, 'a', 1);
}

static troupe_id add(struct stage *stage, struct pool *pool, const struct temper *temper)
{
    return give(stage, pool->top, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .argument = temper));
}

/* ---- restarts ---- */

static void act_restart(struct stage *stage)
{
    struct pool pool;

    plan_pool(stage, &pool, 2, 0);
    pool.plan.max_restarts = 2;
    open_pool(stage, &pool);
    order(stage, named(stage, "m-1"), "c");
    expect_up(stage, 'a', 2);
    assert_int_equal(ask(stage, named(stage, "m-2")).incarnation, 1);
    order(stage, named(stage, "m-2"), "c");
    expect_up(stage, 'a', 2);
    order(stage, named(stage, "m-1"), "c");
    expect_end(stage, pool.top, TROUPE_EXIT_GAVE_UP);
    expect_gone(stage, "m-2");
    curtain(stage);
}

static void test_a_member_restarts_alone_and_all_count_together(void **state)
{
    (void)state;
    each_way(act_restart);
}

static void act_escalates(struct stage *stage)
{
    struct pool pool;
    troupe_id other;

    plan_pool(stage, &pool, 1, 2);
    pool.plan.max_restarts = 4;
    pool.tempers[1].part.refuse_from = 2;
    pool.tempers[1].part.refuse_text = "only once";
    open_pool(stage, &pool);
    other = add(stage, &pool, &pool.tempers[1]);
    expect_up(stage, 'b', 1);
    order(stage, other, "c");
    expect_end(stage, pool.top, TROUPE_EXIT_GAVE_UP);
    expect_words(stage, "+a +b -b -a");
    curtain(stage);
}

static void test_a_pool_escalates_when_a_member_never_comes_back(void **state)
{
    (void)state;
    each_way(act_escalates);
}

static void act_argument(struct stage *stage)
{
    struct pool pool;
    troupe_id one, two;

    plan_pool(stage, &pool, 0, 2);
    open_pool(stage, &pool);
    one = add(stage, &pool, &pool.tempers[1]);
    two = add(stage, &pool, &pool.tempers[2]);
    expect_up(stage, 'b', 1);
    expect_up(stage, 'c', 1);
    order(stage, one, "c");
    expect_up(stage, 'b', 2);
    order(stage, two, "x");
    expect_up(stage, 'c', 2);
    curtain(stage);
}

static void test_a_member_comes_back_with_what_it_was_added_with(void **state)
{
    (void)state;
    each_way(act_argument);
}

/* It comes back twice, and finds nothing to do: it is no member any more. */
static void leaves_later(struct stage *stage, troupe_restart_rule rule)
{
    struct pool pool;
    troupe_id id;

    plan_pool(stage, &pool, 0, 2);
    pool.member.restart = rule;
    pool.tempers[1].leaves_from = 3;
    open_pool(stage, &pool);
    id = add(stage, &pool, &pool.tempers[1]);
    expect_up(stage, 'b', 1);
    for (uint32_t life = 2; life <= 3; life++) {
        assert_int_equal(troupe_kill(stage->me, id), TROUPE_OK);
        expect_up(stage, 'b', life);
    }
    assert_int_equal(troupe_wait_end(stage->me, id, PATIENCE, NULL), TROUPE_OK);
    expect_children(stage, pool.top, 0);
    assert_int_equal(troupe_stop(stage->me, pool.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(stage, pool.top, TROUPE_EXIT_NORMAL);
    curtain(stage);
}

static void act_leaves_later(struct stage *stage)
{
    leaves_later(stage, TROUPE_TRANSIENT);
}

static void test_a_member_that_comes_back_and_has_nothing_to_do_is_forgotten(void **state)
{
    (void)state;
    each_way(act_leaves_later);
}

/* ---- ADD ---- */

/* One that has nothing to do from the start, and one that has. */
static void leaves_at_once(struct stage *stage, troupe_restart_rule rule)
{
    struct pool pool;
    troupe_id id;

    plan_pool(stage, &pool, 0, 2);
    pool.member.restart = rule;
    pool.tempers[1].leaves_from = 1;
    open_pool(stage, &pool);
    id = add(stage, &pool, &pool.tempers[1]);
    expect_up(stage, 'b', 1);
    assert_int_equal(troupe_wait_end(stage->me, id, PATIENCE, NULL), TROUPE_OK);
    (void)add(stage, &pool, &pool.tempers[2]);
    expect_up(stage, 'c', 1);
    expect_children(stage, pool.top, 1);
    assert_int_equal(troupe_stop(stage->me, pool.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(stage, pool.top, TROUPE_EXIT_NORMAL);
    curtain(stage);
}

static void act_temporary_leaves(struct stage *stage)
{
    leaves_at_once(stage, TROUPE_TEMPORARY);
}

static void act_transient_leaves(struct stage *stage)
{
    leaves_at_once(stage, TROUPE_TRANSIENT);
}

static void test_a_member_with_nothing_to_do_is_added_and_forgotten(void **state)
{
    (void)state;
    each_way(act_temporary_leaves);
    each_way(act_transient_leaves);
}

static void act_refused(struct stage *stage)
{
    struct pool pool;
    troupe_error error = {.text = ""};

    plan_pool(stage, &pool, 0, 2);
    pool.tempers[1].part.refuse_from = 1;
    pool.tempers[1].part.refuse_text = "no config";
    pool.tempers[2].part.crash_from = 1;
    open_pool(stage, &pool);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(
            troupe_order_call(stage->me, pool.top,
                              TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .argument = &pool.tempers[i]),
                              PATIENCE, NULL, &error),
            TROUPE_E_REFUSED);
        assert_non_null(strstr(error.text, i == 1 ? "no config" : "doorstep"));
        expect_children(stage, pool.top, 0);
    }
    curtain(stage);
}

static void test_a_member_that_does_not_start_is_refused_with_its_words(void **state)
{
    (void)state;
    each_way(act_refused);
}

/* ---- stops ---- */

/* Two take less than their time, one would take more. */
static void act_stop(struct stage *stage)
{
    struct pool pool;
    troupe_exit end;
    troupe_id late;

    plan_pool(stage, &pool, 2, 3);
    pool.member.restart = TROUPE_TEMPORARY;
    pool.member.spec.stop_timeout = 5 * TROUPE_MILLISECOND;
    pool.tempers[1].hangs = true;
    open_pool(stage, &pool);
    late = add(stage, &pool, &pool.tempers[1]);
    expect_up(stage, 'b', 1);
    assert_int_equal(troupe_stop(stage->me, pool.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    if (await_end(stage, late, &end))
        assert_int_equal(end.reason, TROUPE_EXIT_KILLED);
    expect_end(stage, pool.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+a +a +b -b -a -a");
    curtain(stage);
}

static void test_members_stop_in_their_time_or_are_killed(void **state)
{
    (void)state;
    each_way(act_stop);
}

static void act_without_time(struct stage *stage)
{
    struct pool pool;

    plan_pool(stage, &pool, 10, 0);
    pool.member.restart = TROUPE_TEMPORARY;
    pool.member.spec.stop_timeout = 1;
    pool.tempers[0].hangs = true;
    open_pool(stage, &pool);
    assert_int_equal(troupe_stop(stage->me, pool.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(stage, pool.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+a +a +a +a +a +a +a +a +a +a -a -a -a -a -a -a -a -a -a -a");
    curtain(stage);
}

static void test_members_without_time_to_stop_are_killed_at_once(void **state)
{
    (void)state;
    each_way(act_without_time);
}

static void trips(struct stage *stage, troupe_restart_rule rule)
{
    struct pool pool;

    plan_pool(stage, &pool, 4, 0);
    pool.member.restart = rule;
    pool.tempers[0].trips = true;
    open_pool(stage, &pool);
    assert_int_equal(troupe_stop(stage->me, pool.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(stage, pool.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+a +a +a +a -a -a -a -a");
    curtain(stage);
}

static void act_permanent_trips(struct stage *stage)
{
    trips(stage, TROUPE_PERMANENT);
}

static void act_transient_trips(struct stage *stage)
{
    trips(stage, TROUPE_TRANSIENT);
}

static void act_temporary_trips(struct stage *stage)
{
    trips(stage, TROUPE_TEMPORARY);
}

static void test_members_that_crash_in_their_stop_disturb_nothing(void **state)
{
    (void)state;
    each_way(act_permanent_trips);
    each_way(act_transient_trips);
    each_way(act_temporary_trips);
}

/* ---- orders ---- */

static void act_orders(struct stage *stage)
{
    struct pool pool;
    troupe_id one, two, stranger = must_spawn(stage, TROUPE_SPEC(.name = "stranger"));
    troupe_child_info rows[4];

    plan_pool(stage, &pool, 0, 4);
    open_pool(stage, &pool);
    expect_children(stage, pool.top, 0);
    one = add(stage, &pool, NULL);
    two = add(stage, &pool, NULL);
    expect_up(stage, 'a', 1);
    expect_up(stage, 'a', 1);
    assert_int_equal(list(stage, pool.top, rows, 4), 2);
    assert_int_equal(rows[0].id.value, one.value);
    assert_int_equal(rows[1].id.value, two.value);
    assert_int_equal(rows[1].restart, TROUPE_PERMANENT);
    refuse_order(stage, pool.top, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "m-7"),
                 TROUPE_E_GONE);
    refuse_order(stage, pool.top, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .id = stranger),
                 TROUPE_E_GONE);
    assert_int_equal(named(stage, "stranger").value, stranger.value);
    give(stage, pool.top, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .id = one));
    assert_int_equal(list(stage, pool.top, rows, 4), 1);
    assert_int_equal(rows[0].id.value, two.value);
    refuse_order(stage, pool.top, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .id = one),
                 TROUPE_E_GONE);
    refuse_order(stage, pool.top, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .id = one),
                 TROUPE_E_GONE);
    refuse_order(stage, TROUPE_NOBODY, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD), TROUPE_E_GONE);
    curtain(stage);
}

static void test_the_life_of_a_member_in_orders(void **state)
{
    (void)state;
    each_way(act_orders);
}

/* In a restart that fails again and again. */
static void act_loop(struct stage *stage)
{
    struct pool pool;
    troupe_child_info row;
    troupe_id id;

    plan_pool(stage, &pool, 0, 2);
    pool.plan.max_restarts = 8;
    pool.plan.backoff = (troupe_backoff){.kind = TROUPE_BACKOFF_FIXED, .initial_ns = LONG};
    open_pool(stage, &pool);
    id = add(stage, &pool, &pool.tempers[1]);
    expect_up(stage, 'b', 1);
    order(stage, id, "c");
    await_log(stage, "[child-backoff] m-1 crashed");
    assert_int_equal(list(stage, pool.top, &row, 1), 1);
    assert_int_equal(row.state, TROUPE_CHILD_WAITING);
    assert_int_equal(row.reason, TROUPE_EXIT_CRASHED);
    give(stage, pool.top, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .id = id));
    expect_children(stage, pool.top, 0);
    id = add(stage, &pool, &pool.tempers[2]);
    expect_up(stage, 'c', 1);
    order(stage, id, "c");
    await_log(stage, "(2 of 8 in 3600 s)");
    assert_int_equal(troupe_stop(stage->me, pool.top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_end(stage, pool.top, TROUPE_EXIT_NORMAL);
    expect_words(stage, "+b -b +c -c");
    curtain(stage);
}

static void test_a_member_and_its_pool_can_be_stopped_between_its_lives(void **state)
{
    (void)state;
    each_way(act_loop);
}

static void act_change(struct stage *stage)
{
    struct pool pool;
    troupe_child other = {.restart = TROUPE_PERMANENT};

    plan_pool(stage, &pool, 1, 2);
    other.spec = temper_spec("other", &pool.tempers[1]);
    pool.plan.max_restarts = TROUPE_NO_RESTARTS;
    open_pool(stage, &pool);
    refuse_order(stage, pool.top, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &other),
                 TROUPE_E_INVALID);
    give(stage, pool.top, TROUPE_ORDER(.kind = TROUPE_ORDER_CHANGE, .max_restarts = 1));
    order(stage, named(stage, "m-1"), "c");
    expect_up(stage, 'a', 2);
    order(stage, named(stage, "m-1"), "c");
    expect_end(stage, pool.top, TROUPE_EXIT_GAVE_UP);
    curtain(stage);
}

static void test_a_pool_takes_other_numbers_and_no_other_member(void **state)
{
    (void)state;
    each_way(act_change);
}

/* ---- many ---- */

static void expect_many(struct stage *stage, struct pool *pool, size_t n, bool supervisors)
{
    static troupe_child_info rows[TROUPE_CHILDREN_MAX];
    troupe_child_page page;
    size_t seen = 0;

    do {
        page = list_children(stage, pool->top, seen, rows, TROUPE_CHILDREN_MAX);
        assert_int_equal(page.n_children, n);
        for (size_t i = 0; i < page.n_rows; i++) {
            assert_int_equal(rows[i].state, TROUPE_CHILD_UP);
            assert_int_equal(rows[i].is_supervisor, supervisors);
        }
        seen += page.n_rows;
    } while (page.n_rows > 0);
    assert_int_equal(seen, n);
}

/* Twice a thousand, and then none. */
static void count_many(const troupe_spec *member, bool supervisors)
{
    struct stage stage;
    struct pool pool;
    static troupe_id ids[2000];

    stage_open(&stage, true, 5);
    plan_pool(&stage, &pool, 0, 2000);
    pool.member = (troupe_child){.spec = *member, .restart = TROUPE_TEMPORARY};
    open_pool(&stage, &pool);
    for (size_t i = 0; i < 2000; i++) {
        ids[i] = add(&stage, &pool, NULL);
        if (i == 999)
            expect_many(&stage, &pool, 1000, supervisors);
    }
    expect_many(&stage, &pool, 2000, supervisors);
    for (size_t i = 0; i < 2000; i++)
        assert_int_equal(troupe_kill(stage.me, ids[i]), TROUPE_OK);
    settle(&stage);
    expect_children(&stage, pool.top, 0);
    curtain(&stage);
    stage_close(&stage);
}

static void test_many_members_are_counted(void **state)
{
    (void)state;
    count_many(TROUPE_SPEC(.name = "m"), false);
}

static void test_many_members_that_are_supervisors_are_counted_as_such(void **state)
{
    static const troupe_supervisor empty = TROUPE_SUPERVISOR(.max_restarts = 1);
    troupe_spec spec = *TROUPE_SPEC(.name = "m");

    (void)state;
    assert_int_equal(troupe_supervisor_spec(&empty, &spec, NULL), TROUPE_OK);
    count_many(&spec, true);
}

/* What stays in use after n members came, crashed and were forgotten. */
static size_t in_use_after(struct stage *stage, struct pool *pool, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        troupe_id id = add(stage, pool, &pool->tempers[1]);

        assert_int_equal(troupe_kill(stage->me, id), TROUPE_OK);
        settle(stage);
    }
    expect_children(stage, pool->top, 0);
    return mallinfo2().uordblks;
}

static void test_a_temporary_member_is_forgotten_with_all_it_had(void **state)
{
    struct stage stage;
    struct pool pool;
    size_t before, after;

    (void)state;
    stage_open(&stage, true, 11);
    plan_pool(&stage, &pool, 0, 4);
    pool.member.restart = TROUPE_TEMPORARY;
    pool.tempers[1].part.watcher = TROUPE_NOBODY;
    open_pool(&stage, &pool);
    before =
        in_use_after(&stage, &pool, 200); /* by now everything that is kept for reuse is there */
    after = in_use_after(&stage, &pool, 2000);
    if (after > before + 2000 * 16)
        fail_msg("%zu bytes in use after 200 members, %zu after 2000 more", before, after);
    curtain(&stage);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_member_restarts_alone_and_all_count_together),
        cmocka_unit_test(test_a_pool_escalates_when_a_member_never_comes_back),
        cmocka_unit_test(test_a_member_comes_back_with_what_it_was_added_with),
        cmocka_unit_test(test_a_member_that_comes_back_and_has_nothing_to_do_is_forgotten),
        cmocka_unit_test(test_a_member_with_nothing_to_do_is_added_and_forgotten),
        cmocka_unit_test(test_a_member_that_does_not_start_is_refused_with_its_words),
        cmocka_unit_test(test_members_stop_in_their_time_or_are_killed),
        cmocka_unit_test(test_members_without_time_to_stop_are_killed_at_once),
        cmocka_unit_test(test_members_that_crash_in_their_stop_disturb_nothing),
        cmocka_unit_test(test_the_life_of_a_member_in_orders),
        cmocka_unit_test(test_a_member_and_its_pool_can_be_stopped_between_its_lives),
        cmocka_unit_test(test_a_pool_takes_other_numbers_and_no_other_member),
        cmocka_unit_test(test_many_members_are_counted),
        cmocka_unit_test(test_many_members_that_are_supervisors_are_counted_as_such),
        cmocka_unit_test(test_a_temporary_member_is_forgotten_with_all_it_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
