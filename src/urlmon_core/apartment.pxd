# An apartment: a thread, the bindings it started, and the queue through which everything reaches it. Owner only, but for `post`.

from libc.stdint cimport int64_t, uint64_t

from urlmon_core.binding cimport BindingBase
from urlmon_core.reactor cimport Reactor
from urlmon_core.runqueue cimport LEVELS
from urlmon_core.transaction cimport apartment_record, transaction

cdef class ApartmentBase:
    cdef apartment_record *record
    cdef Reactor reactor
    cdef unsigned long owner
    cdef bint minds_signals       # of the main thread, where signal handlers run
    cdef unsigned long generation
    cdef set bindings             # those that have not stopped
    cdef object posts             # deque of callables, filled by any thread
    cdef bint closed
    cdef public object attachment  # to the event loop of the thread, None where it pumps itself
    cdef public uint64_t high_water
    cdef int64_t asked_ns         # when statistics() was last asked, and what it saw then
    cdef uint64_t asked_bytes[LEVELS]
    cdef object __weakref__

    cdef int check_owner(self) except -1
    cdef BindingBase make_binding(self, kind, callback, int methods, moniker, str url, path, long priority)
    cdef int collect(self) except -1
    cdef void make_ready(self, transaction *t) noexcept
    cdef long run_posts(self, long limit) except -1
    cdef long dispatch(self, long limit) except -1
    cdef long deliver_to(self, BindingBase binding, long limit) except -1
    cdef int wait(self, long long until_ns) except -1
    cdef bint arm_mail(self) noexcept

cdef long clipped_priority(priority) except? -1
cdef ApartmentBase latest_apartment()
