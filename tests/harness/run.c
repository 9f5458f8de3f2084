#include "run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MEMBERS 3

/* ---- the tree ---- */

static void set_roles(struct world *world)
{
    uint64_t start_timeout = world->simulation ? 200 * TROUPE_MICROSECOND : 5 * TROUPE_MILLISECOND;
    const struct role roles[ROLES] = {
        {.bound = 4096, .subscribes = true, .trap_links = true},
        {.bound = 4, .on_error = TROUPE_ON_ERROR_RESTART, .blocking = true},
        {.bound = 4, .on_full = TROUPE_ON_FULL_BLOCK},
        {.bound = 1, .on_full = TROUPE_ON_FULL_BLOCK, .drain = true, .own_turn = true},
        {.bound = 8,
         .drain = true,
         .own_turn = true,
         .trap_links = true,
         .start_timeout = start_timeout},
        {.bound = 4, .on_full = TROUPE_ON_FULL_DROP_NEWEST, .on_error = TROUPE_ON_ERROR_ESCALATE},
        {.bound = 3, .on_full = TROUPE_ON_FULL_DROP_OLDEST, .trap_links = true},
        {.bound = 4096, .subscribes = true, .of_kit = true},
        {.bound = 2, .drain = true, .of_kit = true},
        {.bound = 4, .on_full = TROUPE_ON_FULL_BLOCK, .own_turn = true, .of_kit = true},
    };

    for (int i = 0; i < ROLES; i++) {
        world->roles[i] = roles[i];
        world->roles[i].world = world;
    }
}

static void must(troupe_status status, const char *what)
{
    if (status != TROUPE_OK)
        fail_msg("%s: %s", what, troupe_status_name(status));
}

static void plant_tree(struct run *run)
{
    struct world *world = run->world;
    struct tree *tree = &run->tree;
    troupe_backoff backoff = {.kind = TROUPE_BACKOFF_IMMEDIATE};
    troupe_spec spec = *TROUPE_SPEC(.name = "top");
    troupe_error error = {.text = ""};
    troupe_id id;

    if (!world->exact_sent && world->seed % 2)
        backoff = (troupe_backoff){.kind = TROUPE_BACKOFF_FIXED, .initial_ns = 50000};
    for (unsigned i = 0; i < 3; i++) {
        tree->inner_children[i] =
            (troupe_child){.spec = player_spec_of(world, FREE_ROLES + i),
                           .restart = i < 2 ? TROUPE_TRANSIENT : TROUPE_TEMPORARY};
        tree->top_children[i] = (troupe_child){.spec = player_spec_of(world, FREE_ROLES + i)};
    }
    tree->inner =
        (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 4096, .within_ns = TROUPE_SECOND,
                                             .backoff = backoff, .children = tree->inner_children,
                                             .n_children = 3);
    tree->member.spec = player_spec_of(world, FREE_ROLES + 2);
    tree->pool = (troupe_pool)TROUPE_POOL(.member = &tree->member, .n_members = MEMBERS,
                                          .max_restarts = 4096, .within_ns = TROUPE_SECOND,
                                          .backoff = backoff);
    tree->top_children[3].spec = *TROUPE_SPEC(.name = "pool");
    tree->top_children[4].spec = *TROUPE_SPEC(.name = "inner");
    must(troupe_pool_spec(&tree->pool, &tree->top_children[3].spec, NULL), "pool");
    must(troupe_supervisor_spec(&tree->inner, &tree->top_children[4].spec, NULL), "inner");
    tree->top =
        (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 4096, .within_ns = TROUPE_SECOND,
                                             .backoff = backoff, .children = tree->top_children,
                                             .n_children = 5);
    must(troupe_supervisor_spec(&tree->top, &spec, NULL), "top");
    if (troupe_spawn_or_say(run->me, &spec, &id, &error) != TROUPE_OK)
        fail_msg("the tree does not start: %s", error.text);
    must(troupe_lookup(world->system, "pool", &id), "lookup of the pool");
    trp_store_seq(&world->pool, id.value);
}

static void open_group(struct run *run)
{
    troupe_spec spec = *TROUPE_SPEC(.name = "group");
    troupe_id id;

    troupe_group_spec(run->world->group, &spec);
    must(troupe_spawn(run->me, &spec, &id), "the group's address");
    trp_store_seq(&run->world->group_address, id.value);
}

/* ---- a run ---- */

static void expect(struct world *world, bool holds, const char *what, uint64_t have, uint64_t want)
{
    if (!holds)
        world_wrong(world, "%s: %llu and %llu", what, (unsigned long long)have,
                    (unsigned long long)want);
}

/* Every handler here is short and every wait gets its wake: nobody has to be killed because it does not stop. */
static void look_at_log(void *arg, const troupe_log_line *line)
{
    static const char late[] = "did not stop";
    struct world *world = arg;

    if (line->text.size >= sizeof late - 1 && memcmp(line->text.data, late, sizeof late - 1) == 0)
        world_wrong(world, "%s was killed: it did not stop", line->name);
}

