/* ops.c - a guest behind the two ops tables: the actor system cannot tell it from a native component. */
#include "abi.h"
#include "instance.h"

#include <stdio.h>
#include <string.h>

static troupe_status status_of(const trp_fault *fault)
{
    return fault->reason == TROUPE_EXIT_TIMEOUT ? TROUPE_E_TIMEOUT : TROUPE_E_CRASHED;
}

/* The end of a turn with a context: a fault is this life's end. */
static troupe_status end_turn(trp_instance *instance, trp_turn *turn, bool whole)
{
    trp_turn_end(instance);
    if (whole)
        return TROUPE_OK;
    troupe_crash(turn->ctx, turn->fault.reason, turn->fault.text);
    return status_of(&turn->fault);
}

/* ---- starting ---- */

static void copy_name(trp_instance *instance, const char *name)
{
    /* Zeroed with the state, and names are bounded: this one ends. */
    if (name)
        memcpy(instance->name, name, strnlen(name, TROUPE_NAME_MAX));
}

/* The parameters of pre-start, in the order of wit/troupe.wit. The environment is empty: no grant gives one yet. */
static bool lower_config(trp_instance *instance, const troupe_start *start,
                         wasmtime_val_raw_t *args)
{
    const troupe_guest *guest = instance->guest;
    troupe_bytes name = troupe_text(instance->name);
    troupe_bytes settings = {guest->settings, guest->settings_size};
    uint32_t name_at, settings_at;

    if (!trp_abi_give(instance, name, &name_at) || !trp_abi_give(instance, settings, &settings_at))
        return false;
    args[0].i64 = (int64_t)start->id.value;
    args[1].i32 = (int32_t)name_at;
    args[2].i32 = (int32_t)name.size;
    args[3].i32 = (int32_t)start->incarnation;
    args[4].i32 = start->reason == TROUPE_START_RESTART ? 1 : 0;
    args[5].i32 = (int32_t)settings_at;
    args[6].i32 = (int32_t)settings.size;
    args[7].i32 = 4; /* an empty list, aligned as its elements */
    args[8].i32 = 0;
    args[9].i64 = (int64_t)guest->limits.memory_bytes;
    args[10].i64 = (int64_t)guest->message_max;
    args[11].i64 = (int64_t)(guest->limits.message_ns / TROUPE_MILLISECOND);
    args[12].i32 = (int32_t)guest->mailbox_bound;
    return true;
}

/* TROUPE_OK, or TROUPE_E_REFUSED with the guest's words; false: a fault. */
static bool call_pre_start(trp_instance *instance, const troupe_start *start,
                           troupe_status *ret_status)
{
    wasmtime_val_raw_t args[13];
    trp_returned returned;
    uint32_t at;

    *ret_status = TROUPE_OK;
    if (!trp_instance_has(instance, TRP_EXPORT_PRE_START))
        return true;
    if (!lower_config(instance, start, args) ||
        !trp_instance_call(instance, TRP_EXPORT_PRE_START, args, 13))
        return false;
    at = (uint32_t)args[0].i32;
    if (!trp_abi_returned(instance, at, false, &returned))
        return false;
    if (returned.is_error)
        *ret_status = troupe_error_set(start->error, TROUPE_E_REFUSED, "%.*s",
                                       (int)(returned.error.text.size < TROUPE_EXIT_TEXT_MAX
                                                 ? returned.error.text.size
                                                 : TROUPE_EXIT_TEXT_MAX),
                                       (const char *)returned.error.text.data);
    return trp_instance_post(instance, TRP_EXPORT_PRE_START, at);
}

static troupe_status pre_start(void *self, const troupe_start *start)
{
    trp_instance *instance = self;
    troupe_status status = TROUPE_OK;
    trp_turn turn;
    bool whole;

    instance->guest = start->argument;
    instance->system = start->system;
    instance->id = start->id;
    instance->incarnation = start->incarnation;
    copy_name(instance, start->name);
    trp_turn_begin(instance, &turn, NULL);
    whole =
        trp_instance_open(instance, start->argument) && call_pre_start(instance, start, &status);
    trp_turn_end(instance);
    if (!whole)
        status = troupe_error_set(start->error, status_of(&turn.fault), "%s", turn.fault.text);
    if (status != TROUPE_OK)
        trp_instance_close(instance);
    return status;
}

