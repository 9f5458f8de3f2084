/* exec_testing.h - what the tests of this room share: waiting for a condition, with an end. */
#ifndef TRP_EXEC_TESTING_H
#define TRP_EXEC_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "troupe/exec.h"
#include "trp/atomic.h"
#include "trp/os.h"

/* Looks until it holds; a test that would wait for ever fails instead. */
static inline void wait_until(bool (*holds)(void *arg), void *arg)
{
    uint64_t deadline = trp_monotonic_ns() + 20 * TROUPE_SECOND;

    while (!holds(arg)) {
        if (trp_monotonic_ns() > deadline)
            fail_msg("%s", "it did not come about within 20 s");
        trp_pause();
    }
}

#endif
