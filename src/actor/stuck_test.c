/* Handlers that do not return: who is told, what is free, who goes on, and what comes of it when they return at last.
 * On threads only: in a simulation there is one. */
#include "actor_testing.h"

#include "stuck.h"

#include <stdio.h>
#include <string.h>

/* ---- a gate that handlers stand before, until the test opens it ---- */

static trp_mutex gate_lock;
static trp_condition gate_moved;
static bool gate_open;
static unsigned n_before; /* both under gate_lock */

static void stand_before_the_gate(void)
{
    trp_mutex_lock(&gate_lock);
    n_before++;
    trp_condition_broadcast(&gate_moved);
    while (!gate_open)
        trp_condition_wait(&gate_moved, &gate_lock);
    trp_mutex_unlock(&gate_lock);
}

static void wait_before_gate(unsigned n)
{
    trp_mutex_lock(&gate_lock);
    while (n_before < n)
        trp_condition_wait(&gate_moved, &gate_lock);
    trp_mutex_unlock(&gate_lock);
}

static void open_gate(void)
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

static void stand_at(const void *self, char step)
{
    if (strchr(((const struct standing *)self)->where, step))
        stand_before_the_gate();
}

static troupe_status standing_pre_start(void *self, const troupe_start *start)
{
    ((struct standing *)self)->where = start->argument;
    stand_at(self, 'a');
    snprintf(last_name, sizeof last_name, "%s", start->name);
    trp_add_seq(&n_lives, 1);
    return TROUPE_OK;
}

static troupe_status standing_post_start(void *self, troupe_context *ctx)
{
    (void)ctx;
    stand_at(self, 'b');
    return TROUPE_OK;
}

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops echo = {.handle_message = answer};

/* 'k' waits for its kill before it stands there, 'c' spawns a child, 's' tries to afterwards, 'l' links, 'x' crashes, 'w'
 * does not finish. */
static troupe_status standing_message(void *self, troupe_context *ctx,
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

static void standing_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)ctx;
    (void)notice;
    stand_at(self, 'd');
}

static troupe_status standing_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)ctx;
    (void)reason;
    stand_at(self, 'p');
    return TROUPE_OK;
}

static void standing_abandon(void *self, troupe_context *ctx)
{
    (void)ctx;
    stand_at(self, 'w');
}

static void standing_post_stop(void *self)
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

static troupe_status spawn_standing(void *self, troupe_context *ctx, const troupe_message *message)
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

static void take_notice(void *self, troupe_context *ctx, const troupe_notice *notice)
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

static void note_line(void *arg, const troupe_log_line *line)
{
    trp_mutex_lock(&gate_lock);
    if (strcmp(line->id, "component-stuck") == 0)
        snprintf(logged, sizeof logged, "%s: %.*s", line->name, (int)line->text.size,
                 (const char *)line->text.data);
    trp_mutex_unlock(&gate_lock);
    (void)arg;
}

static int set_the_stage_for(void **state, uint64_t kill_grace)
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

static int set_the_stage(void **state)
{
    return set_the_stage_for(state, 20 * TROUPE_MILLISECOND);
}

/* For what must be in time, however busy the machine is. */
static int set_a_patient_stage(void **state)
{
    return set_the_stage_for(state, 60 * TROUPE_SECOND);
}

static void pass_time(fixture *f)
{
    troupe_message message;

    assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
}

/* The handlers return, and everything is given back after all. */
static int strike_the_stage(void **state)
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

static void wait_for(fixture *f, _Atomic unsigned *count, unsigned n)
{
    for (int i = 0; i < 10000 && trp_load_seq(count) < n; i++)
        pass_time(f);
    assert_int_equal(trp_load_seq(count), n);
}

static troupe_id start_as_wished(fixture *f, struct wish wish)
{
    troupe_id id = spawn_named(f, NULL, NULL, &parent, 0);

    assert_int_equal(troupe_call(f->me, id, TROUPE_BYTES_OF(wish), TROUPE_SECOND, NULL), TROUPE_OK);
    return standing_id;
}

static troupe_id start_standing(fixture *f, const char *where, bool supervised)
{
    return start_as_wished(
        f, (struct wish){.where = where, .supervised = supervised, .hooks = &standing_hooks});
}

