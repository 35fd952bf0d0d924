"""The socket table: keeps sockets registered with the poller between two transfers.

libcurl says "remove" whenever a transfer ends and "add" when the next one begins on the same connection. Obeying would cost two
system calls a request. So a removed socket stays registered without interest; should an event come for it meanwhile (the server closes
the idle connection), it is dropped from the poller then. That is safe only for sockets whose closing we see, since a closed number may
come back as another socket at once: others (the resolver's own pipes) are obeyed to the letter. Used through cimport only.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from urlmon_core.atomics cimport i64_load_relaxed, i64_store_relaxed
from urlmon_core.counters cimport live, urlmon_assert, urlmon_count
from urlmon_core.poller cimport (
    URLMON_BROKEN, URLMON_READABLE, urlmon_poller_close, urlmon_poller_forget, urlmon_poller_open, urlmon_poller_set,
)

cdef extern from "<sys/socket.h>" nogil:
    int socket(int family, int socktype, int protocol)

cdef extern from "<fcntl.h>" nogil:
    int fcntl(int fd, int command, ...)
    int F_SETFD
    int FD_CLOEXEC

cdef extern from "<unistd.h>" nogil:
    int close(int fd)

cdef extern from *:
    """
    #ifndef SOCK_CLOEXEC
    #define SOCK_CLOEXEC 0
    #endif
    """
    int SOCK_CLOEXEC


cdef enum:
    BROKEN_MOST = 100         # events of one broken connection that libcurl is told of as they come
    REST_NS = 10000000        # ... and how often after that


cdef bint sockets_init(socket_table *table) noexcept nogil:
    """Reactor's creator."""
    table.entries = NULL
    table.size = 0
    table.rest_until_ns = -1
    return urlmon_poller_open(&table.poller) == 0


cdef void sockets_free(socket_table *table) noexcept nogil:
    urlmon_poller_close(&table.poller)
    free(table.entries)
    table.entries = NULL
    table.size = 0


cdef void sockets_disown(socket_table *table) noexcept nogil:
    """Child of a fork: closes the copies of the connections' descriptors, and the poller's."""
    cdef int fd
    for fd in range(table.size):
        if table.entries[fd].ours:
            close(fd)
    sockets_free(table)


