/* messages.c - counting (one sender, one counter) and ping_pong (there and back). */
#include "bench.h"

#include "trp/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN 100 /* messages that the producer sends before others get their turn */

/* What a tally takes: 16 bytes. */
struct order {
    uint64_t what, number;
};

/* ---- counting ---- */

struct tally {
    uint64_t n_handled, sum;
};

static troupe_status tally_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct tally *tally = self;
    struct order order;

    if (message->payload.size != sizeof order)
        return TROUPE_E_INVALID;
    memcpy(&order, message->payload.data, sizeof order);
    tally->n_handled++;
    tally->sum += order.number;
    return message->correlation.value ? troupe_reply(ctx, TROUPE_BYTES_OF(tally->n_handled))
                                      : TROUPE_OK;
}

static const troupe_actor_ops tally_actor = {.handle_message = tally_message};

struct producer {
    troupe_id tally;
    uint64_t left;
    troupe_correlation asked;
};

/* Sends a turn's worth, then lets others run by a message to itself; at last it asks the tally. */
static troupe_status produce(struct producer *producer, troupe_context *ctx)
{
    uint64_t n = producer->left < TURN ? producer->left : TURN;
    troupe_correlation correlation;
    troupe_status status = TROUPE_OK;

    for (uint64_t i = 0; i < n && status == TROUPE_OK; i++) {
        struct order order = {.what = 0, .number = i};

        status = troupe_send(ctx, producer->tally, TROUPE_BYTES_OF(order));
    }
    producer->left -= n;
    if (status == TROUPE_OK && producer->left > 0)
        return troupe_send(ctx, troupe_self(ctx), TROUPE_TEXT("more"));
    if (status == TROUPE_OK) {
        struct order order = {0, 0};

        status = troupe_request(ctx, producer->tally, TROUPE_BYTES_OF(order), BENCH_PATIENCE,
                                &correlation);
    }
    return status;
}

/* From the bench: who counts, and how many. From itself: go on. */
static troupe_status producer_message(void *self, troupe_context *ctx,
                                      const troupe_message *message)
{
    struct producer *producer = self;

    if (message->correlation.value) {
        uint64_t numbers[2];

        memcpy(numbers, message->payload.data, sizeof numbers);
        producer->tally = (troupe_id){numbers[0]};
        producer->left = numbers[1];
        producer->asked = message->correlation;
    }
    return produce(producer, ctx);
}

static void producer_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct producer *producer = self;

    if (answer->status == TROUPE_OK)
        troupe_reply_to(ctx, producer->asked, answer->payload);
    else
        troupe_fail(ctx, producer->asked, answer->status, troupe_text("the tally gave no answer"));
}

static const troupe_actor_ops producer_actor = {.handle_message = producer_message,
                                                .handle_reply = producer_reply};

struct counting {
    bench_house house;
    troupe_id producer, tally;
    uint64_t n_handled;
};

static struct counting *open_counting(unsigned cores, const char *guest)
{
    struct counting *counting = trp_alloc_zeroed(sizeof *counting);
    troupe_spec spec =
        *TROUPE_SPEC(.name = "tally", .actor = &tally_actor, .state_size = sizeof(struct tally));

    BENCH_MUST(counting, "memory is out");
    bench_house_open(&counting->house, cores);
    if (guest) {
        bench_house_guest(&counting->house, guest);
        troupe_guest_spec(counting->house.guest, &spec);
    }
    spec.on_full =
        TROUPE_ON_FULL_BLOCK; /* at the default bound: the producer is muted, nothing is lost */
    counting->tally = bench_house_spawn(&counting->house, &spec);
    counting->producer = bench_house_spawn(&counting->house,
                                           TROUPE_SPEC(.name = "producer", .actor = &producer_actor,
                                                       .state_size = sizeof(struct producer)));
    return counting;
}

static void *open_counting_native(unsigned cores)
{
    return open_counting(cores, NULL);
}

static void *open_counting_guest(unsigned cores)
{
    return open_counting(cores, "bench_tally.wasm");
}

static void count(void *state, uint64_t ops)
{
    struct counting *counting = state;
    uint64_t numbers[2] = {counting->tally.value, ops};

    counting->n_handled += ops + 1; /* the question counts too */
    BENCH_MUST(bench_house_ask(&counting->house, counting->producer, TROUPE_BYTES_OF(numbers)) ==
                   counting->n_handled,
               "the tally is wrong");
}

