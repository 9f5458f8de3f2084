/* Every way in which a request can end, each against each other: exactly one end, and the next request gets its own. */
#include "actor_testing.h"

#include "cell.h"

#include <string.h>

#define N_SEEDS 25u
#define N_ROUNDS 4u /* on threads, for each pair */
#define LONG (60 * TROUPE_SECOND)

/* What the components of this test are told to do. */
enum what {
    WHAT_ASK, /* whom, to keep it */
    WHAT_KEEP,
    WHAT_ANSWER, /* what is kept */
    WHAT_FAIL,
    WHAT_CRASH,
    WHAT_CANCEL,
    WHAT_DELEGATE, /* what is kept, to whom, who does `then` */
    WHAT_ANSWER_NOW,
};

struct order {
    enum what what, then;
    troupe_id whom;
    uint64_t timeout_ns;
};

struct player {
    troupe_correlation asked, kept;
};

static _Atomic uint32_t n_ends, n_strange, last_status, n_asked;
static _Atomic uint64_t deadline_ns;

static void ask(struct player *player, troupe_context *ctx, const struct order *order)
{
    struct order keep = {.what = order->then};

    trp_store_seq(&deadline_ns, trp_deadline(troupe_system_of(ctx), order->timeout_ns));
    assert_int_equal(
        troupe_request(ctx, order->whom, TROUPE_BYTES_OF(keep), order->timeout_ns, &player->asked),
        TROUPE_OK);
    trp_add_seq(&n_asked, 1);
}

/* What comes too late is told so, and nothing else happens: the statuses are delegate_test's and request_test's. */
static void any(troupe_status status)
{
    (void)status;
}

static troupe_status obey(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct player *player = self;
    struct order order, then;

    memcpy(&order, message->payload.data, sizeof order);
    then = (struct order){.what = order.then};
    switch (order.what) {
    case WHAT_ASK:
        ask(player, ctx, &order);
        break;
    case WHAT_KEEP:
        player->kept = message->correlation;
        break;
    case WHAT_ANSWER:
        any(troupe_reply_to(ctx, player->kept, TROUPE_TEXT("old")));
        break;
    case WHAT_FAIL:
        any(troupe_fail(ctx, player->kept, TROUPE_E_FAILED, TROUPE_TEXT("no")));
        break;
    case WHAT_CRASH:
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "as told");
        break;
    case WHAT_CANCEL:
        troupe_cancel(ctx, player->asked);
        break;
    case WHAT_DELEGATE:
        any(troupe_delegate(ctx, player->kept, order.whom, TROUPE_BYTES_OF(then)));
        break;
    case WHAT_ANSWER_NOW:
        any(troupe_reply(ctx, TROUPE_TEXT("now")));
        break;
    }
    return TROUPE_OK;
}

static void note_end(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct player *player = self;

    (void)ctx;
    if (answer->correlation.value != player->asked.value)
        trp_add_seq(&n_strange, 1);
    trp_store_seq(&last_status, answer->status);
    trp_add_seq(&n_ends, 1);
}

static const troupe_actor_ops playing = {.handle_message = obey, .handle_reply = note_end};

/* ---- a scene: who asks, who holds, who else may hold ---- */

struct scene {
    troupe_system *system;
    troupe_context *me;
    troupe_id asker, holder, other;
    bool has_timeout; /* one of the two ways is the clock */
};

static troupe_id spawn_player(struct scene *s)
{
    troupe_id id = TROUPE_NOBODY;

    assert_int_equal(
        troupe_spawn(s->me, TROUPE_SPEC(.actor = &playing, .state_size = sizeof(struct player)),
                     &id),
        TROUPE_OK);
    return id;
}

static void tell(struct scene *s, troupe_id id, struct order order)
{
    any(troupe_send(s->me, id, TROUPE_BYTES_OF(order))); /* who has ended already, has ended */
}

static void answer(struct scene *s)
{
    tell(s, s->holder, (struct order){.what = WHAT_ANSWER});
}

static void say_no(struct scene *s)
{
    tell(s, s->holder, (struct order){.what = WHAT_FAIL});
}

static void crash_holder(struct scene *s)
{
    tell(s, s->holder, (struct order){.what = WHAT_CRASH});
}

