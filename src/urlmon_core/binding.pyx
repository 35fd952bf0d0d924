"""The bind operation in its client's hands: begun, refused, handed over; aborted, suspended, resumed, prioritised (contract section 4).

Base of `urlmon.Binding`, which adds what is not needed while data flow. Owner only.
"""

import operator

from libc.stdint cimport uint64_t

from urlmon_core.atomics cimport (
    i32_load_relaxed, i32_store_relaxed, i64_load_relaxed, u32_cas_acq_rel, u32_load_acquire, u32_load_relaxed,
    u32_store_relaxed, u64_load_relaxed,
)
from urlmon_core.body cimport Body
from urlmon_core.plainurl cimport plain_parts, split_plain
from urlmon_core.request cimport STORAGE_STREAM, Profile, request_create
from urlmon_core.runqueue cimport NOT_QUEUED, clamp_priority, run_queue_set_priority
from urlmon_core.stream cimport Stream, memory_create, stream_create
from urlmon_core.transaction cimport (
    COMMAND_ABORT, COMMAND_OPEN, COMMAND_PRIORITY, COMMAND_SUSPENSION, FATE_ABORTED, FATE_OPEN, STATE_ACTIVE, STATE_NEW,
    transaction, transaction_push_to_self,
)
from urlmon_core.vocabulary cimport WANTS_PROGRESS, WANTS_RESPONSE, WANTS_START, words

from urlmon_core.exceptions import ApartmentClosedError

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(void *item)


