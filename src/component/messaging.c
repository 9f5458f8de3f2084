/* messaging.c - the imports of troupe:component/messaging. */
#include "abi.h"
#include "grants.h"
#include "imports.h"

#include <string.h>

/* What a guest gets that talks to others before post-start or after pre-stop. */
static bool no_context(trp_instance *instance, uint32_t result)
{
    if (instance->stopping)
        return trp_abi_fail(instance, result, TROUPE_E_CANCELLED, NULL);
    return trp_abi_fail(instance, result, TROUPE_E_INVALID, "not before post-start");
}

static bool answer(trp_instance *instance, uint32_t result, troupe_status status)
{
    if (status == TROUPE_OK)
        return trp_abi_ok(instance, result);
    return trp_abi_fail(instance, result, status, NULL);
}

static bool deny(trp_instance *instance, uint32_t result, trp_need need, troupe_bytes subject)
{
    char line[192];

    trp_grants_line(need, &subject, line, sizeof(line));
    return trp_abi_fail(instance, result, TROUPE_E_DENIED, line);
}

bool trp_messaging_self_id(trp_instance *instance, wasmtime_val_raw_t *args)
{
    args[0].i64 = (int64_t)instance->id.value;
    return true;
}

/* A guest mostly sends to the one it sent to before, and the name behind an id never changes. What has no name is reached
 * by the grant "*" only. */
static bool may_send(trp_instance *instance, troupe_id target, char *name)
{
    const troupe_grants *grants = &instance->guest->grants;

    name[0] = '\0';
    if (instance->asked.value == target.value && instance->allowed)
        return true;
    troupe_name_of(instance->system, target, name);
    instance->asked = target;
    instance->allowed = trp_grants_match(grants->send, grants->n_send, troupe_text(name));
    return instance->allowed;
}

bool trp_messaging_send(trp_instance *instance, wasmtime_val_raw_t *args)
{
    troupe_id target = {(uint64_t)args[0].i64};
    uint32_t result = (uint32_t)args[3].i32;
    troupe_context *ctx = instance->turn->ctx;
    char name[TROUPE_NAME_MAX + 1];
    troupe_info info;
    troupe_bytes payload;

    if (!trp_abi_take(instance, (uint32_t)args[1].i32, (uint32_t)args[2].i32,
                      "the payload of messaging.send", &payload))
        return false;
    if (!ctx)
        return no_context(instance, result);
    if (target.value == 0)
        return trp_abi_fail(instance, result, TROUPE_E_INVALID, "0 is nobody's id");
    if (!may_send(instance, target, name)) {
        if (troupe_info_of(instance->system, target, &info) == TROUPE_E_GONE)
            return trp_abi_fail(instance, result, TROUPE_E_GONE, NULL);
        return deny(instance, result, TRP_NEED_SEND,
                    name[0] ? troupe_text(name) : TROUPE_TEXT("NAME"));
    }
    return answer(instance, result, troupe_send(ctx, target, payload));
}

bool trp_messaging_publish(trp_instance *instance, wasmtime_val_raw_t *args)
{
    const troupe_guest *guest = instance->guest;
    uint32_t result = (uint32_t)args[4].i32;
    troupe_context *ctx = instance->turn->ctx;
    troupe_bytes topic, payload;
    uint32_t reached = 0;
    troupe_status status;

    if (!trp_abi_take_text(instance, (uint32_t)args[0].i32, (uint32_t)args[1].i32,
                           "the topic of messaging.publish", &topic) ||
        !trp_abi_take(instance, (uint32_t)args[2].i32, (uint32_t)args[3].i32,
                      "the payload of messaging.publish", &payload))
        return false;
    if (!ctx)
        return no_context(instance, result);
    if (!trp_grants_match(guest->grants.publish, guest->grants.n_publish, topic))
        return deny(instance, result, TRP_NEED_PUBLISH, topic);
    if (troupe_topic_reserved(topic))
        return trp_abi_fail(instance, result, TROUPE_E_INVALID, TROUPE_TOPIC_RESERVED);
    status = guest->services->publish(guest->services->arg, ctx, topic, payload, &reached);
    if (status != TROUPE_OK)
        return trp_abi_fail(instance, result, status, NULL);
    return trp_abi_ok_number(instance, result, reached);
}

bool trp_messaging_reply(trp_instance *instance, wasmtime_val_raw_t *args)
{
    troupe_correlation correlation = {(uint64_t)args[0].i64};
    uint32_t result = (uint32_t)args[3].i32;
    troupe_context *ctx = instance->turn->ctx;
    troupe_bytes payload;

    if (!trp_abi_take(instance, (uint32_t)args[1].i32, (uint32_t)args[2].i32,
                      "the payload of messaging.reply", &payload))
        return false;
    if (!ctx)
        return no_context(instance, result);
    return answer(instance, result, troupe_reply_to(ctx, correlation, payload));
}

bool trp_messaging_reply_error(trp_instance *instance, wasmtime_val_raw_t *args)
{
    troupe_correlation correlation = {(uint64_t)args[0].i64};
    uint32_t result = (uint32_t)args[4].i32;
    troupe_context *ctx = instance->turn->ctx;
    trp_wit_error error;

    if (!trp_abi_error(instance, (uint32_t)args[1].i32, (uint32_t)args[2].i32,
                       (uint32_t)args[3].i32, &error))
        return false;
    if (!ctx)
        return no_context(instance, result);
    return answer(instance, result, troupe_fail(ctx, correlation, error.status, error.text));
}
