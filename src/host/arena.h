/* arena.h - memory that is given back all at once: a manifest and its tree live in one. One thread. */
#ifndef TRP_HOST_ARENA_H
#define TRP_HOST_ARENA_H

#include "troupe/base.h"

struct trp_arena_block;

typedef struct trp_arena {
    struct trp_arena_block *blocks;
} trp_arena;

/* trp_arena_alloc - n zeroed bytes, aligned for any object, until trp_arena_fini. Never NULL: a manifest is
 * at most 1 MiB, so a machine without memory for it is a panic. A zeroed trp_arena is an empty one. */
void *trp_arena_alloc(trp_arena *arena, size_t n) __attribute__((malloc));
/* trp_arena_copy - n bytes and a zero behind them. */
char *trp_arena_copy(trp_arena *arena, const void *bytes, size_t n);
char *trp_arena_print(trp_arena *arena, const char *format, ...) TROUPE_PRINTF(2, 3);
void trp_arena_fini(trp_arena *arena);

#endif
