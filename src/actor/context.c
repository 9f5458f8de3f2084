/* context.c - whose a context is, and the calls that are refused because of it.
 *
 * A component's context belongs to the thread that runs its turn, as long as that lasts; an attached thread's context to
 * the thread that attached. A cell stays in memory while its system lives, so a context that was given back can be
 * looked at: it belongs to nobody, or to whoever has the slot now.
 *
 * Threads:    any; `here` is each thread's own.
 * Invariants: 1. running is the cell whose turn this thread runs, NULL outside of turns; a turn
 *                that runs another system by itself (simulation, driven) comes back to its own place. If broken: a handler is refused
 *                its own context, or another thread may write into a cell that is not its own.
 *             2. user is a thread's mark only between its attach and its detach. If broken: the same.
 */
#include "cell.h"

static _Thread_local trp_place here;

/* A thread's mark: no other living thread has it. */
static uintptr_t this_thread(void)
{
    return (uintptr_t)&here;
}

trp_place trp_turn_enter(const trp_cell *cell)
{
    trp_place outer = here;

    here = (trp_place){.running = cell, .inside = cell->system};
    return outer;
}

trp_place trp_job_enter(const troupe_system *system)
{
    trp_place outer = here;

    here = (trp_place){.inside = system};
    return outer;
}

void trp_place_return(trp_place outer)
{
    here = outer;
}

bool trp_is_inside(const troupe_system *system)
{
    return here.inside == system;
}

void trp_context_take(trp_cell *cell)
{
    trp_store_relaxed(&cell->user, this_thread()); /* only its own thread can find its mark there */
}

void trp_context_give_back(trp_cell *cell)
{
    trp_store_relaxed(&cell->user, 0); /* as above */
}

troupe_status trp_context_check(const trp_cell *ctx)
{
    if (trp_is_forked(ctx->system))
        return TROUPE_E_FORKED;
    if (here.running == ctx)
        return TROUPE_OK;
    if (here.inside ==
        ctx->system) /* in a simulation the driver's own context is on this thread too */
        return TROUPE_E_INVALID;
    /* relaxed: our mark is there only when this thread wrote it and did not take it away */
    return trp_load_relaxed(&ctx->user) == this_thread() ? TROUPE_OK : TROUPE_E_INVALID;
}

bool trp_refuse_inside(const troupe_system *system, const char *what)
{
    troupe_log_line line = {
        .level = TROUPE_LEVEL_ERROR, .id = "call-refused", .name = "", .text = troupe_text(what)};

    if (!trp_is_inside(system))
        return false;
    if (system->log.write)
        system->log.write(system->log.arg, &line);
    return true;
}
