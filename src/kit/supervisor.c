/* supervisor.c - a component that starts its children in order and decides what follows their ends.
 *
 * Who: everything but the seats is touched on the supervisor's own turn only. The seats are written
 * here and read by a pool's senders on their threads.
 *
 * One child:
 *
 *   unborn -spawn-> STARTING -started-> UP -exit-> (decide) -at once-> RESTARTING -started-> UP
 *                      |                              |                    |  ^
 *                      | refused                      +- backoff-> WAITING-+  | exit: decide again
 *                      v                              |            timer      |
 *             the supervisor's start fails            +- release-> ENDED      +--------
 *
 * Invariants
 * 1. A child that is held waits for exactly one thing: its backoff timer, or its start. If broken:
 *    it stays held for ever.
 * 2. A timer counts only for the incarnation it was set for. If broken: an old timer cuts a new
 *    wait short.
 * 3. A restart is counted in the window before it is asked for. If broken: a child that dies in its
 *    start is restarted without end.
 * 4. While post_start is pending only notices are delivered: a backoff that runs out meanwhile
 *    takes effect when the last child is up.
 */
#include "supervisor.h"

#include "trp/options.h"
#include "trp/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NO_CHILD SIZE_MAX

/* What the backoff timer brings back. */
struct wakeup {
    uint64_t index;
    uint32_t incarnation;
    uint32_t unused; /* so that no byte of it is padding */
};

struct line {
    char text[TROUPE_EXIT_TEXT_MAX + 1];
};

size_t trp_supervisor_size(size_t n_children)
{
    return sizeof(trp_supervisor) + n_children * sizeof(trp_seat);
}

troupe_status trp_supervisor_begin(trp_supervisor *self, const trp_plan *plan)
{
    /* One more, so that no children is not no memory. */
    self->records = trp_alloc_zeroed((plan->n_children + 1) * sizeof(trp_child_record));
    if (!self->records)
        return TROUPE_E_NO_MEMORY;
    self->plan = *plan;
    trp_window_init(&self->window, plan->max_restarts, plan->within_ns);
    /* Pairs with the acquire in route: who sees the count sees the seats. */
    trp_store_release(&self->n_seats, (uint32_t)plan->n_children);
    return TROUPE_OK;
}

static const troupe_child *child_of(const trp_supervisor *self, size_t index)
{
    return &self->plan.children[self->plan.pool ? 0 : index];
}

/* A pool's members are NAME-1, NAME-2, ...; a child without a name is called by its place in texts
 * only. */
static const char *name_child(const trp_supervisor *self, size_t index, bool in_text,
                              char name[TROUPE_NAME_MAX + 1])
{
    const char *given = child_of(self, index)->spec.name;

    if (given && self->plan.pool)
        snprintf(name, TROUPE_NAME_MAX + 1, "%s-%zu", given, index + 1);
    else if (given)
        snprintf(name, TROUPE_NAME_MAX + 1, "%s", given);
    else if (in_text)
        snprintf(name, TROUPE_NAME_MAX + 1, "child %zu", index + 1);
    else
        return NULL;
    return name;
}

static size_t find_child(const trp_supervisor *self, troupe_id id)
{
    /* While the tree starts, the notices are about the youngest. */
    if (self->n_born > 0 && trp_load_relaxed(&self->seats[self->n_born - 1].id) == id.value)
        return self->n_born - 1;
    for (size_t i = 0; i < self->n_born; i++)
        if (trp_load_relaxed(&self->seats[i].id) == id.value)
            return i;
    return NO_CHILD;
}

/* A pool's sender that still reads the old value picks a member that has just gone down: its
 * message waits in that member's mailbox, as if it had been sent a moment before. So relaxed is
 * enough. */
static void set_up(trp_supervisor *self, size_t index, bool up)
{
    trp_store_relaxed(&self->seats[index].up, up);
}

/* ---- texts ---- */

