/* trp/hash.h - a keyed hash of bytes, for tables whose keys strangers may choose.
 *
 * Multiply and fold (Wang Yi's wyhash has made it known), eight bytes a step. Both factors of every product hold a
 * secret, so that nobody who does not know the key can choose bytes that collide; it is no code for secrets.
 */
#ifndef TRP_HASH_H
#define TRP_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Set once, from random bits: trp_hash_key_from. */
typedef struct trp_hash_key {
    uint64_t start, factor;
} trp_hash_key;

/* trp_hash_key_from - a key of 128 random bits. Any thread. Errors: none. */
static inline trp_hash_key trp_hash_key_from(uint64_t a, uint64_t b)
{
    return (trp_hash_key){.start = a, .factor = b | 1}; /* 0 would fold everything to 0 */
}

static inline uint64_t trp_hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* trp_hash - all 64 bits are good: take as many as the table needs, from either end. data may be NULL when size is 0.
 * Owns: key and data are lent. Threads: any. Errors: none.
 */
static inline uint64_t trp_hash(const trp_hash_key *key, const void *data, size_t size)
{
    const unsigned char *at = data;
    uint64_t hash = key->start ^ size, word;

    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = trp_hash_fold(hash ^ word, key->factor);
    }
    word = 0;
    if (size)
        memcpy(&word, at, size);
    return trp_hash_fold(hash ^ word, key->factor ^ key->start);
}

#endif
