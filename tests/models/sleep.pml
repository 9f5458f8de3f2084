/* sleep.pml - a component goes to sleep while one asks something of it and another pushes a message
 * (src/actor/turn.c, src/actor/mailbox.h).
 *
 * Promised: it never runs twice at once; in the end every ask and every message was taken.
 *
 * order: ASK        src/actor/turn.c     !trp_cas_seq(&cell->asks, &asks, asks | ask)
 * order: LOOK       src/actor/mailbox.h  uintptr_t head = trp_load_seq(&mailbox->head)
 * order: SLEEP      src/actor/mailbox.h  trp_cas_seq(&mailbox->head, &last, last | TRP_ASLEEP)
 * order: LOOK_BACK  src/actor/thread.c   if (trp_load_seq(&cell->signals) && trp_mailbox_rouse(
 * order: LOOK_BACK  src/actor/cell.h     (trp_load_seq(&cell->asks) & TRP_ASKS)
 */
#define THREADS 4
#define WORDS 3
#include "memory.pml"

#define HEAD 0 /* messages pushed << 1 | asleep */
#define LINKED 1
#define ASKS 2

byte taken, asked; /* by the component */
byte scheduled = 0; /* in some queue */
bool running = false;

inline schedule()
{
    atomic { PUBLISHED -> scheduled++ }
    assert(scheduled + running <= 1)
}

/* trp_mailbox_rouse, and the right to schedule that comes with it */
inline rouse_and_schedule()
{
    load(HEAD, O_LOOK, head);
    do
    :: !(head & 1) -> break
    :: head & 1 ->
        compare_exchange(HEAD, head, head & 254, SEQ, seen);
        if
        :: seen == head -> schedule(); break
        :: else -> head = seen
        fi
    od;
    head = 0; seen = 0
}

proctype asker()
{
    byte me = 0, head, seen;

    exchange(ASKS, 1, O_ASK, seen);
    rouse_and_schedule()
}

proctype pusher()
{
    byte me = 1, before;

    exchange(HEAD, (before & 254) + 2, RELEASE, before);
    store(LINKED, 1, RELEASE);
    if
    :: before & 1 -> schedule()
    :: else
    fi
}

/* The tail of one turn may overlap the next one, on another worker. */
proctype worker(byte me)
{
    byte head, seen, news, last;

end:
    do
    :: atomic { scheduled > 0 -> scheduled--; assert(!running); running = true };
        load(ASKS, SEQ, news);
        if
        :: news -> exchange(ASKS, 0, SEQ, news); asked = asked + news
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
        memory[HEAD] = 1; /* asleep */
        run asker();
        run pusher();
        run worker(2);
        run worker(3)
    };
    timeout;
    assert(asked == 1);
    assert(taken == 1);
}
