/* limit.c - the times that a start and a stop have. Past one the clock asks; the cell's own turn decides.
 *
 * Threads: fire: the clock's. Start and end: the cell's owner.
 */
#include "cell.h"

struct trp_limit {
    troupe_timer timer;
    troupe_system *system;
    troupe_id id;
    uint32_t incarnation; /* whose time it is: the next one has nothing to do with it */
    trp_ask ask;
    _Atomic uint32_t refs; /* the cell, the clock */
};

static void unref(trp_limit *limit)
{
    if (trp_sub_acq_rel(&limit->refs, 1) == 1)
        trp_free(limit);
}

static void fire(troupe_timer *timer)
{
    trp_limit *limit = TRP_OF(timer, trp_limit, timer);

    trp_cell_ask(limit->system, limit->id, limit->incarnation, limit->ask);
    unref(limit);
}

/* Without memory for it there is no limit: it goes on as far as it can without waiting (a stop), or until it is stopped (a
 * start). */
void trp_limit_start(trp_cell *cell, trp_limit **at, uint64_t time_ns, trp_ask ask)
{
    trp_limit *limit;

    if (*at || time_ns == TROUPE_FOREVER)
        return;
    limit = trp_alloc(sizeof *limit);
    if (!limit)
        return;
    limit->system = cell->system;
    limit->id = trp_id_of(cell);
    limit->incarnation = trp_load_relaxed(&cell->incarnation); /* owner */
    limit->ask = ask;
    trp_store_relaxed(&limit->refs, 2); /* nobody else knows it yet */
    troupe_timer_init(&limit->timer, fire);
    *at = limit;
    troupe_timer_start(cell->system->executor, &limit->timer,
                       trp_patience_until(cell->system, time_ns));
}

void trp_limit_end(trp_cell *cell, trp_limit **at)
{
    trp_limit *limit = *at;

    if (!limit)
        return;
    *at = NULL;
    if (troupe_timer_cancel(cell->system->executor, &limit->timer))
        unref(limit);
    unref(limit);
}

void trp_stop_timer_start(trp_cell *cell)
{
    trp_limit_start(cell, &cell->stop_limit, trp_load_relaxed(&cell->stop_timeout),
                    TRP_ASK_DEADLINE);
}
