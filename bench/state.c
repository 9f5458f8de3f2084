/* state.c - shared state: read and write a cell that others share, and a whole cell's life with one of them in it. */
#include "bench.h"

#include "trp/os.h"

struct state {
    bench_house house;
    troupe_shared *shared;
    uint64_t n_written;
};

static void *open_state(unsigned cores)
{
    struct state *state = trp_alloc_zeroed(sizeof *state);

    BENCH_MUST(state, "memory is out");
    bench_house_open(&state->house, cores);
    BENCH_OK(troupe_shared_new(sizeof(uint64_t), &state->shared));
    return state;
}

static void close_state(void *arg)
{
    struct state *state = arg;

    troupe_shared_unref(state->shared);
    bench_house_close(&state->house);
    trp_free(state);
}

static void write_state(void *arg, uint64_t ops)
{
    struct state *state = arg;

    for (uint64_t i = 0; i < ops; i++) {
        state->n_written++;
        BENCH_OK(
            troupe_shared_write(state->house.me, state->shared, TROUPE_BYTES_OF(state->n_written)));
    }
    BENCH_MUST(troupe_shared_version(state->shared) == state->n_written, "a write is missing");
}

static void read_state(void *arg, uint64_t ops)
{
    struct state *state = arg;
    uint64_t value = 0, version = 0, sum = 0;

    write_state(state, 1);
    for (uint64_t i = 0; i < ops; i++) {
        BENCH_OK(troupe_shared_read(state->shared, &value, sizeof value, &version));
        sum += value;
    }
    BENCH_MUST(sum == ops * state->n_written, "a read is wrong");
}

static void write_fresh(void *arg, uint64_t ops)
{
    struct state *state = arg;

    for (uint64_t i = 0; i < ops; i++) {
        troupe_shared *fresh;

        BENCH_OK(troupe_shared_new(sizeof i, &fresh));
        BENCH_OK(troupe_shared_write(state->house.me, fresh, TROUPE_BYTES_OF(i)));
        BENCH_MUST(troupe_shared_version(fresh) == 1, "a write is missing");
        troupe_shared_unref(fresh);
    }
}

static void read_fresh(void *arg, uint64_t ops)
{
    uint64_t value = 0, sum = 0;

    (void)arg;
    for (uint64_t i = 0; i < ops; i++) {
        troupe_shared *fresh;

        BENCH_OK(troupe_shared_new(sizeof value, &fresh));
        BENCH_OK(troupe_shared_read(fresh, &value, sizeof value, NULL));
        sum += value;
        troupe_shared_unref(fresh);
    }
    BENCH_MUST(sum == 0, "a new cell is not zero");
}

const bench_case bench_state[] = {
    {.name = "state_read",
     .variant = "native",
     .what = "copy 8 bytes out of a shared state cell",
     .most_cores = 1,
     .ops = 5000000,
     .open = open_state,
     .round = read_state,
     .close = close_state},
    {.name = "state_write",
     .variant = "native",
     .what = "write 8 bytes into a shared state cell that nobody reads meanwhile",
     .most_cores = 1,
     .ops = 5000000,
     .open = open_state,
     .round = write_state,
     .close = close_state},
    {.name = "state_alloc_read",
     .variant = "native",
     .what = "make a shared state cell, read it once, give it back",
     .most_cores = 1,
     .ops = 1000000,
     .open = open_state,
     .round = read_fresh,
     .close = close_state},
    {.name = "state_alloc_write",
     .variant = "native",
     .what = "make a shared state cell, write it once, give it back",
     .most_cores = 1,
     .ops = 1000000,
     .open = open_state,
     .round = write_fresh,
     .close = close_state},
    {.name = NULL},
};
