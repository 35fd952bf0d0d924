# The reactor as everybody else sees it: any thread with the interpreter.

from urlmon_core.iothread cimport reactor_record
from urlmon_core.transaction cimport transaction

cdef class Reactor:
    cdef reactor_record *record
    cdef bint running             # takes commands
    cdef bint unjoined            # the thread may still use the record
    cdef bint command(self, transaction *t, unsigned int bits) noexcept

cdef Reactor current_reactor()
