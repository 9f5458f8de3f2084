/* lives.c - spawn_stop (a whole life), crash_restart (from a crash to the next message handled). */
#include "bench.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <string.h>

/* ---- spawn_stop: spawn, four hooks, one message, stop ---- */

/* What every mayfly did, counted by its hooks; any worker. */
struct counts {
    _Atomic(uint64_t) pre_start, post_start, handled, pre_stop, post_stop;
};

struct mayfly {
    struct counts *counts;
};

static troupe_status mayfly_pre_start(void *self, const troupe_start *start)
{
    struct mayfly *mayfly = self;

    mayfly->counts = *(struct counts *const *)start->argument;
    trp_add_relaxed(&mayfly->counts->pre_start, 1);
    return TROUPE_OK;
}

static troupe_status mayfly_post_start(void *self, troupe_context *ctx)
{
    (void)ctx;
    trp_add_relaxed(&((struct mayfly *)self)->counts->post_start, 1);
    return TROUPE_OK;
}

static troupe_status mayfly_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)ctx;
    (void)message;
    trp_add_relaxed(&((struct mayfly *)self)->counts->handled, 1);
    return TROUPE_OK;
}

static troupe_status mayfly_pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    (void)ctx;
    (void)reason;
    trp_add_relaxed(&((struct mayfly *)self)->counts->pre_stop, 1);
    return TROUPE_OK;
}

static void mayfly_post_stop(void *self)
{
    trp_add_relaxed(&((struct mayfly *)self)->counts->post_stop, 1);
}

static const troupe_child_ops mayfly_child = {.pre_start = mayfly_pre_start,
                                              .post_start = mayfly_post_start,
                                              .pre_stop = mayfly_pre_stop,
                                              .post_stop = mayfly_post_stop};
static const troupe_actor_ops mayfly_actor = {.handle_message = mayfly_message};

/* The component that spawns: as many alive at a time as it is told. */
struct breeder {
    const troupe_spec *spec;
    uint64_t to_spawn, alive, ended_well;
    troupe_correlation asked;
};

static troupe_status breeder_pre_start(void *self, const troupe_start *start)
{
    ((struct breeder *)self)->spec = start->argument;
    return TROUPE_OK;
}

static void spawn_next(struct breeder *breeder, troupe_context *ctx)
{
    troupe_id id;

    breeder->to_spawn--;
    breeder->alive++;
    if (troupe_spawn(ctx, breeder->spec, &id) != TROUPE_OK)
        troupe_fail(ctx, breeder->asked, TROUPE_E_FAILED, troupe_text("a spawn was refused"));
}

/* How many, and how many at a time. */
static troupe_status breeder_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct breeder *breeder = self;
    uint64_t numbers[2];

    memcpy(numbers, message->payload.data, sizeof numbers);
    breeder->to_spawn = numbers[0];
    breeder->ended_well = 0;
    breeder->asked = message->correlation;
    while (breeder->to_spawn > 0 && breeder->alive < numbers[1])
        spawn_next(breeder, ctx);
    return TROUPE_OK;
}

static void breeder_notice(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct breeder *breeder = self;
    const uint64_t order[2] = {0, 1};

    if (notice->event == TROUPE_EVENT_STARTED) {
        if (troupe_send(ctx, notice->exit.id, TROUPE_BYTES_OF(order)) != TROUPE_OK ||
            troupe_stop(ctx, notice->exit.id, TROUPE_STOP_REQUESTED) != TROUPE_OK)
            troupe_fail(ctx, breeder->asked, TROUPE_E_FAILED, troupe_text("a life went wrong"));
        return;
    }
    if (notice->event != TROUPE_EVENT_CHILD_DOWN)
        return;
    breeder->alive--;
    breeder->ended_well += notice->exit.reason == TROUPE_EXIT_NORMAL;
    if (breeder->to_spawn > 0)
        spawn_next(breeder, ctx);
    else if (breeder->alive == 0)
        troupe_reply_to(ctx, breeder->asked, TROUPE_BYTES_OF(breeder->ended_well));
}

