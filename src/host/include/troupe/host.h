/* troupe/host.h - the application layer: a manifest, and the running tree made from it.
 *
 * troupe_manifest_load reads and checks one file; troupe_host_new loads its guests and wires the tree;
 * troupe_host_start lets it run; troupe_host_feed gives it lines; troupe_host_finish ends it in order.
 * The program in tools/troupe is nothing but these calls, words and signals.
 */
#ifndef TROUPE_HOST_H
#define TROUPE_HOST_H

#include "troupe/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_manifest troupe_manifest;
typedef struct troupe_host troupe_host;

/* Where mistakes go: say is called once for each, with one line "file:line: path: what; remedy". */
typedef struct troupe_say {
    void (*say)(void *arg, const char *line);
    void *arg;
} troupe_say;

/* ---- manifests ---- */

#define TROUPE_MANIFEST_NAME "troupe.yaml"
#define TROUPE_MANIFEST_MAX ((size_t)1 << 20) /* bytes */
#define TROUPE_GUEST_MAX ((size_t)64 << 20)   /* bytes of one guest's file */

/* troupe_manifest_load - read a manifest and every guest file it names, and check the manifest; what is in
 * the guests is looked at by troupe_host_new.
 *
 * Owns:    *ret_manifest is the caller's. path: a file, or a folder that holds troupe.yaml; NULL: ".".
 * Threads: any; reads files.
 * Order:   mistakes are said by line, before it returns; behind the first 100 their number.
 * Errors:  TROUPE_E_INVALID after at least one mistake was said; TROUPE_E_NO_MEMORY, said too.
 */
TROUPE_MUST_CHECK troupe_status troupe_manifest_load(const char *path, troupe_say say,
                                                     troupe_manifest **ret_manifest);
/* troupe_manifest_warnings - say what is allowed and hardly meant: one line each, with the line of the manifest.
 * Owns: nothing. Threads: any. Errors: none. */
void troupe_manifest_warnings(const troupe_manifest *manifest, troupe_say say);
/* troupe_manifest_free - takes it, NULL is fine. Hosts made from it are freed before. Threads: any. */
void troupe_manifest_free(troupe_manifest *manifest);

typedef struct troupe_manifest_summary {
    const char *system;     /* inside the manifest */
    const char *stdin_to;   /* inside; NULL: standard input is not read */
    unsigned n_supervisors; /* pools are supervisors too */
    unsigned n_components;  /* members of pools each */
    unsigned n_guests;      /* distinct files */
} troupe_manifest_summary;

/* troupe_manifest_summary_of - what is in it. Owns: inside the manifest. Threads: any. Errors: none. */
troupe_manifest_summary troupe_manifest_summary_of(const troupe_manifest *manifest);

/* ---- hosts ---- */

typedef struct troupe_host_options {
    size_t size;          /* set by TROUPE_HOST_OPTIONS */
    const char *stdin_to; /* the name that troupe_host_feed sends to; default: the manifest's */
    unsigned workers;     /* default: what affinity and cgroup allow */
    bool simulation;      /* one thread, virtual time; the calling thread drives */
    uint64_t seed;        /* simulation: chooses the schedule and how feeding interleaves with it */
    const char *cache_dir; /* of compiled guests; default: none is kept */
    int out_fd;            /* what components with the grant stdout print; 0: it is dropped */
    int log_fd;            /* log lines, capped by bytes; 0: they are dropped */
} troupe_host_options;

#define TROUPE_HOST_OPTIONS(...)                                                                   \
    (&(troupe_host_options){.size = sizeof(troupe_host_options), __VA_ARGS__})

#define TROUPE_LINE_MAX                                                                            \
    ((size_t)1 << 16) /* bytes of a line that is fed, without its newline, and of any message */

/* troupe_host_new - make the system, load every guest, wire the tree. No component runs yet.
 *
 * Owns:    *ret_host is the caller's; manifest is kept until troupe_host_free.
 * Threads: any; from then on one thread at a time, but for troupe_host_ask_stop. Blocks while guests compile.
 * Errors:  TROUPE_E_INVALID after at least one mistake was said (the first of each guest; an unknown stdin_to);
 *          TROUPE_E_IO, TROUPE_E_NO_MEMORY, said too.
 */
TROUPE_MUST_CHECK troupe_status troupe_host_new(const troupe_manifest *manifest,
                                                const troupe_host_options *options, troupe_say say,
                                                troupe_host **ret_host);

/* troupe_host_free - troupe_host_finish, then give everything back. NULL is fine. Threads: the host's. Blocks. */
void troupe_host_free(troupe_host *host);

/* troupe_host_guests - how long the modules took until they were ready, and whether all came from the
 * cache. Constant after troupe_host_new. Any thread. */
