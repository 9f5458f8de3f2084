/* layering: room=kit door=troupe/exec.h
 * What the kit needs of the executor comes through the actor's door.
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
