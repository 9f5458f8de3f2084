/* program.h - what the files of the program share. */
#ifndef TROUPE_PROGRAM_H
#define TROUPE_PROGRAM_H

#include "troupe/host.h"

/* docs/reference/exit-codes.md */
enum {
    EXIT_IN_ORDER = 0,
    EXIT_TREE_FAILED = 1,
    EXIT_BAD_INPUT = 2,
    EXIT_DEAD_LETTERS = 3,
    EXIT_SIGNAL = 128, /* and the signal's number */
};

typedef struct arguments {
    const char *manifest; /* NULL: ./troupe.yaml */
    const char *stdin_to;
    unsigned workers;
    bool simulation, has_seed;
    uint64_t seed;
    bool strict, audit;
} arguments;

/* arguments.c: what follows a command. False: one line was said on standard error. */
bool arguments_read(arguments *to, const char *command, int argc, char **argv);

/* The commands: each returns the exit code. */
int command_run(const arguments *with);
int command_check(const arguments *with);

/* Where mistakes go: standard error. */
troupe_say say_on_stderr(void);

/* cache_dir - where compiled guests are kept, into buffer; NULL: there is no such place. */
const char *cache_dir(char *buffer, size_t size);

/* ---- signals.c: SIGINT and SIGTERM, read by a thread of their own ---- */

/* signals_begin - before any other thread starts. Ignores SIGPIPE: a closed output is an error of write.
 *     False: it cannot, and has said so.
 * signals_aim - from now on the first one asks host to stop; the second ends the process at once.
 * signals_end - join the thread; afterwards nobody is asked. Returns the first signal's number, 0 for none. */
bool signals_begin(void);
void signals_aim(troupe_host *host);
int signals_end(void);

#endif
