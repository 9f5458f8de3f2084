/* Returns a result that lies outside its memory, where address plus size passes 32 bits. */
#include "raw.h"

RAW_ACTOR(0xfffffff8u)
