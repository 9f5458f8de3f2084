/* trees.c - supervisors with many children, and what a storm of crashes does to the others. */
#include "bench.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHILDREN 100000u

/* ---- a supervisor of 100 000: started, and stopped in order ---- */

static troupe_status take_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_OK;
}

static const troupe_actor_ops idle_actor = {.handle_message = take_message};

/* Spawns as many without a supervisor; answers when all of them said that they started. */
struct nursery {
    uint64_t left;
    troupe_correlation asked;
};

static troupe_status nursery_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct nursery *nursery = self;
    troupe_id id;

    memcpy(&nursery->left, message->payload.data, sizeof nursery->left);
    nursery->asked = message->correlation;
    for (uint64_t n = nursery->left; n > 0; n--) {
        if (troupe_spawn(ctx, TROUPE_SPEC(.actor = &idle_actor), &id) != TROUPE_OK)
            return TROUPE_E_FAILED;
    }
    return TROUPE_OK;
}

static void nursery_notice(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct nursery *nursery = self;
    uint64_t none = 0;

    if (notice->event == TROUPE_EVENT_STARTED && --nursery->left == 0)
        troupe_reply_to(ctx, nursery->asked, TROUPE_BYTES_OF(none));
}

static const troupe_actor_ops nursery_actor = {.handle_message = nursery_message,
                                               .handle_down = nursery_notice};

struct times {
    bench_result start, bare, stop;
};

static void time_one(bench_house *house, const troupe_supervisor *plan, struct times *times)
{
    troupe_spec spec = *TROUPE_SPEC(.name = "supervisor", .stop_timeout = BENCH_PATIENCE);
    uint64_t n = CHILDREN, began = trp_monotonic_ns();
    troupe_id id;

    BENCH_OK(troupe_supervisor_spec(plan, &spec, NULL));
    id = bench_house_spawn(house, &spec);
    times->start.values[times->start.n++] = (double)(trp_monotonic_ns() - began) / CHILDREN;
    began = trp_monotonic_ns();
    BENCH_OK(troupe_stop(house->me, id, TROUPE_STOP_REQUESTED));
    BENCH_OK(troupe_wait_end(house->me, id, BENCH_PATIENCE, NULL));
    times->stop.values[times->stop.n++] = (double)(trp_monotonic_ns() - began) / CHILDREN;
    id = bench_house_spawn(house,
                           TROUPE_SPEC(.actor = &nursery_actor, .stop_timeout = BENCH_PATIENCE,
                                       .state_size = sizeof(struct nursery)));
    began = trp_monotonic_ns();
    (void)bench_house_ask(house, id, TROUPE_BYTES_OF(n));
    times->bare.values[times->bare.n++] = (double)(trp_monotonic_ns() - began) / CHILDREN;
    BENCH_OK(troupe_stop(house->me, id, TROUPE_STOP_REQUESTED));
    BENCH_OK(troupe_wait_end(house->me, id, BENCH_PATIENCE, NULL));
}

static void time_many(const bench_case *self, unsigned cores, unsigned rounds)
{
    struct times *times = trp_alloc_zeroed(sizeof *times);
    troupe_child *children = trp_alloc_zeroed(CHILDREN * sizeof *children);
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = children, .n_children = CHILDREN);
    bench_house house;

    BENCH_MUST(times && children, "memory is out");
    times->start = (bench_result){
        .name = self->name, .variant = "supervised_start", .unit = "ns/child", .cores = cores};
    times->bare = (bench_result){
        .name = self->name, .variant = "unsupervised_start", .unit = "ns/child", .cores = cores};
    times->stop = (bench_result){
        .name = self->name, .variant = "supervised_stop", .unit = "ns/child", .cores = cores};
    for (size_t i = 0; i < CHILDREN; i++)
        children[i].spec = *TROUPE_SPEC(.actor = &idle_actor);
    bench_house_open(&house, cores);
    for (unsigned i = 0; i < rounds; i++)
        time_one(&house, &plan, times);
    bench_house_close(&house);
    bench_report(&times->bare, NULL);
    bench_report(&times->start, "unsupervised_start less 20 % of its rate");
    bench_report(&times->stop, NULL);
    trp_free(children);
    trp_free(times);
}

