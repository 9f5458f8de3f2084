/* engine.c - the dense profile: small memories from our slab, explicit bounds checks, no signals, no mappings.
 *
 * An engine serves many guests on many threads; all of it but the list of modules is set once.
 */
#include "engine.h"

#include "trap.h"

#include "trp/options.h"

#include <string.h>

const char *troupe_engine_version(void)
{
    return "wasmtime " WASMTIME_VERSION " (" TROUPE_ENGINE_ORIGIN ")";
}

/* An engine built without a feature has no switch for it: it is off. */
#ifdef WASMTIME_FEATURE_THREADS
static void turn_off_threads(wasm_config_t *config)
{
    wasmtime_config_wasm_threads_set(config, false);
}
#else
static void turn_off_threads(wasm_config_t *config)
{
    (void)config;
}
#endif

#ifdef WASMTIME_FEATURE_GC
static void turn_off_gc_types(wasm_config_t *config)
{
    wasmtime_config_wasm_function_references_set(config, false);
    wasmtime_config_wasm_gc_set(config, false);
    wasmtime_config_wasm_exceptions_set(config, false);
}
#else
static void turn_off_gc_types(wasm_config_t *config)
{
    (void)config;
}
#endif

/* What changes the code that is compiled must also change the key in cache.c. */
static wasm_config_t *configure(const troupe_engine *engine)
{
    wasm_config_t *config = wasm_config_new();

    trp_slab_serve(engine->slab, config);
    wasmtime_config_memory_may_move_set(config, true);
    wasmtime_config_memory_reservation_set(config, 0);
    wasmtime_config_memory_reservation_for_growth_set(config, 0);
    wasmtime_config_memory_guard_size_set(config, 0);
    wasmtime_config_memory_init_cow_set(config, false);
    wasmtime_config_signals_based_traps_set(config, false);
    wasmtime_config_gc_support_set(config, false);
    wasmtime_config_concurrency_support_set(config, false);
    wasmtime_config_max_wasm_stack_set(config, TRP_GUEST_STACK);
    wasmtime_config_strategy_set(config, WASMTIME_STRATEGY_CRANELIFT);
    /* No threads that we did not make: the engine's own pool ends the process when it gets none. */
    wasmtime_config_parallel_compilation_set(config, false);
    wasmtime_config_wasm_memory64_set(config, false);
    wasmtime_config_wasm_multi_memory_set(config, false);
    wasmtime_config_shared_memory_set(config, false);
    turn_off_threads(config);
    /* Types that the C API cannot name: it would end the process when asked for a signature. */
    turn_off_gc_types(config);
    wasmtime_config_wasm_stack_switching_set(config, false);
    if (engine->fuel) {
        wasmtime_config_consume_fuel_set(config, true);
        /* The same bits on every machine, whatever its NaNs look like. */
        wasmtime_config_cranelift_nan_canonicalization_set(config, true);
        wasmtime_config_wasm_relaxed_simd_deterministic_set(config, true);
    } else {
        wasmtime_config_epoch_interruption_set(config, true);
    }
    return config;
}

static void ring(void *argument)
{
    wasmtime_engine_increment_epoch(argument);
}

static troupe_status open_cache(troupe_engine *engine, const char *dir, troupe_error *error)
{
    char why[256];
    troupe_status status;

    if (!dir)
        return TROUPE_OK;
    status = trp_cache_open(dir, why, sizeof(why));
    if (status != TROUPE_OK)
        return troupe_error_set(error, status,
                                "the cache of compiled guests, %s: %s; name a directory of yours",
                                dir, why);
    engine->cache_dir = trp_strdup(dir);
    return engine->cache_dir ? TROUPE_OK
                             : troupe_error_set(error, TROUPE_E_NO_MEMORY, "memory is out");
}

static troupe_status start(troupe_engine *engine, const troupe_engine_options *options,
                           troupe_error *error)
{
    troupe_status status = open_cache(engine, options->cache_dir, error);

    if (status != TROUPE_OK)
        return status;
    engine->slab = trp_slab_new();
    if (!engine->slab)
        return troupe_error_set(error, TROUPE_E_NO_MEMORY, "memory is out");
    engine->wasm = wasm_engine_new_with_config(configure(engine));
    if (!engine->wasm)
        return troupe_error_set(error, TROUPE_E_NO_MEMORY, "%s did not start",
                                troupe_engine_version());
    if (engine->fuel)
        return TROUPE_OK;
    status = troupe_tick_start(engine->system, ring, engine->wasm, &engine->tick);
    return status == TROUPE_OK ? status
                               : troupe_error_set(error, status, "no tick for the engine: %s",
                                                  troupe_status_text(status));
}

troupe_status troupe_engine_new(troupe_system *system, const troupe_engine_options *options,
                                troupe_engine **ret_engine, troupe_error *error)
{
    troupe_engine_options taken = {.size = sizeof(taken)};
    troupe_engine *engine;
    troupe_status status;

    if (options && !trp_options_take(&taken, sizeof(taken), options))
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "engine: made by TROUPE_ENGINE_OPTIONS of a newer version, or not");
    engine = trp_alloc_zeroed(sizeof(*engine));
    if (!engine)
        return troupe_error_set(error, TROUPE_E_NO_MEMORY, "memory is out");
    engine->system = system;
    engine->fuel = troupe_simulated(system) || troupe_driven(system); /* neither has ticks */
    trp_mutex_init(&engine->lock);
    trp_list_init(&engine->modules);
    status = start(engine, &taken, error);
    if (status != TROUPE_OK) {
        troupe_engine_free(engine);
        return status;
    }
    *ret_engine = engine;
    return TROUPE_OK;
}

void troupe_engine_free(troupe_engine *engine)
{
    if (!engine)
        return;
    TROUPE_ASSERT(troupe_engine_stores(engine) == 0);
    TROUPE_ASSERT(trp_list_empty(&engine->modules));
    if (engine->tick)
        troupe_tick_stop(engine->system, engine->tick);
    if (engine->wasm)
        wasm_engine_delete(engine->wasm);
    trp_slab_free(engine->slab);
    trp_mutex_fini(&engine->lock);
    trp_free(engine->cache_dir);
    trp_free(engine);
}

uint64_t troupe_engine_stores(const troupe_engine *engine)
{
    /* A count, read when nothing runs or for a look: nothing is ordered by it. */
    return trp_load_relaxed(&engine->stores);
}
