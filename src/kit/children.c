/* children.c - the table of a supervisor's children: in start order, and found by id in constant time. */
#include "supervisor.h"

#include "trp/os.h"

#include <stdio.h>
#include <string.h>

#define FIRST_CHAINS 8u

/* Ids count up in their low half, the slot: neighbours go to neighbouring chains. */
static trp_record **chain_of(const trp_children *children, troupe_id id)
{
    return &children->by_id[(id.value ^ id.value >> 32) & (children->n_chains - 1)];
}

static trp_record *record_at(const trp_supervisor *self, trp_link *link)
{
    return link == &self->children.list ? NULL : TRP_OF(link, trp_record, link);
}

troupe_status trp_children_init(trp_children *children)
{
    trp_list_init(&children->list);
    children->by_id = trp_alloc_zeroed(FIRST_CHAINS * sizeof(trp_record *));
    children->n_chains = FIRST_CHAINS;
    return children->by_id ? TROUPE_OK : TROUPE_E_NO_MEMORY;
}

static void free_record(trp_record *record)
{
    trp_window_fini(&record->budget);
    trp_free(record->text);
    trp_free(record->own_name);
    trp_free(record);
}

bool trp_children_forget(trp_children *children, size_t most)
{
    children->n_chains = 1; /* by id nobody is found any more */
    children->by_id[0] = NULL;
    for (; most > 0 && !trp_list_empty(&children->list); most--) {
        trp_link *last = children->list.prev; /* so that what malloc gives back goes in pieces */

        trp_list_remove(last);
        free_record(TRP_OF(last, trp_record, link));
    }
    return trp_list_empty(&children->list);
}

void trp_children_fini(trp_children *children)
{
    if (!children->by_id)
        return; /* there was no memory for it */
    (void)trp_children_forget(children, SIZE_MAX);
    trp_free(children->by_id);
    children->by_id = NULL;
}

/* Longer chains when memory is out: slower, and right. */
static void grow(trp_children *children)
{
    size_t n_before = children->n_chains;
    trp_record **before = children->by_id;
    trp_record **chains = trp_alloc_zeroed(2 * n_before * sizeof *chains);

    if (!chains)
        return;
    children->by_id = chains;
    children->n_chains = 2 * n_before;
    for (size_t i = 0; i < n_before; i++) {
        while (before[i]) {
            trp_record *record = before[i], **to = chain_of(children, record->id);

            before[i] = record->chain;
            record->chain = *to;
            *to = record;
        }
    }
    trp_free(before);
}

trp_record *trp_children_append(trp_supervisor *self, const troupe_child *child, uint32_t number)
{
    trp_record *record = trp_alloc_zeroed(sizeof *record);

    if (!record)
        return NULL;
    trp_list_init(&record->turn);
    record->child = *child;
    if (child->spec.name) { /* an order's lies in its message */
        record->own_name = trp_alloc(strlen(child->spec.name) + 1);
        if (!record->own_name) {
            trp_free(record);
            return NULL;
        }
        memcpy(record->own_name, child->spec.name, strlen(child->spec.name) + 1);
        record->child.spec.name = record->own_name;
    }
    record->number = number;
    record->order = ++self->children.last_order;
    record->has_budget = child->max_restarts != 0;
    if (record->has_budget)
        trp_window_init(&record->budget, child->max_restarts,
                        child->within_ns ? child->within_ns : self->window.within_ns);
    trp_list_append(&self->children.list, &record->link);
    if (++self->children.n > self->children.n_chains)
        grow(&self->children);
    return record;
}

void trp_record_set_id(trp_supervisor *self, trp_record *record, troupe_id id)
{
    if (record->id.value) {
        trp_record **at = chain_of(&self->children, record->id);

        while (*at != record)
            at = &(*at)->chain;
        *at = record->chain;
        self->children.n_with_id--;
        self->children.n_leaving -= record->phase == TRP_CHILD_RELEASED;
    }
    record->id = id;
    if (id.value) {
        self->children.n_with_id++;
        record->incarnation = 0;
        trp_record **at = chain_of(&self->children, id);

        record->chain = *at;
        *at = record;
    }
    if (self->plan.pool)
        trp_store_relaxed(&self->seats[record->number - 1].id, id.value); /* as in set_up */
}

