#include "arena.h"

#include "trp/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16384)
#define ALIGN ((size_t)16)

struct trp_arena_block {
    struct trp_arena_block *next;
    size_t used, size;
    unsigned char bytes[] __attribute__((aligned(16)));
};

static struct trp_arena_block *block_new(size_t n)
{
    size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
    struct trp_arena_block *block = trp_alloc_zeroed(sizeof(*block) + size);

    TROUPE_ASSERT(block != NULL && "memory for a manifest");
    block->size = size;
    return block;
}

void *trp_arena_alloc(trp_arena *arena, size_t n)
{
    struct trp_arena_block *block = arena->blocks;
    void *memory;

    n = (n + ALIGN - 1) & ~(ALIGN - 1);
    if (block == NULL || block->size - block->used < n) {
        block = block_new(n);
        block->next = arena->blocks;
        arena->blocks = block;
    }
    memory = block->bytes + block->used;
    block->used += n;
    return memory;
}

char *trp_arena_copy(trp_arena *arena, const void *bytes, size_t n)
{
    char *copy = trp_arena_alloc(arena, n + 1);

    if (n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

char *trp_arena_print(trp_arena *arena, const char *format, ...)
{
    va_list args, again;
    char *text;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    TROUPE_ASSERT(n >= 0);
    text = trp_arena_alloc(arena, (size_t)n + 1);
    (void)vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void trp_arena_fini(trp_arena *arena)
{
    while (arena->blocks != NULL) {
        struct trp_arena_block *block = arena->blocks;

        arena->blocks = block->next;
        trp_free(block);
    }
}
