/* otp_testing.h - a crew of obedient children under one supervisor, for the tests beside OTP's supervisor_SUITE.
 *
 * They are the players of kit_testing.h, with a few more tempers. The journal says +a when a began, -a when it ended.
 */
#ifndef TRP_OTP_TESTING_H
#define TRP_OTP_TESTING_H

#include "kit_testing.h"

#define CREW 5
#define LONG (3600 * TROUPE_SECOND)

/* part is the first member: what player.part points to is a temper. */
struct temper {
    struct part part;
    uint32_t refuse_at; /* this life alone refuses to start */
    uint32_t
        leaves_from; /* from this life on it has nothing to do: it ends in order, in its start */
    bool hangs;      /* its pre_stop does not end */
    bool stalls;     /* its post_start does not end: "[stalls] NAME" in the log */
    bool trips;      /* its pre_stop crashes */
};

struct crew {
    struct temper tempers[CREW];
    troupe_child children[CREW];
    char names[CREW][2];
    troupe_supervisor plan;
    troupe_id top;
};

static inline const struct temper *temper_of(const struct player *player)
{
    return (const struct temper *)player->part;
}

static UNUSED troupe_status temper_pre_start(void *self, const troupe_start *start)
{
    const struct temper *temper = start->argument;

    if (temper->refuse_at == start->incarnation)
        return troupe_error_set(start->error, TROUPE_E_REFUSED, "not this time");
    return player_pre_start(self, start);
}

static UNUSED troupe_status temper_post_start(void *self, troupe_context *ctx)
{
    troupe_status status;

    if (temper_of(self)->stalls) {
        char name[2] = {temper_of(self)->part.tag};

        troupe_log_write(ctx, TROUPE_LEVEL_INFO, "stalls", troupe_text(name));
        return TROUPE_PENDING;
    }
    status = player_post_start(self, ctx);
    if (temper_of(self)->leaves_from && troupe_incarnation(ctx) >= temper_of(self)->leaves_from)
        troupe_exit_self(ctx);
    return status;
}

static UNUSED troupe_status temper_pre_stop(void *self, troupe_context *ctx,
                                            troupe_stop_reason reason)
{
    const struct temper *temper = temper_of(self);

    (void)ctx;
    (void)reason;
    if (temper->trips)
        return TROUPE_E_FAILED;
    return temper->hangs ? TROUPE_PENDING : TROUPE_OK;
}

static UNUSED troupe_status temper_resume(void *self, troupe_context *ctx,
                                          const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_PENDING;
}

static UNUSED const troupe_child_ops temper_child = {
    .pre_start = temper_pre_start,
    .post_start = temper_post_start,
    .pre_stop = temper_pre_stop,
    .post_stop = player_post_stop,
};

static UNUSED const troupe_actor_ops temper_actor = {
    .handle_message = player_message,
    .resume = temper_resume,
};

static UNUSED troupe_spec temper_spec(const char *name, const struct temper *temper)
{
    return *TROUPE_SPEC(.name = name, .child = &temper_child, .actor = &temper_actor,
                        .state_size = sizeof(struct player), .argument = temper);
}

/* n permanent children called a, b, c, ... under a plan without numbers. crew outlives the stage's curtain. */
static UNUSED void crew_enlist(struct stage *stage, struct crew *crew, size_t n)
{
    *crew = (struct crew){.top = TROUPE_NOBODY};
    for (size_t i = 0; i < n; i++) {
        crew->names[i][0] = (char)('a' + i);
        crew->tempers[i].part = (struct part){
            .stage = stage, .watcher = troupe_self(stage->me), .tag = (char)('a' + i)};
        crew->children[i].spec = temper_spec(crew->names[i], &crew->tempers[i]);
    }
    crew->plan = (troupe_supervisor)TROUPE_SUPERVISOR(.within_ns = LONG, .children = crew->children,
                                                      .n_children = n);
}

static UNUSED void crew_raise(struct stage *stage, struct crew *crew)
{
    crew->top = spawn_supervisor(stage, "top", &crew->plan);
    for (size_t i = 0; i < crew->plan.n_children; i++)
        expect_up(stage, (char)('a' + i), 1);
}

static UNUSED void expect_words(struct stage *stage, const char *words)
{
    trp_mutex_lock(&stage->journal.mutex);
    assert_string_equal(stage->journal.words, words);
    trp_mutex_unlock(&stage->journal.mutex);
}

/* It is there, and has heard of everything that was known when this began. */
static UNUSED void expect_alive(struct stage *stage, troupe_id supervisor)
{
    assert_int_not_equal(troupe_call(stage->me, supervisor, TROUPE_TEXT("?"), PATIENCE, NULL),
                         TROUPE_E_GONE);
}

static UNUSED void expect_gone(struct stage *stage, const char *name)
{
    troupe_id id;

    assert_int_equal(troupe_lookup(stage->system, name, &id), TROUPE_E_GONE);
}

static UNUSED void expect_end(struct stage *stage, troupe_id id, troupe_exit_reason reason)
{
    troupe_exit end;

    if (await_end(stage, id, &end))
        assert_int_equal(end.reason, reason);
}

/* ---- orders ---- */

static UNUSED troupe_id give(struct stage *stage, troupe_id top, const troupe_order *what)
{
    troupe_error error = {.text = ""};
    troupe_id id = TROUPE_NOBODY;
    troupe_status status = troupe_order_call(stage->me, top, what, PATIENCE, &id, &error);

    if (status != TROUPE_OK)
        fail_msg("order %d: %s: %s", (int)what->kind, troupe_status_name(status), error.text);
    return id;
}

static UNUSED void refuse_order(struct stage *stage, troupe_id top, const troupe_order *what,
                                troupe_status want)
{
    troupe_error error = {.text = ""};
    troupe_status status = troupe_order_call(stage->me, top, what, PATIENCE, NULL, &error);

    if (status != want)
        fail_msg("order %d: %s: %s", (int)what->kind, troupe_status_name(status), error.text);
}

/* Up to n rows; how many children there are. */
static UNUSED size_t list(struct stage *stage, troupe_id top, troupe_child_info *rows, size_t n)
{
    return list_children(stage, top, 0, rows, n).n_children;
}

static UNUSED void expect_children(struct stage *stage, troupe_id top, size_t n)
{
    troupe_child_info row;

    /* On threads whoever watches a child may hear of its end before its supervisor does. */
    for (int i = 0; i < 10000 && list(stage, top, &row, 1) != n; i++)
        continue;
    assert_int_equal(list(stage, top, &row, 1), n);
}

static UNUSED void stop_and_wait(struct stage *stage, troupe_id id)
{
    assert_int_equal(troupe_stop(stage->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(stage->me, id, PATIENCE, NULL), TROUPE_OK);
}

#endif