static void close_counting(void *state)
{
    struct counting *counting = state;

    bench_house_close(&counting->house);
    trp_free(counting);
}

const bench_case bench_counting[] = {
    {.name = "counting",
     .variant = "floor",
     .what = "a bare loop: messages of 16 bytes from one actor to another",
     .most_cores = 1,
     .ops = 3000000,
     .round = bench_floor_counting},
    {.name = "counting",
     .variant = "native",
     .what = "a native sender, a native counter: ns for each message sent and handled",
     .reach = "2.05 x the floor",
     .most_cores = 2,
     .ops = 2000000,
     .open = open_counting_native,
     .round = count,
     .close = close_counting},
    {.name = "counting",
     .variant = "guest_canonical",
     .what = "a native sender, a guest that counts: ns for each message of 16 bytes",
     .reach = "90 ns; at this stage 250",
     .most_cores = 2,
     .ops = 500000,
     .open = open_counting_guest,
     .round = count,
     .close = close_counting},
    {.name = NULL},
};

/* ---- ping_pong by requests: request -> handler -> reply -> handler ---- */

#define MOST_SAMPLES 200000

struct pinger {
    troupe_id peer;
    uint64_t left, n_answers;
    troupe_correlation asked;
    bool sampling;
    uint64_t began_ns;
    uint64_t *samples; /* the bench's; NULL unless sampling */
};

static troupe_status echo_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops echo_actor = {.handle_message = echo_message};

static troupe_status ping(struct pinger *pinger, troupe_context *ctx)
{
    uint64_t numbers[2] = {0, pinger->left};
    troupe_correlation correlation;

    if (pinger->samples)
        pinger->began_ns = troupe_now(troupe_system_of(ctx));
    return troupe_request(ctx, pinger->peer, TROUPE_BYTES_OF(numbers), BENCH_PATIENCE,
                          &correlation);
}

/* peer, how many trips, and where to write the time of each, or 0. */
static troupe_status pinger_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct pinger *pinger = self;
    uint64_t numbers[3];

    if (message->payload.size != sizeof numbers)
        return TROUPE_E_INVALID;
    memcpy(numbers, message->payload.data, sizeof numbers);
    *pinger = (struct pinger){.peer = {numbers[0]},
                              .left = numbers[1],
                              .asked = message->correlation,
                              .samples = (uint64_t *)(uintptr_t)numbers[2]};
    return ping(pinger, ctx);
}

static void pinger_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct pinger *pinger = self;

    if (pinger->samples)
        pinger->samples[pinger->n_answers] = troupe_now(troupe_system_of(ctx)) - pinger->began_ns;
    pinger->n_answers += answer->status == TROUPE_OK;
    if (--pinger->left == 0)
        troupe_reply_to(ctx, pinger->asked, TROUPE_BYTES_OF(pinger->n_answers));
    else if (ping(pinger, ctx) != TROUPE_OK)
        troupe_fail(ctx, pinger->asked, TROUPE_E_FAILED, troupe_text("a ping was refused"));
}

static const troupe_actor_ops pinger_actor = {.handle_message = pinger_message,
                                              .handle_reply = pinger_reply};

/* ---- ping_pong by messages: each side sends back what it got, one less ---- */

struct player {
    troupe_correlation asked;
};

static troupe_status player_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct player *player = self;
    troupe_id to = message->sender;
    uint64_t numbers[2], left;

    if (message->payload.size == sizeof numbers) {
        memcpy(numbers, message->payload.data, sizeof numbers);
        player->asked = message->correlation;
        to = (troupe_id){numbers[0]};
        left = numbers[1];
    } else {
        memcpy(&left, message->payload.data, sizeof left);
        if (left == 0 && player->asked.value)
            return troupe_reply_to(ctx, player->asked, TROUPE_BYTES_OF(left));
    }
    left -= left > 0;
    return troupe_send(ctx, to, TROUPE_BYTES_OF(left));
}

static const troupe_actor_ops player_actor = {.handle_message = player_message};

struct ping_pong {
    bench_house house;
    troupe_id ping, pong;
};

static struct ping_pong *open_ping_pong(unsigned cores)
{
    struct ping_pong *pair = trp_alloc_zeroed(sizeof *pair);

    BENCH_MUST(pair, "memory is out");
    bench_house_open(&pair->house, cores);
    return pair;
}