static void stop_holder(struct scene *s)
{
    any(troupe_stop(s->me, s->holder, TROUPE_STOP_REQUESTED));
}

static void cancel(struct scene *s)
{
    tell(s, s->asker, (struct order){.what = WHAT_CANCEL});
}

static void kill_asker(struct scene *s)
{
    any(troupe_kill(s->me, s->asker));
}

static void delegate(struct scene *s)
{
    tell(s, s->holder,
         (struct order){.what = WHAT_DELEGATE, .then = WHAT_ANSWER_NOW, .whom = s->other});
}

static void delegate_to_who_crashes(struct scene *s)
{
    tell(s, s->holder, (struct order){.what = WHAT_DELEGATE, .then = WHAT_CRASH, .whom = s->other});
}

/* Until shortly before the asker's deadline. */
static void wait_for_clock(struct scene *s)
{
    uint64_t now = troupe_now(s->system), until = trp_load_seq(&deadline_ns);
    uint64_t early =
        troupe_random(s->system) % (troupe_simulated(s->system) ? 6000 : 150 * TROUPE_MICROSECOND);
    troupe_message message;

    if (now + early < until)
        any(troupe_receive(s->me, until - now - early, &message));
}

static const struct way {
    const char *name;
    void (*begin)(struct scene *s);
    troupe_status status; /* what the asker hears when this way wins */
} ways[] = {
    {"reply", answer, TROUPE_OK},
    {"error", say_no, TROUPE_E_FAILED},
    {"timeout", wait_for_clock, TROUPE_E_TIMEOUT},
    {"crash of the holder", crash_holder, TROUPE_E_CRASHED},
    {"end of the holder", stop_holder, TROUPE_E_GONE},
    {"cancel", cancel, TROUPE_E_CANCELLED},
    {"end of the asker", kill_asker, TROUPE_PENDING}, /* nobody is left to hear it */
    {"delegation", delegate, TROUPE_OK},
    {"delegation to one that crashes", delegate_to_who_crashes, TROUPE_E_CRASHED},
};

#define N_WAYS (sizeof ways / sizeof ways[0])

static uint32_t n_wins[N_WAYS][N_WAYS]; /* in the pair, the row's way won */

/* ---- one race ---- */

static void pass_time(struct scene *s, uint64_t ns)
{
    troupe_message message;

    assert_int_equal(troupe_receive(s->me, ns, &message), TROUPE_E_TIMEOUT);
}

/* In simulation not by waiting, which would let the clock run up to the deadline. */
static void wait_until_kept(struct scene *s)
{
    troupe_info info = {0};

    for (int i = 0; i < 10000000; i++) {
        assert_int_equal(troupe_info_of(s->system, s->holder, &info), TROUPE_OK);
        if (info.handled > 0)
            return;
        if (troupe_simulated(s->system))
            troupe_step(s->system);
    }
    fail_msg("%s", "never kept");
}

static void open_scene(struct scene *s)
{
    struct order order = {.what = WHAT_ASK, .then = WHAT_KEEP};

    s->asker = spawn_player(s);
    s->holder = spawn_player(s);
    s->other = spawn_player(s);
    trp_store_seq(&n_ends, 0);
    trp_store_seq(&n_strange, 0);
    trp_store_seq(&n_asked, 0);
    order.whom = s->holder;
    order.timeout_ns = LONG;
    if (s->has_timeout)
        order.timeout_ns =
            troupe_simulated(s->system) ? 200 * TROUPE_MICROSECOND : 2 * TROUPE_MILLISECOND;
    tell(s, s->asker, order);
    wait_until_kept(s);
}

static bool is_alive(struct scene *s, troupe_id id)
{
    troupe_info info;

    return troupe_info_of(s->system, id, &info) == TROUPE_OK;
}

