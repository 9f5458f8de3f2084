#include "kit_testing.h"

#include "trp/atomic.h"

#include <sys/wait.h>
#include <unistd.h>

#define MOST 8

struct house {
    struct part parts[MOST];
    troupe_group *group;
    troupe_id address, members[MOST];
};

static troupe_id spawn_member(struct stage *stage, struct house *house, int i, uint32_t bound)
{
    troupe_spec spec;

    house->parts[i] = (struct part){.stage = stage, .tag = (char)('a' + i)};
    spec = player_spec(NULL, &house->parts[i]);
    spec.mailbox_bound = bound;
    return must_spawn(stage, &spec);
}

static void open_house(struct stage *stage, struct house *house, int n,
                       const troupe_group_options *options)
{
    troupe_spec spec = *TROUPE_SPEC(.name = "group");

    memset(house, 0, sizeof *house);
    assert_int_equal(troupe_group_new(stage->system, options, &house->group), TROUPE_OK);
    troupe_group_spec(house->group, &spec);
    house->address = must_spawn(stage, &spec);
    for (int i = 0; i < n; i++) {
        house->members[i] = spawn_member(stage, house, i, 0);
        assert_int_equal(troupe_group_join(house->group, house->members[i]), TROUPE_OK);
    }
}

static void close_house(struct stage *stage, struct house *house)
{
    curtain(stage);
    troupe_group_free(house->group);
}

static void end(struct stage *stage, troupe_id id)
{
    assert_int_equal(troupe_stop(stage->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, id, PATIENCE, NULL), TROUPE_OK);
}

/* ---- one of them ---- */

static void act_in_turn(struct stage *stage)
{
    struct house house;

    open_house(stage, &house, 3, NULL);
    for (int i = 0; i < 12; i++)
        order(stage, named(stage, "group"), "+");
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(stage, house.members[i]).count, 4);
    close_house(stage, &house);
}

static void test_messages_go_to_the_members_in_turn(void **state)
{
    (void)state;
    each_way(act_in_turn);
}

/* In simulation nothing runs while the driving thread sends: each has messages that wait, and the first has more. */
static void test_the_turn_goes_round_whatever_waits(void **state)
{
    struct stage stage;
    struct house house;

    (void)state;
    stage_open(&stage, true, 3);
    open_house(&stage, &house, 3, NULL);
    for (int i = 0; i < 5; i++)
        order(&stage, house.members[0], "+");
    for (int i = 0; i < 9; i++)
        order(&stage, named(&stage, "group"), "+");
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(&stage, house.members[i]).count, i == 0 ? 8 : 3);
    close_house(&stage, &house);
    stage_close(&stage);
}

static void act_calls(struct stage *stage)
{
    struct house house;
    unsigned seen = 0;

    open_house(stage, &house, 3, NULL);
    for (int i = 0; i < 3; i++)
        seen |= 1u << (ask(stage, house.address).tag - 'a');
    assert_int_equal(seen, 7);
    close_house(stage, &house);
}

static void act_later(struct stage *stage)
{
    troupe_dead_letter letter;
    struct house house;

    open_house(stage, &house, 2, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(troupe_send_after(stage->me, house.address, TROUPE_TEXT("+"),
                                           (uint64_t)(i + 1) * TROUPE_MILLISECOND, NULL),
                         TROUPE_OK);
    settle(stage);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(stage, house.members[i]).count, 2);
    troupe_group_leave(house.group, house.members[0]);
    troupe_group_leave(house.group, house.members[1]);
    assert_int_equal(troupe_send_after(stage->me, house.address, TROUPE_TEXT("+"), 1, NULL),
                     TROUPE_OK);
    settle(stage);
    assert_int_equal(troupe_dead_letters(stage->system, &letter, 1), 1);
    assert_int_equal(letter.reason, TROUPE_DEAD_REFUSED);
    assert_int_equal(letter.target.value, house.address.value);
    close_house(stage, &house);
}

static void test_what_is_sent_later_goes_to_a_member_too(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage, true, 3);
    act_later(&stage);
    stage_close(&stage);
}

static void test_a_call_is_answered_by_a_member(void **state)
{
    (void)state;
    each_way(act_calls);
}

