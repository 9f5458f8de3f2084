/* dormant.pml - a component whose handler returned TROUPE_PENDING goes dormant while somebody wakes, stops or tells it
 * something (src/actor/turn.c).
 *
 * Promised: it never runs twice at once; in the end what was asked was taken.
 *
 * order: DORMANT    src/actor/turn.c  trp_store_seq(&cell->dormant, 1)
 * order: LOOK_BACK  src/actor/cell.h  (trp_load_seq(&cell->asks) & TRP_ASKS)
 * order: LOOK_BACK  src/actor/cell.h  || trp_load_seq(&cell->signals)
 */
#define THREADS 4
#define WORDS 2
#include "memory.pml"

#define DORMANT 0
#define ASKS 1

byte asked; /* taken by the component */
byte scheduled = 1;
bool running = false;

inline schedule()
{
    atomic { PUBLISHED -> scheduled++ }
    assert(scheduled + running <= 1)
}

inline poke()
{
    exchange(DORMANT, 0, SEQ, was);
    if
    :: was -> schedule()
    :: else
    fi;
    was = 0
}

proctype asker(byte me, want)
{
    byte was;

    exchange(ASKS, was | want, SEQ, was);
    poke()
}

/* The tail of one turn may overlap the next one, on another worker. */
proctype worker(byte me)
{
    byte was, news;

end:
    do
    :: atomic { scheduled > 0 -> scheduled--; assert(!running); running = true };
        load(ASKS, SEQ, news);
        if
        :: news -> exchange(ASKS, 0, SEQ, news); asked = asked | news
        :: else
        fi;
        running = false; /* as of the store */
        store(DORMANT, 1, O_DORMANT);
        load(ASKS, O_LOOK_BACK, news);
        if
        :: news -> poke()
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
