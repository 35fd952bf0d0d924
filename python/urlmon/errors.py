"""From codes to exceptions: libcurl results, HTTP statuses, errnos and HRESULTs (contract 12.4, 12.5).

One table for each of them, and one function that makes the exception. The classes are those of exceptions.py
and can be imported from here too.
"""

from __future__ import annotations

import errno
import os
from http import HTTPStatus
from typing import NamedTuple

from .exceptions import (
    AbortedError,
    AccessDeniedError,
    AuthenticationRequiredError,
    BindError,
    BindMemoryError,
    BindTimeoutError,
    CertificateError,
    ConnectError,
    DataNotAvailableError,
    DiskFullError,
    DownloadError,
    HTTPAuthenticationError,
    HTTPNotFoundError,
    HTTPStatusError,
    InvalidRequestError,
    InvalidURLError,
    MissingFolderError,
    RedirectError,
    ResolveError,
    ResourceNotFoundError,
    SecurityError,
    StorageError,
    StorageExistsError,
    StoragePermissionError,
    TransferError,
    UnexpectedError,
    UnknownProtocolError,
    UnsupportedError,
    WrongThreadError,
)
from .hresult import HRESULT, failed, hresult_from_errno, hresult_name, to_hresult


class _Curl(NamedTuple):
    """What a CURLcode means: its name without CURLE_, the exception class, what to say, and the HRESULT where
    it is not the class's own.
    """

    name: str
    error: type[BindError]
    reason: str
    hresult: HRESULT | None = None


_FAILURE = HRESULT.INET_E_DOWNLOAD_FAILURE
_SECURITY = HRESULT.INET_E_SECURITY_PROBLEM

