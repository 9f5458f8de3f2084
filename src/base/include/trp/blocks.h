/* trp/blocks.h - small blocks that come and go by the million: each thread keeps some of those that it gives back.
 *
 * For what is made and given back with each message. All else takes trp_alloc.
 */
#ifndef TRP_BLOCKS_H
#define TRP_BLOCKS_H

#include <stddef.h>

/* trp_block_take - size bytes, above 0, with whatever lay in them.
 *
 * Owns:    the caller owns the result, and gives it back with trp_block_give.
 * Threads: any. A block may be given back on another one.
 * Errors:  NULL: memory is out, or trp_alloc_fail_after and its like say so.
 */
void *trp_block_take(size_t size) __attribute__((malloc, warn_unused_result));

/* trp_block_give - gives back what trp_block_take gave for this size.
 *
 * Owns:    block is taken. NULL: nothing.
 * Threads: any.
 * Errors:  none.
 */
void trp_block_give(void *block, size_t size);

#endif
