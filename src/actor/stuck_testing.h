/* stuck_testing.h - what the tests about handlers that do not return share: a gate, a component that stands before it, and
 * its parent. */
#ifndef TRP_ACTOR_STUCK_TESTING_H
#define TRP_ACTOR_STUCK_TESTING_H

#include "actor_testing.h"

#include "stuck.h"

#include <stdio.h>
#include <string.h>

/* ---- a gate that handlers stand before, until the test opens it ---- */

static trp_mutex gate_lock;
static trp_condition gate_moved;
static bool gate_open;
static unsigned n_before; /* both under gate_lock */

static inline void stand_before_the_gate(void)
{
    trp_mutex_lock(&gate_lock);
    n_before++;
    trp_condition_broadcast(&gate_moved);
    while (!gate_open)
        trp_condition_wait(&gate_moved, &gate_lock);
    trp_mutex_unlock(&gate_lock);
}

static inline void wait_before_gate(unsigned n)
{
    trp_mutex_lock(&gate_lock);
    while (n_before < n)
        trp_condition_wait(&gate_moved, &gate_lock);
    trp_mutex_unlock(&gate_lock);
}

static inline void open_gate(void)
{
    trp_mutex_lock(&gate_lock);
    gate_open = true;
    trp_condition_broadcast(&gate_moved);
    trp_mutex_unlock(&gate_lock);
}

/* ---- it stands where its argument says: a pre_start, b post_start, m message, d down, p pre_stop, z post_stop, w abandon
 * ---- */

static _Atomic unsigned n_ended, n_lives, n_begun;
static char last_name[TROUPE_NAME_MAX + 1]; /* as its pre_start saw it in the end */
static troupe_id child_id, other_id;

struct standing {
    const char *where;
    unsigned n_messages;
};

static inline void stand_at(const void *self, char step)
{
    if (strchr(((const struct standing *)self)->where, step))
        stand_before_the_gate();
}

static inline troupe_status standing_pre_start(void *self, const troupe_start *start)
{
    ((struct standing *)self)->where = start->argument;
    stand_at(self, 'a');
    snprintf(last_name, sizeof last_name, "%s", start->name);
    trp_add_seq(&n_lives, 1);
    return TROUPE_OK;
}

static inline troupe_status standing_post_start(void *self, troupe_context *ctx)
{
    (void)ctx;
    stand_at(self, 'b');
    return TROUPE_OK;
}

static inline troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops echo = {.handle_message = answer};

/* 'k' waits for its kill before it stands there, 'c' spawns a child, 's' tries to afterwards, 'l' links, 'x' crashes, 'w'
 * does not finish. */
static inline troupe_status standing_message(void *self, troupe_context *ctx,
                                             const troupe_message *message)
{
    struct standing *mine = self;
    troupe_monitor monitor;
    troupe_id id;

    (void)message;
    if (++mine->n_messages == 1 && strchr(mine->where, '2'))
        return TROUPE_OK; /* it stands in the second */
    if (strchr(mine->where, 'c'))
        assert_int_equal(troupe_spawn(ctx, TROUPE_SPEC(.actor = &echo), &child_id), TROUPE_OK);
    if (strchr(mine->where, 'l'))
        assert_int_equal(troupe_link(ctx, other_id), TROUPE_OK);
    if (strchr(mine->where, 'd'))
        assert_int_equal(troupe_monitor_start(ctx, TROUPE_NOBODY, TROUPE_MONITOR_FINAL, &monitor),
                         TROUPE_OK);
    trp_add_seq(&n_begun, 1);
    while (strchr(mine->where, 'k') && !troupe_killed(ctx))
        trp_yield();
    stand_at(self, 'm');
    if (strchr(mine->where, 's')) {
        assert_int_equal(troupe_spawn(ctx, TROUPE_SPEC(.actor = &echo), &id), TROUPE_E_CLOSED);
        assert_int_equal(troupe_link(ctx, other_id), TROUPE_OK); /* in vain */
        assert_int_equal(troupe_send(ctx, troupe_self(ctx), TROUPE_TEXT("x")), TROUPE_E_GONE);
    }
    if (strchr(mine->where, 'x'))
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "told to");
    return strchr(mine->where, 'w') ? TROUPE_PENDING : TROUPE_OK;
}

