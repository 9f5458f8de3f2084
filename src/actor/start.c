/* start.c - the beginning of a life: its number, pre_start, post_start. */
#include "life.h"
#include "stuck.h"

static void number_life(trp_cell *cell, uint32_t incarnation)
{
    uint64_t asks = trp_load_relaxed(&cell->asks), fresh; /* the exchange looks again */

    trp_store_relaxed(&cell->incarnation,
                      incarnation); /* its owner; askers compare the word below */
    do {
        fresh = asks & ~(UINT64_C(0xffff) << 16) &
                ~(uint64_t)(TRP_ASK_WAKE | TRP_ASK_DEADLINE | TRP_ASK_START_OVER);
        fresh |= (uint64_t)(incarnation & 0xffff) << 16;
        /* relaxed: nothing goes with what is dropped; the next look acquires what stays */
    } while (!trp_cas_relaxed(&cell->asks, &asks, fresh));
}

void trp_life_begin(trp_cell *cell, troupe_start_reason reason)
{
    number_life(cell, trp_load_relaxed(&cell->incarnation) + 1); /* owner */
    cell->start_reason = reason;
    cell->pending = cell->woken = cell->crashing = cell->exiting = cell->killed = false;
    cell->late = false;
    cell->stop_asked = cell->entered = cell->telling = cell->start_late = cell->broken = false;
    cell->step = TRP_STEP_PRE_START;
    trp_set_phase(cell, TROUPE_PHASE_STARTING);
    if (reason == TROUPE_START_RESTART)
        trp_open_again(cell); /* after the phase, for troupe_refuse */
    trp_links_open(cell);
    if (cell->start_timeout)
        trp_limit_start(cell, &cell->start_limit, cell->start_timeout, TRP_ASK_START_OVER);
}

bool trp_start_is_late(trp_cell *cell)
{
    if (cell->start_limit && (trp_load_relaxed(&cell->asks) & TRP_ASK_START_OVER))
        cell->start_late = true; /* a start that came through a moment too late */
    return cell->start_late;
}

static troupe_exit_reason reason_of(troupe_status status)
{
    if (status == TROUPE_E_TIMEOUT)
        return TROUPE_EXIT_TIMEOUT;
    return status == TROUPE_E_CRASHED ? TROUPE_EXIT_CRASHED : TROUPE_EXIT_REFUSED;
}

void trp_life_pre_started(trp_cell *cell, troupe_status status, const char *why)
{
    if (cell->crashing)
        return;
    if (status == TROUPE_OK) {
        cell->entered = true;
        cell->step = TRP_STEP_POST_START;
        trp_hold(cell);
        trp_name_publish(cell);
        trp_let_go(cell);
        return;
    }
    trp_exit_fill(cell, reason_of(status), *why ? why : troupe_status_text(status));
    trp_life_over(cell);
}

troupe_status trp_life_pre_start(trp_cell *cell, troupe_error *error)
{
    char name[TROUPE_NAME_MAX + 1]; /* its own: the cell's is another's once it is given up */
    troupe_start start = {.argument = cell->argument,
                          .id = trp_id_of(cell),
                          .name = name,
                          .incarnation = trp_load_relaxed(&cell->incarnation), /* owner */
                          .reason = cell->start_reason,
                          .system = cell->system,
                          .error = error};
    troupe_status status = TROUPE_OK;

    error->text[0] = '\0';
    troupe_name_of(cell->system, start.id, name);
    if (cell->child && cell->child->pre_start)
        status = cell->child->pre_start(cell->state, &start);
    if (status == TROUPE_PENDING)
        trp_set_pending(cell, true);
    else
        trp_life_pre_started(cell, status, error->text);
    return status;
}

void trp_life_post_started(trp_cell *cell, troupe_status status)
{
    if (cell->crashing || trp_start_is_late(cell))
        return; /* the turn turns aside */
    if (status != TROUPE_OK) {
        trp_exit_fill(cell, reason_of(status), troupe_status_text(status));
        trp_life_over(cell);
        return;
    }
    trp_limit_end(cell, &cell->start_limit);
    cell->started_once = true;
    cell->step = TRP_STEP_RUN;
    trp_set_phase(cell, TROUPE_PHASE_RUNNING); /* before anybody is told */
    trp_hold(cell);
    if (!cell->taken)
        trp_parent_tell(cell, TROUPE_EVENT_STARTED);
    trp_let_go(cell);
    if (cell->vitals)
        trp_vitals_begin(cell);
}

/* Without memory for it the supervisor decides again; without memory to tell it so, it ends for good. */
void trp_life_renew(trp_cell *cell)
{
    if (trp_notices_make(cell) && trp_state_renew(cell)) {
        trp_life_begin(cell, TROUPE_START_RESTART);
        return;
    }
    trp_exit_fill(cell, TROUPE_EXIT_REFUSED, troupe_status_text(TROUPE_E_NO_MEMORY));
    cell->exit.operation = TROUPE_OPERATION_NEW_STATE;
    if (cell->held_notice)
        trp_parent_tell(cell, TROUPE_EVENT_CHILD_EXIT);
    else
        trp_life_finish(cell);
}
