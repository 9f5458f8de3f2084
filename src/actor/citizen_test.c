/* A good citizen: what a system does to the process that it lives in, and to others there. */
#include "actor_testing.h"

#include "cell.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops echo = {.handle_message = answer};

/* ---- two systems ---- */

/* Sends what it gets to the attached thread that its argument names. */
struct outpost {
    troupe_id thread;
};

static troupe_status take_address(void *self, const troupe_start *start)
{
    ((struct outpost *)self)->thread = *(const troupe_id *)start->argument;
    return TROUPE_OK;
}

static troupe_status pass_on(void *self, troupe_context *ctx, const troupe_message *message)
{
    return troupe_send(ctx, ((struct outpost *)self)->thread, message->payload);
}

static const troupe_child_ops outpost_child = {.pre_start = take_address};
static const troupe_actor_ops outpost_actor = {.handle_message = pass_on};

static void open_outpost(fixture *f, troupe_id *ret_id)
{
    troupe_id me = troupe_self(f->me);

    assert_int_equal(
        troupe_spawn(f->me,
                     TROUPE_SPEC(.child = &outpost_child, .actor = &outpost_actor,
                                 .state_size = sizeof(struct outpost), .argument = &me),
                     ret_id),
        TROUPE_OK);
}

static void exchange(const troupe_system_options *first, const troupe_system_options *second)
{
    fixture both[2];
    troupe_id outposts[2];
    uint64_t ball = 0;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(troupe_system_new(i == 0 ? first : second, &both[i].system), TROUPE_OK);
        both[i].me = troupe_attach(both[i].system);
        open_outpost(&both[i], &outposts[i]);
    }
    for (size_t i = 0; i < 200; i++) {
        fixture *f = &both[i % 2];
        troupe_message message;

        assert_int_equal(troupe_send(f->me, outposts[i % 2], TROUPE_BYTES_OF(ball)), TROUPE_OK);
        assert_int_equal(troupe_receive(f->me, 20 * TROUPE_SECOND, &message), TROUPE_OK);
        memcpy(&ball, message.payload.data, sizeof ball);
        assert_int_equal(ball, i);
        ball++;
    }
    for (size_t i = 0; i < 2; i++) {
        troupe_detach(both[i].me);
        troupe_system_free(both[i].system);
    }
}

static void test_two_systems_exchange_through_one_thread(void **state)
{
    (void)state;
    exchange(&TROUPE_SYSTEM_OPTIONS(.workers = 2), &TROUPE_SYSTEM_OPTIONS(.workers = 2));
    exchange(&TROUPE_SYSTEM_OPTIONS(.driven = true), &TROUPE_SYSTEM_OPTIONS(.driven = true));
    exchange(&TROUPE_SYSTEM_OPTIONS(.driven = true), &TROUPE_SYSTEM_OPTIONS(.workers = 1));
    exchange(&TROUPE_SYSTEM_OPTIONS(.simulation = true), &TROUPE_SYSTEM_OPTIONS(.workers = 1));
}

static void test_an_id_of_one_system_is_nobody_in_another(void **state)
{
    fixture *f = *state, other;
    troupe_id id = spawn_named(f, NULL, NULL, &echo, 0);

    assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.workers = 1), &other.system),
                     TROUPE_OK);
    other.me = troupe_attach(other.system);
    spawn_named(&other, NULL, NULL, &echo, 0);
    assert_int_equal(troupe_send(other.me, id, TROUPE_TEXT("x")), TROUPE_E_GONE);
    troupe_detach(other.me);
    troupe_system_free(other.system);
}

/* ---- threads and signals ---- */

/* Calls look for each thread of the process whose name begins with prefix, with the text of its status. */
static unsigned each_thread(const char *prefix, void (*look)(const char *status))
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned n = 0;

    assert_non_null(tasks);
    for (const struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
        char path[300], status[4096];
        FILE *file;

        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        file = fopen(path, "re");
        if (!file)
            continue;
        status[fread(status, 1, sizeof status - 1, file)] = '\0';
        fclose(file);
        if (strncmp(status, "Name:\t", 6) != 0 || strncmp(status + 6, prefix, strlen(prefix)) != 0)
            continue;
        n++;
        if (look)
            look(status);
    }
    closedir(tasks);
    return n;
}

/* 32 and 33 are the C library's own, and nobody can block SIGKILL and SIGSTOP. */
static void expect_all_blocked(const char *status)
{
    const char *line = strstr(status, "\nSigBlk:\t");
    uint64_t blocked;

    assert_non_null(line);
    blocked = strtoull(line + strlen("\nSigBlk:\t"), NULL, 16);
    for (unsigned signal = 1; signal <= 64; signal++) {
        if (signal != SIGKILL && signal != SIGSTOP && signal != 32 && signal != 33)
            assert_true(blocked >> (signal - 1) & 1);
    }
}

