/* vectors.h - whether a module passes vectors (v128) to or from its imports and exports.
 *
 * The engine's C API ends the process when it is asked for such a signature, so it must not be asked.
 */
#ifndef TRP_VECTORS_H
#define TRP_VECTORS_H

#include "troupe/base.h"

/* trp_has_vectors - of a valid module. True also where this cannot be told. Any thread. */
bool trp_has_vectors(troupe_bytes wasm);

#endif
