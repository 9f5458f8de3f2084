/* instance.h - one life of a guest: its store, its instance, and every entry into it.
 *
 * The zeroed state of its component. Owner: the component's turn, one call at a time; it may move from worker to worker.
 *
 * Rules:
 *  1. Every entry lies in a turn (one message, one hook), which has a budget of CPU time and takes the first fault.
 *  2. After a fault the instance is dead: no entry, whatever asks for it.
 *  3. entry says what runs in the guest; imports are let through while it is TRP_ENTRY_CALL only.
 */
#ifndef TRP_INSTANCE_H
#define TRP_INSTANCE_H

#include "guest.h"
#include "trap.h"

typedef enum trp_entry {
    TRP_ENTRY_NONE,
    TRP_ENTRY_START,   /* the module's own start function: the memory is not ours yet */
    TRP_ENTRY_CALL,    /* an export */
    TRP_ENTRY_REALLOC, /* cabi_realloc */
    TRP_ENTRY_POST,    /* a post-return */
} trp_entry;

/* On the stack of whoever began it. */
typedef struct trp_turn {
    troupe_context *ctx; /* NULL in pre-start and post-stop */
    uint64_t cpu_ns;     /* of this thread, at the first ring */
    unsigned rings;
    trp_fault fault;
} trp_turn;

typedef struct trp_log_quota {
    uint64_t filled_ns; /* on troupe_now; 0: not yet used */
    uint64_t bytes;     /* that may be written now */
    uint64_t dropped;   /* lines, since the last one that was written */
} trp_log_quota;

typedef struct trp_instance {
    const troupe_guest *guest;
    wasmtime_store_t *store;
    wasmtime_context_t *wasm;
    wasmtime_memory_t memory;
    wasmtime_func_t realloc;
    wasmtime_func_t exports[TRP_N_EXPORTS], posts[TRP_N_EXPORTS]; /* store_id 0: none */

    troupe_system *system;
    troupe_id id;
    uint32_t incarnation;

    trp_turn *turn; /* NULL between turns */
    trp_entry entry;
    bool dead;     /* a fault: never entered again */
    bool stopping; /* pre_stop was reached */

    /* The last decision about a target of send. */
    troupe_id asked;
    bool allowed;

    trp_log_quota log;
    char name[TROUPE_NAME_MAX + 1];
} trp_instance;

/* trp_turn_begin - what follows is one message or hook. Gives it its budget. */
void trp_turn_begin(trp_instance *instance, trp_turn *turn, troupe_context *ctx);
void trp_turn_end(trp_instance *instance);

/* trp_instance_open - store and instance, in a turn; runs what the module runs at its start. False: the
 * fault is set and nothing is left. trp_instance_close - end the store. */
bool trp_instance_open(trp_instance *instance, const troupe_guest *guest);
void trp_instance_close(trp_instance *instance);

/* trp_instance_has - whether this life exports it. */
bool trp_instance_has(const trp_instance *instance, trp_export which);

/* trp_instance_call - call an export. args has room for the larger of parameters and results.
 * trp_instance_post - then, once, its post-return if there is one; result is what the export returned.
 * trp_instance_realloc - room of size > 0 in the guest, in bounds and aligned.
 * False: the fault is set, the instance is dead. */
bool trp_instance_call(trp_instance *instance, trp_export which, wasmtime_val_raw_t *args,
                       size_t n);
bool trp_instance_post(trp_instance *instance, trp_export which, uint32_t result);
bool trp_instance_realloc(trp_instance *instance, uint32_t align, uint32_t size, uint32_t *ret_at);

/* trp_instance_fault - the guest broke the contract. Returns false. */
bool trp_instance_fault(trp_instance *instance, const char *format, ...) TROUPE_PRINTF(2, 3);

#endif
