/* What is refused at load, each with one clear line. */
#include "house_testing.h"

#include "scan.h"

#include "trp/utf8.h"

#include <wasmtime/conf.h>

static void refuse_bytes(const void *data, size_t size, const char *words)
{
    troupe_guest_options options = all_grants();
    troupe_error error;

    options.size = sizeof options;
    options.name = "guest";
    options.path = "guests/some.wasm";
    options.module = (troupe_bytes){data, size};
    assert_int_equal(try_bytes(&house, options, &error), TROUPE_E_INVALID);
    expect_in(error.text, "guest: guests/some.wasm: ");
    expect_in(error.text, words);
}

static void refuse_text(const char *text, const char *words)
{
    refuse_bytes(text, strlen(text), words);
}

static void refuse_file(const char *file, const char *words)
{
    troupe_error error;

    assert_int_equal(try_guest(&house, file, all_grants(), &error), TROUPE_E_INVALID);
    expect_in(error.text, file);
    expect_in(error.text, words);
}

static void test_load_refuses_what_is_no_module(void **state)
{
    static const char component[] = "\0asm\x0d\0\x01\0";
    static const char newer[] = "\0asm\x02\0\0\0";
    char noise[4096];

    (void)state;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 2654435761u >> 13);
    noise[0] = 'x';
    refuse_bytes("", 0, "is empty");
    refuse_bytes("\0as", 3, "is cut off after 3 bytes");
    refuse_bytes(noise, sizeof noise, "is neither WebAssembly nor its text");
    refuse_bytes(component, 8, "is a component; components come with a later version");
    refuse_bytes(newer, 8, "unknown version");
    refuse_text("(module (func (i32.add)))", "is no valid module");
    refuse_text("(modul", "is no valid text");
}

static void test_load_refuses_a_file_that_is_cut_off_anywhere(void **state)
{
    size_t size;
    char *bytes = read_guest("echo.wasm", &size);

    (void)state;
    for (size_t n = 0; n < size; n++) {
        /* Before a custom section, the names for example, it is whole without it. */
        if (bytes[n] != 0)
            refuse_bytes(bytes, n, "guest");
    }
    refuse_bytes(bytes, size - 10, "is cut off: the section at byte");
    trp_free(bytes);
}

static void test_load_survives_any_flipped_byte(void **state)
{
    troupe_guest_options options = all_grants();
    troupe_error error;
    size_t size;
    unsigned char *bytes = read_guest("echo.wasm", &size);

    (void)state;
    options.size = sizeof options;
    for (size_t i = 0; i < size; i += 3) {
        bytes[i] ^= 0x55;
        options.module = (troupe_bytes){bytes, size};
        if (try_bytes(&house, options, &error) == TROUPE_OK) {
            troupe_guest_free(house.guests[--house.n_guests]);
        }
        bytes[i] ^= 0x55;
    }
    trp_free(bytes);
}

static void test_load_refuses_what_is_no_actor(void **state)
{
    (void)state;
    refuse_file("no_handle_message.wasm",
                "exports no troupe:component/actor@0.1.0#handle-message: build it with "
                "guest/c/troupe_guest.h and TG_ACTOR");
    refuse_file("wrong_signature.wasm", "as (i32 i32) -> (i32), which must be (i64 i32 i64 i32 ");
    refuse_file("no_memory.wat", "exports no memory");
    refuse_file("half_lifecycle.wasm", "all four");
}

static void test_load_refuses_imports_that_nobody_offers(void **state)
{
    (void)state;
    refuse_file("import_unknown.wasm", "imports env foo, which nobody offers");
    refuse_file("import_unknown_function.wasm", "messaging@0.1.0 shout, which nobody offers");
    refuse_file("import_wrong_signature.wasm",
                "imports send as (i64 i32 i32) -> (), which must be (i64 i32 i32 i32) -> ()");
    refuse_file("memory_imported.wat", "imports the memory");
    refuse_text("(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func)))", "without WASI");
    house.services.print = NULL;
    refuse_file("hooks.wasm", "services@0.1.0 print, which nobody offers");
}

static void deny(const char *file, troupe_grants without, const char *line)
{
    troupe_error error;

    assert_int_equal(try_guest(&house, file, (troupe_guest_options){.grants = without}, &error),
                     TROUPE_E_DENIED);
    expect_in(error.text, line);
}

static void test_load_names_the_grant_that_is_missing(void **state)
{
    const troupe_grants clock = {.clock = true}, random = {.random = true};

    (void)state;
    deny("import_not_granted.wasm", (troupe_grants){0},
         "imports messaging.publish, which nothing grants: add \"grants: [publish: [TOPIC]]\"");
    deny("send_back.wasm", (troupe_grants){0}, "\"grants: [send: [NAME]]\"");
    deny("hooks.wasm", (troupe_grants){0}, "\"grants: [stdout]\"");
    deny("random_clock.wasm", clock, "\"grants: [random]\"");
    deny("random_clock.wasm", random, "\"grants: [clock]\"");
    load_with(&house, "whoami.wasm", (troupe_guest_options){.grants = {0}});
    load_with(&house, "chatty.wasm", (troupe_guest_options){.grants = {0}});
    load_with(&house, "reply_later.wasm", (troupe_guest_options){.grants = {0}});
}