static void expect_given_up(fixture *f, troupe_id id, troupe_exit_reason reason)
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
static void expect_cleaned_up(fixture *f, unsigned n_post_stops)
{
    open_gate();
    for (int i = 0; i < 10000 && troupe_system_stop(f->system) != TROUPE_OK; i++)
        pass_time(f);
    assert_int_equal(trp_load_seq(&n_ended), n_post_stops);
    assert_int_equal(trp_load_seq(&n_downs), 1);
    assert_int_equal(trp_load_seq(&n_notices), 1);
}

/* ---- where it may stand ---- */

static void kill_standing_in(fixture *f, const char *where, bool send, unsigned n_post_stops)
{
    troupe_id id = start_standing(f, where, false);

    if (send)
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, n_post_stops);
}

static void test_one_that_stands_in_a_message_is_given_up(void **state)
{
    kill_standing_in(*state, "m", true, 1);
}

static void test_one_that_heard_of_its_kill_has_to_return_all_the_same(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "km", false);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_for(f, &n_begun, 1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

static void test_one_that_stands_in_handle_down_is_given_up(void **state)
{
    kill_standing_in(*state, "d", true, 1);
}

static void test_one_that_stands_in_pre_start_is_given_up(void **state)
{
    kill_standing_in(*state, "a", false, 1);
    assert_string_equal(last_name, "standing"); /* though that was free for another */
}

static void test_one_that_stands_in_post_start_is_given_up(void **state)
{
    kill_standing_in(*state, "b", false, 1);
}

static void stop_standing_in(fixture *f, const char *where, unsigned n_post_stops)
{
    troupe_id id = start_standing(f, where, false);

    wait_for(f, &n_lives, 1);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_KILLED);
    expect_cleaned_up(f, n_post_stops);
}

static void test_one_that_stands_in_pre_stop_is_given_up(void **state)
{
    stop_standing_in(*state, "p", 1);
}

static void test_one_that_stands_in_post_stop_is_given_up(void **state)
{
    stop_standing_in(*state, "z", 1);
}

/* Neither its handler nor its stop timer has seen the stop. */
static void test_one_that_never_sees_its_stop_is_given_up(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_KILLED);
    expect_cleaned_up(f, 1);
}

static void test_a_kill_that_stands_in_post_stop_is_given_up(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "z", false);

    wait_for(f, &n_lives, 1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK); /* obeyed at once: then it stands */
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

/* ---- who else feels it ---- */

static void test_others_are_served_meanwhile(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false), other = spawn_named(f, NULL, NULL, &echo, 0);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(troupe_call(f->me, other, TROUPE_TEXT("x"), 10 * TROUPE_SECOND, NULL),
                         TROUPE_OK);
}

static void test_what_waits_counts_as_waiting_until_it_returns(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "2m", false);
    troupe_totals totals;

    for (int i = 0; i < 4; i++)
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    assert_int_equal(troupe_system_stop(f->system), TROUPE_E_TIMEOUT);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.waiting, 3);
    assert_int_equal(troupe_walk_mailboxes(f->system), 3);
    assert_int_equal(totals.sent, totals.handled + totals.dead_letters + 3);
    expect_cleaned_up(f, 1);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.waiting, 0);
    assert_int_equal(totals.dead_letters, 2); /* the second was handled in the end */
}

static void stand_as_a_job(void *argument)
{
    (void)argument;
    stand_before_the_gate();
}

/* More of them than there are threads for jobs, 16, and all of them block. */
static void test_jobs_that_block_do_not_put_it_off(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false);

    for (int i = 0; i < 20; i++)
        assert_int_equal(troupe_offload(f->system, stand_as_a_job, NULL), TROUPE_OK);
    wait_before_gate(16);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(17);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

static void test_its_name_is_free_for_another(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false), found;

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    id = spawn_named(f, "standing", NULL, &echo, 0);
    open_gate();
    wait_for(f, &n_ended, 1);
    assert_int_equal(troupe_lookup(f->system, "standing", &found), TROUPE_OK);
    assert_int_equal(found.value, id.value);
}

