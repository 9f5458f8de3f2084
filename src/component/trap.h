/* trap.h - why a guest failed, in one line of our own. Only trap.c reads what the engine says. */
#ifndef TRP_TRAP_H
#define TRP_TRAP_H

#include "troupe/actor.h"

#include <wasmtime.h>

/* The first cause of a failed entry; later ones are only its consequences. */
typedef struct trp_fault {
    bool set;
    troupe_exit_reason reason;
    char text[TROUPE_EXIT_TEXT_MAX + 1];
} trp_fault;

void trp_fault_set(trp_fault *fault, troupe_exit_reason reason, const char *format, ...)
    TROUPE_PRINTF(3, 4);

/* trp_outcome - true when an entry into a guest ended well. Else fault is set: the cause that is in it already,
 * or the engine's, and in which functions, innermost first, down to the entry.
 * limit_text is what an overrun of fuel is called. Owns: takes error and trap. */
bool trp_outcome(wasmtime_error_t *error, wasm_trap_t *trap, const char *entry,
                 const char *limit_text, trp_fault *fault);

/* trp_error_text - what the engine says, as one line; takes error. size > 0. */
void trp_error_text(wasmtime_error_t *error, char *text, size_t size);

/* trp_error_new, trp_trap_new - how our callbacks end a guest; the cause that counts is in the fault. */
wasmtime_error_t *trp_error_new(const char *text);
wasm_trap_t *trp_trap_new(const char *text);

#endif
