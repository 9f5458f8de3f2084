/* system.c - systems, and the small calls that reach one. */
#include "stuck.h"

#include "trp/options.h"

#include <string.h>

#define LOOK_AGAIN (10 * TROUPE_MILLISECOND) /* of a driver that waits for a condition */

static troupe_status take_options(troupe_system_options *options,
                                  const troupe_system_options *asked)
{
    *options = (troupe_system_options){.size = sizeof *options};
    if (asked && !trp_options_take(options, sizeof *options, asked))
        return TROUPE_E_INVALID;
    if (options->driven && (options->simulation || options->workers || options->worker_stack ||
                            options->spares || options->kill_grace))
        return TROUPE_E_INVALID;
    return options->message_max >= UINT32_MAX ? TROUPE_E_INVALID : TROUPE_OK;
}

static void init_locks(troupe_system *system)
{
    trp_mutex_init(&system->slots_lock);
    trp_mutex_init(&system->names_lock);
    trp_condition_init(&system->names_changed);
    trp_mutex_init(&system->roots_lock);
    trp_condition_init(&system->roots_changed);
    trp_mutex_init(&system->requests_lock);
    trp_mutex_init(&system->mute_lock);
    trp_mutex_init(&system->links_lock);
    trp_stuck_init(system);
    trp_mutex_init(&system->dead_lock);
    trp_mutex_init(&system->crash_lock);
    trp_mutex_init(&system->random_lock);
}

static void fini(troupe_system *system)
{
    if (system->chunks)
        trp_slots_free(system);
    if (system->request_chunks)
        trp_requests_free(system);
    trp_names_fini(&system->names);
    troupe_payload_unref(system->dead_topic);
    trp_faults_free(system->faults);
    trp_mutex_fini(&system->slots_lock);
    trp_mutex_fini(&system->names_lock);
    trp_condition_fini(&system->names_changed);
    trp_mutex_fini(&system->roots_lock);
    trp_condition_fini(&system->roots_changed);
    trp_mutex_fini(&system->requests_lock);
    trp_mutex_fini(&system->mute_lock);
    trp_mutex_fini(&system->links_lock);
    trp_stuck_fini(system);
    trp_mutex_fini(&system->dead_lock);
    trp_mutex_fini(&system->crash_lock);
    trp_mutex_fini(&system->random_lock);
    trp_free(system);
}

static void choose_first_generation(troupe_system *system, const troupe_system_options *options)
{
    system->random.state = options->seed;
    if (options->simulation)
        system->first_generation = (uint32_t)trp_random_next(&system->random);
    else
        trp_random_os(&system->first_generation, sizeof system->first_generation);
    if (!system->first_generation)
        system->first_generation = 1;
}

static void choose_names_key(troupe_system *system, const troupe_system_options *options)
{
    trp_random random = {.state = options->seed};
    uint64_t bits[2];

    if (options->simulation)
        for (int i = 0; i < 2; i++)
            bits[i] = trp_random_next(&random);
    else
        trp_random_os(bits, sizeof bits);
    trp_names_init(&system->names, trp_hash_key_from(bits[0], bits[1]));
}

/* What is made here goes with the system. */
static troupe_status new_tables(troupe_system *system, const troupe_system_options *options)
{
    system->chunks = trp_alloc_zeroed(TRP_CHUNKS * sizeof *system->chunks);
    system->request_chunks = trp_alloc_zeroed(TRP_REQUEST_CHUNKS * sizeof *system->request_chunks);
    system->dead_topic = troupe_payload_new(TROUPE_TEXT(TROUPE_DEAD_LETTERS_TOPIC));
    if (!system->chunks || !system->request_chunks || !system->dead_topic)
        return TROUPE_E_NO_MEMORY;
    return options->faults ? trp_faults_new(options, &system->faults) : TROUPE_OK;
}

static troupe_policy policy_of(const troupe_system_options *options)
{
    if (options->driven)
        return TROUPE_POLICY_DRIVEN;
    return options->simulation ? TROUPE_POLICY_SIMULATION : TROUPE_POLICY_THREADS;
}

