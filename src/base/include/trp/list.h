/* trp/list.h - an intrusive doubly linked ring. Not thread-safe: its owner, or a lock, guards it. */
#ifndef TRP_LIST_H
#define TRP_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct trp_link {
    struct trp_link *next, *prev;
} trp_link;

#define TRP_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void trp_list_init(trp_link *head)
{
    head->next = head->prev = head;
}

static inline bool trp_list_empty(const trp_link *head)
{
    return head->next == head;
}

static inline void trp_list_append(trp_link *head, trp_link *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/* A link taken out becomes a ring of its own, so that a second removal is harmless. */
static inline void trp_list_remove(trp_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    trp_list_init(link);
}

#endif
