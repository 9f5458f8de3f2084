/* Orders to a supervisor, and to a pool, of many that come and go at random, beside a model that knows who is there: by
 * name, by place, by seat. */
#include "kit_testing.h"

#define NAMES 300
#define SEATS 40
#define STEPS 1500

struct troop {
    struct stage *stage;
    trp_random random;
    troupe_id top;
    char names[NAMES][16];
    troupe_child children[NAMES];
    size_t row[NAMES], n; /* who is there, in start order */
    bool known[NAMES], down[NAMES];
};

static troupe_status give(struct troop *troop, const troupe_order *order, troupe_id *id)
{
    troupe_error error = {.text = ""};

    return troupe_order_call(troop->stage->me, troop->top, order, PATIENCE, id, &error);
}

static void expect(struct troop *troop, const troupe_order *order, bool is_there)
{
    assert_int_equal(give(troop, order, NULL), is_there ? TROUPE_OK : TROUPE_E_GONE);
}

static void add(struct troop *troop, size_t who)
{
    const troupe_order *order =
        TROUPE_ORDER(.kind = TROUPE_ORDER_ADD, .child = &troop->children[who]);

    assert_int_equal(give(troop, order, NULL), troop->known[who] ? TROUPE_E_TAKEN : TROUPE_OK);
    if (troop->known[who])
        return;
    troop->known[who] = true;
    troop->down[who] = false;
    troop->row[troop->n++] = who;
}

static void drop(struct troop *troop, size_t who)
{
    size_t at = 0;

    expect(troop, TROUPE_ORDER(.kind = TROUPE_ORDER_REMOVE, .name = troop->names[who]),
           troop->known[who]);
    if (!troop->known[who])
        return;
    troop->known[who] = false;
    while (troop->row[at] != who)
        at++;
    for (troop->n--; at < troop->n; at++)
        troop->row[at] = troop->row[at + 1];
}

static void act_one(struct troop *troop)
{
    size_t who = (size_t)trp_random_below(&troop->random, NAMES);

    switch (trp_random_below(&troop->random, 5)) {
    case 0:
    case 1:
        add(troop, who);
        break;
    case 2:
        expect(troop, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = troop->names[who]),
               troop->known[who]);
        troop->down[who] = true;
        break;
    case 3:
        expect(troop, TROUPE_ORDER(.kind = TROUPE_ORDER_RESTART, .name = troop->names[who]),
               troop->known[who]);
        troop->down[who] = false;
        break;
    default:
        drop(troop, who);
    }
}

static void look(struct troop *troop, size_t first)
{
    troupe_child_info rows[4];
    troupe_child_page page = list_children(troop->stage, troop->top, first, rows, 4);

    assert_int_equal(page.n_children, troop->n);
    assert_int_equal(page.n_rows, first >= troop->n      ? 0
                                  : troop->n - first > 4 ? 4
                                                         : troop->n - first);
    for (size_t i = 0; i < page.n_rows; i++) {
        size_t who = troop->row[first + i];

        assert_string_equal(rows[i].name, troop->names[who]);
        assert_int_equal(rows[i].state, troop->down[who] ? TROUPE_CHILD_DOWN : TROUPE_CHILD_UP);
    }
}

static void with_names(struct stage *stage, bool simulation, uint64_t seed)
{
    static struct troop troop;
    static troupe_supervisor plan;

    stage_open(stage, simulation, seed);
    memset(&troop, 0, sizeof troop);
    troop.stage = stage;
    troop.random.state = seed;
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(troop.names[i], sizeof troop.names[i], "child-%zu", i);
        troop.children[i].spec = *TROUPE_SPEC(.name = troop.names[i]);
    }
    plan = (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 9);
    troop.top = spawn_supervisor(stage, "top", &plan);
    for (int i = 0; i < STEPS; i++) {
        act_one(&troop);
        look(&troop, (size_t)trp_random_below(&troop.random, troop.n + 2));
    }
    curtain(stage);
    stage_close(stage);
}

static void test_many_are_found_by_name_and_by_place(void **state)
{
    struct stage stage;

    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        with_names(&stage, true, seed);
    with_names(&stage, false, 6);
}

/* ---- a pool ---- */

static void seats(struct stage *stage, uint64_t seed)
{
    static const troupe_child member = {.spec = *TROUPE_SPEC(.name = "w-1")};
    troupe_pool pool = TROUPE_POOL(.member = &member, .n_members = 10, .max_members = SEATS);
    troupe_spec spec = *TROUPE_SPEC(.name = "pool");
    struct troop troop = {.stage = stage, .random = {seed}};
    bool taken[SEATS + 1] = {false};
    size_t n = 10;

    stage_open(stage, true, seed);
    assert_int_equal(troupe_pool_spec(&pool, &spec, NULL), TROUPE_OK);
    troop.top = must_spawn(stage, &spec);
    for (size_t seat = 1; seat <= 10; seat++)
        taken[seat] = true;
    for (int i = 0; i < 400; i++) {
        size_t seat = 1 + (size_t)trp_random_below(&troop.random, SEATS);
        char name[TROUPE_NAME_MAX + 1];
        troupe_id id;

        if (trp_random_below(&troop.random, 5) < 3) {
            troupe_status status = give(&troop, TROUPE_ORDER(.kind = TROUPE_ORDER_ADD), &id);

            assert_int_equal(status, n == SEATS ? TROUPE_E_QUOTA : TROUPE_OK);
            if (status != TROUPE_OK)
                continue;
            troupe_name_of(stage->system, id, name);
            assert_int_equal(sscanf(name, "w-1-%zu", &seat), 1);
            assert_in_range(seat, 1, SEATS);
            assert_false(taken[seat]);
            taken[seat] = true;
            n++;
        } else {
            snprintf(name, sizeof name, "w-1-%zu", seat);
            expect(&troop, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = name), taken[seat]);
            n -= taken[seat];
            taken[seat] = false;
        }
    }
    expect(&troop, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "w-1-01"), false);
    expect(&troop, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "w-1-99"), false);
    expect(&troop, TROUPE_ORDER(.kind = TROUPE_ORDER_STOP, .name = "w"), false);
    curtain(stage);
    stage_close(stage);
}

static void test_a_seat_of_a_pool_is_never_taken_twice(void **state)
{
    struct stage stage;

    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        seats(&stage, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_are_found_by_name_and_by_place),
        cmocka_unit_test(test_a_seat_of_a_pool_is_never_taken_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
