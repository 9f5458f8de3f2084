/* What ended a run, when the driver looks late: the tree may be gone by then. */
#include "testing.h"

#include "host.h"

#define MANIFEST TROUPE_TEST_SOURCE_DIR "/examples/01-access-log/troupe.yaml"

struct run {
    troupe_manifest *manifest;
    troupe_host *host;
    heard heard;
};

static int set_up(void **state)
{
    static struct run run;
    troupe_say say = {hear, &run.heard};
    troupe_error error;

    memset(&run, 0, sizeof run);
    if (troupe_manifest_load(MANIFEST, say, &run.manifest) != TROUPE_OK ||
        troupe_host_new(run.manifest, TROUPE_HOST_OPTIONS(.workers = 1), say, &run.host) !=
            TROUPE_OK ||
        troupe_host_start(run.host, &error) != TROUPE_OK)
        return -1;
    *state = &run;
    return 0;
}

static int tear_down(void **state)
{
    struct run *run = *state;

    troupe_host_free(run->host);
    troupe_manifest_free(run->manifest);
    return 0;
}

static void wait_until_the_tree_is_gone(troupe_host *host)
{
    while (!trp_load_acquire(&host->ended)) /* pairs with the watcher's release */
        assert_true(trp_host_pause(host, -1));
}

static void test_a_tree_that_was_asked_to_stop_did_not_end_by_itself(void **state)
{
    struct run *run = *state;

    troupe_host_ask_stop(run->host);
    wait_until_the_tree_is_gone(run->host);
    assert_int_equal(troupe_host_wait(run->host), TROUPE_HOST_ASKED);
}

static void test_a_tree_that_had_ended_by_itself_was_not_asked(void **state)
{
    struct run *run = *state;
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
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_tree_that_had_ended_by_itself_was_not_asked, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
