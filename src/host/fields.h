/* fields.h - typed reading of the tree: each notes what is wrong and says false (or NULL). One thread. */
#ifndef TRP_HOST_FIELDS_H
#define TRP_HOST_FIELDS_H

#include "yaml_tree.h"

/* trp_field_keys - node is a map, and each of its keys is one of known (ended by NULL). False: it is no map.
 * A strange key is noted, with the one that was probably meant; it is no reason to stop. */
bool trp_field_keys(trp_mistakes *mistakes, const trp_yaml *node, const char *const *known);

/* trp_field_list - node is a list with something in it. */
bool trp_field_list(trp_mistakes *mistakes, const trp_yaml *node);

/* trp_field_text - one word or text, not empty, without a zero byte. */
const char *trp_field_text(trp_mistakes *mistakes, const trp_yaml *node);

/* trp_field_name - a text that may be a name: letters, digits, - _ . and at most TROUPE_NAME_MAX bytes, the
 * members' "-1024" of a pool included. */
const char *trp_field_name(trp_mistakes *mistakes, const trp_yaml *node);

/* trp_field_choice - one of words (ended by NULL); *ret_index is its place. */
bool trp_field_choice(trp_mistakes *mistakes, const trp_yaml *node, const char *const *words,
                      unsigned *ret_index);

/* Numbers. Zero is a mistake, and so is what lies outside least to most. */
bool trp_field_count(trp_mistakes *mistakes, const trp_yaml *node, uint64_t least, uint64_t most,
                     uint64_t *ret_count);
bool trp_field_duration(trp_mistakes *mistakes, const trp_yaml *node, uint64_t *ret_ns);
bool trp_field_size(trp_mistakes *mistakes, const trp_yaml *node, uint64_t *ret_bytes);
bool trp_field_rate(trp_mistakes *mistakes, const trp_yaml *node, uint64_t *ret_bytes);

/* trp_is_one_of - word is one of words (ended by NULL). */
bool trp_is_one_of(const char *word, const char *const *words);

/* trp_field_unknown - note that word at node is none of words, or not in this version yet. what: "no grant". */
void trp_field_unknown(trp_mistakes *mistakes, const trp_yaml *node, bool at_key, const char *word,
                       const char *what, const char *const *words);

#endif
