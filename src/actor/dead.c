/* dead.c - messages that no handler finished: counted, the last ones kept. */
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

void trp_dead_letter(troupe_system *system, troupe_dead_reason reason, uint64_t sender,
                     troupe_id target, uint64_t sequence, size_t size)
{
    troupe_dead_letter letter = {
        .reason = reason, .sender = {sender}, .target = target, .sequence = sequence, .size = size};

    troupe_name_of(system, target, letter.target_name);
    trp_mutex_lock(&system->dead_lock);
    letter.number = ++system->n_dead;
    system->dead[letter.number % TRP_DEAD_KEPT] = letter;
    trp_mutex_unlock(&system->dead_lock);
}

size_t troupe_dead_letters(troupe_system *system, troupe_dead_letter *letters, size_t n)
{
    size_t kept;

    trp_mutex_lock(&system->dead_lock);
    kept = system->n_dead < TRP_DEAD_KEPT ? (size_t)system->n_dead : TRP_DEAD_KEPT;
    if (n > kept)
        n = kept;
    for (size_t i = 0; i < n; i++)
        letters[i] = system->dead[(system->n_dead - i) % TRP_DEAD_KEPT];
    trp_mutex_unlock(&system->dead_lock);
    return n;
}

void troupe_dead_letter_add(troupe_context *ctx, troupe_id target, troupe_dead_reason reason,
                            size_t size)
{
    trp_count_own(&ctx->n_sent, 1);
    trp_dead_letter(ctx->system, reason, trp_id_of(ctx).value, target,
                    trp_load_relaxed(&ctx->n_sent), size); /* its owner is this thread */
}