/* In simulation nothing runs while the driving thread sends: what waits is known. */
static void test_the_least_loaded_member_is_chosen(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct stage stage;
        struct house house;

        stage_open(&stage, true, seed);
        open_house(&stage, &house, 3, TROUPE_GROUP_OPTIONS(.policy = TROUPE_GROUP_LEAST_LOADED));
        settle(&stage); /* they are up */
        for (int i = 0; i < 5; i++)
            order(&stage, house.members[0], "+");
        for (int i = 0; i < 2; i++)
            order(&stage, house.members[2], "+");
        for (int i = 0; i < 8; i++)
            order(&stage, house.address, "+");
        for (int i = 0; i < 3; i++)
            assert_int_equal(troupe_waiting(stage.system, house.members[i]), 5);
        settle(&stage);
        close_house(&stage, &house);
        stage_close(&stage);
    }
}

/* ---- who is in it ---- */

static void act_nobody(struct stage *stage)
{
    struct house house;
    uint32_t reached = 777;

    open_house(stage, &house, 0, NULL);
    assert_int_equal(troupe_send(stage->me, house.address, TROUPE_TEXT("+")), TROUPE_E_UNAVAILABLE);
    assert_int_equal(troupe_call(stage->me, house.address, TROUPE_TEXT("?"), PATIENCE, NULL),
                     TROUPE_E_UNAVAILABLE);
    assert_int_equal(troupe_group_send_all(stage->me, house.group, TROUPE_TEXT("+"), &reached),
                     TROUPE_E_UNAVAILABLE);
    assert_int_equal(reached, 0);
    assert_int_equal(troupe_group_members(house.group, NULL, 0), 0);
    close_house(stage, &house);
}

static void test_without_a_member_it_is_unavailable(void **state)
{
    (void)state;
    each_way(act_nobody);
}

static void act_twice(struct stage *stage)
{
    struct house house;
    troupe_id ids[MOST];

    open_house(stage, &house, 2, NULL);
    assert_int_equal(troupe_group_join(house.group, house.members[0]), TROUPE_OK);
    assert_int_equal(troupe_group_members(house.group, ids, MOST), 2);
    for (int i = 0; i < 4; i++)
        order(stage, house.address, "+");
    assert_int_equal(ask(stage, house.members[0]).count, 2);
    assert_true(troupe_group_leave(house.group, house.members[0]));
    assert_false(troupe_group_leave(house.group, house.members[0]));
    assert_int_equal(troupe_group_members(house.group, ids, MOST), 1);
    assert_int_equal(ids[0].value, house.members[1].value);
    for (int i = 0; i < 4; i++)
        order(stage, house.address, "+");
    assert_int_equal(ask(stage, house.members[0]).count, 2);
    assert_int_equal(ask(stage, house.members[1]).count, 6);
    assert_int_equal(troupe_group_join(house.group, TROUPE_NOBODY), TROUPE_E_GONE);
    close_house(stage, &house);
}

static void test_joining_twice_is_once_and_who_leaves_gets_nothing_more(void **state)
{
    (void)state;
    each_way(act_twice);
}

static void act_ends(struct stage *stage)
{
    struct house house;
    troupe_id ids[MOST];

    open_house(stage, &house, 3, NULL);
    end(stage, house.members[1]);
    for (int i = 0; i < 6; i++)
        order(stage, house.address, "+"); /* none of them is refused */
    assert_int_equal(ask(stage, house.members[0]).count + ask(stage, house.members[2]).count, 6);
    assert_int_equal(troupe_group_members(house.group, ids, MOST), 2);
    assert_int_equal(ids[1].value, house.members[2].value);
    assert_false(troupe_group_leave(house.group, house.members[1]));
    assert_int_equal(troupe_group_join(house.group, house.members[1]), TROUPE_E_GONE);
    close_house(stage, &house);
}

static void test_who_ends_is_a_member_no_more(void **state)
{
    (void)state;
    each_way(act_ends);
}

static void act_restarts(struct stage *stage)
{
    struct part part = {.stage = stage, .watcher = troupe_self(stage->me), .tag = 'a'};
    const troupe_child child = {.spec = player_spec("a", &part)};
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = &child, .n_children = 1);
    struct house house;

    open_house(stage, &house, 0, NULL);
    spawn_supervisor(stage, "top", &plan);
    expect_up(stage, 'a', 1);
    assert_int_equal(troupe_group_join(house.group, named(stage, "a")), TROUPE_OK);
    order(stage, house.address, "c");
    order(stage, house.address, "+"); /* it may be between two lives: the message waits there */
    expect_up(stage, 'a', 2);
    assert_int_equal(ask(stage, house.address).count, 1);
    close_house(stage, &house);
}

