/* troupe_guest.h: write a troupe component in C. One header, no libc, any clang that knows wasm32.
 *
 *     #include "troupe_guest.h"
 *
 *     static tg_answer on_message(const tg_message *message)
 *     {
 *         return tg_ok_if_asked(message, message->payload);
 *     }
 *
 *     TG_ACTOR(.handle_message = on_message)
 *
 * What you register is what you export: TG_ACTOR (needed), TG_LIFECYCLE, TG_HEALTH. A function you leave
 * out of TG_LIFECYCLE does nothing. What you call is what you import, and the manifest must grant
 * it: `publish:`, `send:`, `stdout`, `clock`, `random`. tg_self, tg_reply, tg_reply_error, tg_log
 * and tg_monotonic_ns need no grant.
 *
 * Memory: everything the host hands you (a message, random bytes, an error's text) lives until your
 * function returns. Copy what you keep. What you return must outlive the return: a static, what you
 * were given, tg_scratch or tg_keep; never a local variable.
 *
 * All this comes from an arena behind your data, which grows as far as the memory limit allows. To
 * have memory of your own as well, #define TG_ARENA_BYTES before the include, with room for your
 * largest message and all that your handler asks for: the arena is then static, and tg_keep(n)
 * gives memory behind it that stays until the end of this life.
 *
 * Include it in one .c file; in the others #define TG_GUEST_NO_RUNTIME first. All names begin with
 * tg_. Outside wasm32 it compiles too: a test defines the tg_i_ functions and calls the tg_e_ ones.
 */
#ifndef TG_GUEST_H
#define TG_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_PACKAGE "troupe:component/"
#define TG_VERSION "@0.1.0"

#ifdef __wasm__
#define TG_NAMED_EXPORT(name) __attribute__((used, visibility("default"), export_name(name)))
#define TG_IMPORT(interface, function)                                                             \
    __attribute__((import_module(TG_PACKAGE interface TG_VERSION), import_name(function)))
#else
#define TG_NAMED_EXPORT(name)
#define TG_IMPORT(interface, function)
#endif
#define TG_EXPORT(interface, function) TG_NAMED_EXPORT(TG_PACKAGE interface TG_VERSION "#" function)
#define TG_POST_RETURN(interface, function)                                                        \
    TG_NAMED_EXPORT("cabi_post_" TG_PACKAGE interface TG_VERSION "#" function)

/* ---- values ---------------------------------------------------------------------------------- */

typedef uint64_t tg_id;

/* Bytes, or text: then UTF-8, and no zero at the end. */
typedef struct {
    const uint8_t *data;
    size_t len;
} tg_bytes;

typedef struct {
    tg_bytes key, value;
} tg_pair;

#define TG_TEXT(literal) ((tg_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
#define TG_BYTES_OF(object) ((tg_bytes){(const uint8_t *)&(object), sizeof(object)})

/* The cases of the WIT variant `error`, in its order. */
typedef enum {
    TG_GONE,
    TG_CRASHED,
    TG_UNAVAILABLE,
    TG_FULL,
    TG_TIMEOUT,
    TG_DENIED,
    TG_TOO_LARGE,
    TG_QUOTA,
    TG_INVALID,
    TG_CANCELLED,
    TG_FAILED,
    TG_OK = 255
} tg_code;

/* An error as the host writes it. CRASHED, DENIED, QUOTA, INVALID and FAILED have a text, TOO_LARGE
 * has the limit; in all other cases neither may be read. */
typedef struct {
    uint8_t code;
    union {
        tg_bytes text;
        uint32_t limit;
    };
} tg_error;

/* What a handler returns: result<option<list<u8>>, error> exactly as it lies in memory, where both
 * arms have a tag at 4 and two words at 8. Make it with tg_none, tg_ok and tg_fail. */
typedef struct {
    uint8_t is_error;
    uint8_t tag __attribute__((aligned(4))); /* ok: 0 nothing, 1 bytes; error: a tg_code */
    tg_bytes bytes;
} tg_answer;

typedef struct {
    tg_id sender;    /* 0: from outside the system */
    bool is_request; /* someone waits for your answer */
    uint64_t correlation;
    bool has_topic;
    tg_bytes topic;
    bool has_deadline;
    uint64_t deadline_ns; /* when the sender stops waiting, on the clock of tg_monotonic_ns */
    bool has_trace;
    tg_bytes trace;
    tg_bytes payload;
} tg_message;