# All codes of curl.h up to 8.x, except 0. OBSOLETEn are never returned by a current libcurl.
CURL_ERRORS: dict[int, _Curl] = {
    1: _Curl("UNSUPPORTED_PROTOCOL", UnknownProtocolError, "the protocol is not supported"),
    2: _Curl("FAILED_INIT", UnexpectedError, "libcurl could not be initialised", HRESULT.INET_E_NO_SESSION),
    3: _Curl("URL_MALFORMAT", InvalidURLError, "the URL cannot be parsed"),
    4: _Curl("NOT_BUILT_IN", UnknownProtocolError, "not built into this libcurl"),
    5: _Curl("COULDNT_RESOLVE_PROXY", ResolveError, "could not resolve the name of the proxy"),
    6: _Curl("COULDNT_RESOLVE_HOST", ResolveError, "could not resolve the host name"),
    7: _Curl("COULDNT_CONNECT", ConnectError, "could not connect"),
    8: _Curl("WEIRD_SERVER_REPLY", DownloadError, "the server's reply makes no sense"),
    9: _Curl("REMOTE_ACCESS_DENIED", AccessDeniedError, "the server denies access"),
    10: _Curl("FTP_ACCEPT_FAILED", DownloadError, "FTP: the server did not connect back"),
    11: _Curl("FTP_WEIRD_PASS_REPLY", DownloadError, "FTP: unexpected reply to PASS"),
    12: _Curl("FTP_ACCEPT_TIMEOUT", BindTimeoutError, "FTP: timed out waiting for the server", _FAILURE),
    13: _Curl("FTP_WEIRD_PASV_REPLY", DownloadError, "FTP: unexpected reply to PASV"),
    14: _Curl("FTP_WEIRD_227_FORMAT", DownloadError, "FTP: malformed 227 reply"),
    15: _Curl("FTP_CANT_GET_HOST", DownloadError, "FTP: the host of the 227 reply cannot be used"),
    16: _Curl("HTTP2", DownloadError, "HTTP/2 framing error"),
    17: _Curl("FTP_COULDNT_SET_TYPE", DownloadError, "FTP: the transfer type could not be set"),
    18: _Curl("PARTIAL_FILE", DownloadError, "the connection closed before the end of the data"),
    19: _Curl("FTP_COULDNT_RETR_FILE", ResourceNotFoundError, "FTP: the file cannot be retrieved"),
    20: _Curl("OBSOLETE20", TransferError, "the download failed"),
    21: _Curl("QUOTE_ERROR", TransferError, "FTP: a quoted command failed"),
    22: _Curl("HTTP_RETURNED_ERROR", HTTPStatusError, "HTTP error"),
    23: _Curl("WRITE_ERROR", TransferError, "the received data were refused"),
    24: _Curl("OBSOLETE24", TransferError, "the download failed"),
    25: _Curl("UPLOAD_FAILED", InvalidRequestError, "the server refuses the upload"),
    26: _Curl("READ_ERROR", InvalidRequestError, "the request body could not be read"),
    27: _Curl("OUT_OF_MEMORY", BindMemoryError, "out of memory"),
    28: _Curl("OPERATION_TIMEDOUT", BindTimeoutError, "timed out"),
    29: _Curl("OBSOLETE29", TransferError, "the download failed"),
    30: _Curl("FTP_PORT_FAILED", DownloadError, "FTP: PORT failed"),
    31: _Curl("FTP_COULDNT_USE_REST", TransferError, "FTP: REST failed"),
    32: _Curl("OBSOLETE32", TransferError, "the download failed"),
    33: _Curl("RANGE_ERROR", DataNotAvailableError, "the server does not serve the range"),
    34: _Curl("OBSOLETE34", TransferError, "the download failed"),
    35: _Curl("SSL_CONNECT_ERROR", SecurityError, "the TLS handshake failed"),
    36: _Curl("BAD_DOWNLOAD_RESUME", DataNotAvailableError, "the download cannot be resumed"),
    37: _Curl("FILE_COULDNT_READ_FILE", ResourceNotFoundError, "the file cannot be read"),
    38: _Curl("LDAP_CANNOT_BIND", TransferError, "LDAP: bind failed"),
    39: _Curl("LDAP_SEARCH_FAILED", TransferError, "LDAP: search failed"),
    40: _Curl("OBSOLETE40", TransferError, "the download failed"),
    41: _Curl("OBSOLETE41", TransferError, "the download failed"),
    42: _Curl("ABORTED_BY_CALLBACK", AbortedError, "aborted"),
    43: _Curl("BAD_FUNCTION_ARGUMENT", InvalidRequestError, "bad argument", HRESULT.E_INVALIDARG),
    44: _Curl("OBSOLETE44", TransferError, "the download failed"),
    45: _Curl("INTERFACE_FAILED", ConnectError, "the local interface cannot be used"),
    46: _Curl("OBSOLETE46", TransferError, "the download failed"),
    47: _Curl("TOO_MANY_REDIRECTS", RedirectError, "too many redirects"),
    48: _Curl("UNKNOWN_OPTION", InvalidRequestError, "unknown libcurl option", HRESULT.E_INVALIDARG),
    49: _Curl("SETOPT_OPTION_SYNTAX", InvalidRequestError, "malformed libcurl option", HRESULT.E_INVALIDARG),
    50: _Curl("OBSOLETE50", TransferError, "the download failed"),
    51: _Curl("OBSOLETE51", TransferError, "the download failed"),
    52: _Curl("GOT_NOTHING", DownloadError, "the server sent nothing"),
    53: _Curl("SSL_ENGINE_NOTFOUND", SecurityError, "TLS: crypto engine not found"),
    54: _Curl("SSL_ENGINE_SETFAILED", SecurityError, "TLS: crypto engine cannot be used"),
    55: _Curl("SEND_ERROR", DownloadError, "sending failed"),
    56: _Curl("RECV_ERROR", DownloadError, "receiving failed"),
    57: _Curl("OBSOLETE57", TransferError, "the download failed"),
    58: _Curl("SSL_CERTPROBLEM", SecurityError, "the client certificate cannot be used"),
    59: _Curl("SSL_CIPHER", SecurityError, "TLS: the cipher cannot be used"),
    60: _Curl("PEER_FAILED_VERIFICATION", CertificateError, "the certificate of the server is not valid"),
    61: _Curl("BAD_CONTENT_ENCODING", DownloadError, "the content encoding is unknown or broken"),
    62: _Curl("OBSOLETE62", TransferError, "the download failed"),
    63: _Curl("FILESIZE_EXCEEDED", TransferError, "the size limit is exceeded"),
    64: _Curl("USE_SSL_FAILED", SecurityError, "TLS is required, but not available"),
    65: _Curl("SEND_FAIL_REWIND", InvalidRequestError, "the request body cannot be sent again"),
    66: _Curl("SSL_ENGINE_INITFAILED", SecurityError, "TLS: crypto engine failed"),
    67: _Curl("LOGIN_DENIED", AuthenticationRequiredError, "the login was denied"),
    68: _Curl("TFTP_NOTFOUND", ResourceNotFoundError, "TFTP: no such file"),
    69: _Curl("TFTP_PERM", TransferError, "TFTP: no permission"),
    70: _Curl("REMOTE_DISK_FULL", TransferError, "the disk of the server is full"),
    71: _Curl("TFTP_ILLEGAL", TransferError, "TFTP: illegal operation"),
    72: _Curl("TFTP_UNKNOWNID", TransferError, "TFTP: unknown transfer"),
    73: _Curl("REMOTE_FILE_EXISTS", TransferError, "the file exists on the server"),
    74: _Curl("TFTP_NOSUCHUSER", TransferError, "TFTP: no such user"),
    75: _Curl("OBSOLETE75", TransferError, "the download failed"),
    76: _Curl("OBSOLETE76", TransferError, "the download failed"),
    77: _Curl("SSL_CACERT_BADFILE", CertificateError, "the CA certificates cannot be read"),
    78: _Curl("REMOTE_FILE_NOT_FOUND", ResourceNotFoundError, "no such file on the server"),
    79: _Curl("SSH", TransferError, "SSH failed"),
    80: _Curl("SSL_SHUTDOWN_FAILED", SecurityError, "the TLS connection could not be shut down"),
    81: _Curl("AGAIN", TransferError, "the socket is not ready"),
    82: _Curl("SSL_CRL_BADFILE", CertificateError, "the revocation list cannot be read"),
    83: _Curl("SSL_ISSUER_ERROR", CertificateError, "the certificate has the wrong issuer"),
    84: _Curl("FTP_PRET_FAILED", DownloadError, "FTP: PRET failed"),
    85: _Curl("RTSP_CSEQ_ERROR", DownloadError, "RTSP: wrong sequence number"),
    86: _Curl("RTSP_SESSION_ERROR", DownloadError, "RTSP: wrong session"),
    87: _Curl("FTP_BAD_FILE_LIST", DownloadError, "FTP: the file list cannot be parsed"),
    88: _Curl("CHUNK_FAILED", TransferError, "a chunk callback failed"),
    89: _Curl("NO_CONNECTION_AVAILABLE", ConnectError, "no connection is free", _FAILURE),
    90: _Curl("SSL_PINNEDPUBKEYNOTMATCH", CertificateError, "the pinned public key does not match"),
    91: _Curl("SSL_INVALIDCERTSTATUS", CertificateError, "the certificate status is not valid"),
    92: _Curl("HTTP2_STREAM", DownloadError, "the HTTP/2 stream was reset"),
    93: _Curl("RECURSIVE_API_CALL", UnexpectedError, "libcurl was called from its own callback"),
    94: _Curl("AUTH_ERROR", AuthenticationRequiredError, "the authentication failed"),
    95: _Curl("HTTP3", DownloadError, "HTTP/3 error"),
    96: _Curl("QUIC_CONNECT_ERROR", ConnectError, "could not connect over QUIC"),
    97: _Curl("PROXY", ConnectError, "the proxy refused to connect"),
    98: _Curl("SSL_CLIENTCERT", SecurityError, "the server requires a client certificate"),
    99: _Curl("UNRECOVERABLE_POLL", DownloadError, "waiting for the socket failed"),
    100: _Curl("TOO_LARGE", TransferError, "a header or value is too large"),
    101: _Curl("ECH_REQUIRED", SecurityError, "encrypted client hello is required, but failed", _FAILURE),
}

