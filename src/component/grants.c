#include "grants.h"

#include "trp/os.h"

#include <stdio.h>
#include <string.h>

bool troupe_topic_reserved(troupe_bytes topic)
{
    static const char prefix[] = "troupe.";

    return topic.size >= sizeof prefix - 1 && memcmp(topic.data, prefix, sizeof prefix - 1) == 0;
}

static void free_patterns(const char *const *patterns, size_t n)
{
    for (size_t i = 0; patterns && i < n; i++)
        trp_free((char *)patterns[i]);
    trp_free((void *)patterns);
}

static bool copy_patterns(const char *const *from, size_t n, const char *const **ret_to)
{
    char **to = trp_alloc_zeroed(sizeof(*to) * (n + 1));

    if (!to)
        return false;
    for (size_t i = 0; i < n; i++) {
        to[i] = trp_strdup(from[i]);
        if (!to[i]) {
            free_patterns((const char *const *)to, i);
            return false;
        }
    }
    *ret_to = (const char *const *)to;
    return true;
}

bool trp_grants_copy(const troupe_grants *from, troupe_grants *ret_to)
{
    troupe_grants to = *from;

    if (!copy_patterns(from->send, from->n_send, &to.send))
        return false;
    if (!copy_patterns(from->publish, from->n_publish, &to.publish)) {
        free_patterns(to.send, to.n_send);
        return false;
    }
    *ret_to = to;
    return true;
}

void trp_grants_clear(troupe_grants *grants)
{
    free_patterns(grants->send, grants->n_send);
    free_patterns(grants->publish, grants->n_publish);
    *grants = (troupe_grants){0};
}

bool trp_grants_any(const troupe_grants *grants, trp_need need)
{
    switch (need) {
    case TRP_NEED_NOTHING:
        return true;
    case TRP_NEED_SEND:
        return grants->n_send > 0;
    case TRP_NEED_PUBLISH:
        return grants->n_publish > 0;
    case TRP_NEED_STDOUT:
        return grants->print;
    case TRP_NEED_CLOCK:
        return grants->clock;
    case TRP_NEED_RANDOM:
        return grants->random;
    }
    return false;
}

bool trp_grants_match(const char *const *patterns, size_t n, troupe_bytes text)
{
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(patterns[i]);
        bool prefix = size > 0 && patterns[i][size - 1] == '*';

        if (prefix)
            size--;
        if ((prefix ? text.size >= size : text.size == size) &&
            (size == 0 || memcmp(text.data, patterns[i], size) == 0))
            return true;
    }
    return false;
}

void trp_grants_line(trp_need need, const troupe_bytes *subject, char *line, size_t size)
{
    static const char *const words[] = {
        [TRP_NEED_NOTHING] = "",      [TRP_NEED_SEND] = "send",   [TRP_NEED_PUBLISH] = "publish",
        [TRP_NEED_STDOUT] = "stdout", [TRP_NEED_CLOCK] = "clock", [TRP_NEED_RANDOM] = "random",
    };
    const char *placeholder = need == TRP_NEED_SEND ? "NAME" : "TOPIC";

    if (need != TRP_NEED_SEND && need != TRP_NEED_PUBLISH)
        (void)snprintf(line, size, "grants: [%s]", words[need]);
    else if (!subject)
        (void)snprintf(line, size, "grants: [%s: [%s]]", words[need], placeholder);
    else
        (void)snprintf(line, size, "grants: [%s: [%.*s]]", words[need],
                       (int)(subject->size < 128 ? subject->size : 128),
                       (const char *)subject->data);
}
