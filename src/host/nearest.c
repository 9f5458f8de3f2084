#include "troupe/host.h"

#include <string.h>

#define WORD_MAX 63

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters must be added, taken, changed, or swapped with their neighbour. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned rows[3][WORD_MAX + 1];

    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned change = above[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = least(change, 1 + least(above[j], row[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

const char *troupe_nearest(const char *word, const char *const *words)
{
    size_t n = strlen(word);
    unsigned best = n <= 3 ? 2 : n <= 7 ? 3 : 4; /* one less is still near */
    const char *nearest = NULL;

    for (; n <= WORD_MAX && *words != NULL; words++) {
        size_t n_other = strlen(*words);
        unsigned d = n_other > WORD_MAX ? best : distance(word, n, *words, n_other);

        if (d < best && d < n_other) {
            best = d;
            nearest = *words;
        }
    }
    return nearest;
}
