"""SO_RCVLOWAT of fast bulk transfers. See rcvlowat.pxd; used through cimport only.

Whoever asks for more than what is coming waits for ever. So it is on only while a body of known length has plenty left, and while it comes
fast; a sender that falls silent has the bytes before its silence noticed at the next look, some 25 ms later.
"""

from urlmon_core.sockets cimport sockets_bulk, sockets_look_again

cdef extern from "tcpwindow.h" nogil:
    int urlmon_tcp_set_rcvlowat(int fd, int bytes)

cdef enum:
    FAST = 80                   # bytes per microsecond, that is MB/s, from which on it is worth while
    PERIOD_NS = 10000000        # over less than that no rate is looked at


cdef inline bint _has_connection(transfer *self) noexcept nogil:
    """Not if libcurl has closed it, as it does with that of an aborted transfer: its number may be another's by now."""
    return sockets_bulk(&self.context.sockets, self.fd) == <void *> self


cdef void rcvlowat_look(transfer *self, int64_t now_ns) noexcept nogil:
    """Every time that windows are looked at, for each bulk transfer."""
    cdef int64_t elapsed_ns = now_ns - self.lowat_ns
    cdef bint fast
    if elapsed_ns < PERIOD_NS or not _has_connection(self):
        return
    fast = <int64_t> (self.received - self.lowat_received) > elapsed_ns // 1000 * FAST
    if self.lowat and not fast:
        rcvlowat_end(self)
    elif (fast and not self.lowat and not self.encoded and not self.resuming
            and self.content_length - <int64_t> self.received >= 2 * RCVLOWAT_LEFT):
        self.lowat = urlmon_tcp_set_rcvlowat(self.fd, RCVLOWAT_BYTES) == 0
    self.lowat_ns = now_ns
    self.lowat_received = self.received


cdef void rcvlowat_end(transfer *self) noexcept nogil:
    """Every byte counts again, those too that have come already."""
    if not self.lowat:
        return
    self.lowat = False
    if _has_connection(self):
        urlmon_tcp_set_rcvlowat(self.fd, 1)
        sockets_look_again(&self.context.sockets, self.fd)
