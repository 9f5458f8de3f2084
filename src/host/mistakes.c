#include "mistakes.h"

#include "visible.h"

#include <stdio.h>
#include <stdlib.h>

struct trp_mistake {
    struct trp_mistake *older;
    unsigned line;
    size_t number; /* the order of noting, among those of one line */
    const char *text;
};

void trp_mistakes_note_list(trp_mistakes *mistakes, unsigned line, const char *path,
                            const char *format, va_list args)
{
    char what[1024], clean[1400], where[400], place[32] = "";
    struct trp_mistake *mistake;
    int n;

    if (++mistakes->n > TRP_MISTAKES_MAX)
        return;
    n = vsnprintf(what, sizeof(what), format, args);
    TROUPE_ASSERT(n >= 0);
    (void)trp_visible(troupe_text(what), clean, sizeof(clean));
    (void)trp_visible(troupe_text(path), where, sizeof(where));
    if (line > 0)
        (void)snprintf(place, sizeof(place), ":%u", line);
    mistake = trp_arena_alloc(mistakes->arena, sizeof(*mistake));
    mistake->line = line;
    mistake->number = mistakes->n;
    mistake->text = trp_arena_print(mistakes->arena, "%s%s: %s%s%s", mistakes->file, place, where,
                                    where[0] == '\0' ? "" : ": ", clean);
    mistake->older = mistakes->newest;
    mistakes->newest = mistake;
}

void trp_mistakes_note(trp_mistakes *mistakes, unsigned line, const char *path, const char *format,
                       ...)
{
    va_list args;

    va_start(args, format);
    trp_mistakes_note_list(mistakes, line, path, format, args);
    va_end(args);
}

static int by_line(const void *a, const void *b)
{
    const struct trp_mistake *x = *(struct trp_mistake *const *)a;
    const struct trp_mistake *y = *(struct trp_mistake *const *)b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

void trp_mistakes_say(const trp_mistakes *mistakes, troupe_say say)
{
    struct trp_mistake *sorted[TRP_MISTAKES_MAX];
    size_t n = 0;

    if (say.say == NULL)
        return;
    for (struct trp_mistake *m = mistakes->newest; m != NULL; m = m->older)
        sorted[n++] = m;
    qsort(sorted, n, sizeof(sorted[0]), by_line);
    for (size_t i = 0; i < n; i++)
        say.say(say.arg, sorted[i]->text);
    if (mistakes->n > n) {
        char more[64];

        (void)snprintf(more, sizeof(more), "... and %zu more mistakes", mistakes->n - n);
        say.say(say.arg, more);
    }
}
