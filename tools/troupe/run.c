#include "program.h"

#include "trp/os.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LETTERS_SHOWN 10

/* "61 ms", "1.3 s" */
static void show_time(uint64_t ns, char *buffer, size_t size)
{
    if (ns < TROUPE_MILLISECOND)
        (void)snprintf(buffer, size, "%" PRIu64 " us", ns / TROUPE_MICROSECOND);
    else if (ns < 10 * TROUPE_SECOND)
        (void)snprintf(buffer, size, "%" PRIu64 " ms", ns / TROUPE_MILLISECOND);
    else
        (void)snprintf(buffer, size, "%.1f s", (double)ns / 1e9);
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void say_hello(const troupe_manifest *manifest, const troupe_host *host)
{
    troupe_manifest_summary summary = troupe_manifest_summary_of(manifest);
    uint64_t compile_ns;
    bool cached;
    char time[32];

    troupe_host_guests(host, &compile_ns, &cached);
    show_time(compile_ns, time, sizeof(time));
    fprintf(stderr,
            "troupe %s · %s · %u supervisor%s, %u component%s · guests: %u module%s %s in %s%s\n",
            TROUPE_VERSION, summary.system, summary.n_supervisors, plural(summary.n_supervisors),
            summary.n_components, plural(summary.n_components), summary.n_guests,
            plural(summary.n_guests), cached ? "loaded" : "compiled", time,
            cached ? " (cached)" : "");
}

static void say_letter(const troupe_host_letter *letter, const char *before)
{
    fprintf(stderr, "%s%s %" PRIu64 " -> %s, reason: %s", before, letter->fed ? "line" : "message",
            letter->sequence, letter->target[0] != '\0' ? letter->target : "nobody",
            letter->reason);
    if (letter->fed && letter->size > TROUPE_LINE_MAX)
        fprintf(stderr, " of %zu bytes (it has %zu)", TROUPE_LINE_MAX, letter->size);
    fputc('\n', stderr);
}

static void say_dead_letters(troupe_host *host, uint64_t n)
{
    troupe_host_letter letters[LETTERS_SHOWN];
    size_t shown = troupe_host_dead_letters(host, letters, LETTERS_SHOWN);

    if (n == 0)
        return;
    fprintf(stderr, "%" PRIu64 " dead letter%s:%s", n, plural(n), n == 1 ? " " : "");
    if (n > shown)
        fprintf(stderr, " the last %zu are", shown);
    if (n > 1)
        fputc('\n', stderr);
    for (size_t i = 0; i < shown; i++)
        say_letter(&letters[i], n == 1 ? "" : "  ");
}

static void say_lines(const troupe_host_totals *totals)
{
    char time[32];
    double rate = (double)totals->lines * 1e9 / (double)(totals->feed_ns > 0 ? totals->feed_ns : 1);

    show_time(totals->feed_ns, time, sizeof(time));
    fprintf(stderr, "%" PRIu64 " line%s in %s", totals->lines, plural(totals->lines), time);
    if (totals->lines > 0)
        fprintf(stderr, rate < 10000 ? " (%.0f lines/s)" : " (%.0f k lines/s)",
                rate < 10000 ? rate : rate / 1e3);
    fputc('\n', stderr);
}

static bool accounts_agree(const troupe_host_totals *totals)
{
    return totals->sent == totals->handled + totals->dead_letters + totals->waiting;
}

static void say_audit(const arguments *with, const troupe_host_totals *totals)
{
    if (with->simulation)
        fprintf(stderr, "schedule 0x%016" PRIx64 "\n", totals->schedule);
    if (with->audit || !accounts_agree(totals))
        fprintf(stderr,
                "%saudit: sent=%" PRIu64 " handled=%" PRIu64 " dead=%" PRIu64 " waiting=%" PRIu64
                " live=%" PRIu64 " stores=%" PRIu64 " crashes=%" PRIu64 " lines=%" PRIu64 "\n",
                accounts_agree(totals) ? "" : "bug: the accounts do not agree; ", totals->sent,
                totals->handled, totals->dead_letters, totals->waiting, totals->live,
                totals->stores, totals->crashes, totals->lines);
}

/* What ended the run, where it was not the end of the input. Returns the exit code for it. */
static int say_end(troupe_host_end end, const troupe_host_totals *totals, const char *stdin_to,
                   const troupe_error *error)
{
    int code = EXIT_IN_ORDER;

    if (totals->gave_up) {
        fprintf(stderr, "troupe: the tree gave up: %s\n", totals->exit_text);
        code = EXIT_TREE_FAILED;
    } else if (end == TROUPE_HOST_TREE_ENDED) {
        fprintf(stderr, "troupe: the tree ended by itself\n");
    } else if (end == TROUPE_HOST_TARGET_GONE) {
        fprintf(stderr, "troupe: %s ended, and nobody takes the lines from line %" PRIu64 " on\n",
                stdin_to, totals->lines);
        code = EXIT_TREE_FAILED;
    } else if (end == TROUPE_HOST_IN_FAILED) {
        fprintf(stderr, "troupe: %s\n", error->text);
        code = EXIT_BAD_INPUT;
    }
    if (totals->stuck) {
        fprintf(stderr,
                "troupe: not every component returned from its handler; see \"is stuck\" above\n");
        code = EXIT_TREE_FAILED;
    }
    if (totals->out_failed && totals->out_error != EPIPE) {
        fprintf(stderr, "troupe: the output cannot be written: %s\n", strerror(totals->out_error));
        code = EXIT_TREE_FAILED;
    }
    return code;
}

static int finish(const arguments *with, troupe_host *host, const char *stdin_to,
                  troupe_host_end end, const troupe_error *error)
{
    troupe_host_totals totals;
    int code, signal;

    troupe_host_finish(host, end == TROUPE_HOST_END_OF_INPUT);
    signal = signals_end();
    troupe_host_totals_of(host, &totals);
    if (stdin_to != NULL)
        say_lines(&totals);
    say_dead_letters(host, totals.dead_letters);
    code = say_end(end, &totals, stdin_to, error);
    say_audit(with, &totals);
    if (totals.stuck)
        _exit(code); /* its thread is still at it: nothing is given back, nothing is run down */
    if (!accounts_agree(&totals))
        return EXIT_TREE_FAILED;
    if (code == EXIT_IN_ORDER && signal != 0)
        return EXIT_SIGNAL + signal;
    if (code == EXIT_IN_ORDER && with->strict && totals.dead_letters > 0)
        return EXIT_DEAD_LETTERS;
    return code;
}

static int run_host(const arguments *with, const troupe_manifest *manifest, troupe_host *host)
{
    const char *stdin_to =
        with->stdin_to != NULL ? with->stdin_to : troupe_manifest_summary_of(manifest).stdin_to;
    troupe_error error = {.status = TROUPE_OK};
    troupe_host_end end;

    say_hello(manifest, host);
    signals_aim(host);
    if (troupe_host_start(host, &error) != TROUPE_OK) {
        troupe_host_finish(host, false);
        (void)signals_end();
        fprintf(stderr, "troupe: the tree did not start: %s\n", error.text);
        return EXIT_TREE_FAILED;
    }
    end = stdin_to != NULL ? troupe_host_feed(host, 0, &error) : troupe_host_wait(host);
    return finish(with, host, stdin_to, end, &error);
}

int command_run(const arguments *with)
{
    troupe_manifest *manifest = NULL;
    troupe_host *host = NULL;
    char cache[4096];
    int code = EXIT_BAD_INPUT;

    if (troupe_manifest_load(with->manifest, say_on_stderr(), &manifest) != TROUPE_OK)
        return EXIT_BAD_INPUT;
    if (!signals_begin()) {
        troupe_manifest_free(manifest);
        return EXIT_BAD_INPUT;
    }
    troupe_status status = troupe_host_new(
        manifest,
        TROUPE_HOST_OPTIONS(.stdin_to = with->stdin_to, .workers = with->workers,
                            .simulation = with->simulation, .seed = with->seed,
                            .cache_dir = cache_dir(cache, sizeof(cache)), .out_fd = 1, .log_fd = 2),
        say_on_stderr(), &host);
    if (status == TROUPE_OK)
        code = run_host(with, manifest, host);
    else
        (void)signals_end();
    troupe_host_free(host);
    troupe_manifest_free(manifest);
    return code;
}
