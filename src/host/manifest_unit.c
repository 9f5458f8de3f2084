/* manifest_unit.c - a child: a component, a pool, or a supervisor beneath another. */
#include "fields.h"
#include "manifest_read.h"
#include "settings.h"

#include <string.h>

#define PAGE UINT64_C(65536)

static const char *const component_keys[] = {
    "component", "guest",        "config",   "subscribe",   "mailbox",    "limits",
    "grants",    "stop_timeout", "on_error", "health",      "error_rate", "restart",
    "on_crash",  "while_down",   "budget",   "significant", NULL};
static const char *const pool_keys[] = {
    "pool",       "size",         "guest",    "config",       "subscribe",  "mailbox", "limits",
    "grants",     "stop_timeout", "on_error", "health",       "error_rate", "restart", "on_crash",
    "while_down", "restarts",     "backoff",  "on_intensity", NULL};
static const char *const supervisor_keys[] = {
    "supervisor", "strategy", "restarts", "backoff",     "on_intensity", "auto_shutdown",
    "restart",    "on_crash", "budget",   "significant", "children",     NULL};

/* A list of words; a single word is not taken for a list of one. */
static trp_names read_names(troupe_manifest *manifest, const trp_yaml *node)
{
    trp_names names = {NULL, 0};

    if (!trp_field_list(&manifest->mistakes, node))
        return names;
    names.items = trp_arena_alloc(&manifest->arena, (node->n + 1) * sizeof(*names.items));
    for (const trp_yaml *item = node->first; item != NULL; item = item->next) {
        const char *text = trp_field_text(&manifest->mistakes, item);
        bool twice = false;

        for (size_t i = 0; text != NULL && i < names.n; i++)
            twice = twice || strcmp(names.items[i], text) == 0;
        if (twice)
            trp_yaml_mistake(&manifest->mistakes, item, "\"%.64s\" stands here twice; keep one",
                             text);
        else if (text != NULL)
            names.items[names.n++] = text;
    }
    return names;
}

static void read_subscribe(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit)
{
    troupe_error error;

    unit->subscribe = read_names(manifest, node);
    for (const trp_yaml *item = node->first; item != NULL; item = item->next) {
        bool is_text = item->kind == TRP_YAML_SCALAR && item->size > 0; /* else it was said */

        if (is_text && troupe_topic_check((troupe_bytes){item->text, item->size}, &error))
            trp_yaml_mistake(&manifest->mistakes, item, "\"%.64s\" is no topic: %s", item->text,
                             error.text);
    }
}

static void read_mailbox(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    static const char *const known[] = {"bound", "bytes", "on_full", NULL};
    static const char *const on_full[] = {"reject", "block", "drop_newest", "drop_oldest", NULL};
    const trp_yaml *bound = trp_yaml_get(node, "bound"), *full = trp_yaml_get(node, "on_full");
    const trp_yaml *bytes = trp_yaml_get(node, "bytes");
    uint64_t count;
    unsigned index;

    if (!trp_field_keys(m, node, known))
        return;
    if (bound != NULL && trp_field_count(m, bound, 1, UINT64_C(1) << 20, &count))
        unit->mailbox_bound = (uint32_t)count;
    if (bytes != NULL && trp_field_size(m, bytes, &unit->mailbox_bytes) &&
        (unit->mailbox_bytes < TROUPE_LINE_MAX || unit->mailbox_bytes > TROUPE_MAILBOX_BYTES_MAX))
        trp_yaml_mistake(m, bytes, "must be from 64KiB (one message) to 64GiB, is %s", bytes->text);
    if (full != NULL && trp_field_choice(m, full, on_full, &index))
        unit->on_full = (troupe_on_full)index; /* they stand in the order of the enum */
}

static void read_limits(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    static const char *const known[] = {"memory", "message_time", "log", NULL};
    const trp_yaml *memory = trp_yaml_get(node, "memory"), *log = trp_yaml_get(node, "log");
    const trp_yaml *time = trp_yaml_get(node, "message_time");
    troupe_limits *limits = &unit->limits;

    if (!trp_field_keys(m, node, known))
        return;
    if (memory != NULL && trp_field_size(m, memory, &limits->memory_bytes)) {
        if (limits->memory_bytes < PAGE || limits->memory_bytes > PAGE * 65536)
            trp_yaml_mistake(m, memory,
                             "must be from 64KiB (one page of WebAssembly) to 4GiB, is %s",
                             memory->text);
    }
    /* The clock that rings a guest ticks once in a millisecond. */
    if (time != NULL && trp_field_duration(m, time, &limits->message_ns) &&
        limits->message_ns < TROUPE_MILLISECOND)
        trp_yaml_mistake(m, time, "is below 1ms, which nothing can keep; write 1ms or more");
    if (log != NULL)
        (void)trp_field_rate(m, log, &limits->log_bytes);
}

