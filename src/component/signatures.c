#include "signatures.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const trp_import_row trp_import_rows[] = {
    {"messaging", "self-id", "", "l", TRP_NEED_NOTHING, trp_messaging_self_id},
    {"messaging", "lookup", "iii", "", TRP_NEED_NOTHING, NULL},
    {"messaging", "send", "liii", "", TRP_NEED_SEND, trp_messaging_send},
    {"messaging", "request", "liili", "", TRP_NEED_SEND, NULL},
    {"messaging", "call", "liili", "", TRP_NEED_SEND, NULL},
    {"messaging", "reply", "liii", "", TRP_NEED_NOTHING, trp_messaging_reply},
    {"messaging", "reply-error", "liiii", "", TRP_NEED_NOTHING, trp_messaging_reply_error},
    {"messaging", "cancel", "l", "i", TRP_NEED_NOTHING, NULL},
    {"messaging", "publish", "iiiii", "", TRP_NEED_PUBLISH, trp_messaging_publish},
    {"messaging", "subscribe", "iii", "", TRP_NEED_NOTHING, NULL},
    {"messaging", "unsubscribe", "ii", "i", TRP_NEED_NOTHING, NULL},
    {"messaging", "send-after", "liili", "", TRP_NEED_SEND, NULL},
    {"messaging", "cancel-timer", "l", "i", TRP_NEED_NOTHING, NULL},
    {"services", "log", "iiiii", "", TRP_NEED_NOTHING, trp_services_log},
    {"services", "print", "iii", "", TRP_NEED_STDOUT, trp_services_print},
    {"services", "now-ns", "", "l", TRP_NEED_CLOCK, trp_services_now_ns},
    {"services", "monotonic-ns", "", "l", TRP_NEED_NOTHING, trp_services_monotonic_ns},
    {"services", "random", "ii", "", TRP_NEED_RANDOM, trp_services_random},
    {"services", "components", "iiiiii", "", TRP_NEED_NOTHING, NULL},
    {"services", "info", "li", "", TRP_NEED_NOTHING, NULL},
};
const size_t trp_n_import_rows = sizeof(trp_import_rows) / sizeof(trp_import_rows[0]);

const trp_export_row trp_export_rows[TRP_N_EXPORTS] = {
    [TRP_EXPORT_HANDLE_MESSAGE] = {"actor", "handle-message", "liliiiiliiiii", "i", "i"},
    [TRP_EXPORT_HANDLE_REPLY] = {"replies", "handle-reply", "liiii", "", ""},
    [TRP_EXPORT_HANDLE_DOWN] = {"watcher", "handle-down", "lliiiii", "", ""},
    [TRP_EXPORT_PRE_START] = {"lifecycle", "pre-start", "liiiiiiiillli", "i", "i"},
    [TRP_EXPORT_POST_START] = {"lifecycle", "post-start", "", "", ""},
    [TRP_EXPORT_PRE_STOP] = {"lifecycle", "pre-stop", "il", "", ""},
    [TRP_EXPORT_POST_STOP] = {"lifecycle", "post-stop", "", "", ""},
    [TRP_EXPORT_CHECK] = {"health", "check", "", "i", "i"},
    [TRP_EXPORT_SAVE] = {"state", "save", "", "i", "i"},
    [TRP_EXPORT_RESTORE] = {"state", "restore", "ii", "i", "i"},
};
/* clang-format on */

static bool is(const char *data, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(data, word, size) == 0;
}

/* "messaging" for "troupe:component/messaging@0.1.4"; false: not of a version we have. */
static bool interface_of(const char *name, size_t size, const char **ret_interface,
                         size_t *ret_size)
{
    const size_t package = sizeof(TRP_PACKAGE) - 1;
    const size_t version = sizeof(TRP_ABI_VERSION) - 1;
    const char *at;
    size_t digits;

    if (size < package || memcmp(name, TRP_PACKAGE, package) != 0)
        return false;
    at = memchr(name + package, '@', size - package);
    if (!at)
        return false;
    digits = size - (size_t)(at - name);
    if (digits <= version || digits > version + 6 || memcmp(at, TRP_ABI_VERSION, version) != 0)
        return false;
    for (const char *c = at + version; c < name + size; c++) {
        if (*c < '0' || *c > '9')
            return false;
    }
    *ret_interface = name + package;
    *ret_size = (size_t)(at - name) - package;
    return true;
}

