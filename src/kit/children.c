/* children.c - the table of a supervisor's children: in start order, found by id and name in constant time, by place in
 * that of a logarithm. */
#include "supervisor.h"

#include "trp/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CHAINS 8u

/* Ids count up in their low half, the slot: neighbours go to neighbouring chains. */
static trp_record **chain_of(const trp_children *children, troupe_id id)
{
    return &children->by_id[(id.value ^ id.value >> 32) & (children->n_chains - 1)];
}

static trp_record **chain_of_name(const trp_children *children, const char *name)
{
    return &children
                ->by_name[trp_hash(&children->key, name, strlen(name)) & (children->n_chains - 1)];
}

static trp_record *record_at(const trp_supervisor *self, trp_link *link)
{
    return link == &self->children.list ? NULL : TRP_OF(link, trp_record, link);
}

static void free_tables(trp_children *children)
{
    trp_free(children->by_id);
    trp_free(children->by_name);
    children->by_id = children->by_name = NULL;
}

troupe_status trp_children_init(trp_children *children)
{
    trp_list_init(&children->list);
    children->by_id = trp_alloc_zeroed(FIRST_CHAINS * sizeof(trp_record *));
    children->by_name = trp_alloc_zeroed(FIRST_CHAINS * sizeof(trp_record *));
    children->n_chains = FIRST_CHAINS;
    if (children->by_id && children->by_name)
        return TROUPE_OK;
    free_tables(children);
    return TROUPE_E_NO_MEMORY;
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
    children->n_chains = 1; /* by id or name nobody is found any more */
    children->by_id[0] = children->by_name[0] = NULL;
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
    trp_places_fini(&children->places);
    free_tables(children);
}

static void put_id(const trp_children *children, trp_record *record)
{
    trp_record **chain = chain_of(children, record->id);

    record->chain = *chain;
    *chain = record;
}

static void put_name(const trp_children *children, trp_record *record)
{
    trp_record **chain = chain_of_name(children, record->own_name);

    record->name_chain = *chain;
    *chain = record;
}

/* Longer chains when memory is out: slower, and right. */
static void grow(trp_children *children)
{
    size_t n_before = children->n_chains;
    trp_record **by_id = children->by_id, **by_name = children->by_name;
    trp_record **ids = trp_alloc_zeroed(2 * n_before * sizeof *ids);
    trp_record **names = trp_alloc_zeroed(2 * n_before * sizeof *names);

    if (!ids || !names) {
        trp_free(ids);
        trp_free(names);
        return;
    }
    children->by_id = ids;
    children->by_name = names;
    children->n_chains = 2 * n_before;
    for (size_t i = 0; i < n_before; i++) {
        for (trp_record *record = by_id[i], *next; record; record = next) {
            next = record->chain;
            put_id(children, record);
        }
        for (trp_record *record = by_name[i], *next; record; record = next) {
            next = record->name_chain;
            put_name(children, record);
        }
    }
    trp_free(by_id);
    trp_free(by_name);
}

static void enter_name(trp_children *children, trp_record *record)
{
    if (!children->key.factor) {
        uint64_t bits[2];

        trp_random_os(
            bits, sizeof bits); /* where a name lies shows nowhere: a simulation stays the same */
        children->key = trp_hash_key_from(bits[0], bits[1]);
    }
    put_name(children, record);
}

static void leave_name(trp_children *children, const trp_record *record)
{
    trp_record **at = chain_of_name(children, record->own_name);

    while (*at != record)
        at = &(*at)->name_chain;
    *at = record->name_chain;
}

/* ---- numbers: each is new, but those of a pool are its seats ---- */

uint32_t trp_children_free_number(const trp_supervisor *self)
{
    if (self->first_free)
        return self->first_free;
    return self->plan.pool && self->last_number == self->plan.max_members ? 0
                                                                          : self->last_number + 1;
}

static void take_number(trp_supervisor *self, uint32_t number)
{
    if (number == self->first_free)
        self->first_free = self->seats[number - 1].next_free;
    else
        self->last_number = number;
}

static void give_number(trp_supervisor *self, uint32_t number)
{
    if (!self->plan.pool)
        return;
    self->seats[number - 1].next_free = self->first_free;
    self->first_free = number;
}

/* ---- coming and going ---- */

