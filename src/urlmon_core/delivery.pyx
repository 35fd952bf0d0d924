"""From mail to client calls, in the order that the contract gives (section 3.2). Owner only.

`step` makes the next client call of one bind operation, one at a time, so that a pump can turn to a more urgent one between any two.
"""

import os

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free

from urlmon_core.atomics cimport (
    i32_store_relaxed, i64_load_relaxed, reference_take, u32_cas_acq_rel, u32_exchange_acq_rel, u32_init, u32_load_acquire,
    u32_load_relaxed, u32_store_relaxed, u64_load_acquire, u64_load_relaxed,
)
from urlmon_core.blocks cimport block
from urlmon_core.body cimport BODY_FILE, Body, body_piece
from urlmon_core.bytestream cimport stream_asked_for_more, stream_consume, stream_init, stream_peek
from urlmon_core.counters cimport live, urlmon_count
from urlmon_core.mailbox cimport (
    CAUSE_NONE, STATUS_ASK_RESPONSE, STATUS_BEGINUPLOADDATA, STATUS_ENDUPLOADDATA, STATUS_REDIRECTING, STATUS_RESPONSE,
    STATUS_UPLOADINGDATA, mailbox_init, mailbox_take, status_entry,
)
from urlmon_core.request cimport STORAGE_FILE, STORAGE_STREAM, Profile, request_create, request_record
from urlmon_core.runqueue cimport clamp_priority
from urlmon_core.stream cimport Stream, memory_create, stream_create
from urlmon_core.transaction cimport (
    COMMAND_ABORT, COMMAND_ANSWER, COMMAND_CREDIT, COMMAND_PIECE, FATE_ABORTED, FATE_OPEN, apartment_record,
    transaction_push_to_self, transaction_release,
)
from urlmon_core.vocabulary cimport (
    WANTS_DATA, WANTS_PROGRESS, WANTS_RESPONSE, WANTS_STOP, current_generation, format_for, media_type_of, medium_for,
    words,
)

from urlmon_core.exceptions import ApartmentClosedError, wrong_apartment

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef extern from "Python.h":
    bint PyObject_GC_IsTracked(object item)
    void PyObject_GC_Track(void *item)

cdef enum:
    # contract 5.5 and 5.6
    BSCF_FIRST = 1
    BSCF_INTERMEDIATE = 2
    BSCF_LAST = 4
    BSCF_FULLY_AVAILABLE = 8
    STATUS_BEGINDOWNLOADDATA = 4
    STATUS_DOWNLOADINGDATA = 5
    STATUS_ENDDOWNLOADDATA = 6
    STATUS_MIMETYPEAVAILABLE = 13
    STATUS_CACHEFILENAMEAVAILABLE = 14
    STATUS_64BIT_PROGRESS = 56


cdef uint64_t MOST_AT_ONCE = 512 << 10     # bytes of a stream that one on_data_available announces


