"""Errors: one table per source of codes, and messages that name URL and cause."""

from __future__ import annotations

import copy
import errno
import os
import pickle
from pathlib import Path

import pytest

from urlmon import exceptions
from urlmon.errors import CURL_ERRORS, error_from_curl, error_from_errno, error_from_hresult, error_from_http
from urlmon.exceptions import (
    AccessDeniedError,
    AddressError,
    AuthenticationRequiredError,
    BindError,
    BindMemoryError,
    BindTimeoutError,
    ConnectError,
    DiskFullError,
    DownloadError,
    HTTPAuthenticationError,
    HTTPNotFoundError,
    HTTPStatusError,
    InvalidURLError,
    MissingFolderError,
    RedirectError,
    ResolveError,
    ResourceNotFoundError,
    StorageError,
    StorageExistsError,
    StoragePermissionError,
    TransferError,
)
from urlmon.hresult import HRESULT, failed

URL = "http://h/x"

CLASSES = sorted(
    (c for c in vars(exceptions).values() if isinstance(c, type) and issubclass(c, BindError)),
    key=lambda c: c.__name__,
)

BUILTIN_BASES = {
    "AccessDeniedError": (PermissionError, OSError),
    "AuthenticationRequiredError": (PermissionError, OSError),
    "BindMemoryError": (MemoryError,),
    "BindTimeoutError": (TimeoutError, OSError),
    "ConnectError": (ConnectionError, OSError),
    "DiskFullError": (OSError,),
    "DownloadError": (ConnectionError, OSError),
    "HTTPAuthenticationError": (PermissionError, HTTPStatusError),
    "HTTPNotFoundError": (FileNotFoundError, HTTPStatusError),
    "InvalidRequestError": (ValueError,),
    "InvalidURLError": (ValueError,),
    "MissingFolderError": (FileNotFoundError, StorageError),
    "ResolveError": (ConnectionError, OSError),
    "ResourceNotFoundError": (FileNotFoundError,),
    "StorageError": (OSError,),
    "StorageExistsError": (FileExistsError, StorageError),
    "StoragePermissionError": (PermissionError, StorageError),
    "UnexpectedError": (RuntimeError,),
    "UnsupportedError": (NotImplementedError,),
    "WrongThreadError": (RuntimeError,),
}

# Contract 12.4; all other codes are INET_E_DOWNLOAD_FAILURE.
CURL_CONTRACT = {
    HRESULT.INET_E_UNKNOWN_PROTOCOL: (1, 4),
    HRESULT.INET_E_INVALID_URL: (3,),
    HRESULT.INET_E_NO_SESSION: (2,),
    HRESULT.INET_E_RESOURCE_NOT_FOUND: (5, 6, 19, 37, 68, 78),
    HRESULT.INET_E_CANNOT_CONNECT: (7, 45, 96, 97),
    HRESULT.INET_E_CONNECTION_TIMEOUT: (28,),
    HRESULT.INET_E_AUTHENTICATION_REQUIRED: (67, 94),
    HRESULT.E_ACCESSDENIED: (9,),
    HRESULT.INET_E_INVALID_REQUEST: (25, 26, 65),
    HRESULT.E_OUTOFMEMORY: (27,),
    HRESULT.INET_E_DATA_NOT_AVAILABLE: (33, 36),
    HRESULT.INET_E_SECURITY_PROBLEM: (35, 53, 54, 58, 59, 64, 66, 80, 98),
    HRESULT.INET_E_INVALID_CERTIFICATE: (60, 77, 82, 83, 90, 91),
    HRESULT.E_ABORT: (42,),
    HRESULT.E_INVALIDARG: (43, 48, 49),
    HRESULT.INET_E_REDIRECT_FAILED: (47,),
    HRESULT.E_UNEXPECTED: (93,),
}
CURL_HRESULTS = {code: hr for hr, codes in CURL_CONTRACT.items() for code in codes}


def test_all_classes_are_exported() -> None:
    assert {c.__name__ for c in CLASSES} <= set(exceptions.__all__)
    assert set(BUILTIN_BASES) <= {c.__name__ for c in CLASSES}


@pytest.mark.parametrize("cls", CLASSES)
def test_class_can_be_raised_and_caught_by_every_base(cls: type[BindError]) -> None:
    for base in (cls, BindError, *BUILTIN_BASES.get(cls.__name__, ())):
        with pytest.raises(base) as caught:
            raise cls(url=URL)
        assert type(caught.value) is cls
    assert failed(cls.default_hresult)
    assert cls.__doc__


