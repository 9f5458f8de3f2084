/* make_log.c: writes an access log in the combined format.
 *
 *     cc -O2 -o make_log make_log.c && ./make_log LINES SEED > access.log
 *
 * The same numbers give the same bytes on every machine; a longer log begins with the shorter one.
 * access.log is `./make_log 10000 1`. Every 97th line is odd, in one of the ways of odd_line().
 * Line 7312, if there are so many, has the status 999: the one that the parser's bug does not
 * survive. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CRASH_LINE 7312
#define ODD_EVERY 97

struct request {
    const char *client, *user, *method, *target, *version, *status, *size, *referer, *agent;
};

static uint64_t state;

/* A number below n. */
static unsigned pick(unsigned n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((state >> 33) % n);
}

#define ONE_OF(list) (list)[pick(sizeof(list) / sizeof *(list))]

/* Low numbers more often than high ones. */
static unsigned pick_skewed(unsigned n)
{
    unsigned a = pick(n), b = pick(n), c = pick(n);
    a = a < b ? a : b;
    return a < c ? a : c;
}

static const char *const pages[] = {
    "/index.html",  "/",      "/style.css",    "/app.js",      "/logo.svg", "/favicon.ico",
    "/about",       "/login", "/robots.txt",   "/feed.xml",    "/search",   "/contact",
    "/sitemap.xml", "/cart",  "/checkout.php", "/wp-login.php"};
static const char *const referers[] = {"-", "-", "-", "https://example.org/",
                                       "https://example.com/search?q=troupe"};
static const char *const agents[] = {"curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
                                     "Mozilla/5.0 (compatible; examplebot/2.1)",
                                     "Mozilla/5.0 (iPhone) Safari/604.1", "python-requests/2.32"};
static const char *const statuses[] = {
    "200", "200", "200", "200", "200", "200", "200", "200", "200", "200", "200", "200",
    "200", "200", "200", "200", "200", "200", "200", "200", "200", "200", "200", "200",
    "304", "304", "304", "301", "302", "206", "404", "404", "403", "500", "503", "499"};

static char client[64], target[32768], size[24];

static void choose_client(void)
{
    static const char *const nets[] = {"192.0.2", "198.51.100", "203.0.113"};
    if (pick(10) == 0)
        snprintf(client, sizeof client, "2001:db8:%x::%x", pick(65536), pick(65536));
    else
        snprintf(client, sizeof client, "%s.%u", ONE_OF(nets), pick(256));
}

static void choose_target(void)
{
    unsigned kind = pick(10);
    if (kind < 6)
        snprintf(target, sizeof target, "%s", pages[pick_skewed(sizeof pages / sizeof *pages)]);
    else if (kind < 8)
        snprintf(target, sizeof target, "/articles/%u.html", pick_skewed(300));
    else if (kind < 9)
        snprintf(target, sizeof target, "/api/items/%u?page=%u", pick_skewed(900), pick(9));
    else
        snprintf(target, sizeof target, "/search?q=%x&lang=en", pick(1u << 20));
}

/* A target of `length` bytes after `prefix`. */
static void make_long_target(const char *prefix, unsigned length)
{
    int at = snprintf(target, sizeof target, "%s", prefix);
    unsigned end = (unsigned)at + length;
    for (unsigned i = (unsigned)at; i < end; i++)
        target[i] = (char)('a' + i % 26);
    target[end] = '\0';
}

static void put_start(const struct request *request, unsigned long line)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    unsigned long second = line / 3, day = second / 86400;
    printf("%s - %s [%02lu/%s/%lu:%02lu:%02lu:%02lu +0000] ", request->client, request->user,
           day % 28 + 1, months[day / 28 % 12], 2026 + day / 336, second / 3600 % 24,
           second / 60 % 60, second % 60);
}

static void put_line(const struct request *r, unsigned long line)
{
    put_start(r, line);
    printf("\"%s %s %s\" %s %s \"%s\" \"%s\"\n", r->method, r->target, r->version, r->status,
           r->size, r->referer, r->agent);
}

