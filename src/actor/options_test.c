/* What the options of a system say holds. */
#include "actor_testing.h"

#include "trp/atomic.h"

#include <pthread.h>

/* ---- messages ---- */

static troupe_status answer_more(void *self, troupe_context *ctx, const troupe_message *message)
{
    char bytes[101] = {0};
    troupe_payload *payload = troupe_payload_new((troupe_bytes){bytes, 101});
    troupe_status shared = troupe_reply_shared(ctx, message->correlation, payload);

    (void)self;
    troupe_payload_unref(payload);
    if (troupe_reply(ctx, (troupe_bytes){bytes, 101}) != TROUPE_E_TOO_LARGE ||
        troupe_reply_to(ctx, message->correlation, (troupe_bytes){bytes, 101}) !=
            TROUPE_E_TOO_LARGE ||
        shared != TROUPE_E_TOO_LARGE)
        return TROUPE_E_FAILED;
    return troupe_reply(ctx, (troupe_bytes){bytes, 100});
}

static const troupe_actor_ops answering_more = {.handle_message = answer_more};

static int with_small_messages(void **state)
{
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.workers = 1, .message_max = 100));
}

static void test_the_largest_message_is_what_the_options_say(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &answering_more, 0);
    char bytes[101] = {0};
    troupe_reply_buffer reply;

    assert_int_equal(troupe_send(f->me, id, (troupe_bytes){bytes, 101}), TROUPE_E_TOO_LARGE);
    assert_int_equal(troupe_call(f->me, id, (troupe_bytes){bytes, 101}, TROUPE_FOREVER, &reply),
                     TROUPE_E_TOO_LARGE);
    assert_int_equal(troupe_call(f->me, id, (troupe_bytes){bytes, 100}, TROUPE_FOREVER, &reply),
                     TROUPE_OK);
    assert_int_equal(troupe_reply_bytes(&reply).size, 100);
    troupe_reply_clear(&reply);
}

/* ---- stacks ---- */

static void test_a_stack_that_no_thread_can_have_is_refused(void **state)
{
    troupe_system *system = NULL;

    (void)state;
    assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.worker_stack = 1), &system),
                     TROUPE_E_INVALID);
    assert_int_not_equal(
        troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.worker_stack = SIZE_MAX / 2), &system),
        TROUPE_OK);
    assert_null(system);
}

static troupe_status say_stack(void *self, troupe_context *ctx, const troupe_message *message)
{
    pthread_attr_t attributes;
    size_t size = 0;

    (void)self;
    (void)message;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return TROUPE_E_FAILED;
    (void)pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    return troupe_reply(ctx, TROUPE_BYTES_OF(size));
}

static const troupe_actor_ops saying_stack = {.handle_message = say_stack};

static int with_large_stacks(void **state)
{
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.workers = 1, .worker_stack = 5u << 20));
}

static void test_a_workers_stack_is_as_large_as_the_options_say(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, NULL, NULL, &saying_stack, 0);
    troupe_reply_buffer reply;

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, &reply), TROUPE_OK);
    assert_true(troupe_reply_u64(&reply) >= 5u << 20);
    troupe_reply_clear(&reply);
}

/* ---- batches ---- */

static _Atomic unsigned n_before_the_other;
static _Atomic bool other_came;

static troupe_status count_before_other(void *self, troupe_context *ctx,
                                        const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    if (!trp_load_seq(&other_came))
        trp_add_seq(&n_before_the_other, 1);
    return TROUPE_OK;
}

static const troupe_actor_ops counting = {.handle_message = count_before_other};

static troupe_status come(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    trp_store_seq(&other_came, true);
    return TROUPE_OK;
}

static const troupe_actor_ops coming = {.handle_message = come};

static int with_small_batches(void **state)
{
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.driven = true, .batch = 3));
}

/* Both are ready when the driver runs: the first has one batch before the other has its turn. */
static void test_a_batch_is_as_long_as_the_options_say(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_named(f, NULL, NULL, &counting, 0);
    troupe_id other = spawn_named(f, NULL, NULL, &coming, 0);

    trp_store_seq(&n_before_the_other, 0);
    trp_store_seq(&other_came, false);
    for (int i = 0; i < 20; i++)
        assert_int_equal(troupe_send(f->me, first, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, other, TROUPE_TEXT("x")), TROUPE_OK);
    while (troupe_run_once(f->system, TROUPE_FOREVER))
        ;
    assert_true(trp_load_seq(&other_came));
    assert_int_equal(trp_load_seq(&n_before_the_other), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_largest_message_is_what_the_options_say,
                                        with_small_messages, tear_down),
        cmocka_unit_test(test_a_stack_that_no_thread_can_have_is_refused),
        cmocka_unit_test_setup_teardown(test_a_workers_stack_is_as_large_as_the_options_say,
                                        with_large_stacks, tear_down),
        cmocka_unit_test_setup_teardown(test_a_batch_is_as_long_as_the_options_say,
                                        with_small_batches, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