def test_base_is_no_oserror() -> None:
    assert not issubclass(BindError, OSError)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_are_complete(cls: type[BindError], duplicate) -> None:  # type: ignore[no-untyped-def]
    error = cls(
        "a cause",
        url="http://h/x",
        hresult=HRESULT.INET_E_DATA_NOT_AVAILABLE,
        curl_code=7,
        curl_name="COULDNT_CONNECT",
        http_status=503,
        os_errno=errno.EIO,
        detail="more",
        path="/tmp/x",
    )
    error.note = "kept too"  # type: ignore[attr-defined]
    twin = duplicate(error)
    assert type(twin) is cls
    assert vars(twin) == vars(error)
    assert twin.args == error.args
    assert (str(twin), repr(twin)) == (str(error), repr(error))
    assert twin.hresult is HRESULT.INET_E_DATA_NOT_AVAILABLE
    if isinstance(twin, OSError):
        assert (twin.errno, twin.strerror, twin.filename) == (errno.EIO, os.strerror(errno.EIO), "/tmp/x")


class OwnError(ConnectError):
    def __init__(self, attempt: int) -> None:
        super().__init__("own", url=URL)
        self.attempt = attempt


def test_a_subclass_with_other_arguments_pickles() -> None:
    twin = pickle.loads(pickle.dumps(OwnError(3)))
    assert (type(twin), twin.attempt, str(twin)) == (OwnError, 3, str(OwnError(3)))


def test_defaults() -> None:
    error = BindError()
    assert error.hresult is HRESULT.E_FAIL
    assert (error.url, error.curl_code, error.curl_name, error.http_status) == ("", 0, "", 0)
    assert (error.os_errno, error.detail) == (0, "")
    assert str(error) == "the operation failed (E_FAIL)"
    assert InvalidURLError().hresult is HRESULT.INET_E_INVALID_URL


def test_hresult_is_normalised_and_must_fail() -> None:
    assert BindError(hresult=-2147467260).hresult is HRESULT.E_ABORT
    assert BindError(hresult=0x80041234).hresult == 0x80041234
    assert str(BindError("x", hresult=0x80041234)) == "x (0x80041234)"
    with pytest.raises(ValueError, match="S_FALSE is not a failure"):
        BindError(hresult=HRESULT.S_FALSE)


# --- messages


def test_message_of_a_refused_connection() -> None:
    error = error_from_curl(7, url=URL, os_errno=errno.ECONNREFUSED)
    refused = os.strerror(errno.ECONNREFUSED)
    assert str(error) == (
        f"{URL}: {refused[0].lower()}{refused[1:]} "
        "(INET_E_CANNOT_CONNECT, curl 7 COULDNT_CONNECT, ECONNREFUSED)"
    )
    assert (error.curl_code, error.curl_name, error.os_errno) == (7, "COULDNT_CONNECT", errno.ECONNREFUSED)


def test_message_with_detail_and_status() -> None:
    error = error_from_curl(18, url=URL, http_status=200, detail="end of response with 7 bytes missing")
    assert str(error) == (
        f"{URL}: the connection closed before the end of the data: end of response with 7 bytes missing "
        "(INET_E_DOWNLOAD_FAILURE, curl 18 PARTIAL_FILE, HTTP 200)"
    )


def test_message_does_not_repeat_the_detail() -> None:
    assert str(error_from_curl(28, url=URL, detail="Timed out")).count("imed out") == 1


def test_message_of_a_status() -> None:
    assert str(error_from_http(404, url=URL)) == f"{URL}: HTTP 404 Not Found (INET_E_RESOURCE_NOT_FOUND)"
    assert str(error_from_http(999, url=URL)) == f"{URL}: HTTP 999 (INET_E_DOWNLOAD_FAILURE)"


def test_message_of_a_full_disk() -> None:
    error = error_from_errno(errno.ENOSPC, url=URL, path=Path("/data/x.part"))
    text = os.strerror(errno.ENOSPC)
    assert str(error) == (
        f"{URL}: cannot write /data/x.part: {text[0].lower()}{text[1:]} (WIN32_E_DISK_FULL, ENOSPC)"
    )


def test_message_is_one_line_without_control_characters() -> None:
    error = BindError("a\nb", url="http://h/\r\nx\x1b[2J", detail="c\u2028d\x85e\n")
    assert str(error).isprintable()
    assert "\\x0a" in str(error)