cdef class BindingBase(Delivery):
    """One bind operation. Its methods may be called on the thread that started it, and on no other."""

    # -- beginning ----------------------------------------------------------------------------------------------------

    def begin(self):
        """Asks the client whether it wants the operation (on_start_binding) and returns its HRESULT.

        An exception of the client ends the operation with E_UNEXPECTED and is raised.
        """
        if not self.wanted & WANTS_START:
            return words.success
        self.starting = True
        self.in_callback = True
        try:
            answer = self.callback.on_start_binding(self)
            return words.success if answer is None else words.hresult(answer)
        except BaseException:
            self.starting = False
            self.in_callback = False
            self.refuse(words.unexpected)
            raise
        finally:
            self.starting = False
            self.in_callback = False

    def refuse(self, reason):
        """Ends an operation that was not handed over: on_stop_binding. reason: HRESULT or BindError. Returns the error.

        One that was, just before a signal's handler raised, is aborted.
        """
        self.aborted = True
        self.forced = reason
        if self.t.binding is not NULL and u32_cas_acq_rel(&self.t.fate, FATE_OPEN, FATE_ABORTED):
            self.reactor.command(self.t, COMMAND_ABORT)
        self.call_stop()
        return self.error

    def submit(self, Profile profile, bytes url, bytes host_key, int storage, bytes path, uint64_t high_water, *, bint keeps=False,
               bint pulls=False, pump=None, services=None, unsigned int asks=0,
               Body body=None):
        """Hands the operation over to the I/O thread.

        url, host_key and path (target of TYMED_FILE, else None) as the system takes them; high_water in bytes; keeps: the stream is read
        after the end, so nothing is dropped, whether it was read before or not. pulls: after high_water bytes nothing more comes
        before the client has read them and asks for more. pump: what a stream that blocks calls until it has a byte, None = it
        does not block. services: a Negotiation, which hears of the final response and is asked what `asks` (ask_bit) says. body:
        of the request. Raises ApartmentClosedError if the I/O thread has been stopped, MemoryError; `refuse` has to follow.
        """
        cdef transaction *t = self.t
        self.storage = storage
        self.keeps = keeps
        self.pump = pump
        self.services = services
        self.profile = profile
        self.host_text = host_key.decode()
        self.body = body
        if services is not None:
            # Found on the callback or elsewhere: the services know.
            self.wanted = self.wanted & ~WANTS_RESPONSE | (WANTS_RESPONSE if services.hears else 0)
        t.request = request_create(
            profile, url, len(url), host_key, len(host_key), storage, path, high_water, asks,
            storage != STORAGE_STREAM and not self.wanted & WANTS_PROGRESS,
            NULL if body is None else body.body, (self.wanted & WANTS_PROGRESS) != 0)
        t.stream.high_water = high_water
        t.stream.pull = pulls
        t.stream.keeps = keeps and storage == STORAGE_STREAM
        self.hand_over()

    cdef int submit_plain(self, Profile profile, plain_parts *parts, int storage, bytes path, uint64_t high_water) except -1:
        """As `submit`, for what is pushed, asynchronous, and about which nobody is asked. parts: of its URL."""
        cdef transaction *t = self.t
        self.storage = storage
        self.profile = profile
        t.request = request_create(
            profile, parts.url, parts.size, parts.key, parts.key_size, storage, path, high_water, 0,
            storage != STORAGE_STREAM and not self.wanted & WANTS_PROGRESS, NULL, (self.wanted & WANTS_PROGRESS) != 0)
        t.stream.high_water = high_water
        return self.hand_over()

    cdef int hand_over(self) except -1:
        """Enters it among the live ones and has the I/O thread begin."""
        cdef transaction *t = self.t
        t.binding = <void *> self
        self.registry.add(self)
        PyObject_GC_UnTrack(<void *> self)       # until it has stopped, see `forsake`
        # An abort from inside beginning_transaction came before there was anything to abort.
        if not self.reactor.command(t, COMMAND_OPEN | COMMAND_ABORT if self.aborted else COMMAND_OPEN):
            t.binding = NULL
            self.registry.discard(self)
            raise ApartmentClosedError("the I/O thread has been stopped")
        return 0

    # -- IBinding (contract 4) ----------------------------------------------------------------------------------------

    def abort(self):
        """Ends the operation for good; on_stop_binding(E_ABORT) follows from the pump, and nothing else (contract 4.1).

        Returns S_OK; E_FAIL for a second call or inside on_start_binding (refuse by its return value instead); INET_E_RESULT_DISPATCHED
        if the operation has ended already, and then what a suspension held back is told. Owner's thread only (WrongThreadError).
        """
        self.check_owner()
        if self.starting or self.aborted:
            return words.failure
        if self.stopped:
            return words.dispatched
        if not u32_cas_acq_rel(&self.t.fate, FATE_OPEN, FATE_ABORTED):
            self.let_stop()
            return words.dispatched
        self.aborted = True
        self.forced = words.aborted
        self.due = 0
        self.reactor.command(self.t, COMMAND_ABORT)
        self.let_stop()
        return words.success

    def end_with(self, hresult):
        """Ends the operation; on_stop_binding gets `hresult`, also if the transfer is over and only the telling is left.

        Owner's thread only (WrongThreadError).
        """
        self.check_owner()
        self.give_up(hresult)

    def suspend(self):
        """No byte is requested and nothing is delivered until `resume`; calls do not count.

        Returns S_OK, S_FALSE if it is suspended already, E_FAIL after the end. Owner's thread only (WrongThreadError).
        """
        self.check_owner()
        if self.stopped or self.aborted:
            return words.failure
        if self.suspended:
            return words.say_no_more
        self.suspended = True
        u32_store_relaxed(&self.t.wants_suspended, 1)
        if not self.starting:
            self.reactor.command(self.t, COMMAND_SUSPENSION)
        return words.success

    def resume(self):
        """Goes on after `suspend`; what was held back is delivered first, in order.

        Returns S_OK, S_FALSE if it is not suspended, E_FAIL after the end. Owner's thread only (WrongThreadError).
        """
        self.check_owner()
        if self.stopped or self.aborted:
            return words.failure
        if not self.suspended:
            return words.say_no_more
        self.suspended = False
        u32_store_relaxed(&self.t.wants_suspended, 0)
        if not self.starting:
            self.reactor.command(self.t, COMMAND_SUSPENSION)
            transaction_push_to_self(self.t)
        return words.success

    def set_priority(self, priority):
        """Any integer is kept; -15..15 after clamping is what counts, higher first (contract 4.3).

        Queued: counts at once; running: from the next turn of the I/O thread. Returns S_OK, E_FAIL after the end. Owner's thread only.
        """
        cdef long value = max(-0x80000000, min(0x7FFFFFFF, operator.index(priority)))
        self.check_owner()
        if self.stopped or self.aborted:
            return words.failure
        i32_store_relaxed(&self.t.wants_priority, <int> value)
        if self.t.ready.where != NOT_QUEUED:
            run_queue_set_priority(&self.t.apartment.ready, &self.t.ready, clamp_priority(value))
        else:
            self.t.ready.priority = <signed char> clamp_priority(value)
        if not self.starting:
            self.reactor.command(self.t, COMMAND_PRIORITY)
        return words.success

    def get_priority(self):
        """The priority as it was set (contract 4.1). Owner's thread only."""
        self.check_owner()
        return i32_load_relaxed(&self.t.wants_priority)

    def peek_priority(self):
        """As get_priority, from any thread: for repr and logs."""
        return i32_load_relaxed(&self.t.wants_priority)

    # -- what is known ------------------------------------------------------------------------------------------------

    @property
    def bytes_received(self):
        """Body bytes received so far, as delivered (after content decoding)."""
        return u64_load_relaxed(&self.t.mail.received)

    @property
    def bytes_total(self):
        """Announced size of the body in bytes, -1 = unknown (also where the content is encoded)."""
        return i64_load_relaxed(&self.t.mail.total)

    @property
    def raw_headers(self):
        """The header block of the final response as received, b"" before it."""
        return self.head or b""

    @property
    def request_options(self):
        """The options of the request that was made last, as `Profile.options`; () before it was handed over."""
        return () if self.profile is None else self.profile.options

    @property
    def method_given_up_by(self):
        """The status of a redirect that libcurl followed, if it may have made a GET of the request: 303 of any, 301 and 302 of a
        POST (RFC 9110 15.4); else 0."""
        return self.redirected_by

    @property
    def state(self):
        """Where the operation stands, as a word, from any thread: starting, queued, connecting (until the first response), receiving,
        paused (the client reads too slowly), suspended, ended (the client is not yet told), stopped."""
        cdef unsigned int shown = u32_load_relaxed(&self.t.shown_state)
        if self.stopped:
            return "stopped"
        if u32_load_acquire(&self.t.mail.ended):
            return "ended"
        if self.suspended:
            return "suspended"
        if self.starting or shown == STATE_NEW:
            return "starting"
        if shown != STATE_ACTIVE:
            return "queued"
        if u32_load_relaxed(&self.t.stream.stalled):
            return "paused"
        return "receiving" if u32_load_relaxed(&self.t.mail.posted) and self.status_code else "connecting"

    @property
    def host_key(self):
        """What its connection is counted by: scheme, host, port and proxy; "" before it was handed over."""
        cdef plain_parts parts
        if self.host_text is None and self.storage and split_plain(self.original_url, &parts):
            self.host_text = parts.key[:parts.key_size].decode()      # of one that was handed over by `submit_plain`
        return self.host_text or ""

    @property
    def is_suspended(self):
        """Between `suspend` and `resume`."""
        return self.suspended

    def end_state(self):
        """(HRESULT given to on_stop_binding, its error) after the end, (None, None) before."""
        return (self.result, self.error) if self.stopped else (None, None)

    def failure_of_stream(self):
        """The BindError that the operation will stop with, for a stream that cannot wait for its client to be told; after the end
        record has come."""
        self.settle()
        return self.error

    def stream_for_client(self):
        """The stream of the operation, the same one until the operation has stopped: what a synchronous bind returns."""
        cdef Stream stream = self.stream
        self.check_owner()
        if stream is None:
            stream = stream_create(self.t, self.reactor, self.owner, self.pump)
            if self.stopped:
                stream.told = True
                stream.error = self.error
            else:
                self.stream = stream
        return stream

    def memory_for_client(self):
        """The body of a successful TYMED_HGLOBAL operation."""
        self.check_owner()
        return memory_create(self.t)
