/* forest_rules.h - what the files of a forest's log share. Everything here holds the forest's lock, but forest_enter. */
#ifndef TRP_FOREST_RULES_H
#define TRP_FOREST_RULES_H

#include "forest.h"

/* Faults that are the child's own, or nobody's order. */
#define OWN_FAULT (CAUSE_CRASH | CAUSE_STUMBLED | CAUSE_KILL | CAUSE_EXIT)

/* forest_enter - one more event, at node: what it does, for the trace. Takes the lock; forest_leave gives it back. */
struct forest *forest_enter(struct node *node, const char *what);
void forest_leave(struct forest *forest);
void forest_wrong_locked(struct forest *forest, const char *format, ...) TROUPE_PRINTF(2, 3);

/* ---- what the plan says ---- */

bool node_is_supervisor(const struct node *node);
bool rule_restarts(const struct node *node, troupe_exit_reason reason);
/* Whether the end of node is sibling's, too. */
bool rule_concerns(const struct node *node, const struct node *sibling);
bool rule_each_for_itself(const struct node *parent);
bool node_is_ordered(const struct node *node); /* an order may be why it ends or begins */
bool node_is_adding(const struct node *supervisor);

/* rule_decide - child's end, as it was heard: what must its supervisor do about it, and what may it? */
void rule_decide(struct node *supervisor, struct node *child);

bool rule_is_crash(troupe_exit_reason reason);

/* ---- forest_reporter.c ---- */

/* A supervisor hears of this end of child: a crash must be reported, if it lives to decide. */
void report_expect(struct node *supervisor, struct node *child, const troupe_exit *end);
void report_check_rest(const struct node *supervisor);

/* The mischief of node, when it is one of these two: it is used up then. */
enum mischief mischief_take(struct node *node, enum mischief a, enum mischief b);

#endif
