"""The exceptions of urlmon: BindError and its subclasses by cause.

Every failure ends as one of these, with an HRESULT and the URL it is about. Where a built-in exception says
what happened (ConnectionError, TimeoutError, PermissionError, FileNotFoundError, ValueError, MemoryError),
the class is one of those too. errors.py makes them from the codes of libcurl, HTTP and the file system.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Any, ClassVar

from urlmon_core import WrongApartmentError

from .hresult import HRESULT, failed, hresult_name, to_hresult
from .redaction import redact_text, redact_url

__all__ = [
    "AbortedError",
    "AccessDeniedError",
    "AddressError",
    "AuthenticationRequiredError",
    "BindError",
    "BindMemoryError",
    "BindTimeoutError",
    "CertificateError",
    "ConnectError",
    "DataNotAvailableError",
    "DiskFullError",
    "DownloadError",
    "HTTPAuthenticationError",
    "HTTPNotFoundError",
    "HTTPStatusError",
    "InvalidRequestError",
    "InvalidURLError",
    "MissingFolderError",
    "RedirectError",
    "ResolveError",
    "ResourceNotFoundError",
    "SecurityError",
    "StorageError",
    "StorageExistsError",
    "StoragePermissionError",
    "TransferError",
    "UnexpectedError",
    "UnknownProtocolError",
    "UnsupportedError",
    "WrongThreadError",
]

# All that could break a line of output or a log, or drive a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class BindError(Exception):
    """A bind operation failed, or a call about one. Base of all exceptions of this package.

    `reason` is the cause in a few words, `detail` whatever more is known. User name and password are removed
    from `url` and from URLs in `detail` at once, so no form of the error (str, repr, attributes, pickle) has
    them. `hresult` defaults to the class's and must be a failure; codes without a name are plain ints.
    """

    default_hresult: ClassVar[HRESULT] = HRESULT.E_FAIL
    default_reason: ClassVar[str] = "the operation failed"

    hresult: HRESULT | int
    url: str  # "" if the error is about no URL
    curl_code: int  # CURLcode, 0 if none
    curl_name: str  # its name without CURLE_, such as "COULDNT_CONNECT"
    http_status: int  # 0 if none
    os_errno: int  # 0 if none
    reason: str
    detail: str

    def __init__(
        self,
        reason: str = "",
        *,
        url: str = "",
        hresult: int | None = None,
        curl_code: int = 0,
        curl_name: str = "",
        http_status: int = 0,
        os_errno: int = 0,
        detail: str = "",
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.reason = reason or self.default_reason
        super().__init__(self.reason)
        if hresult is not None and not failed(hresult):
            raise ValueError(f"{hresult_name(hresult)} is not a failure")
        self.hresult = self.default_hresult if hresult is None else to_hresult(hresult)
        self.url = redact_url(url)
        self.curl_code = int(curl_code)
        self.curl_name = curl_name
        self.http_status = int(http_status)
        self.os_errno = int(os_errno)
        # libcurl may quote the URL as it got it, also one too malformed to be recognised in running text.
        self.detail = redact_text(detail.replace(url, self.url) if url else detail)
        if isinstance(self, OSError):
            _set_os_fields(
                self,
                self.os_errno or None,
                os.strerror(self.os_errno) if self.os_errno else None,
                None if path is None else os.fspath(path),
            )

    def __str__(self) -> str:
        tags = [hresult_name(self.hresult)]
        if self.curl_code:
            tags.append(f"curl {self.curl_code} {self.curl_name}".rstrip())
        if self.http_status and not self.reason.startswith("HTTP "):
            tags.append(f"HTTP {self.http_status}")
        if self.os_errno:
            tags.append(errno.errorcode.get(self.os_errno, f"errno {self.os_errno}"))
        detail = "" if self.detail.strip().lower() in self.reason.lower() else f": {self.detail.strip()}"
        message = f"{self.url}: " if self.url else ""
        message += f"{self.reason}{detail} ({', '.join(tags)})"
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", message)

    def __repr__(self) -> str:
        parts = [repr(self.reason), f"url={self.url!r}", f"hresult={hresult_name(self.hresult)}"]
        for name in ("curl_code", "http_status", "os_errno", "detail"):
            if value := getattr(self, name):
                parts.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Not through __init__: OSError keeps its fields outside __dict__, and a subclass may want other
        # arguments.
        os_fields = (self.errno, self.strerror, self.filename) if isinstance(self, OSError) else None
        return _restore, (type(self), self.args, os_fields), self.__dict__.copy()


def _restore(
    cls: type[BindError], args: tuple[Any, ...], os_fields: tuple[Any, Any, Any] | None
) -> BindError:
    """Make a copied or unpickled error; its attributes follow through __setstate__."""
    # Not cls.__new__: where MemoryError is a base, that finds MemoryError's, which refuses the class.
    error = (OSError if issubclass(cls, OSError) else Exception).__new__(cls)
    error.args = args
    if os_fields is not None and isinstance(error, OSError):
        _set_os_fields(error, *os_fields)
    return error


def _set_os_fields(error: OSError, number: Any, text: Any, filename: Any) -> None:
    error.errno, error.strerror, error.filename = number, text, filename


class InvalidURLError(BindError, ValueError):
    """The URL cannot be parsed."""

    default_hresult = HRESULT.INET_E_INVALID_URL
    default_reason = "the URL cannot be parsed"


class UnknownProtocolError(BindError):
    """No handler for the scheme of the URL, or the scheme is not allowed."""

    default_hresult = HRESULT.INET_E_UNKNOWN_PROTOCOL
    default_reason = "the protocol is not supported"


class InvalidRequestError(BindError, ValueError):
    """The request cannot be made or sent as asked: bad option, bad body, bad argument."""

    default_hresult = HRESULT.INET_E_INVALID_REQUEST
    default_reason = "the request is not valid"


class UnsupportedError(BindError, NotImplementedError):
    """Legal, but not supported here (E_NOTIMPL)."""

    default_hresult = HRESULT.E_NOTIMPL
    default_reason = "not supported"


class ResolveError(BindError, ConnectionError):
    """The host name of the server or proxy cannot be resolved. INET_E_RESOURCE_NOT_FOUND is what the contract
    documents for it; it says "server not found".
    """

    default_hresult = HRESULT.INET_E_RESOURCE_NOT_FOUND
    default_reason = "could not resolve the host name"


class ConnectError(BindError, ConnectionError):
    """No connection to the server or proxy could be made."""

    default_hresult = HRESULT.INET_E_CANNOT_CONNECT
    default_reason = "could not connect"


class BindTimeoutError(BindError, TimeoutError):
    """Connecting took too long, or the transfer stalled for too long."""

    default_hresult = HRESULT.INET_E_CONNECTION_TIMEOUT
    default_reason = "timed out"


class TransferError(BindError):
    """The data could not be had or used, for a reason with no class of its own."""

    default_hresult = HRESULT.INET_E_DOWNLOAD_FAILURE
    default_reason = "the download failed"


class DownloadError(TransferError, ConnectionError):
    """The connection broke off: the answer is missing, truncated or garbled."""

    default_reason = "the download was interrupted"


class DataNotAvailableError(TransferError):
    """Connected, but the data cannot be had; above all a range or a resumption that the server does not
    serve.
    """

    default_hresult = HRESULT.INET_E_DATA_NOT_AVAILABLE
    default_reason = "the data are not available"


class RedirectError(BindError):
    """Too many redirects, or one that must not be followed."""

    default_hresult = HRESULT.INET_E_REDIRECT_FAILED
    default_reason = "the redirect failed"


class SecurityError(BindError):
    """TLS could not be set up, or a security rule forbids the transfer."""

    default_hresult = HRESULT.INET_E_SECURITY_PROBLEM
    default_reason = "security problem"


class CertificateError(SecurityError):
    """The server's certificate is not trusted."""

    default_hresult = HRESULT.INET_E_INVALID_CERTIFICATE
    default_reason = "the certificate of the server is not valid"