_UNKNOWN_CURL = _Curl("", TransferError, "the download failed")

# libcurl's errno belongs to the failure only here. Elsewhere it may be left over from the first of two
# addresses.
_CODES_WITH_ERRNO = frozenset({7, 45, 55, 56, 99})

# The other statuses from 400 on are HTTPStatusErrors with INET_E_DOWNLOAD_FAILURE.
HTTP_ERRORS: dict[int, type[HTTPStatusError]] = {
    401: HTTPAuthenticationError,
    404: HTTPNotFoundError,
    407: HTTPAuthenticationError,
    410: HTTPNotFoundError,
}

# What an errno means for the file that a download is written to; its HRESULT comes from hresult_from_errno.
SINK_ERRORS: dict[int, type[BindError]] = {
    errno.EACCES: StoragePermissionError,
    errno.EPERM: StoragePermissionError,
    errno.EROFS: StoragePermissionError,
    errno.ENOENT: MissingFolderError,  # the target is created, so what is missing is its folder
    errno.ENOTDIR: MissingFolderError,
    errno.ENOSPC: DiskFullError,
    errno.EDQUOT: DiskFullError,
    errno.EEXIST: StorageExistsError,
    errno.ENOMEM: BindMemoryError,
}

# The classes of HRESULTs whose cause is not known any nearer. Codes not listed here are plain BindErrors.
_HRESULT_ERRORS: dict[int, type[BindError]] = {
    HRESULT.E_NOTIMPL: UnsupportedError,
    HRESULT.E_ABORT: AbortedError,
    HRESULT.E_UNEXPECTED: UnexpectedError,
    HRESULT.E_ACCESSDENIED: AccessDeniedError,
    HRESULT.E_OUTOFMEMORY: BindMemoryError,
    HRESULT.E_INVALIDARG: InvalidRequestError,
    HRESULT.RPC_E_WRONG_THREAD: WrongThreadError,
    HRESULT.STG_E_ACCESSDENIED: StoragePermissionError,
    HRESULT.STG_E_INSUFFICIENTMEMORY: BindMemoryError,
    HRESULT.STG_E_INVALIDNAME: StorageError,
    HRESULT.STG_E_SEEKERROR: StorageError,
    HRESULT.MK_E_EXCEEDEDDEADLINE: BindTimeoutError,
    HRESULT.MK_E_SYNTAX: InvalidURLError,
    HRESULT.INET_E_INVALID_URL: InvalidURLError,
    HRESULT.INET_E_NO_SESSION: UnexpectedError,
    HRESULT.INET_E_CANNOT_CONNECT: ConnectError,
    HRESULT.INET_E_RESOURCE_NOT_FOUND: ResourceNotFoundError,
    HRESULT.INET_E_OBJECT_NOT_FOUND: ResourceNotFoundError,
    HRESULT.INET_E_DATA_NOT_AVAILABLE: DataNotAvailableError,
    HRESULT.INET_E_DOWNLOAD_FAILURE: DownloadError,
    HRESULT.INET_E_AUTHENTICATION_REQUIRED: AuthenticationRequiredError,
    HRESULT.INET_E_NO_VALID_MEDIA: TransferError,
    HRESULT.INET_E_CONNECTION_TIMEOUT: BindTimeoutError,
    HRESULT.INET_E_INVALID_REQUEST: InvalidRequestError,
    HRESULT.INET_E_UNKNOWN_PROTOCOL: UnknownProtocolError,
    HRESULT.INET_E_SECURITY_PROBLEM: SecurityError,
    HRESULT.INET_E_REDIRECT_FAILED: RedirectError,
    HRESULT.INET_E_REDIRECT_TO_DIR: RedirectError,
    HRESULT.INET_E_BLOCKED_REDIRECT_XSECURITYID: RedirectError,
    HRESULT.INET_E_TERMINATED_BIND: AbortedError,
    HRESULT.INET_E_INVALID_CERTIFICATE: CertificateError,
    HRESULT.WIN32_E_FILE_NOT_FOUND: ResourceNotFoundError,
    HRESULT.WIN32_E_PATH_NOT_FOUND: MissingFolderError,
    HRESULT.WIN32_E_WRITE_PROTECT: StoragePermissionError,
    HRESULT.WIN32_E_SHARING_VIOLATION: StorageError,
    HRESULT.WIN32_E_FILE_EXISTS: StorageExistsError,
    HRESULT.WIN32_E_DISK_FULL: DiskFullError,
    HRESULT.WIN32_E_DISK_QUOTA_EXCEEDED: DiskFullError,
    HRESULT.WIN32_E_FILENAME_EXCED_RANGE: StorageError,
    HRESULT.WIN32_E_FILE_TOO_LARGE: StorageError,
    HRESULT.WIN32_E_IO_DEVICE: StorageError,
    HRESULT.WININET_E_NAME_NOT_RESOLVED: ResolveError,
}


