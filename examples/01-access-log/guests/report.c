/* report.c: adds up the hits by path and prints a table when it is asked to stop.
 *
 * `config: {top: N}` says how many paths the table shows (10 unless told, at most 1000). Order:
 * most requests first, equal ones by the bytes of their path. Nothing in it depends on the order in
 * which hits arrive, unless there are more paths than memory: what came after that is `(other)`. */
#define TG_ARENA_BYTES 131072 /* the largest message, and something to spare */
#include "hit.h"
#include "troupe_guest.h"

#define MOST_TOP 1000
#define FIRST_SLOTS 1024u
#define SHOWN_PATH 120 /* a longer path is shown cut */

struct row {
    uint64_t requests, errors, bytes, max_bytes;
    uint32_t hash;
    uint32_t path_len;
    uint8_t path[];
};

static uint64_t n_lines, n_malformed, n_bytes;
static struct row **slots; /* open addressing, never more than three quarters full */
static uint32_t n_slots, n_rows;
static struct row other; /* hits on paths that found no room */
static struct row **best;
static uint32_t top = 10;

/* ---- adding up ------------------------------------------------------------------------------- */

static uint32_t hash_of(tg_bytes path)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < path.len; i++)
        hash = (hash ^ path.data[i]) * 16777619u;
    return hash;
}

/* The slot in which the path is, or the empty one where it belongs. */
static struct row **find(struct row **in, uint32_t n, tg_bytes path, uint32_t hash)
{
    uint32_t at = hash & (n - 1);
    while (in[at]) {
        const struct row *row = in[at];
        if (row->hash == hash && tg_equal((tg_bytes){row->path, row->path_len}, path))
            break;
        at = (at + 1) & (n - 1);
    }
    return &in[at];
}

/* Twice the slots. The old ones stay behind unused: memory is only ever added. */
static bool grow(void)
{
    uint32_t n = n_slots * 2;
    struct row **fresh = tg_keep(n * sizeof(struct row *));
    if (!fresh)
        return false;
    for (uint32_t i = 0; i < n_slots; i++) {
        struct row *row = slots[i];
        if (row)
            *find(fresh, n, (tg_bytes){row->path, row->path_len}, row->hash) = row;
    }
    slots = fresh;
    n_slots = n;
    return true;
}

static struct row *row_for(tg_bytes path)
{
    uint32_t hash = hash_of(path);
    struct row **slot = find(slots, n_slots, path, hash);
    if (*slot)
        return *slot;
    if (n_rows >= n_slots / 4 * 3) {
        if (!grow())
            return &other;
        slot = find(slots, n_slots, path, hash);
    }
    struct row *row = tg_keep(sizeof *row + path.len);
    if (!row)
        return &other;
    row->hash = hash;
    row->path_len = (uint32_t)path.len;
    tg_copy(row->path, path.data, path.len);
    n_rows++;
    return *slot = row;
}

static tg_answer on_hit(const tg_message *message)
{
    struct hit hit;
    if (message->payload.len < sizeof hit)
        return tg_fail(TG_INVALID, TG_TEXT("not a hit"));
    tg_copy(&hit, message->payload.data, sizeof hit);

    n_lines++;
    if (hit.malformed) {
        n_malformed++;
        return tg_none();
    }
    n_bytes += hit.bytes;
    struct row *row =
        row_for((tg_bytes){message->payload.data + sizeof hit, message->payload.len - sizeof hit});
    row->requests++;
    row->errors += hit.status >= 400;
    row->bytes += hit.bytes;
    if (hit.bytes > row->max_bytes)
        row->max_bytes = hit.bytes;
    return tg_none();
}

/* ---- the report ------------------------------------------------------------------------------ */

static uint8_t out[4096];
static size_t out_len;

static void flush(void)
{
    if (tg_print((tg_bytes){out, out_len}, NULL) != TG_OK)
        tg_log(TG_ERROR, TG_TEXT("the report could not be printed"));
    out_len = 0;
}

static void put(tg_bytes text)
{
    tg_copy(out + out_len, text.data, text.len);
    out_len += text.len;
}

static void put_spaces(size_t n)
{
    while (n--)
        out[out_len++] = ' ';
}

static void put_right(tg_bytes text, size_t width)
{
    put_spaces(1 + (text.len < width ? width - text.len : 0));
    put(text);
}

static void put_number(uint64_t number, size_t width)
{
    uint8_t digits[20];
    put_right(tg_text_from_u64(number, digits), width);
}

static void put_count(uint64_t number, tg_bytes what)
{
    uint8_t digits[20];
    put(tg_text_from_u64(number, digits));
    put(what);
}

