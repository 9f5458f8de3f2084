/* troupe/base.h - what every room shares: statuses, bytes, errors, the log hook.
 *
 * Knows no task and no actor. Everything here is a value or a function of its arguments.
 */
#ifndef TROUPE_BASE_H
#define TROUPE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TROUPE_MUST_CHECK __attribute__((warn_unused_result))
#define TROUPE_PRINTF(n, first) __attribute__((format(printf, n, first)))

#define TROUPE_VERSION "0.1.0"

/* Times are nanoseconds in a uint64_t, everywhere. */
#define TROUPE_MICROSECOND UINT64_C(1000)
#define TROUPE_MILLISECOND UINT64_C(1000000)
#define TROUPE_SECOND UINT64_C(1000000000)
#define TROUPE_FOREVER UINT64_MAX

/* ---- statuses: an expected condition. code, name, sentence. ---- */

#define TROUPE_STATUS_TABLE(X)                                                                     \
    X(TROUPE_OK, 0, "done")                                                                        \
    X(TROUPE_PENDING, 1, "not finished yet: resume is called after troupe_wake")                   \
    X(TROUPE_E_INVALID, 2, "the arguments make no sense")                                          \
    X(TROUPE_E_NO_MEMORY, 3, "memory is out")                                                      \
    X(TROUPE_E_GONE, 4, "the target does not exist or has ended")                                  \
    X(TROUPE_E_FULL, 5, "the mailbox is at its bound")                                             \
    X(TROUPE_E_TIMEOUT, 6, "the time is over")                                                     \
    X(TROUPE_E_CRASHED, 7, "the component crashed while it held this request")                     \
    X(TROUPE_E_UNAVAILABLE, 8, "the component is down and about to come back")                     \
    X(TROUPE_E_DENIED, 9, "no grant allows this")                                                  \
    X(TROUPE_E_TOO_LARGE, 10, "over the size limit")                                               \
    X(TROUPE_E_TAKEN, 11, "the name is taken")                                                     \
    X(TROUPE_E_CANCELLED, 12, "the wait was cancelled")                                            \
    X(TROUPE_E_FAILED, 13, "the other side handled it and said no")                                \
    X(TROUPE_E_REFUSED, 14, "the component refused to start")                                      \
    X(TROUPE_E_QUOTA, 15, "a quota is used up")                                                    \
    X(TROUPE_E_CLOSED, 16, "the system is stopping")                                               \
    X(TROUPE_E_IO, 17, "the operating system refused")                                             \
    X(TROUPE_E_FORKED, 18, "a system does not survive fork: make a new one in the child")

#define TROUPE_STATUS_ENUM(name, code, sentence) name = code,
typedef enum troupe_status { TROUPE_STATUS_TABLE(TROUPE_STATUS_ENUM) } troupe_status;
#undef TROUPE_STATUS_ENUM

/* troupe_status_name - "TROUPE_E_FULL"; troupe_status_text - its sentence.
 *
 * Owns:    the result is constant.
 * Threads: any. Never blocks.
 * Errors:  a number that is no status gives "unknown status".
 */
const char *troupe_status_name(troupe_status status);
const char *troupe_status_text(troupe_status status);

/* ---- bytes: lent, never owned ---- */

typedef struct troupe_bytes {
    const void *data;
    size_t size;
} troupe_bytes;

#define TROUPE_TEXT(literal) ((troupe_bytes){(literal), sizeof(literal) - 1})
#define TROUPE_BYTES_OF(object) ((troupe_bytes){&(object), sizeof(object)})

/* troupe_text - the bytes of a C string, without its zero. NULL gives no bytes.
 * Owns: lent, as the string. Threads: any. Errors: none.
 */
troupe_bytes troupe_text(const char *text);

/* ---- errors that a person reads: load, config, instantiate ---- */

typedef struct troupe_error {
    troupe_status status;
    char text[1020]; /* one line: what, where, why, and the remedy; cut when longer */
} troupe_error;

/* troupe_error_set - write one error; the same status is returned, so that a caller can return it.
 *
 * Owns:    error is lent and may be NULL.
 * Threads: the owner of error.
 * Errors:  returns status.
 */
troupe_status troupe_error_set(troupe_error *error, troupe_status status, const char *format, ...)
    TROUPE_PRINTF(3, 4);

/* ---- the log hook: rooms call it, the host writes ---- */

typedef enum troupe_level {
    TROUPE_LEVEL_TRACE,
    TROUPE_LEVEL_DEBUG,
    TROUPE_LEVEL_INFO,
    TROUPE_LEVEL_WARN,
    TROUPE_LEVEL_ERROR,
} troupe_level;

typedef struct troupe_log_line {
    troupe_level level;
    const char *id;     /* stable: "component-crashed"; listed in docs/reference/messages.md */
    uint64_t component; /* the component it is about, 0 for none */
    const char *name;   /* its name, "" for none */
    troupe_bytes text;  /* one line for people; may hold any bytes when a guest wrote it */
} troupe_log_line;

/* A zero hook drops every line. write: any thread, may block shortly, must not call troupe back. */
typedef struct troupe_log {
    void (*write)(void *arg, const troupe_log_line *line);
    void *arg;
} troupe_log;

/* ---- bugs: ours or the caller's ---- */

/* troupe_panic - say where and what, then abort. Stays in release builds. Any thread. */
_Noreturn void troupe_panic(const char *file, int line, const char *what);

#define TROUPE_ASSERT(condition)                                                                   \
    ((condition) ? (void)0 : troupe_panic(__FILE__, __LINE__, #condition))

#ifdef __cplusplus
}
#endif
#endif
