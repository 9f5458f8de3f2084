/* main.c - troupe-bench: choose cases, run their rounds, print their figures.
 *
 *   troupe-bench [--json] [--cores N] [--rounds N] [--list] [CASE | CASE/VARIANT ...]
 */
#include "bench.h"

#include "trp/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ROUNDS 9
#define LEAST_ROUNDS 7
#define WARM_UPS 2

static struct {
    bool json, list;
    unsigned cores; /* 0: one, and then two where there are two */
    unsigned rounds;
    char **wanted;
    int n_wanted;
    char commit[64], machine[128];
} options = {.rounds = DEFAULT_ROUNDS};

static const bench_case *const families[] = {
    bench_counting, bench_engine, bench_ping_pong, bench_spawn_stop, bench_crash_restart,
    bench_state,    bench_names,  bench_timers,    bench_trees,      bench_access_log};

/* The floor of the case that runs, from this run; 0: none yet. */
static struct {
    const char *name;
    double ns;
} floor_now;

/* ---- printing ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        if ((unsigned char)*text >= ' ')
            putchar(*text);
    }
}

static void print_json(const bench_result *result, const double *sorted, double median)
{
    printf("{\"case\":\"%s\",\"variant\":\"%s\",\"cores\":%u,\"unit\":\"%s\",\"median\":%.6g,"
           "\"min\":%.6g,\"max\":%.6g,\"rounds\":%u,\"note\":\"",
           result->name, result->variant, result->cores, result->unit, median, sorted[0],
           sorted[result->n - 1], result->n);
    print_text(result->note);
    printf("\",\"commit\":\"");
    print_text(options.commit);
    printf("\",\"machine\":\"");
    print_text(options.machine);
    printf("\"}\n");
}

static void print_figure(double value)
{
    if (value >= 100000)
        printf(" %10.3e", value);
    else if (value >= 1000)
        printf(" %10.0f", value);
    else
        printf(" %10.4g", value);
}

static void print_human(const bench_result *result, const double *sorted, double median,
                        const char *reach)
{
    bool has_floor = floor_now.name && strcmp(floor_now.name, result->name) == 0;

    printf("%-14s %-26s %u", result->name, result->variant, result->cores);
    print_figure(median);
    print_figure(sorted[0]);
    print_figure(sorted[result->n - 1]);
    printf(" %-6s", result->unit);
    if (has_floor && strcmp(result->variant, "floor") != 0)
        printf(" %7.1f", median / floor_now.ns);
    else
        printf(" %7s", "");
    printf("  %-30s %s\n", reach ? reach : "", result->note);
}

void bench_report(const bench_result *result, const char *reach)
{
    double sorted[BENCH_MOST_ROUNDS], median;

    BENCH_MUST(result->n > 0, "a result without rounds");
    memcpy(sorted, result->values, result->n * sizeof *sorted);
    qsort(sorted, result->n, sizeof *sorted, by_size);
    median = result->n % 2 ? sorted[result->n / 2]
                           : (sorted[result->n / 2 - 1] + sorted[result->n / 2]) / 2;
    if (strcmp(result->variant, "floor") == 0) {
        floor_now.name = result->name;
        floor_now.ns = median;
    }
    if (options.json)
        print_json(result, sorted, median);
    else
        print_human(result, sorted, median, reach);
    fflush(stdout);
}

/* ---- rounds ---- */

static double time_round(const bench_case *which, void *state)
{
    uint64_t began = trp_monotonic_ns();

    which->round(state, which->ops);
    return (double)(trp_monotonic_ns() - began) / (double)which->ops;
}

static bench_result result_of(const bench_case *which, unsigned cores, const char *note)
{
    bench_result result = {
        .name = which->name, .variant = which->variant, .unit = "ns", .cores = cores};

    snprintf(result.note, sizeof result.note, "%s", note);
    return result;
}

static void add_remark(const bench_case *which, void *state, bench_result *result)
{
    char remark[160];
    size_t used = strlen(result->note);

    if (!which->remark)
        return;
    which->remark(state, remark);
    snprintf(result->note + used, sizeof result->note - used, "%s%s", used ? "; " : "", remark);
}

static void run_on_one(const bench_case *which, void *state, unsigned cores)
{
    bench_result result = result_of(which, cores, "");

    while (result.n < options.rounds)
        result.values[result.n++] = time_round(which, state);
    add_remark(which, state, &result);
    bench_report(&result, which->reach);
}

/* Rounds between two probes that disagree straddled a flip: they count for neither. Near and far
 * are two results; one with too few rounds is left out when the other is complete. */
static void run_on_two(const bench_case *which, void *state, unsigned cores)
{
    bench_result near = result_of(which, cores, "near"), far = result_of(which, cores, "far");
    unsigned tries = 0;

    for (; near.n < options.rounds && far.n < options.rounds && tries < 4 * options.rounds;
         tries++) {
        bool before = bench_is_near(bench_round_trip_ns());
        double ns = time_round(which, state);
        bench_result *result = before ? &near : &far;

        if (bench_is_near(bench_round_trip_ns()) == before)
            result->values[result->n++] = ns;
    }
    if (near.n >= LEAST_ROUNDS || (near.n > 0 && far.n < LEAST_ROUNDS)) {
        add_remark(which, state, &near);
        bench_report(&near, which->reach);
    }
    if (far.n >= LEAST_ROUNDS || (far.n > 0 && near.n < LEAST_ROUNDS))
        bench_report(&far, which->reach);
    if (near.n == 0 && far.n == 0)
        fprintf(stderr, "troupe-bench: %s/%s: the cores' distance changed in every round\n",
                which->name, which->variant);
}

