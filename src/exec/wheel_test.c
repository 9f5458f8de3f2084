/* The wheel beside a plain list of the same timers: what is due, when, and in which order. */
#include "exec_testing.h"

#include "wheel.h"

#define N_TIMERS 500u

typedef struct entry {
    troupe_timer timer;     /* first */
    uint64_t at_ns, number; /* number: the how-manieth start; 0: not armed */
} entry;

typedef struct model {
    trp_wheel wheel;
    entry entries[N_TIMERS];
    uint64_t n_starts, now_ns;
    trp_random random;
} model;

static model *make_model(uint64_t seed)
{
    static model m;

    m = (model){.now_ns = TROUPE_SECOND, .random.state = seed};
    trp_wheel_init(&m.wheel);
    assert_null(trp_wheel_take(&m.wheel, m.now_ns));
    for (size_t i = 0; i < N_TIMERS; i++)
        troupe_timer_init(&m.entries[i].timer, NULL);
    return &m;
}

static entry *earliest(model *m)
{
    entry *best = NULL;

    for (size_t i = 0; i < N_TIMERS; i++) {
        entry *one = &m->entries[i];

        if (one->number && (!best || one->at_ns < best->at_ns ||
                            (one->at_ns == best->at_ns && one->number < best->number)))
            best = one;
    }
    return best;
}

static void start(model *m, entry *one, uint64_t at_ns)
{
    one->at_ns = at_ns < m->now_ns ? m->now_ns : at_ns;
    one->number = ++m->n_starts;
    trp_wheel_start(&m->wheel, &one->timer, at_ns);
}

/* From the same nanosecond to a year away; many of one time. */
static uint64_t some_delay(model *m)
{
    uint64_t bits = trp_random_below(&m->random, 56);

    return bits < 3 ? bits : trp_random_below(&m->random, UINT64_C(1) << bits);
}

static void take_all_due(model *m)
{
    for (;;) {
        entry *due = earliest(m);
        troupe_timer *timer = trp_wheel_take(&m->wheel, m->now_ns);

        if (!due || due->at_ns > m->now_ns) {
            assert_null(timer);
            return;
        }
        assert_ptr_equal(timer, &due->timer);
        due->number = 0;
    }
}

static void start_or_cancel_some(model *m)
{
    for (unsigned i = 0; i < 20; i++) {
        entry *one = &m->entries[trp_random_below(&m->random, N_TIMERS)];

        if (!one->number) {
            start(m, one, m->now_ns + some_delay(m));
        } else if (trp_random_below(&m->random, 3) == 0) {
            assert_true(trp_wheel_cancel(&m->wheel, &one->timer));
            assert_false(trp_wheel_cancel(&m->wheel, &one->timer));
            one->number = 0;
        }
    }
}

static void test_what_is_due_comes_in_order_of_time_and_of_start(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        model *m = make_model(seed);

        for (unsigned round = 0; round < 200; round++) {
            start_or_cancel_some(m);
            assert_true(trp_wheel_bound(&m->wheel) <=
                        (earliest(m) ? earliest(m)->at_ns : TROUPE_FOREVER));
            m->now_ns += some_delay(m);
            take_all_due(m);
        }
    }
}

static void test_next_is_the_earliest_time_to_the_nanosecond(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        model *m = make_model(seed);

        for (unsigned round = 0; round < 100; round++) {
            uint64_t until = m->now_ns + some_delay(m), next;

            start_or_cancel_some(m);
            next = trp_wheel_next(&m->wheel, until);
            if (earliest(m) && earliest(m)->at_ns <= until)
                assert_int_equal(next, earliest(m)->at_ns);
            else
                assert_true(next > until);
            m->now_ns = next < until ? next : until;
            take_all_due(m);
        }
    }
}

/* Two of one time, started on two levels' distance, and a third in between by a third way. */
static void test_timers_of_one_time_fire_as_they_were_started(void **state)
{
    model *m = make_model(1);
    uint64_t at = m->now_ns + 77 * TROUPE_SECOND;

    (void)state;
    start(m, &m->entries[2], at);
    m->now_ns = at - TROUPE_MILLISECOND;
    take_all_due(m);
    start(m, &m->entries[0], at);
    m->now_ns = at - 3;
    take_all_due(m);
    start(m, &m->entries[1], at);
    m->now_ns = at;
    assert_ptr_equal(trp_wheel_take(&m->wheel, at), &m->entries[2].timer);
    assert_ptr_equal(trp_wheel_take(&m->wheel, at), &m->entries[0].timer);
    assert_ptr_equal(trp_wheel_take(&m->wheel, at), &m->entries[1].timer);
    assert_null(trp_wheel_take(&m->wheel, at));
}

/* The sleeper asks for the bound, comes then, and asks again: it comes for nothing once a level at most. */
static void test_a_cancelled_timer_costs_a_sleeper_few_wakes(void **state)
{
    model *m = make_model(1);
    unsigned n_wakes = 0;

    (void)state;
    start(m, &m->entries[0], m->now_ns + 5 * TROUPE_SECOND);
    start(m, &m->entries[1], m->now_ns + 5 * TROUPE_SECOND + 1);
    trp_wheel_cancel(&m->wheel, &m->entries[0].timer);
    m->entries[0].number = 0;
    while (m->entries[1].number) {
        m->now_ns = trp_wheel_bound(&m->wheel);
        take_all_due(m);
        n_wakes++;
    }
    assert_true(n_wakes <= 2);
    assert_int_equal(trp_wheel_bound(&m->wheel), TROUPE_FOREVER);
}

static void test_the_ends_of_time_are_times_too(void **state)
{
    model *m = make_model(1);

    (void)state;
    start(m, &m->entries[0], TROUPE_FOREVER);
    start(m, &m->entries[1], TROUPE_FOREVER - 1);
    start(m, &m->entries[2], 0);
    assert_ptr_equal(trp_wheel_take(&m->wheel, m->now_ns), &m->entries[2].timer);
    assert_null(trp_wheel_take(&m->wheel, TROUPE_FOREVER - 2));
    assert_ptr_equal(trp_wheel_take(&m->wheel, TROUPE_FOREVER - 1), &m->entries[1].timer);
    assert_ptr_equal(trp_wheel_take(&m->wheel, TROUPE_FOREVER), &m->entries[0].timer);
    assert_null(trp_wheel_take(&m->wheel, TROUPE_FOREVER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_due_comes_in_order_of_time_and_of_start),
        cmocka_unit_test(test_next_is_the_earliest_time_to_the_nanosecond),
        cmocka_unit_test(test_timers_of_one_time_fire_as_they_were_started),
        cmocka_unit_test(test_a_cancelled_timer_costs_a_sleeper_few_wakes),
        cmocka_unit_test(test_the_ends_of_time_are_times_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
