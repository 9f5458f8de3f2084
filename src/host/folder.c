#include "folder.h"

#include "trp/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not to block on a FIFO that nobody writes; what it is, is looked at after it was opened. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

int trp_folder_open_slowly(int folder, const char *path)
{
    int at = folder, fd = -1;

    for (;;) {
        char part[NAME_MAX + 1];
        size_t n = strcspn(path, "/");

        if (n > NAME_MAX) {
            errno = ENAMETOOLONG;
            break;
        }
        memcpy(part, path, n);
        part[n] = '\0';
        path += n;
        path += strspn(path, "/");
        if (strcmp(part, "..") == 0) {
            errno = EXDEV;
            break;
        }
        fd = openat(at, n == 0 ? "." : part,
                    OPEN_FLAGS | O_NOFOLLOW | (*path == '\0' ? 0 : O_DIRECTORY));
        if (fd < 0 || *path == '\0')
            break;
        if (at != folder)
            (void)close(at);
        at = fd;
        fd = -1;
    }
    if (at != folder) {
        int why = errno;

        (void)close(at);
        errno = why;
    }
    return fd;
}

static int open_beneath(int folder, const char *path)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, folder, path, &how, sizeof(how));

    /* EPERM: a sandbox from before openat2 refuses calls that it does not know. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return trp_folder_open_slowly(folder, path);
    return (int)fd;
}

static const char *say_open_error(int why)
{
    switch (why) {
    case ENOENT:
        return "there is no such file; build the guest, or correct the path";
    case EXDEV:
        return "it leads out of the manifest's folder; put the file inside it";
    case ELOOP:
        return "it leads through a link; put the file itself there";
    case ENOTDIR:
        return "a part of it is a file, not a folder; correct the path";
    case EACCES:
        return "reading it is not permitted; correct its permissions";
    case ENAMETOOLONG:
        return "the path is too long; shorten it";
    default:
        return "it could not be opened; look at the file";
    }
}

/* Grows while it reads, for a file may lie about its size (or be a pipe). */
const char *trp_file_read(int fd, size_t max, char **ret_bytes, size_t *ret_size)
{
    size_t room = 65536, used = 0;
    char *bytes = trp_alloc(room + 1);
    const char *wrong = NULL;

    while (bytes != NULL && wrong == NULL) {
        ssize_t n = read(fd, bytes + used, room - used);

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            wrong = errno == EISDIR ? "it is a folder; name a file" : "reading it failed";
        if (n > 0)
            used += (size_t)n;
        if (used > max)
            wrong = "it is too large";
        if (used == room) {
            char *larger = trp_realloc(bytes, room * 2 + 1);

            if (larger == NULL)
                break;
            bytes = larger;
            room *= 2;
        }
    }
    if (bytes == NULL || used == room)
        wrong = "memory is out";
    if (wrong != NULL) {
        trp_free(bytes);
        return wrong;
    }
    bytes[used] = '\0';
    *ret_bytes = bytes;
    *ret_size = used;
    return NULL;
}

const char *trp_folder_read(int folder, const char *path, size_t max, char **ret_bytes,
                            size_t *ret_size)
{
    struct stat about;
    const char *wrong = NULL;

    if (path[0] == '\0')
        return "it is empty; name a file";
    if (path[0] == '/')
        return "it is absolute; write it relative to the manifest's folder";
    int fd = open_beneath(folder, path);
    if (fd < 0)
        return say_open_error(errno);
    if (fstat(fd, &about) != 0)
        wrong = "it could not be looked at";
    else if (S_ISDIR(about.st_mode))
        wrong = "it is a folder; name a file";
    else if (!S_ISREG(about.st_mode))
        wrong = "it is no regular file; name a file";
    else if (about.st_size == 0)
        wrong = "the file is empty; build the guest again";
    else
        wrong = trp_file_read(fd, max, ret_bytes, ret_size);
    (void)close(fd);
    return wrong;
}