/* ---- pings ---- */

#define RATE_NS 100000u /* 10 000 a second */
#define PINGS 5000u

static troupe_status echo_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops echo_actor = {.handle_message = echo_message};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct pings {
    double latencies[PINGS];
    uint32_t n;
};

static double share_of(struct pings *pings, uint32_t percent)
{
    qsort(pings->latencies, pings->n, sizeof *pings->latencies, by_size);
    return pings->latencies[percent == 100 ? pings->n - 1 : pings->n * percent / 100];
}

/* Open loop: each ping has its time, and its latency counts from then, also when it was sent late. */
static double p99_of_pings(bench_house *house, troupe_id echo, struct pings *pings)
{
    uint64_t began = trp_monotonic_ns() + TROUPE_MILLISECOND, number = 1;

    for (pings->n = 0; pings->n < PINGS; pings->n++) {
        uint64_t due = began + (uint64_t)pings->n * RATE_NS;

        while (trp_monotonic_ns() < due)
            continue;
        (void)bench_house_ask(house, echo, TROUPE_BYTES_OF(number));
        pings->latencies[pings->n] = (double)(trp_monotonic_ns() - due);
    }
    return share_of(pings, 99);
}

/* ---- pings beside an ordered stop ---- */

/* A component, so that what is seen is what the worker does, and not how Linux shares the core between it and a thread
 * that pings. Between two pings it sends to itself: it has its turn whenever those before it had theirs. */
struct pinger {
    struct pings *pings;
    troupe_id echo, beside;
    uint64_t began, n_sent;
    troupe_correlation asked;
};

/* Whom, and who is to be stopped: NOBODY: PINGS pings while nothing happens. */
struct round {
    struct pings *pings;
    troupe_id echo, stopped;
};

static bool is_over(const struct pinger *pinger, troupe_context *ctx)
{
    troupe_id id;

    return pinger->pings->n == PINGS ||
           (pinger->beside.value && troupe_lookup(troupe_system_of(ctx), "many", &id) != TROUPE_OK);
}

static troupe_status pinger_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct pinger *pinger = self;
    const uint64_t number = 1;
    troupe_correlation correlation;
    struct round round;

    if (message->correlation.value) {
        memcpy(&round, message->payload.data, sizeof round);
        *pinger = (struct pinger){.pings = round.pings,
                                  .echo = round.echo,
                                  .beside = round.stopped,
                                  .began = trp_monotonic_ns() + RATE_NS,
                                  .asked = message->correlation};
        if (round.stopped.value)
            BENCH_OK(troupe_stop(ctx, round.stopped, TROUPE_STOP_REQUESTED));
    }
    if (!pinger->asked.value)
        return TROUPE_OK; /* the last one to itself */
    if (pinger->n_sent < PINGS && trp_monotonic_ns() >= pinger->began + pinger->n_sent * RATE_NS) {
        BENCH_OK(troupe_request(ctx, pinger->echo, TROUPE_BYTES_OF(number), BENCH_PATIENCE,
                                &correlation));
        pinger->n_sent++;
    }
    return troupe_send(ctx, troupe_self(ctx), TROUPE_BYTES_OF(number));
}

static void pinger_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct pinger *pinger = self;
    uint64_t due, none = 0;

    BENCH_OK(answer->status);
    if (!pinger->asked.value)
        return; /* one that was on its way when the stop was over */
    due = pinger->began + (uint64_t)pinger->pings->n * RATE_NS;
    pinger->pings->latencies[pinger->pings->n++] = (double)(trp_monotonic_ns() - due);
    if (!is_over(pinger, ctx))
        return;
    BENCH_OK(troupe_reply_to(ctx, pinger->asked, TROUPE_BYTES_OF(none)));
    pinger->asked = (troupe_correlation){0};
}

static const troupe_actor_ops pinger_actor = {.handle_message = pinger_message,
                                              .handle_reply = pinger_reply};

struct beside {
    bench_result half, most, longest;
};

