# A stop of the I/O thread between two turns, for as long as another thread forks.
#
# In the middle of a turn the I/O thread may hold locks of libcurl's TLS library, of the resolver or of the allocator. A child
# inherits them locked, with nobody to unlock them, and the first transfer of its own waits for ever. Between two turns it holds none,
# and its tables are whole, so that the child can close what it inherited.
#
# `wanted` and `parked` are a Dekker pair: whoever comes second sees the other. So a fork that begins just as the thread leaves
# after another one either waits for it or keeps it.

from urlmon_core.atomics cimport atomic_u32, u32_add_seq, u32_init, u32_load_seq, u32_store_seq, u32_sub_seq
from urlmon_core.threads cimport urlmon_now_ns
from urlmon_core.wakeup cimport (
    urlmon_wakeup, urlmon_wakeup_close, urlmon_wakeup_drain, urlmon_wakeup_open, urlmon_wakeup_signal, urlmon_wakeup_wait,
)

cdef struct parking:
    atomic_u32 wanted         # forks under way
    atomic_u32 parked         # the I/O thread stands still
    urlmon_wakeup there       # readable while it does
    urlmon_wakeup leave       # signalled at the end of each fork


cdef inline void parking_init(parking *self) noexcept nogil:
    u32_init(&self.wanted, 0)
    u32_init(&self.parked, 0)
    self.there.read_fd = self.there.write_fd = -1
    self.leave.read_fd = self.leave.write_fd = -1


cdef inline int parking_open(parking *self) noexcept nogil:
    # Reactor's creator. Returns 0 or an errno value.
    return urlmon_wakeup_open(&self.there) or urlmon_wakeup_open(&self.leave)


cdef inline void parking_close(parking *self) noexcept nogil:
    # Last user.
    urlmon_wakeup_close(&self.there)
    urlmon_wakeup_close(&self.leave)


cdef inline void parking_stop(parking *self) noexcept nogil:
    # I/O thread, between two turns: stands still as long as anybody forks.
    while u32_load_seq(&self.wanted):
        u32_store_seq(&self.parked, 1)
        urlmon_wakeup_signal(&self.there)
        while u32_load_seq(&self.wanted):
            urlmon_wakeup_wait(&self.leave, -1)
            urlmon_wakeup_drain(&self.leave)
        u32_store_seq(&self.parked, 0)
        urlmon_wakeup_drain(&self.there)


cdef inline void parking_ask(parking *self, const urlmon_wakeup *wakeup) noexcept nogil:
    # Any thread that is about to fork. `wakeup` wakes the I/O thread.
    u32_add_seq(&self.wanted, 1)
    urlmon_wakeup_signal(wakeup)


cdef inline bint parking_wait(parking *self, long long until_ns) noexcept nogil:
    # The same thread, afterwards. False: the I/O thread did not come in time (a disk that blocks).
    cdef long long left
    while not u32_load_seq(&self.parked):
        left = until_ns - urlmon_now_ns()
        if left <= 0:
            return False
        urlmon_wakeup_wait(&self.there, <int> (left // 1000000) + 1)
    return True


cdef inline void parking_end(parking *self) noexcept nogil:
    # The same thread, in the parent, after the fork.
    u32_sub_seq(&self.wanted, 1)
    urlmon_wakeup_signal(&self.leave)
