/* manifest_read.c - the top of a manifest, and supervisors. */
#include "fields.h"
#include "manifest.h"
#include "manifest_read.h"

#include <string.h>

void trp_supervisor_read(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit)
{
    trp_mistakes *m = &manifest->mistakes;
    const trp_yaml *children = trp_yaml_get(node, "children");
    trp_unit **tail = &unit->children;

    unit->kind = TRP_UNIT_SUPERVISOR;
    trp_strategy_read(m, node, unit);
    trp_intensity_read(m, node, &unit->intensity);
    if (children == NULL) {
        trp_yaml_mistake(m, node, "\"children\" is missing; a supervisor has at least one child");
        return;
    }
    if (!trp_field_list(m, children))
        return;
    for (const trp_yaml *child = children->first; child != NULL; child = child->next) {
        *tail = trp_unit_read(manifest, child, unit);
        if (*tail != NULL) {
            tail = &(*tail)->next;
            unit->n_children++;
        }
    }
}

static void read_root(troupe_manifest *manifest, const trp_yaml *node)
{
    static const char *const known[] = {"name",         "strategy",      "restarts", "backoff",
                                        "on_intensity", "auto_shutdown", "children", NULL};
    trp_unit *root = trp_arena_alloc(&manifest->arena, sizeof(*root));
    const trp_yaml *name = trp_yaml_get(node, "name");
    const char *text = "root";

    if (!trp_field_keys(&manifest->mistakes, node, known))
        return;
    if (name != NULL)
        text = trp_field_name(&manifest->mistakes, name);
    *root = (trp_unit){.name = text, .node = node};
    manifest->root = root;
    trp_supervisor_read(manifest, node, root);
}

void trp_manifest_read(troupe_manifest *manifest, const trp_yaml *yaml)
{
    static const char *const known[] = {"system", "stdin", "supervisor", NULL};
    trp_mistakes *m = &manifest->mistakes;
    const trp_yaml *system = trp_yaml_get(yaml, "system");
    const trp_yaml *supervisor = trp_yaml_get(yaml, "supervisor");

    if (!trp_field_keys(m, yaml, known))
        return;
    if (system == NULL)
        trp_mistakes_note(m, 0, "",
                          "\"system\" is missing, the name of the whole; write system: my-system");
    else
        manifest->system = trp_field_name(m, system);
    manifest->stdin_node = trp_yaml_get(yaml, "stdin");
    if (manifest->stdin_node != NULL)
        manifest->stdin_to = trp_field_name(m, manifest->stdin_node);
    if (supervisor == NULL)
        trp_mistakes_note(m, 0, "",
                          "\"supervisor\" is missing; write supervisor: with children: under it");
    else
        read_root(manifest, supervisor);
}
