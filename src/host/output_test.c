#include "output.h"

#include "log_sink.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void count_broken(void *arg)
{
    unsigned *n = arg;

    (*n)++;
}

/* Everything that a descriptor gives until its end. */
static size_t read_all(int fd, char *buffer, size_t size)
{
    size_t used = 0;
    ssize_t n;

    while (used < size && (n = read(fd, buffer + used, size - used)) > 0)
        used += (size_t)n;
    return used;
}

static void print_and_read(bool threaded)
{
    int ends[2];
    unsigned broken = 0;
    char buffer[256];
    trp_output output;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(trp_output_init(&output, ends[1], threaded, count_broken, &broken), TROUPE_OK);
    assert_int_equal(trp_output_print(&output, TROUPE_TEXT("one\n")), TROUPE_OK);
    assert_int_equal(trp_output_print(&output, TROUPE_TEXT("")), TROUPE_OK);
    assert_int_equal(trp_output_print(&output, TROUPE_TEXT("two\n")), TROUPE_OK);
    trp_output_fini(&output);
    (void)close(ends[1]);
    assert_int_equal(read_all(ends[0], buffer, sizeof(buffer)), 8);
    assert_memory_equal(buffer, "one\ntwo\n", 8);
    assert_int_equal(broken, 0);
    (void)close(ends[0]);
}

static void test_output_is_written_in_order(void **state)
{
    (void)state;
    print_and_read(true);
    print_and_read(false);
}

typedef struct printer {
    trp_output *output;
    trp_thread thread;
    char letter;
} printer;

#define LONG ((size_t)100000) /* more than the buffer holds */
#define TIMES 10

static void run_printer(void *arg)
{
    const printer *p = arg;
    char *text = trp_alloc(LONG);

    memset(text, p->letter, LONG);
    for (unsigned i = 0; i < TIMES; i++)
        (void)trp_output_print(p->output, (troupe_bytes){text, LONG});
    trp_free(text);
}

static void test_output_keeps_the_bytes_of_one_print_together(void **state)
{
    char path[] = "/tmp/troupe-output-XXXXXX";
    int fd = mkstemp(path);
    unsigned broken = 0;
    trp_output output;
    printer printers[3];
    char *text = test_malloc(LONG);

    (void)state;
    assert_true(fd >= 0);
    (void)unlink(path);
    assert_int_equal(trp_output_init(&output, fd, true, count_broken, &broken), TROUPE_OK);
    for (unsigned i = 0; i < 3; i++) {
        printers[i] = (printer){.output = &output, .letter = (char)('a' + i)};
        assert_true(trp_thread_start(&printers[i].thread, "printer", 0, run_printer, &printers[i]));
    }
    for (unsigned i = 0; i < 3; i++)
        trp_thread_join(&printers[i].thread);
    trp_output_fini(&output);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    for (unsigned i = 0; i < 3 * TIMES; i++) {
        assert_int_equal(read_all(fd, text, LONG), LONG);
        for (size_t at = 1; at < LONG; at++)
            if (text[at] != text[0])
                fail_msg("print %u is mixed at byte %zu", i, at);
    }
    test_free(text);
    (void)close(fd);
}

static void break_output(bool threaded)
{
    int ends[2];
    unsigned broken = 0;
    trp_output output;
    troupe_status status = TROUPE_OK;

    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    assert_int_equal(trp_output_init(&output, ends[1], threaded, count_broken, &broken), TROUPE_OK);
    /* Ends, because an output that broke makes nobody wait. */
    while (status == TROUPE_OK)
        status = trp_output_print(&output, TROUPE_TEXT("some bytes that nobody will ever read\n"));
    assert_int_equal(status, TROUPE_E_IO);
    trp_output_fini(&output);
    assert_int_equal(broken, 1);
    assert_int_equal(trp_load_relaxed(&output.error), EPIPE);
    (void)close(ends[1]);
}

static void test_output_that_nobody_reads_is_told_once(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    break_output(true);
    break_output(false);
}

/* ---- the log ---- */

static void log_line(trp_log_sink *sink, troupe_level level, const char *id, const char *name,
                     const char *text)
{
    troupe_log_line line = {.level = level, .id = id, .name = name, .text = troupe_text(text)};

    trp_log_sink_write(sink, &line);
}

/* What a script of log lines becomes. */
static void assert_log(void (*script)(trp_log_sink *), const char *expected)
{
    int ends[2];
    trp_log_sink sink;
    char text[8192] = {0};

    assert_int_equal(pipe(ends), 0);
    trp_log_sink_init(&sink, ends[1]);
    script(&sink);
    trp_log_sink_fini(&sink);
    (void)close(ends[1]);
    text[read_all(ends[0], text, sizeof(text) - 1)] = '\0';
    (void)close(ends[0]);
    assert_string_equal(text, expected);
}

