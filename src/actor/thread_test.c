/* Attached threads: what they leave behind, what reaches them, and what must not. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The cell of the next context that is attached, once the one that left has been given back. */
static troupe_context *attach_at_slot(fixture *f, uint32_t slot)
{
    for (int i = 0; i < 100000; i++) {
        troupe_context *ctx = troupe_attach(f->system);

        assert_non_null(ctx);
        if (ctx->slot == slot)
            return ctx;
        troupe_detach(ctx);
        if (troupe_driven(f->system))
            troupe_run_once(f->system, 0);
        else if (troupe_simulated(f->system))
            troupe_step(f->system);
    }
    fail_msg("%s", "the slot never came back");
    return NULL;
}

/* ---- detach ---- */

static void test_detach_gives_the_room_of_unread_messages_back(void **state)
{
    fixture *f = *state;
    troupe_context *other = troupe_attach(f->system);
    uint32_t slot = other->slot;
    troupe_message message;

    assert_int_equal(troupe_send(f->me, troupe_self(other), TROUPE_TEXT("one")), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, troupe_self(other), TROUPE_TEXT("two")), TROUPE_OK);
    assert_int_equal(troupe_receive(other, TROUPE_SECOND, &message), TROUPE_OK);
    troupe_detach(other);
    other = attach_at_slot(f, slot);
    assert_int_equal(troupe_waiting(f->system, troupe_self(other)), 0);
    troupe_detach(other);
}

struct asker {
    troupe_id whom;
    troupe_status answer;
    uint64_t n_answers;
};

static struct asker seen; /* what the last asker's life came to; read after a call to it */

static troupe_status ask(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct asker *asker = self;
    troupe_correlation correlation;

    if (message->payload.size != sizeof asker->whom) {
        seen = *asker;
        return troupe_reply(ctx, (troupe_bytes){0});
    }
    memcpy(&asker->whom, message->payload.data, sizeof asker->whom);
    return troupe_request(ctx, asker->whom, TROUPE_TEXT("?"), TROUPE_FOREVER, &correlation);
}

static void take_answer(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct asker *asker = self;

    (void)ctx;
    asker->answer = answer->status;
    asker->n_answers++;
}

static const troupe_actor_ops asking = {.handle_message = ask, .handle_reply = take_answer};

