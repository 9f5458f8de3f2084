/* A system in the caller's loop. That it does all that others do is in the other tests (BOTH); here is what is its own. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <dirent.h>
#include <poll.h>
#include <string.h>

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops echo = {.handle_message = answer};

static void wait_until_readable(fixture *f)
{
    struct pollfd descriptor = {.fd = troupe_descriptor(f->system), .events = POLLIN};

    assert_int_equal(poll(&descriptor, 1, 20000), 1);
}

static bool is_readable(fixture *f)
{
    struct pollfd descriptor = {.fd = troupe_descriptor(f->system), .events = POLLIN};

    return poll(&descriptor, 1, 0) == 1;
}

static unsigned count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned n = 0;

    assert_non_null(tasks);
    for (const struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks))
        n += entry->d_name[0] != '.';
    closedir(tasks);
    return n;
}

/* ---- what it is ---- */

static void test_no_thread_is_started(void **state)
{
    unsigned before = count_threads();
    troupe_system *system = NULL;

    (void)state;
    assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true), &system), TROUPE_OK);
    assert_int_equal(count_threads(), before);
    assert_true(troupe_driven(system));
    assert_false(troupe_simulated(system));
    assert_true(troupe_descriptor(system) >= 0);
    troupe_system_free(system);
}

static void test_what_does_not_go_with_driven_is_refused(void **state)
{
    troupe_system *system = NULL;

    (void)state;
    assert_int_equal(
        troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true, .simulation = true), &system),
        TROUPE_E_INVALID);
    assert_int_equal(
        troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true, .workers = 1), &system),
        TROUPE_E_INVALID);
    assert_int_equal(
        troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true, .worker_stack = 1 << 20), &system),
        TROUPE_E_INVALID);
    assert_null(system);
}

static void test_one_that_is_not_driven_has_no_descriptor_and_runs_nothing(void **state)
{
    fixture *f = *state;

    assert_int_equal(troupe_descriptor(f->system), -1);
    assert_false(troupe_run_once(f->system, TROUPE_FOREVER));
    assert_false(troupe_driven(f->system));
}

/* ---- the loop ---- */

static void test_nothing_runs_between_two_runs(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &echo, 0);
    troupe_info info;

    while (troupe_run_once(f->system, TROUPE_FOREVER))
        continue;
    assert_false(is_readable(f));
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    assert_true(is_readable(f));
    assert_int_equal(troupe_waiting(f->system, id), 1);
    assert_false(troupe_run_once(f->system, TROUPE_FOREVER));
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    assert_int_equal(info.handled, 1);
    assert_false(is_readable(f));
}

static troupe_status send_self(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_send(ctx, troupe_self(ctx), message->payload);
}

static void test_one_that_is_never_done_does_not_keep_the_host(void **state)
{
    static const troupe_actor_ops restless = {.handle_message = send_self};
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &restless, 0);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    for (int i = 0; i < 10; i++)
        assert_true(troupe_run_once(f->system, 1000));
    assert_true(is_readable(f));
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
}

static void test_a_timer_makes_the_descriptor_readable(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &echo, 0);
    troupe_info info = {0};

    assert_int_equal(troupe_send_after(f->me, id, TROUPE_TEXT("x"), TROUPE_MILLISECOND, NULL),
                     TROUPE_OK);
    while (info.handled == 0) {
        wait_until_readable(f);
        troupe_run_once(f->system, TROUPE_FOREVER);
        assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    }
}

/* ---- other threads ---- */

typedef struct other {
    fixture *f;
    troupe_id id;
    _Atomic uint32_t done;
    troupe_status status;
    bool ran;
} other;

static void call_and_send(void *arg)
{
    other *mine = arg;
    troupe_context *ctx = troupe_attach(mine->f->system);
    troupe_id child;

    mine->status = troupe_spawn(ctx, TROUPE_SPEC(.actor = &echo), &child);
    for (int i = 0; i < 100 && mine->status == TROUPE_OK; i++)
        mine->status =
            troupe_call(ctx, i % 2 ? child : mine->id, TROUPE_TEXT("x"), 20 * TROUPE_SECOND, NULL);
    troupe_detach(ctx);
    trp_store_release(&mine->done, 1);
}

