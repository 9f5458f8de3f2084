#include "yaml_tree.h"

#include "trp/os.h"

#include <yaml.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One open list or map. */
typedef struct frame {
    trp_yaml *node;
    trp_yaml **tail;
    const char *key; /* a map's key that waits for its value */
    unsigned key_line;
} frame;

typedef struct builder {
    trp_arena *arena;
    trp_mistakes *mistakes;
    trp_yaml *root;
    frame frames[TRP_YAML_DEPTH_MAX];
    size_t depth;
    unsigned n_documents;
    bool broken; /* no tree can be made */
} builder;

trp_yaml *trp_yaml_get(const trp_yaml *node, const char *key)
{
    if (node == NULL || node->kind != TRP_YAML_MAP)
        return NULL;
    for (trp_yaml *child = node->first; child != NULL; child = child->next)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

bool trp_yaml_is_empty(const trp_yaml *node)
{
    return node->kind == TRP_YAML_SCALAR && node->plain && node->size == 0;
}

void trp_yaml_path(const trp_yaml *node, char *buffer, size_t size)
{
    const trp_yaml *way[TRP_YAML_DEPTH_MAX + 1];
    size_t n = 0, used = 0;

    buffer[0] = '\0';
    for (; node != NULL && node->parent != NULL && n < TRP_YAML_DEPTH_MAX + 1; node = node->parent)
        way[n++] = node;
    while (n-- > 0 && used < size) {
        int wrote =
            way[n]->key == NULL
                ? snprintf(buffer + used, size - used, "[%zu]", way[n]->index)
                : snprintf(buffer + used, size - used, "%s%.64s", used > 0 ? "." : "", way[n]->key);
        TROUPE_ASSERT(wrote >= 0);
        used += (size_t)wrote;
    }
}

void trp_yaml_mistake(trp_mistakes *mistakes, const trp_yaml *node, const char *format, ...)
{
    char path[256];
    va_list args;

    trp_yaml_path(node, path, sizeof(path));
    va_start(args, format);
    trp_mistakes_note_list(mistakes, node->line, path, format, args);
    va_end(args);
}

void trp_yaml_mistake_at_key(trp_mistakes *mistakes, const trp_yaml *node, const char *format, ...)
{
    char path[256];
    va_list args;

    trp_yaml_path(node, path, sizeof(path));
    va_start(args, format);
    trp_mistakes_note_list(mistakes, node->key_line, path, format, args);
    va_end(args);
}

static void break_off(builder *b, unsigned line, const char *what)
{
    b->broken = true;
    trp_mistakes_note(b->mistakes, line, "", "%s", what);
}

static unsigned line_of(const yaml_event_t *event)
{
    return (unsigned)event->start_mark.line + 1;
}

static bool wants_key(const builder *b)
{
    const frame *top = b->depth == 0 ? NULL : &b->frames[b->depth - 1];

    return top != NULL && top->node->kind == TRP_YAML_MAP && top->key == NULL;
}

/* Put a new node where the next value belongs. */
static trp_yaml *add_node(builder *b, trp_yaml_kind kind, unsigned line)
{
    trp_yaml *node = trp_arena_alloc(b->arena, sizeof(*node));

    node->kind = kind;
    node->line = node->key_line = line;
    if (b->depth == 0) {
        b->root = node;
        return node;
    }
    frame *top = &b->frames[b->depth - 1];
    node->parent = top->node;
    node->index = top->node->n++;
    if (top->node->kind == TRP_YAML_MAP) {
        node->key = top->key;
        node->key_line = top->key_line;
        top->key = NULL;
    }
    *top->tail = node;
    top->tail = &node->next;
    return node;
}

static void add_scalar(builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;

    if (wants_key(b)) {
        frame *top = &b->frames[b->depth - 1];

        if (memchr(text, '\0', size) != NULL) {
            break_off(b, line_of(event), "a key holds a zero byte; take it out");
            return;
        }
        top->key = trp_arena_copy(b->arena, text, size);
        top->key_line = line_of(event);
        return;
    }
    trp_yaml *node = add_node(b, TRP_YAML_SCALAR, line_of(event));
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = trp_arena_copy(b->arena, text, size);
    node->size = size;
}

static void open_node(builder *b, trp_yaml_kind kind, const yaml_event_t *event)
{
    if (wants_key(b)) {
        break_off(b, line_of(event), "a key must be one word, not a list or a map");
        return;
    }
    if (b->depth == TRP_YAML_DEPTH_MAX) {
        break_off(b, line_of(event), "nested deeper than 64 levels; make it flatter");
        return;
    }
    trp_yaml *node = add_node(b, kind, line_of(event));
    frame *top = &b->frames[b->depth++];
    *top = (frame){.node = node, .tail = &node->first};
}

static int by_key(const void *a, const void *b)
{
    const trp_yaml *x = *(trp_yaml *const *)a;
    const trp_yaml *y = *(trp_yaml *const *)b;
    int order = strcmp(x->key, y->key);

    if (order != 0)
        return order;
    return x->index < y->index ? -1 : 1;
}

/* Sorted, so that a map of a hundred thousand keys is not a hundred thousand times as slow. */
static void find_duplicates(builder *b, const trp_yaml *map)
{
    trp_yaml **sorted;
    size_t n = 0;

    if (map->n < 2)
        return;
    sorted = trp_arena_alloc(b->arena, map->n * sizeof(*sorted));
    for (trp_yaml *child = map->first; child != NULL; child = child->next)
        sorted[n++] = child;
    qsort(sorted, n, sizeof(*sorted), by_key);
    for (size_t i = 1; i < n; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            trp_yaml_mistake_at_key(b->mistakes, sorted[i],
                                    "the key is given twice, first in line %u; keep one of them",
                                    sorted[i - 1]->key_line);
}

static void close_node(builder *b)
{
    const trp_yaml *node = b->frames[--b->depth].node;

    if (node->kind == TRP_YAML_MAP)
        find_duplicates(b, node);
}

static void refuse_marks(builder *b, const yaml_event_t *event, const yaml_char_t *anchor,
                         const yaml_char_t *tag)
{
    if (anchor != NULL)
        trp_mistakes_note(b->mistakes, line_of(event), "",
                          "the anchor \"&%.40s\" is not allowed; write the value out",
                          (const char *)anchor);
    if (tag != NULL)
        trp_mistakes_note(b->mistakes, line_of(event), "",
                          "the tag \"%.60s\" is not allowed; leave it out", (const char *)tag);
}

static void take_event(builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++b->n_documents > 1)
            break_off(b, line_of(event),
                      "a second document begins here; a manifest is one document");
        break;
    case YAML_ALIAS_EVENT:
        trp_mistakes_note(b->mistakes, line_of(event), "",
                          "the alias \"*%.40s\" is not allowed; write the value out, or quote it",
                          (const char *)event->data.alias.anchor);
        b->broken = true;
        break;
    case YAML_SCALAR_EVENT:
        refuse_marks(b, event, event->data.scalar.anchor, event->data.scalar.tag);
        add_scalar(b, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        refuse_marks(b, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        open_node(b, TRP_YAML_LIST, event);
        break;
    case YAML_MAPPING_START_EVENT:
        refuse_marks(b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        open_node(b, TRP_YAML_MAP, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_node(b);
        break;
    default:
        break;
    }
}

/* libyaml's reader knows the offset of a bad byte, its scanner and parser know the line. */
static void note_syntax(builder *b, const yaml_parser_t *parser, troupe_bytes text)
{
    size_t line = parser->problem_mark.line + 1;
    const char *problem = parser->problem != NULL ? parser->problem : "unreadable";

    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < text.size && i < parser->problem_offset; i++)
            line += ((const char *)text.data)[i] == '\n';
    }
    b->broken = true;
    trp_mistakes_note(b->mistakes, (unsigned)line, "",
                      "this is not YAML: %s%s%s; look at this line and the one above it", problem,
                      parser->context != NULL ? " " : "",
                      parser->context != NULL ? parser->context : "");
}

static void read_events(builder *b, yaml_parser_t *parser, troupe_bytes text)
{
    bool at_end = false;

    while (!at_end && !b->broken) {
        yaml_event_t event;

        if (!yaml_parser_parse(parser, &event)) {
            note_syntax(b, parser, text);
            return;
        }
        at_end = event.type == YAML_STREAM_END_EVENT;
        take_event(b, &event);
        yaml_event_delete(&event);
    }
}

trp_yaml *trp_yaml_parse(trp_arena *arena, troupe_bytes text, trp_mistakes *mistakes)
{
    builder *b = trp_arena_alloc(arena, sizeof(*b));
    yaml_parser_t parser;

    b->arena = arena;
    b->mistakes = mistakes;
    if (text.size > TROUPE_MANIFEST_MAX) {
        trp_mistakes_note(mistakes, 0, "", "it is over 1 MiB; a manifest is smaller");
        return NULL;
    }
    TROUPE_ASSERT(yaml_parser_initialize(&parser));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.data, text.size);
    read_events(b, &parser, text);
    yaml_parser_delete(&parser);
    if (b->broken)
        return NULL;
    if (b->root == NULL || trp_yaml_is_empty(b->root)) {
        trp_mistakes_note(mistakes, 0, "",
                          "it is empty; a manifest has at least \"system\" and \"supervisor\"");
        return NULL;
    }
    return b->root;
}
