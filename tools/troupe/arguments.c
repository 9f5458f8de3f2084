#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct option {
    const char *name;
    bool takes_value;
    bool run_only;
} option;

static const option options[] = {{"--stdin", true, true},   {"--workers", true, true},
                                 {"--sim", false, true},    {"--seed", true, true},
                                 {"--strict", false, true}, {"--audit", false, true}};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static bool refuse_option(const char *command, const char *word)
{
    const char *names[N_OPTIONS + 1];
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < N_OPTIONS; i++)
        if (!options[i].run_only || strcmp(command, "run") == 0)
            names[n++] = options[i].name;
    names[n] = NULL;
    near = troupe_nearest(word, names);
    if (near != NULL)
        fprintf(stderr, "troupe: %s has no option \"%s\"; did you mean %s?\n", command, word, near);
    else
        fprintf(stderr, "troupe: %s has no option \"%s\"; troupe --help shows what there is\n",
                command, word);
    return false;
}

static bool read_number(const char *name, const char *text, uint64_t most, uint64_t *ret_number)
{
    char *end;
    unsigned long long number;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > most) {
        fprintf(stderr, "troupe: %s takes a whole number up to %llu, not \"%s\"\n", name,
                (unsigned long long)most, text);
        return false;
    }
    *ret_number = number;
    return true;
}

static bool take_option(arguments *to, const char *name, const char *value)
{
    uint64_t number;

    if (strcmp(name, "--stdin") == 0) {
        to->stdin_to = value;
    } else if (strcmp(name, "--workers") == 0) {
        if (!read_number(name, value, 1024, &number))
            return false;
        if (number == 0) {
            fprintf(stderr, "troupe: --workers 0 could run nothing; leave it out for as many as "
                            "there are processors\n");
            return false;
        }
        to->workers = (unsigned)number;
    } else if (strcmp(name, "--seed") == 0) {
        if (!read_number(name, value, UINT64_MAX, &to->seed))
            return false;
        to->has_seed = true;
    } else if (strcmp(name, "--sim") == 0) {
        to->simulation = true;
    } else if (strcmp(name, "--strict") == 0) {
        to->strict = true;
    } else {
        to->audit = true;
    }
    return true;
}

/* "--name value" and "--name=value"; *at is moved over what was taken. */
static bool read_option(arguments *to, const char *command, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *equals = strchr(word, '=');
    size_t n = equals == NULL ? strlen(word) : (size_t)(equals - word);

    for (size_t i = 0; i < N_OPTIONS; i++) {
        const option *o = &options[i];
        const char *value = equals == NULL ? NULL : equals + 1;

        if (strlen(o->name) != n || strncmp(o->name, word, n) != 0 ||
            (o->run_only && strcmp(command, "run") != 0))
            continue;
        if (!o->takes_value && value != NULL) {
            fprintf(stderr, "troupe: %s takes no value; write %s alone\n", o->name, o->name);
            return false;
        }
        if (o->takes_value && value == NULL && *at + 1 < argc)
            value = argv[++*at];
        if (o->takes_value && value == NULL) {
            fprintf(stderr, "troupe: %s needs a value behind it\n", o->name);
            return false;
        }
        return take_option(to, o->name, value == NULL ? "" : value);
    }
    return refuse_option(command, word);
}

bool arguments_read(arguments *to, const char *command, int argc, char **argv)
{
    bool only_names = false;

    for (int at = 0; at < argc; at++) {
        if (!only_names && strcmp(argv[at], "--") == 0) {
            only_names = true;
        } else if (!only_names && argv[at][0] == '-' && argv[at][1] != '\0') {
            if (!read_option(to, command, argc, argv, &at))
                return false;
        } else if (to->manifest != NULL) {
            fprintf(stderr, "troupe: %s takes one manifest, and there are two: \"%s\" and \"%s\"\n",
                    command, to->manifest, argv[at]);
            return false;
        } else {
            to->manifest = argv[at];
        }
    }
    if (to->has_seed && !to->simulation) {
        fprintf(stderr, "troupe: --seed chooses a simulated schedule; write --sim --seed %llu\n",
                (unsigned long long)to->seed);
        return false;
    }
    if (to->simulation && to->workers > 0) {
        fprintf(stderr, "troupe: a simulation has one thread; leave out --workers\n");
        return false;
    }
    return true;
}