static void test_detach_ends_the_requests_that_the_thread_holds(void **state)
{
    fixture *f = *state;
    troupe_id asker = spawn_named(f, NULL, NULL, &asking, sizeof(struct asker));
    troupe_context *other = troupe_attach(f->system);
    troupe_id whom = troupe_self(other);
    troupe_message message;

    assert_int_equal(troupe_send(f->me, asker, TROUPE_BYTES_OF(whom)), TROUPE_OK);
    assert_int_equal(troupe_receive(other, TROUPE_SECOND, &message), TROUPE_OK);
    assert_int_not_equal(message.correlation.value, 0);
    troupe_detach(other);
    assert_int_equal(troupe_call(f->me, asker, (troupe_bytes){0}, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(seen.n_answers, 1);
    assert_int_equal(seen.answer, TROUPE_E_GONE);
}

static void test_a_watcher_of_a_thread_learns_who_left(void **state)
{
    fixture *f = *state;
    troupe_context *other = troupe_attach(f->system);
    troupe_id who = troupe_self(other);
    troupe_monitor monitor;
    troupe_exit exit;
    troupe_message message;

    assert_int_equal(troupe_monitor_start(f->me, who, TROUPE_MONITOR_FINAL, &monitor), TROUPE_OK);
    assert_int_equal(troupe_receive(other, 0, &message),
                     TROUPE_E_TIMEOUT); /* it takes the monitor in */
    troupe_detach(other);
    assert_int_equal(troupe_wait_end(f->me, who, TROUPE_SECOND, &exit), TROUPE_OK);
    while (!f->me->thread->notices)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(f->me->thread->notices->monitor, monitor.value);
    assert_int_equal(f->me->thread->notices->id, who.value);
    assert_true(troupe_monitor_stop(f->me, monitor));
}

static void test_nobody_attaches_to_a_system_that_stops(void **state)
{
    fixture *f = *state;

    troupe_system_stop(f->system);
    assert_null(troupe_attach(f->system));
}

/* ---- what belongs to the slot's last owner ---- */

static void test_a_message_to_the_one_before_does_not_reach_a_thread(void **state)
{
    fixture *f = *state;
    troupe_context *first = troupe_attach(f->system), *second;
    uint32_t slot = first->slot;
    troupe_message message;
    troupe_dead_letter letter;
    troupe_totals before, after;

    troupe_totals_now(f->system, &before);
    assert_int_equal(troupe_send_after(f->me, troupe_self(first), TROUPE_TEXT("late"),
                                       20 * TROUPE_MILLISECOND, NULL),
                     TROUPE_OK);
    troupe_detach(first);
    second = attach_at_slot(f, slot);
    assert_int_equal(troupe_receive(second, 100 * TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    troupe_totals_now(f->system, &after);
    assert_int_equal(after.dead_letters, before.dead_letters + 1);
    assert_int_equal(troupe_dead_letters(f->system, &letter, 1), 1);
    assert_int_equal(letter.reason, TROUPE_DEAD_ENDED);
    troupe_detach(second);
}

/* ---- notices nobody waits for ---- */

static void test_the_ends_of_children_do_not_pile_up_at_a_thread(void **state)
{
    fixture *f = *state;
    size_t n = 0;

    for (int i = 0; i < 50; i++) {
        troupe_id id = spawn_named(f, NULL, NULL, &asking, sizeof(struct asker));

        assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
        assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
    }
    for (const trp_signal *notice = f->me->thread->notices; notice; notice = notice->next)
        n++;
    assert_true(n <= 1);
}

/* ---- a forked child ---- */

/* 0: every call said so, or did nothing. */
static int use_after_fork(fixture *f, troupe_id id)
{
    troupe_message message;
    troupe_id other;

    if (troupe_send(f->me, id, TROUPE_TEXT("x")) != TROUPE_E_FORKED ||
        troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL) != TROUPE_E_FORKED ||
        troupe_send_after(f->me, id, TROUPE_TEXT("x"), 1, NULL) != TROUPE_E_FORKED)
        return 1;
    if (troupe_spawn(f->me, TROUPE_SPEC(.actor = &asking), &other) != TROUPE_E_FORKED ||
        troupe_wait_end(f->me, id, TROUPE_SECOND, NULL) != TROUPE_E_FORKED ||
        troupe_receive(f->me, TROUPE_SECOND, &message) != TROUPE_E_FORKED)
        return 2;
    if (troupe_stop(f->me, id, TROUPE_STOP_REQUESTED) != TROUPE_E_FORKED ||
        troupe_kill(f->me, id) != TROUPE_E_FORKED || troupe_attach(f->system))
        return 3;
    if (troupe_run_once(f->system, TROUPE_FOREVER) || troupe_descriptor(f->system) != -1)
        return 4;
    troupe_wake(f->system, id, 1);
    troupe_detach(f->me);
    troupe_system_free(f->system);
    return 0;
}

static void test_a_forked_child_is_told_so_and_never_hangs(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &asking, sizeof(struct asker));
    int status = -1;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        alarm(5);
        _exit(use_after_fork(f, id));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(troupe_call(f->me, id, (troupe_bytes){0}, TROUPE_SECOND, NULL), TROUPE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_detach_gives_the_room_of_unread_messages_back),
        BOTH(test_detach_ends_the_requests_that_the_thread_holds),
        BOTH(test_a_watcher_of_a_thread_learns_who_left),
        BOTH(test_nobody_attaches_to_a_system_that_stops),
        BOTH(test_a_message_to_the_one_before_does_not_reach_a_thread),
        BOTH(test_a_forked_child_is_told_so_and_never_hangs),
        BOTH(test_the_ends_of_children_do_not_pile_up_at_a_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
