/* signals.c - who: the main thread begins, aims and ends; one thread reads the signals, which are blocked in all
 * threads. The host that is aimed at is set once, before the first line is fed, and read by that thread only. */
#include "program.h"

#include "trp/atomic.h"
#include "trp/os.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct {
    int signal_fd, end_fd;
    trp_thread thread;
    _Atomic(troupe_host *) host; /* released by signals_aim, acquired by the reader */
    _Atomic int first;
} signals;

static void take_signal(int number)
{
    troupe_host *host = trp_load_acquire(&signals.host);

    /* The second, or one that comes while there is nothing yet to stop in order. */
    if (trp_load_relaxed(&signals.first) != 0 || host == NULL)
        _exit(EXIT_SIGNAL + number);
    trp_store_relaxed(&signals.first, number); /* read after the thread was joined */
    troupe_host_ask_stop(host);
}

static void run_reader(void *arg)
{
    (void)arg;
    for (;;) {
        struct pollfd ready[2] = {{.fd = signals.signal_fd, .events = POLLIN},
                                  {.fd = signals.end_fd, .events = POLLIN}};
        struct signalfd_siginfo info;

        if (poll(ready, 2, -1) < 0)
            continue;
        if (ready[1].revents != 0)
            return;
        if (read(signals.signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
            take_signal((int)info.ssi_signo);
    }
}

bool signals_begin(void)
{
    sigset_t stops;
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL); /* a write over the limit then fails, and is said */
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    TROUPE_ASSERT(sigprocmask(SIG_BLOCK, &stops, NULL) == 0);
    signals.signal_fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    signals.end_fd = eventfd(0, EFD_CLOEXEC);
    if (signals.signal_fd >= 0 && signals.end_fd >= 0 &&
        trp_thread_start(&signals.thread, "troupe-signals", 0, run_reader, NULL))
        return true;
    fputs("troupe: signals cannot be read: no descriptor or no thread is left (ulimit -n, ulimit "
          "-u)\n",
          stderr);
    return false;
}

void signals_aim(troupe_host *host)
{
    trp_store_release(&signals.host, host); /* pairs with take_signal */
}

int signals_end(void)
{
    uint64_t one = 1;

    TROUPE_ASSERT(write(signals.end_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
    trp_thread_join(&signals.thread);
    (void)close(signals.signal_fd);
    (void)close(signals.end_fd);
    return trp_load_relaxed(&signals.first); /* the thread was joined */
}
