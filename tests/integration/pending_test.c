/* A native component that waits for a descriptor: TROUPE_PENDING, troupe_wake, resume and abandon, through the real
 * executor, with a job that blocks in poll. And a supervisor written by hand: held, troupe_restart, troupe_release.
 *
 *   asker --request--> reader --offload--> job: poll(descriptor, end of wait) --troupe_wake--> resume --reply--> asker
 */
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

/* ---- the keeper: a supervisor that decides only when it is told to ---- */

struct keeper {
    struct fixture *fixture;
    troupe_id child;
};

static troupe_status keeper_starts(void *self, const troupe_start *start)
{
    ((struct keeper *)self)->fixture = (struct fixture *)(uintptr_t)start->argument;
    return TROUPE_OK;
}

static troupe_status keeper_started(void *self, troupe_context *ctx)
{
    struct keeper *keeper = self;
    troupe_spec spec = reader_spec(keeper->fixture);
    troupe_status status;

    spec.supervised = true;
    status = troupe_spawn(ctx, &spec, &keeper->child);
    keeper->fixture->reader = keeper->child;
    return status;
}

static troupe_status keeper_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct keeper *keeper = self;

    switch (*(const char *)message->payload.data) {
    case 'r':
        return troupe_restart(ctx, keeper->child);
    case 'l':
        return troupe_release(ctx, keeper->child, false);
    default:
        return troupe_release(ctx, keeper->child, true);
    }
}

static void keeper_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct keeper *keeper = self;
    struct tidings tidings = {.life = notice->exit.incarnation, .reason = notice->exit.reason};

    assert_int_equal(notice->exit.id.value, keeper->fixture->reader.value);
    tidings.word = notice->event == TROUPE_EVENT_STARTED      ? STARTED
                   : notice->event == TROUPE_EVENT_CHILD_EXIT ? HELD
                                                              : DOWN;
    snprintf(tidings.text, sizeof tidings.text, "%.31s", notice->exit.text);
    tell(ctx, keeper->fixture, tidings);
}

static const troupe_child_ops keeper_child = {.pre_start = keeper_starts,
                                              .post_start = keeper_started};
static const troupe_actor_ops keeper_ops = {.handle_message = keeper_message,
                                            .handle_down = keeper_down};

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

static int open_fixture(void **state, bool supervised)
{
    static struct fixture f;
    int ends[2];
    troupe_spec spec = reader_spec(&f);

    memset(&f, 0, sizeof f);
    if (pipe(ends) != 0)
        return -1;
    f.read_from = ends[0];
    f.write_to = ends[1];
    assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.workers = 2), &f.system), TROUPE_OK);
    f.me = troupe_attach(f.system);
    assert_non_null(f.me);
    f.thread = troupe_self(f.me);
    if (supervised)
        f.keeper = spawn_with(&f, &keeper_child, &keeper_ops, sizeof(struct keeper));
    else
        assert_int_equal(troupe_spawn(f.me, &spec, &f.reader), TROUPE_OK);
    f.asker = spawn_with(&f, &asker_child, &asker_ops, sizeof(struct fixture *));
    *state = &f;
    return 0;
}

static int alone(void **state)
{
    return open_fixture(state, false);
}

static int supervised(void **state)
{
    return open_fixture(state, true);
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    troupe_totals totals;
    bool well;

    troupe_system_stop(f->system);
    troupe_totals_now(f->system, &totals);
    well = totals.live == 0 &&
           totals.sent == totals.handled + totals.dead_letters + troupe_walk_mailboxes(f->system);
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

static troupe_info info_of(struct fixture *f, troupe_id id)
{
    troupe_info info;

    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    return info;
}

static troupe_dead_reason last_dead_reason(struct fixture *f)
{
    troupe_dead_letter letter;

    assert_int_equal(troupe_dead_letters(f->system, &letter, 1), 1);
    return letter.reason;
}

/* ---- waiting ---- */

static void test_pending_handler_answers_when_its_descriptor_has_something(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 1; i <= 100; i++) {
        order(f, f->asker, "read");
        expect(f, WAITS);
        feed(f, "news");
        expect_answer(f, TROUPE_OK, "news");
        assert_int_equal(trp_load_seq(&f->n_resumed), i);
    }
    assert_int_equal(trp_load_seq(&f->n_abandoned), 0);
}

