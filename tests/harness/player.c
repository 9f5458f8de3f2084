/* player.c - one component of a generated workload: what it does when it is called, and what it looks after. */
#include "world.h"

#include <string.h>

uint32_t chance(struct player *player, uint32_t n)
{
    return (uint32_t)trp_random_below(&player->random, n);
}

static bool has_fuel(const struct player *player)
{
    return trp_load_relaxed(&player->world->fuel) > 0; /* a little more or less is all the same */
}

/* ---- waits ---- */

struct job {
    struct world *world;
    troupe_id id;
    uint32_t life;
};

static void wake_it(void *argument)
{
    struct job job = *(struct job *)argument;

    trp_free(argument);
    troupe_wake(job.world->system, job.id, job.life);
    trp_sub_seq(&job.world->n_jobs, 1);
}

static bool offload_wake(struct world *world, troupe_id id, uint32_t life)
{
    struct job *job = trp_alloc(sizeof *job);

    if (!job)
        return false;
    *job = (struct job){world, id, life};
    trp_add_seq(&world->n_jobs, 1);
    if (troupe_offload(world->system, wake_it, job) == TROUPE_OK)
        return true;
    trp_sub_seq(&world->n_jobs, 1);
    trp_free(job);
    return false;
}

bool begin_wait(struct player *player, troupe_context *ctx)
{
    troupe_id id = troupe_self(ctx);
    uint32_t life = troupe_incarnation(ctx);

    if (chance(player, 4) == 0)
        troupe_wake(player->world->system, id, life); /* before the wait: it is kept */
    else if (!offload_wake(player->world, id, life))
        return false;
    player->pending = true;
    return true;
}

static troupe_status maybe_wait(struct player *player, troupe_context *ctx, uint32_t one_in)
{
    if (has_fuel(player) && chance(player, one_in) == 0 && begin_wait(player, ctx))
        return TROUPE_PENDING;
    return TROUPE_OK;
}

/* ---- the Child table ---- */

static troupe_status pre_start(void *self, const troupe_start *start)
{
    struct player *player = self;
    const struct role *role = start->argument;
    bool may_fail = !role->of_kit || start->incarnation > 1;
    struct world *world = role->world;

    for (size_t i = 0; i < sizeof *player; i++) {
        if (((const char *)self)[i])
            world_wrong(world, "the state of a new life is not zeroed");
    }
    player->world = world;
    player->record = record_begin(world, start, role);
    if (!player->record)
        return troupe_error_set(start->error, TROUPE_E_REFUSED, "no record");
    trp_add_seq(&world->n_spawned, 1);
    player->random.state =
        world->seed * 1000003 + player->record->index * 1009 + start->incarnation;
    if (may_fail && has_fuel(player) && chance(player, 16) == 0) {
        record_end(world, player->record);
        return troupe_error_set(start->error, TROUPE_E_REFUSED, "not today");
    }
    player->starting = true;
    if (role->start_timeout && has_fuel(player) && chance(player, 6) == 0) {
        player->pending = true; /* and nobody wakes it: its time ends it */
        return TROUPE_PENDING;
    }
    if (has_fuel(player) && chance(player, 10) == 0 &&
        offload_wake(world, start->id, start->incarnation)) {
        player->pending = true;
        return TROUPE_PENDING;
    }
    player->starting = false;
    return TROUPE_OK;
}

static troupe_status post_start(void *self, troupe_context *ctx)
{
    struct player *player = self;
    struct record *record = player->record;
    bool may_fail = !record->role->of_kit || record->life > 1;
    troupe_status status = TROUPE_OK;
    static const char *const patterns[] = {"t.a", "t.b", "t.c", "t.*", "t.>"};

    record_enter(player->world, record, "post_start");
    if (record->role->subscribes &&
        troupe_subscribe(player->world->topics, troupe_self(ctx),
                         troupe_text(patterns[record->index % 5])) != TROUPE_OK)
        world_wrong(player->world, "%u cannot subscribe", record->index);
    if (chance(player, 3) == 0 &&
        troupe_group_join(player->world->group, troupe_self(ctx)) != TROUPE_OK)
        world_wrong(player->world, "%u cannot join the group", record->index);
    if (may_fail && has_fuel(player) && chance(player, 24) == 0)
        crash(player, ctx);
    else if (may_fail && act(player, ctx))
        status = TROUPE_E_FAILED; /* it crashed: of no importance */
    else
        status = maybe_wait(player, ctx, 10);
    record_leave(player->world, record);
    return status;
}

