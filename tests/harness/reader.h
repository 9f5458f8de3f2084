/* reader.h - a native component that waits for a descriptor, with a job that blocks in poll, and who asks it.
 *
 *   asker --request--> reader --offload--> job: poll(descriptor, end of wait) --troupe_wake--> resume --reply--> asker
 *
 * Header only, because each test is one source. Nothing sleeps: a test waits for messages.
 */
#ifndef TRP_READER_H
#define TRP_READER_H

#include "troupe/actor.h"
#include "trp/atomic.h"
#include "trp/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PATIENCE (30 * TROUPE_SECOND)

/* What the reader and its supervisor tell the thread that runs the test. */
enum word { WAITS = 'w', ANSWERED = 'a', HELD = 'h', STARTED = 's', DOWN = 'd' };

struct tidings {
    char word;
    uint32_t life;
    troupe_status status;      /* answered */
    troupe_exit_reason reason; /* held, down */
    char text[32];
};

struct fixture {
    troupe_system *system;
    troupe_context *me;
    troupe_id thread, reader, asker, keeper;
    int read_from, write_to;
    _Atomic uint32_t n_resumed, n_abandoned, n_ended, n_handled, n_jobs;
};

static void tell(troupe_context *ctx, const struct fixture *f, struct tidings tidings)
{
    assert_int_equal(troupe_send(ctx, f->thread, TROUPE_BYTES_OF(tidings)), TROUPE_OK);
}

/* ---- the job: waits in poll, off the workers ---- */

struct wait {
    struct fixture *fixture;
    troupe_id id;
    uint32_t life;
    int ended;             /* an eventfd: nobody wants it any more */
    _Atomic uint32_t refs; /* the reader, the job */
    size_t size;           /* the job's until it woke the reader */
    char bytes[32];
};

static void unref(struct wait *wait)
{
    if (trp_sub_acq_rel(&wait->refs, 1) != 1) /* pairs with the other's */
        return;
    close(wait->ended);
    trp_free(wait);
}

static void wait_and_read(void *argument)
{
    struct wait *wait = argument;
    struct fixture *f = wait->fixture;
    struct pollfd fds[2] = {{.fd = f->read_from, .events = POLLIN},
                            {.fd = wait->ended, .events = POLLIN}};

    if (poll(fds, 2, -1) > 0 && !(fds[1].revents & POLLIN)) {
        ssize_t size = read(f->read_from, wait->bytes, sizeof wait->bytes);

        wait->size = size > 0 ? (size_t)size : 0;
    }
    troupe_wake(f->system, wait->id, wait->life);
    trp_sub_seq(&f->n_jobs, 1);
    unref(wait);
}

/* ---- the reader ---- */

struct reader {
    struct fixture *fixture;
    struct wait *wait; /* while it is pending */
};

static troupe_status reader_starts(void *self, const troupe_start *start)
{
    ((struct reader *)self)->fixture = (struct fixture *)(uintptr_t)start->argument;
    return TROUPE_OK;
}

static void reader_ends(void *self)
{
    trp_add_seq(&((struct reader *)self)->fixture->n_ended, 1);
}

static troupe_status begin_wait(struct reader *reader, troupe_context *ctx)
{
    struct wait *wait = trp_alloc_zeroed(sizeof *wait);

    if (!wait)
        return TROUPE_E_NO_MEMORY;
    wait->fixture = reader->fixture;
    wait->id = troupe_self(ctx);
    wait->life = troupe_incarnation(ctx);
    wait->ended = eventfd(0, EFD_CLOEXEC);
    trp_store_relaxed(&wait->refs, 2); /* nobody else knows it yet */
    reader->wait = wait;
    trp_add_seq(&reader->fixture->n_jobs, 1);
    if (troupe_offload(reader->fixture->system, wait_and_read, wait) != TROUPE_OK)
        return TROUPE_E_IO;
    tell(ctx, reader->fixture, (struct tidings){.word = WAITS, .life = wait->life});
    return TROUPE_PENDING;
}

static troupe_status reader_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct reader *reader = self;
    char order = *(const char *)message->payload.data;

    assert_null(reader->wait); /* nothing is handled during a wait */
    if (order == 'r')
        return begin_wait(reader, ctx);
    if (order == 'c') {
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as told");
        return TROUPE_OK;
    }
    if (order == 'k') { /* a wake that comes before the wait */
        troupe_wake(reader->fixture->system, troupe_self(ctx), troupe_incarnation(ctx));
        return TROUPE_PENDING;
    }
    trp_add_seq(&reader->fixture->n_handled, 1);
    return TROUPE_OK;
}

