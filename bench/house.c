/* house.c - what most cases need: a system, a thread attached to it, a guest, and an end on every
 * error. */
#include "bench.h"

#include "trp/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void bench_die(const char *file, int line, const char *text)
{
    fprintf(stderr, "troupe-bench: %s:%d: %s\n", file, line, text);
    exit(1);
}

void bench_expect_ok(const char *file, int line, troupe_status status)
{
    if (status != TROUPE_OK)
        bench_die(file, line, troupe_status_text(status));
}

void bench_house_open(bench_house *house, unsigned cores)
{
    troupe_system_options options = TROUPE_SYSTEM_OPTIONS(.workers = cores);

    memset(house, 0, sizeof *house);
    BENCH_OK(troupe_system_new(&options, &house->system));
    house->me = troupe_attach(house->system);
    BENCH_MUST(house->me, "the thread could not be attached");
}

void bench_house_close(bench_house *house)
{
    troupe_totals totals;

    troupe_system_stop(house->system);
    troupe_totals_now(house->system, &totals);
    BENCH_MUST(totals.sent == totals.handled + totals.dead_letters + totals.waiting,
               "a message is not accounted for");
    troupe_guest_free(house->guest);
    troupe_engine_free(house->engine);
    troupe_detach(house->me);
    troupe_system_free(house->system);
}

troupe_bytes bench_read_guest(const char *name)
{
    char path[4096], *bytes = NULL;
    size_t size = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", BENCH_GUESTS, name);
    file = fopen(path, "rb");
    BENCH_MUST(file, path);
    for (size_t got = 1; got > 0; size += got) {
        bytes = trp_realloc(bytes, size + 65536);
        BENCH_MUST(bytes, "memory is out");
        got = fread(bytes + size, 1, 65536, file);
    }
    fclose(file);
    return (troupe_bytes){bytes, size};
}

void bench_house_guest(bench_house *house, const char *file)
{
    static const char *const everyone[] = {"*"};
    static const troupe_guest_services services = {NULL};
    troupe_guest_options options =
        *TROUPE_GUEST_OPTIONS(.name = file, .path = file, .grants = {.send = everyone, .n_send = 1},
                              .services = &services);
    troupe_engine_options engine = *TROUPE_ENGINE_OPTIONS(.cache_dir = getenv("TROUPE_CACHE_DIR"));
    troupe_error error = {.text = ""};

    options.module = bench_read_guest(file);
    if (troupe_engine_new(house->system, &engine, &house->engine, &error) != TROUPE_OK ||
        troupe_guest_load(house->engine, &options, &house->guest, &error) != TROUPE_OK)
        bench_die(__FILE__, __LINE__, error.text);
    trp_free((void *)(uintptr_t)options.module.data);
}

troupe_id bench_house_spawn(bench_house *house, const troupe_spec *spec)
{
    troupe_error error = {.text = "the spawn was refused"};
    troupe_id id = TROUPE_NOBODY;

    if (troupe_spawn_or_say(house->me, spec, &id, &error) != TROUPE_OK)
        bench_die(__FILE__, __LINE__, error.text);
    return id;
}

uint64_t bench_house_ask(bench_house *house, troupe_id whom, troupe_bytes payload)
{
    troupe_reply_buffer reply = {NULL};
    uint64_t number;

    BENCH_OK(troupe_call(house->me, whom, payload, BENCH_PATIENCE, &reply));
    number = troupe_reply_u64(&reply);
    troupe_reply_clear(&reply);
    return number;
}