static void test_pending_handler_lets_no_message_pass(void **state)
{
    struct fixture *f = *state;

    order(f, f->asker, "read");
    expect(f, WAITS);
    for (int i = 0; i < 3; i++)
        order(f, f->reader, "more");
    assert_int_equal(troupe_waiting(f->system, f->reader), 4); /* the one at hand too */
    assert_int_equal(trp_load_seq(&f->n_handled), 0);
    feed(f, "now");
    expect_answer(f, TROUPE_OK, "now");
    order(f, f->asker, "read"); /* behind the three */
    expect(f, WAITS);
    assert_int_equal(trp_load_seq(&f->n_handled), 3);
    feed(f, "again");
    expect_answer(f, TROUPE_OK, "again");
}

static void test_wake_before_the_wait_is_kept(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 1000; i++) {
        order(f, f->asker, "kept?");
        expect_answer(f, TROUPE_OK, "kept");
    }
}

static void test_stop_abandons_the_wait_and_cancels_the_request(void **state)
{
    struct fixture *f = *state;
    troupe_exit exit;

    order(f, f->asker, "read");
    expect(f, WAITS);
    assert_int_equal(troupe_stop(f->me, f->reader, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_answer(f, TROUPE_E_CANCELLED, NULL);
    assert_int_equal(troupe_wait_end(f->me, f->reader, PATIENCE, &exit), TROUPE_OK);
    assert_int_equal(exit.reason, TROUPE_EXIT_NORMAL);
    assert_int_equal(last_dead_reason(f), TROUPE_DEAD_ABANDONED);
    assert_int_equal(trp_load_seq(&f->n_abandoned), 1);
    assert_int_equal(trp_load_seq(&f->n_resumed), 0);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
}

static void test_kill_abandons_the_wait(void **state)
{
    struct fixture *f = *state;

    order(f, f->asker, "read");
    expect(f, WAITS);
    order(f, f->reader, "more");
    assert_int_equal(troupe_kill(f->me, f->reader), TROUPE_OK);
    expect_answer(f, TROUPE_E_CRASHED, "killed");
    assert_int_equal(troupe_wait_end(f->me, f->reader, PATIENCE, NULL), TROUPE_OK);
    assert_int_equal(last_dead_reason(f), TROUPE_DEAD_KILLED);
    assert_int_equal(trp_load_seq(&f->n_abandoned), 1);
    assert_int_equal(trp_load_seq(&f->n_resumed), 0);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
    assert_int_equal(trp_load_seq(&f->n_handled), 0);
}

static void test_shutdown_ends_a_wait(void **state)
{
    struct fixture *f = *state;

    order(f, f->asker, "read");
    expect(f, WAITS);
    troupe_system_stop(f->system);
    assert_int_equal(trp_load_seq(&f->n_abandoned), 1);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
}

/* ---- held ---- */

static void test_wake_of_an_earlier_life_is_dropped(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    order(f, f->asker, "read");
    assert_int_equal(expect(f, WAITS).life, 1);
    assert_int_equal(troupe_kill(f->me, f->reader), TROUPE_OK);
    for (int i = 0; i < 2; i++) { /* two senders: in any order */
        troupe_message message;

        assert_int_equal(troupe_receive(f->me, PATIENCE, &message), TROUPE_OK);
        assert_non_null(strchr("ha", *(const char *)message.payload.data));
    }
    order(f, f->keeper, "restart");
    assert_int_equal(expect(f, STARTED).life, 2);
    order(f, f->asker, "read");
    assert_int_equal(expect(f, WAITS).life, 2);
    for (int i = 0; i < 100; i++)
        troupe_wake(f->system, f->reader, 1);
    feed(f, "second life");
    expect_answer(f, TROUPE_OK,
                  "second life"); /* had it been woken there would have been nothing */
    assert_int_equal(trp_load_seq(&f->n_resumed), 1);
}

static void test_held_component_keeps_what_waits_for_its_next_life(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    for (uint32_t life = 1; life <= 50; life++) {
        struct tidings held;

        order(f, f->reader, "crash");
        order(f, f->reader, "more");
        held = expect(f, HELD);
        assert_int_equal(held.life, life);
        assert_int_equal(held.reason, TROUPE_EXIT_CRASHED);
        assert_int_equal(info_of(f, f->reader).phase, TROUPE_PHASE_HELD);
        assert_int_equal(trp_load_seq(&f->n_ended), life); /* its state is gone */
        order(f, f->reader, "more");
        assert_int_equal(troupe_waiting(f->system, f->reader), 2);
        order(f, f->keeper, "restart");
        assert_int_equal(expect(f, STARTED).life, life + 1);
        order(f, f->asker, "kept?");
        expect_answer(f, TROUPE_OK, "kept");
        assert_int_equal(trp_load_seq(&f->n_handled), 2 * life);
    }
}

static void test_restart_of_what_is_not_held_does_nothing(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    for (int i = 0; i < 100; i++)
        order(f, f->keeper, i % 2 ? "restart" : "let go");
    order(f, f->asker, "kept?");
    expect_answer(f, TROUPE_OK, "kept");
    assert_int_equal(info_of(f, f->reader).incarnation, 1);
}

static void test_only_the_supervisor_decides(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    order(f, f->reader, "crash");
    expect(f, HELD);
    assert_int_equal(troupe_restart(f->me, f->reader), TROUPE_E_DENIED);
    assert_int_equal(troupe_release(f->me, f->reader, false), TROUPE_E_DENIED);
    assert_int_equal(info_of(f, f->reader).phase, TROUPE_PHASE_HELD);
}

static void release_and_expect(struct fixture *f, const char *how, troupe_exit_reason reason)
{
    struct tidings down;
    troupe_exit exit;
    troupe_id id;

    expect(f, STARTED);
    order(f, f->reader, "crash");
    order(f, f->reader, "more"); /* waits, and has nobody to wait for */
    expect(f, HELD);
    order(f, f->keeper, how);
    down = expect(f, DOWN);
    assert_int_equal(down.reason, reason);
    assert_int_equal(troupe_wait_end(f->me, f->reader, PATIENCE, &exit), TROUPE_OK);
    assert_int_equal(troupe_lookup(f->system, "reader", &id), TROUPE_E_GONE);
    assert_int_equal(troupe_send(f->me, f->reader, TROUPE_TEXT("more")), TROUPE_E_GONE);
    assert_int_equal(last_dead_reason(f), TROUPE_DEAD_ENDED);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
}

static void test_release_ends_it_with_its_last_exit(void **state)
{
    release_and_expect(*state, "let go", TROUPE_EXIT_CRASHED);
}

static void test_release_can_say_that_the_supervisor_gave_up(void **state)
{
    release_and_expect(*state, "give up", TROUPE_EXIT_GAVE_UP);
}

static void test_shutdown_ends_what_is_held(void **state)
{
    struct fixture *f = *state;

    expect(f, STARTED);
    order(f, f->reader, "crash");
    order(f, f->reader, "more");
    expect(f, HELD);
    troupe_system_stop(f->system);
    assert_int_equal(trp_load_seq(&f->n_ended), 1);
    assert_int_equal(last_dead_reason(f), TROUPE_DEAD_ENDED);
}

#define TEST(name, how) cmocka_unit_test_setup_teardown(name, how, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pending_handler_answers_when_its_descriptor_has_something, alone),
        TEST(test_pending_handler_lets_no_message_pass, alone),
        TEST(test_wake_before_the_wait_is_kept, alone),
        TEST(test_stop_abandons_the_wait_and_cancels_the_request, alone),
        TEST(test_kill_abandons_the_wait, alone),
        TEST(test_shutdown_ends_a_wait, alone),
        TEST(test_wake_of_an_earlier_life_is_dropped, supervised),
        TEST(test_held_component_keeps_what_waits_for_its_next_life, supervised),
        TEST(test_restart_of_what_is_not_held_does_nothing, supervised),
        TEST(test_only_the_supervisor_decides, supervised),
        TEST(test_release_ends_it_with_its_last_exit, supervised),
        TEST(test_release_can_say_that_the_supervisor_gave_up, supervised),
        TEST(test_shutdown_ends_what_is_held, supervised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
