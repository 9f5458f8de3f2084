/* A module with memory and cabi_realloc that is no actor. */
#include "troupe_guest.h"