static void test_another_thread_attaches_and_calls_while_the_driver_runs_it(void **state)
{
    fixture *f = *state;
    other mine = {.f = f, .id = spawn_named(f, NULL, NULL, &echo, 0)};
    trp_thread thread;

    assert_true(trp_thread_start(&thread, "other", 0, call_and_send, &mine));
    while (!trp_load_acquire(&mine.done)) {
        struct pollfd descriptor = {.fd = troupe_descriptor(f->system), .events = POLLIN};

        poll(&descriptor, 1, 10); /* its last message may have been the one before */
        troupe_run_once(f->system, TROUPE_MILLISECOND);
    }
    trp_thread_join(&thread);
    assert_int_equal(mine.status, TROUPE_OK);
}

static void send_to_the_driver(void *arg)
{
    other *mine = arg;
    troupe_context *ctx = troupe_attach(mine->f->system);

    mine->status = troupe_send(ctx, troupe_self(mine->f->me), TROUPE_TEXT("to the driver"));
    while (!trp_load_acquire(&mine->done)) /* leaving would wake the driver too */
        trp_pause();
    troupe_detach(ctx);
}

static void test_another_threads_message_wakes_the_driver_that_waits_for_one(void **state)
{
    fixture *f = *state;
    other mine = {.f = f};
    troupe_message message;
    trp_thread thread;

    for (int i = 0; i < 100; i++) {
        trp_store_release(&mine.done, 0);
        assert_true(trp_thread_start(&thread, "other", 0, send_to_the_driver, &mine));
        assert_int_equal(troupe_receive(f->me, TROUPE_FOREVER, &message), TROUPE_OK);
        trp_store_release(&mine.done, 1);
        trp_thread_join(&thread);
        assert_int_equal(message.payload.size, strlen("to the driver"));
    }
}

static void run_elsewhere(void *arg)
{
    other *mine = arg;
    troupe_context *ctx = troupe_attach(mine->f->system);

    mine->ran = troupe_run_once(mine->f->system, TROUPE_FOREVER);
    mine->status = troupe_call(ctx, mine->id, TROUPE_TEXT("x"), TROUPE_MILLISECOND, NULL);
    troupe_detach(ctx);
}

static void
test_a_thread_that_is_not_the_driver_runs_nothing_and_waits_no_longer_than_it_said(void **state)
{
    fixture *f = *state;
    other mine = {.f = f, .id = spawn_named(f, NULL, NULL, &echo, 0)};
    trp_thread thread;

    assert_int_equal(troupe_send(f->me, mine.id, TROUPE_TEXT("x")), TROUPE_OK);
    assert_true(trp_thread_start(&thread, "other", 0, run_elsewhere, &mine));
    trp_thread_join(&thread); /* nobody drives meanwhile */
    assert_false(mine.ran);
    assert_int_equal(mine.status, TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_waiting(f->system, mine.id), 2);
}

static void free_elsewhere(void *system)
{
    troupe_system_free(system);
}

static void test_the_last_user_frees_it_on_whichever_thread(void **state)
{
    troupe_system *system = NULL;
    troupe_context *me;
    troupe_id id;
    trp_thread thread;

    (void)state;
    assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true), &system), TROUPE_OK);
    me = troupe_attach(system);
    assert_int_equal(troupe_spawn(me, TROUPE_SPEC(.actor = &echo), &id), TROUPE_OK);
    assert_int_equal(troupe_send(me, id, TROUPE_TEXT("x")), TROUPE_OK);
    troupe_detach(me);
    assert_true(trp_thread_start(&thread, "other", 0, free_elsewhere, system));
    trp_thread_join(&thread);
}

/* ---- from a handler ---- */

static fixture *fixture_of_handler;

