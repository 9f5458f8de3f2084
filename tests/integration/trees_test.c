/* Random trees of supervisors under random mischief (tests/harness/forest.h says what is looked after), in simulation
 * for many seeds and on real threads.
 *
 * Arguments: nothing for the seeds 1 to 1000, FIRST LAST for others, "threads".
 * TROUPE_TREES_SEED: this one alone, with everything that happens on standard error.
 * TROUPE_TREES_SECONDS: how long on threads, for each number of workers (default 4).
 */
#include "forest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct totals {
    uint64_t n_trees, n_nodes, n_lives, n_restarts, n_crashes, n_gave_up, n_messages, n_orders,
        n_reports;
};

struct run {
    struct forest *forest;
    troupe_context *me;
    uint32_t n_orders; /* the driver's */
    bool with_orders;
    uint64_t schedule;
    struct totals totals;
};

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t draw(struct run *run, uint64_t below)
{
    return trp_random_below(&run->forest->random, below);
}

/* Rarely the top: with it all would be over. */
static struct node *any_node(struct run *run)
{
    uint64_t i = draw(run, run->forest->n_nodes);

    return &run->forest->nodes[i || draw(run, 4) == 0 ? i : run->forest->n_nodes - 1];
}

static troupe_id id_of(struct node *node)
{
    troupe_id id;

    trp_mutex_lock(&node->forest->lock);
    id = node->id;
    trp_mutex_unlock(&node->forest->lock);
    return id;
}

/* ---- mischief ---- */

static void send_order(struct run *run, struct node *node, enum order_kind kind)
{
    struct order order = {.magic = ORDER_MAGIC, .kind = kind, .hops = (uint32_t)draw(run, 3)};
    troupe_id id = id_of(node);

    if (node->kind != NODE_POOL)
        order.sequence = ++run->n_orders;
    if (troupe_send(run->me, id, TROUPE_BYTES_OF(order)) != TROUPE_OK)
        return;
    trp_mutex_lock(&run->forest->lock);
    run->forest->n_sent++;
    trp_mutex_unlock(&run->forest->lock);
}

static void end_from_outside(struct run *run, struct node *node)
{
    troupe_id id;

    switch (draw(run, 6)) {
    case 0:
        if (log_ask(node, CAUSE_STOP, &id))
            (void)troupe_stop(run->me, id, TROUPE_STOP_REQUESTED);
        break;
    case 1:
    case 2:
        if (log_ask(node, CAUSE_RESTART, &id))
            (void)troupe_stop(run->me, id, TROUPE_STOP_RESTART);
        break;
    default:
        if (log_ask(node, CAUSE_KILL, &id))
            (void)troupe_kill(run->me, id);
    }
}

static void plot(struct run *run, struct node *node)
{
    enum mischief mischief = (enum mischief)(1 + draw(run, N_MISCHIEFS - 1));

    trp_mutex_lock(&run->forest->lock);
    node->mischief = mischief;
    trp_mutex_unlock(&run->forest->lock);
}

/* Two of one supervisor, in the same moment. */
static void crash_two(struct run *run)
{
    struct node *node = any_node(run);

    for (int i = 0; i < 2 && node->n_children; i++)
        send_order(run, node->children[draw(run, node->n_children)], ORDER_CRASH);
}

static void give_order(struct run *run, const struct node *node)
{
    struct command command = {.kind = (troupe_order_kind)draw(run, TROUPE_ORDER_CHANGE + 1),
                              .whom = (uint32_t)(node - run->forest->nodes)};

    if (troupe_send(run->me, run->forest->operator, TROUPE_BYTES_OF(command)) != TROUPE_OK)
        return;
    trp_mutex_lock(&run->forest->lock);
    run->forest->n_sent++;
    trp_mutex_unlock(&run->forest->lock);
}

static void meddle(struct run *run)
{
    struct node *node = any_node(run);

    switch (draw(run, run->with_orders ? 15 : 12)) {
    case 0:
    case 1:
    case 2:
        send_order(run, node, ORDER_WORK);
        break;
    case 3:
    case 4:
    case 5:
        send_order(run, node, ORDER_CRASH);
        break;
    case 6:
        send_order(run, node, ORDER_EXIT);
        break;
    case 7:
        send_order(run, node, ORDER_FAIL);
        break;
    case 8:
        end_from_outside(run, node);
        break;
    case 9:
        crash_two(run);
        break;
    case 12:
    case 13:
    case 14:
        give_order(run, node);
        break;
    default:
        plot(run, node);
    }
}

/* ---- a run ---- */

