/* Crash reports: one for each crash, with what was decided; and a storm of crashes that stays quiet. */
#include "kit_testing.h"

struct scene {
    struct part part;
    troupe_child child;
    troupe_supervisor plan;
    troupe_topics *topics;
    troupe_id top;
};

static troupe_status talk(void *self, troupe_context *ctx, const troupe_message *message)
{
    char line[32];

    for (int i = 1; i <= 6; i++) {
        snprintf(line, sizeof line, "line %d", i);
        troupe_log_write(ctx, TROUPE_LEVEL_INFO, "talk", troupe_text(line));
    }
    return player_message(self, ctx, message);
}

static const troupe_actor_ops talking = {.handle_message = talk};

static void begin(struct stage *stage, struct scene *scene, troupe_supervisor plan)
{
    memset(scene, 0, sizeof *scene);
    assert_int_equal(troupe_topics_new(stage->system, &scene->topics), TROUPE_OK);
    assert_int_equal(troupe_subscribe(scene->topics, troupe_self(stage->me),
                                      troupe_text(TROUPE_CRASH_REPORTS_TOPIC)),
                     TROUPE_OK);
    scene->part = (struct part){.stage = stage, .tag = 'a'};
    scene->child.spec = player_spec("a", &scene->part);
    scene->child.spec.actor = &talking;
    scene->plan = plan;
    scene->plan.children = &scene->child;
    scene->plan.n_children = 1;
    scene->plan.reports = scene->topics;
    scene->top = spawn_supervisor(stage, "top", &scene->plan);
}

static void end(struct stage *stage, struct scene *scene)
{
    curtain(stage);
    troupe_topics_free(scene->topics);
}

static troupe_crash_report next_report(struct stage *stage)
{
    troupe_crash_report report;
    troupe_message message;

    assert_int_equal(troupe_receive(stage->me, PATIENCE, &message), TROUPE_OK);
    assert_int_equal(message.payload.size, sizeof report);
    assert_memory_equal(message.topic.data, TROUPE_CRASH_REPORTS_TOPIC, message.topic.size);
    memcpy(&report, message.payload.data, sizeof report);
    return report;
}

static void expect_no_more(struct stage *stage)
{
    troupe_message message;

    assert_int_equal(troupe_receive(stage->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
}

/* ---- what is in one ---- */

static void act_one(struct stage *stage)
{
    struct scene scene;
    troupe_crash_report report;
    troupe_id a;

    begin(stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 5,
                                               .backoff = {.kind = TROUPE_BACKOFF_FIXED,
                                                           .initial_ns = 3 * TROUPE_MILLISECOND}));
    a = named(stage, "a");
    order(stage, a, "+");
    order(stage, a, "e");
    order(stage, a, "crash");
    report = next_report(stage);
    assert_int_equal(report.exit.id.value, a.value);
    assert_int_equal(report.exit.incarnation, 1);
    assert_int_equal(report.exit.reason, TROUPE_EXIT_CRASHED);
    assert_int_equal(report.exit.operation, TROUPE_OPERATION_HANDLE_MESSAGE);
    assert_string_equal(report.exit.text, "told to crash, handling message 3");
    assert_string_equal(report.name, "a");
    assert_string_equal(report.supervisor_name, "top");
    assert_int_equal(report.supervisor.value, scene.top.value);
    assert_true(report.details.has_message);
    assert_false(report.details.is_request);
    assert_int_equal(report.details.sequence, 3);
    assert_int_equal(report.details.size, 5);
    assert_int_equal(report.details.n_lines, 4);
    assert_string_equal(report.details.lines[0], "line 3");
    assert_string_equal(report.details.lines[3], "line 6");
    assert_int_equal(report.handled, 2);
    assert_int_equal(report.failed, 1);
    assert_int_equal(report.crashes, 1);
    assert_int_equal(report.decision, TROUPE_DECISION_RESTART);
    assert_int_equal(report.wait_ns, 3 * TROUPE_MILLISECOND);
    assert_int_equal(report.n_counted, 1);
    assert_int_equal(report.max_restarts, 5);
    assert_string_equal(report.why, "its rule restarts it");
    assert_int_equal(report.left_out, 0);
    order(stage, a, "x"); /* in order: no report; nor is the restart of a permanent one */
    assert_true(ask(stage, a).incarnation == 3);
    expect_no_more(stage);
    end(stage, &scene);
}

static void test_a_report_says_who_why_and_what_was_decided(void **state)
{
    (void)state;
    each_way(act_one);
}

static troupe_decision decision_of(struct stage *stage, troupe_child child, troupe_supervisor plan)
{
    struct scene scene;
    troupe_crash_report report;

    begin(stage, &scene, plan);
    (void)child;
    order(stage, named(stage, "a"), "c");
    report = next_report(stage);
    expect_no_more(stage);
    end(stage, &scene);
    return report.decision;
}

static void test_every_decision_has_its_report(void **state)
{
    static const struct {
        troupe_supervisor plan;
        troupe_decision decision;
    } cases[] = {
        {TROUPE_SUPERVISOR(.max_restarts = TROUPE_NO_RESTARTS), TROUPE_DECISION_GIVE_UP},
        {TROUPE_SUPERVISOR(.max_restarts = TROUPE_NO_RESTARTS,
                           .on_intensity = TROUPE_ON_INTENSITY_STOP),
         TROUPE_DECISION_STOP},
        {TROUPE_SUPERVISOR(.max_restarts = TROUPE_NO_RESTARTS,
                           .on_intensity = TROUPE_ON_INTENSITY_LEAVE_DOWN),
         TROUPE_DECISION_LEAVE_DOWN},
        {TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ALL), TROUPE_DECISION_SIBLINGS},
        {TROUPE_SUPERVISOR(.strategy = TROUPE_ONE_FOR_ONE), TROUPE_DECISION_RESTART},
    };
    struct stage stage;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stage_open(&stage, true, i + 1);
        assert_int_equal(
            decision_of(&stage, (troupe_child){.restart = TROUPE_PERMANENT}, cases[i].plan),
            cases[i].decision);
        stage_close(&stage);
    }
}

