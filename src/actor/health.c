/* health.c - whether a component still does its work: its own check, called every so often on its own turn, and the
 * share of its messages that fail.
 *
 * Queue time and run time are told apart. The check is an ask: it stands ahead of the mailbox, so a long queue does not
 * make it late. The clock looks, each time that it asks, whether the last ask was taken up; if not, the component is
 * late only when it finished no message meanwhile and was seen on a worker (busy_ns) for health_timeout or longer. Time in
 * the run queue, muted, or pending in a handler is none of that.
 *
 * Who: the clock's thread has trp_pulse; the owner of the cell has trp_vitals.
 * Invariants: 1. A pulse belongs to one life: it is made when the life runs and ended with it. One exchange decides
 *                whether the clock dooms it or the end comes first; a kill of the clock's that comes when the life is
 *                over is expected, and means nothing. If broken: a held child ends for good, for its last life's sake.
 *             2. The base of the clock's comparison stays where it was while an ask is not taken up and nothing is
 *                handled. If broken: a handler that never ends is never seen, when the timeout is longer than the interval.
 */
#include "life.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_FAILURES 3
#define LATE_TEXT "its check took too long"

struct trp_pulse {
    troupe_timer timer;
    trp_cell *cell; /* a slot stays */
    troupe_id id;
    uint32_t incarnation;
    uint64_t interval_ns, timeout_ns;
    uint32_t failures;
    bool ignored;                     /* nothing follows */
    uint64_t at_ns, handled, busy_ns; /* the clock's */
    uint32_t n_late;                  /* likewise */
    _Atomic uint32_t state;           /* pulse_state; whoever leaves ALIVE knows what follows */
    _Atomic uint32_t refs;            /* the cell, the clock */
};

enum pulse_state { PULSE_ALIVE, PULSE_DOOMED, PULSE_ENDED };

typedef struct trp_pulse trp_pulse;

struct trp_vitals {
    uint64_t interval_ns, timeout_ns; /* set at spawn, to on_rate */
    uint32_t failures;
    troupe_on_error on_unhealthy;
    uint32_t limit; /* so many failed messages ... */
    uint64_t within_ns;
    uint32_t of_last; /* ... or limit of so many */
    troupe_on_error on_rate;
    trp_pulse *pulse; /* of this life */
    bool due;
    bool checking;     /* the check is pending */
    bool expects_kill; /* the clock's, of a life that ended otherwise */
    uint64_t began_ns;
    uint32_t n_bad;
    uint32_t at, n_seen; /* in the ring */
    uint64_t ring[];     /* when the last messages failed; or as the how-manieth */
};

/* ---- the clock ---- */

static void unref(trp_pulse *pulse)
{
    if (trp_sub_acq_rel(&pulse->refs, 1) == 1)
        trp_free(pulse);
}

/* True: it could not be asked, and that is its own doing. */
static bool is_late(const trp_pulse *pulse, uint64_t busy_ns)
{
    return busy_ns - pulse->busy_ns >= pulse->timeout_ns;
}

static bool is_unanswered(const trp_pulse *pulse)
{
    uint64_t asks = trp_load_relaxed(&pulse->cell->asks); /* a moment old is fine */

    return (asks & TRP_ASK_HEALTH) && (uint32_t)(asks >> 32) == (uint32_t)(pulse->id.value >> 32);
}

static void beat(trp_pulse *pulse)
{
    trp_cell *cell = pulse->cell;
    uint64_t handled = trp_load_relaxed(&cell->n_handled); /* counts, both: a little old is fine */
    uint64_t busy_ns = trp_load_relaxed(&cell->busy_ns);
    uint32_t alive = PULSE_ALIVE;

    if (!is_unanswered(pulse))
        pulse->n_late = 0;
    else if (handled != pulse->handled)
        pulse->n_late = 0;
    else if (!is_late(pulse, busy_ns))
        return; /* not yet: the base stays */
    else
        pulse->n_late++;
    pulse->handled = handled;
    pulse->busy_ns = busy_ns;
    if (pulse->n_late < pulse->failures || pulse->ignored)
        trp_cell_ask(cell->system, pulse->id, pulse->incarnation, TRP_ASK_HEALTH);
    else if (trp_cas_relaxed(&pulse->state, &alive, PULSE_DOOMED)) /* the ask publishes it */
        trp_cell_ask(cell->system, pulse->id, pulse->incarnation, TRP_ASK_KILL);
}

