/* Orders that meet a start or a restart of siblings which goes on: which wait, which overtake, what each is answered. */
#include "otp_testing.h"

#define ADD(what) TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = (what))
#define STOP(who) TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = (who))
#define RESTART(who) TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = (who))
#define REMOVE(who) TROUPE_ORDER(.kind = TROUPE_ORDER_REMOVE, .name = (who))

/* ---- a clerk, who hands an order on and says what came of it: the test waits for nothing meanwhile ---- */

struct errand {
    troupe_id top, asker;
    const troupe_order *order;
    char tag;
};

struct outcome {
    troupe_status status;
    troupe_id id;
    char tag;
    troupe_error error;
};

static troupe_status clerk_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct errand *errand = self;
    troupe_correlation correlation;

    memcpy(errand, message->payload.data, sizeof *errand);
    assert_int_equal(
        troupe_order_request(ctx, errand->top, errand->order, TROUPE_FOREVER, &correlation),
        TROUPE_OK);
    return troupe_reply(ctx, TROUPE_TEXT("it is on its way"));
}

static void clerk_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct errand *errand = self;
    struct outcome outcome = {.id = TROUPE_NOBODY, .tag = errand->tag};

    outcome.status = troupe_order_read(answer, &outcome.id, &outcome.error);
    assert_int_equal(troupe_send(ctx, errand->asker, TROUPE_BYTES_OF(outcome)), TROUPE_OK);
}

static const troupe_actor_ops clerk_actor = {.handle_message = clerk_message,
                                             .handle_reply = clerk_reply};

/* One clerk for each, so that none waits for the other. The supervisor has taken the order when this returns. */
static void hand_in(struct stage *stage, struct crew *crew, char tag, const troupe_order *order)
{
    struct errand errand = {
        .top = crew->top, .asker = troupe_self(stage->me), .order = order, .tag = tag};
    troupe_id clerk =
        must_spawn(stage, TROUPE_SPEC(.actor = &clerk_actor, .state_size = sizeof(struct errand)));
    troupe_child_info row;

    assert_int_equal(troupe_call(stage->me, clerk, TROUPE_BYTES_OF(errand), PATIENCE, NULL),
                     TROUPE_OK);
    (void)list(stage, crew->top, &row, 1);
}

static struct outcome next_answer(struct stage *stage)
{
    troupe_message message;
    struct outcome outcome;

    assert_int_equal(troupe_receive(stage->me, PATIENCE, &message), TROUPE_OK);
    assert_int_equal(message.payload.size, sizeof outcome);
    memcpy(&outcome, message.payload.data, sizeof outcome);
    return outcome;
}

static struct outcome expect_answer(struct stage *stage, char tag, troupe_status status,
                                    const char *words)
{
    struct outcome outcome = next_answer(stage);

    if (outcome.tag != tag || outcome.status != status || !strstr(outcome.error.text, words))
        fail_msg("%c: %s: %s; not %c: %s: %s", outcome.tag, troupe_status_name(outcome.status),
                 outcome.error.text, tag, troupe_status_name(status), words);
    return outcome;
}

/* ---- the scene ---- */

/* Of all that are enlisted the first n start; they all go down together. */
static void raise(struct stage *stage, struct crew *crew, size_t n, uint64_t backoff_ns)
{
    for (size_t i = 0; i < CREW; i++)
        crew->tempers[i].part.watcher = TROUPE_NOBODY; /* only clerks report */
    crew->plan.n_children = n;
    crew->plan.strategy = TROUPE_ONE_FOR_ALL;
    crew->plan.max_restarts = 20;
    if (backoff_ns)
        crew->plan.backoff =
            (troupe_backoff){.kind = TROUPE_BACKOFF_FIXED, .initial_ns = backoff_ns};
    crew->top = spawn_supervisor(stage, "top", &crew->plan);
}

static troupe_child_info row_of(struct stage *stage, struct crew *crew, const char *name)
{
    troupe_child_info rows[8];
    size_t n = list(stage, crew->top, rows, 8);

    for (size_t i = 0; i < n && i < 8; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i];
    fail_msg("%s is not listed", name);
    return rows[0];
}