static const char *verb_of(troupe_exit_reason reason)
{
    switch (reason) {
    case TROUPE_EXIT_NORMAL:
        return "ended";
    case TROUPE_EXIT_CRASHED:
        return "crashed";
    case TROUPE_EXIT_KILLED:
        return "was killed";
    case TROUPE_EXIT_TIMEOUT:
        return "ran out of time";
    case TROUPE_EXIT_REFUSED:
        return "refused to start";
    case TROUPE_EXIT_GAVE_UP:
        return "gave up";
    case TROUPE_EXIT_RESTART:
        return "was stopped for a restart";
    case TROUPE_EXIT_ESCALATED:
        return "failed";
    case TROUPE_EXIT_STUCK:
        return "did not return";
    case TROUPE_EXIT_GONE:
        break;
    }
    return "ended";
}

/* "parser-2 crashed: wasm trap: unreachable, in parse_status; " + what follows from it. */
static void log_decision(const trp_supervisor *self, troupe_context *ctx, size_t index,
                         troupe_level level, const char *id, const char *decision)
{
    const troupe_exit *last = &self->records[index].last;
    char name[TROUPE_NAME_MAX + 1];
    char text[TROUPE_EXIT_TEXT_MAX + TROUPE_NAME_MAX + 160];

    snprintf(text, sizeof text, "%s %s%s%s; %s", name_child(self, index, true, name),
             verb_of(last->reason), last->text[0] ? ": " : "", last->text, decision);
    troupe_log_write(ctx, level, id, troupe_text(text));
}

static void log_timed(const trp_supervisor *self, troupe_context *ctx, size_t index, const char *id,
                      const char *what, uint64_t ns)
{
    char took[TRP_DURATION_MAX], within[TRP_DURATION_MAX], decision[128];

    snprintf(decision, sizeof decision, "%s %s (%" PRIu32 " of %" PRIu32 " in %s)", what,
             trp_duration_text(ns, took), self->records[index].n_restarts, self->window.max,
             trp_duration_text(self->window.within_ns, within));
    log_decision(self, ctx, index, TROUPE_LEVEL_WARN, id, decision);
}

/* ---- the start of the tree ---- */

static void fail_start(trp_supervisor *self, size_t index, troupe_status status, const char *why)
{
    char name[TROUPE_NAME_MAX + 1];

    self->failure = status;
    self->failed = index;
    snprintf(self->records[index].last.text, sizeof self->records[index].last.text,
             "%s did not start: %.*s", name_child(self, index, true, name),
             TROUPE_EXIT_TEXT_MAX - TROUPE_NAME_MAX - 20,
             why && why[0] ? why : troupe_status_text(status));
}

/* The next child, when there is one. Its outcome comes as a notice, also when it starts at once. */
static troupe_status start_next(trp_supervisor *self, troupe_context *ctx)
{
    size_t index = self->n_born;
    char name[TROUPE_NAME_MAX + 1];
    troupe_error error = {.status = TROUPE_OK};
    troupe_spec spec;
    troupe_status status;
    troupe_id id;

    if (index == self->plan.n_children) {
        self->started = true;
        return TROUPE_OK;
    }
    spec = child_of(self, index)->spec;
    spec.supervised = true;
    spec.name = name_child(self, index, false, name);
    status = troupe_spawn_or_say(ctx, &spec, &id, &error);
    if (status != TROUPE_OK) {
        fail_start(self, index, status, error.text);
        return status;
    }
    self->records[index].phase = TRP_CHILD_STARTING;
    trp_store_relaxed(&self->seats[index].id, id.value);
    self->n_born++;
    return TROUPE_PENDING;
}

static void wake_self(troupe_context *ctx)
{
    troupe_wake(troupe_system_of(ctx), troupe_self(ctx), troupe_incarnation(ctx));
}

/* How post_start ends, at once or in resume. */
static troupe_status conclude_start(trp_supervisor *self, troupe_context *ctx)
{
    if (self->failure != TROUPE_OK) {
        self->ending = true;
        troupe_crash(ctx,
                     self->failure == TROUPE_E_QUOTA ? TROUPE_EXIT_GAVE_UP : TROUPE_EXIT_REFUSED,
                     self->records[self->failed].last.text);
        return self->failure;
    }
    return self->started ? TROUPE_OK : TROUPE_PENDING;
}

