#include "wheel.h"

_Static_assert(sizeof(((troupe_timer *)0)->link) == sizeof(trp_link),
               "a timer has room for its link");

/* The door shows no list of ours; nobody touches these bytes but as this. */
static trp_link *link_of(troupe_timer *timer)
{
    return (trp_link *)(void *)timer->link;
}

void troupe_timer_init(troupe_timer *timer, void (*fire)(troupe_timer *timer))
{
    *timer = (troupe_timer){.fire = fire};
    trp_list_init(link_of(timer));
}

void trp_wheel_init(trp_wheel *wheel)
{
    for (unsigned level = 0; level < TRP_WHEEL_LEVELS; level++) {
        wheel->slots[level] = 0;
        for (unsigned digit = 0; digit < TRP_WHEEL_SLOTS; digit++)
            trp_list_init(&wheel->slot[level][digit].timers);
    }
    wheel->levels = 0;
    wheel->base = 0;
}

static unsigned digit_of(uint64_t at_ns, unsigned level)
{
    return (unsigned)(at_ns >> (level * TRP_WHEEL_BITS)) % TRP_WHEEL_SLOTS;
}

static void lay(trp_wheel *wheel, troupe_timer *timer)
{
    uint64_t differs = (timer->at_ns ^ wheel->base) | 1; /* | 1: the same time is on level 0 */
    unsigned level = (63u - (unsigned)__builtin_clzll(differs)) / TRP_WHEEL_BITS;
    unsigned digit = digit_of(timer->at_ns, level);
    trp_wheel_slot *slot = &wheel->slot[level][digit];

    if (trp_list_empty(&slot->timers) || timer->at_ns < slot->least)
        slot->least = timer->at_ns;
    trp_list_append(&slot->timers, link_of(timer));
    wheel->slots[level] |= UINT64_C(1) << digit;
    wheel->levels |= 1u << level;
}

/* The ring of this slot is empty now. */
static void note_empty(trp_wheel *wheel, unsigned level, unsigned digit)
{
    wheel->slots[level] &= ~(UINT64_C(1) << digit);
    if (!wheel->slots[level])
        wheel->levels &= ~(1u << level);
}

void trp_wheel_start(trp_wheel *wheel, troupe_timer *timer, uint64_t at_ns)
{
    TROUPE_ASSERT(trp_list_empty(link_of(timer)));
    timer->at_ns = at_ns < wheel->base ? wheel->base : at_ns;
    lay(wheel, timer);
}

bool trp_wheel_cancel(trp_wheel *wheel, troupe_timer *timer)
{
    trp_link *head = link_of(timer)->next;

    if (trp_list_empty(link_of(timer)))
        return false;
    trp_list_remove(link_of(timer));
    if (trp_list_empty(head)) { /* it was the only one: what lay beside it is the slot */
        size_t i = (size_t)(TRP_OF(head, trp_wheel_slot, timers) - &wheel->slot[0][0]);

        note_empty(wheel, (unsigned)(i / TRP_WHEEL_SLOTS), (unsigned)(i % TRP_WHEEL_SLOTS));
    }
    return true;
}

/* The slot of the earliest timers; at least one is armed. */
static trp_wheel_slot *first_slot(const trp_wheel *wheel, unsigned *ret_level, unsigned *ret_digit)
{
    unsigned level = (unsigned)__builtin_ctz(wheel->levels);
    unsigned digit = (unsigned)__builtin_ctzll(wheel->slots[level]);

    *ret_level = level;
    *ret_digit = digit;
    return (trp_wheel_slot *)&wheel->slot[level][digit];
}

/* Where the times of this slot begin: base's digits above the level, then the slot's own. */
static uint64_t begin_of(const trp_wheel *wheel, unsigned level, unsigned digit)
{
    unsigned shift = level * TRP_WHEEL_BITS;
    uint64_t above = (wheel->base >> shift >> TRP_WHEEL_BITS) << TRP_WHEEL_BITS;

    return (above | digit) << shift;
}

/* base comes to the first slot, and its timers go to lower levels. */
static void open_slot(trp_wheel *wheel, unsigned level, unsigned digit)
{
    trp_link *head = &wheel->slot[level][digit].timers;

    wheel->base = begin_of(wheel, level, digit);
    note_empty(wheel, level, digit);
    while (!trp_list_empty(head)) {
        troupe_timer *timer = TRP_OF(head->next, troupe_timer, link);

        trp_list_remove(link_of(timer));
        lay(wheel, timer);
    }
}

troupe_timer *trp_wheel_take(trp_wheel *wheel, uint64_t now_ns)
{
    while (wheel->levels) {
        unsigned level, digit;
        trp_wheel_slot *slot = first_slot(wheel, &level, &digit);

        if (begin_of(wheel, level, digit) > now_ns)
            break;
        if (level == 0) {
            troupe_timer *timer = TRP_OF(slot->timers.next, troupe_timer, link);

            wheel->base = timer->at_ns;
            trp_wheel_cancel(wheel, timer);
            return timer;
        }
        open_slot(wheel, level, digit);
    }
    if (now_ns > wheel->base)
        wheel->base = now_ns;
    return NULL;
}

uint64_t trp_wheel_bound(const trp_wheel *wheel)
{
    unsigned level, digit;

    return wheel->levels ? first_slot(wheel, &level, &digit)->least : TROUPE_FOREVER;
}

uint64_t trp_wheel_next(trp_wheel *wheel, uint64_t until_ns)
{
    while (wheel->levels) {
        unsigned level, digit;
        uint64_t begin;

        first_slot(wheel, &level, &digit);
        begin = begin_of(wheel, level, digit);
        if (level == 0 || begin > until_ns)
            return begin;
        open_slot(wheel, level, digit);
    }
    return TROUPE_FOREVER;
}
