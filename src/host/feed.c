/* feed.c - lines of a descriptor become messages.
 *
 * Read in large pieces into one buffer, cut at newlines, sent through one context: the n-th line is the n-th
 * message of its sender. The buffer holds a piece and one line of the largest size, never more.
 */
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)
#define YIELDS 256

typedef struct feed {
    troupe_host *host;
    char *buffer;        /* PIECE + TROUPE_LINE_MAX + 1 bytes */
    size_t used;         /* of an unfinished line at its start */
    size_t skipped;      /* bytes of a line that is too long and unfinished; 0: none is */
    troupe_host_end end; /* TROUPE_HOST_END_OF_INPUT: goes on */
} feed;

/* Room comes within microseconds as a rule: give the processor away a few times before sleeping for longer
 * than a guest's message takes. False: a simulation can do no step, and room will never come. */
static bool wait_for_room(troupe_host *host, unsigned *n_tries)
{
    if (host->simulation || ++*n_tries > YIELDS)
        return trp_host_pause(host, 1);
    (void)sched_yield();
    return true;
}

/* Nothing of a line is lost: what cannot be sent now is tried again, until there is a reason to end. */
static bool send_line(feed *f, troupe_bytes line)
{
    troupe_host *host = f->host;
    unsigned n_waits = 0, n_tries = 0;

    for (;;) {
        troupe_status status = troupe_send(host->me, host->target, line);

        if (status == TROUPE_OK)
            return true;
        f->end = trp_host_why(host);
        if (f->end != TROUPE_HOST_END_OF_INPUT)
            break;
        bool away = status == TROUPE_E_GONE || status == TROUPE_E_UNAVAILABLE;
        if (status == TROUPE_E_CLOSED || (away && !trp_target_find(host, &n_tries)) ||
            !(away ? trp_host_pause(host, 1) : wait_for_room(host, &n_waits))) {
            f->end = TROUPE_HOST_TARGET_GONE;
            break;
        }
    }
    troupe_dead_letter_add(host->me, host->target, TROUPE_DEAD_ENDED, line.size);
    return false;
}

/* A simulation runs on between two lines for as many steps as its seed says. */
static void run_between(troupe_host *host)
{
    uint64_t steps = troupe_random(host->system) % 8;

    for (; steps > 0 && troupe_step(host->system); steps--)
        ;
}

/* False: feeding ends. */
static bool take_line(feed *f, const char *line, size_t size)
{
    troupe_host *host = f->host;
    size_t whole = f->skipped + size;
    bool too_long = whole > TROUPE_LINE_MAX;

    f->skipped = 0;
    host->n_lines++;
    if (too_long)
        troupe_dead_letter_add(host->me, host->target, TROUPE_DEAD_TOO_LARGE, whole);
    else if (!send_line(f, (troupe_bytes){line, size}))
        return false;
    if (host->simulation)
        run_between(host);
    if (trp_load_relaxed(&host->alarm)) /* a late look sends a line more */
        f->end = trp_host_why(host);
    return f->end == TROUPE_HOST_END_OF_INPUT;
}

/* Take every whole line of n bytes at the buffer's start; what is left moves to the start. */
static bool take_lines(feed *f, size_t n)
{
    char *at = f->buffer, *end = f->buffer + n, *newline = f->buffer + f->used;

    while ((newline = memchr(newline, '\n', (size_t)(end - newline))) != NULL) {
        if (!take_line(f, at, (size_t)(newline - at)))
            return false;
        at = ++newline;
    }
    f->used = (size_t)(end - at);
    if (f->skipped > 0 || f->used > TROUPE_LINE_MAX) {
        f->skipped += f->used;
        f->used = 0;
    } else if (f->used > 0 && at != f->buffer) {
        memmove(f->buffer, at, f->used);
    }
    return true;
}

/* Bytes read, 0 at the end, -1 on an error or when there is a reason to end. */
static ssize_t read_piece(feed *f, int fd)
{
    for (;;) {
        struct pollfd ready[2] = {{.fd = fd, .events = POLLIN},
                                  {.fd = f->host->wake_fd, .events = POLLIN}};
        int n = poll(ready, 2, -1);

        if (n < 0 && errno != EINTR)
            return -1;
        if (trp_load_seq(&f->host->alarm)) {
            f->end = trp_host_why(f->host);
            return -1;
        }
        if (n <= 0 || ready[0].revents == 0)
            continue;
        if (ready[0].revents & POLLNVAL) {
            errno = EBADF;
            return -1;
        }
        ssize_t got = read(fd, f->buffer + f->used, PIECE);
        if (got >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
            return got;
    }
}

static void feed_all(feed *f, int fd, troupe_error *error)
{
    ssize_t n;

    while ((n = read_piece(f, fd)) > 0)
        if (!take_lines(f, f->used + (size_t)n))
            return;
    if (n == 0 && (f->used > 0 || f->skipped > 0)) {
        (void)take_line(f, f->buffer, f->used); /* the last line has no newline */
    } else if (n < 0 && f->end == TROUPE_HOST_END_OF_INPUT) {
        f->end = TROUPE_HOST_IN_FAILED;
        (void)troupe_error_set(error, TROUPE_E_IO,
                               "the input cannot be read: %s; give it a file or a pipe",
                               strerror(errno));
    }
}

troupe_host_end troupe_host_feed(troupe_host *host, int fd, troupe_error *error)
{
    feed f = {.host = host, .end = TROUPE_HOST_END_OF_INPUT};

    f.buffer = trp_alloc(PIECE + TROUPE_LINE_MAX + 1);
    if (f.buffer == NULL) {
        (void)troupe_error_set(error, TROUPE_E_NO_MEMORY, "memory is out");
        return TROUPE_HOST_IN_FAILED;
    }
    host->feed_began = trp_monotonic_ns();
    feed_all(&f, fd, error);
    trp_free(f.buffer);
    return f.end;
}

troupe_host_end troupe_host_wait(troupe_host *host)
{
    for (;;) {
        troupe_host_end end = trp_host_why(host);

        if (end != TROUPE_HOST_END_OF_INPUT || !trp_host_pause(host, -1))
            return end;
    }
}
