/* names.h - the table from names to ids, and the records it leads to.
 *
 * A record holds one name and the id that has it. Records and tables are memory that stays what it is until the system
 * is freed: a reader may look at one that has just been given to another name, and finds out.
 */
#ifndef TRP_ACTOR_NAMES_H
#define TRP_ACTOR_NAMES_H

#include "troupe/actor.h"
#include "trp/atomic.h"
#include "trp/hash.h"
#include "trp/os.h"

#define TRP_NAME_WORDS ((TROUPE_NAME_MAX + 1) / 8)
#define TRP_NAME_SHORT 6u /* words: with the head, one cache line */

typedef struct trp_name {
    _Atomic uint64_t holder;   /* the id that has it; 0: the record is free. No id comes twice */
    _Atomic uint32_t findable; /* its start succeeded */
    uint32_t room;             /* words; set once */
    _Atomic uint64_t words[];  /* the name with its zero, padded by zeros */
} trp_name;

typedef struct trp_name_slot {
    _Atomic uint64_t hash;
    _Atomic(trp_name *) name; /* NULL: never used since the last rebuild, a search ends here */
} trp_name_slot;

typedef struct trp_name_table {
    struct trp_name_table *next; /* under names_lock: every table ever made */
    size_t n;                    /* a power of two */
    trp_name_slot slots[];
} trp_name_table;

typedef struct trp_name_chunk {
    struct trp_name_chunk *next; /* set once */
    unsigned char records[] TRP_ALIGN_LINE;
} trp_name_chunk;

/* Records of one size. A free one keeps the next free one in its first word. */
typedef struct trp_name_shelf {
    _Atomic(trp_name_chunk *) chunks; /* readers; newest first */
    trp_name *free_first;             /* under names_lock */
    uint32_t room;                    /* words of a record; set once */
} trp_name_shelf;

typedef struct trp_names {
    /* readers */
    trp_hash_key key TRP_ALIGN_LINE; /* set once */
    _Atomic uint64_t generation;     /* of the tables: a rebuild has begun */
    _Atomic(trp_name_table *) table; /* NULL: no name yet */

    /* under names_lock */
    trp_name_table *tables TRP_ALIGN_LINE;
    trp_name_table *spare;     /* as large as the one in use; NULL: none */
    size_t n_live, n_used;     /* names; slots that are not NULL */
    trp_name_shelf shelves[2]; /* short ones, long ones */
} trp_names;

/* A name as the table compares it. */
typedef struct trp_name_key {
    uint64_t words[TRP_NAME_WORDS];
    uint32_t n_words;
    uint64_t hash;
} trp_name_key;

#define TRP_NAMES_IN_CHUNK 64u

static inline size_t trp_name_stride(const trp_name_shelf *shelf)
{
    return sizeof(trp_name) + shelf->room * sizeof(uint64_t);
}

/* False: too long for a name. */
bool trp_name_key_make(const trp_names *names, const char *name, trp_name_key *ret_key);

/* name_table.c. _locked: under names_lock. */
void trp_names_init(trp_names *names, trp_hash_key key);
void trp_names_fini(trp_names *names);
uint64_t trp_names_find(trp_names *names,
                        const trp_name_key *key); /* 0: not to be found. Any thread */
trp_name *trp_names_holding_locked(trp_names *names,
                                   const trp_name_key *key); /* findable or not; NULL */
/* NULL: memory is out. The name must not be held. */
trp_name *trp_names_add_locked(trp_names *names, const trp_name_key *key, uint64_t id);
void trp_names_remove_locked(trp_names *names, trp_name *name);
/* The name of a record that id still holds, into TROUPE_NAME_MAX + 1 bytes. Any thread. False: it does no more, and the bytes mean nothing. */
bool trp_name_copy(const trp_name *name, uint64_t id, char *buffer);

#endif
