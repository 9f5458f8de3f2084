/* engine.c - the engine alone under the guest figures: the calls that one message takes, and
 * nothing around them.
 *
 * Its settings are those of the dense profile (src/component/engine.c), but for the memory creator.
 */
#include "bench.h"

#include "trp/os.h"

#include <stdio.h>
#include <string.h>
#include <wasmtime.h>

#define HANDLE "troupe:component/actor@0.1.0#handle-message"
#define N_ARGUMENTS 13
#define PAYLOAD 11 /* pointer, and behind it the length; the others are options that are none */

struct alone {
    wasm_engine_t *engine;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_func_t handle, post, realloc;
    wasmtime_memory_t memory;
    uint64_t n_handled;
};

static wasm_engine_t *make_engine(void)
{
    wasm_config_t *config = wasm_config_new();

    wasmtime_config_memory_may_move_set(config, true);
    wasmtime_config_memory_reservation_set(config, 0);
    wasmtime_config_memory_reservation_for_growth_set(config, 0);
    wasmtime_config_memory_guard_size_set(config, 0);
    wasmtime_config_memory_init_cow_set(config, false);
    wasmtime_config_signals_based_traps_set(config, false);
    wasmtime_config_gc_support_set(config, false);
    wasmtime_config_concurrency_support_set(config, false);
    wasmtime_config_epoch_interruption_set(config, true);
    return wasm_engine_new_with_config(config);
}

static wasmtime_extern_t export_of(struct alone *alone, const wasmtime_instance_t *instance,
                                   const char *name)
{
    wasmtime_extern_t item;

    BENCH_MUST(wasmtime_instance_export_get(alone->context, instance, name, strlen(name), &item),
               name);
    return item;
}

static void *open_alone(unsigned cores)
{
    struct alone *alone = trp_alloc_zeroed(sizeof *alone);
    troupe_bytes bytes = bench_read_guest("bench_tally.wasm");
    wasm_trap_t *trap = NULL;
    wasmtime_module_t *module;
    wasmtime_instance_t instance;

    (void)cores;
    BENCH_MUST(alone, "memory is out");
    alone->engine = make_engine();
    BENCH_MUST(alone->engine, "the engine did not start");
    BENCH_MUST(!wasmtime_module_new(alone->engine, bytes.data, bytes.size, &module),
               "the guest does not compile");
    alone->store = wasmtime_store_new(alone->engine, NULL, NULL);
    alone->context = wasmtime_store_context(alone->store);
    wasmtime_context_set_epoch_deadline(alone->context, UINT64_C(1) << 40);
    BENCH_MUST(!wasmtime_instance_new(alone->context, module, NULL, 0, &instance, &trap) && !trap,
               "the guest cannot be instantiated");
    alone->handle = export_of(alone, &instance, HANDLE).of.func;
    alone->post = export_of(alone, &instance, "cabi_post_" HANDLE).of.func;
    alone->realloc = export_of(alone, &instance, "cabi_realloc").of.func;
    alone->memory = export_of(alone, &instance, "memory").of.memory;
    wasmtime_module_delete(module);
    trp_free((void *)(uintptr_t)bytes.data);
    return alone;
}

static uint32_t call(struct alone *alone, const wasmtime_func_t *function,
                     wasmtime_val_raw_t *arguments, size_t n)
{
    wasm_trap_t *trap = NULL;

    BENCH_MUST(!wasmtime_func_call_unchecked(alone->context, function, arguments, n, &trap) &&
                   !trap,
               "the guest trapped");
    return (uint32_t)arguments[0].i32;
}

/* realloc, copy, handle-message, read the answer, post-return. correlation 0: nobody asks. */
static uint64_t handle_one(struct alone *alone, const uint64_t payload[2], uint64_t correlation)
{
    wasmtime_val_raw_t room[4] = {{.i32 = 0}, {.i32 = 0}, {.i32 = 1}, {.i32 = 16}};
    wasmtime_val_raw_t arguments[N_ARGUMENTS] = {{.i64 = 0}};
    uint32_t at = call(alone, &alone->realloc, room, 4), result, words[4];
    uint64_t answer = 0;
    uint8_t *memory = wasmtime_memory_data(alone->context, &alone->memory);

    memcpy(memory + at, payload, 16);
    arguments[1].i32 = correlation != 0;
    arguments[2].i64 = (int64_t)correlation;
    arguments[PAYLOAD].i32 = (int32_t)at;
    arguments[PAYLOAD + 1].i32 = 16;
    result = call(alone, &alone->handle, arguments, N_ARGUMENTS);
    memory = wasmtime_memory_data(alone->context, &alone->memory);
    memcpy(words, memory + result, sizeof words); /* error?, some?, pointer, length */
    BENCH_MUST((words[0] & 0xff) == 0, "the guest failed");
    if (correlation != 0)
        memcpy(&answer, memory + words[2], sizeof answer);
    room[0].i32 = (int32_t)result;
    call(alone, &alone->post, room, 1);
    return answer;
}

static void handle_many(void *state, uint64_t ops)
{
    struct alone *alone = state;

    for (uint64_t i = 1; i < ops; i++) {
        const uint64_t payload[2] = {0, i};

        handle_one(alone, payload, 0);
    }
    alone->n_handled += ops;
    BENCH_MUST(handle_one(alone, (const uint64_t[2]){0, 0}, 1) == alone->n_handled,
               "the tally is wrong");
}

static void close_alone(void *state)
{
    struct alone *alone = state;

    wasmtime_store_delete(alone->store);
    wasm_engine_delete(alone->engine);
    trp_free(alone);
}

const bench_case bench_engine[] = {
    {
        .name = "counting",
        .variant = "engine",
        .what = "the engine alone: realloc, copy of 16 bytes, handle-message, post-return",
        .most_cores = 1,
        .ops = 1000000,
        .open = open_alone,
        .round = handle_many,
        .close = close_alone,
    },
    {.name = NULL}};