/* ---- the line ---- */

static void test_the_line_is_json_whatever_stands_in_it(void **state)
{
    static char text[TROUPE_CRASH_REPORT_TEXT];
    static troupe_crash_report report;

    (void)state;
    snprintf(report.exit.text, sizeof report.exit.text, "a \"quote\" \\ \n tab\t \xff end");
    snprintf(report.name, sizeof report.name, "na\xc3\xafve");
    report.decision = TROUPE_DECISION_LEAVE_DOWN;
    report.details.n_lines = 1;
    snprintf(report.details.lines[0], sizeof report.details.lines[0], "last");
    troupe_crash_report_text(&report, text);
    assert_non_null(
        strstr(text, "\"text\":\"a \\\"quote\\\" \\\\ \\u000a tab\\u0009 \\ufffd end\""));
    assert_non_null(strstr(text, "\"name\":\"na\xc3\xafve\""));
    assert_non_null(strstr(text, "\"log\":[\"last\"]"));
    assert_non_null(strstr(text, "\"decision\":\"leave down\""));
    assert_int_equal(text[0], '{');
    assert_int_equal(text[strlen(text) - 1], '}');
    memset(report.exit.text, 1, sizeof report.exit.text - 1); /* the longest there is */
    memset(report.name, 1, sizeof report.name - 1);
    memset(report.supervisor_name, 1, sizeof report.supervisor_name - 1);
    memset(report.why, 1, sizeof report.why - 1);
    memset(report.details.lines, 1, sizeof report.details.lines);
    for (int i = 0; i < 4; i++)
        report.details.lines[i][TROUPE_CRASH_LINE_MAX] = 0;
    report.details.n_lines = 4;
    troupe_crash_report_text(&report, text);
    assert_int_equal(text[strlen(text) - 1], '}');
}

/* ---- a storm ---- */

struct sink {
    uint64_t n_lines, n_bytes, n_left_out;
};

static void count_line(void *arg, const troupe_log_line *line)
{
    struct sink *sink = arg;
    unsigned long long n;

    sink->n_lines++;
    sink->n_bytes += line->text.size;
    if (strcmp(line->id, "crash-lines") == 0 &&
        sscanf((const char *)line->text.data, "%llu lines", &n) == 1)
        sink->n_left_out += n;
}

/* Ten thousand crashes in a virtual second: what is written stays within the budget, and nothing else is lost. */
static void test_a_storm_of_crashes_is_quiet(void **state)
{
    static struct scene scene;
    struct sink sink = {0};
    troupe_system_options options =
        TROUPE_SYSTEM_OPTIONS(.simulation = true, .seed = 3, .crash_lines = 50,
                              .log = {count_line, &sink});
    struct stage stage = {.simulation = true};
    troupe_crash_report report;
    troupe_message message;
    uint64_t n_reports = 0, n_left_out = 0;
    troupe_totals totals;

    (void)state;
    assert_int_equal(troupe_system_new(&options, &stage.system), TROUPE_OK);
    stage.me = troupe_attach(stage.system);
    trp_mutex_init(&stage.journal.mutex);
    trp_condition_init(&stage.journal.more);
    begin(&stage, &scene,
          (troupe_supervisor)TROUPE_SUPERVISOR(.max_restarts = 1000000, .within_ns = 1));
    for (int i = 0; i < 10000; i++) {
        order(&stage, named(&stage, "a"), "c");
        if (troupe_receive(stage.me, 100 * TROUPE_MICROSECOND, &message) != TROUPE_OK)
            continue;
        memcpy(&report, message.payload.data, sizeof report);
        n_reports++;
        n_left_out += report.left_out;
    }
    troupe_totals_now(stage.system, &totals);
    assert_true(totals.crashes >= 9990);
    assert_true(n_reports >= 50 && n_reports <= 110);
    assert_true(n_reports + n_left_out >= 9000);
    assert_true(sink.n_bytes <
                1000000); /* 8 MB were it not for the budget; "line 1" is not about crashes */
    assert_true(sink.n_left_out > 15000);
    end(&stage, &scene);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_says_who_why_and_what_was_decided),
        cmocka_unit_test(test_every_decision_has_its_report),
        cmocka_unit_test(test_the_line_is_json_whatever_stands_in_it),
        cmocka_unit_test(test_a_storm_of_crashes_is_quiet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
