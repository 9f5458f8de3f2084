/* layering: room=tools door=troupe/actor.h
 * The program speaks to the host.
 */
#include "troupe/host.h"

#ifdef PLANTED
#include "troupe/actor.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
