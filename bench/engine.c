/* engine.c - the engine alone under the guest figures: the calls that one message takes, and
 * nothing around them.
 *
 * Its settings are those of the dense profile (src/component/engine.c). Its memory creator has one slot, zeroed
 * when it is given back, as the slab's.
 */
#include "bench.h"

#include "trp/os.h"

#include <stdio.h>
#include <string.h>
#include <wasmtime.h>

#define HANDLE "troupe:component/actor@0.1.0#handle-message"
#define N_ARGUMENTS 13
#define PAYLOAD 11 /* pointer, and behind it the length; the others are options that are none */

#define SLOT 65536

struct alone {
    wasm_engine_t *engine;
    wasmtime_instance_pre_t *pre;
    uint8_t *slot; /* zero between lives */
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_func_t handle, post, realloc;
    wasmtime_memory_t memory;
    uint64_t n_handled;
};

static uint8_t *get_slot(void *env, size_t *byte_size, size_t *byte_capacity)
{
    *byte_size = SLOT;
    *byte_capacity = SLOT;
    return ((struct alone *)env)->slot;
}

static wasmtime_error_t *grow_slot(void *env, size_t size)
{
    (void)env, (void)size;
    return wasmtime_error_new("one page and no more");
}

static void clear_slot(void *env)
{
    memset(((struct alone *)env)->slot, 0, SLOT);
}

/* NOLINTNEXTLINE(readability-function-size): the engine's own signature */
static wasmtime_error_t *give_slot(void *env, const wasm_memorytype_t *type, size_t minimum,
                                   size_t maximum, size_t reserved, size_t guard,
                                   wasmtime_linear_memory_t *ret)
{
    (void)type, (void)maximum, (void)reserved, (void)guard;
    BENCH_MUST(minimum == SLOT, "the guest has not one page");
    *ret = (wasmtime_linear_memory_t){env, get_slot, grow_slot, clear_slot};
    return NULL;
}

static wasm_engine_t *make_engine(struct alone *alone)
{
    wasm_config_t *config = wasm_config_new();
    wasmtime_memory_creator_t creator = {.env = alone, .new_memory = give_slot};

    wasmtime_config_host_memory_creator_set(config, &creator);
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

static void begin_life(struct alone *alone)
{
    wasm_trap_t *trap = NULL;
    wasmtime_instance_t instance;

    alone->store = wasmtime_store_new(alone->engine, NULL, NULL);
    alone->context = wasmtime_store_context(alone->store);
    wasmtime_store_limiter(alone->store, SLOT, 1000, 1, 1, 1);
    wasmtime_context_set_epoch_deadline(alone->context, UINT64_C(1) << 40);
    BENCH_MUST(!wasmtime_instance_pre_instantiate(alone->pre, alone->context, &instance, &trap) &&
                   !trap,
               "the guest cannot be instantiated");
    alone->handle = export_of(alone, &instance, HANDLE).of.func;
    alone->post = export_of(alone, &instance, "cabi_post_" HANDLE).of.func;
    alone->realloc = export_of(alone, &instance, "cabi_realloc").of.func;
    alone->memory = export_of(alone, &instance, "memory").of.memory;
}

static void *open_alone(unsigned cores)
{
    struct alone *alone = trp_alloc_zeroed(sizeof *alone);
    troupe_bytes bytes = bench_read_guest("bench_tally.wasm");
    wasmtime_linker_t *linker;
    wasmtime_module_t *module;

    (void)cores;
    BENCH_MUST(alone, "memory is out");
    alone->slot = trp_alloc_zeroed(SLOT);
    alone->engine = make_engine(alone);
    BENCH_MUST(alone->slot && alone->engine, "the engine did not start");
    BENCH_MUST(!wasmtime_module_new(alone->engine, bytes.data, bytes.size, &module),
               "the guest does not compile");
    linker = wasmtime_linker_new(alone->engine);
    BENCH_MUST(!wasmtime_linker_instantiate_pre(linker, module, &alone->pre),
               "the guest imports something");
    wasmtime_linker_delete(linker);
    wasmtime_module_delete(module);
    begin_life(alone);
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

/* The message at which it traps; what the trap says is not read. */
static void make_it_trap(struct alone *alone)
{
    const uint64_t payload[2] = {1, 0};
    wasmtime_val_raw_t room[4] = {{.i32 = 0}, {.i32 = 0}, {.i32 = 1}, {.i32 = 16}};
    wasmtime_val_raw_t arguments[N_ARGUMENTS] = {{.i64 = 0}};
    uint32_t at = call(alone, &alone->realloc, room, 4);
    wasm_trap_t *trap = NULL;

    memcpy(wasmtime_memory_data(alone->context, &alone->memory) + at, payload, 16);
    arguments[PAYLOAD].i32 = (int32_t)at;
    arguments[PAYLOAD + 1].i32 = 16;
    BENCH_MUST(!wasmtime_func_call_unchecked(alone->context, &alone->handle, arguments, N_ARGUMENTS,
                                             &trap) &&
                   trap,
               "the guest did not trap");
    wasm_trap_delete(trap);
}

static void fall_and_live(void *state, uint64_t ops)
{
    struct alone *alone = state;

    for (uint64_t i = 0; i < ops; i++) {
        make_it_trap(alone);
        wasmtime_store_delete(alone->store);
        begin_life(alone);
        BENCH_MUST(handle_one(alone, (const uint64_t[2]){0, 0}, 1) == 1, "the life is not fresh");
    }
}

static void close_alone(void *state)
{
    struct alone *alone = state;

    wasmtime_store_delete(alone->store);
    wasmtime_instance_pre_delete(alone->pre);
    wasm_engine_delete(alone->engine);
    trp_free(alone->slot);
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
    {
        .name = "crash_restart",
        .variant = "engine",
        .what = "the engine alone: a trap, the end of the store, a new one, an instance, its four "
                "exports, one message answered",
        .most_cores = 1,
        .ops = 10000,
        .open = open_alone,
        .round = fall_and_live,
        .close = close_alone,
    },
    {.name = NULL}};
