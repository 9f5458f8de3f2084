/* muting.pml - a component that sent to a full mailbox is muted while two make room (src/actor/backpressure.c,
 * src/actor/turn.c). The bound is 2, so there is room at 1; the sender's own message goes in over the bound.
 *
 * Promised: the sender does not run while it is muted, and in the end it runs again; its next turn sees what the one
 * before it did.
 *
 * order: JOIN           src/actor/backpressure.c  trp_add_seq(&target->n_muted, 1)
 * order: LOOK_WAITING   src/actor/backpressure.c  is_low(target, trp_load_seq(&target->waiting) - own)
 * order: JOIN           src/actor/room_ask.c      trp_add_seq(&ask->target->n_muted, 1)
 * order: LOOK_WAITING   src/actor/room_ask.c      _is_full(trp_load_seq(&cell->waiting),
 * order: GIVE           src/actor/backpressure.c  trp_sub_seq(&cell->waiting, room)
 * order: GIVE           src/actor/drop.c          trp_sub_seq(&target->waiting, trp_node_room(node))
 * order: LOOK_MUTED     src/actor/backpressure.c  is_low(cell, left) && trp_load_seq(&cell->n_muted)
 * order: LOOK_MUTED     src/actor/backpressure.c  trp_room_is_low(cell) && trp_load_seq(&cell->n_muted)
 * order: LET_GO         src/actor/backpressure.c  trp_store_seq(&sender->muted_on, NULL)
 * order: POKE           src/actor/turn.c          trp_mailbox_rouse(&cell->mailbox) || trp_exchange_seq(&cell->dormant, 0)
 * order: DORMANT        src/actor/turn.c          trp_store_seq(&cell->dormant, 1)
 * order: DORMANT        src/actor/thread.c        trp_store_seq(&cell->dormant, 1)
 * order: LOOK_MUTED_ON  src/actor/turn.c          !trp_load_seq(&cell->muted_on)
 * order: LOOK_MUTED_ON  src/actor/backpressure.c  return !trp_load_seq(&sender->muted_on)
 */
#define THREADS 3
#define WORDS 7
#define STORES 6
#include "memory.pml"

#define WAITING 0
#define N_MUTED 1
#define MUTED_ON 2
#define DORMANT 3
#define MUTE_LOCK 4 /* also: who stands in the list */
#define QUEUE 5
#define STATE 6 /* the sender's own */

bool listed = false; /* the sender, in the target's list; under the lock */
bool scheduled = false;
bool ran = false;

inline leave_locked()
{
    listed = false;
    exchange(N_MUTED, was - 1, RELAXED, was);
    store(MUTED_ON, 0, O_LET_GO)
}

inline poke(order)
{
    exchange(DORMANT, 0, order, was);
    if
    :: was -> d_step { assert(!scheduled); scheduled = true; give(QUEUE) }
    :: else
    fi;
    was = 0
}

proctype sender()
{
    byte me = 0, i, j, was;

    touch(STATE);
    lock(MUTE_LOCK);
    listed = true;
    store(MUTED_ON, 1, RELAXED);
    exchange(N_MUTED, was + 1, O_JOIN, was);
    load(WAITING, O_LOOK_WAITING, was);
    if
    :: was <= 1 + 1 -> leave_locked()
    :: else
    fi;
    unlock(MUTE_LOCK);
    store(DORMANT, 1, O_DORMANT);
    load(MUTED_ON, O_LOOK_MUTED_ON, was);
    if
    :: !was -> poke(RELAXED)
    :: else
    fi
}

/* On another worker. */
proctype next_turn()
{
    byte me = 1, i, j, was;

    atomic { scheduled -> d_step { take(QUEUE) } };
    touch(STATE);
    load(MUTED_ON, RELAXED, was);
    assert(!was);
    ran = true
}

proctype receiver()
{
    byte me = 2, i, j, was, n, left = 3;
    bool found;

    do
    :: left == 0 -> break
    :: left > 0 ->
        if
        :: n = 1
        :: n = left
        fi;
        exchange(WAITING, was - n, O_GIVE, was);
        left = left - n;
        if
        :: was - n <= 1 ->
            load(N_MUTED, O_LOOK_MUTED, was);
            if
            :: was ->
                lock(MUTE_LOCK);
                found = listed;
                if
                :: found -> leave_locked()
                :: else
                fi;
                unlock(MUTE_LOCK);
                if
                :: found -> poke(O_POKE)
                :: else
                fi
            :: else
            fi
        :: else
        fi
    od
}

init
{
    atomic {
        stored[AT(WAITING, 0)] = 3;
        run sender();
        run next_turn();
        run receiver()
    };
    timeout;
    assert(ran);
}
