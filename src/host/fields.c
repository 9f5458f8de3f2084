#include "fields.h"

#include "quantity.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 122 /* TROUPE_NAME_MAX less "-1024" */

/* What the plan has and this version has not: better refused than accepted and ignored. */
static const char *const later[] = {
    "storage",  "files",    "network", "spawn",   "env",   "list",    "lane", "engine", "slice",
    "messages", "requests", "timers",  "cluster", "admin", "metrics", "role", "group",  NULL};

bool trp_is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static void join(const char *const *words, char *buffer, size_t size)
{
    size_t used = 0;

    buffer[0] = '\0';
    for (size_t i = 0; words[i] != NULL && used < size; i++) {
        int n = snprintf(buffer + used, size - used, "%s%s", i > 0 ? ", " : "", words[i]);

        TROUPE_ASSERT(n >= 0);
        used += (size_t)n;
    }
}

void trp_field_unknown(trp_mistakes *mistakes, const trp_yaml *node, bool at_key, const char *word,
                       const char *what, const char *const *words)
{
    const char *near = troupe_nearest(word, words);
    char text[512], all[320];

    join(words, all, sizeof(all));
    if (trp_is_one_of(word, later))
        (void)snprintf(text, sizeof(text), "\"%.64s\" is not in this version yet; leave it out",
                       word);
    else if (near != NULL)
        (void)snprintf(text, sizeof(text), "\"%.64s\" is %s; did you mean \"%s\"?", word, what,
                       near);
    else
        (void)snprintf(text, sizeof(text), "\"%.64s\" is %s; there is %s", word, what, all);
    if (at_key)
        trp_yaml_mistake_at_key(mistakes, node, "%s", text);
    else
        trp_yaml_mistake(mistakes, node, "%s", text);
}

static const char *kind_of(const trp_yaml *node)
{
    if (trp_yaml_is_empty(node))
        return "empty";
    return node->kind == TRP_YAML_MAP    ? "a map"
           : node->kind == TRP_YAML_LIST ? "a list"
                                         : "one value";
}

bool trp_field_keys(trp_mistakes *mistakes, const trp_yaml *node, const char *const *known)
{
    if (node->kind != TRP_YAML_MAP) {
        char keys[320];

        join(known, keys, sizeof(keys));
        trp_yaml_mistake(mistakes, node, "must be a map, is %s; its keys are %s", kind_of(node),
                         keys);
        return false;
    }
    for (const trp_yaml *child = node->first; child != NULL; child = child->next)
        if (!trp_is_one_of(child->key, known))
            trp_field_unknown(mistakes, child, true, child->key, "no key here", known);
    return true;
}

bool trp_field_list(trp_mistakes *mistakes, const trp_yaml *node)
{
    if (node->kind != TRP_YAML_LIST) {
        trp_yaml_mistake(mistakes, node,
                         "must be a list, is %s; write [a, b] or lines that begin with -",
                         kind_of(node));
        return false;
    }
    if (node->n == 0)
        trp_yaml_mistake(mistakes, node, "is an empty list; leave it out, or put something in");
    return node->n > 0;
}

const char *trp_field_text(trp_mistakes *mistakes, const trp_yaml *node)
{
    if (node->kind != TRP_YAML_SCALAR || node->size == 0) {
        trp_yaml_mistake(mistakes, node, "must be one word, is %s",
                         node->kind == TRP_YAML_SCALAR ? "empty" : kind_of(node));
        return NULL;
    }
    if (strlen(node->text) != node->size) {
        trp_yaml_mistake(mistakes, node, "holds a zero byte; take it out");
        return NULL;
    }
    return node->text;
}

const char *trp_field_name(trp_mistakes *mistakes, const trp_yaml *node)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const char *text = trp_field_text(mistakes, node);

    if (text == NULL)
        return NULL;
    if (text[strspn(text, allowed)] != '\0') {
        trp_yaml_mistake(mistakes, node,
                         "\"%.64s\" is no name; a name has letters, digits, - _ and . only", text);
        return NULL;
    }
    if (node->size > NAME_BYTES) {
        trp_yaml_mistake(mistakes, node, "the name is too long; use at most %d characters",
                         NAME_BYTES);
        return NULL;
    }
    return text;
}

bool trp_field_choice(trp_mistakes *mistakes, const trp_yaml *node, const char *const *words,
                      unsigned *ret_index)
{
    const char *text = trp_field_text(mistakes, node);

    if (text == NULL)
        return false;
    for (unsigned i = 0; words[i] != NULL; i++)
        if (strcmp(text, words[i]) == 0) {
            *ret_index = i;
            return true;
        }
    trp_field_unknown(mistakes, node, false, text, "not possible here", words);
    return false;
}

/* Note what a reader of quantities said. */
static bool refused(trp_mistakes *mistakes, const trp_yaml *node, const char *wrong)
{
    if (wrong != NULL)
        trp_yaml_mistake(mistakes, node, "\"%.64s\" %s", node->text, wrong);
    return wrong != NULL;
}

static bool refused_zero(trp_mistakes *mistakes, const trp_yaml *node, bool zero)
{
    if (zero)
        trp_yaml_mistake(mistakes, node,
                         "is zero, and nothing could run; write what it may use, or leave it out "
                         "for the default");
    return zero;
}

bool trp_field_count(trp_mistakes *mistakes, const trp_yaml *node, uint64_t least, uint64_t most,
                     uint64_t *ret_count)
{
    const char *text = trp_field_text(mistakes, node);
    uint64_t count;

    if (text == NULL || refused(mistakes, node, trp_read_count(text, UINT64_MAX, &count)))
        return false;
    if (least > 0 && refused_zero(mistakes, node, count == 0))
        return false;
    if (count < least || count > most) {
        trp_yaml_mistake(mistakes, node, "must be from %llu to %llu, is %llu",
                         (unsigned long long)least, (unsigned long long)most,
                         (unsigned long long)count);
        return false;
    }
    *ret_count = count;
    return true;
}

static bool read_quantity(trp_mistakes *mistakes, const trp_yaml *node,
                          const char *(*read)(const char *, uint64_t *), uint64_t *ret_value)
{
    const char *text = trp_field_text(mistakes, node);
    uint64_t value;

    if (text == NULL || refused(mistakes, node, read(text, &value)) ||
        refused_zero(mistakes, node, value == 0))
        return false;
    *ret_value = value;
    return true;
}

bool trp_field_duration(trp_mistakes *mistakes, const trp_yaml *node, uint64_t *ret_ns)
{
    return read_quantity(mistakes, node, trp_read_duration, ret_ns);
}

bool trp_field_size(trp_mistakes *mistakes, const trp_yaml *node, uint64_t *ret_bytes)
{
    return read_quantity(mistakes, node, trp_read_size, ret_bytes);
}

bool trp_field_rate(trp_mistakes *mistakes, const trp_yaml *node, uint64_t *ret_bytes)
{
    return read_quantity(mistakes, node, trp_read_rate, ret_bytes);
}