static troupe_status pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    struct player *player = self;
    troupe_status status;

    (void)reason;
    record_enter(player->world, player->record, "pre_stop");
    if (player->pending || player->stopping)
        world_wrong(player->world, "%u: pre_stop in the middle of something",
                    player->record->index);
    player->stopping = true;
    act_peacefully(player, ctx);
    status = maybe_wait(player, ctx, 6);
    record_leave(player->world, player->record);
    return status;
}

static void post_stop(void *self)
{
    struct player *player = self;
    struct record *record = player->record;

    record_enter(player->world, record, "post_stop");
    for (int i = 0; i < CHILDREN; i++) {
        const struct record *child = record_of(player->world, player->children[i].id);

        if (player->children[i].id.value && child && trp_load_seq(&child->live))
            world_wrong(player->world, "%u ended before its child %u", record->index, child->index);
    }
    record_leave(player->world, record);
    if (!record_end(player->world, record))
        world_wrong(player->world, "%u: post_stop twice", record->index);
}

const troupe_child_ops player_child_ops = {
    .pre_start = pre_start, .post_start = post_start, .pre_stop = pre_stop, .post_stop = post_stop};

/* ---- messages ---- */

static troupe_status owe(struct player *player, const troupe_message *message, uint32_t nonce)
{
    for (int i = 0; i < SLOTS; i++) {
        if (!player->debts[i].correlation.value) {
            player->debts[i] = (struct debt){message->correlation, nonce};
            break;
        }
    }
    return TROUPE_OK; /* with no slot left it is never answered */
}

static troupe_status answer(struct player *player, troupe_context *ctx,
                            const troupe_message *message, uint32_t nonce)
{
    switch (has_fuel(player) ? chance(player, 12) : 0) {
    case 1:
    case 2:
    case 3:
        return owe(player, message, nonce);
    case 4:
        return TROUPE_E_FAILED;
    case 5:
        troupe_fail(ctx, message->correlation, TROUPE_E_QUOTA, TROUPE_TEXT("not you"));
        return TROUPE_OK;
    case 6:
        return TROUPE_OK; /* never */
    case 9:
    case 10:
        return hand_on(player, ctx, message, nonce) ? TROUPE_OK : owe(player, message, nonce);
    case 7:
        player->owes_current = true;
        player->nonce_current = nonce;
        if (begin_wait(player, ctx))
            return TROUPE_PENDING;
        return TROUPE_OK;
    case 8:
        if (player->record->index > 0) /* the one that is asked most is to hold many */
            crash(player, ctx);
        return TROUPE_OK;
    default:
        return troupe_reply(ctx, TROUPE_BYTES_OF(nonce));
    }
}

static void timer_came(struct player *player, uint32_t number)
{
    struct timer_record *timer = &player->world->timers[number % TIMERS];
    uint32_t was = trp_exchange_seq(&timer->state, TIMER_FIRED);

    trp_add_seq(&player->world->n_timers_handled, 1);
    if (was != TIMER_ARMED)
        world_wrong(player->world, "timer %u %s", number,
                    was == TIMER_FIRED ? "fired twice" : "fired after it was cancelled");
    if (troupe_now(player->world->system) < timer->due_ns)
        world_wrong(player->world, "timer %u fired early", number);
    for (int i = 0; i < SLOTS; i++) {
        if (player->alarms[i].timer.value && player->alarms[i].number == number)
            player->alarms[i].timer = (troupe_timer_id){0};
    }
}

static troupe_status say_check(struct player *player, troupe_context *ctx)
{
    struct check check = {.pending = player->pending,
                          .outlived_links = ties_outlived(player),
                          .untold_rooms = rooms_untold(player)};
    troupe_info info;

    for (int i = 0; i < SLOTS; i++) {
        check.open_requests += player->questions[i].correlation.value != 0;
        check.overdue_monitors +=
            player->watches[i].monitor.value &&
            troupe_info_of(player->world->system, player->watches[i].target, &info) != TROUPE_OK;
    }
    for (int i = 0; i < CHILDREN; i++)
        check.held_children += player->children[i].held;
    return troupe_reply(ctx, TROUPE_BYTES_OF(check));
}

static void heal(struct player *player, troupe_context *ctx)
{
    for (int i = 0; i < CHILDREN; i++) {
        if (player->children[i].held)
            decide_about(player, ctx, &player->children[i]);
    }
}

static troupe_status play(struct player *player, troupe_context *ctx)
{
    if (act(player, ctx))
        return TROUPE_OK;
    if (has_fuel(player) && chance(player, 16) == 0)
        return TROUPE_E_FAILED;
    return maybe_wait(player, ctx, 10);
}

