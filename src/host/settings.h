/* settings.h - what stands under config: as JSON text, for the guest. */
#ifndef TRP_HOST_SETTINGS_H
#define TRP_HOST_SETTINGS_H

#include "yaml_tree.h"

/* trp_settings - JSON of a tree, in arena. Plain scalars are null, true, false and numbers as YAML 1.2's
 * core schema reads them, all others are strings. What JSON cannot say (.inf) is a mistake. One thread. */
troupe_bytes trp_settings(trp_arena *arena, const trp_yaml *node, trp_mistakes *mistakes);

#endif
