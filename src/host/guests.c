/* guests.c - the guests of a tree, each with its grants, limits and settings. */
#include "host.h"

static bool has_guest(const trp_unit *unit)
{
    return unit->kind != TRP_UNIT_SUPERVISOR;
}

static troupe_guest *load_one(troupe_host *host, const trp_unit *unit, trp_mistakes *mistakes)
{
    troupe_error error = {.status = TROUPE_OK};
    troupe_guest *guest = NULL;
    troupe_status status = troupe_guest_load(
        host->engine,
        TROUPE_GUEST_OPTIONS(.name = unit->name, .path = unit->guest_path,
                             .module = {unit->file->bytes, unit->file->size},
                             .grants = unit->grants, .limits = unit->limits,
                             .settings = unit->settings, .services = &host->services,
                             .mailbox_bound = unit->mailbox_bound, .message_max = TROUPE_LINE_MAX,
                             .stop_timeout = unit->stop_timeout),
        &guest, &error);

    if (status != TROUPE_OK)
        trp_yaml_mistake(mistakes, unit->guest_node, "%s",
                         error.text[0] != '\0' ? error.text : troupe_status_text(status));
    else if (unit->health_node != NULL && !troupe_guest_has_health(guest))
        trp_yaml_mistake(mistakes, unit->health_node,
                         "%s exports no health.check, so nobody can be asked; give it one "
                         "(TG_HEALTH), or leave this out",
                         unit->guest_path);
    return guest;
}

troupe_status trp_host_load_guests(troupe_host *host, trp_mistakes *mistakes)
{
    size_t n = 0;

    for (const trp_unit *u = host->manifest->root; u != NULL; u = trp_unit_next(u))
        n += has_guest(u);
    host->guests = trp_arena_alloc(&host->arena, n * sizeof(*host->guests));
    host->all_cached = true;
    for (const trp_unit *u = host->manifest->root; u != NULL; u = trp_unit_next(u)) {
        if (!has_guest(u))
            continue;
        troupe_guest *guest = load_one(host, u, mistakes);
        host->guests[host->n_guests++] = guest;
        if (guest == NULL)
            continue;
        troupe_guest_info info = troupe_guest_info_of(guest);
        host->compile_ns += info.compile_ns;
        host->all_cached = host->all_cached && info.cached;
    }
    return mistakes->n == 0 ? TROUPE_OK : TROUPE_E_INVALID;
}
