/* grants.h - what a guest may do, and the line of the manifest that is missing when it may not. */
#ifndef TRP_GRANTS_H
#define TRP_GRANTS_H

#include "signatures.h"

#include "troupe/component.h"

/* trp_grants_copy - a deep copy; false: memory is out, nothing is left. trp_grants_clear gives it back. */
bool trp_grants_copy(const troupe_grants *from, troupe_grants *ret_to);
void trp_grants_clear(troupe_grants *grants);

/* trp_grants_any - whether anything of this kind is granted at all. */
bool trp_grants_any(const troupe_grants *grants, trp_need need);

/* trp_grants_match - whether text is one of the patterns: equal, or with the prefix before a '*' at the end. */
bool trp_grants_match(const char *const *patterns, size_t n, troupe_bytes text);

/* trp_grants_line - what to write in the manifest; subject NULL: a placeholder stands in its place. */
void trp_grants_line(trp_need need, const troupe_bytes *subject, char *line, size_t size);

#endif
