/* manifest_rules.c - what a manifest says of supervision: intensities, backoffs, what follows a crash, health, error rates;
 * and the one warning that takes all of it together. */
#include "fields.h"
#include "manifest_read.h"
#include "quantity.h"

#include <stdio.h>
#include <string.h>

#define MOST_RESTARTS 1000000

/* ---- numbers ---- */

static void read_factor(trp_mistakes *m, const trp_yaml *node, double least, double most,
                        double *ret_factor)
{
    const char *text = trp_field_text(m, node);
    const char *wrong = text == NULL ? NULL : trp_read_factor(text, ret_factor);

    if (wrong != NULL)
        trp_yaml_mistake(m, node, "\"%.64s\" %s", text, wrong);
    else if (text != NULL && (*ret_factor < least || *ret_factor > most))
        trp_yaml_mistake(m, node, "must be from %g to %g, is %s", least, most, text);
}

/* {max: N, within: TIME}, or none. */
static void read_restarts(trp_mistakes *m, const trp_yaml *node, uint32_t *max_restarts,
                          uint64_t *within_ns)
{
    static const char *const known[] = {"max", "within", NULL};
    static const char *const none[] = {"none", NULL};
    const trp_yaml *max = trp_yaml_get(node, "max"), *within = trp_yaml_get(node, "within");
    uint64_t count;
    unsigned index;

    if (node->kind == TRP_YAML_SCALAR) {
        if (trp_field_choice(m, node, none, &index))
            *max_restarts = TROUPE_NO_RESTARTS;
        return;
    }
    if (!trp_field_keys(m, node, known))
        return;
    if (max != NULL && max->kind == TRP_YAML_SCALAR && strcmp(max->text, "0") == 0)
        trp_yaml_mistake(m, max, "is 0; for no restart at all write restarts: none");
    else if (max != NULL && trp_field_count(m, max, 1, MOST_RESTARTS, &count))
        *max_restarts = (uint32_t)count;
    if (within != NULL)
        (void)trp_field_duration(m, within, within_ns);
}

/* ---- backoff ---- */

static void read_schedule(trp_mistakes *m, const trp_yaml *node, troupe_backoff *backoff)
{
    const trp_yaml *initial = trp_yaml_get(node, "initial"), *max = trp_yaml_get(node, "max");
    const trp_yaml *by = trp_yaml_get(node, "multiplier"), *jitter = trp_yaml_get(node, "jitter");
    const trp_yaml *reset = trp_yaml_get(node, "reset_after");

    if (initial == NULL)
        trp_yaml_mistake(m, node,
                         "\"initial\" is missing, the time before the first restart; "
                         "write {kind: %s, initial: 1s}",
                         backoff->kind == TROUPE_BACKOFF_FIXED ? "fixed" : "exponential");
    else if (!trp_field_duration(m, initial, &backoff->initial_ns))
        initial = NULL;
    if (jitter != NULL)
        read_factor(m, jitter, 0, 1, &backoff->jitter);
    if (reset != NULL)
        (void)trp_field_duration(m, reset, &backoff->reset_after_ns);
    if (backoff->kind == TROUPE_BACKOFF_FIXED && (max != NULL || by != NULL)) {
        trp_yaml_mistake(m, node,
                         "fixed has no \"max\" and no \"multiplier\"; leave them out, or "
                         "write kind: exponential");
        return;
    }
    if (by != NULL)
        read_factor(m, by, 1, 1000, &backoff->multiplier);
    if (max != NULL && trp_field_duration(m, max, &backoff->max_ns) && initial != NULL &&
        backoff->max_ns < backoff->initial_ns)
        trp_yaml_mistake(m, max, "is below \"initial\"; write a longer time");
}

static void read_backoff(trp_mistakes *m, const trp_yaml *node, troupe_backoff *backoff)
{
    static const char *const kinds[] = {"immediate", "fixed", "exponential", NULL};
    static const char *const known[] = {"kind",   "initial",     "max", "multiplier",
                                        "jitter", "reset_after", NULL};
    const trp_yaml *kind = trp_yaml_get(node, "kind");
    bool is_word = node->kind == TRP_YAML_SCALAR;
    unsigned index = 0;

    if (!is_word && !trp_field_keys(m, node, known))
        return;
    if (!is_word && kind == NULL) {
        trp_yaml_mistake(m, node, "\"kind\" is missing; write immediate, fixed or exponential");
        return;
    }
    if (!trp_field_choice(m, is_word ? node : kind, kinds, &index))
        return;
    *backoff = (troupe_backoff){.kind = (troupe_backoff_kind)index};
    if (index != TROUPE_BACKOFF_IMMEDIATE)
        read_schedule(m, node, backoff);
    else if (!is_word && node->n > 1)
        trp_yaml_mistake(m, node, "immediate has no times; leave out all but kind");
}