static troupe_status start_executor(troupe_system *system, const troupe_system_options *options)
{
    troupe_executor_options executor =
        TROUPE_EXECUTOR_OPTIONS(.policy = policy_of(options), .workers = options->workers,
                                .seed = options->seed, .worker_stack = options->worker_stack,
                                .spares = options->spares, .run = trp_turn, .arg = system,
                                .spent = trp_turn_took);

    if (system->faults)
        trp_faults_apply(system->faults, &executor);
    return troupe_executor_new(&executor, &system->executor);
}

troupe_status troupe_system_new(const troupe_system_options *asked, troupe_system **ret_system)
{
    troupe_system_options options;
    troupe_status status = take_options(&options, asked);
    troupe_system *system;

    if (status != TROUPE_OK)
        return status;
    system = trp_alloc_aligned(TRP_CACHE_LINE, sizeof *system);
    if (!system)
        return TROUPE_E_NO_MEMORY;
    memset(system, 0, sizeof *system);
    init_locks(system);
    system->log = options.log;
    system->message_max = options.message_max ? options.message_max : TROUPE_MESSAGE_MAX;
    system->stop_timeout = options.stop_timeout ? options.stop_timeout : 5 * TROUPE_SECOND;
    system->kill_grace = options.kill_grace ? options.kill_grace : TROUPE_KILL_GRACE;
    system->batch = options.batch ? options.batch : 64;
    system->n_slots = system->n_requests = 1;
    trp_process_watch();
    system->process = trp_process();
    trp_list_init(&system->roots);
    choose_first_generation(system, &options);
    choose_names_key(system, &options);
    status = new_tables(system, &options);
    if (status == TROUPE_OK)
        status = start_executor(system, &options);
    if (status != TROUPE_OK) {
        fini(system);
        return status;
    }
    trp_budgets_init(system, options.crash_lines);
    *ret_system = system;
    return TROUPE_OK;
}

static troupe_id last_root(troupe_system *system)
{
    if (trp_list_empty(&system->roots))
        return TROUPE_NOBODY;
    return (troupe_id){trp_load_relaxed(&TRP_OF(system->roots.prev, trp_cell, roots)->id)};
}

bool trp_await_locked(troupe_system *system, trp_condition *condition, trp_mutex *lock)
{
    bool drives = troupe_executor_drives(system->executor);
    bool goes_on = true;

    if (!drives && !troupe_simulated(system)) {
        trp_condition_wait(condition, lock);
        return true;
    }
    trp_mutex_unlock(lock);
    if (drives) /* what another thread changes by itself rouses nobody here */
        troupe_executor_drive(system->executor, troupe_now(system) + LOOK_AGAIN);
    else
        goes_on = troupe_executor_step(system->executor);
    trp_mutex_lock(lock);
    return goes_on;
}

static void wait_change_locked(troupe_system *system)
{
    /* a stop always gets on */
    TROUPE_ASSERT(trp_await_locked(system, &system->roots_changed, &system->roots_lock));
}

static void wait_end_locked(troupe_system *system, troupe_id id)
{
    /* A root that is just leaving has no id any more; an empty list has none either. */
    while (trp_cell_find(system, id) ||
           (!trp_list_empty(&system->roots) && last_root(system).value == id.value))
        wait_change_locked(system);
}

/* Children tell their parent before they are counted as ended: the last of them may still be at it. */
static void wait_rest_locked(troupe_system *system)
{
    while (system->n_live > 0)
        wait_change_locked(system);
}

troupe_status troupe_system_stop(troupe_system *system)
{
    bool stuck;

    if (trp_is_forked(system))
        return TROUPE_E_FORKED;
    if (trp_refuse_inside(system, "troupe_system_stop in a handler"))
        return TROUPE_E_INVALID;
    trp_mutex_lock(&system->roots_lock);
    system->closing = true;
    while (!trp_list_empty(&system->roots)) {
        troupe_id id = last_root(system);

        trp_mutex_unlock(&system->roots_lock);
        trp_cell_ask(system, id, 0, TRP_ASK_STOP_SHUTDOWN);
        trp_mutex_lock(&system->roots_lock);
        wait_end_locked(system, id);
    }
    wait_rest_locked(system);
    stuck = system->n_stuck > 0;
    trp_mutex_unlock(&system->roots_lock);
    return stuck ? TROUPE_E_TIMEOUT : TROUPE_OK;
}

