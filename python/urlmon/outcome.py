"""From the core's end record to an HRESULT and an exception.

Runs on the owner's thread, once per operation that failed.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from urlmon.authschemes import why_not_authenticated
from urlmon.errors import error_from_curl, error_from_errno, error_from_hresult, error_from_http
from urlmon.exceptions import (
    AbortedError,
    AddressError,
    BindError,
    BindMemoryError,
    DownloadError,
    InvalidRequestError,
    StorageExistsError,
    TransferError,
)
from urlmon.hresult import HRESULT, failed

if TYPE_CHECKING:
    from urlmon_core import BindingBase

# Causes of an end (urlmon_core/mailbox.pxd, end_cause).
(
    _CURL,
    _HTTP,
    _STORAGE,
    _ABORTED,
    _SHUTDOWN,
    _MEMORY,
    _OPTION,
    _LOCKED,
    _LIMIT,
    _RESUME,
    _BODY,
    _ADDRESS,
) = range(1, 13)

# Those of which there is no more to say; the HRESULT is the class's own.
_PLAIN_CAUSES: dict[int, tuple[type[BindError], str]] = {
    _ABORTED: (AbortedError, "aborted"),
    _SHUTDOWN: (AbortedError, "the I/O thread was stopped"),
    _MEMORY: (BindMemoryError, "out of memory"),
}

# What is too large, by `outcome.code` (limit_kind).
_LIMITS = (
    "the body is larger than max_bytes",
    "the response heads are larger than max_header_bytes",
    "the body grows beyond max_ratio when it is decoded",
)


def error_of(  # noqa: PLR0917 - called by the core, which passes the fields of its end record by position
    binding: BindingBase,
    forced: HRESULT | BindError | None,
    cause: int,
    code: int,
    option: int,
    text: str,
) -> tuple[HRESULT | int, BindError | None]:
    """What `on_stop_binding` gets. `forced` is what the owner itself ended the operation with, and wins."""
    if isinstance(forced, BindError):
        return forced.hresult, forced
    if forced is not None:
        if forced == HRESULT.E_ABORT:
            return forced, AbortedError("aborted", url=binding.url, hresult=forced)
        return forced, error_from_hresult(forced, url=binding.url) if failed(forced) else None
    error = _error(binding, cause, code, option, text)
    return error.hresult, error


def _error(binding: BindingBase, cause: int, code: int, option: int, text: str) -> BindError:
    url = binding.url
    if cause in _PLAIN_CAUSES:
        kind, reason = _PLAIN_CAUSES[cause]
        error = kind(reason, url=url)
    elif cause == _LIMIT:
        error = TransferError(_LIMITS[code], url=url)
    elif cause == _ADDRESS:
        reason = f"the address {text} is not allowed" if text else "the address is not allowed"
        error = AddressError(reason, url=url)
    elif cause == _HTTP:
        error = error_from_http(code, url=url, detail=why_not_authenticated(binding.raw_headers, code))
    elif cause == _STORAGE:
        error = error_from_errno(code, url=url, path=binding.path or "")
    elif cause == _BODY:
        error = error_from_errno(code, url=url, path=binding.body_path, detail="the body of the request")
    elif cause == _OPTION:
        error = InvalidRequestError(
            f"libcurl refused option {option}",
            url=url,
            hresult=HRESULT.E_INVALIDARG,
            curl_code=code,
            detail=text,
        )
    elif cause == _LOCKED:
        error = StorageExistsError(
            f"another download is writing {binding.path}.part",
            url=url,
            hresult=HRESULT.WIN32_E_SHARING_VIOLATION,
            os_errno=errno.EEXIST,
            path=binding.path,
        )
    elif cause == _RESUME:
        error = DownloadError(
            "after a long suspension the server did not give the rest of the same resource",
            url=url,
            http_status=binding.status_code,
        )
    else:
        error = error_from_curl(code, url=url, detail=text, http_status=binding.status_code)
    return error
