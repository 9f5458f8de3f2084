/* check.c - a module's imports and exports against what this host offers, grants and needs. */
#include "grants.h"
#include "guest.h"

#include <stdio.h>
#include <string.h>

#define REMEDY "build it with guest/c/troupe_guest.h and TG_ACTOR"
#define NAME_SHOWN 80

/* "%.*s" of a name in a module, which may be of any length. */
#define SHOW(name) (int)((name)->size < NAME_SHOWN ? (name)->size : NAME_SHOWN), (name)->data

static bool name_is(const wasm_name_t *name, const char *word)
{
    return name->size == strlen(word) && memcmp(name->data, word, name->size) == 0;
}

static const char *kind_name(const wasm_externtype_t *type)
{
    switch (wasm_externtype_kind(type)) {
    case WASM_EXTERN_FUNC:
        return "function";
    case WASM_EXTERN_GLOBAL:
        return "global";
    case WASM_EXTERN_TABLE:
        return "table";
    case WASM_EXTERN_MEMORY:
        return "memory";
    default:
        return "item";
    }
}

/* What the host left empty in its services is offered no more than what has no code. log has its own way out. */
static bool offered(const troupe_guest *guest, const trp_import_row *row)
{
    if (row->call == trp_messaging_publish)
        return guest->services->publish != NULL;
    if (row->call == trp_services_print)
        return guest->services->print != NULL;
    return row->call != NULL;
}

typedef struct wanted {
    const char *verb; /* "imports" */
    const char *params, *results;
} wanted;

static troupe_status check_signature(const troupe_guest *guest, const wasm_functype_t *type,
                                     wanted want, const wasm_name_t *name, troupe_error *error)
{
    char has[TRP_SIGNATURE_TEXT], needs[TRP_SIGNATURE_TEXT];

    if (trp_signature_is(type, want.params, want.results))
        return TROUPE_OK;
    trp_signature_text_of(type, has);
    trp_signature_text(want.params, want.results, needs);
    return trp_guest_say(guest, error, TROUPE_E_INVALID,
                         "%s %.*s as %s, which must be %s (wit/core-signatures.txt)", want.verb,
                         SHOW(name), has, needs);
}

static troupe_status refuse_unknown(const troupe_guest *guest, const wasm_name_t *module,
                                    const wasm_name_t *function, troupe_error *error)
{
    static const char wasi[] = "wasi";
    bool is_wasi = module->size >= 4 && memcmp(module->data, wasi, 4) == 0;
    bool ours = module->size >= sizeof(TRP_PACKAGE) - 1 &&
                memcmp(module->data, TRP_PACKAGE, sizeof(TRP_PACKAGE) - 1) == 0;
    const char *remedy = is_wasi ? "build it without WASI and libc"
                         : ours  ? "this host has " TRP_PACKAGE "*@0.1, see wit/troupe.wit"
                                 : "is a function without a definition in it?";

    return trp_guest_say(guest, error, TROUPE_E_INVALID,
                         "imports %.*s %.*s, which nobody offers: %s", SHOW(module), SHOW(function),
                         remedy);
}

static troupe_status check_import(const troupe_guest *guest, const wasm_importtype_t *import,
                                  troupe_error *error)
{
    const wasm_name_t *module = wasm_importtype_module(import);
    const wasm_name_t *function = wasm_importtype_name(import);
    const wasm_externtype_t *type = wasm_importtype_type(import);
    const trp_import_row *row = trp_import_find(module, function);
    troupe_status status;
    char line[64];

    if (wasm_externtype_kind(type) != WASM_EXTERN_FUNC)
        return trp_guest_say(guest, error, TROUPE_E_INVALID,
                             "imports the %s %.*s %.*s: a guest brings its own memory, tables and "
                             "globals (link without --import-memory)",
                             kind_name(type), SHOW(module), SHOW(function));
    if (!row || !offered(guest, row))
        return refuse_unknown(guest, module, function, error);
    status = check_signature(guest, wasm_externtype_as_functype_const(type),
                             (wanted){"imports", row->params, row->results}, function, error);
    if (status != TROUPE_OK || trp_grants_any(&guest->grants, row->need))
        return status;
    trp_grants_line(row->need, NULL, line, sizeof(line));
    return trp_guest_say(guest, error, TROUPE_E_DENIED,
                         "imports %s.%s, which nothing grants: add \"%s\" to it in the manifest",
                         row->interface, row->function, line);
}

static troupe_status check_imports(const troupe_guest *guest, troupe_error *error)
{
    wasm_importtype_vec_t imports;
    troupe_status status = TROUPE_OK;

    wasmtime_module_imports(guest->module->wasm, &imports);
    for (size_t i = 0; i < imports.size && status == TROUPE_OK; i++)
        status = check_import(guest, imports.data[i], error);
    wasm_importtype_vec_delete(&imports);
    return status;
}

/* ---- exports ---- */

typedef struct findings {
    bool memory, realloc;
    uint64_t pages; /* of the memory at the start */
} findings;

