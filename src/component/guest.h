/* guest.h - a loaded guest: module, grants, limits. Set once at load, then read by all its components. */
#ifndef TRP_GUEST_H
#define TRP_GUEST_H

#include "engine.h"
#include "signatures.h"

struct troupe_guest {
    troupe_engine *engine;
    trp_module *module;
    wasmtime_instance_pre_t *pre;
    char *name, *path;
    troupe_grants grants;
    troupe_limits limits;
    char limit_text[32]; /* limits.message_ns for people: "50 ms" */
    void *settings;
    size_t settings_size;
    const troupe_guest_services *services;
    uint64_t message_max, stop_timeout;
    uint32_t mailbox_bound;
    /* The names under which this module exports what it has; NULL: it does not. */
    char *exports[TRP_N_EXPORTS];
    char *posts[TRP_N_EXPORTS];
    bool initialize; /* exports _initialize, to be called once before all else */
    troupe_guest_info info;
};

/* trp_guest_check - the module's imports and exports against the tables, the grants and the limits; notes the names. */
troupe_status trp_guest_check(troupe_guest *guest, troupe_error *error);

/* trp_guest_say - write an error that begins with the guest's name and file. */
troupe_status trp_guest_say(const troupe_guest *guest, troupe_error *error, troupe_status status,
                            const char *format, ...) TROUPE_PRINTF(4, 5);

#endif
