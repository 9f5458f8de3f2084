/* actor_testing.h - what the tests of this room share: a system, a thread in it, and the account at the end. */
#ifndef TRP_ACTOR_TESTING_H
#define TRP_ACTOR_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "troupe/actor.h"

typedef struct fixture {
    troupe_system *system;
    troupe_context *me;
} fixture;

static inline int set_up(void **state, const troupe_system_options *options)
{
    static fixture f;

    if (troupe_system_new(options, &f.system) != TROUPE_OK)
        return -1;
    f.me = troupe_attach(f.system);
    *state = &f;
    return f.me ? 0 : -1;
}

static inline int on_threads(void **state)
{
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.workers = 2));
}

static inline int in_simulation(void **state)
{
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.simulation = true, .seed = 7));
}

static inline int driven(void **state)
{
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.driven = true));
}

/* Every test ends with the account: nothing lost, nothing invented. */
static inline int tear_down(void **state)
{
    fixture *f = *state;
    troupe_totals totals;
    uint64_t walked;

    troupe_system_stop(f->system);
    walked = troupe_account_now(f->system, &totals);
    if (totals.sent != totals.handled + totals.dead_letters + walked || totals.live != 0) {
        print_error("sent %zu handled %zu dead %zu waiting %zu live %zu\n", (size_t)totals.sent,
                    (size_t)totals.handled, (size_t)totals.dead_letters, (size_t)walked,
                    (size_t)totals.live);
        return -1;
    }
    troupe_detach(f->me);
    troupe_system_free(f->system);
    return 0;
}

static inline troupe_id spawn_named(fixture *f, const char *name, const troupe_child_ops *child,
                                    const troupe_actor_ops *actor, size_t state_size)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.name = name, .child = child, .actor = actor,
                                              .state_size = state_size),
                                  &id),
                     TROUPE_OK);
    return id;
}

/* A call that comes back shows that everything sent before it was handled; where a component answers nothing,
 * its count tells. */
static inline void wait_until_handled(fixture *f, troupe_id id, uint64_t n)
{
    troupe_message message;
    troupe_info info;

    for (int i = 0; i < 10000; i++) {
        assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
        if (info.handled >= n)
            return;
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    }
    fail_msg("%s", "not handled within 10 s");
}

/* A handle_down: whichever child is held has its next life. */
static inline void restart_held_child(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    if (notice->event == TROUPE_EVENT_CHILD_EXIT)
        assert_int_equal(troupe_restart(ctx, notice->exit.id), TROUPE_OK);
}

/* One behaviour in both kinds of time: the machine's, on threads and in the caller's loop, and simulation's. */
#define BOTH(test)                                                                                 \
    {#test " on threads", test, on_threads, tear_down, NULL},                                      \
        {#test " driven", test, driven, tear_down, NULL},                                          \
    {                                                                                              \
#test " in simulation", test, in_simulation, tear_down, NULL                               \
    }

#endif