/* The tree, again when it has ended; a start may fail by mischief, which is then used up. */
static void plant(struct run *run)
{
    struct node *top = &run->forest->nodes[0];
    troupe_info info;
    troupe_id id = id_of(top);

    if (id.value && troupe_info_of(run->forest->system, id, &info) == TROUPE_OK)
        return;
    if (troupe_spawn(run->me, &top->child.spec, &id) == TROUPE_OK)
        run->totals.n_trees++;
}

static void must_spawn(struct run *run, const troupe_spec *spec, troupe_id *ret_id)
{
    troupe_status status;

    do {
        status = troupe_spawn(run->me, spec, ret_id);
    } while (status != TROUPE_OK && run->forest->faulty);
    assert_int_equal(status, TROUPE_OK);
}

static void open_forest(struct run *run, bool simulation, uint64_t seed, unsigned workers)
{
    struct forest *forest = trp_alloc_zeroed(sizeof *forest);
    troupe_system_options options = TROUPE_SYSTEM_OPTIONS();
    troupe_spec spec;
    const troupe_faults faults = {.size = sizeof faults, .no_memory_one_in = 60};
    troupe_id id;

    assert_non_null(forest);
    memset(run, 0, sizeof *run);
    run->forest = forest;
    forest->seed = seed;
    forest->simulation = simulation;
    forest->trace = number_of("TROUPE_TREES_SEED", 0) == seed;
    forest->random.state = seed;
    forest->dice.state = ~seed;
    trp_mutex_init(&forest->lock);
    run->with_orders = seed % 2; /* without, restarts are as exact as can be */
    forest->faulty = simulation && seed % 5 == 4;
    forest_plant(forest);
    options.simulation = simulation;
    options.seed = seed;
    options.workers = workers;
    if (forest->faulty)
        options.faults = &faults;
    options.crash_lines = 1000000; /* all of them */
    options.batch = seed % 2 ? 1 : 8;
    assert_int_equal(troupe_system_new(&options, &forest->system), TROUPE_OK);
    run->me = troupe_attach(forest->system);
    assert_non_null(run->me);
    assert_int_equal(troupe_topics_new(forest->system, &forest->topics), TROUPE_OK);
    for (uint32_t i = 0; i < forest->n_nodes; i++)
        forest->nodes[i].supervisor.reports = forest->nodes[i].pool.reports = forest->topics;
    spec = reporter_spec(forest);
    must_spawn(run, &spec, &id);
    spec = operator_spec(forest);
    must_spawn(run, &spec, &forest->operator);
}

static void close_forest(struct run *run)
{
    struct forest *forest = run->forest;
    uint64_t seed = forest->seed;
    uint32_t n_failures;

    trp_mutex_lock(&forest->lock);
    forest->closing = true;
    trp_mutex_unlock(&forest->lock);
    troupe_system_stop(forest->system);
    log_check_end(forest);
    run->schedule = troupe_schedule(forest->system);
    run->totals.n_nodes = forest->n_nodes;
    run->totals.n_lives = forest->n_lives;
    run->totals.n_restarts = forest->n_restarts;
    run->totals.n_crashes = forest->n_crashes;
    run->totals.n_gave_up = forest->n_gave_up;
    run->totals.n_messages = forest->n_sent;
    run->totals.n_orders = forest->n_orders;
    run->totals.n_reports = forest->n_reports;
    n_failures = forest->n_failures;
    troupe_detach(run->me);
    troupe_topics_free(forest->topics);
    troupe_system_free(forest->system);
    trp_mutex_fini(&forest->lock);
    trp_free(forest);
    if (n_failures)
        fail_msg("seed %llu: %u things went wrong", (unsigned long long)seed, n_failures);
}

static void step_some(struct run *run, uint64_t below)
{
    uint64_t n = draw(run, below);

    while (n-- > 0 && troupe_step(run->forest->system))
        continue;
}

/* A stop of everything in order; then nobody may have been left by anybody. */
static void fell(struct run *run)
{
    struct node *top = &run->forest->nodes[0];
    troupe_id id;

    if (log_ask(top, CAUSE_STOP, &id) &&
        troupe_stop(run->me, id, TROUPE_STOP_REQUESTED) == TROUPE_OK)
        while (troupe_wait_end(run->me, id, PATIENCE, NULL) == TROUPE_E_NO_MEMORY)
            continue; /* once more: the faults meet the driver, too */
}

