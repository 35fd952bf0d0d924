"""HRESULTs: the result codes of the contract, as unsigned 32-bit numbers (contract 12).

The top bit says failure. Success is more than S_OK: S_FALSE and MK_S_ASYNCHRONOUS are successes too, so ask
``succeeded(hr)``, not ``hr == HRESULT.S_OK``. Codes without a name stay plain ints: they come from clients
and protocol handlers and must be handed on unchanged.
"""

from __future__ import annotations

import errno
from enum import IntEnum

_MASK = 0xFFFFFFFF
_FAILURE = 0x80000000
_FACILITY_WIN32 = 0x80070000


class HRESULT(IntEnum):
    """Result codes by the names of the Windows headers (contract 12.1-12.3). ``HRESULT(n)`` also takes the
    signed spelling (``HRESULT(-2147467260) is HRESULT.E_ABORT``) and raises ValueError for a code without a
    name; ``to_hresult`` keeps such codes. WIN32_E_... are the HRESULT_FROM_WIN32 codes, which have no names
    on Windows.
    """

    # general
    S_OK = 0x00000000
    NOERROR = S_OK
    S_FALSE = 0x00000001  # success, but: no / end of data / fewer than asked for
    E_PENDING = 0x8000000A  # not there yet
    E_NOTIMPL = 0x80004001
    E_NOINTERFACE = 0x80004002
    E_POINTER = 0x80004003  # bad pointer, or buffer too small
    E_ABORT = 0x80004004
    E_FAIL = 0x80004005
    E_UNEXPECTED = 0x8000FFFF
    E_ACCESSDENIED = 0x80070005
    E_HANDLE = 0x80070006
    E_OUTOFMEMORY = 0x8007000E
    E_INVALIDARG = 0x80070057
    CO_E_NOTINITIALIZED = 0x800401F0
    RPC_E_RETRY = 0x80010109  # answer of OnSecurityProblem: go on
    RPC_E_WRONG_THREAD = 0x8001010E
    CLASS_E_NOAGGREGATION = 0x80040110
    REGDB_E_CLASSNOTREG = 0x80040154
    DV_E_FORMATETC = 0x80040064
    DV_E_TYMED = 0x80040069
    DV_E_CLIPFORMAT = 0x8004006A
    STG_E_ACCESSDENIED = 0x80030005
    STG_E_INSUFFICIENTMEMORY = 0x80030008
    STG_E_SEEKERROR = 0x80030019
    STG_E_INVALIDNAME = 0x800300FC

    # monikers
    MK_S_REDUCED_TO_SELF = 0x000401E2
    MK_S_ME = 0x000401E4
    MK_S_HIM = 0x000401E5
    MK_S_US = 0x000401E6
    MK_S_MONIKERALREADYREGISTERED = 0x000401E7
    MK_S_ASYNCHRONOUS = 0x000401E8  # the bind goes on; results by callback
    MK_E_CONNECTMANUALLY = 0x800401E0
    MK_E_EXCEEDEDDEADLINE = 0x800401E1
    MK_E_NEEDGENERIC = 0x800401E2
    MK_E_UNAVAILABLE = 0x800401E3
    MK_E_SYNTAX = 0x800401E4  # the name is not understood
    MK_E_NOOBJECT = 0x800401E5
    MK_E_INVALIDEXTENSION = 0x800401E6
    MK_E_INTERMEDIATEINTERFACENOTSUPPORTED = 0x800401E7
    MK_E_NOTBINDABLE = 0x800401E8
    MK_E_NOTBOUND = 0x800401E9
    MK_E_CANTOPENFILE = 0x800401EA
    MK_E_MUSTBOTHERUSER = 0x800401EB
    MK_E_NOINVERSE = 0x800401EC
    MK_E_NOSTORAGE = 0x800401ED
    MK_E_NOPREFIX = 0x800401EE
    MK_E_ENUMERATION_FAILED = 0x800401EF

    # URL monikers
    INET_E_INVALID_URL = 0x800C0002
    INET_E_NO_SESSION = 0x800C0003
    INET_E_CANNOT_CONNECT = 0x800C0004
    INET_E_RESOURCE_NOT_FOUND = 0x800C0005  # server, proxy or file
    INET_E_OBJECT_NOT_FOUND = 0x800C0006
    INET_E_DATA_NOT_AVAILABLE = 0x800C0007  # connected, but the data cannot be had
    INET_E_DOWNLOAD_FAILURE = 0x800C0008
    INET_E_AUTHENTICATION_REQUIRED = 0x800C0009
    INET_E_NO_VALID_MEDIA = 0x800C000A  # in no acceptable MIME type
    INET_E_CONNECTION_TIMEOUT = 0x800C000B
    INET_E_INVALID_REQUEST = 0x800C000C
    INET_E_UNKNOWN_PROTOCOL = 0x800C000D
    INET_E_SECURITY_PROBLEM = 0x800C000E
    INET_E_CANNOT_LOAD_DATA = 0x800C000F
    INET_E_CANNOT_INSTANTIATE_OBJECT = 0x800C0010
    INET_E_USE_DEFAULT_PROTOCOLHANDLER = 0x800C0011
    INET_E_DEFAULT_ACTION = INET_E_USE_DEFAULT_PROTOCOLHANDLER
    INET_E_USE_DEFAULT_SETTING = 0x800C0012
    INET_E_QUERYOPTION_UNKNOWN = 0x800C0013
    INET_E_REDIRECT_FAILED = 0x800C0014
    INET_E_REDIRECTING = INET_E_REDIRECT_FAILED
    INET_E_REDIRECT_TO_DIR = 0x800C0015
    INET_E_CANNOT_LOCK_REQUEST = 0x800C0016
    INET_E_USE_EXTEND_BINDING = 0x800C0017
    INET_E_USE_EXTENDED_BINDING = INET_E_USE_EXTEND_BINDING
    INET_E_TERMINATED_BIND = 0x800C0018
    INET_E_INVALID_CERTIFICATE = 0x800C0019
    INET_E_RESERVED_1 = 0x800C001A
    INET_E_BLOCKED_REDIRECT_XSECURITYID = 0x800C001B
    INET_E_DOMINJECTIONVALIDATION = 0x800C001C
    INET_E_CODE_DOWNLOAD_DECLINED = 0x800C0100
    INET_E_RESULT_DISPATCHED = 0x800C0200  # too late: the result is already out
    INET_E_CANNOT_REPLACE_SFP_FILE = 0x800C0300
    INET_E_CODE_INSTALL_SUPPRESSED = 0x800C0400
    INET_E_CODE_INSTALL_BLOCKED_BY_HASH_POLICY = 0x800C0500
    INET_E_DOWNLOAD_BLOCKED_BY_INPRIVATE = 0x800C0501
    INET_E_CODE_INSTALL_BLOCKED_IMMERSIVE = 0x800C0502
    INET_E_FORBIDFRAMING = 0x800C0503
    INET_E_CODE_INSTALL_BLOCKED_ARM = 0x800C0504
    INET_E_BLOCKED_PLUGGABLE_PROTOCOL = 0x800C0505

    # HRESULT_FROM_WIN32 of system and WinInet errors
    WIN32_E_FILE_NOT_FOUND = 0x80070002
    WIN32_E_PATH_NOT_FOUND = 0x80070003
    WIN32_E_TOO_MANY_OPEN_FILES = 0x80070004
    WIN32_E_NOT_SAME_DEVICE = 0x80070011
    WIN32_E_WRITE_PROTECT = 0x80070013
    WIN32_E_SHARING_VIOLATION = 0x80070020
    WIN32_E_FILE_EXISTS = 0x80070050
    WIN32_E_BROKEN_PIPE = 0x8007006D
    WIN32_E_DISK_FULL = 0x80070070
    STRSAFE_E_INSUFFICIENT_BUFFER = 0x8007007A
    WIN32_E_FILENAME_EXCED_RANGE = 0x800700CE  # name too long
    WIN32_E_FILE_TOO_LARGE = 0x800700DF
    WIN32_E_IO_DEVICE = 0x8007045D
    WIN32_E_DISK_QUOTA_EXCEEDED = 0x8007050F
    WIN32_E_RESOURCE_TYPE_NOT_FOUND = 0x80070715
    WIN32_E_CANT_RESOLVE_FILENAME = 0x80070781  # loop of links
    WININET_E_NAME_NOT_RESOLVED = 0x80072EE7

    @classmethod
    def _missing_(cls, value: object) -> HRESULT | None:
        if isinstance(value, int) and -_FAILURE <= value < 0:
            return cls(value & _MASK)
        return None

    def __repr__(self) -> str:
        return f"<HRESULT.{self.name}: 0x{self._value_:08X}>"


