/* subject.h - topics as words between dots, and patterns of them. Pure functions of bytes; any thread. */
#ifndef TRP_KIT_SUBJECT_H
#define TRP_KIT_SUBJECT_H

#include "troupe/base.h"

/* What is wrong with it, and the remedy, as a constant; NULL: nothing. */
const char *trp_subject_fault(troupe_bytes subject, bool pattern);

/* Takes the first token off *rest; rest->data is NULL when that was the last one. *rest must not be at its end. */
troupe_bytes trp_subject_token(troupe_bytes *rest);

bool trp_token_is(troupe_bytes token, char wildcard);

#endif