troupe_status trp_supervisor_post_start(void *state, troupe_context *ctx)
{
    trp_supervisor *self = state;

    start_next(self, ctx);
    return conclude_start(self, ctx);
}

static troupe_status on_resume(void *state, troupe_context *ctx, const troupe_message *message)
{
    (void)message; /* only post_start is ever pending */
    return conclude_start(state, ctx);
}

/* ---- decisions ---- */

/* "child parser: 3 restarts within 5 s" */
static int why_give_up(const trp_supervisor *self, size_t index, trp_admission why,
                       struct line *line)
{
    char name[TROUPE_NAME_MAX + 1], within[TRP_DURATION_MAX];
    int used =
        snprintf(line->text, sizeof line->text, "child %s: ", name_child(self, index, true, name));

    if (why == TRP_ADMITTED)
        used += snprintf(line->text + used, sizeof line->text - (size_t)used, "%s",
                         self->records[index].last.reason == TROUPE_EXIT_STUCK
                             ? "it cannot be restarted"
                             : "its error escalated");
    else if (why == TRP_NO_ROOM)
        used += snprintf(line->text + used, sizeof line->text - (size_t)used,
                         "no memory to count its restart");
    else
        used += snprintf(line->text + used, sizeof line->text - (size_t)used,
                         "%" PRIu32 " restart%s within %s", self->window.count,
                         self->window.count == 1 ? "" : "s",
                         trp_duration_text(self->window.within_ns, within));
    return used;
}

/* why: what its window says; TRP_ADMITTED: it was not asked, the child escalated or is stuck. */
static void give_up(trp_supervisor *self, troupe_context *ctx, size_t index, trp_admission why)
{
    const troupe_exit *last = &self->records[index].last;
    struct line line;
    int used = why_give_up(self, index, why, &line);

    snprintf(line.text + used, sizeof line.text - (size_t)used, "; last: %s",
             last->text[0] ? last->text : verb_of(last->reason));
    troupe_log_write(ctx, TROUPE_LEVEL_ERROR, "supervisor-gave-up", troupe_text(line.text));
    if (self->started) {
        self->ending = true;
        troupe_crash(ctx, TROUPE_EXIT_GAVE_UP, line.text);
        return;
    }
    self->failure = TROUPE_E_QUOTA;
    self->failed = index;
    memcpy(self->records[index].last.text, line.text, sizeof line.text);
    wake_self(ctx);
}

/* Errors of restart and release say that the child ended meanwhile: its CHILD_DOWN is coming. */
static void restart_now(trp_supervisor *self, troupe_context *ctx, size_t index)
{
    self->records[index].phase = TRP_CHILD_RESTARTING;
    (void)troupe_restart(ctx, self->records[index].last.id);
}

static void release(trp_supervisor *self, troupe_context *ctx, size_t index)
{
    trp_child_record *record = &self->records[index];
    bool normal = record->last.reason == TROUPE_EXIT_NORMAL;

    record->phase = TRP_CHILD_ENDED;
    log_decision(self, ctx, index, normal ? TROUPE_LEVEL_INFO : TROUPE_LEVEL_WARN, "child-released",
                 "released by its restart rule");
    (void)troupe_release(ctx, record->last.id, false);
}

static void restart_after(trp_supervisor *self, troupe_context *ctx, size_t index, uint64_t wait_ns)
{
    trp_child_record *record = &self->records[index];
    struct wakeup wakeup = {.index = index, .incarnation = record->incarnation};
    troupe_timer_id timer;

    record->phase = TRP_CHILD_WAITING;
    if (troupe_send_after(ctx, troupe_self(ctx), TROUPE_BYTES_OF(wakeup), wait_ns, &timer) !=
        TROUPE_OK) {
        /* A wait that cannot be armed would hold the child for ever. */
        restart_now(self, ctx, index);
        return;
    }
    log_timed(self, ctx, index, "child-backoff", "next start in", wait_ns);
}