static void test_who_is_restarted_stays_a_member(void **state)
{
    (void)state;
    each_way(act_restarts);
}

static void act_bound(struct stage *stage)
{
    struct house house;
    troupe_id late;

    open_house(stage, &house, 2, TROUPE_GROUP_OPTIONS(.max_members = 2));
    late = spawn_member(stage, &house, 2, 0);
    assert_int_equal(troupe_group_join(house.group, late), TROUPE_E_QUOTA);
    assert_int_equal(troupe_group_join(house.group, house.members[1]), TROUPE_OK);
    end(stage, house.members[0]);
    assert_int_equal(troupe_group_join(house.group, late), TROUPE_OK); /* its seat is free */
    close_house(stage, &house);
}

static void test_a_group_is_bounded_and_counts_only_the_living(void **state)
{
    (void)state;
    each_way(act_bound);
}

static void test_options_that_make_no_sense_are_refused(void **state)
{
    struct stage stage;
    troupe_group *group = NULL;

    (void)state;
    stage_open(&stage, true, 1);
    assert_int_equal(
        troupe_group_new(stage.system, TROUPE_GROUP_OPTIONS(.max_members = 1025), &group),
        TROUPE_E_INVALID);
    assert_int_equal(troupe_group_new(stage.system, TROUPE_GROUP_OPTIONS(.policy = 9), &group),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_group_new(stage.system, &(troupe_group_options){.size = 3}, &group),
                     TROUPE_E_INVALID);
    assert_null(group);
    stage_close(&stage);
}

/* ---- all of them ---- */

static void act_all(struct stage *stage)
{
    struct house house;
    uint32_t reached = 777;

    open_house(stage, &house, MOST, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(troupe_group_send_all(stage->me, house.group, TROUPE_TEXT("+"), &reached),
                         TROUPE_OK);
        assert_int_equal(reached, MOST);
    }
    end(stage, house.members[3]);
    assert_int_equal(troupe_group_send_all(stage->me, house.group, TROUPE_TEXT("+"), &reached),
                     TROUPE_OK);
    assert_int_equal(reached, MOST - 1);
    assert_int_equal(ask(stage, house.members[0]).count, 4);
    close_house(stage, &house);
}

static void test_what_is_sent_to_all_reaches_each_member_once(void **state)
{
    (void)state;
    each_way(act_all);
}

static void test_a_full_member_is_a_dead_letter_and_all_full_an_error(void **state)
{
    struct stage stage;
    struct house house;
    troupe_totals before, after;
    uint32_t reached = 777;

    (void)state;
    stage_open(&stage, true, 1);
    open_house(&stage, &house, 1, NULL);
    house.members[1] = spawn_member(&stage, &house, 1, 1);
    assert_int_equal(troupe_group_join(house.group, house.members[1]), TROUPE_OK);
    order(&stage, house.members[1], "+");
    troupe_totals_now(stage.system, &before);
    assert_int_equal(troupe_group_send_all(stage.me, house.group, TROUPE_TEXT("+"), &reached),
                     TROUPE_OK);
    troupe_totals_now(stage.system, &after);
    assert_int_equal(reached, 1);
    assert_int_equal(after.dead_letters, before.dead_letters + 1);
    assert_true(troupe_group_leave(house.group, house.members[0]));
    assert_int_equal(troupe_group_send_all(stage.me, house.group, TROUPE_TEXT("+"), &reached),
                     TROUPE_E_FULL);
    assert_int_equal(reached, 0);
    settle(&stage);
    close_house(&stage, &house);
    stage_close(&stage);
}

/* ---- threads ---- */

struct sender {
    struct stage *stage;
    struct house *house;
    trp_thread thread;
    uint64_t n_sent;
};

/* Two of the four members come and go meanwhile; two stay, so that nothing is refused. */
static void send_and_change(void *arg)
{
    struct sender *sender = arg;
    troupe_context *ctx = troupe_attach(sender->stage->system);

    for (int i = 0; i < 3000; i++) {
        troupe_id id = sender->house->members[2 + i / 8 % 2];
        uint32_t reached = 0;

        if (i % 100 == 0) {
            if (troupe_group_send_all(ctx, sender->house->group, TROUPE_TEXT("+"), &reached) ==
                TROUPE_OK)
                sender->n_sent += reached;
        } else if (troupe_send(ctx, sender->house->address, TROUPE_TEXT("+")) == TROUPE_OK) {
            sender->n_sent++;
        } else {
            break; /* the sum below then falls short */
        }
        if (i % 16 == 0)
            troupe_group_leave(sender->house->group, id);
        else if (i % 16 == 8 && troupe_group_join(sender->house->group, id) != TROUPE_OK)
            break;
    }
    troupe_detach(ctx);
}