/* A hook of lifecycle: no result; args holds n parameters. */
static troupe_status run_hook(trp_instance *instance, troupe_context *ctx, trp_export which,
                              wasmtime_val_raw_t *args, size_t n)
{
    trp_turn turn;
    bool whole;

    if (!trp_instance_has(instance, which) || instance->dead)
        return TROUPE_OK;
    trp_turn_begin(instance, &turn, ctx);
    whole = trp_instance_call(instance, which, args, n) && trp_instance_post(instance, which, 0);
    return end_turn(instance, &turn, whole);
}

static troupe_status post_start(void *self, troupe_context *ctx)
{
    trp_instance *instance = self;
    wasmtime_val_raw_t args[1];

    return run_hook(instance, ctx, TRP_EXPORT_POST_START, args, 0);
}

/* ---- health ---- */

enum { HEALTHY, DEGRADED, UNHEALTHY };

/* variant { healthy, degraded(string), unhealthy(string) }. text is lent, in the guest's memory. */
static bool read_condition(trp_instance *instance, uint32_t at, uint32_t *ret_condition,
                           troupe_bytes *ret_text)
{
    troupe_bytes bytes;
    const uint8_t *from;

    *ret_text = (troupe_bytes){NULL, 0};
    if (!trp_abi_take(instance, at, 12, "the answer of health.check", &bytes))
        return false;
    from = bytes.data;
    *ret_condition = from[0];
    if (*ret_condition > UNHEALTHY) {
        trp_fault_set(&instance->turn->fault, TROUPE_EXIT_CRASHED,
                      "the answer of health.check is case %u of 3", *ret_condition);
        return false;
    }
    return *ret_condition == HEALTHY ||
           trp_abi_take_text(instance, trp_abi_load_word(from + 4), trp_abi_load_word(from + 8),
                             "the answer of health.check", ret_text);
}

static troupe_status health_check(void *self, troupe_context *ctx, troupe_error *error)
{
    trp_instance *instance = self;
    troupe_status status = TROUPE_OK;
    wasmtime_val_raw_t args[1];
    uint32_t condition = HEALTHY, at = 0;
    troupe_bytes text;
    trp_turn turn;
    bool whole;

    if (!trp_instance_has(instance, TRP_EXPORT_CHECK) || instance->dead)
        return TROUPE_OK;
    trp_turn_begin(instance, &turn, ctx);
    whole = trp_instance_call(instance, TRP_EXPORT_CHECK, args, 0);
    if (whole) {
        at = (uint32_t)args[0].i32;
        whole = read_condition(instance, at, &condition, &text);
    }
    if (whole && condition == DEGRADED)
        troupe_log_write(ctx, TROUPE_LEVEL_WARN, "degraded", text);
    else if (whole && condition == UNHEALTHY)
        status = troupe_error_set(
            error, TROUPE_E_FAILED, "%.*s",
            (int)(text.size < TROUPE_EXIT_TEXT_MAX ? text.size : TROUPE_EXIT_TEXT_MAX),
            (const char *)text.data);
    if (!whole || !trp_instance_post(instance, TRP_EXPORT_CHECK, at))
        return end_turn(instance, &turn, false);
    trp_turn_end(instance);
    return status;
}

/* ---- ending ---- */

static troupe_status pre_stop(void *self, troupe_context *ctx, troupe_stop_reason reason)
{
    trp_instance *instance = self;
    wasmtime_val_raw_t args[2] = {
        {.i32 = (int32_t)reason},
        {.i64 = (int64_t)(instance->guest->stop_timeout / TROUPE_MILLISECOND)}};

    instance->stopping = true;
    return run_hook(instance, ctx, TRP_EXPORT_PRE_STOP, args, 2);
}

/* Only a life that ended in order gets its post-stop: after a kill pre_stop was not reached. */
static void call_post_stop(trp_instance *instance)
{
    const troupe_guest_services *services = instance->guest->services;
    wasmtime_val_raw_t args[1];
    trp_turn turn;

    trp_turn_begin(instance, &turn, NULL);
    if (!(trp_instance_call(instance, TRP_EXPORT_POST_STOP, args, 0) &&
          trp_instance_post(instance, TRP_EXPORT_POST_STOP, 0)) &&
        services->log_outside)
        services->log_outside(services->arg, instance->id, instance->name, TROUPE_LEVEL_ERROR,
                              troupe_text(turn.fault.text));
    trp_turn_end(instance);
}