static void test_load_refuses_what_is_over_its_limits(void **state)
{
    troupe_guest_options options = all_grants();
    troupe_error error;

    (void)state;
    refuse_file("memory_too_large.wat", "begins with 1048576 KiB of memory, its limit is 16384");
    options.limits.memory_bytes = 1000;
    assert_int_equal(try_guest(&house, "echo.wasm", options, &error), TROUPE_E_INVALID);
    expect_in(error.text, "below one page");
}

/* Types that the C API has no kind for. */
/* An engine that can leave typed references out says so itself; one without that switch takes them, and we do not. */
#ifdef WASMTIME_FEATURE_GC
#define TYPED_REFERENCE_REFUSED "is no valid module"
#else
#define TYPED_REFERENCE_REFUSED "or another type that no function"
#endif

static void test_load_refuses_signatures_of_odd_types(void **state)
{
    (void)state;
    refuse_text("(module (func (export \"troupe:component/actor@0.1.0#handle-message\") "
                "(param v128) (result i32) i32.const 0))",
                "with a vector (v128)");
    refuse_text(
        "(module (import \"troupe:component/messaging@0.1.0\" \"send\" (func (result v128))))",
        "with a vector (v128)");
    refuse_text("(module (type (func (param (ref func)))))", TYPED_REFERENCE_REFUSED);
    refuse_text("(module (func (param v128)) (memory (export \"memory\") 1))",
                "exports no troupe:component/actor");
    refuse_text("(module (import \"troupe:component/messaging@0.1.0\" \"send\" "
                "(func (param funcref f64))))",
                "imports send as (");
}

static void test_load_bounds_the_number_of_functions(void **state)
{
    const size_t n = TRP_FUNCTIONS_MAX + 1;
    char *text = trp_alloc(n * 8 + 16), *at = text;

    (void)state;
    at += sprintf(at, "(module ");
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "(func)");
    sprintf(at, ")");
    refuse_text(text, "has 50001 functions; the most are 50000");
    trp_free(text);
}

static void test_load_gives_back_what_it_took_when_memory_is_out(void **state)
{
    troupe_error error;
    size_t failed = 0;

    (void)state;
    for (uint64_t n = 1; n < 100; n++) {
        troupe_guest_options options = all_grants();
        troupe_guest *guest = NULL;
        troupe_status status;
        size_t size;
        void *bytes = read_guest("hooks.wasm", &size);

        options.size = sizeof options;
        options.module = (troupe_bytes){bytes, size};
        options.services = &house.services;
        trp_alloc_fail_after(n);
        status = troupe_guest_load(house.engine, &options, &guest, &error);
        trp_alloc_fail_after(0);
        trp_free(bytes);
        troupe_guest_free(guest);
        if (status == TROUPE_OK)
            continue;
        failed++;
        /* What cannot be looked at is refused as well. */
        assert_true(status == TROUPE_E_NO_MEMORY || status == TROUPE_E_INVALID);
    }
    assert_true(failed > 10);
}

static bool utf8(const char *text)
{
    return trp_is_utf8(text, strlen(text));
}

static void test_utf8_is_what_the_standard_says(void **state)
{
    (void)state;
    assert_true(utf8("") && utf8("plain") && utf8("more than eight bytes of it"));
    assert_true(utf8("\xc3\xa4") && utf8("\xe2\x82\xac") && utf8("\xf0\x9f\x98\x80"));
    assert_true(utf8("\xed\x9f\xbf") && utf8("\xee\x80\x80") && utf8("\xf4\x8f\xbf\xbf"));
    assert_false(utf8("\x80") || utf8("\xc0\x80") || utf8("\xc1\xbf") || utf8("\xe0\x9f\xbf"));
    assert_false(utf8("\xed\xa0\x80") || utf8("\xf0\x8f\xbf\xbf") || utf8("\xf4\x90\x80\x80"));
    assert_false(utf8("\xf5\x80\x80\x80") || utf8("\xff") || utf8("cut \xe2\x82"));
    assert_false(utf8("12345678\xc3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_load_refuses_what_is_no_module, open_threads,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_load_refuses_a_file_that_is_cut_off_anywhere,
                                        open_threads, close_house),
        cmocka_unit_test_setup_teardown(test_load_survives_any_flipped_byte, open_threads,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_load_refuses_what_is_no_actor, open_threads,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_load_refuses_imports_that_nobody_offers, open_threads,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_load_names_the_grant_that_is_missing, open_threads,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_load_refuses_what_is_over_its_limits, open_threads,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_load_refuses_signatures_of_odd_types, open_threads,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_load_bounds_the_number_of_functions, open_threads,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_load_gives_back_what_it_took_when_memory_is_out,
                                        open_threads, close_house),
        cmocka_unit_test(test_utf8_is_what_the_standard_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
