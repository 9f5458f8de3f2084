/* layering: room=component door=troupe/kit.h
 * What guests need of the kit is handed down in troupe_guest_services.
 */
#include "troupe/actor.h"

#ifdef PLANTED
#include "troupe/kit.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
