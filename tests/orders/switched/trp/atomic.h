/* trp/atomic.h, switched - the memory orders of src/base/include/trp/atomic.h, one of which can be weakened at run time.
 *
 * TROUPE_WEAKEN=FILE:LINE:LAST makes every operation on those lines relaxed. For the build that tests/orders/run makes: under
 * ThreadSanitizer each order that is needed is then missed by some test, with no build for each of them.
 * TROUPE_STALE=SEED lets loads return older values besides: stale.h.
 */
#ifndef TRP_ATOMIC_SWITCHED_H
#define TRP_ATOMIC_SWITCHED_H

#include "stale.h"

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

#define TRP_IS_WEAK                                                                                \
    (__builtin_expect(__LINE__ <= trp_weak_last, 0) && trp_weak_here(__FILE__, __LINE__))
#define TRP_TYPE(p) __typeof__(atomic_load_explicit((p), memory_order_relaxed))

/* A word of at most 8 bytes as a number, and back. */
#define TRP_BITS(value)                                                                            \
    ({                                                                                             \
        uint64_t bits_ = 0;                                                                        \
        __auto_type value_ = (value);                                                              \
        memcpy(&bits_, &value_, sizeof value_);                                                    \
        bits_;                                                                                     \
    })
#define TRP_VALUE(type, bits)                                                                      \
    ({                                                                                             \
        uint64_t of_ = (bits);                                                                     \
        type to_;                                                                                  \
        memcpy(&to_, &of_, sizeof to_);                                                            \
        to_;                                                                                       \
    })

/* The orders are literals, for ThreadSanitizer's sake: gcc takes one that it does not know for seq. */
#define TRP_LOAD(p, order)                                                                         \
    ({                                                                                             \
        __auto_type p_ = (p);                                                                      \
        bool weak_ = TRP_IS_WEAK;                                                                  \
        TRP_TYPE(p_) v_;                                                                           \
        if (trp_stale_is_on)                                                                       \
            trp_stale_lock();                                                                      \
        v_ = weak_ ? atomic_load_explicit(p_, memory_order_relaxed)                                \
                   : atomic_load_explicit(p_, (order));                                            \
        if (trp_stale_is_on) {                                                                     \
            v_ = TRP_VALUE(TRP_TYPE(p_), trp_stale_load(p_, TRP_BITS(v_),                          \
                                                        weak_ ? memory_order_relaxed : (order)));  \
            trp_stale_unlock();                                                                    \
        }                                                                                          \
        v_;                                                                                        \
    })

#define TRP_STORE(p, value, order)                                                                 \
    ({                                                                                             \
        __auto_type p_ = (p);                                                                      \
        TRP_TYPE(p_) v_ = (value);                                                                 \
        bool weak_ = TRP_IS_WEAK;                                                                  \
        uint64_t before_ = 0;                                                                      \
        if (trp_stale_is_on) {                                                                     \
            trp_stale_lock();                                                                      \
            before_ = trp_stale_look(p_, sizeof *p_);                                              \
        }                                                                                          \
        if (weak_)                                                                                 \
            atomic_store_explicit(p_, v_, memory_order_relaxed);                                   \
        else                                                                                       \
            atomic_store_explicit(p_, v_, (order));                                                \
        if (trp_stale_is_on) {                                                                     \
            trp_stale_store(p_, before_, TRP_BITS(v_), weak_ ? memory_order_relaxed : (order));    \
            trp_stale_unlock();                                                                    \
        }                                                                                          \
    })

#define TRP_UPDATE(operation, p, value, order)                                                     \
    ({                                                                                             \
        __auto_type p_ = (p);                                                                      \
        __auto_type n_ = (value);                                                                  \
        bool weak_ = TRP_IS_WEAK;                                                                  \
        TRP_TYPE(p_) v_;                                                                           \
        if (trp_stale_is_on)                                                                       \
            trp_stale_lock();                                                                      \
        v_ = weak_ ? operation(p_, n_, memory_order_relaxed) : operation(p_, n_, (order));         \
        if (trp_stale_is_on) {                                                                     \
            trp_stale_update(p_, TRP_BITS(v_), trp_stale_look(p_, sizeof *p_),                     \
                             weak_ ? memory_order_relaxed : (order));                              \
            trp_stale_unlock();                                                                    \
        }                                                                                          \
        v_;                                                                                        \
    })

