/* manifest_check.c - names, grants, topics, the reader: what only the whole tree shows. */
#include "manifest.h"
#include "manifest_read.h"

#include <stdlib.h>
#include <string.h>

/* One name of the running system, and who bears it. */
typedef struct bearer {
    const char *name;
    const trp_unit *unit;
    bool is_member; /* of the pool */
    size_t order;
} bearer;

trp_unit *trp_unit_next(const trp_unit *unit)
{
    if (unit->children != NULL)
        return unit->children;
    while (unit != NULL && unit->next == NULL)
        unit = unit->up;
    return unit == NULL ? NULL : unit->next;
}

static size_t count_bearers(const troupe_manifest *manifest)
{
    size_t n = 0;

    for (const trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u))
        n += 1 + (u->kind == TRP_UNIT_POOL ? u->n_members : 0);
    return n;
}

/* All names, in the order of the tree. */
static bearer *list_bearers(const troupe_manifest *manifest, trp_arena *arena, size_t *ret_n)
{
    bearer *all = trp_arena_alloc(arena, count_bearers(manifest) * sizeof(*all));
    size_t n = 0;

    for (const trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u)) {
        if (u->name == NULL)
            continue;
        all[n] = (bearer){u->name, u, false, n};
        n++;
        for (unsigned i = 1; u->kind == TRP_UNIT_POOL && i <= u->n_members; i++, n++)
            all[n] = (bearer){trp_arena_print(arena, "%s-%u", u->name, i), u, true, n};
    }
    *ret_n = n;
    return all;
}

static int by_name(const void *a, const void *b)
{
    const bearer *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    if (order != 0)
        return order;
    return x->order < y->order ? -1 : 1;
}

static void check_names(troupe_manifest *manifest, const bearer *sorted, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const bearer *first = &sorted[i - 1], *second = &sorted[i];
        const trp_unit *unit = second->unit;

        if (strcmp(first->name, second->name) != 0)
            continue;
        if (first->unit == manifest->root && trp_yaml_get(manifest->root->node, "name") == NULL)
            trp_yaml_mistake(&manifest->mistakes, unit->node,
                             "\"root\" is the name of the top supervisor; choose another, or give "
                             "that one a name: in line %u",
                             first->unit->node->line);
        else if (first->is_member || second->is_member)
            trp_yaml_mistake(
                &manifest->mistakes, unit->node,
                "\"%s\" would be the name of two components, of this one's and of that in "
                "line %u (members of a pool are NAME-1, NAME-2, ...); rename one",
                second->name, first->unit->node->line);
        else
            trp_yaml_mistake(
                &manifest->mistakes, unit->node,
                "\"%s\" is the name of two components, the first is in line %u; rename one",
                second->name, first->unit->node->line);
        while (i + 1 < n && sorted[i + 1].unit == unit &&
               strcmp(sorted[i + 1].name, second->name) == 0)
            i++;
    }
}

trp_names trp_manifest_names(const troupe_manifest *manifest, trp_arena *arena,
                             bool supervisors_too)
{
    size_t n;
    const bearer *all = list_bearers(manifest, arena, &n);
    trp_names names = {trp_arena_alloc(arena, (n + 1) * sizeof(char *)), 0};

    for (size_t i = 0; i < n; i++)
        if (supervisors_too || all[i].unit->kind != TRP_UNIT_SUPERVISOR)
            names.items[names.n++] = all[i].name;
    return names;
}

static bool is_among(const trp_names *names, const char *pattern)
{
    size_t n = strcspn(pattern, "*");
    bool is_prefix = pattern[n] == '*';

    for (size_t i = 0; i < names->n; i++)
        if (is_prefix ? strncmp(names->items[i], pattern, n) == 0
                      : strcmp(names->items[i], pattern) == 0)
            return true;
    return false;
}

const trp_unit *trp_manifest_taker(const troupe_manifest *manifest, const char *name)
{
    for (const trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u)) {
        size_t n = u->name == NULL ? 0 : strlen(u->name);

        if (u->kind == TRP_UNIT_SUPERVISOR || u->name == NULL || strncmp(name, u->name, n) != 0)
            continue;
        if (name[n] == '\0')
            return u;
        if (u->kind == TRP_UNIT_POOL && name[n] == '-' && name[n + 1] >= '1' &&
            name[n + 1] <= '9') {
            char *rest;
            unsigned long member = strtoul(name + n + 1, &rest, 10);

            if (*rest == '\0' && member <= u->n_members)
                return u;
        }
    }
    return NULL;
}

