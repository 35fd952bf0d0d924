# Questions: what only the owner can decide while a transfer waits for it (contract section 8). I/O thread only.

from urlmon_core.libcurl cimport CURLcode
from urlmon_core.transfer cimport transfer

cdef bint question_of_response(transfer *self) noexcept nogil
cdef bint question_of_redirect(transfer *self) noexcept nogil
cdef bint question_put(transfer *self, int kind, int number, char *text, size_t length) noexcept nogil
cdef bint question_of_end(transfer *self, CURLcode code) noexcept nogil
cdef bint question_drains(transfer *self) noexcept nogil