/* A guest that publishes there is refused each time; better to hear of it at load. */
static void check_reserved(trp_mistakes *m, const trp_yaml *list)
{
    for (const trp_yaml *item = list->first; item != NULL; item = item->next)
        if (item->kind == TRP_YAML_SCALAR &&
            troupe_topic_reserved((troupe_bytes){item->text, item->size}))
            trp_yaml_mistake(m, item,
                             "\"%.64s\": " TROUPE_TOPIC_RESERVED
                             ", no guest may publish there; choose a topic that begins otherwise",
                             item->text);
}

/* - send: [...] */
static void read_grant_list(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit)
{
    troupe_grants *grants = &unit->grants;
    bool is_send = strcmp(node->key, "send") == 0;
    size_t *n = is_send ? &grants->n_send : &grants->n_publish;

    if (*n > 0) {
        trp_yaml_mistake(&manifest->mistakes, node,
                         "\"%s\" is granted twice; put both lists together", node->key);
        return;
    }
    trp_names names = read_names(manifest, node);
    for (size_t i = 0; i < names.n; i++) {
        const char *star = strchr(names.items[i], '*');

        if (star != NULL && star[1] != '\0')
            trp_yaml_mistake(&manifest->mistakes, node,
                             "\"%.64s\": a * may only stand at the end; write a prefix and then *",
                             names.items[i]);
    }
    if (!is_send)
        check_reserved(&manifest->mistakes, node);
    if (is_send)
        grants->send = names.items;
    else
        grants->publish = names.items;
    *n = names.n;
}

static void read_grant_word(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    static const char *const all[] = {"stdout", "clock", "random", "send", "publish", NULL};
    const char *text = trp_field_text(m, node);
    bool *grant = text == NULL                  ? NULL
                  : strcmp(text, "stdout") == 0 ? &unit->grants.print
                  : strcmp(text, "clock") == 0  ? &unit->grants.clock
                  : strcmp(text, "random") == 0 ? &unit->grants.random
                                                : NULL;

    if (grant != NULL && *grant)
        trp_yaml_mistake(m, node, "\"%s\" is granted twice; keep one", text);
    else if (grant != NULL)
        *grant = true;
    else if (text != NULL && (strcmp(text, "send") == 0 || strcmp(text, "publish") == 0))
        trp_yaml_mistake(m, node, "\"%s\" needs to whom; write {%s: [name]}", text, text);
    else if (text != NULL)
        trp_field_unknown(m, node, false, text, "no grant", all);
}

static void read_grants(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit)
{
    static const char *const lists[] = {"send", "publish", NULL};
    trp_mistakes *m = &manifest->mistakes;

    unit->grants_node = node;
    if (!trp_field_list(m, node))
        return;
    for (const trp_yaml *grant = node->first; grant != NULL; grant = grant->next) {
        if (grant->kind == TRP_YAML_SCALAR) {
            read_grant_word(m, grant, unit);
            continue;
        }
        if (grant->kind == TRP_YAML_LIST) {
            trp_yaml_mistake(m, grant, "must be a word or {send: [...]}, is a list");
            continue;
        }
        for (const trp_yaml *entry = grant->first; entry != NULL; entry = entry->next) {
            if (strcmp(entry->key, "send") == 0 || strcmp(entry->key, "publish") == 0)
                read_grant_list(manifest, entry, unit);
            else if (strcmp(entry->key, "stdout") == 0 || strcmp(entry->key, "clock") == 0 ||
                     strcmp(entry->key, "random") == 0)
                trp_yaml_mistake_at_key(m, entry, "takes nothing behind it; write - %s",
                                        entry->key);
            else
                trp_field_unknown(m, entry, true, entry->key, "no grant", lists);
        }
    }
}

static void read_on_error(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    static const char *const words[] = {"continue", "restart", "escalate", NULL};
    unsigned index;

    if (trp_field_choice(m, node, words, &index))
        unit->on_error = (troupe_on_error)index;
}

