/* layering: room=kit door=troupe/component.h
 * A supervisor treats all its children alike.
 */
#include "troupe/actor.h"

#ifdef PLANTED
#include "troupe/component.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
