/* subject.c - tokens and wildcards, as NATS writes them: `*` is any one token, `>` all that follow, at least one. */
#include "subject.h"

#include "troupe/kit.h"

#include <string.h>

troupe_bytes trp_subject_token(troupe_bytes *rest)
{
    const char *dot = rest->size ? memchr(rest->data, '.', rest->size) : NULL;
    troupe_bytes token = {rest->data, rest->size};

    if (!dot) {
        *rest = (troupe_bytes){NULL, 0};
        return token;
    }
    token.size = (size_t)(dot - (const char *)rest->data);
    *rest = (troupe_bytes){dot + 1, rest->size - token.size - 1};
    return token;
}

bool trp_token_is(troupe_bytes token, char wildcard)
{
    return token.size == 1 && *(const char *)token.data == wildcard;
}

static bool has_wildcard(troupe_bytes token)
{
    return memchr(token.data, '*', token.size) || memchr(token.data, '>', token.size);
}

const char *trp_subject_fault(troupe_bytes subject, bool pattern)
{
    troupe_bytes rest = subject;

    if (subject.size == 0)
        return "it is empty; name a topic";
    if (subject.size > TROUPE_TOPIC_MAX)
        return "it is longer than 255 bytes; shorten it";
    while (rest.data) {
        troupe_bytes token = trp_subject_token(&rest);

        if (token.size == 0)
            return "a word between its dots is empty; write a.b, not a..b, .a or a.";
        if (!has_wildcard(token))
            continue;
        if (!pattern)
            return "* and > are for subscribing; a message has one topic, without them";
        if (token.size > 1)
            return "* and > stand for whole words; write orders.* or orders.>";
        if (trp_token_is(token, '>') && rest.data)
            return "> stands for all that follows; nothing may come behind it";
    }
    return NULL;
}

troupe_status troupe_topic_check(troupe_bytes pattern, troupe_error *error)
{
    const char *fault = trp_subject_fault(pattern, true);

    return fault ? troupe_error_set(error, TROUPE_E_INVALID, "%s", fault) : TROUPE_OK;
}

bool troupe_topic_matches(troupe_bytes pattern, troupe_bytes topic)
{
    if (trp_subject_fault(pattern, true) || trp_subject_fault(topic, false))
        return false;
    while (pattern.data && topic.data) {
        troupe_bytes wanted = trp_subject_token(&pattern);
        troupe_bytes token = trp_subject_token(&topic);

        if (trp_token_is(wanted, '>'))
            return true;
        if (!trp_token_is(wanted, '*') &&
            (wanted.size != token.size || memcmp(wanted.data, token.data, token.size) != 0))
            return false;
    }
    return !pattern.data && !topic.data;
}
