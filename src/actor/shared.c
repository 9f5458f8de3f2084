/* shared.c - a shared state cell: one writer, many readers, no lock, and readers write nothing.
 *
 * Picture:    version 7, begun 8:   [4] [5] [6] [7] of buffers, by version % 4; write 8 goes over 4.
 *             A reader takes the newest version and copies its buffer out; the writer is by then at most in the one
 *             behind it, so what it copies stands still until three more writes were finished meanwhile.
 * Threads:    read, ref, unref: any. write: the turn of the one component (or the thread) that wrote first.
 * Invariants: 1. begun is version, or version + 1 while a write is under way: whoever moves it is the one writer of
 *                that version. If broken: two writers in one buffer.
 *             2. begun says n before a word of version n is stored (release), and a reader looks at begun after it
 *                loaded the words (acquire): one that saw a word of n finds begun >= n and tries again. If broken: a
 *                torn read.
 *             3. version says n after the last word of n was stored. If broken: a reader copies the words of n - 4.
 * May run together: everything.
 * Progress:   write is wait-free. read is lock-free: a second try means that at least three writes were finished
 *             during the first, which takes a reader that was put off its core, or is three times as slow as a
 *             writer that does nothing but write; copies are short (TROUPE_SHARED_MAX).
 */
#include "cell.h"

#include <string.h>

#define BUFFERS 4u

typedef _Atomic uint64_t word;

struct troupe_shared {
    /* readers load it, the writer stores */
    _Atomic uint64_t version TRP_ALIGN_LINE; /* the newest whole one */
    _Atomic uint64_t begun;
    size_t size; /* set once, both */
    size_t n_words;

    /* the writer, and who counts */
    _Atomic uint64_t writer TRP_ALIGN_LINE; /* an id; 0: nobody wrote yet */
    _Atomic uint32_t refs;

    word words[] TRP_ALIGN_LINE; /* BUFFERS times n_words */
};

troupe_status troupe_shared_new(size_t size, troupe_shared **ret_shared)
{
    size_t n_words = (size + sizeof(word) - 1) / sizeof(word);
    troupe_shared *shared;
    size_t bytes;

    if (size == 0 || size > TROUPE_SHARED_MAX)
        return TROUPE_E_INVALID;
    bytes = sizeof *shared + BUFFERS * n_words * sizeof(word);
    shared = trp_alloc_aligned(TRP_CACHE_LINE, bytes);
    if (!shared)
        return TROUPE_E_NO_MEMORY;
    memset(shared, 0, bytes);
    shared->size = size;
    shared->n_words = n_words;
    trp_store_relaxed(&shared->refs, 1); /* nobody else has it yet */
    *ret_shared = shared;
    return TROUPE_OK;
}

troupe_shared *troupe_shared_ref(troupe_shared *shared)
{
    trp_add_relaxed(&shared->refs, 1); /* the caller's own count keeps it */
    return shared;
}

void troupe_shared_unref(troupe_shared *shared)
{
    if (shared && trp_sub_acq_rel(&shared->refs, 1) == 1) /* pairs with the other unrefs */
        trp_free(shared);
}

void troupe_shared_free_at(troupe_shared **shared)
{
    troupe_shared_unref(*shared);
}

static word *buffer_of(troupe_shared *shared, uint64_t version)
{
    return &shared->words[version % BUFFERS * shared->n_words];
}

/* The first to write is the writer from then on; when it ended for good, whoever writes next. */
static bool is_writer(const troupe_context *ctx, troupe_shared *shared)
{
    uint64_t me = trp_id_of(ctx).value;
    uint64_t writer = trp_load_relaxed(&shared->writer); /* my own id is there only if I wrote it */

    if (writer == me)
        return me != 0;
    if (me == 0 || (writer && trp_cell_find(ctx->system, (troupe_id){writer})))
        return false;
    /* one of those who found it free; what the last writer left comes by version and begun */
    return trp_cas_relaxed(&shared->writer, &writer, me);
}

static void store_words(word *to, troupe_bytes bytes)
{
    const uint8_t *from = bytes.data;
    uint64_t value;
    size_t i;

    for (i = 0; (i + 1) * sizeof value <= bytes.size; i++) {
        memcpy(&value, from + i * sizeof value, sizeof value);
        trp_store_release(&to[i], value); /* pairs with load_words: after begun */
    }
    if (i * sizeof value == bytes.size)
        return;
    value = 0;
    memcpy(&value, from + i * sizeof value, bytes.size % sizeof value);
    trp_store_release(&to[i], value);
}

static void load_words(word *from, uint8_t *to, size_t size)
{
    uint64_t value;
    size_t i;

    for (i = 0; (i + 1) * sizeof value <= size; i++) {
        value = trp_load_acquire(&from[i]); /* pairs with store_words: before begun is looked at */
        memcpy(to + i * sizeof value, &value, sizeof value);
    }
    if (i * sizeof value == size)
        return;
    value = trp_load_acquire(&from[i]);
    memcpy(to + i * sizeof value, &value, size % sizeof value);
}

troupe_status troupe_shared_write(troupe_context *ctx, troupe_shared *shared, troupe_bytes bytes)
{
    uint64_t version, begun;

    if (bytes.size != shared->size || trp_context_check(ctx) != TROUPE_OK)
        return TROUPE_E_INVALID;
    if (!is_writer(ctx, shared))
        return TROUPE_E_DENIED;
    version = begun = trp_load_acquire(&shared->version); /* the words that are written over */
    /* a killed writer whose handler did not return may still be in here */
    if (!trp_cas_relaxed(&shared->begun, &begun, version + 1)) /* the words tell of it */
        return TROUPE_E_TAKEN;
    store_words(buffer_of(shared, version + 1), bytes);
    trp_store_release(&shared->version, version + 1); /* pairs with troupe_shared_read */
    return TROUPE_OK;
}

troupe_status troupe_shared_read(troupe_shared *shared, void *buffer, size_t size,
                                 uint64_t *ret_version)
{
    uint64_t version, begun;

    if (size != shared->size)
        return TROUPE_E_INVALID;
    do {
        version = trp_load_acquire(&shared->version); /* pairs with troupe_shared_write */
        load_words(buffer_of(shared, version), buffer, size);
        begun = trp_load_relaxed(&shared->begun); /* ordered by the words' acquire */
    } while (begun - version >= BUFFERS);
    if (ret_version)
        *ret_version = version;
    return TROUPE_OK;
}

uint64_t troupe_shared_version(const troupe_shared *shared)
{
    return trp_load_acquire(
        &shared->version); /* with troupe_shared_write: what the writer did before */
}
