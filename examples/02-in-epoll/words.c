/* words.c - components inside a plain epoll loop: no thread but this one, and no lock.
 *
 * The loop has a source of its own (standard input), and one for everything that components do. Each line goes to a
 * component as a message; its handlers run here, on the loop's thread, when the descriptor says that one has work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "troupe/actor.h"

/* ---- the component: counts the words of what it receives ---- */

typedef struct counter {
    unsigned lines, words;
} counter;

static unsigned count_words(troupe_bytes text)
{
    const unsigned char *byte = text.data;
    unsigned n = 0;

    for (size_t i = 0; i < text.size; i++)
        n += byte[i] > ' ' && (i == 0 || byte[i - 1] <= ' ');
    return n;
}

static troupe_status count_line(void *self, troupe_context *ctx, const troupe_message *message)
{
    counter *sum = self;
    unsigned words = count_words(message->payload);

    (void)ctx;
    sum->lines++;
    sum->words += words;
    printf("line %u: %u words\n", sum->lines, words);
    return TROUPE_OK;
}

static troupe_status print_sum(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    const counter *sum = self;

    (void)ctx;
    (void)reason;
    printf("%u words in %u lines\n", sum->words, sum->lines);
    return TROUPE_OK;
}

static const troupe_child_ops counter_child = {.pre_stop = print_sum};
static const troupe_actor_ops counter_actor = {.handle_message = count_line};

/* ---- the loop ---- */

static void must(int holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(1);
}

static void watch(int loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    must(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

/* Sends each whole line to the component; at the end of input the component is asked to stop. */
static void read_lines(int loop, troupe_context *me, troupe_id target)
{
    static char kept[4096];
    static size_t n_kept;
    ssize_t n = read(STDIN_FILENO, kept + n_kept, sizeof kept - n_kept);
    char *line = kept, *end;

    if (n <= 0) {
        epoll_ctl(loop, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        troupe_stop(me, target, TROUPE_STOP_REQUESTED);
        return;
    }
    n_kept += (size_t)n;
    while ((end = memchr(line, '\n', n_kept - (size_t)(line - kept)))) {
        must(troupe_send(me, target, (troupe_bytes){line, (size_t)(end - line)}) == TROUPE_OK,
             "troupe_send");
        line = end + 1;
    }
    n_kept -= (size_t)(line - kept);
    memmove(kept, line, n_kept);
    must(n_kept < sizeof kept, "a line is too long");
}

int main(void)
{
    TROUPE_AUTO(troupe_system) *system = NULL;
    TROUPE_AUTO(troupe_context) *me = NULL;
    int loop = epoll_create1(EPOLL_CLOEXEC);
    troupe_id target;
    troupe_info info;

    must(loop >= 0, "epoll_create1");
    must(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true), &system) == TROUPE_OK, "system");
    must((me = troupe_attach(system)) != NULL, "attach");
    must(troupe_spawn(me,
                      TROUPE_SPEC(.child = &counter_child, .actor = &counter_actor,
                                  .state_size = sizeof(counter), .drain = true,
                                  .on_full = TROUPE_ON_FULL_BLOCK),
                      &target) == TROUPE_OK,
         "spawn");

    watch(loop, STDIN_FILENO);
    watch(loop, troupe_descriptor(system));
    while (troupe_info_of(system, target, &info) == TROUPE_OK) {
        struct epoll_event event;

        if (epoll_wait(loop, &event, 1, -1) <= 0)
            continue; /* a signal */
        if (event.data.fd == STDIN_FILENO)
            read_lines(loop, me, target);
        else
            troupe_run_once(system, TROUPE_MILLISECOND); /* what is left keeps it readable */
    }
    close(loop);
    return 0;
}
