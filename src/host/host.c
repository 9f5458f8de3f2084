/* host.c - a host from its making to its end. */
#include "host.h"

#include "trp/options.h"
#include "visible.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- telling the driver ---- */

/* Any thread. */
static void ring(troupe_host *host)
{
    uint64_t one = 1;

    trp_store_seq(&host->alarm, true);
    /* Fails only when it would overflow: then it is readable anyway. */
    (void)!write(host->wake_fd, &one, sizeof(one));
}

bool trp_host_pause(troupe_host *host, int timeout_ms)
{
    struct pollfd wake = {.fd = host->wake_fd, .events = POLLIN};
    uint64_t rings;

    if (host->simulation)
        return troupe_step(host->system);
    if (poll(&wake, 1, timeout_ms) > 0)
        (void)!read(host->wake_fd, &rings, sizeof(rings));
    return true;
}

troupe_host_end trp_host_why(const troupe_host *host)
{
    if (trp_load_acquire(&host->ended)) /* pairs with the watcher's release */
        return host->asked_first ? TROUPE_HOST_ASKED : TROUPE_HOST_TREE_ENDED;
    if (trp_load_seq(&host->asked))
        return TROUPE_HOST_ASKED;
    /* Only says that something was set; what it was is not read through it. */
    if (trp_load_relaxed(&host->out_closed))
        return TROUPE_HOST_OUT_CLOSED;
    return TROUPE_HOST_END_OF_INPUT;
}

static void on_out_broken(void *arg)
{
    troupe_host *host = arg;

    trp_store_relaxed(&host->out_closed, true);
    ring(host);
}

void troupe_host_ask_stop(troupe_host *host)
{
    troupe_id root;
    troupe_context *ctx;

    trp_store_seq(&host->asked, true);
    ring(host);
    root.value = trp_load_seq(&host->root);
    /* A simulation has one thread: its driver sees the alarm. So does a driver that still starts the tree. */
    if (host->simulation || root.value == 0)
        return;
    ctx = troupe_attach(host->system);
    if (ctx == NULL)
        return;
    /* Also wakes a driver that waits for room in a mailbox. GONE: it has ended, fine. */
    (void)troupe_stop(ctx, root, TROUPE_STOP_SHUTDOWN);
    troupe_detach(ctx);
}

/* ---- the watcher: a component that is told when the tree ends ---- */

typedef struct watcher {
    troupe_host *host;
} watcher;

static troupe_status begin_watching(void *self, const troupe_start *start)
{
    watcher *mine = self;

    /* The argument is the host itself; it is const only as an argument. */
    mine->host = *(troupe_host *const *)start->argument;
    return TROUPE_OK;
}

static troupe_status watch_root(void *self, troupe_context *ctx)
{
    const watcher *mine = self;
    troupe_monitor monitor;

    return troupe_monitor_start(ctx, (troupe_id){trp_load_seq(&mine->host->root)},
                                TROUPE_MONITOR_FINAL, &monitor);
}

static void on_root_down(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    const watcher *mine = self;

    (void)ctx;
    if (notice->event != TROUPE_EVENT_DOWN)
        return;
    mine->host->root_exit = notice->exit;
    /* who asks stops it himself: it may be gone before the driver looks */
    mine->host->asked_first = trp_load_seq(&mine->host->asked);
    trp_store_release(&mine->host->ended, true); /* pairs with trp_host_why */
    ring(mine->host);
}

static const troupe_child_ops watcher_child = {.pre_start = begin_watching,
                                               .post_start = watch_root};
static const troupe_actor_ops watcher_actor = {.handle_down = on_root_down};

/* ---- services for guests ---- */

static troupe_status serve_publish(void *arg, troupe_context *ctx, troupe_bytes topic,
                                   troupe_bytes payload, uint32_t *ret_reached)
{
    troupe_host *host = arg;

    return troupe_publish(ctx, host->topics, topic, payload, ret_reached);
}