typedef enum { TG_FRESH, TG_RESTART, TG_UPGRADE } tg_start_reason;

typedef enum {
    TG_STOP_SHUTDOWN,
    TG_STOP_REQUESTED,
    TG_STOP_RESTART,
    TG_STOP_UPGRADE
} tg_stop_reason;

typedef enum { TG_TRACE, TG_DEBUG, TG_INFO, TG_WARN, TG_ERROR } tg_level;

typedef struct {
    tg_id id;
    tg_bytes name;
    uint32_t incarnation;
    tg_start_reason reason;
    tg_bytes settings; /* what stands under `config:` in the manifest, as JSON */
    const tg_pair *environment;
    size_t environment_len;
    uint64_t memory_bytes, message_bytes, message_ms;
    uint32_t mailbox;
} tg_config;

#ifdef __wasm__
_Static_assert(sizeof(tg_pair) == 16 && sizeof(tg_error) == 12, "canonical ABI");
_Static_assert(sizeof(tg_answer) == 16 && offsetof(tg_answer, tag) == 4 &&
                   offsetof(tg_answer, bytes) == 8,
               "canonical ABI");
#endif

static inline tg_answer tg_none(void)
{
    return (tg_answer){0, 0, {0, 0}};
}

static inline tg_answer tg_ok(tg_bytes bytes)
{
    return (tg_answer){0, 1, bytes};
}

static inline tg_answer tg_fail(tg_code code, tg_bytes why)
{
    return (tg_answer){1, (uint8_t)code, why};
}

/* Answers a request; answers nothing when nobody waits. */
static inline tg_answer tg_ok_if_asked(const tg_message *message, tg_bytes bytes)
{
    return message->is_request ? tg_ok(bytes) : tg_none();
}

static inline void tg_copy(void *to, const void *from, size_t n)
{
    __builtin_memcpy(to, from, n);
}

static inline bool tg_equal(tg_bytes a, tg_bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (a.data[i] != b.data[i])
            return false;
    return true;
}