void troupe_system_free(troupe_system *system)
{
    if (!system ||
        trp_is_forked(system)) /* a child gives nothing back: others may have been at it */
        return;
    if (trp_refuse_inside(system, "troupe_system_free in a handler"))
        return;
    troupe_executor_adopt(system->executor); /* nobody else is left to drive it */
    if (troupe_system_stop(system) != TROUPE_OK && !troupe_executor_stop(system->executor, 0))
        return; /* a handler is still in it */
    troupe_executor_free(system->executor);
    fini(system);
}

void troupe_system_free_at(troupe_system **system)
{
    troupe_system_free(*system);
}

bool troupe_driven(const troupe_system *system)
{
    return troupe_executor_driven(system->executor);
}

bool troupe_run_once(troupe_system *system, uint64_t budget_ns)
{
    return !trp_is_forked(system) && troupe_executor_run(system->executor, budget_ns);
}

int troupe_descriptor(const troupe_system *system)
{
    return trp_is_forked(system) ? -1 : troupe_executor_descriptor(system->executor);
}

bool troupe_step(troupe_system *system)
{
    return troupe_simulated(system) && !trp_is_inside(system) &&
           troupe_executor_step(system->executor);
}

uint64_t troupe_schedule(const troupe_system *system)
{
    return troupe_executor_schedule(system->executor);
}

uint64_t troupe_now(const troupe_system *system)
{
    return troupe_executor_now(system->executor);
}

bool troupe_simulated(const troupe_system *system)
{
    return troupe_executor_simulated(system->executor);
}

uint64_t troupe_random(troupe_system *system)
{
    uint64_t value;

    if (!troupe_simulated(system)) {
        trp_random_os(&value, sizeof value);
        return value;
    }
    trp_mutex_lock(&system->random_lock);
    value = trp_random_next(&system->random);
    trp_mutex_unlock(&system->random_lock);
    return value;
}

/* ---- contexts ---- */

troupe_system *troupe_system_of(const troupe_context *ctx)
{
    return ctx->system;
}

troupe_id troupe_self(const troupe_context *ctx)
{
    return trp_id_of(ctx);
}

uint32_t troupe_incarnation(const troupe_context *ctx)
{
    return trp_load_relaxed(&ctx->incarnation); /* owner */
}

/* ---- asks ---- */

static troupe_status ask(troupe_context *ctx, troupe_id id, trp_ask what)
{
    troupe_status status = trp_context_check(ctx);

    if (status != TROUPE_OK)
        return status;
    return trp_cell_ask(ctx->system, id, 0, what) ? TROUPE_OK : TROUPE_E_GONE;
}

troupe_status troupe_stop(troupe_context *ctx, troupe_id id, troupe_stop_reason reason)
{
    switch (reason) {
    case TROUPE_STOP_SHUTDOWN:
        return ask(ctx, id, TRP_ASK_STOP_SHUTDOWN);
    case TROUPE_STOP_REQUESTED:
        return ask(ctx, id, TRP_ASK_STOP_REQUESTED);
    case TROUPE_STOP_RESTART:
        return ask(ctx, id, TRP_ASK_STOP_RESTART);
    }
    return TROUPE_E_INVALID;
}

troupe_status troupe_kill(troupe_context *ctx, troupe_id id)
{
    return ask(ctx, id, TRP_ASK_KILL);
}

static troupe_status ask_child(troupe_context *ctx, troupe_id id, trp_ask what)
{
    const trp_cell *child = trp_cell_find(ctx->system, id);

    if (!child)
        return TROUPE_E_GONE;
    if (trp_load_relaxed(&child->parent) != trp_id_of(ctx).value) /* set before its id was known */
        return TROUPE_E_DENIED;
    return ask(ctx, id, what);
}

troupe_status troupe_restart(troupe_context *ctx, troupe_id id)
{
    return ask_child(ctx, id, TRP_ASK_RESTART);
}