/* ---- supervisors and pools ---- */

void trp_intensity_read(trp_mistakes *m, const trp_yaml *node, trp_intensity *intensity)
{
    static const char *const follows[] = {"escalate", "stop", "leave_down", NULL};
    const trp_yaml *restarts = trp_yaml_get(node, "restarts");
    const trp_yaml *backoff = trp_yaml_get(node, "backoff");
    const trp_yaml *then = trp_yaml_get(node, "on_intensity");
    unsigned index;

    if (restarts != NULL)
        read_restarts(m, restarts, &intensity->max_restarts, &intensity->within_ns);
    if (backoff != NULL)
        read_backoff(m, backoff, &intensity->backoff);
    if (then != NULL && trp_field_choice(m, then, follows, &index))
        intensity->on_intensity =
            (troupe_on_intensity)index; /* in the order of the enum, all here */
}

void trp_strategy_read(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one", NULL};
    static const char *const shutdowns[] = {"never", "any_significant", "all_significant", NULL};
    const trp_yaml *strategy = trp_yaml_get(node, "strategy");
    const trp_yaml *shutdown = trp_yaml_get(node, "auto_shutdown");
    unsigned index;

    if (strategy != NULL && trp_field_choice(m, strategy, strategies, &index))
        unit->strategy = (troupe_strategy)index;
    if (shutdown != NULL && trp_field_choice(m, shutdown, shutdowns, &index))
        unit->auto_shutdown = (troupe_auto_shutdown)index;
}

/* ---- children ---- */

static bool read_yes(trp_mistakes *m, const trp_yaml *node)
{
    static const char *const words[] = {"true", "false", NULL};
    unsigned index;

    return trp_field_choice(m, node, words, &index) && index == 0;
}

static void check_significant(trp_mistakes *m, const trp_yaml *node, const trp_unit *unit)
{
    if (unit->restart == TROUPE_PERMANENT)
        trp_yaml_mistake(m, node,
                         "a permanent child never ends by itself; write restart: transient or "
                         "temporary beside it");
    else if (unit->up->auto_shutdown == TROUPE_AUTO_SHUTDOWN_NEVER)
        trp_yaml_mistake(m, node,
                         "nothing follows from it: its supervisor has no auto_shutdown; write "
                         "auto_shutdown: any_significant or all_significant there");
}

void trp_child_read(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    static const char *const rules[] = {"permanent", "transient", "temporary", NULL};
    static const char *const crashes[] = {"restart", "escalate", "ignore", NULL};
    static const char *const downs[] = {"open", "unavailable", NULL};
    const trp_yaml *restart = trp_yaml_get(node, "restart"), *own = trp_yaml_get(node, "budget");
    const trp_yaml *crash = trp_yaml_get(node, "on_crash");
    const trp_yaml *down = trp_yaml_get(node, "while_down");
    const trp_yaml *significant = trp_yaml_get(node, "significant");
    unsigned index;

    if (restart != NULL && trp_field_choice(m, restart, rules, &index))
        unit->restart = (troupe_restart_rule)index;
    if (crash != NULL && trp_field_choice(m, crash, crashes, &index))
        unit->on_crash = (troupe_on_crash)index;
    if (down != NULL && trp_field_choice(m, down, downs, &index))
        unit->unavailable_while_down = index == 1;
    if (own != NULL)
        read_restarts(m, own, &unit->own_restarts, &unit->own_within_ns);
    if (own != NULL && unit->own_within_ns && !unit->own_restarts)
        trp_yaml_mistake(m, own, "\"max\" is missing; write {max: 3, within: 5s}");
    if (significant != NULL)
        unit->significant = read_yes(m, significant);
    if (unit->significant)
        check_significant(m, significant, unit);
}

/* ---- health and errors, of guests ---- */

static void read_action(trp_mistakes *m, const trp_yaml *node, troupe_on_error *action)
{
    static const char *const words[] = {"restart", "escalate", "ignore", NULL};
    static const troupe_on_error actions[] = {TROUPE_ON_ERROR_RESTART, TROUPE_ON_ERROR_ESCALATE,
                                              TROUPE_ON_ERROR_IGNORE};
    unsigned index;

    if (node != NULL && trp_field_choice(m, node, words, &index))
        *action = actions[index];
}

