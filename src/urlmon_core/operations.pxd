# Operations as the I/O thread sees them, from their first command to their end. I/O thread only.

from libc.stdint cimport int64_t

from urlmon_core.iothread cimport reactor_record
from urlmon_core.transaction cimport transaction
from urlmon_core.transfer cimport transfer

cdef void operation_enlist(reactor_record *self, transaction *t) noexcept nogil
cdef void operation_delist(reactor_record *self, transaction *t) noexcept nogil
cdef void operation_end_active(reactor_record *self, transaction *t, int cause, int code) noexcept nogil
cdef void operation_end(reactor_record *self, transaction *t, int cause) noexcept nogil
cdef void operation_start_again(reactor_record *self, transfer *item) noexcept nogil
cdef void operations_obey_all(reactor_record *self, int64_t now_ns) noexcept nogil
