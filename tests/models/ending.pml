/* ending.pml - one waits for room of a component, or asks to be told of it, while that one ends
 * (src/actor/backpressure.c, room_ask.c, end.c).
 *
 * Promised: who asked is told as soon as nothing more is taken; who is muted is let go when the id is gone at the latest.
 *
 * order: JOIN         src/actor/backpressure.c  trp_add_seq(&target->n_muted, 1)
 * order: JOIN         src/actor/room_ask.c      trp_add_seq(&ask->target->n_muted, 1)
 * order: LOOK_ID      src/actor/backpressure.c  trp_load_seq(&target->id) != id.value)
 * order: LOOK_CLOSED  src/actor/room_ask.c      trp_load_seq(&ask->target->closed) == true
 * order: CLOSE        src/actor/end.c           trp_store_seq(&cell->closed, true); trp_room_release_all(cell)
 * order: ID_GOES      src/actor/cell.h          trp_exchange_seq(&cell->id, 0)
 * order: LOOK_LEFT    src/actor/backpressure.c  if (trp_load_seq(&cell->n_muted)) wake_waiting(cell, true)
 */
#define THREADS 2
#define WORDS 4
#define STORES 4
#include "memory.pml"

#define N_MUTED 0
#define ID 1
#define CLOSED 2
#define MUTE_LOCK 3

bool asks; /* else it is muted */
bool listed = false, told = false, has_joined = false;

proctype waiting()
{
    byte me = 0, i, j, was, gone;

    lock(MUTE_LOCK);
    listed = true;
    exchange(N_MUTED, was + 1, O_JOIN, was);
    if
    :: asks -> load(CLOSED, O_LOOK_CLOSED, gone)
    :: !asks -> load(ID, O_LOOK_ID, was); gone = !was
    fi;
    if
    :: gone -> listed = false; told = true
    :: else
    fi;
    unlock(MUTE_LOCK);
    has_joined = true
}

inline release_all()
{
    load(N_MUTED, O_LOOK_LEFT, was);
    if
    :: was ->
        lock(MUTE_LOCK);
        d_step {
            if
            :: listed -> listed = false; told = true
            :: else
            fi
        };
        unlock(MUTE_LOCK)
    :: else
    fi
}

proctype ending()
{
    byte me = 1, i, j, was;

    store(CLOSED, 1, O_CLOSE);
    release_all();
    if
    :: asks -> has_joined; assert(told)
    :: !asks
    fi;
    exchange(ID, 0, O_ID_GOES, was);
    release_all()
}

init
{
    atomic {
        stored[AT(ID, 0)] = 1;
        if
        :: asks = true
        :: asks = false
        fi;
        run waiting();
        run ending()
    };
    timeout;
    assert(told);
}