static const troupe_child_ops breeder_child = {.pre_start = breeder_pre_start};
static const troupe_actor_ops breeder_actor = {.handle_message = breeder_message,
                                               .handle_down = breeder_notice};

struct spawn_stop {
    bench_house house;
    struct counts counts;
    struct counts *argument; /* = &counts: what a mayfly's argument points to */
    troupe_spec spec;
    troupe_id breeder;
    uint64_t at_a_time;
};

static struct spawn_stop *open_spawn_stop(unsigned cores, const char *guest, uint64_t at_a_time)
{
    struct spawn_stop *bench = trp_alloc_zeroed(sizeof *bench);

    BENCH_MUST(bench, "memory is out");
    bench_house_open(&bench->house, cores);
    bench->at_a_time = at_a_time;
    bench->argument = &bench->counts;
    bench->spec = *TROUPE_SPEC(.child = &mayfly_child, .actor = &mayfly_actor,
                               .state_size = sizeof(struct mayfly), .argument = &bench->argument);
    if (guest) {
        bench_house_guest(&bench->house, guest);
        troupe_guest_spec(bench->house.guest, &bench->spec);
    }
    bench->spec.drain = true; /* the one message is handled, though the stop follows at once */
    bench->breeder = bench_house_spawn(
        &bench->house,
        TROUPE_SPEC(.name = "breeder", .child = &breeder_child, .actor = &breeder_actor,
                    .state_size = sizeof(struct breeder), .argument = &bench->spec));
    return bench;
}

static void *open_native_in_turn(unsigned cores)
{
    return open_spawn_stop(cores, NULL, 1);
}

static void *open_native_pipelined(unsigned cores)
{
    return open_spawn_stop(cores, NULL, 100);
}

static void *open_guest_in_turn(unsigned cores)
{
    return open_spawn_stop(cores, "bench_four_hooks.wasm", 1);
}

static void *open_guest_pipelined(unsigned cores)
{
    return open_spawn_stop(cores, "bench_four_hooks.wasm", 100);
}

static void live_and_end(void *state, uint64_t ops)
{
    struct spawn_stop *bench = state;
    uint64_t numbers[2] = {ops, bench->at_a_time};
    uint64_t before = trp_load_relaxed(&bench->counts.post_stop);

    BENCH_MUST(bench_house_ask(&bench->house, bench->breeder, TROUPE_BYTES_OF(numbers)) == ops,
               "a life did not end in order");
    if (bench->house.guest)
        return; /* the guest itself traps unless its hooks come in order around one message */
    BENCH_MUST(trp_load_relaxed(&bench->counts.pre_start) - before == ops &&
                   trp_load_relaxed(&bench->counts.post_start) - before == ops &&
                   trp_load_relaxed(&bench->counts.handled) - before == ops &&
                   trp_load_relaxed(&bench->counts.pre_stop) - before == ops &&
                   trp_load_relaxed(&bench->counts.post_stop) - before == ops,
               "a hook or a message was left out");
}

static void close_spawn_stop(void *state)
{
    struct spawn_stop *bench = state;

    bench_house_close(&bench->house);
    trp_free(bench);
}