def test_repr_shows_what_is_set() -> None:
    error = error_from_curl(18, url="http://u:p@h/x", detail="d")
    assert repr(error) == (
        "DownloadError('the connection closed before the end of the data', url='http://h/x', "
        "hresult=INET_E_DOWNLOAD_FAILURE, curl_code=18, detail='d')"
    )


# --- libcurl


@pytest.mark.parametrize("code", range(1, 102))
def test_curl_code(code: int) -> None:
    error = error_from_curl(code, url=URL, detail="d", http_status=206)
    assert error.hresult is CURL_HRESULTS.get(code, HRESULT.INET_E_DOWNLOAD_FAILURE)
    assert (error.curl_code, error.curl_name) == (code, CURL_ERRORS[code].name)
    assert (error.url, error.http_status, error.detail) == (URL, 206, "d")
    assert str(error).startswith(f"{URL}: ")
    assert f"curl {code} {error.curl_name}" in str(error)


def test_curl_table_is_complete() -> None:
    assert list(CURL_ERRORS) == list(range(1, 102))
    assert len({row.name for row in CURL_ERRORS.values()}) == 101


def test_curl_names_are_those_of_pycurl() -> None:
    """pycurl has the current name of a code beside its old ones; the codes after 91 it does not name."""
    pycurl = pytest.importorskip("pycurl")
    names: dict[int, set[str]] = {}
    for name, value in vars(pycurl).items():
        if name.startswith("E_") and not name.startswith("E_MULTI_") and isinstance(value, int):
            names.setdefault(value, set()).add(name[2:])
    # Renamed or retired since pycurl took them over.
    renamed = {8: "FTP_WEIRD_SERVER_REPLY", 49: "TELNET_OPTION_SYNTAX"}
    for code, row in CURL_ERRORS.items():
        if code in names and not row.name.startswith("OBSOLETE"):
            assert renamed.get(code, row.name) in names[code], code


def test_unknown_curl_code_is_a_download_failure() -> None:
    error = error_from_curl(4711, url=URL)
    assert type(error) is TransferError
    assert str(error) == f"{URL}: the download failed (INET_E_DOWNLOAD_FAILURE, curl 4711)"


def test_curl_ok_is_no_error() -> None:
    with pytest.raises(ValueError, match="CURLE_OK"):
        error_from_curl(0, url=URL)


@pytest.mark.parametrize(
    ("code", "cls"),
    [
        (3, InvalidURLError),
        (5, ResolveError),
        (6, ResolveError),
        (7, ConnectError),
        (18, DownloadError),
        (27, BindMemoryError),
        (28, BindTimeoutError),
        (47, RedirectError),
        (56, DownloadError),
        (63, TransferError),
    ],
)
def test_curl_class(code: int, cls: type[BindError]) -> None:
    assert type(error_from_curl(code, url=URL)) is cls


def test_unresolved_host_is_a_connection_error_with_the_documented_code() -> None:
    error = error_from_curl(6, url=URL)
    assert isinstance(error, ConnectionError)
    assert not isinstance(error, ResourceNotFoundError)
    assert error.hresult is HRESULT.INET_E_RESOURCE_NOT_FOUND


def test_stale_errno_is_dropped() -> None:
    """After a failed IPv6 and a good IPv4 connect, libcurl still has the errno of the first."""
    error = error_from_curl(18, url=URL, os_errno=errno.ENETUNREACH)
    assert error.os_errno == 0
    assert "ENETUNREACH" not in str(error)


def test_failonerror_of_the_client() -> None:
    error = error_from_curl(22, url=URL, http_status=404)
    assert type(error) is HTTPNotFoundError
    assert (error.hresult, error.http_status, error.curl_code) == (HRESULT.INET_E_RESOURCE_NOT_FOUND, 404, 22)
    assert type(error_from_curl(22, url=URL)) is HTTPStatusError


# --- HTTP


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 407, 408, 410, 416, 418, 429, 451, 500, 503, 504, 599]
)
def test_http_status(status: int) -> None:
    expected = {
        401: HRESULT.INET_E_AUTHENTICATION_REQUIRED,
        404: HRESULT.INET_E_RESOURCE_NOT_FOUND,
        407: HRESULT.INET_E_AUTHENTICATION_REQUIRED,
        410: HRESULT.INET_E_RESOURCE_NOT_FOUND,
    }.get(status, HRESULT.INET_E_DOWNLOAD_FAILURE)
    error = error_from_http(status, url=URL)
    assert isinstance(error, HTTPStatusError)
    assert (error.hresult, error.http_status, error.curl_code) == (expected, status, 0)


