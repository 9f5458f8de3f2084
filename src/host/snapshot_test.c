/* What can be asked of a real tree while it runs: the first example, by the names of its manifest. */
#include "testing.h"

#include "host.h"

#include "trp/os.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define MANIFEST TROUPE_TEST_SOURCE_DIR "/examples/01-access-log/troupe.yaml"
#define LINES TROUPE_TEST_SOURCE_DIR "/examples/01-access-log/access.log"
#define PATIENCE (10 * TROUPE_SECOND)

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
        troupe_host_new(run.manifest, TROUPE_HOST_OPTIONS(.workers = 2), say, &run.host) !=
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

/* Its row of a snapshot; NULL: it is not in it. */
static const troupe_info *row_of(troupe_system *system, const char *name, const troupe_info *rows,
                                 size_t n)
{
    char here[TROUPE_NAME_MAX + 1];

    for (size_t i = 0; i < n; i++) {
        troupe_name_of(system, rows[i].id, here);
        if (strcmp(here, name) == 0)
            return &rows[i];
    }
    return NULL;
}

static bool all_have_handled(troupe_system *system, const char *const *names, size_t n_names)
{
    troupe_info rows[32];
    size_t n = troupe_snapshot(system, rows, 32);

    for (size_t i = 0; i < n_names; i++) {
        const troupe_info *row = row_of(system, names[i], rows, n);

        if (!row || row->handled == 0)
            return false;
    }
    return true;
}

static void test_a_snapshot_shows_each_component_of_the_example_at_work(void **state)
{
    static const char *const names[] = {"parser-1", "parser-2", "parser-3", "parser-4", "report"};
    struct run *run = *state;
    troupe_system *system = run->host->system;
    uint64_t give_up = trp_monotonic_ns() + PATIENCE;
    troupe_info rows[32];
    const troupe_info *report;
    troupe_error error;
    int fd = open(LINES, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(troupe_host_feed(run->host, fd, &error), TROUPE_HOST_END_OF_INPUT);
    close(fd);
    while (!all_have_handled(system, names, 5) && trp_monotonic_ns() < give_up)
        trp_pause();
    assert_true(all_have_handled(system, names, 5));
    report = row_of(system, "report", rows, troupe_snapshot(system, rows, 32));
    assert_non_null(report);
    assert_int_equal(report->phase, TROUPE_PHASE_RUNNING);
    assert_true(report->high_water > 0);
    assert_int_equal(report->restarts, 0);
    assert_int_not_equal(report->parent.value, 0);
    assert_true(report->state_bytes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_snapshot_shows_each_component_of_the_example_at_work,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
