/* trp/atomic.h - the only place that names memory orders.
 *
 * Each acquire pairs with a release that its caller names; seq marks a store-load pair (Dekker): both
 * sides must be seq. No free-standing fences: ThreadSanitizer does not model them.
 */
#ifndef TRP_ATOMIC_H
#define TRP_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TRP_CACHE_LINE 64
#define TRP_ALIGN_LINE __attribute__((aligned(TRP_CACHE_LINE)))

#define trp_load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define trp_load_acquire(p) atomic_load_explicit((p), memory_order_acquire)
#define trp_load_seq(p) atomic_load_explicit((p), memory_order_seq_cst)
#define trp_store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define trp_store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define trp_store_seq(p, v) atomic_store_explicit((p), (v), memory_order_seq_cst)
#define trp_add_relaxed(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define trp_add_acq_rel(p, v) atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define trp_add_seq(p, v) atomic_fetch_add_explicit((p), (v), memory_order_seq_cst)
#define trp_sub_relaxed(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define trp_sub_acq_rel(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel)
#define trp_sub_seq(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_seq_cst)
#define trp_and_acq_rel(p, v) atomic_fetch_and_explicit((p), (v), memory_order_acq_rel)
#define trp_and_seq(p, v) atomic_fetch_and_explicit((p), (v), memory_order_seq_cst)
#define trp_or_relaxed(p, v) atomic_fetch_or_explicit((p), (v), memory_order_relaxed)
#define trp_exchange_relaxed(p, v) atomic_exchange_explicit((p), (v), memory_order_relaxed)
#define trp_exchange_acq_rel(p, v) atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define trp_exchange_seq(p, v) atomic_exchange_explicit((p), (v), memory_order_seq_cst)
#define trp_cas_relaxed(p, expected, v)                                                            \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_relaxed,            \
                                            memory_order_relaxed)
#define trp_cas_acq_rel(p, expected, v)                                                            \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel,            \
                                            memory_order_acquire)
#define trp_cas_seq(p, expected, v)                                                                \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_seq_cst,            \
                                            memory_order_seq_cst)

/* Between two looks at something that another thread will change soon. */
static inline void trp_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A counter with one writer and any number of readers: no exchange, no lost read. */
#define trp_count_own(p, n) trp_store_relaxed((p), trp_load_relaxed(p) + (n))

#endif
