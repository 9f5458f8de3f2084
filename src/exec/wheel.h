/* wheel.h - timers by their time: start and cancel in constant time, without memory. Guarded by its owner's lock.
 *
 * A radix of 64-bit times in digits of 6 bits. A timer lies on the level of the highest digit in which its time
 * differs from `base`, in the slot of that digit. So the lowest slot of the lowest level that is not empty holds the
 * earliest timers; when time comes to that slot, its timers are laid out again, each on a lower level.
 *
 * Invariants: 1. base only grows, and is never past the time that its owner has reached or is about to reach. If
 *                broken: a timer that is started later lies before base, counts as base, and fires late.
 *             2. Every armed timer lies where its time and the present base put it: base passes a slot's begin only
 *                when that slot is opened. If broken: a timer fires late by the span of its slot.
 *             3. A bit of `slots` is set where the slot's ring is not empty, a bit of `levels` where `slots` is not 0.
 *                If broken: a timer is not found, or an empty ring is taken for one.
 *             4. least of a slot is not above any time in it. If broken: its owner sleeps too long.
 * Order:      by time; timers of one time in the order in which they were started: they are always in one slot, whose
 *             ring is appended to, and which is opened front to back into empty slots.
 * Cost:       start and cancel look at one slot. A timer that fires was laid out again at most once a level.
 */
#ifndef TRP_EXEC_WHEEL_H
#define TRP_EXEC_WHEEL_H

#include "troupe/exec.h"
#include "trp/list.h"

#define TRP_WHEEL_BITS 6u
#define TRP_WHEEL_SLOTS (1u << TRP_WHEEL_BITS)
#define TRP_WHEEL_LEVELS 11u /* of 6 bits: all 64 */

typedef struct trp_wheel_slot {
    trp_link timers;
    uint64_t least;
} trp_wheel_slot;

typedef struct trp_wheel {
    uint64_t base;
    uint32_t levels;
    uint64_t slots[TRP_WHEEL_LEVELS];
    trp_wheel_slot slot[TRP_WHEEL_LEVELS][TRP_WHEEL_SLOTS];
} trp_wheel;

void trp_wheel_init(trp_wheel *wheel);

/* A time before base counts as base. The timer must not be armed. */
void trp_wheel_start(trp_wheel *wheel, troupe_timer *timer, uint64_t at_ns);
/* False: it was not armed. */
bool trp_wheel_cancel(trp_wheel *wheel, troupe_timer *timer);

/* The first timer that is due, not armed any more. NULL: none is, and base is now_ns. */
troupe_timer *trp_wheel_take(trp_wheel *wheel, uint64_t now_ns);

/* A time up to which nothing is due: the earliest timer's, or that of one which was cancelled since. TROUPE_FOREVER
 * when none is armed. */
uint64_t trp_wheel_bound(const trp_wheel *wheel);
/* The earliest timer's time, if that is not after until_ns, to which time will move next unless a timer comes first;
 * else anything after until_ns. */
uint64_t trp_wheel_next(trp_wheel *wheel, uint64_t until_ns);

#endif