const bench_case bench_spawn_stop[] = {
    {.name = "spawn_stop",
     .variant = "floor",
     .what = "a bare loop: take an actor, two messages, give it back",
     .most_cores = 1,
     .ops = 1000000,
     .round = bench_floor_spawn_stop},
    {.name = "spawn_stop",
     .variant = "native",
     .what = "spawn, four hooks, one message, stop; one at a time, from a component",
     .reach = "5.3 x the floor",
     .most_cores = 2,
     .ops = 100000,
     .open = open_native_in_turn,
     .round = live_and_end,
     .close = close_spawn_stop},
    {.name = "spawn_stop",
     .variant = "native_pipelined",
     .what = "the same, 100 at a time",
     .reach = "5.3 x the floor",
     .most_cores = 2,
     .ops = 100000,
     .open = open_native_pipelined,
     .round = live_and_end,
     .close = close_spawn_stop},
    {.name = "spawn_stop",
     .variant = "guest_canonical",
     .what = "the same with a guest: a store and an instance for each, one at a time",
     .reach = "2500 ns",
     .most_cores = 2,
     .ops = 20000,
     .open = open_guest_in_turn,
     .round = live_and_end,
     .close = close_spawn_stop},
    {.name = "spawn_stop",
     .variant = "guest_canonical_pipelined",
     .what = "the same, 100 at a time",
     .reach = "2500 ns",
     .most_cores = 2,
     .ops = 20000,
     .open = open_guest_pipelined,
     .round = live_and_end,
     .close = close_spawn_stop},
    {.name = NULL},
};

/* ---- crash_restart ---- */

/* Native: 16 bytes {1, } crash, {0, } count; a request is answered with the count of this life. */
struct faller {
    uint64_t n_handled;
};

static troupe_status faller_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct faller *faller = self;
    uint64_t numbers[2];

    memcpy(numbers, message->payload.data, sizeof numbers);
    if (numbers[0] == 1) {
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "told to crash");
        return TROUPE_OK;
    }
    faller->n_handled++;
    return troupe_reply(ctx, TROUPE_BYTES_OF(faller->n_handled));
}

static const troupe_actor_ops faller_actor = {.handle_message = faller_message};

/* Sends the crash and asks behind it: the fresh life answers. */
struct pusher {
    troupe_id faller;
    uint64_t left, n_fresh;
    troupe_correlation asked;
};

static troupe_status push(struct pusher *pusher, troupe_context *ctx)
{
    const uint64_t crash[2] = {1, 0}, question[2] = {0, 0};
    troupe_correlation correlation;
    troupe_status status = troupe_send(ctx, pusher->faller, TROUPE_BYTES_OF(crash));

    return status != TROUPE_OK ? status
                               : troupe_request(ctx, pusher->faller, TROUPE_BYTES_OF(question),
                                                BENCH_PATIENCE, &correlation);
}

static troupe_status pusher_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct pusher *pusher = self;
    uint64_t numbers[2];

    memcpy(numbers, message->payload.data, sizeof numbers);
    *pusher =
        (struct pusher){.faller = {numbers[0]}, .left = numbers[1], .asked = message->correlation};
    return push(pusher, ctx);
}

static void pusher_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct pusher *pusher = self;
    uint64_t count = 0;

    if (answer->status == TROUPE_OK && answer->payload.size == sizeof count)
        memcpy(&count, answer->payload.data, sizeof count);
    pusher->n_fresh += count == 1; /* the first message of its life */
    if (--pusher->left == 0)
        troupe_reply_to(ctx, pusher->asked, TROUPE_BYTES_OF(pusher->n_fresh));
    else if (push(pusher, ctx) != TROUPE_OK)
        troupe_fail(ctx, pusher->asked, TROUPE_E_FAILED, troupe_text("a message was refused"));
}

static const troupe_actor_ops pusher_actor = {.handle_message = pusher_message,
                                              .handle_reply = pusher_reply};

struct crash_restart {
    bench_house house;
    troupe_child *children; /* one of them is the faller, the others stand */
    troupe_supervisor supervisor;
    troupe_id faller, pusher;
    uint64_t n_lives;
};

static struct crash_restart *open_crash_restart(unsigned cores, const char *guest, size_t n)
{
    struct crash_restart *bench = trp_alloc_zeroed(sizeof *bench);
    troupe_spec spec = *TROUPE_SPEC(.name = "supervisor");

