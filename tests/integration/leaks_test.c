/* After 1100 warm-up cycles and 1000 more, everything that can be counted is as it was: crashes and restarts under a
 * supervisor of the kit, and spawns and stops; of a guest and of a native component, on a thread and in simulation. */
#include "troupe/component.h"
#include "troupe/kit.h"
#include "trp/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <malloc.h>

#define WARM_UP 1100 /* until the worker has all the nodes that a thread keeps (trp/blocks.h) */
#define CYCLES 1000
#define PATIENCE (60 * TROUPE_SECOND)
#define BYTES_MORE 65536

struct house {
    troupe_system *system;
    troupe_context *me;
    troupe_engine *engine;
    troupe_guest *guest;
    troupe_id idle; /* a call to it comes back when the worker is through with what was before */
    troupe_id child;
    const troupe_spec *spec; /* of what is spawned and stopped */
};

/* ---- components ---- */

static troupe_status answer_or_crash(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    if (message->payload.size == 5 && memcmp(message->payload.data, "crash", 5) == 0)
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as told");
    else
        (void)troupe_reply(ctx, message->payload);
    return TROUPE_OK;
}

static const troupe_actor_ops native_ops = {.handle_message = answer_or_crash};

static void load_guest(struct house *house)
{
    static char module[1 << 18];
    const char *path = TROUPE_TEST_GUESTS "/crash.wasm";
    FILE *file = fopen(path, "rb");
    troupe_error error = {.text = ""};
    size_t size;

    assert_non_null(file);
    size = fread(module, 1, sizeof module, file);
    fclose(file);
    if (troupe_engine_new(house->system, TROUPE_ENGINE_OPTIONS(.cache_dir = NULL), &house->engine,
                          &error) != TROUPE_OK ||
        troupe_guest_load(
            house->engine,
            TROUPE_GUEST_OPTIONS(.name = "crash", .path = path, .module = {module, size}),
            &house->guest, &error) != TROUPE_OK)
        fail_msg("%s", error.text);
}

/* One worker: the engine maps a signal stack for each thread that enters a guest, at its first time. */
static void open_house(struct house *house, bool simulation)
{
    troupe_system_options options = TROUPE_SYSTEM_OPTIONS();

    memset(house, 0, sizeof *house);
    options.simulation = simulation;
    options.seed = 11;
    options.workers = 1;
    assert_int_equal(troupe_system_new(&options, &house->system), TROUPE_OK);
    house->me = troupe_attach(house->system);
    assert_non_null(house->me);
    load_guest(house);
    assert_int_equal(troupe_spawn(house->me, TROUPE_SPEC(.actor = &native_ops), &house->idle),
                     TROUPE_OK);
}

static void close_house(struct house *house)
{
    troupe_totals totals;
    uint64_t walked;

    troupe_system_stop(house->system);
    walked = troupe_account_now(house->system, &totals);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.sent, totals.handled + totals.dead_letters + walked);
    assert_int_equal(troupe_engine_stores(house->engine), 0);
    troupe_guest_free(house->guest);
    troupe_engine_free(house->engine);
    troupe_detach(house->me);
    troupe_system_free(house->system);
}

static troupe_spec spec_of(struct house *house, bool guest)
{
    troupe_spec spec = *TROUPE_SPEC(.actor = &native_ops, .state_size = 64);

    if (guest)
        troupe_guest_spec(house->guest, &spec);
    return spec;
}

static troupe_status ask(struct house *house, troupe_id id, const char *words)
{
    troupe_reply_buffer reply = {NULL};
    troupe_status status = troupe_call(house->me, id, troupe_text(words), PATIENCE, &reply);

    troupe_reply_clear(&reply);
    return status;
}

/* ---- what is in use ---- */

