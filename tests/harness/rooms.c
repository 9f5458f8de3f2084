/* rooms.c - players that ask to be told of room in a mailbox: each asking is one notice. */
#include "world.h"

static troupe_id *find(struct player *player, troupe_id id)
{
    for (int i = 0; i < SLOTS; i++) {
        if (player->rooms[i].value == id.value)
            return &player->rooms[i];
    }
    return NULL;
}

void ask_for_room(struct player *player, troupe_context *ctx)
{
    troupe_id id = id_of(player->world, pick(player));
    troupe_id *slot = find(player, TROUPE_NOBODY);
    troupe_status status;

    if (!slot ||
        find(player, id)) /* asked again while a notice is under way, it may be told twice */
        return;
    status = troupe_room_notify(ctx, id);
    if (status == TROUPE_OK)
        *slot = id;
    else if (status != TROUPE_E_GONE)
        world_wrong(player->world, "%u cannot ask for room: %s", player->record->index,
                    troupe_status_name(status));
}

void room_came(struct player *player, const troupe_notice *notice)
{
    troupe_id *slot = find(player, notice->exit.id);

    if (!slot)
        world_wrong(player->world, "%u is told of room that it did not ask for",
                    player->record->index);
    else
        *slot = TROUPE_NOBODY;
}

uint32_t rooms_untold(const struct player *player)
{
    uint32_t n = 0;

    for (int i = 0; i < SLOTS; i++)
        n += player->rooms[i].value != 0;
    return n;
}
