/* scan.h - what the bytes of a guest are, before the engine sees them. */
#ifndef TRP_SCAN_H
#define TRP_SCAN_H

#include "troupe/base.h"

#define TRP_MODULE_MAX ((size_t)64 << 20) /* bytes */
#define TRP_FUNCTIONS_MAX 50000u /* about four seconds of compiling even when all are empty */

typedef enum trp_form {
    TRP_FORM_MODULE, /* a whole core module, as far as its sections tell */
    TRP_FORM_TEXT,   /* looks like .wat */
    TRP_FORM_WRONG,  /* why says so */
} trp_form;

/* trp_scan - look at the frame of it only: magic, version, the lengths of sections, how many functions. */
trp_form trp_scan(troupe_bytes bytes, char *why, size_t why_size);

#endif
