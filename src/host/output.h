/* output.h - the program's standard output, for components with the grant stdout.
 *
 * Who: any number of printers (workers); one writer thread, or none: then whoever fills the buffer, and fini,
 *      write (a simulation has one thread).
 *
 *   printer --turn--> filling [.......] --swap under mutex--> writing [.......] --write--> fd
 *
 * Invariants
 * 1. The bytes of one print stand together. If broken: lines of two components mix.
 * 2. filling and n are touched under mutex only, writing by the writer only.
 * 3. After an error nothing is written any more, and nobody waits for room. If broken: a closed pipe
 *    hangs the run.
 * Locks: turn before mutex; nothing is called under them but write, and that without mutex.
 */
#ifndef TRP_HOST_OUTPUT_H
#define TRP_HOST_OUTPUT_H

#include "trp/atomic.h"
#include "trp/os.h"
#include "troupe/base.h"

#define TRP_OUTPUT_BYTES ((size_t)65536)

typedef struct trp_output {
    int fd;                       /* set once; below 0: everything is dropped */
    bool threaded;                /* set once */
    void (*on_broken)(void *arg); /* set once; called once, by whoever wrote */
    void *arg;

    trp_mutex turn; /* held for a whole print */
    trp_mutex mutex;
    trp_condition has_bytes, has_room;
    char *filling;
    size_t n;
    bool closing;

    char *writing;
    trp_thread writer;
    _Atomic int error; /* an errno; 0: fine */
} trp_output;

/* trp_output_init - start. fd is lent. Errors: TROUPE_E_NO_MEMORY, TROUPE_E_IO no thread to be had. */
TROUPE_MUST_CHECK troupe_status trp_output_init(trp_output *output, int fd, bool threaded,
                                                void (*on_broken)(void *arg), void *arg);

/* trp_output_print - any thread. Waits while the reader of fd is slower than the printers.
 * Errors: TROUPE_E_IO nobody reads any more, or the disk is full. */
troupe_status trp_output_print(trp_output *output, troupe_bytes bytes);

/* trp_output_fini - write the rest, end the thread. Nobody prints any more. A second call does nothing. */
void trp_output_fini(trp_output *output);

#endif
