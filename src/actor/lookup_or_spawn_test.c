/* One component for many who want it: exactly one of them starts it. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

#define N_CALLERS 8

static _Atomic uint64_t n_starts, n_got;

static troupe_status count_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    trp_add_seq(&n_got, 1);
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops counting = {.handle_message = count_message};

static troupe_status count_start(void *self, const troupe_start *start)
{
    (void)self;
    (void)start;
    trp_add_seq(&n_starts, 1);
    return TROUPE_OK;
}

static const troupe_child_ops counted = {.pre_start = count_start};

/* ---- nobody else is at it ---- */

static void test_the_first_spawns_and_the_second_finds(void **state)
{
    fixture *f = *state;
    const troupe_spec *spec = TROUPE_SPEC(.name = "one", .child = &counted, .actor = &counting);
    troupe_id first = TROUPE_NOBODY, second = TROUPE_NOBODY;
    bool spawned = false;

    trp_store_seq(&n_starts, 0);
    assert_int_equal(troupe_lookup_or_spawn(f->me, spec, &first, &spawned, NULL), TROUPE_OK);
    assert_true(spawned);
    assert_int_equal(troupe_lookup_or_spawn(f->me, spec, &second, &spawned, NULL), TROUPE_OK);
    assert_false(spawned);
    assert_int_equal(first.value, second.value);
    assert_int_equal(trp_load_seq(&n_starts), 1);
    assert_int_equal(troupe_kill(f->me, first), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, first, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_lookup_or_spawn(f->me, spec, &second, NULL, NULL), TROUPE_OK);
    assert_int_not_equal(first.value, second.value);
}

static void test_a_spec_without_a_name_is_refused(void **state)
{
    fixture *f = *state;
    troupe_error error = {.text = ""};
    troupe_id id;
    bool spawned;

    assert_int_equal(
        troupe_lookup_or_spawn(f->me, TROUPE_SPEC(.actor = &counting), &id, &spawned, &error),
        TROUPE_E_INVALID);
    assert_non_null(strstr(error.text, "name"));
    assert_int_equal(troupe_lookup_or_spawn(f->me, TROUPE_SPEC(.name = "a\tb"), &id, NULL, NULL),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_lookup_or_spawn(f->me, NULL, &id, NULL, NULL), TROUPE_E_INVALID);
}

/* ---- eight at once ---- */

struct caller {
    fixture *f;
    const troupe_spec *spec;
    trp_thread thread;
    troupe_id id;
    troupe_status status;
    bool spawned;
    troupe_error error;
};

static _Atomic uint64_t n_ready;

static void call(void *arg)
{
    struct caller *caller = arg;
    troupe_context *me = troupe_attach(caller->f->system);

    trp_add_seq(&n_ready, 1);
    while (trp_load_seq(&n_ready) < N_CALLERS)
        trp_pause();
    caller->status =
        troupe_lookup_or_spawn(me, caller->spec, &caller->id, &caller->spawned, &caller->error);
    troupe_detach(me);
}

static void call_all(fixture *f, struct caller *callers, const troupe_spec *spec)
{
    trp_store_seq(&n_ready, 0);
    trp_store_seq(&n_starts, 0);
    for (int i = 0; i < N_CALLERS; i++) {
        callers[i] = (struct caller){.f = f, .spec = spec};
        assert_true(trp_thread_start(&callers[i].thread, "caller", 0, call, &callers[i]));
    }
    for (int i = 0; i < N_CALLERS; i++)
        trp_thread_join(&callers[i].thread);
}

/* With its own turn first, so that the start takes a while and the others come into the middle of it. */
static void test_of_eight_at_once_exactly_one_spawns(void **state)
{
    fixture *f = *state;
    struct caller callers[N_CALLERS];

    for (int round = 0; round < 50; round++) {
        const troupe_spec *spec =
            TROUPE_SPEC(.name = "wanted", .child = &counted, .actor = &counting,
                        .start_on_own_turn = round % 2 == 0);
        int n_spawned = 0;

        call_all(f, callers, spec);
        for (int i = 0; i < N_CALLERS; i++) {
            assert_int_equal(callers[i].status, TROUPE_OK);
            assert_int_equal(callers[i].id.value, callers[0].id.value);
            n_spawned += callers[i].spawned;
        }
        assert_int_equal(n_spawned, 1);
        assert_int_equal(trp_load_seq(&n_starts), 1);
        assert_int_equal(troupe_kill(f->me, callers[0].id), TROUPE_OK);
        assert_int_equal(troupe_wait_end(f->me, callers[0].id, 20 * TROUPE_SECOND, NULL),
                         TROUPE_OK);
    }
}

static troupe_status refuse(void *self, const troupe_start *start)
{
    (void)self;
    trp_add_seq(&n_starts, 1);
    return troupe_error_set(start->error, TROUPE_E_REFUSED, "no room at the inn");
}

static void test_of_eight_that_are_refused_each_is_told(void **state)
{
    static const troupe_child_ops refusing = {.pre_start = refuse};
    fixture *f = *state;
    struct caller callers[N_CALLERS];

    call_all(f, callers, TROUPE_SPEC(.name = "inn", .child = &refusing, .actor = &counting));
    for (int i = 0; i < N_CALLERS; i++) {
        assert_int_equal(callers[i].status, TROUPE_E_REFUSED);
        assert_non_null(strstr(callers[i].error.text, "no room at the inn"));
    }
    assert_int_equal(trp_load_seq(&n_starts), N_CALLERS);
    assert_int_equal(troupe_names_count(f->system, NULL), 0);
}

