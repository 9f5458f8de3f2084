/* component_testing.h - what the tests of this room share: a system with an engine, guests from files, and what
 * they printed and logged.
 *
 * Header only, because each test is one source. Nothing sleeps: a test waits for answers and for ends.
 */
#ifndef TRP_COMPONENT_TESTING_H
#define TRP_COMPONENT_TESTING_H

#include "troupe/component.h"

#include "trp/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE (20 * TROUPE_SECOND)
#define UNUSED __attribute__((unused))
#define GUESTS_MAX 16

struct paper {
    char text[65536];
    size_t n, lines;
};

/* A component that is told an id, watches it, and answers a second message with its exit. */
struct watcher {
    troupe_correlation asked;
    bool ended;
    troupe_exit exit;
};

static UNUSED troupe_status watch_it(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct watcher *watcher = self;
    troupe_monitor monitor;
    troupe_id id;

    if (message->payload.size == sizeof id) {
        memcpy(&id, message->payload.data, sizeof id);
        *watcher = (struct watcher){0};
        return troupe_monitor_start(ctx, id, TROUPE_MONITOR_FINAL, &monitor) == TROUPE_OK
                   ? troupe_reply(ctx, (troupe_bytes){0})
                   : TROUPE_E_FAILED;
    }
    if (watcher->ended)
        return troupe_reply(ctx, TROUPE_BYTES_OF(watcher->exit));
    watcher->asked = message->correlation;
    return TROUPE_OK;
}

static UNUSED void watch_end(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct watcher *watcher = self;

    watcher->ended = true;
    watcher->exit = notice->exit;
    if (watcher->asked.value != 0)
        (void)troupe_reply_to(ctx, watcher->asked, TROUPE_BYTES_OF(watcher->exit));
}

static UNUSED const troupe_actor_ops watcher_ops = {.handle_message = watch_it,
                                                    .handle_down = watch_end};

struct house {
    troupe_system *system;
    troupe_id watcher;
    troupe_context *me;
    troupe_engine *engine;
    troupe_guest *guests[GUESTS_MAX];
    size_t n_guests;
    troupe_guest_services services;
    trp_mutex lock;
    struct paper printed, logged; /* under lock */
    troupe_id subscriber;         /* of every topic; set before guests run */
};

static UNUSED void put_line(struct house *house, struct paper *paper, troupe_bytes text,
                            const char *end)
{
    trp_mutex_lock(&house->lock);
    paper->lines++;
    if (paper->n + text.size + 2 < sizeof paper->text)
        paper->n += (size_t)snprintf(paper->text + paper->n, sizeof paper->text - paper->n,
                                     "%.*s%s", (int)text.size, (const char *)text.data, end);
    trp_mutex_unlock(&house->lock);
}

static UNUSED troupe_status print_it(void *arg, troupe_context *ctx, troupe_bytes bytes)
{
    struct house *house = arg;

    (void)ctx;
    put_line(house, &house->printed, bytes, "");
    return TROUPE_OK;
}

static UNUSED void log_it(void *arg, troupe_context *ctx, troupe_level level, troupe_bytes text)
{
    struct house *house = arg;

    (void)ctx, (void)level;
    put_line(house, &house->logged, text, "\n");
}

static UNUSED void log_it_outside(void *arg, troupe_id id, const char *name, troupe_level level,
                                  troupe_bytes text)
{
    struct house *house = arg;

    (void)id, (void)name, (void)level;
    put_line(house, &house->logged, text, "\n");
}

static UNUSED troupe_status publish_it(void *arg, troupe_context *ctx, troupe_bytes topic,
                                       troupe_bytes payload, uint32_t *ret_reached)
{
    struct house *house = arg;
    troupe_payload *shared = troupe_payload_new(payload);
    troupe_payload *name = troupe_payload_new(topic);
    troupe_status status = troupe_send_shared(ctx, house->subscriber, name, shared);

    troupe_payload_unref(name);
    troupe_payload_unref(shared);
    *ret_reached = status == TROUPE_OK;
    return status;
}

