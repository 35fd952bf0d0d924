"""A received body as a stream that can be sought in (contract 6.5)."""

from __future__ import annotations

import io
import operator
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from urlmon.constants import STREAM_SEEK
from urlmon.exceptions import InvalidRequestError
from urlmon.hresult import HRESULT

if TYPE_CHECKING:
    from typing_extensions import Buffer

STGTY_STREAM = 2
STATFLAG_NONAME = 1
GENERIC_READ = 0x80000000


class StreamStat(NamedTuple):
    """STATSTG, as far as streams fill it in (contract 6.5).

    name: path of the file that holds the content, None without one. type: STGTY_STREAM. size: bytes. mode: GENERIC_READ
    if there is content, else 0.
    """

    name: str | None
    type: int
    size: int
    mode: int


class MemoryStream(io.RawIOBase):
    """A whole body in memory: a raw, read-only, seekable binary file. May be used on any thread, by one at a time."""

    def __init__(self, content: Buffer) -> None:
        super().__init__()
        self._content = memoryview(content).cast("B").toreadonly()
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes (-1 and None: all that are left); b"" at the end (S_FALSE)."""
        return bytes(self._take(-1 if size is None else size))

    def readall(self) -> bytes:
        """All that is left."""
        return self.read(-1)

    def readinto(self, target: Any) -> int:
        """Fills `target` with what is left of it; how many bytes that were."""
        with memoryview(target).cast("B") as view:
            taken = self._take(len(view))
            view[: len(taken)] = taken
        return len(taken)

    def read_view(self) -> memoryview:
        """All that is left, as a view of the memory, without a copy; empty at the end."""
        return self._take(-1)

    def _take(self, size: int) -> memoryview:
        self._check()
        end = len(self._content) if size < 0 else self._position + size
        taken = self._content[self._position : end]
        self._position += len(taken)
        return taken

    def tell(self) -> int:
        """The position."""
        self._check()
        return self._position

    def seek(self, offset: int, origin: int = STREAM_SEEK.SET) -> int:
        """The new position, which may be behind the end. origin: STREAM_SEEK, or os.SEEK_....

        InvalidRequestError (E_FAIL) for another origin and for a position before the beginning; the position is kept.
        """
        self._check()
        starts = {STREAM_SEEK.SET: 0, STREAM_SEEK.CUR: self._position, STREAM_SEEK.END: len(self._content)}
        start = starts.get(STREAM_SEEK(origin)) if origin in (0, 1, 2) else None
        target = -1 if start is None else start + operator.index(offset)
        if target < 0:
            raise InvalidRequestError(f"no seeking to {offset} from {origin}", url="", hresult=HRESULT.E_FAIL)
        self._position = target
        return target

    def stat(self, flags: int = 0) -> StreamStat:
        """What is known of it; `flags` may be STATFLAG_NONAME (1)."""
        self._check()
        return StreamStat(None, STGTY_STREAM, len(self._content), GENERIC_READ if self._content else 0)

    def clone(self) -> NoReturn:
        """Raises io.UnsupportedOperation (contract: E_NOTIMPL)."""
        raise io.UnsupportedOperation("a received stream is not cloned")

    def write(self, data: Any) -> NoReturn:
        """Raises io.UnsupportedOperation (contract: STG_E_ACCESSDENIED)."""
        raise io.UnsupportedOperation("a received stream is not writable")

    def truncate(self, size: int | None = None) -> NoReturn:
        """Raises io.UnsupportedOperation, as write."""
        raise io.UnsupportedOperation("a received stream is not writable")

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"<MemoryStream of {len(self._content)} bytes>"