const trp_import_row *trp_import_find(const wasm_name_t *module, const wasm_name_t *function)
{
    const char *interface;
    size_t size;

    if (!interface_of(module->data, module->size, &interface, &size))
        return NULL;
    for (size_t i = 0; i < trp_n_import_rows; i++) {
        const trp_import_row *row = &trp_import_rows[i];

        if (is(interface, size, row->interface) &&
            is(function->data, function->size, row->function))
            return row;
    }
    return NULL;
}

bool trp_export_find(const wasm_name_t *name, trp_export *ret_export, bool *ret_post)
{
    static const char post[] = "cabi_post_";
    const char *data = name->data;
    size_t size = name->size;
    const char *hash, *interface;
    size_t interface_size;
    bool is_post = size > sizeof(post) - 1 && memcmp(data, post, sizeof(post) - 1) == 0;

    if (is_post) {
        data += sizeof(post) - 1;
        size -= sizeof(post) - 1;
    }
    hash = memchr(data, '#', size);
    if (!hash || !interface_of(data, (size_t)(hash - data), &interface, &interface_size))
        return false;
    for (size_t i = 0; i < TRP_N_EXPORTS; i++) {
        const trp_export_row *row = &trp_export_rows[i];

        if (is(interface, interface_size, row->interface) &&
            is(hash + 1, size - (size_t)(hash - data) - 1, row->function)) {
            *ret_export = (trp_export)i;
            *ret_post = is_post;
            return true;
        }
    }
    return false;
}

static bool types_are(const wasm_valtype_vec_t *types, const char *word)
{
    if (types->size != strlen(word))
        return false;
    for (size_t i = 0; i < types->size; i++) {
        wasm_valkind_t kind = wasm_valtype_kind(types->data[i]);

        if (kind != (word[i] == 'l' ? WASM_I64 : WASM_I32))
            return false;
    }
    return true;
}

bool trp_signature_is(const wasm_functype_t *type, const char *params, const char *results)
{
    return types_are(wasm_functype_params(type), params) &&
           types_are(wasm_functype_results(type), results);
}

static void make_types(const char *word, wasm_valtype_vec_t *ret_types)
{
    wasm_valtype_t *types[16];
    size_t n = strlen(word);

    for (size_t i = 0; i < n; i++)
        types[i] = wasm_valtype_new(word[i] == 'l' ? WASM_I64 : WASM_I32);
    wasm_valtype_vec_new(ret_types, n, types);
}

wasm_functype_t *trp_signature_type(const char *params, const char *results)
{
    wasm_valtype_vec_t in, out;

    make_types(params, &in);
    make_types(results, &out);
    return wasm_functype_new(&in, &out);
}

/* ---- text ---- */

static size_t append(char *text, size_t n, const char *word)
{
    int more = snprintf(text + n, TRP_SIGNATURE_TEXT - n, "%s", word);

    n += more > 0 ? (size_t)more : 0;
    return n < TRP_SIGNATURE_TEXT ? n : TRP_SIGNATURE_TEXT - 1;
}

static size_t append_word(char *text, size_t n, const char *word)
{
    n = append(text, n, "(");
    for (size_t i = 0; word[i]; i++)
        n = append(text, n, word[i] == 'l' ? (i ? " i64" : "i64") : (i ? " i32" : "i32"));
    return append(text, n, ")");
}

void trp_signature_text(const char *params, const char *results, char *text)
{
    size_t n = append_word(text, 0, params);

    n = append(text, n, " -> ");
    append_word(text, n, results);
}

static const char *kind_text(wasm_valkind_t kind)
{
    switch (kind) {
    case WASM_I32:
        return "i32";
    case WASM_I64:
        return "i64";
    case WASM_F32:
        return "f32";
    case WASM_F64:
        return "f64";
    default:
        return "another type";
    }
}

static size_t append_types(char *text, size_t n, const wasm_valtype_vec_t *types)
{
    n = append(text, n, "(");
    for (size_t i = 0; i < types->size; i++) {
        n = append(text, n, i ? " " : "");
        n = append(text, n, kind_text(wasm_valtype_kind(types->data[i])));
    }
    return append(text, n, ")");
}

void trp_signature_text_of(const wasm_functype_t *type, char *text)
{
    size_t n = append_types(text, 0, wasm_functype_params(type));

    n = append(text, n, " -> ");
    append_types(text, n, wasm_functype_results(type));
}
