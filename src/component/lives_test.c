/* A thousand lives of one guest: what each took comes back. */
#include "component_testing.h"

#include "engine.h"

#include <dirent.h>
#include <malloc.h>

static struct house house;
static const char *child_name;

/* ---- a supervisor that always says again, and tells whoever waits when the next life runs ---- */

struct keeper {
    troupe_id child;
    troupe_correlation waiting;
};

static troupe_status keeper_start(void *self, troupe_context *ctx)
{
    struct keeper *keeper = self;
    troupe_spec spec = {.size = sizeof spec, .name = child_name, .supervised = true};

    troupe_guest_spec(house.guests[0], &spec);
    return troupe_spawn(ctx, &spec, &keeper->child);
}

static troupe_status keeper_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct keeper *keeper = self;

    keeper->waiting = message->correlation;
    return troupe_send(ctx, keeper->child, TROUPE_TEXT("crash"));
}

static void keeper_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct keeper *keeper = self;

    if (notice->event == TROUPE_EVENT_CHILD_EXIT)
        (void)troupe_restart(ctx, keeper->child);
    if (notice->event == TROUPE_EVENT_STARTED && keeper->waiting.value != 0)
        (void)troupe_reply_to(ctx, keeper->waiting, TROUPE_BYTES_OF(notice->exit.incarnation));
}

static const troupe_child_ops keeper_child = {.post_start = keeper_start};
static const troupe_actor_ops keeper_ops = {.handle_message = keeper_message,
                                            .handle_down = keeper_down};

/* ---- what is in use ---- */

struct use {
    uint64_t live, slots, stores;
    size_t memories, chunks, large, mappings, descriptors, bytes;
};

static size_t count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t n = 0;

    assert_non_null(file);
    for (int c; (c = fgetc(file)) != EOF;)
        n += c == '\n';
    fclose(file);
    return n;
}

static size_t count_descriptors(void)
{
    DIR *open = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(open);
    while (readdir(open))
        n++;
    closedir(open);
    return n;
}

static struct use look(void)
{
    trp_slab_counts counts = trp_slab_count(house.engine->slab);
    troupe_totals totals;
    struct use use;

    troupe_totals_now(house.system, &totals);
    use.live = totals.live;
    use.slots = totals.slots;
    use.stores = troupe_engine_stores(house.engine);
    use.memories = counts.live;
    use.chunks = counts.chunks;
    use.large = counts.large;
    use.descriptors = count_descriptors();
    use.mappings = count_lines("/proc/self/maps");
    use.bytes = mallinfo2().uordblks;
    return use;
}

static void crash(troupe_id keeper, uint32_t n)
{
    troupe_bytes answer;

    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(ask(&house, keeper, TROUPE_TEXT("crash it"), &answer), TROUPE_OK);
        assert_int_equal(answer.size, sizeof(uint32_t));
    }
}

static void crash_a_thousand_times(bool simulation)
{
    troupe_id keeper = TROUPE_NOBODY;
    struct use before, after;

    /* One worker: the engine maps a signal stack for each thread that enters a guest, at its first time. */
    house_open_workers(&house, simulation, NULL, 1);
    load(&house, "crash.wasm");
    assert_int_equal(
        troupe_spawn(house.me,
                     TROUPE_SPEC(.name = "keeper", .child = &keeper_child, .actor = &keeper_ops,
                                 .state_size = sizeof(struct keeper)),
                     &keeper),
        TROUPE_OK);
    crash(keeper, 1100); /* by now the worker has the nodes that a thread keeps (trp/blocks.h) */
    before = look();
    crash(keeper, 1000);
    after = look();
    assert_int_equal(after.live, before.live);
    assert_int_equal(after.slots, before.slots);
    assert_int_equal(after.stores, 1);
    assert_int_equal(after.memories, 1);
    assert_int_equal(after.chunks, before.chunks);
    assert_int_equal(after.large, before.large);
    assert_int_equal(after.descriptors, before.descriptors);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_int_equal(after.mappings, before.mappings);
    assert_in_range(after.bytes, 0, before.bytes + 65536);
#endif
    house_close(&house);
}

static void test_lives_end_and_begin_at_once_on_two_workers(void **state)
{
    enum { N = 6, CRASHES = 60 };
    troupe_id keepers[N];
    troupe_spec spec = {.size = sizeof spec,
                        .child = &keeper_child,
                        .actor = &keeper_ops,
                        .state_size = sizeof(struct keeper)};

    (void)state;
    house_open(&house, false);
    child_name = NULL;
    load(&house, "crash.wasm");
    for (size_t i = 0; i < N; i++)
        assert_int_equal(troupe_spawn(house.me, &spec, &keepers[i]), TROUPE_OK);
    for (size_t n = 0; n < CRASHES; n++) {
        for (size_t i = 0; i < N; i++)
            assert_int_equal(troupe_send(house.me, keepers[i], TROUPE_TEXT("crash it")), TROUPE_OK);
    }
    for (size_t i = 0; i < N; i++)
        crash(keepers[i], 1);
    house_close(&house);
}

static void test_a_thousand_lives_leave_nothing_on_threads(void **state)
{
    (void)state;
    crash_a_thousand_times(false);
}

static void test_a_thousand_lives_leave_nothing_in_simulation(void **state)
{
    (void)state;
    crash_a_thousand_times(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives_end_and_begin_at_once_on_two_workers),
        cmocka_unit_test(test_a_thousand_lives_leave_nothing_on_threads),
        cmocka_unit_test(test_a_thousand_lives_leave_nothing_in_simulation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