static void test_its_children_are_stopped_and_its_links_break(void **state)
{
    fixture *f = *state;
    troupe_id id;

    other_id = spawn_named(f, NULL, NULL, &echo, 0);
    id = start_standing(f, "mcls", false);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    assert_int_equal(troupe_wait_end(f->me, child_id, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, other_id, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
    expect_cleaned_up(f, 1);
}

static void test_a_monitor_of_one_given_up_tells_at_once(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", false);
    troupe_exit exit;

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    assert_int_equal(troupe_wait_end(f->me, id, 10 * TROUPE_SECOND, &exit), TROUPE_OK);
    assert_int_equal(exit.reason, TROUPE_EXIT_GONE);
}

static void test_a_supervised_one_ends_for_good(void **state)
{
    fixture *f = *state;
    troupe_id id = start_standing(f, "m", true);

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
    assert_int_equal(trp_load_seq(&n_lives), 1);
}

/* ---- and who is not given up ---- */

static void test_one_that_returns_in_time_is_only_killed(void **state)
{
    fixture *f = *state;
    troupe_id id;

    for (unsigned i = 1; i <= 50; i++) {
        id = start_standing(f, "", false);
        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
        assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
        wait_for(f, &n_downs, i);
        assert_int_equal(down_exit.reason, TROUPE_EXIT_KILLED);
        assert_string_equal(down_exit.text, "killed");
    }
}

static troupe_id spawn_standing_alone(fixture *f, const char *where)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.child = &standing_hooks, .actor = &standing_actor,
                                 .argument = where, .state_size = sizeof(struct standing)),
                     &id),
        TROUPE_OK);
    return id;
}

/* A worker and its only spare stand before the gate, so a third waits its turn. Its time is over before that of the
 * first, which is given up. */
static void test_one_that_only_waits_for_a_worker_is_not_given_up(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_standing_alone(f, "m"), second = spawn_standing_alone(f, "m");
    troupe_id third = start_standing(f, "", false);
    troupe_exit exit;
    troupe_info info;

    assert_int_equal(troupe_send(f->me, first, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_send(f->me, second, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(2);
    assert_int_equal(troupe_send(f->me, third, TROUPE_TEXT("x")), TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, third), TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, first), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, first, 10 * TROUPE_SECOND, &exit), TROUPE_OK);
    assert_int_equal(exit.reason, TROUPE_EXIT_STUCK);
    assert_int_equal(troupe_info_of(f->system, third, &info), TROUPE_OK);
    open_gate();
    wait_for(f, &n_downs, 1);
    assert_int_equal(down_exit.reason, TROUPE_EXIT_KILLED);
    assert_string_equal(down_exit.text, "killed");
}

/* Killed and returning at about the same moment, again and again: told once, by whichever is first. */
static void test_a_return_that_crosses_the_giving_up_is_told_once(void **state)
{
    fixture *f = *state;
    troupe_message message;

    for (unsigned i = 1; i <= 30; i++) {
        troupe_id id = start_standing(f, "m", false);

        assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
        wait_before_gate(i);
        assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
        assert_int_equal(troupe_receive(f->me, 19 * TROUPE_MILLISECOND + i * 100000, &message),
                         TROUPE_E_TIMEOUT);
        open_gate();
        wait_for(f, &n_downs, i);
        wait_for(f, &n_notices, i);
        wait_for(f, &n_ended, i);
        trp_mutex_lock(&gate_lock);
        gate_open = false;
        trp_mutex_unlock(&gate_lock);
    }
}

/* Ends it, and waits until another may have its slot. */
static trp_cell *end_and_free(fixture *f, troupe_id id)
{
    trp_cell *cell = trp_slot_at(f->system, (uint32_t)id.value);
    bool free = false;

    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    for (int i = 0; i < 10000 && !free; i++) {
        pass_time(f);
        trp_mutex_lock(&f->system->slots_lock);
        free = f->system->free_last == cell;
        trp_mutex_unlock(&f->system->slots_lock);
    }
    assert_true(free);
    return cell;
}

