#include "program.h"

#include <stdio.h>

int command_check(const arguments *with)
{
    troupe_manifest *manifest = NULL;
    troupe_host *host = NULL;
    char cache[4096];

    if (troupe_manifest_load(with->manifest, say_on_stderr(), &manifest) != TROUPE_OK)
        return EXIT_BAD_INPUT;
    troupe_status status = troupe_host_new(
        manifest,
        TROUPE_HOST_OPTIONS(.workers = 1, .cache_dir = cache_dir(cache, sizeof(cache)),
                            .log_fd = 2),
        say_on_stderr(), &host);
    if (status == TROUPE_OK) {
        troupe_manifest_warnings(manifest, say_on_stderr());
        troupe_manifest_summary summary = troupe_manifest_summary_of(manifest);

        printf("%s: in order: %u %s, %u %s, %u guest %s\n", summary.system, summary.n_supervisors,
               summary.n_supervisors == 1 ? "supervisor" : "supervisors", summary.n_components,
               summary.n_components == 1 ? "component" : "components", summary.n_guests,
               summary.n_guests == 1 ? "module" : "modules");
    }
    troupe_host_free(host);
    troupe_manifest_free(manifest);
    return status == TROUPE_OK ? EXIT_IN_ORDER : EXIT_BAD_INPUT;
}