void run_open(struct run *run, bool simulation, uint64_t seed, unsigned workers)
{
    struct world *world = trp_alloc_zeroed(sizeof *world);
    troupe_system_options options = TROUPE_SYSTEM_OPTIONS();
    const troupe_faults *faults =
        TROUPE_FAULTS(.stall_one_in = 64, .stall_ns = 100 * TROUPE_MICROSECOND, .late_one_in = 8,
                      .late_ns = 300 * TROUPE_MICROSECOND);

    assert_non_null(world);
    memset(run, 0, sizeof *run);
    run->world = world;
    run->seed = seed;
    run->random.state = ~seed;
    world->seed = seed;
    world->simulation = simulation;
    world->exact_sent = seed % 3 == 0;
    world->faults = simulation && seed % 4 == 1;
    trp_mutex_init(&world->lock);
    set_roles(world);
    options.simulation = simulation;
    options.seed = seed;
    options.workers = workers;
    options.faults = world->faults ? faults : NULL;
    options.log = (troupe_log){look_at_log, world};
    options.batch = seed % 2 ? 1 : 8;
    must(troupe_system_new(&options, &world->system), "system");
    must(troupe_topics_new(world->system, &world->topics), "topics");
    must(troupe_group_new(world->system,
                          TROUPE_GROUP_OPTIONS(.policy = seed % 2 ? TROUPE_GROUP_LEAST_LOADED
                                                                  : TROUPE_GROUP_ROUND_ROBIN),
                          &world->group),
         "group");
    run->me = troupe_attach(world->system);
    assert_non_null(run->me);
    world->thread = troupe_self(run->me);
    plant_tree(run);
    open_group(run);
    for (unsigned i = 0; i < FREE_ROLES; i++) {
        troupe_spec spec = player_spec_of(world, i);
        troupe_status status;
        troupe_id id;

        status = troupe_spawn(run->me, &spec, &id);
        /* a stall, or on threads the machine, may be too long for a start's time */
        if (status != TROUPE_OK && ((simulation && !world->faults) || status != TROUPE_E_TIMEOUT))
            expect(world, false, "a start without fuel fails", i, 0);
    }
}

/* The three counts have three witnesses: who sent, who handled, and what lies in the mailboxes. */
static void account(struct run *run)
{
    struct world *world = run->world;
    troupe_totals *totals = &run->totals;
    uint64_t walked = troupe_account_now(world->system, totals);
    uint64_t n_timers = trp_load_seq(&world->n_timers);
    uint64_t sent = trp_load_seq(&world->n_sent);

    if (n_timers > TIMERS)
        n_timers = TIMERS;
    expect(world, totals->live == 0, "components live", totals->live, 0);
    expect(world, totals->sent == totals->handled + totals->dead_letters + walked,
           "sent, and handled + dead + waiting", totals->sent,
           totals->handled + totals->dead_letters + walked);
    expect(world, totals->waiting == walked, "waiting by count and by walk", totals->waiting,
           walked);
    for (uint32_t i = 0; i < trp_load_seq(&world->n_records); i++)
        expect(world, !trp_load_seq(&world->records[i].live), "a life goes on after the stop", i,
               0);
    if (world->seed % 3 && world->seed % 2)
        return; /* the supervisors' own timers are messages too */
    expect(world, totals->handled == trp_load_seq(&world->n_handled),
           "handled, and as players count", totals->handled, trp_load_seq(&world->n_handled));
    sent += trp_load_seq(&world->n_ticks_handled);
    expect(world, totals->sent >= sent + trp_load_seq(&world->n_timers_handled),
           "sent, and at least", totals->sent, sent + trp_load_seq(&world->n_timers_handled));
    if (trp_load_seq(&world->n_intervals))
        return; /* how many of their ticks nobody handled is known to the library alone */
    sent += n_timers - trp_load_seq(&world->n_cancelled) + trp_load_seq(&world->n_unsure);
    expect(world, totals->sent <= sent, "sent, and at most", totals->sent, sent);
}

void run_close(struct run *run)
{
    struct world *world = run->world;
    uint32_t n_failures;

    account(run);
    run->schedule = troupe_schedule(world->system);
    troupe_detach(run->me);
    troupe_topics_free(world->topics);
    troupe_system_free(world->system);
    troupe_group_free(world->group);
    n_failures = trp_load_seq(&world->n_failures);
    trp_mutex_fini(&world->lock);
    trp_free(world);
    if (n_failures)
        fail_msg("seed %llu: %u things went wrong", (unsigned long long)run->seed, n_failures);
}

/* ---- what the driver sends ---- */

static struct parcel parcel_to(struct run *run, enum kind kind, uint32_t target)
{
    return (struct parcel){
        .kind = kind, .sender = RECORDS, .life = 1, .sequence = run->sent[target] + 1};
}

