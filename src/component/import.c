/* import.c - the one way from a guest into the host. */
#include "imports.h"

#include "instance.h"
#include "signatures.h"

/* What runs in the guest while an import is called from the wrong place. */
static const char *place_name(trp_entry entry)
{
    switch (entry) {
    case TRP_ENTRY_START:
        return "the module's start function";
    case TRP_ENTRY_REALLOC:
        return "cabi_realloc";
    case TRP_ENTRY_POST:
        return "a post-return";
    default:
        return "nowhere";
    }
}

wasm_trap_t *trp_import_enter(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *args,
                              size_t n)
{
    const trp_import_row *row = env;
    trp_instance *instance = wasmtime_context_get_data(wasmtime_caller_context(caller));

    (void)n;
    if (instance->entry != TRP_ENTRY_CALL)
        (void)trp_instance_fault(instance, "%s.%s called from %s", row->interface, row->function,
                                 place_name(instance->entry));
    else if (row->call(instance, args))
        return NULL;
    return trp_trap_new("refused by the host");
}
