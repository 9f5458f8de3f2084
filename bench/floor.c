/* floor.c - the floor under the figures: a bare loop that moves messages between actors on one
 * thread.
 *
 * A mailbox that any thread could send to (one exchange a send, one compare-and-swap a drain),
 * messages from a free list, a first-in-first-out run queue, turns of up to 100 messages, handlers
 * called through a pointer. No isolation, no supervision, no bounds, no timers, no names, no
 * accounts. What troupe costs is told as a ratio to it, measured in the same run.
 */
#include "bench.h"

#include "trp/atomic.h"
#include "trp/os.h"

#define TURN 100

struct message {
    _Atomic(struct message *) next;
    uint64_t kind, value;
};

struct actor {
    _Atomic(uintptr_t) head; /* the newest message; its lowest bit: the actor is idle */
    char padding[TRP_CACHE_LINE - sizeof(uintptr_t)];
    struct message *tail; /* handled last */
    void (*handle)(struct actor *self, const struct message *message);
    struct actor *next, *peer;
    uint64_t left;
    bool ended;
} TRP_ALIGN_LINE;

static struct message *free_messages;
static struct actor *free_actors, *first, *last;
static bool done;
static uint64_t n_handled;

static inline struct message *take_message(void)
{
    struct message *message = free_messages;

    if (message) {
        free_messages = trp_load_relaxed(&message->next);
        return message;
    }
    message = trp_alloc_aligned(32, 32);
    BENCH_MUST(message, "memory is out");
    return message;
}

static void give_message(struct message *message)
{
    trp_store_relaxed(&message->next, free_messages);
    free_messages = message;
}

static void enqueue(struct actor *actor)
{
    actor->next = NULL;
    if (last)
        last->next = actor;
    else
        first = actor;
    last = actor;
}

static inline void post(struct actor *to, uint64_t kind, uint64_t value)
{
    struct message *message = take_message();
    uintptr_t before;

    message->kind = kind;
    message->value = value;
    trp_store_relaxed(&message->next, NULL);
    before = trp_exchange_acq_rel(&to->head, (uintptr_t)message);
    /* Pairs with the acquire in take_turn: who sees the message sees its fields. */
    trp_store_release(&((struct message *)(before & ~(uintptr_t)1))->next, message);
    if (before & 1)
        enqueue(to);
}

static struct actor *make(void (*handle)(struct actor *, const struct message *))
{
    struct actor *actor = free_actors;
    struct message *stub = take_message();

    if (actor)
        free_actors = actor->next;
    else
        actor = trp_alloc_aligned(TRP_CACHE_LINE, sizeof *actor);
    BENCH_MUST(actor, "memory is out");
    *actor = (struct actor){.tail = stub, .handle = handle};
    trp_store_relaxed(&stub->next, NULL);
    trp_store_relaxed(&actor->head, (uintptr_t)stub | 1);
    return actor;
}

static void discard(struct actor *actor)
{
    give_message(actor->tail);
    actor->next = free_actors;
    free_actors = actor;
}

/* Only what was there when the turn began: who sends to itself must not keep the turn for ever. */
static bool take_turn(struct actor *actor)
{
    uintptr_t until = trp_load_acquire(&actor->head);
    struct message *message;

    for (int n = 0; n < TURN; n++) {
        struct message *old = actor->tail;

        message = trp_load_acquire(&old->next);
        if (!message)
            break;
        actor->tail = message;
        actor->handle(actor, message);
        give_message(old);
        if (actor->ended) {
            discard(actor);
            return false;
        }
        if ((uintptr_t)message == until)
            break;
    }
    until = (uintptr_t)actor->tail;
    return !trp_cas_acq_rel(&actor->head, &until, until | 1);
}

static void run(void)
{
    for (done = false; first && !done;) {
        struct actor *actor = first;

        first = actor->next;
        if (!first)
            last = NULL;
        if (take_turn(actor))
            enqueue(actor);
    }
    while (first) {
        struct actor *actor = first;

        first = actor->next;
        if (!first)
            last = NULL;
        if (take_turn(actor))
            enqueue(actor);
    }
}

static void count(struct actor *self, const struct message *message)
{
    (void)message;
    if (--self->left == 0)
        done = true;
}

static void produce(struct actor *self, const struct message *message)
{
    uint64_t n = self->left < TURN ? self->left : TURN;

    (void)message;
    for (uint64_t i = 0; i < n; i++)
        post(self->peer, 1, i);
    self->left -= n;
    if (self->left > 0)
        post(self, 1, 0);
}

void bench_floor_counting(void *state, uint64_t ops)
{
    struct actor *counter = make(count), *producer = make(produce);

    (void)state;
    counter->left = producer->left = ops;
    producer->peer = counter;
    post(producer, 1, 0);
    run();
    BENCH_MUST(counter->left == 0, "the floor lost a message");
    discard(counter);
    discard(producer);
}

static void pass_back(struct actor *self, const struct message *message)
{
    n_handled++;
    if (message->value > 0)
        post(self->peer, 1, message->value - 1);
}

void bench_floor_ping_pong(void *state, uint64_t ops)
{
    struct actor *ping = make(pass_back), *pong = make(pass_back);

    (void)state;
    n_handled = 0;
    ping->peer = pong;
    pong->peer = ping;
    post(pong, 1, 2 * ops - 1);
    run();
    BENCH_MUST(n_handled == 2 * ops, "the floor lost a message");
    discard(ping);
    discard(pong);
}

/* kind 2 asks it to end. */
static void live(struct actor *self, const struct message *message)
{
    n_handled++;
    if (message->kind == 2)
        self->ended = true;
}

void bench_floor_spawn_stop(void *state, uint64_t ops)
{
    (void)state;
    n_handled = 0;
    for (uint64_t i = 0; i < ops; i++) {
        struct actor *actor = make(live);

        post(actor, 1, 0);
        post(actor, 2, 0);
        run();
    }
    BENCH_MUST(n_handled == 2 * ops, "the floor lost a message");
}

/* kind 2 is the crash: the state is made anew, which is all that a bare loop can do about it. */
static void fall(struct actor *self, const struct message *message)
{
    n_handled++;
    if (message->kind == 2)
        self->left = 0;
    else
        self->left++;
}

void bench_floor_crash_restart(void *state, uint64_t ops)
{
    struct actor *actor = make(fall);

    (void)state;
    n_handled = 0;
    for (uint64_t i = 0; i < ops; i++) {
        post(actor, 2, 0);
        post(actor, 1, 0);
        run();
        BENCH_MUST(actor->left == 1, "the floor kept its state");
    }
    BENCH_MUST(n_handled == 2 * ops, "the floor lost a message");
    discard(actor);
}