static troupe_status note_export(troupe_guest *guest, trp_export which, bool post,
                                 const wasm_name_t *name, const wasm_externtype_t *type,
                                 troupe_error *error)
{
    const trp_export_row *row = &trp_export_rows[which];
    char **place = post ? &guest->posts[which] : &guest->exports[which];
    troupe_status status;

    if (wasm_externtype_kind(type) != WASM_EXTERN_FUNC)
        return trp_guest_say(guest, error, TROUPE_E_INVALID,
                             "exports %.*s as a %s; it must be a function", SHOW(name),
                             kind_name(type));
    status = check_signature(
        guest, wasm_externtype_as_functype_const(type),
        (wanted){"exports", post ? row->post_params : row->params, post ? "" : row->results}, name,
        error);
    if (status != TROUPE_OK)
        return status;
    if (*place)
        return trp_guest_say(guest, error, TROUPE_E_INVALID, "exports %s twice, as %s and as %.*s",
                             row->function, *place, SHOW(name));
    *place = trp_alloc_zeroed(name->size + 1);
    if (!*place)
        return trp_guest_say(guest, error, TROUPE_E_NO_MEMORY, "memory is out");
    memcpy(*place, name->data, name->size);
    return TROUPE_OK;
}

static troupe_status check_export(troupe_guest *guest, const wasm_exporttype_t *export,
                                  findings *found, troupe_error *error)
{
    const wasm_name_t *name = wasm_exporttype_name(export);
    const wasm_externtype_t *type = wasm_exporttype_type(export);
    bool function = wasm_externtype_kind(type) == WASM_EXTERN_FUNC;
    const wasm_functype_t *signature = wasm_externtype_as_functype_const(type);
    trp_export which;
    bool post;

    if (trp_export_find(name, &which, &post))
        return note_export(guest, which, post, name, type, error);
    if (name_is(name, "memory") && wasm_externtype_kind(type) == WASM_EXTERN_MEMORY) {
        found->memory = true;
        found->pages = wasmtime_memorytype_minimum(wasm_externtype_as_memorytype_const(type));
    } else if (name_is(name, "cabi_realloc") && function) {
        found->realloc = true;
        return check_signature(guest, signature, (wanted){"exports", "iiii", "i"}, name, error);
    } else if (name_is(name, "_initialize") && function) {
        guest->initialize = true;
        return check_signature(guest, signature, (wanted){"exports", "", ""}, name, error);
    }
    return TROUPE_OK;
}

static troupe_status check_whole(const troupe_guest *guest, const findings *found,
                                 troupe_error *error)
{
    unsigned n_lifecycle = 0;
    trp_export missing = TRP_EXPORT_PRE_START;

    if (!guest->exports[TRP_EXPORT_HANDLE_MESSAGE])
        return trp_guest_say(guest, error, TROUPE_E_INVALID,
                             "exports no troupe:component/actor@0.1.0#handle-message: " REMEDY);
    if (!found->memory || !found->realloc)
        return trp_guest_say(guest, error, TROUPE_E_INVALID, "exports no %s: " REMEDY,
                             found->memory ? "cabi_realloc" : "memory");
    for (trp_export i = TRP_EXPORT_PRE_START; i <= TRP_EXPORT_POST_STOP; i++) {
        n_lifecycle += guest->exports[i] != NULL;
        missing = guest->exports[i] ? missing : i;
    }
    if (n_lifecycle != 0 && n_lifecycle != 4)
        return trp_guest_say(guest, error, TROUPE_E_INVALID,
                             "exports a part of the interface lifecycle, without %s: all four "
                             "functions or none (TG_LIFECYCLE makes all four)",
                             trp_export_rows[missing].function);
    if (found->pages * 65536 > guest->limits.memory_bytes)
        return trp_guest_say(guest, error, TROUPE_E_INVALID,
                             "begins with %llu KiB of memory, its limit is %llu KiB: raise "
                             "\"limits: {memory: %lluKiB}\" or make it smaller",
                             (unsigned long long)found->pages * 64,
                             (unsigned long long)guest->limits.memory_bytes / 1024,
                             (unsigned long long)found->pages * 64);
    return TROUPE_OK;
}

static troupe_status check_exports(troupe_guest *guest, troupe_error *error)
{
    wasm_exporttype_vec_t exports;
    troupe_status status = TROUPE_OK;
    findings found = {0};

    wasmtime_module_exports(guest->module->wasm, &exports);
    for (size_t i = 0; i < exports.size && status == TROUPE_OK; i++)
        status = check_export(guest, exports.data[i], &found, error);
    wasm_exporttype_vec_delete(&exports);
    return status == TROUPE_OK ? check_whole(guest, &found, error) : status;
}

troupe_status trp_guest_check(troupe_guest *guest, troupe_error *error)
{
    troupe_status status = check_imports(guest, error);

    return status == TROUPE_OK ? check_exports(guest, error) : status;
}
