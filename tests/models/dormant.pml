/* dormant.pml - a component whose handler returned TROUPE_PENDING goes dormant while two wake, stop or tell it something
 * (src/actor/turn.c).
 *
 * Promised: it never runs twice at once, and each turn sees what the one before it did; in the end what was asked was
 * taken.
 *
 * order: DORMANT    src/actor/turn.c    trp_store_seq(&cell->dormant, 1)
 * order: LOOK_BACK  src/actor/cell.h    (trp_load_seq(&cell->asks) & TRP_ASKS)
 * order: LOOK_BACK  src/actor/cell.h    || trp_load_seq(&cell->signals)
 * order: ASK        src/actor/turn.c    !trp_cas_seq(&cell->asks, &asks, asks | ask)
 * order: ASK        src/actor/turn.c    while (!trp_cas_seq(&cell->signals, &first, signal))
 * order: POKE       src/actor/turn.c    trp_mailbox_rouse(&cell->mailbox) || trp_exchange_seq(&cell->dormant, 0)
 * order: TAKE_BACK  src/actor/turn.c    if (trp_exchange_acq_rel(&cell->dormant, 0) == 1)
 * order: TAKE_BACK  src/actor/account.c trp_exchange_acq_rel(&cell->dormant, 0) != 1
 */
#define THREADS 4
#define WORDS 4
#define STORES 12
#include "memory.pml"

#define DORMANT 0
#define ASKS 1
#define QUEUE 2
#define STATE 3

byte asked; /* taken by the component */
bool scheduled = true;
bool running = false;

inline schedule()
{
    d_step { assert(!scheduled && !running); scheduled = true; give(QUEUE) }
}

inline poke(order)
{
    exchange(DORMANT, 0, order, was);
    if
    :: was -> schedule()
    :: else
    fi;
    was = 0
}

proctype asker(byte me, want)
{
    byte i, j, was;

    exchange(ASKS, was | want, O_ASK, was);
    poke(O_POKE);
    leave()
}

/* The tail of one turn may overlap the next one, on another worker. */
proctype worker(byte me)
{
    byte i, j, was, news;

end:
    do
    :: atomic { scheduled -> scheduled = false; assert(!running); running = true; d_step { take(QUEUE) } };
        touch(STATE);
        load(ASKS, O_LOOK_BACK, news);
        if
        :: news -> exchange(ASKS, 0, RELAXED, news); asked = asked | news
        :: else
        fi;
        running = false; /* as of the store */
        store(DORMANT, 1, O_DORMANT);
        load(ASKS, O_LOOK_BACK, news);
        if
        :: news -> poke(O_TAKE_BACK)
        :: else
        fi;
        news = 0
    od
}

init
{
    atomic {
        run asker(0, 1);
        run asker(1, 2);
        run worker(2);
        run worker(3)
    };
    timeout;
    assert(asked == 3);
}
