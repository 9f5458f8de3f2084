/* What one thread publishes and another finds, with nothing else between the two: no message, no lock. Under
 * ThreadSanitizer a release or acquire that is missing on the way is a race here; tests/orders/table names the lines. */
#include "actor_testing.h"

#include "cell.h"
#include "trp/os.h"

#include <string.h>

#define LONG_NAME "one-with-a-name-of-more-than-one-cache-line-of-letters"

/* ---- one that looks until it sees it ---- */

typedef struct onlooker {
    trp_thread thread;
    bool (*sees)(struct onlooker *self);
    troupe_system *system;
    troupe_id id;
    trp_request *request;
    const void *before;
    bool seen;
} onlooker;

static void look_on(void *arg)
{
    onlooker *self = arg;
    uint64_t until_ns = trp_monotonic_ns() + 20 * TROUPE_SECOND;

    do {
        self->seen = self->sees(self);
    } while (!self->seen && trp_monotonic_ns() < until_ns);
}

static void begin_to_look(onlooker *self, const fixture *f)
{
    self->system = f->system;
    assert_true(trp_thread_start(&self->thread, "onlooker", 0, look_on, self));
}

static void it_was_seen(onlooker *self)
{
    trp_thread_join(&self->thread);
    assert_true(self->seen);
}

/* Known before it is given: no slot is free yet, so the next one is new. */
static troupe_id next_id(const fixture *f)
{
    return (troupe_id){(uint64_t)f->system->first_generation << 32 | f->system->n_slots};
}

/* ---- a cell ---- */

static bool sees_the_cell(onlooker *self)
{
    const trp_cell *cell = trp_cell_find(self->system, self->id);

    return cell && cell->self == self->id.value;
}

static void test_who_finds_an_id_finds_its_component(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = sees_the_cell, .id = next_id(f)};

    begin_to_look(&one, f);
    assert_int_equal(spawn_named(f, NULL, NULL, NULL, 0).value, one.id.value);
    it_was_seen(&one);
}

static _Atomic bool may_leave;

static void come_and_stay(void *arg)
{
    troupe_context *me = troupe_attach(arg);

    while (!trp_load_relaxed(&may_leave)) /* it is about nothing else */
        trp_yield();
    troupe_detach(me);
}

static void test_who_finds_an_id_finds_its_thread(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = sees_the_cell, .id = next_id(f)};
    trp_thread other;

    trp_store_relaxed(&may_leave, false);
    begin_to_look(&one, f);
    assert_true(trp_thread_start(&other, "other", 0, come_and_stay, f->system));
    trp_thread_join(&one.thread);
    trp_store_relaxed(&may_leave, true);
    trp_thread_join(&other);
    assert_true(one.seen);
}

/* The last cell of the second chunk: nobody takes it. */
static bool sees_the_chunk(onlooker *self)
{
    const trp_cell *cell = trp_slot_at(self->system, 2 * TRP_CHUNK - 1);

    return cell && cell->slot == 0;
}

static void test_who_finds_a_chunk_of_slots_finds_it_whole(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = sees_the_chunk};

    begin_to_look(&one, f);
    while (f->system->n_slots <= TRP_CHUNK)
        spawn_named(f, NULL, NULL, NULL, 0);
    it_was_seen(&one);
}

/* ---- a route ---- */

static _Atomic(const void *) state_asked; /* by the one thread that sends there */

static troupe_id note_state(void *state, troupe_system *system, troupe_bytes topic)
{
    (void)topic;
    (void)system;
    trp_store_relaxed(&state_asked, state);
    return TROUPE_NOBODY;
}

static bool sees_a_new_route(onlooker *self)
{
    troupe_id id = self->id;
    trp_cell *target;

    return trp_follow(self->system, &id, NULL, &target) == TROUPE_E_UNAVAILABLE &&
           trp_load_relaxed(&state_asked) != self->before;
}

/* As a restart does it; its turn sleeps meanwhile. */
static void test_who_follows_a_route_finds_that_of_the_next_life(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = sees_a_new_route};
    trp_cell *target;
    troupe_id id;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.route = note_state, .state_size = sizeof(uint64_t)),
                                  &one.id),
                     TROUPE_OK);
    id = one.id;
    assert_int_equal(trp_follow(f->system, &id, NULL, &target), TROUPE_E_UNAVAILABLE);
    one.before = trp_load_relaxed(&state_asked);
    begin_to_look(&one, f);
    assert_true(trp_state_renew(trp_cell_find(f->system, one.id)));
    it_was_seen(&one);
}

/* ---- the lock of a mailbox that drops its oldest ---- */

static troupe_status keep(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_PENDING;
}

static const troupe_actor_ops keeping = {.handle_message = keep};