/* One that fails is a load of the newest value. */
#define TRP_CAS(p, expected, value, order, order_failed)                                           \
    ({                                                                                             \
        __auto_type p_ = (p);                                                                      \
        __auto_type e_ = (expected);                                                               \
        __auto_type n_ = (value);                                                                  \
        bool weak_ = TRP_IS_WEAK, done_;                                                           \
        uint64_t before_ = 0;                                                                      \
        if (trp_stale_is_on) {                                                                     \
            trp_stale_lock();                                                                      \
            before_ = trp_stale_look(p_, sizeof *p_);                                              \
        }                                                                                          \
        done_ =                                                                                    \
            weak_ ? atomic_compare_exchange_strong_explicit(p_, e_, n_, memory_order_relaxed,      \
                                                            memory_order_relaxed)                  \
                  : atomic_compare_exchange_strong_explicit(p_, e_, n_, (order), (order_failed));  \
        if (trp_stale_is_on) {                                                                     \
            trp_stale_update(p_, before_, trp_stale_look(p_, sizeof *p_),                          \
                             weak_   ? memory_order_relaxed                                        \
                             : done_ ? (order)                                                     \
                                     : (order_failed));                                            \
            trp_stale_unlock();                                                                    \
        }                                                                                          \
        done_;                                                                                     \
    })

#undef trp_load_relaxed
#undef trp_load_acquire
#undef trp_load_seq
#undef trp_store_relaxed
#undef trp_store_release
#undef trp_store_seq
#undef trp_add_relaxed
#undef trp_add_acq_rel
#undef trp_add_seq
#undef trp_sub_relaxed
#undef trp_sub_acq_rel
#undef trp_sub_seq
#undef trp_and_acq_rel
#undef trp_and_seq
#undef trp_or_relaxed
#undef trp_exchange_relaxed
#undef trp_exchange_acq_rel
#undef trp_exchange_seq
#undef trp_cas_relaxed
#undef trp_cas_acq_rel
#undef trp_cas_seq

#define trp_load_relaxed(p) TRP_LOAD(p, memory_order_relaxed)
#define trp_load_acquire(p) TRP_LOAD(p, memory_order_acquire)
#define trp_load_seq(p) TRP_LOAD(p, memory_order_seq_cst)
#define trp_store_relaxed(p, v) TRP_STORE(p, v, memory_order_relaxed)
#define trp_store_release(p, v) TRP_STORE(p, v, memory_order_release)
#define trp_store_seq(p, v) TRP_STORE(p, v, memory_order_seq_cst)
#define trp_add_relaxed(p, v) TRP_UPDATE(atomic_fetch_add_explicit, p, v, memory_order_relaxed)
#define trp_add_acq_rel(p, v) TRP_UPDATE(atomic_fetch_add_explicit, p, v, memory_order_acq_rel)
#define trp_add_seq(p, v) TRP_UPDATE(atomic_fetch_add_explicit, p, v, memory_order_seq_cst)
#define trp_sub_relaxed(p, v) TRP_UPDATE(atomic_fetch_sub_explicit, p, v, memory_order_relaxed)
#define trp_sub_acq_rel(p, v) TRP_UPDATE(atomic_fetch_sub_explicit, p, v, memory_order_acq_rel)
#define trp_sub_seq(p, v) TRP_UPDATE(atomic_fetch_sub_explicit, p, v, memory_order_seq_cst)
#define trp_and_acq_rel(p, v) TRP_UPDATE(atomic_fetch_and_explicit, p, v, memory_order_acq_rel)
#define trp_and_seq(p, v) TRP_UPDATE(atomic_fetch_and_explicit, p, v, memory_order_seq_cst)
#define trp_or_relaxed(p, v) TRP_UPDATE(atomic_fetch_or_explicit, p, v, memory_order_relaxed)
#define trp_exchange_relaxed(p, v) TRP_UPDATE(atomic_exchange_explicit, p, v, memory_order_relaxed)
#define trp_exchange_acq_rel(p, v) TRP_UPDATE(atomic_exchange_explicit, p, v, memory_order_acq_rel)
#define trp_exchange_seq(p, v) TRP_UPDATE(atomic_exchange_explicit, p, v, memory_order_seq_cst)
#define trp_cas_relaxed(p, expected, v)                                                            \
    TRP_CAS(p, expected, v, memory_order_relaxed, memory_order_relaxed)
#define trp_cas_acq_rel(p, expected, v)                                                            \
    TRP_CAS(p, expected, v, memory_order_acq_rel, memory_order_acquire)
#define trp_cas_seq(p, expected, v)                                                                \
    TRP_CAS(p, expected, v, memory_order_seq_cst, memory_order_seq_cst)

#endif
