/* gate_testing.h - a component that stalls at its first message until it is woken, and notes what it handles. */
#ifndef TRP_ACTOR_GATE_TESTING_H
#define TRP_ACTOR_GATE_TESTING_H

#include "actor_testing.h"
#include "cell.h"

#include <string.h>

#define GATE_NOTES 32768u

typedef struct gate {
    bool open;
} gate;

typedef struct gate_note {
    uint64_t sender, sequence;
    uint32_t number; /* the payload's first bytes */
} gate_note;

static gate_note
    gate_notes[GATE_NOTES]; /* written by the gates, read when their count has been seen */
static _Atomic uint32_t gate_taken, gate_n, gate_stalled;

static inline void gate_note_message(const troupe_message *message)
{
    uint32_t n = trp_add_relaxed(&gate_taken, 1); /* each has a place of its own */
    gate_note *note = &gate_notes[n];

    TROUPE_ASSERT(n < GATE_NOTES);
    *note = (gate_note){.sender = message->sender.value, .sequence = message->sequence};
    if (message->payload.size >= sizeof note->number)
        memcpy(&note->number, message->payload.data, sizeof note->number);
    trp_add_acq_rel(&gate_n, 1); /* pairs with gate_wait */
}

static inline troupe_status gate_handle(void *self, troupe_context *ctx,
                                        const troupe_message *message)
{
    const gate *state = self;

    (void)ctx;
    gate_note_message(message);
    if (state->open)
        return TROUPE_OK;
    trp_store_release(&gate_stalled, 1); /* pairs with gate_wait */
    return TROUPE_PENDING;
}

static inline troupe_status gate_resume(void *self, troupe_context *ctx,
                                        const troupe_message *message)
{
    gate *state = self;

    (void)ctx;
    (void)message;
    state->open = true;
    return TROUPE_OK;
}

static const troupe_actor_ops gate_ops = {.handle_message = gate_handle, .resume = gate_resume};

static inline void gate_wait(fixture *f, _Atomic uint32_t *count, uint32_t n)
{
    troupe_message message;

    for (int i = 0; i < 30000 && trp_load_acquire(count) < n; i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_true(trp_load_acquire(count) >= n);
}

static inline void send_number(fixture *f, troupe_id to, uint32_t number)
{
    assert_int_equal(troupe_send(f->me, to, TROUPE_BYTES_OF(number)), TROUPE_OK);
}

static inline void send_numbers(fixture *f, troupe_id to, uint32_t first, uint32_t last)
{
    for (uint32_t number = first; number <= last; number++)
        send_number(f, to, number);
}

static inline troupe_id spawn_gate(fixture *f, uint32_t bound, uint64_t bytes,
                                   troupe_on_full on_full)
{
    troupe_id id = TROUPE_NOBODY;

    trp_store_seq(&gate_taken, 0);
    trp_store_seq(&gate_n, 0);
    trp_store_seq(&gate_stalled, 0);
    assert_int_equal(troupe_spawn(f->me,
                                  TROUPE_SPEC(.actor = &gate_ops, .state_size = sizeof(gate),
                                              .mailbox_bound = bound, .mailbox_bytes = bytes,
                                              .on_full = on_full, .drain = true),
                                  &id),
                     TROUPE_OK);
    return id;
}

/* A gate that has taken the message 1 and stalls in it. */
static inline troupe_id spawn_stalled(fixture *f, uint32_t bound, uint64_t bytes,
                                      troupe_on_full on_full)
{
    troupe_id id = spawn_gate(f, bound, bytes, on_full);

    send_number(f, id, 1);
    gate_wait(f, &gate_stalled, 1);
    return id;
}

static inline void wait_until_empty(fixture *f, troupe_id id)
{
    troupe_message message;

    for (int i = 0; i < 30000 && troupe_waiting(f->system, id); i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_waiting(f->system, id), 0);
}

static inline void gate_open(fixture *f, troupe_id id)
{
    troupe_wake(f->system, id, 1);
}

/* The numbers that the gate handled, in order: n of them. */
static inline void expect_numbers(fixture *f, const uint32_t *numbers, uint32_t n)
{
    gate_wait(f, &gate_n, n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(gate_notes[i].number, numbers[i]);
    assert_int_equal(trp_load_acquire(&gate_n), n);
}

#define EXPECT_NUMBERS(f, ...)                                                                     \
    expect_numbers((f), (const uint32_t[]){__VA_ARGS__},                                           \
                   sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

#endif
