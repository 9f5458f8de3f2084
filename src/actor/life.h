/* life.h - the steps of a life, between the files that take them: start.c, end.c, news.c, life.c.
 *
 * All of it runs in the turn of the cell's owner (the first pre_start on its spawner's thread).
 */
#ifndef TRP_ACTOR_LIFE_H
#define TRP_ACTOR_LIFE_H

#include "cell.h"

/* Between its first hook and the end of its last handler: the state may be entered. */
static inline bool trp_is_alive(const trp_cell *cell)
{
    return cell->step >= TRP_STEP_PRE_START && cell->step <= TRP_STEP_PRE_STOP;
}

/* Nothing broke: a stop, or its own wish. */
static inline bool trp_is_in_order(troupe_exit_reason reason)
{
    return reason == TROUPE_EXIT_NORMAL || reason == TROUPE_EXIT_RESTART ||
           reason == TROUPE_EXIT_SHUTDOWN;
}

#define TRP_LATE_FOR_CHECK "late for its health check, in one handler all the time"
#define TRP_KILLED "killed"
#define TRP_START_LATE "did not start within its time"
#define TRP_KILLED_LATE "did not stop within its time"

/* start.c */
bool trp_start_is_late(trp_cell *cell); /* of one that has not passed post_start */
void trp_life_pre_started(trp_cell *cell, troupe_status status, const char *why);
void trp_life_post_started(trp_cell *cell, troupe_status status);
void trp_life_renew(trp_cell *cell); /* held: the next life */

/* end.c */
void trp_life_stop(trp_cell *cell); /* in order: drain or bury what waits, then pre_stop */
void trp_life_pre_stopped(trp_cell *cell, troupe_status status);
void trp_life_over(trp_cell *cell);    /* cell->exit says why */
bool trp_children_end(trp_cell *cell); /* true: all of them have ended */
void trp_life_post_stop(trp_cell *cell);
void trp_life_finish(trp_cell *cell); /* for good */

/* health.c; those from trp_vitals_begin on only where cell->vitals is there, but for _due, _dooms, _pending. */
const char *
trp_vitals_check(const troupe_spec *spec); /* what is wrong with these fields; NULL: nothing */
bool trp_vitals_new(trp_cell *cell, const troupe_spec *spec); /* false: no memory */
void trp_vitals_free(trp_cell *cell);
void trp_vitals_begin(trp_cell *cell); /* a life runs */
void trp_vitals_end(trp_cell *cell);
void trp_health_due(trp_cell *cell);
bool trp_health_turn(trp_cell *cell);         /* true: it did something */
bool trp_health_expects_kill(trp_cell *cell); /* true, once: this kill means a life that is over */
bool trp_health_pending(const trp_cell *cell);
void trp_health_checked(trp_cell *cell, troupe_status status, const char *why);
/* Whether its kill comes from its health; then how its life ends. */
bool trp_health_dooms(const trp_cell *cell, troupe_exit_reason *ret_reason);
#endif
