/* trp/options.h - options structs that grow: the first field is the size that the caller knew. */
#ifndef TRP_OPTIONS_H
#define TRP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* trp_options_take - a copy of the size this library knows: what an older caller did not have is 0.
 *
 * Owns:    from is lent, as long as its first field says; to has room for known bytes.
 * Threads: the owner of both.
 * Errors:  false: a size that no initialiser sets, or a newer caller asks for what this library does not know.
 */
bool trp_options_take(void *to, size_t known, const void *from) __attribute__((warn_unused_result));

/* trp_struct_take - the same of a struct whose size stands elsewhere.
 *
 * Owns:    from is lent, size bytes; to has room for known bytes.
 * Threads: the owner of both.
 * Errors:  false: size is 0, or a newer caller asks for what this library does not know.
 */
bool trp_struct_take(void *to, size_t known, const void *from, size_t size)
    __attribute__((warn_unused_result));

/* trp_options_give - the other way: what an older caller has no room for is left out, what a newer one has besides is 0.
 *
 * Owns:    to has room for size bytes; from is lent, known bytes.
 * Threads: the owner of both.
 * Errors:  none.
 */
void trp_options_give(void *to, size_t size, const void *from, size_t known);

#endif
