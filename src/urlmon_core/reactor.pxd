# The reactors as everybody else sees them: any thread with the interpreter.

from libc.stdint cimport int64_t

from urlmon_core.iothread cimport reactor_record
from urlmon_core.transaction cimport transaction

cdef class Reactor:
    cdef reactor_record *record
    cdef int number
    cdef bint running             # takes commands
    cdef bint unjoined            # the thread may still use the record
    cdef object apartments        # WeakSet: those that belong to it and are not closed
    cdef bint command(self, transaction *t, unsigned int bits) noexcept
    cdef void ask_to_stop(self) noexcept
    cdef bint join(self, int64_t until_ns) except -1
    cdef void forget(self, bint parked) noexcept

cdef Reactor reactor_for(object apartment)
