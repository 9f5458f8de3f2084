/* blocks.c - what a thread keeps of the small blocks that it gives back.
 *
 * The allocator's own cache of a thread holds seven of each size; a sender that is ahead takes hundreds, and the receiver
 * then gives back as many.
 *
 * Threads:    a thread's shelves are its own; what is on them at its end goes back to the allocator.
 * Invariants: 1. All blocks of a shelf have room for the largest size of that shelf. If broken: a block too small.
 *             2. A shelf has KEPT blocks at most. If broken: a thread that only receives keeps all there ever were.
 */
#include "trp/blocks.h"

#include "troupe/base.h"
#include "trp/os.h"

#include <pthread.h>
#include <stdbool.h>

#define STEP 32u /* the sizes of one shelf */
#define SHELVES 6u
#define KEPT 1024u /* as many as a mailbox holds where nothing else is said */

/* A sanitizer has to see each block come and go. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS false
#else
#define KEEPS true
#endif

typedef struct kept_block {
    struct kept_block *next;
} kept_block;

typedef struct shelf {
    kept_block *first;
    unsigned n;
} shelf;

static _Thread_local struct {
    shelf shelves[SHELVES];
    bool watched; /* clear runs when the thread ends */
} mine;

static pthread_key_t at_end;
static bool has_key; /* set once */

static void clear(void *ignored)
{
    (void)ignored;
    mine.watched = false; /* another destructor may give one more */
    for (size_t i = 0; i < SHELVES; i++) {
        while (mine.shelves[i].first) {
            kept_block *block = mine.shelves[i].first;

            mine.shelves[i].first = block->next;
            trp_free(block);
        }
        mine.shelves[i].n = 0;
    }
}

static void make_key(void)
{
    has_key = pthread_key_create(&at_end, clear) == 0;
}

/* The library may be unloaded before its threads end. */
__attribute__((destructor)) static void forget_key(void)
{
    if (has_key)
        (void)pthread_key_delete(at_end);
    has_key = false;
}

/* None of 0 bytes either: there is no shelf before the first. */
static bool has_shelf(size_t size)
{
    return KEEPS && size - 1 < (size_t)SHELVES * STEP;
}

/* False: nothing may be kept here, nobody would give it back. */
static bool watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_key);
    mine.watched = has_key && pthread_setspecific(at_end, &mine) == 0;
    return mine.watched;
}

void *trp_block_take(size_t size)
{
    size_t steps = (size + STEP - 1) / STEP;
    shelf *from;
    kept_block *block;

    if (!has_shelf(size))
        return trp_alloc(size);
    from = &mine.shelves[steps - 1];
    block = from->first;
    if (!block)
        return trp_alloc(steps * STEP);
    if (trp_alloc_fails())
        return NULL;
    from->first = block->next;
    from->n--;
    return block;
}

void trp_block_give(void *block, size_t size)
{
    shelf *to;
    kept_block *kept = block;

    if (!block || !has_shelf(size)) {
        trp_free(block);
        return;
    }
    to = &mine.shelves[(size - 1) / STEP];
    if (to->n == KEPT || (!mine.watched && !watch())) {
        trp_free(block);
        return;
    }
    kept->next = to->first;
    to->first = kept;
    to->n++;
}
