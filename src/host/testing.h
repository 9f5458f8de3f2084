/* testing.h - what the tests of this room share: mistakes caught as text. */
#ifndef TRP_HOST_TESTING_H
#define TRP_HOST_TESTING_H

#include "troupe/host.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct heard {
    char text[16384];
    size_t used;
    unsigned n;
} heard;

static inline void hear(void *arg, const char *line)
{
    heard *h = arg;
    int n = snprintf(h->text + h->used, sizeof(h->text) - h->used, "%s\n", line);

    assert_true(n > 0 && h->used + (size_t)n < sizeof(h->text));
    h->used += (size_t)n;
    h->n++;
}

#endif