troupe_status troupe_release(troupe_context *ctx, troupe_id id, bool gave_up)
{
    return ask_child(ctx, id, gave_up ? TRP_ASK_GIVE_UP : TRP_ASK_RELEASE);
}

/* The child's next life opens again what it finds refusing. One that began meanwhile may have looked before: then it is
 * opened here. Both write one word, so that the last of them has seen the other. */
troupe_status troupe_refuse(troupe_context *ctx, troupe_id id)
{
    troupe_status status = trp_context_check(ctx);
    trp_cell *child = status == TROUPE_OK ? trp_cell_find(ctx->system, id) : NULL;
    uint32_t closed = false;

    if (status != TROUPE_OK)
        return status;
    if (!child)
        return TROUPE_E_GONE;
    if (trp_load_relaxed(&child->parent) != trp_id_of(ctx).value) /* set before its id was known */
        return TROUPE_E_DENIED;
    if (!trp_cas_acq_rel(&child->closed, &closed, TRP_REFUSES))
        return TROUPE_OK;
    if (!trp_is_held(child) || trp_load_relaxed(&child->id) != id.value) /* another one by now */
        trp_open_again(child);
    return TROUPE_OK;
}

void troupe_wake(troupe_system *system, troupe_id id, uint32_t incarnation)
{
    if (!trp_is_forked(system))
        trp_cell_ask(system, id, incarnation, TRP_ASK_WAKE);
}

/* ---- what the executor gives ---- */

typedef struct job {
    troupe_job job; /* first */
    const troupe_system *system;
    void (*work)(void *argument);
    void *argument;
} job;

static void run_job(troupe_job *node)
{
    job mine = *(job *)(void *)node;
    trp_place outer;

    trp_free(node);
    outer = trp_job_enter(mine.system);
    mine.work(mine.argument);
    trp_place_return(outer);
}

troupe_status troupe_offload(troupe_system *system, void (*work)(void *argument), void *argument)
{
    troupe_status status;
    job *mine;

    if (trp_is_forked(system))
        return TROUPE_E_FORKED;
    mine = trp_alloc(sizeof *mine);
    if (!mine)
        return TROUPE_E_NO_MEMORY;
    *mine = (job){.job.run = run_job, .system = system, .work = work, .argument = argument};
    status = troupe_executor_offload(system->executor, &mine->job);
    if (status != TROUPE_OK)
        trp_free(mine);
    return status;
}

bool troupe_overrun(troupe_context *ctx)
{
    return trp_context_check(ctx) == TROUPE_OK && troupe_executor_overrun(ctx->system->executor);
}

struct troupe_tick {
    troupe_ticker ticker;
};

troupe_status troupe_tick_start(troupe_system *system, void (*tick)(void *argument), void *argument,
                                troupe_tick **ret_tick)
{
    troupe_tick *mine;

    if (trp_is_forked(system))
        return TROUPE_E_FORKED;
    mine = trp_alloc(sizeof *mine);
    if (!mine)
        return TROUPE_E_NO_MEMORY;
    mine->ticker = (troupe_ticker){.tick = tick, .arg = argument};
    troupe_ticker_start(system->executor, &mine->ticker);
    *ret_tick = mine;
    return TROUPE_OK;
}

void troupe_tick_stop(troupe_system *system, troupe_tick *tick)
{
    if (!tick || trp_is_forked(system))
        return;
    troupe_ticker_stop(system->executor, &tick->ticker);
    trp_free(tick);
}

void troupe_log_write(troupe_context *ctx, troupe_level level, const char *id, troupe_bytes text)
{
    if (trp_context_check(ctx) != TROUPE_OK)
        return;
    troupe_log_keep(ctx, text);
    trp_log_line(ctx, level, id, text);
}

void trp_log_line(trp_cell *ctx, troupe_level level, const char *id, troupe_bytes text)
{
    char name[TROUPE_NAME_MAX + 1];
    troupe_log_line line = {
        .level = level, .id = id, .component = trp_id_of(ctx).value, .name = name, .text = text};

    if (!ctx->system->log.write)
        return;
    troupe_name_of(ctx->system, trp_id_of(ctx), name);
    ctx->system->log.write(ctx->system->log.arg, &line);
}
