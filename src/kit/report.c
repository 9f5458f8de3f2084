/* report.c - one structured report for each crash: who, why, doing what, and what its supervisor decided.
 *
 * Begun when the end is heard of, filled by whoever decides, made when the decision stands: all in one turn. What is
 * over the system's budget is only counted.
 */
#include "supervisor.h"

#include "audience.h"
#include "trp/os.h"
#include "trp/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the struct ---- */

static bool is_worth_one(troupe_exit_reason reason)
{
    return trp_is_crash(reason) || reason == TROUPE_EXIT_ESCALATED;
}

/* Without memory there is none: as one that was left out, but uncounted. */
void trp_report_begin(trp_supervisor *self, troupe_context *ctx, const trp_record *record,
                      const troupe_exit *end)
{
    troupe_system *system = troupe_system_of(ctx);
    uint64_t left_out = 0;
    troupe_crash_report *report;
    troupe_info info;

    if (!is_worth_one(end->reason) || !troupe_crash_report_due(system, &left_out))
        return;
    report = self->report = trp_alloc_zeroed(sizeof *report);
    if (!report)
        return;
    report->at_ns = troupe_now(system);
    report->left_out = left_out;
    report->supervisor = troupe_self(ctx);
    report->exit = *end;
    report->restarts = record->n_restarts;
    (void)troupe_last_crash(system, end->id, &report->details);
    if (troupe_info_of(system, end->id, &info) == TROUPE_OK) {
        report->handled = info.handled;
        report->failed = info.failed;
        report->crashes = info.crashes;
    }
    (void)trp_record_name(self, record, false, report->name);
    troupe_name_of(system, report->supervisor, report->supervisor_name);
}

void trp_report_decision(trp_supervisor *self, const trp_record *record, troupe_decision decision,
                         uint64_t wait_ns, const char *why)
{
    troupe_crash_report *report = self->report;
    const trp_window *window = record->has_budget ? &record->budget : &self->window;

    if (!report || report->decision != TROUPE_DECISION_NONE)
        return;
    report->decision = decision;
    report->wait_ns = wait_ns;
    report->n_counted = window->count;
    report->max_restarts = window->max;
    report->within_ns = window->within_ns;
    snprintf(report->why, sizeof report->why, "%s", why);
}

void trp_report_end(trp_supervisor *self, troupe_context *ctx)
{
    troupe_crash_report *report = self->report;
    char *text;

    if (!report)
        return;
    self->report = NULL;
    text = trp_alloc(TROUPE_CRASH_REPORT_TEXT);
    if (text)
        troupe_log_write(ctx, TROUPE_LEVEL_DEBUG, "crash-report",
                         troupe_text(troupe_crash_report_text(report, text)));
    trp_free(text);
    if (self->plan.reports)
        trp_topics_tell(self->plan.reports, ctx, TROUPE_TEXT(TROUPE_CRASH_REPORTS_TOPIC),
                        TROUPE_BYTES_OF(*report));
    trp_free(report);
}

const char *troupe_decision_name(troupe_decision decision)
{
    static const char *const names[] = {[TROUPE_DECISION_NONE] = "none",
                                        [TROUPE_DECISION_RESTART] = "restart",
                                        [TROUPE_DECISION_SIBLINGS] = "siblings",
                                        [TROUPE_DECISION_RELEASE] = "release",
                                        [TROUPE_DECISION_LEAVE_DOWN] = "leave down",
                                        [TROUPE_DECISION_GIVE_UP] = "give up",
                                        [TROUPE_DECISION_STOP] = "stop",
                                        [TROUPE_DECISION_FAIL_START] = "fail start"};

    return (size_t)decision < sizeof names / sizeof *names ? names[decision] : "unknown decision";
}

/* ---- the line ---- */

struct writer {
    char *at, *end; /* end: of what may be written, before the 0 */
};

static void put(struct writer *writer, const char *format, ...) TROUPE_PRINTF(2, 3);

static void put(struct writer *writer, const char *format, ...)
{
    size_t room = (size_t)(writer->end - writer->at);
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(writer->at, room + 1, format, arguments);
    va_end(arguments);
    writer->at += n > 0 && (size_t)n < room ? (size_t)n : n > 0 ? room : 0;
}

static void put_text(struct writer *writer, const char *text)
{
    size_t left = strlen(text), size;

    put(writer, "\"");
    for (; left > 0; text += size, left -= size) {
        size = trp_utf8_length((const unsigned char *)text, left); /* 0: no UTF-8 here */
        if (size == 0) {
            put(writer, "\\ufffd");
            size = 1;
        } else if (*text == '"' || *text == '\\') {
            put(writer, "\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            put(writer, "\\u%04x", (unsigned)(unsigned char)*text);
        } else {
            put(writer, "%.*s", (int)size, text);
        }
    }
    put(writer, "\"");
}

static void put_field(struct writer *writer, const char *key, const char *text)
{
    put(writer, ",\"%s\":", key);
    put_text(writer, text);
}

static void put_number(struct writer *writer, const char *key, uint64_t number)
{
    put(writer, ",\"%s\":%" PRIu64, key, number);
}

static void put_details(struct writer *writer, const troupe_crash_details *details)
{
    if (details->has_message) {
        put(writer, ",\"message\":{\"kind\":\"%s\"", details->is_request ? "request" : "send");
        put_number(writer, "sequence", details->sequence);
        put_number(writer, "size", details->size);
        put(writer, "}");
    }
    put(writer, ",\"log\":[");
    for (uint32_t i = 0; i < details->n_lines && i < TROUPE_CRASH_LINES; i++) {
        put(writer, "%s", i ? "," : "");
        put_text(writer, details->lines[i]);
    }
    put(writer, "]");
}

char *troupe_crash_report_text(const troupe_crash_report *report, char *buffer)
{
    struct writer writer = {buffer, buffer + TROUPE_CRASH_REPORT_TEXT - 1};

    put(&writer, "{\"at_ns\":%" PRIu64, report->at_ns);
    put_field(&writer, "name", report->name);
    put_number(&writer, "id", report->exit.id.value);
    put_number(&writer, "incarnation", report->exit.incarnation);
    put_field(&writer, "supervisor", report->supervisor_name);
    put_number(&writer, "supervisor_id", report->supervisor.value);
    put_field(&writer, "reason", troupe_exit_reason_name(report->exit.reason));
    put_field(&writer, "operation", troupe_operation_name(report->exit.operation));
    put_field(&writer, "text", report->exit.text);
    put_details(&writer, &report->details);
    put_number(&writer, "handled", report->handled);
    put_number(&writer, "failed", report->failed);
    put_number(&writer, "crashes", report->crashes);
    put_number(&writer, "restarts", report->restarts);
    put_field(&writer, "decision", troupe_decision_name(report->decision));
    put_field(&writer, "why", report->why);
    put_number(&writer, "wait_ns", report->wait_ns);
    put_number(&writer, "counted", report->n_counted);
    put_number(&writer, "max_restarts", report->max_restarts);
    put_number(&writer, "within_ns", report->within_ns);
    put_number(&writer, "left_out", report->left_out);
    put(&writer, "}");
    return buffer;
}
