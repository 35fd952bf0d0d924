"""The apartment: the owner's side of the notification list, and the pump that turns mail into client calls.

A pump takes everything that was pushed in one exchange, sorts it into the run queue by priority, and makes client calls one at a
time; between any two it looks whether something more urgent has come. Base of `urlmon.Apartment`.
"""

import collections
import operator
import os
import threading
import warnings

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc
from cpython.object cimport PyObject

from urlmon_core.atomics cimport (
    i32_load_relaxed, i32_store_relaxed, i64_load_relaxed, u32_exchange_acq_rel, u32_init, u64_load_relaxed,
)
from urlmon_core.counters cimport live, urlmon_count
from urlmon_core.notify cimport (
    PUSHED_WAKE, REFUSED, list_arm, list_close, list_init, list_pending, list_push, list_take_all, node,
)
from urlmon_core.reactor cimport reactor_for
from urlmon_core.runqueue cimport (
    LEVELS, NOT_QUEUED, PRIORITY_MIN, clamp_priority, run_entry, run_queue_best, run_queue_init, run_queue_insert,
    run_queue_remove,
)
from urlmon_core.threads cimport urlmon_now_ns
from urlmon_core.transaction cimport (
    COMMAND_LIMITS, apartment_release, transaction, transaction_of_mail, transaction_of_ready, transaction_release,
)
from urlmon_core.vocabulary cimport current_generation, urlmon_new
from urlmon_core.wakeup cimport urlmon_wakeup_drain, urlmon_wakeup_open, urlmon_wakeup_signal, urlmon_wakeup_wait

from urlmon_core.exceptions import ApartmentClosedError, wrong_apartment

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef enum:
    ROUNDS_BEYOND = 64        # rounds that a pass may make beyond one for each binding that was ready when it began
    SIGNALS_MS = 50           # how often a waiting main thread looks whether a signal has come, see `wait`

DEFAULT_MAX_ACTIVE = 64
DEFAULT_MAX_PER_HOST = 8
DEFAULT_URGENT_SLOTS = 4
DEFAULT_AGING_SECONDS = 10.0
DEFAULT_HIGH_WATER = 2 << 20
DEFAULT_SUSPEND_KEEP = 30.0

NOT_A_CALL = object()         # what a posted callable returns that is our own, and no call of a client: pump does not count it