static troupe_status handle(struct player *player, troupe_context *ctx,
                            const troupe_message *message)
{
    struct parcel parcel;

    if (message->payload.size != sizeof parcel) {
        world_wrong(player->world, "%u got %zu bytes", player->record->index,
                    message->payload.size);
        return TROUPE_E_INVALID;
    }
    memcpy(&parcel, message->payload.data, sizeof parcel);
    if (player->pending)
        world_wrong(player->world, "%u got a message while it waits", player->record->index);
    if (parcel.kind == KIND_TIMER || parcel.kind == KIND_HEAL)
        timer_came(player, parcel.nonce);
    else if (parcel.kind == KIND_TICK)
        tick_came(player, ctx, parcel.nonce);
    else
        parcel_arrived(player->world, player->record, &parcel);
    switch ((enum kind)parcel.kind) {
    case KIND_CHECK:
        return say_check(player, ctx);
    case KIND_ASK:
        return answer(player, ctx, message, parcel.nonce);
    case KIND_HEAL:
        heal(player, ctx);
        return TROUPE_OK;
    case KIND_TIMER:
    case KIND_TICK:
    case KIND_PLAY:
        break;
    }
    return play(player, ctx);
}

static void count_end(const struct player *player, troupe_status status)
{
    if (status != TROUPE_PENDING && !player->record->crashed)
        trp_add_seq(&player->world->n_handled, 1);
}

static troupe_status handle_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct player *player = self;
    troupe_status status;

    record_enter(player->world, player->record, "handle_message");
    status = handle(player, ctx, message);
    count_end(player, status);
    record_leave(player->world, player->record);
    return status;
}

static troupe_status resume(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct player *player = self;
    struct world *world = player->world;
    troupe_status status = TROUPE_OK;

    record_enter(world, player->record, "resume");
    if (!player->pending)
        world_wrong(world, "%u: resume without a wait", player->record->index);
    player->pending = false;
    if (has_fuel(player) && chance(player, 8) == 0 && begin_wait(player, ctx)) {
        status = TROUPE_PENDING;
    } else if (message && chance(player, 16) == 0 && has_fuel(player)) {
        crash(player, ctx);
    } else if (message && player->owes_current) {
        status = troupe_reply(ctx, TROUPE_BYTES_OF(player->nonce_current));
        if (status != TROUPE_OK && status != TROUPE_E_GONE)
            world_wrong(world, "%u cannot answer after a wait: %s", player->record->index,
                        troupe_status_name(status));
    }
    if (status != TROUPE_PENDING) {
        player->owes_current = false;
        player->starting = false;
    }
    if (message)
        count_end(player, status);
    record_leave(world, player->record);
    return status;
}

static void abandon(void *self, troupe_context *ctx)
{
    struct player *player = self;

    (void)ctx;
    record_enter(player->world, player->record, "abandon");
    if (!player->pending)
        world_wrong(player->world, "%u: abandon without a wait", player->record->index);
    player->pending = player->owes_current = false;
    record_leave(player->world, player->record);
    if (player->starting) /* a start that was not finished has no post_stop */
        record_end(player->world, player->record);
}

/* ---- answers and notices ---- */

static void handle_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct player *player = self;
    struct world *world = player->world;
    struct question *question = NULL;
    uint32_t nonce = 0;

    (void)ctx;
    record_enter(world, player->record, "handle_reply");
    trp_add_seq(&world->n_answered, 1);
    for (int i = 0; i < SLOTS; i++) {
        if (player->questions[i].correlation.value == answer->correlation.value)
            question = &player->questions[i];
    }
    if (answer->payload.size == sizeof nonce)
        memcpy(&nonce, answer->payload.data, sizeof nonce);
    if (!question)
        world_wrong(world, "%u got an answer that it does not wait for", player->record->index);
    else if (question->cancelled && answer->status != TROUPE_E_CANCELLED)
        world_wrong(world, "%u got %s for a request that it cancelled", player->record->index,
                    troupe_status_name(answer->status));
    else if (answer->status == TROUPE_OK && nonce != question->nonce)
        world_wrong(world, "%u got the answer to another's request", player->record->index);
    else if (answer->status == TROUPE_E_TIMEOUT && troupe_now(world->system) < question->due_ns)
        world_wrong(world, "%u: a request timed out early", player->record->index);
    if (question)
        *question = (struct question){.nonce = 0};
    record_leave(world, player->record);
}