void run_kick(struct run *run)
{
    struct world *world = run->world;
    uint32_t n = trp_load_acquire(&world->n_records); /* pairs with take_record */
    uint32_t target = (uint32_t)trp_random_below(&run->random, n);
    struct parcel parcel = parcel_to(run, KIND_PLAY, target);
    troupe_id id = {trp_load_acquire(&world->records[target].id)};

    if (troupe_send(run->me, id, TROUPE_BYTES_OF(parcel)) == TROUPE_OK) {
        run->sent[target]++;
        trp_add_seq(&world->n_sent, 1);
    }
}

void run_meddle(struct run *run)
{
    troupe_id id;

    if (trp_random_below(&run->random, 3) == 0 &&
        troupe_lookup(run->world->system, "inner", &id) == TROUPE_OK) {
        if (trp_random_below(&run->random, 2))
            (void)troupe_kill(run->me, id);
        else
            (void)troupe_stop(run->me, id, TROUPE_STOP_RESTART);
    }
}

void run_receive(struct run *run, uint64_t timeout_ns)
{
    troupe_message message;
    struct parcel parcel;

    while (troupe_receive(run->me, timeout_ns, &message) == TROUPE_OK) {
        trp_add_seq(&run->world->n_handled, 1);
        memcpy(&parcel, message.payload.data, sizeof parcel);
        parcel_arrived_at_thread(run->world, &parcel);
    }
}

/* ---- at rest ---- */

static const char *unrest_of(struct run *run, uint32_t index)
{
    struct world *world = run->world;
    troupe_id id = {trp_load_seq(&world->records[index].id)};
    struct parcel parcel = parcel_to(run, KIND_CHECK, index);
    troupe_reply_buffer reply = {NULL};
    struct check check = {0};
    troupe_status status;
    troupe_info info;

    if (troupe_info_of(world->system, id, &info) != TROUPE_OK)
        return NULL;
    if (info.phase != TROUPE_PHASE_RUNNING)
        return info.phase == TROUPE_PHASE_HELD ? "held" : "neither running nor ended";
    status = troupe_call(run->me, id, TROUPE_BYTES_OF(parcel), PATIENCE, &reply);
    if (status == TROUPE_E_GONE) {
        trp_add_seq(&world->n_unsure, 1);
        return "going";
    }
    if (status != TROUPE_E_FULL) {
        run->sent[index]++;
        trp_add_seq(&world->n_sent, 1);
    }
    if (status == TROUPE_OK)
        memcpy(&check, troupe_reply_bytes(&reply).data, sizeof check);
    troupe_reply_clear(&reply);
    if (status != TROUPE_OK)
        return troupe_status_name(status);
    return check.open_requests      ? "waiting for an answer that does not come"
           : check.overdue_monitors ? "waiting for a notice that does not come"
           : check.held_children    ? "the parent of a held child"
           : check.pending          ? "waiting for a wake that does not come"
           : check.untold_rooms     ? "waiting for room that it is not told of"
           : check.outlived_links   ? "linked to one whose end it did not hear of"
                                    : NULL;
}

static const char *unrest(struct run *run, uint32_t *ret_index)
{
    struct world *world = run->world;
    troupe_totals totals;

    *ret_index = 0;
    if (trp_load_seq(&world->n_jobs))
        return "jobs go on";
    troupe_totals_now(world->system, &totals);
    if (totals.waiting)
        return "messages wait";
    for (uint32_t i = 0; i < trp_load_seq(&world->n_records); i++) {
        const char *words = unrest_of(run, i);

        *ret_index = i;
        if (words)
            return words;
    }
    return NULL;
}

static void show_waiting(struct world *world)
{
    for (uint32_t i = 0; i < trp_load_seq(&world->n_records); i++) {
        const struct record *record = &world->records[i];
        troupe_info info;

        if (troupe_info_of(world->system, (troupe_id){trp_load_seq(&record->id)}, &info) ==
                TROUPE_OK &&
            (info.waiting || info.phase != TROUPE_PHASE_RUNNING))
            world_wrong(world, "%u: phase %d, life %u, %u wait within %u", i, (int)info.phase,
                        info.incarnation, info.waiting, record->role->bound);
    }
}

void run_come_to_rest(struct run *run)
{
    uint64_t deadline = trp_monotonic_ns() + PATIENCE;
    const char *words;
    uint32_t index;

    trp_store_seq(&run->world->fuel, 0);
    do {
        while (run->world->simulation && troupe_step(run->world->system))
            continue;
        run_receive(run, run->world->simulation ? 0 : TROUPE_MILLISECOND);
        words = unrest(run, &index);
    } while (words && !run->world->simulation && trp_monotonic_ns() < deadline);
    if (words) {
        world_wrong(run->world, "no rest: %s (%u)", words, index);
        show_waiting(run->world);
    }
}
