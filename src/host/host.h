/* host.h - a host from the inside.
 *
 * Who: one thread at a time drives it (new, start, feed, finish); any thread may ask it to stop; the watcher, a
 *      component, tells when the tree ended; the output's writer tells when nobody reads.
 *
 * Whoever has something to tell sets its flag, then alarm, then rings wake_fd. The driver looks at alarm between
 * two lines, and waits on wake_fd only after it emptied it and found alarm still low.
 * If broken: a stop is seen only when the next line arrives.
 */
#ifndef TRP_HOST_HOST_H
#define TRP_HOST_HOST_H

#include "log_sink.h"
#include "manifest.h"
#include "output.h"
#include "trp/atomic.h"

struct troupe_host {
    const troupe_manifest *manifest; /* set once, down to services */
    trp_arena arena;                 /* specs and what they point to */
    bool simulation;
    const char *stdin_to;
    troupe_system *system;
    troupe_engine *engine;
    troupe_topics *topics;
    troupe_guest **guests; /* one for each component and pool, in the order of the tree */
    size_t n_guests;
    uint64_t compile_ns;
    bool all_cached;
    troupe_guest_services services;

    trp_output output; /* each has its own lock */
    trp_log_sink log;

    int wake_fd;
    _Atomic bool alarm; /* one of the three below is up */
    _Atomic bool asked;
    _Atomic bool out_closed;
    _Atomic bool
        ended; /* root_exit, asked_first are written: released by the watcher, acquired by the driver */
    _Atomic uint64_t root; /* an id; seq, against asked: one of the two sides sees the other */
    troupe_exit root_exit;
    bool asked_first; /* as root_exit: a stop was asked for before the tree had ended */
    bool stuck;       /* somebody was given up in the stop, and has not returned */

    troupe_context *me;          /* the driver's, from here on */
    troupe_id target;            /* whom lines go to: who bears the name stdin_to */
    const trp_unit *target_unit; /* that, or the pool whose member it is */
    bool started, finished;
    uint64_t n_lines;
    uint64_t feed_began, feed_ended;
    troupe_totals totals; /* after finish */
    uint64_t walked, stores, schedule;
    int out_error;
};

/* guests.c: load a guest for each component and pool; what is wrong is noted at its line. */
troupe_status trp_host_load_guests(troupe_host *host, trp_mistakes *mistakes);

/* tree.c: the specification of the whole tree, in the host's arena. Errors: TROUPE_E_INVALID with a text. */
TROUPE_MUST_CHECK troupe_status trp_host_plan(troupe_host *host, troupe_spec *ret_spec,
                                              troupe_error *error);

/* target.c: after a send that nobody took, who bears the name stdin_to now. False: it is gone for good.
 * *n_tries is 0 at the first call for a line. Driver only. */
bool trp_target_find(troupe_host *host, unsigned *n_tries);

/* host.c: wait for a ring, at most for timeout_ms; in a simulation: run one step. False: nothing can ever happen. */
bool trp_host_pause(troupe_host *host, int timeout_ms);
/* What the flags say; TROUPE_HOST_END_OF_INPUT: nothing. */
troupe_host_end trp_host_why(const troupe_host *host);

#endif
