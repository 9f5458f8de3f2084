/* topic_tree.c - which patterns match a topic: a walk down the tree, two ways at each token at most.
 *
 * What a search costs depends on the tokens of the topic and on how many patterns with wildcards share its beginning,
 * not on how many subscriptions there are.
 *
 * Invariants
 * 1. A node has a listener or a child, but for the root. If broken: names that nobody uses any more pile up.
 * 2. An id stands at most once in a node, and a node's listeners stand in the order in which they came. If broken: a
 *    message comes twice, or out of turn.
 * 3. A topic's name lives as long as a message that carries it: it is a counted payload. If broken: a receiver reads
 *    freed bytes.
 */
#include "topic_tree.h"

#include "subject.h"

#include "trp/os.h"

#include <string.h>

#define FIRST_BUCKETS 16
#define FIRST_LISTENERS 2
#define FEW_LISTENERS 64 /* not worth a sweep */

struct trp_topic {
    trp_topic *next; /* in its bucket */
    trp_topic *parent;
    trp_topic *any, *rest; /* the children `*` and `>`, without a search */
    uint64_t hash;
    uint32_t n_children;
    bool literal;         /* no wildcard on the way to it */
    troupe_payload *name; /* of a literal one with listeners; NULL */
    trp_listener *listeners;
    uint32_t n, room;
    uint32_t size;
    char token[];
};

bool trp_tree_init(trp_topic_tree *tree, trp_hash_key key)
{
    memset(tree, 0, sizeof *tree);
    tree->key = key;
    tree->root = trp_alloc_zeroed(sizeof *tree->root);
    tree->buckets = trp_alloc_zeroed(FIRST_BUCKETS * sizeof(trp_topic *));
    if (!tree->root || !tree->buckets) {
        trp_tree_fini(tree);
        return false;
    }
    tree->root->literal = true;
    tree->n_buckets = FIRST_BUCKETS;
    return true;
}

static void free_topic(trp_topic *topic)
{
    troupe_payload_unref(topic->name);
    trp_free(topic->listeners);
    trp_free(topic);
}

void trp_tree_fini(trp_topic_tree *tree)
{
    for (size_t i = 0; tree->buckets && i < tree->n_buckets; i++) {
        while (tree->buckets[i]) {
            trp_topic *topic = tree->buckets[i];

            tree->buckets[i] = topic->next;
            free_topic(topic);
        }
    }
    trp_free(tree->buckets);
    trp_free(tree->root);
}

/* ---- nodes ---- */

static uint64_t hash_of(const trp_topic_tree *tree, const trp_topic *parent, troupe_bytes token)
{
    return trp_hash_fold(parent->hash ^ trp_hash(&tree->key, token.data, token.size),
                         tree->key.factor);
}

/* Where the pointer to the child stands, or would. */
static trp_topic **place_of(const trp_topic_tree *tree, const trp_topic *parent, troupe_bytes token,
                            uint64_t hash)
{
    trp_topic **place = &tree->buckets[hash & (tree->n_buckets - 1)];

    while (*place &&
           !((*place)->hash == hash && (*place)->parent == parent && (*place)->size == token.size &&
             memcmp((*place)->token, token.data, token.size) == 0))
        place = &(*place)->next;
    return place;
}

static trp_topic *child_of(const trp_topic_tree *tree, const trp_topic *parent, troupe_bytes token)
{
    if (parent->n_children == 0)
        return NULL;
    return *place_of(tree, parent, token, hash_of(tree, parent, token));
}

/* Out of memory is no error here: the chains only get longer. */
static void spread(trp_topic_tree *tree)
{
    size_t n = 2 * tree->n_buckets;
    trp_topic **buckets = trp_alloc_zeroed(n * sizeof *buckets);

    if (!buckets)
        return;
    for (size_t i = 0; i < tree->n_buckets; i++) {
        while (tree->buckets[i]) {
            trp_topic *topic = tree->buckets[i];

            tree->buckets[i] = topic->next;
            topic->next = buckets[topic->hash & (n - 1)];
            buckets[topic->hash & (n - 1)] = topic;
        }
    }
    trp_free(tree->buckets);
    tree->buckets = buckets;
    tree->n_buckets = n;
}