static inline void standing_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)ctx;
    (void)notice;
    stand_at(self, 'd');
}

static inline troupe_status standing_pre_stop(void *self, troupe_context *ctx,
                                              troupe_stop_reason reason)
{
    (void)ctx;
    (void)reason;
    stand_at(self, 'p');
    return TROUPE_OK;
}

static inline void standing_abandon(void *self, troupe_context *ctx)
{
    (void)ctx;
    stand_at(self, 'w');
}

static inline void standing_post_stop(void *self)
{
    stand_at(self, 'z');
    trp_add_seq(&n_ended, 1);
}

static const troupe_child_ops standing_hooks = {standing_pre_start, standing_post_start,
                                                standing_pre_stop, standing_post_stop, NULL};
static const troupe_child_ops with_no_hook = {.pre_start = standing_pre_start};
static const troupe_child_ops with_pre_stop = {.pre_start = standing_pre_start,
                                               .pre_stop = standing_pre_stop};
static const troupe_child_ops with_post_stop = {.pre_start = standing_pre_start,
                                                .post_stop = standing_post_stop};
static const troupe_actor_ops standing_actor = {
    .handle_message = standing_message, .handle_down = standing_down, .abandon = standing_abandon};

/* ---- its parent, which spawns it without waiting, and sees what becomes of it ---- */

static _Atomic unsigned n_downs, n_notices;
static troupe_exit down_exit, notice_exit;

struct wish {
    const char *where;
    bool supervised;
    bool drain; /* sent a message, and stopped, before its first turn */
    const troupe_child_ops *hooks;
};

static troupe_id standing_id;
static bool drained; /* the parent's */

static inline troupe_status spawn_standing(void *self, troupe_context *ctx,
                                           const troupe_message *message)
{
    struct wish wish;
    troupe_monitor monitor;
    troupe_status status;

    (void)self;
    memcpy(&wish, message->payload.data, sizeof wish);
    status = troupe_spawn(
        ctx,
        TROUPE_SPEC(.name = "standing", .child = wish.hooks, .actor = &standing_actor,
                    .argument = wish.where, .supervised = wish.supervised, .drain = wish.drain,
                    .start_on_own_turn = !wish.drain, .state_size = sizeof(struct standing)),
        &standing_id);
    if (status == TROUPE_OK)
        status = troupe_monitor_start(ctx, standing_id, TROUPE_MONITOR_FINAL, &monitor);
    drained = wish.drain;
    return status == TROUPE_OK ? troupe_reply(ctx, (troupe_bytes){0}) : status;
}

