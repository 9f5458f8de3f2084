/* abi.h - the canonical ABI in C: bytes into a guest's memory and out of it. Trusts nothing that a guest says.
 *
 * No pointer into a guest's memory outlives the next entry into the guest: its memory may then have moved.
 */
#ifndef TRP_ABI_H
#define TRP_ABI_H

#include "instance.h"

/* trp_abi_give - copy bytes into the guest, in room that it gives. False: the fault is set. */
bool trp_abi_give(trp_instance *instance, troupe_bytes bytes, uint32_t *ret_at);

/* trp_abi_take - size bytes at `at` of the guest's memory; what says in a fault whose they are.
 * trp_abi_take_text - and they must be UTF-8.
 * trp_abi_room - the same bytes, to write to; aligned. False: the fault is set. */
bool trp_abi_take(trp_instance *instance, uint32_t at, uint32_t size, const char *what,
                  troupe_bytes *ret_bytes);
bool trp_abi_take_text(trp_instance *instance, uint32_t at, uint32_t size, const char *what,
                       troupe_bytes *ret_text);
bool trp_abi_room(trp_instance *instance, uint32_t at, uint32_t size, uint32_t align,
                  const char *what, uint8_t **ret_room);

/* The WIT variant `error` as statuses. text is lent, in the guest's memory or constant. */
typedef struct trp_wit_error {
    troupe_status status;
    troupe_bytes text;
    uint32_t limit; /* of TROUPE_E_TOO_LARGE */
} trp_wit_error;

/* trp_abi_error - an error as three flat values: case, and its two words. */
bool trp_abi_error(trp_instance *instance, uint32_t which, uint32_t word0, uint32_t word1,
                   trp_wit_error *ret_error);

/* What handle-message and pre-start return: result<option<list<u8>>, error>; of pre-start's result<_, error> has_bytes
 * says nothing. */
typedef struct trp_returned {
    bool is_error;
    bool has_bytes;
    troupe_bytes bytes;
    trp_wit_error error;
} trp_returned;

bool trp_abi_returned(trp_instance *instance, uint32_t at, bool has_payload, trp_returned *ret);

/* Results of imports, at the address that the guest gave: result<T, error>, T at 4.
 * trp_abi_ok - result<_, error>; _number - result<u32, error>; _at - result<list<u8>, error>, bytes that were given.
 * trp_abi_fail - the error of any of them, text NULL: the status's own; _limit - too-large. False: the fault is set. */
bool trp_abi_ok(trp_instance *instance, uint32_t at);
bool trp_abi_ok_number(trp_instance *instance, uint32_t at, uint32_t number);
bool trp_abi_ok_at(trp_instance *instance, uint32_t at, uint32_t given, uint32_t size);
bool trp_abi_fail(trp_instance *instance, uint32_t at, troupe_status status, const char *text);
bool trp_abi_fail_limit(trp_instance *instance, uint32_t at, uint64_t limit);
uint32_t trp_abi_load_word(const uint8_t *from);

#endif
