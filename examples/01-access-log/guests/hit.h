/* hit.h: what a parser tells the report about one line, as it lies in a message on the topic
 * `hits`. Both sides are wasm32: little endian, no padding. The path follows, without its query
 * string. */
#ifndef HIT_H
#define HIT_H

#include <stdint.h>

struct hit {
    uint64_t bytes;
    uint32_t status;
    uint32_t malformed; /* 1: not in the format; all else is then 0 and no path follows */
};

_Static_assert(sizeof(struct hit) == 16, "no padding");

#endif
