# Long suspensions: the connection is given up after a while, and the body is continued by range later. I/O thread only.

from libc.stdint cimport int64_t

from urlmon_core.transaction cimport transaction
from urlmon_core.transfer cimport io_context, transfer

cdef void interruption_due_at(transfer *self, int64_t when_ns) noexcept nogil
cdef transfer *interruption_due(io_context *context, int64_t now_ns) noexcept nogil
cdef int64_t interruption_next(io_context *context) noexcept nogil
cdef bint interruption_record(transfer *self) noexcept nogil
cdef bint interruption_apply(transfer *self) noexcept nogil
cdef bint interruption_accepts(transfer *self) noexcept nogil
cdef void interruption_free(transaction *t) noexcept nogil
