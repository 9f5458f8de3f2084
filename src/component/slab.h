/* slab.h - linear memories of guests, cut from few large mappings.
 *
 * Each mapping counts against the kernel's 65 530; so memories up to 1 MiB are slots of shared chunks, and
 * only larger ones are mappings of their own. A memory grows in place while its slot has room, else it moves.
 */
#ifndef TRP_SLAB_H
#define TRP_SLAB_H

#include <stddef.h>
#include <wasm.h>

typedef struct trp_slab trp_slab;

/* trp_slab_new - an empty slab; NULL when memory is out.
 * Owns: the caller, until trp_slab_free; every memory of it must have been given back before. */
trp_slab *trp_slab_new(void);
void trp_slab_free(trp_slab *slab);

/* trp_slab_serve - let every memory of config's engine come from slab. slab is kept until the engine ended. */
void trp_slab_serve(trp_slab *slab, wasm_config_t *config);

typedef struct trp_slab_counts {
    size_t live;   /* memories handed out */
    size_t chunks; /* mappings for slots */
    size_t large;  /* memories with a mapping of their own */
} trp_slab_counts;

trp_slab_counts trp_slab_count(trp_slab *slab);

#endif
