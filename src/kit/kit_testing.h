/* kit_testing.h - what the tests of this room share: a system, a component that obeys, a journal.
 *
 * Header only, because each test is one source. Each test runs in simulation for some seeds and
 * with threads for some rounds; nothing sleeps: a test waits for messages or for ends.
 */
#ifndef TRP_KIT_TESTING_H
#define TRP_KIT_TESTING_H

#include "troupe/kit.h"

#include "trp/os.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE (20 * TROUPE_SECOND)
#define UNUSED __attribute__((unused))

/* What happened, in order, as short words; and the log's lines. Any thread. */
struct journal {
    trp_mutex mutex;
    trp_condition more; /* a line was logged */
    char words[4096];
    char log[16384];
};

struct stage {
    troupe_system *system;
    troupe_context *me;
    struct journal journal;
    uint64_t seed;
    bool simulation;
};

/* How one test component behaves; its argument. */
struct part {
    struct stage *stage;
    troupe_id watcher; /* is told of every life that started; NOBODY: nobody is */
    char tag;
    uint32_t refuse_from; /* the first incarnation that refuses to start; 0: none */
    const char *refuse_text;
    bool crash_once_up;  /* its first life tells itself to crash, once it is up */
    uint32_t crash_from; /* the first incarnation whose post_start crashes; 0: none */
};

struct player {
    const struct part *part;
    uint32_t incarnation;
    uint64_t count;
};

/* What a player tells its watcher, and answers to '?'. */
struct told {
    char tag;
    uint32_t incarnation;
    uint64_t count;
    uint64_t at_ns;
    uint64_t id;
};

static inline void append(char *to, size_t size, const char *word)
{
    size_t used = strlen(to);

    snprintf(to + used, size - used, "%s%s", used ? " " : "", word);
}

static inline void note(struct journal *journal, const char *word)
{
    trp_mutex_lock(&journal->mutex);
    append(journal->words, sizeof journal->words, word);
    trp_mutex_unlock(&journal->mutex);
}

static inline void note_part(const struct part *part, char sign)
{
    char word[3] = {sign, part->tag, 0};

    note(&part->stage->journal, word);
}

static UNUSED void write_log(void *arg, const troupe_log_line *line)
{
    struct journal *journal = arg;
    char text[1024];

    snprintf(text, sizeof text, "[%s] %.*s\n", line->id, (int)line->text.size,
             (const char *)line->text.data);
    trp_mutex_lock(&journal->mutex);
    append(journal->log, sizeof journal->log, text);
    trp_condition_broadcast(&journal->more);
    trp_mutex_unlock(&journal->mutex);
}

/* Waits until a line with these words was logged: a decision is written once its outcome is known. */
static UNUSED void await_log(struct stage *stage, const char *what)
{
    struct journal *journal = &stage->journal;
    uint64_t deadline = trp_monotonic_ns() + PATIENCE;
    bool goes_on = true;

    trp_mutex_lock(&journal->mutex);
    while (!strstr(journal->log, what) && goes_on) {
        if (stage->simulation) {
            trp_mutex_unlock(&journal->mutex);
            goes_on = troupe_step(stage->system);
            trp_mutex_lock(&journal->mutex);
        } else {
            goes_on = trp_condition_wait_until(&journal->more, &journal->mutex, deadline);
        }
    }
    if (!strstr(journal->log, what))
        fail_msg("not logged: %s; but:\n%s", what, journal->log);
    trp_mutex_unlock(&journal->mutex);
}

/* ---- the player ---- */

static inline struct told tell(const struct player *player, troupe_context *ctx)
{
    return (struct told){.tag = player->part->tag,
                         .incarnation = player->incarnation,
                         .count = player->count,
                         .at_ns = troupe_now(troupe_system_of(ctx)),
                         .id = troupe_self(ctx).value};
}

static UNUSED troupe_status player_pre_start(void *self, const troupe_start *start)
{
    struct player *player = self;

    player->part = start->argument;
    player->incarnation = start->incarnation;
    if (player->part->refuse_from && start->incarnation >= player->part->refuse_from)
        return troupe_error_set(start->error, TROUPE_E_REFUSED, "%s", player->part->refuse_text);
    note_part(player->part, '+');
    return TROUPE_OK;
}

static UNUSED troupe_status player_post_start(void *self, troupe_context *ctx)
{
    struct player *player = self;
    struct told told = tell(player, ctx);

    if (player->part->crash_from && player->incarnation >= player->part->crash_from) {
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "fell over the doorstep");
        return TROUPE_E_FAILED;
    }
    if (player->part->crash_once_up && player->incarnation == 1)
        assert_int_equal(troupe_send(ctx, troupe_self(ctx), TROUPE_TEXT("c")), TROUPE_OK);
    if (player->part->watcher.value != TROUPE_NOBODY.value)
        assert_int_equal(troupe_send(ctx, player->part->watcher, TROUPE_BYTES_OF(told)), TROUPE_OK);
    return TROUPE_OK;
}

static UNUSED void player_post_stop(void *self)
{
    note_part(((struct player *)self)->part, '-');
}

/* 'c' crash, 'x' end normally, 'e' fail, '?' say who and how many, anything else: count. */
static UNUSED troupe_status player_message(void *self, troupe_context *ctx,
                                           const troupe_message *message)
{
    struct player *player = self;
    char order = message->payload.size ? *(const char *)message->payload.data : 0;
    struct told told;

    switch (order) {
    case 'c':
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "told to crash");
        break;
    case 'x':
        troupe_exit_self(ctx);
        break;
    case 'e':
        return TROUPE_E_FAILED;
    case '?':
        told = tell(player, ctx);
        return troupe_reply(ctx, TROUPE_BYTES_OF(told));
    default:
        player->count++;
    }
    return TROUPE_OK;
}

