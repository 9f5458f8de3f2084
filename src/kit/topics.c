/* topics.c - who wants to hear what: a table from exact names to ids.
 *
 * Who: any thread subscribes and publishes. One mutex guards the table; it is held to find a topic
 *      and to copy its ids, never while sending, so that a subscriber that blocks its sender blocks
 *      nobody else.
 *
 * Invariants
 * 1. A topic in the table has at least one subscriber; the last one takes it along. If broken:
 *    names that nobody uses any more pile up.
 * 2. An id stands at most once in a topic. If broken: it gets a message twice.
 * 3. A topic's name lives as long as a message that carries it: it is a counted payload. If broken:
 *    a receiver reads freed bytes.
 */
#include "troupe/kit.h"

#include "trp/os.h"

#include <string.h>

#define FIRST_BUCKETS 16
#define FIRST_IDS 4
#define IDS_ON_STACK 64

struct topic {
    struct topic *next;
    uint64_t hash;
    size_t size;
    troupe_payload *name; /* its bytes follow the struct too: a payload cannot be read back */
    troupe_id *ids;
    uint32_t n_ids, capacity;
    char bytes[];
};

struct troupe_topics {
    troupe_system *system; /* set once */
    trp_mutex mutex;       /* rank: a leaf; nothing is called under it but allocation */
    struct topic **buckets;
    size_t n_buckets, n_topics; /* n_buckets: a power of two */
};

/* What one publish carries from the table to the sending. */
struct audience {
    troupe_payload *name;
    troupe_id *ids;
    uint32_t n_ids;
    troupe_id on_stack[IDS_ON_STACK];
};

/* How the sending went. */
struct outcome {
    uint32_t reached, full, gone;
    troupe_status failure; /* the first that says nothing about the subscriber */
};

troupe_status troupe_topics_new(troupe_system *system, troupe_topics **ret_topics)
{
    troupe_topics *topics = trp_alloc_zeroed(sizeof *topics);

    if (!topics)
        return TROUPE_E_NO_MEMORY;
    topics->buckets = trp_alloc_zeroed(FIRST_BUCKETS * sizeof(struct topic *));
    if (!topics->buckets) {
        trp_free(topics);
        return TROUPE_E_NO_MEMORY;
    }
    topics->n_buckets = FIRST_BUCKETS;
    topics->system = system;
    trp_mutex_init(&topics->mutex);
    *ret_topics = topics;
    return TROUPE_OK;
}

static void free_topic(struct topic *topic)
{
    troupe_payload_unref(topic->name);
    trp_free(topic->ids);
    trp_free(topic);
}

void troupe_topics_free(troupe_topics *topics)
{
    if (!topics)
        return;
    for (size_t i = 0; i < topics->n_buckets; i++) {
        while (topics->buckets[i]) {
            struct topic *topic = topics->buckets[i];

            topics->buckets[i] = topic->next;
            free_topic(topic);
        }
    }
    trp_mutex_fini(&topics->mutex);
    trp_free(topics->buckets);
    trp_free(topics);
}