class AccessDeniedError(BindError, PermissionError):
    """The server refuses access."""

    default_hresult = HRESULT.E_ACCESSDENIED
    default_reason = "access denied"


class AddressError(AccessDeniedError):
    """The host has only addresses that the request must not connect to (`allow_address`, `deny_address`)."""

    default_reason = "the address is not allowed"


class AuthenticationRequiredError(AccessDeniedError):
    """Credentials are missing or wrong."""

    default_hresult = HRESULT.INET_E_AUTHENTICATION_REQUIRED
    default_reason = "authentication required"


class ResourceNotFoundError(BindError, FileNotFoundError):
    """The server answers, but has no such resource; or the file of a file: URL is missing."""

    default_hresult = HRESULT.INET_E_RESOURCE_NOT_FOUND
    default_reason = "resource not found"


class HTTPStatusError(BindError):
    """The server answered with an error status (`http_status`) and that was to count as a failure. For 401,
    407, 404 and 410 see the subclasses.
    """

    default_hresult = HRESULT.INET_E_DOWNLOAD_FAILURE
    default_reason = "HTTP error"


class HTTPAuthenticationError(HTTPStatusError, AuthenticationRequiredError):
    """HTTP 401 or 407."""

    default_hresult = HRESULT.INET_E_AUTHENTICATION_REQUIRED


class HTTPNotFoundError(HTTPStatusError, ResourceNotFoundError):
    """HTTP 404 or 410."""

    default_hresult = HRESULT.INET_E_RESOURCE_NOT_FOUND


class StorageError(BindError, OSError):
    """The downloaded data could not be stored. `errno`, `strerror` and `filename` are those of the failed
    call.
    """

    default_reason = "the data could not be stored"


class DiskFullError(StorageError):
    """No space left on the device, or the quota is used up."""

    default_hresult = HRESULT.WIN32_E_DISK_FULL


class StoragePermissionError(StorageError, PermissionError):
    """The target must not be written: permissions, read-only file system."""

    default_hresult = HRESULT.E_ACCESSDENIED


class MissingFolderError(StorageError, FileNotFoundError):
    """The folder of the target does not exist or is no folder."""

    default_hresult = HRESULT.WIN32_E_PATH_NOT_FOUND


class StorageExistsError(StorageError, FileExistsError):
    """The target exists and must not be replaced."""

    default_hresult = HRESULT.WIN32_E_FILE_EXISTS


class BindMemoryError(BindError, MemoryError):
    """Out of memory."""

    default_hresult = HRESULT.E_OUTOFMEMORY
    default_reason = "out of memory"


class AbortedError(BindError):
    """The binding was aborted, by its client or because its thread ended."""

    default_hresult = HRESULT.E_ABORT
    default_reason = "aborted"


class WrongThreadError(BindError, WrongApartmentError):
    """A method of an apartment's object was called on another thread."""

    default_hresult = HRESULT.RPC_E_WRONG_THREAD
    default_reason = "called on a thread that does not own the object"


class UnexpectedError(BindError, RuntimeError):
    """Client code raised an exception, or something happened that must not."""

    default_hresult = HRESULT.E_UNEXPECTED
    default_reason = "unexpected failure"