def error_from_curl(
    code: int, *, url: str, detail: str = "", http_status: int = 0, os_errno: int = 0
) -> BindError:
    """The exception of a transfer that ended with CURLcode `code` (contract 12.4).

    `detail` is libcurl's error buffer, `os_errno` CURLINFO_OS_ERRNO; it is dropped where it says nothing
    about this failure. Codes this version does not know are download failures. ValueError for CURLE_OK.
    """
    if code == 0:
        raise ValueError("CURLE_OK is no error")
    row = CURL_ERRORS.get(code, _UNKNOWN_CURL)
    error, reason = row.error, row.reason
    if row.error is HTTPStatusError and http_status:
        error, reason = HTTP_ERRORS.get(http_status, HTTPStatusError), _http_reason(http_status)
    if code not in _CODES_WITH_ERRNO:
        os_errno = 0
    elif os_errno:
        # "Connection refused" says more than "could not connect"; the curl code is named anyway.
        reason = _lower_first(os.strerror(os_errno))
    return error(
        reason,
        url=url,
        hresult=row.hresult,
        curl_code=code,
        curl_name=row.name,
        http_status=http_status,
        os_errno=os_errno,
        detail=detail,
    )


def error_from_http(status: int, *, url: str, detail: str = "") -> BindError:
    """The exception of an answer with HTTP `status`, where that counts as a failure: HTTPStatusError from 400
    on, RedirectError for a redirect that was not followed. ValueError for statuses below 300.
    """
    if status < 300:
        raise ValueError(f"HTTP {status} is no error")
    error = RedirectError if status < 400 else HTTP_ERRORS.get(status, HTTPStatusError)
    return error(_http_reason(status), url=url, http_status=status, detail=detail)


