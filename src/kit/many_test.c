/* A supervisor of many children that ends in order: it forgets them in pieces, so that nobody waits behind it. */
#include "kit_testing.h"

#define MANY 1000
#define A_TURN 64 /* FORGOTTEN_A_TURN of supervisor.c */

/* What the children count; theirs, on any worker, and the test's after they ended. */
struct crowd {
    trp_mutex mutex;
    uint32_t n_began, n_stopping, n_ended;
    troupe_child children[MANY];
    troupe_supervisor supervisor;
};

struct one {
    struct crowd *crowd;
};

static void count(struct crowd *crowd, uint32_t *what)
{
    trp_mutex_lock(&crowd->mutex);
    ++*what;
    trp_mutex_unlock(&crowd->mutex);
}

static troupe_status pre_start(void *self, const troupe_start *start)
{
    struct crowd *crowd = *(struct crowd *const *)start->argument;

    ((struct one *)self)->crowd = crowd;
    count(crowd, &crowd->n_began);
    return TROUPE_OK;
}

static troupe_status pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    struct crowd *crowd = ((struct one *)self)->crowd;

    (void)ctx;
    (void)reason;
    count(crowd, &crowd->n_stopping);
    return TROUPE_OK;
}

static void post_stop(void *self)
{
    struct crowd *crowd = ((struct one *)self)->crowd;

    count(crowd, &crowd->n_ended);
}

static const troupe_child_ops one_child = {
    .pre_start = pre_start, .pre_stop = pre_stop, .post_stop = post_stop};

static troupe_id gather(struct stage *stage, struct crowd **crowd)
{
    static const char *const names[] = {"first", "middle"};
    struct crowd *made = trp_alloc_zeroed(sizeof *made);

    assert_non_null(made);
    *crowd = made;
    trp_mutex_init(&made->mutex);
    for (size_t i = 0; i < MANY; i++)
        made->children[i] = (troupe_child){
            .spec = *TROUPE_SPEC(.child = &one_child, .actor = &player_actor,
                                 .state_size = sizeof(struct player), .argument = crowd)};
    for (size_t i = 0; i < 2; i++)
        made->children[i * MANY / 2].spec.name = names[i];
    made->supervisor =
        (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 10, .children = made->children,
                                             .n_children = MANY);
    return spawn_supervisor(stage, "top", &made->supervisor);
}

static void disperse(struct stage *stage, struct crowd *crowd)
{
    curtain(stage);
    assert_true(crowd->n_began >= MANY);
    assert_int_equal(crowd->n_ended, crowd->n_began);
    trp_mutex_fini(&crowd->mutex);
    trp_free(crowd);
}

/* One step is one turn of one component: while the records go, no two pieces lie in one turn. */
static void test_it_forgets_its_children_in_pieces(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct stage stage;
        struct crowd *crowd;
        uint32_t n_steps = 0;
        troupe_id top;

        stage_open(&stage, true, seed);
        top = gather(&stage, &crowd);
        settle(&stage);
        assert_int_equal(troupe_stop(stage.me, top, TROUPE_STOP_REQUESTED), TROUPE_OK);
        for (; crowd->n_stopping == 0; n_steps++)
            assert_true(troupe_step(stage.system));
        assert_true(n_steps > MANY / A_TURN);
        assert_int_equal(troupe_wait_end(stage.me, top, PATIENCE, NULL), TROUPE_OK);
        assert_int_equal(crowd->n_stopping, MANY);
        disperse(&stage, crowd);
        stage_close(&stage);
    }
}

/* With threads it may be gone already. */
static void order_if_there(struct stage *stage, troupe_id id, const char *what)
{
    troupe_status status = troupe_send(stage->me, id, troupe_text(what));

    assert_true(status == TROUPE_OK || status == TROUPE_E_GONE);
}

static void act_stop(struct stage *stage)
{
    struct crowd *crowd;
    troupe_id top = gather(stage, &crowd), first = named(stage, "first");
    troupe_id middle = named(stage, "middle");

    assert_int_equal(troupe_stop(stage->me, top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    order_if_there(stage, first, "c");
    order_if_there(stage, middle, "x");
    assert_int_equal(troupe_wait_end(stage->me, top, PATIENCE, NULL), TROUPE_OK);
    disperse(stage, crowd);
}

static void act_kill(struct stage *stage)
{
    struct crowd *crowd;
    troupe_id top = gather(stage, &crowd);
    troupe_status status;

    assert_int_equal(troupe_stop(stage->me, top, TROUPE_STOP_REQUESTED), TROUPE_OK);
    for (int i = 0; i < 3 && stage->simulation; i++)
        (void)troupe_step(stage->system);
    status = troupe_kill(stage->me, top);
    assert_true(status == TROUPE_OK || (!stage->simulation && status == TROUPE_E_GONE));
    assert_int_equal(troupe_wait_end(stage->me, top, PATIENCE, NULL), TROUPE_OK);
    disperse(stage, crowd);
}

static void test_children_that_fall_meanwhile_end_with_it(void **state)
{
    (void)state;
    each_way(act_stop);
}

static void test_a_kill_meanwhile_leaves_nothing(void **state)
{
    (void)state;
    each_way(act_kill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_forgets_its_children_in_pieces),
        cmocka_unit_test(test_children_that_fall_meanwhile_end_with_it),
        cmocka_unit_test(test_a_kill_meanwhile_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
