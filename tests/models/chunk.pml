/* chunk.pml - a chunk of cells, of requests or of names is made, and found by who took no lock (src/actor/slots.c,
 * request.c, name_table.c). The first one found may not be the last: names hang one behind the other.
 *
 * Promised: who finds a chunk finds what it was filled with.
 *
 * order: PUBLISH  src/actor/slots.c       trp_store_release(&system->chunks[slot / TRP_CHUNK], chunk)
 * order: PUBLISH  src/actor/request.c     trp_store_release(&system->request_chunks[slot / REQUEST_CHUNK],
 * order: PUBLISH  src/actor/name_table.c  trp_store_release(&shelf->chunks, chunk)
 * order: FIND     src/actor/slots.c       chunk = trp_load_acquire(&system->chunks[slot / TRP_CHUNK]); /* pairs with grow
 * order: FIND     src/actor/request.c     chunk = trp_load_acquire(&system->request_chunks[slot / REQUEST_CHUNK]); /* pairs with grow
 * order: FIND     src/actor/names_list.c  chunk = trp_load_acquire(&shelf->chunks)
 */
#define THREADS 2
#define WORDS 3
#define STORES 3
#include "memory.pml"

#define NEWEST_CHUNK 0
#define CHUNK(n) (n) /* plain memory, 1 and 2; the second names the first */

proctype maker()
{
    byte me = 0, i, j;

    touch(CHUNK(1));
    store(NEWEST_CHUNK, 1, O_PUBLISH);
    touch(CHUNK(2));
    store(NEWEST_CHUNK, 2, O_PUBLISH)
}

proctype finder()
{
    byte me = 1, i, j, chunk;

    load(NEWEST_CHUNK, O_FIND, chunk);
    do
    :: chunk -> touch(CHUNK(chunk)); chunk--
    :: else -> break
    od
}

init
{
    atomic {
        run maker();
        run finder()
    }
}