static _Atomic uint32_t job_runs, job_may_end;

static void hold_job(void *argument)
{
    (void)argument;
    trp_store_release(&job_runs, 1);
    while (!trp_load_acquire(&job_may_end))
        trp_pause();
}

static void test_every_thread_of_a_system_blocks_every_signal(void **state)
{
    fixture *f = *state;

    trp_store_release(&job_runs, 0);
    trp_store_release(&job_may_end, 0);
    assert_int_equal(troupe_offload(f->system, hold_job, NULL), TROUPE_OK);
    while (!trp_load_acquire(&job_runs))
        trp_pause();
    while (each_thread("troupe-worker", NULL) != 2 || each_thread("troupe-clock", NULL) != 1)
        trp_pause(); /* a thread names itself when it begins */
    assert_int_equal(each_thread("troupe-job", NULL), 1);
    assert_int_equal(each_thread("troupe-", expect_all_blocked), 4);
    trp_store_release(&job_may_end, 1);
}

static void read_actions(struct sigaction actions[65])
{
    memset(actions, 0, 65 * sizeof *actions);
    for (int signal = 1; signal <= 64; signal++)
        sigaction(signal, NULL, &actions[signal]);
}

static void test_no_handler_is_installed_and_the_callers_mask_stays(void **state)
{
    static struct sigaction before[65], after[65];
    static sigset_t mask_before, mask_after; /* the kernel fills a part of them */
    troupe_system *system = NULL;
    troupe_context *me;
    troupe_id id;

    (void)state;
    read_actions(before);
    sigprocmask(SIG_SETMASK, NULL, &mask_before);
    assert_int_equal(troupe_system_new(NULL, &system), TROUPE_OK);
    me = troupe_attach(system);
    assert_int_equal(troupe_spawn(me, TROUPE_SPEC(.actor = &echo), &id), TROUPE_OK);
    assert_int_equal(troupe_call(me, id, TROUPE_TEXT("x"), 20 * TROUPE_SECOND, NULL), TROUPE_OK);
    read_actions(after);
    sigprocmask(SIG_SETMASK, NULL, &mask_after);
    for (int signal = 1; signal <= 64; signal++)
        assert_true(before[signal].sa_handler == after[signal].sa_handler &&
                    before[signal].sa_flags == after[signal].sa_flags);
    assert_memory_equal(&mask_before, &mask_after, sizeof mask_before);
    troupe_detach(me);
    troupe_system_free(system);
}

static void test_the_workers_are_as_many_as_affinity_allows(void **state)
{
    troupe_system *system = NULL;
    cpu_set_t before, one;
    int first = 0;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(troupe_system_new(NULL, &system), TROUPE_OK);
    while (each_thread("troupe-clock", NULL) != 1) /* it is made last */
        trp_pause();
    while (each_thread("troupe-worker", NULL) < 1)
        trp_pause();
    assert_int_equal(each_thread("troupe-worker", NULL), 1);
    troupe_system_free(system);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void test_a_freed_system_leaves_no_thread_and_no_descriptor(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        troupe_system *system = NULL;
        int lowest_before = dup(0), lowest_after;

        close(lowest_before);
        assert_int_equal(troupe_system_new(i % 2 ? &TROUPE_SYSTEM_OPTIONS(.driven = true)
                                                 : &TROUPE_SYSTEM_OPTIONS(.workers = 2),
                                           &system),
                         TROUPE_OK);
        troupe_system_free(system);
        lowest_after = dup(0);
        close(lowest_after);
        assert_int_equal(lowest_after, lowest_before);
        while (each_thread("troupe-", NULL) > 0) /* what was joined may still be listed */
            trp_pause();
    }
}

/* ---- a forked child ---- */

/* In the child the locks that another thread held stay held for ever: as if every one of them had been. */
static void hold_every_lock(troupe_system *system)
{
    trp_mutex_lock(&system->roots_lock);
    trp_mutex_lock(&system->slots_lock);
    trp_mutex_lock(&system->names_lock);
    trp_mutex_lock(&system->requests_lock);
    trp_mutex_lock(&system->mute_lock);
    trp_mutex_lock(&system->dead_lock);
    trp_mutex_lock(&system->random_lock);
}

static void let_every_lock_go(troupe_system *system)
{
    trp_mutex_unlock(&system->random_lock);
    trp_mutex_unlock(&system->dead_lock);
    trp_mutex_unlock(&system->mute_lock);
    trp_mutex_unlock(&system->requests_lock);
    trp_mutex_unlock(&system->names_lock);
    trp_mutex_unlock(&system->slots_lock);
    trp_mutex_unlock(&system->roots_lock);
}

