/* signatures.h - how the functions of wit/troupe.wit look in a core module.
 *
 * The same as wit/core-signatures.txt; signatures_test.c compares the two line by line.
 * A signature is a word of i (i32) and l (i64).
 */
#ifndef TRP_SIGNATURES_H
#define TRP_SIGNATURES_H

#include "imports.h"

#include <stdbool.h>
#include <stddef.h>
#include <wasm.h>

#define TRP_PACKAGE "troupe:component/"
#define TRP_ABI_VERSION "@0.1."

/* What a manifest must grant before a function may be imported. */
typedef enum trp_need {
    TRP_NEED_NOTHING,
    TRP_NEED_SEND,
    TRP_NEED_PUBLISH,
    TRP_NEED_STDOUT,
    TRP_NEED_CLOCK,
    TRP_NEED_RANDOM,
} trp_need;

typedef struct trp_import_row {
    const char *interface, *function;
    const char *params, *results;
    trp_need need;
    trp_import_call call; /* NULL: this version does not offer it */
} trp_import_row;

typedef enum trp_export {
    TRP_EXPORT_HANDLE_MESSAGE,
    TRP_EXPORT_HANDLE_REPLY,
    TRP_EXPORT_HANDLE_DOWN,
    TRP_EXPORT_PRE_START,
    TRP_EXPORT_POST_START,
    TRP_EXPORT_PRE_STOP,
    TRP_EXPORT_POST_STOP,
    TRP_EXPORT_CHECK,
    TRP_EXPORT_SAVE,
    TRP_EXPORT_RESTORE,
    TRP_N_EXPORTS,
} trp_export;

typedef struct trp_export_row {
    const char *interface, *function;
    const char *params, *results;
    const char *post_params; /* of its post-return */
} trp_export_row;

extern const trp_import_row trp_import_rows[];
extern const size_t trp_n_import_rows;
extern const trp_export_row trp_export_rows[TRP_N_EXPORTS];

/* trp_import_find - the row of an import, NULL when the package has no such function. */
const trp_import_row *trp_import_find(const wasm_name_t *module, const wasm_name_t *function);

/* trp_export_find - which export name is, and whether it is its post-return. False: none of ours. */
bool trp_export_find(const wasm_name_t *name, trp_export *ret_export, bool *ret_post);

bool trp_signature_is(const wasm_functype_t *type, const char *params, const char *results);
wasm_functype_t *trp_signature_type(const char *params, const char *results);

#define TRP_SIGNATURE_TEXT 160
/* "(i64 i32) -> (i32)" of words, or of a type. text has TRP_SIGNATURE_TEXT bytes. */
void trp_signature_text(const char *params, const char *results, char *text);
void trp_signature_text_of(const wasm_functype_t *type, char *text);

#endif
