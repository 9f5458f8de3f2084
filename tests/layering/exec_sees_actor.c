/* layering: room=exec door=troupe/actor.h
 * The executor runs tasks; it knows no message.
 */
#include "troupe/base.h"

#ifdef PLANTED
#include "troupe/actor.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
