/* simulate.c - one scenario under many seeds: the first that fails prints itself and is run again.
 *
 * Runs on the caller's thread, one system after the other. A schedule is known by its fingerprint (troupe_schedule).
 */
#include "troupe/kit.h"

#include "trp/options.h"
#include "trp/os.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SEEDS 1000

/* Fingerprints seen: open addressing, at most half full. 0 marks a free place, so the one that is 0 counts apart. */
struct schedules {
    uint64_t *seen;
    size_t n_places; /* a power of two */
    uint64_t n;
    bool zero;
};

struct outcome {
    troupe_status status;
    uint64_t schedule;
    troupe_error error;
};

struct plan {
    uint64_t first, n;
    troupe_system_options options;
    troupe_scenario scenario;
    void *argument;
};

/* ---- schedules ---- */

/* Where it stands, or would. */
static uint64_t *place_of(const struct schedules *schedules, uint64_t schedule)
{
    size_t i = schedule & (schedules->n_places - 1);

    while (schedules->seen[i] && schedules->seen[i] != schedule)
        i = (i + 1) & (schedules->n_places - 1);
    return &schedules->seen[i];
}

static bool make_room(struct schedules *schedules)
{
    struct schedules larger = *schedules;

    if (2 * schedules->n < schedules->n_places)
        return true;
    larger.n_places = schedules->n_places ? 2 * schedules->n_places : 64;
    larger.seen = trp_alloc_zeroed(larger.n_places * sizeof *larger.seen);
    if (!larger.seen)
        return false;
    for (size_t i = 0; i < schedules->n_places; i++) {
        if (schedules->seen[i])
            *place_of(&larger, schedules->seen[i]) = schedules->seen[i];
    }
    trp_free(schedules->seen);
    *schedules = larger;
    return true;
}

static bool note_schedule(struct schedules *schedules, uint64_t schedule)
{
    uint64_t *place;

    if (!make_room(schedules))
        return false;
    if (schedule == 0) {
        schedules->n += !schedules->zero;
        schedules->zero = true;
        return true;
    }
    place = place_of(schedules, schedule);
    schedules->n += *place == 0;
    *place = schedule;
    return true;
}

/* ---- one run ---- */

/* Nothing runs any more, and every message has found its end. */
static troupe_status check_account(troupe_system *system, troupe_error *error)
{
    troupe_totals totals;
    uint64_t waiting = troupe_account_now(system, &totals);

    if (totals.live)
        return troupe_error_set(error, TROUPE_E_FAILED, "%" PRIu64 " components did not stop",
                                totals.live);
    if (totals.sent != totals.handled + totals.dead_letters + waiting)
        return troupe_error_set(error, TROUPE_E_FAILED,
                                "%" PRIu64 " messages were sent, %" PRIu64 " handled, %" PRIu64
                                " are dead letters, %" PRIu64 " wait",
                                totals.sent, totals.handled, totals.dead_letters, waiting);
    return TROUPE_OK;
}

/* Not TROUPE_OK: there was no run at all. */
static troupe_status run_seed(const struct plan *plan, uint64_t seed, struct outcome *ret_outcome)
{
    troupe_system_options options = plan->options;
    struct outcome outcome = {.status = TROUPE_OK};
    troupe_system *system;
    troupe_context *ctx;
    troupe_status status;

    options.seed = seed;
    status = troupe_system_new(&options, &system);
    if (status != TROUPE_OK)
        return status;
    ctx = troupe_attach(system);
    if (!ctx) {
        troupe_system_free(system);
        return TROUPE_E_NO_MEMORY;
    }
    outcome.status = plan->scenario(ctx, plan->argument, &outcome.error);
    if (outcome.status != TROUPE_OK && !outcome.error.text[0])
        troupe_error_set(&outcome.error, outcome.status, "%s", troupe_status_text(outcome.status));
    troupe_system_stop(system);
    if (outcome.status == TROUPE_OK)
        outcome.status = check_account(system, &outcome.error);
    outcome.schedule = troupe_schedule(system);
    troupe_detach(ctx);
    troupe_system_free(system);
    *ret_outcome = outcome;
    return TROUPE_OK;
}

