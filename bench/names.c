/* names.c - name_lookup_hot (one name of n), name_lookup_random (any of n, so that the caches do not know it). */
#include "bench.h"

#include "trp/os.h"

#include <stdio.h>
#include <string.h>

struct names {
    bench_house house;
    troupe_id nursery;
    unsigned n;
    char (*order)[24]; /* random: the names in the order in which they are asked for */
    uint64_t next;
};

/* Spawns as many as the message says: each has a name, none does anything. */
static troupe_status spawn_named(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_id id;
    unsigned n;
    char name[24];

    (void)self;
    memcpy(&n, message->payload.data, sizeof n);
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "component-%u", i);
        BENCH_OK(troupe_spawn(ctx, TROUPE_SPEC(.name = name), &id));
    }
    return troupe_reply(ctx, TROUPE_BYTES_OF(n));
}

static const troupe_actor_ops nursery_actor = {.handle_message = spawn_named};

static struct names *open_names(unsigned cores, unsigned n)
{
    struct names *bench = trp_alloc_zeroed(sizeof *bench);

    BENCH_MUST(bench, "memory is out");
    bench->n = n;
    bench_house_open(&bench->house, cores);
    bench->nursery = bench_house_spawn(&bench->house, TROUPE_SPEC(.actor = &nursery_actor));
    BENCH_OK(
        troupe_call(bench->house.me, bench->nursery, TROUPE_BYTES_OF(n), BENCH_PATIENCE, NULL));
    return bench;
}

static void close_names(void *state)
{
    struct names *bench = state;

    bench_house_close(&bench->house);
    trp_free(bench->order);
    trp_free(bench);
}

static void *open_10(unsigned cores)
{
    return open_names(cores, 10);
}

static void *open_100(unsigned cores)
{
    return open_names(cores, 100);
}

static void *open_1000(unsigned cores)
{
    return open_names(cores, 1000);
}

static void *open_100_000(unsigned cores)
{
    return open_names(cores, 100000);
}

static void *open_1_000_000(unsigned cores)
{
    return open_names(cores, 1000000);
}

static void *shuffle(struct names *bench)
{
    trp_random random = {.state = 1};

    bench->order = trp_alloc(bench->n * sizeof *bench->order);
    BENCH_MUST(bench->order, "memory is out");
    for (unsigned i = 0; i < bench->n; i++)
        snprintf(bench->order[i], sizeof *bench->order, "component-%u",
                 (unsigned)trp_random_below(&random, bench->n));
    return bench;
}

static void *open_random_1000(unsigned cores)
{
    return shuffle(open_names(cores, 1000));
}

static void *open_random_100_000(unsigned cores)
{
    return shuffle(open_names(cores, 100000));
}

static void *open_random_1_000_000(unsigned cores)
{
    return shuffle(open_names(cores, 1000000));
}

static void look_up_one(void *state, uint64_t ops)
{
    struct names *bench = state;
    char name[24];
    troupe_id id;

    snprintf(name, sizeof name, "component-%u", bench->n / 2);
    for (uint64_t i = 0; i < ops; i++)
        BENCH_OK(troupe_lookup(bench->house.system, name, &id));
}

static void look_up_any(void *state, uint64_t ops)
{
    struct names *bench = state;
    troupe_id id;

    for (uint64_t i = 0; i < ops; i++) {
        bench->next = bench->next + 1 < bench->n ? bench->next + 1 : 0;
        BENCH_OK(troupe_lookup(bench->house.system, bench->order[bench->next], &id));
    }
}

#define HOT(size, variant_name, target)                                                            \
    {                                                                                              \
        .name = "name_lookup_hot", .variant = variant_name,                                        \
        .what = "troupe_lookup of one name, among so many", .reach = target, .most_cores = 1,      \
        .ops = 5000000, .open = open_##size, .round = look_up_one, .close = close_names            \
    }

#define RANDOM(size, variant_name, target)                                                         \
    {                                                                                              \
        .name = "name_lookup_random", .variant = variant_name,                                     \
        .what = "troupe_lookup of names in random order", .reach = target, .most_cores = 1,        \
        .ops = 2000000, .open = open_random_##size, .round = look_up_any, .close = close_names     \
    }

const bench_case bench_names[] = {
    HOT(10, "native_10", NULL),
    HOT(100, "native_100", NULL),
    HOT(1000, "native_1000", "20 ns"),
    HOT(100_000, "native_100k", NULL),
    HOT(1_000_000, "native_1m", "50 ns"),
    RANDOM(1000, "native_1000", NULL),
    RANDOM(100_000, "native_100k", "ahead of ck_ht: 154 ns"),
    RANDOM(1_000_000, "native_1m", NULL),
    {.name = NULL},
};
