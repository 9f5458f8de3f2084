#include "trp/os.h"

#include "troupe/base.h"
#include "trp/atomic.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* Larger ones may come as fresh pages, which are zero. glibc's calloc passes its thread's cache of small blocks by. */
#define ZEROED_HERE 1024u

static _Thread_local trp_alloc_faults *faults;
static _Thread_local trp_alloc_faults countdown; /* of trp_alloc_fail_after */

void trp_alloc_fail_after(uint64_t n)
{
    countdown.nth = n;
    faults = n ? &countdown : NULL;
}

trp_alloc_faults *trp_alloc_faults_use(trp_alloc_faults *plan)
{
    trp_alloc_faults *before = faults;

    faults = plan;
    return before;
}

static bool strikes(trp_alloc_faults *plan)
{
    if (plan->nth && --plan->nth == 0)
        return true;
    return plan->one_in && trp_random_below(&plan->random, plan->one_in) == 0;
}

bool trp_alloc_fails(void)
{
    return __builtin_expect(faults != NULL, 0) && strikes(faults);
}

void *trp_alloc(size_t size)
{
    return trp_alloc_fails() ? NULL : malloc(size);
}

void *trp_alloc_zeroed(size_t size)
{
    void *memory;

    if (size > ZEROED_HERE)
        return trp_alloc_fails() ? NULL : calloc(1, size);
    memory = trp_alloc(size);
    return memory ? memset(memory, 0, size) : NULL;
}

void *trp_alloc_aligned(size_t align, size_t size)
{
    void *memory = NULL;

    if (trp_alloc_fails() || posix_memalign(&memory, align, size) != 0)
        return NULL;
    return memory;
}

void *trp_realloc(void *memory, size_t size)
{
    return trp_alloc_fails() ? NULL : realloc(memory, size);
}

char *trp_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = trp_alloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}

void trp_free(void *memory)
{
    free(memory);
}

static _Atomic uint32_t n_forks; /* behind this process: written by the one thread of a new child */

static void note_fork(void)
{
    trp_add_relaxed(&n_forks, 1); /* the child has one thread */
}

static void watch_forks(void)
{
    TROUPE_ASSERT(pthread_atfork(NULL, NULL, note_fork) == 0);
}

void trp_process_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch_forks);
}

uint32_t trp_process(void)
{
    return trp_load_relaxed(&n_forks); /* it changes before a child's thread goes on */
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * TROUPE_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t trp_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t trp_monotonic_recent_ns(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

uint64_t trp_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t trp_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void trp_random_os(void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = getrandom((char *)to + done, size - done, 0);

        if (n > 0)
            done += (size_t)n;
        else
            TROUPE_ASSERT(errno == EINTR);
    }
}

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014. */
uint64_t trp_random_next(trp_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t trp_random_below(trp_random *random, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)trp_random_next(random) * n) >> 64);
}

void trp_mutex_init(trp_mutex *mutex)
{
    TROUPE_ASSERT(pthread_mutex_init(&mutex->os, NULL) == 0);
}

void trp_mutex_fini(trp_mutex *mutex)
{
    TROUPE_ASSERT(pthread_mutex_destroy(&mutex->os) == 0);
}

void trp_mutex_lock(trp_mutex *mutex)
{
    TROUPE_ASSERT(pthread_mutex_lock(&mutex->os) == 0);
}

void trp_mutex_unlock(trp_mutex *mutex)
{
    TROUPE_ASSERT(pthread_mutex_unlock(&mutex->os) == 0);
}

void trp_rwlock_init(trp_rwlock *lock)
{
    pthread_rwlockattr_t attributes;

    TROUPE_ASSERT(pthread_rwlockattr_init(&attributes) == 0);
    TROUPE_ASSERT(pthread_rwlockattr_setkind_np(&attributes,
                                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
    TROUPE_ASSERT(pthread_rwlock_init(&lock->os, &attributes) == 0);
    pthread_rwlockattr_destroy(&attributes);
}

void trp_rwlock_fini(trp_rwlock *lock)
{
    TROUPE_ASSERT(pthread_rwlock_destroy(&lock->os) == 0);
}

void trp_rwlock_read(trp_rwlock *lock)
{
    TROUPE_ASSERT(pthread_rwlock_rdlock(&lock->os) == 0);
}

void trp_rwlock_write(trp_rwlock *lock)
{
    TROUPE_ASSERT(pthread_rwlock_wrlock(&lock->os) == 0);
}

void trp_rwlock_unlock(trp_rwlock *lock)
{
    TROUPE_ASSERT(pthread_rwlock_unlock(&lock->os) == 0);
}

void trp_condition_init(trp_condition *condition)
{
    pthread_condattr_t attributes;

    TROUPE_ASSERT(pthread_condattr_init(&attributes) == 0);
    TROUPE_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    TROUPE_ASSERT(pthread_cond_init(&condition->os, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

void trp_condition_fini(trp_condition *condition)
{
    TROUPE_ASSERT(pthread_cond_destroy(&condition->os) == 0);
}

void trp_condition_wait(trp_condition *condition, trp_mutex *mutex)
{
    TROUPE_ASSERT(pthread_cond_wait(&condition->os, &mutex->os) == 0);
}

bool trp_condition_wait_until(trp_condition *condition, trp_mutex *mutex, uint64_t deadline_ns)
{
    struct timespec at;
    int rc;

    if (deadline_ns == TROUPE_FOREVER) {
        trp_condition_wait(condition, mutex);
        return true;
    }
    at.tv_sec = (time_t)(deadline_ns / TROUPE_SECOND);
    at.tv_nsec = (long)(deadline_ns % TROUPE_SECOND);
    rc = pthread_cond_timedwait(&condition->os, &mutex->os, &at);
    TROUPE_ASSERT(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

void trp_condition_signal(trp_condition *condition)
{
    pthread_cond_signal(&condition->os);
}

void trp_condition_broadcast(trp_condition *condition)
{
    pthread_cond_broadcast(&condition->os);
}

struct start {
    void (*run)(void *);
    void *arg;
    char name[16];
};

static void *thread_main(void *arg)
{
    struct start start = *(struct start *)arg;

    trp_free(arg);
    pthread_setname_np(pthread_self(), start.name);
    start.run(start.arg);
    return NULL;
}

size_t trp_stack_min(void)
{
    long least = sysconf(_SC_THREAD_STACK_MIN);

    return least > PTHREAD_STACK_MIN ? (size_t)least : (size_t)PTHREAD_STACK_MIN;
}

bool trp_thread_start(trp_thread *thread, const char *name, size_t stack_bytes, void (*run)(void *),
                      void *arg)
{
    struct start *start = trp_alloc(sizeof *start);
    pthread_attr_t attributes;
    sigset_t all, before;
    int rc;

    if (!start)
        return false;
    start->run = run;
    start->arg = arg;
    snprintf(start->name, sizeof start->name, "%s", name);
    TROUPE_ASSERT(pthread_attr_init(&attributes) == 0);
    if (stack_bytes)
        TROUPE_ASSERT(pthread_attr_setstacksize(&attributes, stack_bytes) == 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread->os, &attributes, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (rc != 0)
        trp_free(start);
    return rc == 0;
}

void trp_yield(void)
{
    sched_yield();
}

void trp_thread_join(trp_thread *thread)
{
    TROUPE_ASSERT(pthread_join(thread->os, NULL) == 0);
}

void trp_thread_detach(trp_thread *thread)
{
    TROUPE_ASSERT(pthread_detach(thread->os) == 0);
}
