/* link.c - two lives joined: when one ends otherwise than in order, the other crashes; or is told of every end, when
 * it traps them.
 *
 *   linked --one life ends--> told: the other's end stays until it hears the notice --hears--> nothing
 *      |                       |
 *      +------- unlink --------+--> nothing: a notice that is heard later finds no end
 *
 * Threads:    link and unlink: the linker's own turn. ended: the turn of the life that ends, or who gives it up
 *             (stuck.c). heard: the turn of the other.
 * Invariants: 1. Both ends of a bond are in the lists of their cells, or the one that stays has its notice on the way.
 *                All under links_lock. If broken: one half outlives the other and never knows.
 *             2. The state of a life's links is one word: closed by its end, used by a linker, so that one of them is
 *                first. If broken: a link that is made while the life ends is never told.
 *             3. The notices are made with the bond. If broken: an end fails for memory.
 */
#include "life.h"

#include <stdio.h>

/* troupe_context.links_state, beside TRP_LINKS_CLOSED */
#define USED 2u /* there are bonds, or were */

typedef struct bond_end {
    trp_link link; /* in its cell's bonds; under links_lock, as all of this */
    struct trp_bond *bond;
    trp_cell *cell;
    uint64_t id;
    uint32_t life;
    bool in;
    trp_signal *notice; /* to this end; made ahead */
} bond_end;

struct trp_bond {
    bond_end ends[2];
    unsigned counts; /* ends in a list, notices on the way */
};

static void free_bond(struct trp_bond *bond)
{
    if (!bond)
        return;
    trp_signal_free(bond->ends[0].notice);
    trp_signal_free(bond->ends[1].notice);
    trp_free(bond);
}

static struct trp_bond *new_bond(void)
{
    struct trp_bond *bond = trp_alloc_zeroed(sizeof *bond);

    if (!bond)
        return NULL;
    for (int i = 0; i < 2; i++) {
        bond->ends[i].bond = bond;
        bond->ends[i].notice = trp_alloc_zeroed(sizeof(trp_signal));
    }
    if (bond->ends[0].notice && bond->ends[1].notice)
        return bond;
    free_bond(bond);
    return NULL;
}

static void drop_locked(struct trp_bond *bond)
{
    if (--bond->counts == 0)
        free_bond(bond);
}

static void join_locked(bond_end *end, trp_cell *cell, uint64_t id)
{
    end->cell = cell;
    end->id = id;
    end->life =
        trp_load_relaxed(&cell->incarnation); /* of a life that cannot end without this lock */
    end->in = true;
    end->bond->counts++;
    trp_list_append(&cell->bonds, &end->link);
}

static void leave_locked(bond_end *end)
{
    end->in = false;
    trp_list_remove(&end->link);
    drop_locked(end->bond);
}

static bond_end *other_of(const bond_end *end)
{
    return &end->bond->ends[end == &end->bond->ends[0]];
}

/* The end by which cell is joined to id; NULL. */
static bond_end *find_locked(const trp_cell *cell, uint64_t id)
{
    for (trp_link *at = cell->bonds.next; at != &cell->bonds; at = at->next) {
        bond_end *end = TRP_OF(at, bond_end, link);

        if (other_of(end)->id == id)
            return end;
    }
    return NULL;
}

/* Takes the notice of an end out, to be filled and sent without the lock. */
static trp_signal *take_notice_locked(bond_end *to, const bond_end *about)
{
    trp_signal *notice = to->notice;

    to->notice = NULL;
    notice->target = to->id;
    notice->life = to->life;
    notice->id = about->id;
    notice->incarnation = about->life;
    notice->carries = to;
    to->bond->counts++;
    return notice;
}

/* ---- link, unlink ---- */

/* False: id has no life to be joined to. From then on it cannot end without the lock. */
static bool use_locked(trp_cell *cell, uint64_t id)
{
    uint32_t state = trp_load_relaxed(&cell->links_state); /* the exchange looks again */

    do {
        if (state & TRP_LINKS_CLOSED)
            return false;
        /* pairs with trp_links_open: which life this is, and whose */
    } while (!trp_cas_acq_rel(&cell->links_state, &state, state | USED));
    /* else another one is here by now, and looks once in vain; relaxed: its begin was acquired */
    return trp_load_relaxed(&cell->id) == id;
}

/* What the linker hears of one that is gone; NULL: both are joined, or were already. *bond is NULL when it is used. */
static trp_signal *link_locked(trp_cell *self, trp_cell *other, uint64_t id, struct trp_bond **bond)
{
    bond_end *mine = &(*bond)->ends[0], *its = &(*bond)->ends[1];
    const bond_end *old = find_locked(self, id);
    bool here;

    if (old && other_of(old)->in) /* else it ended, and its notice is on the way */
        return NULL;
    if (!use_locked(self, trp_id_of(self).value))
        return NULL; /* it was given up, and goes on in vain */
    here = other && use_locked(other, id);
    join_locked(mine, self, trp_id_of(self).value);
    its->id = id;
    *bond = NULL;
    if (!here)
        return take_notice_locked(mine, its);
    join_locked(its, other, id);
    return NULL;
}

