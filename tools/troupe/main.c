/* main.c - the program troupe. */
#include "program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: troupe run [MANIFEST|DIR] [OPTION...]   run a tree of components in the foreground\n"
    "       troupe check [MANIFEST|DIR]             say what is wrong in a manifest, then in its "
    "guests\n"
    "       troupe --help | --version\n"
    "\n"
    "MANIFEST is ./troupe.yaml when nothing is named, DIR/troupe.yaml for a folder.\n"
    "run:\n"
    "  --stdin NAME   each line of standard input is a message to the component or pool NAME;\n"
    "                 its end stops the tree in order (\"stdin: NAME\" in the manifest is the "
    "same)\n"
    "  --workers N    worker threads (default: as many as there are processors)\n"
    "  --strict       exit 3 when there were dead letters\n"
    "  --audit        say the accounts at the end: sent = handled + dead letters + waiting\n"
    "  --sim          simulate: one thread, virtual time; --seed N chooses the schedule\n"
    "Ctrl-C stops in order, a second one at once.\n"
    "Exit codes: 0 in order, 1 the tree gave up, 2 bad input, 3 dead letters (--strict), 130, 143 "
    "signals.\n";

static void say(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

troupe_say say_on_stderr(void)
{
    return (troupe_say){.say = say};
}

const char *cache_dir(char *buffer, size_t size)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const char *own = getenv("TROUPE_CACHE_DIR");
    int n;

    if (own != NULL && own[0] != '\0')
        n = snprintf(buffer, size, "%s", own);
    else if (base != NULL && base[0] == '/')
        n = snprintf(buffer, size, "%s/troupe", base);
    else if (home != NULL && home[0] == '/')
        n = snprintf(buffer, size, "%s/.cache/troupe", home);
    else
        return NULL;
    return n > 0 && (size_t)n < size ? buffer : NULL;
}

/* A closed 0, 1 or 2 would be given to the first file that is opened, and then read as input or written as
 * output. What takes their place fails as they do: 1 is open for reading only. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) < 0)
            _exit(EXIT_BAD_INPUT);
}

static int refuse_command(const char *word)
{
    static const char *const words[] = {"run", "check", "--help", "--version", NULL};
    static const char *const later[] = {"ps",      "tree",     "top",         "logs",  "info",
                                        "call",    "send",     "publish",     "stop",  "restart",
                                        "upgrade", "inspect",  "new",         "build", "test",
                                        "replay",  "simulate", "deadletters", NULL};
    const char *near = troupe_nearest(word, words);

    for (size_t i = 0; later[i] != NULL; i++)
        if (strcmp(word, later[i]) == 0) {
            fprintf(stderr, "troupe: \"%s\" is not in this version yet; there is run and check\n",
                    word);
            return EXIT_BAD_INPUT;
        }
    if (near != NULL)
        fprintf(stderr, "troupe: there is no command \"%s\"; did you mean \"%s\"?\n", word, near);
    else
        fprintf(stderr, "troupe: there is no command \"%s\"; troupe --help shows what there is\n",
                word);
    return EXIT_BAD_INPUT;
}

int main(int argc, char **argv)
{
    arguments with = {0};
    const char *command = argc > 1 ? argv[1] : NULL;

    fill_standard_descriptors();
    if (command == NULL) {
        fputs(usage, stderr);
        return EXIT_BAD_INPUT;
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        strcmp(command, "help") == 0) {
        fputs(usage, stdout);
        return EXIT_IN_ORDER;
    }
    if (strcmp(command, "--version") == 0 || strcmp(command, "version") == 0) {
        printf("troupe %s, %s\n", TROUPE_VERSION, troupe_host_version());
        return EXIT_IN_ORDER;
    }
    if (strcmp(command, "run") != 0 && strcmp(command, "check") != 0)
        return refuse_command(command);
    if (!arguments_read(&with, command, argc - 2, argv + 2))
        return EXIT_BAD_INPUT;
    return strcmp(command, "run") == 0 ? command_run(&with) : command_check(&with);
}