static void watched_ended(struct player *player, const struct watch *watch)
{
    const struct record *target = record_of(player->world, watch->target);
    troupe_id now = TROUPE_NOBODY;

    if (!target)
        return;
    if (trp_load_seq(&target->live))
        world_wrong(player->world, "%u heard that %u is down, and it lives", player->record->index,
                    target->index);
    if (target->name[0] && troupe_lookup(player->world->system, target->name, &now) == TROUPE_OK &&
        now.value == watch->target.value)
        world_wrong(player->world, "the name of %u is taken after its end", target->index);
}

static void on_monitor(struct player *player, const troupe_notice *notice)
{
    struct world *world = player->world;
    struct watch *watch = NULL;

    for (int i = 0; i < SLOTS; i++) {
        if (player->watches[i].monitor.value == notice->monitor.value)
            watch = &player->watches[i];
    }
    if (!watch) {
        world_wrong(world, "%u got a notice of a monitor that it does not hold (event %d)",
                    player->record->index, (int)notice->event);
        return;
    }
    if (notice->exit.id.value != watch->target.value)
        world_wrong(world, "%u got a notice about another", player->record->index);
    if (notice->event == TROUPE_EVENT_DOWN) {
        watched_ended(player, watch);
        watch->monitor = (troupe_monitor){0};
    } else if (notice->event == TROUPE_EVENT_LIFE_ENDED) {
        if (!(watch->flags & TROUPE_MONITOR_EACH_LIFE) ||
            notice->exit.incarnation <= watch->last_life)
            world_wrong(world, "%u: life %u ended after life %u", player->record->index,
                        notice->exit.incarnation, watch->last_life);
        watch->last_life = notice->exit.incarnation;
    } else if (notice->event != TROUPE_EVENT_STOPPING ||
               !(watch->flags & TROUPE_MONITOR_STOPPING)) {
        world_wrong(world, "%u did not ask for event %d", player->record->index,
                    (int)notice->event);
    }
}

static void on_child(struct player *player, troupe_context *ctx, const troupe_notice *notice)
{
    struct world *world = player->world;
    struct offspring *child = NULL;
    const struct record *record = record_of(world, notice->exit.id);

    for (int i = 0; i < CHILDREN; i++) {
        if (player->children[i].id.value == notice->exit.id.value)
            child = &player->children[i];
    }
    if (!child) {
        world_wrong(world, "%u: event %d of a child that it does not have", player->record->index,
                    (int)notice->event);
    } else if (notice->event == TROUPE_EVENT_CHILD_EXIT) {
        if (!child->supervised || child->held || (record && trp_load_seq(&record->live)))
            world_wrong(world, "%u: its child %u is held in life %u, and cannot be: %s",
                        player->record->index, record ? record->index : 0, notice->exit.incarnation,
                        !child->supervised ? "nobody supervises it"
                        : child->held      ? "it was already"
                                           : "it lives");
        child->held = true;
        decide_about(player, ctx, child);
    } else if (notice->event == TROUPE_EVENT_CHILD_DOWN) {
        if (record && trp_load_seq(&record->live))
            world_wrong(world, "%u: its child %u is down, and lives", player->record->index,
                        record->index);
        *child = (struct offspring){.id = TROUPE_NOBODY};
    }
}

static void handle_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct player *player = self;

    record_enter(player->world, player->record, "handle_down");
    if (notice->event == TROUPE_EVENT_ROOM)
        room_came(player, notice);
    else if (notice->event == TROUPE_EVENT_LINK_DOWN)
        tie_ended(player, notice);
    else if (notice->monitor.value)
        on_monitor(player, notice);
    else
        on_child(player, ctx, notice);
    record_leave(player->world, player->record);
}

const troupe_actor_ops player_actor_ops = {.handle_message = handle_message,
                                           .handle_reply = handle_reply,
                                           .handle_down = handle_down,
                                           .resume = resume,
                                           .abandon = abandon};

troupe_spec player_spec_of(struct world *world, unsigned role)
{
    const struct role *as = &world->roles[role % ROLES];

    return *TROUPE_SPEC(.child = &player_child_ops, .actor = &player_actor_ops,
                        .state_size = sizeof(struct player), .argument = as,
                        .mailbox_bound = as->bound, .on_full = as->on_full, .drain = as->drain,
                        .start_on_own_turn = as->own_turn, .trap_links = as->trap_links,
                        .on_error = as->on_error, .start_timeout = as->start_timeout,
                        .blocking = as->blocking);
}
