/* trp/os.h - clock, random, allocation, threads: the seams through which troupe touches the machine.
 *
 * Nothing above exec calls the system for these. Fault points hang here (trp_alloc_fail_after).
 */
#ifndef TRP_OS_H
#define TRP_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* trp_alloc - size bytes, zeroed by trp_alloc_zeroed; NULL when memory is out. trp_free takes NULL.
 * Owns: the caller owns the result. Threads: any. Errors: NULL.
 */
void *trp_alloc(size_t size) __attribute__((malloc, warn_unused_result));
void *trp_alloc_zeroed(size_t size) __attribute__((malloc, warn_unused_result));
void *trp_alloc_aligned(size_t align, size_t size) __attribute__((malloc, warn_unused_result));
void *trp_realloc(void *memory, size_t size) __attribute__((warn_unused_result));
char *trp_strdup(const char *text) __attribute__((malloc, warn_unused_result));
void trp_free(void *memory);

/* trp_alloc_fail_after - a fault point: the n-th allocation of this thread from now fails, once. 0: off. */
void trp_alloc_fail_after(uint64_t n);

/* trp_monotonic_ns, trp_wall_ns, trp_thread_cpu_ns - the three clocks, in nanoseconds. */
uint64_t trp_monotonic_ns(void);
uint64_t trp_wall_ns(void);
uint64_t trp_thread_cpu_ns(void);

/* trp_monotonic_recent_ns - what the monotonic clock said at the kernel's last tick, for a fifth of the price. It is behind by
 * a tick, TRP_RECENT_NS at most; by more where the machine was taken away from the kernel itself.
 */
uint64_t trp_monotonic_recent_ns(void);
#define TRP_RECENT_NS UINT64_C(10000000) /* a hundred ticks a second is the fewest */

/* trp_time_after - the time that comes ns after now_ns; UINT64_MAX (TROUPE_FOREVER) where that is beyond it. */
static inline uint64_t trp_time_after(uint64_t now_ns, uint64_t ns)
{
    return ns < UINT64_MAX - now_ns ? now_ns + ns : UINT64_MAX;
}

/* trp_random_os - bytes from the kernel, fit for keys. Blocks only before the kernel's pool is ready. */
void trp_random_os(void *to, size_t size);

/* A seeded generator (splitmix64): same seed, same numbers, on every machine. Not for keys. */
typedef struct trp_random {
    uint64_t state;
} trp_random;

uint64_t trp_random_next(trp_random *random);
/* A number below n; n must not be 0. The bias is below n / 2^64. */
uint64_t trp_random_below(trp_random *random, uint64_t n);

/* trp_alloc_fails - one allocation of this thread's plan: true, it fails. For who gives out memory that it kept. */
bool trp_alloc_fails(void);

/* A plan of allocations that fail. */
typedef struct trp_alloc_faults {
    uint64_t nth;      /* the n-th from now fails, once; 0: none */
    uint64_t one_in;   /* besides, each fails with this chance; 0: never */
    trp_random random; /* of that chance */
} trp_alloc_faults;

/* trp_alloc_faults_use - this thread's allocations follow the plan, until another one is used; NULL: none fails.
 * Owns: faults is kept until then. Threads: its owner's. Errors: none; the plan of before, so that it can be put back.
 */
trp_alloc_faults *trp_alloc_faults_use(trp_alloc_faults *faults);

/* Mutex, condition and thread: pthreads with errors turned into panics. Times on the monotonic clock. */
typedef struct trp_mutex {
    pthread_mutex_t os;
} trp_mutex;

/* Many readers, or one writer; a writer that waits goes before readers that come later. Not taken twice by one thread. */
typedef struct trp_rwlock {
    pthread_rwlock_t os;
} trp_rwlock;

typedef struct trp_condition {
    pthread_cond_t os;
} trp_condition;

typedef struct trp_thread {
    pthread_t os;
} trp_thread;

void trp_mutex_init(trp_mutex *mutex);
void trp_mutex_fini(trp_mutex *mutex);
void trp_mutex_lock(trp_mutex *mutex);
void trp_mutex_unlock(trp_mutex *mutex);
void trp_rwlock_init(trp_rwlock *lock);
void trp_rwlock_fini(trp_rwlock *lock);
void trp_rwlock_read(trp_rwlock *lock);
void trp_rwlock_write(trp_rwlock *lock);
void trp_rwlock_unlock(trp_rwlock *lock);
void trp_condition_init(trp_condition *condition);
void trp_condition_fini(trp_condition *condition);
void trp_condition_wait(trp_condition *condition, trp_mutex *mutex);
/* False when deadline_ns passed first. TROUPE_FOREVER never does. */
bool trp_condition_wait_until(trp_condition *condition, trp_mutex *mutex, uint64_t deadline_ns);
void trp_condition_signal(trp_condition *condition);
void trp_condition_broadcast(trp_condition *condition);

/* trp_thread_start - a thread with every signal blocked (a host's handlers run on the host's threads).
 * Errors: false when the system has no thread to give. stack_bytes 0: the system's default.
 */
bool trp_thread_start(trp_thread *thread, const char *name, size_t stack_bytes, void (*run)(void *),
                      void *arg);
void trp_thread_join(trp_thread *thread);
/* trp_yield - let another thread go first: while waiting for one that is at it. */
void trp_yield(void);
/* Nobody will join it: it gives itself back when it ends, if ever. */
void trp_thread_detach(trp_thread *thread);

/* trp_stack_left - bytes between here and the end of this thread's stack. Asks the system once a thread. */
size_t trp_stack_left(void);

/* trp_process_watch - from now on notice forks; trp_process then differs in a forked child from what it was in the
 * parent. One load. Threads: any. Errors: none.
 */
void trp_process_watch(void);
uint32_t trp_process(void);

/* trp_cgroup_cores - the cores that cpu.max of this process's cgroup and of those above it grant, rounded up; UINT_MAX
 * without a bound. root is where cgroups are mounted, self lists the process's own.
 */
unsigned trp_cgroup_cores(const char *root, const char *self);

/* trp_stack_min - bytes that a thread's stack has at least. */
size_t trp_stack_min(void);

/* trp_cores - processors this process may use: affinity and the cgroup's cpu.max. At least 1. */
unsigned trp_cores(void);

#endif
