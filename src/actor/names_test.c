/* Names. */
#include "actor_testing.h"

#include "trp/atomic.h"

#include <stdio.h>
#include <string.h>

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops answering = {.handle_message = answer};

static troupe_status spawn_as(fixture *f, const char *name, const troupe_child_ops *child,
                              const void *argument)
{
    troupe_id id;

    return troupe_spawn(
        f->me, TROUPE_SPEC(.name = name, .child = child, .actor = &answering, .argument = argument),
        &id);
}

static void test_many_names_are_found_and_freed(void **state)
{
    fixture *f = *state;
    troupe_id ids[500], found;
    char name[TROUPE_NAME_MAX + 1];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 500; i++) {
            snprintf(name, sizeof name, "component-%d", i);
            ids[i] = spawn_named(f, name, NULL, &answering, 0);
        }
        for (int i = 0; i < 500; i++) {
            snprintf(name, sizeof name, "component-%d", i);
            assert_int_equal(troupe_lookup(f->system, name, &found), TROUPE_OK);
            assert_int_equal(found.value, ids[i].value);
            troupe_name_of(f->system, ids[i], name);
            assert_int_equal(strncmp(name, "component-", 10), 0);
            assert_int_equal(troupe_kill(f->me, ids[i]), TROUPE_OK);
            assert_int_equal(troupe_wait_end(f->me, ids[i], TROUPE_SECOND, NULL), TROUPE_OK);
            troupe_name_of(f->system, ids[i], name);
            assert_string_equal(name, "");
        }
        assert_int_equal(troupe_lookup(f->system, "component-7", &found), TROUPE_E_GONE);
    }
}

static void test_a_name_that_is_too_long_or_empty_is_refused(void **state)
{
    fixture *f = *state;
    char name[TROUPE_NAME_MAX + 2];
    troupe_id found;

    memset(name, 'n', sizeof name);
    name[TROUPE_NAME_MAX + 1] = '\0';
    assert_int_equal(spawn_as(f, name, NULL, NULL), TROUPE_E_INVALID);
    assert_int_equal(troupe_lookup(f->system, name, &found), TROUPE_E_GONE);
    assert_int_equal(spawn_as(f, "", NULL, NULL), TROUPE_E_INVALID);
    assert_int_equal(troupe_lookup(f->system, "", &found), TROUPE_E_GONE);
    assert_int_equal(troupe_lookup(f->system, NULL, &found), TROUPE_E_INVALID);
    name[TROUPE_NAME_MAX] = '\0';
    assert_int_equal(spawn_as(f, name, NULL, NULL), TROUPE_OK);
    assert_int_equal(troupe_lookup(f->system, name, &found), TROUPE_OK);
}

static void test_a_name_that_is_no_line_of_text_is_refused(void **state)
{
    static const char *const bad[] = {
        "a\nb",         "\x1b[2J",        "del\x7f",           "c1 \xc2\x9b",
        "cut \xe2\x82", "\xc0\xaf slash", "lone \xed\xa0\x80", "\xff"};
    fixture *f = *state;
    troupe_totals before, after;

    troupe_totals_now(f->system, &before);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(spawn_as(f, bad[i], NULL, NULL), TROUPE_E_INVALID);
    troupe_totals_now(f->system, &after);
    assert_int_equal(after.slots, before.slots);
    assert_int_equal(spawn_as(f, "caf\xc3\xa9 \xe2\x82\xac/7", NULL, NULL), TROUPE_OK);
}

static void test_a_name_that_is_taken_is_refused_and_stays_with_who_has_it(void **state)
{
    fixture *f = *state;
    troupe_id first = spawn_named(f, "one", NULL, &answering, 0), found;

    assert_int_equal(spawn_as(f, "one", NULL, NULL), TROUPE_E_TAKEN);
    assert_int_equal(troupe_lookup(f->system, "one", &found), TROUPE_OK);
    assert_int_equal(found.value, first.value);
}

/* Lengths around the words in which names are compared, and around the two sizes of records. */
static void test_names_that_begin_alike_are_told_apart(void **state)
{
    fixture *f = *state;
    char name[TROUPE_NAME_MAX + 1], back[TROUPE_NAME_MAX + 1];
    troupe_id ids[TROUPE_NAME_MAX + 1], found;

    memset(name, 'n', sizeof name);
    for (size_t size = TROUPE_NAME_MAX; size > 0; size--) {
        name[size] = '\0';
        ids[size] = spawn_named(f, name, NULL, &answering, 0);
    }
    for (size_t size = 1; size <= TROUPE_NAME_MAX; size++) {
        memset(name, 'n', size);
        name[size] = '\0';
        assert_int_equal(troupe_lookup(f->system, name, &found), TROUPE_OK);
        assert_int_equal(found.value, ids[size].value);
        troupe_name_of(f->system, found, back);
        assert_string_equal(back, name);
    }
}

