"""The reactors as everybody else sees them: started on first use, given commands by owners, stopped at exit. Runs with the interpreter.

There is one, unless `set_reactor_count` says otherwise. An apartment belongs to one of them from its first bind to its end; what two
I/O threads both reach is reference counted or never changed (profiles, bodies), and they share nothing of libcurl.
"""

import os
import threading
import weakref

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from urlmon_core.atomics cimport i64_load_relaxed, u32_or_acq_rel, u32_store_release, u64_load_relaxed
from urlmon_core.iothread cimport io_thread_disown, io_thread_main, io_thread_prepare, io_thread_release
from urlmon_core.notify cimport PUSHED_WAKE, REFUSED, list_push
from urlmon_core.parking cimport parking_ask, parking_close, parking_end, parking_init, parking_open, parking_wait
from urlmon_core.threads cimport pthread_join, urlmon_now_ns, urlmon_thread_start
from urlmon_core.transaction cimport transaction_reference, transaction_release
from urlmon_core.wakeup cimport urlmon_wakeup_close, urlmon_wakeup_open, urlmon_wakeup_signal, urlmon_wakeup_wait

from urlmon_core.exceptions import ApartmentClosedError


cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef enum:
    PARK_WITHIN_NS = 1000000000   # a fork does not wait longer for I/O threads that a disk holds up


