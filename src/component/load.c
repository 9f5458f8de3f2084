/* load.c - from bytes to a guest that can be instantiated: read, compile, check, link. */
#include "grants.h"
#include "guest.h"
#include "instance.h"
#include "scan.h"
#include "trap.h"
#include "vectors.h"

#include "trp/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PAGE UINT64_C(65536)

troupe_status trp_guest_say(const troupe_guest *guest, troupe_error *error, troupe_status status,
                            const char *format, ...)
{
    char text[900];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (guest->path[0] == '\0' || strcmp(guest->path, guest->name) == 0)
        return troupe_error_set(error, status, "%s: %s", guest->name, text);
    return troupe_error_set(error, status, "%s: %s: %s", guest->name, guest->path, text);
}

static void say_time(uint64_t ns, char *text, size_t size)
{
    if (ns % TROUPE_SECOND == 0)
        (void)snprintf(text, size, "%llu s", (unsigned long long)(ns / TROUPE_SECOND));
    else if (ns % TROUPE_MILLISECOND == 0)
        (void)snprintf(text, size, "%llu ms", (unsigned long long)(ns / TROUPE_MILLISECOND));
    else if (ns % TROUPE_MICROSECOND == 0)
        (void)snprintf(text, size, "%llu us", (unsigned long long)(ns / TROUPE_MICROSECOND));
    else
        (void)snprintf(text, size, "%llu ns", (unsigned long long)ns);
}

static void set_limits(troupe_guest *guest, const troupe_guest_options *options)
{
    troupe_limits *limits = &guest->limits;

    *limits = options->limits;
    if (limits->memory_bytes == 0)
        limits->memory_bytes = UINT64_C(16) << 20;
    if (limits->memory_bytes > UINT64_C(4) << 30)
        limits->memory_bytes = UINT64_C(4) << 30;
    limits->memory_bytes -= limits->memory_bytes % PAGE;
    if (limits->message_ns == 0)
        limits->message_ns = TROUPE_SECOND;
    if (limits->log_bytes == 0)
        limits->log_bytes = UINT64_C(64) << 10;
    say_time(limits->message_ns, guest->limit_text, sizeof(guest->limit_text));
    guest->message_max = options->message_max ? options->message_max : TROUPE_MESSAGE_MAX;
    guest->mailbox_bound = options->mailbox_bound ? options->mailbox_bound : TROUPE_MAILBOX_BOUND;
    guest->stop_timeout = options->stop_timeout ? options->stop_timeout : 5 * TROUPE_SECOND;
}

static bool copy_options(troupe_guest *guest, const troupe_guest_options *options)
{
    static const troupe_guest_services nothing;

    guest->name = trp_strdup(options->name ? options->name : "guest");
    guest->path = trp_strdup(options->path ? options->path : "");
    guest->settings = trp_alloc(options->settings.size + 1);
    if (!guest->name || !guest->path || !guest->settings ||
        !trp_grants_copy(&options->grants, &guest->grants))
        return false;
    guest->settings_size = options->settings.size;
    if (guest->settings_size > 0)
        memcpy(guest->settings, options->settings.data, guest->settings_size);
    guest->services = options->services ? options->services : &nothing;
    set_limits(guest, options);
    return true;
}

static troupe_status compile(troupe_guest *guest, troupe_bytes wasm, troupe_error *error)
{
    char why[700];
    uint64_t began = trp_monotonic_ns();
    troupe_status status =
        trp_module_get(guest->engine, wasm, &guest->module, &guest->info.cached, why, sizeof(why));

    if (status == TROUPE_E_NO_MEMORY)
        return trp_guest_say(guest, error, status, "%s", why);
    if (status != TROUPE_OK)
        return trp_guest_say(guest, error, status, "is no valid module: %s", why);
    guest->info.compile_ns = trp_monotonic_ns() - began;
    if (trp_has_vectors(wasm))
        return trp_guest_say(guest, error, TROUPE_E_INVALID,
                             "imports or exports a function with a vector (v128) or another type "
                             "that no function of wit/troupe.wit has");
    return TROUPE_OK;
}

static troupe_status compile_text(troupe_guest *guest, troupe_bytes text, troupe_error *error)
{
    wasm_byte_vec_t wasm;
    wasmtime_error_t *failed = wasmtime_wat2wasm(text.data, text.size, &wasm);
    troupe_status status;
    char why[700];

    if (failed) {
        trp_error_text(failed, why, sizeof(why));
        return trp_guest_say(guest, error, TROUPE_E_INVALID, "is no valid text: %s", why);
    }
    if (trp_scan((troupe_bytes){wasm.data, wasm.size}, why, sizeof(why)) == TRP_FORM_MODULE)
        status = compile(guest, (troupe_bytes){wasm.data, wasm.size}, error);
    else
        status = trp_guest_say(guest, error, TROUPE_E_INVALID, "%s", why);
    wasm_byte_vec_delete(&wasm);
    return status;
}