struct use {
    uint64_t live, slots, stores;
    size_t mappings, descriptors, bytes;
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

static size_t count_entries(const char *path)
{
    DIR *folder = opendir(path);
    size_t n = 0;

    assert_non_null(folder);
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

static struct use look(struct house *house)
{
    troupe_totals totals;

    assert_int_equal(ask(house, house->idle, "still there?"), TROUPE_OK);
    troupe_totals_now(house->system, &totals);
    return (struct use){.live = totals.live,
                        .slots = totals.slots,
                        .stores = troupe_engine_stores(house->engine),
                        .mappings = count_lines("/proc/self/maps"),
                        .descriptors = count_entries("/proc/self/fd"),
                        .bytes = mallinfo2().uordblks};
}

static void expect_the_same(struct use before, struct use after)
{
    assert_int_equal(after.live, before.live);
    assert_int_equal(after.slots, before.slots);
    assert_int_equal(after.stores, before.stores);
    assert_int_equal(after.descriptors, before.descriptors);
#if !defined(__SANITIZE_ADDRESS__) &&                                                              \
    !defined(__SANITIZE_THREAD__) /* they map and keep memory themselves */
    assert_int_equal(after.mappings, before.mappings);
    assert_in_range(after.bytes, 0, before.bytes + BYTES_MORE);
#endif
}

static void cycle_and_compare(struct house *house, void (*once)(struct house *house))
{
    struct use before;

    for (int i = 0; i < WARM_UP; i++)
        once(house);
    before = look(house);
    for (int i = 0; i < CYCLES; i++)
        once(house);
    expect_the_same(before, look(house));
}

/* ---- crash and restart ---- */

static void crash_once(struct house *house)
{
    assert_int_equal(ask(house, house->child, "crash"), TROUPE_E_CRASHED);
    assert_int_equal(ask(house, house->child, "hello"),
                     TROUPE_OK); /* it waited for the next life */
}

static void crash_and_restart(bool simulation, bool guest)
{
    struct house house;
    troupe_child child = {.restart = TROUPE_PERMANENT};
    troupe_supervisor plan = TROUPE_SUPERVISOR(.max_restarts = 4096, .within_ns = TROUPE_SECOND,
                                               .children = &child, .n_children = 1);
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    troupe_totals totals;
    troupe_info info;
    troupe_id top;

    open_house(&house, simulation);
    child.spec = spec_of(&house, guest);
    child.spec.name = "child";
    assert_int_equal(troupe_supervisor_spec(&plan, &spec, NULL), TROUPE_OK);
    assert_int_equal(troupe_spawn(house.me, &spec, &top), TROUPE_OK);
    assert_int_equal(troupe_lookup(house.system, "child", &house.child), TROUPE_OK);
    cycle_and_compare(&house, crash_once);
    troupe_totals_now(house.system, &totals);
    assert_int_equal(totals.crashes, WARM_UP + CYCLES);
    assert_int_equal(troupe_info_of(house.system, house.child, &info), TROUPE_OK);
    assert_int_equal(info.incarnation, WARM_UP + CYCLES + 1);
    close_house(&house);
}

static void test_a_thousand_crashes_of_a_guest_leave_nothing_behind(void **state)
{
    (void)state;
    crash_and_restart(false, true);
    crash_and_restart(true, true);
}

static void test_a_thousand_crashes_of_a_native_component_leave_nothing_behind(void **state)
{
    (void)state;
    crash_and_restart(false, false);
    crash_and_restart(true, false);
}

/* ---- spawn and stop ---- */

static void spawn_once(struct house *house)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(troupe_spawn(house->me, house->spec, &id), TROUPE_OK);
    assert_int_equal(ask(house, id, "hello"), TROUPE_OK);
    assert_int_equal(troupe_stop(house->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(house->me, id, PATIENCE, NULL), TROUPE_OK);
    assert_int_equal(ask(house, house->idle, "through?"), TROUPE_OK);
}

static void spawn_and_stop(bool simulation, bool guest)
{
    struct house house;
    troupe_spec spec;

    open_house(&house, simulation);
    spec = spec_of(&house, guest);
    spec.name = "short-lived";
    house.spec = &spec;
    cycle_and_compare(&house, spawn_once);
    close_house(&house);
}

static void test_a_thousand_spawns_and_stops_of_a_guest_leave_nothing_behind(void **state)
{
    (void)state;
    spawn_and_stop(false, true);
    spawn_and_stop(true, true);
}

static void
test_a_thousand_spawns_and_stops_of_a_native_component_leave_nothing_behind(void **state)
{
    (void)state;
    spawn_and_stop(false, false);
    spawn_and_stop(true, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thousand_crashes_of_a_guest_leave_nothing_behind),
        cmocka_unit_test(test_a_thousand_crashes_of_a_native_component_leave_nothing_behind),
        cmocka_unit_test(test_a_thousand_spawns_and_stops_of_a_guest_leave_nothing_behind),
        cmocka_unit_test(
            test_a_thousand_spawns_and_stops_of_a_native_component_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
