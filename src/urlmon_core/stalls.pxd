# The stall rule: a transfer that receives and sends next to nothing for a while is given up. I/O thread only.

from libc.stdint cimport int64_t

from urlmon_core.transfer cimport io_context, transfer

cdef void stalls_begin(transfer *self) noexcept nogil
cdef void stalls_end(transfer *self) noexcept nogil
cdef transfer *stalls_due(io_context *context, int64_t now_ns) noexcept nogil
cdef int64_t stalls_next(io_context *context) noexcept nogil
