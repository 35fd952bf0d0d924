# The straight way of an ordinary bind, and what a client makes for each of them. Owner only, but for monikers, which any thread may use.

from urlmon_core.request cimport Profile

cdef class MonikerBase:
    cdef readonly str url             # as it was given
    cdef readonly int _flags          # URL_MK
    cdef public object _uri           # parsed when somebody asks

cdef class ContextBase:
    cdef public object _callback      # the registered one, as long as nothing else is in the context and nobody looks into it
    cdef public dict _parameters      # None until then
    cdef public list _bound           # None as long as it is empty
    cdef public object _options       # None = the usual ones

cdef class QuickProfiles:
    cdef Profile of_memory
    cdef Profile of_file
    cdef Profile of_stream
    cdef unsigned long session        # the one in which they were made, see `forget_quick_profiles`
