/* The shared state cell: one writer, readers that see whole versions only. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

static troupe_shared *new_shared(size_t size)
{
    troupe_shared *shared = NULL;

    assert_int_equal(troupe_shared_new(size, &shared), TROUPE_OK);
    return shared;
}

static void test_a_new_cell_reads_as_zeros_of_version_0(void **state)
{
    TROUPE_AUTO(troupe_shared) *shared = new_shared(3);
    unsigned char bytes[4] = {9, 9, 9, 9};
    uint64_t version = 7;

    (void)state;
    assert_int_equal(troupe_shared_read(shared, bytes, 3, &version), TROUPE_OK);
    assert_memory_equal(bytes, ((unsigned char[]){0, 0, 0, 9}), 4);
    assert_int_equal(version, 0);
}

static void test_what_was_written_is_read_with_its_version(void **state)
{
    fixture *f = *state;
    TROUPE_AUTO(troupe_shared) *shared = new_shared(11);
    char bytes[12] = "...........";
    uint64_t version;

    for (uint64_t n = 1; n <= 9; n++) {
        char text[12] = "number 0 ok";

        text[7] = (char)('0' + n);
        assert_int_equal(troupe_shared_write(f->me, shared, (troupe_bytes){text, 11}), TROUPE_OK);
        assert_int_equal(troupe_shared_read(shared, bytes, 11, &version), TROUPE_OK);
        assert_string_equal(bytes, text);
        assert_int_equal(version, n);
        assert_int_equal(troupe_shared_version(shared), n);
    }
}

static void test_another_size_is_refused(void **state)
{
    fixture *f = *state;
    TROUPE_AUTO(troupe_shared) *shared = new_shared(8), *none = NULL;
    char bytes[9];

    assert_int_equal(troupe_shared_write(f->me, shared, (troupe_bytes){"123456789", 9}),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_shared_write(f->me, shared, (troupe_bytes){"1234567", 7}),
                     TROUPE_E_INVALID);
    assert_int_equal(troupe_shared_read(shared, bytes, 9, NULL), TROUPE_E_INVALID);
    assert_int_equal(troupe_shared_version(shared), 0);
    assert_int_equal(troupe_shared_new(0, &none), TROUPE_E_INVALID);
    assert_int_equal(troupe_shared_new(TROUPE_SHARED_MAX + 1, &none), TROUPE_E_INVALID);
    assert_null(none);
}

/* ---- who writes ---- */

struct keeper {
    troupe_shared *shared;
};

static troupe_status hold(void *self, const troupe_start *start)
{
    struct keeper *keeper = self;

    keeper->shared = troupe_shared_ref(*(troupe_shared *const *)start->argument);
    return TROUPE_OK;
}

static void let_go(void *self)
{
    struct keeper *keeper = self;

    troupe_shared_unref(keeper->shared);
}

static troupe_status store(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct keeper *keeper = self;
    troupe_status status = troupe_shared_write(ctx, keeper->shared, message->payload);

    return status == TROUPE_OK ? troupe_reply(ctx, (troupe_bytes){0}) : status;
}

static const troupe_child_ops keeper_hooks = {.pre_start = hold, .post_stop = let_go};
static const troupe_actor_ops keeper_actor = {.handle_message = store};

static troupe_id spawn_keeper(fixture *f, troupe_shared *const *shared)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.child = &keeper_hooks, .actor = &keeper_actor,
                                 .state_size = sizeof(struct keeper), .argument = shared),
                     &id),
        TROUPE_OK);
    return id;
}

