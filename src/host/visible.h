/* visible.h - what others wrote, made fit for a terminal. */
#ifndef TRP_HOST_VISIBLE_H
#define TRP_HOST_VISIBLE_H

#include "troupe/base.h"

/* trp_visible - text with control characters and broken UTF-8 as \xNN, into buffer; cut at a character
 * when longer. Returns the bytes written, without the zero behind them. size must not be 0. */
size_t trp_visible(troupe_bytes text, char *buffer, size_t size);

#endif