trp_record *trp_children_append(trp_supervisor *self, const troupe_child *child, uint32_t number)
{
    trp_children *children = &self->children;
    trp_record *record = trp_alloc_zeroed(sizeof *record);

    if (!record)
        return NULL;
    trp_list_init(&record->turn);
    record->child = *child;
    if (child->spec.name) { /* an order's lies in its message */
        record->own_name = trp_alloc(strlen(child->spec.name) + 1);
        if (!record->own_name) {
            free_record(record);
            return NULL;
        }
        memcpy(record->own_name, child->spec.name, strlen(child->spec.name) + 1);
        record->child.spec.name = record->own_name;
    }
    record->number = number;
    record->order = ++children->last_order;
    if (!trp_places_append(&children->places, record->order, record)) {
        free_record(record);
        return NULL;
    }
    record->has_budget = child->max_restarts != 0;
    if (record->has_budget)
        trp_window_init(&record->budget, child->max_restarts,
                        child->within_ns ? child->within_ns : self->window.within_ns);
    trp_list_append(&children->list, &record->link);
    if (++children->n > children->n_chains)
        grow(children);
    if (record->own_name && !self->plan.pool)
        enter_name(children, record);
    children->n_significant += child->significant;
    take_number(self, number);
    return record;
}

void trp_record_set_id(trp_supervisor *self, trp_record *record, troupe_id id)
{
    if (record->id.value) {
        trp_record **at = chain_of(&self->children, record->id);

        while (*at != record)
            at = &(*at)->chain;
        *at = record->chain;
    }
    record->id = id;
    if (id.value) {
        record->incarnation = 0;
        put_id(&self->children, record);
    }
    if (self->plan.pool)
        trp_store_relaxed(&self->seats[record->number - 1].id, id.value); /* as in set_up */
}

void trp_children_remove(trp_supervisor *self, trp_record *record)
{
    trp_children *children = &self->children;

    trp_record_set_id(self, record, TROUPE_NOBODY);
    trp_record_set_ended(self, record, true); /* it is significant no more */
    trp_list_remove(&record->link);
    trp_places_remove(&children->places, record->order);
    children->n--;
    if (record->own_name && !self->plan.pool)
        leave_name(children, record);
    give_number(self, record->number);
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

/* Of a pool the number behind the name is the seat. Each of its members has an id, once it has started. */
static trp_record *member_named(const trp_supervisor *self, const char *name)
{
    const char *dash = strrchr(name, '-');
    unsigned long number = dash ? strtoul(dash + 1, NULL, 10) : 0;
    char own[TROUPE_NAME_MAX + 1];
    trp_record *record = NULL;

    if (number > 0 && number <= self->plan.max_members) /* this supervisor writes it */
        record = trp_record_of(self, (troupe_id){trp_load_relaxed(&self->seats[number - 1].id)});
    return record && trp_record_name(self, record, false, own) && strcmp(own, name) == 0 ? record
                                                                                         : NULL;
}

/* Those that are up are found as anybody finds them; the name of one that is down, or about to be, is free already. all: any
 * may have ended this moment, and its supervisor not heard of it. One that will be forgotten may have left its name to a
 * later one. */
trp_record *trp_record_named(const trp_supervisor *self, troupe_system *system, const char *name,
                             bool all)
{
    const trp_children *children = &self->children;
    trp_record *found = NULL;
    troupe_id id;

    if (troupe_lookup(system, name, &id) == TROUPE_OK)
        found = trp_record_of(self, id);
    if (found || !children->n)
        return found;
    if (self->plan.pool)
        return all ? member_named(self, name) : NULL;
    for (trp_record *record = *chain_of_name(children, name); record; record = record->name_chain) {
        bool leaves = record->phase == TRP_CHILD_RELEASED && !trp_record_is_forgotten(record);

        if ((all || leaves || !record->id.value) && strcmp(record->own_name, name) == 0 &&
            (!found || record->order > found->order))
            found = record;
    }
    return found;
}

void trp_record_set_ended(trp_supervisor *self, trp_record *record, bool ended_itself)
{
    if (record->child.significant) {
        self->children.n_significant += record->ended_itself;
        self->children.n_significant -= ended_itself;
    }
    record->ended_itself = ended_itself;
}

trp_record *trp_record_nth(const trp_supervisor *self, uint64_t i)
{
    return trp_places_nth(&self->children.places, i);
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
    return trp_record_nth(self, trp_places_before(&self->children.places, order));
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
