/* The mailbox: order, sleep, and who is told to schedule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox.h"
#include "trp/os.h"

static trp_node *new_node(uint64_t sender, uint64_t sequence)
{
    trp_node *node = calloc(1, sizeof *node);

    assert_non_null(node);
    node->sender = sender;
    node->sequence = sequence;
    return node;
}

static void set_up(trp_mailbox *mailbox)
{
    trp_mailbox_init(mailbox, new_node(0, 0));
}

static trp_node *take(trp_mailbox *mailbox)
{
    trp_node *done = NULL, *node = trp_mailbox_take(mailbox, &done);

    free(done);
    return node;
}

static void tear_down(trp_mailbox *mailbox)
{
    while (take(mailbox))
        continue;
    free(mailbox->tail);
}

/* ---- one thread ---- */

static void test_a_new_mailbox_sleeps_and_is_empty(void **state)
{
    trp_mailbox mailbox;

    (void)state;
    set_up(&mailbox);
    assert_null(take(&mailbox));
    assert_true(trp_mailbox_rouse(&mailbox));
    assert_false(trp_mailbox_rouse(&mailbox)); /* the right to schedule is given once */
    tear_down(&mailbox);
}

static void test_only_the_push_that_meets_a_sleeper_schedules(void **state)
{
    trp_mailbox mailbox;

    (void)state;
    set_up(&mailbox);
    assert_true(trp_mailbox_push(&mailbox, new_node(1, 1)));
    assert_false(trp_mailbox_push(&mailbox, new_node(1, 2)));
    assert_false(trp_mailbox_rouse(&mailbox));
    tear_down(&mailbox);
}

static void test_nodes_come_out_as_they_went_in(void **state)
{
    trp_mailbox mailbox;

    (void)state;
    set_up(&mailbox);
    for (uint64_t i = 1; i <= 100; i++)
        trp_mailbox_push(&mailbox, new_node(1, i));
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(take(&mailbox)->sequence, i);
    assert_null(take(&mailbox));
    tear_down(&mailbox);
}

static void test_a_taken_node_stays_until_the_next_take(void **state)
{
    trp_mailbox mailbox;
    trp_node *done = NULL, *first = new_node(1, 1), *second = new_node(1, 2);

    (void)state;
    set_up(&mailbox);
    trp_mailbox_push(&mailbox, first);
    trp_mailbox_push(&mailbox, second);
    assert_ptr_equal(trp_mailbox_take(&mailbox, &done), first);
    free(done);
    done = NULL;
    assert_ptr_equal(trp_mailbox_take(&mailbox, &done), second);
    assert_ptr_equal(done, first);
    free(done);
    tear_down(&mailbox);
}

static void test_nobody_sleeps_while_something_waits(void **state)
{
    trp_mailbox mailbox;

    (void)state;
    set_up(&mailbox);
    trp_mailbox_push(&mailbox, new_node(1, 1));
    assert_false(trp_mailbox_sleep(&mailbox));
    assert_non_null(take(&mailbox));
    assert_true(trp_mailbox_sleep(&mailbox));
    assert_true(trp_mailbox_push(&mailbox, new_node(1, 2)));
    tear_down(&mailbox);
}

static void test_after_a_rouse_a_push_schedules_nobody(void **state)
{
    trp_mailbox mailbox;

    (void)state;
    set_up(&mailbox);
    assert_true(trp_mailbox_rouse(&mailbox));
    assert_false(trp_mailbox_push(&mailbox, new_node(1, 1)));
    assert_int_equal(take(&mailbox)->sequence, 1);
    tear_down(&mailbox);
}

/* ---- many pushers, some who rouse, and a taker that is whoever got the right to be it ---- */

#define N_PUSHERS 3u
#define N_NODES 20000u

struct stress {
    trp_mailbox mailbox;
    _Atomic uint64_t n_taken, n_beside, n_out_of_order,
        n_left; /* n_left: threads that still push */
    _Atomic bool owned;
    uint64_t last[N_PUSHERS]; /* the owner's */
    trp_thread threads[N_PUSHERS + 1];
    _Atomic uint64_t n_started;
};

/* A turn: the owner takes all there is, and sleeps. As a cell does, it looks again when it may not. */
static void own(struct stress *stress)
{
    bool asleep = false;

    while (!asleep) {
        trp_node *node;

        if (trp_exchange_seq(&stress->owned, true))
            trp_add_seq(&stress->n_beside, 1);
        while ((node = take(&stress->mailbox))) {
            if (node->sequence != stress->last[node->sender] + 1)
                trp_add_seq(&stress->n_out_of_order, 1);
            stress->last[node->sender] = node->sequence;
            trp_add_seq(&stress->n_taken, 1);
        }
        trp_store_seq(&stress->owned, false);
        asleep = trp_mailbox_sleep(&stress->mailbox);
    }
}

static void push_all(void *arg)
{
    struct stress *stress = arg;
    uint64_t sender = trp_add_seq(&stress->n_started, 1);

    for (uint64_t i = 1; i <= N_NODES; i++) {
        if (trp_mailbox_push(&stress->mailbox, new_node(sender, i)))
            own(stress);
    }
    trp_sub_seq(&stress->n_left, 1);
}

static void rouse_all(void *arg)
{
    struct stress *stress = arg;

    while (trp_load_seq(&stress->n_left)) {
        if (trp_mailbox_rouse(&stress->mailbox))
            own(stress);
    }
}

static void test_between_threads_nothing_is_lost_doubled_or_out_of_order(void **state)
{
    struct stress *stress = trp_alloc_aligned(TRP_CACHE_LINE, sizeof *stress);

    (void)state;
    *stress = (struct stress){.n_left = N_PUSHERS};
    set_up(&stress->mailbox);
    for (size_t i = 0; i < N_PUSHERS; i++)
        assert_true(trp_thread_start(&stress->threads[i], "pusher", 0, push_all, stress));
    assert_true(trp_thread_start(&stress->threads[N_PUSHERS], "rouser", 0, rouse_all, stress));
    for (size_t i = 0; i <= N_PUSHERS; i++)
        trp_thread_join(&stress->threads[i]);
    /* without anybody's help: the last push, or the sleep it refused, has seen to it */
    assert_int_equal(trp_load_seq(&stress->n_taken), N_PUSHERS * N_NODES);
    assert_int_equal(trp_load_seq(&stress->n_beside), 0);
    assert_int_equal(trp_load_seq(&stress->n_out_of_order), 0);
    assert_true(trp_mailbox_rouse(&stress->mailbox)); /* and it sleeps */
    tear_down(&stress->mailbox);
    trp_free(stress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_mailbox_sleeps_and_is_empty),
        cmocka_unit_test(test_only_the_push_that_meets_a_sleeper_schedules),
        cmocka_unit_test(test_nodes_come_out_as_they_went_in),
        cmocka_unit_test(test_a_taken_node_stays_until_the_next_take),
        cmocka_unit_test(test_nobody_sleeps_while_something_waits),
        cmocka_unit_test(test_after_a_rouse_a_push_schedules_nobody),
        cmocka_unit_test(test_between_threads_nothing_is_lost_doubled_or_out_of_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