/* The decimal digits of `value`, written to the end of `digits`. */
static inline tg_bytes tg_text_from_u64(uint64_t value, uint8_t digits[20])
{
    size_t at = 20;
    do {
        digits[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value);
    return (tg_bytes){digits + at, 20 - at};
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* n bytes, aligned to 8, until your function returns. Never NULL: traps when memory is used up. */
void *tg_scratch(size_t n);

/* n bytes, aligned to 8 and all zero, until this life ends; NULL at the memory limit.
 * Only with TG_ARENA_BYTES, on wasm32. */
void *tg_keep(size_t n);

/* For the macros below: forgets all that the arena gave. */
void tg_arena_reset(void);

/* ---- what a guest calls ---------------------------------------------------------------------- */

TG_IMPORT("messaging", "self-id") uint64_t tg_self(void);
TG_IMPORT("services", "now-ns") uint64_t tg_now_ns(void);
TG_IMPORT("services", "monotonic-ns") uint64_t tg_monotonic_ns(void);

/* The others as the canonical ABI has them; `result` is where the host writes a tg_result. */
TG_IMPORT("messaging", "send")
void tg_i_send(uint64_t target, const void *data, size_t len, void *result);
TG_IMPORT("messaging", "publish")
void tg_i_publish(const void *topic, size_t topic_len, const void *data, size_t len, void *result);
TG_IMPORT("messaging", "reply")
void tg_i_reply(uint64_t correlation, const void *data, size_t len, void *result);
TG_IMPORT("messaging", "reply-error")
void tg_i_reply_error(uint64_t correlation, int32_t code, const void *text, size_t len,
                      void *result);
TG_IMPORT("services", "log")
void tg_i_log(int32_t level, const void *text, size_t len, const void *fields, size_t fields_len);
TG_IMPORT("services", "print") void tg_i_print(const void *data, size_t len, void *result);
TG_IMPORT("services", "random") void tg_i_random(uint32_t count, void *result);

/* result<T, error> where T is nothing, a u32 or a list. */
typedef struct {
    uint8_t is_error;
    union {
        uint32_t number;
        tg_bytes bytes;
        tg_error error;
    };
} tg_result;

#ifdef __wasm__
_Static_assert(sizeof(tg_result) == 16 && offsetof(tg_result, error) == 4, "canonical ABI");
#endif

static inline tg_code tg_code_of(const tg_result *result, tg_error *ret_error)
{
    if (!result->is_error)
        return TG_OK;
    if (ret_error)
        *ret_error = result->error;
    return (tg_code)result->error.code;
}

/* Those that can fail return TG_OK or the code of the error; ret_error may be NULL and is otherwise
 * given the whole of it. */

/* Puts a message into the mailbox of `target`. TG_OK: accepted, not yet handled. */
static inline tg_code tg_send(tg_id target, tg_bytes payload, tg_error *ret_error)
{
    tg_result result;
    tg_i_send(target, payload.data, payload.len, &result);
    return tg_code_of(&result, ret_error);
}

/* Sends a copy to every subscriber of `topic`; n_reached may be NULL. */
static inline tg_code tg_publish(tg_bytes topic, tg_bytes payload, uint32_t *n_reached,
                                 tg_error *ret_error)
{
    tg_result result;
    tg_i_publish(topic.data, topic.len, payload.data, payload.len, &result);
    if (!result.is_error && n_reached)
        *n_reached = result.number;
    return tg_code_of(&result, ret_error);
}

/* Answers a message to which the handler returned tg_none(). */
static inline tg_code tg_reply(uint64_t correlation, tg_bytes payload, tg_error *ret_error)
{
    tg_result result;
    tg_i_reply(correlation, payload.data, payload.len, &result);
    return tg_code_of(&result, ret_error);
}

static inline tg_code tg_reply_error(uint64_t correlation, tg_code code, tg_bytes why,
                                     tg_error *ret_error)
{
    tg_result result;
    tg_i_reply_error(correlation, (int32_t)code, why.data, why.len, &result);
    return tg_code_of(&result, ret_error);
}

/* Writes to standard output; the bytes of one call stay together. */
static inline tg_code tg_print(tg_bytes bytes, tg_error *ret_error)
{
    tg_result result;
    tg_i_print(bytes.data, bytes.len, &result);
    return tg_code_of(&result, ret_error);
}

static inline void tg_log(tg_level level, tg_bytes text)
{
    tg_i_log((int32_t)level, text.data, text.len, NULL, 0);
}

static inline void tg_log_fields(tg_level level, tg_bytes text, const tg_pair *fields, size_t n)
{
    tg_i_log((int32_t)level, text.data, text.len, fields, n);
}

/* `count` random bytes (at most 65536), in the arena. */
static inline tg_code tg_random(uint32_t count, tg_bytes *ret_bytes, tg_error *ret_error)
{
    tg_result result;
    tg_i_random(count, &result);
    if (!result.is_error)
        *ret_bytes = result.bytes;
    return tg_code_of(&result, ret_error);
}

/* ---- what a guest registers ------------------------------------------------------------------ */

struct tg_actor {
    tg_answer (*handle_message)(const tg_message *message);
};

struct tg_lifecycle {
    tg_answer (*pre_start)(const tg_config *config); /* tg_none(): go on; tg_fail(): do not start */
    void (*post_start)(void);
    void (*pre_stop)(tg_stop_reason reason, uint64_t grace_ms);
    void (*post_stop)(void);
};

/* Where the result of an export lies until its post-return. */
extern tg_answer tg_returned;

#define TG_MESSAGE_PARAMETERS                                                                      \
    uint64_t sender_, int32_t has_correlation_, uint64_t correlation_, int32_t has_topic_,         \
        const uint8_t *topic_, size_t topic_len_, int32_t has_deadline_, uint64_t deadline_ns_,    \
        int32_t has_trace_, const uint8_t *trace_, size_t trace_len_, const uint8_t *payload_,     \
        size_t payload_len_

#define TG_CONFIG_PARAMETERS                                                                       \
    uint64_t id_, const uint8_t *name_, size_t name_len_, uint32_t incarnation_, int32_t reason_,  \
        const uint8_t *settings_, size_t settings_len_, const tg_pair *environment_,               \
        size_t environment_len_, uint64_t memory_bytes_, uint64_t message_bytes_,                  \
        uint64_t message_ms_, uint32_t mailbox_

/* A name with a _ at its end shadows none of the guest's. Each export is declared before it is
 * defined: compilers may demand a prototype. */
#define TG_ACTOR(...)                                                                              \
    static const struct tg_actor tg_actor_ = {__VA_ARGS__};                                        \
    TG_EXPORT("actor", "handle-message")                                                           \
    void *tg_e_handle_message(TG_MESSAGE_PARAMETERS);                                              \
    void *tg_e_handle_message(TG_MESSAGE_PARAMETERS)                                               \
    {                                                                                              \
        const tg_message message_ = {                                                              \
            sender_,                                                                               \
            has_correlation_ != 0,                                                                 \
            correlation_,                                                                          \
            has_topic_ != 0,                                                                       \
            {topic_, topic_len_},                                                                  \
            has_deadline_ != 0,                                                                    \
            deadline_ns_,                                                                          \
            has_trace_ != 0,                                                                       \
            {trace_, trace_len_},                                                                  \
            {payload_, payload_len_},                                                              \
        };                                                                                         \
        tg_returned = tg_actor_.handle_message(&message_);                                         \
        return &tg_returned;                                                                       \
    }                                                                                              \
    TG_POST_RETURN("actor", "handle-message") void tg_p_handle_message(void *returned_);           \
    void tg_p_handle_message(void *returned_)                                                      \
    {                                                                                              \
        (void)returned_;                                                                           \
        tg_arena_reset();                                                                          \
    }

#define TG_LIFECYCLE(...)                                                                          \
    static const struct tg_lifecycle tg_lifecycle_ = {__VA_ARGS__};                                \
    TG_EXPORT("lifecycle", "pre-start") void *tg_e_pre_start(TG_CONFIG_PARAMETERS);                \
    void *tg_e_pre_start(TG_CONFIG_PARAMETERS)                                                     \
    {                                                                                              \
        const tg_config config_ = {                                                                \
            id_,                                                                                   \
            {name_, name_len_},                                                                    \
            incarnation_,                                                                          \
            (tg_start_reason)reason_,                                                              \
            {settings_, settings_len_},                                                            \
            environment_,                                                                          \
            environment_len_,                                                                      \
            memory_bytes_,                                                                         \
            message_bytes_,                                                                        \
            message_ms_,                                                                           \
            mailbox_,                                                                              \
        };                                                                                         \
        tg_returned = tg_none();                                                                   \
        if (tg_lifecycle_.pre_start)                                                               \
            tg_returned = tg_lifecycle_.pre_start(&config_);                                       \
        return &tg_returned;                                                                       \
    }                                                                                              \
    TG_POST_RETURN("lifecycle", "pre-start") void tg_p_pre_start(void *returned_);                 \
    void tg_p_pre_start(void *returned_)                                                           \
    {                                                                                              \
        (void)returned_;                                                                           \
        tg_arena_reset();                                                                          \
    }                                                                                              \
    TG_EXPORT("lifecycle", "post-start") void tg_e_post_start(void);                               \
    void tg_e_post_start(void)                                                                     \
    {                                                                                              \
        if (tg_lifecycle_.post_start)                                                              \
            tg_lifecycle_.post_start();                                                            \
        tg_arena_reset();                                                                          \
    }                                                                                              \
    TG_EXPORT("lifecycle", "pre-stop") void tg_e_pre_stop(int32_t reason_, uint64_t grace_ms_);    \
    void tg_e_pre_stop(int32_t reason_, uint64_t grace_ms_)                                        \
    {                                                                                              \
        if (tg_lifecycle_.pre_stop)                                                                \
            tg_lifecycle_.pre_stop((tg_stop_reason)reason_, grace_ms_);                            \
        tg_arena_reset();                                                                          \
    }                                                                                              \
    TG_EXPORT("lifecycle", "post-stop") void tg_e_post_stop(void);                                 \
    void tg_e_post_stop(void)                                                                      \
    {                                                                                              \
        if (tg_lifecycle_.post_stop)                                                               \
            tg_lifecycle_.post_stop();                                                             \
        tg_arena_reset();                                                                          \
    }

/* ---- health ---------------------------------------------------------------------------------- */

typedef enum { TG_HEALTHY, TG_DEGRADED, TG_UNHEALTHY } tg_condition;

typedef struct {
    uint8_t condition; /* tg_condition */
    tg_bytes why;      /* of the other two; for people */
} tg_health;

/* TG_HEALTH(check) with `static tg_health check(void)`: called between two messages, as often as the manifest says
 * (`health: {every: 5s}`). Be quick. TG_UNHEALTHY several times in a row, and your supervisor restarts you. */
#define TG_HEALTH(check)                                                                           \
    static tg_health tg_health_;                                                                   \
    TG_EXPORT("health", "check") void *tg_e_check(void);                                           \
    void *tg_e_check(void)                                                                         \
    {                                                                                              \
        tg_health_ = check();                                                                      \
        return &tg_health_;                                                                        \
    }                                                                                              \
    TG_POST_RETURN("health", "check") void tg_p_check(void *returned_);                            \
    void tg_p_check(void *returned_)                                                               \
    {                                                                                              \
        (void)returned_;                                                                           \
        tg_arena_reset();                                                                          \
    }

/* ---- runtime --------------------------------------------------------------------------------- */

#ifndef TG_GUEST_NO_RUNTIME

tg_answer tg_returned;
static uintptr_t tg_arena_at; /* 0: nothing was given since the last reset */

#if !defined __wasm__ && !defined TG_ARENA_BYTES
#define TG_ARENA_BYTES 131072
#endif

#ifdef __wasm__
#define TG_PAGE ((uintptr_t)65536)
extern uint8_t __heap_base;

/* Sees to it that the memory reaches `end`. */
static inline bool tg_memory_reaches(uintptr_t end)
{
    uintptr_t have = __builtin_wasm_memory_size(0) * TG_PAGE;
    if (end <= have)
        return true;
    return __builtin_wasm_memory_grow(0, (end - have + TG_PAGE - 1) / TG_PAGE) != (size_t)-1;
}
#endif

#ifdef TG_ARENA_BYTES
static uint8_t tg_arena_[TG_ARENA_BYTES] __attribute__((aligned(16)));
#define TG_ARENA_START ((uintptr_t)tg_arena_)

static inline bool tg_arena_reaches(uintptr_t end)
{
    return end <= TG_ARENA_START + TG_ARENA_BYTES;
}
#else
#define TG_ARENA_START ((uintptr_t)&__heap_base)
#define tg_arena_reaches tg_memory_reaches
#endif

#if defined __wasm__ && defined TG_ARENA_BYTES
/* Fresh memory is zero, and none is ever given twice. */
void *tg_keep(size_t n)
{
    static uintptr_t kept;
    uintptr_t at = ((kept ? kept : (uintptr_t)&__heap_base) + 7) & ~(uintptr_t)7;
    if (at + n < at || !tg_memory_reaches(at + n))
        return NULL;
    kept = at + n;
    return (void *)at;
}
#endif

void tg_arena_reset(void)
{
    tg_arena_at = 0;
}

/* A function of its own, so that its name stands in the crash report. */
static __attribute__((noinline, noreturn)) void tg_out_of_memory(void)
{
    __builtin_trap();
}

static inline void *tg_arena_take(size_t n, size_t align)
{
    uintptr_t from = tg_arena_at ? tg_arena_at : TG_ARENA_START;
    uintptr_t at = (from + align - 1) & ~(uintptr_t)(align - 1);
    uintptr_t end = at + n;
    if (end < at || !tg_arena_reaches(end))
        tg_out_of_memory();
    tg_arena_at = end;
    return (void *)at;
}

void *tg_scratch(size_t n)
{
    return tg_arena_take(n, 8);
}

/* How the host asks for room before it hands something over. */
TG_NAMED_EXPORT("cabi_realloc")
void *tg_realloc(void *old, size_t old_size, size_t align, size_t n);
void *tg_realloc(void *old, size_t old_size, size_t align, size_t n)
{
    void *fresh = tg_arena_take(n, align);
    if (old)
        tg_copy(fresh, old, old_size < n ? old_size : n);
    return fresh;
}

#if defined __wasm__ && !defined __wasm_bulk_memory__ && !defined TG_LIBC
/* Without -mbulk-memory (and without a libc: else #define TG_LIBC) the compiler calls these. The
 * empty asm keeps it from turning the loop into a call of the function itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
        __asm__ volatile("");
    }
    return to;
}

void *memset(void *to, int value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)to)[i] = (uint8_t)value;
        __asm__ volatile("");
    }
    return to;
}
#endif

#endif /* TG_GUEST_NO_RUNTIME */
#endif /* TG_GUEST_H */
