/* Returns a result that lies in its memory, at an odd address. */
#include "raw.h"

RAW_ACTOR(4097)
