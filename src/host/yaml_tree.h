/* yaml_tree.h - YAML as a small tree that knows its lines.
 *
 * Read by libyaml's events. Anchors, aliases, tags, directives, second documents and keys given twice are
 * refused: what stands in a manifest is what is meant, and its size is the size of what it makes.
 */
#ifndef TRP_HOST_YAML_TREE_H
#define TRP_HOST_YAML_TREE_H

#include "mistakes.h"

#define TRP_YAML_DEPTH_MAX 64

typedef enum trp_yaml_kind {
    TRP_YAML_SCALAR,
    TRP_YAML_LIST,
    TRP_YAML_MAP,
} trp_yaml_kind;

typedef struct trp_yaml {
    trp_yaml_kind kind;
    bool plain;        /* a scalar without quotes */
    unsigned line;     /* from 1 */
    unsigned key_line; /* of its key, when it stands in a map; else line */
    const char *key;   /* NULL: it stands in a list, or is the root */
    size_t index;      /* its place in its parent */
    const char *text;  /* of a scalar, with a zero behind it */
    size_t size;       /* bytes of text */
    struct trp_yaml *parent;
    struct trp_yaml *first, *next; /* children of a list or map; the next sibling */
    size_t n;                      /* children */
} trp_yaml;

/* trp_yaml_parse - the tree of a text, in arena; NULL after a mistake that left none.
 * Mistakes that leave a tree (a duplicate key) are noted too: ask mistakes->n. One thread. */
trp_yaml *trp_yaml_parse(trp_arena *arena, troupe_bytes text, trp_mistakes *mistakes);

/* trp_yaml_get - the child of a map by its key; NULL: none, or node is no map. */
trp_yaml *trp_yaml_get(const trp_yaml *node, const char *key);

/* trp_yaml_is_empty - "key:" with nothing behind it. */
bool trp_yaml_is_empty(const trp_yaml *node);

/* trp_yaml_path - "supervisor.children[1].grants" into buffer, cut when longer; "" for the root. */
void trp_yaml_path(const trp_yaml *node, char *buffer, size_t size);

/* trp_yaml_mistake - note a mistake at node: its line, its path, and what. _at_key: the line of its key. */
void trp_yaml_mistake(trp_mistakes *mistakes, const trp_yaml *node, const char *format, ...)
    TROUPE_PRINTF(3, 4);
void trp_yaml_mistake_at_key(trp_mistakes *mistakes, const trp_yaml *node, const char *format, ...)
    TROUPE_PRINTF(3, 4);

#endif