cdef class ApartmentBase:
    """The queue of one thread. Made on the thread that it belongs to; every method but `post` is for that thread only."""

    def __cinit__(self):
        cdef int failure
        cdef apartment_record *record = <apartment_record *> calloc(1, sizeof(apartment_record))
        if record is NULL:
            raise MemoryError
        urlmon_count(&live.apartments, 1)
        u32_init(&record.references, 1)
        record.wakeup.read_fd = record.wakeup.write_fd = -1
        self.record = record
        list_init(&record.mail)
        i32_store_relaxed(&record.max_active, DEFAULT_MAX_ACTIVE)
        i32_store_relaxed(&record.max_per_host, DEFAULT_MAX_PER_HOST)
        i32_store_relaxed(&record.urgent_slots, DEFAULT_URGENT_SLOTS)
        i32_store_relaxed(&record.suspend_keep_ms, <int> (DEFAULT_SUSPEND_KEEP * 1000))
        run_queue_init(&record.waiting, <int64_t> (DEFAULT_AGING_SECONDS * 1e9))
        run_queue_init(&record.urgents, 0)
        run_queue_init(&record.ready, 0)
        failure = urlmon_wakeup_open(&record.wakeup)
        if failure:
            raise OSError(failure, os.strerror(failure))
        self.owner = PyThread_get_thread_ident()
        self.minds_signals = self.owner == threading.main_thread().ident
        self.generation = current_generation()
        self.bindings = set()
        self.posts = collections.deque()
        self.high_water = DEFAULT_HIGH_WATER
        self.asked_ns = urlmon_now_ns()

    def __dealloc__(self):
        global _latest
        if _latest == <PyObject *> self:
            _latest = NULL
        if self.record is not NULL:
            apartment_release(self.record)

    cdef int check_owner(self) except -1:
        if self.owner != PyThread_get_thread_ident():
            raise wrong_apartment("an apartment is used on its own thread only; from another one, use post()")
        if self.closed or self.generation != current_generation():
            raise ApartmentClosedError(
                "this apartment is closed" if self.closed else "this apartment belongs to the parent of this forked process")
        return 0

    # -- beginning an operation ---------------------------------------------------------------------------------------

    def prepare(self, type kind, callback, int methods, moniker, str url, path, priority):
        """A new binding of class `kind` (a BindingBase) for `callback`, not yet started. methods: what `methods_of` has found, the
        others are not called; priority: any integer."""
        self.check_owner()
        return self.make_binding(kind, callback, methods, moniker, url, path, clipped_priority(priority))

    cdef BindingBase make_binding(self, kind, callback, int methods, moniker, str url, path, long priority):
        """As `prepare`, which has checked the thread."""
        cdef BindingBase binding
        if self.reactor is None or not self.reactor.running:
            self.reactor = reactor_for(self)
        binding = <BindingBase?> urlmon_new(kind, ())
        binding.attach(self.record, self.reactor, self.bindings, priority)
        binding.callback = callback
        binding.wanted = methods
        binding.moniker = moniker
        binding.url = url
        binding.original_url = url
        binding.path = path
        return binding

    # -- the pump -----------------------------------------------------------------------------------------------------

    cdef int collect(self) except -1:
        """Takes what was pushed and puts it into the run queue; posts wait in their own."""
        cdef node *item = list_take_all(&self.record.mail)
        cdef node *following
        cdef transaction *t
        cdef BindingBase binding
        while item is not NULL:
            following = item.next            # it may be pushed again as soon as its flag is cleared
            if item == &self.record.post:
                u32_exchange_acq_rel(&self.record.post_pending, 0)
            else:
                t = transaction_of_mail(item)
                u32_exchange_acq_rel(&t.mail.pending, 0)
                if t.binding is not NULL and t.ready.where == NOT_QUEUED:
                    binding = <BindingBase> t.binding
                    # One that a pump has in hand looks at its mail again by itself, a suspended one when it is resumed.
                    if not binding.dispatching and not binding.suspended:
                        self.make_ready(t)
                transaction_release(t)
            item = following
        return 0

    cdef void make_ready(self, transaction *t) noexcept:
        """At the end of those of its priority."""
        self.record.ready_sequence += 1
        t.ready.sequence = self.record.ready_sequence
        run_queue_insert(&self.record.ready, &t.ready)

    cdef long run_posts(self, long limit) except -1:
        """Runs the callables that are there now, not those that they post in turn, until `limit` of them counted."""
        cdef long left = len(self.posts)
        cdef long done = 0
        while left and self.posts and done != limit:
            left -= 1
            function = self.posts.popleft()
            if function() is not NOT_A_CALL:
                done += 1
        return done

    cdef long dispatch(self, long limit) except -1:
        """One pass over what there is: every post, and about one round of calls for every binding, the most urgent first.

        What arrives meanwhile takes its place by priority, but does not prolong the pass for ever. At most `limit` calls (-1: no
        limit). Returns how many were made.
        """
        cdef long delivered = 0
        cdef size_t rounds
        cdef run_entry *entry
        cdef BindingBase binding
        if list_pending(&self.record.mail):
            self.collect()
        if self.posts:
            delivered += self.run_posts(limit)
        rounds = self.record.ready.count + ROUNDS_BEYOND
        while rounds and (limit < 0 or delivered < limit):
            if list_pending(&self.record.mail):
                self.collect()
            entry = run_queue_best(&self.record.ready, 0, PRIORITY_MIN)
            if entry is NULL:
                break
            # A reference of our own: the client need not keep one, and on_stop_binding drops the registry's.
            binding = <BindingBase> transaction_of_ready(entry).binding
            delivered += self.deliver_to(binding, -1 if limit < 0 else limit - delivered)
            rounds -= 1
        return delivered

    cdef long deliver_to(self, BindingBase binding, long limit) except -1:
        """Makes calls of one binding until it has no more, or something else wants its turn, or `limit` is reached.

        Its equals have to wait for the end of a round, the more urgent ones do not. A round is what belongs together: a status, or the
        progress and data calls of one arrival.
        """
        cdef transaction *t = binding.t
        cdef long delivered = 0
        cdef bint more = True
        cdef bint round_over = False
        run_queue_remove(&self.record.ready, &t.ready)
        binding.dispatching = True
        try:
            while True:
                more = binding.step() != 0
                if not more:
                    break
                delivered += 1
                round_over = binding.due == 0
                if delivered == limit or list_pending(&self.record.mail):
                    break
                if self.record.ready.occupied >> (t.ready.priority - PRIORITY_MIN + (0 if round_over else 1)):
                    break
        finally:
            binding.dispatching = False
            if more and not binding.stopped and not binding.suspended:
                if round_over:
                    self.make_ready(t)
                else:
                    run_queue_insert(&self.record.ready, &t.ready)      # by its old sequence: it has not had its turn
        return delivered

    cdef int wait(self, long long until_ns) except -1:
        """Sleeps until something is pushed (or the time has come: 0). Signal handlers run in between. 1: go and look.

        A signal that comes between the look for it and the sleep does not end the sleep, nor does one that the system gives to another
        thread; and the one descriptor that the interpreter would write to belongs to whoever called signal.set_wakeup_fd. So
        the main thread, where handlers run, does not sleep for long at a time.
        """
        cdef long long left = 0
        cdef int longest = SIGNALS_MS if self.minds_signals else 1000000
        cdef int milliseconds = SIGNALS_MS if self.minds_signals else -1
        cdef int ready
        if self.posts or self.record.ready.count or not list_arm(&self.record.mail):
            PyErr_CheckSignals()      # a pass that made no client call has not run any Python either
            return 1
        while True:
            if until_ns >= 0:
                left = until_ns - urlmon_now_ns()
                if left <= 0:
                    return 0
                left = (left + 999999) // 1000000
                milliseconds = <int> left if left < longest else longest
            with nogil:
                ready = urlmon_wakeup_wait(&self.record.wakeup, milliseconds)
            PyErr_CheckSignals()
            if ready > 0:
                urlmon_wakeup_drain(&self.record.wakeup)
                return 1

    cdef bint arm_mail(self) noexcept:
        """False: there is something already. The descriptor says the same: not readable, readable."""
        urlmon_wakeup_drain(&self.record.wakeup)
        if not self.posts and self.record.ready.count == 0 and list_arm(&self.record.mail):
            return True
        urlmon_wakeup_signal(&self.record.wakeup)
        return False

    def pump(self, timeout=None, limit=None):
        """Delivers what has arrived; waits for it at most `timeout` seconds if there is nothing (None: without limit, 0: not at all).

        One pass: what arrives while it lasts may have to wait for the next call. Returns how many client calls (and posted callables)
        were made, at most `limit`. An exception that one of them raises leaves
        through here, and everything else stays queued. Raises WrongThreadError on another thread.
        """
        cdef long most = -1 if limit is None else limit
        cdef long delivered
        cdef long long until_ns = -1
        self.check_owner()
        if most == 0:
            return 0
        try:
            delivered = self.dispatch(most)
            if delivered or (timeout is not None and timeout <= 0):
                return delivered
            if timeout is not None:
                until_ns = urlmon_now_ns() + <long long> (min(float(timeout), 1e9) * 1e9)
            while not delivered:
                if not self.wait(until_ns):
                    return 0
                delivered = self.dispatch(most)
            return delivered
        finally:
            # In a thread with an event loop (a synchronous bind, say) the pump has taken what the loop listens for.
            if self.attachment is not None and not self.closed:
                self.arm_mail()

    def run(self):
        """Pumps until none of this thread's bindings is live."""
        self.check_owner()
        while self.bindings:
            self.pump()

    def pump_once(self):
        """Waits until something arrives, delivers it, and returns also if nothing was delivered: it may be for a binding inside whose
        callback we are. What a stream that blocks waits with."""
        self.check_owner()
        if not self.dispatch(-1) and self.wait(-1):
            self.dispatch(-1)

    def run_until_stopped(self, BindingBase binding):
        """Pumps until `binding` has stopped: the wait of a synchronous bind (contract 1.4)."""
        self.check_owner()
        while not binding.stopped:
            self.pump()

    # -- event loops --------------------------------------------------------------------------------------------------

    def fileno(self):
        """The descriptor that becomes readable when an armed apartment gets something to deliver.

        The same one as long as the apartment lives; not to be read from, nor closed.
        """
        self.check_owner()
        return self.record.wakeup.read_fd

    def arm(self):
        """Asks for the descriptor to become readable at the next arrival. False: something is there already, and it is readable.

        After a wake-up, `pump(0)` and arm again, or `turn`.
        """
        self.check_owner()
        return self.arm_mail()

    def turn(self, double seconds=0.001):
        """What an event loop does when the descriptor is readable: delivers for about `seconds`, between calls, and arms.

        Returns as `arm`: True if nothing is left, False if the descriptor is still readable, so that the loop turns to others and
        comes back. An exception of a client leaves through here, with everything else still queued and the descriptor readable.
        """
        cdef long long until_ns
        cdef bint idle = False
        self.check_owner()
        until_ns = urlmon_now_ns() + <long long> (min(seconds, 1e9) * 1e9)
        try:
            while self.dispatch(1) and urlmon_now_ns() < until_ns:
                pass
        finally:
            if not self.closed:
                idle = self.arm_mail()
        return idle

    # -- any thread ---------------------------------------------------------------------------------------------------

    def post(self, function):
        """Any thread. Has `function()` called by the pump of this apartment's thread; raises ApartmentClosedError if it is closed."""
        if self.closed or self.generation != current_generation():
            raise ApartmentClosedError("this apartment is closed")
        self.posts.append(function)
        if u32_exchange_acq_rel(&self.record.post_pending, 1) == 0:
            pushed = list_push(&self.record.mail, &self.record.post)
            if pushed == PUSHED_WAKE:
                urlmon_wakeup_signal(&self.record.wakeup)
            elif pushed == REFUSED:
                raise ApartmentClosedError("this apartment is closed")

    # -- limits and figures -------------------------------------------------------------------------------------------

    def set_limits(self, int max_active, int max_per_host, int urgent_slots, uint64_t high_water, double suspend_keep):
        """Owner. The limits of admission, the high-water mark (bytes) of streams begun from now on, seconds that a suspended
        transfer keeps its connection."""
        cdef BindingBase binding
        self.check_owner()
        i32_store_relaxed(&self.record.max_active, max_active)
        i32_store_relaxed(&self.record.max_per_host, max_per_host)
        i32_store_relaxed(&self.record.urgent_slots, urgent_slots)
        i32_store_relaxed(&self.record.suspend_keep_ms, <int> min(suspend_keep * 1000, 2e9))
        self.high_water = high_water
        for binding in self.bindings:
            # Somebody who waits may start now; any transaction of today's reactor will do as the messenger.
            if binding.reactor is self.reactor:
                binding.reactor.command(binding.t, COMMAND_LIMITS)
                break

    def limits(self):
        """(max_active, max_per_host, urgent_slots, high_water, suspend_keep)"""
        return (i32_load_relaxed(&self.record.max_active), i32_load_relaxed(&self.record.max_per_host),
                i32_load_relaxed(&self.record.urgent_slots), self.high_water,
                i32_load_relaxed(&self.record.suspend_keep_ms) / 1000)

    def statistics(self):
        """Owner. Figures of this moment, and of the time since the last call.

        reactor: the number of the I/O thread, None before the first bind. bindings: live ones; queued, active: as the I/O thread has
        them; suspended; states: live ones by `Binding.state`; hosts: live ones by host key and state; levels: by priority (clamped),
        live ones by state, `bytes` received since the start, `rate` in bytes per second since the last call. Costs time in proportion to
        the live bindings.
        """
        cdef BindingBase binding
        cdef int level
        cdef uint64_t received
        cdef int64_t now_ns = urlmon_now_ns()
        cdef double elapsed = (now_ns - self.asked_ns) / 1e9
        self.check_owner()
        states = collections.Counter()
        hosts = {}
        levels = {}
        for level in range(LEVELS):
            received = u64_load_relaxed(&self.record.level_bytes[level])
            if received:
                levels[level + PRIORITY_MIN] = {
                    "bytes": received, "rate": (received - self.asked_bytes[level]) / elapsed, "states": collections.Counter()}
                self.asked_bytes[level] = received
        self.asked_ns = now_ns
        for binding in self.bindings:
            state = binding.state
            states[state] += 1
            hosts.setdefault(binding.host_key, collections.Counter())[state] += 1
            levels.setdefault(clamp_priority(binding.peek_priority()), {"bytes": 0, "rate": 0.0, "states": collections.Counter()})[
                "states"][state] += 1
        return {
            "reactor": None if self.reactor is None else self.reactor.number,
            "bindings": len(self.bindings),
            "queued": i64_load_relaxed(&self.record.queued_count),
            "active": i64_load_relaxed(&self.record.active_count),
            "suspended": states["suspended"],
            "states": dict(states),
            "hosts": {host: dict(count) for host, count in hosts.items()},
            "levels": {level: {**figures, "states": dict(figures["states"])} for level, figures in sorted(levels.items())},
        }

    @property
    def live_bindings(self):
        """The bindings of this thread that have not stopped, as a list in no particular order."""
        return list(self.bindings)

    @property
    def is_owner(self):
        """Whether the calling thread is the apartment's."""
        return self.owner == PyThread_get_thread_ident()

    # -- the end ------------------------------------------------------------------------------------------------------

    @property
    def is_closed(self):
        """Closed, or inherited through a fork."""
        return self.closed or self.generation != current_generation()

    def close(self):
        """Owner. Aborts what is live without telling anybody and refuses everything from now on; idempotent.

        Raises WrongThreadError on another thread.
        """
        if not self.closed and self.generation == current_generation():
            self.check_owner()
        self.abandon()

    def abandon(self):
        """The owner, or whoever finds that its thread has ended: as close. Returns what the aborted bindings were called."""
        cdef node *item
        cdef node *following
        cdef run_entry *entry
        cdef BindingBase binding
        if self.closed or self.generation != current_generation():
            self.closed = True
            for binding in self.bindings:       # the child of a fork, where they never stop
                binding.track()
            return []
        self.closed = True
        self.attachment = None
        if self.reactor is not None:
            self.reactor.apartments.discard(self)
        names = [f"{binding!r}{'' if binding.created_at is None else binding.created_at}" for binding in self.bindings]
        while True:         # first of all: the queue holds no references
            entry = run_queue_best(&self.record.ready, 0, PRIORITY_MIN)
            if entry is NULL:
                break
            run_queue_remove(&self.record.ready, entry)
        for binding in list(self.bindings):
            binding.abandon()
        item = list_close(&self.record.mail)
        while item is not NULL:
            following = item.next
            if item != &self.record.post:
                transaction_release(transaction_of_mail(item))
            item = following
        self.posts.clear()
        return names


