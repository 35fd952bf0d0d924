"""A bind operation on a protocol handler (contract section 11): the client calls of delivery.pyx, in the same order, but planned from
what the handler reported instead of from a mailbox that the I/O thread fills.

The package on top runs the handler and turns its reports into events; here an event becomes the calls that it makes due. What happens
to a transfer's bytes does not change with it: no method of Delivery looks for a handler. The transaction is never handed over to the
I/O thread, which ignores commands of one that it does not know. Owner only, but for `wake`.
"""

from libc.stdint cimport int64_t, uint64_t

from urlmon_core.atomics cimport i64_load_relaxed, i64_store_relaxed, u64_store_relaxed
from urlmon_core.delivery cimport (
    BSCF_64BIT_LENGTH, CALL_64BIT, CALL_BEGIN, CALL_CACHEFILE, CALL_DATA, CALL_DOWNLOADING, CALL_END, CALL_MIME, CALL_STATUS,
    CALL_STOP, is_beyond_32_bits,
)
from urlmon_core.mailbox cimport STATUS_REDIRECTING
from urlmon_core.transaction cimport transaction_push_to_self
from urlmon_core.vocabulary cimport WANTS_DATA, WANTS_PROGRESS, medium_for, wanted_of, words

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef enum:
    BSCF_LAST = 4             # contract 5.5

# Kinds of events, the first item of each; the others are named below.
EVENT_STATUS = 1              # status, text: on_progress
EVENT_MIME = 2                # the media type became known: on_progress MIMETYPEAVAILABLE
EVENT_PROGRESS = 3            # BSCF, progress, total: the progress calls of a data phase without on_data_available
EVENT_DATA = 4                # the same, with on_data_available
EVENT_RESULT = 5              # HRESULT or BindError, None for success: on_stop_binding

cdef enum:
    _STATUS = 1
    _MIME = 2
    _DATA = 4
    _RESULT = 5


cdef class HandlerBindingBase(BindingBase):
    """The core's half of a binding whose bytes come from a protocol handler.

    A subclass has `next_event()`, which returns the oldest event or None; `medium_content()`, what the medium of
    on_data_available holds; `drain_handler()`, `abort_handler(hresult)`, `result_is_out()`, `after_stop()` and
    `abandoned()`. All of them are called on the owner's thread.
    """

    def enlist(self, int storage, bint keeps):
        """Enters it among the live bindings of its apartment, as `submit` does for one that libcurl is to serve."""
        self.storage = storage
        self.keeps = keeps
        self.wanted = wanted_of(self.callback)
        self.t.binding = <void *> self
        self.registry.add(self)

    def wake(self):
        """Any thread: something was reported. Has the owner's pump look, unless the owner has this binding in hand and looks anyway."""
        if not (self.owner == PyThread_get_thread_ident() and self.dispatching):
            transaction_push_to_self(self.t)

    def deliver_now(self):
        """Makes the calls that are due at once, unless they have to wait: for the end of a callback, for `resume`, for the pump that
        has this binding in hand."""
        self.check_owner()
        if self.dispatching:
            return
        self.dispatching = True
        try:
            while self.step():
                pass
        except BaseException:
            if not self.stopped:
                transaction_push_to_self(self.t)
            raise
        finally:
            self.dispatching = False

    # -- what Delivery asks for -----------------------------------------------------------------------------------------

    cdef int plan(self) except -1:
        cdef tuple event
        cdef int kind
        try:
            event = self.next_event()
        except BaseException:
            self.give_up(words.unexpected)
            raise
        if event is None:
            return 0
        kind = event[0]
        if kind == _RESULT:
            if self.forced is None:
                self.forced = event[1]
            self.due = CALL_STOP
        elif self.aborted or self.last_told:
            pass              # nothing but the stop is told any more
        elif kind == _STATUS:
            if event[1] == STATUS_REDIRECTING and event[2]:
                self.url = event[2]
            if self.wanted & WANTS_PROGRESS:
                self.status = event[1]
                self.status_text = event[2]
                self.due = CALL_STATUS
        elif kind == _MIME:
            self.due = CALL_MIME
        else:
            self.plan_report(event[1], event[2], event[3], kind == _DATA)
        return 1

    cdef int plan_report(self, int flags, uint64_t progress, int64_t total, bint data) except -1:
        self.flags = flags
        self.told = progress
        u64_store_relaxed(&self.t.mail.received, progress)
        i64_store_relaxed(&self.t.mail.total, total if total > 0 else -1)
        self.due = self.beginning()
        if flags & BSCF_LAST:
            # Contract 3.2: the stop follows the last notification, whenever the handler reports its result.
            self.last_told = True
            self.due |= CALL_END | CALL_STOP
        elif not self.due:
            self.due = CALL_DOWNLOADING
        if is_beyond_32_bits(progress, total):
            self.flags |= BSCF_64BIT_LENGTH
            self.due |= CALL_64BIT
        self.began = True
        if data:
            self.data_told = True
            self.due |= CALL_DATA
        return 0

    cdef unsigned int beginning(self) noexcept:
        if self.began:
            return 0
        return CALL_BEGIN if self.path is None else CALL_BEGIN | CALL_CACHEFILE

    cdef int call_progress(self, int status, object text) except -1:
        return self.tell_progress(self.told, i64_load_relaxed(&self.t.mail.total), status, text)

    cdef int call_data(self) except -1:
        if self.wanted & WANTS_DATA and self.medium is None:
            self.medium = medium_for(self.storage, self.medium_content())
        return BindingBase.call_data(self)

    cdef int call_stop(self) except -1:
        try:
            BindingBase.call_stop(self)
        finally:
            self.after_stop()
        return 1

    cdef int drain(self) except -1:
        self.drain_handler()
        return 0

    cdef int break_off(self, object hresult) except -1:
        self.abort_handler(hresult)
        return 0

    cdef void abandon(self) noexcept:
        if not self.stopped:
            self.aborted = True
            self.forsake()
            self.abandoned()
            self.call_end_hook()

    # -- what a client may do -------------------------------------------------------------------------------------------

    def abort(self):
        """As `BindingBase.abort`; the handler's `abort` is called meanwhile."""
        self.check_owner()
        if self.starting or self.aborted:
            return words.failure
        if self.stopped:
            return words.dispatched
        if self.last_told or self.due & CALL_STOP or self.result_is_out():
            self.let_stop()
            return words.dispatched
        self.aborted = True
        self.forced = words.aborted
        self.due = 0
        self.suspended = False
        try:
            self.abort_handler(words.aborted)
        finally:
            self.wake()
        return words.success

    def use_path(self, str path):
        """The file that BINDSTATUS.CACHEFILENAMEAVAILABLE names."""
        self.path = path

    def use_head(self, bytes head, int status):
        """The header block of the response, of a handler that speaks http."""
        self.head = head
        self.status_code = status

    @property
    def takes_data(self):
        """Whether the client has an on_data_available."""
        return (self.wanted & WANTS_DATA) != 0

    @property
    def has_told_data(self):
        """Whether on_data_available was called, or is about to be."""
        return self.data_told

    @property
    def has_told_last(self):
        """Whether the last on_data_available was called, or is about to be."""
        return self.last_told

    @property
    def is_aborted(self):
        """Nothing but the stop is going to be told."""
        return self.aborted
