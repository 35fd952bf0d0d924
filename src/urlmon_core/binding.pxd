# The bind operation in its client's hands. Owner only.

from urlmon_core.delivery cimport Delivery

cdef class BindingBase(Delivery):
    pass
