#include "abi.h"

#include "trp/utf8.h"

#include <string.h>

#define RESULT_SIZE 16u
#define WORD 4u

/* The cases of the WIT variant `error`, in its order, and what each carries. */
enum { CARRIES_NOTHING, CARRIES_TEXT, CARRIES_NUMBER };

static const struct {
    troupe_status status;
    int carries;
} cases[] = {
    {TROUPE_E_GONE, CARRIES_NOTHING},        {TROUPE_E_CRASHED, CARRIES_TEXT},
    {TROUPE_E_UNAVAILABLE, CARRIES_NOTHING}, {TROUPE_E_FULL, CARRIES_NOTHING},
    {TROUPE_E_TIMEOUT, CARRIES_NOTHING},     {TROUPE_E_DENIED, CARRIES_TEXT},
    {TROUPE_E_TOO_LARGE, CARRIES_NUMBER},    {TROUPE_E_QUOTA, CARRIES_TEXT},
    {TROUPE_E_INVALID, CARRIES_TEXT},        {TROUPE_E_CANCELLED, CARRIES_NOTHING},
    {TROUPE_E_FAILED, CARRIES_TEXT},
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))

/* ---- out of the guest ---- */

static bool in_bounds(trp_instance *instance, uint32_t at, uint32_t size, const char *what,
                      uint8_t **ret)
{
    size_t memory_size = wasmtime_memory_data_size(instance->wasm, &instance->memory);

    if (at > memory_size || size > memory_size - at) {
        (void)trp_instance_fault(instance,
                                 "%s lies outside its memory: %u bytes at %#x of %zu bytes", what,
                                 size, at, memory_size);
        return false;
    }
    *ret = wasmtime_memory_data(instance->wasm, &instance->memory) + at;
    return true;
}

bool trp_abi_take(trp_instance *instance, uint32_t at, uint32_t size, const char *what,
                  troupe_bytes *ret_bytes)
{
    uint8_t *data = NULL;

    if (!in_bounds(instance, at, size, what, &data))
        return false;
    *ret_bytes = (troupe_bytes){data, size};
    return true;
}

bool trp_abi_take_text(trp_instance *instance, uint32_t at, uint32_t size, const char *what,
                       troupe_bytes *ret_text)
{
    if (!trp_abi_take(instance, at, size, what, ret_text))
        return false;
    return trp_is_utf8(ret_text->data, ret_text->size) ||
           trp_instance_fault(instance, "%s is no UTF-8", what);
}

bool trp_abi_room(trp_instance *instance, uint32_t at, uint32_t size, uint32_t align,
                  const char *what, uint8_t **ret_room)
{
    if (at % align != 0) {
        (void)trp_instance_fault(instance, "%s at %#x is not aligned to %u", what, at, align);
        return false;
    }
    return in_bounds(instance, at, size, what, ret_room);
}

