/* Compiled artifacts: shared in memory, kept on disk, never run when damaged. */
#include "house_testing.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/troupe-cache-XXXXXX";

static int open_house(void **state)
{
    (void)state;
    house_open_with(&house, false, dir);
    return 0;
}

/* Calls act with each file of the cache; returns how many there are. */
static size_t each_file(void (*act)(const char *path))
{
    DIR *open = opendir(dir);
    struct dirent *entry;
    char path[512];
    size_t n = 0;

    assert_non_null(open);
    while ((entry = readdir(open))) {
        if (entry->d_name[0] == '.' && (!entry->d_name[1] || entry->d_name[1] == '.'))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (act)
            act(path);
        n++;
    }
    closedir(open);
    return n;
}

static void remove_it(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static long place; /* of the byte to flip, from the end when negative */

static void flip_one_byte(const char *path)
{
    FILE *file = fopen(path, "r+b");
    int byte;

    assert_non_null(file);
    assert_int_equal(fseek(file, place, place < 0 ? SEEK_END : SEEK_SET), 0);
    byte = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    fputc(byte ^ 0x10, file);
    fclose(file);
}

static void halve(const char *path)
{
    struct stat stat_of;

    assert_int_equal(stat(path, &stat_of), 0);
    assert_int_equal(truncate(path, stat_of.st_size / 2), 0);
}

static void make_empty(const char *path)
{
    assert_int_equal(truncate(path, 0), 0);
}

static void make_fifo(const char *path)
{
    remove_it(path);
    assert_int_equal(mkfifo(path, 0600), 0);
}

static bool cached(const char *file)
{
    const troupe_guest *guest = load(&house, file);
    troupe_id id = spawn(&house, guest, NULL);

    expect_answer(&house, id, "works", "works");
    return troupe_guest_info_of(guest).cached;
}

static void again(void)
{
    house_close(&house);
    house_open_with(&house, false, dir);
}

static void test_cache_keeps_a_module_over_engines(void **state)
{
    (void)state;
    each_file(remove_it);
    assert_false(cached("echo.wasm"));
    assert_int_equal(each_file(NULL), 1);
    again();
    assert_true(cached("echo.wasm"));
    assert_int_equal(each_file(NULL), 1);
    assert_false(cached("crash.wasm"));
    assert_int_equal(each_file(NULL), 2);
}

static void test_cache_shares_a_module_among_guests_of_the_same_bytes(void **state)
{
    (void)state;
    each_file(remove_it);
    assert_false(cached("echo.wasm"));
    each_file(remove_it);
    assert_true(cached("echo.wasm"));
    assert_int_equal(each_file(NULL), 0);
}

static void test_cache_compiles_anew_what_is_damaged(void **state)
{
    static const long places[] = {0, 20, 48, 60, 200, 1000, -1, -100, -5000};

    (void)state;
    each_file(remove_it);
    assert_false(cached("echo.wasm"));
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        place = places[i];
        each_file(flip_one_byte);
        again();
        assert_false(cached("echo.wasm"));
        again();
        assert_true(cached("echo.wasm"));
    }
    each_file(halve);
    again();
    assert_false(cached("echo.wasm"));
    each_file(make_empty);
    again();
    assert_false(cached("echo.wasm"));
    each_file(make_fifo);
    again();
    assert_false(cached("echo.wasm"));
}

static char other[512];

static void rename_to_other(const char *path)
{
    if (strcmp(path, other) != 0)
        assert_int_equal(rename(path, other), 0);
}

static void remember(const char *path)
{
    snprintf(other, sizeof other, "%s", path);
}

static void test_cache_refuses_the_artifact_of_another_module(void **state)
{
    (void)state;
    each_file(remove_it);
    assert_false(cached("echo.wasm"));
    each_file(remember);
    assert_false(cached("crash.wasm"));
    each_file(rename_to_other);
    again();
    assert_false(cached("echo.wasm"));
}

static void test_cache_in_simulation_has_code_of_its_own(void **state)
{
    (void)state;
    each_file(remove_it);
    assert_false(cached("echo.wasm"));
    house_close(&house);
    house_open_with(&house, true, dir);
    assert_false(cached("echo.wasm"));
    assert_int_equal(each_file(NULL), 2);
}

static void test_cache_must_be_a_directory_of_ours(void **state)
{
    troupe_engine *engine;
    troupe_error error;
    char open_dir[64];

    (void)state;
    snprintf(open_dir, sizeof open_dir, "%s/open", dir);
    assert_int_equal(mkdir(open_dir, 0700), 0);
    assert_int_equal(chmod(open_dir, 0777), 0);
    assert_int_equal(troupe_engine_new(house.system, TROUPE_ENGINE_OPTIONS(.cache_dir = open_dir),
                                       &engine, &error),
                     TROUPE_E_IO);
    expect_in(error.text, "others may write there");
    assert_int_equal(rmdir(open_dir), 0);
    assert_int_equal(troupe_engine_new(house.system,
                                       TROUPE_ENGINE_OPTIONS(.cache_dir = "/dev/null/x"), &engine,
                                       &error),
                     TROUPE_E_IO);
    expect_in(error.text, "/dev/null/x: Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cache_keeps_a_module_over_engines, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_cache_shares_a_module_among_guests_of_the_same_bytes,
                                        open_house, close_house),
        cmocka_unit_test_setup_teardown(test_cache_compiles_anew_what_is_damaged, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_cache_refuses_the_artifact_of_another_module,
                                        open_house, close_house),
        cmocka_unit_test_setup_teardown(test_cache_in_simulation_has_code_of_its_own, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_cache_must_be_a_directory_of_ours, open_house,
                                        close_house),
    };
    int failed;

    if (!mkdtemp(dir))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    each_file(remove_it);
    (void)rmdir(dir);
    return failed;
}
