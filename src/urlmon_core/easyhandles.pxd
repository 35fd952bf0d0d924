# The pool of easy handles, and what is set on them. I/O thread only.

from urlmon_core.libcurl cimport CURLcode
from urlmon_core.request cimport request_profile, request_record
from urlmon_core.transfer cimport io_context, transfer

cdef transfer *easy_take(io_context *context) noexcept nogil
cdef CURLcode easy_set_profile(transfer *self, request_profile *profile, int *failed_option) noexcept nogil
cdef void easy_suit(transfer *self, request_record *request) noexcept nogil
cdef void easy_give_back(transfer *self) noexcept nogil
cdef void easies_free(io_context *context) noexcept nogil
