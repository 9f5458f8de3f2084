/* exec_testing.h - what the tests of this room share: waiting for a condition, with an end; who runs, and who sleeps. */
#ifndef TRP_EXEC_TESTING_H
#define TRP_EXEC_TESTING_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "executor.h"
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

/* ---- who sleeps ---- */

static inline bool all_sleep(void *arg)
{
    troupe_executor *executor = arg;
    bool all;

    trp_mutex_lock(&executor->idle_lock); /* what they did before they slept is seen with it */
    all = trp_load_relaxed(&executor->n_awake) == 0;
    trp_mutex_unlock(&executor->idle_lock);
    return all;
}

/* Of its workers, so far. */
static inline uint64_t wakes_so_far(troupe_executor *executor)
{
    uint64_t n;

    trp_mutex_lock(&executor->idle_lock);
    n = executor->n_wakes;
    trp_mutex_unlock(&executor->idle_lock);
    return n;
}

/* ---- the threads of this process, as the kernel counts them ---- */

typedef struct switches {
    size_t n_threads;
    unsigned long n; /* times that one of them went to sleep, and so had been awake */
} switches;

static inline bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static inline void add_thread(switches *all, const char *id, const char *name)
{
    char path[64], line[128];
    bool is_one = false;
    unsigned long n = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", id);
    file = fopen(path, "r");
    if (!file) /* it has just ended */
        return;
    while (fgets(line, sizeof line, file)) {
        if (begins_with(line, "Name:\t"))
            is_one = begins_with(line + 6, name);
        else if (begins_with(line, "voluntary_ctxt_switches:\t"))
            n = strtoul(line + 25, NULL, 10);
    }
    fclose(file);
    if (is_one) {
        all->n_threads++;
        all->n += n;
    }
}

/* How often the threads whose names begin with name went to sleep so far. */
static inline switches count_switches(const char *name)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    switches all = {0};

    assert_non_null(tasks);
    while ((entry = readdir(tasks)))
        add_thread(&all, entry->d_name, name);
    closedir(tasks);
    return all;
}

static inline size_t count_threads(const char *name)
{
    return count_switches(name).n_threads;
}

#endif
