/* bench.h - what the files of the benchmark share: cases, results, the guests' loader.
 *
 * A case times one thing and its name says which (docs/design/bench.md). A round does ops
 * operations and is timed as a whole; the runner does the warm-up, the rounds, the near/far probes,
 * and the printing. What goes wrong in a benchmark ends it: a figure of something that failed would
 * be no figure.
 */
#ifndef BENCH_H
#define BENCH_H

#include "troupe/component.h"
#include "troupe/kit.h"

#define BENCH_MOST_ROUNDS 99
#define BENCH_PATIENCE (60 * TROUPE_SECOND)

typedef struct bench_result {
    const char *name, *variant, *unit;
    unsigned cores;
    double values[BENCH_MOST_ROUNDS];
    unsigned n;
    char note[160];
} bench_result;

typedef struct bench_case {
    const char *name, *variant;
    const char *what;  /* one line for --list */
    const char *reach; /* the target beside the figure; NULL: none */
    unsigned most_cores;
    uint64_t ops; /* of one round */
    /* The state of all rounds; run with this many cores allowed. NULL: the rounds need none. */
    void *(*open)(unsigned cores);
    void (*round)(void *state, uint64_t ops);
    void (*close)(void *state);
    /* More to say about this case, after its rounds; NULL: nothing. */
    void (*remark)(void *state, char note[static 160]);
    /* A case that keeps its own time; then the four above are NULL. */
    void (*whole)(const struct bench_case *self, unsigned cores, unsigned rounds);
} bench_case;

extern const bench_case bench_counting[], bench_ping_pong[], bench_spawn_stop[],
    bench_crash_restart[], bench_engine[], bench_state[], bench_names[], bench_timers[],
    bench_trees[], bench_access_log[]; /* each ends with a name that is NULL */

/* BENCH_MUST - this holds, or the benchmark ends with the place and the text. */
#define BENCH_MUST(condition, text) ((condition) ? (void)0 : bench_die(__FILE__, __LINE__, (text)))
#define BENCH_OK(call) bench_expect_ok(__FILE__, __LINE__, (call))

_Noreturn void bench_die(const char *file, int line, const char *text);
void bench_expect_ok(const char *file, int line, troupe_status status);

/* bench_report - print one result, as the options ask. */
void bench_report(const bench_result *result, const char *reach);

/* bench_use_cores - this process may use the first n cores it was started with; at most so many. */
unsigned bench_cores(void);
void bench_use_cores(unsigned n);

/* bench_round_trip_ns - a cache line to the second core and back, measured for 20 ms. */
double bench_round_trip_ns(void);
bool bench_is_near(double round_trip_ns);

/* ---- a system, and guests in it ---- */

typedef struct bench_house {
    troupe_system *system;
    troupe_context *me;
    troupe_engine *engine; /* NULL before the first guest */
    troupe_guest *guest;
} bench_house;

void bench_house_open(bench_house *house, unsigned cores);
void bench_house_close(bench_house *house);
/* bench_house_guest - load the guest of this file name; its grants allow sending to every name. */
void bench_house_guest(bench_house *house, const char *file);
/* bench_read_guest - its bytes; trp_free gives them back. */
troupe_bytes bench_read_guest(const char *file);
troupe_id bench_house_spawn(bench_house *house, const troupe_spec *spec);
/* bench_house_ask - a call whose answer is a number. */
uint64_t bench_house_ask(bench_house *house, troupe_id whom, troupe_bytes payload);

/* ---- the floor: the mechanics alone ---- */

void bench_floor_counting(void *state, uint64_t ops);
void bench_floor_ping_pong(void *state, uint64_t ops);
void bench_floor_spawn_stop(void *state, uint64_t ops);
void bench_floor_crash_restart(void *state, uint64_t ops);

#endif
