#include "yaml_tree.h"

#include "settings.h"
#include "testing.h"
#include "visible.h"

#include <stdlib.h>

typedef struct fixture {
    trp_arena arena;
    trp_mistakes mistakes;
    heard heard;
} fixture;

static int set_up(void **state)
{
    fixture *f = test_calloc(1, sizeof(*f));

    f->mistakes = (trp_mistakes){.arena = &f->arena, .file = "t"};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    trp_arena_fini(&f->arena);
    test_free(f);
    return 0;
}

static trp_yaml *parse(fixture *f, const char *text)
{
    return trp_yaml_parse(&f->arena, troupe_text(text), &f->mistakes);
}

/* What is said about a text. */
static const char *said(fixture *f, const char *text)
{
    (void)parse(f, text);
    trp_mistakes_say(&f->mistakes, (troupe_say){hear, &f->heard});
    return f->heard.text;
}

static void test_tree_knows_lines_and_paths(void **state)
{
    fixture *f = *state;
    const trp_yaml *root = parse(f, "a: 1\nb:\n  - x\n  - {c: 'y z'}\n");
    const trp_yaml *b = trp_yaml_get(root, "b"), *c;
    char path[64];

    assert_non_null(b);
    assert_int_equal(f->mistakes.n, 0);
    assert_int_equal(b->n, 2);
    c = trp_yaml_get(b->first->next, "c");
    assert_int_equal(c->line, 4);
    assert_string_equal(c->text, "y z");
    assert_false(c->plain);
    trp_yaml_path(c, path, sizeof(path));
    assert_string_equal(path, "b[1].c");
    assert_null(trp_yaml_get(root, "c"));
}

static void test_duplicate_key_is_said_with_both_lines(void **state)
{
    assert_string_equal(said(*state, "a: 1\nb: 2\na: 3\n"),
                        "t:3: a: the key is given twice, first in line 1; keep one of them\n");
}

static void test_anchor_and_tag_are_both_said(void **state)
{
    assert_string_equal(said(*state, "a: &x 1\nb: !!int 2\n"),
                        "t:1: the anchor \"&x\" is not allowed; write the value out\n"
                        "t:2: the tag \"tag:yaml.org,2002:int\" is not allowed; leave it out\n");
}

static void test_alias_leaves_no_tree(void **state)
{
    fixture *f = *state;

    assert_null(parse(f, "a: *x\n"));
    assert_int_equal(f->mistakes.n, 1);
}

static void test_syntax_error_has_its_line(void **state)
{
    assert_memory_equal(said(*state, "a: 1\nb: [1, 2\nc: 3\n"), "t:3: this is not YAML: ", 23);
}

static void test_bad_byte_has_its_line(void **state)
{
    assert_memory_equal(said(*state, "a: 1\nb: \x01\n"), "t:2: this is not YAML: ", 23);
}

static void test_depth_64_is_read_and_65_is_not(void **state)
{
    fixture *f = *state;
    char text[256] = {0};

    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_non_null(parse(f, text));
    assert_int_equal(f->mistakes.n, 0);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_null(parse(f, text));
    assert_int_equal(f->mistakes.n, 1);
}

static void test_second_document_is_refused(void **state)
{
    assert_memory_equal(said(*state, "a: 1\n---\nb: 1\n"), "t:2: a second document", 22);
}

static void test_list_as_a_key_is_refused(void **state)
{
    assert_memory_equal(said(*state, "[a]: 1\n"), "t:1: a key must be one word", 27);
}

static void test_nothing_is_said_to_be_empty(void **state)
{
    assert_memory_equal(said(*state, "# only this\n"), "t: it is empty", 14);
}

static void test_a_hundred_mistakes_are_said_and_the_others_counted(void **state)
{
    fixture *f = *state;

    for (unsigned i = 0; i < 103; i++)
        trp_mistakes_note(&f->mistakes, 200 - i, "", "m");
    trp_mistakes_say(&f->mistakes, (troupe_say){hear, &f->heard});
    assert_int_equal(f->heard.n, 101);
    assert_memory_equal(f->heard.text, "t:101: m\n", 9);
    assert_non_null(strstr(f->heard.text, "... and 3 more mistakes"));
}