static troupe_status use_the_hosts_context(void *self, troupe_context *ctx,
                                           const troupe_message *message)
{
    fixture *f = fixture_of_handler;
    troupe_message received;

    (void)self;
    assert_false(troupe_run_once(f->system, TROUPE_FOREVER));
    assert_int_equal(troupe_call(f->me, troupe_self(ctx), TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_receive(f->me, TROUPE_SECOND, &received), TROUPE_E_INVALID);
    troupe_system_stop(f->system);
    return troupe_reply(ctx, message->payload);
}

static void test_a_handler_that_would_wait_for_itself_is_told_so_at_once(void **state)
{
    static const troupe_actor_ops nosy = {.handle_message = use_the_hosts_context};
    fixture *f = fixture_of_handler = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &nosy, 0);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    troupe_run_once(f->system, 0);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
}

static troupe_status run_the_other(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    assert_false(troupe_run_once(fixture_of_handler->system, TROUPE_FOREVER));
    return troupe_send(ctx, message->sender, message->payload); /* its context is still its own */
}

static void test_a_handler_may_run_another_driven_system(void **state)
{
    static const troupe_actor_ops outer_actor = {.handle_message = run_the_other};
    fixture *f = *state, second;
    troupe_id id = spawn_named(f, NULL, NULL, &outer_actor, 0), inner;
    troupe_message message;
    troupe_info info;

    assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true), &second.system),
                     TROUPE_OK);
    second.me = troupe_attach(second.system);
    fixture_of_handler = &second;
    inner = spawn_named(&second, NULL, NULL, &echo, 0);
    assert_int_equal(troupe_send(second.me, inner, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("y")), TROUPE_OK);
    assert_int_equal(troupe_receive(f->me, 20 * TROUPE_SECOND, &message), TROUPE_OK);
    assert_int_equal(troupe_info_of(second.system, inner, &info), TROUPE_OK);
    assert_int_equal(info.handled, 1);
    troupe_detach(second.me);
    troupe_system_free(second.system);
}

/* ---- two in one loop ---- */

static void test_two_systems_run_in_one_loop(void **state)
{
    fixture both[2];
    troupe_id ids[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true), &both[i].system),
                         TROUPE_OK);
        both[i].me = troupe_attach(both[i].system);
        ids[i] = spawn_named(&both[i], NULL, NULL, &echo, 0);
        assert_int_equal(troupe_send(both[i].me, ids[i], TROUPE_TEXT("x")), TROUPE_OK);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_true(is_readable(&both[i]));
        while (troupe_run_once(both[i].system, TROUPE_FOREVER))
            continue;
        assert_int_equal(troupe_waiting(both[i].system, ids[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(troupe_call(both[i].me, ids[i], TROUPE_TEXT("x"), TROUPE_SECOND, NULL),
                         TROUPE_OK);
        troupe_detach(both[i].me);
        troupe_system_free(both[i].system);
    }
}

#define DRIVEN(test) cmocka_unit_test_setup_teardown(test, driven, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_thread_is_started),
        cmocka_unit_test(test_what_does_not_go_with_driven_is_refused),
        cmocka_unit_test_setup_teardown(
            test_one_that_is_not_driven_has_no_descriptor_and_runs_nothing, on_threads, tear_down),
        DRIVEN(test_nothing_runs_between_two_runs),
        DRIVEN(test_one_that_is_never_done_does_not_keep_the_host),
        DRIVEN(test_a_timer_makes_the_descriptor_readable),
        DRIVEN(test_another_thread_attaches_and_calls_while_the_driver_runs_it),
        DRIVEN(test_another_threads_message_wakes_the_driver_that_waits_for_one),
        DRIVEN(test_a_thread_that_is_not_the_driver_runs_nothing_and_waits_no_longer_than_it_said),
        cmocka_unit_test(test_the_last_user_frees_it_on_whichever_thread),
        DRIVEN(test_a_handler_that_would_wait_for_itself_is_told_so_at_once),
        DRIVEN(test_a_handler_may_run_another_driven_system),
        cmocka_unit_test(test_two_systems_run_in_one_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
