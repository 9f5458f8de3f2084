/* Orders, crashes, kills, stops and starts that refuse or stall, all at random, to siblings that are restarted together. What holds
 * in every schedule:
 *
 * Invariants
 * 1. Every order is answered once, as soon as no start stalls any more. If broken: somebody waits for ever.
 * 2. Nobody begins before a sibling that stands before it, went down with it, and is not up again. If broken: it misses
 *    what it needs.
 * 3. An order to start that is answered well has an id; at the end each child is up or down, and nothing between.
 */
#include "kit_testing.h"

#include <stdlib.h>

#define CHILDREN 24
#define FIRST 3 /* of them are there from the start */
#define ORDERS 64
#define SEEDS 1000

struct child {
    char name[8];
    bool alive, up, stalls, dies;               /* its life */
    bool goes_down;                             /* with its siblings, and is to be up again */
    uint32_t n_starts_ordered, n_stops_ordered; /* and not answered yet */
};

struct open_order {
    troupe_correlation correlation; /* 0: none */
    troupe_order_kind kind;
    struct child *child;
};

/* A simulation has one thread: all of it is touched by that. */
struct storm {
    trp_random random;
    troupe_system *system;
    troupe_context *me;
    troupe_strategy strategy;
    troupe_id top, clerk;
    bool calm; /* nothing goes wrong any more */
    size_t n;  /* that were ever there */
    uint32_t n_given, n_answered;
    struct child children[CHILDREN];
    troupe_child specs[CHILDREN];
    struct open_order orders[ORDERS];
    uint64_t seed;
};

static struct storm storm;

static bool dice(uint64_t one_of)
{
    return !storm.calm && trp_random_below(&storm.random, one_of) == 0;
}

static bool is_start(troupe_order_kind kind)
{
    return kind == TROUPE_ORDER_ADD || kind == TROUPE_ORDER_RESTART;
}

/* ---- the children ---- */

/* Its order fails with it, and leaves it down. */
static void start_fails(struct child *child)
{
    if (child->n_starts_ordered > 0)
        child->goes_down = false;
}

static struct child *child_of(void *self)
{
    return *(struct child **)self;
}

static troupe_status child_pre_start(void *self, const troupe_start *start)
{
    struct child *child = (struct child *)(uintptr_t)start->argument;

    /* A first life begins in its supervisor's turn; a later one in its own, when the next restart may be decided. */
    for (struct child *before = storm.children; before < child; before++)
        if (before->goes_down && start->incarnation == 1)
            fail_msg("seed %llu: %s began, and %s is not up again", (unsigned long long)storm.seed,
                     child->name, before->name);
    if (dice(8)) {
        start_fails(child);
        return troupe_error_set(start->error, TROUPE_E_REFUSED, "not now");
    }
    *(struct child **)self = child;
    child->alive = true;
    return TROUPE_OK;
}

static troupe_status child_post_start(void *self, troupe_context *ctx)
{
    struct child *child = child_of(self);

    (void)ctx;
    child->stalls = dice(4);
    if (child->stalls)
        return TROUPE_PENDING;
    child->up = true;
    child->goes_down = false;
    return TROUPE_OK;
}

static void child_post_stop(void *self)
{
    struct child *child = child_of(self);

    child->alive = child->up = child->stalls = child->dies = false;
}

static troupe_status child_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)message;
    troupe_crash(ctx, TROUPE_EXIT_CRASHED, "told to crash");
    return TROUPE_OK;
}

static troupe_status child_resume(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    (void)ctx;
    (void)message;
    return TROUPE_PENDING;
}

static const troupe_child_ops child_ops = {
    .pre_start = child_pre_start, .post_start = child_post_start, .post_stop = child_post_stop};
static const troupe_actor_ops child_actor = {.handle_message = child_message,
                                             .resume = child_resume};