static void fire(troupe_timer *timer)
{
    trp_pulse *pulse = TRP_OF(timer, trp_pulse, timer);
    troupe_executor *executor = pulse->cell->system->executor;

    if (trp_load_relaxed(&pulse->state) ==
        PULSE_ENDED) { /* an early look: the one behind the arming decides */
        unref(pulse);
        return;
    }
    beat(pulse);
    pulse->at_ns =
        trp_interval_next(pulse->at_ns, pulse->interval_ns, troupe_now(pulse->cell->system));
    trp_add_relaxed(&pulse->refs, 1); /* the clock's own count keeps it */
    troupe_timer_start(executor, timer, pulse->at_ns);
    /* relaxed: the clock's lock came between, here and in trp_vitals_end */
    if (trp_load_relaxed(&pulse->state) == PULSE_ENDED && troupe_timer_cancel(executor, timer))
        unref(pulse);
    unref(pulse);
}

/* ---- spawn ---- */

static bool is_action(troupe_on_error action)
{
    return (unsigned)action <= TROUPE_ON_ERROR_IGNORE;
}

const char *trp_vitals_check(const troupe_spec *spec)
{
    bool has_rate = spec->error_limit || spec->error_within_ns || spec->error_of_last;

    if (spec->health_interval && (!spec->child || !spec->child->health_check))
        return "health_interval without a health_check in the child table";
    if (spec->health_interval && spec->health_interval < TROUPE_MILLISECOND)
        return "health_interval is below a millisecond; nothing can keep that";
    if (!spec->health_interval && (spec->health_timeout || spec->health_failures))
        return "health_timeout and health_failures need a health_interval";
    if (!is_action(spec->on_unhealthy) || !is_action(spec->on_error_rate))
        return "on_unhealthy and on_error_rate are restart, ignore or escalate";
    if (has_rate && !spec->error_limit)
        return "an error rate needs error_limit: how many failed messages are too many";
    if (spec->error_limit && !spec->error_within_ns == !spec->error_of_last)
        return "error_limit needs either error_within_ns or error_of_last";
    if (spec->error_limit > TROUPE_ERROR_LIMIT_MAX)
        return "error_limit is 4096 at most";
    if (spec->error_of_last && spec->error_limit > spec->error_of_last)
        return "error_limit is more than error_of_last, so it is never reached";
    return NULL;
}

static troupe_on_error action_of(troupe_on_error asked)
{
    return asked == TROUPE_ON_ERROR_CONTINUE ? TROUPE_ON_ERROR_RESTART : asked; /* the default */
}

bool trp_vitals_new(trp_cell *cell, const troupe_spec *spec)
{
    trp_vitals *vitals;

    if (!spec->health_interval && !spec->error_limit)
        return true;
    vitals = trp_alloc_zeroed(sizeof *vitals + spec->error_limit * sizeof *vitals->ring);
    if (!vitals)
        return false;
    vitals->interval_ns = spec->health_interval;
    vitals->timeout_ns = spec->health_timeout ? spec->health_timeout : spec->health_interval;
    vitals->failures = spec->health_failures ? spec->health_failures : DEFAULT_FAILURES;
    vitals->on_unhealthy = action_of(spec->on_unhealthy);
    vitals->limit = spec->error_limit;
    vitals->within_ns = spec->error_within_ns;
    vitals->of_last = spec->error_of_last;
    vitals->on_rate = action_of(spec->on_error_rate);
    cell->vitals = vitals;
    return true;
}

