# Admission: which waiting bind operation of an apartment may start. I/O thread only; decides, does no I/O.

from libc.stdint cimport int64_t

from urlmon_core.transaction cimport apartment_record, transaction

cdef enum:
    STREAMS_PER_HOST = 100    # admitted to a host known to speak HTTP/2 or HTTP/3 (libcurl's own default of concurrent streams)

cdef bint admission_enqueue(transaction *t, int64_t now_ns) noexcept nogil
cdef void admission_leave(transaction *t, int64_t now_ns) noexcept nogil
cdef void admission_set_priority(transaction *t, int priority, int64_t now_ns) noexcept nogil
cdef void admission_limits_changed(apartment_record *apartment, int64_t now_ns) noexcept nogil
cdef transaction *admission_next(apartment_record *apartment, int64_t now_ns) noexcept nogil
cdef void admission_rest(transaction *t, bint resting) noexcept nogil
cdef void admission_ended(transaction *t, int64_t now_ns) noexcept nogil
