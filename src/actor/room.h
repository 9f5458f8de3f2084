/* room.h - room in a mailbox as one word: how many messages, how many bytes.
 *
 * Messages stand in the upper 26 bits, bytes in the lower 38, so that one add takes both and one subtract gives both
 * back. A payload counts with its size in each mailbox it waits in, also where many share it; the node around it
 * does not count.
 */
#ifndef TRP_ACTOR_ROOM_H
#define TRP_ACTOR_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRP_ROOM_MESSAGE (UINT64_C(1) << 38)

/* The upper bit of each half, which no count reaches: both halves are compared by one subtraction, and a half that
 * would go below zero takes its bit away. */
#define TRP_ROOM_GUARDS ((UINT64_C(1) << 63) + (UINT64_C(1) << 37))

/* The highest bound a spec may name (TROUPE_MAILBOX_BOUND_MAX, _BYTES_MAX), half of what a guard bit allows: here
 * muted senders are refused, however many there are. */
#define TRP_ROOM_WALL ((TRP_ROOM_MESSAGE << 24) + (UINT64_C(1) << 36))

static inline uint64_t trp_room_of(uint64_t n_messages, uint64_t n_bytes)
{
    return n_messages * TRP_ROOM_MESSAGE + n_bytes;
}

static inline uint32_t trp_room_messages(uint64_t room)
{
    return (uint32_t)(room / TRP_ROOM_MESSAGE);
}

static inline uint64_t trp_room_bytes(uint64_t room)
{
    return room % TRP_ROOM_MESSAGE;
}

static inline bool trp_room_fits(uint64_t waiting, uint64_t bound)
{
    return ((bound + TRP_ROOM_GUARDS - waiting) & TRP_ROOM_GUARDS) == TRP_ROOM_GUARDS;
}

/* Below both bounds one more message goes in, whatever its size: the largest one always gets through an empty one. */
static inline bool trp_room_is_full(uint64_t waiting, uint64_t bound)
{
    return !trp_room_fits(waiting, bound - TRP_ROOM_MESSAGE - 1);
}

/* More than what last let a message of own in. */
static inline bool trp_room_is_over(uint64_t waiting, uint64_t bound, uint64_t own)
{
    return trp_room_messages(waiting) > trp_room_messages(bound) ||
           trp_room_bytes(waiting) >= trp_room_bytes(bound) + trp_room_bytes(own);
}

/* At most a half, a quarter of it (shift 1, 2), in messages and in bytes. */
static inline bool trp_room_is_within(uint64_t waiting, uint64_t bound, unsigned shift)
{
    uint64_t crossed = TRP_ROOM_MESSAGE - (TRP_ROOM_MESSAGE >> shift);

    return trp_room_fits(waiting, bound >> shift & ~crossed);
}

#endif