cdef class Delivery:
    """The delivering half of a binding. Base of BindingBase."""

    def __dealloc__(self):
        if self.t is not NULL:
            self.t.binding = NULL
            transaction_release(self.t)

    cdef int attach(self, apartment_record *apartment, Reactor reactor, set registry, long priority) except -1:
        """Makes the shared record; the I/O thread does not know of it before `submit`."""
        cdef transaction *t = <transaction *> calloc(1, sizeof(transaction))
        if t is NULL:
            raise MemoryError
        urlmon_count(&live.bindings, 1)
        u32_init(&t.references, 1)
        mailbox_init(&t.mail)
        stream_init(&t.stream, 0)
        i32_store_relaxed(&t.wants_priority, <int> priority)
        t.ready.priority = <signed char> clamp_priority(priority)
        reference_take(&apartment.references)
        t.apartment = apartment
        self.t = t
        self.reactor = reactor
        self.registry = registry
        self.owner = PyThread_get_thread_ident()
        self.generation = current_generation()
        return 0

    cdef int check_owner(self) except -1:
        if self.generation != current_generation():
            raise ApartmentClosedError("this binding belongs to the parent of this forked process")
        if self.owner != PyThread_get_thread_ident():
            raise wrong_apartment("the methods of a binding are called on the thread that started it, and on no other")
        return 0

    # -- dispatch -----------------------------------------------------------------------------------------------------

    cdef int step(self) except -1:
        """Makes the next client call. 1: made one, there may be more; 0: nothing to deliver now.

        An exception of the client aborts the binding and leaves through here.
        """
        cdef unsigned int call
        while not self.stopped and not self.suspended and not self.in_callback:
            if self.due:
                call = self.due & (~self.due + 1)
                self.due &= ~call
                if self.deliver(call):
                    return 1
            elif not self.plan():
                return 0
        return 0

    cdef int plan(self) except -1:
        """Decides from the mail which calls are due. 0: none."""
        cdef bint ended
        if not self.aborted and self.take_status():
            return 1
        # In this order: what is published before the end is seen with the end.
        ended = u32_load_acquire(&self.t.mail.ended) != 0
        if self.aborted:
            self.due = CALL_STOP if ended else 0
            return self.due != 0
        if ended and self.take_status():
            return 1
        if not ended and self.body is not None:
            if u32_exchange_acq_rel(&self.t.wants_piece, 0):
                self.due = CALL_PIECE
                return 1
            if self.uploading and u64_load_relaxed(&self.t.mail.sent) != self.sent:
                self.due = CALL_UPLOADING
                return 1
        return self.plan_data(ended)

    cdef int take_status(self) except -1:
        cdef status_entry entry
        cdef bytes text = b""
        if not mailbox_take(&self.t.mail, &entry):
            return 0
        try:
            if (entry.kind >= STATUS_RESPONSE or entry.kind == STATUS_REDIRECTING or self.wanted & WANTS_PROGRESS):
                if entry.text is not NULL:
                    text = entry.text[:entry.length]
        finally:
            free(entry.text)
        if entry.kind == STATUS_RESPONSE:
            self.head = text
            self.status_code = entry.number
            self.due = CALL_RESPONSE | CALL_MIME
            return 1
        if entry.kind > STATUS_RESPONSE:
            self.status = entry.kind
            self.number = entry.number
            self.status_text = text.decode("iso-8859-1")
            self.due = CALL_QUESTION
            if entry.kind == STATUS_ASK_RESPONSE:
                self.head = text
                self.status_code = entry.number
                self.due |= CALL_MIME
            return 1
        if entry.kind == STATUS_REDIRECTING:
            self.url = text.decode("utf-8", "replace")
            if 301 <= entry.number <= 303:
                self.redirected_by = max(self.redirected_by, entry.number)
            if self.services is not None:
                self.services.redirected(entry.number, self.url)
        if entry.kind == STATUS_BEGINUPLOADDATA:
            self.uploading = True
            self.sent_told = False
            self.sent = 0
        elif entry.kind == STATUS_ENDUPLOADDATA:
            self.uploading = False
        if self.wanted & WANTS_PROGRESS:
            self.status = entry.kind
            self.status_text = text.decode("utf-8", "replace")
            self.due = CALL_STATUS
            if entry.kind == STATUS_ENDUPLOADDATA and (not self.sent_told or u64_load_relaxed(&self.t.mail.sent) != self.sent):
                self.due |= CALL_UPLOADING      # the end is never told before what it is the end of
        return 1

    cdef int plan_data(self, bint ended) except -1:
        cdef transaction *t = self.t
        cdef bint complete = ended and t.mail.outcome.cause == CAUSE_NONE
        cdef bint streams = self.storage == STORAGE_STREAM
        cdef uint64_t there = u64_load_acquire(&t.stream.published) if streams else u64_load_relaxed(&t.mail.received)
        # Pull: what the client has read is known to it, and it hears of nothing more before it has read everything and asked.
        cdef bint unread = there > (u64_load_relaxed(&t.stream.consumed) if t.stream.pull else self.told)
        if streams and there - self.told > MOST_AT_ONCE and self.wanted & WANTS_DATA and self.pump is None and not t.stream.pull:
            # What a callback finds it may hash at once, and the loop of its thread waits meanwhile.
            there = self.told + MOST_AT_ONCE
            complete = False
        cdef bint awaited = not t.stream.pull or t.armed or not self.data_told
        if complete and awaited and not self.last_told:
            self.last_told = True
            self.flags = BSCF_LAST | (BSCF_INTERMEDIATE if self.data_told else BSCF_FIRST)
            if not t.stream.pull or unread or not self.data_told:
                self.flags |= BSCF_FULLY_AVAILABLE      # else the end was found by reading (contract 3.5, scenario A)
            self.due = CALL_END | CALL_DATA | CALL_STOP | self.beginning()
        elif awaited and (unread or (streams and self.wants_more_reading())):
            self.flags = BSCF_INTERMEDIATE if self.data_told else BSCF_FIRST
            self.due = (self.beginning() or CALL_DOWNLOADING) | (CALL_DATA if streams else 0)
        elif ended and not complete:
            self.due = CALL_STOP
        else:
            return 0
        t.armed = False
        self.told = there
        if is_beyond_32_bits(there, i64_load_relaxed(&t.mail.total)):
            self.flags |= BSCF_64BIT_LENGTH
            self.due |= CALL_64BIT
        self.began = True
        if self.due & CALL_DATA:
            self.data_told = True
        return 1

    cdef unsigned int beginning(self) noexcept:
        """The calls that open the data phase, none if it is open."""
        if self.began:
            return 0
        return CALL_BEGIN | CALL_CACHEFILE if self.storage == STORAGE_FILE else CALL_BEGIN

    cdef bint wants_more_reading(self) noexcept:
        """The transfer waits for room, and the client, which read a part of what is there, is to be asked again.

        A client that read nothing at all in its last call is not asked: it may read later, outside of its callbacks.
        """
        cdef uint64_t consumed = u64_load_relaxed(&self.t.stream.consumed)
        return (not self.t.stream.pull and u32_load_relaxed(&self.t.stream.stalled) != 0
                and self.told > consumed and consumed > self.read_before)

    cdef int deliver(self, unsigned int call) except -1:
        """Makes one due call; 0 where the client does not care for it."""
        if call == CALL_DATA:
            return self.call_data()
        if call == CALL_STOP:
            return self.call_stop()
        if call == CALL_QUESTION:
            return self.call_question()
        if call == CALL_PIECE:
            return self.call_piece()
        if call == CALL_RESPONSE:
            return self.call_response() if self.wanted & WANTS_RESPONSE else 0
        if not self.wanted & WANTS_PROGRESS:
            return 0
        if call == CALL_UPLOADING:
            return self.call_upload(STATUS_UPLOADINGDATA)
        if call == CALL_STATUS and self.body is not None and STATUS_BEGINUPLOADDATA <= self.status <= STATUS_ENDUPLOADDATA:
            return self.call_upload(self.status)
        if call == CALL_STATUS:
            return self.call_progress(self.status, self.status_text)
        if call == CALL_MIME:
            mime = self.mime_type
            return 0 if mime is None else self.call_progress(STATUS_MIMETYPEAVAILABLE, mime)
        if call == CALL_BEGIN:
            return self.call_progress(STATUS_BEGINDOWNLOADDATA, self.original_url)
        if call == CALL_CACHEFILE:
            return self.call_progress(STATUS_CACHEFILENAMEAVAILABLE, self.path)
        if call == CALL_DOWNLOADING:
            return self.call_progress(STATUS_DOWNLOADINGDATA, self.original_url)
        if call == CALL_64BIT:
            return self.call_progress(STATUS_64BIT_PROGRESS, f"{self.told},{max(0, i64_load_relaxed(&self.t.mail.total))}")
        return self.call_progress(STATUS_ENDDOWNLOADDATA, self.original_url)

    cdef int call_upload(self, int status) except -1:
        """The sending of the request's body: bytes sent, and its size."""
        if status == STATUS_UPLOADINGDATA:
            self.sent = u64_load_relaxed(&self.t.mail.sent)
            self.sent_told = True
        return self.tell_progress(self.sent, self.body.body.size, status, self.url)

    cdef int call_piece(self) except -1:
        """Reads the stream of the request's body on for the I/O thread."""
        cdef body_piece *piece
        self.in_callback = True
        try:
            piece = self.body.next_piece(self.attempt)
        except BaseException:
            self.give_up(words.unexpected)
            raise
        finally:
            self.in_callback = False
        if self.aborted:
            free(piece)
            return 1
        self.t.piece = piece
        self.reactor.command(self.t, COMMAND_PIECE)
        return 1

    cdef int call_progress(self, int status, object text) except -1:
        # Before the response the total is not the client's yet, though the I/O thread may have it already.
        return self.tell_progress(self.told, -1 if self.head is None else i64_load_relaxed(&self.t.mail.total), status, text)

    cdef int tell_progress(self, uint64_t progress, int64_t total, int status, object text) except -1:
        self.in_callback = True
        try:
            # Its answer is ignored by a plain bind (contract 3.3).
            self.callback.on_progress(progress, 0 if total < 0 else total, words.statuses[status], text)
        except BaseException:
            self.give_up(words.unexpected)
            raise
        finally:
            self.in_callback = False
        return 1

    cdef int call_question(self) except -1:
        """Asks the client's services what the transfer waits to be told, and passes their answer on."""
        self.in_callback = True
        try:
            answer = self.services.ask(self.status, self.number, self.status_text)
        except BaseException:
            self.give_up(words.unexpected)
            raise
        finally:
            self.in_callback = False
        if self.aborted:
            return 1            # from inside
        if answer is None:
            self.reactor.command(self.t, COMMAND_ANSWER)
        elif isinstance(answer, tuple):
            self.due = 0
            profile, url, host_key, body, redirect = answer
            self.answer_again(profile, url, host_key, body)
            if redirect is not None:
                self.url = redirect
                if self.wanted & WANTS_PROGRESS:
                    self.status = STATUS_REDIRECTING
                    self.status_text = redirect
                    self.due = CALL_STATUS
        else:
            self.give_up(answer)
        return 1

    cdef int answer_again(self, Profile profile, bytes url, bytes host_key, Body body) except -1:
        """Another request; the response to the one before was none for the client."""
        cdef request_record *last = self.t.request      # nobody changes it as long as the question is open
        self.t.answer = request_create(
            profile, url, len(url), host_key, len(host_key), last.storage, None if last.path is NULL else <bytes> last.path,
            last.high_water, last.asks, last.quiet, NULL if body is None else body.body, last.tells)
        self.body = body
        self.profile = profile
        self.redirected_by = 0
        self.attempt += 1
        self.uploading = False
        self.host_text = host_key.decode()
        self.head = None
        self.status_code = 0
        self.reactor.command(self.t, COMMAND_ANSWER)
        return 0

    cdef int call_response(self) except -1:
        self.in_callback = True
        try:
            answer = words.hresult(self.services.responded(self.status_code, self.head.decode("iso-8859-1")))
        except BaseException:
            self.give_up(words.unexpected)
            raise
        finally:
            self.in_callback = False
        if answer != 0:
            self.give_up(answer)
        return 1

    cdef int call_data(self) except -1:
        cdef transaction *t = self.t
        cdef int storage = self.storage
        cdef Stream stream
        if not self.wanted & WANTS_DATA:
            if storage == STORAGE_STREAM and not self.keeps:
                self.drain()
            return 0
        if self.medium is None:
            if storage == STORAGE_STREAM:
                if self.stream is None:
                    self.stream = stream_create(t, self.reactor, self.owner, self.pump)
                self.medium = medium_for(storage, self.stream)
            elif storage == STORAGE_FILE:
                self.medium = medium_for(storage, self.path)
            else:
                self.medium = medium_for(storage, memory_create(t))
        if self.format is None:
            self.format = format_for(self.mime_type, storage)
        self.read_before = u64_load_relaxed(&t.stream.consumed)
        stream = self.stream
        if stream is not None and self.pump is None and not t.stream.pull:
            # A client reads until nothing is there. Where the bytes come as fast as it reads that would never be.
            stream.until = self.told
        self.in_callback = True
        try:
            answer = self.callback.on_data_available(words.flags[self.flags], self.told, self.format, self.medium)
            if answer is not None:
                answer = words.hresult(answer)
        except BaseException:
            self.give_up(words.unexpected)
            raise
        finally:
            self.in_callback = False
            if stream is not None:
                stream.until = 0
        if answer is not None and answer != 0 and answer != words.pending:
            # Anything but S_OK ends the operation (contract 3.3); the data phase is closed first.
            self.give_up(answer)
            if not self.flags & BSCF_LAST and self.wanted & WANTS_PROGRESS:
                self.due |= CALL_END
        return 1

    cdef int drain(self) except -1:
        """The client takes no data: what came is dropped, so that the transfer goes on."""
        cdef char *data = NULL
        cdef block *item = NULL
        cdef size_t size
        while True:
            size = stream_peek(&self.t.stream, &data, &item)
            if size == 0:
                if self.t.stream.pull:
                    self.t.armed = True
                    if stream_asked_for_more(&self.t.stream):
                        self.reactor.command(self.t, COMMAND_CREDIT)
                return 0
            if stream_consume(&self.t.stream, size):
                self.reactor.command(self.t, COMMAND_CREDIT)

    cdef int call_stop(self) except -1:
        self.settle()
        callback = self.callback
        self.forsake()
        try:
            if self.wanted & WANTS_STOP:
                self.in_callback = True
                callback.on_stop_binding(self.result, self.error)
        finally:
            self.in_callback = False
            self.call_end_hook()
        return 1      # counts as delivered in any case: whoever pumps waits for it

    cdef int settle(self) except -1:
        """Makes HRESULT and error of the end record, once."""
        cdef bytes text
        if self.result is not None:
            return 0
        record = &self.t.mail.outcome
        if self.forced is None and record.cause == CAUSE_NONE:
            self.result = words.success
            return 0
        text = b"" if record.text is NULL else <bytes> record.text
        self.result, self.error = words.error_of(
            self, self.forced, record.cause, record.code, record.option, text.decode("utf-8", "replace"))
        return 0

    cdef void forsake(self) noexcept:
        """Nothing is delivered from here on; what was held for the client is let go."""
        self.stopped = True
        self.due = 0
        self.track()
        self.callback = None
        self.services = None
        self.medium = None
        if self.stream is not None:
            # It may live on with its reader; it must not keep the binding, nor the binding it.
            self.stream.told = True
            self.stream.error = self.error
            self.stream = None
        self.t.binding = NULL
        self.registry.discard(self)

    cdef void track(self) noexcept:
        """The garbage collector is to look at it again. As long as it is live its apartment holds it, and with it whatever it
        refers to: there is nothing to find, and thousands may wait."""
        if not PyObject_GC_IsTracked(self):
            PyObject_GC_Track(<void *> self)

    cdef void abandon(self) noexcept:
        """The apartment closes: the operation is aborted and nobody is told."""
        if not self.stopped:
            if u32_cas_acq_rel(&self.t.fate, FATE_OPEN, FATE_ABORTED):
                self.reactor.command(self.t, COMMAND_ABORT)
            self.aborted = True
            self.forsake()
            self.call_end_hook()

    cdef void call_end_hook(self) noexcept:
        hook = self.end_hook
        self.end_hook = None
        if hook is not None:
            hook(self)

    cdef int give_up(self, object hresult) except -1:
        """Ends the operation from the owner's side; on_stop_binding will get `hresult`."""
        if self.stopped:
            return 0
        self.forced = hresult
        self.due = 0
        if not self.aborted:
            self.aborted = True
            self.break_off(hresult)
        self.let_stop()
        return 0

    cdef int break_off(self, object hresult) except -1:
        """Whoever carries the operation out is to end it, because of `hresult`."""
        if u32_cas_acq_rel(&self.t.fate, FATE_OPEN, FATE_ABORTED):
            self.reactor.command(self.t, COMMAND_ABORT)
        return 0

    cdef void let_stop(self) noexcept:
        """A suspended operation that is to end, or has ended unseen, is not held back any longer."""
        if self.suspended:
            self.suspended = False
            u32_store_relaxed(&self.t.wants_suspended, 0)
            transaction_push_to_self(self.t)

    @property
    def body_path(self):
        """The file that the request's body is read from, "" if it is none."""
        if self.body is None or self.body.body.kind != BODY_FILE:
            return ""
        return os.fsdecode(<bytes> self.body.body.content)

    @property
    def mime_type(self):
        """The announced media type without parameters, None if there is none or not yet."""
        return None if self.head is None else media_type_of(self.head)