static UNUSED void house_open_workers(struct house *house, bool simulation, const char *cache,
                                      unsigned workers)
{
    troupe_system_options options = TROUPE_SYSTEM_OPTIONS();
    troupe_error error = {.text = ""};

    memset(house, 0, sizeof *house);
    trp_mutex_init(&house->lock);
    options.simulation = simulation;
    options.seed = 7;
    options.workers = workers;
    assert_int_equal(troupe_system_new(&options, &house->system), TROUPE_OK);
    house->me = troupe_attach(house->system);
    assert_non_null(house->me);
    assert_int_equal(troupe_spawn(house->me,
                                  TROUPE_SPEC(.name = "watcher", .actor = &watcher_ops,
                                              .state_size = sizeof(struct watcher)),
                                  &house->watcher),
                     TROUPE_OK);
    if (troupe_engine_new(house->system, TROUPE_ENGINE_OPTIONS(.cache_dir = cache), &house->engine,
                          &error) != TROUPE_OK)
        fail_msg("%s", error.text);
    house->services = (troupe_guest_services){.arg = house,
                                              .publish = publish_it,
                                              .print = print_it,
                                              .log = log_it,
                                              .log_outside = log_it_outside};
}

static UNUSED void house_open_with(struct house *house, bool simulation, const char *cache)
{
    house_open_workers(house, simulation, cache, 2);
}

static UNUSED void house_open(struct house *house, bool simulation)
{
    house_open_with(house, simulation, NULL);
}

static UNUSED void house_close(struct house *house)
{
    troupe_totals totals;

    troupe_system_stop(house->system);
    troupe_totals_now(house->system, &totals);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.sent,
                     totals.handled + totals.dead_letters + troupe_walk_mailboxes(house->system));
    assert_int_equal(troupe_engine_stores(house->engine), 0);
    for (size_t i = 0; i < house->n_guests; i++)
        troupe_guest_free(house->guests[i]);
    troupe_engine_free(house->engine);
    troupe_detach(house->me);
    troupe_system_free(house->system);
    trp_mutex_fini(&house->lock);
}

/* ---- guests ---- */

/* The whole file; the caller frees it. */
static UNUSED void *read_guest(const char *file, size_t *ret_size)
{
    char path[512];
    char *bytes = trp_alloc(1 << 20);
    FILE *stream;

    assert_non_null(bytes);
    snprintf(path, sizeof path, "%s/%s", TROUPE_TEST_GUESTS, file);
    stream = fopen(path, "rb");
    if (!stream)
        fail_msg("%s is not there", path);
    *ret_size = fread(bytes, 1, 1 << 20, stream);
    fclose(stream);
    return bytes;
}

static UNUSED troupe_status try_bytes(struct house *house, troupe_guest_options options,
                                      troupe_error *error)
{
    troupe_guest *guest = NULL;
    troupe_status status;

    assert_true(house->n_guests < GUESTS_MAX);
    options.services = &house->services;
    error->text[0] = '\0';
    status = troupe_guest_load(house->engine, &options, &guest, error);
    if (status == TROUPE_OK)
        house->guests[house->n_guests++] = guest;
    else
        assert_null(strchr(error->text, '\n'));
    return status;
}

static UNUSED troupe_status try_guest(struct house *house, const char *file,
                                      troupe_guest_options options, troupe_error *error)
{
    size_t size;
    void *bytes = read_guest(file, &size);
    troupe_status status;

    options.size = sizeof options;
    options.name = "guest";
    options.path = file;
    options.module = (troupe_bytes){bytes, size};
    status = try_bytes(house, options, error);
    trp_free(bytes);
    return status;
}

static UNUSED const troupe_guest *load_with(struct house *house, const char *file,
                                            troupe_guest_options options)
{
    troupe_error error;

    if (try_guest(house, file, options, &error) != TROUPE_OK)
        fail_msg("%s", error.text);
    return house->guests[house->n_guests - 1];
}

