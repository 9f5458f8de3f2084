/* layering: room=actor door=troupe/kit.h
 * Supervision stands on actors, not under them.
 */
#include "troupe/exec.h"

#ifdef PLANTED
#include "troupe/kit.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