class _ThreadEnd:
    """Lives in a thread's locals, so it goes when the thread ends, and closes the thread's apartment then."""

    __slots__ = ("apartment",)

    def __init__(self, apartment):
        self.apartment = apartment

    def __del__(self, warn=warnings.warn):
        names = self.apartment.abandon()
        if names and not _process_ends:
            warn(f"a thread ended with {len(names)} live binding(s), which were aborted: {', '.join(sorted(names)[:10])}",
                 ResourceWarning, source=self.apartment)


cdef long clipped_priority(priority) except? -1:
    """An integer as the core keeps it: clients may choose any."""
    return 0 if priority == 0 else max(-0x80000000, min(0x7FFFFFFF, operator.index(priority)))


_locals = threading.local()
cdef bint _process_ends = False
cdef PyObject *_latest = NULL     # the apartment that was asked for last, borrowed: most programs have one


cdef ApartmentBase latest_apartment():
    """The calling thread's apartment if it was the one that was asked for last, else None."""
    cdef ApartmentBase apartment
    if _latest is not NULL:
        apartment = <ApartmentBase> _latest
        if apartment.owner == PyThread_get_thread_ident() and not apartment.closed and apartment.generation == current_generation():
            return apartment
    return None


def current_apartment(kind):
    """The calling thread's apartment, made (of class `kind`) on first use; it is closed when the thread ends."""
    global _latest
    cdef ApartmentBase apartment = latest_apartment()
    if apartment is not None:
        return apartment
    end = getattr(_locals, "end", None)
    if end is None or end.apartment.is_closed:
        end = _locals.end = _ThreadEnd(kind())
    apartment = end.apartment
    _latest = <PyObject *> apartment
    return apartment


def end_process():
    """Main thread, at exit: closes its apartment, which says what is live. Whoever comes later says nothing.

    To show a warning takes locks of stderr and of modules. A daemon thread that the interpreter stops with one of them held blocks the end.
    """
    global _process_ends
    _locals.__dict__.pop("end", None)
    _process_ends = True
