/* actions.c - what a player begins: each costs one unit of fuel. */
#include "world.h"

#include <stdio.h>

/* ---- sending ---- */

uint32_t pick(struct player *player)
{
    uint32_t n = trp_load_acquire(&player->world->n_records); /* pairs with take_record */
    uint32_t young = n < 24 ? n : 24;

    if (!n)
        return 0;
    return chance(player, 4) == 0 ? chance(player, n) : n - 1 - chance(player, young);
}

troupe_id id_of(struct world *world, uint32_t index)
{
    return (troupe_id){trp_load_acquire(&world->records[index].id)};
}

static struct parcel parcel_for(const struct player *player, enum kind kind, uint32_t target)
{
    const struct record *record = player->record;

    return (struct parcel){.kind = kind,
                           .sender = record->index,
                           .life = record->life,
                           .sequence = record->sent[target] + 1};
}

static void expect_within_bound(struct world *world, uint32_t target)
{
    const struct record *record = &world->records[target];
    uint32_t waiting = troupe_waiting(world->system, id_of(world, target));

    /* Beside other senders a reservation that is about to be given back counts too. */
    if (world->simulation && record->role->on_full != TROUPE_ON_FULL_BLOCK &&
        waiting > record->role->bound)
        world_wrong(world, "%u messages wait for %u, whose bound is %u", waiting, target,
                    record->role->bound);
}

static bool is_refusal(troupe_status status)
{
    return status == TROUPE_E_GONE || status == TROUPE_E_FULL || status == TROUPE_E_UNAVAILABLE;
}

static void send_to(struct player *player, troupe_context *ctx, uint32_t target)
{
    struct parcel parcel = parcel_for(player, KIND_PLAY, target);
    troupe_status status = troupe_send(ctx, id_of(player->world, target), TROUPE_BYTES_OF(parcel));

    if (status == TROUPE_OK) {
        player->record->sent[target]++;
        trp_add_seq(&player->world->n_sent, 1);
        expect_within_bound(player->world, target);
    } else if (!is_refusal(status)) {
        world_wrong(player->world, "a send failed: %s", troupe_status_name(status));
    }
}

static void send_many(struct player *player, troupe_context *ctx)
{
    uint32_t target = pick(player);

    for (uint32_t n = chance(player, 12); n > 0; n--)
        send_to(player, ctx, target);
}

static void tell_thread(struct player *player, troupe_context *ctx)
{
    struct parcel parcel = parcel_for(player, KIND_PLAY, RECORDS);
    troupe_status status = troupe_send(ctx, player->world->thread, TROUPE_BYTES_OF(parcel));

    if (status == TROUPE_OK) {
        player->record->sent[RECORDS]++;
        trp_add_seq(&player->world->n_sent, 1);
    } else if (!is_refusal(status)) {
        world_wrong(player->world, "a send to the thread failed: %s", troupe_status_name(status));
    }
}

static void send_by(struct player *player, troupe_context *ctx, uint64_t address, uint32_t lane)
{
    struct world *world = player->world;
    struct parcel parcel = {.kind = KIND_PLAY,
                            .sender = player->record->index,
                            .life = player->record->life,
                            .sequence = player->record->sent_by[lane] + 1,
                            .lane = lane};
    troupe_status status = troupe_send(ctx, (troupe_id){address}, TROUPE_BYTES_OF(parcel));

    if (status == TROUPE_OK) {
        player->record->sent_by[lane]++;
        trp_add_seq(&world->n_sent, 1);
    } else if (!is_refusal(status)) {
        world_wrong(world, "a send by lane %u failed: %s", lane, troupe_status_name(status));
    }
}

static void send_by_pool(struct player *player, troupe_context *ctx)
{
    send_by(player, ctx, trp_load_seq(&player->world->pool), LANE_POOL);
}

