/* stale.h - loads that may return an older value, as C11 allows them to: for the build that tests/orders/run makes.
 *
 * The machine under a test shows few of the values that the memory model lets a load return, and x86 shows almost none. Here
 * each atomic word keeps its last stores, and threads have vector clocks; a load picks one of the stores that neither
 * happened before another one that this thread knows of nor is older than what it has read: what an order that is too weak
 * leaves open becomes a value that a test sees.
 *
 * Invariants: all operations are one sequence, under one lock; that sequence is each word's modification order and the
 * order of the seq ones. An exchange reads the newest store. A store is no longer missed once it is STALE_NS old.
 * What is not looked at: plain memory (that is ThreadSanitizer's part, which is not in the way: it does not see the lock).
 */
#ifndef TRP_STALE_H
#define TRP_STALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern bool trp_stale_is_on; /* TROUPE_STALE=SEED in the environment, since the program's begin */

void trp_stale_lock(void);
void trp_stale_unlock(void);
/* What the memory has, unseen by ThreadSanitizer. */
uint64_t trp_stale_look(const volatile void *at, size_t size);
/* With the lock held, beside the operation itself. newest is what the memory has; the result is what the load returns. */
uint64_t trp_stale_load(const volatile void *at, uint64_t newest, int order);
void trp_stale_store(const volatile void *at, uint64_t before, uint64_t value, int order);
void trp_stale_update(const volatile void *at, uint64_t before, uint64_t value, int order);

#endif
