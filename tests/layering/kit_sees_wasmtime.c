/* layering: room=kit door=wasmtime.h
 * Only the component room sees the engine.
 */
#include "troupe/actor.h"

#ifdef PLANTED
#include <wasmtime.h>
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