/* ---- lists ---- */

static void test_names_are_listed_in_order_by_prefix(void **state)
{
    fixture *f = *state;
    static troupe_name_entry entries[300];
    char name[TROUPE_NAME_MAX + 1];

    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "worker-%03d", (i * 37) % 200);
        spawn_named(f, name, NULL, &answering, 0);
    }
    memset(name, 'w', sizeof name); /* one of the long records */
    name[TROUPE_NAME_MAX] = '\0';
    spawn_named(f, name, NULL, &answering, 0);
    spawn_named(f, "boss", NULL, &answering, 0);
    assert_int_equal(troupe_names_count(f->system, NULL), 202);
    assert_int_equal(troupe_names_count(f->system, "w"), 201);
    assert_int_equal(troupe_names_count(f->system, "worker-01"), 10);
    assert_int_equal(troupe_names_count(f->system, "workers"), 0);
    assert_int_equal(troupe_names_list(f->system, "", entries, 300), 202);
    assert_string_equal(entries[0].name, "boss");
    assert_string_equal(entries[201].name, name);
    assert_int_equal(troupe_names_list(f->system, "worker-", entries, 3),
                     200); /* the first three */
    for (int i = 0; i < 3; i++) {
        troupe_id found;

        snprintf(name, sizeof name, "worker-%03d", i);
        assert_string_equal(entries[i].name, name);
        assert_int_equal(troupe_lookup(f->system, name, &found), TROUPE_OK);
        assert_int_equal(entries[i].id.value, found.value);
    }
}

/* ---- while it starts: taken, but not to be found ---- */

static troupe_status look_for_itself(void *self, const troupe_start *start)
{
    fixture *f = *(fixture *const *)start->argument;
    troupe_id found;

    (void)self;
    assert_int_equal(troupe_lookup(f->system, "starting", &found), TROUPE_E_GONE);
    assert_int_equal(troupe_names_count(f->system, "starting"), 0);
    assert_int_equal(spawn_as(f, "starting", NULL, NULL), TROUPE_E_TAKEN);
    return TROUPE_OK;
}

static troupe_status find_itself(void *self, troupe_context *ctx)
{
    troupe_id found;

    (void)self;
    assert_int_equal(troupe_lookup(troupe_system_of(ctx), "starting", &found), TROUPE_OK);
    assert_int_equal(found.value, troupe_self(ctx).value);
    return TROUPE_OK;
}

static void test_a_name_is_taken_before_it_can_be_found(void **state)
{
    static const troupe_child_ops hooks = {.pre_start = look_for_itself, .post_start = find_itself};
    fixture *f = *state;

    assert_int_equal(spawn_as(f, "starting", &hooks, &f), TROUPE_OK);
}

/* ---- the name is free before the notices go out ---- */

static troupe_status watch(void *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_id whom;
    troupe_monitor monitor;

    (void)self;
    memcpy(&whom, message->payload.data, sizeof whom);
    assert_int_equal(troupe_monitor_start(ctx, whom, TROUPE_MONITOR_FINAL, &monitor), TROUPE_OK);
    return troupe_reply(ctx, (troupe_bytes){0});
}

static _Atomic unsigned n_taken_over;

static void take_over(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    troupe_id id;

    (void)self;
    if (notice->event == TROUPE_EVENT_DOWN &&
        troupe_spawn(ctx, TROUPE_SPEC(.name = "throne", .actor = &answering), &id) == TROUPE_OK)
        trp_add_seq(&n_taken_over, 1);
}

static void test_who_learns_of_the_end_can_take_the_name(void **state)
{
    static const troupe_actor_ops heir = {.handle_message = watch, .handle_down = take_over};
    fixture *f = *state;
    troupe_id king = spawn_named(f, "throne", NULL, &answering, 0);
    troupe_id next = spawn_named(f, NULL, NULL, &heir, 0);
    troupe_message message;

    trp_store_seq(&n_taken_over, 0);
    assert_int_equal(troupe_call(f->me, next, TROUPE_BYTES_OF(king), TROUPE_SECOND, NULL),
                     TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, king), TROUPE_OK);
    for (int i = 0; i < 10000 && !trp_load_seq(&n_taken_over); i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(trp_load_seq(&n_taken_over), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_many_names_are_found_and_freed),
        BOTH(test_a_name_that_is_too_long_or_empty_is_refused),
        BOTH(test_a_name_that_is_no_line_of_text_is_refused),
        BOTH(test_a_name_that_is_taken_is_refused_and_stays_with_who_has_it),
        BOTH(test_names_that_begin_alike_are_told_apart),
        BOTH(test_names_are_listed_in_order_by_prefix),
        BOTH(test_a_name_is_taken_before_it_can_be_found),
        BOTH(test_who_learns_of_the_end_can_take_the_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
