/* slab.c - slots of 64 KiB to 1 MiB in five sizes, each with a free list, under one lock.
 *
 * Who: every thread that starts, grows or ends a guest. One mutex (rank: leaf; nothing is called under it).
 *
 * Invariants:
 *  1. A slot in a free list is zero but for its first word, the link; if broken: a guest reads another's bytes.
 *  2. Behind the size of a live memory its slot is zero, for the guest cannot write there; if broken: the
 *     same, after memory.grow.
 *  3. A slot that was never handed out is in no list and was never touched: it costs no resident byte.
 *
 * Zeroing on release is a memset while that is cheaper than the system call and the faults after it.
 */
#include "slab.h"

#include "trap.h"

#include "trp/os.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <wasmtime.h>

#define SLOT ((size_t)65536)
#define N_CLASSES 5u
#define LARGE N_CLASSES
#define CHUNK (SLOT * 256)
#define LARGE_STEP (SLOT * 16)
#define MEMSET_MAX (SLOT * 2)

typedef struct slot {
    struct slot *next;
} slot;

typedef struct chunk {
    struct chunk *next;
    uint8_t *base;
} chunk;

struct trp_slab {
    trp_mutex lock;
    slot *vacant[N_CLASSES];
    chunk *chunks; /* the first is the one that is cut */
    size_t cut;    /* bytes of it that are */
    trp_slab_counts counts;
};

typedef struct linear {
    trp_slab *slab;
    uint8_t *base;
    size_t size;     /* the guest's */
    size_t capacity; /* bytes at base */
    unsigned class;  /* index of vacant, or LARGE */
} linear;

static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);

    if (at == MAP_FAILED)
        return NULL;
    /* One byte written must not make two megabytes resident. */
    (void)madvise(at, size, MADV_NOHUGEPAGE);
    return at;
}

trp_slab *trp_slab_new(void)
{
    trp_slab *slab = trp_alloc_zeroed(sizeof(*slab));

    if (slab) {
        trp_mutex_init(&slab->lock);
        slab->cut = CHUNK;
    }
    return slab;
}

void trp_slab_free(trp_slab *slab)
{
    if (!slab)
        return;
    while (slab->chunks) {
        chunk *first = slab->chunks;

        slab->chunks = first->next;
        munmap(first->base, CHUNK);
        trp_free(first);
    }
    trp_mutex_fini(&slab->lock);
    trp_free(slab);
}

trp_slab_counts trp_slab_count(trp_slab *slab)
{
    trp_slab_counts counts;

    trp_mutex_lock(&slab->lock);
    counts = slab->counts;
    trp_mutex_unlock(&slab->lock);
    return counts;
}

static unsigned class_for(size_t size)
{
    unsigned class = 0;

    while (class < N_CLASSES && (SLOT << class) < size)
        class ++;
    return class;
}

static bool add_chunk_locked(trp_slab *slab)
{
    chunk *fresh = trp_alloc(sizeof(*fresh));

    if (!fresh)
        return false;
    fresh->base = map(CHUNK);
    if (!fresh->base) {
        trp_free(fresh);
        return false;
    }
    fresh->next = slab->chunks;
    slab->chunks = fresh;
    slab->cut = 0;
    slab->counts.chunks++;
    return true;
}

static uint8_t *take_slot_locked(trp_slab *slab, unsigned class)
{
    slot *first = slab->vacant[class];
    size_t size = SLOT << class;

    if (first) {
        slab->vacant[class] = first->next;
        first->next = NULL;
        return (uint8_t *)first;
    }
    if (CHUNK - slab->cut < size && !add_chunk_locked(slab))
        return NULL;
    slab->cut += size;
    return slab->chunks->base + slab->cut - size;
}

