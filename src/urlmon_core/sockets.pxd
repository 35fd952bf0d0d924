# The sockets that libcurl uses, and which of them the poller watches. I/O thread only.

from libc.stdint cimport int64_t

from urlmon_core.atomics cimport atomic_i64
from urlmon_core.poller cimport urlmon_poller

cdef struct socket_entry:
    unsigned char interest    # what libcurl waits for now: URLMON_READABLE, URLMON_WRITABLE
    unsigned char watched     # what the poller watches; may be more than the interest
    unsigned char ours        # opened by our own callback, so its closing is told to us
    unsigned char held        # not to be read for now, whatever libcurl waits for
    unsigned char broken      # events of a broken connection that libcurl was told of, see sockets_event
    unsigned char resting     # not watched until table.rest_until_ns
    unsigned char multi       # number of the multi handle that has the interest
    void *bulk                # the transfer * that receives much through it alone, else NULL

cdef struct socket_table:
    urlmon_poller poller
    socket_entry *entries     # by descriptor
    int size
    int64_t rest_until_ns     # when resting sockets are watched again, -1 = there are none
    atomic_i64 open_count     # sockets of ours that are open; any thread may look

cdef bint sockets_init(socket_table *table) noexcept nogil
cdef void sockets_free(socket_table *table) noexcept nogil
cdef void sockets_disown(socket_table *table) noexcept nogil
cdef int sockets_open(socket_table *table, int family, int socktype, int protocol) noexcept nogil
cdef void sockets_close(socket_table *table, int fd) noexcept nogil
cdef void sockets_interest(socket_table *table, int fd, int wanted, unsigned char multi) noexcept nogil
cdef int sockets_multi(socket_table *table, int fd) noexcept nogil
cdef void sockets_hold(socket_table *table, int fd, bint held) noexcept nogil
cdef void sockets_look_again(socket_table *table, int fd) noexcept nogil
cdef void sockets_set_bulk(socket_table *table, int fd, void *bulk) noexcept nogil
cdef void *sockets_bulk(socket_table *table, int fd) noexcept nogil
cdef int sockets_event(socket_table *table, int fd, int ready, int64_t now_ns) noexcept nogil
cdef void sockets_rested(socket_table *table, int64_t now_ns) noexcept nogil
