"""The bytes of a protocol handler as a stream of its client."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from urlmon.exceptions import WrongThreadError
from urlmon.hresult import HRESULT
from urlmon_core import NOT_A_CALL, ApartmentClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from urlmon.apartment import Apartment
    from urlmon.exceptions import BindError
    from urlmon.protocolbinding import ProtocolBinding

_PART = 1 << 16


class RequestLock:
    """LockRequest for as long as somebody holds this object (contract 11.4, steps 9 and 14)."""

    __slots__ = ("_apartment", "_locked", "_transaction")

    def __init__(self, transaction: ProtocolBinding, apartment: Apartment) -> None:
        self._apartment = apartment
        self._transaction = transaction
        transaction.lock_request()
        self._locked = True

    def __del__(self) -> None:
        # The last reference may go on any thread; handlers are called on their own.
        if getattr(self, "_locked", False) and not self._apartment.is_closed:
            unlock = self._transaction.unlock_request
            if self._apartment.is_owner:
                unlock()
                return

            def unlock_there() -> object:
                unlock()
                return NOT_A_CALL

            with suppress(ApartmentClosedError):  # it may close meanwhile
                self._apartment.post(unlock_there)


class ProtocolStream(io.RawIOBase):
    """The stream of a binding that a protocol handler serves (contract 6.5): as `urlmon.Stream`, but that its bytes
    come from the handler's `read`. To be used on the thread of its binding only."""

    def __init__(
        self,
        transaction: ProtocolBinding,
        apartment: Apartment,
        abort: Callable[[], object],
        blocks: bool = False,
        keeps: bool = False,
    ) -> None:
        """blocks: reading waits for a byte. keeps: what was read is kept, and can be gone back to."""
        super().__init__()
        self._abort: Callable[[], object] | None = abort  # of the operation, as long as it is live
        self._keeps = keeps
        self._position = 0
        self._blocks = blocks
        self._transaction = transaction
        self._apartment = apartment
        self.request_lock: RequestLock | None = None  # what keeps the handler's data readable
        self._kept = bytearray()  # read ahead of the client; if it keeps, everything that was read
        self._error: BindError | None = None
        self._over = False
        self._read = 0  # bytes that the handler gave
        self.file_name: str | None = None  # of the handler's own file

    def fill(self, most: int) -> None:
        """Reads ahead what the handler has, at most until `most` bytes wait."""
        while len(self._kept) < most and not self._over:
            part = self._transaction.read(_PART)
            if not part:
                self._over = part is not None
                return
            self._read += len(part)
            self._kept += part

    def fail(self, error: BindError | None) -> None:
        """The binding has stopped; `error` is raised once everything that came was read."""
        self._error = error
        self._abort = None

    def _take(self, size: int) -> bytes | None:
        if not self._apartment.is_owner:
            raise WrongThreadError(
                "a stream is read on the thread that started its binding, and on no other",
                url="",
                hresult=HRESULT.RPC_E_WRONG_THREAD,
            )
        if self.closed:
            raise ValueError("I/O operation on closed file")
        part = self._take_kept(size)
        if part is None:
            part = self._take_from_handler(size)
        self._position += len(part or b"")
        return part

    def _take_kept(self, size: int) -> bytes | None:
        """None if there is nothing to be had without the handler."""
        start = self._position if self._keeps else 0
        part = bytes(self._kept[start : start + size])
        if not self._keeps:
            del self._kept[:size]
        return part or None

    def _take_from_handler(self, size: int) -> bytes | None:
        seekable = self._transaction.seekable
        if self._error is not None and not seekable:
            raise self._error
        if self._over and not seekable:
            return b""
        got = self._transaction.read(size)
        while got is None and self._blocks and not self._transaction.is_result_out:
            # The handler may have to be continued here; its client's turn is after the callback that reads.
            if not self._transaction.run_task():
                self._apartment.pump_once()
            got = self._transaction.read(size)
        self._over = got is not None and not got
        self._read = max(self._read, self._position + len(got or b""))
        if self._over and self._error is not None:
            raise self._error
        if got and self._keeps and not seekable:
            self._kept += got
        return got

    def seekable(self) -> bool:
        """Whether `seek` works: where the handler has everything in a file, or the bind is synchronous."""
        return self._keeps or self._transaction.seekable

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As `urlmon.Stream.seek`."""
        if not self.seekable():
            raise io.UnsupportedOperation("this stream does not keep what was read")
        if whence not in {io.SEEK_SET, io.SEEK_CUR, io.SEEK_END}:
            raise ValueError(f"no seeking from {whence!r}")
        in_handler = self._transaction.seekable
        end = self._transaction.seek(0, io.SEEK_END) if in_handler else len(self._kept)
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: end}[whence]
        reached = min(position, end) if position >= 0 else self._position
        if in_handler:
            self._transaction.seek(reached)
        if position < 0:
            raise ValueError(f"no seeking to {position}")
        self._position = reached
        return reached

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int | None = -1) -> bytes | None:
        """At most `size` bytes of what is there (-1: all of it); None = nothing now, b"" = the end."""
        if size is not None and size >= 0:
            return b"" if size == 0 else self._take(size)
        parts = []
        while part := self._take(_PART):
            parts.append(part)
        return b"".join(parts) if parts else part

    def readall(self) -> bytes | None:  # type: ignore[override]
        """As read(-1): what is there, not necessarily everything that will come."""
        return self.read(-1)

    def readinto(self, target: Any) -> int | None:
        """Fills `target` with at most its size in bytes; returns how many, None = nothing now, 0 = the end."""
        view = memoryview(target).cast("B")
        part = self._take(len(view)) if len(view) else b""
        if part is None:
            return None
        view[: len(part)] = part
        return len(part)

    def read_view(self) -> memoryview | None:
        """The next bytes as a read-only memoryview; None = nothing now, an empty one = the end."""
        part = self._take(_PART)
        return None if part is None else memoryview(part)

    def write(self, data: Any) -> int:
        """Raises io.UnsupportedOperation (contract: STG_E_ACCESSDENIED)."""
        raise io.UnsupportedOperation("a received stream is not writable")

    def truncate(self, size: int | None = None) -> int:
        """Raises io.UnsupportedOperation, as write."""
        raise io.UnsupportedOperation("a received stream is not writable")

    def clone(self) -> None:
        """Raises io.UnsupportedOperation (contract: E_NOTIMPL)."""
        raise io.UnsupportedOperation("a received stream is not cloned")

    def stat(self, flags: int = 0) -> tuple[str | None, int, int, int]:
        """As `urlmon.Stream.stat`: (name, type, size, mode).

        The name is that of the file that the handler told of, None if there is none or `flags` are
        STATFLAG_NONAME (1); the size is 0 until the end was read.
        """
        size = self._read if self._over else 0
        name = None if flags & 1 else self.file_name
        return name, 2, size, 0x80000000 if size or self._kept or self._read else 0

    def close(self) -> None:
        """Nothing is read any more, and the handler may free what it kept. Aborts the operation if it is live and the
        end was not read; idempotent. WrongThreadError on another thread while the operation is live."""
        if self._abort is not None and not self._over and not self._apartment.is_closed:
            self._abort()
        self._abort = None
        self.request_lock = None
        self._kept.clear()
        super().close()
