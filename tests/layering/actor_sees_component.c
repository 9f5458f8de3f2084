/* layering: room=actor door=troupe/component.h
 * An actor cannot tell whether it is a guest.
 */
#include "troupe/exec.h"

#ifdef PLANTED
#include "troupe/component.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
