/* Readiness of many descriptors behind five functions: epoll on Linux, kqueue on macOS and the BSDs. I/O thread only.
 *
 * Level triggered on purpose: the reactor keeps a socket registered between two transfers and simply ignores it, and
 * drops it when an event comes that nobody waits for. */
#ifndef URLMON_POLLER_H
#define URLMON_POLLER_H

#include <errno.h>
#include <unistd.h>

#define URLMON_READABLE 1
#define URLMON_WRITABLE 2
#define URLMON_BROKEN 4 /* error or hang-up; reported whatever was asked for */

typedef struct {
    int fd;
    int ready; /* URLMON_* bits */
} urlmon_ready;

#if defined(__linux__)
#include <sys/epoll.h>

#define URLMON_BATCH 128
typedef struct {
    int fd;
    struct epoll_event batch[URLMON_BATCH];
} urlmon_poller;

static inline int urlmon_poller_open(urlmon_poller *poller)
{
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    return poller->fd < 0 ? errno : 0;
}

/* Registers `fd` for `wanted` where `had` is what it is registered for now (0 = not at all). 0 or an errno value. */
static inline int urlmon_poller_set(urlmon_poller *poller, int fd, int had, int wanted)
{
    struct epoll_event event = {0};
    event.events = (wanted & URLMON_READABLE ? (uint32_t)EPOLLIN : 0u) | (wanted & URLMON_WRITABLE ? (uint32_t)EPOLLOUT : 0u);
    event.data.fd = fd;
    if (epoll_ctl(poller->fd, had ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    if (errno == EEXIST || errno == ENOENT) /* the number was closed and given out again behind our back */
        return epoll_ctl(poller->fd, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
    return errno;
}

static inline void urlmon_poller_forget(urlmon_poller *poller, int fd, int had)
{
    (void)had;
    (void)epoll_ctl(poller->fd, EPOLL_CTL_DEL, fd, NULL); /* already gone is as good */
}

/* Waits at most timeout_ms (-1 = no limit); returns how many entries of `ready` are filled, 0 when interrupted. */
static inline int urlmon_poller_wait(urlmon_poller *poller, urlmon_ready *ready, int room, int timeout_ms)
{
    int count = epoll_wait(poller->fd, poller->batch, room < URLMON_BATCH ? room : URLMON_BATCH, timeout_ms);
    for (int i = 0; i < count; i++) {
        uint32_t events = poller->batch[i].events;
        ready[i].fd = poller->batch[i].data.fd;
        ready[i].ready = (events & EPOLLIN ? URLMON_READABLE : 0) | (events & EPOLLOUT ? URLMON_WRITABLE : 0) |
                         (events & (EPOLLERR | EPOLLHUP) ? URLMON_BROKEN : 0);
    }
    return count < 0 ? 0 : count;
}

#else
#include <sys/event.h>
#include <sys/types.h>
#include <sys/time.h>

#define URLMON_BATCH 128
typedef struct {
    int fd;
    struct kevent batch[URLMON_BATCH];
} urlmon_poller;

static inline int urlmon_poller_open(urlmon_poller *poller)
{
    poller->fd = kqueue();
    return poller->fd < 0 ? errno : 0;
}

static inline int urlmon_poller_change(urlmon_poller *poller, int fd, short filter, unsigned short flags)
{
    struct kevent change;
    EV_SET(&change, fd, filter, flags, 0, 0, NULL);
    return kevent(poller->fd, &change, 1, NULL, 0, NULL) < 0 && !(flags & EV_DELETE) ? errno : 0;
}

static inline int urlmon_poller_set(urlmon_poller *poller, int fd, int had, int wanted)
{
    int failure = 0;
    if (wanted & ~had & URLMON_READABLE)
        failure = urlmon_poller_change(poller, fd, EVFILT_READ, EV_ADD);
    if (!failure && (wanted & ~had & URLMON_WRITABLE))
        failure = urlmon_poller_change(poller, fd, EVFILT_WRITE, EV_ADD);
    if (had & ~wanted & URLMON_READABLE)
        (void)urlmon_poller_change(poller, fd, EVFILT_READ, EV_DELETE);
    if (had & ~wanted & URLMON_WRITABLE)
        (void)urlmon_poller_change(poller, fd, EVFILT_WRITE, EV_DELETE);
    return failure;
}

static inline void urlmon_poller_forget(urlmon_poller *poller, int fd, int had)
{
    (void)urlmon_poller_set(poller, fd, had, 0);
}

static inline int urlmon_poller_wait(urlmon_poller *poller, urlmon_ready *ready, int room, int timeout_ms)
{
    struct timespec limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000L};
    int count = kevent(poller->fd, NULL, 0, poller->batch, room < URLMON_BATCH ? room : URLMON_BATCH,
                       timeout_ms < 0 ? NULL : &limit);
    for (int i = 0; i < count; i++) {
        ready[i].fd = (int)poller->batch[i].ident;
        ready[i].ready = (poller->batch[i].filter == EVFILT_READ ? URLMON_READABLE : URLMON_WRITABLE) |
                         (poller->batch[i].flags & EV_ERROR ? URLMON_BROKEN : 0);
    }
    return count < 0 ? 0 : count;
}
#endif

static inline void urlmon_poller_close(urlmon_poller *poller)
{
    if (poller->fd >= 0)
        close(poller->fd);
    poller->fd = -1;
}

#endif
