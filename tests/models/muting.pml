/* muting.pml - a component that sent to a full mailbox is muted while the receiver makes room (src/actor/backpressure.c,
 * src/actor/turn.c). The bound is 2, so there is room at 1; the sender's own message goes in over the bound.
 *
 * Promised: the sender does not run while it is muted, and in the end it runs again.
 *
 * order: JOIN           src/actor/backpressure.c  trp_add_seq(&target->n_muted, 1)
 * order: LOOK_WAITING   src/actor/backpressure.c  is_low(target, trp_load_seq(&target->waiting) - own)
 * order: JOIN           src/actor/room_ask.c      trp_add_seq(&ask->target->n_muted, 1)
 * order: LOOK_WAITING   src/actor/room_ask.c      _is_full(trp_load_seq(&cell->waiting),
 * order: GIVE           src/actor/backpressure.c  trp_sub_seq(&cell->waiting, room)
 * order: LOOK_MUTED     src/actor/backpressure.c  is_low(cell, left) && trp_load_seq(&cell->n_muted)
 * order: DORMANT        src/actor/turn.c          trp_store_seq(&cell->dormant, 1)
 * order: DORMANT        src/actor/thread.c        trp_store_seq(&cell->dormant, 1)
 * order: LOOK_MUTED_ON  src/actor/turn.c          !trp_load_seq(&cell->muted_on)
 * order: LOOK_MUTED_ON  src/actor/backpressure.c  return !trp_load_seq(&sender->muted_on)
 */
#define THREADS 2
#define WORDS 4
#include "memory.pml"

#define WAITING 0
#define N_MUTED 1
#define MUTED_ON 2
#define DORMANT 3

bool locked = false; /* mute_lock */
bool listed = false; /* the sender, in the target's list; under the lock */
bool scheduled = false;
byte turns;

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { atomic { PUBLISHED -> locked = false } }

inline leave_locked()
{
    listed = false;
    exchange(N_MUTED, was - 1, SEQ, was);
    store(MUTED_ON, 0, SEQ)
}

inline poke()
{
    exchange(DORMANT, 0, SEQ, was);
    if
    :: was -> atomic { PUBLISHED -> assert(!scheduled); scheduled = true }
    :: else
    fi;
    was = 0
}

proctype sender()
{
    byte me = 0, was;

    lock();
    listed = true;
    store(MUTED_ON, 1, SEQ);
    exchange(N_MUTED, was + 1, O_JOIN, was);
    load(WAITING, O_LOOK_WAITING, was);
    if
    :: was <= 1 + 1 -> leave_locked()
    :: else
    fi;
    unlock();
    store(DORMANT, 1, O_DORMANT);
    load(MUTED_ON, O_LOOK_MUTED_ON, was);
    if
    :: !was -> poke()
    :: else
    fi;
end:
    scheduled;
    turns++;
    load(MUTED_ON, SEQ, was);
    assert(!was)
}

proctype receiver()
{
    byte me = 1, was, n, left = 3;
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
                lock();
                found = listed;
                if
                :: found -> leave_locked()
                :: else
                fi;
                unlock();
                if
                :: found -> poke()
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
        memory[WAITING] = 3;
        run sender();
        run receiver()
    };
    timeout;
    assert(turns == 1);
}
