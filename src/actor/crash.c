/* crash.c - what is known of a component's last crash, and how much is said about crashes.
 *
 * Details are kept for components that ever crashed or logged, in their slot, under one lock: only a crash, a line of a
 * log, and who asks, take it. A message pays nothing.
 * Invariant: a budget's credit never exceeds one second's worth. If broken: a storm after a quiet day fills a disk.
 */
#include "cell.h"

#include "trp/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct trp_details {
    uint64_t id; /* whose they are; an older id's are nothing any more */
    troupe_crash_details crash;
    uint32_t n_lines; /* ever written */
    char lines[TROUPE_CRASH_LINES][TROUPE_CRASH_LINE_MAX + 1];
};

/* Under crash_lock. NULL: no memory, and then nothing is known. */
static trp_details *details_locked(trp_cell *cell)
{
    trp_details *details = cell->details;

    if (!details)
        details = cell->details = trp_alloc_zeroed(sizeof *details);
    if (details && details->id != trp_id_of(cell).value) {
        memset(details, 0, sizeof *details);
        details->id = trp_id_of(cell).value;
    }
    return details;
}

void trp_details_free(trp_cell *cell)
{
    trp_free(cell->details);
    cell->details = NULL;
}

/* The last lines, oldest first. */
static void take_lines(trp_details *details)
{
    troupe_crash_details *crash = &details->crash;
    uint32_t n = details->n_lines < TROUPE_CRASH_LINES ? details->n_lines : TROUPE_CRASH_LINES;

    crash->n_lines = n;
    for (uint32_t i = 0; i < n; i++)
        memcpy(crash->lines[i], details->lines[(details->n_lines - n + i) % TROUPE_CRASH_LINES],
               sizeof crash->lines[i]);
}

/* While the message that was at hand still is. */
void trp_details_note(trp_cell *cell)
{
    const trp_node *node = trp_at_hand(cell);
    trp_details *details;

    trp_mutex_lock(&cell->system->crash_lock);
    details = details_locked(cell);
    if (details) {
        memset(&details->crash, 0, sizeof details->crash);
        details->crash.incarnation = trp_load_relaxed(&cell->incarnation); /* owner */
        details->crash.has_message = node && node->kind == TRP_NODE_MESSAGE;
        if (details->crash.has_message) {
            details->crash.sequence = node->sequence;
            details->crash.size = trp_node_size(node);
            details->crash.is_request = node->correlation != 0;
        }
        take_lines(details);
    }
    trp_mutex_unlock(&cell->system->crash_lock);
}

void troupe_log_keep(troupe_context *ctx, troupe_bytes text)
{
    trp_details *details;
    size_t size = text.size < TROUPE_CRASH_LINE_MAX ? text.size : TROUPE_CRASH_LINE_MAX;
    char *line;

    if (trp_context_check(ctx) != TROUPE_OK || ctx->thread)
        return;
    trp_mutex_lock(&ctx->system->crash_lock);
    details = details_locked(ctx);
    if (details) {
        line = details->lines[details->n_lines++ % TROUPE_CRASH_LINES];
        memcpy(line, text.data, size);
        line[size] = '\0';
    }
    trp_mutex_unlock(&ctx->system->crash_lock);
}

troupe_status troupe_last_crash_read(troupe_system *system, troupe_id id,
                                     troupe_crash_details *ret_details, size_t size)
{
    const trp_cell *cell = trp_is_forked(system) ? NULL : trp_slot_at(system, (uint32_t)id.value);
    troupe_crash_details found = {.incarnation = 0};

    if (cell) {
        trp_mutex_lock(&system->crash_lock);
        if (cell->details && cell->details->id == id.value)
            found = cell->details->crash;
        trp_mutex_unlock(&system->crash_lock);
    }
    trp_options_give(ret_details, size, &found, sizeof found);
    return found.incarnation ? TROUPE_OK : TROUPE_E_GONE;
}

/* ---- how much is said ---- */

/* Under crash_lock. A credit of a second's worth fills as time goes. */
static bool take_locked(trp_budget *budget, uint64_t now_ns, unsigned per_second,
                        uint64_t *ret_left_out)
{
    uint64_t price = TROUPE_SECOND / per_second;
    uint64_t passed = now_ns - budget->at_ns;

    budget->at_ns = now_ns;
    budget->credit_ns =
        passed > TROUPE_SECOND - budget->credit_ns ? TROUPE_SECOND : budget->credit_ns + passed;
    if (budget->credit_ns < price) {
        budget->left_out++;
        return false;
    }
    budget->credit_ns -= price;
    *ret_left_out = budget->left_out;
    budget->left_out = 0;
    return true;
}

void trp_budgets_init(troupe_system *system, unsigned per_second)
{
    uint64_t now_ns = troupe_now(system);
    trp_budget full = {.at_ns = now_ns, .credit_ns = TROUPE_SECOND};

    system->crash_lines = per_second ? per_second : TROUPE_CRASH_LINES_A_SECOND;
    system->line_budget = system->report_budget = full;
}

bool troupe_crash_report_due(troupe_system *system, uint64_t *ret_left_out)
{
    bool due;

    trp_mutex_lock(&system->crash_lock);
    due =
        take_locked(&system->report_budget, troupe_now(system), system->crash_lines, ret_left_out);
    trp_mutex_unlock(&system->crash_lock);
    return due;
}

bool troupe_crash_line_due(troupe_context *ctx)
{
    troupe_system *system = ctx->system;
    uint64_t left_out = 0;
    char words[64];
    bool due;

    if (!system->log.write)
        return false;
    trp_mutex_lock(&system->crash_lock);
    due = take_locked(&system->line_budget, troupe_now(system), system->crash_lines, &left_out);
    trp_mutex_unlock(&system->crash_lock);
    if (due && left_out) {
        snprintf(words, sizeof words, "%" PRIu64 " lines about crashes were left out", left_out);
        trp_log_line(ctx, TROUPE_LEVEL_WARN, "crash-lines", troupe_text(words));
    }
    return due;
}
