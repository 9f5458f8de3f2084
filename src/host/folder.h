/* folder.h - files of one folder, and of nothing outside it. */
#ifndef TRP_HOST_FOLDER_H
#define TRP_HOST_FOLDER_H

#include "troupe/base.h"

/* trp_folder_read - the bytes of the regular file at path beneath folder, a directory's descriptor.
 *
 * Owns:    *ret_bytes is the caller's, by trp_free; it has a zero behind its size bytes.
 * Threads: any; reads.
 * Errors:  NULL: done. Else what is wrong, and what to do, as the end of a sentence about path: it is absolute,
 *          it leads out by .. or by a link, it is missing, no file, empty, over max bytes.
 */
TROUPE_MUST_CHECK const char *trp_folder_read(int folder, const char *path, size_t max,
                                              char **ret_bytes, size_t *ret_size);

/* trp_folder_open_slowly - what trp_folder_read falls back to on kernels without openat2: part by part,
 * following no link at all. A descriptor, or -1 with errno (EXDEV: .. in it; ELOOP: a link). */
int trp_folder_open_slowly(int folder, const char *path);

/* trp_file_read - all of an open file; NULL or what is wrong, as trp_folder_read. An empty one is fine. */
TROUPE_MUST_CHECK const char *trp_file_read(int fd, size_t max, char **ret_bytes, size_t *ret_size);

#endif
