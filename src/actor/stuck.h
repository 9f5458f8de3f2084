/* stuck.h - giving up on handlers that do not come back: the watch over what was asked of cells, and the owner's side. */
#ifndef TRP_ACTOR_STUCK_H
#define TRP_ACTOR_STUCK_H

#include "cell.h"

/* Before the owner touches its watchers, entry, notices or name: takes what was asked, and obeys it. It may learn that
 * it was given up (cell->taken): then there is nothing of these left. No hook or handler is called until let_go. */
void trp_hold(trp_cell *cell);
void trp_let_go(trp_cell *cell);

/* ask was just put on a cell whose turn runs or waits to run. */
void trp_stuck_watch(trp_cell *cell, troupe_id id, trp_ask ask);
/* A monitor's signal was just sent to this cell: when nobody will look at it, it is answered here. */
void trp_stuck_answer(trp_cell *cell);

void trp_stuck_leave(trp_cell *cell);
void trp_stuck_init(troupe_system *system);
void trp_stuck_fini(troupe_system *system);

#endif
