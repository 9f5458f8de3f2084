/* troupe/component.h - WebAssembly guests behind the two ops tables. The only room that sees the engine.
 *
 * A guest is a loaded, checked, compiled module with its grants and limits. troupe_guest_spec fills a
 * troupe_spec with it: from then on it is spawned, supervised and sent to like any component. One store per
 * incarnation; an instance that trapped is never entered again.
 */
#ifndef TROUPE_COMPONENT_H
#define TROUPE_COMPONENT_H

#include "troupe/actor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_engine troupe_engine;
typedef struct troupe_guest troupe_guest;

typedef struct troupe_engine_options {
    size_t size;           /* set by TROUPE_ENGINE_OPTIONS */
    const char *cache_dir; /* where compiled artifacts are kept; NULL: nowhere. Made when missing */
} troupe_engine_options;

#define TROUPE_ENGINE_OPTIONS(...)                                                                 \
    (&(troupe_engine_options){.size = sizeof(troupe_engine_options), __VA_ARGS__})

/* troupe_engine_new - an engine for the guests of one system: the dense profile, or, for a simulated
 * system, the same with fuel as its clock.
 *
 * Owns:    *ret_engine is the caller's; free it after the system was stopped, before it is freed.
 *          options are lent, NULL: the defaults.
 * Threads: any.
 * Errors:  TROUPE_E_INVALID, TROUPE_E_NO_MEMORY, TROUPE_E_IO; error says which and why.
 */
TROUPE_MUST_CHECK troupe_status troupe_engine_new(troupe_system *system,
                                                  const troupe_engine_options *options,
                                                  troupe_engine **ret_engine, troupe_error *error);
/* troupe_engine_free - takes it, NULL is fine. Every guest of it was freed, no store lives: else a panic. */
void troupe_engine_free(troupe_engine *engine);

/* troupe_engine_version - "wasmtime 48.0.0 (wheel)": version and origin. Constant. Any thread. */
const char *troupe_engine_version(void);

/* What the host fills so that imports reach kit and the outside. Every function: on the worker of the guest
 * that calls, ctx is its context. A NULL function: the import is refused at load as "nobody offers it". */
typedef struct troupe_guest_services {
    void *arg;
    troupe_status (*publish)(void *arg, troupe_context *ctx, troupe_bytes topic,
                             troupe_bytes payload, uint32_t *ret_reached);
    /* Bytes for the program's standard output; bytes of one call stay together. ctx is NULL in pre-start and
     * post-stop, where there is no context yet, or none any more. */
    troupe_status (*print)(void *arg, troupe_context *ctx, troupe_bytes bytes);
    /* One line of a guest's log, already within its quota; text is UTF-8, may hold control characters.
     * NULL: it goes to the log hook of the system, as "guest-log". */
    void (*log)(void *arg, troupe_context *ctx, troupe_level level, troupe_bytes text);
    /* The same for a line from pre-start or post-stop, where there is no context yet, or none any more.
     * name is "" for none. NULL: such lines are dropped. */
    void (*log_outside)(void *arg, troupe_id id, const char *name, troupe_level level,
                        troupe_bytes text);
} troupe_guest_services;

typedef struct troupe_grants {
    const char *const *send; /* names, or prefixes that end in '*'; n_send of them */
    size_t n_send;
    const char *const *publish; /* topics, or prefixes that end in '*' */
    size_t n_publish;
    bool print; /* "stdout" */
    bool clock; /* now-ns; monotonic-ns needs no grant */
    bool random;
} troupe_grants;

#define TROUPE_TOPIC_RESERVED "topics that begin with troupe. are the system's own"

/* troupe_topic_reserved - whether a topic, or a grant's prefix of some, is the system's own: dead letters, crash reports,
 * orders. Whoever hears one of these believes it, so no guest publishes there, whatever it is granted.
 * Owns: topic is lent. Threads: any. Errors: none.
 */
bool troupe_topic_reserved(troupe_bytes topic);

typedef struct troupe_limits {
    uint64_t
        memory_bytes; /* linear memory; default 16 MiB. A whole number of 64 KiB pages, rounded down */
    uint64_t message_ns; /* CPU time of one message or hook, looked at about every millisecond;
                                default 1 s. In simulation it is fuel: 1 ns = 1 unit of fuel */
    uint64_t log_bytes;  /* of log text a second; default 64 KiB */
} troupe_limits;

typedef struct troupe_guest_options {
    size_t size;          /* set by TROUPE_GUEST_OPTIONS */
    const char *name;     /* for errors: "parser"; copied */
    const char *path;     /* for errors: "guests/parser.wasm"; copied */
    troupe_bytes module;  /* the bytes of the file: .wasm core module, or text (.wat); lent */
    troupe_grants grants; /* copied, deep */
    troupe_limits limits;
    troupe_bytes settings;                 /* reaches pre-start as config.settings; copied */
    const troupe_guest_services *services; /* kept until the guest is freed; NULL: offers nothing */
    /* What pre-start and pre-stop tell the guest; enforced by those who set it, not here. 0: the defaults. */
    uint64_t message_max;   /* config.limits.message-bytes; default TROUPE_MESSAGE_MAX */
    uint32_t mailbox_bound; /* config.limits.mailbox; default TROUPE_MAILBOX_BOUND */
    uint64_t stop_timeout;  /* grace-ms of pre-stop; default 5 s */
} troupe_guest_options;

#define TROUPE_GUEST_OPTIONS(...)                                                                  \
    (&(troupe_guest_options){.size = sizeof(troupe_guest_options), __VA_ARGS__})

/* troupe_guest_load - check, compile (or take from the cache), and keep a guest.
 *
 * Owns:    *ret_guest is the caller's; free it after the last component of it ended.
 * Threads: any; blocks while it compiles: not on a worker.
 * Errors:  TROUPE_E_INVALID the module is no module, has no handle-message, a wrong signature, an
 *          import that nobody offers; TROUPE_E_DENIED an import without its grant (the text names the
 *          line that is missing); TROUPE_E_NO_MEMORY. error says the first of them: what, where and the
 *          remedy, in one line.
 */
TROUPE_MUST_CHECK troupe_status troupe_guest_load(troupe_engine *engine,
                                                  const troupe_guest_options *options,
                                                  troupe_guest **ret_guest, troupe_error *error);
/* troupe_guest_free - takes it, NULL is fine. Threads: any, after the last component of it ended. */
void troupe_guest_free(troupe_guest *guest);

typedef struct troupe_guest_info {
    uint64_t compile_ns; /* until the module was ready to be instantiated */
    bool cached;         /* it came from the cache, or the same bytes were loaded before */
} troupe_guest_info;

/* troupe_guest_info_of - constant after troupe_guest_load. Any thread. */
troupe_guest_info troupe_guest_info_of(const troupe_guest *guest);

/* troupe_guest_has_health - whether it exports health.check; without it spec.health_interval asks nobody. Any thread. */
bool troupe_guest_has_health(const troupe_guest *guest);

/* troupe_guest_spec - fill the tables, state, argument and start_on_own_turn of spec; the rest stays.
 * Owns: guest is kept until the component ended. Threads: the owner of spec. Errors: none.
 */
void troupe_guest_spec(const troupe_guest *guest, troupe_spec *spec);

/* troupe_engine_stores - stores that live now: 0 when every guest has ended. Any thread. */
uint64_t troupe_engine_stores(const troupe_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