static void test_threads_send_join_and_leave_beside_each_other(void **state)
{
    struct sender senders[3];
    struct stage stage;
    struct house house;
    uint64_t sent = 0, counted = 0;

    (void)state;
    stage_open(&stage, false, 0);
    open_house(&stage, &house, 0, TROUPE_GROUP_OPTIONS(.policy = TROUPE_GROUP_LEAST_LOADED));
    for (int i = 0; i < 4; i++) {
        house.members[i] = spawn_member(&stage, &house, i, 100000);
        assert_int_equal(troupe_group_join(house.group, house.members[i]), TROUPE_OK);
    }
    for (int i = 0; i < 3; i++) {
        senders[i] = (struct sender){.stage = &stage, .house = &house};
        assert_true(
            trp_thread_start(&senders[i].thread, "sender", 0, send_and_change, &senders[i]));
    }
    for (int i = 0; i < 3; i++) {
        trp_thread_join(&senders[i].thread);
        sent += senders[i].n_sent;
    }
    for (int i = 0; i < 4; i++)
        counted += ask(&stage, house.members[i]).count;
    assert_int_equal(counted, sent);
    assert_true(sent >= 3 * (2970 + 30 * 2));
    close_house(&stage, &house);
    stage_close(&stage);
}

/* ---- forked children ---- */

static int use_after_fork(struct stage *stage, struct house *house, troupe_topics *topics)
{
    troupe_id id = house->members[0];

    if (troupe_group_join(house->group, id) != TROUPE_E_FORKED ||
        troupe_group_send_all(stage->me, house->group, TROUPE_TEXT("x"), NULL) != TROUPE_E_FORKED)
        return 1;
    if (troupe_group_leave(house->group, id) || troupe_group_members(house->group, NULL, 0))
        return 2;
    if (troupe_subscribe(topics, id, TROUPE_TEXT("t")) != TROUPE_E_FORKED ||
        troupe_publish(stage->me, topics, TROUPE_TEXT("t"), TROUPE_TEXT("x"), NULL) !=
            TROUPE_E_FORKED)
        return 3;
    return troupe_unsubscribe(topics, id, TROUPE_TEXT("t")) ? 4 : 0;
}

static void act_in_a_forked_child(struct stage *stage)
{
    struct house house;
    troupe_topics *topics;
    int status = -1;
    pid_t child;

    open_house(stage, &house, 1, NULL);
    assert_int_equal(troupe_topics_new(stage->system, &topics), TROUPE_OK);
    child = fork();
    if (child == 0) {
        alarm(10);
        _exit(use_after_fork(stage, &house, topics));
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close_house(stage, &house);
    troupe_topics_free(topics);
}

static void test_a_forked_child_is_told_so(void **state)
{
    (void)state;
    each_way(act_in_a_forked_child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_go_to_the_members_in_turn),
        cmocka_unit_test(test_the_turn_goes_round_whatever_waits),
        cmocka_unit_test(test_a_call_is_answered_by_a_member),
        cmocka_unit_test(test_what_is_sent_later_goes_to_a_member_too),
        cmocka_unit_test(test_the_least_loaded_member_is_chosen),
        cmocka_unit_test(test_without_a_member_it_is_unavailable),
        cmocka_unit_test(test_joining_twice_is_once_and_who_leaves_gets_nothing_more),
        cmocka_unit_test(test_who_ends_is_a_member_no_more),
        cmocka_unit_test(test_who_is_restarted_stays_a_member),
        cmocka_unit_test(test_a_group_is_bounded_and_counts_only_the_living),
        cmocka_unit_test(test_options_that_make_no_sense_are_refused),
        cmocka_unit_test(test_what_is_sent_to_all_reaches_each_member_once),
        cmocka_unit_test(test_a_full_member_is_a_dead_letter_and_all_full_an_error),
        cmocka_unit_test(test_threads_send_join_and_leave_beside_each_other),
        cmocka_unit_test(test_a_forked_child_is_told_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