def test_http_classes() -> None:
    assert type(error_from_http(401, url=URL)) is HTTPAuthenticationError
    assert type(error_from_http(410, url=URL)) is HTTPNotFoundError
    assert not isinstance(error_from_http(503, url=URL), OSError)


def test_redirect_not_followed() -> None:
    error = error_from_http(302, url=URL)
    assert type(error) is RedirectError
    assert error.hresult is HRESULT.INET_E_REDIRECT_FAILED


@pytest.mark.parametrize("status", [0, 100, 200, 206, 299])
def test_http_success_is_no_error(status: int) -> None:
    with pytest.raises(ValueError, match=f"HTTP {status}"):
        error_from_http(status, url=URL)


# --- HRESULTs


@pytest.mark.parametrize("hr", [hr for hr in HRESULT if failed(hr)])
def test_every_failure_has_an_exception(hr: HRESULT) -> None:
    error = error_from_hresult(hr, url=URL, detail="d")
    assert error.hresult is hr
    assert hr.name in str(error)
    assert error_from_hresult(hr - (1 << 32), url=URL).hresult is hr


@pytest.mark.parametrize("cls", CLASSES)
def test_default_hresult_leads_back_to_the_class(cls: type[BindError]) -> None:
    """Except where several causes share one code, which then stands for the most usual of them."""
    usual = {
        AddressError: AccessDeniedError,
        ResolveError: ResourceNotFoundError,
        HTTPNotFoundError: ResourceNotFoundError,
        HTTPAuthenticationError: AuthenticationRequiredError,
        HTTPStatusError: DownloadError,
        TransferError: DownloadError,
        StorageError: BindError,
        StoragePermissionError: AccessDeniedError,
    }
    assert type(error_from_hresult(cls.default_hresult, url=URL)) is usual.get(cls, cls)


def test_unknown_hresult_is_a_plain_bind_error() -> None:
    error = error_from_hresult(0x80041234, url=URL)
    assert type(error) is BindError
    assert error.hresult == 0x80041234


@pytest.mark.parametrize("hr", [0, 1, HRESULT.MK_S_ASYNCHRONOUS])
def test_success_is_no_error(hr: int) -> None:
    with pytest.raises(ValueError, match="is not a failure"):
        error_from_hresult(hr, url=URL)


# --- the file sink


@pytest.mark.parametrize(
    ("number", "cls", "hresult"),
    [
        (errno.ENOSPC, DiskFullError, HRESULT.WIN32_E_DISK_FULL),
        (errno.EDQUOT, DiskFullError, HRESULT.WIN32_E_DISK_QUOTA_EXCEEDED),
        (errno.EACCES, StoragePermissionError, HRESULT.E_ACCESSDENIED),
        (errno.EPERM, StoragePermissionError, HRESULT.E_ACCESSDENIED),
        (errno.EROFS, StoragePermissionError, HRESULT.WIN32_E_WRITE_PROTECT),
        (errno.ENOENT, MissingFolderError, HRESULT.WIN32_E_PATH_NOT_FOUND),
        (errno.ENOTDIR, MissingFolderError, HRESULT.WIN32_E_PATH_NOT_FOUND),
        (errno.EEXIST, StorageExistsError, HRESULT.WIN32_E_FILE_EXISTS),
        (errno.ETXTBSY, StorageError, HRESULT.WIN32_E_SHARING_VIOLATION),
        (errno.EISDIR, StorageError, HRESULT.E_ACCESSDENIED),
        (errno.EFBIG, StorageError, HRESULT.WIN32_E_FILE_TOO_LARGE),
        (errno.EIO, StorageError, HRESULT.WIN32_E_IO_DEVICE),
        (errno.ENOMEM, BindMemoryError, HRESULT.E_OUTOFMEMORY),
        (errno.EDOM, StorageError, HRESULT.E_FAIL),
        (0, StorageError, HRESULT.E_FAIL),
    ],
)
def test_file_sink(number: int, cls: type[BindError], hresult: HRESULT) -> None:
    error = error_from_errno(number, url=URL, path="/t/x", detail="while renaming")
    assert type(error) is cls
    assert (error.hresult, error.os_errno) == (hresult, number)
    assert "/t/x" in str(error)
    assert "while renaming" in str(error)
    if isinstance(error, OSError):
        assert (error.errno, error.filename) == (number or None, "/t/x")


def test_file_sink_without_a_path() -> None:
    error = error_from_errno(errno.EIO, url=URL)
    assert isinstance(error, StorageError)
    assert error.filename is None
