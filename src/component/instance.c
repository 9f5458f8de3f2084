#include "instance.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What one guest may have beside its memory. */
#define TABLES_MAX 4
#define TABLE_ELEMENTS_MAX 65536

bool trp_instance_fault(trp_instance *instance, const char *format, ...)
{
    char text[TROUPE_EXIT_TEXT_MAX + 1];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    trp_fault_set(&instance->turn->fault, TROUPE_EXIT_CRASHED, "%s", text);
    instance->dead = true;
    return false;
}

/* ---- turns and their time ---- */

/* The epoch only rings. How long the guest ran says the thread's own clock, which is read here and not at each message: it
 * costs more than a message. So the time counts from the first ring, at most a tick late. */
static wasmtime_error_t *on_ring(wasmtime_context_t *wasm, void *data, uint64_t *ret_delta,
                                 wasmtime_update_deadline_kind_t *ret_kind)
{
    trp_instance *instance = data;
    trp_turn *turn = instance->turn;
    const troupe_guest *guest = instance->guest;
    uint64_t now = trp_thread_cpu_ns();
    const char *killed = turn->ctx ? troupe_killed(turn->ctx) : NULL;

    (void)wasm;
    if (killed) {
        trp_fault_set(&turn->fault, TROUPE_EXIT_KILLED, "%s", killed);
        return trp_error_new(killed);
    }
    *ret_delta = 1;
    *ret_kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
    if (turn->rings++ == 0) {
        turn->cpu_ns = now;
        return NULL;
    }
    if (now - turn->cpu_ns >= guest->limits.message_ns) {
        trp_fault_set(&turn->fault, TROUPE_EXIT_TIMEOUT, "over message_time %s", guest->limit_text);
        return trp_error_new("over message_time");
    }
    if (turn->rings == 2 && turn->ctx)
        (void)troupe_overrun(turn->ctx);
    return NULL;
}

static void fill_budget(trp_instance *instance)
{
    if (instance->guest->engine->fuel) {
        wasmtime_error_t *error =
            wasmtime_context_set_fuel(instance->wasm, instance->guest->limits.message_ns);

        TROUPE_ASSERT(!error); /* the engine burns no fuel: not the one we configured */
    } else {
        wasmtime_context_set_epoch_deadline(instance->wasm, 1);
    }
}

void trp_turn_begin(trp_instance *instance, trp_turn *turn, troupe_context *ctx)
{
    turn->ctx = ctx;
    turn->rings = 0;
    turn->fault.set = false;
    instance->turn = turn;
    if (instance->store)
        fill_budget(instance);
}

void trp_turn_end(trp_instance *instance)
{
    instance->turn = NULL;
}

/* ---- entries ---- */

static bool outcome(trp_instance *instance, wasmtime_error_t *error, wasm_trap_t *trap,
                    const char *entry)
{
    if (__builtin_expect(!error && !trap, 1))
        return true;
    instance->dead = true;
    return trp_outcome(error, trap, entry, instance->guest->limit_text, &instance->turn->fault);
}

static bool enter(trp_instance *instance, const wasmtime_func_t *function, trp_entry entry,
                  const char *name, wasmtime_val_raw_t *args, size_t n)
{
    trp_entry outer = instance->entry;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error;

    if (instance->dead)
        return false;
    instance->entry = entry;
    error = wasmtime_func_call_unchecked(instance->wasm, function, args, n, &trap);
    instance->entry = outer;
    return outcome(instance, error, trap, name);
}

bool trp_instance_has(const trp_instance *instance, trp_export which)
{
    return instance->exports[which].store_id != 0;
}

bool trp_instance_call(trp_instance *instance, trp_export which, wasmtime_val_raw_t *args, size_t n)
{
    return enter(instance, &instance->exports[which], TRP_ENTRY_CALL,
                 trp_export_rows[which].function, args, n);
}

bool trp_instance_post(trp_instance *instance, trp_export which, uint32_t result)
{
    wasmtime_val_raw_t args[1] = {{.i32 = (int32_t)result}};

    if (instance->posts[which].store_id == 0)
        return true;
    return enter(instance, &instance->posts[which], TRP_ENTRY_POST, "post-return", args, 1);
}