    BENCH_MUST(bench, "memory is out");
    bench->children = trp_alloc_zeroed(n * sizeof *bench->children);
    BENCH_MUST(bench->children, "memory is out");
    bench_house_open(&bench->house, cores);
    for (size_t i = 0; i < n; i++)
        bench->children[i].spec =
            *TROUPE_SPEC(.actor = &faller_actor, .state_size = sizeof(struct faller));
    bench->children[n / 2].spec.name = "faller";
    if (guest) {
        bench_house_guest(&bench->house, guest);
        troupe_guest_spec(bench->house.guest, &bench->children[n / 2].spec);
    }
    /* So narrow a window that the intensity is never exceeded; no backoff. */
    bench->supervisor =
        (troupe_supervisor)TROUPE_SUPERVISOR(.children = bench->children, .n_children = n,
                                             .max_restarts = 1000, .within_ns = 1);
    BENCH_OK(troupe_supervisor_spec(&bench->supervisor, &spec, NULL));
    bench_house_spawn(&bench->house, &spec);
    BENCH_OK(troupe_lookup(bench->house.system, "faller", &bench->faller));
    bench->pusher =
        bench_house_spawn(&bench->house, TROUPE_SPEC(.name = "pusher", .actor = &pusher_actor,
                                                     .state_size = sizeof(struct pusher)));
    return bench;
}

static void *open_native_faller(unsigned cores)
{
    return open_crash_restart(cores, NULL, 1);
}

static void *open_one_of_ten(unsigned cores)
{
    return open_crash_restart(cores, NULL, 10);
}

static void *open_one_of_many(unsigned cores)
{
    return open_crash_restart(cores, NULL, 100000);
}

static void *open_guest_faller(unsigned cores)
{
    return open_crash_restart(cores, "bench_tally.wasm", 1);
}

static void crash_and_ask(void *state, uint64_t ops)
{
    struct crash_restart *bench = state;
    uint64_t numbers[2] = {bench->faller.value, ops};
    troupe_info info;

    BENCH_MUST(bench_house_ask(&bench->house, bench->pusher, TROUPE_BYTES_OF(numbers)) == ops,
               "an answer did not come from a fresh life");
    bench->n_lives += ops;
    BENCH_OK(troupe_info_of(bench->house.system, bench->faller, &info));
    BENCH_MUST(info.incarnation == 1 + bench->n_lives, "a crash was not one restart");
}

static void close_crash_restart(void *state)
{
    struct crash_restart *bench = state;

    bench_house_close(&bench->house);
    trp_free(bench->children);
    trp_free(bench);
}

const bench_case bench_crash_restart[] = {
    {.name = "crash_restart",
     .variant = "floor",
     .what = "a bare loop: one message clears the state, the next is handled",
     .most_cores = 1,
     .ops = 1000000,
     .round = bench_floor_crash_restart},
    {.name = "crash_restart",
     .variant = "native",
     .what = "troupe_crash -> supervisor -> the next life has handled and answered a request",
     .reach = "2000 ns",
     .most_cores = 2,
     .ops = 50000,
     .open = open_native_faller,
     .round = crash_and_ask,
     .close = close_crash_restart},
    {.name = "crash_restart",
     .variant = "native_of_10",
     .what = "the same, one of ten children",
     .most_cores = 2,
     .ops = 50000,
     .open = open_one_of_ten,
     .round = crash_and_ask,
     .close = close_crash_restart},
    {.name = "crash_restart",
     .variant = "native_of_100k",
     .what = "the same, one of 100 000",
     .reach = "as native_of_10",
     .most_cores = 2,
     .ops = 50000,
     .open = open_one_of_many,
     .round = crash_and_ask,
     .close = close_crash_restart},
    {.name = "crash_restart",
     .variant = "guest_canonical",
     .what = "a trap -> supervisor -> a fresh instance has handled and answered a request",
     .reach = "crash_restart/engine + crash_restart/native",
     .most_cores = 2,
     .ops = 10000,
     .open = open_guest_faller,
     .round = crash_and_ask,
     .close = close_crash_restart},
    {.name = NULL},
};
