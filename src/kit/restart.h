/* restart.h - the arithmetic of restarting: no actor, no clock; time is an argument. */
#ifndef TRP_KIT_RESTART_H
#define TRP_KIT_RESTART_H

#include "troupe/kit.h"

/* The restarts of the last within_ns, oldest first, in a ring that grows up to max. Owner only. */
typedef struct trp_window {
    uint64_t *times;
    uint32_t capacity, first, count;
    uint32_t max;
    uint64_t within_ns;
} trp_window;

typedef enum trp_admission {
    TRP_ADMITTED,
    TRP_EXCEEDED,
    TRP_NO_ROOM, /* memory is out: what cannot be counted is not allowed */
} trp_admission;

/* trp_window_init, trp_window_fini - max and within_ns as a person wrote them: 0 is the default. */
void trp_window_init(trp_window *window, uint32_t max_restarts, uint64_t within_ns);
void trp_window_fini(trp_window *window);

/* trp_window_admit - may one more restart happen at now_ns? When it may, it is counted.
 *
 * Owns:    nothing.
 * Threads: the owner of window. now_ns never goes back.
 * Order:   a restart at t counts at every moment before t + within_ns, and no longer at it.
 * Errors:  TRP_EXCEEDED, TRP_NO_ROOM; then nothing was counted.
 */
trp_admission trp_window_admit(trp_window *window, uint64_t now_ns);

/* trp_rule_restarts - whether a child under this rule gets another life after this end. */
bool trp_rule_restarts(troupe_restart_rule rule, troupe_exit_reason reason);

/* trp_is_crash - an end that nobody wanted. */
bool trp_is_crash(troupe_exit_reason reason);

/* trp_backoff_draw - the n-th wait with its jitter; random is 64 random bits. */
uint64_t trp_backoff_draw(const troupe_backoff *backoff, uint32_t n, uint64_t random);

/* trp_backoff_check - TROUPE_E_INVALID with a text when these numbers make no schedule. */
troupe_status trp_backoff_check(const troupe_backoff *backoff, troupe_error *error);

#define TRP_DURATION_MAX 48

/* trp_duration_text - "850 ns", "9 µs", "12 ms", "1.5 s": for people. Returns text. */
const char *trp_duration_text(uint64_t ns, char text[TRP_DURATION_MAX]);

#endif