static troupe_status serve_print(void *arg, troupe_context *ctx, troupe_bytes bytes)
{
    troupe_host *host = arg;

    (void)ctx;
    return trp_output_print(&host->output, bytes);
}

static void serve_log_outside(void *arg, troupe_id id, const char *name, troupe_level level,
                              troupe_bytes text)
{
    troupe_host *host = arg;
    troupe_log_line line = {
        .level = level, .id = "guest-log", .component = id.value, .name = name, .text = text};

    trp_log_sink_write(&host->log, &line);
}

/* ---- making ---- */

/* A cache that cannot be used costs time at the start, no more: say so and go on. */
static troupe_status make_engine(troupe_host *host, const char *cache_dir, troupe_error *error)
{
    troupe_status status = troupe_engine_new(
        host->system, TROUPE_ENGINE_OPTIONS(.cache_dir = cache_dir), &host->engine, error);

    if (status != TROUPE_E_IO || cache_dir == NULL)
        return status;
    troupe_log_write(host->me, TROUPE_LEVEL_WARN, "cache-unusable", troupe_text(error->text));
    return troupe_engine_new(host->system, NULL, &host->engine, error);
}

static troupe_status make_system(troupe_host *host, const troupe_host_options *options,
                                 troupe_error *error)
{
    troupe_system_options system =
        TROUPE_SYSTEM_OPTIONS(.simulation = options->simulation, .seed = options->seed,
                              .workers = options->workers, .message_max = TROUPE_LINE_MAX,
                              .log = {trp_log_sink_write, &host->log});
    troupe_status status = troupe_system_new(&system, &host->system);

    if (status != TROUPE_OK)
        return troupe_error_set(error, status, "the system cannot be made: %s",
                                troupe_status_text(status));
    host->me = troupe_attach(host->system);
    status = troupe_topics_new(host->system, &host->topics);
    if (host->me == NULL || status != TROUPE_OK)
        return troupe_error_set(error, TROUPE_E_NO_MEMORY, "memory is out");
    return make_engine(host, options->cache_dir, error);
}

static troupe_status check_target(troupe_host *host, const troupe_host_options *options,
                                  troupe_error *error)
{
    const char *name = options->stdin_to != NULL ? options->stdin_to : host->manifest->stdin_to;
    char shown[160];

    host->stdin_to = name;
    if (name == NULL)
        return TROUPE_OK;
    host->target_unit = trp_manifest_taker(host->manifest, name);
    if (host->target_unit != NULL)
        return TROUPE_OK;
    (void)trp_visible(troupe_text(name), shown, sizeof(shown));
    trp_names names = trp_manifest_names(host->manifest, &host->arena, false);
    const char *near = troupe_nearest(name, names.items);
    return troupe_error_set(
        error, TROUPE_E_INVALID,
        "%s: lines are for \"%s\", and there is no such component or pool; %s%s%s",
        host->manifest->path, shown,
        near != NULL ? "did you mean \"" : "name one with --stdin NAME", near != NULL ? near : "",
        near != NULL ? "\"?" : "");
}

static troupe_status make(troupe_host *host, const troupe_host_options *options,
                          trp_mistakes *mistakes, troupe_error *error)
{
    troupe_status status;

    host->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (host->wake_fd < 0)
        return troupe_error_set(error, TROUPE_E_IO, "no event descriptor: %s", strerror(errno));
    status = trp_output_init(&host->output, options->out_fd > 0 ? options->out_fd : -1,
                             !options->simulation, on_out_broken, host);
    if (status != TROUPE_OK)
        return troupe_error_set(error, status, "the output cannot be set up: %s",
                                troupe_status_text(status));
    status = check_target(host, options, error);
    if (status == TROUPE_OK)
        status = make_system(host, options, error);
    if (status == TROUPE_OK)
        status = trp_host_load_guests(host, mistakes);
    return status;
}

