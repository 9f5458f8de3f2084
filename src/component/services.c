/* services.c - the imports of troupe:component/services. */
#include "abi.h"
#include "imports.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)4096)
#define RANDOM_MAX 65536u
#define N_LEVELS 5u
#define FIELD_SIZE 16u

/* 2026-01-01T00:00:00Z: when every simulation begins. */
#define SIMULATED_EPOCH (UINT64_C(1767225600) * TROUPE_SECOND)

/* ---- log ---- */

static void write_line(trp_instance *instance, troupe_level level, troupe_bytes text)
{
    const troupe_guest_services *services = instance->guest->services;
    troupe_context *ctx = instance->turn->ctx;

    if (!ctx) {
        if (services->log_outside)
            services->log_outside(services->arg, instance->id, instance->name, level, text);
    } else if (services->log) {
        services->log(services->arg, ctx, level, text);
        troupe_log_keep(ctx, text);
    } else {
        troupe_log_write(ctx, level, "guest-log", text);
    }
}

/* A bucket that holds one second's worth and fills as time goes. */
static bool take_quota(trp_instance *instance, size_t bytes)
{
    const uint64_t rate = instance->guest->limits.log_bytes;
    trp_log_quota *quota = &instance->log;
    uint64_t now = troupe_now(instance->system);
    uint64_t passed = now - quota->filled_ns;

    if (quota->filled_ns == 0 || passed >= TROUPE_SECOND) {
        quota->bytes = rate;
        quota->filled_ns = now;
    } else {
        uint64_t more = (uint64_t)((double)passed / (double)TROUPE_SECOND * (double)rate);

        if (more > 0) {
            quota->bytes = quota->bytes + more < rate ? quota->bytes + more : rate;
            quota->filled_ns = now;
        }
    }
    if (quota->filled_ns == 0)
        quota->filled_ns = 1;
    if (quota->bytes < bytes) {
        quota->dropped++;
        return false;
    }
    quota->bytes -= bytes;
    return true;
}

static void say_dropped(trp_instance *instance)
{
    char text[96];
    int n = snprintf(text, sizeof(text), "%llu lines of log were dropped: over %llu bytes a second",
                     (unsigned long long)instance->log.dropped,
                     (unsigned long long)instance->guest->limits.log_bytes);

    instance->log.dropped = 0;
    write_line(instance, TROUPE_LEVEL_WARN, (troupe_bytes){text, (size_t)n});
}

/* Appends what fits; never splits a UTF-8 sequence. */
static void append(char *line, size_t *n, troupe_bytes text)
{
    const unsigned char *data = text.data;
    size_t fits = LINE_MAX_BYTES - *n;

    if (fits >= text.size)
        fits = text.size;
    else
        while (fits > 0 && (data[fits] & 0xc0) == 0x80)
            fits--;
    if (fits > 0)
        memcpy(line + *n, data, fits);
    *n += fits;
}

/* list<tuple<string, string>>, as " key=value" each. The whole list is checked, also behind what is cut. */
static bool append_fields(trp_instance *instance, char *line, size_t *n, uint32_t at,
                          uint32_t count)
{
    uint8_t *fields;

    if (count == 0)
        return true;
    if (count > UINT32_MAX / FIELD_SIZE)
        return trp_instance_fault(instance, "the fields of services.log lie outside its memory");
    if (!trp_abi_room(instance, at, count * FIELD_SIZE, 4, "the fields of services.log", &fields))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *field = fields + (size_t)i * FIELD_SIZE;
        troupe_bytes key, value;

        if (!trp_abi_take_text(instance, trp_abi_load_word(field), trp_abi_load_word(field + 4),
                               "a key of services.log", &key) ||
            !trp_abi_take_text(instance, trp_abi_load_word(field + 8),
                               trp_abi_load_word(field + 12), "a value of services.log", &value))
            return false;
        append(line, n, TROUPE_TEXT(" "));
        append(line, n, key);
        append(line, n, TROUPE_TEXT("="));
        append(line, n, value);
    }
    return true;
}

bool trp_services_log(trp_instance *instance, wasmtime_val_raw_t *args)
{
    uint32_t level = (uint32_t)args[0].i32;
    char line[LINE_MAX_BYTES];
    troupe_bytes text;
    size_t n = 0;

    if (level >= N_LEVELS)
        return trp_instance_fault(instance, "services.log has level %u, there are %u", level,
                                  N_LEVELS);
    if (!trp_abi_take_text(instance, (uint32_t)args[1].i32, (uint32_t)args[2].i32,
                           "the text of services.log", &text))
        return false;
    append(line, &n, text);
    if (!append_fields(instance, line, &n, (uint32_t)args[3].i32, (uint32_t)args[4].i32))
        return false;
    if (!take_quota(instance, n + 1))
        return true;
    if (instance->log.dropped > 0)
        say_dropped(instance);
    write_line(instance, (troupe_level)level, (troupe_bytes){line, n});
    return true;
}

/* ---- the rest ---- */

bool trp_services_print(trp_instance *instance, wasmtime_val_raw_t *args)
{
    const troupe_guest_services *services = instance->guest->services;
    uint32_t result = (uint32_t)args[2].i32;
    troupe_bytes bytes;
    troupe_status status;

    if (!trp_abi_take(instance, (uint32_t)args[0].i32, (uint32_t)args[1].i32,
                      "the bytes of services.print", &bytes))
        return false;
    status = services->print(services->arg, instance->turn->ctx, bytes);
    if (status == TROUPE_OK)
        return trp_abi_ok(instance, result);
    return trp_abi_fail(instance, result, status, NULL);
}

bool trp_services_now_ns(trp_instance *instance, wasmtime_val_raw_t *args)
{
    uint64_t now = troupe_simulated(instance->system)
                       ? SIMULATED_EPOCH + troupe_now(instance->system)
                       : trp_wall_ns();

    args[0].i64 = (int64_t)now;
    return true;
}

bool trp_services_monotonic_ns(trp_instance *instance, wasmtime_val_raw_t *args)
{
    args[0].i64 = (int64_t)troupe_now(instance->system);
    return true;
}

static void fill_random(troupe_system *system, uint8_t *to, size_t size)
{
    if (!troupe_simulated(system)) {
        trp_random_os(to, size);
        return;
    }
    while (size > 0) {
        uint64_t word = troupe_random(system);
        size_t n = size < sizeof(word) ? size : sizeof(word);

        memcpy(to, &word, n);
        to += n;
        size -= n;
    }
}

bool trp_services_random(trp_instance *instance, wasmtime_val_raw_t *args)
{
    uint32_t count = (uint32_t)args[0].i32;
    uint32_t result = (uint32_t)args[1].i32;
    uint32_t at = 1;
    uint8_t *room;

    if (count > RANDOM_MAX)
        return trp_abi_fail_limit(instance, result, RANDOM_MAX);
    if (count > 0) {
        if (!trp_instance_realloc(instance, 1, count, &at) ||
            !trp_abi_room(instance, at, count, 1, "the room for services.random", &room))
            return false;
        fill_random(instance->system, room, count);
    }
    return trp_abi_ok_at(instance, result, at, count);
}