/* FNV-1a: names come from the manifest, not from strangers. */
static uint64_t hash_of(troupe_bytes name)
{
    const unsigned char *bytes = name.data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Where the pointer to the topic stands, or would. */
static struct topic **find_locked(troupe_topics *topics, troupe_bytes name, uint64_t hash)
{
    struct topic **place = &topics->buckets[hash & (topics->n_buckets - 1)];

    while (*place && !((*place)->hash == hash && (*place)->size == name.size &&
                       memcmp((*place)->bytes, name.data, name.size) == 0))
        place = &(*place)->next;
    return place;
}

static void remove_topic_locked(troupe_topics *topics, struct topic **place)
{
    struct topic *topic = *place;

    *place = topic->next;
    topics->n_topics--;
    free_topic(topic);
}

/* Out of memory is no error here: the chains only get longer. */
static void spread_locked(troupe_topics *topics)
{
    size_t n = 2 * topics->n_buckets;
    struct topic **buckets = trp_alloc_zeroed(n * sizeof *buckets);

    if (!buckets)
        return;
    for (size_t i = 0; i < topics->n_buckets; i++) {
        while (topics->buckets[i]) {
            struct topic *topic = topics->buckets[i];

            topics->buckets[i] = topic->next;
            topic->next = buckets[topic->hash & (n - 1)];
            buckets[topic->hash & (n - 1)] = topic;
        }
    }
    trp_free(topics->buckets);
    topics->buckets = buckets;
    topics->n_buckets = n;
}

static struct topic *add_topic_locked(troupe_topics *topics, troupe_bytes name, uint64_t hash)
{
    struct topic *topic = trp_alloc_zeroed(sizeof *topic + name.size);
    struct topic **place;

    if (!topic)
        return NULL;
    topic->name = troupe_payload_new(name);
    topic->ids = trp_alloc(FIRST_IDS * sizeof(troupe_id));
    if (!topic->name || !topic->ids) {
        free_topic(topic);
        return NULL;
    }
    topic->capacity = FIRST_IDS;
    topic->hash = hash;
    topic->size = name.size;
    memcpy(topic->bytes, name.data, name.size);
    if (topics->n_topics >= topics->n_buckets)
        spread_locked(topics);
    place = &topics->buckets[hash & (topics->n_buckets - 1)];
    topic->next = *place;
    *place = topic;
    topics->n_topics++;
    return topic;
}

static uint32_t index_of(const struct topic *topic, troupe_id id)
{
    uint32_t i = 0;

    while (i < topic->n_ids && topic->ids[i].value != id.value)
        i++;
    return i;
}

static troupe_status add_id(struct topic *topic, troupe_id id)
{
    if (index_of(topic, id) < topic->n_ids)
        return TROUPE_OK;
    if (topic->n_ids == topic->capacity) {
        troupe_id *ids = trp_realloc(topic->ids, 2 * topic->capacity * sizeof *ids);

        if (!ids)
            return TROUPE_E_NO_MEMORY;
        topic->ids = ids;
        topic->capacity *= 2;
    }
    topic->ids[topic->n_ids++] = id;
    return TROUPE_OK;
}

/* The order of subscribers is kept: a publish reaches them in the order in which they came. */
static bool drop_id_locked(troupe_topics *topics, troupe_bytes name, uint64_t hash, troupe_id id)
{
    struct topic **place = find_locked(topics, name, hash);
    struct topic *topic = *place;
    uint32_t at;

    if (!topic)
        return false;
    at = index_of(topic, id);
    if (at == topic->n_ids)
        return false;
    memmove(&topic->ids[at], &topic->ids[at + 1], (topic->n_ids - at - 1) * sizeof(troupe_id));
    if (--topic->n_ids == 0)
        remove_topic_locked(topics, place);
    return true;
}

troupe_status troupe_subscribe(troupe_topics *topics, troupe_id id, troupe_bytes topic)
{
    uint64_t hash = hash_of(topic);
    troupe_status status = TROUPE_E_NO_MEMORY;
    struct topic *found;
    troupe_info info;

    if (topic.size == 0)
        return TROUPE_E_INVALID;
    if (troupe_info_of(topics->system, id, &info) != TROUPE_OK)
        return TROUPE_E_GONE;
    trp_mutex_lock(&topics->mutex);
    found = *find_locked(topics, topic, hash);
    if (!found)
        found = add_topic_locked(topics, topic, hash);
    if (found)
        status = add_id(found, id);
    trp_mutex_unlock(&topics->mutex);
    return status;
}

bool troupe_unsubscribe(troupe_topics *topics, troupe_id id, troupe_bytes topic)
{
    bool was;

    trp_mutex_lock(&topics->mutex);
    was = drop_id_locked(topics, topic, hash_of(topic), id);
    trp_mutex_unlock(&topics->mutex);
    return was;
}

/* ---- publish ---- */

static troupe_status gather(troupe_topics *topics, troupe_bytes name, struct audience *audience)
{
    troupe_status status = TROUPE_OK;
    struct topic *topic;

    audience->name = NULL;
    audience->ids = audience->on_stack;
    audience->n_ids = 0;
    trp_mutex_lock(&topics->mutex);
    topic = *find_locked(topics, name, hash_of(name));
    if (topic) {
        if (topic->n_ids > IDS_ON_STACK)
            audience->ids = trp_alloc(topic->n_ids * sizeof(troupe_id));
        if (audience->ids) {
            memcpy(audience->ids, topic->ids, topic->n_ids * sizeof(troupe_id));
            audience->n_ids = topic->n_ids;
            audience->name = troupe_payload_ref(topic->name);
        } else {
            status = TROUPE_E_NO_MEMORY;
        }
    }
    trp_mutex_unlock(&topics->mutex);
    return status;
}

static void dismiss(struct audience *audience)
{
    troupe_payload_unref(audience->name);
    if (audience->ids != audience->on_stack)
        trp_free(audience->ids);
}

/* The ids that were full are left in front. One that is unavailable (a pool without members) counts
 * as full: it is there, and may have room later. */
static struct outcome send_to_all(troupe_context *ctx, const struct audience *audience,
                                  troupe_payload *payload)
{
    struct outcome outcome = {.failure = TROUPE_OK};

    for (uint32_t i = 0; i < audience->n_ids; i++) {
        troupe_id id = audience->ids[i];
        troupe_status status = troupe_send_shared(ctx, id, audience->name, payload);

        if (status == TROUPE_OK)
            outcome.reached++;
        else if (status == TROUPE_E_FULL || status == TROUPE_E_UNAVAILABLE)
            audience->ids[outcome.full++] = id;
        else if (status == TROUPE_E_GONE)
            outcome.gone++;
        else if (outcome.failure == TROUPE_OK)
            outcome.failure = status;
    }
    return outcome;
}

/* Those that ended are taken out; asked again, because the copy of the ids is old by now. */
static void prune(troupe_topics *topics, troupe_bytes name)
{
    uint64_t hash = hash_of(name);
    struct audience now;
    troupe_info info;

    if (gather(topics, name, &now) == TROUPE_OK) {
        for (uint32_t i = 0; i < now.n_ids; i++) {
            if (troupe_info_of(topics->system, now.ids[i], &info) == TROUPE_OK)
                continue;
            trp_mutex_lock(&topics->mutex);
            drop_id_locked(topics, name, hash, now.ids[i]);
            trp_mutex_unlock(&topics->mutex);
        }
    }
    dismiss(&now);
}

static troupe_status account(troupe_context *ctx, const struct audience *audience,
                             const struct outcome *outcome, size_t size)
{
    if (outcome->failure != TROUPE_OK)
        return outcome->failure;
    if (outcome->reached == 0 && outcome->full > 0)
        return TROUPE_E_FULL;
    for (uint32_t i = 0; i < outcome->full; i++)
        troupe_dead_letter_add(ctx, audience->ids[i], TROUPE_DEAD_FULL, size);
    if (outcome->reached == 0)
        troupe_dead_letter_add(ctx, TROUPE_NOBODY, TROUPE_DEAD_NO_SUBSCRIBER, size);
    return TROUPE_OK;
}

troupe_status troupe_publish(troupe_context *ctx, troupe_topics *topics, troupe_bytes topic,
                             troupe_bytes payload, uint32_t *ret_reached)
{
    struct outcome outcome = {.failure = TROUPE_OK};
    struct audience audience;
    troupe_payload *shared = NULL;
    troupe_status status = gather(topics, topic, &audience);

    if (ret_reached)
        *ret_reached = 0;
    if (status != TROUPE_OK)
        return status;
    if (audience.n_ids > 0) {
        shared = troupe_payload_new(payload);
        if (shared)
            outcome = send_to_all(ctx, &audience, shared);
        else
            outcome.failure = TROUPE_E_NO_MEMORY;
        troupe_payload_unref(shared);
    }
    status = account(ctx, &audience, &outcome, payload.size);
    if (outcome.gone > 0)
        prune(topics, topic);
    dismiss(&audience);
    if (ret_reached)
        *ret_reached = outcome.reached;
    return status;
}