static void read_health(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    static const char *const known[] = {"every", "timeout", "failures", "action", NULL};
    const trp_yaml *every = trp_yaml_get(node, "every"), *timeout = trp_yaml_get(node, "timeout");
    const trp_yaml *failures = trp_yaml_get(node, "failures");
    uint64_t count;

    if (!trp_field_keys(m, node, known))
        return;
    unit->health_node = node;
    if (every == NULL)
        trp_yaml_mistake(m, node, "\"every\" is missing, how often; write {every: 5s}");
    else if (trp_field_duration(m, every, &unit->health_interval) &&
             unit->health_interval < TROUPE_MILLISECOND)
        trp_yaml_mistake(m, every, "is below 1ms, which nothing can keep; write 1ms or more");
    if (timeout != NULL)
        (void)trp_field_duration(m, timeout, &unit->health_timeout);
    if (failures != NULL && trp_field_count(m, failures, 1, 1000, &count))
        unit->health_failures = (uint32_t)count;
    read_action(m, trp_yaml_get(node, "action"), &unit->on_unhealthy);
}

static void read_error_rate(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    static const char *const known[] = {"failed", "within", "of_last", "action", NULL};
    const trp_yaml *failed = trp_yaml_get(node, "failed"), *within = trp_yaml_get(node, "within");
    const trp_yaml *of_last = trp_yaml_get(node, "of_last");
    uint64_t count;

    if (!trp_field_keys(m, node, known))
        return;
    if (failed == NULL)
        trp_yaml_mistake(m, node,
                         "\"failed\" is missing, how many are too many; write {failed: 5, "
                         "within: 10s} or {failed: 5, of_last: 20}");
    else if (trp_field_count(m, failed, 1, TROUPE_ERROR_LIMIT_MAX, &count))
        unit->error_limit = (uint32_t)count;
    if ((within != NULL) == (of_last != NULL))
        trp_yaml_mistake(m, node, "needs either \"within\", a time, or \"of_last\", a count");
    else if (within != NULL)
        (void)trp_field_duration(m, within, &unit->error_within_ns);
    else if (trp_field_count(m, of_last, 1, UINT32_MAX, &count))
        unit->error_of_last = (uint32_t)count;
    if (unit->error_of_last && unit->error_of_last < unit->error_limit)
        trp_yaml_mistake(m, of_last, "is below \"failed\", so it is never reached");
    read_action(m, trp_yaml_get(node, "action"), &unit->on_error_rate);
}

void trp_vitals_read(trp_mistakes *m, const trp_yaml *node, trp_unit *unit)
{
    const trp_yaml *health = trp_yaml_get(node, "health");
    const trp_yaml *rate = trp_yaml_get(node, "error_rate");

    if (health != NULL)
        read_health(m, health, unit);
    if (rate != NULL)
        read_error_rate(m, rate, unit);
}

/* ---- a backoff that never gets where it leads ---- */

/* The wait that the intensity lets it reach, when a child falls as soon as it is up; 0: its cap. */
static uint64_t longest_wait(const troupe_backoff *backoff, uint32_t max, uint64_t within_ns,
                             uint32_t *ret_n)
{
    uint64_t first_ns = 0, now_ns = 0, wait_ns = 0;
    uint32_t first = 1;

    for (uint32_t n = 1; n <= MOST_RESTARTS; n++) {
        while (first < n && now_ns - first_ns >= within_ns) /* the oldest counts no more */
            first_ns += troupe_backoff_ns(backoff, first++);
        if (n - first >= max) {
            *ret_n = n;
            return wait_ns;
        }
        wait_ns = troupe_backoff_ns(backoff, n);
        if (wait_ns >= backoff->max_ns)
            return 0;
        now_ns += wait_ns;
    }
    return 0;
}

void trp_backoff_warn(trp_mistakes *warnings, const trp_yaml *node, const troupe_backoff *backoff,
                      uint32_t max_restarts, uint64_t within_ns)
{
    uint64_t within = within_ns ? within_ns : 5 * TROUPE_SECOND;
    uint32_t max = max_restarts ? max_restarts : 3, n = 0;
    uint64_t reached;

    if (backoff->kind != TROUPE_BACKOFF_EXPONENTIAL || backoff->max_ns == 0 ||
        max == TROUPE_NO_RESTARTS)
        return;
    reached = longest_wait(backoff, max, within, &n);
    if (reached)
        trp_yaml_mistake(
            warnings, node,
            "warning: a child that falls as soon as it is up ends this at crash %u, after a "
            "wait of %llu ms: the backoff never reaches its max; allow more restarts, "
            "or a shorter \"within\"",
            n, (unsigned long long)(reached / TROUPE_MILLISECOND));
}
