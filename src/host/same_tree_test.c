/* A tree from a manifest and the same tree as a static table in C are the same to the kit. */
#include "testing.h"

#include "host.h"

#define MANIFEST TROUPE_TEST_SOURCE_DIR "/examples/04-sensor-gateway/troupe.yaml"
#define S TROUPE_SECOND

static const troupe_child view_children[] = {
    {.spec = {.size = sizeof(troupe_spec), .name = "cache", .error_limit = 3, .error_of_last = 5}},
    {.spec = {.size = sizeof(troupe_spec), .name = "publisher"}},
};

static const troupe_supervisor view =
    TROUPE_SUPERVISOR(.strategy = TROUPE_REST_FOR_ONE, .max_restarts = 3, .within_ns = 60 * S,
                      .children = view_children, .n_children = 2);

static const troupe_child root_children[] = {
    {.spec = {.size = sizeof(troupe_spec), .name = "view", .argument = &view}},
    {.max_restarts = 20,
     .within_ns = 60 * S,
     .spec = {.size = sizeof(troupe_spec), .name = "reader"}},
};

static const troupe_supervisor root = TROUPE_SUPERVISOR(.max_restarts = 3, .within_ns = 60 * S,
                                                        .children = root_children, .n_children = 2);

static void expect_same_backoff(const troupe_backoff *have, const troupe_backoff *want)
{
    assert_int_equal(have->kind, want->kind);
    assert_int_equal(have->initial_ns, want->initial_ns);
    assert_int_equal(have->max_ns, want->max_ns);
    assert_true(have->multiplier >= want->multiplier && have->multiplier <= want->multiplier);
    assert_true(have->jitter >= want->jitter && have->jitter <= want->jitter);
    assert_int_equal(have->reset_after_ns, want->reset_after_ns);
}

static void expect_same_child(const troupe_child *have, const troupe_child *want)
{
    assert_string_equal(have->spec.name, want->spec.name);
    assert_int_equal(have->restart, want->restart);
    assert_int_equal(have->on_crash, want->on_crash);
    assert_int_equal(have->significant, want->significant);
    assert_int_equal(have->unavailable_while_down, want->unavailable_while_down);
    assert_int_equal(have->max_restarts, want->max_restarts);
    assert_int_equal(have->within_ns, want->within_ns);
    assert_int_equal(have->spec.error_limit, want->spec.error_limit);
    assert_int_equal(have->spec.error_of_last, want->spec.error_of_last);
    assert_int_equal(have->spec.error_within_ns, want->spec.error_within_ns);
    assert_int_equal(have->spec.health_interval, want->spec.health_interval);
    assert_int_equal(have->spec.on_error, want->spec.on_error);
}

static void expect_same(const troupe_supervisor *have, const troupe_supervisor *want)
{
    assert_int_equal(have->strategy, want->strategy);
    assert_int_equal(have->on_intensity, want->on_intensity);
    assert_int_equal(have->auto_shutdown, want->auto_shutdown);
    assert_int_equal(have->max_restarts, want->max_restarts);
    assert_int_equal(have->within_ns, want->within_ns);
    expect_same_backoff(&have->backoff, &want->backoff);
    assert_int_equal(have->n_children, want->n_children);
    for (size_t i = 0; i < want->n_children; i++)
        expect_same_child(&have->children[i], &want->children[i]);
}

static void test_a_manifest_and_a_table_build_the_same_tree(void **state)
{
    static heard ear;
    troupe_say say = {hear, &ear};
    troupe_manifest *manifest;
    troupe_error error;
    troupe_host *host;
    troupe_spec spec;

    (void)state;
    assert_int_equal(troupe_manifest_load(MANIFEST, say, &manifest), TROUPE_OK);
    assert_int_equal(troupe_host_new(manifest, TROUPE_HOST_OPTIONS(.workers = 1), say, &host),
                     TROUPE_OK);
    assert_int_equal(trp_host_plan(host, &spec, &error), TROUPE_OK);
    expect_same(spec.argument, &root);
    expect_same(((const troupe_supervisor *)spec.argument)->children[0].spec.argument, &view);
    troupe_host_free(host);
    troupe_manifest_free(manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_manifest_and_a_table_build_the_same_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