cdef class Reactor:
    """A running I/O thread. Made on first use by `reactor_for`; `stop_reactor` ends it.

    number: which one, from 0; its place among the configured ones.
    """

    def __cinit__(self, int number):
        self.record = <reactor_record *> calloc(1, sizeof(reactor_record))
        if self.record is NULL:
            raise MemoryError
        self.record.wakeup.read_fd = self.record.wakeup.write_fd = -1
        self.record.finished.read_fd = self.record.finished.write_fd = -1
        self.record.io.sockets.poller.fd = -1
        parking_init(&self.record.parking)
        self.record.number = number
        self.number = number
        self.apartments = weakref.WeakSet()

    def __init__(self, int number):
        """Starts the thread. Raises OSError when the system has no descriptor or thread left for it."""
        cdef reactor_record *record = self.record
        cdef int failure = (
            urlmon_wakeup_open(&record.wakeup) or urlmon_wakeup_open(&record.finished) or parking_open(&record.parking))
        if failure:
            raise OSError(failure, os.strerror(failure))
        if not io_thread_prepare(record):
            io_thread_release(record)
            raise OSError("the I/O thread could not get a poller, a multi handle or memory")
        failure = urlmon_thread_start(&record.thread, io_thread_main, record)
        if failure:
            io_thread_release(record)
            raise OSError(failure, os.strerror(failure))
        self.running = True
        self.unjoined = True

    def __dealloc__(self):
        # A thread that was not joined still uses the record; then it is left to the end of the process.
        if self.record is not NULL and not self.unjoined:
            urlmon_wakeup_close(&self.record.wakeup)
            urlmon_wakeup_close(&self.record.finished)
            parking_close(&self.record.parking)
            free(self.record)

    cdef bint command(self, transaction *t, unsigned int bits) noexcept:
        """Owner of `t`. Hands the I/O thread a command. False: the reactor has stopped, and has ended everything already."""
        if u32_or_acq_rel(&t.commands, bits) == 0:
            transaction_reference(t)
            result = list_push(&self.record.commands, &t.command_node)
            if result == REFUSED:
                transaction_release(t)
                return False
            if result == PUSHED_WAKE:
                urlmon_wakeup_signal(&self.record.wakeup)
        return True

    cdef void ask_to_stop(self) noexcept:
        """Any thread, with `_changing`. `join` waits for it."""
        if self.running:
            self.running = False
            u32_store_release(&self.record.stopping, 1)
            urlmon_wakeup_signal(&self.record.wakeup)

    cdef bint join(self, int64_t until_ns) except -1:
        """The same, afterwards. Waits with the GIL released for the thread to end all live operations and itself.

        Returns whether it has ended; one that has not (a resolver that does not answer) is left behind.
        """
        cdef int64_t left
        cdef int ready = 0
        if not self.unjoined:
            return True
        with nogil:
            while True:
                left = until_ns - urlmon_now_ns()
                ready = urlmon_wakeup_wait(&self.record.finished, <int> (left // 1000000) + 1 if left > 0 else 0)
                if ready > 0 or left <= 0:
                    break
            if ready > 0:
                pthread_join(self.record.thread, NULL)
        if ready > 0:
            self.unjoined = False
            # The list of commands is closed, so nobody signals any more; whoever still holds us holds no descriptors.
            urlmon_wakeup_close(&self.record.wakeup)
            urlmon_wakeup_close(&self.record.finished)
            parking_close(&self.record.parking)
        return ready > 0

    cdef void forget(self, bint parked) noexcept:
        """Child of a fork: the thread exists in the parent only. parked: it stood still, so what it owns is in order."""
        if self.running and parked:
            io_thread_disown(self.record)
        self.running = False
        self.unjoined = False

    def statistics(self):
        """Any thread. How many apartments belong to it and sockets are open; since its start: turns of the loop, wake-ups of owners."""
        return {
            "reactor": self.number,
            "apartments": len(self.apartments),
            "sockets": i64_load_relaxed(&self.record.io.sockets.open_count),
            "turns": u64_load_relaxed(&self.record.turns),
            "wakeups": u64_load_relaxed(&self.record.wakeups),
        }


# Held while a reactor starts or stops: two I/O threads must never work on the records of one apartment.
cdef object _changing = threading.RLock()
cdef dict _reactors = {}      # those that run, by number
cdef int _count = 1           # as configured
cdef int _turn = 0            # where the look for the next one begins
cdef bint _final = False
cdef dict _forking = {}       # thread -> {reactor: whether it is parked}, while that thread forks


cdef Reactor reactor_for(object apartment):
    """Any thread with the interpreter. The reactor that `apartment` belongs to from now on: the one with the fewest, in turn among
    equals. Started if it does not run.

    Raises ApartmentClosedError while the interpreter shuts down, OSError when the system has no thread left for it.
    """
    global _turn
    cdef Reactor reactor
    cdef Reactor best = None
    cdef int number = 0
    cdef int step
    with _changing:
        if _final:
            raise ApartmentClosedError("the interpreter is shutting down")
        for step in range(_count):
            reactor = _reactors.get((_turn + step) % _count)
            if reactor is None or best is None or len(reactor.apartments) < len(best.apartments):
                best = reactor
                number = (_turn + step) % _count
                if reactor is None or not len(reactor.apartments):
                    break
        if best is None:
            best = _reactors[number] = Reactor(number)
        _turn = (number + 1) % _count
        best.apartments.add(apartment)
        return best


def set_reactor_count(int count):
    """Any thread. How many reactors there are (1 or more) for apartments that make their first bind from now on."""
    global _count, _turn
    with _changing:
        _count = count
        _turn = 0


def reactor_count():
    """Any thread. As configured; each runs from the first bind of the first apartment that belongs to it."""
    return _count


def stop_reactor(double timeout=5.0, bint final=False):
    """Any thread. Stops the process's reactors that run; the next bind starts another, unless `final`.

    Live operations end with CAUSE_SHUTDOWN. Returns whether all threads have ended within `timeout` seconds.
    """
    global _reactors, _final
    cdef Reactor reactor
    cdef int64_t until_ns
    cdef bint ended = True
    with _changing:
        stopping = _reactors
        _reactors = {}
        _final = final
        until_ns = urlmon_now_ns() + <int64_t> (timeout * 1e9)
        for reactor in stopping.values():
            reactor.ask_to_stop()
        for reactor in stopping.values():
            ended = reactor.join(until_ns) and ended
        return ended


def park_reactor():
    """A thread that is about to fork: the I/O threads stand still between two turns and hold no lock that the child would inherit."""
    cdef Reactor reactor
    cdef int64_t until_ns = urlmon_now_ns() + PARK_WITHIN_NS
    cdef dict parked = {}
    for reactor in list(_reactors.values()):
        parking_ask(&reactor.record.parking, &reactor.record.wakeup)
        parked[reactor] = False
    for reactor in parked:
        parked[reactor] = parking_wait(&reactor.record.parking, until_ns)
    _forking[PyThread_get_thread_ident()] = parked


def unpark_reactor():
    """The same thread, in the parent, after the fork."""
    cdef Reactor reactor
    for reactor in _forking.pop(PyThread_get_thread_ident(), ()):
        parking_end(&reactor.record.parking)


def forget_reactor():
    """Child of a fork. The parent's reactors are not ours; how many were configured is."""
    global _reactors, _changing, _turn
    cdef Reactor reactor
    _changing = threading.RLock()     # another thread of the parent may have held it
    parked = _forking.pop(PyThread_get_thread_ident(), {})
    _forking.clear()
    for reactor in _reactors.values():
        reactor.forget(parked.get(reactor, False))
    _reactors = {}
    _turn = 0


def reactor_statistics():
    """Any thread. `Reactor.statistics` of each reactor that runs, in order of their numbers."""
    cdef Reactor reactor
    return [reactor.statistics() for _, reactor in sorted(_reactors.items())]
