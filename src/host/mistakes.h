/* mistakes.h - every mistake of a manifest, collected and then said in the order of their lines. One thread. */
#ifndef TRP_HOST_MISTAKES_H
#define TRP_HOST_MISTAKES_H

#include "arena.h"
#include "troupe/host.h"

#include <stdarg.h>

#define TRP_MISTAKES_MAX 100 /* that many are said, the others counted */

struct trp_mistake;

typedef struct trp_mistakes {
    trp_arena *arena;
    const char *file; /* as the user wrote it */
    struct trp_mistake *newest;
    size_t n; /* noted, the ones that are only counted too */
} trp_mistakes;

/* trp_mistakes_note - line 0: about the whole file. path "": about the root. Control characters of what
 * was quoted from the file are made visible. */
void trp_mistakes_note(trp_mistakes *mistakes, unsigned line, const char *path, const char *format,
                       ...) TROUPE_PRINTF(4, 5);
void trp_mistakes_note_list(trp_mistakes *mistakes, unsigned line, const char *path,
                            const char *format, va_list args) TROUPE_PRINTF(4, 0);

/* trp_mistakes_say - say all, by line. */
void trp_mistakes_say(const trp_mistakes *mistakes, troupe_say say);

#endif