/* ---- what was asked for ---- */

/* TROUPE_SEED=N: that one alone. */
static bool take_environment(struct plan *plan)
{
    const char *text = getenv("TROUPE_SEED");
    char *end;

    if (!text || !*text)
        return true;
    errno = 0;
    plan->first = strtoull(text, &end, 0);
    plan->n = 1;
    return errno == 0 && *end == '\0' && *text != '-';
}

static troupe_status take_plan(struct plan *plan, const troupe_simulation *asked,
                               troupe_simulation_report *report)
{
    troupe_simulation simulation;

    if (!asked || !plan->scenario || !trp_options_take(&simulation, sizeof simulation, asked) ||
        (simulation.options &&
         !trp_options_take(&plan->options, sizeof plan->options, simulation.options))) {
        snprintf(report->text, sizeof report->text, "%s", troupe_status_text(TROUPE_E_INVALID));
        return TROUPE_E_INVALID;
    }
    plan->options.size = sizeof plan->options;
    plan->options.simulation = true;
    plan->n = simulation.seeds ? simulation.seeds : DEFAULT_SEEDS;
    plan->first = simulation.first_seed ? simulation.first_seed : 1;
    if (take_environment(plan))
        return TROUPE_OK;
    snprintf(report->text, sizeof report->text, "TROUPE_SEED=%.64s is no seed: a number is one",
             getenv("TROUPE_SEED"));
    return TROUPE_E_INVALID;
}

/* ---- a failure ---- */

static void write_log(const troupe_log *log, const char *text)
{
    troupe_log_line line = {.level = TROUPE_LEVEL_ERROR,
                            .id = "simulation-failed",
                            .name = "",
                            .text = troupe_text(text)};

    if (log->write)
        log->write(log->arg, &line);
}

/* Runs it once more, and says how it went. */
static void tell_failure(const struct plan *plan, uint64_t seed, const struct outcome *outcome,
                         troupe_simulation_report *report)
{
    struct outcome again;

    report->failed_seed = seed;
    report->repeated = run_seed(plan, seed, &again) == TROUPE_OK &&
                       again.status == outcome->status && again.schedule == outcome->schedule &&
                       strcmp(again.error.text, outcome->error.text) == 0;
    snprintf(report->text, sizeof report->text,
             "seed %" PRIu64 " failed: %.800s; run again with TROUPE_SEED=%" PRIu64 "%s", seed,
             outcome->error.text, seed,
             report->repeated ? "" : " (it did not repeat: something in it is not the seed's)");
    write_log(&plan->options.log, report->text);
}

static troupe_status run_all(const struct plan *plan, struct schedules *schedules,
                             troupe_simulation_report *report)
{
    for (uint64_t i = 0; i < plan->n; i++) {
        struct outcome outcome;
        troupe_status status = run_seed(plan, plan->first + i, &outcome);

        if (status == TROUPE_OK && !note_schedule(schedules, outcome.schedule))
            status = TROUPE_E_NO_MEMORY;
        if (status != TROUPE_OK) {
            snprintf(report->text, sizeof report->text, "%s", troupe_status_text(status));
            return status;
        }
        report->n_runs++;
        report->n_schedules = schedules->n;
        if (outcome.status == TROUPE_OK)
            continue;
        tell_failure(plan, plan->first + i, &outcome, report);
        return TROUPE_E_FAILED;
    }
    return TROUPE_OK;
}

troupe_status troupe_simulate_sized(const troupe_simulation *simulation, troupe_scenario scenario,
                                    void *argument, troupe_simulation_report *ret_report,
                                    size_t size)
{
    struct plan plan = {.scenario = scenario, .argument = argument};
    troupe_simulation_report report = {.n_runs = 0};
    struct schedules schedules = {.seen = NULL};
    troupe_status status = take_plan(&plan, simulation, &report);

    if (status == TROUPE_OK)
        status = run_all(&plan, &schedules, &report);
    trp_free(schedules.seen);
    trp_options_give(ret_report, size, &report, sizeof report);
    return status;
}
