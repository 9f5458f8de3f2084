#include "stale.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define N_THREADS 32 /* at one time */
#define N_STORES 6   /* of a word, that are kept */
#define N_WORDS                                                                                    \
    (1u << 16) /* a power of two; a word that falls on another's place is as one without a past */
#define N_LOCKS (1u << 16)
#define STALE_NS 20000000 /* 20 ms: C11 wants stores seen within a reasonable time */
#define ONE_IN 3          /* loads that choose; the others read the newest */
#define YIELD_ONE_IN 64   /* operations behind which another thread goes on */
#define UNSEEN __attribute__((no_sanitize("thread"), noinline))

typedef struct clocks {
    uint32_t of[N_THREADS];
} clocks;

typedef struct store {
    uint64_t value, at_ns;
    uint32_t first_seen
        [N_THREADS]; /* the thread's own clock when it read or wrote this first; 0: not yet */
    bool is_seq, is_release;
    clocks released;
} store;

typedef struct word {
    uintptr_t at; /* 0: free */
    uint32_t n;   /* stores so far; the last N_STORES are kept, at [i % N_STORES] */
    store stores[N_STORES];
} word;

typedef struct lock_clocks {
    uintptr_t at;
    bool has_writer;
    clocks writers, readers;
} lock_clocks;

bool trp_stale_is_on;

static word words[N_WORDS];
static lock_clocks locks[N_LOCKS];
static clocks threads[N_THREADS];
static bool is_taken[N_THREADS];
static uint64_t chance;
static char big_lock;
static _Thread_local int self = -1;

__attribute__((constructor)) UNSEEN static void begin(void)
{
    const char *seed = getenv("TROUPE_STALE");

    chance = seed ? strtoull(seed, NULL, 10) * 2 + 1 : 0;
    trp_stale_is_on = seed != NULL;
}

UNSEEN void trp_stale_lock(void)
{
    for (int i = 0; __atomic_test_and_set(&big_lock, __ATOMIC_ACQUIRE); i++)
        if (i > 50)
            sched_yield();
}

UNSEEN uint64_t trp_stale_look(const volatile void *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) /* a byte at a time: nobody writes it now */
        ((volatile char *)&value)[i] = ((const volatile char *)at)[i];
    return value;
}

UNSEEN static uint32_t random_below(uint32_t n)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((chance >> 33) % n);
}

UNSEEN void trp_stale_unlock(void)
{
    bool yields = random_below(YIELD_ONE_IN) == 0;

    __atomic_clear(&big_lock, __ATOMIC_RELEASE);
    if (yields)
        sched_yield();
}

UNSEEN static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

UNSEEN static void join(clocks *to, const clocks *from)
{
    for (int i = 0; i < N_THREADS; i++)
        if (from->of[i] > to->of[i])
            to->of[i] = from->of[i];
}

/* A place of one that has ended keeps its own clock: what that one stored is then known to this one too. */
UNSEEN static void begin_thread(const clocks *parent)
{
    for (self = 0; is_taken[self]; self++)
        if (self == N_THREADS - 1) {
            fputs("stale: too many threads\n", stderr);
            abort();
        }
    uint32_t own = threads[self].of[self];

    is_taken[self] = true;
    threads[self] = parent ? *parent : (clocks){0};
    threads[self].of[self] = own;
}

/* One more event of this thread. */
UNSEEN static clocks *tick(void)
{
    if (self < 0)
        begin_thread(NULL);
    threads[self].of[self]++;
    return &threads[self];
}

UNSEEN static word *place(uintptr_t at)
{
    uint32_t granule = (uint32_t)((at >> 3) * 0x9e3779b97f4a7c15u >> 40);

    return &words[(granule & (N_WORDS / 8 - 1)) * 8 + (at & 7)];
}

UNSEEN static store *add_store(word *w, uint64_t value)
{
    store *s = &w->stores[w->n++ % N_STORES];

    *s = (store){.value = value, .at_ns = now_ns()};
    return s;
}

/* The word, whose newest store is what the memory has: anything else (a memset) begins a new past. One whose past was given
 * up for another word's is read as if its last store released all that anybody knows: nothing is found, nor made up. */