static void post_stop(void *self)
{
    trp_instance *instance = self;

    if (instance->stopping && !instance->dead && trp_instance_has(instance, TRP_EXPORT_POST_STOP))
        call_post_stop(instance);
    trp_instance_close(instance);
}

/* ---- messages ---- */

static bool lower_option(trp_instance *instance, troupe_bytes bytes, wasmtime_val_raw_t *args)
{
    uint32_t at = 0;

    if (bytes.size > 0 && !trp_abi_give(instance, bytes, &at))
        return false;
    args[0].i32 = bytes.size > 0;
    args[1].i32 = (int32_t)at;
    args[2].i32 = (int32_t)bytes.size;
    return true;
}

static bool lower_message(trp_instance *instance, const troupe_message *message,
                          wasmtime_val_raw_t *args)
{
    uint32_t at;

    if (!lower_option(instance, message->topic, args + 3) ||
        !lower_option(instance, message->trace, args + 8) ||
        !trp_abi_give(instance, message->payload, &at))
        return false;
    args[0].i64 = (int64_t)message->sender.value;
    args[1].i32 = message->correlation.value != 0;
    args[2].i64 = (int64_t)message->correlation.value;
    args[6].i32 = message->deadline_ns != 0;
    args[7].i64 = (int64_t)message->deadline_ns;
    args[11].i32 = (int32_t)at;
    args[12].i32 = (int32_t)message->payload.size;
    return true;
}

/* The guest said no: its words go to whoever waits, or to the log. */
static troupe_status say_no(troupe_context *ctx, const troupe_message *message,
                            const trp_wit_error *error)
{
    if (message->correlation.value != 0)
        (void)troupe_fail(ctx, message->correlation, error->status, error->text);
    else
        troupe_log_write(ctx, TROUPE_LEVEL_WARN, "message-failed", error->text);
    return TROUPE_E_FAILED;
}

/* Answers while what was returned still lies in the guest's memory. */
static troupe_status pass_on(troupe_context *ctx, const troupe_message *message,
                             const trp_returned *returned)
{
    troupe_status status;

    if (returned->is_error)
        return say_no(ctx, message, &returned->error);
    if (!returned->has_bytes || message->correlation.value == 0)
        return TROUPE_OK;
    status = troupe_reply(ctx, returned->bytes);
    /* Nobody waits any more: as with a reply that comes late in any other way. */
    if (status == TROUPE_E_GONE || status == TROUPE_E_INVALID)
        return TROUPE_OK;
    if (status != TROUPE_OK)
        (void)troupe_fail(ctx, message->correlation, status,
                          troupe_text(troupe_status_text(status)));
    return status;
}

static troupe_status handle_message(void *self, troupe_context *ctx, const troupe_message *message)
{
    trp_instance *instance = self;
    wasmtime_val_raw_t args[13];
    troupe_status status = TROUPE_OK;
    trp_returned returned;
    trp_turn turn;
    bool whole;

    if (instance->dead)
        return TROUPE_E_CRASHED;
    trp_turn_begin(instance, &turn, ctx);
    whole = lower_message(instance, message, args) &&
            trp_instance_call(instance, TRP_EXPORT_HANDLE_MESSAGE, args, 13) &&
            trp_abi_returned(instance, (uint32_t)args[0].i32, true, &returned);
    if (whole) {
        uint32_t at = (uint32_t)args[0].i32;

        status = pass_on(ctx, message, &returned);
        whole = trp_instance_post(instance, TRP_EXPORT_HANDLE_MESSAGE, at);
    }
    if (!whole)
        return end_turn(instance, &turn, false);
    trp_turn_end(instance);
    return status;
}

/* ---- the tables ---- */

static const troupe_child_ops child_ops = {
    .pre_start = pre_start,
    .post_start = post_start,
    .pre_stop = pre_stop,
    .post_stop = post_stop,
    .health_check = health_check,
};

static const troupe_actor_ops actor_ops = {
    .handle_message = handle_message,
};

bool troupe_guest_has_health(const troupe_guest *guest)
{
    return guest->exports[TRP_EXPORT_CHECK] != NULL;
}

void troupe_guest_spec(const troupe_guest *guest, troupe_spec *spec)
{
    spec->child = &child_ops;
    spec->actor = &actor_ops;
    spec->state_size = sizeof(trp_instance);
    spec->argument = guest;
    spec->start_on_own_turn = true;
}