cdef socket_entry *_entry(socket_table *table, int fd) noexcept nogil:
    cdef int size
    cdef void *grown
    urlmon_assert(fd >= 0)
    if fd >= table.size:
        size = (fd // 256 + 1) * 256
        grown = realloc(table.entries, size * sizeof(socket_entry))
        if grown is NULL:
            return NULL
        table.entries = <socket_entry *> grown
        memset(&table.entries[table.size], 0, (size - table.size) * sizeof(socket_entry))
        table.size = size
    return &table.entries[fd]


cdef inline void _count(socket_table *table, int more) noexcept nogil:
    i64_store_relaxed(&table.open_count, i64_load_relaxed(&table.open_count) + more)
    urlmon_count(&live.sockets, more)


cdef int sockets_open(socket_table *table, int family, int socktype, int protocol) noexcept nogil:
    """A new socket, not inherited by child programs; -1 = failed."""
    cdef int fd = socket(family, socktype | SOCK_CLOEXEC, protocol)
    cdef socket_entry *entry
    if fd < 0:
        return -1
    if SOCK_CLOEXEC == 0:
        fcntl(fd, F_SETFD, FD_CLOEXEC)
    entry = _entry(table, fd)
    if entry is NULL:
        close(fd)
        return -1
    memset(entry, 0, sizeof(socket_entry))
    entry.ours = 1
    _count(table, 1)
    return fd


cdef void sockets_close(socket_table *table, int fd) noexcept nogil:
    cdef socket_entry *entry = _entry(table, fd)
    if entry is not NULL:
        if entry.watched:
            # Explicitly, since a forked child may keep the file open, and with it the registration.
            urlmon_poller_forget(&table.poller, fd, entry.watched)
        if entry.ours:
            _count(table, -1)
        memset(entry, 0, sizeof(socket_entry))
    close(fd)


cdef void sockets_interest(socket_table *table, int fd, int wanted, unsigned char multi) noexcept nogil:
    """A multi handle waits for `wanted` on `fd` from now on (0 = for nothing)."""
    cdef socket_entry *entry = _entry(table, fd)
    if entry is NULL:
        return       # out of memory: the transfer ends by its own time limits
    entry.interest = <unsigned char> wanted
    entry.multi = multi
    _watch(table, fd, entry)


cdef int sockets_multi(socket_table *table, int fd) noexcept nogil:
    """The number of the multi handle that waits for `fd`."""
    return table.entries[fd].multi


cdef void sockets_hold(socket_table *table, int fd, bint held) noexcept nogil:
    """Stops, or resumes, looking whether `fd` is readable; libcurl knows nothing of it."""
    cdef socket_entry *entry = _entry(table, fd)
    if entry is not NULL and entry.held != held:
        entry.held = held
        _watch(table, fd, entry)


cdef void sockets_look_again(socket_table *table, int fd) noexcept nogil:
    """What it takes for `fd` to be ready has changed: the poller is to look by itself, not to wait for the next event."""
    cdef socket_entry *entry = _entry(table, fd)
    if entry is not NULL and entry.watched:
        urlmon_poller_set(&table.poller, fd, entry.watched, entry.watched)


cdef void sockets_set_bulk(socket_table *table, int fd, void *bulk) noexcept nogil:
    cdef socket_entry *entry = _entry(table, fd)
    if entry is not NULL:
        entry.bulk = bulk


cdef void *sockets_bulk(socket_table *table, int fd) noexcept nogil:
    return table.entries[fd].bulk if 0 <= fd < table.size else NULL


cdef void _watch(socket_table *table, int fd, socket_entry *entry) noexcept nogil:
    """Has the poller watch what follows from the entry's interest."""
    cdef int watch
    if entry.resting or (entry.interest == 0 and not entry.ours):
        watch = 0
    elif entry.held:
        watch = entry.interest & ~URLMON_READABLE
    else:
        # A readable idle socket is rare and cheap to drop later; a writable one would report itself all the time.
        watch = (entry.watched & URLMON_READABLE) | entry.interest
    if watch != entry.watched:
        if watch == 0:
            urlmon_poller_forget(&table.poller, fd, entry.watched)
        else:
            urlmon_poller_set(&table.poller, fd, entry.watched, watch)
        entry.watched = <unsigned char> watch


cdef int sockets_event(socket_table *table, int fd, int ready, int64_t now_ns) noexcept nogil:
    """What of `ready` libcurl is to be told; 0 = nothing (and the socket is dropped from the poller).

    A broken connection is reported without end, and libcurl does not always close it: over HTTP/2 it waits to send what it cannot send
    any more, until somebody reads on the streams that are paused. So after a while it is told every REST_NS only.
    """
    cdef socket_entry *entry = _entry(table, fd)
    cdef int told
    if entry is NULL:
        return 0
    told = ready & (entry.interest | (URLMON_BROKEN if entry.interest else 0))
    if told & URLMON_BROKEN:
        if entry.broken < BROKEN_MOST:
            entry.broken += 1
        else:
            entry.resting = 1
            _watch(table, fd, entry)
            if table.rest_until_ns < 0:
                table.rest_until_ns = now_ns + REST_NS
        return told
    if told == 0 and entry.watched != entry.interest:
        if entry.interest == 0:
            urlmon_poller_forget(&table.poller, fd, entry.watched)
        else:
            urlmon_poller_set(&table.poller, fd, entry.watched, entry.interest)
        entry.watched = entry.interest
    return told


cdef void sockets_rested(socket_table *table, int64_t now_ns) noexcept nogil:
    """Once a turn: watches again what has rested."""
    cdef int fd
    if table.rest_until_ns < 0 or now_ns < table.rest_until_ns:
        return
    table.rest_until_ns = -1
    for fd in range(table.size):
        if table.entries[fd].resting:
            table.entries[fd].resting = 0
            _watch(table, fd, &table.entries[fd])
