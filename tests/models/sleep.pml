/* sleep.pml - a component goes to sleep while one asks something of it and another pushes a message
 * (src/actor/turn.c, src/actor/mailbox.h).
 *
 * Promised: it never runs twice at once, and each turn sees what the one before it did; in the end every ask and every
 * message was taken.
 *
 * order: ASK        src/actor/turn.c     !trp_cas_seq(&cell->asks, &asks, asks | ask)
 * order: LOOK       src/actor/mailbox.h  uintptr_t head = trp_load_seq(&mailbox->head)
 * order: ROUSE      src/actor/mailbox.h  trp_cas_acq_rel(&mailbox->head, &head, head & ~TRP_ASLEEP)
 * order: PUSH       src/actor/mailbox.h  before = trp_exchange_acq_rel(&mailbox->head, (uintptr_t)node)
 * order: SLEEP      src/actor/mailbox.h  trp_cas_seq(&mailbox->head, &last, last | TRP_ASLEEP)
 * order: LOOK_BACK  src/actor/thread.c   if (trp_load_seq(&cell->signals) && trp_mailbox_rouse(
 * order: LOOK_BACK  src/actor/cell.h     (trp_load_seq(&cell->asks) & TRP_ASKS)
 */
#define THREADS 4
#define WORDS 5
#define STORES 8
#include "memory.pml"

#define HEAD 0 /* messages pushed << 1 | asleep */
#define LINKED 1
#define ASKS 2
#define QUEUE 3 /* of the worker: who takes a task from it sees what went before */
#define STATE 4 /* the component's own */

byte taken, asked; /* by the component */
bool scheduled = false;
bool running = false;

inline schedule()
{
    d_step { assert(!scheduled && !running); scheduled = true; give(QUEUE) }
}

/* trp_mailbox_rouse, and the right to schedule that comes with it */
inline rouse_and_schedule()
{
    load(HEAD, O_LOOK, head);
    do
    :: !(head & 1) -> break
    :: head & 1 ->
        compare_exchange(HEAD, head, head & 254, O_ROUSE, seen);
        if
        :: seen == head -> schedule(); break
        :: else -> head = seen
        fi
    od;
    head = 0; seen = 0
}

proctype asker()
{
    byte me = 0, i, j, head, seen;

    exchange(ASKS, 1, O_ASK, seen);
    rouse_and_schedule()
}

proctype pusher()
{
    byte me = 1, i, j, before;

    exchange(HEAD, (before & 254) + 2, O_PUSH, before);
    store(LINKED, 1, RELEASE);
    if
    :: before & 1 -> schedule()
    :: else
    fi
}

/* The tail of one turn may overlap the next one, on another worker. */
proctype worker(byte me)
{
    byte i, j, head, seen, news, last;

end:
    do
    :: atomic { scheduled -> scheduled = false; assert(!running); running = true; d_step { take(QUEUE) } };
        touch(STATE);
        load(ASKS, O_LOOK_BACK, news);
        if
        :: news -> exchange(ASKS, 0, RELAXED, news); asked = asked + news
        :: else
        fi;
        load(LINKED, RELEASE, seen);
        taken = seen;
        last = taken << 1;
        running = false; /* as of the exchange: it is asleep, or goes back into a queue */
        compare_exchange(HEAD, last, last | 1, O_SLEEP, seen);
        if
        :: seen != last -> schedule()
        :: else ->
            load(ASKS, O_LOOK_BACK, news);
            if
            :: news -> rouse_and_schedule()
            :: else
            fi
        fi;
        seen = 0; news = 0; last = 0
    od
}

init
{
    atomic {
        stored[AT(HEAD, 0)] = 1; /* asleep */
        run asker();
        run pusher();
        run worker(2);
        run worker(3)
    };
    timeout;
    assert(asked == 1);
    assert(taken == 1);
}