void troupe_host_guests(const troupe_host *host, uint64_t *ret_compile_ns, bool *ret_cached);

/* troupe_host_start - start the tree: returns when its last component has started.
 *
 * Threads: the host's. Blocks.
 * Errors:  TROUPE_E_REFUSED and others: error says who refused and why. Everything has ended again.
 */
TROUPE_MUST_CHECK troupe_status troupe_host_start(troupe_host *host, troupe_error *error);

/* Why feeding or waiting ended. */
typedef enum troupe_host_end {
    TROUPE_HOST_END_OF_INPUT,
    TROUPE_HOST_ASKED,       /* troupe_host_ask_stop */
    TROUPE_HOST_TREE_ENDED,  /* the tree gave up, or ended by itself */
    TROUPE_HOST_TARGET_GONE, /* who the lines are for has ended for good */
    TROUPE_HOST_OUT_CLOSED,  /* nobody reads the output any more */
    TROUPE_HOST_IN_FAILED,   /* reading failed: error says how */
} troupe_host_end;

/* troupe_host_feed - send each line of fd to stdin_to: a line's bytes without its newline, whatever they are.
 *
 * Owns:    fd is lent. A line over TROUPE_LINE_MAX is one dead letter, and of it no more is buffered than that.
 * Threads: the host's. Blocks: a full mailbox slows the reader, nothing is dropped.
 * Order:   the n-th line is the n-th message of its sender.
 * Errors:  the result says why it ended; error (may be NULL) is set for TROUPE_HOST_IN_FAILED.
 */
troupe_host_end troupe_host_feed(troupe_host *host, int fd, troupe_error *error);

/* troupe_host_wait - no lines: wait until asked to stop or until the tree ends; a simulation is driven
 * until nothing is left to do (TROUPE_HOST_END_OF_INPUT). Threads: the host's. */
troupe_host_end troupe_host_wait(troupe_host *host);

/* troupe_host_ask_stop - feed and wait return soon, and the tree begins to stop in order.
 *
 * Threads: any, beside every other call but troupe_host_new and _free; not a signal handler.
 * Errors:  none. Asking twice is asking once.
 */
void troupe_host_ask_stop(troupe_host *host);

/* troupe_host_finish - stop the tree in order (children in reverse) and write out what was printed.
 *
 * drain:   first wait until every message has found its end, however long that takes (or until asked to
 *          stop); without it each component has its stop_timeout to handle what waits.
 * A component that does not return from its handler, not even for print to an output that nobody reads, is given up
 * (totals.stuck): then what was printed last may be lost, and troupe_host_free gives nothing back.
 * Threads: the host's. Blocks. A second call does nothing.
 */
void troupe_host_finish(troupe_host *host, bool drain);

/* ---- accounts, exact after troupe_host_finish ---- */

typedef struct troupe_host_totals {
    uint64_t lines;   /* fed, the too long ones too */
    uint64_t feed_ns; /* real time from the first read to the end of troupe_host_finish */
    uint64_t sent, handled, dead_letters, waiting;
    uint64_t live;   /* components */
    uint64_t stores; /* of guests */
    uint64_t crashes;
    uint64_t schedule; /* simulation: its fingerprint */
    bool gave_up;      /* the tree ended without being asked */
    bool out_failed;   /* writing the output failed (closed or full): out_error is its errno */
    int out_error;
    char exit_text[512]; /* why the tree gave up */
    bool stuck; /* a component did not return from its handler and was given up; the log names it */
} troupe_host_totals;

/* troupe_host_totals_of - Owns: a copy. Threads: the host's. Errors: none; before troupe_host_finish only lines
 * is counted. */
void troupe_host_totals_of(troupe_host *host, troupe_host_totals *ret_totals);

typedef struct troupe_host_letter {
    uint64_t sequence; /* the how-manieth message of its sender; of a fed line its number */
    bool fed;          /* it was a line */
    size_t size;
    char target[128];   /* a name; "" when it had none */
    const char *reason; /* constant */
} troupe_host_letter;

/* troupe_host_dead_letters - the last ones, oldest of them first, up to n. Returns how many were written.
 * Owns: copies. Threads: the host's. Errors: 0, also when memory is out. */
size_t troupe_host_dead_letters(troupe_host *host, troupe_host_letter *letters, size_t n);

/* troupe_host_version - the engine's version and origin: "wasmtime 48.0.0 (wheel)". Constant. Any thread. */
const char *troupe_host_version(void);

/* troupe_nearest - the word of words (ended by NULL) that somebody probably meant; NULL: none is near.
 * Owns: lent. Threads: any. Errors: none.
 */
const char *troupe_nearest(const char *word, const char *const *words);

#ifdef __cplusplus
}
#endif
#endif
