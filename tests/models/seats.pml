/* seats.pml - who sends to a group chooses among its seats, while a member that has left is followed by two others, the
 * second of which leaves again (src/kit/groups.c); who sends to a pool, while that one starts (src/kit/pool.c,
 * supervisor.c).
 *
 * Promised: the sender, who knows that the first one left, does not choose him: who sees the count sees what it counts.
 *
 * order: COUNT   src/kit/groups.c      trp_store_release(&group->n_seats, n + 1)
 * order: COUNT   src/kit/supervisor.c  trp_store_release(&self->n_seats, plan->max_members)
 * order: LEAVE   src/kit/groups.c      trp_store_release(&group->n_seats, n - 1)
 * order: CHOOSE  src/kit/groups.c      uint32_t n = trp_load_acquire(&group->n_seats)
 * order: CHOOSE  src/kit/pool.c        uint32_t n = trp_load_acquire(&self->n_seats)
 * break: COUNT_FIRST the count is stored before the seat
 */
#define THREADS 3
#define WORDS 4
#define STORES 6
#include "memory.pml"

#define N_SEATS 0
#define SEAT 1
#define NEWS 2 /* that the first one left */
#define MUTEX 3

bool has_left = false;
bool second_is_in = false;

proctype members()
{
    byte me = 0, i, j;

    store(N_SEATS, 0, O_LEAVE); /* the seat stays as it was */
    d_step { give(NEWS); has_left = true };
#ifdef BREAK_COUNT_FIRST
    store(N_SEATS, 1, O_COUNT);
    store(SEAT, 2, RELAXED);
#else
    store(SEAT, 2, RELAXED);
    store(N_SEATS, 1, O_COUNT);
#endif
    store(N_SEATS, 2, O_COUNT);
    d_step { give(MUTEX); second_is_in = true };
    leave()
}

proctype second()
{
    byte me = 2, i, j;

    atomic { second_is_in -> d_step { take(MUTEX) } };
    store(N_SEATS, 1, O_LEAVE);
    leave()
}

proctype sender()
{
    byte me = 1, i, j, n, member;

    atomic { has_left -> d_step { take(NEWS) } };
    load(N_SEATS, O_CHOOSE, n);
    if
    :: n ->
        load(SEAT, RELAXED, member);
        assert(member == 2)
    :: else
    fi;
    leave()
}

init
{
    atomic {
        stored[AT(N_SEATS, 0)] = 1;
        stored[AT(SEAT, 0)] = 1;
        run members();
        run second();
        run sender()
    };
}