/* ---- while another one starts it ---- */

/* A start that waits until it is woken. */
static _Atomic uint64_t starting_id;

static troupe_status start_pending(void *self, const troupe_start *start)
{
    (void)self;
    trp_store_seq(&starting_id, start->id.value);
    return TROUPE_PENDING;
}

static troupe_status go_on(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_OK;
}

static const troupe_child_ops pending_child = {.pre_start = start_pending};
static const troupe_actor_ops pending_actor = {.handle_message = count_message, .resume = go_on};

/* A handler that wants it: the first spawns it, whoever comes later gets the reserved id; all send at once. */
static troupe_status want(void *self, troupe_context *ctx, const troupe_message *message)
{
    const troupe_spec *spec = TROUPE_SPEC(.name = "slow", .child = &pending_child,
                                          .actor = &pending_actor, .start_on_own_turn = true);
    troupe_id id = TROUPE_NOBODY;
    bool spawned = false;
    troupe_status status = troupe_lookup_or_spawn(ctx, spec, &id, &spawned, NULL);
    uint64_t answer[2] = {id.value, spawned};

    (void)self;
    if (status != TROUPE_OK)
        return status;
    status = troupe_send(ctx, id, message->payload);
    return status == TROUPE_OK ? troupe_reply(ctx, TROUPE_BYTES_OF(answer)) : status;
}

static void ask_for_it(fixture *f, troupe_id whom, uint64_t *answer)
{
    troupe_reply_buffer reply = {NULL};

    assert_int_equal(troupe_call(f->me, whom, TROUPE_TEXT("hello"), 20 * TROUPE_SECOND, &reply),
                     TROUPE_OK);
    memcpy(answer, troupe_reply_bytes(&reply).data, 2 * sizeof *answer);
    troupe_reply_clear(&reply);
}

static void wake_once_it_waits(fixture *f, uint64_t id)
{
    troupe_message message;

    for (int i = 0; i < 20000 && trp_load_seq(&starting_id) != id; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    troupe_wake(f->system, (troupe_id){id}, 1);
}

static void test_a_handler_gets_the_reserved_id_and_its_message_waits_there(void **state)
{
    static const troupe_actor_ops wanting = {.handle_message = want};
    fixture *f = *state;
    troupe_id first = spawn_named(f, NULL, NULL, &wanting, 0);
    troupe_id second = spawn_named(f, NULL, NULL, &wanting, 0), found;
    uint64_t one[2], other[2];

    trp_store_seq(&n_got, 0);
    ask_for_it(f, first, one);
    ask_for_it(f, second, other);
    assert_true(one[1]);
    assert_false(other[1]);
    assert_int_equal(one[0], other[0]);
    assert_int_equal(troupe_lookup(f->system, "slow", &found), TROUPE_E_GONE);
    assert_int_equal(trp_load_seq(&n_got), 0);
    wake_once_it_waits(f, one[0]);
    wait_until_handled(f, (troupe_id){one[0]}, 2);
    assert_int_equal(troupe_lookup(f->system, "slow", &found), TROUPE_OK);
    assert_int_equal(found.value, one[0]);
}

static troupe_status want_itself(void *self, const troupe_start *start)
{
    fixture *f = *(fixture *const *)start->argument;
    troupe_id id = TROUPE_NOBODY;
    bool spawned = true;

    (void)self;
    assert_int_equal(
        troupe_lookup_or_spawn(f->me, TROUPE_SPEC(.name = start->name), &id, &spawned, NULL),
        TROUPE_OK);
    assert_false(spawned);
    assert_int_equal(id.value, start->id.value);
    return TROUPE_OK;
}

static void test_who_wants_itself_while_it_starts_does_not_wait_for_itself(void **state)
{
    static const troupe_child_ops circular = {.pre_start = want_itself};
    fixture *f = *state;
    troupe_id id;

    assert_int_equal(
        troupe_spawn(f->me, TROUPE_SPEC(.name = "ring", .child = &circular, .argument = &f), &id),
        TROUPE_OK);
}

/* In simulation the thread that waits is the one that drives: it must notice that nothing will happen. */
static void test_a_thread_waits_for_the_start_of_another(void **state)
{
    static const troupe_actor_ops wanting = {.handle_message = want};
    fixture *f = *state;
    const troupe_spec *spec = TROUPE_SPEC(.name = "slow", .actor = &counting);
    troupe_id first = spawn_named(f, NULL, NULL, &wanting, 0), id;
    uint64_t one[2];

    ask_for_it(f, first, one);
    if (troupe_simulated(f->system))
        assert_int_equal(troupe_lookup_or_spawn(f->me, spec, &id, NULL, NULL), TROUPE_E_TIMEOUT);
    wake_once_it_waits(f, one[0]);
    assert_int_equal(troupe_lookup_or_spawn(f->me, spec, &id, NULL, NULL), TROUPE_OK);
    assert_int_equal(id.value, one[0]);
}

#define ON_THREADS(test) cmocka_unit_test_setup_teardown(test, on_threads, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_the_first_spawns_and_the_second_finds),
        BOTH(test_a_spec_without_a_name_is_refused),
        ON_THREADS(test_of_eight_at_once_exactly_one_spawns),
        ON_THREADS(test_of_eight_that_are_refused_each_is_told),
        BOTH(test_a_handler_gets_the_reserved_id_and_its_message_waits_there),
        BOTH(test_who_wants_itself_while_it_starts_does_not_wait_for_itself),
        BOTH(test_a_thread_waits_for_the_start_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
