/* order_letter.h - an order on its way from who gives it (order.c) to the supervisor that takes it (obey.c). */
#ifndef TRP_KIT_ORDER_LETTER_H
#define TRP_KIT_ORDER_LETTER_H

#include "supervisor.h"

typedef enum trp_letter_kind { TRP_LETTER_ORDER, TRP_LETTER_LIST } trp_letter_kind;

/* The payload of a request with the topic TROUPE_CONTROL_TOPIC. Its pointers lead to what is kept, but those to the
 * names, which lie behind it. */
typedef struct trp_order_letter {
    uint64_t size; /* of this struct */
    trp_letter_kind kind;
    uint64_t first, n; /* LIST */
    troupe_order order;
    bool has_child, has_backoff, has_on_intensity, has_auto_shutdown;
    troupe_child child;
    troupe_backoff backoff;
    troupe_on_intensity on_intensity;
    troupe_auto_shutdown auto_shutdown;
    char name[TROUPE_NAME_MAX + 1];       /* of order.name; "": none */
    char child_name[TROUPE_NAME_MAX + 1]; /* of child.spec.name; "": none */
} trp_order_letter;

/* The head of the answer to LIST; the rows lie behind it. */
typedef struct trp_list_head {
    uint64_t row_size;
    uint64_t n_children, n_rows;
} trp_list_head;

#endif