static void await_state(struct stage *stage, struct crew *crew, const char *name,
                        troupe_child_state state)
{
    while (row_of(stage, crew, name).state != state)
        continue;
}

/* From here on a restart of a and b goes on, and does not end: b stalls. */
static void stall_restart(struct stage *stage, struct crew *crew)
{
    crew->tempers[1].stalls = true;
    order(stage, named(stage, "a"), "c");
    await_log(stage, "[stalls] b");
}

/* It begins again, and comes to its end. */
static void end_stall(struct stage *stage, struct crew *crew)
{
    crew->tempers[1].stalls = false;
    assert_int_equal(troupe_kill(stage->me, named(stage, "b")), TROUPE_OK);
}

/* ---- a start that siblings end ---- */

static void act_add_again(struct stage *stage)
{
    struct crew crew;
    struct outcome outcome;

    crew_enlist(stage, &crew, 2);
    crew.tempers[1].stalls = true;
    raise(stage, &crew, 1, 0);
    hand_in(stage, &crew, 'b', ADD(&crew.children[1]));
    await_log(stage, "[stalls] b");
    crew.tempers[1].stalls = false;
    order(stage, named(stage, "a"), "c");
    outcome = expect_answer(stage, 'b', TROUPE_OK, "");
    assert_int_equal(outcome.id.value, named(stage, "b").value);
    assert_int_equal(row_of(stage, &crew, "b").state, TROUPE_CHILD_UP);
    expect_words(stage, "+a +b -a -b +a +b");
    curtain(stage);
}

static void test_an_add_is_answered_when_its_child_is_up_again(void **state)
{
    (void)state;
    each_way(act_add_again);
}

static void act_restart_again(struct stage *stage)
{
    struct crew crew;
    struct outcome outcome;

    crew_enlist(stage, &crew, 2);
    raise(stage, &crew, 2, 0);
    give(stage, crew.top, STOP("b"));
    crew.tempers[1].stalls = true;
    hand_in(stage, &crew, 'b', RESTART("b"));
    await_log(stage, "[stalls] b");
    crew.tempers[1].stalls = false;
    order(stage, named(stage, "a"), "c");
    outcome = expect_answer(stage, 'b', TROUPE_OK, "");
    assert_int_equal(outcome.id.value, named(stage, "b").value);
    assert_int_equal(row_of(stage, &crew, "b").state, TROUPE_CHILD_UP);
    curtain(stage);
}

static void test_a_restart_is_answered_when_its_child_is_up_again(void **state)
{
    (void)state;
    each_way(act_restart_again);
}

static void act_add_in_vain(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 3);
    crew.tempers[1].stalls = crew.tempers[2].stalls = true;
    crew.children[2].restart = TROUPE_TEMPORARY;
    raise(stage, &crew, 1, 0);
    hand_in(stage, &crew, 'b', ADD(&crew.children[1]));
    await_log(stage, "[stalls] b");
    crew.tempers[1].refuse_at = 1;
    order(stage, named(stage, "a"), "c");
    (void)expect_answer(stage, 'b', TROUPE_E_REFUSED, "not this time");
    expect_children(stage, crew.top, 1);
    hand_in(stage, &crew, 'c', ADD(&crew.children[2]));
    await_log(stage, "[stalls] c");
    order(stage, named(stage, "a"), "c");
    (void)expect_answer(stage, 'c', TROUPE_E_REFUSED, "nothing starts it again");
    expect_children(stage, crew.top, 1);
    curtain(stage);
}

static void test_an_add_whose_child_does_not_come_again_fails_with_the_reason(void **state)
{
    (void)state;
    each_way(act_add_in_vain);
}

/* ---- the line ---- */

