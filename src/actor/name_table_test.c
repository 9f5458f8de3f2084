/* The table of names alone: against a plain list, and with a writer that is faster than any spawn beside readers that
 * may never miss who stays, nor get an id under another's name. */
#include "names.h"

#include "trp/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N_NAMES 200u
#define N_STEPS 20000u

static trp_names *new_names(void)
{
    trp_names *names = trp_alloc_aligned(TRP_CACHE_LINE, sizeof *names);

    assert_non_null(names);
    memset(names, 0, sizeof *names);
    trp_names_init(names,
                   trp_hash_key_from(UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b)));
    return names;
}

static void free_names(trp_names *names)
{
    trp_names_fini(names);
    trp_free(names);
}

static trp_name_key key_of(const trp_names *names, const char *prefix, unsigned number)
{
    char text[TROUPE_NAME_MAX + 1];
    trp_name_key key = {.n_words = 0};

    snprintf(text, sizeof text, "%s-%u%s", prefix, number,
             number % 4 ? "" : "-which-is-so-long-that-it-needs-a-record-of-the-other-size");
    assert_true(trp_name_key_make(names, text, &key));
    return key;
}

static trp_name *add(trp_names *names, const trp_name_key *key, uint64_t id)
{
    trp_name *name = trp_names_add_locked(names, key, id);

    assert_non_null(name);
    assert_int_equal(trp_names_find(names, key), 0); /* it cannot be found yet */
    trp_store_release(&name->findable, 1);
    return name;
}

static void test_names_are_found_as_in_a_plain_list(void **state)
{
    trp_names *names = new_names();
    trp_random random = {.state = 3};
    trp_name *held[N_NAMES] = {NULL};
    uint64_t ids[N_NAMES] = {0};

    (void)state;
    for (unsigned step = 1; step <= N_STEPS; step++) {
        unsigned which = (unsigned)trp_random_below(&random, N_NAMES);
        trp_name_key key = key_of(names, "name", which);

        assert_ptr_equal(trp_names_holding_locked(names, &key), held[which]);
        assert_int_equal(trp_names_find(names, &key), held[which] ? ids[which] : 0);
        if (held[which]) {
            trp_names_remove_locked(names, held[which]);
            held[which] = NULL;
        } else {
            held[which] = add(names, &key, step);
            ids[which] = step;
        }
    }
    for (unsigned i = 0; i < N_NAMES; i++) {
        if (held[i])
            trp_names_remove_locked(names, held[i]);
    }
    free_names(names);
}

/* What comes and goes for ever takes no more tables and records than it needed once. */
static void test_names_that_come_and_go_need_no_more_memory(void **state)
{
    trp_names *names = new_names();
    unsigned n_tables = 0;

    (void)state;
    for (unsigned round = 0; round < 50000; round++) {
        trp_name_key key = key_of(names, "passing", round);

        trp_names_remove_locked(names, add(names, &key, round + 1));
    }
    for (trp_name_table *table = names->tables; table; table = table->next)
        n_tables++;
    assert_in_range(n_tables, 1, 2);
    assert_null(trp_load_relaxed(&names->shelves[0].chunks)->next);
    free_names(names);
}

/* ---- beside each other ---- */

#define N_STAYING 12u
#define N_HOMES 8u /* slots where names that pass want to stand */
#define N_AT_HOME 7u
#define N_READERS 3u
#define N_ROUNDS 30000u

static struct {
    trp_names *names;
    trp_name_key staying[N_STAYING], passing[N_HOMES][N_AT_HOME];
    _Atomic bool over;
    _Atomic uint64_t n_missed, n_mistaken, n_met;
} scene;

/* An id says by its last digits which name it was given with. */
static void look(void *arg)
{
    unsigned round = (unsigned)(uintptr_t)arg;

    for (; !trp_load_relaxed(&scene.over); round++) { /* checked at the end, by counts */
        unsigned staying = round % N_STAYING, home = round % N_HOMES, place = round % N_AT_HOME;
        uint64_t id = trp_names_find(scene.names, &scene.passing[home][place]);

        if (trp_names_find(scene.names, &scene.staying[staying]) != staying + 1)
            trp_add_relaxed(&scene.n_missed, 1);
        if (id && id % 100 != home * 10 + place)
            trp_add_relaxed(&scene.n_mistaken, 1);
        if (id)
            trp_add_relaxed(&scene.n_met, 1);
    }
}

/* As many as stand at one home come, and all but the last go: marks stay before it, until the table is built again. Each
 * name takes a record that another one left. */
static void change(void)
{
    trp_name *names[N_HOMES][N_AT_HOME] = {{NULL}};

    for (unsigned round = 1; round < N_ROUNDS; round++) {
        unsigned home = round % N_HOMES;
        trp_name **at = names[home];

        if (at[N_AT_HOME - 1])
            trp_names_remove_locked(scene.names, at[N_AT_HOME - 1]);
        for (unsigned i = 0; i < N_AT_HOME; i++) {
            at[i] = trp_names_add_locked(scene.names, &scene.passing[home][i],
                                         round * UINT64_C(100) + home * 10 + i);
            assert_non_null(at[i]);
            trp_store_release(&at[i]->findable, 1);
        }
        for (unsigned i = 0; i + 1 < N_AT_HOME; i++)
            trp_names_remove_locked(scene.names, at[i]);
    }
    for (unsigned home = 0; home < N_HOMES; home++)
        trp_names_remove_locked(scene.names, names[home][N_AT_HOME - 1]);
}

/* Short names that all want one slot of a table of 64. */
static void choose_names(unsigned home)
{
    for (unsigned number = 1, n = 0; n < N_AT_HOME; number++) {
        trp_name_key key = key_of(scene.names, "passes", 4 * number + 1);

        if (key.hash % 64 == 8 * home)
            scene.passing[home][n++] = key;
    }
}

static void test_readers_miss_nobody_and_mistake_nobody(void **state)
{
    trp_name *staying[N_STAYING];
    trp_thread threads[N_READERS];

    (void)state;
    scene.names = new_names();
    for (unsigned i = 0; i < N_STAYING; i++) {
        scene.staying[i] = key_of(scene.names, "stays", i);
        staying[i] = add(scene.names, &scene.staying[i], i + 1);
    }
    for (unsigned home = 0; home < N_HOMES; home++)
        choose_names(home);
    for (unsigned i = 0; i < N_READERS; i++)
        assert_true(trp_thread_start(&threads[i], "reader", 0, look, (void *)(uintptr_t)i));
    change();
    trp_store_relaxed(&scene.over, true);
    for (unsigned i = 0; i < N_READERS; i++)
        trp_thread_join(&threads[i]);
    assert_int_equal(trp_load_relaxed(&scene.n_missed), 0);
    assert_int_equal(trp_load_relaxed(&scene.n_mistaken), 0);
    assert_true(trp_load_relaxed(&scene.names->generation) >
                100);                                /* else it was never built again */
    assert_true(trp_load_relaxed(&scene.n_met) > 0); /* else they never met one that passes */
    for (unsigned i = 0; i < N_STAYING; i++)
        trp_names_remove_locked(scene.names, staying[i]);
    free_names(scene.names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_found_as_in_a_plain_list),
        cmocka_unit_test(test_names_that_come_and_go_need_no_more_memory),
        cmocka_unit_test(test_readers_miss_nobody_and_mistake_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
