# Receive windows: how much bulk transfers may have in flight, by band. I/O thread only.
#
# Bytes that were promised to a sender will come whether they are read or not. So the windows of bulk transfers are kept near what the path
# needs, all the time; an urgent transfer then meets an almost empty link (design and measurements: docs/architecture.md).

from libc.stdint cimport int64_t

from urlmon_core.transfer cimport io_context, transfer

cdef void windows_begin(transfer *self) noexcept nogil
cdef void windows_end(transfer *self) noexcept nogil
cdef void windows_hold(transfer *self) noexcept nogil
cdef void windows_release(transfer *self, int most) noexcept nogil
cdef void windows_discount(transfer *self) noexcept nogil
cdef int64_t windows_tick(io_context *context, int64_t now_ns) noexcept nogil