static trp_topic *add_child(trp_topic_tree *tree, trp_topic *parent, troupe_bytes token)
{
    trp_topic *topic = trp_alloc_zeroed(sizeof *topic + token.size);
    trp_topic **place;

    if (!topic)
        return NULL;
    if (tree->n_topics >= tree->n_buckets)
        spread(tree);
    topic->parent = parent;
    topic->hash = hash_of(tree, parent, token);
    topic->size = (uint32_t)token.size;
    memcpy(topic->token, token.data, token.size);
    if (trp_token_is(token, '*'))
        parent->any = topic;
    else if (trp_token_is(token, '>'))
        parent->rest = topic;
    else
        topic->literal = parent->literal;
    place = &tree->buckets[topic->hash & (tree->n_buckets - 1)];
    topic->next = *place;
    *place = topic;
    parent->n_children++;
    tree->n_topics++;
    return topic;
}

/* False: somebody needs it. */
static bool drop_unused(trp_topic_tree *tree, trp_topic *topic)
{
    trp_topic *parent = topic->parent;

    if (topic == tree->root || topic->n > 0 || topic->n_children > 0)
        return false;
    *place_of(tree, parent, (troupe_bytes){topic->token, topic->size}, topic->hash) = topic->next;
    if (parent->any == topic)
        parent->any = NULL;
    if (parent->rest == topic)
        parent->rest = NULL;
    parent->n_children--;
    tree->n_topics--;
    free_topic(topic);
    return true;
}

static void trim_upwards(trp_topic_tree *tree, trp_topic *topic)
{
    trp_topic *parent;

    do {
        parent = topic->parent;
    } while (drop_unused(tree, topic) && (topic = parent));
}

/* ---- subscribing ---- */

static uint32_t index_of(const trp_topic *topic, troupe_id id)
{
    uint32_t i = 0;

    while (i < topic->n && topic->listeners[i].id.value != id.value)
        i++;
    return i;
}

static bool make_room(trp_topic *topic)
{
    uint32_t room = topic->room ? 2 * topic->room : FIRST_LISTENERS;
    trp_listener *listeners;

    if (topic->n < topic->room)
        return true;
    listeners = trp_realloc(topic->listeners, room * sizeof *listeners);
    if (!listeners)
        return false;
    topic->listeners = listeners;
    topic->room = room;
    return true;
}

troupe_status trp_tree_add(trp_topic_tree *tree, troupe_bytes pattern, troupe_id id)
{
    trp_topic *topic = tree->root;
    troupe_bytes rest = pattern;

    while (rest.data) {
        troupe_bytes token = trp_subject_token(&rest);
        trp_topic *child = child_of(tree, topic, token);

        if (!child)
            child = add_child(tree, topic, token);
        if (!child)
            goto fail;
        topic = child;
    }
    if (index_of(topic, id) < topic->n)
        return TROUPE_OK;
    if (topic->literal && !topic->name && !(topic->name = troupe_payload_new(pattern)))
        goto fail;
    if (!make_room(topic))
        goto fail;
    topic->listeners[topic->n++] = (trp_listener){.id = id, .since = tree->n_subscribed++};
    tree->n_listeners++;
    return TROUPE_OK;
fail:
    trim_upwards(tree, topic);
    return TROUPE_E_NO_MEMORY;
}

static void drop_at(trp_topic_tree *tree, trp_topic *topic, uint32_t at)
{
    memmove(&topic->listeners[at], &topic->listeners[at + 1],
            (topic->n - at - 1) * sizeof topic->listeners[0]);
    topic->n--;
    tree->n_listeners--;
}

