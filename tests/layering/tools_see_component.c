/* layering: room=tools door=troupe/component.h
 * The program speaks to the host.
 */
#include "troupe/host.h"

#ifdef PLANTED
#include "troupe/component.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