static troupe_status reader_resumes(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct reader *reader = self;
    struct wait *wait = reader->wait;
    troupe_status status;

    trp_add_seq(&reader->fixture->n_resumed, 1);
    assert_non_null(message); /* a handler waits, no hook */
    if (!wait)
        return troupe_reply(ctx, TROUPE_TEXT("kept"));
    reader->wait = NULL;
    status = wait->size ? troupe_reply(ctx, (troupe_bytes){wait->bytes, wait->size})
                        : TROUPE_E_FAILED; /* woken, and there is nothing */
    unref(wait);
    return status;
}

static void reader_abandons(void *self, troupe_context *ctx)
{
    struct reader *reader = self;
    uint64_t one = 1;

    (void)ctx;
    trp_add_seq(&reader->fixture->n_abandoned, 1);
    assert_int_equal(write(reader->wait->ended, &one, sizeof one), sizeof one);
    unref(reader->wait);
    reader->wait = NULL;
}

static const troupe_child_ops reader_child = {.pre_start = reader_starts, .post_stop = reader_ends};
static const troupe_actor_ops reader_ops = {
    .handle_message = reader_message, .resume = reader_resumes, .abandon = reader_abandons};

static troupe_spec reader_spec(struct fixture *f)
{
    return *TROUPE_SPEC(.name = "reader", .child = &reader_child, .actor = &reader_ops,
                        .state_size = sizeof(struct reader), .argument = f);
}

/* ---- the asker: passes an order on as a request, and tells the outcome ---- */

static troupe_status asker_starts(void *self, const troupe_start *start)
{
    *(struct fixture **)self = (struct fixture *)(uintptr_t)start->argument;
    return TROUPE_OK;
}

static troupe_status asker_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    const struct fixture *f = *(struct fixture **)self;
    troupe_correlation correlation;

    return troupe_request(ctx, f->reader, message->payload, PATIENCE, &correlation);
}

static void asker_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct tidings tidings = {.word = ANSWERED, .status = answer->status};

    snprintf(tidings.text, sizeof tidings.text, "%.*s", (int)answer->payload.size,
             answer->payload.size ? (const char *)answer->payload.data : "");
    tell(ctx, *(struct fixture **)self, tidings);
}

static const troupe_child_ops asker_child = {.pre_start = asker_starts};
static const troupe_actor_ops asker_ops = {.handle_message = asker_message,
                                           .handle_reply = asker_reply};

/* ---- the fixture ---- */

static troupe_id spawn_with(struct fixture *f, const troupe_child_ops *child,
                            const troupe_actor_ops *actor, size_t state_size)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.child = child, .actor = actor,
                                              .state_size = state_size, .argument = f),
                                  &id),
                     TROUPE_OK);
    return id;
}

/* A system with an asker; the reader comes from the test. */
static struct fixture *open_fixture(void)
{
    static struct fixture f;
    int ends[2];

    memset(&f, 0, sizeof f);
    assert_int_equal(pipe(ends), 0);
    f.read_from = ends[0];
    f.write_to = ends[1];
    assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.workers = 2), &f.system), TROUPE_OK);
    f.me = troupe_attach(f.system);
    assert_non_null(f.me);
    f.thread = troupe_self(f.me);
    f.asker = spawn_with(&f, &asker_child, &asker_ops, sizeof(struct fixture *));
    return &f;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    troupe_totals totals;
    uint64_t walked;
    bool well;

    troupe_system_stop(f->system);
    walked = troupe_account_now(f->system, &totals);
    well = totals.live == 0 && totals.sent == totals.handled + totals.dead_letters + walked;
    troupe_detach(f->me);
    troupe_system_free(f->system); /* joins the threads of the jobs */
    close(f->read_from);
    close(f->write_to);
    return well && trp_load_seq(&f->n_jobs) == 0 ? 0 : -1;
}

static void order(struct fixture *f, troupe_id whom, const char *what)
{
    assert_int_equal(troupe_send(f->me, whom, troupe_text(what)), TROUPE_OK);
}

static struct tidings expect(struct fixture *f, enum word word)
{
    struct tidings tidings = {0};
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, PATIENCE, &message), TROUPE_OK);
    assert_int_equal(message.payload.size, sizeof tidings);
    memcpy(&tidings, message.payload.data, sizeof tidings);
    assert_int_equal(tidings.word, word);
    return tidings;
}

static void expect_answer(struct fixture *f, troupe_status status, const char *text)
{
    struct tidings answer = expect(f, ANSWERED);

    assert_int_equal(answer.status, status);
    if (text)
        assert_string_equal(answer.text, text);
}

static void feed(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->write_to, text, strlen(text)), strlen(text));
}

static troupe_dead_reason last_dead_reason(struct fixture *f)
{
    troupe_dead_letter letter;

    assert_int_equal(troupe_dead_letters(f->system, &letter, 1), 1);
    return letter.reason;
}

#endif
