#include "output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static int failed(const trp_output *output)
{
    return trp_load_relaxed(&output->error); /* a late look drops a few bytes more */
}

/* All of it, or an error for good. */
static void write_all(trp_output *output, const char *bytes, size_t n)
{
    while (n > 0 && !failed(output)) {
        ssize_t wrote = write(output->fd, bytes, n);

        if (wrote >= 0) {
            bytes += wrote;
            n -= (size_t)wrote;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd room = {.fd = output->fd, .events = POLLOUT};

            (void)poll(&room, 1, -1);
        } else if (errno != EINTR) {
            trp_store_relaxed(&output->error, errno);
            output->on_broken(output->arg);
        }
    }
}

/* Take what is there and write it, without the lock. */
static void write_filled(trp_output *output)
{
    char *bytes = output->filling;
    size_t n = output->n;

    output->filling = output->writing;
    output->writing = bytes;
    output->n = 0;
    trp_condition_broadcast(&output->has_room);
    trp_mutex_unlock(&output->mutex);
    write_all(output, bytes, n);
    trp_mutex_lock(&output->mutex);
}

static void run_writer(void *arg)
{
    trp_output *output = arg;

    trp_mutex_lock(&output->mutex);
    while (output->n > 0 || !output->closing) {
        if (output->n == 0)
            trp_condition_wait(&output->has_bytes, &output->mutex);
        else
            write_filled(output);
    }
    trp_mutex_unlock(&output->mutex);
}

static void give_back(trp_output *output)
{
    trp_free(output->filling);
    trp_free(output->writing);
    output->filling = output->writing = NULL;
    trp_condition_fini(&output->has_bytes);
    trp_condition_fini(&output->has_room);
    trp_mutex_fini(&output->mutex);
    trp_mutex_fini(&output->turn);
}

troupe_status trp_output_init(trp_output *output, int fd, bool threaded,
                              void (*on_broken)(void *arg), void *arg)
{
    *output =
        (trp_output){.fd = fd, .threaded = threaded && fd >= 0, .on_broken = on_broken, .arg = arg};
    if (fd < 0)
        return TROUPE_OK;
    trp_mutex_init(&output->turn);
    trp_mutex_init(&output->mutex);
    trp_condition_init(&output->has_bytes);
    trp_condition_init(&output->has_room);
    output->filling = trp_alloc(TRP_OUTPUT_BYTES);
    output->writing = trp_alloc(TRP_OUTPUT_BYTES);
    troupe_status status = output->filling == NULL || output->writing == NULL ? TROUPE_E_NO_MEMORY
                           : output->threaded && !trp_thread_start(&output->writer, "troupe-output",
                                                                   0, run_writer, output)
                               ? TROUPE_E_IO
                               : TROUPE_OK;
    if (status != TROUPE_OK) {
        give_back(output);
        output->fd = -1;
    }
    return status;
}

static void wait_for_room(trp_output *output)
{
    while (output->n == TRP_OUTPUT_BYTES) {
        if (output->threaded)
            trp_condition_wait(&output->has_room, &output->mutex);
        else
            write_filled(output);
    }
}

troupe_status trp_output_print(trp_output *output, troupe_bytes bytes)
{
    const char *from = bytes.data;
    size_t left = bytes.size;

    if (output->fd < 0)
        return TROUPE_OK;
    trp_mutex_lock(&output->turn);
    trp_mutex_lock(&output->mutex);
    while (left > 0 && !failed(output)) {
        wait_for_room(output);
        size_t room = TRP_OUTPUT_BYTES - output->n, n = left < room ? left : room;

        memcpy(output->filling + output->n, from, n);
        if (output->n == 0 && output->threaded)
            trp_condition_signal(&output->has_bytes);
        output->n += n;
        from += n;
        left -= n;
    }
    trp_mutex_unlock(&output->mutex);
    trp_mutex_unlock(&output->turn);
    return failed(output) ? TROUPE_E_IO : TROUPE_OK;
}

void trp_output_fini(trp_output *output)
{
    if (output->fd <=
        0) /* nor was it set up where all of it is zero; the buffers are the writer's to swap */
        return;
    trp_mutex_lock(&output->mutex);
    output->closing = true;
    trp_condition_signal(&output->has_bytes);
    while (!output->threaded && output->n > 0)
        write_filled(output);
    trp_mutex_unlock(&output->mutex);
    if (output->threaded)
        trp_thread_join(&output->writer);
    give_back(output);
    output->fd = -1;
}
