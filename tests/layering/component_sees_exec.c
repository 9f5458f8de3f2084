/* layering: room=component door=troupe/exec.h
 * Guests reach the executor through the actor's door only.
 */
#include "troupe/actor.h"

#ifdef PLANTED
#include "troupe/exec.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
