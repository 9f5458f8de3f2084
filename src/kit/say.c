/* say.c - what a supervisor writes into the log. */
#include "supervisor.h"

#include <inttypes.h>
#include <stdio.h>

const char *trp_exit_verb(troupe_exit_reason reason)
{
    switch (reason) {
    case TROUPE_EXIT_NORMAL:
        return "ended";
    case TROUPE_EXIT_CRASHED:
        return "crashed";
    case TROUPE_EXIT_KILLED:
        return "was killed";
    case TROUPE_EXIT_TIMEOUT:
        return "ran out of time";
    case TROUPE_EXIT_REFUSED:
        return "refused to start";
    case TROUPE_EXIT_GAVE_UP:
        return "gave up";
    case TROUPE_EXIT_RESTART:
        return "was stopped for a restart";
    case TROUPE_EXIT_ESCALATED:
        return "failed";
    case TROUPE_EXIT_STUCK:
        return "did not return";
    case TROUPE_EXIT_SHUTDOWN:
        return "shut down";
    case TROUPE_EXIT_GONE:
        break;
    }
    return "ended";
}

/* The budget is asked first: in a storm most lines are not written, and a text costs more than a restart. */
static void write_line(const trp_supervisor *self, troupe_context *ctx, const trp_record *record,
                       troupe_level level, const char *id, const char *decision)
{
    const char *why = record->text ? record->text : "";
    char name[TROUPE_NAME_MAX + 1];
    char text[TROUPE_EXIT_TEXT_MAX + TROUPE_NAME_MAX + 160];

    snprintf(text, sizeof text, "%s %s%s%s; %s", trp_record_name(self, record, true, name),
             trp_exit_verb(record->reason), why[0] ? ": " : "", why, decision);
    troupe_log_write(ctx, level, id, troupe_text(text));
}

void trp_say(const trp_supervisor *self, troupe_context *ctx, const trp_record *record,
             troupe_level level, const char *id, const char *decision)
{
    if (troupe_crash_line_due(ctx))
        write_line(self, ctx, record, level, id, decision);
}

void trp_say_timed(const trp_supervisor *self, troupe_context *ctx, const trp_record *record,
                   const char *id, const char *what, uint64_t ns)
{
    const trp_window *window = record->has_budget ? &record->budget : &self->window;
    char took[TRP_DURATION_MAX], within[TRP_DURATION_MAX], decision[128];

    if (!troupe_crash_line_due(ctx))
        return;
    snprintf(decision, sizeof decision, "%s %s (%" PRIu32 " of %" PRIu32 " in %s)", what,
             trp_duration_text(ns, took), record->n_counted, window->max,
             trp_duration_text(window->within_ns, within));
    write_line(self, ctx, record, TROUPE_LEVEL_WARN, id, decision);
}
