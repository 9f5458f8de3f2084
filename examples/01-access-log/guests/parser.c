/* parser.c: one message is one line of an access log in the combined format:
 *
 *     host ident user [time] "request" status bytes "referer" "agent"
 *
 * It becomes one hit on the topic `hits`. Inside quotes a backslash takes the next byte with it. A
 * user may contain spaces, fields may follow behind the agent, the line may end with \r. A request
 * need not make sense: its path is its second word up to a `?`, or `-` when that is empty. A line
 * in any other form is published as malformed, so that it is counted too. */
#include "hit.h"
#include "troupe_guest.h"

#define MOST_DIGITS 15 /* of a byte count: so many lie well inside an awk's numbers, too */

struct scan {
    const uint8_t *at, *end;
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool take(struct scan *scan, uint8_t byte)
{
    if (scan->at == scan->end || *scan->at != byte)
        return false;
    scan->at++;
    return true;
}

/* Goes behind the next `byte`. */
static bool skip_past(struct scan *scan, uint8_t byte)
{
    while (scan->at < scan->end)
        if (*scan->at++ == byte)
            return true;
    return false;
}

/* What stands in quotes, with its backslashes. */
static bool take_quoted(struct scan *scan, tg_bytes *ret_text)
{
    const uint8_t *end = scan->end;
    if (!take(scan, '"'))
        return false;
    const uint8_t *start = scan->at;
    for (const uint8_t *at = start; at < end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            *ret_text = (tg_bytes){start, (size_t)(at - start)};
            scan->at = at + 1;
            return true;
        }
    }
    return false;
}

/* THE BUG, left in on purpose: its author was sure that no server answers with 600 or more. Some
 * answer 999. Line 7312 of the example's log has one, and kills the parser that gets it. */
static __attribute__((noinline)) bool parse_status(struct scan *scan, uint32_t *ret_status)
{
    if (scan->end - scan->at < 3)
        return false;
    uint32_t status = 0;
    for (int i = 0; i < 3; i++) {
        if (!is_digit(*scan->at))
            return false;
        status = status * 10 + (uint32_t)(*scan->at++ - '0');
    }
    if (status >= 600)
        __builtin_trap();
    *ret_status = status;
    return true;
}

static bool parse_bytes(struct scan *scan, uint64_t *ret_bytes)
{
    *ret_bytes = 0;
    if (take(scan, '-'))
        return true;
    const uint8_t *start = scan->at;
    while (scan->at < scan->end && is_digit(*scan->at))
        *ret_bytes = *ret_bytes * 10 + (uint64_t)(*scan->at++ - '0');
    return scan->at > start && scan->at - start <= MOST_DIGITS;
}

static tg_bytes path_of(tg_bytes request)
{
    struct scan scan = {request.data, request.data + request.len};
    const uint8_t *start = skip_past(&scan, ' ') ? scan.at : scan.end;
    while (scan.at < scan.end && *scan.at != ' ' && *scan.at != '?')
        scan.at++;
    return scan.at > start ? (tg_bytes){start, (size_t)(scan.at - start)} : TG_TEXT("-");
}

static bool parse_line(tg_bytes line, struct hit *ret_hit, tg_bytes *ret_path)
{
    struct scan scan = {line.data, line.data + line.len};
    tg_bytes request, referer, agent;

    if (line.len && scan.end[-1] == '\r')
        scan.end--;
    bool has_host = scan.at < scan.end && *scan.at != ' ' && skip_past(&scan, ' ');
    if (!has_host || !skip_past(&scan, '[') || !skip_past(&scan, ']'))
        return false;
    if (!take(&scan, ' ') || !take_quoted(&scan, &request))
        return false;
    if (!take(&scan, ' ') || !parse_status(&scan, &ret_hit->status))
        return false;
    if (!take(&scan, ' ') || !parse_bytes(&scan, &ret_hit->bytes))
        return false;
    if (!take(&scan, ' ') || !take_quoted(&scan, &referer))
        return false;
    if (!take(&scan, ' ') || !take_quoted(&scan, &agent))
        return false;
    if (scan.at < scan.end && *scan.at != ' ')
        return false;
    *ret_path = path_of(request);
    return true;
}

/* An error goes back to the host, which counts and logs it: a hit that could not be published is
 * not lost in silence. */
static tg_answer publish(tg_bytes record)
{
    tg_error error;
    tg_code code = tg_publish(TG_TEXT("hits"), record, NULL, &error);
    if (code == TG_OK)
        return tg_none();
    bool has_text = code == TG_DENIED || code == TG_QUOTA || code == TG_INVALID;
    return tg_fail(code, has_text ? error.text : (tg_bytes){NULL, 0});
}

static tg_answer on_line(const tg_message *message)
{
    struct hit hit = {0, 0, 0};
    tg_bytes path = {NULL, 0};
    if (!parse_line(message->payload, &hit, &path))
        hit = (struct hit){.malformed = 1};

    uint8_t *record = tg_scratch(sizeof hit + path.len);
    tg_copy(record, &hit, sizeof hit);
    tg_copy(record + sizeof hit, path.data, path.len);
    return publish((tg_bytes){record, sizeof hit + path.len});
}

TG_ACTOR(.handle_message = on_line)
