/* quantity.h - numbers with units, as people write them: 64KiB, 50ms, 4096. Pure functions. */
#ifndef TRP_HOST_QUANTITY_H
#define TRP_HOST_QUANTITY_H

#include "troupe/base.h"

/* Each returns NULL and sets its result, or says what is wrong and what to write instead. text ends by
 * a zero. Zero is read as zero: whether it makes sense is the caller's to say. */

/* trp_read_count - 4096, 4_096 is not one. At most max. */
const char *trp_read_count(const char *text, uint64_t max, uint64_t *ret_count);
/* trp_read_size - 65536, 64KiB, 1MiB, 2GiB: bytes. */
const char *trp_read_size(const char *text, uint64_t *ret_bytes);
/* trp_read_rate - a size for each second: 64KiB/s. */
const char *trp_read_rate(const char *text, uint64_t *ret_bytes);
/* trp_read_duration - 500us, 50ms, 1.5s, 5m, 1h: nanoseconds. */
const char *trp_read_duration(const char *text, uint64_t *ret_ns);
/* trp_read_factor - 2, 1.5. */
const char *trp_read_factor(const char *text, double *ret_factor);

#endif