UNSEEN static word *find(const volatile void *at, uint64_t newest)
{
    word *w = place((uintptr_t)at);
    bool is_lost = w->at && w->at != (uintptr_t)at;
    store *first;

    if (w->at != (uintptr_t)at || w->stores[(w->n - 1) % N_STORES].value != newest) {
        w->at = (uintptr_t)at;
        w->n = 0;
        first = add_store(w, newest);
        first->is_release = is_lost;
        for (int i = 0; is_lost && i < N_THREADS; i++)
            first->released.of[i] = threads[i].of[i];
    }
    return w;
}

UNSEEN static bool is_known(const store *s, const clocks *mine)
{
    for (int i = 0; i < N_THREADS; i++)
        if (s->first_seen[i] && s->first_seen[i] <= mine->of[i])
            return true;
    return false;
}

/* The oldest store that this thread may still read. */
UNSEEN static uint32_t oldest_allowed(const word *w, const clocks *mine, bool is_seq)
{
    uint32_t oldest = w->n > N_STORES ? w->n - N_STORES : 0, at = w->n - 1;
    uint64_t now = now_ns();

    for (; at > oldest; at--) {
        const store *s = &w->stores[at % N_STORES];

        if ((is_seq && s->is_seq) || s->at_ns + STALE_NS < now || is_known(s, mine))
            break;
    }
    return at;
}

UNSEEN static bool acquires(int order)
{
    return order == memory_order_acquire || order == memory_order_acq_rel ||
           order == memory_order_seq_cst;
}

UNSEEN static bool releases(int order)
{
    return order == memory_order_release || order == memory_order_acq_rel ||
           order == memory_order_seq_cst;
}

UNSEEN static void see(store *s, clocks *mine, int order)
{
    if (!s->first_seen[self])
        s->first_seen[self] = mine->of[self];
    if (s->is_release && acquires(order))
        join(mine, &s->released);
}

UNSEEN uint64_t trp_stale_load(const volatile void *at, uint64_t newest, int order)
{
    clocks *mine = tick();
    word *w = find(at, newest);
    uint32_t i = w->n - 1, oldest;

    if (w->n > 1 && random_below(ONE_IN) == 0) {
        oldest = oldest_allowed(w, mine, order == memory_order_seq_cst);
        i = oldest + random_below(i - oldest + 1);
    }
    see(&w->stores[i % N_STORES], mine, order);
    return w->stores[i % N_STORES].value;
}

UNSEEN void trp_stale_store(const volatile void *at, uint64_t before, uint64_t value, int order)
{
    clocks *mine = tick();
    store *s = add_store(find(at, before), value);

    s->first_seen[self] = mine->of[self];
    s->is_seq = order == memory_order_seq_cst;
    s->is_release = releases(order);
    if (s->is_release)
        s->released = *mine;
}

/* An exchange: it goes on what the store before it released (a release sequence). */
UNSEEN void trp_stale_update(const volatile void *at, uint64_t before, uint64_t value, int order)
{
    clocks *mine = tick();
    word *w = find(at, before);
    store *last = &w->stores[(w->n - 1) % N_STORES], *s;
    bool goes_on = last->is_release;
    clocks released = last->released;

    see(last, mine, order);
    s = add_store(w, value);
    s->first_seen[self] = mine->of[self];
    s->is_seq = order == memory_order_seq_cst;
    s->is_release = goes_on || releases(order);
    if (goes_on)
        s->released = released;
    if (releases(order))
        join(&s->released, mine);
}

UNSEEN static lock_clocks *find_lock(uintptr_t at)
{
    uint32_t i = (uint32_t)(at * 0x9e3779b97f4a7c15u >> 40) & (N_LOCKS - 1);

    for (uint32_t n = 0; locks[i].at && locks[i].at != at; i = (i + 1) & (N_LOCKS - 1))
        if (++n == N_LOCKS) {
            fputs("stale: too many locks\n", stderr);
            abort();
        }
    locks[i].at = at;
    return &locks[i];
}

UNSEEN static void taken(const void *at, bool as_writer)
{
    if (!trp_stale_is_on)
        return;
    trp_stale_lock();
    clocks *mine = tick();
    lock_clocks *lock = find_lock((uintptr_t)at);

    join(mine, &lock->writers);
    if (as_writer)
        join(mine, &lock->readers);
    lock->has_writer = as_writer;
    trp_stale_unlock();
}

UNSEEN static void let_go(const void *at)
{
    if (!trp_stale_is_on)
        return;
    trp_stale_lock();
    clocks *mine = tick();
    lock_clocks *lock = find_lock((uintptr_t)at);

    join(lock->has_writer ? &lock->writers : &lock->readers, mine);
    trp_stale_unlock();
}