static void act_line(struct stage *stage)
{
    struct crew crew;
    troupe_error error = {.text = ""};
    static const char *const waiting[] = {"c", "d", "e"};

    crew_enlist(stage, &crew, 5);
    raise(stage, &crew, 3, 0);
    give(stage, crew.top, STOP("c"));
    stall_restart(stage, &crew);
    hand_in(stage, &crew, 'e', ADD(&crew.children[4]));
    hand_in(stage, &crew, 'c', RESTART("c"));
    hand_in(stage, &crew, 'd', ADD(&crew.children[3]));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(row_of(stage, &crew, waiting[i]).state, TROUPE_CHILD_DOWN);
        expect_gone(stage, waiting[i]);
    }
    assert_int_equal(
        troupe_order_call(stage->me, crew.top, ADD(&crew.children[3]), PATIENCE, NULL, &error),
        TROUPE_E_TAKEN);
    assert_string_equal(error.text, "d is a child already, and an order about it is under way");
    refuse_order(stage, crew.top, RESTART("c"), TROUPE_E_UNAVAILABLE);
    end_stall(stage, &crew);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(next_answer(stage).status, TROUPE_OK);
    expect_words(stage, "+a +b +c -c -a -b +a +b -b -a +a +b +e +c +d");
    curtain(stage);
}

static void test_orders_to_start_wait_for_the_siblings_and_keep_their_order(void **state)
{
    (void)state;
    each_way(act_line);
}

/* One that fails holds up none behind it; one that was not stopped by an order starts with its siblings. */
static void act_line_fails(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 5);
    crew.children[2].restart = TROUPE_TRANSIENT;
    raise(stage, &crew, 3, 0);
    order(stage, named(stage, "c"), "x");
    await_log(stage, "[child-released] c");
    await_state(stage, &crew, "c", TROUPE_CHILD_DOWN);
    stall_restart(stage, &crew);
    crew.tempers[3].refuse_at = 1;
    hand_in(stage, &crew, 'd', ADD(&crew.children[3]));
    hand_in(stage, &crew, 'e', ADD(&crew.children[4]));
    hand_in(stage, &crew, 'c', RESTART("c"));
    end_stall(stage, &crew);
    for (size_t i = 0; i < 3; i++) {
        struct outcome outcome = next_answer(stage);

        if (outcome.tag == 'd')
            assert_string_equal(outcome.error.text, "not this time");
        else
            assert_int_equal(outcome.status, TROUPE_OK);
    }
    expect_words(stage, "+a +b +c -c -a -b +a +b -b -a +a +b +c +e");
    expect_children(stage, crew.top, 4);
    curtain(stage);
}

static void test_an_order_that_fails_in_the_line_holds_up_none_behind_it(void **state)
{
    (void)state;
    each_way(act_line_fails);
}

/* ---- STOP and REMOVE overtake ---- */

static void act_overtake(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 2);
    crew.tempers[1].stalls = true;
    raise(stage, &crew, 1, 0);
    hand_in(stage, &crew, 'b', ADD(&crew.children[1]));
    await_log(stage, "[stalls] b");
    refuse_order(stage, crew.top, RESTART("b"), TROUPE_E_UNAVAILABLE);
    give(stage, crew.top, STOP("b"));
    (void)expect_answer(stage, 'b', TROUPE_E_REFUSED, "another order stopped it before it was up");
    assert_int_equal(row_of(stage, &crew, "b").state, TROUPE_CHILD_DOWN);
    hand_in(stage, &crew, 'r', RESTART("b"));
    await_state(stage, &crew, "b", TROUPE_CHILD_STARTING);
    give(stage, crew.top, REMOVE("b"));
    (void)expect_answer(stage, 'r', TROUPE_E_REFUSED, "another order removed it before it was up");
    expect_children(stage, crew.top, 1);
    expect_gone(stage, "b");
    curtain(stage);
}

static void test_a_start_that_does_not_end_can_be_stopped_and_removed(void **state)
{
    (void)state;
    each_way(act_overtake);
}

