/* last_count.pml - a thing that two have a count of: a shared payload, a request's record, a timer, shared state; a time
 * limit or the pulse of a health check, which the cell and the clock let go of.
 *
 * Promised: one of them is the last, and what it frees the other one does not look at any more.
 *
 * order: UNREF  src/actor/message.c if (payload && trp_sub_acq_rel(&payload->refs, 1) == 1)
 * order: UNREF  src/actor/request.c trp_sub_acq_rel(&request->refs, n) == n
 * order: UNREF  src/actor/timer.c   trp_sub_acq_rel(&timer->refs, 1) != 1
 * order: UNREF  src/actor/shared.c  trp_sub_acq_rel(&shared->refs, 1) == 1
 * order: UNREF  src/actor/limit.c   trp_sub_acq_rel(&limit->refs, 1)
 * order: UNREF  src/actor/health.c  trp_sub_acq_rel(&pulse->refs, 1)
 * break: LOOK   the count is looked at, and then taken down
 */
#define THREADS 2
#define WORDS 3
#define STORES 4
#include "memory.pml"

#define REFS 0
#define USE(who) (1 + (who)) /* what each does with it */

byte freed = 0;

proctype user(byte me)
{
    byte i, j, was;

    touch(USE(me));
#ifdef BREAK_LOOK
    load(REFS, RELEASE, was);
    store(REFS, was - 1, RELEASE);
#else
    exchange(REFS, was - 1, O_UNREF, was);
#endif
    if
    :: was == 1 -> touch(USE(1 - me)); freed++
    :: else
    fi;
    leave()
}

init
{
    atomic {
        stored[AT(REFS, 0)] = 2;
        run user(0);
        run user(1)
    };
    timeout;
    assert(freed == 1);
}