def _unsigned(hr: int) -> int:
    if not -_FAILURE <= hr <= _MASK:
        raise ValueError(f"not a 32-bit HRESULT: {hr}")
    return hr & _MASK


def succeeded(hr: int) -> bool:
    """True for success codes (S_OK, S_FALSE, MK_S_..., any code with a clear top bit). `hr` is signed or
    unsigned; ValueError if it does not fit 32 bits.
    """
    return _unsigned(hr) < _FAILURE


def failed(hr: int) -> bool:
    """True for failure codes; the opposite of ``succeeded``."""
    return not succeeded(hr)


def to_hresult(value: int | None) -> HRESULT | int:
    """What a callback returned, as an HRESULT: None is S_OK, a signed code becomes unsigned, a code without a
    name stays an (unsigned) int. TypeError for anything but an int or None, ValueError for more than 32 bits.
    """
    if value is None:
        return HRESULT.S_OK
    if not isinstance(value, int):
        raise TypeError(f"an HRESULT or None is expected, not {type(value).__name__}")
    code = _unsigned(value)
    try:
        return HRESULT(code)
    except ValueError:
        return code


def hresult_name(hr: int) -> str:
    """The name of a code for messages, or its hexadecimal form if it has none."""
    code = to_hresult(hr)
    return code.name if isinstance(code, HRESULT) else f"0x{code:08X}"


