/* topic_tree.h - patterns to listeners: one node for each token, children through one hash table.
 *
 * No lock of its own: topics.c holds one around each call; trp_tree_collect only reads.
 */
#ifndef TRP_KIT_TOPIC_TREE_H
#define TRP_KIT_TOPIC_TREE_H

#include "audience.h"

#include "trp/hash.h"

typedef struct trp_topic trp_topic;

typedef struct trp_topic_tree {
    trp_hash_key key; /* set once */
    trp_topic *root;
    trp_topic **buckets;         /* every node but the root, by parent and token */
    size_t n_buckets, n_topics;  /* n_buckets: a power of two */
    uint64_t n_subscribed;       /* ever: the next listener's `since` */
    size_t n_listeners, n_swept; /* now; when trp_tree_sweep was through */
} trp_topic_tree;

bool trp_tree_init(trp_topic_tree *tree, trp_hash_key key); /* false: memory is out */
void trp_tree_fini(trp_topic_tree *tree);

/* pattern has no fault. Adding twice is adding once. Out of memory: TROUPE_E_NO_MEMORY, and nothing changed. */
troupe_status trp_tree_add(trp_topic_tree *tree, troupe_bytes pattern, troupe_id id);
bool trp_tree_drop(trp_topic_tree *tree, troupe_bytes pattern, troupe_id id);

/* Everybody whose pattern matches, once; and the topic's name as a payload where the tree has it. Reads only. */
bool trp_tree_collect(const trp_topic_tree *tree, troupe_bytes topic, trp_audience *audience);

/* Listeners to this topic, by any pattern, of whom is_gone says so, are dropped. */
void trp_tree_prune(trp_topic_tree *tree, troupe_bytes topic,
                    bool (*is_gone)(void *arg, troupe_id id), void *arg);

/* The same in all of the tree, for topics that nobody publishes to. Does nothing until there are twice as many listeners
 * as it last left, so that it costs each subscription O(1). */
void trp_tree_sweep(trp_topic_tree *tree, bool (*is_gone)(void *arg, troupe_id id), void *arg);

#endif
