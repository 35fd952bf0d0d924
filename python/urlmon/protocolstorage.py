"""Where the bytes of a protocol handler go that its client does not read itself: a file, or memory."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import stat
from typing import TYPE_CHECKING

from urlmon.errors import error_from_errno
from urlmon.exceptions import StorageExistsError
from urlmon.hresult import HRESULT

if TYPE_CHECKING:
    from urlmon.exceptions import BindError


class PartFile:
    """TYMED_FILE of a handler: written to `<target>.part`, renamed when it is complete.

    The promises of the core's file sink, on the owner's thread: a partial file is locked while it is written, a
    leftover is begun anew, a failure removes it and leaves the target as it was. Errors are BindErrors.
    """

    __slots__ = ("_file", "_part", "_target", "_url", "size")

    content = b""  # nothing of it is in memory

    def __init__(self, target: str, url: str) -> None:
        self._target = os.path.abspath(target)
        self._part = self._target + ".part"
        self._url = url
        self.size = 0  # bytes written
        try:
            self._file = io.FileIO(self._open(), "w")
        except OSError as problem:
            raise self._error(problem) from problem

    def _open(self) -> int:
        while True:
            number = os.open(
                self._part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666
            )
            try:
                seen = os.fstat(number)
                if not stat.S_ISREG(seen.st_mode):
                    raise OSError(errno.EINVAL, "not a regular file", self._part)
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its former owner may have renamed or removed it in between.
                try:
                    now = os.stat(self._part, follow_symlinks=False)
                except FileNotFoundError:
                    now = None
                if now is not None and (now.st_dev, now.st_ino) == (seen.st_dev, seen.st_ino):
                    os.ftruncate(number, 0)
                    return number
            except BaseException:
                os.close(number)
                raise
            os.close(number)

    def _error(self, problem: OSError) -> BindError:
        if problem.errno in {errno.EWOULDBLOCK, errno.EAGAIN}:
            return StorageExistsError(
                f"another download is writing {self._part}",
                url=self._url,
                hresult=HRESULT.WIN32_E_SHARING_VIOLATION,
                os_errno=errno.EEXIST,
                path=self._target,
            )
        return error_from_errno(problem.errno or errno.EIO, url=self._url, path=self._target)

    def write(self, data: bytes) -> None:
        """Appends `data`."""
        view = memoryview(data)
        self.size += len(view)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as problem:
            raise self._error(problem) from problem

    def commit(self) -> None:
        """The file is complete: it appears at its name."""
        try:
            os.close(os.dup(self._file.fileno()))  # some file systems report a full disk only now
            os.replace(self._part, self._target)
        except OSError as problem:
            raise self._error(problem) from problem
        finally:
            self._file.close()

    def discard(self) -> None:
        """The operation failed: nothing is left behind."""
        if not self._file.closed:
            os.unlink(self._part)
            self._file.close()


class PartMemory:
    """TYMED_HGLOBAL of a handler: `content` when it is complete. The methods are those of PartFile."""

    __slots__ = ("_spool", "content")

    def __init__(self) -> None:
        self._spool = bytearray()
        self.content = b""

    @property
    def size(self) -> int:
        """Bytes that came."""
        return len(self._spool)

    def write(self, data: bytes) -> None:
        """Appends `data`."""
        self._spool += data

    def commit(self) -> None:
        """It is complete."""
        self.content = bytes(self._spool)

    def discard(self) -> None:
        """Nothing more comes: `content` stays as it is."""
        self._spool.clear()