/* ---- linking ---- */

static wasmtime_error_t *define(wasmtime_linker_t *linker, const wasm_importtype_t *import)
{
    const wasm_name_t *module = wasm_importtype_module(import);
    const wasm_name_t *function = wasm_importtype_name(import);
    const trp_import_row *row = trp_import_find(module, function);
    wasm_functype_t *type = trp_signature_type(row->params, row->results);
    wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
        linker, module->data, module->size, function->data, function->size, type, trp_import_enter,
        (void *)row, NULL);

    wasm_functype_delete(type);
    return error;
}

/* Makes guest->pre. */
static troupe_status link_module(troupe_guest *guest, troupe_error *error)
{
    wasmtime_linker_t *linker = wasmtime_linker_new(guest->engine->wasm);
    wasmtime_error_t *failed = NULL;
    wasm_importtype_vec_t imports;
    char why[300];

    /* The same function may be imported twice: the second definition is the first one again. */
    wasmtime_linker_allow_shadowing(linker, true);
    wasmtime_module_imports(guest->module->wasm, &imports);
    for (size_t i = 0; i < imports.size && !failed; i++)
        failed = define(linker, imports.data[i]);
    if (!failed)
        failed = wasmtime_linker_instantiate_pre(linker, guest->module->wasm, &guest->pre);
    wasm_importtype_vec_delete(&imports);
    wasmtime_linker_delete(linker);
    if (!failed)
        return TROUPE_OK;
    trp_error_text(failed, why, sizeof(why));
    return trp_guest_say(guest, error, TROUPE_E_INVALID, "cannot be linked: %s", why);
}

/* ---- the door ---- */

static troupe_status load(troupe_guest *guest, troupe_bytes bytes, troupe_error *error)
{
    troupe_status status = TROUPE_E_INVALID;
    char why[300];

    if (guest->limits.memory_bytes == 0)
        return trp_guest_say(guest, error, TROUPE_E_INVALID,
                             "its memory limit is below one page of 64 KiB");
    switch (trp_scan(bytes, why, sizeof(why))) {
    case TRP_FORM_WRONG:
        return trp_guest_say(guest, error, TROUPE_E_INVALID, "%s", why);
    case TRP_FORM_TEXT:
        status = compile_text(guest, bytes, error);
        break;
    case TRP_FORM_MODULE:
        status = compile(guest, bytes, error);
        break;
    }
    if (status == TROUPE_OK)
        status = trp_guest_check(guest, error);
    return status == TROUPE_OK ? link_module(guest, error) : status;
}

troupe_status troupe_guest_load(troupe_engine *engine, const troupe_guest_options *options,
                                troupe_guest **ret_guest, troupe_error *error)
{
    troupe_guest_options taken;
    troupe_guest *guest;
    troupe_status status;

    if (!trp_options_take(&taken, sizeof(taken), options))
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "guest: made by TROUPE_GUEST_OPTIONS of a newer version, or not");
    guest = trp_alloc_zeroed(sizeof(*guest));
    if (!guest)
        return troupe_error_set(error, TROUPE_E_NO_MEMORY, "memory is out");
    guest->engine = engine;
    if (copy_options(guest, &taken))
        status = load(guest, taken.module, error);
    else
        status = troupe_error_set(error, TROUPE_E_NO_MEMORY, "memory is out");
    if (status != TROUPE_OK) {
        troupe_guest_free(guest);
        return status;
    }
    *ret_guest = guest;
    return TROUPE_OK;
}

void troupe_guest_free(troupe_guest *guest)
{
    if (!guest)
        return;
    if (guest->pre)
        wasmtime_instance_pre_delete(guest->pre);
    trp_module_put(guest->engine, guest->module);
    for (size_t i = 0; i < TRP_N_EXPORTS; i++) {
        trp_free(guest->exports[i]);
        trp_free(guest->posts[i]);
    }
    trp_grants_clear(&guest->grants);
    trp_free(guest->settings);
    trp_free(guest->path);
    trp_free(guest->name);
    trp_free(guest);
}

troupe_guest_info troupe_guest_info_of(const troupe_guest *guest)
{
    return guest->info;
}