static void send_by_group(struct player *player, troupe_context *ctx)
{
    send_by(player, ctx, trp_load_seq(&player->world->group_address), LANE_GROUP);
}

static void leave_group(struct player *player, troupe_context *ctx)
{
    (void)troupe_group_leave(player->world->group, troupe_self(ctx));
}

static void publish(struct player *player, troupe_context *ctx)
{
    static const char *const topics[TOPICS] = {"t.a", "t.b", "t.c"};
    uint32_t topic = chance(player, TOPICS), reached = 0;
    struct parcel parcel = {.kind = KIND_PLAY,
                            .sender = player->record->index,
                            .life = player->record->life,
                            .sequence = ++player->record->sent_by[LANE_TOPIC + topic],
                            .lane = LANE_TOPIC + topic};
    troupe_status status = troupe_publish(ctx, player->world->topics, troupe_text(topics[topic]),
                                          TROUPE_BYTES_OF(parcel), &reached);

    if (status == TROUPE_OK)
        trp_add_seq(&player->world->n_sent, reached ? reached : 1); /* nobody: one dead letter */
    else
        world_wrong(player->world, "a publish failed: %s", troupe_status_name(status));
}

/* ---- requests ---- */

static uint64_t some_time(struct player *player)
{
    return (1 + chance(player, 400)) *
           (player->world->simulation ? TROUPE_MICROSECOND : 20 * TROUPE_MICROSECOND);
}

static void ask_once(struct player *player, troupe_context *ctx, uint32_t target)
{
    struct world *world = player->world;
    struct parcel parcel = parcel_for(player, KIND_ASK, target);
    uint64_t timeout_ns = some_time(player);
    uint64_t due_ns = troupe_now(world->system) + timeout_ns;
    troupe_correlation correlation;
    troupe_status status;

    for (int i = 0; i < SLOTS; i++) {
        if (player->questions[i].correlation.value)
            continue;
        parcel.nonce = 1 + trp_add_seq(&world->n_asked, 1);
        status = troupe_request(ctx, id_of(world, target), TROUPE_BYTES_OF(parcel), timeout_ns,
                                &correlation);
        if (status == TROUPE_OK) {
            player->record->sent[target]++;
            trp_add_seq(&world->n_sent, 1);
            player->questions[i] = (struct question){correlation, parcel.nonce, due_ns, false};
        } else if (!is_refusal(status)) {
            world_wrong(world, "a request failed: %s", troupe_status_name(status));
        }
        return;
    }
}

/* One is asked more than all others: it comes to hold many requests, and records are used again. */
static void ask(struct player *player, troupe_context *ctx)
{
    uint32_t target = chance(player, 3) ? 0 : pick(player);

    for (uint32_t n = 1 + chance(player, 4); n > 0; n--)
        ask_once(player, ctx, target);
}

static void cancel(struct player *player, troupe_context *ctx)
{
    struct question *question = &player->questions[chance(player, SLOTS)];

    if (question->correlation.value && troupe_cancel(ctx, question->correlation))
        question->cancelled = true;
}

static void pay(struct player *player, troupe_context *ctx)
{
    struct debt *debt = &player->debts[chance(player, SLOTS)];
    troupe_status status;

    if (!debt->correlation.value)
        return;
    status = troupe_reply_to(ctx, debt->correlation, TROUPE_BYTES_OF(debt->nonce));
    /* GONE: it ended otherwise. INVALID: and was swept. */
    if (status != TROUPE_OK && status != TROUPE_E_GONE && status != TROUPE_E_INVALID)
        world_wrong(player->world, "an answer failed: %s", troupe_status_name(status));
    debt->correlation = (troupe_correlation){0};
}