troupe_status troupe_host_new(const troupe_manifest *manifest, const troupe_host_options *options,
                              troupe_say say, troupe_host **ret_host)
{
    troupe_host *host;
    troupe_host_options taken;
    troupe_error error = {.status = TROUPE_OK};
    troupe_status status;

    if (!trp_options_take(&taken, sizeof(taken), options)) {
        if (say.say != NULL)
            say.say(say.arg, "host: made by TROUPE_HOST_OPTIONS of a newer version, or not");
        return TROUPE_E_INVALID;
    }
    host = trp_alloc_zeroed(sizeof(*host));
    if (host == NULL)
        return TROUPE_E_NO_MEMORY;
    host->manifest = manifest;
    host->simulation = taken.simulation;
    host->wake_fd = -1;
    host->output.fd = -1; /* nothing to end yet */
    host->services = (troupe_guest_services){
        .arg = host,
        .publish = serve_publish,
        .print = serve_print,
        .log_outside = serve_log_outside,
    };
    trp_log_sink_init(&host->log, taken.log_fd > 0 ? taken.log_fd : -1);
    trp_mistakes mistakes = {.arena = &host->arena, .file = manifest->path};
    status = make(host, &taken, &mistakes, &error);
    trp_mistakes_say(&mistakes, say);
    if (status != TROUPE_OK) {
        if (mistakes.n == 0 && say.say != NULL)
            say.say(say.arg, error.text[0] != '\0' ? error.text : troupe_status_text(status));
        troupe_host_free(host);
        return status;
    }
    *ret_host = host;
    return TROUPE_OK;
}

void troupe_host_guests(const troupe_host *host, uint64_t *ret_compile_ns, bool *ret_cached)
{
    *ret_compile_ns = host->compile_ns;
    *ret_cached = host->all_cached;
}

/* ---- starting ---- */

static troupe_status start_watcher(troupe_host *host, troupe_error *error)
{
    troupe_host **argument = trp_arena_alloc(&host->arena, sizeof(*argument));
    troupe_id id;

    *argument = host;
    return troupe_spawn_or_say(host->me,
                               TROUPE_SPEC(.child = &watcher_child, .actor = &watcher_actor,
                                           .state_size = sizeof(watcher), .argument = argument),
                               &id, error);
}

troupe_status troupe_host_start(troupe_host *host, troupe_error *error)
{
    troupe_spec spec;
    troupe_status status = trp_host_plan(host, &spec, error);
    troupe_id root;

    if (status == TROUPE_OK)
        status = troupe_spawn_or_say(host->me, &spec, &root, error);
    if (status != TROUPE_OK) {
        trp_log_sink_forget(&host->log); /* error says it all, once */
        return status;
    }
    trp_store_seq(&host->root, root.value);
    host->started = true;
    status = start_watcher(host, error);
    if (status != TROUPE_OK) {
        host->started = false; /* nobody would tell its end; the system's stop ends it */
        return status;
    }
    /* NOBODY: it ended in the moment since; the first line will look again. */
    if (host->stdin_to != NULL)
        (void)troupe_lookup(host->system, host->stdin_to, &host->target);
    return TROUPE_OK;
}

/* ---- ending ---- */

/* Until every accepted message has found its end: waiting counts those being handled too. */
static void drain_all(troupe_host *host)
{
    int wait_ms = 1;
    troupe_totals totals;

    for (;;) {
        troupe_totals_now(host->system, &totals);
        if (totals.waiting == 0 || trp_load_seq(&host->alarm))
            return;
        if (!trp_host_pause(host, wait_ms))
            return;
        if (wait_ms < 16)
            wait_ms *= 2;
    }
}

static void stop_tree(troupe_host *host)
{
    troupe_id root = {trp_load_seq(&host->root)};

    (void)troupe_stop(host->me, root, TROUPE_STOP_SHUTDOWN); /* GONE: it has ended by itself */
    while (!trp_load_acquire(&host->ended))                  /* pairs with the watcher's release */
        if (!trp_host_pause(host, -1))
            break;
}

