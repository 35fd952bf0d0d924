"""Received bytes as Python objects: the stream, views of its blocks without a copy, the memory of TYMED_HGLOBAL."""

import io
import operator

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t

from urlmon_core.atomics cimport i64_load_relaxed, u32_load_acquire, u32_load_relaxed, u64_load_acquire, u64_load_relaxed
from urlmon_core.blocks cimport block_reference, block_release
from urlmon_core.bytestream cimport stream_asked_for_more, stream_available, stream_consume, stream_move, stream_peek
from urlmon_core.copybytes cimport urlmon_copy
from urlmon_core.mailbox cimport CAUSE_NONE
from urlmon_core.transaction cimport COMMAND_CREDIT, transaction_push_to_self, transaction_reference, transaction_release
from urlmon_core.vocabulary cimport current_generation

from urlmon_core.exceptions import ApartmentClosedError, wrong_apartment

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident()

cdef char _no_bytes = 0


cdef class BlockView:
    """Some bytes of one block, read-only. The block lives as long as the view."""

    def __dealloc__(self):
        if self.item is not NULL:
            block_release(self.item)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.bytes, self.size, 1, flags)

    def __releasebuffer__(self, Py_buffer *buffer):
        pass

    def __len__(self):
        return self.size


cdef class Memory:
    """The whole body of a TYMED_HGLOBAL bind, read-only, through the buffer protocol; never copied by us."""

    def __dealloc__(self):
        if self.t is not NULL:
            transaction_release(self.t)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        # A NULL pointer would not do for an empty body.
        PyBuffer_FillInfo(
            buffer, self, self.t.memory.bytes if self.t.memory.bytes is not NULL else &_no_bytes, self.t.memory.size, 1, flags)

    def __releasebuffer__(self, Py_buffer *buffer):
        pass

    def __len__(self):
        return self.t.memory.size

    def __bytes__(self):
        return PyBytes_FromStringAndSize(self.t.memory.bytes, self.t.memory.size)