bool hand_on(struct player *player, troupe_context *ctx, const troupe_message *message,
             uint32_t nonce)
{
    uint32_t target = pick(player);
    struct parcel parcel = parcel_for(player, KIND_ASK, target);
    troupe_status status;

    parcel.nonce = nonce;
    status = troupe_delegate(ctx, message->correlation, id_of(player->world, target),
                             TROUPE_BYTES_OF(parcel));
    if (status == TROUPE_OK) {
        player->record->sent[target]++;
        trp_add_seq(&player->world->n_sent, 1);
    } else if (status != TROUPE_E_CANCELLED && !is_refusal(status)) {
        world_wrong(player->world, "a request cannot be handed on: %s", troupe_status_name(status));
    }
    return status == TROUPE_OK;
}

/* ---- timers ---- */

static bool arm(struct player *player, troupe_context *ctx, enum kind kind, troupe_id target)
{
    struct world *world = player->world;
    struct parcel parcel = {.kind = kind, .sender = player->record->index};
    uint64_t delay_ns = some_time(player);
    struct timer_record *timer;
    troupe_timer_id id;

    parcel.nonce = trp_add_seq(&world->n_timers, 1);
    if (parcel.nonce >= TIMERS)
        return false;
    timer = &world->timers[parcel.nonce];
    timer->due_ns = troupe_now(world->system) + delay_ns;
    trp_store_seq(&timer->state, TIMER_ARMED);
    if (troupe_send_after(ctx, target, TROUPE_BYTES_OF(parcel), delay_ns, &id) != TROUPE_OK) {
        world_wrong(world, "a timer cannot be set");
        return false;
    }
    for (int i = 0; i < SLOTS && kind == KIND_TIMER; i++) { /* the others are not for disarm */
        if (!player->alarms[i].timer.value) {
            player->alarms[i] = (struct alarm){id, parcel.nonce};
            break;
        }
    }
    return true;
}

static void arm_some(struct player *player, troupe_context *ctx)
{
    if (!player->world->exact_sent && trp_load_seq(&player->world->n_timers) < TIMERS / 2)
        arm(player, ctx, KIND_TIMER,
            chance(player, 2) ? troupe_self(ctx) : id_of(player->world, pick(player)));
}

static void disarm(struct player *player, troupe_context *ctx)
{
    struct alarm *alarm = &player->alarms[chance(player, SLOTS)];

    if (!alarm->timer.value)
        return;
    if (troupe_cancel_timer(ctx, alarm->timer)) {
        trp_add_seq(&player->world->n_cancelled, 1);
        if (trp_exchange_seq(&player->world->timers[alarm->number].state, TIMER_CANCELLED) !=
            TIMER_ARMED)
            world_wrong(player->world, "timer %u was cancelled after it fired", alarm->number);
    }
    alarm->timer = (troupe_timer_id){0};
}

/* One in the mailbox at a time, so one may still come after the cancel: it has the old number. */
static void begin_interval(struct player *player, troupe_context *ctx)
{
    struct interval *interval = &player->interval;
    struct parcel parcel = {.kind = KIND_TICK};

    if (player->world->exact_sent || interval->timer.value)
        return;
    interval->period_ns = some_time(player);
    interval->since_ns = troupe_now(player->world->system);
    interval->n_ticks = 0;
    parcel.nonce = ++interval->number << 16 | (player->record->life & 0xffff);
    trp_add_seq(&player->world->n_intervals, 1);
    if (troupe_send_every(ctx, troupe_self(ctx), TROUPE_BYTES_OF(parcel), interval->period_ns,
                          &interval->timer) != TROUPE_OK)
        world_wrong(player->world, "an interval cannot be set");
}

static void end_interval(struct player *player, troupe_context *ctx)
{
    struct interval *interval = &player->interval;

    if (interval->timer.value && troupe_cancel_timer(ctx, interval->timer))
        interval->timer = (troupe_timer_id){0};
}

