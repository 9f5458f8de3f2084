/* layering: room=base door=troupe/exec.h
 * The lowest floor knows no task.
 */
#include "troupe/base.h"

#ifdef PLANTED
#include "troupe/exec.h"
#endif

int layering_unit(void);
int layering_unit(void)
{
    return 0;
}