/* What a component and a pool's member have in common: a guest. */
static void read_guest(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit)
{
    trp_mistakes *m = &manifest->mistakes;
    const trp_yaml *guest = trp_yaml_get(node, "guest"), *config = trp_yaml_get(node, "config");
    const trp_yaml *subscribe = trp_yaml_get(node, "subscribe");
    const trp_yaml *mailbox = trp_yaml_get(node, "mailbox"), *limits = trp_yaml_get(node, "limits");
    const trp_yaml *grants = trp_yaml_get(node, "grants");
    const trp_yaml *stop = trp_yaml_get(node, "stop_timeout");
    const trp_yaml *on_error = trp_yaml_get(node, "on_error");

    unit->mailbox_bound = TROUPE_MAILBOX_BOUND;
    if (guest == NULL)
        trp_yaml_mistake(m, node,
                         "\"guest\" is missing, its WebAssembly; write guest: path/to.wasm");
    else
        unit->guest_path = trp_field_text(m, guest);
    unit->guest_node = guest;
    if (config != NULL)
        unit->settings = trp_settings(&manifest->arena, config, m);
    if (subscribe != NULL)
        read_subscribe(manifest, subscribe, unit);
    if (mailbox != NULL)
        read_mailbox(m, mailbox, unit);
    if (limits != NULL)
        read_limits(m, limits, unit);
    if (grants != NULL)
        read_grants(manifest, grants, unit);
    if (on_error != NULL)
        read_on_error(m, on_error, unit);
    trp_vitals_read(m, node, unit);
    if (stop != NULL)
        (void)trp_field_duration(m, stop, &unit->stop_timeout);
}

static void read_pool(troupe_manifest *manifest, const trp_yaml *node, trp_unit *unit)
{
    const trp_yaml *size = trp_yaml_get(node, "size");
    uint64_t count;

    unit->n_members = 1;
    if (size == NULL)
        trp_yaml_mistake(&manifest->mistakes, node,
                         "\"size\" is missing, the number of members; write size: 4");
    else if (trp_field_count(&manifest->mistakes, size, 1, 1024, &count))
        unit->n_members = (uint32_t)count;
    trp_intensity_read(&manifest->mistakes, node, &unit->intensity);
    read_guest(manifest, node, unit);
}

/* Which of the three kinds a child says it is; NULL: none, or more than one. */
static const trp_yaml *find_kind(trp_mistakes *m, const trp_yaml *node, trp_unit_kind *ret_kind)
{
    static const char *const kinds[] = {"component", "pool", "supervisor", NULL};
    const trp_yaml *found = NULL;

    if (node->kind != TRP_YAML_MAP) {
        trp_yaml_mistake(m, node, "a child must be a map; write - component: name");
        return NULL;
    }
    for (unsigned i = 0; kinds[i] != NULL; i++) {
        const trp_yaml *kind = trp_yaml_get(node, kinds[i]);

        if (kind != NULL && found != NULL) {
            trp_yaml_mistake_at_key(m, kind, "this child is a %s already; make it two children",
                                    found->key);
            return NULL;
        }
        if (kind != NULL) {
            found = kind;
            *ret_kind = (trp_unit_kind)i;
        }
    }
    if (found != NULL)
        return found;
    for (const trp_yaml *child = node->first; child != NULL; child = child->next)
        if (troupe_nearest(child->key, kinds) != NULL) {
            trp_field_unknown(m, child, true, child->key, "no kind of child", kinds);
            return NULL;
        }
    trp_yaml_mistake(m, node,
                     "what this child is, is missing; write component: name, pool: name or "
                     "supervisor: name");
    return NULL;
}

trp_unit *trp_unit_read(troupe_manifest *manifest, const trp_yaml *node, trp_unit *up)
{
    static const char *const *const keys[] = {component_keys, pool_keys, supervisor_keys};
    trp_mistakes *m = &manifest->mistakes;
    trp_unit *unit = trp_arena_alloc(&manifest->arena, sizeof(*unit));
    trp_unit_kind kind = TRP_UNIT_COMPONENT;
    const trp_yaml *name = find_kind(m, node, &kind);

    if (name == NULL)
        return NULL;
    (void)trp_field_keys(m, node, keys[kind]);
    if (kind == TRP_UNIT_SUPERVISOR && name->kind == TRP_YAML_MAP) {
        trp_yaml_mistake(m, name,
                         "must be its name; strategy, restarts, backoff and children stand "
                         "beside it, not under it");
        return NULL;
    }
    *unit = (trp_unit){.kind = kind, .node = name, .up = up, .intensity = up->intensity};
    unit->name = trp_field_name(m, name);
    trp_child_read(m, node, unit);
    if (kind == TRP_UNIT_SUPERVISOR)
        trp_supervisor_read(manifest, node, unit);
    else if (kind == TRP_UNIT_POOL)
        read_pool(manifest, node, unit);
    else
        read_guest(manifest, node, unit);
    return unit;
}
