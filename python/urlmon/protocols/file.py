"""file: URLs (RFC 8089), for those who register the handler: local files are not for everybody who can name a URL."""

from __future__ import annotations

import errno
import os
import stat
from urllib.parse import unquote

from urlmon.constants import BINDF, BINDSTATUS, BSCF
from urlmon.exceptions import BindError, InvalidRequestError
from urlmon.hresult import HRESULT
from urlmon.mimesniff import find_mime_from_data
from urlmon.protocol import FilterData, InternetProtocol, ProtocolBindInfo, ProtocolSink

_HOSTS = ("", "localhost")


def path_of(url: str) -> str:
    """The path that `url` names: file:<path>, file:/<path>, file://[localhost]/<path>, without its fragment.

    A file: URL without a host but with two slashes before a relative path is taken by its text. Raises
    InvalidRequestError (E_INVALIDARG) for no URL and for what has no path.
    """
    rest = url.partition("#")[0]
    if rest[:5].lower() != "file:":
        raise InvalidRequestError("not a file: URL", url=url, hresult=HRESULT.E_INVALIDARG)
    rest = rest[5:]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        rest = slash + path if host.lower() in _HOSTS else rest[2:]
    path = unquote(rest, errors="surrogateescape")
    if not path or "\0" in path:
        raise InvalidRequestError("the URL names no file", url=url, hresult=HRESULT.E_INVALIDARG)
    return path


def _open(path: str) -> int:
    """A descriptor of the regular file `path`; a pipe must not hold us up."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EISDIR, "not a regular file")
    return number


class FileProtocol(InternetProtocol):
    """Handler of file: URLs that name regular files; everything is reported from within `start`."""

    def __init__(self) -> None:
        self._fd = -1  # no io.FileIO: in a garbage cycle that may go, and complain, before us

    def start(
        self,
        url: str,
        sink: ProtocolSink,
        bind_info: ProtocolBindInfo,
        flags: int = 0,
        reserved: FilterData | None = None,
    ) -> HRESULT | int:
        """Opens the file. INET_E_RESOURCE_NOT_FOUND if there is none that can be read."""
        if not url:
            raise InvalidRequestError("no URL", url="", hresult=HRESULT.E_INVALIDARG)
        binding_flags, _ = bind_info.get_bind_info()
        path = path_of(url)
        if not binding_flags & BINDF.FROMURLMON:
            sink.report_progress(BINDSTATUS.DIRECTBIND, None)
        if self._fd >= 0:  # started again: what is there is announced once more
            size = os.fstat(self._fd).st_size
            sink.report_data(BSCF.FIRSTDATANOTIFICATION | BSCF.LASTDATANOTIFICATION, size, size)
            return HRESULT.S_OK
        sink.report_progress(BINDSTATUS.SENDINGREQUEST, "")
        try:
            self._fd = _open(path)
        except OSError as problem:
            sink.report_result(HRESULT.INET_E_RESOURCE_NOT_FOUND, problem.errno or errno.ENOENT, None)
            return HRESULT.INET_E_RESOURCE_NOT_FOUND
        sink.report_progress(BINDSTATUS.CACHEFILENAMEAVAILABLE, os.path.abspath(path))
        sink.report_progress(BINDSTATUS.VERIFIEDMIMETYPEAVAILABLE, self._media_type(path))
        size = os.fstat(self._fd).st_size
        sink.report_data(
            BSCF.FIRSTDATANOTIFICATION | BSCF.LASTDATANOTIFICATION | BSCF.SKIPDRAINDATAFORFILEURLS, size, size
        )
        sink.report_result(HRESULT.S_OK)
        return HRESULT.S_OK

    def _media_type(self, path: str) -> str:
        try:
            return find_mime_from_data(path)
        except BindError:
            return find_mime_from_data(path, os.pread(self._fd, 256, 0) or b"\n")

    def __del__(self) -> None:
        if self._fd >= 0:  # it stays readable after `terminate`, so nobody else says when it is done with
            os.close(self._fd)

    @property
    def seekable(self) -> bool:
        """True, once there is a file."""
        return self._fd >= 0

    def read(self, size: int) -> bytes:
        """The next bytes, b"" at the end."""
        if self._fd < 0:
            raise BindError("the protocol has no file", url="", hresult=HRESULT.E_FAIL)
        return os.read(self._fd, size)

    def seek(self, offset: int, origin: int = 0) -> int:
        """As in any file."""
        if self._fd < 0:
            return super().seek(offset, origin)
        return os.lseek(self._fd, offset, origin)
