/* dead.c - messages that no handler finished: counted, the last ones kept, and told to those who subscribed.
 *
 * Threads:    any, all of it.
 * Invariants: 1. The message that tells of a letter has no sender, and a letter about one without a sender makes no
 *                message. If broken: a subscriber that ends with letters in its mailbox buries for ever.
 *             2. Nobody is told under dead_lock, and no subscriber is waited for. If broken: who buries (a sender, a
 *                receiver, whoever it is) hangs on a full mailbox.
 *             3. dead_lock is held for the copy of one letter at most. If broken: asking slows those who bury.
 */
#include "cell.h"

const char *troupe_dead_reason_text(troupe_dead_reason reason)
{
    switch (reason) {
#define TEXT_CASE(name, sentence)                                                                  \
    case name:                                                                                     \
        return sentence;
        TROUPE_DEAD_TABLE(TEXT_CASE)
    case TROUPE_N_DEAD_REASONS:
        break;
    }
    return "unknown reason";
}

/* One subscriber gets one letter, if it has room; it is never waited for. */
static void tell(troupe_system *system, uint64_t subscriber, const troupe_dead_letter *letter)
{
    trp_cell *cell = trp_cell_find(system, (troupe_id){subscriber});
    uint64_t room = trp_room_of(1, sizeof *letter);
    trp_node *node;
    uint32_t closed = cell ? trp_load_relaxed(&cell->closed) : true;
    bool fits;

    if (closed == true) /* what slips through is buried there */
        return;
    fits = !closed && trp_room_try(cell, room);
    node = fits ? trp_node_new(TROUPE_BYTES_OF(*letter), NULL) : NULL;
    if (fits && !node)
        trp_room_give(cell, room);
    if (!node) {
        trp_add_relaxed(&system->n_dead_untold, 1); /* a count */
        return;
    }
    node->topic = troupe_payload_ref(system->dead_topic);
    node->target = subscriber;
    node->counted = true;
    trp_add_relaxed(&system->sent, 1); /* a count */
    trp_push(cell, node);
}

/* Under dead_lock: what is copied out is told when the lock is gone. */
static unsigned keep_locked(troupe_system *system, troupe_dead_letter *letter,
                            uint64_t *subscribers)
{
    letter->number = ++system->n_dead;
    system->dead[letter->number % TRP_DEAD_KEPT] = *letter;
    for (unsigned i = 0; i < system->n_dead_subscribers; i++)
        subscribers[i] = system->dead_subscribers[i];
    return system->n_dead_subscribers;
}

void trp_dead_letter(troupe_system *system, troupe_dead_reason reason, uint64_t sender,
                     troupe_id target, uint64_t sequence, size_t size)
{
    troupe_dead_letter letter = {
        .reason = reason, .sender = {sender}, .target = target, .sequence = sequence, .size = size};
    uint64_t subscribers[TRP_DEAD_SUBSCRIBERS];
    unsigned n;

    troupe_name_of(system, target, letter.target_name);
    trp_mutex_lock(&system->dead_lock);
    n = keep_locked(system, &letter, subscribers);
    trp_mutex_unlock(&system->dead_lock);
    if (!sender)
        return; /* invariant 1 */
    for (unsigned i = 0; i < n; i++)
        tell(system, subscribers[i], &letter);
}

/* False: a newer one took its place. */
static bool copy_letter(troupe_system *system, uint64_t number, troupe_dead_letter *ret_letter)
{
    const troupe_dead_letter *letter = &system->dead[number % TRP_DEAD_KEPT];
    bool here;

    trp_mutex_lock(&system->dead_lock);
    here = letter->number == number;
    if (here)
        *ret_letter = *letter;
    trp_mutex_unlock(&system->dead_lock);
    return here;
}

/* One letter at a time, so that nobody who buries waits for longer than a copy of one. */
size_t troupe_dead_letters(troupe_system *system, troupe_dead_letter *letters, size_t n)
{
    uint64_t newest;
    size_t i;

    if (trp_is_forked(system))
        return 0;
    trp_mutex_lock(&system->dead_lock);
    newest = system->n_dead;
    trp_mutex_unlock(&system->dead_lock);
    for (i = 0; i < n && i < newest && i < TRP_DEAD_KEPT; i++) {
        if (!copy_letter(system, newest - i, &letters[i]))
            break;
    }
    return i;
}

/* ---- subscribers ---- */

/* The others keep their order. */
static bool remove_locked(troupe_system *system, uint64_t id)
{
    unsigned n = system->n_dead_subscribers, left = 0;

    for (unsigned i = 0; i < n; i++) {
        if (system->dead_subscribers[i] != id)
            system->dead_subscribers[left++] = system->dead_subscribers[i];
    }
    system->n_dead_subscribers = left;
    return left < n;
}

static void remove_ended_locked(troupe_system *system)
{
    for (unsigned i = system->n_dead_subscribers; i > 0; i--) {
        uint64_t id = system->dead_subscribers[i - 1];

        if (!trp_cell_find(system, (troupe_id){id}))
            remove_locked(system, id);
    }
}

troupe_status troupe_dead_letters_subscribe(troupe_context *ctx)
{
    troupe_system *system = ctx->system;
    troupe_status status = trp_context_check(ctx);
    uint64_t id = trp_id_of(ctx).value;

    if (status != TROUPE_OK)
        return status;
    trp_mutex_lock(&system->dead_lock);
    remove_ended_locked(system);
    remove_locked(system, id); /* twice is once */
    if (system->n_dead_subscribers < TRP_DEAD_SUBSCRIBERS)
        system->dead_subscribers[system->n_dead_subscribers++] = id;
    else
        status = TROUPE_E_QUOTA;
    trp_mutex_unlock(&system->dead_lock);
    return status;
}

bool troupe_dead_letters_unsubscribe(troupe_context *ctx)
{
    troupe_system *system = ctx->system;
    bool was;

    if (trp_context_check(ctx) != TROUPE_OK)
        return false;
    trp_mutex_lock(&system->dead_lock);
    was = remove_locked(system, trp_id_of(ctx).value);
    trp_mutex_unlock(&system->dead_lock);
    return was;
}

void troupe_dead_letter_add(troupe_context *ctx, troupe_id target, troupe_dead_reason reason,
                            size_t size)
{
    if (trp_context_check(ctx) != TROUPE_OK)
        return;
    trp_count_own(&ctx->n_sent, 1);
    trp_dead_letter(ctx->system, reason, trp_id_of(ctx).value, target,
                    trp_load_relaxed(&ctx->n_sent), size); /* its owner is this thread */
}