static trp_cell *its_cell(const onlooker *self)
{
    return trp_slot_at(self->system, (uint32_t)self->id.value);
}

/* An answer to the one before in this slot: nobody misses it. */
static trp_node *late_node(void)
{
    trp_node *node = trp_node_new((troupe_bytes){0}, NULL);

    assert_non_null(node);
    node->target = 1;
    node->kind = TRP_NODE_REPLY;
    return node;
}

static bool drops_beside_its_start(onlooker *self)
{
    if (!trp_load_relaxed(&its_cell(self)->oldest)) /* it is looked at again */
        return false;
    trp_drop_oldest(its_cell(self), late_node(), 0);
    return true;
}

static bool pushes_beside_its_start(onlooker *self)
{
    if (!trp_load_relaxed(&its_cell(self)->oldest))
        return false;
    if (trp_oldest_push(its_cell(self), late_node()))
        trp_cell_schedule(its_cell(self));
    return true;
}

static void test_who_sends_to_the_last_one_finds_the_lock_of_the_next(void **state)
{
    fixture *f = *state;
    onlooker ones[] = {{.sees = drops_beside_its_start}, {.sees = pushes_beside_its_start}};

    for (size_t i = 0; i < 2; i++) {
        ones[i].id = spawn_named(f, NULL, NULL, NULL, 0);
        begin_to_look(&ones[i], f);
        assert_true(trp_oldest_start(its_cell(&ones[i]))); /* it sleeps meanwhile */
        it_was_seen(&ones[i]);
    }
}

/* As one that found no lock there, and is late: it takes room, and the one that drops comes to it. */
static bool pushes_beside_the_lock(onlooker *self)
{
    trp_cell *cell = its_cell(self);
    trp_node *node = late_node();

    node->counted = true;
    trp_add_relaxed(&cell->waiting, trp_node_room(node)); /* as in trp_room_reserve */
    if (trp_mailbox_push(&cell->mailbox, node))
        trp_cell_schedule(cell);
    return trp_load_relaxed(&may_leave); /* it is about nothing else */
}

static void test_who_drops_the_oldest_finds_whole_what_is_pushed_beside_the_lock(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = pushes_beside_the_lock};

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &keeping, .mailbox_bound = 1,
                                              .on_full = TROUPE_ON_FULL_DROP_OLDEST),
                                  &one.id),
                     TROUPE_OK);
    trp_store_relaxed(&may_leave, false);
    begin_to_look(&one, f);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(troupe_send(f->me, one.id, TROUPE_TEXT("x")), TROUPE_OK);
    trp_store_relaxed(&may_leave, true);
    trp_thread_join(&one.thread);
}

/* ---- a request ---- */

#define FIRST_REQUEST (UINT64_C(1) << 32 | 1)
#define SECOND_REQUEST (UINT64_C(2) << 32 | 1)

static bool sees_the_record(onlooker *self)
{
    const trp_request *request = trp_request_find(self->system, FIRST_REQUEST);

    return request && request->slot == 1;
}

static bool sees_the_record_given_back(onlooker *self)
{
    const trp_request *request = trp_request_find(self->system, SECOND_REQUEST);

    return request && !request->trace;
}

static bool sees_it_open(onlooker *self)
{
    return trp_request_is_open(self->request) && self->request->requester == self->id.value;
}

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops answering = {.handle_message = answer};

static void test_who_finds_a_request_finds_its_record(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = sees_the_record};
    troupe_id id = spawn_named(f, NULL, NULL, &answering, 0);
    troupe_correlation correlation;

    begin_to_look(&one, f);
    assert_int_equal(trp_request_send(f->me, id, (trp_letter){.bytes = TROUPE_TEXT("x")},
                                      TROUPE_FOREVER, &correlation),
                     TROUPE_OK);
    it_was_seen(&one);
}

static void test_who_finds_a_request_that_is_over_finds_it_empty(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = sees_the_record_given_back};
    troupe_id id = spawn_named(f, NULL, NULL, &answering, 0);

    begin_to_look(&one, f);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, NULL), TROUPE_OK);
    it_was_seen(&one);
}

static trp_request *wait_for_record(const fixture *f, uint64_t correlation)
{
    uint64_t until_ns = trp_monotonic_ns() + 20 * TROUPE_SECOND;
    trp_request *request;

    do {
        request = trp_request_find(f->system, correlation);
    } while (!request && trp_monotonic_ns() < until_ns);
    assert_non_null(request);
    return request;
}

