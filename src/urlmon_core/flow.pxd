# Sharing the link by priority: who may be read now. I/O thread only.
#
# *Holding*: while a higher band of an apartment receives, a lower one is not read beyond a sixteenth of the bytes. How much the lower
# ones may have in flight is the other half of it: windows.pxd.

from libc.stdint cimport int64_t, uint64_t

from urlmon_core.transaction cimport apartment_record
from urlmon_core.transfer cimport io_context, transfer

cdef void flow_admitted(transfer *self, int64_t now_ns) noexcept nogil
cdef void flow_ended(transfer *self) noexcept nogil
cdef void flow_set_level(transfer *self, int level) noexcept nogil
cdef void flow_set_running(transfer *self, bint running) noexcept nogil
cdef void flow_received(transfer *self, size_t size) noexcept nogil
cdef bint flow_may_read(transfer *self) noexcept nogil
cdef void flow_hold(transfer *self) noexcept nogil
cdef void flow_before_reading(transfer *self) noexcept nogil
cdef int64_t flow_tick(io_context *context, int64_t now_ns) noexcept nogil
