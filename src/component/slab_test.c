/* The slab through the engine's own calls: what a memory holds, and what the next one finds. */
#include "component_testing.h"

#include "slab.h"
#include "trap.h"

#include <wasmtime.h>

static trp_slab *slab;
static wasm_engine_t *engine;

static int open_slab(void **state)
{
    wasm_config_t *config = wasm_config_new();

    (void)state;
    slab = trp_slab_new();
    assert_non_null(slab);
    trp_slab_serve(slab, config);
    wasmtime_config_memory_may_move_set(config, true);
    wasmtime_config_memory_reservation_set(config, 0);
    wasmtime_config_memory_reservation_for_growth_set(config, 0);
    wasmtime_config_memory_guard_size_set(config, 0);
    wasmtime_config_memory_init_cow_set(config, false);
    wasmtime_config_signals_based_traps_set(config, false);
    engine = wasm_engine_new_with_config(config);
    return engine ? 0 : -1;
}

static int close_slab(void **state)
{
    (void)state;
    assert_int_equal(trp_slab_count(slab).live, 0);
    assert_int_equal(trp_slab_count(slab).large, 0);
    wasm_engine_delete(engine);
    trp_slab_free(slab);
    return 0;
}

/* The engine asks the slab for the memories of instances only. */
static wasmtime_memory_t make(wasmtime_store_t *store, uint64_t pages)
{
    char text[80];
    int n = snprintf(text, sizeof text, "(module (memory (export \"m\") %u))", (unsigned)pages);
    wasmtime_module_t *module = NULL;
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    wasmtime_extern_t item;
    wasm_byte_vec_t wasm;

    assert_null(wasmtime_wat2wasm(text, (size_t)n, &wasm));
    assert_null(wasmtime_module_new(engine, (const uint8_t *)wasm.data, wasm.size, &module));
    wasm_byte_vec_delete(&wasm);
    assert_null(
        wasmtime_instance_new(wasmtime_store_context(store), module, NULL, 0, &instance, &trap));
    wasmtime_module_delete(module);
    assert_true(
        wasmtime_instance_export_get(wasmtime_store_context(store), &instance, "m", 1, &item));
    return item.of.memory;
}

static void expect_bytes(wasmtime_store_t *store, const wasmtime_memory_t *memory, size_t from,
                         size_t to, uint8_t wanted)
{
    wasmtime_context_t *context = wasmtime_store_context(store);
    const uint8_t *data = wasmtime_memory_data(context, memory);

    assert_true(to <= wasmtime_memory_data_size(context, memory));
    for (size_t i = from; i < to; i++) {
        if (data[i] != wanted)
            fail_msg("byte %zu is %u", i, data[i]);
    }
}

static void fill(wasmtime_store_t *store, const wasmtime_memory_t *memory)
{
    wasmtime_context_t *context = wasmtime_store_context(store);

    memset(wasmtime_memory_data(context, memory), 0xa5, wasmtime_memory_data_size(context, memory));
}

static void test_slab_memory_is_zero_whoever_had_it_before(void **state)
{
    static const uint64_t pages[] = {1, 2, 3, 4, 9, 16, 17, 40};

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
            wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
            wasmtime_memory_t memory = make(store, pages[i]);

            expect_bytes(store, &memory, 0, pages[i] * 65536, 0);
            fill(store, &memory);
            wasmtime_store_delete(store);
        }
    }
    assert_int_equal(trp_slab_count(slab).chunks, 1);
}

static void test_slab_memory_keeps_its_bytes_while_it_grows(void **state)
{
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_memory_t memory = make(store, 1);
    size_t filled = 65536;

    (void)state;
    fill(store, &memory);
    for (uint64_t pages = 1; pages < 100; pages = pages * 2 + 1) {
        uint64_t before;

        assert_null(
            wasmtime_memory_grow(wasmtime_store_context(store), &memory, pages + 1, &before));
        assert_int_equal(before, pages);
        expect_bytes(store, &memory, 0, filled, 0xa5);
        filled = (pages * 2 + 1) * 65536;
        expect_bytes(store, &memory, pages * 65536, filled, 0);
        fill(store, &memory);
    }
    wasmtime_store_delete(store);
}

static void test_slab_many_memories_share_few_mappings(void **state)
{
    enum { N = 600 };
    static wasmtime_store_t *stores[N];
    static wasmtime_memory_t memories[N];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        stores[i] = wasmtime_store_new(engine, NULL, NULL);
        memories[i] = make(stores[i], 1);
        wasmtime_memory_data(wasmtime_store_context(stores[i]), &memories[i])[7] = (uint8_t)i;
    }
    assert_int_equal(trp_slab_count(slab).live, N);
    assert_int_equal(trp_slab_count(slab).chunks, 3);
    for (size_t i = 0; i < N; i++) {
        expect_bytes(stores[i], &memories[i], 7, 8, (uint8_t)i);
        wasmtime_store_delete(stores[i]);
    }
}

static void test_slab_memory_of_no_page_grows_too(void **state)
{
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_memory_t memory = make(store, 0);
    uint64_t before;

    (void)state;
    assert_null(wasmtime_memory_grow(wasmtime_store_context(store), &memory, 1, &before));
    expect_bytes(store, &memory, 0, 65536, 0);
    wasmtime_store_delete(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_slab_memory_is_zero_whoever_had_it_before, open_slab,
                                        close_slab),
        cmocka_unit_test_setup_teardown(test_slab_memory_keeps_its_bytes_while_it_grows, open_slab,
                                        close_slab),
        cmocka_unit_test_setup_teardown(test_slab_many_memories_share_few_mappings, open_slab,
                                        close_slab),
        cmocka_unit_test_setup_teardown(test_slab_memory_of_no_page_grows_too, open_slab,
                                        close_slab),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