/* Sets base, capacity, class. */
static bool take(linear *memory, size_t size)
{
    trp_slab *slab = memory->slab;
    unsigned class = class_for(size);
    size_t capacity = SLOT << class;
    uint8_t *base;

    if (class == LARGE) {
        if (size > SIZE_MAX - LARGE_STEP)
            return false;
        capacity = (size + LARGE_STEP - 1) / LARGE_STEP * LARGE_STEP;
        base = map(capacity);
    }
    trp_mutex_lock(&slab->lock);
    if (class != LARGE)
        base = take_slot_locked(slab, class);
    if (base) {
        slab->counts.live++;
        slab->counts.large += class == LARGE;
    }
    trp_mutex_unlock(&slab->lock);
    if (!base)
        return false;
    memory->base = base;
    memory->capacity = capacity;
    memory->class = class;
    return true;
}

static void give_back(const linear *memory)
{
    trp_slab *slab = memory->slab;
    slot *freed = (slot *)(void *)memory->base;

    if (memory->class == LARGE)
        munmap(memory->base, memory->capacity);
    else if (memory->size <= MEMSET_MAX)
        memset(memory->base, 0, memory->size);
    else if (madvise(memory->base, memory->size, MADV_DONTNEED) != 0)
        memset(memory->base, 0, memory->size);

    trp_mutex_lock(&slab->lock);
    if (memory->class != LARGE) {
        freed->next = slab->vacant[memory->class];
        slab->vacant[memory->class] = freed;
    }
    slab->counts.live--;
    slab->counts.large -= memory->class == LARGE;
    trp_mutex_unlock(&slab->lock);
}

/* ---- what the engine calls ---- */

static uint8_t *get_memory(void *env, size_t *byte_size, size_t *byte_capacity)
{
    const linear *memory = env;

    *byte_size = memory->size;
    *byte_capacity = memory->capacity;
    return memory->base;
}

static bool grow_large(linear *memory, size_t size)
{
    size_t capacity;
    void *base;

    if (size > SIZE_MAX - LARGE_STEP)
        return false;
    capacity = (size + LARGE_STEP - 1) / LARGE_STEP * LARGE_STEP;
    base = mremap(memory->base, memory->capacity, capacity, MREMAP_MAYMOVE);
    if (base == MAP_FAILED)
        return false;
    memory->base = base;
    memory->capacity = capacity;
    return true;
}

static bool grow_by_moving(linear *from, size_t size)
{
    linear to = {.slab = from->slab, .size = from->size};

    if (!take(&to, size))
        return false;
    memcpy(to.base, from->base, from->size);
    give_back(from);
    *from = to;
    return true;
}

static wasmtime_error_t *grow_memory(void *env, size_t size)
{
    linear *memory = env;

    if (size > memory->capacity &&
        !(memory->class == LARGE ? grow_large(memory, size) : grow_by_moving(memory, size)))
        return trp_error_new("the host has no memory to grow this one");
    memory->size = size;
    return NULL;
}

static void end_memory(void *env)
{
    give_back(env);
    trp_free(env);
}

/* NOLINTNEXTLINE(readability-function-size): the engine's own signature */
static wasmtime_error_t *new_memory(void *env, const wasm_memorytype_t *type, size_t minimum,
                                    size_t maximum, size_t reserved, size_t guard,
                                    wasmtime_linear_memory_t *ret)
{
    linear *fresh = trp_alloc(sizeof(*fresh));

    (void)type, (void)maximum, (void)reserved, (void)guard;
    if (fresh) {
        *fresh = (linear){.slab = env, .size = minimum};
        if (take(fresh, minimum)) {
            *ret = (wasmtime_linear_memory_t){fresh, get_memory, grow_memory, end_memory};
            return NULL;
        }
        trp_free(fresh);
    }
    return trp_error_new("the host has no memory for another guest");
}

void trp_slab_serve(trp_slab *slab, wasm_config_t *config)
{
    wasmtime_memory_creator_t creator = {.env = slab, .new_memory = new_memory};

    wasmtime_config_host_memory_creator_set(config, &creator);
}
