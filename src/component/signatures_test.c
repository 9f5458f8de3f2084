/* The tables against wit/core-signatures.txt, both ways. */
#include "component_testing.h"

#include "signatures.h"

static wasm_name_t name_of(const char *text)
{
    return (wasm_name_t){strlen(text), (char *)text};
}

/* "(i64 i32) -> ()" */
static void expect_signature(const char *params, const char *results, const char *wanted)
{
    char text[TRP_SIGNATURE_TEXT];

    trp_signature_text(params, results, text);
    assert_string_equal(text, wanted);
}

static void check_line(const char *kind, const char *interface, const char *function,
                       const char *signature, size_t *counts)
{
    char full[256];
    wasm_name_t module = name_of(interface), name = name_of(function);
    trp_export which;
    bool post;

    if (strcmp(kind, "import") == 0) {
        const trp_import_row *row = trp_import_find(&module, &name);

        assert_non_null(row);
        expect_signature(row->params, row->results, signature);
        counts[0]++;
        return;
    }
    if (strcmp(kind, "module") == 0)
        return;
    snprintf(full, sizeof full, "%s%s#%s", strcmp(kind, "post") == 0 ? "cabi_post_" : "", interface,
             function);
    name = name_of(full);
    assert_true(trp_export_find(&name, &which, &post));
    assert_int_equal(post, strcmp(kind, "post") == 0);
    if (post)
        expect_signature(trp_export_rows[which].post_params, "", signature);
    else
        expect_signature(trp_export_rows[which].params, trp_export_rows[which].results, signature);
    counts[post ? 2 : 1]++;
}

static void test_signatures_equal_the_golden_file(void **state)
{
    FILE *file = fopen(TROUPE_TEST_SOURCE_DIR "/wit/core-signatures.txt", "r");
    char line[512], kind[16], interface[128], function[64], signature[256];
    size_t counts[3] = {0};

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        assert_int_equal(
            sscanf(line, "%15s %127s %63s %255[^\n]", kind, interface, function, signature), 4);
        check_line(kind, interface, function, signature, counts);
    }
    fclose(file);
    assert_int_equal(counts[0], trp_n_import_rows);
    assert_int_equal(counts[1], TRP_N_EXPORTS);
    assert_int_equal(counts[2], TRP_N_EXPORTS);
}

static bool found(const char *module)
{
    wasm_name_t name = name_of(module), function = name_of("send");

    return trp_import_find(&name, &function) != NULL;
}

static void test_signatures_any_patch_version_matches(void **state)
{
    (void)state;
    assert_true(found("troupe:component/messaging@0.1.0"));
    assert_true(found("troupe:component/messaging@0.1.17"));
    assert_false(found("troupe:component/messaging@0.2.0"));
    assert_false(found("troupe:component/messaging@0.1."));
    assert_false(found("troupe:component/messaging@0.1.x"));
    assert_false(found("troupe:component/messaging@0.10"));
    assert_false(found("troupe:component/messaging"));
    assert_false(found("troupe:component/services@0.1.0"));
    assert_false(found("other:component/messaging@0.1.0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures_equal_the_golden_file),
        cmocka_unit_test(test_signatures_any_patch_version_matches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