#define SAYS_SO(call)                                                                              \
    do {                                                                                           \
        if ((call) != TROUPE_E_FORKED) {                                                           \
            fprintf(stderr, "in a forked child: %s\n", #call);                                     \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* 0: every call that returns a status said so. */
static int send_after_fork(fixture *f, troupe_id id, troupe_correlation held)
{
    troupe_id other;

    SAYS_SO(troupe_send(f->me, id, TROUPE_TEXT("x")));
    SAYS_SO(troupe_call(f->me, id, TROUPE_TEXT("x"), TROUPE_SECOND, NULL));
    SAYS_SO(troupe_send_after(f->me, id, TROUPE_TEXT("x"), 1, NULL));
    SAYS_SO(troupe_spawn(f->me, TROUPE_SPEC(.actor = &echo), &other));
    SAYS_SO(troupe_lookup_or_spawn(f->me, TROUPE_SPEC(.name = "n", .actor = &echo), &other, NULL,
                                   NULL));
    SAYS_SO(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL));
    SAYS_SO(troupe_reply(f->me, TROUPE_TEXT("x")));
    SAYS_SO(troupe_reply_to(f->me, held, TROUPE_TEXT("x")));
    SAYS_SO(troupe_fail(f->me, held, TROUPE_E_FAILED, TROUPE_TEXT("x")));
    SAYS_SO(troupe_delegate(f->me, held, id, TROUPE_TEXT("x")));
    return 0;
}

static int ask_after_fork(fixture *f, troupe_id id)
{
    troupe_system *system = f->system;
    troupe_monitor monitor;
    troupe_tick *tick;
    troupe_info info;
    troupe_id other;

    SAYS_SO(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED));
    SAYS_SO(troupe_kill(f->me, id));
    SAYS_SO(troupe_restart(f->me, id));
    SAYS_SO(troupe_release(f->me, id, false));
    SAYS_SO(troupe_monitor_start(f->me, id, TROUPE_MONITOR_FINAL, &monitor));
    SAYS_SO(troupe_link(f->me, id));
    SAYS_SO(troupe_unlink(f->me, id));
    SAYS_SO(troupe_trace_set(f->me, TROUPE_TEXT("")));
    SAYS_SO(troupe_lookup(system, "echo", &other));
    SAYS_SO(troupe_info_of(system, id, &info));
    SAYS_SO(troupe_dead_letters_subscribe(f->me));
    SAYS_SO(troupe_offload(system, hold_job, NULL));
    SAYS_SO(troupe_tick_start(system, hold_job, NULL, &tick));
    return 0;
}

/* 0: the rest answered nothing, and came back. */
static int look_after_fork(fixture *f, troupe_id id)
{
    troupe_dead_letter letter;
    troupe_totals totals;
    troupe_info info;

    if (troupe_cancel(f->me, (troupe_correlation){1}) ||
        troupe_monitor_stop(f->me, (troupe_monitor){1}) ||
        troupe_cancel_timer(f->me, (troupe_timer_id){1}) || troupe_dead_letters_unsubscribe(f->me))
        return 2;
    if (troupe_dead_letters(f->system, &letter, 1) || troupe_walk_mailboxes(f->system) ||
        troupe_snapshot(f->system, &info, 1) || troupe_names_count(f->system, ""))
        return 3;
    if (troupe_run_once(f->system, 0) || troupe_descriptor(f->system) != -1 ||
        troupe_attach(f->system))
        return 4;
    troupe_totals_now(f->system, &totals);
    troupe_dead_letter_add(f->me, id, TROUPE_DEAD_FULL, 1);
    troupe_wake(f->system, id, 1);
    troupe_system_stop(f->system);
    troupe_detach(f->me);
    troupe_system_free(f->system);
    return 0;
}

static void test_a_forked_child_is_told_so_by_every_call_and_never_hangs(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_named(f, "echo", NULL, &echo, 0);
    int status = -1;
    pid_t child;

    hold_every_lock(f->system);
    child = fork();
    if (child == 0) {
        int answered;

        alarm(10);
        answered = send_after_fork(f, id, (troupe_correlation){1});
        answered = answered ? answered : ask_after_fork(f, id);
        _exit(answered ? answered : look_after_fork(f, id));
    }
    let_every_lock_go(f->system);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(troupe_call(f->me, id, TROUPE_TEXT("x"), 20 * TROUPE_SECOND, NULL), TROUPE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_systems_exchange_through_one_thread),
        BOTH(test_an_id_of_one_system_is_nobody_in_another),
        cmocka_unit_test_setup_teardown(test_every_thread_of_a_system_blocks_every_signal,
                                        on_threads, tear_down),
        cmocka_unit_test(test_no_handler_is_installed_and_the_callers_mask_stays),
        cmocka_unit_test(test_the_workers_are_as_many_as_affinity_allows),
        cmocka_unit_test(test_a_freed_system_leaves_no_thread_and_no_descriptor),
        BOTH(test_a_forked_child_is_told_so_by_every_call_and_never_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
