"""HRESULTs: the contract's numbers, success and failure, signed and unsigned, from Win32 and errno."""

from __future__ import annotations

import errno
import pickle

import pytest

from urlmon.hresult import (
    HRESULT,
    failed,
    hresult_from_errno,
    hresult_from_win32,
    hresult_name,
    succeeded,
    to_hresult,
)

# Contract 12.1 to 12.3.
CONTRACT = """
    S_OK=0x00000000 NOERROR=0x00000000 S_FALSE=0x00000001 E_PENDING=0x8000000A E_NOTIMPL=0x80004001
    E_NOINTERFACE=0x80004002 E_POINTER=0x80004003 E_ABORT=0x80004004 E_FAIL=0x80004005
    E_UNEXPECTED=0x8000FFFF E_ACCESSDENIED=0x80070005 E_HANDLE=0x80070006 E_OUTOFMEMORY=0x8007000E
    E_INVALIDARG=0x80070057 CO_E_NOTINITIALIZED=0x800401F0 RPC_E_RETRY=0x80010109
    RPC_E_WRONG_THREAD=0x8001010E CLASS_E_NOAGGREGATION=0x80040110 REGDB_E_CLASSNOTREG=0x80040154
    DV_E_FORMATETC=0x80040064 DV_E_TYMED=0x80040069 DV_E_CLIPFORMAT=0x8004006A
    STG_E_ACCESSDENIED=0x80030005 STG_E_INSUFFICIENTMEMORY=0x80030008 STG_E_SEEKERROR=0x80030019
    MK_S_REDUCED_TO_SELF=0x000401E2 MK_S_ME=0x000401E4 MK_S_HIM=0x000401E5 MK_S_US=0x000401E6
    MK_S_MONIKERALREADYREGISTERED=0x000401E7 MK_S_ASYNCHRONOUS=0x000401E8 MK_E_CONNECTMANUALLY=0x800401E0
    MK_E_EXCEEDEDDEADLINE=0x800401E1 MK_E_NEEDGENERIC=0x800401E2 MK_E_UNAVAILABLE=0x800401E3
    MK_E_SYNTAX=0x800401E4 MK_E_NOOBJECT=0x800401E5 MK_E_INVALIDEXTENSION=0x800401E6
    MK_E_INTERMEDIATEINTERFACENOTSUPPORTED=0x800401E7 MK_E_NOTBINDABLE=0x800401E8 MK_E_NOTBOUND=0x800401E9
    MK_E_CANTOPENFILE=0x800401EA MK_E_MUSTBOTHERUSER=0x800401EB MK_E_NOINVERSE=0x800401EC
    MK_E_NOSTORAGE=0x800401ED MK_E_NOPREFIX=0x800401EE MK_E_ENUMERATION_FAILED=0x800401EF
    INET_E_INVALID_URL=0x800C0002 INET_E_NO_SESSION=0x800C0003 INET_E_CANNOT_CONNECT=0x800C0004
    INET_E_RESOURCE_NOT_FOUND=0x800C0005 INET_E_OBJECT_NOT_FOUND=0x800C0006
    INET_E_DATA_NOT_AVAILABLE=0x800C0007 INET_E_DOWNLOAD_FAILURE=0x800C0008
    INET_E_AUTHENTICATION_REQUIRED=0x800C0009 INET_E_NO_VALID_MEDIA=0x800C000A
    INET_E_CONNECTION_TIMEOUT=0x800C000B INET_E_INVALID_REQUEST=0x800C000C
    INET_E_UNKNOWN_PROTOCOL=0x800C000D INET_E_SECURITY_PROBLEM=0x800C000E
    INET_E_CANNOT_LOAD_DATA=0x800C000F INET_E_CANNOT_INSTANTIATE_OBJECT=0x800C0010
    INET_E_USE_DEFAULT_PROTOCOLHANDLER=0x800C0011 INET_E_DEFAULT_ACTION=0x800C0011
    INET_E_USE_DEFAULT_SETTING=0x800C0012 INET_E_QUERYOPTION_UNKNOWN=0x800C0013
    INET_E_REDIRECT_FAILED=0x800C0014 INET_E_REDIRECTING=0x800C0014 INET_E_REDIRECT_TO_DIR=0x800C0015
    INET_E_CANNOT_LOCK_REQUEST=0x800C0016 INET_E_USE_EXTEND_BINDING=0x800C0017
    INET_E_USE_EXTENDED_BINDING=0x800C0017 INET_E_TERMINATED_BIND=0x800C0018
    INET_E_INVALID_CERTIFICATE=0x800C0019 INET_E_RESERVED_1=0x800C001A
    INET_E_BLOCKED_REDIRECT_XSECURITYID=0x800C001B INET_E_DOMINJECTIONVALIDATION=0x800C001C
    INET_E_CODE_DOWNLOAD_DECLINED=0x800C0100 INET_E_RESULT_DISPATCHED=0x800C0200
    INET_E_CANNOT_REPLACE_SFP_FILE=0x800C0300 INET_E_CODE_INSTALL_SUPPRESSED=0x800C0400
    INET_E_CODE_INSTALL_BLOCKED_BY_HASH_POLICY=0x800C0500 INET_E_DOWNLOAD_BLOCKED_BY_INPRIVATE=0x800C0501
    INET_E_CODE_INSTALL_BLOCKED_IMMERSIVE=0x800C0502 INET_E_FORBIDFRAMING=0x800C0503
    INET_E_CODE_INSTALL_BLOCKED_ARM=0x800C0504 INET_E_BLOCKED_PLUGGABLE_PROTOCOL=0x800C0505
"""


