/* How many cores the cgroups grant, read from a tree like the kernel's. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "trp/os.h"

#include <sched.h>

static char root[] = "/tmp/troupe-cgroup-XXXXXX";
static char self[64];

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* folder: "" or "/a/b". */
static void grant(const char *folder, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s%s/cpu.max", root, folder);
    write_file(path, text);
}

static int make_tree(void **state)
{
    char path[128];

    (void)state;
    if (!mkdtemp(root))
        return -1;
    snprintf(path, sizeof path, "%s/a", root);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/a/b", root);
    mkdir(path, 0700);
    snprintf(self, sizeof self, "%s/self", root);
    write_file(self, "12:cpu:/old\n0::/a/b\n");
    return 0;
}

static int remove_tree(void **state)
{
    static const char *const names[] = {
        "/cpu.max", "/a/cpu.max", "/a/b/cpu.max", "/self", "/a/b", "/a", ""};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s%s", root, names[i]);
        remove(path);
    }
    strcpy(root, "/tmp/troupe-cgroup-XXXXXX");
    return 0;
}

static unsigned cores(void)
{
    return trp_cgroup_cores(root, self);
}

static void test_without_a_file_nothing_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(cores(), UINT_MAX);
    assert_int_equal(trp_cgroup_cores("/nowhere", "/nowhere/self"), UINT_MAX);
}

static void test_a_quota_is_rounded_up_to_cores(void **state)
{
    (void)state;
    grant("/a/b", "150000 100000\n");
    assert_int_equal(cores(), 2);
    grant("/a/b", "200000 100000\n");
    assert_int_equal(cores(), 2);
    grant("/a/b", "10000 100000\n");
    assert_int_equal(cores(), 1);
}

static void test_max_and_rubbish_bound_nothing(void **state)
{
    static const char *const texts[] = {"max 100000\n", "",           "x y\n",
                                        "100000\n",     "100000 0\n", "0 100000\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        grant("/a/b", texts[i]);
        assert_int_equal(cores(), UINT_MAX);
    }
}

static void test_the_groups_above_bound_too(void **state)
{
    (void)state;
    grant("/a/b", "800000 100000\n");
    grant("/a", "300000 100000\n");
    grant("", "max 100000\n");
    assert_int_equal(cores(), 3);
    grant("", "100000 100000\n");
    assert_int_equal(cores(), 1);
}

/* In a namespace of its own a process is at the root, and there is version 1 alone in older systems. */
static void test_a_process_at_the_root_is_bounded_by_the_root(void **state)
{
    (void)state;
    grant("", "200000 100000\n");
    write_file(self, "0::/\n");
    assert_int_equal(cores(), 2);
    write_file(self, "12:cpu:/old\n");
    assert_int_equal(cores(), 2);
}

static void test_affinity_bounds_the_cores(void **state)
{
    cpu_set_t before, one;
    int first = 0;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(trp_cores() <= (unsigned)CPU_COUNT(&before));
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(trp_cores(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_tree)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TREE(test_without_a_file_nothing_is_bounded),
        IN_TREE(test_a_quota_is_rounded_up_to_cores),
        IN_TREE(test_max_and_rubbish_bound_nothing),
        IN_TREE(test_the_groups_above_bound_too),
        IN_TREE(test_a_process_at_the_root_is_bounded_by_the_root),
        cmocka_unit_test(test_affinity_bounds_the_cores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