static void decide(trp_supervisor *self, troupe_context *ctx, size_t index)
{
    trp_child_record *record = &self->records[index];
    trp_admission admission;
    uint64_t wait_ns;

    if (record->last.reason == TROUPE_EXIT_ESCALATED) {
        give_up(self, ctx, index, TRP_ADMITTED);
        return;
    }
    if (!trp_rule_restarts(child_of(self, index)->restart, record->last.reason)) {
        release(self, ctx, index);
        return;
    }
    if (record->last.reason ==
        TROUPE_EXIT_RESTART) { /* asked for: no failure to count or wait for */
        record->n_restarts = self->window.count;
        restart_now(self, ctx, index);
        return;
    }
    admission = trp_window_admit(&self->window, record->noticed_ns);
    if (admission != TRP_ADMITTED) {
        give_up(self, ctx, index, admission);
        return;
    }
    record->n_restarts = self->window.count;
    record->n_waits++;
    wait_ns = troupe_backoff_ns(&self->plan.backoff, record->n_waits);
    if (wait_ns == 0)
        restart_now(self, ctx, index);
    else
        restart_after(self, ctx, index, wait_ns);
}

/* ---- notices ---- */

static void on_started(trp_supervisor *self, troupe_context *ctx, size_t index)
{
    trp_child_record *record = &self->records[index];
    uint64_t now = troupe_now(troupe_system_of(ctx));
    trp_child_phase was = record->phase;

    record->phase = TRP_CHILD_UP;
    record->up_since_ns = now;
    set_up(self, index, true);
    if (was == TRP_CHILD_RESTARTING)
        log_timed(self, ctx, index, "child-restarted", "restarted in", now - record->noticed_ns);
    else if (was == TRP_CHILD_STARTING && start_next(self, ctx) != TROUPE_PENDING)
        wake_self(ctx);
}

static void on_child_exit(trp_supervisor *self, troupe_context *ctx, size_t index,
                          const troupe_exit *end)
{
    trp_child_record *record = &self->records[index];
    uint64_t now = troupe_now(troupe_system_of(ctx));

    set_up(self, index, false);
    if (record->phase == TRP_CHILD_STARTING) {
        fail_start(self, index, TROUPE_E_REFUSED, end->text);
        wake_self(ctx);
        return;
    }
    if (record->phase == TRP_CHILD_UP && now - record->up_since_ns > self->window.within_ns)
        record->n_waits = 0;
    record->incarnation = end->incarnation;
    record->noticed_ns = now;
    record->last = *end;
    decide(self, ctx, index);
}

static void on_child_down(trp_supervisor *self, troupe_context *ctx, size_t index,
                          const troupe_exit *end)
{
    bool was_starting = self->records[index].phase == TRP_CHILD_STARTING;

    self->records[index].phase = TRP_CHILD_ENDED;
    set_up(self, index, false);
    trp_store_relaxed(&self->seats[index].id, TROUPE_NOBODY.value);
    if (was_starting) {
        fail_start(self, index, TROUPE_E_REFUSED, end->text);
        wake_self(ctx);
    } else if (end->reason == TROUPE_EXIT_STUCK &&
               trp_rule_restarts(child_of(self, index)->restart, end->reason)) {
        self->records[index].last = *end;
        give_up(self, ctx, index, TRP_ADMITTED);
    }
}