static UNUSED const troupe_child_ops player_child = {
    .pre_start = player_pre_start,
    .post_start = player_post_start,
    .post_stop = player_post_stop,
};

static UNUSED const troupe_actor_ops player_actor = {.handle_message = player_message};

/* A spec of a player; name may be NULL. */
static UNUSED troupe_spec player_spec(const char *name, const struct part *part)
{
    return *TROUPE_SPEC(.name = name, .child = &player_child, .actor = &player_actor,
                        .state_size = sizeof(struct player), .argument = part);
}

/* ---- the stage ---- */

static UNUSED void stage_open(struct stage *stage, bool simulation, uint64_t seed)
{
    troupe_system_options options = TROUPE_SYSTEM_OPTIONS();

    memset(stage, 0, sizeof *stage);
    trp_mutex_init(&stage->journal.mutex);
    trp_condition_init(&stage->journal.more);
    stage->seed = seed;
    stage->simulation = simulation;
    options.simulation = simulation;
    options.seed = seed;
    options.workers = 2;
    options.log = (troupe_log){write_log, &stage->journal};
    assert_int_equal(troupe_system_new(&options, &stage->system), TROUPE_OK);
    stage->me = troupe_attach(stage->system);
    assert_non_null(stage->me);
}

/* Ends every component; before what their specs point to goes out of scope. */
static UNUSED void curtain(struct stage *stage)
{
    troupe_system_stop(stage->system);
}

/* Ends everything, and looks whether every message is accounted for. */
static UNUSED void stage_close(struct stage *stage)
{
    troupe_totals totals;
    uint64_t walked;

    troupe_system_stop(stage->system);
    walked = troupe_account_now(stage->system, &totals);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.sent, totals.handled + totals.dead_letters + walked);
    assert_int_equal(totals.waiting, walked);
    troupe_detach(stage->me);
    troupe_system_free(stage->system);
    trp_condition_fini(&stage->journal.more);
    trp_mutex_fini(&stage->journal.mutex);
}

static UNUSED void each_way(void (*act)(struct stage *stage))
{
    struct stage stage;

    for (uint64_t seed = 1; seed <= 25; seed++) {
        stage_open(&stage, true, seed);
        act(&stage);
        stage_close(&stage);
    }
    for (int round = 0; round < 5; round++) {
        stage_open(&stage, false, 0);
        act(&stage);
        stage_close(&stage);
    }
}

static UNUSED void expect_up(struct stage *stage, char tag, uint32_t incarnation)
{
    troupe_message message;
    struct told told;

    assert_int_equal(troupe_receive(stage->me, PATIENCE, &message), TROUPE_OK);
    assert_int_equal(message.payload.size, sizeof told);
    memcpy(&told, message.payload.data, sizeof told);
    assert_int_equal(told.tag, tag);
    assert_int_equal(told.incarnation, incarnation);
}

/* Simulation: until there is nothing more to do. */
static UNUSED void settle(struct stage *stage)
{
    while (troupe_step(stage->system))
        continue;
}

/* Waits for the end of id. True: ret_exit says how it ended; with threads it may have ended before
 * anybody watched it, and then nobody can say. */
static UNUSED bool await_end(struct stage *stage, troupe_id id, troupe_exit *ret_exit)
{
    assert_int_equal(troupe_wait_end(stage->me, id, PATIENCE, ret_exit), TROUPE_OK);
    return stage->simulation || !strstr(ret_exit->text, "gone before");
}

static UNUSED troupe_id named(struct stage *stage, const char *name)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(troupe_lookup(stage->system, name, &id), TROUPE_OK);
    return id;
}

static UNUSED void order(struct stage *stage, troupe_id to, const char *what)
{
    assert_int_equal(troupe_send(stage->me, to, troupe_text(what)), TROUPE_OK);
}

static UNUSED struct told ask(struct stage *stage, troupe_id whom)
{
    troupe_reply_buffer reply = {NULL};
    struct told told = {0};

    assert_int_equal(troupe_call(stage->me, whom, TROUPE_TEXT("?"), PATIENCE, &reply), TROUPE_OK);
    assert_int_equal(troupe_reply_bytes(&reply).size, sizeof told);
    memcpy(&told, troupe_reply_bytes(&reply).data, sizeof told);
    troupe_reply_clear(&reply);
    return told;
}

static UNUSED troupe_id must_spawn(struct stage *stage, const troupe_spec *spec)
{
    troupe_error error = {.text = ""};
    troupe_id id = TROUPE_NOBODY;
    troupe_status status = troupe_spawn_or_say(stage->me, spec, &id, &error);

    if (status != TROUPE_OK)
        fail_msg("%s: %s", troupe_status_name(status), error.text);
    return id;
}

static UNUSED troupe_child_page list_children(struct stage *stage, troupe_id supervisor,
                                              size_t first, troupe_child_info *rows, size_t n)
{
    troupe_child_page page = TROUPE_CHILD_PAGE(rows, n);

    assert_int_equal(troupe_children_call(stage->me, supervisor, first, &page, PATIENCE),
                     TROUPE_OK);
    return page;
}

static UNUSED troupe_id spawn_supervisor(struct stage *stage, const char *name,
                                         const troupe_supervisor *supervisor)
{
    troupe_spec spec = *TROUPE_SPEC(.name = name);
    troupe_error error = {.text = ""};

    if (troupe_supervisor_spec(supervisor, &spec, &error) != TROUPE_OK)
        fail_msg("%s", error.text);
    return must_spawn(stage, &spec);
}

#endif
