/* A generated workload (tests/harness/world.h says what it does and what is looked after), in simulation for many
 * seeds and on real threads.
 *
 * Arguments: nothing for the seeds 1 to 1000, FIRST LAST for others, "threads".
 * TROUPE_WORKLOAD_SEED: this one alone.
 * TROUPE_WORKLOAD_SECONDS: how long on threads, for each number of workers (default 4).
 */
#include "run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HELPERS 2

/* ---- in simulation ---- */

static void step_some(struct run *run, uint64_t below)
{
    uint64_t n = trp_random_below(&run->random, below);

    while (n-- > 0 && troupe_step(run->world->system))
        continue;
}

static void play_in_simulation(struct run *run)
{
    trp_store_seq(&run->world->fuel, 300);
    for (int i = 0; i < 30; i++) {
        run_kick(run);
        step_some(run, 20);
    }
}

static void simulate(struct run *run, uint64_t seed)
{
    run_open(run, true, seed, 0);
    for (int round = 0; round < 3; round++) {
        play_in_simulation(run);
        run_meddle(run);
        while (troupe_step(run->world->system))
            continue;
        run_come_to_rest(run);
    }
    play_in_simulation(run);
    step_some(run, 300);
    troupe_system_stop(run->world->system); /* in the middle of it */
    run_close(run);
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t first_seed = 1, last_seed = 1000;

static void test_workload_keeps_every_promise_in_every_schedule(void **state)
{
    uint64_t alone = number_of("TROUPE_WORKLOAD_SEED", 0);
    uint64_t n = alone ? 1 : last_seed - first_seed + 1;
    uint64_t *schedules = trp_alloc((size_t)n * sizeof *schedules);
    uint64_t n_messages = 0, n_distinct = n > 0;
    struct run *run = trp_alloc(sizeof *run);

    (void)state;
    assert_non_null(run);
    assert_non_null(schedules);
    for (uint64_t i = 0; i < n; i++) {
        simulate(run, alone ? alone : first_seed + i);
        schedules[i] = run->schedule;
        n_messages += run->totals.sent;
    }
    qsort(schedules, (size_t)n, sizeof *schedules, compare);
    for (uint64_t i = 1; i < n; i++)
        n_distinct += schedules[i] != schedules[i - 1];
    print_message("%llu seeds, %llu distinct schedules, %llu messages\n", (unsigned long long)n,
                  (unsigned long long)n_distinct, (unsigned long long)n_messages);
    assert_true(n_distinct >= n / 2);
    trp_free(schedules);
    trp_free(run);
}

static void test_workload_runs_the_same_for_the_same_seed(void **state)
{
    struct run *run = trp_alloc(sizeof *run);

    (void)state;
    assert_non_null(run);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        uint64_t schedule;
        troupe_totals totals;

        simulate(run, seed);
        schedule = run->schedule;
        totals = run->totals;
        simulate(run, seed);
        assert_int_equal(run->schedule, schedule);
        assert_memory_equal(&run->totals, &totals, sizeof totals);
    }
    trp_free(run);
}

/* ---- on threads ---- */

struct helper {
    struct world *world;
    trp_thread thread;
    trp_random random;
    uint32_t index, life; /* as a sender */
    uint32_t sent[RECORDS], n_calls;
    _Atomic bool *stop;
};

static void help_once(struct helper *helper, troupe_context *ctx)
{
    struct world *world = helper->world;
    uint32_t n = trp_load_acquire(&world->n_records); /* pairs with take_record */
    uint32_t target = (uint32_t)trp_random_below(&helper->random, n);
    troupe_id id = {trp_load_acquire(&world->records[target].id)};
    struct parcel parcel = {.kind = KIND_PLAY,
                            .sender = helper->index,
                            .life = helper->life,
                            .sequence = helper->sent[target] + 1};
    troupe_reply_buffer reply = {NULL};
    troupe_status status;

    if (trp_random_below(&helper->random, 3)) {
        status = troupe_send(ctx, id, TROUPE_BYTES_OF(parcel));
        helper->sent[target] += status == TROUPE_OK;
        trp_add_seq(&world->n_sent, status == TROUPE_OK);
        return;
    }
    parcel.kind = KIND_ASK;
    parcel.lane = LANE_CALL;
    parcel.sequence = ++helper->n_calls;
    parcel.nonce = 1 + trp_add_seq(&world->n_asked, 1);
    status = troupe_call(ctx, id, TROUPE_BYTES_OF(parcel), TROUPE_MILLISECOND, &reply);
    if (status == TROUPE_E_GONE || status == TROUPE_E_TIMEOUT) /* before it was sent, or after */
        trp_add_seq(&world->n_unsure, 1);
    else
        trp_add_seq(&world->n_sent, status != TROUPE_E_FULL);
    if (status == TROUPE_OK &&
        memcmp(troupe_reply_bytes(&reply).data, &parcel.nonce, sizeof parcel.nonce) != 0)
        world_wrong(world, "a thread got the answer to another's request");
    troupe_reply_clear(&reply);
}