void tick_came(struct player *player, troupe_context *ctx, uint32_t number)
{
    struct interval *interval = &player->interval;
    uint64_t past_ns = troupe_now(player->world->system) - interval->since_ns;

    trp_add_seq(&player->world->n_ticks_handled, 1);
    /* Of a life before, or of an interval before: only what was on its way when that ended. */
    if (number == (interval->number << 16 | (player->record->life & 0xffff)) &&
        ++interval->n_ticks > past_ns / interval->period_ns)
        world_wrong(player->world, "%u got tick %llu in %llu ns, of one each %llu",
                    player->record->index, (unsigned long long)interval->n_ticks,
                    (unsigned long long)past_ns, (unsigned long long)interval->period_ns);
    if (trp_load_relaxed(&player->world->fuel) <= 0 || chance(player, 4) == 0)
        end_interval(player, ctx); /* without fuel everything comes to rest */
}

/* ---- monitors ---- */

static void watch(struct player *player, troupe_context *ctx)
{
    static const unsigned flags[] = {TROUPE_MONITOR_FINAL, TROUPE_MONITOR_EACH_LIFE,
                                     TROUPE_MONITOR_STOPPING,
                                     TROUPE_MONITOR_EACH_LIFE | TROUPE_MONITOR_STOPPING};
    troupe_id target = id_of(player->world, pick(player));

    if (chance(player, 8) == 0)
        target.value += UINT64_C(1) << 40; /* nobody that ever was */
    for (int i = 0; i < SLOTS; i++) {
        struct watch *watch = &player->watches[i];

        if (watch->monitor.value)
            continue;
        *watch = (struct watch){.target = target, .flags = flags[chance(player, 4)]};
        if (troupe_monitor_start(ctx, target, watch->flags, &watch->monitor) != TROUPE_OK)
            world_wrong(player->world, "a monitor cannot be set");
        return;
    }
}

static void unwatch(struct player *player, troupe_context *ctx)
{
    struct watch *watch = &player->watches[chance(player, SLOTS)];

    if (!watch->monitor.value)
        return;
    if (!troupe_monitor_stop(ctx, watch->monitor))
        world_wrong(player->world, "%u lost a monitor", player->record->index);
    watch->monitor = (troupe_monitor){0};
}

/* ---- lives ---- */

static troupe_status find_or_spawn(struct player *player, troupe_context *ctx,
                                   const troupe_spec *spec, struct offspring *child)
{
    troupe_id id = TROUPE_NOBODY;
    bool spawned = false;
    troupe_status status = troupe_lookup_or_spawn(ctx, spec, &id, &spawned, NULL);

    if (status == TROUPE_E_TAKEN)
        world_wrong(player->world, "%s is taken, and nobody's", spec->name);
    if (status == TROUPE_OK && !id.value)
        world_wrong(player->world, "%s was found as nobody", spec->name);
    if (status == TROUPE_OK && spawned)
        child->id = id;
    return status;
}

static void spawn(struct player *player, troupe_context *ctx)
{
    struct world *world = player->world;
    troupe_spec spec = player_spec_of(world, chance(player, FREE_ROLES));
    troupe_status status;
    char name[8];

    if (trp_load_acquire(&world->n_records) >= RECORDS / 2)
        return;
    if (chance(player, 3) == 0) {
        snprintf(name, sizeof name, "n%u", chance(player, NAMES));
        spec.name = name;
    }
    spec.supervised = chance(player, 2);
    for (int i = 0; i < CHILDREN; i++) {
        struct offspring *child = &player->children[i];

        if (child->id.value)
            continue;
        if (spec.name && chance(player, 2))
            status = find_or_spawn(player, ctx, &spec, child);
        else
            status = troupe_spawn(ctx, &spec, &child->id);
        child->supervised = spec.supervised;
        if (status != TROUPE_OK && status != TROUPE_E_TAKEN && status != TROUPE_E_REFUSED &&
            status != TROUPE_E_CLOSED)
            world_wrong(world, "a spawn failed: %s", troupe_status_name(status));
        return;
    }
}

