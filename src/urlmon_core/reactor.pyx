"""The reactor as everybody else sees it: started on first use, given commands by owners, stopped at exit. Runs with the interpreter."""

import os
import threading

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from urlmon_core.atomics cimport u32_or_acq_rel, u32_store_release, u64_load_relaxed
from urlmon_core.iothread cimport io_thread_disown, io_thread_main, io_thread_prepare, io_thread_release
from urlmon_core.notify cimport PUSHED_WAKE, REFUSED, list_push
from urlmon_core.parking cimport parking_begin, parking_close, parking_end, parking_init, parking_open
from urlmon_core.threads cimport pthread_join, urlmon_now_ns, urlmon_thread_start
from urlmon_core.transaction cimport transaction_reference, transaction_release
from urlmon_core.wakeup cimport urlmon_wakeup_close, urlmon_wakeup_open, urlmon_wakeup_signal, urlmon_wakeup_wait

from urlmon_core.exceptions import ApartmentClosedError


cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef enum:
    PARK_WITHIN_NS = 1000000000   # a fork does not wait longer for an I/O thread that a disk holds up


cdef class Reactor:
    """A running I/O thread. Made on first use by `current_reactor`; `stop` ends it."""

    def __cinit__(self):
        self.record = <reactor_record *> calloc(1, sizeof(reactor_record))
        if self.record is NULL:
            raise MemoryError
        self.record.wakeup.read_fd = self.record.wakeup.write_fd = -1
        self.record.finished.read_fd = self.record.finished.write_fd = -1
        self.record.io.sockets.poller.fd = -1
        parking_init(&self.record.parking)

    def __init__(self):
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

    def stop(self, double timeout=5.0):
        """Any thread. Ends all live operations and joins the thread, waiting at most `timeout` seconds with the GIL released.

        Returns whether the thread has ended; one that has not (a resolver that does not answer) is left behind.
        """
        cdef int64_t until = urlmon_now_ns() + <int64_t> (timeout * 1e9)
        cdef int64_t left
        cdef int ready = 0
        if not self.running:
            return not self.unjoined
        self.running = False              # before the GIL is released: only one caller joins
        u32_store_release(&self.record.stopping, 1)
        urlmon_wakeup_signal(&self.record.wakeup)
        with nogil:
            while ready <= 0:
                left = until - urlmon_now_ns()
                if left <= 0:
                    break
                ready = urlmon_wakeup_wait(&self.record.finished, <int> (left // 1000000) + 1)
            if ready > 0:
                pthread_join(self.record.thread, NULL)
        if ready > 0:
            self.unjoined = False
            # The list of commands is closed, so nobody signals any more; whoever still holds us holds no descriptors.
            urlmon_wakeup_close(&self.record.wakeup)
            urlmon_wakeup_close(&self.record.finished)
            parking_close(&self.record.parking)
        return ready > 0

    def park(self):
        """Before a fork: has the thread stand still between two turns. Returns whether it does, and did not miss its time."""
        return parking_begin(&self.record.parking, &self.record.wakeup, PARK_WITHIN_NS)

    def unpark(self):
        """In the parent, after the fork; once for each call of `park`."""
        parking_end(&self.record.parking)

    def forget(self, bint parked):
        """Child of a fork: the thread exists in the parent only. parked: it stood still, so what it owns is in order."""
        if self.running and parked:
            io_thread_disown(self.record)
        self.running = False
        self.unjoined = False

    def statistics(self):
        """Any thread. Counters since the start: turns of the loop, wake-ups of owners."""
        return {"turns": u64_load_relaxed(&self.record.turns), "wakeups": u64_load_relaxed(&self.record.wakeups)}


# Held while a reactor starts or stops: two I/O threads must never work on the records of one apartment.
cdef object _changing = threading.RLock()
cdef Reactor _current = None
cdef bint _final = False
cdef dict _forking = {}       # thread -> (reactor, whether it is parked), while that thread forks


cdef Reactor current_reactor():
    """Any thread with the interpreter. The process's reactor, started if there is none.

    Raises ApartmentClosedError while the interpreter shuts down.
    """
    global _current
    cdef Reactor reactor = _current
    if reactor is not None and reactor.running:
        return reactor
    with _changing:
        if _current is None or not _current.running:
            if _final:
                raise ApartmentClosedError("the interpreter is shutting down")
            _current = Reactor()
        return _current


def stop_reactor(timeout=5.0, final=False):
    """Any thread. Stops the process's reactor, if it runs; the next bind starts another, unless `final`.

    Live operations end with CAUSE_SHUTDOWN. Returns whether the thread has ended within `timeout` seconds.
    """
    global _current, _final
    cdef Reactor reactor
    with _changing:
        reactor = _current
        _current = None
        _final = bool(final)
        return reactor is None or reactor.stop(timeout)


def park_reactor():
    """A thread that is about to fork: the I/O thread holds no lock that the child would inherit."""
    cdef Reactor reactor = _current
    if reactor is not None and reactor.running:
        _forking[PyThread_get_thread_ident()] = (reactor, reactor.park())


def unpark_reactor():
    """The same thread, in the parent, after the fork."""
    reactor, _ = _forking.pop(PyThread_get_thread_ident(), (None, False))
    if reactor is not None:
        reactor.unpark()


def forget_reactor():
    """Child of a fork. The parent's reactor is not ours."""
    global _current, _changing
    _changing = threading.RLock()     # another thread of the parent may have held it
    reactor, parked = _forking.pop(PyThread_get_thread_ident(), (None, False))
    _forking.clear()
    if _current is not None:
        _current.forget(parked and reactor is _current)
        _current = None


def reactor_statistics():
    """Any thread. `Reactor.statistics` of the process's reactor, empty if none runs."""
    return {} if _current is None else _current.statistics()