def _http_reason(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def error_from_hresult(hr: int, *, url: str, detail: str = "") -> BindError:
    """The exception of a failure `hr`, signed or unsigned, of which nothing more is known. ValueError for
    success codes.
    """
    code = to_hresult(hr)
    if not failed(code):
        raise ValueError(f"{hresult_name(code)} is not a failure")
    return _HRESULT_ERRORS.get(code, BindError)(url=url, hresult=code, detail=detail)


def error_from_errno(
    errno_value: int, *, url: str, path: str | os.PathLike[str] = "", detail: str = ""
) -> BindError:
    """The exception of a system call that failed with `errno_value` on the file `path` a download is written
    to. 0 (a short write without an error) is a StorageError with E_FAIL.
    """
    if errno_value == errno.ENOENT:
        hresult = HRESULT.WIN32_E_PATH_NOT_FOUND  # see SINK_ERRORS
    elif errno_value:
        hresult = hresult_from_errno(errno_value)
    else:
        hresult = HRESULT.E_FAIL
    name = os.fspath(path)
    reason = f"cannot write {name}" if name else "the data could not be stored"
    if errno_value:
        reason += f": {_lower_first(os.strerror(errno_value))}"
    error = SINK_ERRORS.get(errno_value, StorageError)
    return error(reason, url=url, hresult=hresult, os_errno=errno_value, detail=detail, path=name or None)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
