/* ties.c - links between players: who hears of an end, and who must not outlive one. */
#include "world.h"

/* Of two players, in either order. */
static _Atomic uint8_t *unlinked(struct world *world, uint32_t a, uint32_t b)
{
    return a < b ? &world->unlinked[b * (b + 1) / 2 + a] : &world->unlinked[a * (a + 1) / 2 + b];
}

static struct tie *tie_of(struct player *player, troupe_id id)
{
    for (int i = 0; i < SLOTS; i++) {
        if (player->ties[i].id.value == id.value)
            return &player->ties[i];
    }
    return NULL;
}

void tie(struct player *player, troupe_context *ctx)
{
    uint32_t index = pick(player);
    troupe_id id = id_of(player->world, index);
    struct tie *slot = tie_of(player, TROUPE_NOBODY);
    uint32_t life = player->world->simulation ? player->world->records[index].life : 0;
    struct tie new = {id, index, life};

    if (!slot || tie_of(player, id) || chance(player, 2))
        return;
    if (troupe_link(ctx, id) != TROUPE_OK)
        world_wrong(player->world, "%u cannot be linked to %u", player->record->index, index);
    else if (index != player->record->index)
        *slot = new;
}

void untie(struct player *player, troupe_context *ctx)
{
    struct tie *slot = &player->ties[chance(player, SLOTS)];

    if (!slot->id.value)
        return;
    trp_store_seq(unlinked(player->world, player->record->index, slot->index), 1);
    if (troupe_unlink(ctx, slot->id) != TROUPE_OK)
        world_wrong(player->world, "%u cannot be unlinked", player->record->index);
    slot->id = TROUPE_NOBODY;
}

/* The other one may have made the link. */
void tie_ended(struct player *player, const troupe_notice *notice)
{
    struct tie *slot = tie_of(player, notice->exit.id);
    const struct record *other = record_of(player->world, notice->exit.id);
    uint32_t *told = other ? &player->record->link_told[other->index] : NULL;

    if (!player->record->role->trap_links)
        world_wrong(player->world, "%u is told of a link, and does not trap",
                    player->record->index);
    if (notice->exit.reason == TROUPE_EXIT_GONE) {
        if (!slot)
            world_wrong(player->world, "%u: gone is whom it did not link", player->record->index);
    } else if (told && notice->exit.incarnation <= *told) {
        world_wrong(player->world, "%u heard of life %u of %u after life %u", player->record->index,
                    notice->exit.incarnation, other->index, *told);
    } else if (told) {
        *told = notice->exit.incarnation;
    }
    if (slot)
        slot->id = TROUPE_NOBODY;
}

uint32_t ties_outlived(struct player *player)
{
    struct world *world = player->world;
    uint32_t n = 0;
    troupe_info info;

    for (int i = 0; i < SLOTS; i++) {
        const struct tie *slot = &player->ties[i];
        bool gone = slot->id.value && troupe_info_of(world->system, slot->id, &info) != TROUPE_OK;

        if (!gone || trp_load_seq(unlinked(world, player->record->index, slot->index)))
            continue;
        /* On threads nobody can say which life of it was linked. */
        n += player->record->role->trap_links ||
             (world->simulation &&
              trp_load_seq(&world->records[slot->index].crashes) & life_bit(slot->life));
    }
    return n;
}
