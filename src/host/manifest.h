/* manifest.h - a checked manifest: values, no YAML any more. Everything in it lies in its arena. */
#ifndef TRP_HOST_MANIFEST_H
#define TRP_HOST_MANIFEST_H

#include "troupe/component.h"
#include "troupe/kit.h"
#include "yaml_tree.h"

typedef struct trp_names {
    const char **items; /* ended by NULL */
    size_t n;
} trp_names;

/* One distinct guest file. */
typedef struct trp_file {
    struct trp_file *next;
    const char *path; /* as the manifest says it first */
    char *bytes;      /* trp_free */
    size_t size;
} trp_file;

typedef enum trp_unit_kind {
    TRP_UNIT_COMPONENT,
    TRP_UNIT_POOL,
    TRP_UNIT_SUPERVISOR,
} trp_unit_kind;

/* How a supervisor, or a pool, treats its children; 0 is the kit's default. */
typedef struct trp_intensity {
    uint32_t max_restarts; /* TROUPE_NO_RESTARTS: none */
    uint64_t within_ns;
    troupe_backoff backoff;
    troupe_on_intensity on_intensity;
} trp_intensity;

/* A node of the tree. */
typedef struct trp_unit {
    trp_unit_kind kind;
    const char *name;
    const trp_yaml *node; /* where it stands, for mistakes */
    struct trp_unit *up, *next;
    troupe_restart_rule restart; /* as a child, to own_within_ns */
    troupe_on_crash on_crash;
    bool unavailable_while_down, significant;
    uint32_t own_restarts; /* its own budget; 0: none */
    uint64_t own_within_ns;

    trp_intensity intensity; /* supervisors and pools */
    troupe_strategy strategy;
    troupe_auto_shutdown auto_shutdown;
    struct trp_unit *children; /* supervisors */
    size_t n_children;

    uint32_t n_members;     /* pools */
    const char *guest_path; /* components and pools, from here on */
    const trp_yaml *guest_node;
    trp_file *file;
    troupe_bytes settings;
    trp_names subscribe;
    uint32_t mailbox_bound;
    uint64_t mailbox_bytes;
    troupe_on_full on_full;
    troupe_limits limits;
    troupe_grants grants;
    const trp_yaml *grants_node;
    uint64_t stop_timeout;
    troupe_on_error on_error, on_unhealthy, on_error_rate;
    const trp_yaml *health_node; /* NULL: none */
    uint64_t health_interval, health_timeout, error_within_ns;
    uint32_t health_failures, error_limit, error_of_last;
} trp_unit;

struct troupe_manifest {
    trp_arena arena;
    const char *path; /* of the file, as the user wrote it */
    int folder;       /* its directory's descriptor */
    const char *system;
    const char *stdin_to;
    const trp_yaml *stdin_node;
    trp_unit *root;
    trp_file *files;
    trp_mistakes mistakes, warnings; /* warnings: of a manifest that is right */
};

/* manifest_read.c: fill system, stdin_to and root from the tree; mistakes are noted. */
void trp_manifest_read(troupe_manifest *manifest, const trp_yaml *yaml);
/* manifest_unit.c: one component, pool or supervisor with all beneath it; NULL after a mistake. */
trp_unit *trp_unit_read(troupe_manifest *manifest, const trp_yaml *node, trp_unit *up);
/* manifest_check.c: names, grants, topics, the reader: what only the whole tree shows. */
void trp_manifest_check(troupe_manifest *manifest);

/* trp_unit_next - the tree in its order, each unit before what is beneath it; NULL after the last. */
trp_unit *trp_unit_next(const trp_unit *unit);

/* trp_manifest_taker - who takes messages to this name: a component, a pool (also for a member's name). NULL: nobody. */
const trp_unit *trp_manifest_taker(const troupe_manifest *manifest, const char *name);
/* trp_manifest_names - all such names, and those of supervisors when asked for, in arena. */
trp_names trp_manifest_names(const troupe_manifest *manifest, trp_arena *arena,
                             bool supervisors_too);

#endif