/* The supervisor says so in its turn: from now on they are restarted together. */
static void hear_log(void *arg, const troupe_log_line *line)
{
    const char *text = (const char *)line->text.data;
    struct child *first = storm.children;

    (void)arg;
    if (strcmp(line->id, "child-backoff") != 0)
        return;
    if (storm.strategy == TROUPE_REST_FOR_ONE)
        first += strtoul(text + 1, NULL, 10);
    for (struct child *child = first; child < storm.children + storm.n; child++)
        child->goes_down |= child->alive && !child->dies && child->n_stops_ordered == 0;
}

/* ---- who gives the orders ---- */

static void give(troupe_context *ctx, troupe_order_kind kind, struct child *child)
{
    troupe_order order = *TROUPE_ORDER(.kind = kind, .name = child->name);
    struct open_order *open = storm.orders;

    while (open < storm.orders + ORDERS && open->correlation.value)
        open++;
    if (open == storm.orders + ORDERS)
        return;
    if (kind == TROUPE_ORDER_ADD)
        order = *TROUPE_ORDER(.kind = kind, .child = &storm.specs[child - storm.children]);
    *open = (struct open_order){.kind = kind, .child = child};
    assert_int_equal(
        troupe_order_request(ctx, storm.top, &order, TROUPE_FOREVER, &open->correlation),
        TROUPE_OK);
    storm.n_given++;
    child->n_starts_ordered += is_start(kind);
    child->n_stops_ordered += !is_start(kind);
    if (!is_start(kind))
        child->goes_down = false;
}

static troupe_status clerk_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    static const troupe_order_kind kinds[] = {TROUPE_ORDER_STOP, TROUPE_ORDER_RESTART,
                                              TROUPE_ORDER_RESTART, TROUPE_ORDER_REMOVE};

    (void)self;
    (void)message;
    if (storm.n < CHILDREN && dice(3))
        give(ctx, TROUPE_ORDER_ADD, &storm.children[storm.n++]);
    else
        give(ctx, kinds[trp_random_below(&storm.random, 4)],
             &storm.children[trp_random_below(&storm.random, storm.n)]);
    return TROUPE_OK;
}

static void clerk_reply(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct open_order *open = storm.orders;
    troupe_id id = TROUPE_NOBODY;
    troupe_status status = troupe_order_read(answer, &id, NULL);

    (void)self;
    (void)ctx;
    while (open < storm.orders + ORDERS && open->correlation.value != answer->correlation.value)
        open++;
    assert_true(open < storm.orders + ORDERS);
    open->correlation.value = 0;
    open->child->n_starts_ordered -= is_start(open->kind);
    open->child->n_stops_ordered -= !is_start(open->kind);
    if (status == TROUPE_OK)
        assert_int_equal(id.value != TROUPE_NOBODY.value, is_start(open->kind));
    storm.n_answered++;
}

static const troupe_actor_ops clerk_actor = {.handle_message = clerk_message,
                                             .handle_reply = clerk_reply};

/* ---- the storm ---- */

static void begin(uint64_t seed)
{
    troupe_system_options options = TROUPE_SYSTEM_OPTIONS();
    static troupe_supervisor plan;
    troupe_spec spec = *TROUPE_SPEC(.name = "top");

    memset(&storm, 0, sizeof storm);
    storm.calm = true;
    storm.seed = storm.random.state = seed;
    storm.strategy = seed % 2 ? TROUPE_ONE_FOR_ALL : TROUPE_REST_FOR_ONE;
    options.simulation = true;
    options.seed = seed;
    options.log = (troupe_log){hear_log, NULL};
    assert_int_equal(troupe_system_new(&options, &storm.system), TROUPE_OK);
    storm.me = troupe_attach(storm.system);
    for (size_t i = 0; i < CHILDREN; i++) {
        snprintf(storm.children[i].name, sizeof storm.children[i].name, "c%zu", i);
        storm.specs[i].spec =
            *TROUPE_SPEC(.name = storm.children[i].name, .child = &child_ops, .actor = &child_actor,
                         .state_size = sizeof(struct child *), .argument = &storm.children[i]);
    }
    plan =
        (troupe_supervisor)TROUPE_SUPERVISOR(.strategy = storm.strategy, .max_restarts = 1000000,
                                             .children = storm.specs, .n_children = storm.n = FIRST,
                                             .backoff = {.kind = TROUPE_BACKOFF_FIXED,
                                                         .initial_ns = TROUPE_MILLISECOND});
    assert_int_equal(troupe_supervisor_spec(&plan, &spec, NULL), TROUPE_OK);
    assert_int_equal(troupe_spawn(storm.me, &spec, &storm.top), TROUPE_OK);
    assert_int_equal(
        troupe_spawn(storm.me, TROUPE_SPEC(.name = "clerk", .actor = &clerk_actor), &storm.clerk),
        TROUPE_OK);
    storm.calm = false;
}