/* Note that nobody of that name takes messages, at node. */
static void note_stranger(troupe_manifest *manifest, const trp_yaml *node, const char *what,
                          const char *name, const trp_names *takers, const trp_names *everybody)
{
    const char *near = troupe_nearest(name, takers->items);

    if (is_among(everybody, name))
        trp_yaml_mistake(
            &manifest->mistakes, node,
            "%s\"%.64s\" is a supervisor, which takes no messages; name a component or a pool",
            what, name);
    else if (near != NULL)
        trp_yaml_mistake(&manifest->mistakes, node,
                         "%sthere is no component \"%.64s\"; did you mean \"%s\"?", what, name,
                         near);
    else
        trp_yaml_mistake(&manifest->mistakes, node,
                         "%sthere is no component \"%.64s\"; add it, or correct the name", what,
                         name);
}

static const trp_yaml *find_grant(const trp_unit *unit, const char *key, size_t index)
{
    for (const trp_yaml *grant = unit->grants_node->first; grant != NULL; grant = grant->next) {
        const trp_yaml *list = trp_yaml_get(grant, key), *item = list == NULL ? NULL : list->first;

        while (item != NULL && index-- > 0)
            item = item->next;
        if (list != NULL)
            return item != NULL ? item : list;
    }
    return unit->grants_node;
}

/* What one may publish to: a pattern is no suggestion. */
static trp_names without_wildcards(troupe_manifest *manifest, const trp_names *patterns)
{
    trp_names topics = {trp_arena_alloc(&manifest->arena, (patterns->n + 1) * sizeof(char *)), 0};

    for (size_t i = 0; i < patterns->n; i++)
        if (strpbrk(patterns->items[i], "*>") == NULL)
            topics.items[topics.n++] = patterns->items[i];
    return topics;
}

static bool is_heard(const trp_names *patterns, const char *topic)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (troupe_topic_matches(troupe_text(patterns->items[i]), troupe_text(topic)))
            return true;
    return false;
}

static void check_grants(troupe_manifest *manifest, const trp_names *takers,
                         const trp_names *everybody, const trp_names *patterns)
{
    trp_names topics = without_wildcards(manifest, patterns);

    for (const trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u)) {
        for (size_t i = 0; i < u->grants.n_send; i++)
            if (!is_among(takers, u->grants.send[i]))
                note_stranger(manifest, find_grant(u, "send", i), "", u->grants.send[i], takers,
                              everybody);
        for (size_t i = 0; i < u->grants.n_publish; i++) {
            const char *topic = u->grants.publish[i];
            const char *near = is_heard(patterns, topic) || strchr(topic, '*') != NULL
                                   ? NULL
                                   : troupe_nearest(topic, topics.items);

            /* A topic without subscribers is allowed: dead letters name it. A misspelled one is not. */
            if (near != NULL)
                trp_yaml_mistake(&manifest->mistakes, find_grant(u, "publish", i),
                                 "nobody subscribes to \"%.64s\"; did you mean \"%s\"?", topic,
                                 near);
        }
    }
}

static trp_names list_patterns(troupe_manifest *manifest)
{
    trp_names patterns = {NULL, 0};
    size_t n = 0;

    for (const trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u))
        n += u->subscribe.n;
    patterns.items = trp_arena_alloc(&manifest->arena, (n + 1) * sizeof(char *));
    for (const trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u))
        for (size_t i = 0; i < u->subscribe.n; i++)
            patterns.items[patterns.n++] = u->subscribe.items[i];
    return patterns;
}

/* Pools and supervisors, and the children that have budgets of their own. */
static void check_backoffs(troupe_manifest *manifest)
{
    for (const trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u)) {
        if (u->kind != TRP_UNIT_COMPONENT)
            trp_backoff_warn(&manifest->warnings, u->node, &u->intensity.backoff,
                             u->intensity.max_restarts, u->intensity.within_ns);
        if (u->own_restarts && u->up != NULL)
            trp_backoff_warn(&manifest->warnings, u->node, &u->up->intensity.backoff,
                             u->own_restarts,
                             u->own_within_ns ? u->own_within_ns : u->up->intensity.within_ns);
    }
}

void trp_manifest_check(troupe_manifest *manifest)
{
    size_t n;
    bearer *all = list_bearers(manifest, &manifest->arena, &n);
    trp_names takers = trp_manifest_names(manifest, &manifest->arena, false);
    trp_names everybody = trp_manifest_names(manifest, &manifest->arena, true);
    trp_names patterns = list_patterns(manifest);

    qsort(all, n, sizeof(*all), by_name);
    check_names(manifest, all, n);
    check_grants(manifest, &takers, &everybody, &patterns);
    if (manifest->stdin_to != NULL && trp_manifest_taker(manifest, manifest->stdin_to) == NULL)
        note_stranger(manifest, manifest->stdin_node, "", manifest->stdin_to, &takers, &everybody);
    check_backoffs(manifest);
}
