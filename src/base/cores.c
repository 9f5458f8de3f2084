/* cores.c - how many processors this process may use: what it is bound to, and what its cgroups grant. */
#include "trp/os.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* cgroup v2 writes "quota period" or "max period"; a quota of 1.5 periods is 2 cores. */
static unsigned cores_of(const char *folder)
{
    char path[PATH_MAX + sizeof "/cpu.max"];
    unsigned long long quota = 0, period = 0, cores;
    FILE *file;
    int n;

    snprintf(path, sizeof path, "%s/cpu.max", folder);
    file = fopen(path, "re");
    if (!file)
        return UINT_MAX;
    n = fscanf(file, "%llu %llu", &quota, &period);
    fclose(file);
    if (n != 2 || period == 0 || quota == 0)
        return UINT_MAX;
    cores = quota / period + (quota % period != 0);
    return cores < UINT_MAX ? (unsigned)cores : UINT_MAX;
}

/* The line of version 2 is "0::/path". False: there is none, or it is too long. */
static bool read_own_path(const char *self, char *path, size_t size)
{
    FILE *file = fopen(self, "re");
    char line[PATH_MAX];
    bool found = false;

    if (!file)
        return false;
    while (!found && fgets(line, sizeof line, file)) {
        char *end = strchr(line, '\n');

        found = strncmp(line, "0::/", 4) == 0 && end && (size_t)(end - line) - 3 < size;
        if (found) {
            *end = '\0';
            memcpy(path, line + 3, strlen(line + 3) + 1); /* it fits, see found */
        }
    }
    fclose(file);
    return found;
}

unsigned trp_cgroup_cores(const char *root, const char *self)
{
    char folder[PATH_MAX];
    size_t n_root = strlen(root);
    unsigned least;

    if (n_root >= sizeof folder)
        return UINT_MAX;
    memcpy(folder, root, n_root + 1);
    if (!read_own_path(self, folder + n_root, sizeof folder - n_root))
        folder[n_root] = '\0';
    least = cores_of(folder);
    while (strlen(folder) > n_root) { /* each of the groups above it bounds it too */
        unsigned cores;

        *strrchr(folder, '/') = '\0';
        cores = cores_of(folder);
        if (cores < least)
            least = cores;
    }
    return least;
}

unsigned trp_cores(void)
{
    unsigned cores = 1, limit = trp_cgroup_cores("/sys/fs/cgroup", "/proc/self/cgroup");
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cores = (unsigned)CPU_COUNT(&set);
    if (cores > limit)
        cores = limit;
    return cores ? cores : 1;
}