/* Control characters are shown as `?`: a log's client must not write to a terminal. */
static void put_path(tg_bytes path)
{
    bool cut = path.len > SHOWN_PATH;
    size_t len = cut ? SHOWN_PATH - 3 : path.len;
    for (size_t i = 0; i < len; i++)
        out[out_len++] = path.data[i] < 32 || path.data[i] == 127 ? '?' : path.data[i];
    if (cut)
        put(TG_TEXT("..."));
    if (path.len < 40)
        put_spaces(40 - path.len);
}

static void put_row(tg_bytes path, const struct row *row)
{
    if (out_len + SHOWN_PATH + 100 > sizeof out)
        flush();
    put_path(path);
    put_number(row->requests, 10);
    put_number(row->errors, 8);
    put_number(row->bytes, 14);
    put_number(row->max_bytes, 12);
    put(TG_TEXT("\n"));
}

static bool stands_before(const struct row *a, const struct row *b)
{
    if (a->requests != b->requests)
        return a->requests > b->requests;
    uint32_t len = a->path_len < b->path_len ? a->path_len : b->path_len;
    for (uint32_t i = 0; i < len; i++)
        if (a->path[i] != b->path[i])
            return a->path[i] < b->path[i];
    return a->path_len < b->path_len;
}

/* Fills `best`, in order, and says how many there are. */
static uint32_t choose_best(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_slots; i++) {
        struct row *row = slots[i];
        if (!row || (n == top && (n == 0 || !stands_before(row, best[n - 1]))))
            continue;
        uint32_t at = n < top ? n++ : n - 1;
        for (; at > 0 && stands_before(row, best[at - 1]); at--)
            best[at] = best[at - 1];
        best[at] = row;
    }
    return n;
}

static void print_report(tg_stop_reason reason, uint64_t grace_ms)
{
    (void)reason;
    (void)grace_ms;
    put_count(n_lines, TG_TEXT(" lines, "));
    put_count(n_malformed, TG_TEXT(" malformed, "));
    put_count(n_bytes, TG_TEXT(" bytes, "));
    put_count(n_rows, TG_TEXT(" paths\n\n"));

    put_path(TG_TEXT("path"));
    put_right(TG_TEXT("requests"), 10);
    put_right(TG_TEXT("errors"), 8);
    put_right(TG_TEXT("bytes"), 14);
    put_right(TG_TEXT("max bytes"), 12);
    put(TG_TEXT("\n"));

    uint32_t n = choose_best();
    for (uint32_t i = 0; i < n; i++)
        put_row((tg_bytes){best[i]->path, best[i]->path_len}, best[i]);
    if (other.requests)
        put_row(TG_TEXT("(other)"), &other);
    flush();
}

/* ---- start ----------------------------------------------------------------------------------- */

/* Reads N out of {"top":N}: so little of JSON is enough here. False when it is no number up to
 * MOST_TOP. */
static bool read_top(tg_bytes settings, uint32_t *ret_top)
{
    static const char key[] = "\"top\"";
    const size_t key_len = sizeof key - 1;
    size_t at = 0;
    while (at + key_len <= settings.len &&
           !tg_equal((tg_bytes){settings.data + at, key_len}, TG_TEXT("\"top\"")))
        at++;
    if (at + key_len > settings.len)
        return true;

    for (at += key_len; at < settings.len; at++)
        if (settings.data[at] != ' ' && settings.data[at] != ':')
            break;
    uint32_t number = 0;
    size_t n_digits = 0;
    for (; at < settings.len && settings.data[at] >= '0' && settings.data[at] <= '9'; at++) {
        number = number * 10 + (uint32_t)(settings.data[at] - '0');
        if (++n_digits > 4)
            return false;
    }
    *ret_top = number;
    return n_digits > 0 && number <= MOST_TOP;
}

/* Takes all that the report itself will need, so that a full memory cannot prevent it. */
static tg_answer pre_start(const tg_config *config)
{
    if (!read_top(config->settings, &top))
        return tg_fail(TG_FAILED, TG_TEXT("config: top must be a number from 0 to 1000"));
    n_slots = FIRST_SLOTS;
    slots = tg_keep(n_slots * sizeof(struct row *));
    best = tg_keep((top + 1) * sizeof(struct row *));
    if (!slots || !best)
        return tg_fail(TG_FAILED, TG_TEXT("limits: memory is too small"));
    return tg_none();
}

TG_ACTOR(.handle_message = on_hit)
TG_LIFECYCLE(.pre_start = pre_start, .pre_stop = print_report)