static void test_only_the_first_writer_writes(void **state)
{
    fixture *f = *state;
    TROUPE_AUTO(troupe_shared) *shared = new_shared(5);
    troupe_id first = spawn_keeper(f, &shared), second = spawn_keeper(f, &shared);
    char bytes[6] = "";

    assert_int_equal(troupe_call(f->me, first, TROUPE_TEXT("first"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_call(f->me, second, TROUPE_TEXT("other"), TROUPE_SECOND, NULL),
                     TROUPE_E_DENIED);
    assert_int_equal(troupe_shared_write(f->me, shared, TROUPE_TEXT("mine!")), TROUPE_E_DENIED);
    assert_int_equal(troupe_shared_read(shared, bytes, 5, NULL), TROUPE_OK);
    assert_string_equal(bytes, "first");
}

static void test_when_the_writer_ended_the_next_one_writes(void **state)
{
    fixture *f = *state;
    TROUPE_AUTO(troupe_shared) *shared = new_shared(5);
    troupe_id first = spawn_keeper(f, &shared), second = spawn_keeper(f, &shared);
    char bytes[6] = "";
    uint64_t version;

    assert_int_equal(troupe_call(f->me, first, TROUPE_TEXT("first"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, first), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, first, TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_call(f->me, second, TROUPE_TEXT("other"), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_shared_read(shared, bytes, 5, &version), TROUPE_OK);
    assert_string_equal(bytes, "other");
    assert_int_equal(version, 2);
}

static void test_the_cell_lives_as_long_as_its_last_count(void **state)
{
    fixture *f = *state;
    troupe_shared *shared = new_shared(5);
    troupe_id id = spawn_keeper(f, &shared);

    troupe_shared_unref(shared);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("later"), TROUPE_SECOND, NULL), TROUPE_OK);
}

/* ---- a storm of readers ---- */

#define STORM_READERS 3

struct reader {
    troupe_shared *shared;
    trp_thread thread;
    size_t size;
    uint64_t n_read, n_torn, n_back;
};

static _Atomic bool storm_over;

/* A whole version has one number in all its words, and the number is the version. */
static bool is_whole(const uint64_t *words, size_t n, uint64_t version)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i] != version)
            return false;
    }
    return true;
}

static void read_on(void *arg)
{
    struct reader *reader = arg;
    uint64_t *words = trp_alloc(reader->size);
    uint64_t last = 0, version = 0;

    while (words && !trp_load_acquire(&storm_over)) { /* pairs with storm */
        if (troupe_shared_read(reader->shared, words, reader->size, &version) != TROUPE_OK)
            break;
        reader->n_torn += !is_whole(words, reader->size / sizeof *words, version);
        reader->n_back += version < last;
        reader->n_read++;
        last = version;
    }
    trp_free(words);
}

static void storm(fixture *f, size_t size, uint64_t n_writes)
{
    TROUPE_AUTO(troupe_shared) *shared = new_shared(size);
    struct reader readers[STORM_READERS];
    uint64_t *words = trp_alloc(size);

    assert_non_null(words);
    trp_store_release(&storm_over, false);
    for (int i = 0; i < STORM_READERS; i++) {
        readers[i] = (struct reader){.shared = shared, .size = size};
        assert_true(trp_thread_start(&readers[i].thread, "reader", 0, read_on, &readers[i]));
    }
    for (uint64_t n = 1; n <= n_writes; n++) {
        for (size_t i = 0; i < size / sizeof *words; i++)
            words[i] = n;
        assert_int_equal(troupe_shared_write(f->me, shared, (troupe_bytes){words, size}),
                         TROUPE_OK);
    }
    trp_store_release(&storm_over, true);
    for (int i = 0; i < STORM_READERS; i++) {
        trp_thread_join(&readers[i].thread);
        assert_int_equal(readers[i].n_torn, 0);
        assert_int_equal(readers[i].n_back, 0);
    }
    assert_int_equal(troupe_shared_version(shared), n_writes);
    trp_free(words);
}

static void test_no_reader_sees_a_torn_version(void **state)
{
    storm(*state, TROUPE_SHARED_MAX, 1500);
}

static void test_no_reader_sees_a_torn_version_of_a_few_words(void **state)
{
    storm(*state, 4 * sizeof(uint64_t), 40000);
}

static void test_no_reader_goes_back(void **state)
{
    storm(*state, sizeof(uint64_t), 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_cell_reads_as_zeros_of_version_0),
        BOTH(test_what_was_written_is_read_with_its_version),
        BOTH(test_another_size_is_refused),
        BOTH(test_only_the_first_writer_writes),
        BOTH(test_when_the_writer_ended_the_next_one_writes),
        BOTH(test_the_cell_lives_as_long_as_its_last_count),
        cmocka_unit_test_setup_teardown(test_no_reader_sees_a_torn_version, on_threads, tear_down),
        cmocka_unit_test_setup_teardown(test_no_reader_sees_a_torn_version_of_a_few_words,
                                        on_threads, tear_down),
        cmocka_unit_test_setup_teardown(test_no_reader_goes_back, on_threads, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