/* The linker puts these in the place of what they wrap. */
#define WRAPPED(name) __real_##name
#define WRAP(name) __wrap_##name

int WRAPPED(pthread_mutex_lock)(pthread_mutex_t *mutex);
int WRAPPED(pthread_mutex_unlock)(pthread_mutex_t *mutex);
int WRAPPED(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex);
int WRAPPED(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                    const struct timespec *at);
int WRAPPED(pthread_rwlock_rdlock)(pthread_rwlock_t *lock);
int WRAPPED(pthread_rwlock_wrlock)(pthread_rwlock_t *lock);
int WRAPPED(pthread_rwlock_unlock)(pthread_rwlock_t *lock);
int WRAPPED(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes,
                            void *(*run)(void *), void *arg);
int WRAPPED(pthread_join)(pthread_t thread, void **ret);
void WRAPPED(free)(void *memory);

int WRAP(pthread_mutex_lock)(pthread_mutex_t *mutex)
{
    int rc = WRAPPED(pthread_mutex_lock)(mutex);

    taken(mutex, true);
    return rc;
}

int WRAP(pthread_mutex_unlock)(pthread_mutex_t *mutex)
{
    let_go(mutex);
    return WRAPPED(pthread_mutex_unlock)(mutex);
}

int WRAP(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    let_go(mutex);
    int rc = WRAPPED(pthread_cond_wait)(condition, mutex);

    taken(mutex, true);
    return rc;
}

int WRAP(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                 const struct timespec *at)
{
    let_go(mutex);
    int rc = WRAPPED(pthread_cond_timedwait)(condition, mutex, at);

    taken(mutex, true);
    return rc;
}

int WRAP(pthread_rwlock_rdlock)(pthread_rwlock_t *lock)
{
    int rc = WRAPPED(pthread_rwlock_rdlock)(lock);

    taken(lock, false);
    return rc;
}

int WRAP(pthread_rwlock_wrlock)(pthread_rwlock_t *lock)
{
    int rc = WRAPPED(pthread_rwlock_wrlock)(lock);

    taken(lock, true);
    return rc;
}

int WRAP(pthread_rwlock_unlock)(pthread_rwlock_t *lock)
{
    let_go(lock);
    return WRAPPED(pthread_rwlock_unlock)(lock);
}

struct start {
    void *(*run)(void *);
    void *arg;
    clocks parent;
};

UNSEEN static void *run_thread(void *arg)
{
    struct start start = *(struct start *)arg;
    void *result;

    WRAPPED(free)(arg);
    trp_stale_lock();
    begin_thread(&start.parent);
    trp_stale_unlock();
    result = start.run(start.arg);
    let_go((const void *)pthread_self());
    trp_stale_lock();
    is_taken[self] = false;
    trp_stale_unlock();
    return result;
}

UNSEEN int WRAP(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes,
                                void *(*run)(void *), void *arg)
{
    struct start *start;
    int rc;

    if (!trp_stale_is_on)
        return WRAPPED(pthread_create)(thread, attributes, run, arg);
    start = malloc(sizeof *start);
    if (!start)
        abort();
    trp_stale_lock();
    *start = (struct start){run, arg, *tick()};
    trp_stale_unlock();
    rc = WRAPPED(pthread_create)(thread, attributes, run_thread, start);
    if (rc != 0)
        WRAPPED(free)(start);
    return rc;
}

int WRAP(pthread_join)(pthread_t thread, void **ret)
{
    int rc = WRAPPED(pthread_join)(thread, ret);

    taken((const void *)thread, true);
    return rc;
}

/* What is freed has no past for who gets it next. */
UNSEEN static void forget(uintptr_t at, uintptr_t end)
{
    trp_stale_lock();
    if (end - at > N_WORDS)
        for (uint32_t i = 0; i < N_WORDS; i++)
            words[i].at = words[i].at >= at && words[i].at < end ? 0 : words[i].at;
    else
        for (; at < end; at++)
            if (place(at)->at == at)
                place(at)->at = 0;
    trp_stale_unlock();
}

void WRAP(free)(void *memory)
{
    if (trp_stale_is_on && memory)
        forget((uintptr_t)memory, (uintptr_t)memory + malloc_usable_size(memory));
    WRAPPED(free)(memory);
}
