/* Returns a result of which the last bytes lie behind the end of its memory. */
#include "raw.h"

RAW_ACTOR((uint32_t)__builtin_wasm_memory_size(0) * 65536 - 4)