void trp_children_remove(trp_supervisor *self, trp_record *record)
{
    trp_record_set_id(self, record, TROUPE_NOBODY);
    trp_list_remove(&record->link);
    self->children.n--;
    free_record(record);
}

trp_record *trp_record_of(const trp_supervisor *self, troupe_id id)
{
    trp_record *record = *chain_of(&self->children, id);

    while (record && record->id.value != id.value)
        record = record->chain;
    return id.value ? record : NULL;
}

bool trp_record_is_forgotten(const trp_record *record)
{
    return record->forget || record->child.restart == TROUPE_TEMPORARY;
}

/* Those that are up are found as anybody finds them; looked for is only among those that are down, or about to be: their
 * names are free already. all: any may have ended this moment, and its supervisor not heard of it. */
trp_record *trp_record_named(const trp_supervisor *self, troupe_system *system, const char *name,
                             bool all)
{
    const trp_children *children = &self->children;
    char own[TROUPE_NAME_MAX + 1];
    troupe_id id;
    trp_record *record =
        troupe_lookup(system, name, &id) == TROUPE_OK ? trp_record_of(self, id) : NULL;

    if (record || (!all && children->n_with_id == children->n && !children->n_leaving))
        return record;
    for (record = trp_record_first_from(self, 0); record; record = trp_record_next(self, record)) {
        bool leaves = record->phase == TRP_CHILD_RELEASED && !trp_record_is_forgotten(record);

        if ((all || leaves || !record->id.value) && trp_record_name(self, record, false, own) &&
            strcmp(own, name) == 0)
            return record;
    }
    return NULL;
}

void trp_record_leave(trp_supervisor *self, trp_record *record)
{
    self->children.n_leaving += record->phase != TRP_CHILD_RELEASED;
    record->phase = TRP_CHILD_RELEASED;
}

trp_record *trp_record_next(const trp_supervisor *self, const trp_record *record)
{
    return record_at(self, record->link.next);
}

trp_record *trp_record_before(const trp_supervisor *self, const trp_record *record)
{
    return record_at(self, record->link.prev);
}

trp_record *trp_record_last(const trp_supervisor *self)
{
    return record_at(self, self->children.list.prev);
}

trp_record *trp_record_first_from(const trp_supervisor *self, uint64_t order)
{
    trp_record *record = record_at(self, self->children.list.next);

    while (record && record->order < order)
        record = trp_record_next(self, record);
    return record;
}

/* A pool's sender that still reads the old value picks a member that has just gone down: its message waits in that
 * member's mailbox, as if it had been sent a moment before. So relaxed is enough. */
void trp_record_set_up(trp_supervisor *self, const trp_record *record, bool up)
{
    if (self->plan.pool)
        trp_store_relaxed(&self->seats[record->number - 1].up, up);
}

void trp_record_note_end(trp_record *record, const troupe_exit *end)
{
    record->has_ended = true;
    record->incarnation = end->incarnation;
    record->reason = end->reason;
    record->operation = end->operation;
    if (!record->text && end->text[0])
        record->text = trp_alloc(TROUPE_EXIT_TEXT_MAX + 1);
    if (record->text)
        memcpy(record->text, end->text, strlen(end->text) + 1);
}

const char *trp_record_name(const trp_supervisor *self, const trp_record *record, bool in_text,
                            char name[TROUPE_NAME_MAX + 1])
{
    const char *given = record->child.spec.name;

    if (given && self->plan.pool)
        snprintf(name, TROUPE_NAME_MAX + 1, "%s-%u", given, record->number);
    else if (given)
        snprintf(name, TROUPE_NAME_MAX + 1, "%s", given);
    else if (in_text)
        snprintf(name, TROUPE_NAME_MAX + 1, "child %u", record->number);
    else
        return NULL;
    return name;
}
