/* places.h - a row that grows at its end and loses from anywhere: who is the n-th, and how many stand before. Each takes
 * time that grows with the logarithm of the row. */
#ifndef TRP_KIT_PLACES_H
#define TRP_KIT_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct trp_place {
    uint64_t order;
    void *who;  /* NULL: left */
    uint32_t n; /* how many there are in the places that this one sums up; see places.c */
} trp_place;

/* Zeroed: an empty row. One owner. */
typedef struct trp_places {
    trp_place *places;
    uint32_t n_places, capacity; /* those that are empty included */
    uint32_t n;
} trp_places;

void trp_places_fini(trp_places *row);
/* trp_places_append - order is above all that were there. False: no memory; then nothing changed. */
bool trp_places_append(trp_places *row, uint64_t order, void *who)
    __attribute__((warn_unused_result));
/* trp_places_remove - who was appended with this order, and is there. */
void trp_places_remove(trp_places *row, uint64_t order);
/* trp_places_before - how many have a lower order. */
uint32_t trp_places_before(const trp_places *row, uint64_t order);
/* trp_places_nth - from 0; NULL: there are not so many. */
void *trp_places_nth(const trp_places *row, uint64_t n);

#endif