void trp_vitals_free(trp_cell *cell)
{
    trp_free(cell->vitals);
    cell->vitals = NULL;
}

/* ---- a life ---- */

/* Without memory for it this life is not asked. */
static void start_pulse(trp_cell *cell)
{
    trp_vitals *vitals = cell->vitals;
    trp_pulse *pulse = trp_alloc_zeroed(sizeof *pulse);

    if (!pulse)
        return;
    pulse->cell = cell;
    pulse->id = trp_id_of(cell);
    pulse->incarnation = trp_load_relaxed(&cell->incarnation); /* owner */
    pulse->interval_ns = vitals->interval_ns;
    pulse->timeout_ns = vitals->timeout_ns;
    pulse->failures = vitals->failures;
    pulse->ignored = vitals->on_unhealthy == TROUPE_ON_ERROR_IGNORE;
    pulse->at_ns = trp_deadline(cell->system, vitals->interval_ns);
    trp_store_relaxed(&pulse->refs, 2); /* nobody else knows it yet, nor the timer */
    troupe_timer_init(&pulse->timer, fire);
    vitals->pulse = pulse;
    troupe_timer_start(cell->system->executor, &pulse->timer, pulse->at_ns);
}

void trp_vitals_begin(trp_cell *cell)
{
    trp_vitals *vitals = cell->vitals;

    vitals->due = vitals->checking = vitals->expects_kill = false;
    vitals->n_bad = vitals->at = vitals->n_seen = 0;
    if (vitals->interval_ns)
        start_pulse(cell);
}

void trp_vitals_end(trp_cell *cell)
{
    trp_pulse *pulse = cell->vitals->pulse;

    cell->vitals->checking = false;
    if (!pulse)
        return;
    cell->vitals->pulse = NULL;
    /* relaxed: one word decides */
    cell->vitals->expects_kill =
        trp_exchange_relaxed(&pulse->state, PULSE_ENDED) == PULSE_DOOMED && !cell->killed;
    if (troupe_timer_cancel(cell->system->executor, &pulse->timer))
        unref(pulse);
    unref(pulse);
}

/* ---- what follows ---- */

static void act(trp_cell *cell, troupe_on_error action, troupe_operation operation,
                const char *text)
{
    if (action == TROUPE_ON_ERROR_IGNORE) {
        trp_log_line(cell, TROUPE_LEVEL_WARN, "component-unhealthy", troupe_text(text));
        return;
    }
    troupe_crash(cell,
                 action == TROUPE_ON_ERROR_ESCALATE ? TROUPE_EXIT_ESCALATED : TROUPE_EXIT_CRASHED,
                 text);
    cell->exit.operation = operation;
}

/* ---- checks ---- */

void trp_health_due(trp_cell *cell)
{
    if (cell->vitals)
        cell->vitals->due = true;
}

bool trp_health_expects_kill(trp_cell *cell)
{
    bool expects = cell->vitals && cell->vitals->expects_kill;

    if (expects)
        cell->vitals->expects_kill = false;
    return expects;
}

bool trp_health_dooms(const trp_cell *cell, troupe_exit_reason *ret_reason)
{
    const trp_pulse *pulse = cell->vitals ? cell->vitals->pulse : NULL;

    if (!pulse || trp_load_relaxed(&pulse->state) != PULSE_DOOMED) /* the kill was acquired */
        return false;
    *ret_reason = cell->vitals->on_unhealthy == TROUPE_ON_ERROR_ESCALATE ? TROUPE_EXIT_ESCALATED
                                                                         : TROUPE_EXIT_TIMEOUT;
    return true;
}