static void test_who_sees_that_a_request_is_open_finds_who_asked(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = sees_it_open, .id = trp_id_of(f->me)};
    troupe_id id = spawn_named(f, NULL, NULL, &answering, 0);
    troupe_correlation correlation;

    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_FOREVER, NULL), TROUPE_OK);
    one.request = wait_for_record(f, SECOND_REQUEST);
    id = spawn_named(f, NULL, NULL, &keeping, 0);
    begin_to_look(&one, f);
    assert_int_equal(trp_request_send(f->me, id, (trp_letter){.bytes = TROUPE_TEXT("x")},
                                      TROUPE_FOREVER, &correlation),
                     TROUPE_OK);
    it_was_seen(&one);
}

/* ---- a name ---- */

static bool sees_its_name(onlooker *self)
{
    char name[TROUPE_NAME_MAX + 1];

    troupe_name_of(self->system, self->id, name);
    return strcmp(name, LONG_NAME) == 0;
}

static bool looks_it_up(onlooker *self)
{
    troupe_id found = TROUPE_NOBODY;

    return troupe_lookup(self->system, LONG_NAME, &found) == TROUPE_OK &&
           found.value == self->id.value;
}

static bool sees_it_listed(onlooker *self)
{
    return troupe_names_count(self->system, LONG_NAME) == 1;
}

/* The first name there is: its record is new memory, and so is the table. */
static void look_for_a_long_name(fixture *f, bool (*sees)(onlooker *self))
{
    onlooker one = {.sees = sees, .id = next_id(f)};

    begin_to_look(&one, f);
    assert_int_equal(spawn_named(f, LONG_NAME, NULL, NULL, 0).value, one.id.value);
    it_was_seen(&one);
}

static void test_who_asks_for_the_name_of_an_id_finds_its_record(void **state)
{
    look_for_a_long_name(*state, sees_its_name);
}

static void test_who_looks_up_a_name_finds_its_record(void **state)
{
    look_for_a_long_name(*state, looks_it_up);
}

static void test_who_lists_names_finds_their_records(void **state)
{
    look_for_a_long_name(*state, sees_it_listed);
}

/* ---- shared state ---- */

static void read_and_let_go(void *arg)
{
    uint64_t value;

    TROUPE_ASSERT(troupe_shared_read(arg, &value, sizeof value, NULL) == TROUPE_OK);
    troupe_shared_unref(arg);
}

/* Whoever is last frees it, after what the other one read. */
static void test_the_last_count_of_shared_state_comes_after_the_others(void **state)
{
    troupe_shared *shared;
    trp_thread other;

    (void)state;
    assert_int_equal(troupe_shared_new(sizeof(uint64_t), &shared), TROUPE_OK);
    assert_true(trp_thread_start(&other, "other", 0, read_and_let_go, troupe_shared_ref(shared)));
    read_and_let_go(shared);
    trp_thread_join(&other);
}

/* ---- the number of a version ---- */

static uint64_t beside_the_state; /* plain */
static troupe_shared *state_of_one;

static bool sees_a_version(onlooker *self)
{
    (void)self;
    return troupe_shared_version(state_of_one) == 1 && beside_the_state == 7;
}

static void test_who_sees_a_version_sees_what_its_writer_did_before(void **state)
{
    fixture *f = *state;
    onlooker one = {.sees = sees_a_version};
    uint64_t value = 1;

    assert_int_equal(troupe_shared_new(sizeof value, &state_of_one), TROUPE_OK);
    beside_the_state = 0;
    begin_to_look(&one, f);
    beside_the_state = 7;
    assert_int_equal(troupe_shared_write(f->me, state_of_one, (troupe_bytes){&value, sizeof value}),
                     TROUPE_OK);
    it_was_seen(&one);
    troupe_shared_unref(state_of_one);
}

#define ON_THREADS(test) cmocka_unit_test_setup_teardown(test, on_threads, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_THREADS(test_who_finds_an_id_finds_its_component),
        ON_THREADS(test_who_finds_an_id_finds_its_thread),
        ON_THREADS(test_who_finds_a_chunk_of_slots_finds_it_whole),
        ON_THREADS(test_who_sends_to_the_last_one_finds_the_lock_of_the_next),
        ON_THREADS(test_who_drops_the_oldest_finds_whole_what_is_pushed_beside_the_lock),
        ON_THREADS(test_who_follows_a_route_finds_that_of_the_next_life),
        ON_THREADS(test_who_finds_a_request_finds_its_record),
        ON_THREADS(test_who_finds_a_request_that_is_over_finds_it_empty),
        ON_THREADS(test_who_sees_that_a_request_is_open_finds_who_asked),
        ON_THREADS(test_who_asks_for_the_name_of_an_id_finds_its_record),
        ON_THREADS(test_who_looks_up_a_name_finds_its_record),
        ON_THREADS(test_who_lists_names_finds_their_records),
        cmocka_unit_test(test_the_last_count_of_shared_state_comes_after_the_others),
        ON_THREADS(test_who_sees_a_version_sees_what_its_writer_did_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