/* Odd, and yet in the format: a change to an ordinary request. False when `kind` is none of these.
 */
static int make_odd(struct request *r, unsigned kind)
{
    switch (kind) {
    case 0:
        r->target = "/say/\\\"hello\\\"?to=\\\"you\\\"";
        return 1;
    case 1:
        r->agent = "Agent \\\"007\\\" C:\\\\agents\\\\";
        return 1;
    case 2:
        r->referer = "https://example.org/?q=\\\"quoted words\\\"";
        return 1;
    case 3:
        make_long_target("/search?q=", 4000 + pick(16000));
        return 1;
    case 4:
        make_long_target("/archive/", 3000 + 2000 * pick(4));
        return 1;
    case 5:
        r->target = "/caf\xe9/men\xfc";
        return 1;
    case 6:
        r->agent = "\xff\xfe\xc0\x80 \xed\xa0\x80";
        return 1;
    case 7:
        r->method = "PROPFIND", r->target = "/dav/", r->status = "405";
        return 1;
    case 8:
        r->method = "x", r->target = "*", r->status = "400";
        return 1;
    case 9:
        r->version = "HTTP/2.0";
        return 1;
    case 10:
        r->target = "http://example.net/proxy?x=1", r->status = "400";
        return 1;
    case 11:
        r->target = "/a file with spaces.txt";
        return 1;
    case 12:
        r->user = "frank the smith";
        return 1;
    case 13:
        r->size = "-";
        return 1;
    case 14:
        r->agent = "";
        return 1;
    case 15:
        r->target = "?only=query";
        return 1;
    case 16:
        r->client = "::ffff:192.0.2.1";
        return 1;
    case 17:
        r->target = "/tab\there", r->agent = "tab\there";
        return 1;
    default:
        return 0;
    }
}

/* What no request makes. */
static void put_odd_line(const struct request *r, unsigned kind, unsigned long line)
{
    switch (kind) {
    case 18:
        printf("\n");
        return;
    case 19:
        put_start(r, line), printf("\"GET /cut/short\n");
        return;
    case 20:
        put_start(r, line), printf("\"GET /cut HTTP/1.1\" 200\n");
        return;
    case 21:
        put_start(r, line), printf("\"-\" 408 - \"-\" \"-\"\n");
        return;
    case 22:
        put_start(r, line), printf("\"\\x16\\x03\\x01\" 400 226 \"-\" \"-\"\n");
        return;
    case 23:
        put_start(r, line), printf("\"GET /\" 200 17 \"-\" \"-\"\n");
        return;
    case 24:
        put_start(r, line), printf("\"GET / HTTP/1.0\" 2x0 17 \"-\" \"-\"\n");
        return;
    case 25:
        put_start(r, line), printf("\"GET / HTTP/1.0\" 200 17 \"-\" \"-\" 0.004\n");
        return;
    case 26:
        put_start(r, line), printf("\"GET / HTTP/1.0\" 200 17 \"-\" \"dos\"\r\n");
        return;
    case 27:
        printf("what does this line want here?\n");
        return;
    default:
        put_start(r, line);
        printf("\"GET / HTTP/1.0\" 200 1234567890123456789012 \"-\" \"-\"\n");
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make_log LINES SEED\n");
        return 2;
    }
    unsigned long lines = strtoul(argv[1], NULL, 10);
    state = strtoul(argv[2], NULL, 10);

    for (unsigned long line = 1; line <= lines; line++) {
        choose_client();
        choose_target();
        snprintf(size, sizeof size, "%u", 100 + pick(20000));
        struct request request = {
            client,           "-",           "GET", target, "HTTP/1.1", ONE_OF(statuses), size,
            ONE_OF(referers), ONE_OF(agents)};
        unsigned kind = (unsigned)(line / ODD_EVERY % 29);
        if (line == CRASH_LINE) request.status = "999";
        if (line % ODD_EVERY != 0 || make_odd(&request, kind))
            put_line(&request, line);
        else
            put_odd_line(&request, kind, line);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
