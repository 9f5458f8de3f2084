#include "settings.h"

#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    trp_arena *arena;
    trp_mistakes *mistakes;
    char *bytes;
    size_t used, room;
} writer;

static void put(writer *w, const char *bytes, size_t n)
{
    if (n == 0)
        return;
    if (w->room - w->used < n) {
        size_t room = (w->room + n) * 2;
        char *larger = trp_arena_alloc(w->arena, room);

        if (w->used > 0)
            memcpy(larger, w->bytes, w->used);
        w->bytes = larger;
        w->room = room;
    }
    memcpy(w->bytes + w->used, bytes, n);
    w->used += n;
}

static void put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_string(writer *w, const char *text, size_t size)
{
    put(w, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[8];

        if (c == '"' || c == '\\') {
            put(w, "\\", 1);
            put(w, &text[i], 1);
        } else if (c < 0x20) {
            (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
            put_text(w, escape);
        } else {
            put(w, &text[i], 1);
        }
    }
    put(w, "\"", 1);
}

/* [-+]? digits: JSON knows no plus and no leading zeros. */
static bool put_integer(writer *w, const char *text)
{
    bool negative = text[0] == '-';
    const char *digits = text + (text[0] == '-' || text[0] == '+');

    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    while (digits[0] == '0' && digits[1] != '\0')
        digits++;
    if (negative)
        put(w, "-", 1);
    put_text(w, digits);
    return true;
}

/* 0x1F, 0o17. */
static bool put_based(writer *w, const char *text)
{
    int base = strncmp(text, "0x", 2) == 0 ? 16 : strncmp(text, "0o", 2) == 0 ? 8 : 0;
    const char *set = base == 16 ? "0123456789abcdefABCDEF" : "01234567";
    size_t n = base == 0 ? 0 : strlen(text + 2);
    char number[24];

    if (n == 0 || n > (base == 16 ? 16u : 21u) || text[2 + strspn(text + 2, set)] != '\0')
        return false;
    (void)snprintf(number, sizeof(number), "%llu", strtoull(text + 2, NULL, base));
    put_text(w, number);
    return true;
}

/* [-+]? ( . digits | digits ( . digits? )? ) ( [eE] [-+]? digits )? */
static bool put_float(writer *w, const char *text)
{
    const char *whole = text + (text[0] == '-' || text[0] == '+');
    size_t n_whole = strspn(whole, "0123456789");
    const char *rest = whole + n_whole, *part = "";
    size_t n_part = 0;

    if (*rest == '.') {
        part = rest + 1;
        n_part = strspn(part, "0123456789");
        rest = part + n_part;
    }
    if (n_whole + n_part == 0)
        return false;
    const char *exponent = rest;
    if (*rest == 'e' || *rest == 'E') {
        rest += 1 + (rest[1] == '-' || rest[1] == '+');
        if (*rest == '\0')
            return false;
        rest += strspn(rest, "0123456789");
    }
    if (*rest != '\0')
        return false;
    for (; n_whole > 1 && whole[0] == '0'; n_whole--)
        whole++;
    if (text[0] == '-')
        put(w, "-", 1);
    put(w, n_whole == 0 ? "0" : whole, n_whole == 0 ? 1 : n_whole);
    put(w, ".", 1);
    put(w, n_part == 0 ? "0" : part, n_part == 0 ? 1 : n_part);
    put_text(w, exponent);
    return true;
}

static void put_plain(writer *w, const trp_yaml *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const no_json[] = {".inf",  ".Inf",  ".INF",  "-.inf", "-.Inf",
                                          "-.INF", "+.inf", "+.Inf", "+.INF", ".nan",
                                          ".NaN",  ".NAN",  NULL};

    if (trp_is_one_of(node->text, nulls))
        put_text(w, "null");
    else if (trp_is_one_of(node->text, trues))
        put_text(w, "true");
    else if (trp_is_one_of(node->text, falses))
        put_text(w, "false");
    else if (trp_is_one_of(node->text, no_json))
        trp_yaml_mistake(w->mistakes, node,
                         "\"%s\" is no number in JSON; quote it, or leave it out", node->text);
    else if (!put_integer(w, node->text) && !put_based(w, node->text) && !put_float(w, node->text))
        put_string(w, node->text, node->size);
}

/* Recursive: the tree is at most TRP_YAML_DEPTH_MAX deep. */
static void put_node(writer *w, const trp_yaml *node)
{
    bool is_map = node->kind == TRP_YAML_MAP;

    if (node->kind == TRP_YAML_SCALAR) {
        if (node->plain && strlen(node->text) == node->size)
            put_plain(w, node);
        else
            put_string(w, node->text, node->size);
        return;
    }
    put_text(w, is_map ? "{" : "[");
    for (const trp_yaml *child = node->first; child != NULL; child = child->next) {
        if (child != node->first)
            put_text(w, ",");
        if (is_map) {
            put_string(w, child->key, strlen(child->key));
            put_text(w, ":");
        }
        put_node(w, child);
    }
    put_text(w, is_map ? "}" : "]");
}

troupe_bytes trp_settings(trp_arena *arena, const trp_yaml *node, trp_mistakes *mistakes)
{
    writer w = {.arena = arena, .mistakes = mistakes};

    put_node(&w, node);
    return (troupe_bytes){w.bytes, w.used};
}
