/* What ended a run, when the driver looks late: the tree may be gone by then. */
#include "testing.h"

#include "host.h"

static void wait_until_the_tree_is_gone(troupe_host *host)
{
    while (!trp_load_acquire(&host->ended)) /* pairs with the watcher's release */
        assert_true(trp_host_pause(host, -1));
}

static void test_a_tree_that_was_asked_to_stop_did_not_end_by_itself(void **state)
{
    example *run = *state;

    troupe_host_ask_stop(run->host);
    wait_until_the_tree_is_gone(run->host);
    assert_int_equal(troupe_host_wait(run->host), TROUPE_HOST_ASKED);
}

static void test_a_tree_that_had_ended_by_itself_was_not_asked(void **state)
{
    example *run = *state;
    troupe_id root = {trp_load_seq(&run->host->root)};

    assert_int_equal(troupe_stop(run->host->me, root, TROUPE_STOP_SHUTDOWN), TROUPE_OK);
    wait_until_the_tree_is_gone(run->host);
    troupe_host_ask_stop(run->host);
    assert_int_equal(troupe_host_wait(run->host), TROUPE_HOST_TREE_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_tree_that_was_asked_to_stop_did_not_end_by_itself,
                                        start_example, free_example),
        cmocka_unit_test_setup_teardown(test_a_tree_that_had_ended_by_itself_was_not_asked,
                                        start_example, free_example),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