/* Little-endian, as the guest's memory is. */
uint32_t trp_abi_load_word(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

static void store_word(uint8_t *to, uint32_t word)
{
    to[0] = (uint8_t)word;
    to[1] = (uint8_t)(word >> 8);
    to[2] = (uint8_t)(word >> 16);
    to[3] = (uint8_t)(word >> 24);
}

bool trp_abi_error(trp_instance *instance, uint32_t which, uint32_t word0, uint32_t word1,
                   trp_wit_error *ret_error)
{
    trp_wit_error error = {0};

    if (which >= N_CASES)
        return trp_instance_fault(instance, "an error has case %u, there are %zu", which, N_CASES);
    error.status = cases[which].status;
    if (cases[which].carries == CARRIES_TEXT) {
        if (!trp_abi_take_text(instance, word0, word1, "the text of an error", &error.text))
            return false;
    } else {
        error.text = troupe_text(troupe_status_text(error.status));
    }
    if (cases[which].carries == CARRIES_NUMBER)
        error.limit = word0;
    *ret_error = error;
    return true;
}

bool trp_abi_returned(trp_instance *instance, uint32_t at, bool has_payload, trp_returned *ret)
{
    trp_returned returned = {0};
    uint8_t *data = NULL;

    if (!trp_abi_room(instance, at, RESULT_SIZE, WORD, "what it returned", &data))
        return false;
    if (data[0] > 1)
        return trp_instance_fault(instance, "it returned a result of case %u, there are 2",
                                  data[0]);
    returned.is_error = data[0] == 1;
    if (returned.is_error) {
        if (!trp_abi_error(instance, data[4], trp_abi_load_word(data + 8),
                           trp_abi_load_word(data + 12), &returned.error))
            return false;
    } else if (has_payload) {
        if (data[4] > 1)
            return trp_instance_fault(instance, "it returned an option of case %u, there are 2",
                                      data[4]);
        returned.has_bytes = data[4] == 1;
        if (returned.has_bytes &&
            !trp_abi_take(instance, trp_abi_load_word(data + 8), trp_abi_load_word(data + 12),
                          "its answer", &returned.bytes))
            return false;
    }
    *ret = returned;
    return true;
}

/* ---- into the guest ---- */

bool trp_abi_give(trp_instance *instance, troupe_bytes bytes, uint32_t *ret_at)
{
    uint32_t at;

    /* No room is needed: any pointer that is not null will do, and bindings want one. */
    if (bytes.size == 0) {
        *ret_at = 1;
        return true;
    }
    if (bytes.size > INT32_MAX)
        return trp_instance_fault(instance, "%zu bytes are more than a guest can take", bytes.size);
    if (!trp_instance_realloc(instance, 1, (uint32_t)bytes.size, &at))
        return false;
    memcpy(wasmtime_memory_data(instance->wasm, &instance->memory) + at, bytes.data, bytes.size);
    *ret_at = at;
    return true;
}

static bool result_room(trp_instance *instance, uint32_t at, uint8_t **ret)
{
    return trp_abi_room(instance, at, RESULT_SIZE, WORD, "the room for an import's result", ret);
}

bool trp_abi_ok(trp_instance *instance, uint32_t at)
{
    return trp_abi_ok_number(instance, at, 0);
}

bool trp_abi_ok_number(trp_instance *instance, uint32_t at, uint32_t number)
{
    uint8_t *result;

    if (!result_room(instance, at, &result))
        return false;
    result[0] = 0;
    store_word(result + 4, number);
    return true;
}

bool trp_abi_ok_at(trp_instance *instance, uint32_t at, uint32_t given, uint32_t size)
{
    uint8_t *result;

    if (!result_room(instance, at, &result))
        return false;
    result[0] = 0;
    store_word(result + 4, given);
    store_word(result + 8, size);
    return true;
}

/* Statuses that the WIT has no case for become `invalid`, with their sentence. */
static unsigned case_of(troupe_status status)
{
    unsigned invalid = 0;

    if (status == TROUPE_E_CLOSED)
        status = TROUPE_E_CANCELLED;
    if (status == TROUPE_E_NO_MEMORY)
        status = TROUPE_E_QUOTA;
    for (unsigned i = 0; i < N_CASES; i++) {
        if (cases[i].status == status)
            return i;
        if (cases[i].status == TROUPE_E_INVALID)
            invalid = i;
    }
    return invalid;
}

static bool write_error(trp_instance *instance, uint32_t at, unsigned which, uint32_t word0,
                        uint32_t word1)
{
    uint8_t *result;

    if (!result_room(instance, at, &result))
        return false;
    result[0] = 1;
    result[4] = (uint8_t)which;
    store_word(result + 8, word0);
    store_word(result + 12, word1);
    return true;
}

bool trp_abi_fail_limit(trp_instance *instance, uint32_t at, uint64_t limit)
{
    return write_error(instance, at, case_of(TROUPE_E_TOO_LARGE),
                       limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX, 0);
}

bool trp_abi_fail(trp_instance *instance, uint32_t at, troupe_status status, const char *text)
{
    troupe_bytes words = troupe_text(text ? text : troupe_status_text(status));
    unsigned which = case_of(status);
    uint32_t given = 0;

    switch (cases[which].carries) {
    case CARRIES_NUMBER:
        return trp_abi_fail_limit(instance, at, instance->guest->message_max);
    case CARRIES_TEXT:
        return trp_abi_give(instance, words, &given) &&
               write_error(instance, at, which, given, (uint32_t)words.size);
    default:
        return write_error(instance, at, which, 0, 0);
    }
}