void troupe_host_finish(troupe_host *host, bool drain)
{
    if (host->finished || host->system == NULL)
        return;
    host->finished = true;
    if (host->started && drain)
        drain_all(host);
    trp_log_sink_hold_no_more(&host->log);
    if (host->started)
        stop_tree(host);
    host->stuck = troupe_system_stop(host->system) != TROUPE_OK;
    if (!host->stuck) /* else it may be the output that it stands before */
        trp_output_fini(&host->output);
    host->out_error =
        trp_load_relaxed(&host->output.error); /* its writer was joined, or has no more to say */
    host->feed_ended = trp_monotonic_ns();
    host->walked = troupe_account_now(host->system, &host->totals);
    host->stores = host->engine == NULL ? 0 : troupe_engine_stores(host->engine);
    host->schedule = host->simulation ? troupe_schedule(host->system) : 0;
}

void troupe_host_free(troupe_host *host)
{
    if (host == NULL)
        return;
    troupe_host_finish(host, false);
    if (host->stuck)
        return; /* a handler may use any of it */
    trp_output_fini(&host->output);
    for (size_t i = 0; i < host->n_guests; i++)
        troupe_guest_free(host->guests[i]);
    troupe_engine_free(host->engine);
    troupe_topics_free(host->topics);
    if (host->me != NULL)
        troupe_detach(host->me);
    troupe_system_free(host->system);
    trp_log_sink_fini(&host->log);
    if (host->wake_fd >= 0)
        (void)close(host->wake_fd);
    trp_arena_fini(&host->arena);
    trp_free(host);
}

/* ---- accounts ---- */

void troupe_host_totals_of(troupe_host *host, troupe_host_totals *ret_totals)
{
    bool ended = trp_load_acquire(&host->ended); /* pairs with the watcher's release */

    *ret_totals = (troupe_host_totals){
        .lines = host->n_lines,
        .feed_ns = host->feed_began == 0 ? 0 : host->feed_ended - host->feed_began,
        .sent = host->totals.sent,
        .handled = host->totals.handled,
        .dead_letters = host->totals.dead_letters,
        .waiting = host->walked,
        .live = host->totals.live,
        .stores = host->stores,
        .crashes = host->totals.crashes,
        .schedule = host->schedule,
        .gave_up = ended && host->root_exit.reason != TROUPE_EXIT_NORMAL,
        .stuck = host->stuck,
        .out_failed = host->out_error != 0,
        .out_error = host->out_error,
    };
    if (ret_totals->gave_up)
        (void)trp_visible(troupe_text(host->root_exit.text), ret_totals->exit_text,
                          sizeof(ret_totals->exit_text));
}

size_t troupe_host_dead_letters(troupe_host *host, troupe_host_letter *letters, size_t n)
{
    troupe_dead_letter *found = trp_alloc_zeroed(n * sizeof(*found));
    troupe_id me = troupe_self(host->me);

    if (found == NULL)
        return 0;
    n = troupe_dead_letters(host->system, found, n);
    for (size_t i = 0; i < n; i++) {
        const troupe_dead_letter *letter = &found[n - 1 - i];

        letters[i] = (troupe_host_letter){.sequence = letter->sequence,
                                          .fed = letter->sender.value == me.value,
                                          .size = letter->size,
                                          .reason = troupe_dead_reason_text(letter->reason)};
        /* The target of a line has a name, also when it had ended before the line came. */
        const char *name =
            letters[i].fed && letter->target_name[0] == '\0' ? host->stdin_to : letter->target_name;
        (void)trp_visible(troupe_text(name), letters[i].target, sizeof(letters[i].target));
    }
    trp_free(found);
    return n;
}

const char *troupe_host_version(void)
{
    return troupe_engine_version();
}