/* Everything granted. */
static UNUSED troupe_guest_options all_grants(void)
{
    static const char *const anything[] = {"*"};

    return (troupe_guest_options){.grants = {.send = anything,
                                             .n_send = 1,
                                             .publish = anything,
                                             .n_publish = 1,
                                             .print = true,
                                             .clock = true,
                                             .random = true}};
}

static UNUSED const troupe_guest *load(struct house *house, const char *file)
{
    return load_with(house, file, all_grants());
}

static UNUSED troupe_status try_spawn(struct house *house, const troupe_guest *guest,
                                      const char *name, troupe_id *ret_id, troupe_error *error)
{
    troupe_spec spec = {.size = sizeof spec, .name = name, .drain = true};

    troupe_guest_spec(guest, &spec);
    error->text[0] = '\0';
    return troupe_spawn_or_say(house->me, &spec, ret_id, error);
}

static UNUSED troupe_id spawn(struct house *house, const troupe_guest *guest, const char *name)
{
    troupe_error error;
    troupe_id id = TROUPE_NOBODY;
    troupe_status status = try_spawn(house, guest, name, &id, &error);

    if (status != TROUPE_OK)
        fail_msg("%s: %s", troupe_status_name(status), error.text);
    return id;
}

/* The answer, as text, in a buffer of its own until the next call. */
static UNUSED troupe_status ask(struct house *house, troupe_id id, troupe_bytes payload,
                                troupe_bytes *ret_answer)
{
    static char answer[2 << 20];
    troupe_reply_buffer reply = {NULL};
    troupe_status status = troupe_call(house->me, id, payload, PATIENCE, &reply);
    troupe_bytes bytes = troupe_reply_bytes(&reply);

    assert_true(bytes.size < sizeof answer);
    if (bytes.size > 0)
        memcpy(answer, bytes.data, bytes.size);
    answer[bytes.size] = '\0';
    *ret_answer = (troupe_bytes){answer, bytes.size};
    troupe_reply_clear(&reply);
    return status;
}

static UNUSED void expect_answer(struct house *house, troupe_id id, const char *payload,
                                 const char *wanted)
{
    troupe_bytes answer;

    assert_int_equal(ask(house, id, troupe_text(payload), &answer), TROUPE_OK);
    assert_string_equal(answer.data, wanted);
}

static UNUSED void expect_in(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        fail_msg("\"%s\" is not in \"%s\"", wanted, text);
}

static UNUSED void watch(struct house *house, troupe_id id)
{
    troupe_bytes answer;

    assert_int_equal(ask(house, house->watcher, TROUPE_BYTES_OF(id), &answer), TROUPE_OK);
}

/* How the component that is watched ended. */
static UNUSED troupe_exit await_exit(struct house *house)
{
    troupe_bytes answer;
    troupe_exit exit;

    assert_int_equal(ask(house, house->watcher, TROUPE_TEXT("?"), &answer), TROUPE_OK);
    assert_int_equal(answer.size, sizeof exit);
    memcpy(&exit, answer.data, sizeof exit);
    return exit;
}

/* payload ends the component, with this reason and words. */
static UNUSED void expect_crash(struct house *house, troupe_id id, troupe_bytes payload,
                                troupe_exit_reason reason, const char *words)
{
    troupe_bytes answer;
    troupe_exit exit;

    watch(house, id);
    assert_int_equal(ask(house, id, payload, &answer), TROUPE_E_CRASHED);
    expect_in(answer.data, words);
    exit = await_exit(house);
    assert_int_equal(exit.reason, reason);
    expect_in(exit.text, words);
}

static UNUSED troupe_exit stop_and_wait(struct house *house, troupe_id id)
{
    watch(house, id);
    assert_int_equal(troupe_stop(house->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    return await_exit(house);
}

#endif
