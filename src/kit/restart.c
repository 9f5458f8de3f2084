#include "restart.h"

#include "trp/os.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_MAX 3
#define DEFAULT_WITHIN (5 * TROUPE_SECOND)
#define DEFAULT_MULTIPLIER 2.0
#define FIRST_CAPACITY 8

/* Nobody waits longer than 146 years, and now + wait stays a number. */
#define LONGEST_WAIT (UINT64_MAX / 4)

void trp_window_init(trp_window *window, uint32_t max_restarts, uint64_t within_ns)
{
    *window = (trp_window){.max = max_restarts ? max_restarts : DEFAULT_MAX,
                           .within_ns = within_ns ? within_ns : DEFAULT_WITHIN};
    if (max_restarts == TROUPE_NO_RESTARTS)
        window->max = 0;
}

void trp_window_fini(trp_window *window)
{
    trp_free(window->times);
    window->times = NULL;
    window->capacity = window->first = window->count = 0;
}

static void forget_old(trp_window *window, uint64_t now_ns)
{
    while (window->count > 0 && now_ns - window->times[window->first] >= window->within_ns) {
        window->first = (window->first + 1) % window->capacity;
        window->count--;
    }
}

static bool grow(trp_window *window)
{
    uint64_t wanted = window->capacity ? 2 * (uint64_t)window->capacity : FIRST_CAPACITY;
    uint32_t capacity = wanted < window->max ? (uint32_t)wanted : window->max;
    uint64_t *times = trp_alloc(capacity * sizeof *times);

    if (!times)
        return false;
    for (uint32_t i = 0; i < window->count; i++)
        times[i] = window->times[(window->first + i) % window->capacity];
    trp_free(window->times);
    window->times = times;
    window->capacity = capacity;
    window->first = 0;
    return true;
}

trp_admission trp_window_admit(trp_window *window, uint64_t now_ns)
{
    forget_old(window, now_ns);
    if (window->count >= window->max)
        return TRP_EXCEEDED;
    if (window->count == window->capacity && !grow(window))
        return TRP_NO_ROOM;
    window->times[(window->first + window->count) % window->capacity] = now_ns;
    window->count++;
    return TRP_ADMITTED;
}

bool trp_rule_restarts(troupe_restart_rule rule, troupe_exit_reason reason)
{
    if (reason == TROUPE_EXIT_SHUTDOWN)
        return false;
    /* TROUPE_EXIT_RESTART is no normal end: somebody wants it to live again. */
    switch (rule) {
    case TROUPE_PERMANENT:
        return true;
    case TROUPE_TRANSIENT:
        return reason != TROUPE_EXIT_NORMAL;
    case TROUPE_TEMPORARY:
        return false;
    }
    return false;
}

bool trp_is_crash(troupe_exit_reason reason)
{
    return reason == TROUPE_EXIT_CRASHED || reason == TROUPE_EXIT_TIMEOUT ||
           reason == TROUPE_EXIT_REFUSED || reason == TROUPE_EXIT_GAVE_UP ||
           reason == TROUPE_EXIT_STUCK;
}

troupe_status trp_backoff_check(const troupe_backoff *backoff, troupe_error *error)
{
    /* Written so that what is no number fails too. */
    if (!(backoff->jitter >= 0 && backoff->jitter <= 1))
        return troupe_error_set(error, TROUPE_E_INVALID, "backoff: jitter is %g; it is from 0 to 1",
                                backoff->jitter);
    if (backoff->kind == TROUPE_BACKOFF_IMMEDIATE)
        return TROUPE_OK;
    if (backoff->kind != TROUPE_BACKOFF_FIXED && backoff->kind != TROUPE_BACKOFF_EXPONENTIAL)
        return troupe_error_set(error, TROUPE_E_INVALID, "backoff: no kind has the number %d",
                                (int)backoff->kind);
    if (backoff->initial_ns == 0)
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "backoff: initial must be above 0, or the kind immediate");
    if (backoff->kind == TROUPE_BACKOFF_FIXED)
        return TROUPE_OK;
    if (backoff->multiplier != 0 && !(backoff->multiplier >= 1))
        return troupe_error_set(error, TROUPE_E_INVALID,
                                "backoff: multiplier is %g; it must be at least 1",
                                backoff->multiplier);
    if (backoff->max_ns != 0 && backoff->max_ns < backoff->initial_ns)
        return troupe_error_set(error, TROUPE_E_INVALID, "backoff: max must not be below initial");
    return TROUPE_OK;
}

/* base to the n-th, by squaring: a schedule that crept up for years must not take seconds to
 * compute. */
static double power(double base, uint32_t n)
{
    double result = 1;

    for (; n > 0; n /= 2, base *= base)
        if (n % 2)
            result *= base;
    return result;
}

uint64_t troupe_backoff_ns(const troupe_backoff *backoff, uint32_t n)
{
    uint64_t longest = LONGEST_WAIT;
    double wait;

    if (backoff->kind == TROUPE_BACKOFF_IMMEDIATE)
        return 0;
    if (backoff->max_ns != 0 && backoff->max_ns < longest)
        longest = backoff->max_ns;
    if (backoff->kind == TROUPE_BACKOFF_FIXED || n <= 1)
        return backoff->initial_ns < LONGEST_WAIT ? backoff->initial_ns : LONGEST_WAIT;
    wait = (double)backoff->initial_ns *
           power(backoff->multiplier != 0 ? backoff->multiplier : DEFAULT_MULTIPLIER, n - 1);
    return wait < (double)longest ? (uint64_t)wait : longest;
}

uint64_t trp_backoff_draw(const troupe_backoff *backoff, uint32_t n, uint64_t random)
{
    uint64_t wait = troupe_backoff_ns(backoff, n);
    double share = (double)(random >> 11) / (double)(UINT64_C(1) << 53); /* 0 to below 1 */

    return wait - (uint64_t)((double)wait * backoff->jitter * share);
}

const char *trp_duration_text(uint64_t ns, char text[TRP_DURATION_MAX])
{
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = {{TROUPE_SECOND, "s"},
                 {TROUPE_MILLISECOND, "ms"},
                 {TROUPE_MICROSECOND, "\u00b5s"},
                 {1, "ns"}};
    size_t i = 0;

    while (ns < units[i].unit && units[i].unit > 1)
        i++;
    if (units[i].unit > 1 && ns < 10 * units[i].unit && ns % units[i].unit >= units[i].unit / 10)
        snprintf(text, TRP_DURATION_MAX, "%llu.%llu %s", (unsigned long long)(ns / units[i].unit),
                 (unsigned long long)(ns % units[i].unit / (units[i].unit / 10)), units[i].name);
    else
        snprintf(text, TRP_DURATION_MAX, "%llu %s", (unsigned long long)(ns / units[i].unit),
                 units[i].name);
    return text;
}