bool trp_tree_drop(trp_topic_tree *tree, troupe_bytes pattern, troupe_id id)
{
    trp_topic *topic = tree->root;
    uint32_t at;

    while (topic && pattern.data)
        topic = child_of(tree, topic, trp_subject_token(&pattern));
    at = topic ? index_of(topic, id) : 0;
    if (!topic || at == topic->n)
        return false;
    drop_at(tree, topic, at);
    trim_upwards(tree, topic);
    return true;
}

/* ---- who listens ---- */

/* At most TROUPE_TOPIC_MAX / 2 + 1 deep, and no deeper than a pattern is long. */
static bool collect(const trp_topic_tree *tree, const trp_topic *topic, troupe_bytes rest,
                    trp_audience *audience)
{
    const trp_topic *child;
    troupe_bytes token;

    if (!rest.data) {
        if (topic->name && topic->n && !audience->topic)
            audience->topic = troupe_payload_ref(topic->name);
        return trp_audience_add(audience, topic->listeners, topic->n);
    }
    if (topic->rest && !trp_audience_add(audience, topic->rest->listeners, topic->rest->n))
        return false;
    token = trp_subject_token(&rest);
    child = child_of(tree, topic, token);
    if (child && !collect(tree, child, rest, audience))
        return false;
    return !topic->any || collect(tree, topic->any, rest, audience);
}

bool trp_tree_collect(const trp_topic_tree *tree, troupe_bytes topic, trp_audience *audience)
{
    if (!collect(tree, tree->root, topic, audience))
        return false;
    trp_audience_merge(audience);
    return true;
}

/* Who looks for those that are gone, on the way down. */
struct pruning {
    trp_topic_tree *tree;
    bool (*is_gone)(void *arg, troupe_id id);
    void *arg;
};

static void prune_node(const struct pruning *pruning, trp_topic *topic)
{
    for (uint32_t i = topic->n; i-- > 0;) {
        if (pruning->is_gone(pruning->arg, topic->listeners[i].id))
            drop_at(pruning->tree, topic, i);
    }
}

/* Each level drops its children: what it stands on is still there when it comes back. */
static void prune(const struct pruning *pruning, trp_topic *topic, troupe_bytes rest)
{
    trp_topic *child;

    if (!rest.data) {
        prune_node(pruning, topic);
        return;
    }
    if (topic->rest) {
        prune_node(pruning, topic->rest);
        drop_unused(pruning->tree, topic->rest);
    }
    child = child_of(pruning->tree, topic, trp_subject_token(&rest));
    if (child) {
        prune(pruning, child, rest);
        drop_unused(pruning->tree, child);
    }
    if (topic->any) {
        prune(pruning, topic->any, rest);
        drop_unused(pruning->tree, topic->any);
    }
}

void trp_tree_prune(trp_topic_tree *tree, troupe_bytes topic,
                    bool (*is_gone)(void *arg, troupe_id id), void *arg)
{
    prune(&(struct pruning){tree, is_gone, arg}, tree->root, topic);
}

/* A node that goes may take its parents along, also out of this chain: it is looked at from its beginning again. */
static void drop_unused_in(trp_topic_tree *tree, size_t bucket)
{
    trp_topic *topic = tree->buckets[bucket];

    while (topic) {
        bool unused = topic->n == 0 && topic->n_children == 0;
        trp_topic *next = topic->next;

        if (unused)
            trim_upwards(tree, topic);
        topic = unused ? tree->buckets[bucket] : next;
    }
}

void trp_tree_sweep(trp_topic_tree *tree, bool (*is_gone)(void *arg, troupe_id id), void *arg)
{
    struct pruning pruning = {tree, is_gone, arg};

    if (tree->n_listeners < 2 * tree->n_swept + FEW_LISTENERS)
        return;
    for (size_t i = 0; i < tree->n_buckets; i++) {
        for (trp_topic *topic = tree->buckets[i]; topic; topic = topic->next)
            prune_node(&pruning, topic);
    }
    for (size_t i = 0; i < tree->n_buckets; i++)
        drop_unused_in(tree, i);
    tree->n_swept = tree->n_listeners;
}