static void end_player(struct scene *s, troupe_id id)
{
    any(troupe_stop(s->me, id, TROUPE_STOP_REQUESTED));
    assert_int_equal(troupe_wait_end(s->me, id, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
}

static void wait_until_ended(struct scene *s, uint32_t n)
{
    for (int i = 0; i < 20000 && is_alive(s, s->asker) && trp_load_seq(&n_ends) < n; i++)
        pass_time(s, TROUPE_MILLISECOND / 2);
}

/* A late answer to the first would be the end of this one. */
static void ask_again(struct scene *s)
{
    troupe_id fresh = spawn_player(s);

    tell(s, s->asker,
         (struct order){
             .what = WHAT_ASK, .then = WHAT_ANSWER_NOW, .whom = fresh, .timeout_ns = LONG});
    wait_until_ended(s, 2);
    assert_int_equal(trp_load_seq(&n_ends), 2);
    assert_int_equal(trp_load_seq(&last_status), TROUPE_OK);
    end_player(s, fresh);
}

static void close_scene(struct scene *s, size_t a, size_t b)
{
    troupe_status status;

    if (ways[a].begin == kill_asker || ways[b].begin == kill_asker) {
        assert_int_equal(troupe_wait_end(s->me, s->asker, 10 * TROUPE_SECOND, NULL), TROUPE_OK);
        assert_true(trp_load_seq(&n_ends) <= 1);
        if (!trp_load_seq(&n_ends))
            trp_store_seq(&last_status, TROUPE_PENDING);
    } else {
        wait_until_ended(s, 1);
        assert_int_equal(trp_load_seq(&n_ends), 1);
    }
    status = (troupe_status)trp_load_seq(&last_status);
    if (status != ways[a].status && status != ways[b].status)
        fail_msg("%s against %s: %s", ways[a].name, ways[b].name, troupe_status_name(status));
    n_wins[a][b] += status == ways[a].status;
    n_wins[b][a] += status == ways[b].status;
    if (is_alive(s, s->asker)) {
        ask_again(s);
        end_player(s, s->asker);
    }
    end_player(s, s->holder);
    end_player(s, s->other);
    assert_int_equal(trp_load_seq(&n_strange), 0);
}

static void race(struct scene *s, size_t a, size_t b)
{
    s->has_timeout = ways[a].begin == wait_for_clock || ways[b].begin == wait_for_clock;
    open_scene(s);
    ways[a].begin(s);
    if (troupe_simulated(s->system)) {
        for (uint64_t n = troupe_random(s->system) % 6; n > 0; n--)
            troupe_step(s->system);
    }
    ways[b].begin(s);
    close_scene(s, a, b);
}

static void race_all(troupe_system *system)
{
    struct scene s = {.system = system, .me = troupe_attach(system)};

    assert_non_null(s.me);
    for (size_t a = 0; a < N_WAYS; a++) {
        for (size_t b = 0; b < N_WAYS; b++) {
            if (a != b)
                race(&s, a, b);
        }
    }
    troupe_detach(s.me);
}

/* ---- tests ---- */

/* Nothing is left over of any request: every record is back. */
static void check_and_free(troupe_system *system)
{
    uint32_t n = 0;

    troupe_system_stop(system);
    trp_mutex_lock(&system->requests_lock);
    for (const trp_request *at = system->free_requests; at; at = at->free_next)
        n++;
    assert_int_equal(n + 1, system->n_requests); /* the first is 1 */
    trp_mutex_unlock(&system->requests_lock);
    troupe_system_free(system);
}

static void test_in_simulation_each_pair_has_one_end_and_either_may_win(void **state)
{
    (void)state;
    memset(n_wins, 0, sizeof n_wins);
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        troupe_system *system = NULL;

        assert_int_equal(
            troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.simulation = true, .seed = seed), &system),
            TROUPE_OK);
        race_all(system);
        check_and_free(system);
    }
    for (size_t a = 0; a < N_WAYS; a++) {
        for (size_t b = 0; b < N_WAYS; b++) {
            if (a != b && !n_wins[a][b])
                fail_msg("%s never won against %s", ways[a].name, ways[b].name);
        }
    }
}

static void test_on_threads_each_pair_has_one_end(void **state)
{
    (void)state;
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        troupe_system *system = NULL;

        assert_int_equal(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.workers = 3), &system),
                         TROUPE_OK);
        race_all(system);
        check_and_free(system);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_simulation_each_pair_has_one_end_and_either_may_win),
        cmocka_unit_test(test_on_threads_each_pair_has_one_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
