/* manifest.c - find the file, read it, check it, read the guests' files. */
#include "manifest.h"

#include "folder.h"
#include "trp/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MORE "; name a manifest or a folder that holds one, or go to such a folder"

static void note_open_error(troupe_manifest *manifest)
{
    if (errno == ENOENT)
        trp_mistakes_note(&manifest->mistakes, 0, "", "there is no such file" MORE);
    else
        trp_mistakes_note(&manifest->mistakes, 0, "", "it cannot be opened: %s" MORE,
                          strerror(errno));
}

/* The manifest's path and its folder's descriptor, from what the user named. */
static int open_manifest(troupe_manifest *manifest, const char *path)
{
    struct stat about;
    bool is_folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    const char *slash;

    if (strcmp(path, ".") == 0)
        manifest->path = TROUPE_MANIFEST_NAME;
    else if (is_folder)
        manifest->path =
            trp_arena_print(&manifest->arena, "%s%s%s", path,
                            path[strlen(path) - 1] == '/' ? "" : "/", TROUPE_MANIFEST_NAME);
    else
        manifest->path = trp_arena_copy(&manifest->arena, path, strlen(path));
    manifest->mistakes.file = manifest->warnings.file = manifest->path;
    int fd = open(manifest->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        note_open_error(manifest);
        return -1;
    }
    slash = strrchr(manifest->path, '/');
    manifest->folder = open(slash == NULL ? "."
                                          : trp_arena_copy(&manifest->arena, manifest->path,
                                                           (size_t)(slash - manifest->path) + 1),
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (manifest->folder < 0) {
        trp_mistakes_note(&manifest->mistakes, 0, "",
                          "its folder cannot be opened: %s; correct its permissions",
                          strerror(errno));
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* The file of a guest, read once for all that name it. */
static trp_file *read_guest_file(troupe_manifest *manifest, const trp_unit *unit)
{
    for (trp_file *file = manifest->files; file != NULL; file = file->next)
        if (strcmp(file->path, unit->guest_path) == 0)
            return file;
    trp_file *file = trp_arena_alloc(&manifest->arena, sizeof(*file));
    const char *wrong = trp_folder_read(manifest->folder, unit->guest_path, TROUPE_GUEST_MAX,
                                        &file->bytes, &file->size);
    if (wrong != NULL) {
        trp_yaml_mistake(&manifest->mistakes, unit->guest_node, "%.200s: %s", unit->guest_path,
                         wrong);
        return NULL;
    }
    file->path = unit->guest_path;
    file->next = manifest->files;
    manifest->files = file;
    return file;
}

static void read_guests(troupe_manifest *manifest)
{
    for (trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u))
        if (u->guest_path != NULL)
            u->file = read_guest_file(manifest, u);
}

static void load(troupe_manifest *manifest, const char *path)
{
    char *text;
    size_t size;
    int fd = open_manifest(manifest, path);

    if (fd < 0)
        return;
    const char *wrong = trp_file_read(fd, TROUPE_MANIFEST_MAX, &text, &size);
    (void)close(fd);
    if (wrong != NULL) {
        trp_mistakes_note(&manifest->mistakes, 0, "", "%s; a manifest is a text of at most 1 MiB",
                          wrong);
        return;
    }
    const trp_yaml *yaml =
        trp_yaml_parse(&manifest->arena, (troupe_bytes){text, size}, &manifest->mistakes);
    trp_free(text);
    if (yaml == NULL)
        return;
    trp_manifest_read(manifest, yaml);
    trp_manifest_check(manifest);
    read_guests(manifest);
}

troupe_status troupe_manifest_load(const char *path, troupe_say say, troupe_manifest **ret_manifest)
{
    troupe_manifest *manifest = trp_alloc_zeroed(sizeof(*manifest));

    if (manifest == NULL) {
        if (say.say != NULL)
            say.say(say.arg, "memory is out");
        return TROUPE_E_NO_MEMORY;
    }
    manifest->folder = -1;
    manifest->mistakes = manifest->warnings =
        (trp_mistakes){.arena = &manifest->arena, .file = path};
    load(manifest, path == NULL || path[0] == '\0' ? "." : path);
    if (manifest->mistakes.n > 0) {
        trp_mistakes_say(&manifest->mistakes, say);
        troupe_manifest_free(manifest);
        return TROUPE_E_INVALID;
    }
    *ret_manifest = manifest;
    return TROUPE_OK;
}

void troupe_manifest_warnings(const troupe_manifest *manifest, troupe_say say)
{
    trp_mistakes_say(&manifest->warnings, say);
}

void troupe_manifest_free(troupe_manifest *manifest)
{
    if (manifest == NULL)
        return;
    for (trp_file *file = manifest->files; file != NULL; file = file->next)
        trp_free(file->bytes);
    if (manifest->folder >= 0)
        (void)close(manifest->folder);
    trp_arena_fini(&manifest->arena);
    trp_free(manifest);
}

troupe_manifest_summary troupe_manifest_summary_of(const troupe_manifest *manifest)
{
    troupe_manifest_summary summary = {.system = manifest->system, .stdin_to = manifest->stdin_to};

    for (const trp_unit *u = manifest->root; u != NULL; u = trp_unit_next(u)) {
        summary.n_supervisors += u->kind != TRP_UNIT_COMPONENT;
        summary.n_components += u->kind == TRP_UNIT_COMPONENT ? 1 : u->n_members;
    }
    for (const trp_file *file = manifest->files; file != NULL; file = file->next)
        summary.n_guests++;
    return summary;
}