static void end_stall(struct child *child)
{
    troupe_id id;

    if (!child->stalls || troupe_lookup(storm.system, child->name, &id) != TROUPE_OK)
        return;
    start_fails(child);
    child->dies = true;
    (void)troupe_kill(storm.me, id);
}

static void crash(struct child *child)
{
    troupe_id id;

    if (child->up && troupe_lookup(storm.system, child->name, &id) == TROUPE_OK)
        assert_int_equal(troupe_send(storm.me, id, TROUPE_TEXT("c")), TROUPE_OK);
}

/* A stranger stops it, for good, in whatever state: it is down until its siblings start again, or an order. */
static void stop(struct child *child)
{
    troupe_id id;

    if (troupe_lookup(storm.system, child->name, &id) != TROUPE_OK)
        return;
    child->goes_down = false;
    child->dies = child->alive;
    (void)troupe_stop(storm.me, id, TROUPE_STOP_REQUESTED);
}

static void blow(void)
{
    struct child *child = &storm.children[trp_random_below(&storm.random, storm.n)];

    switch (trp_random_below(&storm.random, 6)) {
    case 0:
        crash(child);
        break;
    case 1:
        end_stall(child);
        break;
    case 5:
        stop(child);
        break;
    case 2:
    case 3:
        assert_int_equal(troupe_send(storm.me, storm.clerk, TROUPE_TEXT("order")), TROUPE_OK);
        break;
    default:
        break;
    }
    for (uint64_t n = trp_random_below(&storm.random, 12); n > 0; n--)
        (void)troupe_step(storm.system);
}

static void calm_down(void)
{
    bool stalls = true;

    storm.calm = true;
    while (stalls) {
        while (troupe_step(storm.system))
            continue;
        stalls = false;
        for (size_t i = 0; i < storm.n; i++) {
            stalls |= storm.children[i].stalls;
            end_stall(&storm.children[i]);
        }
    }
}

static void look(void)
{
    troupe_child_info rows[CHILDREN];
    troupe_child_page page = TROUPE_CHILD_PAGE(rows, CHILDREN);

    if (storm.n_given != storm.n_answered)
        fail_msg("seed %llu: %u orders, %u answers", (unsigned long long)storm.seed, storm.n_given,
                 storm.n_answered);
    assert_int_equal(troupe_children_call(storm.me, storm.top, 0, &page, TROUPE_SECOND), TROUPE_OK);
    for (size_t i = 0; i < page.n_rows; i++) {
        const struct child *child = &storm.children[strtoul(rows[i].name + 1, NULL, 10)];

        if (rows[i].state != (child->up ? TROUPE_CHILD_UP : TROUPE_CHILD_DOWN))
            fail_msg("seed %llu: %s is %d", (unsigned long long)storm.seed, rows[i].name,
                     (int)rows[i].state);
    }
}

static void test_orders_among_siblings_that_fall_keep_every_rule(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(seed);
        for (int i = 0; i < 80; i++)
            blow();
        calm_down();
        look();
        troupe_system_stop(storm.system);
        troupe_detach(storm.me);
        troupe_system_free(storm.system);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_among_siblings_that_fall_keep_every_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