static void assert_json(fixture *f, const char *yaml, const char *json)
{
    troupe_bytes found = trp_settings(&f->arena, parse(f, yaml), &f->mistakes);

    assert_int_equal(f->mistakes.n, 0);
    assert_int_equal(found.size, strlen(json));
    assert_memory_equal(found.data, json, found.size);
}

static void test_settings_are_json(void **state)
{
    assert_json(
        *state, "{top: 10, name: x, on: true, no: null, deep: [1, {a: b}], e: []}",
        "{\"top\":10,\"name\":\"x\",\"on\":true,\"no\":null,\"deep\":[1,{\"a\":\"b\"}],\"e\":[]}");
}

static void test_settings_write_numbers_as_json_does(void **state)
{
    assert_json(*state, "[007, +5, -0, .5, 5., -1.50e+3, 0x1F, 0o17, 1_0, 1e5, -, 1.2.3]",
                "[7,5,-0,0.5,5.0,-1.50e+3,31,15,\"1_0\",1.0e5,\"-\",\"1.2.3\"]");
}

static void test_settings_keep_quoted_words_as_text(void **state)
{
    assert_json(*state, "['10', \"tr\\\"ue\\n\", yes, \"a\\0b\", 1.0.0]",
                "[\"10\",\"tr\\\"ue\\u000a\",\"yes\",\"a\\u0000b\",\"1.0.0\"]");
}

static void test_settings_refuse_what_json_cannot_say(void **state)
{
    fixture *f = *state;

    (void)trp_settings(&f->arena, parse(f, "[.inf]"), &f->mistakes);
    assert_int_equal(f->mistakes.n, 1);
}

static void test_visible_shows_control_and_broken_bytes(void **state)
{
    char text[64];

    (void)state;
    trp_visible(TROUPE_TEXT("a\x1b[1m\n\xc3\xa4\xff\xed\xa0\x80\xc2\x9b."), text, sizeof(text));
    assert_string_equal(text, "a\\x1b[1m\\x0a\xc3\xa4\\xff\\xed\\xa0\\x80\\xc2\\x9b.");
    trp_visible(TROUPE_TEXT("a\xe2\x80\xae\xe2\x81\xa6\xe2\x82\xac"), text, sizeof(text));
    assert_string_equal(text, "a\\xe2\\x80\\xae\\xe2\\x81\\xa6\xe2\x82\xac");
    assert_int_equal(trp_visible(TROUPE_TEXT("\xc3\xa4\xc3\xa4"), text, 4), 2);
}

static void test_nearest_word_is_near_or_none(void **state)
{
    static const char *const words[] = {"publish", "send", "stdout", "clock", NULL};

    (void)state;
    assert_string_equal(troupe_nearest("publsh", words), "publish");
    assert_string_equal(troupe_nearest("snde", words), "send");
    assert_string_equal(troupe_nearest("stdot", words), "stdout");
    assert_null(troupe_nearest("banana", words));
    assert_null(troupe_nearest("", words));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(test_tree_knows_lines_and_paths),
        TEST(test_duplicate_key_is_said_with_both_lines),
        TEST(test_anchor_and_tag_are_both_said),
        TEST(test_alias_leaves_no_tree),
        TEST(test_syntax_error_has_its_line),
        TEST(test_bad_byte_has_its_line),
        TEST(test_depth_64_is_read_and_65_is_not),
        TEST(test_second_document_is_refused),
        TEST(test_list_as_a_key_is_refused),
        TEST(test_nothing_is_said_to_be_empty),
        TEST(test_a_hundred_mistakes_are_said_and_the_others_counted),
        TEST(test_settings_are_json),
        TEST(test_settings_write_numbers_as_json_does),
        TEST(test_settings_keep_quoted_words_as_text),
        TEST(test_settings_refuse_what_json_cannot_say),
        TEST(test_visible_shows_control_and_broken_bytes),
        TEST(test_nearest_word_is_near_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