def hresult_from_win32(code: int) -> HRESULT | int:
    """HRESULT_FROM_WIN32: a Win32 or WinInet error number (2, 12007, ...) as an HRESULT. 0 gives S_OK, and a
    value that already is a failure HRESULT is returned as it is. ValueError for other numbers above 65535.
    """
    if code < 0 or code > 0xFFFF:
        if failed(code):
            return to_hresult(code)
        raise ValueError(f"not a Win32 error number: {code}")
    return to_hresult(_FACILITY_WIN32 | code) if code else HRESULT.S_OK


# By name, because not every system has every number (EHOSTDOWN, EDQUOT); where a number is missing, so is the
# error.
_ERRNO_NAMES = {
    "EPERM": HRESULT.E_ACCESSDENIED,
    "EACCES": HRESULT.E_ACCESSDENIED,
    "EISDIR": HRESULT.E_ACCESSDENIED,  # what Windows says to writing over a folder
    "EROFS": HRESULT.WIN32_E_WRITE_PROTECT,
    "ENOENT": HRESULT.WIN32_E_FILE_NOT_FOUND,
    "ENOTDIR": HRESULT.WIN32_E_PATH_NOT_FOUND,
    "EEXIST": HRESULT.WIN32_E_FILE_EXISTS,
    "EBUSY": HRESULT.WIN32_E_SHARING_VIOLATION,
    "ETXTBSY": HRESULT.WIN32_E_SHARING_VIOLATION,
    "ENOSPC": HRESULT.WIN32_E_DISK_FULL,
    "EDQUOT": HRESULT.WIN32_E_DISK_QUOTA_EXCEEDED,
    "EFBIG": HRESULT.WIN32_E_FILE_TOO_LARGE,
    "EMFILE": HRESULT.WIN32_E_TOO_MANY_OPEN_FILES,
    "ENFILE": HRESULT.WIN32_E_TOO_MANY_OPEN_FILES,
    "ENAMETOOLONG": HRESULT.WIN32_E_FILENAME_EXCED_RANGE,
    "ELOOP": HRESULT.WIN32_E_CANT_RESOLVE_FILENAME,
    "EXDEV": HRESULT.WIN32_E_NOT_SAME_DEVICE,
    "EIO": HRESULT.WIN32_E_IO_DEVICE,
    "EPIPE": HRESULT.WIN32_E_BROKEN_PIPE,
    "EBADF": HRESULT.E_HANDLE,
    "EINVAL": HRESULT.E_INVALIDARG,
    "ENOMEM": HRESULT.E_OUTOFMEMORY,
    "ENOBUFS": HRESULT.E_OUTOFMEMORY,
    "EAGAIN": HRESULT.E_PENDING,
    "ENOSYS": HRESULT.E_NOTIMPL,
    "ENOTSUP": HRESULT.E_NOTIMPL,
    "EOPNOTSUPP": HRESULT.E_NOTIMPL,
    "ECANCELED": HRESULT.E_ABORT,
    "ETIMEDOUT": HRESULT.INET_E_CONNECTION_TIMEOUT,
    "ECONNREFUSED": HRESULT.INET_E_CANNOT_CONNECT,
    "EHOSTUNREACH": HRESULT.INET_E_CANNOT_CONNECT,
    "EHOSTDOWN": HRESULT.INET_E_CANNOT_CONNECT,
    "ENETUNREACH": HRESULT.INET_E_CANNOT_CONNECT,
    "ENETDOWN": HRESULT.INET_E_CANNOT_CONNECT,
    "EADDRNOTAVAIL": HRESULT.INET_E_CANNOT_CONNECT,
    "ECONNRESET": HRESULT.INET_E_DOWNLOAD_FAILURE,
    "ECONNABORTED": HRESULT.INET_E_DOWNLOAD_FAILURE,
}

_ERRNO_HRESULTS = {getattr(errno, name): hr for name, hr in _ERRNO_NAMES.items() if hasattr(errno, name)}


def hresult_from_errno(errno_value: int) -> HRESULT:
    """The HRESULT of a system call's errno: 0 gives S_OK, an errno without a counterpart E_FAIL."""
    if errno_value == 0:
        return HRESULT.S_OK
    return _ERRNO_HRESULTS.get(errno_value, HRESULT.E_FAIL)
