#include "log_sink.h"

#include "visible.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Standard error that nobody reads is no reason to end. */
static void put_line(const trp_log_sink *sink, const char *line, size_t n)
{
    while (n > 0) {
        ssize_t wrote = write(sink->fd, line, n);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return;
        line += wrote;
        n -= (size_t)wrote;
    }
}

static void fill_bucket(trp_log_sink *sink)
{
    uint64_t now = trp_monotonic_ns(), passed = now - sink->filled_ns;
    uint64_t more =
        passed >= 10 * TROUPE_SECOND ? TRP_LOG_BURST : passed * TRP_LOG_PER_SECOND / TROUPE_SECOND;

    if (more == 0)
        return;
    sink->filled_ns = now;
    sink->tokens = sink->tokens + more > TRP_LOG_BURST ? TRP_LOG_BURST : sink->tokens + more;
}

static void say_dropped(trp_log_sink *sink)
{
    char text[96];
    int size = snprintf(text, sizeof(text), "(%llu log lines dropped: over %llu KiB a second)\n",
                        (unsigned long long)sink->n_dropped,
                        (unsigned long long)(TRP_LOG_PER_SECOND >> 10));

    put_line(sink, text, (size_t)size);
    sink->n_dropped = 0;
}

static void put_capped(trp_log_sink *sink, const char *line)
{
    size_t n = strlen(line);

    fill_bucket(sink);
    if (n > sink->tokens) {
        sink->n_dropped++;
        return;
    }
    sink->tokens -= n;
    if (sink->n_dropped > 0)
        say_dropped(sink);
    put_line(sink, line, n);
}

static void drop_held(trp_log_sink *sink, size_t at)
{
    sink->n_held--;
    memmove(&sink->held[at], &sink->held[at + 1], (sink->n_held - at) * sizeof(sink->held[0]));
}

static void hold(trp_log_sink *sink, const char *name, const char *line)
{
    if (sink->n_held == TRP_LOG_HELD) {
        put_capped(sink, sink->held[0].line);
        drop_held(sink, 0);
    }
    trp_held_crash *held = &sink->held[sink->n_held++];
    held->since_ns = trp_monotonic_ns();
    (void)snprintf(held->name, sizeof(held->name), "%s", name);
    (void)snprintf(held->line, sizeof(held->line), "%s", line);
}

/* Crashes held back, of the one that a supervisor's line begins with; NULL: of all. */
static void settle(trp_log_sink *sink, const char *decision)
{
    for (size_t i = 0; i < sink->n_held;) {
        size_t n = strlen(sink->held[i].name);

        if (decision == NULL)
            put_capped(sink, sink->held[i].line);
        else if (strncmp(decision, sink->held[i].name, n) != 0 || decision[n] != ' ') {
            i++;
            continue;
        }
        drop_held(sink, i);
        if (decision != NULL)
            return;
    }
}

/* A supervisor that ends itself decides nothing about a child that crashed meanwhile. */
static void settle_old(trp_log_sink *sink)
{
    while (sink->n_held > 0 && trp_monotonic_ns() - sink->held[0].since_ns > TRP_LOG_HELD_FOR) {
        put_capped(sink, sink->held[0].line);
        drop_held(sink, 0);
    }
}

/* A supervisor that gave up says why, and then crashes with the same words, and where it was. */
static bool said_already(const trp_log_sink *sink, const troupe_log_line *line)
{
    return sink->gave_up_size > 0 && line->text.size >= sink->gave_up_size &&
           memcmp(line->text.data, sink->gave_up, sink->gave_up_size) == 0;
}

static void note_gave_up(trp_log_sink *sink, const troupe_log_line *line)
{
    sink->gave_up_size =
        line->text.size < sizeof(sink->gave_up) ? line->text.size : sizeof(sink->gave_up);
    memcpy(sink->gave_up, line->text.data, sink->gave_up_size);
}

/* One line for people, its newline included. */
static void compose(const troupe_log_line *line, char *to, size_t size)
{
    char text[TRP_LOG_LINE - 200];
    const char *name = line->name[0] == '\0' ? "troupe" : line->name;
    const char *level = line->level == TROUPE_LEVEL_WARN    ? "warning: "
                        : line->level == TROUPE_LEVEL_ERROR ? "error: "
                                                            : "";

    (void)trp_visible(line->text, text, sizeof(text));
    if (strncmp(line->id, "child-", 6) == 0)
        (void)snprintf(to, size, "%s\n", text);
    else if (strcmp(line->id, "component-crashed") == 0)
        (void)snprintf(to, size, "%s crashed: %s\n", name, text);
    else if (strcmp(line->id, "supervisor-gave-up") == 0)
        (void)snprintf(to, size, "%s gave up: %s\n", name, text);
    else if (strcmp(line->id, "component-stuck") == 0)
        (void)snprintf(to, size, "%s is stuck: %s; it was given up\n", name, text);
    else if (strcmp(line->id, "guest-log") == 0)
        (void)snprintf(to, size, "%s: %s%s\n", name, level, text);
    else if (strcmp(line->id, "message-failed") == 0)
        (void)snprintf(to, size, "%s: a message failed: %s\n", name, text);
    else
        (void)snprintf(to, size, "%s: %s%s: %s\n", name, level, line->id, text);
}

void trp_log_sink_init(trp_log_sink *sink, int fd)
{
    *sink = (trp_log_sink){.fd = fd, .tokens = TRP_LOG_BURST, .holding = true};
    sink->filled_ns = trp_monotonic_ns();
    trp_mutex_init(&sink->mutex);
}

void trp_log_sink_write(void *arg, const troupe_log_line *line)
{
    trp_log_sink *sink = arg;
    char text[TRP_LOG_LINE];

    if (sink->fd < 0 || line->level < TROUPE_LEVEL_INFO)
        return;
    compose(line, text, sizeof(text));
    trp_mutex_lock(&sink->mutex);
    settle_old(sink);
    if (strcmp(line->id, "component-crashed") == 0 && said_already(sink, line)) {
        sink->gave_up_size = 0;
    } else if (strcmp(line->id, "component-crashed") == 0 && sink->holding) {
        hold(sink, line->name, text);
    } else {
        if (strncmp(line->id, "child-", 6) == 0)
            settle(sink, text);
        if (strcmp(line->id, "supervisor-gave-up") == 0) {
            settle(sink, NULL);
            note_gave_up(sink, line);
        }
        put_capped(sink, text);
    }
    trp_mutex_unlock(&sink->mutex);
}

void trp_log_sink_hold_no_more(trp_log_sink *sink)
{
    trp_mutex_lock(&sink->mutex);
    sink->holding = false;
    settle(sink, NULL);
    trp_mutex_unlock(&sink->mutex);
}

void trp_log_sink_forget(trp_log_sink *sink)
{
    trp_mutex_lock(&sink->mutex);
    sink->n_held = 0;
    trp_mutex_unlock(&sink->mutex);
}

void trp_log_sink_fini(trp_log_sink *sink)
{
    trp_log_sink_hold_no_more(sink);
    if (sink->n_dropped > 0)
        say_dropped(sink);
    trp_mutex_fini(&sink->mutex);
}