static void say_gone(trp_cell *self, trp_signal *notice)
{
    char text[64];

    snprintf(text, sizeof text,
             self->trap_links ? "gone before it was linked"
                              : "linked component gone before it was linked");
    notice->event = TROUPE_EVENT_LINK_DOWN;
    notice->reason = TROUPE_EXIT_GONE;
    notice->text = trp_strdup(text);
    trp_signal_send(self->system, notice);
}

troupe_status troupe_link(troupe_context *ctx, troupe_id id)
{
    troupe_system *system = ctx->system;
    trp_cell *other = trp_cell_find(system, id);
    struct trp_bond *bond;
    trp_signal *notice;
    troupe_status status = trp_context_check(ctx);

    if (status != TROUPE_OK)
        return status;
    if (ctx->thread || (other && trp_load_relaxed(&other->thread))) /* set before its id */
        return TROUPE_E_INVALID;
    if (other == ctx)
        return TROUPE_OK;
    bond = new_bond();
    if (!bond)
        return TROUPE_E_NO_MEMORY;
    trp_mutex_lock(&system->links_lock);
    notice = link_locked(ctx, other, id.value, &bond);
    trp_mutex_unlock(&system->links_lock);
    free_bond(bond); /* when they were joined already */
    if (notice)
        say_gone(ctx, notice);
    return TROUPE_OK;
}

troupe_status troupe_unlink(troupe_context *ctx, troupe_id id)
{
    troupe_system *system = ctx->system;
    bond_end *end;
    troupe_status status = trp_context_check(ctx);

    if (status != TROUPE_OK)
        return status;
    if (ctx->thread)
        return TROUPE_E_INVALID;
    trp_mutex_lock(&system->links_lock);
    while ((end = find_locked(ctx, id.value))) {
        bond_end *its = other_of(end);

        end->bond->counts++;
        if (its->in)
            leave_locked(its);
        leave_locked(end);
        drop_locked(end->bond);
    }
    trp_mutex_unlock(&system->links_lock);
    return TROUPE_OK;
}

/* ---- the end of a life ---- */

void trp_links_open(trp_cell *cell)
{
    trp_store_release(&cell->links_state, 0); /* pairs with use_locked */
}

/* One bond less. The notice for the other side, when it has to hear of this end; ret_traps: how. */
static trp_signal *break_one_locked(trp_cell *cell, const trp_end *exit, bool *ret_traps)
{
    bond_end *mine = TRP_OF(cell->bonds.next, bond_end, link), *its = other_of(mine);
    trp_signal *notice = NULL;

    mine->bond->counts++;
    leave_locked(mine);
    if (its->in) {
        *ret_traps = its->cell->trap_links; /* set at spawn; its life cannot end without the lock */
        if (*ret_traps || exit->reason != TROUPE_EXIT_NORMAL)
            notice = take_notice_locked(its, mine);
        else
            leave_locked(its);
    }
    drop_locked(mine->bond);
    return notice;
}

static void say_ended(trp_cell *cell, const trp_end *exit, trp_signal *notice, bool traps)
{
    char name[TROUPE_NAME_MAX + 1], text[TROUPE_EXIT_TEXT_MAX + 1];

    notice->event = TROUPE_EVENT_LINK_DOWN;
    notice->reason = exit->reason;
    notice->operation = exit->operation;
    if (traps) {
        notice->text = exit->text ? trp_strdup(exit->text) : NULL;
    } else {
        troupe_name_of(cell->system, (troupe_id){notice->id}, name);
        snprintf(text, sizeof text, "linked %s %s%s%.*s", name[0] ? name : "component",
                 troupe_exit_reason_name(exit->reason), exit->text ? ": " : "",
                 TROUPE_EXIT_TEXT_MAX - TROUPE_NAME_MAX - 40, trp_end_text(exit));
        notice->text = trp_strdup(text);
    }
    trp_signal_send(cell->system, notice);
}

void trp_links_end(trp_cell *cell, const trp_end *exit)
{
    troupe_system *system = cell->system;
    /* relaxed: one word decides, and what USED stands for is read under the lock */
    bool more = trp_exchange_relaxed(&cell->links_state, TRP_LINKS_CLOSED) & USED;

    while (more) {
        trp_signal *notice = NULL;
        bool traps = false;

        trp_mutex_lock(&system->links_lock);
        more = !trp_list_empty(&cell->bonds);
        if (more)
            notice = break_one_locked(cell, exit, &traps);
        trp_mutex_unlock(&system->links_lock);
        if (notice)
            say_ended(cell, exit, notice, traps);
    }
}

bool trp_link_heard(trp_cell *cell, const trp_signal *notice)
{
    bond_end *end = notice->carries;
    bool in;

    trp_mutex_lock(&cell->system->links_lock);
    in = end->in && end->cell == cell;
    if (in)
        leave_locked(end);
    trp_mutex_unlock(&cell->system->links_lock);
    return in;
}

void trp_link_notice_drop(const trp_signal *notice)
{
    bond_end *end = notice->carries;
    troupe_system *system = end->cell->system;

    trp_mutex_lock(&system->links_lock);
    drop_locked(end->bond);
    trp_mutex_unlock(&system->links_lock);
}