static void run_case(const bench_case *which, unsigned cores)
{
    void *state;

    bench_use_cores(cores);
    if (which->whole) {
        which->whole(which, cores, options.rounds);
        return;
    }
    state = which->open ? which->open(cores) : NULL;
    for (int i = 0; i < WARM_UPS; i++)
        time_round(which, state);
    if (cores > 1)
        run_on_two(which, state, cores);
    else
        run_on_one(which, state, cores);
    if (which->close)
        which->close(state);
}

/* ---- choosing ---- */

static bool is_wanted(const bench_case *which)
{
    char full[128];

    if (options.n_wanted == 0)
        return true;
    snprintf(full, sizeof full, "%s/%s", which->name, which->variant);
    for (int i = 0; i < options.n_wanted; i++)
        if (strcmp(options.wanted[i], which->name) == 0 || strcmp(options.wanted[i], full) == 0)
            return true;
    /* Whoever asks for a variant wants its floor beside it. */
    for (int i = 0; i < options.n_wanted; i++) {
        size_t length = strlen(which->name);

        if (strcmp(which->variant, "floor") == 0 &&
            strncmp(options.wanted[i], which->name, length) == 0 &&
            options.wanted[i][length] == '/')
            return true;
    }
    return false;
}

static void run_family(const bench_case *family, unsigned cores)
{
    for (const bench_case *which = family; which->name; which++)
        if (is_wanted(which) && cores <= which->most_cores)
            run_case(which, cores);
}

/* The floor has one thread; it is measured for a run on two cores only, too. */
static void run_floor(const bench_case *family)
{
    if (strcmp(family->variant, "floor") == 0 && is_wanted(family))
        run_case(family, 1);
}

static void run_all(void)
{
    unsigned most = bench_cores() < 2 ? 1 : 2;

    if (!options.json)
        printf("%s, commit %s, %u rounds after %d to warm up\n"
               "%-14s %-26s %s %10s %10s %10s %-6s %7s  %-30s %s\n",
               options.machine, options.commit, options.rounds, WARM_UPS, "case", "variant", "c",
               "median", "min", "max", "unit", "x floor", "reach", "note");
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (options.cores > 1)
            run_floor(families[i]);
        for (unsigned cores = 1; cores <= most; cores++)
            if (options.cores == 0 || options.cores == cores)
                run_family(families[i], cores);
    }
}

static void list_all(void)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const bench_case *which = families[i]; which->name; which++)
            if (is_wanted(which))
                printf("%-14s %-26s %s\n", which->name, which->variant, which->what);
}

/* ---- options ---- */

static void first_line(const char *command, char *to, size_t size)
{
    FILE *pipe = popen(command, "r");

    if (pipe && fgets(to, (int)size, pipe))
        to[strcspn(to, "\n")] = 0;
    if (pipe)
        pclose(pipe);
    if (!to[0])
        snprintf(to, size, "unknown");
}

static void look_at_machine(void)
{
    char model[96] = "";

    first_line("git -C '" BENCH_SOURCE "' describe --always --dirty 2>/dev/null", options.commit,
               sizeof options.commit);
    first_line("sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null", model, sizeof model);
    snprintf(options.machine, sizeof options.machine, "%s, %u cores", model, bench_cores());
}

static _Noreturn void usage(int code)
{
    fprintf(
        code ? stderr : stdout,
        "usage: troupe-bench [--json] [--cores N] [--rounds N] [--list] [CASE|CASE/VARIANT...]\n"
        "  --json    one object a line, nothing else on standard output\n"
        "  --cores   only with this many cores, 1 or 2; else with 1 and then with 2\n"
        "  --rounds  %d to %d; %d when not given\n"
        "  --list    the cases, and what each of them times\n",
        LEAST_ROUNDS, BENCH_MOST_ROUNDS, DEFAULT_ROUNDS);
    exit(code);
}

static unsigned number_of(const char *name, const char *text, unsigned least, unsigned most)
{
    char *end = NULL;
    unsigned long number = text ? strtoul(text, &end, 10) : 0;

    if (!text || *end || number < least || number > most) {
        fprintf(stderr, "troupe-bench: %s takes a number from %u to %u\n", name, least, most);
        exit(2);
    }
    return (unsigned)number;
}

static bool is_known(const char *wanted)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        for (const bench_case *which = families[i]; which->name; which++) {
            char full[128];

            snprintf(full, sizeof full, "%s/%s", which->name, which->variant);
            if (strcmp(wanted, which->name) == 0 || strcmp(wanted, full) == 0)
                return true;
        }
    }
    return false;
}

static void read_options(int argc, char **argv)
{
    int i = 1;

    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            options.json = true;
        else if (strcmp(argv[i], "--list") == 0)
            options.list = true;
        else if (strcmp(argv[i], "--cores") == 0 && ++i)
            options.cores = number_of("--cores", argv[i], 1, bench_cores() < 2 ? 1 : 2);
        else if (strcmp(argv[i], "--rounds") == 0 && ++i)
            options.rounds = number_of("--rounds", argv[i], LEAST_ROUNDS, BENCH_MOST_ROUNDS);
        else
            usage(strcmp(argv[i], "--help") == 0 ? 0 : 2);
    }
    options.wanted = argv + i;
    options.n_wanted = argc - i;
    for (; i < argc; i++) {
        if (!is_known(argv[i])) {
            fprintf(stderr, "troupe-bench: no case '%s'; --list shows them\n", argv[i]);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    if (options.list) {
        list_all();
        return 0;
    }
    look_at_machine();
    run_all();
    return 0;
}