static void simulate(struct run *run, uint64_t seed)
{
    open_forest(run, true, seed, 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 30; i++) {
            plant(run);
            meddle(run);
            step_some(run, 16);
        }
        while (troupe_step(run->forest->system))
            continue;
        log_check_rest(run->forest);
    }
    for (int i = 0; i < 8; i++) {
        plant(run);
        meddle(run);
        step_some(run, 8);
    }
    if (seed % 2)
        fell(run);
    close_forest(run); /* in the middle of it */
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void add(struct totals *all, const struct totals *one)
{
    all->n_trees += one->n_trees;
    all->n_nodes += one->n_nodes;
    all->n_lives += one->n_lives;
    all->n_restarts += one->n_restarts;
    all->n_crashes += one->n_crashes;
    all->n_gave_up += one->n_gave_up;
    all->n_messages += one->n_messages;
    all->n_orders += one->n_orders;
    all->n_reports += one->n_reports;
}

static void say(const char *what, uint64_t n, const struct totals *all)
{
    print_message("%s: %llu trees of %llu places a seed, %llu lives, %llu crashes, %llu restarts, "
                  "%llu gave up, %llu messages, %llu orders, %llu reports\n",
                  what, (unsigned long long)all->n_trees,
                  (unsigned long long)(n ? all->n_nodes / n : 0), (unsigned long long)all->n_lives,
                  (unsigned long long)all->n_crashes, (unsigned long long)all->n_restarts,
                  (unsigned long long)all->n_gave_up, (unsigned long long)all->n_messages,
                  (unsigned long long)all->n_orders, (unsigned long long)all->n_reports);
}

static uint64_t first_seed = 1, last_seed = 1000;

static void test_trees_keep_every_rule_in_every_schedule(void **state)
{
    uint64_t alone = number_of("TROUPE_TREES_SEED", 0);
    uint64_t n = alone ? 1 : last_seed - first_seed + 1;
    uint64_t *schedules = trp_alloc((size_t)n * sizeof *schedules);
    uint64_t n_distinct = n > 0;
    struct totals all = {0};
    struct run run;

    (void)state;
    assert_non_null(schedules);
    for (uint64_t i = 0; i < n; i++) {
        simulate(&run, alone ? alone : first_seed + i);
        schedules[i] = run.schedule;
        add(&all, &run.totals);
    }
    qsort(schedules, (size_t)n, sizeof *schedules, compare);
    for (uint64_t i = 1; i < n; i++)
        n_distinct += schedules[i] != schedules[i - 1];
    print_message("%llu seeds, %llu distinct schedules\n", (unsigned long long)n,
                  (unsigned long long)n_distinct);
    say("in simulation", n, &all);
    assert_true(n_distinct >= n / 2);
    assert_true(alone || all.n_restarts > n);
    trp_free(schedules);
}

static void test_trees_grow_the_same_for_the_same_seed(void **state)
{
    struct run run;

    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        uint64_t schedule;
        struct totals totals;

        simulate(&run, seed);
        schedule = run.schedule;
        totals = run.totals;
        simulate(&run, seed);
        assert_int_equal(run.schedule, schedule);
        assert_memory_equal(&run.totals, &totals, sizeof totals);
    }
}

/* ---- on threads ---- */

static void run_on_threads(struct run *run, uint64_t seed, unsigned workers)
{
    open_forest(run, false, seed, workers);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++) {
            plant(run);
            meddle(run);
        }
    }
    if (seed % 2)
        fell(run);
    close_forest(run);
}

static void keep_rules_on(unsigned workers)
{
    uint64_t until = trp_monotonic_ns() + number_of("TROUPE_TREES_SECONDS", 4) * TROUPE_SECOND;
    struct totals all = {0};
    uint64_t alone = number_of("TROUPE_TREES_SEED", 0), n = 0;
    struct run run;

    do {
        n++;
        run_on_threads(&run, alone ? alone : n, workers);
        add(&all, &run.totals);
    } while (trp_monotonic_ns() < until);
    say(workers == 2 ? "on 2 workers" : "on 8 workers", n, &all);
}

static void test_trees_keep_every_rule_on_two_workers(void **state)
{
    (void)state;
    keep_rules_on(2);
}

static void test_trees_keep_every_rule_on_eight_workers(void **state)
{
    (void)state;
    keep_rules_on(8);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest simulated[] = {
        cmocka_unit_test(test_trees_keep_every_rule_in_every_schedule),
        cmocka_unit_test(test_trees_grow_the_same_for_the_same_seed),
    };
    const struct CMUnitTest threaded[] = {
        cmocka_unit_test(test_trees_keep_every_rule_on_two_workers),
        cmocka_unit_test(test_trees_keep_every_rule_on_eight_workers),
    };

    if (argc == 2 && strcmp(argv[1], "threads") == 0)
        return cmocka_run_group_tests(threaded, NULL, NULL);
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        last_seed = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(simulated, NULL, NULL);
}
