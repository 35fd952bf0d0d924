"""The URLs of a run, read as they are needed.

A list may have ten million lines and may come from a pipe that never ends: it is read in pieces of 64 KiB,
only when the caller wants another URL, and never waited for (`take` returns None when a pipe has nothing
yet). Blank lines and lines that start with `#` are skipped; a `#` further in belongs to the URL.
"""

from __future__ import annotations

import os
import select
import stat
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Listed", "UrlList"]

PIECE = 1 << 16
MAX_LINE = 1 << 16
"""Bytes; a longer line is no URL that a server would take, and must not fill memory."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Listed:
    """One URL of the list, or a line that cannot be one (`problem` says why)."""

    url: str
    problem: str | None = None


class UrlList:
    """The URLs of the command line, then those of a list.

    `path`: file name, "-" for standard input (`stdin_fd`), None for no list. Opening may raise OSError.
    """

    def __init__(self, urls: Iterable[str] = (), path: str | None = None, *, stdin_fd: int = 0) -> None:
        self._ready: deque[bytes | str] = deque(urls)
        self._fd = -1
        self._owned = False
        self._ended = path is None
        self._partial = b""
        self._skipping = False
        self._at_start = True
        self._size = 0
        self._consumed = 0
        self._regular = False
        self.error: OSError | None = None
        """Why reading stopped before the end of the list, if it did."""
        if path is not None:
            self._open(path, stdin_fd)

    def _open(self, path: str, stdin_fd: int) -> None:
        if path == "-":
            self._fd = stdin_fd
        else:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._owned = True
        info = os.fstat(self._fd)
        if stat.S_ISDIR(info.st_mode):
            self.close()
            raise IsADirectoryError(f"{path} is a folder")
        self._regular = stat.S_ISREG(info.st_mode)
        if self._regular:
            self._size = info.st_size - os.lseek(self._fd, 0, os.SEEK_CUR)

    def close(self) -> None:
        """Close the file if it was opened here; idempotent."""
        self._ended = True
        if self._owned:
            self._owned = False
            os.close(self._fd)

    @property
    def exhausted(self) -> bool:
        """No URL is left and none will come."""
        return self._ended and not self._ready

    @property
    def fraction(self) -> float | None:
        """How much of the list was taken, 0…1; None where its length is not known (a pipe, no list)."""
        if not self._regular or self._size <= 0:
            return None
        return min(1.0, self._consumed / self._size)

    def take(self) -> Listed | None:
        """The next URL; None when there is none now (look at `exhausted` for whether there ever will be)."""
        while True:
            while self._ready:
                line = self._ready.popleft()
                if isinstance(line, str):
                    return Listed(line)
                self._consumed += len(line) + 1
                listed = self._judge(line)
                if listed is not None:
                    return listed
            if self._ended or not self._readable(0.0):
                return None
            self._read_piece()

    def wait(self, timeout: float) -> None:
        """Sleep until the list has something to read, at most `timeout` seconds."""
        if not self._ended and not self._ready:
            self._readable(timeout)

    def _readable(self, timeout: float) -> bool:
        if self._regular:
            return True
        return bool(select.select([self._fd], [], [], timeout)[0])

    def _read_piece(self) -> None:
        """Read one piece and split it; the rest of the last line waits for the next piece."""
        try:
            piece = os.read(self._fd, PIECE)
        except OSError as error:
            self.error = error
            piece = b""
        if not piece:
            if self._partial:
                self._ready.append(self._partial)
                self._partial = b""
            self.close()
            return
        if self._skipping:
            # Inside a line that is too long and was reported already: drop everything up to its end.
            dropped, newline, piece = piece.partition(b"\n")
            self._consumed += len(dropped) + len(newline)
            if not newline:
                return
            self._skipping = False
        lines = (self._partial + piece).split(b"\n")
        self._partial = lines.pop()
        if len(self._partial) > MAX_LINE:
            lines.append(self._partial)
            self._partial = b""
            self._skipping = True
        self._ready.extend(lines)

    def _judge(self, line: bytes) -> Listed | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        line = line.strip()
        if not line or line.startswith(b"#"):
            return None
        if len(line) > MAX_LINE:
            return Listed(line[:60].decode("utf-8", "replace") + "...", "the line is too long for a URL")
        try:
            return Listed(line.decode("utf-8"))
        except UnicodeDecodeError:
            return Listed(line.decode("utf-8", "backslashreplace"), "the line is not UTF-8 text")
