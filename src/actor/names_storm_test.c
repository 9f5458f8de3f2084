/* Names under a storm: threads that register, unregister, look up and list at the same time, for the sanitizers, and
 * for what no reader may ever see. The table is small and rebuilt all the time, because names come and go. */
#include "actor_testing.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <stdio.h>
#include <string.h>

#define N_STAYING 40
#define N_WRITERS 2
#define N_READERS 2
#define N_ROUNDS 1500

static struct storm {
    troupe_system *system;
    troupe_id staying[N_STAYING];
    _Atomic unsigned n_writing;
    _Atomic uint64_t n_wrong, n_found;
} storm;

static void wrong_unless(bool right)
{
    if (!right)
        trp_add_seq(&storm.n_wrong, 1);
}

/* While it starts nobody finds it. */
static troupe_status look_for_itself(void *self, const troupe_start *start)
{
    troupe_id found;

    (void)self;
    wrong_unless(troupe_lookup(start->system, start->name, &found) == TROUPE_E_GONE);
    return TROUPE_OK;
}

static const troupe_child_ops shy = {.pre_start = look_for_itself};

static void name_of_round(char *name, unsigned writer, unsigned round)
{
    /* Every third one is long, so that both sizes of records are used again. */
    snprintf(name, TROUPE_NAME_MAX + 1, "%s-%u-%u",
             round % 3 ? "passing"
                       : "passing-by-with-a-name-of-more-than-one-cache-line-of-letters",
             writer, round % 97);
}

static void come_and_go(void *arg)
{
    unsigned writer = (unsigned)(uintptr_t)arg;
    troupe_context *me = troupe_attach(storm.system);
    char name[TROUPE_NAME_MAX + 1];

    for (unsigned round = 0; round < N_ROUNDS; round++) {
        troupe_id id, found = TROUPE_NOBODY;

        name_of_round(name, writer, round);
        if (troupe_spawn(me, TROUPE_SPEC(.name = name, .child = &shy), &id) != TROUPE_OK) {
            wrong_unless(false);
            continue;
        }
        wrong_unless(troupe_lookup(storm.system, name, &found) == TROUPE_OK &&
                     found.value == id.value);
        wrong_unless(troupe_kill(me, id) == TROUPE_OK);
        wrong_unless(troupe_wait_end(me, id, 20 * TROUPE_SECOND, NULL) == TROUPE_OK);
        wrong_unless(troupe_lookup(storm.system, name, &found) == TROUPE_E_GONE);
    }
    troupe_detach(me);
    trp_sub_seq(&storm.n_writing, 1);
}

static void look_for_those_who_stay(void)
{
    char name[TROUPE_NAME_MAX + 1], back[TROUPE_NAME_MAX + 1];

    for (unsigned i = 0; i < N_STAYING; i++) {
        troupe_id found = TROUPE_NOBODY;

        snprintf(name, sizeof name, "staying-%u", i);
        wrong_unless(troupe_lookup(storm.system, name, &found) == TROUPE_OK &&
                     found.value == storm.staying[i].value);
        troupe_name_of(storm.system, found, back);
        wrong_unless(strcmp(name, back) == 0);
    }
}

/* Who is found under a name has that name, or has ended. */
static void look_for_those_who_pass(unsigned round)
{
    char name[TROUPE_NAME_MAX + 1], back[TROUPE_NAME_MAX + 1];
    troupe_id found;

    name_of_round(name, round % N_WRITERS, round);
    if (troupe_lookup(storm.system, name, &found) != TROUPE_OK)
        return;
    trp_add_seq(&storm.n_found, 1);
    troupe_name_of(storm.system, found, back);
    wrong_unless(back[0] == '\0' || strcmp(name, back) == 0);
}

static void look_and_list(void *arg)
{
    static const char staying[] = "staying-";
    troupe_name_entry entries[N_STAYING];

    (void)arg;
    for (unsigned round = 0; trp_load_seq(&storm.n_writing); round++) {
        look_for_those_who_stay();
        look_for_those_who_pass(round);
        wrong_unless(troupe_names_list(storm.system, staying, entries, N_STAYING) == N_STAYING);
        for (unsigned i = 0; i < N_STAYING; i++)
            wrong_unless(strncmp(entries[i].name, staying, sizeof staying - 1) == 0);
    }
}

static void test_names_come_and_go_beside_those_who_look(void **state)
{
    fixture *f = *state;
    trp_thread threads[N_WRITERS + N_READERS];
    char name[TROUPE_NAME_MAX + 1];

    storm.system = f->system;
    trp_store_seq(&storm.n_wrong, 0);
    trp_store_seq(&storm.n_writing, N_WRITERS);
    for (unsigned i = 0; i < N_STAYING; i++) {
        snprintf(name, sizeof name, "staying-%u", i);
        storm.staying[i] = spawn_named(f, name, NULL, NULL, 0);
    }
    for (unsigned i = 0; i < N_WRITERS + N_READERS; i++)
        assert_true(trp_thread_start(&threads[i], "names", 0,
                                     i < N_WRITERS ? come_and_go : look_and_list,
                                     (void *)(uintptr_t)i));
    for (unsigned i = 0; i < N_WRITERS + N_READERS; i++)
        trp_thread_join(&threads[i]);
    assert_int_equal(trp_load_seq(&storm.n_wrong), 0);
    assert_true(trp_load_seq(&storm.n_found) > 0); /* else the readers looked at an empty stage */
    assert_int_equal(troupe_names_count(f->system, NULL), N_STAYING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_come_and_go_beside_those_who_look, on_threads,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
