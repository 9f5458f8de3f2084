/* ledger.c - what may happen, and what did. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 5u /* a broken invariant tends to be broken again */

void world_wrong(struct world *world, const char *format, ...)
{
    va_list arguments;

    if (trp_add_seq(&world->n_failures, 1) >= WORDS_MAX)
        return;
    trp_mutex_lock(&world->lock);
    fprintf(stderr, "seed %llu (%s): ", (unsigned long long)world->seed,
            world->simulation ? "simulation" : "threads");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    trp_mutex_unlock(&world->lock);
}

struct record *record_of(struct world *world, troupe_id id)
{
    uint32_t n = trp_load_acquire(&world->n_records); /* pairs with take_record */

    for (uint32_t i = n; i > 0; i--) {
        if (trp_load_acquire(&world->records[i - 1].id) == id.value)
            return &world->records[i - 1];
    }
    return NULL;
}

static struct record *take_record(struct world *world, troupe_id id)
{
    struct record *record = NULL;
    uint32_t n;

    TROUPE_ASSERT(world);
    trp_mutex_lock(&world->lock);
    n = trp_load_relaxed(&world->n_records); /* written under this lock */
    if (n < RECORDS) {
        world->records[n].index = n;
        trp_store_release(&world->records[n].id, id.value);
        trp_store_release(&world->n_records, n + 1); /* pairs with record_of */
        record = &world->records[n];
    }
    trp_mutex_unlock(&world->lock);
    return record;
}

static uint32_t name_number(const struct record *record)
{
    return (uint32_t)(record->name[1] - '0') % NAMES;
}

bool record_end(struct world *world, struct record *record)
{
    if (record->name[0])
        trp_sub_seq(&world->n_named[name_number(record)], 1);
    return trp_exchange_seq(&record->live, 0);
}

struct record *record_begin(struct world *world, const troupe_start *start, const struct role *role)
{
    struct record *record = record_of(world, start->id);

    if (start->incarnation == 1 && record) {
        world_wrong(world, "%u began its first life twice", record->index);
        return NULL;
    }
    if (start->incarnation > 1 && !record) /* no life of it came as far as pre_start */
        world_wrong(world, "life %u of a component without a first", start->incarnation);
    if (!record)
        record = take_record(world, start->id);
    if (!record) {
        world_wrong(world, "the table of %d records is full", RECORDS);
        return NULL;
    }
    if (trp_exchange_seq(&record->live, 1))
        world_wrong(world, "%u: life %u began beside life %u", record->index, start->incarnation,
                    record->life);
    if (start->incarnation != record->life + 1)
        world_wrong(world, "%u: life %u after life %u", record->index, start->incarnation,
                    record->life);
    record->role = role;
    record->life = start->incarnation;
    record->crashed = false;
    trp_and_seq(&record->crashes, ~life_bit(record->life));
    memset(record->link_told, 0, sizeof record->link_told);
    snprintf(record->name, sizeof record->name, "%s", start->name);
    if (record->name[0] && trp_add_seq(&world->n_named[name_number(record)], 1))
        world_wrong(world, "%u began life %u as %s, whom another is", record->index, record->life,
                    record->name);
    memset(record->sent, 0, sizeof record->sent);
    memset(record->sent_by, 0, sizeof record->sent_by);
    return record;
}

void record_enter(struct world *world, struct record *record, const char *where)
{
    if (trp_exchange_seq(&record->inside, 1))
        world_wrong(world, "%u: %s beside another callback", record->index, where);
    if (!trp_load_seq(&record->live))
        world_wrong(world, "%u: %s outside a life", record->index, where);
    if (record->crashed && strcmp(where, "post_stop") != 0)
        world_wrong(world, "%u: %s after a crash", record->index, where);
}

void record_leave(struct world *world, struct record *record)
{
    if (!trp_exchange_seq(&record->inside, 0))
        world_wrong(world, "%u: left twice", record->index);
}

/* Direct messages come without a gap in each life of the sender: what was accepted waits for the next life. By a pool
 * or a topic others may have got those between, and a mailbox that drops has gaps. */
static void arrived(struct world *world, uint32_t at, bool gaps, struct seen *seen,
                    const struct parcel *parcel)
{
    bool next =
        parcel->life == seen->life ? parcel->sequence > seen->sequence : parcel->life > seen->life;
    uint32_t before = parcel->life == seen->life ? seen->sequence : 0;

    if (!next)
        world_wrong(world, "%u got message %u of life %u of %u by lane %u after %u of life %u", at,
                    parcel->sequence, parcel->life, parcel->sender, parcel->lane, seen->sequence,
                    seen->life);
    else if (parcel->lane == LANE_DIRECT && !gaps && parcel->sequence != before + 1)
        world_wrong(world, "%u got message %u of life %u of %u, but the last was %u", at,
                    parcel->sequence, parcel->life, parcel->sender, before);
    seen->life = parcel->life;
    seen->sequence = parcel->sequence;
}

void parcel_arrived(struct world *world, struct record *to, const struct parcel *parcel)
{
    if (parcel->sender >= SENDERS || parcel->lane >= LANES) {
        world_wrong(world, "%u got a message that nobody sent", to->index);
        return;
    }
    arrived(world, to->index, to->role->on_full >= TROUPE_ON_FULL_DROP_NEWEST,
            &to->seen[parcel->sender][parcel->lane], parcel);
}

void parcel_arrived_at_thread(struct world *world, const struct parcel *parcel)
{
    if (parcel->sender >= SENDERS || parcel->lane != LANE_DIRECT) {
        world_wrong(world, "the thread got a message that nobody sent");
        return;
    }
    arrived(world, RECORDS, false, &world->thread_seen[parcel->sender], parcel);
}