static void add(struct beside *beside, struct pings *pings)
{
    beside->half.values[beside->half.n++] = share_of(pings, 50);
    beside->most.values[beside->most.n++] = share_of(pings, 99);
    beside->longest.values[beside->longest.n++] = share_of(pings, 100);
}

static void report(const bench_case *self, unsigned cores, const char *variant,
                   struct beside *beside)
{
    static const char *const units[] = {"ns p50", "ns p99", "ns longest"};
    bench_result *results[] = {&beside->half, &beside->most, &beside->longest};

    for (size_t i = 0; i < 3; i++) {
        results[i]->name = self->name;
        results[i]->variant = variant;
        results[i]->unit = units[i];
        results[i]->cores = cores;
        bench_report(results[i], NULL);
    }
}

static void time_stop(const bench_case *self, unsigned cores, unsigned rounds)
{
    struct beside *quiet = trp_alloc_zeroed(2 * sizeof *quiet), *stop = quiet + 1;
    struct pings *pings = trp_alloc(sizeof *pings);
    troupe_child *children = trp_alloc_zeroed(CHILDREN * sizeof *children);
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = children, .n_children = CHILDREN);
    uint64_t n_pings = 0;
    bench_house house;
    troupe_id pinger, echo, id;

    BENCH_MUST(quiet && pings && children, "memory is out");
    for (size_t i = 0; i < CHILDREN; i++)
        children[i].spec = *TROUPE_SPEC(.actor = &idle_actor);
    bench_house_open(&house, cores);
    echo = bench_house_spawn(&house, TROUPE_SPEC(.actor = &echo_actor));
    pinger = bench_house_spawn(
        &house, TROUPE_SPEC(.actor = &pinger_actor, .state_size = sizeof(struct pinger)));
    for (unsigned i = 0; i < rounds; i++) {
        troupe_spec spec = *TROUPE_SPEC(.name = "many", .stop_timeout = BENCH_PATIENCE);
        struct round round = {pings, echo, TROUPE_NOBODY};

        BENCH_OK(troupe_supervisor_spec(&plan, &spec, NULL));
        id = bench_house_spawn(&house, &spec);
        pings->n = 0;
        (void)bench_house_ask(&house, pinger, TROUPE_BYTES_OF(round));
        add(quiet, pings);
        round.stopped = id;
        pings->n = 0;
        (void)bench_house_ask(&house, pinger, TROUPE_BYTES_OF(round));
        n_pings += pings->n;
        add(stop, pings);
        BENCH_OK(troupe_wait_end(house.me, id, BENCH_PATIENCE, NULL));
    }
    bench_house_close(&house);
    snprintf(stop->half.note, sizeof stop->half.note, "%.0f pings a stop",
             (double)n_pings / rounds);
    report(self, cores, "quiet", quiet);
    report(self, cores, "stop", stop);
    trp_free(children);
    trp_free(pings);
    trp_free(quiet);
}

/* ---- a storm ---- */

#define FALLERS 1000u

static troupe_status fall(void *self, troupe_context *ctx)
{
    (void)self;
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, "for ever");
    return TROUPE_E_FAILED;
}

/* The first life stands, so that the tree starts; it falls at its first message. */
struct faller {
    bool first;
};

static troupe_status faller_pre_start(void *self, const troupe_start *start)
{
    ((struct faller *)self)->first = start->incarnation == 1;
    return TROUPE_OK;
}

static troupe_status faller_post_start(void *self, troupe_context *ctx)
{
    return ((struct faller *)self)->first ? TROUPE_OK : fall(self, ctx);
}

static troupe_status faller_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)message;
    return fall(self, ctx);
}

static const troupe_child_ops faller_child = {.pre_start = faller_pre_start,
                                              .post_start = faller_post_start};
static const troupe_actor_ops faller_actor = {.handle_message = faller_message};

