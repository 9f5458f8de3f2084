/* engine.h - the engine of one system, and the modules that are compiled in it. Room-internal. */
#ifndef TRP_ENGINE_H
#define TRP_ENGINE_H

#include "cache.h"
#include "slab.h"

#include "troupe/component.h"
#include "trp/atomic.h"
#include "trp/list.h"
#include "trp/os.h"

#include <wasmtime.h>

/* Native stack that a guest may use. What is left of a thread's stack must hold it and our own frames:
 * the engine does not look, and a guest that overruns the real stack kills the process. */
#define TRP_GUEST_STACK ((size_t)256 << 10)
#define TRP_HOST_STACK ((size_t)128 << 10)

struct troupe_engine {
    /* set once */
    troupe_system *system;
    wasm_engine_t *wasm;
    trp_slab *slab;
    troupe_tick *tick; /* NULL in simulation */
    bool fuel;         /* simulated or driven: fuel ends a guest, not the clock */
    char *cache_dir;   /* NULL: none */

    /* any thread */
    _Atomic uint64_t stores;

    /* under lock, a leaf: nothing is called under it */
    trp_mutex lock;
    trp_link modules; /* of trp_module */
};

#endif
