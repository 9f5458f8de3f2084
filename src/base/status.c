#include "troupe/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *troupe_status_name(troupe_status status)
{
    switch (status) {
#define NAME_CASE(name, code, sentence)                                                            \
    case name:                                                                                     \
        return #name;
        TROUPE_STATUS_TABLE(NAME_CASE)
    }
    return "unknown status";
}

const char *troupe_status_text(troupe_status status)
{
    switch (status) {
#define TEXT_CASE(name, code, sentence)                                                            \
    case name:                                                                                     \
        return sentence;
        TROUPE_STATUS_TABLE(TEXT_CASE)
    }
    return "unknown status";
}

troupe_bytes troupe_text(const char *text)
{
    return (troupe_bytes){text, text ? strlen(text) : 0};
}

troupe_status troupe_error_set(troupe_error *error, troupe_status status, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return status;
    error->status = status;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}

void troupe_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "troupe: bug at %s:%d: %s does not hold\n", file, line, what);
    abort();
}
