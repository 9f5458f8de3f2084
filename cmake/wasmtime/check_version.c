/* Do the header and the library of the engine have one version, the one that is pinned?
 *
 * The library is asked by having it compile an empty module: an artifact carries the version that may load it.
 */
#include <wasmtime.h>

#include <stdio.h>
#include <string.h>

static const uint8_t empty_module[] = {0, 'a', 's', 'm', 1, 0, 0, 0};

int main(int argc, char **argv)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasmtime_module_t *module = NULL;
    wasm_byte_vec_t artifact;

    if (argc != 2) {
        printf("usage: check_version VERSION\n");
        return 2;
    }
    if (strcmp(WASMTIME_VERSION, argv[1]) != 0) {
        printf("the headers are of version %s, pinned is %s\n", WASMTIME_VERSION, argv[1]);
        return 1;
    }
    if (wasmtime_module_new(engine, empty_module, sizeof(empty_module), &module) ||
        wasmtime_module_serialize(module, &artifact)) {
        printf("the library cannot compile an empty module\n");
        return 1;
    }
    if (!memmem(artifact.data, artifact.size, argv[1], strlen(argv[1]))) {
        printf("the library is not of version %s, as the headers are\n", argv[1]);
        return 1;
    }
    wasm_byte_vec_delete(&artifact);
    wasmtime_module_delete(module);
    wasm_engine_delete(engine);
    return 0;
}
