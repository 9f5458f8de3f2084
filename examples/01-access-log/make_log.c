/* make_log.c: writes an access log in the combined format.
 *
 *     cc -O2 -o make_log make_log.c && ./make_log LINES SEED > access.log
 *
 * The same numbers give the same bytes on every machine; a longer log begins with the shorter one.
 * access.log is `./make_log 10000 1`. Every 97th line is odd.
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

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define ONE_OF(array) (array)[pick(LENGTH(array))]

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

/* Each pick has a statement of its own: within one, compilers may choose the order. */
static void choose_client(void)
{
    static const char *const nets[] = {"192.0.2", "198.51.100", "203.0.113"};
    unsigned high = pick(65536), low = pick(65536);
    if (pick(10) == 0)
        snprintf(client, sizeof client, "2001:db8:%x::%x", high, low);
    else
        snprintf(client, sizeof client, "%s.%u", nets[high % LENGTH(nets)], low % 256);
}

static void choose_target(void)
{
    unsigned kind = pick(10), page = pick_skewed(LENGTH(pages)), item = pick_skewed(900);
    unsigned query = pick(1u << 20);
    if (kind < 6)
        snprintf(target, sizeof target, "%s", pages[page]);
    else if (kind < 8)
        snprintf(target, sizeof target, "/articles/%u.html", item / 3);
    else if (kind < 9)
        snprintf(target, sizeof target, "/api/items/%u?page=%u", item, query % 9);
    else
        snprintf(target, sizeof target, "/search?q=%x&lang=en", query);
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

/* Odd, and yet in the format: what is set here replaces what the request has. */
static const struct request odd_requests[] = {
    {.target = "/say/\\\"hello\\\"?to=\\\"you\\\""},
    {.agent = "Agent \\\"007\\\" C:\\\\agents\\\\"},
    {.referer = "https://example.org/?q=\\\"quoted words\\\""},
    {.target = "/caf\xe9/men\xfc"},
    {.agent = "\xff\xfe\xc0\x80 \xed\xa0\x80"},
    {.method = "PROPFIND", .target = "/dav/", .status = "405"},
    {.method = "x", .target = "*", .status = "400"},
    {.version = "HTTP/2.0"},
    {.target = "http://example.net/proxy?x=1", .status = "400"},
    {.target = "/a file with spaces.txt"},
    {.user = "frank the smith"},
    {.size = "-"},
    {.agent = ""},
    {.target = "?only=query"},
    {.client = "::ffff:192.0.2.1"},
    {.target = "/tab\there", .agent = "tab\there"},
};

/* What no ordinary request makes, behind host, user and time; some of it is malformed. */
static const char *const odd_ends[] = {
    "\"GET /cut/short",
    "\"GET /cut HTTP/1.1\" 200",
    "\"-\" 408 - \"-\" \"-\"",
    "\"\\x16\\x03\\x01\" 400 226 \"-\" \"-\"",
    "\"GET /\" 200 17 \"-\" \"-\"",
    "\"GET / HTTP/1.0\" 2x0 17 \"-\" \"-\"",
    "\"GET / HTTP/1.0\" 200 17 \"-\" \"-\" 0.004",
    "\"GET / HTTP/1.0\" 200 17 \"-\" \"dos\"\r",
    "\"GET / HTTP/1.0\" 200 1234567890123456789012 \"-\" \"-\"",
};

static void replace(const char **text, const char *with)
{
    if (with)
        *text = with;
}

static void put_changed(struct request request, const struct request *odd, unsigned long line)
{
    replace(&request.client, odd->client);
    replace(&request.user, odd->user);
    replace(&request.method, odd->method);
    replace(&request.target, odd->target);
    replace(&request.version, odd->version);
    replace(&request.status, odd->status);
    replace(&request.size, odd->size);
    replace(&request.agent, odd->agent);
    replace(&request.referer, odd->referer);
    put_line(&request, line);
}

static void put_odd_line(const struct request *request, unsigned long kind, unsigned long line)
{
    if (kind < LENGTH(odd_requests)) {
        put_changed(*request, &odd_requests[kind], line);
        return;
    }
    kind -= LENGTH(odd_requests);
    if (kind < LENGTH(odd_ends)) {
        put_start(request, line);
        printf("%s\n", odd_ends[kind]);
    } else if (kind == LENGTH(odd_ends)) {
        make_long_target("/search?q=", 4000 + pick(16000));
        put_line(request, line);
    } else if (kind == LENGTH(odd_ends) + 1) {
        make_long_target("/archive/", 3000 + 2000 * pick(4));
        put_line(request, line);
    } else {
        puts(kind % 2 ? "" : "what does this line want here?");
    }
}

#define ODD_KINDS (LENGTH(odd_requests) + LENGTH(odd_ends) + 4)

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
        const char *status = ONE_OF(statuses);
        const char *referer = ONE_OF(referers);
        const char *agent = ONE_OF(agents);
        struct request request = {client, "-",  "GET",   target, "HTTP/1.1",
                                  status, size, referer, agent};
        if (line == CRASH_LINE)
            request.status = "999";
        if (line % ODD_EVERY == 0)
            put_odd_line(&request, line / ODD_EVERY % ODD_KINDS, line);
        else
            put_line(&request, line);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