static void on_notice(void *state, troupe_context *ctx, const troupe_notice *notice)
{
    trp_supervisor *self = state;
    size_t index = find_child(self, notice->exit.id);

    /* On its way out a supervisor decides nothing: the runtime ends what runs, releases what is
     * held. */
    if (index == NO_CHILD || self->ending || self->failure != TROUPE_OK)
        return;
    switch (notice->event) {
    case TROUPE_EVENT_STARTED:
        on_started(self, ctx, index);
        break;
    case TROUPE_EVENT_CHILD_EXIT:
        on_child_exit(self, ctx, index, &notice->exit);
        break;
    case TROUPE_EVENT_CHILD_DOWN:
        on_child_down(self, ctx, index, &notice->exit);
        break;
    case TROUPE_EVENT_DOWN:
    case TROUPE_EVENT_LIFE_ENDED:
    case TROUPE_EVENT_STOPPING:
    case TROUPE_EVENT_LINK_DOWN:
    case TROUPE_EVENT_ROOM:
        break;
    }
}

/* A supervisor takes its own timers and nothing else. */
static troupe_status on_message(void *state, troupe_context *ctx, const troupe_message *message)
{
    trp_supervisor *self = state;
    struct wakeup wakeup;

    if (message->sender.value != troupe_self(ctx).value || message->payload.size != sizeof wakeup)
        return TROUPE_E_INVALID;
    memcpy(&wakeup, message->payload.data, sizeof wakeup);
    if (wakeup.index < self->n_born && !self->ending) {
        const trp_child_record *record = &self->records[wakeup.index];

        if (record->phase == TRP_CHILD_WAITING && record->incarnation == wakeup.incarnation)
            restart_now(self, ctx, wakeup.index);
    }
    return TROUPE_OK;
}

static void on_abandon(void *state, troupe_context *ctx)
{
    trp_supervisor *self = state;

    (void)ctx;
    self->ending = true;
}

troupe_status trp_supervisor_pre_stop(void *state, troupe_context *ctx, troupe_stop_reason reason)
{
    trp_supervisor *self = state;

    (void)ctx;
    (void)reason;
    self->ending = true;
    return TROUPE_OK;
}

void trp_supervisor_post_stop(void *state)
{
    trp_supervisor *self = state;

    trp_window_fini(&self->window);
    trp_free(self->records);
    self->records = NULL;
}

const troupe_actor_ops trp_supervisor_actor = {
    .handle_message = on_message,
    .handle_down = on_notice,
    .resume = on_resume,
    .abandon = on_abandon,
};

/* ---- the door ---- */

static troupe_status begin_supervisor(void *state, const troupe_start *start)
{
    troupe_supervisor asked;
    trp_plan plan;

    TROUPE_ASSERT(trp_options_take(&asked, sizeof asked, start->argument)); /* as before */
    plan = (trp_plan){.children = asked.children,
                      .n_children = asked.n_children,
                      .max_restarts = asked.max_restarts,
                      .within_ns = asked.within_ns,
                      .backoff = asked.backoff};
    return trp_supervisor_begin(state, &plan);
}

static const troupe_child_ops supervisor_child = {
    .pre_start = begin_supervisor,
    .post_start = trp_supervisor_post_start,
    .pre_stop = trp_supervisor_pre_stop,
    .post_stop = trp_supervisor_post_stop,
};

troupe_status troupe_supervisor_spec(const troupe_supervisor *supervisor, troupe_spec *spec,
                                     troupe_error *error)
{
    troupe_supervisor asked;
    troupe_status status;

    if (!trp_options_take(&asked, sizeof asked, supervisor))
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "supervisor: made by TROUPE_SUPERVISOR of a newer version, or not");
    if (asked.strategy != TROUPE_ONE_FOR_ONE)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "supervisor: the only strategy is one_for_one");
    if (asked.n_children > 0 && !asked.children)
        return troupe_error_set(error, TROUPE_E_INVALID, "supervisor: n_children without children");
    if (asked.n_children > UINT32_MAX)
        return troupe_error_set(error, TROUPE_E_INVALID, "supervisor: too many children");
    status = trp_backoff_check(&asked.backoff, error);
    if (status != TROUPE_OK)
        return status;
    spec->child = &supervisor_child;
    spec->actor = &trp_supervisor_actor;
    spec->state_size = trp_supervisor_size(asked.n_children);
    spec->argument = supervisor;
    return TROUPE_OK;
}