static void help(void *argument)
{
    struct helper *helper = argument;
    troupe_context *ctx = troupe_attach(helper->world->system);

    while (ctx && !trp_load_seq(helper->stop))
        help_once(helper, ctx);
    troupe_detach(ctx);
}

static void start_helpers(struct run *run, struct helper *helpers, _Atomic bool *stop,
                          uint32_t life)
{
    trp_store_seq(stop, false);
    for (uint32_t i = 0; i < HELPERS; i++) {
        memset(&helpers[i], 0, sizeof helpers[i]);
        helpers[i].world = run->world;
        helpers[i].random.state = trp_random_next(&run->random);
        helpers[i].index = RECORDS + 1 + i;
        helpers[i].life = life;
        helpers[i].stop = stop;
        assert_true(trp_thread_start(&helpers[i].thread, "helper", 0, help, &helpers[i]));
    }
}

static void join_helpers(struct helper *helpers, _Atomic bool *stop)
{
    trp_store_seq(stop, true);
    for (uint32_t i = 0; i < HELPERS; i++)
        trp_thread_join(&helpers[i].thread);
}

static void burn(struct run *run, int64_t fuel)
{
    uint64_t deadline = trp_monotonic_ns() + PATIENCE;

    trp_store_seq(&run->world->fuel, fuel);
    while (trp_load_seq(&run->world->fuel) > 0 && trp_monotonic_ns() < deadline) {
        run_kick(run);
        run_receive(run, 0);
    }
    run_meddle(run);
}

static void run_on_threads(struct run *run, uint64_t seed, unsigned workers)
{
    static struct helper helpers[HELPERS];
    static _Atomic bool stop;

    run_open(run, false, seed, workers);
    start_helpers(run, helpers, &stop, 1);
    burn(run, 600);
    join_helpers(helpers, &stop);
    run_come_to_rest(run);
    start_helpers(run, helpers, &stop, 2);
    burn(run, 300);
    troupe_system_stop(run->world->system); /* in the middle of it */
    join_helpers(helpers, &stop);
    run_close(run);
}

static void keep_promises_on(unsigned workers)
{
    uint64_t until = trp_monotonic_ns() + number_of("TROUPE_WORKLOAD_SECONDS", 4) * TROUPE_SECOND;
    uint64_t n_messages = 0, seed = 0;
    struct run *run = trp_alloc(sizeof *run);

    assert_non_null(run);
    while (trp_monotonic_ns() < until) {
        run_on_threads(run, ++seed, workers);
        n_messages += run->totals.sent;
    }
    print_message("%llu worlds, %llu messages on %u workers\n", (unsigned long long)seed,
                  (unsigned long long)n_messages, workers);
    trp_free(run);
}

static void test_workload_keeps_every_promise_on_two_workers(void **state)
{
    (void)state;
    keep_promises_on(2);
}

static void test_workload_keeps_every_promise_on_eight_workers(void **state)
{
    (void)state;
    keep_promises_on(8);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest simulated[] = {
        cmocka_unit_test(test_workload_keeps_every_promise_in_every_schedule),
        cmocka_unit_test(test_workload_runs_the_same_for_the_same_seed),
    };
    const struct CMUnitTest threaded[] = {
        cmocka_unit_test(test_workload_keeps_every_promise_on_two_workers),
        cmocka_unit_test(test_workload_keeps_every_promise_on_eight_workers),
    };

    if (argc == 2 && strcmp(argv[1], "threads") == 0)
        return cmocka_run_group_tests(threaded, NULL, NULL);
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        last_seed = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(simulated, NULL, NULL);
}
