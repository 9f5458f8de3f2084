/* manifest_read.c - the top of a manifest, and supervisors. */
#include "fields.h"
#include "manifest.h"
#include "manifest_read.h"
#include "quantity.h"

#include <string.h>

static void read_restarts(trp_mistakes *m, const trp_yaml *node, trp_intensity *intensity)
{
    static const char *const known[] = {"max", "within", NULL};
    const trp_yaml *max = trp_yaml_get(node, "max"), *within = trp_yaml_get(node, "within");
    uint64_t count;

    if (!trp_field_keys(m, node, known))
        return;
    if (max != NULL && trp_field_count(m, max, 0, 1000000, &count))
        intensity->max_restarts = count == 0 ? TROUPE_NO_RESTARTS : (uint32_t)count;
    if (within != NULL)
        (void)trp_field_duration(m, within, &intensity->within_ns);
}

static void read_multiplier(trp_mistakes *m, const trp_yaml *node, troupe_backoff *backoff)
{
    const char *text = trp_field_text(m, node);
    const char *wrong = text == NULL ? NULL : trp_read_factor(text, &backoff->multiplier);

    if (wrong != NULL)
        trp_yaml_mistake(m, node, "\"%.64s\" %s", text, wrong);
    else if (text != NULL && (backoff->multiplier < 1 || backoff->multiplier > 1000))
        trp_yaml_mistake(m, node, "must be from 1 to 1000, is %s", text);
}

static void read_backoff(trp_mistakes *m, const trp_yaml *node, troupe_backoff *backoff)
{
    static const char *const kinds[] = {"immediate", "fixed", "exponential", NULL};
    static const char *const known[] = {"kind", "initial", "max", "multiplier", NULL};
    const trp_yaml *kind = trp_yaml_get(node, "kind"), *initial = trp_yaml_get(node, "initial");
    const trp_yaml *max = trp_yaml_get(node, "max"), *by = trp_yaml_get(node, "multiplier");
    bool is_word = node->kind == TRP_YAML_SCALAR;
    unsigned index = 0;

    if (!is_word && !trp_field_keys(m, node, known))
        return;
    if (!is_word && kind == NULL) {
        trp_yaml_mistake(m, node, "\"kind\" is missing; write immediate, fixed or exponential");
        return;
    }
    if (!trp_field_choice(m, is_word ? node : kind, kinds, &index))
        return;
    *backoff = (troupe_backoff){.kind = (troupe_backoff_kind)index};
    if (index == TROUPE_BACKOFF_IMMEDIATE) {
        if (!is_word && node->n > 1)
            trp_yaml_mistake(m, node, "immediate has no times; leave out all but kind");
        return;
    }
    if (initial == NULL)
        trp_yaml_mistake(m, node,
                         "\"initial\" is missing, the time before the first restart; "
                         "write {kind: %s, initial: 1s}",
                         kinds[index]);
    else if (!trp_field_duration(m, initial, &backoff->initial_ns))
        initial = NULL;
    if (index == TROUPE_BACKOFF_FIXED && (max != NULL || by != NULL)) {
        trp_yaml_mistake(m, node,
                         "fixed has no \"max\" and no \"multiplier\"; leave them out, or "
                         "write kind: exponential");
        return;
    }
    if (by != NULL)
        read_multiplier(m, by, backoff);
    if (max != NULL && trp_field_duration(m, max, &backoff->max_ns) && initial != NULL &&
        backoff->max_ns < backoff->initial_ns)
        trp_yaml_mistake(m, max, "is below \"initial\"; write a longer time");
}

void trp_intensity_read(trp_mistakes *m, const trp_yaml *node, trp_intensity *intensity)
{
    const trp_yaml *restarts = trp_yaml_get(node, "restarts");
    const trp_yaml *backoff = trp_yaml_get(node, "backoff");

    if (restarts != NULL)
        read_restarts(m, restarts, intensity);
    if (backoff != NULL)
        read_backoff(m, backoff, &intensity->backoff);
}

void trp_supervisor_read(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit)
{
    static const char *const strategies[] = {"one_for_one", NULL};
    trp_mistakes *m = &manifest->mistakes;
    const trp_yaml *strategy = trp_yaml_get(node, "strategy");
    const trp_yaml *children = trp_yaml_get(node, "children");
    trp_unit **tail = &unit->children;
    unsigned index;

    unit->kind = TRP_UNIT_SUPERVISOR;
    if (strategy != NULL)
        (void)trp_field_choice(m, strategy, strategies, &index);
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
    static const char *const known[] = {"name",    "strategy", "restarts",
                                        "backoff", "children", NULL};
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
