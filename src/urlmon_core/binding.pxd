# The bind operation in its client's hands. Owner only.

from libc.stdint cimport uint64_t

from urlmon_core.delivery cimport Delivery
from urlmon_core.plainurl cimport plain_parts
from urlmon_core.request cimport Profile

cdef class BindingBase(Delivery):
    cdef int submit_plain(self, Profile profile, plain_parts *parts, int storage, bytes path, uint64_t high_water) except -1
    cdef int hand_over(self) except -1
