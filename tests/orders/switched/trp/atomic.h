/* trp/atomic.h, switched - the memory orders of src/base/include/trp/atomic.h, one of which can be weakened at run time.
 *
 * TROUPE_WEAKEN=FILE:LINE:LAST makes every operation on those lines relaxed. For the build that tests/orders/run makes: under
 * ThreadSanitizer each order that is needed is then missed by some test, with no build for each of them.
 */
#ifndef TRP_ATOMIC_SWITCHED_H
#define TRP_ATOMIC_SWITCHED_H

#include_next "trp/atomic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char trp_weak_file[128];
static int trp_weak_first, trp_weak_last; /* 0: none */

__attribute__((constructor)) static void trp_weak_choose(void)
{
    const char *where = getenv("TROUPE_WEAKEN");

    if (!where ||
        sscanf(where, "%127[^:]:%d:%d", trp_weak_file, &trp_weak_first, &trp_weak_last) != 3)
        trp_weak_first = trp_weak_last = 0;
}

static inline bool trp_weak_here(const char *file, int line)
{
    size_t n = strlen(file), n_end = strlen(trp_weak_file);

    return line >= trp_weak_first && n >= n_end && strcmp(file + n - n_end, trp_weak_file) == 0;
}

#define TRP_WEAK_OR(relaxed, strong)                                                               \
    (__builtin_expect(__LINE__ <= trp_weak_last, 0) && trp_weak_here(__FILE__, __LINE__)           \
         ? (relaxed)                                                                               \
         : (strong))
#define TRP_RELAXED memory_order_relaxed
#define TRP_SWITCH(operation, p, order)                                                            \
    TRP_WEAK_OR(operation((p), TRP_RELAXED), operation((p), (order)))
#define TRP_SWITCH_V(operation, p, v, order)                                                       \
    TRP_WEAK_OR(operation((p), (v), TRP_RELAXED), operation((p), (v), (order)))

#undef trp_load_acquire
#undef trp_load_seq
#undef trp_store_release
#undef trp_store_seq
#undef trp_add_acq_rel
#undef trp_add_seq
#undef trp_sub_acq_rel
#undef trp_sub_seq
#undef trp_and_seq
#undef trp_or_seq
#undef trp_exchange_acq_rel
#undef trp_exchange_seq
#undef trp_cas_acq_rel
#undef trp_cas_seq

#define trp_load_acquire(p) TRP_SWITCH(atomic_load_explicit, p, memory_order_acquire)
#define trp_load_seq(p) TRP_SWITCH(atomic_load_explicit, p, memory_order_seq_cst)
#define trp_store_release(p, v) TRP_SWITCH_V(atomic_store_explicit, p, v, memory_order_release)
#define trp_store_seq(p, v) TRP_SWITCH_V(atomic_store_explicit, p, v, memory_order_seq_cst)
#define trp_add_acq_rel(p, v) TRP_SWITCH_V(atomic_fetch_add_explicit, p, v, memory_order_acq_rel)
#define trp_add_seq(p, v) TRP_SWITCH_V(atomic_fetch_add_explicit, p, v, memory_order_seq_cst)
#define trp_sub_acq_rel(p, v) TRP_SWITCH_V(atomic_fetch_sub_explicit, p, v, memory_order_acq_rel)
#define trp_sub_seq(p, v) TRP_SWITCH_V(atomic_fetch_sub_explicit, p, v, memory_order_seq_cst)
#define trp_and_seq(p, v) TRP_SWITCH_V(atomic_fetch_and_explicit, p, v, memory_order_seq_cst)
#define trp_or_seq(p, v) TRP_SWITCH_V(atomic_fetch_or_explicit, p, v, memory_order_seq_cst)
#define trp_exchange_acq_rel(p, v)                                                                 \
    TRP_SWITCH_V(atomic_exchange_explicit, p, v, memory_order_acq_rel)
#define trp_exchange_seq(p, v) TRP_SWITCH_V(atomic_exchange_explicit, p, v, memory_order_seq_cst)
#define trp_cas_acq_rel(p, expected, v)                                                            \
    TRP_WEAK_OR(                                                                                   \
        atomic_compare_exchange_strong_explicit((p), (expected), (v), TRP_RELAXED, TRP_RELAXED),   \
        atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel,        \
                                                memory_order_acquire))
#define trp_cas_seq(p, expected, v)                                                                \
    TRP_WEAK_OR(                                                                                   \
        atomic_compare_exchange_strong_explicit((p), (expected), (v), TRP_RELAXED, TRP_RELAXED),   \
        atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_seq_cst,        \
                                                memory_order_seq_cst))

#endif
