/* topics.c - who wants to hear what: a tree from patterns to ids, under a lock that publishers share.
 *
 * Who: any thread subscribes and publishes. Publishers read the tree beside each other, and hold the lock to copy ids,
 *      never while sending, so that a subscriber that blocks its sender blocks nobody else. Who subscribes, or takes
 *      out those that ended, is alone with the tree.
 * Invariant: the ids that a publisher copied may be old when it sends. A send to one that ended says so; one that
 *      unsubscribed meanwhile may get one more message. If broken: a lock over sends, and circles of them.
 */
#include "subject.h"
#include "topic_tree.h"

#include "trp/os.h"

struct troupe_topics {
    troupe_system *system; /* set once, both */
    uint32_t process;      /* in a forked child the lock may be held for ever */
    trp_rwlock lock;       /* rank: a leaf; nothing is called under it but allocation */
    trp_topic_tree tree;
};

troupe_status troupe_topics_new(troupe_system *system, troupe_topics **ret_topics)
{
    trp_hash_key key = trp_hash_key_from(troupe_random(system), troupe_random(system));
    troupe_topics *topics = trp_alloc_zeroed(sizeof *topics);

    if (!topics || !trp_tree_init(&topics->tree, key)) {
        trp_free(topics);
        return TROUPE_E_NO_MEMORY;
    }
    topics->system = system;
    topics->process = trp_process();
    trp_rwlock_init(&topics->lock);
    *ret_topics = topics;
    return TROUPE_OK;
}

void troupe_topics_free(troupe_topics *topics)
{
    if (!topics)
        return;
    trp_tree_fini(&topics->tree);
    trp_rwlock_fini(&topics->lock);
    trp_free(topics);
}

static bool has_ended(void *system, troupe_id id)
{
    troupe_info info;

    return troupe_info_of(system, id, &info) != TROUPE_OK;
}

troupe_status troupe_subscribe(troupe_topics *topics, troupe_id id, troupe_bytes pattern)
{
    troupe_status status;

    if (trp_subject_fault(pattern, true))
        return TROUPE_E_INVALID;
    if (trp_process() != topics->process)
        return TROUPE_E_FORKED;
    if (has_ended(topics->system, id))
        return TROUPE_E_GONE;
    trp_rwlock_write(&topics->lock);
    trp_tree_sweep(&topics->tree, has_ended, topics->system);
    status = trp_tree_add(&topics->tree, pattern, id);
    trp_rwlock_unlock(&topics->lock);
    return status;
}

bool troupe_unsubscribe(troupe_topics *topics, troupe_id id, troupe_bytes pattern)
{
    bool was;

    if (trp_subject_fault(pattern, true) || trp_process() != topics->process)
        return false;
    trp_rwlock_write(&topics->lock);
    was = trp_tree_drop(&topics->tree, pattern, id);
    trp_rwlock_unlock(&topics->lock);
    return was;
}

/* Outside of the lock: the topic's name, where only patterns with wildcards match it. */
static troupe_status gather(troupe_topics *topics, troupe_bytes topic, trp_audience *audience)
{
    bool complete;

    trp_rwlock_read(&topics->lock);
    complete = trp_tree_collect(&topics->tree, topic, audience);
    trp_rwlock_unlock(&topics->lock);
    if (complete && audience->n > 0 && !audience->topic)
        complete = (audience->topic = troupe_payload_new(topic)) != NULL;
    return complete ? TROUPE_OK : TROUPE_E_NO_MEMORY;
}

/* Asked again under the lock, because the copy of the ids is old by now. */
static void forget_ended(troupe_topics *topics, troupe_bytes topic)
{
    trp_rwlock_write(&topics->lock);
    trp_tree_prune(&topics->tree, topic, has_ended, topics->system);
    trp_rwlock_unlock(&topics->lock);
}

static troupe_status publish(troupe_context *ctx, troupe_topics *topics, troupe_bytes topic,
                             troupe_bytes payload, uint32_t *ret_reached)
{
    trp_audience audience;
    troupe_status status;
    bool gone = false;

    if (trp_process() != topics->process)
        return TROUPE_E_FORKED;
    trp_audience_init(&audience);
    status = gather(topics, topic, &audience);
    if (status == TROUPE_OK)
        status = trp_audience_tell(&audience, ctx, payload, ret_reached, &gone);
    trp_audience_fini(&audience);
    if (gone)
        forget_ended(topics, topic);
    return status;
}

troupe_status troupe_publish(troupe_context *ctx, troupe_topics *topics, troupe_bytes topic,
                             troupe_bytes payload, uint32_t *ret_reached)
{
    troupe_status status = trp_subject_fault(topic, false) ? TROUPE_E_INVALID : TROUPE_OK;
    uint32_t reached = 0;

    if (status == TROUPE_OK)
        status = publish(ctx, topics, topic, payload, &reached);
    if (status == TROUPE_OK && reached == 0)
        troupe_dead_letter_add(ctx, TROUPE_NOBODY, TROUPE_DEAD_NO_SUBSCRIBER, payload.size);
    if (ret_reached)
        *ret_reached = reached;
    return status;
}

void trp_topics_tell(troupe_topics *topics, troupe_context *ctx, troupe_bytes topic,
                     troupe_bytes payload)
{
    uint32_t reached = 0;

    (void)publish(ctx, topics, topic, payload,
                  &reached); /* nobody has to listen, or to have room */
}