static troupe_id begin_storm(bench_house *house, const troupe_supervisor *plan)
{
    troupe_spec spec = *TROUPE_SPEC(.name = "storm");
    troupe_id id, one;
    char name[16];

    BENCH_OK(troupe_supervisor_spec(plan, &spec, NULL));
    id = bench_house_spawn(house, &spec);
    for (uint32_t i = 0; i < FALLERS; i++) {
        snprintf(name, sizeof name, "f%u", i);
        BENCH_OK(troupe_lookup(house->system, name, &one));
        BENCH_OK(troupe_send(house->me, one, TROUPE_TEXT("fall")));
    }
    return id;
}

static void time_storm_of(const bench_case *self, unsigned cores, unsigned rounds, uint64_t max_ns)
{
    static char names[FALLERS][16];
    troupe_child *children = trp_alloc_zeroed(FALLERS * sizeof *children);
    struct pings *pings = trp_alloc(sizeof *pings);
    troupe_supervisor plan = TROUPE_SUPERVISOR(.children = children, .n_children = FALLERS,
                                               .max_restarts = 1000000000, .within_ns = 1,
                                               .backoff = {.kind = TROUPE_BACKOFF_EXPONENTIAL,
                                                           .initial_ns = 10 * TROUPE_MILLISECOND,
                                                           .max_ns = max_ns,
                                                           .jitter = 0.5,
                                                           .reset_after_ns = TROUPE_SECOND});
    bench_result quiet = {.name = self->name, .variant = "quiet", .unit = "ns p99", .cores = cores};
    bench_result storm = {.name = self->name, .variant = "storm", .unit = "ns p99", .cores = cores};
    bench_house house;
    troupe_totals before, after;
    troupe_id echo;

    BENCH_MUST(children && pings, "memory is out");
    for (uint32_t i = 0; i < FALLERS; i++) {
        snprintf(names[i], sizeof names[i], "f%u", i);
        children[i].spec =
            *TROUPE_SPEC(.name = names[i], .child = &faller_child, .actor = &faller_actor,
                         .state_size = sizeof(struct faller));
    }
    bench_house_open(&house, cores);
    echo = bench_house_spawn(&house, TROUPE_SPEC(.actor = &echo_actor));
    for (unsigned i = 0; i < rounds; i++)
        quiet.values[quiet.n++] = p99_of_pings(&house, echo, pings);
    (void)begin_storm(&house, &plan);
    troupe_totals_now(house.system, &before);
    for (unsigned i = 0; i < rounds; i++)
        storm.values[storm.n++] = p99_of_pings(&house, echo, pings);
    troupe_totals_now(house.system, &after);
    snprintf(storm.note, sizeof storm.note, "%.0f crashes a second meanwhile",
             (double)(after.crashes - before.crashes) /
                 ((double)rounds * PINGS * RATE_NS / TROUPE_SECOND));
    bench_house_close(&house);
    bench_report(&quiet, NULL);
    bench_report(&storm, "2 x quiet");
    trp_free(pings);
    trp_free(children);
}

static void time_storm(const bench_case *self, unsigned cores, unsigned rounds)
{
    time_storm_of(self, cores, rounds, TROUPE_SECOND);
}

static void time_dense_storm(const bench_case *self, unsigned cores, unsigned rounds)
{
    time_storm_of(self, cores, rounds, 100 * TROUPE_MILLISECOND);
}

const bench_case bench_trees[] = {
    {.name = "supervisor_100k",
     .variant = "native",
     .what = "100 000 children: spawned bare until each said that it started; as children of one "
             "supervisor, in order; stopped in order",
     .most_cores = 2,
     .whole = time_many},
    {.name = "supervisor_100k_stop",
     .variant = "native",
     .what =
         "requests from one component to another at 10 000 a second, from their intended times, "
         "beside 100 000 children: 5000 while they stand, and as long as they are stopped",
     .most_cores = 2,
     .whole = time_stop},
    {.name = "crash_storm",
     .variant = "native",
     .what = "the 99th percentile of 5000 calls at 10 000 a second, from their intended times: "
             "quiet, and beside 1000 children that crash for ever, each after 0.5 to 1 s",
     .most_cores = 2,
     .whole = time_storm},
    {.name = "crash_storm_dense",
     .variant = "native",
     .what = "the same, each after 50 to 100 ms",
     .most_cores = 2,
     .whole = time_dense_storm},
    {.name = NULL},
};
