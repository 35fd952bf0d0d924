# The I/O thread: its record, and the functions that start it. Everything in the record is its own but for what says otherwise.

from libc.stdint cimport int64_t, uint64_t

from urlmon_core.atomics cimport atomic_u32, atomic_u64
from urlmon_core.notify cimport notification_list
from urlmon_core.parking cimport parking
from urlmon_core.threads cimport pthread_t
from urlmon_core.transaction cimport transaction
from urlmon_core.transfer cimport io_context
from urlmon_core.wakeup cimport urlmon_wakeup

cdef struct reactor_record:
    io_context io                     # libcurl's callbacks get a pointer to it
    notification_list commands        # transactions with commands; any owner pushes
    urlmon_wakeup wakeup              # any owner signals
    urlmon_wakeup finished            # signalled once, as the thread's last act
    atomic_u32 stopping               # any thread sets
    parking parking                   # where the thread stands still while another one forks
    pthread_t thread
    int number                        # which one of the reactors; fixed
    # for statistics()
    atomic_u64 turns
    atomic_u64 wakeups                # owners woken
    # I/O thread only
    int64_t flow_ns                   # when flow control, a long suspension or a resting socket needs a turn, -1 = never
    transaction *live                 # everything between COMMAND_OPEN and its end
    uint64_t sequence                 # order of arrival

cdef bint io_thread_prepare(reactor_record *self) noexcept nogil
cdef void io_thread_release(reactor_record *self) noexcept nogil
cdef void io_thread_disown(reactor_record *self) noexcept nogil
cdef void *io_thread_main(void *argument) noexcept nogil
