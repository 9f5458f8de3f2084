/* cache.h - compiled modules, by content: shared while in use, and kept on disk. */
#ifndef TRP_CACHE_H
#define TRP_CACHE_H

#include "troupe/component.h"
#include "trp/list.h"

#include <wasmtime.h>

#define TRP_KEY_SIZE 32

typedef struct trp_module {
    trp_link link;  /* engine->modules; under its lock, as users */
    unsigned users; /* guests */
    unsigned char key[TRP_KEY_SIZE];
    wasmtime_module_t *wasm;
} trp_module;

/* trp_cache_open - check that dir is there and can be written; it is made when missing. why: one line. */
troupe_status trp_cache_open(const char *dir, char *why, size_t why_size);

/* trp_module_get - the module of these bytes: the one in use, the one on disk, or compiled now.
 * Owns:    *ret_module is shared: trp_module_put. wasm is lent.
 * Threads: any; may take seconds.
 * Errors:  TROUPE_E_INVALID (why says what the engine says), TROUPE_E_NO_MEMORY. */
troupe_status trp_module_get(troupe_engine *engine, troupe_bytes wasm, trp_module **ret_module,
                             bool *ret_cached, char *why, size_t why_size);
void trp_module_put(troupe_engine *engine, trp_module *module);

#endif
