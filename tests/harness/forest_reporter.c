/* forest_reporter.c - one that hears every crash report of a forest, and whether it is about a crash that was. */
#include "forest_rules.h"

#include <string.h>

/* ---- what is expected ---- */

void report_expect(struct node *supervisor, struct node *child, const troupe_exit *end)
{
    struct crash *crash = &child->crashes[child->n_crashes % CRASHES];

    if (!rule_is_crash(end->reason) && end->reason != TROUPE_EXIT_ESCALATED)
        return;
    child->n_crashes++;
    *crash = (struct crash){.id = end->id,
                            .incarnation = end->incarnation,
                            .inside_life = supervisor->life,
                            .reason = end->reason};
}

/* A supervisor that goes on has decided about everything that it heard of. */
void report_check_rest(const struct node *supervisor)
{
    for (uint32_t i = 0; i < supervisor->n_children; i++) {
        const struct node *child = supervisor->children[i];

        for (uint32_t k = 0; k < CRASHES && k < child->n_crashes; k++) {
            const struct crash *crash = &child->crashes[k];

            if (!crash->is_reported && crash->inside_life == supervisor->life)
                forest_wrong_locked(supervisor->forest, "no report about life %u of %s",
                                    crash->incarnation, child->name);
        }
    }
}

/* ---- what comes ---- */

/* Rather one that waits for its report: a restart for which memory was out ends the same life once more, as refused. */
static struct crash *find_crash(struct node *child, const troupe_exit *end)
{
    struct crash *found = NULL;

    for (uint32_t k = 0; k < CRASHES && k < child->n_crashes; k++) {
        struct crash *crash = &child->crashes[k];
        bool waits = !crash->is_reported && crash->reason == end->reason;

        if (crash->id.value == end->id.value && crash->incarnation == end->incarnation &&
            (!found || waits))
            found = crash;
    }
    return found;
}

static struct node *node_with(struct forest *forest, const char *name)
{
    for (uint32_t i = 0; i < forest->n_nodes; i++)
        if (strcmp(forest->nodes[i].name, name) == 0)
            return &forest->nodes[i];
    return NULL;
}

static void hear_report(struct forest *forest, const troupe_crash_report *report)
{
    struct node *child = node_with(forest, report->name);
    struct crash *crash = child ? find_crash(child, &report->exit) : NULL;

    forest->n_reports++;
    if (!child || !child->parent || strcmp(child->parent->name, report->supervisor_name) != 0)
        forest_wrong_locked(forest, "a report about %s under %s", report->name,
                            report->supervisor_name);
    else if (!crash && report->exit.incarnation > 1)
        forest_wrong_locked(forest, "a report about life %u of %s, which did not crash",
                            report->exit.incarnation, report->name);
    if (!crash)
        return; /* a first start that failed: nobody was held */
    if (crash->is_reported)
        forest_wrong_locked(forest, "two reports about life %u of %s", crash->incarnation,
                            child->name);
    if (crash->reason != report->exit.reason)
        forest_wrong_locked(forest, "%s crashed as %s, and is reported as %s", child->name,
                            troupe_exit_reason_name(crash->reason),
                            troupe_exit_reason_name(report->exit.reason));
    crash->is_reported = true;
}

struct reporter {
    struct forest *forest;
};

static troupe_status reporter_pre_start(void *self, const troupe_start *start)
{
    struct reporter *reporter = self;

    reporter->forest = (struct forest *)(uintptr_t)start->argument;
    return TROUPE_OK;
}

static troupe_status reporter_post_start(void *self, troupe_context *ctx)
{
    const struct reporter *reporter = self;

    return troupe_subscribe(reporter->forest->topics, troupe_self(ctx),
                            TROUPE_TEXT(TROUPE_CRASH_REPORTS_TOPIC));
}

static troupe_status reporter_message(void *self, troupe_context *ctx,
                                      const troupe_message *message)
{
    const struct reporter *reporter = self;
    struct node *top = &reporter->forest->nodes[0];
    troupe_crash_report report;

    (void)ctx;
    memcpy(&report, message->payload.data, sizeof report);
    log_handled(top);
    forest_enter(top, "is told of a crash");
    hear_report(top->forest, &report);
    forest_leave(top->forest);
    return TROUPE_OK;
}

static const troupe_child_ops reporter_child = {.pre_start = reporter_pre_start,
                                                .post_start = reporter_post_start};
static const troupe_actor_ops reporter_actor = {.handle_message = reporter_message};

troupe_spec reporter_spec(struct forest *forest)
{
    return *TROUPE_SPEC(.name = "reporter", .child = &reporter_child, .actor = &reporter_actor,
                        .state_size = sizeof(struct reporter), .argument = forest,
                        .mailbox_bound = 1u << 16);
}
