/* context.c - whose a context is, and the calls that are refused because of it.
 *
 * A component's context belongs to the thread that runs its turn, as long as that lasts; an attached thread's context to
 * the thread that attached. A cell stays in memory while its system lives, so a context that was given back can be
 * looked at: it belongs to nobody, or to whoever has the slot now.
 *
 * Threads:    any; `running` and `inside` are each thread's own.
 * Invariants: 1. running is the cell whose turn this thread runs, NULL outside of turns. If broken: a handler is refused
 *                its own context, or another thread may write into a cell that is not its own.
 *             2. user is a thread's mark only between its attach and its detach. If broken: the same.
 */
#include "cell.h"

static _Thread_local const trp_cell *running;
static _Thread_local const troupe_system *inside; /* a turn or a job of it runs here */

/* A thread's mark: no other living thread has it. */
static uintptr_t this_thread(void)
{
    return (uintptr_t)&running;
}

void trp_turn_enter(const trp_cell *cell)
{
    running = cell;
    inside = cell->system;
}

void trp_turn_leave(void)
{
    running = NULL;
    inside = NULL;
}

void trp_job_enter(const troupe_system *system)
{
    inside = system;
}

void trp_job_leave(void)
{
    inside = NULL;
}

bool trp_is_inside(const troupe_system *system)
{
    return inside == system;
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
    if (running == ctx)
        return TROUPE_OK;
    if (inside == ctx->system) /* in a simulation the driver's own context is on this thread too */
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
