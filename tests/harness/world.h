/* world.h - a generated workload: players that send, ask, spawn, watch, crash and stop at random, and a ledger that
 * knows what may happen to them.
 *
 * A world is one system under test. Each component that ever started has a record, which outlives it; players write
 * into their own record, and the ledger compares. What contradicts it is said once, with the seed, and counted: the
 * test looks after the run, because no assertion may jump out of a handler.
 *
 * Oracles: one life at a time, and one callback at a time (double start); nothing is entered after a crash but
 * post_stop; children end before their parent; messages of one sender to one target come in order and without a
 * gap; a request ends exactly once, with its own answer; one last notice for each monitor, after the end; a timer
 * fires once, not early, never after it was cancelled; an interval never comes more often than its period went by, and
 * once at most after it was cancelled; a mailbox that rejects or drops stays within its bound (exact
 * in simulation); who asks for room is told once; a wait gets its wake, a start that has none ends by its time; one holder of a name at a time; the end
 * of a linked life is told once, or nobody outlives it who does not trap; a request that was handed on ends as others; sent, handled and dead as the players counted them.
 */
#ifndef TRP_WORLD_H
#define TRP_WORLD_H

#include "troupe/kit.h"

#include "trp/atomic.h"
#include "trp/os.h"

#define RECORDS 192
#define THREADS 4 /* attached threads send as records RECORDS, RECORDS + 1, ... */
#define SENDERS (RECORDS + THREADS)
#define TOPICS 3
#define LANES                                                                                      \
    (TOPICS + 4) /* how a message came: direct, by a pool, a topic, a thread's call, a group */
#define LANE_DIRECT 0
#define LANE_POOL 1
#define LANE_TOPIC 2
#define LANE_CALL (TOPICS + 2)
#define LANE_GROUP (TOPICS + 3)
#define TIMERS 2048
#define NAMES 6
#define ROLES 10
#define FREE_ROLES 7 /* the first ones: what players spawn */
#define SLOTS 12     /* requests, monitors, debts, timers, links of one player */
#define CHILDREN 4

struct world;

/* How a player is spawned; its argument. */
struct role {
    struct world *world;
    uint32_t bound;
    troupe_on_full on_full;
    bool drain, own_turn, subscribes, trap_links;
    troupe_on_error on_error;
    uint64_t start_timeout;
    bool blocking; /* on threads each of its turns needs a spare */
    bool of_kit;   /* its first start must succeed: the tree depends on it */
};

struct seen {
    uint32_t life, sequence;
};

/* One component over all its lives. Its own turn writes, but for what is atomic. */
struct record {
    _Atomic uint64_t id;
    _Atomic uint32_t live;   /* 1 from pre_start to post_stop */
    _Atomic uint32_t inside; /* 1 in a callback */
    const struct role *role;
    uint32_t index, life;
    bool crashed;
    _Atomic uint64_t
        crashes; /* a bit for each of its lives, in turn: it ended by a crash of its own */
    char name[8];
    uint32_t
        link_told[RECORDS]; /* the last life of each that it heard of by a link, in this life */
    uint32_t sent[SENDERS]; /* of this life, direct ones by target */
    uint32_t sent_by[LANES];
    struct seen seen[SENDERS][LANES];
};

enum timer_state { TIMER_NONE, TIMER_ARMED, TIMER_FIRED, TIMER_CANCELLED };

struct timer_record {
    _Atomic uint32_t state;
    uint64_t due_ns;
};

struct world {
    troupe_system *system;
    troupe_topics *topics;
    troupe_group *group;
    uint64_t seed;
    bool simulation;
    bool faults;     /* turns stall, and answers are late */
    bool exact_sent; /* no timers in this world: what was sent is known to the message */
    struct role roles[ROLES];
    troupe_id thread; /* of the driver */
    _Atomic uint64_t pool, group_address;
    _Atomic uint32_t n_named[NAMES];                       /* lives that have the name */
    _Atomic uint8_t unlinked[RECORDS * (RECORDS + 1) / 2]; /* pairs that were ever taken apart */
    _Atomic int64_t fuel; /* what may still be begun; 0: everything comes to rest */
    _Atomic uint32_t n_jobs, n_asked, n_answered, n_spawned, n_crashes;
    _Atomic uint64_t n_sent, n_handled,
        n_unsure; /* unsure: a thread's call that may have been refused */
    _Atomic uint32_t n_timers;
    _Atomic uint64_t n_cancelled, n_timers_handled, n_ticks_handled;
    _Atomic uint32_t n_intervals;
    _Atomic uint32_t n_records;
    _Atomic uint32_t n_failures;
    trp_mutex lock; /* of taking a record, and of words */
    struct record records[RECORDS];
    struct seen thread_seen[SENDERS];
    struct timer_record timers[TIMERS];
};

