/* access_log.c - the example on a million lines, through the program as a user runs it; beside it
 * mawk.
 *
 * Both are whole processes, from spawn to exit, reading the same file and writing their report to
 * one; they take turns, so that what changes on the machine meets both. A round counts only when
 * both reports say the same.
 */
#include "bench.h"

#include "trp/os.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES "1000000"
#define SEED "1"
#define CRASH_LINE "7312" /* the one that no report holds: its handling crashed */
#define EXAMPLE BENCH_SOURCE "/examples/01-access-log"
#define LOG BENCH_WORK "/access-" LINES ".log"
#define OUR_REPORT BENCH_WORK "/report.troupe"
#define MAWK_REPORT BENCH_WORK "/report.mawk"

extern char **environ;

/* Nanoseconds from spawn to exit. A file that is NULL is nothing. */
static uint64_t time_program(char *const *command, const char *in, const char *out, int expected)
{
    uint64_t began = trp_monotonic_ns();
    posix_spawn_file_actions_t files;
    int status;
    pid_t pid;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, in ? in : "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, out ? out : "/dev/null",
                                     O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_addopen(&files, 2, BENCH_WORK "/stderr", O_WRONLY | O_CREAT | O_TRUNC,
                                     0666);
    BENCH_MUST(posix_spawnp(&pid, command[0], &files, NULL, command, environ) == 0, command[0]);
    posix_spawn_file_actions_destroy(&files);
    while (waitpid(pid, &status, 0) < 0)
        BENCH_MUST(errno == EINTR, "waitpid failed");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected) {
        fprintf(stderr, "troupe-bench: %s ended with wait status %d; it said (%s/stderr):\n",
                command[0], status, BENCH_WORK);
        bench_die(__FILE__, __LINE__, "a program failed");
    }
    return trp_monotonic_ns() - began;
}

static void make_log(void)
{
    char *command[] = {BENCH_MAKE_LOG, LINES, SEED, NULL};

    if (access(LOG, R_OK) == 0)
        return;
    time_program(command, NULL, LOG ".part", 0);
    BENCH_MUST(rename(LOG ".part", LOG) == 0, LOG);
}

static bool same_reports(void)
{
    FILE *ours = fopen(OUR_REPORT, "rb"), *theirs = fopen(MAWK_REPORT, "rb");
    bool same = ours && theirs;
    long n = 0;

    while (same) {
        int mine = fgetc(ours), other = fgetc(theirs);

        same = mine == other;
        if (mine == EOF)
            break;
        n++;
    }
    if (ours)
        fclose(ours);
    if (theirs)
        fclose(theirs);
    return same && n > 0;
}

static uint64_t time_troupe(unsigned cores)
{
    static char example[] = EXAMPLE;
    char workers[16];
    char *command[] = {BENCH_PROGRAM, "run", example, "--workers", workers, NULL};

    snprintf(workers, sizeof workers, "%u", cores);
    return time_program(command, LOG, OUR_REPORT, 0);
}

static uint64_t time_mawk(void)
{
    static char skip[] = "skip=" CRASH_LINE;
    static char short_way[] = EXAMPLE "/count.awk", whole_way[] = EXAMPLE "/expected.awk";
    char *command[] = {"mawk", "-v", "top=10", "-v", skip, "-f", short_way, "-f", whole_way, NULL};

    return time_program(command, LOG, MAWK_REPORT, 0);
}

static void run(const bench_case *self, unsigned cores, unsigned rounds)
{
    bench_result troupe = {
        .name = self->name, .variant = "guest_canonical", .unit = "ns", .cores = cores};
    bench_result mawk = {.name = self->name, .variant = "mawk", .unit = "ns", .cores = cores};
    bench_result ratio = {
        .name = self->name, .variant = "guest_canonical_over_mawk", .unit = "x", .cores = cores};
    unsigned n_near = 0, n_far = 0;

    setenv("LC_ALL", "C", 1);
    make_log();
    time_troupe(cores); /* compiles the guests, fills the page cache */
    for (unsigned i = 0; i < rounds; i++) {
        if (cores > 1)
            (*(bench_is_near(bench_round_trip_ns()) ? &n_near : &n_far))++;
        troupe.values[i] = (double)time_troupe(cores);
        mawk.values[i] = (double)time_mawk();
        ratio.values[i] = troupe.values[i] / mawk.values[i];
        BENCH_MUST(same_reports(), "the two reports differ: " OUR_REPORT ", " MAWK_REPORT);
    }
    troupe.n = mawk.n = ratio.n = rounds;
    if (cores > 1)
        snprintf(troupe.note, sizeof troupe.note, "near before %u rounds, far before %u", n_near,
                 n_far);
    snprintf(mawk.note, sizeof mawk.note, "the whole process, " LINES " lines");
    bench_report(&mawk, NULL);
    bench_report(&troupe, NULL);
    bench_report(&ratio, self->reach);
}

const bench_case bench_access_log[] = {
    {.name = "access_log",
     .variant = "guest_canonical",
     .what = "the example on a million lines, whole process; beside it mawk doing the same count",
     .reach = "2 x mawk; at this stage 3",
     .most_cores = 2,
     .whole = run},
    {.name = NULL},
};
