#include <troupe/component.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    long size = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;

    if (bytes) {
        rewind(file);
        *ret_size = fread(bytes, 1, (size_t)size, file);
    }
    if (file)
        fclose(file);
    return bytes;
}

static troupe_status count_with(troupe_system *system, troupe_guest *guest)
{
    TROUPE_AUTO(troupe_context) *me = troupe_attach(system);
    troupe_spec spec = *TROUPE_SPEC(.name = "counter");
    troupe_reply_buffer reply;
    troupe_status status;
    troupe_id counter;

    if (!me)
        return TROUPE_E_NO_MEMORY;
    troupe_guest_spec(guest, &spec); /* from here on it is a component like any other */
    status = troupe_spawn(me, &spec, &counter);
    if (status == TROUPE_OK)
        status = troupe_send(me, counter, TROUPE_TEXT("hello"));
    if (status == TROUPE_OK)
        status = troupe_call(me, counter, TROUPE_TEXT("world"), 1 * TROUPE_SECOND, &reply);
    if (status == TROUPE_OK) {
        printf("%" PRIu64 "\n", troupe_reply_u64(&reply)); /* 10 */
        troupe_reply_clear(&reply);
    }
    return status;
}

int main(int argc, char **argv)
{
    size_t size = 0;
    uint8_t *module = argc == 2 ? read_file(argv[1], &size) : NULL;
    troupe_system *system = NULL;
    troupe_engine *engine = NULL;
    troupe_guest *guest = NULL;
    troupe_error error = {0};
    troupe_status status = module ? troupe_system_new(NULL, &system) : TROUPE_E_INVALID;

    if (!module)
        troupe_error_set(&error, status, "give a guest: embed_a_guest counter.wasm");
    if (status == TROUPE_OK)
        status = troupe_engine_new(system, NULL, &engine, &error);
    if (status == TROUPE_OK)
        status = troupe_guest_load(engine,
                                   TROUPE_GUEST_OPTIONS(.name = "counter", .path = argv[1],
                                                        .module = {module, size},
                                                        .limits = {.memory_bytes = 1 << 20}),
                                   &guest, &error);
    if (status == TROUPE_OK)
        status = count_with(system, guest);
    if (status != TROUPE_OK)
        fprintf(stderr, "%s: %s\n", troupe_status_text(status), error.text);
    if (system)
        troupe_system_stop(system); /* in this order: every life of a guest ends first */
    troupe_guest_free(guest);
    troupe_engine_free(engine);
    if (system)
        troupe_system_free(system);
    free(module);
    return status == TROUPE_OK ? 0 : 1;
}
