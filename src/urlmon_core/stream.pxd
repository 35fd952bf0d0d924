# What Python sees of received bytes. Owner only, but for the views, which any thread may hold and drop.

from libc.stdint cimport uint64_t

from urlmon_core.blocks cimport block
from urlmon_core.reactor cimport Reactor
from urlmon_core.transaction cimport transaction

cdef extern from *:
    """
    /* The fields of every object of io.RawIOBase (CPython Modules/_io/iobase.c); Cython compares the size at import. */
    typedef struct {
        PyObject_HEAD
        PyObject *dict;
        PyObject *weakreflist;
    } urlmon_iobase;
    """
    ctypedef class _io._RawIOBase [object urlmon_iobase, check_size error]:
        pass


cdef class BlockView:
    cdef block *item
    cdef char *bytes
    cdef Py_ssize_t size


cdef class Memory:
    cdef transaction *t


cdef class Stream(_RawIOBase):
    cdef transaction *t
    cdef Reactor reactor
    cdef unsigned long owner
    cdef unsigned long generation
    cdef bint told                # on_stop_binding was called
    cdef object error             # what it was called with
    cdef object pump              # of a stream that blocks
    cdef bint shut                # close() was called
    cdef uint64_t until           # bytes of the body in all that the running on_data_available may have, 0 = no limit
    cdef size_t _there(self) noexcept
    cdef int _check(self) except -1
    cdef int _consume(self, size_t size) except -1
    cdef object _nothing(self)
    cdef int _ask_for_more(self) except -1
    cdef object _read_to_the_end(self)

cdef Stream stream_create(transaction *t, Reactor reactor, unsigned long owner, object pump)
cdef Memory memory_create(transaction *t)