static inline void take_notice(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    (void)ctx;
    if (notice->event == TROUPE_EVENT_CHILD_DOWN) {
        down_exit = notice->exit;
        trp_add_seq(&n_downs, 1);
    } else if (notice->event == TROUPE_EVENT_DOWN) {
        notice_exit = notice->exit;
        trp_add_seq(&n_notices, 1);
    } else if (notice->event == TROUPE_EVENT_CHILD_EXIT) {
        troupe_restart(ctx, notice->exit.id);
    } else if (notice->event == TROUPE_EVENT_STARTED && drained) {
        assert_int_equal(troupe_send(ctx, notice->exit.id, TROUPE_TEXT("x")), TROUPE_OK);
        assert_int_equal(troupe_stop(ctx, notice->exit.id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    }
}

static const troupe_actor_ops parent = {.handle_message = spawn_standing,
                                        .handle_down = take_notice};

/* ---- the stage ---- */

static char logged[1024];

static inline void note_line(void *arg, const troupe_log_line *line)
{
    trp_mutex_lock(&gate_lock);
    if (strcmp(line->id, "component-stuck") == 0)
        snprintf(logged, sizeof logged, "%s: %.*s", line->name, (int)line->text.size,
                 (const char *)line->text.data);
    trp_mutex_unlock(&gate_lock);
    (void)arg;
}

static inline int set_the_stage_for(void **state, uint64_t kill_grace)
{
    trp_mutex_init(&gate_lock);
    trp_condition_init(&gate_moved);
    gate_open = false;
    n_before = 0;
    logged[0] = '\0';
    trp_store_seq(&n_ended, 0);
    trp_store_seq(&n_lives, 0);
    trp_store_seq(&n_begun, 0);
    trp_store_seq(&n_downs, 0);
    trp_store_seq(&n_notices, 0);
    return set_up(state, &TROUPE_SYSTEM_OPTIONS(.workers = 1, .spares = 1, .kill_grace = kill_grace,
                                                .stop_timeout = 20 * TROUPE_MILLISECOND,
                                                .log = {note_line, NULL}));
}

static inline int set_the_stage(void **state)
{
    return set_the_stage_for(state, 20 * TROUPE_MILLISECOND);
}

/* For what must be in time, however busy the machine is. */
static inline int set_a_patient_stage(void **state)
{
    return set_the_stage_for(state, 60 * TROUPE_SECOND);
}

static inline void pass_time(fixture *f)
{
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
}

/* The handlers return, and everything is given back after all. */
static inline int strike_the_stage(void **state)
{
    fixture *f = *state;
    int failed;

    open_gate();
    for (int i = 0; i < 10000 && troupe_system_stop(f->system) != TROUPE_OK; i++)
        pass_time(f);
    failed = tear_down(state);
    trp_condition_fini(&gate_moved);
    trp_mutex_fini(&gate_lock);
    return failed;
}

static inline void wait_for(fixture *f, _Atomic unsigned *count, unsigned n)
{
    for (int i = 0; i < 10000 && trp_load_seq(count) < n; i++)
        pass_time(f);
    assert_int_equal(trp_load_seq(count), n);
}

static inline troupe_id start_as_wished(fixture *f, struct wish wish)
{
    troupe_id id = spawn_named(f, NULL, NULL, &parent, 0);

    assert_int_equal(troupe_call(f->me, id, TROUPE_BYTES_OF(wish), TROUPE_SECOND, NULL), TROUPE_OK);
    return standing_id;
}

static inline troupe_id start_standing(fixture *f, const char *where, bool supervised)
{
    return start_as_wished(
        f, (struct wish){.where = where, .supervised = supervised, .hooks = &standing_hooks});
}

static inline void expect_given_up(fixture *f, troupe_id id, troupe_exit_reason reason)
{
    troupe_id found;
    troupe_info info;

    wait_for(f, &n_downs, 1);
    wait_for(f, &n_notices, 1);
    assert_int_equal(down_exit.reason, reason);
    assert_int_equal(down_exit.id.value, id.value);
    assert_string_equal(down_exit.text, "its handler never returned");
    assert_int_equal(notice_exit.reason, reason);
    assert_int_equal(notice_exit.incarnation, 1);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_E_GONE);
    assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_E_GONE);
    assert_int_equal(troupe_lookup(f->system, "standing", &found), TROUPE_E_GONE);
    assert_string_equal(logged, "standing: its handler never returned");
}

/* Its handler returns: one post_stop, no second notice. */
static inline void expect_cleaned_up(fixture *f, unsigned n_post_stops)
{
    open_gate();
    for (int i = 0; i < 10000 && troupe_system_stop(f->system) != TROUPE_OK; i++)
        pass_time(f);
    assert_int_equal(trp_load_seq(&n_ended), n_post_stops);
    assert_int_equal(trp_load_seq(&n_downs), 1);
    assert_int_equal(trp_load_seq(&n_notices), 1);
}

#define STAGED(test)                                                                               \
    {                                                                                              \
#test, test, set_the_stage, strike_the_stage, NULL                                         \
    }

#endif
