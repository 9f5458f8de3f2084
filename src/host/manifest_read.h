/* manifest_read.h - what the files that read a manifest share. */
#ifndef TRP_HOST_MANIFEST_READ_H
#define TRP_HOST_MANIFEST_READ_H

#include "manifest.h"

/* manifest_rules.c, to trp_backoff_warn.
 * trp_intensity_read - "restarts", "backoff" and "on_intensity" of node, where they stand; what is there stays else. */
void trp_intensity_read(trp_mistakes *mistakes, const trp_yaml *node, trp_intensity *intensity);

/* trp_strategy_read - "strategy" and "auto_shutdown" of a supervisor.
 * trp_child_read    - what says how node is supervised, as a child.
 * trp_vitals_read   - "health" and "error_rate" of a guest. */
void trp_strategy_read(trp_mistakes *mistakes, const trp_yaml *node, trp_unit *unit);
void trp_child_read(trp_mistakes *mistakes, const trp_yaml *node, trp_unit *unit);
void trp_vitals_read(trp_mistakes *mistakes, const trp_yaml *node, trp_unit *unit);
/* trp_backoff_warn - note when these numbers end a tree before the backoff reaches its max. */
void trp_backoff_warn(trp_mistakes *warnings, const trp_yaml *node, const troupe_backoff *backoff,
                      uint32_t max_restarts, uint64_t within_ns);

/* trp_supervisor_read - what makes node a supervisor, and its children. Its name is read already. */
void trp_supervisor_read(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit);

#endif
