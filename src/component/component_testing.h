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

/* The parent of the guests: it is told what to spawn and answers with the id when it runs; told an id, it answers
 * with that child's exit when it has ended. The notice of a parent cannot come too late, as a monitor's can. */
#define EXITS_MAX 64

struct order {
    const troupe_guest *guest;
    const char *name;
};

struct parent {
    troupe_correlation asked; /* by whoever waits for a start or an end */
    troupe_id awaited;
    troupe_exit exits[EXITS_MAX];
    size_t n_exits;
};

static UNUSED troupe_status parent_spawn(struct parent *parent, troupe_context *ctx,
                                         const struct order *order)
{
    troupe_spec spec = {.size = sizeof spec, .name = order->name, .drain = true};

    troupe_guest_spec(order->guest, &spec);
    if (troupe_guest_has_health(order->guest)) {
        spec.health_interval = 5 * TROUPE_MILLISECOND;
        spec.health_timeout = TROUPE_SECOND;
        spec.health_failures = 2;
    }
    return troupe_spawn(ctx, &spec, &parent->awaited);
}

static UNUSED troupe_status parent_message(void *self, troupe_context *ctx,
                                           const troupe_message *message)
{
    struct parent *parent = self;
    struct order order;

    parent->asked = message->correlation;
    if (message->payload.size == sizeof order) {
        memcpy(&order, message->payload.data, sizeof order);
        return parent_spawn(parent, ctx, &order);
    }
    memcpy(&parent->awaited, message->payload.data, sizeof parent->awaited);
    for (size_t i = 0; i < parent->n_exits; i++) {
        if (parent->exits[i].id.value == parent->awaited.value)
            return troupe_reply(ctx, TROUPE_BYTES_OF(parent->exits[i]));
    }
    return TROUPE_OK;
}

static UNUSED void parent_notice(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    struct parent *parent = self;
    bool awaited = notice->exit.id.value == parent->awaited.value;

    if (notice->event == TROUPE_EVENT_STARTED && awaited)
        (void)troupe_reply_to(ctx, parent->asked, TROUPE_BYTES_OF(parent->awaited));
    if (notice->event != TROUPE_EVENT_CHILD_DOWN)
        return;
    assert_true(parent->n_exits < EXITS_MAX);
    parent->exits[parent->n_exits++] = notice->exit;
    if (awaited)
        (void)troupe_reply_to(ctx, parent->asked, TROUPE_BYTES_OF(notice->exit));
}

static UNUSED const troupe_actor_ops parent_ops = {.handle_message = parent_message,
                                                   .handle_down = parent_notice};

struct house {
    troupe_system *system;
    troupe_id parent;
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

static UNUSED void house_open_as(struct house *house, const troupe_system_options *options,
                                 const char *cache)
{
    troupe_error error = {.text = ""};

    memset(house, 0, sizeof *house);
    trp_mutex_init(&house->lock);
    assert_int_equal(troupe_system_new(options, &house->system), TROUPE_OK);
    house->me = troupe_attach(house->system);
    assert_non_null(house->me);
    assert_int_equal(troupe_spawn(house->me,
                                  TROUPE_SPEC(.name = "parent", .actor = &parent_ops,
                                              .state_size = sizeof(struct parent)),
                                  &house->parent),
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

static UNUSED void house_open_workers(struct house *house, bool simulation, const char *cache,
                                      unsigned workers)
{
    house_open_as(house,
                  &TROUPE_SYSTEM_OPTIONS(.simulation = simulation, .seed = 7, .workers = workers),
                  cache);
}

static UNUSED void house_open_driven(struct house *house)
{
    house_open_as(house, &TROUPE_SYSTEM_OPTIONS(.driven = true), NULL);
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
    uint64_t walked;

    troupe_system_stop(house->system);
    walked = troupe_account_now(house->system, &totals);
    assert_int_equal(totals.live, 0);
    assert_int_equal(totals.sent, totals.handled + totals.dead_letters + walked);
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

static UNUSED troupe_id spawn(struct house *house, const troupe_guest *guest, const char *name)
{
    struct order order = {guest, name};
    troupe_id id = TROUPE_NOBODY;
    troupe_bytes answer;

    assert_int_equal(ask(house, house->parent, TROUPE_BYTES_OF(order), &answer), TROUPE_OK);
    if (answer.size == sizeof id)
        memcpy(&id, answer.data, sizeof id);
    else
        fail_msg("%s did not start: %s", name ? name : "it",
                 ((const troupe_exit *)answer.data)->text);
    return id;
}

/* How a component that was spawned here ended. */
static UNUSED troupe_exit await_exit(struct house *house, troupe_id id)
{
    troupe_bytes answer;
    troupe_exit exit;

    assert_int_equal(ask(house, house->parent, TROUPE_BYTES_OF(id), &answer), TROUPE_OK);
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

    assert_int_equal(ask(house, id, payload, &answer), TROUPE_E_CRASHED);
    expect_in(answer.data, words);
    exit = await_exit(house, id);
    if (exit.reason != reason)
        fail_msg("%s ended as %s: %s", words, troupe_exit_reason_name(exit.reason), exit.text);
    expect_in(exit.text, words);
}

static UNUSED troupe_exit stop_and_wait(struct house *house, troupe_id id)
{
    assert_int_equal(troupe_stop(house->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    return await_exit(house, id);
}

#endif