static void act_overtake_line(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 5);
    raise(stage, &crew, 2, 0);
    stall_restart(stage, &crew);
    hand_in(stage, &crew, 'c', ADD(&crew.children[2]));
    hand_in(stage, &crew, 'd', ADD(&crew.children[3]));
    hand_in(stage, &crew, 'e', ADD(&crew.children[4]));
    give(stage, crew.top, STOP("c"));
    (void)expect_answer(stage, 'c', TROUPE_E_REFUSED, "another order stopped it");
    give(stage, crew.top, REMOVE("d"));
    (void)expect_answer(stage, 'd', TROUPE_E_REFUSED, "another order removed it");
    end_stall(stage, &crew);
    (void)expect_answer(stage, 'e', TROUPE_OK, "");
    assert_int_equal(row_of(stage, &crew, "c").state, TROUPE_CHILD_DOWN);
    expect_words(stage, "+a +b -a -b +a +b -b -a +a +b +e");
    expect_children(stage, crew.top, 4);
    curtain(stage);
}

static void test_an_order_in_the_line_can_be_taken_back(void **state)
{
    (void)state;
    each_way(act_overtake_line);
}

/* ---- the backoff that siblings share ---- */

static void act_backoff(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 3);
    raise(stage, &crew, 2, LONG);
    order(stage, named(stage, "a"), "c");
    await_log(stage, "[child-backoff] a crashed");
    await_state(stage, &crew, "a", TROUPE_CHILD_HELD);
    await_state(stage, &crew, "b", TROUPE_CHILD_HELD);
    hand_in(stage, &crew, 'c', ADD(&crew.children[2]));
    assert_int_equal(row_of(stage, &crew, "c").state, TROUPE_CHILD_DOWN);
    assert_int_equal(give(stage, crew.top, RESTART("b")).value, named(stage, "b").value);
    (void)expect_answer(stage, 'c', TROUPE_OK, "");
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 2);
    assert_int_equal(ask(stage, named(stage, "b")).incarnation, 2);
    expect_words(stage, "+a +b -a -b +a +b +c");
    curtain(stage);
}

static void test_a_restart_ends_the_backoff_of_the_siblings(void **state)
{
    (void)state;
    each_way(act_backoff);
}

/* b does not stop yet: the wait has not begun. */
static void act_backoff_to_come(struct stage *stage)
{
    struct crew crew;

    crew_enlist(stage, &crew, 2);
    crew.tempers[1].hangs = true;
    crew.children[1].spec.stop_timeout = TROUPE_FOREVER;
    raise(stage, &crew, 2, LONG);
    order(stage, named(stage, "a"), "c");
    await_log(stage, "[child-backoff] a crashed");
    await_state(stage, &crew, "b", TROUPE_CHILD_STOPPING);
    hand_in(stage, &crew, 'a', RESTART("a"));
    assert_int_equal(troupe_kill(stage->me, named(stage, "b")), TROUPE_OK);
    (void)expect_answer(stage, 'a', TROUPE_OK, "");
    assert_int_equal(ask(stage, named(stage, "a")).incarnation, 2);
    crew.tempers[1].hangs = false;
    curtain(stage);
}

static void test_a_restart_ends_a_backoff_of_the_siblings_that_is_to_come(void **state)
{
    (void)state;
    each_way(act_backoff_to_come);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_add_is_answered_when_its_child_is_up_again),
        cmocka_unit_test(test_a_restart_is_answered_when_its_child_is_up_again),
        cmocka_unit_test(test_an_add_whose_child_does_not_come_again_fails_with_the_reason),
        cmocka_unit_test(test_orders_to_start_wait_for_the_siblings_and_keep_their_order),
        cmocka_unit_test(test_an_order_that_fails_in_the_line_holds_up_none_behind_it),
        cmocka_unit_test(test_a_start_that_does_not_end_can_be_stopped_and_removed),
        cmocka_unit_test(test_an_order_in_the_line_can_be_taken_back),
        cmocka_unit_test(test_a_restart_ends_the_backoff_of_the_siblings),
        cmocka_unit_test(test_a_restart_ends_a_backoff_of_the_siblings_that_is_to_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
