/* layering: room=host door=troupe/exec.h
 * The host starts systems; it runs no task.
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
