/* places.c - an array in order with empty places in it, and over it a Fenwick tree of how many are there: the place i (from
 * 1) sums up the places from i - (i & -i) + 1 to i.
 *
 * Invariants
 * 1. Orders grow along the array, also over empty places. If broken: nobody is found.
 * 2. More than half of the places are in use, or there are few. If broken: memory for all that ever were.
 */
#include "places.h"

#include "trp/os.h"

#define FEW 16u

static uint32_t last_bit(uint32_t i)
{
    return i & (~i + 1);
}

void trp_places_fini(trp_places *row)
{
    trp_free(row->places);
    *row = (trp_places){0};
}

/* The i-th (from 1) is written: what it sums up is known from those before it. */
static void sum_up(trp_places *row, uint32_t i)
{
    uint32_t n = row->places[i - 1].who != NULL;

    for (uint32_t j = i - 1; j > i - last_bit(i); j -= last_bit(j))
        n += row->places[j - 1].n;
    row->places[i - 1].n = n;
}

bool trp_places_append(trp_places *row, uint64_t order, void *who)
{
    if (row->n_places == row->capacity) {
        uint32_t capacity = row->capacity ? 2 * row->capacity : FEW;
        trp_place *places =
            capacity ? trp_realloc(row->places, (size_t)capacity * sizeof *places) : NULL;

        if (!places)
            return false;
        row->places = places;
        row->capacity = capacity;
    }
    row->places[row->n_places] = (trp_place){.order = order, .who = who};
    sum_up(row, ++row->n_places);
    row->n++;
    return true;
}

/* The empty places go. */
static void close_up(trp_places *row)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < row->n_places; i++)
        if (row->places[i].who) {
            row->places[n] = row->places[i];
            sum_up(row, ++n);
        }
    row->n_places = n;
}

/* The first place (from 0) whose order is not below this one. */
static uint32_t place_of(const trp_places *row, uint64_t order)
{
    uint32_t low = 0, high = row->n_places;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (row->places[middle].order < order)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void trp_places_remove(trp_places *row, uint64_t order)
{
    uint32_t at = place_of(row, order);

    row->places[at].who = NULL;
    row->n--;
    for (uint32_t i = at + 1; i <= row->n_places; i += last_bit(i))
        row->places[i - 1].n--;
    if (row->n_places > FEW && row->n <= row->n_places / 2)
        close_up(row);
}

uint32_t trp_places_before(const trp_places *row, uint64_t order)
{
    uint32_t n = 0;

    for (uint32_t i = place_of(row, order); i > 0; i -= last_bit(i))
        n += row->places[i - 1].n;
    return n;
}

void *trp_places_nth(const trp_places *row, uint64_t n)
{
    uint32_t at = 0, step = 1;

    if (n >= row->n)
        return NULL;
    while (step <= row->n_places / 2)
        step *= 2;
    for (; step > 0; step /= 2) { /* at: so many places have n at most before what is looked for */
        if (step <= row->n_places - at && row->places[at + step - 1].n <= n) {
            at += step;
            n -= row->places[at - 1].n;
        }
    }
    return row->places[at].who;
}
