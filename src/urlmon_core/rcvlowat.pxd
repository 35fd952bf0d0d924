# SO_RCVLOWAT of fast bulk transfers: how much must have come before their connection counts as readable. I/O thread only.
#
# A link of gigabytes per second wakes the I/O thread for each segment or two, and it the owner, and the sender's processor does both
# wakings. Fewer, larger reads leave more of all three.

from libc.stdint cimport int64_t

from urlmon_core.transfer cimport transfer

cdef void rcvlowat_look(transfer *self, int64_t now_ns) noexcept nogil
cdef void rcvlowat_end(transfer *self) noexcept nogil

cdef enum:
    RCVLOWAT_BYTES = 128 << 10
    RCVLOWAT_LEFT = 4 * RCVLOWAT_BYTES      # of a body, below which it is switched off: its last bytes must be readable

cdef inline void rcvlowat_received(transfer *self) noexcept nogil:
    # After each part of a body.
    if self.lowat and self.content_length - <int64_t> self.received < RCVLOWAT_LEFT:
        rcvlowat_end(self)
