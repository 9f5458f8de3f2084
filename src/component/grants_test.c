/* Whose topics are whose. */
#include "troupe/component.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_topics_under_the_systems_own_word_are_reserved(void **state)
{
    (void)state;
    assert_true(troupe_topic_reserved(TROUPE_TEXT("troupe.")));
    assert_true(troupe_topic_reserved(TROUPE_TEXT("troupe.dead-letters")));
    assert_true(troupe_topic_reserved(TROUPE_TEXT("troupe.*")));
}

static void test_other_topics_are_not(void **state)
{
    (void)state;
    assert_false(troupe_topic_reserved(TROUPE_TEXT("troupe")));
    assert_false(troupe_topic_reserved(TROUPE_TEXT("trouper.x")));
    assert_false(troupe_topic_reserved(TROUPE_TEXT("my.troupe.x")));
    assert_false(troupe_topic_reserved((troupe_bytes){"troupe.x", 6})); /* no more is looked at */
    assert_false(troupe_topic_reserved((troupe_bytes){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics_under_the_systems_own_word_are_reserved),
        cmocka_unit_test(test_other_topics_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
