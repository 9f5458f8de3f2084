/* testing.h - what the tests of this room share: mistakes caught as text, and the first example's tree, running. */
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

/* ---- the first example, by the names of its manifest ---- */

typedef struct example {
    troupe_manifest *manifest;
    troupe_host *host;
    heard heard;
} example;

static inline int start_example(void **state)
{
    static example run;
    troupe_say say = {hear, &run.heard};
    troupe_error error;

    memset(&run, 0, sizeof run);
    if (troupe_manifest_load(TROUPE_TEST_SOURCE_DIR "/examples/01-access-log/troupe.yaml", say,
                             &run.manifest) != TROUPE_OK ||
        troupe_host_new(run.manifest, TROUPE_HOST_OPTIONS(.workers = 2), say, &run.host) !=
            TROUPE_OK ||
        troupe_host_start(run.host, &error) != TROUPE_OK)
        return -1;
    *state = &run;
    return 0;
}

static inline int free_example(void **state)
{
    example *run = *state;

    troupe_host_free(run->host);
    troupe_manifest_free(run->manifest);
    return 0;
}

#endif