bool trp_instance_realloc(trp_instance *instance, uint32_t align, uint32_t size, uint32_t *ret_at)
{
    wasmtime_val_raw_t args[4] = {
        {.i32 = 0}, {.i32 = 0}, {.i32 = (int32_t)align}, {.i32 = (int32_t)size}};
    size_t memory_size;
    uint32_t at;

    if (!enter(instance, &instance->realloc, TRP_ENTRY_REALLOC, "cabi_realloc", args, 4))
        return false;
    at = (uint32_t)args[0].i32;
    memory_size = wasmtime_memory_data_size(instance->wasm, &instance->memory);
    if (at % align != 0)
        return trp_instance_fault(instance, "cabi_realloc returned %#x, which is not aligned to %u",
                                  at, align);
    if (at > memory_size || size > memory_size - at)
        return trp_instance_fault(
            instance, "cabi_realloc returned %#x for %u bytes, outside its memory of %zu bytes", at,
            size, memory_size);
    *ret_at = at;
    return true;
}

/* ---- begin and end ---- */

static bool export_of(trp_instance *instance, const wasmtime_instance_t *made, const char *name,
                      wasmtime_extern_kind_t kind, wasmtime_extern_t *ret)
{
    if (wasmtime_instance_export_get(instance->wasm, made, name, strlen(name), ret) &&
        ret->kind == kind)
        return true;
    return trp_instance_fault(instance, "its export %s is not there", name);
}

static bool function_of(trp_instance *instance, const wasmtime_instance_t *made, const char *name,
                        wasmtime_func_t *ret)
{
    wasmtime_extern_t item;

    if (!name)
        return true;
    if (!export_of(instance, made, name, WASMTIME_EXTERN_FUNC, &item))
        return false;
    *ret = item.of.func;
    return true;
}

static bool find_exports(trp_instance *instance, const wasmtime_instance_t *made)
{
    const troupe_guest *guest = instance->guest;
    wasmtime_extern_t item;

    if (!export_of(instance, made, "memory", WASMTIME_EXTERN_MEMORY, &item))
        return false;
    instance->memory = item.of.memory;
    if (!function_of(instance, made, "cabi_realloc", &instance->realloc))
        return false;
    for (size_t i = 0; i < TRP_N_EXPORTS; i++) {
        if (!function_of(instance, made, guest->exports[i], &instance->exports[i]) ||
            !function_of(instance, made, guest->posts[i], &instance->posts[i]))
            return false;
    }
    return true;
}

static bool instantiate(trp_instance *instance)
{
    const troupe_guest *guest = instance->guest;
    wasmtime_val_raw_t none[1];
    wasmtime_instance_t made;
    wasmtime_func_t initialize;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error;

    instance->entry = TRP_ENTRY_START;
    error = wasmtime_instance_pre_instantiate(guest->pre, instance->wasm, &made, &trap);
    instance->entry = TRP_ENTRY_NONE;
    if (!outcome(instance, error, trap, "start") || !find_exports(instance, &made))
        return false;
    if (!guest->initialize)
        return true;
    return function_of(instance, &made, "_initialize", &initialize) &&
           enter(instance, &initialize, TRP_ENTRY_CALL, "_initialize", none, 0);
}

bool trp_instance_open(trp_instance *instance, const troupe_guest *guest)
{
    const size_t stack = trp_stack_left();

    instance->guest = guest;
    /* The engine trusts its limit blindly: on a smaller stack a deep guest would end the process. */
    if (stack < TRP_GUEST_STACK + TRP_HOST_STACK)
        return trp_instance_fault(instance,
                                  "this thread's stack has %zu KiB left, a guest needs %zu: raise "
                                  "worker_stack",
                                  stack / 1024, (TRP_GUEST_STACK + TRP_HOST_STACK) / 1024);
    instance->store = wasmtime_store_new(guest->engine->wasm, instance, NULL);
    if (!instance->store)
        return trp_instance_fault(instance, "memory is out");
    trp_add_relaxed(&guest->engine->stores, 1);
    instance->wasm = wasmtime_store_context(instance->store);
    wasmtime_store_limiter(instance->store, (int64_t)guest->limits.memory_bytes, TABLE_ELEMENTS_MAX,
                           1, TABLES_MAX, 1);
    if (!guest->engine->fuel)
        wasmtime_store_epoch_deadline_callback(instance->store, on_ring, instance, NULL);
    fill_budget(instance);
    if (instantiate(instance))
        return true;
    trp_instance_close(instance);
    return false;
}

void trp_instance_close(trp_instance *instance)
{
    if (!instance->store)
        return;
    wasmtime_store_delete(instance->store);
    instance->store = NULL;
    instance->wasm = NULL;
    instance->dead = true;
    /* Counted down after the store is gone: 0 means that none is left. */
    trp_sub_acq_rel(&instance->guest->engine->stores, 1);
}