static void crash_and_restart(trp_log_sink *sink)
{
    log_line(sink, TROUPE_LEVEL_WARN, "component-crashed", "a", "trap");
    log_line(sink, TROUPE_LEVEL_WARN, "component-crashed", "ab", "trap");
    log_line(sink, TROUPE_LEVEL_WARN, "child-restarted", "root",
             "a crashed: trap; restarted in 9 µs");
    log_line(sink, TROUPE_LEVEL_WARN, "child-restarted", "root",
             "ab crashed: trap; restarted in 9 µs");
}

static void test_log_tells_a_crash_and_its_restart_in_one_line(void **state)
{
    (void)state;
    assert_log(crash_and_restart,
               "a crashed: trap; restarted in 9 µs\nab crashed: trap; restarted in 9 µs\n");
}

static void crash_without_decision(trp_log_sink *sink)
{
    log_line(sink, TROUPE_LEVEL_WARN, "component-crashed", "a", "trap");
    trp_log_sink_hold_no_more(sink);
    log_line(sink, TROUPE_LEVEL_WARN, "component-crashed", "b", "trap");
}

static void test_log_tells_a_crash_that_nobody_decides_about(void **state)
{
    (void)state;
    assert_log(crash_without_decision, "a crashed: trap\nb crashed: trap\n");
}

static void give_up(trp_log_sink *sink)
{
    log_line(sink, TROUPE_LEVEL_WARN, "component-crashed", "a", "trap");
    log_line(sink, TROUPE_LEVEL_ERROR, "supervisor-gave-up", "root", "child a: 3 restarts");
    log_line(sink, TROUPE_LEVEL_WARN, "component-crashed", "root", "child a: 3 restarts");
}

static void test_log_tells_a_supervisors_end_once(void **state)
{
    (void)state;
    assert_log(give_up, "a crashed: trap\nroot gave up: child a: 3 restarts\n");
}

static void write_guest_lines(trp_log_sink *sink)
{
    log_line(sink, TROUPE_LEVEL_DEBUG, "guest-log", "a", "not shown");
    log_line(sink, TROUPE_LEVEL_INFO, "guest-log", "a", "two\nlines \x1b[31m");
    log_line(sink, TROUPE_LEVEL_WARN, "guest-log", "", "b");
}

static void test_log_lines_of_guests_stay_one_line(void **state)
{
    (void)state;
    assert_log(write_guest_lines, "a: two\\x0alines \\x1b[31m\ntroupe: warning: b\n");
}

static void test_log_is_capped_by_bytes(void **state)
{
    char path[] = "/tmp/troupe-log-XXXXXX";
    int fd = mkstemp(path);
    trp_log_sink sink;
    char text[1001];

    (void)state;
    assert_true(fd >= 0);
    (void)unlink(path);
    memset(text, 'x', 1000);
    text[1000] = '\0';
    trp_log_sink_init(&sink, fd);
    uint64_t began = trp_monotonic_ns();
    for (unsigned i = 0; i < 5000; i++)
        log_line(&sink, TROUPE_LEVEL_INFO, "guest-log", "a", text);
    uint64_t seconds = (trp_monotonic_ns() - began) / TROUPE_SECOND + 1;
    trp_log_sink_fini(&sink);
    assert_in_range(lseek(fd, 0, SEEK_END), TRP_LOG_BURST / 2,
                    TRP_LOG_BURST + seconds * (TRP_LOG_PER_SECOND + 4096));
    (void)close(fd);
}

static void test_log_lines_that_were_dropped_last_are_counted_at_the_end(void **state)
{
    char path[] = "/tmp/troupe-log-XXXXXX", text[TRP_LOG_LINE - 300], tail[96] = "";
    int fd = mkstemp(path);
    trp_log_sink sink;

    (void)state;
    assert_true(fd >= 0);
    (void)unlink(path);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    trp_log_sink_init(&sink, fd);
    while (sink.n_dropped == 0)
        log_line(&sink, TROUPE_LEVEL_INFO, "guest-log", "a", text);
    trp_log_sink_fini(&sink);
    (void)lseek(fd, -50, SEEK_END);
    assert_true(read(fd, tail, sizeof(tail) - 1) > 0);
    assert_non_null(strstr(tail, "\n(1 log lines dropped: over 64 KiB a second)\n"));
    (void)close(fd);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_is_written_in_order),
        cmocka_unit_test(test_output_keeps_the_bytes_of_one_print_together),
        cmocka_unit_test(test_output_that_nobody_reads_is_told_once),
        cmocka_unit_test(test_log_tells_a_crash_and_its_restart_in_one_line),
        cmocka_unit_test(test_log_tells_a_crash_that_nobody_decides_about),
        cmocka_unit_test(test_log_tells_a_supervisors_end_once),
        cmocka_unit_test(test_log_lines_of_guests_stay_one_line),
        cmocka_unit_test(test_log_is_capped_by_bytes),
        cmocka_unit_test(test_log_lines_that_were_dropped_last_are_counted_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
