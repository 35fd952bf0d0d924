/* A wake-up descriptor: eventfd where there is one, else a pipe. Non-blocking and close-on-exec.
 * `read_fd` becomes readable after a signal and stays so until it is drained; signals in between coalesce. */
#ifndef URLMON_WAKEUP_H
#define URLMON_WAKEUP_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/eventfd.h>
#endif

typedef struct {
    int read_fd;
    int write_fd; /* the same descriptor for an eventfd */
} urlmon_wakeup;

/* Creating thread. Returns 0 or an errno value. */
static inline int urlmon_wakeup_open(urlmon_wakeup *wakeup)
{
#if defined(__linux__)
    wakeup->read_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    wakeup->write_fd = wakeup->read_fd;
    return wakeup->read_fd < 0 ? errno : 0;
#else
    int ends[2];
    if (pipe(ends) < 0)
        return errno;
    for (int i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    wakeup->read_fd = ends[0];
    wakeup->write_fd = ends[1];
    return 0;
#endif
}

/* Any thread. A full pipe or counter already says what is to be said. */
static inline void urlmon_wakeup_signal(const urlmon_wakeup *wakeup)
{
    const uint64_t one = 1;
#if defined(__linux__)
    while (write(wakeup->write_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
#else
    while (write(wakeup->write_fd, &one, 1) < 0 && errno == EINTR) {
    }
#endif
}

/* Waiting thread only. */
static inline void urlmon_wakeup_drain(const urlmon_wakeup *wakeup)
{
    char sink[256];
    for (;;) {
        ssize_t got = read(wakeup->read_fd, sink, sizeof sink);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < (ssize_t)sizeof sink)
            return;
    }
}

/* Waiting thread only. timeout_ms -1 = no limit. Returns 1 readable, 0 timed out, -1 interrupted by a signal. */
static inline int urlmon_wakeup_wait(const urlmon_wakeup *wakeup, int timeout_ms)
{
    struct pollfd descriptor = {wakeup->read_fd, POLLIN, 0};
    int ready = poll(&descriptor, 1, timeout_ms);
    if (ready < 0)
        return -1; /* EINTR; anything else would be a broken descriptor, which the next drain shows as well */
    return ready > 0;
}

/* Last user. */
static inline void urlmon_wakeup_close(urlmon_wakeup *wakeup)
{
    if (wakeup->read_fd >= 0)
        close(wakeup->read_fd);
    if (wakeup->write_fd >= 0 && wakeup->write_fd != wakeup->read_fd)
        close(wakeup->write_fd);
    wakeup->read_fd = wakeup->write_fd = -1;
}

#endif