def signed(hr: int) -> int:
    return hr - (1 << 32) if hr & 0x80000000 else hr


def test_contract_values() -> None:
    expected = {name: int(value, 16) for name, value in (pair.split("=") for pair in CONTRACT.split())}
    assert {name: int(HRESULT[name]) for name in expected} == expected
    others = set(HRESULT.__members__) - set(expected)
    known = ("WIN32_E_", "WININET_E_", "STRSAFE_E_", "STG_E_INVALIDNAME")
    assert {name for name in others if not name.startswith(known)} == set()


@pytest.mark.parametrize("hr", list(HRESULT))
def test_success_is_the_top_bit(hr: HRESULT) -> None:
    ok = hr in (0, 1) or hr.name.startswith("MK_S_")
    assert succeeded(hr) is ok
    assert failed(hr) is not ok
    assert succeeded(signed(hr)) is ok
    assert 0 <= hr <= 0xFFFFFFFF


@pytest.mark.parametrize("hr", list(HRESULT))
def test_signed_is_the_same_code(hr: HRESULT) -> None:
    assert HRESULT(signed(hr)) is hr
    assert to_hresult(signed(hr)) is hr
    assert to_hresult(int(hr)) is hr
    assert pickle.loads(pickle.dumps(hr)) is hr


def test_none_is_success() -> None:
    assert to_hresult(None) is HRESULT.S_OK
    assert HRESULT["NOERROR"] is HRESULT.S_OK


def test_unknown_codes_stay_numbers() -> None:
    assert to_hresult(0x80041234) == 0x80041234
    assert to_hresult(signed(0x80041234)) == 0x80041234
    assert type(to_hresult(0x80041234)) is int
    assert failed(0x80041234)
    assert succeeded(0x00041234)
    with pytest.raises(ValueError, match="is not a valid HRESULT"):
        HRESULT(0x80041234)
    with pytest.raises(ValueError, match="is not a valid HRESULT"):
        HRESULT(signed(0x80041234))


@pytest.mark.parametrize("value", [1 << 32, -(1 << 31) - 1])
def test_more_than_32_bits(value: int) -> None:
    for function in (to_hresult, succeeded, failed):
        with pytest.raises(ValueError, match="32-bit"):
            function(value)


@pytest.mark.parametrize("value", ["E_FAIL", 1.0, b"", object()])
def test_only_integers(value: object) -> None:
    with pytest.raises(TypeError, match="HRESULT or None"):
        to_hresult(value)  # type: ignore[arg-type]


def test_names() -> None:
    assert hresult_name(0x80004004) == "E_ABORT"
    assert hresult_name(-2147467260) == "E_ABORT"
    assert hresult_name(HRESULT.INET_E_DEFAULT_ACTION) == "INET_E_USE_DEFAULT_PROTOCOLHANDLER"
    assert hresult_name(0x80041234) == "0x80041234"
    assert repr(HRESULT.E_ABORT) == "<HRESULT.E_ABORT: 0x80004004>"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, HRESULT.S_OK),
        (2, HRESULT.WIN32_E_FILE_NOT_FOUND),
        (3, HRESULT.WIN32_E_PATH_NOT_FOUND),
        (5, HRESULT.E_ACCESSDENIED),
        (14, HRESULT.E_OUTOFMEMORY),
        (32, HRESULT.WIN32_E_SHARING_VIOLATION),
        (80, HRESULT.WIN32_E_FILE_EXISTS),
        (87, HRESULT.E_INVALIDARG),
        (112, HRESULT.WIN32_E_DISK_FULL),
        (122, HRESULT.STRSAFE_E_INSUFFICIENT_BUFFER),
        (12007, HRESULT.WININET_E_NAME_NOT_RESOLVED),
        (12037, 0x80072F05),
        (0x80004005, HRESULT.E_FAIL),
        (-2147467259, HRESULT.E_FAIL),
    ],
)
def test_from_win32(code: int, expected: int) -> None:
    assert hresult_from_win32(code) == expected


def test_from_win32_refuses_large_numbers() -> None:
    with pytest.raises(ValueError, match="70000"):
        hresult_from_win32(70000)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, HRESULT.S_OK),
        (errno.ENOSPC, HRESULT.WIN32_E_DISK_FULL),
        (errno.EACCES, HRESULT.E_ACCESSDENIED),
        (errno.EPERM, HRESULT.E_ACCESSDENIED),
        (errno.EROFS, HRESULT.WIN32_E_WRITE_PROTECT),
        (errno.ENOENT, HRESULT.WIN32_E_FILE_NOT_FOUND),
        (errno.ENOTDIR, HRESULT.WIN32_E_PATH_NOT_FOUND),
        (errno.EEXIST, HRESULT.WIN32_E_FILE_EXISTS),
        (errno.ENOMEM, HRESULT.E_OUTOFMEMORY),
        (errno.EMFILE, HRESULT.WIN32_E_TOO_MANY_OPEN_FILES),
        (errno.EIO, HRESULT.WIN32_E_IO_DEVICE),
        (errno.ECONNREFUSED, HRESULT.INET_E_CANNOT_CONNECT),
        (errno.ETIMEDOUT, HRESULT.INET_E_CONNECTION_TIMEOUT),
        (errno.ECONNRESET, HRESULT.INET_E_DOWNLOAD_FAILURE),
        (errno.EDOM, HRESULT.E_FAIL),
        (999999, HRESULT.E_FAIL),
    ],
)
def test_from_errno(number: int, expected: HRESULT) -> None:
    assert hresult_from_errno(number) is expected


def test_every_errno_gives_a_failure() -> None:
    assert all(failed(hresult_from_errno(number)) for number in errno.errorcode)