static void bad(trp_cell *cell, const char *why)
{
    trp_vitals *vitals = cell->vitals;
    char text[TROUPE_EXIT_TEXT_MAX + 1];

    vitals->n_bad++;
    snprintf(text, sizeof text, "%s (%u of %u)", why, vitals->n_bad, vitals->failures);
    trp_log_line(cell, TROUPE_LEVEL_WARN, "health-check", troupe_text(text));
    if (vitals->n_bad < vitals->failures)
        return;
    snprintf(text, sizeof text, "unhealthy %u times in a row: %s", vitals->n_bad, why);
    vitals->n_bad = 0;
    act(cell, vitals->on_unhealthy, TROUPE_OPERATION_HEALTH_CHECK, text);
}

void trp_health_checked(trp_cell *cell, troupe_status status, const char *why)
{
    trp_vitals *vitals = cell->vitals;
    bool late = troupe_now(cell->system) - vitals->began_ns > vitals->timeout_ns;

    vitals->checking = false;
    if (cell->crashing)
        return;
    if (status != TROUPE_OK)
        bad(cell, why[0] ? why : troupe_status_text(status));
    else if (late)
        bad(cell, LATE_TEXT);
    else
        vitals->n_bad = 0;
}

/* One that waits for something too long waits no more. */
static bool give_up_check(trp_cell *cell)
{
    trp_vitals *vitals = cell->vitals;

    if (troupe_now(cell->system) - vitals->began_ns <= vitals->timeout_ns)
        return false;
    if (cell->actor && cell->actor->abandon)
        cell->actor->abandon(cell->state, cell);
    trp_set_pending(cell, false);
    cell->woken = false; /* a wake of this wait is not the next one's */
    trp_health_checked(cell, TROUPE_E_TIMEOUT, LATE_TEXT);
    return true;
}

bool trp_health_turn(trp_cell *cell)
{
    trp_vitals *vitals = cell->vitals;
    troupe_error error = {.text = ""};
    troupe_status status;

    if (!vitals->due || cell->step != TRP_STEP_RUN || (cell->pending && !vitals->checking))
        return false;
    vitals->due = false;
    if (vitals->checking)
        return give_up_check(cell);
    vitals->began_ns = troupe_now(cell->system);
    vitals->checking = true;
    status = cell->child->health_check(cell->state, cell, &error);
    if (status == TROUPE_PENDING && !cell->crashing)
        trp_set_pending(cell, true);
    else
        trp_health_checked(cell, status, error.text);
    return true;
}

bool trp_health_pending(const trp_cell *cell)
{
    return cell->vitals && cell->vitals->checking;
}

/* ---- the error rate ---- */

static void too_many(trp_cell *cell)
{
    trp_vitals *vitals = cell->vitals;
    char text[128];

    if (vitals->of_last)
        snprintf(text, sizeof text, "%u of its last %u messages failed", vitals->limit,
                 vitals->of_last);
    else
        snprintf(text, sizeof text, "%u messages failed within %llu ms", vitals->limit,
                 (unsigned long long)(vitals->within_ns / TROUPE_MILLISECOND));
    vitals->at = vitals->n_seen = 0;
    act(cell, vitals->on_rate, TROUPE_OPERATION_HANDLE_MESSAGE, text);
}

/* The ring has the last `limit` failures: too many when the oldest of them is not old, by the time, or by what was
 * handled since. So a message that does not fail costs nothing. */
void trp_vitals_failed(trp_cell *cell)
{
    trp_vitals *vitals = cell->vitals;
    uint64_t window = vitals->of_last ? vitals->of_last : vitals->within_ns;
    uint64_t now;

    if (cell->crashing || !vitals->limit)
        return;
    now = vitals->of_last ? trp_load_relaxed(&cell->n_handled) /* owner */
                          : troupe_now(cell->system);
    vitals->ring[vitals->at] = now;
    vitals->at = (vitals->at + 1) % vitals->limit;
    if (vitals->n_seen < vitals->limit)
        vitals->n_seen++;
    if (vitals->n_seen == vitals->limit && now - vitals->ring[vitals->at] < window)
        too_many(cell);
}
