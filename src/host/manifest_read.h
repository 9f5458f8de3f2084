/* manifest_read.h - what the two files that read a manifest share. */
#ifndef TRP_HOST_MANIFEST_READ_H
#define TRP_HOST_MANIFEST_READ_H

#include "manifest.h"

/* trp_intensity_read - "restarts" and "backoff" of node, where they stand; what is there stays else. */
void trp_intensity_read(trp_mistakes *mistakes, const trp_yaml *node, trp_intensity *intensity);

/* trp_supervisor_read - what makes node a supervisor, and its children. Its name is read already. */
void trp_supervisor_read(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit);

#endif
