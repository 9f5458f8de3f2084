/* trp/utf8.h - UTF-8 as the Unicode standard has it: no surrogates, nothing too long, nothing over U+10FFFF. */
#ifndef TRP_UTF8_H
#define TRP_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* trp_utf8_length - bytes of the valid character at the start of n > 0 bytes; 0: it is broken. Any thread. */
size_t trp_utf8_length(const unsigned char *at, size_t n);

/* trp_is_utf8 - whether all of it is valid. Any thread. */
bool trp_is_utf8(const void *data, size_t size);

#endif