static void *open_requests(unsigned cores)
{
    struct ping_pong *pair = open_ping_pong(cores);

    pair->ping = bench_house_spawn(&pair->house, TROUPE_SPEC(.name = "ping", .actor = &pinger_actor,
                                                             .state_size = sizeof(struct pinger)));
    pair->pong = bench_house_spawn(&pair->house, TROUPE_SPEC(.name = "pong", .actor = &echo_actor));
    return pair;
}

static void *open_sends(unsigned cores)
{
    struct ping_pong *pair = open_ping_pong(cores);
    troupe_spec spec =
        *TROUPE_SPEC(.name = "ping", .actor = &player_actor, .state_size = sizeof(struct player));

    pair->ping = bench_house_spawn(&pair->house, &spec);
    spec.name = "pong";
    pair->pong = bench_house_spawn(&pair->house, &spec);
    return pair;
}

static void *open_guests(unsigned cores)
{
    struct ping_pong *pair = open_ping_pong(cores);
    troupe_spec spec = *TROUPE_SPEC(.name = "ping");

    bench_house_guest(&pair->house, "ping.wasm");
    troupe_guest_spec(pair->house.guest, &spec);
    pair->ping = bench_house_spawn(&pair->house, &spec);
    spec.name = "pong";
    pair->pong = bench_house_spawn(&pair->house, &spec);
    return pair;
}

static void request_trips(void *state, uint64_t ops)
{
    struct ping_pong *pair = state;
    uint64_t numbers[3] = {pair->pong.value, ops, 0};

    BENCH_MUST(bench_house_ask(&pair->house, pair->ping, TROUPE_BYTES_OF(numbers)) == ops,
               "a request was not answered");
}

static void send_trips(void *state, uint64_t ops)
{
    struct ping_pong *pair = state;
    uint64_t numbers[2] = {pair->pong.value, 2 * ops};
    troupe_info before, after;

    BENCH_OK(troupe_info_of(pair->house.system, pair->pong, &before));
    bench_house_ask(&pair->house, pair->ping, TROUPE_BYTES_OF(numbers));
    BENCH_OK(troupe_info_of(pair->house.system, pair->pong, &after));
    BENCH_MUST(after.handled - before.handled == ops && after.failed == 0,
               "a ping was not handled");
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* One pass more, with the clock read twice a trip: that costs, so it is not part of the median. */
static void remark_percentiles(void *state, char note[static 160])
{
    struct ping_pong *pair = state;
    uint64_t *samples = trp_alloc_zeroed(MOST_SAMPLES * sizeof *samples);
    uint64_t numbers[3] = {pair->pong.value, MOST_SAMPLES, (uint64_t)(uintptr_t)samples};

    BENCH_MUST(samples, "memory is out");
    BENCH_MUST(bench_house_ask(&pair->house, pair->ping, TROUPE_BYTES_OF(numbers)) == MOST_SAMPLES,
               "a request was not answered");
    qsort(samples, MOST_SAMPLES, sizeof *samples, by_size);
    snprintf(note, 160,
             "with the clock read each trip: p50 %" PRIu64 " p99 %" PRIu64 " p99.9 %" PRIu64,
             samples[MOST_SAMPLES / 2], samples[MOST_SAMPLES / 100 * 99],
             samples[MOST_SAMPLES / 1000 * 999]);
    trp_free(samples);
}

static void close_ping_pong(void *state)
{
    struct ping_pong *pair = state;

    bench_house_close(&pair->house);
    trp_free(pair);
}

const bench_case bench_ping_pong[] = {
    {.name = "ping_pong",
     .variant = "floor",
     .what = "a bare loop: a message there and one back",
     .most_cores = 1,
     .ops = 2000000,
     .round = bench_floor_ping_pong},
    {.name = "ping_pong",
     .variant = "native_send",
     .what = "two native components, a message there and one back",
     .reach = "2.7 x the floor",
     .most_cores = 2,
     .ops = 500000,
     .open = open_sends,
     .round = send_trips,
     .close = close_ping_pong},
    {.name = "ping_pong",
     .variant = "native",
     .what = "request -> handler -> reply -> handler, each request with its timeout",
     .reach = "2.7 x the floor",
     .most_cores = 2,
     .ops = 500000,
     .open = open_requests,
     .round = request_trips,
     .remark = remark_percentiles,
     .close = close_ping_pong},
    {.name = "ping_pong",
     .variant = "guest_canonical",
     .what = "two guests, a message of 8 bytes there and one back, by the import send",
     .reach = "200 ns",
     .most_cores = 2,
     .ops = 200000,
     .open = open_guests,
     .round = send_trips,
     .close = close_ping_pong},
    {.name = NULL},
};
