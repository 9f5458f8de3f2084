/* What can be asked of a real tree while it runs: the first example, by the names of its manifest. */
#include "testing.h"

#include "host.h"

#include "trp/os.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LINES TROUPE_TEST_SOURCE_DIR "/examples/01-access-log/access.log"
#define PATIENCE (10 * TROUPE_SECOND)

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
    example *run = *state;
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
                                        start_example, free_example),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