static inline uint64_t life_bit(uint32_t life)
{
    return UINT64_C(1) << life % 64;
}

/* What a message carries. */
enum kind {
    KIND_PLAY,  /* do something */
    KIND_ASK,   /* answer with the nonce, some day or never */
    KIND_TIMER, /* nonce is the timer's number */
    KIND_HEAL,  /* the same, and decide about the children that are held */
    KIND_TICK,  /* of an interval that the receiver set for itself */
    KIND_CHECK, /* answer with a struct check */
};

struct parcel {
    uint32_t kind, sender, life, sequence, lane, nonce;
};

/* What a player at rest says of itself; all must be 0. */
struct check {
    uint32_t open_requests, overdue_monitors, held_children, pending, outlived_links, untold_rooms;
};

struct question {
    troupe_correlation correlation; /* 0: the slot is free */
    uint32_t nonce;
    uint64_t due_ns;
    bool cancelled;
};

struct watch {
    troupe_monitor monitor; /* 0: free */
    troupe_id target;
    unsigned flags;
    uint32_t last_life;
};

struct tie {
    troupe_id id;         /* NOBODY: free */
    uint32_t index, life; /* of the other */
};

struct debt {
    troupe_correlation correlation;
    uint32_t nonce;
};

struct alarm {
    troupe_timer_id timer;
    uint32_t number;
};

/* Of a life to itself, one at a time. */
struct interval {
    troupe_timer_id timer; /* 0: none */
    uint64_t since_ns, period_ns, n_ticks;
    uint32_t number; /* of those that this life set */
};

struct offspring {
    troupe_id id; /* NOBODY: free */
    bool supervised, held;
};

/* The state of one life. */
struct player {
    struct world *world;
    struct record *record;
    trp_random random;
    bool pending;
    bool owes_current; /* a pending handler answers on resume */
    uint32_t nonce_current;
    bool starting, stopping;
    struct question questions[SLOTS];
    struct watch watches[SLOTS];
    struct debt debts[SLOTS];
    struct tie ties[SLOTS];
    troupe_id rooms[SLOTS]; /* whose room it asked for; NOBODY: free */
    struct alarm alarms[SLOTS];
    struct interval interval;
    struct offspring children[CHILDREN];
};

/* ---- ledger.c ---- */

/* world_wrong - something happened that must not: says it with the seed. Any thread. */
void world_wrong(struct world *world, const char *format, ...) TROUPE_PRINTF(2, 3);
/* A life begins: its record, new for life 1; NULL when the table is full. */
struct record *record_begin(struct world *world, const troupe_start *start,
                            const struct role *role);
struct record *record_of(struct world *world, troupe_id id); /* NULL: it never began */
void record_enter(struct world *world, struct record *record, const char *where);
void record_leave(struct world *world, struct record *record);
/* A life is over, or did not begin: it was inside when it was not. */
bool record_end(struct world *world, struct record *record);
/* The next parcel of record by lane to target; committed by parcel_sent when it was accepted. */
void parcel_arrived(struct world *world, struct record *to, const struct parcel *parcel);
void parcel_arrived_at_thread(struct world *world, const struct parcel *parcel);

/* ---- player.c ---- */

troupe_spec player_spec_of(struct world *world, unsigned role);
extern const troupe_child_ops player_child_ops;
extern const troupe_actor_ops player_actor_ops;
/* begin_wait - the wake that the caller's TROUPE_PENDING waits for is on its way. */
bool begin_wait(struct player *player, troupe_context *ctx);
uint32_t chance(struct player *player, uint32_t n); /* below n */

/* ---- ties.c ---- */

void tie(struct player *player, troupe_context *ctx);
void untie(struct player *player, troupe_context *ctx);
void tie_ended(struct player *player, const troupe_notice *notice);
uint32_t ties_outlived(struct player *player); /* ends that it should have heard of, or died by */

/* ---- rooms.c ---- */

void ask_for_room(struct player *player, troupe_context *ctx);
void room_came(struct player *player, const troupe_notice *notice);
uint32_t rooms_untold(const struct player *player); /* at rest everybody has room, or is gone */

/* ---- actions.c ---- */

uint32_t pick(struct player *player); /* somebody, rather of the younger ones */
troupe_id id_of(struct world *world, uint32_t index);
/* True: the request at hand was handed on. */
bool hand_on(struct player *player, troupe_context *ctx, const troupe_message *message,
             uint32_t nonce);

/* Some actions, while there is fuel. True: one of them was a crash. */
bool act(struct player *player, troupe_context *ctx);
void tick_came(struct player *player, troupe_context *ctx, uint32_t number);
void act_peacefully(struct player *player, troupe_context *ctx); /* sends only */
void decide_about(struct player *player, troupe_context *ctx, struct offspring *child);
bool crash(struct player *player, troupe_context *ctx);

#endif
