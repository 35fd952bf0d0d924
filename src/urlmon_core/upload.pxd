# The sending of a request's body. I/O thread only.

from libc.stddef cimport size_t

from urlmon_core.transfer cimport transfer

cdef void upload_init(transfer *self) noexcept nogil
cdef int upload_begin(transfer *self) noexcept nogil
cdef bint upload_rewind(transfer *self) noexcept nogil
cdef void upload_end(transfer *self, bint over) noexcept nogil
cdef void upload_closed(transfer *self) noexcept nogil
cdef void upload_piece_came(transfer *self) noexcept nogil
cdef size_t on_read(char *target, size_t unit, size_t count, void *userp) noexcept nogil
cdef int on_seek(void *userp, long long offset, int origin) noexcept nogil