void decide_about(struct player *player, troupe_context *ctx, struct offspring *child)
{
    struct world *world = player->world;
    troupe_status status;

    if (!world->exact_sent && trp_load_relaxed(&world->fuel) > 0 && chance(player, 4) == 0 &&
        arm(player, ctx, KIND_HEAL, troupe_self(ctx)))
        return; /* later */
    child->held = false;
    if (chance(player, 4) == 0)
        status = troupe_release(ctx, child->id, chance(player, 2));
    else
        status = troupe_restart(ctx, child->id);
    if (status != TROUPE_OK && status != TROUPE_E_GONE)
        world_wrong(world, "a decision failed: %s", troupe_status_name(status));
}

/* Of a child that is not held: nothing happens. Of another's: it is refused. */
static void meddle(struct player *player, troupe_context *ctx)
{
    const struct offspring *child = &player->children[chance(player, CHILDREN)];
    troupe_id other = id_of(player->world, pick(player));

    /* On threads it may just have come to be held, and the notice of it be on its way. */
    if (player->world->simulation && child->id.value && !child->held)
        (void)troupe_restart(ctx, child->id);
    for (int i = 0; i < CHILDREN; i++) {
        if (player->children[i].id.value == other.value)
            return;
    }
    if (troupe_restart(ctx, other) == TROUPE_OK)
        world_wrong(player->world, "%u restarts another's child", player->record->index);
}

static void end_somebody(struct player *player, troupe_context *ctx)
{
    static const troupe_stop_reason reasons[] = {TROUPE_STOP_REQUESTED, TROUPE_STOP_RESTART,
                                                 TROUPE_STOP_SHUTDOWN};
    troupe_id id = player->children[chance(player, CHILDREN)].id;

    if (chance(player, 8) == 0)
        id = id_of(player->world, pick(player));
    if (!id.value)
        return;
    if (chance(player, 2))
        (void)troupe_stop(ctx, id, reasons[chance(player, 3)]);
    else
        (void)troupe_kill(ctx, id);
}

bool crash(struct player *player, troupe_context *ctx)
{
    player->record->crashed = true;
    trp_store_seq(&player->record->crashes,
                  trp_load_seq(&player->record->crashes) | life_bit(player->record->life));
    trp_add_seq(&player->world->n_crashes, 1);
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as it happens");
    return true;
}

/* ---- all of them ---- */

static bool one_action(struct player *player, troupe_context *ctx)
{
    static void (*const all[])(struct player * player, troupe_context * ctx) = {
        send_many,
        send_many,
        send_many,
        ask,
        ask,
        ask,
        cancel,
        pay,
        pay,
        publish,
        arm_some,
        arm_some,
        disarm,
        watch,
        watch,
        unwatch,
        spawn,
        spawn,
        meddle,
        end_somebody,
        send_by_pool,
        tell_thread,
        tie,
        untie,
        ask_for_room,
        ask_for_room,
        send_by_group,
        leave_group,
        begin_interval,
        end_interval,
    };
    uint32_t what = chance(player, 60);

    if (what == 59)
        return crash(player, ctx);
    if (what == 58 && chance(player, 2) == 0)
        troupe_exit_self(ctx);
    if (what == 57 && chance(player, 2) == 0)
        (void)troupe_stop(ctx, troupe_self(ctx), TROUPE_STOP_RESTART);
    all[what % (sizeof all / sizeof *all)](player, ctx);
    return false;
}

bool act(struct player *player, troupe_context *ctx)
{
    for (uint32_t n = chance(player, 4); n > 0; n--) {
        if (trp_add_seq(&player->world->fuel, -1) <= 0)
            return false;
        if (one_action(player, ctx))
            return true;
    }
    return false;
}

void act_peacefully(struct player *player, troupe_context *ctx)
{
    if (trp_add_seq(&player->world->fuel, -1) > 0)
        send_to(player, ctx, pick(player));
}
