/* run.h - one run of a generated workload: a world with a tree of supervisors, a pool and topics, and the thread that
 * drives it. For tests with cmocka: what cannot even begin fails at once.
 */
#ifndef TRP_RUN_H
#define TRP_RUN_H

#include "world.h"

#define PATIENCE (30 * TROUPE_SECOND)

struct tree {
    troupe_child inner_children[3], top_children[5], member;
    troupe_supervisor inner, top;
    troupe_pool pool;
};

struct run {
    struct world *world;
    troupe_context *me;
    trp_random random;
    uint32_t sent[SENDERS];
    struct tree tree;
    uint64_t seed, schedule;
    troupe_totals totals;
};

/* run_open - the system, the tree, some players; everything of it is given back by run_close, after
 * troupe_system_stop. */
void run_open(struct run *run, bool simulation, uint64_t seed, unsigned workers);
/* run_close - the accounts, and a failed test when anything went wrong. */
void run_close(struct run *run);
void run_kick(struct run *run);   /* one message to somebody */
void run_meddle(struct run *run); /* perhaps end a supervisor */
void run_receive(struct run *run, uint64_t timeout_ns);
/* run_come_to_rest - everything that was begun finds its end; in simulation at once, on threads within PATIENCE. */
void run_come_to_rest(struct run *run);

#endif
