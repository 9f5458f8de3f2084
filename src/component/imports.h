/* imports.h - what guests may call: messaging and services. */
#ifndef TRP_IMPORTS_H
#define TRP_IMPORTS_H

#include <stdbool.h>
#include <wasmtime.h>

struct trp_instance;
struct trp_import_row;

/* One import. args holds the parameters and takes the result. False: the fault is set, the guest ends. */
typedef bool (*trp_import_call)(struct trp_instance *instance, wasmtime_val_raw_t *args);

bool trp_messaging_self_id(struct trp_instance *instance, wasmtime_val_raw_t *args);
bool trp_messaging_send(struct trp_instance *instance, wasmtime_val_raw_t *args);
bool trp_messaging_reply(struct trp_instance *instance, wasmtime_val_raw_t *args);
bool trp_messaging_reply_error(struct trp_instance *instance, wasmtime_val_raw_t *args);
bool trp_messaging_publish(struct trp_instance *instance, wasmtime_val_raw_t *args);

bool trp_services_log(struct trp_instance *instance, wasmtime_val_raw_t *args);
bool trp_services_print(struct trp_instance *instance, wasmtime_val_raw_t *args);
bool trp_services_now_ns(struct trp_instance *instance, wasmtime_val_raw_t *args);
bool trp_services_monotonic_ns(struct trp_instance *instance, wasmtime_val_raw_t *args);
bool trp_services_random(struct trp_instance *instance, wasmtime_val_raw_t *args);

/* trp_import_enter - the engine's callback for every import; env is its trp_import_row. */
wasm_trap_t *trp_import_enter(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *args,
                              size_t n);

#endif