cdef class Stream(_RawIOBase):
    """The stream that `on_data_available` hands over in its medium (contract 6.5), and that a synchronous bind returns; a raw, read-only
    binary file.

    read, readinto and read_view do not block with BINDF.ASYNCSTORAGE. They give what is there; `None` when nothing is there yet
    (E_PENDING) and an empty result at the end (S_FALSE). If the transfer failed, the bytes that came before can still be read; then
    its error is raised. It stays readable after `on_stop_binding`. To be used on the thread of its binding only.

    Without BINDF.ASYNCSTORAGE they wait for a byte, and so make the callbacks of the thread's other bindings meanwhile; `read()`
    waits for the end. They give `None` only while the binding is suspended.

    Inside on_data_available it gives what the client was told of, and `None` then, although more may have come: the client is told
    of that next, and the thread can turn to something else in between, however quickly the bytes come.

    That of a synchronous bind keeps what was read, and can be sought in as far as the bytes have come; others forget it.

    With BINDF.PULLDATA it is asking for more than there is (the answer is `None`, or the end) that has the next bytes fetched, and the
    client told of them.
    """

    def __dealloc__(self):
        if self.t is not NULL:
            transaction_release(self.t)

    cdef int _check(self) except -1:
        if self.owner != PyThread_get_thread_ident():
            raise wrong_apartment("a stream is read on the thread that started its binding, and on no other")
        if self.generation != current_generation():
            raise ApartmentClosedError("this stream belongs to the parent of this forked process")
        if self.shut:
            raise ValueError("I/O operation on closed file")
        return 0

    cdef size_t _there(self) noexcept:
        """Bytes that can be read now."""
        cdef size_t there = stream_available(&self.t.stream)
        cdef uint64_t left
        if self.until:
            left = self.until - min(self.until, u64_load_relaxed(&self.t.stream.consumed))
            return <size_t> min(there, left)
        return there

    cdef int _consume(self, size_t size) except -1:
        if stream_consume(&self.t.stream, size):
            self.reactor.command(self.t, COMMAND_CREDIT)
        return 0

    cdef object _nothing(self):
        """No byte is there: None as long as more may come, b"" at the end, the binding's error once its client was told of it."""
        if not u32_load_acquire(&self.t.mail.ended):
            return None
        if stream_available(&self.t.stream):
            return None           # came between the caller's look and this one
        if self.t.mail.outcome.cause == CAUSE_NONE:
            return b""
        if not self.told:
            if self.pump is None:
                return None       # on_stop_binding will say it; inside a callback it would pass for the client's own
            raise (<object> self.t.binding).failure_of_stream()
        raise self.error

    cdef int _ask_for_more(self) except -1:
        """Nothing is there: a client that pulls wants more, one that blocks waits for it. 0: it is to be told that nothing is there."""
        cdef transaction *t = self.t
        while True:
            if t.stream.pull:
                if stream_asked_for_more(&t.stream):
                    self.reactor.command(t, COMMAND_CREDIT)
                if not t.armed and t.binding is not NULL and u32_load_acquire(&t.mail.ended):
                    transaction_push_to_self(t)       # its client was to be told of the end no earlier
                t.armed = True
            if self.pump is None:
                return 0
            if (stream_available(&t.stream) or u32_load_acquire(&t.mail.ended)
                    or u32_load_relaxed(&t.wants_suspended)):
                return 1
            self.pump()

    def __del__(self):
        # In place of the finalizer of io.RawIOBase, which would look several attributes up and call close(): there is nothing to flush.
        pass

    def close(self):
        """From here on, reading raises ValueError. Aborts the operation if it is live, since nobody could read on; idempotent.

        WrongThreadError on another thread while the operation is live.
        """
        if self.shut:
            return
        if not (self.told or self.generation != current_generation() or u32_load_acquire(&self.t.mail.ended)):
            if self.owner != PyThread_get_thread_ident():
                raise wrong_apartment("a stream is closed on the thread that started its binding while that is live")
            if self.t.binding is not NULL:
                (<object> self.t.binding).abort()
        self.shut = True

    @property
    def closed(self):
        """Whether close() was called."""
        return self.shut

    def readable(self):
        """True."""
        return True

    def seekable(self):
        """Whether `seek` works: on the stream of a synchronous bind."""
        return self.t.stream.keeps

    def seek(self, offset, whence=io.SEEK_SET):
        """Goes to `offset` from the beginning, from where it stands, or from the end of what has come (io.SEEK_SET, _CUR, _END), at most
        to that end, and returns the new position.

        Raises io.UnsupportedOperation for a stream that does not keep what was read, ValueError for another origin and for a position
        before the beginning (contract: E_FAIL); the position stays as it was then.
        """
        cdef uint64_t end
        self._check()
        if not self.t.stream.keeps:
            raise io.UnsupportedOperation("only the stream of a synchronous bind can be sought in")
        end = u64_load_acquire(&self.t.stream.published)
        if self.until and self.until < end:
            end = self.until
        if whence == io.SEEK_SET:
            position = operator.index(offset)
        elif whence == io.SEEK_CUR:
            position = u64_load_relaxed(&self.t.stream.consumed) + operator.index(offset)
        elif whence == io.SEEK_END:
            position = end + operator.index(offset)
        else:
            raise ValueError(f"no seeking from {whence!r}")
        if position < 0:
            raise ValueError(f"no seeking to {position}")
        position = min(position, end)
        stream_move(&self.t.stream, position)
        return position

    def write(self, data):
        """Raises io.UnsupportedOperation (contract: STG_E_ACCESSDENIED)."""
        raise io.UnsupportedOperation("a received stream is not writable")

    def truncate(self, size=None):
        """Raises io.UnsupportedOperation, as write."""
        raise io.UnsupportedOperation("a received stream is not writable")

    def clone(self):
        """Raises io.UnsupportedOperation (contract: E_NOTIMPL)."""
        raise io.UnsupportedOperation("a received stream is not cloned")

    def stat(self, flags=0):
        """(name, type, size, mode) as STATSTG has them (contract 6.5): no name, for there is no file; 2, a stream; the bytes of the whole
        body, 0 while that is unknown; GENERIC_READ if there is content, else 0.
        """
        cdef int64_t total
        self._check()
        total = i64_load_relaxed(&self.t.mail.total)
        if u32_load_acquire(&self.t.mail.ended):
            total = <int64_t> u64_load_acquire(&self.t.stream.published)
        return None, 2, max(total, 0), 0x80000000 if total > 0 or stream_available(&self.t.stream) else 0

    @property
    def available(self):
        """Bytes that can be read at once; the owner's thread."""
        self._check()
        return self._there()

    def read(self, size=-1):
        """At most `size` bytes of what is there (-1: all of it); None = nothing now, b"" = the end."""
        cdef char *data = NULL
        cdef block *item = NULL
        cdef size_t part
        cdef Py_ssize_t wanted = -1 if size is None else size
        cdef Py_ssize_t filled = 0
        cdef Py_ssize_t there
        cdef bytes result
        cdef char *target
        self._check()
        if wanted < 0 and self.pump is not None:
            return self._read_to_the_end()
        there = <Py_ssize_t> self._there()
        if there == 0 and wanted != 0 and self._ask_for_more():
            there = <Py_ssize_t> self._there()
        if wanted < 0 or wanted > there:
            wanted = there
        if there == 0:
            return self._nothing() if size is None or size != 0 else b""
        result = PyBytes_FromStringAndSize(NULL, wanted)
        target = PyBytes_AS_STRING(result)
        while filled < wanted:
            part = stream_peek(&self.t.stream, &data, &item)
            if part > <size_t> (wanted - filled):
                part = wanted - filled
            urlmon_copy(target + filled, data, part)
            filled += part
            self._consume(part)
        return result

    cdef object _read_to_the_end(self):
        """A stream that blocks: everything, or what came before the binding was suspended."""
        parts = []
        while True:
            part = self.read(1 << 20)
            if not part:
                return b"".join(parts) if parts else part
            parts.append(part)

    def readall(self):
        """As read(-1): what is there, not necessarily everything that will come, unless the stream blocks."""
        return self.read(-1)

    def readinto(self, target):
        """Fills `target` with at most its size in bytes; returns how many, None = nothing now, 0 = the end."""
        cdef Py_buffer buffer
        cdef char *data = NULL
        cdef block *item = NULL
        cdef size_t part
        cdef Py_ssize_t filled = 0
        cdef Py_ssize_t wanted
        self._check()
        PyObject_GetBuffer(target, &buffer, PyBUF_WRITABLE)
        try:
            wanted = min(buffer.len, <Py_ssize_t> self._there())
            if wanted == 0 and buffer.len and self._ask_for_more():
                wanted = min(buffer.len, <Py_ssize_t> self._there())
            while filled < wanted:
                part = stream_peek(&self.t.stream, &data, &item)
                if part > <size_t> (wanted - filled):
                    part = wanted - filled
                urlmon_copy((<char *> buffer.buf) + filled, data, part)
                filled += part
                self._consume(part)
            if filled or buffer.len == 0:
                return filled
        finally:
            PyBuffer_Release(&buffer)
        rest = self._nothing()
        return None if rest is None else 0

    def read_view(self):
        """The next contiguous bytes as a read-only memoryview, without a copy; None = nothing now, an empty one = the end.

        The bytes count as read. Their block (up to 256 KiB) lives as long as the view, in any thread.
        """
        cdef char *data = NULL
        cdef block *item = NULL
        cdef size_t size = 0
        cdef BlockView view
        self._check()
        if self._there() or self._ask_for_more():
            size = min(stream_peek(&self.t.stream, &data, &item), self._there())
        if size == 0:
            rest = self._nothing()
            return None if rest is None else memoryview(rest)
        view = BlockView.__new__(BlockView)
        block_reference(item)
        view.item = item
        view.bytes = data
        view.size = size
        self._consume(size)
        return memoryview(view)


cdef Stream stream_create(transaction *t, Reactor reactor, unsigned long owner, object pump):
    """Owner. pump: see BindingBase.submit."""
    cdef Stream stream = Stream.__new__(Stream)
    transaction_reference(t)
    stream.t = t
    stream.reactor = reactor
    stream.owner = owner
    stream.generation = current_generation()
    stream.pump = pump
    return stream


cdef Memory memory_create(transaction *t):
    """Owner, after a successful end."""
    cdef Memory memory = Memory.__new__(Memory)
    transaction_reference(t)
    memory.t = t
    return memory
