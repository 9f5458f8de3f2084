/* The table of children by name, in the moments that a supervisor sees seldom: a name that is free while whoever had it is
 * known still. */
#include "kit_testing.h"

#include "supervisor.h"

static trp_supervisor *table_new(void)
{
    trp_supervisor *self = trp_alloc_zeroed(sizeof *self);

    assert_non_null(self);
    assert_int_equal(trp_children_init(&self->children), TROUPE_OK);
    return self;
}

static trp_record *append_named(trp_supervisor *self, const char *name, uint64_t id)
{
    troupe_child child = {.spec = *TROUPE_SPEC(.name = name)};
    trp_record *record = trp_children_append(self, &child, trp_children_free_number(self));

    assert_non_null(record);
    trp_record_set_id(self, record, (troupe_id){id});
    record->phase = id ? TRP_CHILD_UP : TRP_CHILD_DOWN;
    return record;
}

static void table_free(trp_supervisor *self)
{
    trp_children_fini(&self->children);
    trp_free(self);
}

static void act_free_name(struct stage *stage)
{
    trp_supervisor *self = table_new();
    trp_record *a = append_named(self, "a", 77), *later;

    /* Its name is free, as if it had ended this moment. */
    assert_null(trp_record_named(self, stage->system, "a", false));
    assert_ptr_equal(trp_record_named(self, stage->system, "a", true), a);
    assert_null(trp_record_named(self, stage->system, "b", true));
    a->phase = TRP_CHILD_RELEASED; /* it keeps its place, and its name in it */
    assert_ptr_equal(trp_record_named(self, stage->system, "a", false), a);
    a->forget = true; /* the name may be another's */
    assert_null(trp_record_named(self, stage->system, "a", false));
    assert_ptr_equal(trp_record_named(self, stage->system, "a", true), a);
    later = append_named(self, "a", 0);
    for (uint32_t i = 0; i < 20; i++) { /* chains are turned round when the table grows */
        assert_ptr_equal(trp_record_named(self, stage->system, "a", false), later);
        assert_ptr_equal(trp_record_named(self, stage->system, "a", true), later);
        (void)append_named(self, "x", 1000 + i);
    }
    trp_children_remove(self, a);
    assert_ptr_equal(trp_record_named(self, stage->system, "a", true), later);
    trp_children_remove(self, later);
    assert_null(trp_record_named(self, stage->system, "a", true));
    table_free(self);
}

static void test_a_name_belongs_to_the_last_that_is_not_to_be_forgotten(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage, true, 1);
    act_free_name(&stage);
    stage_close(&stage);
}

static void test_without_memory_nobody_is_appended(void **state)
{
    trp_supervisor *self = table_new();
    troupe_child child = {.spec = *TROUPE_SPEC(.name = "b")};

    (void)state;
    (void)append_named(self, "a", 1);
    trp_places_remove(&self->children.places, 1); /* its place needs memory again */
    trp_places_fini(&self->children.places);
    for (uint64_t nth = 1; nth <= 3; nth++) { /* the record, its name, its place */
        trp_alloc_fail_after(nth);
        assert_null(trp_children_append(self, &child, trp_children_free_number(self)));
    }
    trp_alloc_fail_after(0);
    assert_int_equal(self->children.n, 1);
    assert_int_equal(trp_children_free_number(self), 2);
    table_free(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_belongs_to_the_last_that_is_not_to_be_forgotten),
        cmocka_unit_test(test_without_memory_nobody_is_appended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
