# A bind operation on a protocol handler: see handlerbinding.pyx. Owner only, but for `wake`.

from libc.stdint cimport int64_t, uint64_t

from urlmon_core.binding cimport BindingBase

cdef class HandlerBindingBase(BindingBase):
    # No fields: `urlmon.HandlerBinding` inherits from this class and from `urlmon.Binding`, so both must be laid out alike.
    cdef int plan_report(self, int flags, uint64_t progress, int64_t total, bint data) except -1