/* An asker may be held up between its ask and its watch for as long as it takes to end and to spawn another. */
static void test_askers_that_come_late_leave_the_next_in_the_slot_alone(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_named(f, NULL, NULL, &echo, 0);
    troupe_id old = spawn_named(f, NULL, NULL, &echo, 0), id;
    trp_cell *cell;

    end_and_free(f, first); /* for the parent of the next one */
    cell = end_and_free(f, old);
    trp_stuck_watch(cell, old, TRP_ASK_KILL);
    id = start_standing(f, "m", false);
    assert_int_equal((uint32_t)id.value, (uint32_t)old.value);
    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    trp_stuck_watch(cell, old, TRP_ASK_KILL);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

/* ---- an end has a time limit where it calls anything, and nowhere else ---- */

/* A stop that comes before the start is through calls no pre_stop. */
static void wait_until_it_runs(fixture *f, troupe_id id)
{
    troupe_info info = {.phase = TROUPE_PHASE_STARTING};

    for (int i = 0; i < 10000 && info.phase != TROUPE_PHASE_RUNNING; i++) {
        pass_time(f);
        assert_int_equal(troupe_info_of(f->system, id, &info), TROUPE_OK);
    }
    assert_int_equal(info.phase, TROUPE_PHASE_RUNNING);
}

static void test_the_one_hook_of_a_stop_has_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id = start_as_wished(f, (struct wish){.where = "p", .hooks = &with_pre_stop});

    wait_until_it_runs(f, id);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_KILLED);
    expect_cleaned_up(f, 0);
}

static void test_the_one_hook_after_a_crash_has_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id = start_as_wished(f, (struct wish){.where = "xz", .hooks = &with_post_stop});

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 1);
}

static void test_what_is_drained_has_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id =
        start_as_wished(f, (struct wish){.where = "m", .drain = true, .hooks = &with_no_hook});

    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_KILLED);
    expect_cleaned_up(f, 0);
}

static void test_what_is_abandoned_has_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id = start_as_wished(f, (struct wish){.where = "w", .hooks = &with_no_hook});

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_for(f, &n_begun, 1);
    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 0);
}

static void test_a_killed_one_is_abandoned_in_its_time(void **state)
{
    fixture *f = *state;
    troupe_id id = start_as_wished(f, (struct wish){.where = "w", .hooks = &with_no_hook});

    assert_int_equal(troupe_send(f->me, id, TROUPE_TEXT("x")), TROUPE_OK);
    wait_for(f, &n_begun, 1);
    assert_int_equal(troupe_kill(f->me, id), TROUPE_OK);
    wait_before_gate(1);
    expect_given_up(f, id, TROUPE_EXIT_STUCK);
    expect_cleaned_up(f, 0);
}

#define STAGED(test)                                                                               \
    {                                                                                              \
#test, test, set_the_stage, strike_the_stage, NULL                                         \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(test_one_that_stands_in_a_message_is_given_up),
        STAGED(test_one_that_heard_of_its_kill_has_to_return_all_the_same),
        STAGED(test_one_that_stands_in_handle_down_is_given_up),
        STAGED(test_one_that_stands_in_pre_start_is_given_up),
        STAGED(test_one_that_stands_in_post_start_is_given_up),
        STAGED(test_one_that_stands_in_pre_stop_is_given_up),
        STAGED(test_one_that_stands_in_post_stop_is_given_up),
        STAGED(test_one_that_never_sees_its_stop_is_given_up),
        STAGED(test_a_kill_that_stands_in_post_stop_is_given_up),
        STAGED(test_the_one_hook_of_a_stop_has_its_time),
        STAGED(test_the_one_hook_after_a_crash_has_its_time),
        STAGED(test_what_is_drained_has_its_time),
        STAGED(test_what_is_abandoned_has_its_time),
        STAGED(test_a_killed_one_is_abandoned_in_its_time),
        STAGED(test_others_are_served_meanwhile),
        STAGED(test_what_waits_counts_as_waiting_until_it_returns),
        STAGED(test_jobs_that_block_do_not_put_it_off),
        STAGED(test_its_name_is_free_for_another),
        STAGED(test_its_children_are_stopped_and_its_links_break),
        STAGED(test_a_monitor_of_one_given_up_tells_at_once),
        STAGED(test_a_supervised_one_ends_for_good),
        {"test_one_that_returns_in_time_is_only_killed",
         test_one_that_returns_in_time_is_only_killed, set_a_patient_stage, strike_the_stage, NULL},
        STAGED(test_one_that_only_waits_for_a_worker_is_not_given_up),
        STAGED(test_a_return_that_crosses_the_giving_up_is_told_once),
        STAGED(test_askers_that_come_late_leave_the_next_in_the_slot_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
