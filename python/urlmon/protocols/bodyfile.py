"""The file that a body passes through on its way to its reader, who may be anywhere in it while it grows."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urlmon.errors import error_from_errno
from urlmon.exceptions import UnsupportedError
from urlmon.hresult import HRESULT

if TYPE_CHECKING:
    from urlmon.exceptions import BindError


class BodyFile:
    """Bytes in a file, and a position from which they are read. For one thread at a time.

    It is removed when it is closed, unless it is somebody's: `belongs_to_somebody`.
    """

    def __init__(self, path: Path | None) -> None:
        """Makes the file `path`, None: one among the temporary files. OSError if that fails."""
        if path is None:
            self._fd, name = tempfile.mkstemp(prefix="urlmon-")
            path = Path(name)
        else:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.path = path
        self.size = 0
        self.position = 0
        self.belongs_to_somebody = False

    @classmethod
    def of(cls, path: Path) -> BodyFile:
        """What is complete at `path` already, and stays there. OSError if it cannot be read."""
        made = cls.__new__(cls)
        made._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        made.path = path
        made.size = os.fstat(made._fd).st_size
        made.position = 0
        made.belongs_to_somebody = True
        return made

    def append(self, part: memoryview) -> None:
        """Adds these bytes at the end. A BindError by cause where the disk does not take them."""
        try:
            while part:
                written = os.pwrite(self._fd, part, self.size)
                self.size += written
                part = part[written:]
        except OSError as problem:
            raise self.error(problem) from problem

    def error(self, problem: OSError) -> BindError:
        """The BindError for what the disk said."""
        return error_from_errno(problem.errno or 0, url="", path=self.path)

    def read(self, size: int) -> bytes:
        """At most `size` of the bytes at the position; b"" if there are none (yet)."""
        part = os.pread(self._fd, min(size, self.size - self.position), self.position)
        self.position += len(part)
        return part

    def seek(self, offset: int, origin: int = 0) -> int:
        """Goes to a position that exists; UnsupportedError (E_FAIL) for another one, and for another origin."""
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}
        position = bases.get(origin, -1) + offset
        if origin not in bases or not 0 <= position <= self.size:
            raise UnsupportedError(f"no seeking to {offset} from {origin}", url="", hresult=HRESULT.E_FAIL)
        self.position = position
        return position

    def close(self) -> None:
        """Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            if not self.belongs_to_somebody:
                self.path.unlink(missing_ok=True)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            self.close()


def copy_what_is_there(stream: Any, file: BodyFile, most: int | None = None) -> bool:
    """Moves what `stream` has into `file`, at most about `most` bytes; True if that was the end."""
    until = None if most is None else file.size + most
    while until is None or file.size < until:
        part = stream.read_view()
        if part is None:
            return False
        if not len(part):
            return True
        file.append(part)
    return False
