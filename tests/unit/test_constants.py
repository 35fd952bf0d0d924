"""The enums have the contract's names and numbers, and flag words lose no bit."""

from __future__ import annotations

import copy
import enum
import json
import pickle
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from urlmon import constants, identifiers
from urlmon.constants import (
    BINDF,
    BINDINFO_OPTIONS,
    BINDSTATUS,
    BSCF,
    HTTP_QUERY,
    PARSEACTION,
    PI,
    TYMED,
    Priority,
    Uri_HAS,
    Uri_PROPERTY,
)
from urlmon.hresult import HRESULT

VECTORS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "constants.json").read_text(encoding="utf-8")
)

# Windows names that are left out on purpose, with the reason. A "*" stands for the rest of a name.
NOT_PROVIDED = {
    "FEATURE_*": "feature controls of a Windows browser",
    "GET_FEATURE_FROM_PROCESS": "feature controls of a Windows browser",
    "SET_FEATURE_ON_PROCESS": "feature controls of a Windows browser",
    "UAS_EXACTLEGACY": "document mode of a Windows browser",
    "INTERNET_HANDLE_TYPE_*": "WinInet handles; libcurl has none",
    "INTERNET_OPTION_HANDLE_TYPE": "WinInet handles; libcurl has none",
    "INTERNET_MAX_URL_LENGTH": "buffer size of WinInet; there is no such limit here",
    "ERROR_FILE_NOT_FOUND": "plain Win32 number, argument of hresult_from_win32",
    "ERROR_DLL_NOT_FOUND": "only the res: protocol reports it",
    "ERROR_RESOURCE_TYPE_NOT_FOUND": "only the res: protocol reports it",
    "CIP_*": "ICodeInstall: installs Windows components",
}

# Prefix of the Windows names -> name of the enum that has them.
FAMILIES = {
    "AUTHENTICATEF_": "AUTHENTICATEF",
    "BINDF2_": "BINDF2",
    "BINDF_": "BINDF",
    "BINDINFOF_": "BINDINFOF",
    "BINDINFO_OPTIONS_": "BINDINFO_OPTIONS",
    "BINDSTATUS_": "BINDSTATUS",
    "BINDSTRING_": "BINDSTRING",
    "BINDVERB_": "BINDVERB",
    "BIND_": "BIND_FLAGS",
    "BSCF_": "BSCF",
    "DVASPECT_": "DVASPECT",
    "ERROR_INTERNET_": "INTERNET_ERROR",
    "FMFD_": "FMFD",
    "HTTP_QUERY_": "HTTP_QUERY",
    "MKSYS_": "MKSYS",
    "OIBDG_": "OIBDG",
    "PARSE_": "PARSEACTION",
    "PD_": "PD",
    "PI_": "PI",
    "PSU_": "PSUACTION",
    "QUERY_": "QUERYOPTION",
    "STGM_": "STGM",
    "STREAM_SEEK_": "STREAM_SEEK",
    "THREAD_PRIORITY_": "Priority",
    "TYMED_": "TYMED",
    "URLMON_OPTION_": "URLMON_OPTION",
    "URLOSTRM_": "URLOSTRM",
    "URLZONE_": "URLZONE",
    "URL_MK_": "URL_MK",
    "URL_SCHEME_": "URL_SCHEME",
    "URL_": "URL_FLAGS",
    "Uri_CREATE_": "Uri_CREATE",
    "Uri_DISPLAY_": "Uri_DISPLAY",
    "Uri_HAS_": "Uri_HAS",
    "Uri_HOST_": "Uri_HOST",
    "Uri_PROPERTY_": "Uri_PROPERTY",
}

# Members that cannot be called what is left of the Windows name.
RENAMED = {
    "BSCF_64BITLENGTHDOWNLOAD": "LENGTH_64BIT_DOWNLOAD",
    "BINDSTATUS_64BIT_PROGRESS": "PROGRESS_64BIT",
    "ERROR_INTERNET_HTTP_REDIRECT_NEEDS_CONFIRMATION": "HTTP_REDIRECT_NEEDS_CONFIRMATION",
}

# Windows names that are no members of an enum.
SINGLE = {
    "THREAD_PRIORITY_ERROR_RETURN": constants.THREAD_PRIORITY_ERROR_RETURN,
    "UriBuilder_USE_ORIGINAL_FLAGS": constants.UriBuilder_USE_ORIGINAL_FLAGS,
    "Uri_PUNYCODE_IDN_HOST": constants.Uri_DISPLAY.PUNYCODE_IDN_HOST,
}

# The contract's tables, by prefix. STGM, URL_SCHEME and the like are only in the vectors.
CONTRACT = {
    "BINDF_": """
        ASYNCHRONOUS=0x1 ASYNCSTORAGE=0x2 NOPROGRESSIVERENDERING=0x4 OFFLINEOPERATION=0x8
        GETNEWESTVERSION=0x10 DONTUSECACHE=0x10 NOWRITECACHE=0x20 DONTPUTINCACHE=0x20 NEEDFILE=0x40
        PULLDATA=0x80 NOCOPYDATA=0x80 IGNORESECURITYPROBLEM=0x100 RESYNCHRONIZE=0x200 HYPERLINK=0x400
        NO_UI=0x800 SILENTOPERATION=0x1000 PRAGMA_NO_CACHE=0x2000 GETCLASSOBJECT=0x4000
        RESERVED_1=0x8000 FREE_THREADED=0x10000 DIRECT_READ=0x20000 FORMS_SUBMIT=0x40000
        GETFROMCACHE_IF_NET_FAIL=0x80000 FROMURLMON=0x100000 FWD_BACK=0x200000
        PREFERDEFAULTHANDLER=0x400000 ENFORCERESTRICTED=0x800000 RESERVED_3=0x1000000
        RESERVED_4=0x2000000 RESERVED_5=0x4000000 RESERVED_6=0x8000000 RESERVED_8=0x20000000
        RESERVED_7=0x40000000 RESERVED_2=0x80000000
    """,
    "BINDF2_": """
        DISABLEBASICOVERHTTP=0x1 DISABLEAUTOCOOKIEHANDLING=0x2 READ_DATA_GREATER_THAN_4GB=0x4
        DISABLE_HTTP_REDIRECT_XSECURITYID=0x8 SETDOWNLOADMODE=0x20 DISABLE_HTTP_REDIRECT_CACHING=0x40
        KEEP_CALLBACK_MODULE_LOADED=0x80 ALLOW_PROXY_CRED_PROMPT=0x100 RESERVED_F=0x20000
        RESERVED_E=0x40000 RESERVED_D=0x80000 RESERVED_C=0x100000 RESERVED_B=0x200000
        RESERVED_A=0x400000 RESERVED_9=0x800000 RESERVED_8=0x1000000 RESERVED_7=0x2000000
        RESERVED_6=0x4000000 RESERVED_5=0x8000000 RESERVED_4=0x10000000 RESERVED_3=0x20000000
        RESERVED_2=0x40000000 RESERVED_1=0x80000000
    """,
    "BINDINFO_OPTIONS_": """
        WININETFLAG=0x10000 ENABLE_UTF8=0x20000 DISABLE_UTF8=0x40000 USE_IE_ENCODING=0x80000
        BINDTOOBJECT=0x100000 SECURITYOPTOUT=0x200000 IGNOREMIMETEXTPLAIN=0x400000
        USEBINDSTRINGCREDS=0x800000 IGNOREHTTPHTTPSREDIRECTS=0x1000000 IGNORE_SSLERRORS_ONCE=0x2000000
        WPC_DOWNLOADBLOCKED=0x8000000 WPC_LOGGING=0x10000000 ALLOWCONNECTDATA=0x20000000
        DISABLEAUTOREDIRECTS=0x40000000 SHDOCVW_NAVIGATE=0x80000000
    """,
    "BSCF_": """
        FIRSTDATANOTIFICATION=0x1 INTERMEDIATEDATANOTIFICATION=0x2 LASTDATANOTIFICATION=0x4
        DATAFULLYAVAILABLE=0x8 AVAILABLEDATASIZEUNKNOWN=0x10 SKIPDRAINDATAFORFILEURLS=0x20
        64BITLENGTHDOWNLOAD=0x40
    """,
    "BINDSTATUS_": """
        FINDINGRESOURCE=1 CONNECTING=2 REDIRECTING=3 BEGINDOWNLOADDATA=4 DOWNLOADINGDATA=5
        ENDDOWNLOADDATA=6 BEGINDOWNLOADCOMPONENTS=7 INSTALLINGCOMPONENTS=8 ENDDOWNLOADCOMPONENTS=9
        USINGCACHEDCOPY=10 SENDINGREQUEST=11 CLASSIDAVAILABLE=12 MIMETYPEAVAILABLE=13
        CACHEFILENAMEAVAILABLE=14 BEGINSYNCOPERATION=15 ENDSYNCOPERATION=16 BEGINUPLOADDATA=17
        UPLOADINGDATA=18 ENDUPLOADDATA=19 PROTOCOLCLASSID=20 ENCODING=21 VERIFIEDMIMETYPEAVAILABLE=22
        CLASSINSTALLLOCATION=23 DECODING=24 LOADINGMIMEHANDLER=25 CONTENTDISPOSITIONATTACH=26
        FILTERREPORTMIMETYPE=27 CLSIDCANINSTANTIATE=28 IUNKNOWNAVAILABLE=29 DIRECTBIND=30
        RAWMIMETYPE=31 PROXYDETECTING=32 ACCEPTRANGES=33 COOKIE_SENT=34 COMPACT_POLICY_RECEIVED=35
        COOKIE_SUPPRESSED=36 COOKIE_STATE_UNKNOWN=37 COOKIE_STATE_ACCEPT=38 COOKIE_STATE_REJECT=39
        COOKIE_STATE_PROMPT=40 COOKIE_STATE_LEASH=41 COOKIE_STATE_DOWNGRADE=42 POLICY_HREF=43
        P3P_HEADER=44 SESSION_COOKIE_RECEIVED=45 PERSISTENT_COOKIE_RECEIVED=46
        SESSION_COOKIES_ALLOWED=47 CACHECONTROL=48 CONTENTDISPOSITIONFILENAME=49
        MIMETEXTPLAINMISMATCH=50 PUBLISHERAVAILABLE=51 DISPLAYNAMEAVAILABLE=52 SSLUX_NAVBLOCKED=53
        SERVER_MIMETYPEAVAILABLE=54 SNIFFED_CLASSIDAVAILABLE=55 64BIT_PROGRESS=56 LAST=56
        RESERVED_0=57 RESERVED_1=58 RESERVED_2=59 RESERVED_3=60 RESERVED_4=61 RESERVED_5=62
        RESERVED_6=63 RESERVED_7=64 RESERVED_8=65 RESERVED_9=66 LAST_PRIVATE=66
    """,
    "BINDVERB_": """
        GET=0 POST=1 PUT=2 CUSTOM=3 RESERVED1=4
    """,
    "BINDINFOF_": """
        URLENCODESTGMEDDATA=1 URLENCODEDEXTRAINFO=2
    """,
    "TYMED_": """
        HGLOBAL=1 FILE=2 ISTREAM=4 ISTORAGE=8 GDI=16 MFPICT=32 ENHMF=64 NULL=0
    """,
    "THREAD_PRIORITY_": """
        IDLE=-15 LOWEST=-2 BELOW_NORMAL=-1 NORMAL=0 ABOVE_NORMAL=1 HIGHEST=2 TIME_CRITICAL=15
        ERROR_RETURN=0x7fffffff
    """,
    "HTTP_QUERY_": """
        CONTENT_TYPE=1 CONTENT_LENGTH=5 DATE=9 EXPIRES=10 LAST_MODIFIED=11 VERSION=18 STATUS_CODE=19
        STATUS_TEXT=20 RAW_HEADERS=21 RAW_HEADERS_CRLF=22 CONTENT_ENCODING=29 LOCATION=33 SERVER=37
        WWW_AUTHENTICATE=40 ACCEPT_RANGES=42 SET_COOKIE=43 REQUEST_METHOD=45 CONTENT_DISPOSITION=47
        CACHE_CONTROL=49 CONTENT_RANGE=53 ETAG=54 TRANSFER_ENCODING=63 CUSTOM=65535
        FLAG_REQUEST_HEADERS=0x80000000 FLAG_SYSTEMTIME=0x40000000 FLAG_NUMBER=0x20000000
        FLAG_COALESCE=0x10000000 FLAG_NUMBER64=0x8000000
    """,
    "BINDSTRING_": """
        HEADERS=1 ACCEPT_MIMES=2 EXTRA_URL=3 LANGUAGE=4 USERNAME=5 PASSWORD=6 UA_PIXELS=7 UA_COLOR=8
        OS=9 USER_AGENT=10 ACCEPT_ENCODINGS=11 POST_COOKIE=12 POST_DATA_MIME=13 URL=14 IID=15
        FLAG_BIND_TO_OBJECT=16 PTR_BIND_CONTEXT=17 XDR_ORIGIN=18 DOWNLOADPATH=19 ROOTDOC_URL=20
        INITIAL_FILENAME=21 PROXY_USERNAME=22 PROXY_PASSWORD=23
    """,
    "MKSYS_": """
        NONE=0 GENERICCOMPOSITE=1 FILEMONIKER=2 ANTIMONIKER=3 ITEMMONIKER=4 POINTERMONIKER=5
        CLASSMONIKER=7 URLMONIKER=6
    """,
    "ERROR_INTERNET_": """
        SEC_CERT_DATE_INVALID=12037 SEC_CERT_CN_INVALID=12038 HTTP_TO_HTTPS_ON_REDIR=12039
        HTTPS_TO_HTTP_ON_REDIR=12040 CLIENT_AUTH_CERT_NEEDED=12044 INVALID_CA=12045
        SEC_CERT_ERRORS=12055 SEC_CERT_REV_FAILED=12057 HTTP_REDIRECT_NEEDS_CONFIRMATION=12168
    """,
    "PARSE_": """
        CANONICALIZE=1 FRIENDLY=2 SECURITY_URL=3 ROOTDOCUMENT=4 DOCUMENT=5 ANCHOR=6 ENCODE=7
        ENCODE_IS_UNESCAPE=7 DECODE=8 DECODE_IS_ESCAPE=8 PATH_FROM_URL=9 URL_FROM_PATH=10 MIME=11
        SERVER=12 SCHEMA=13 SITE=14 DOMAIN=15 LOCATION=16 SECURITY_DOMAIN=17 ESCAPE=18 UNESCAPE=19
    """,
    "QUERY_": """
        EXPIRATION_DATE=1 TIME_OF_LAST_CHANGE=2 CONTENT_ENCODING=3 CONTENT_TYPE=4 REFRESH=5
        RECOMBINE=6 CAN_NAVIGATE=7 USES_NETWORK=8 IS_CACHED=9 IS_INSTALLEDENTRY=10
        IS_CACHED_OR_MAPPED=11 USES_CACHE=12 IS_SECURE=13 IS_SAFE=14 USES_HISTORYFOLDER=15
        IS_CACHED_AND_USABLE_OFFLINE=16
    """,
    "PSU_": """
        DEFAULT=1 SECURITY_URL_ONLY=2
    """,
    "URLOSTRM_": """
        USECACHEDCOPY_ONLY=1 USECACHEDCOPY=2 GETNEWESTVERSION=3
    """,
    "Uri_CREATE_": """
        ALLOW_RELATIVE=0x1 ALLOW_IMPLICIT_WILDCARD_SCHEME=0x2 ALLOW_IMPLICIT_FILE_SCHEME=0x4
        NOFRAG=0x8 NO_CANONICALIZE=0x10 CANONICALIZE=0x100 FILE_USE_DOS_PATH=0x20
        DECODE_EXTRA_INFO=0x40 NO_DECODE_EXTRA_INFO=0x80 CRACK_UNKNOWN_SCHEMES=0x200
        NO_CRACK_UNKNOWN_SCHEMES=0x400 PRE_PROCESS_HTML_URI=0x800 NO_PRE_PROCESS_HTML_URI=0x1000
        IE_SETTINGS=0x2000 NO_IE_SETTINGS=0x4000 NO_ENCODE_FORBIDDEN_CHARACTERS=0x8000
        NORMALIZE_INTL_CHARACTERS=0x10000 CANONICALIZE_ABSOLUTE=0x20000
    """,
    "Uri_PROPERTY_": """
        ABSOLUTE_URI=0 AUTHORITY=1 DISPLAY_URI=2 DOMAIN=3 EXTENSION=4 FRAGMENT=5 HOST=6 PASSWORD=7
        PATH=8 PATH_AND_QUERY=9 QUERY=10 RAW_URI=11 SCHEME_NAME=12 USER_INFO=13 USER_NAME=14
        HOST_TYPE=15 PORT=16 SCHEME=17 ZONE=18
    """,
    "FMFD_": """
        DEFAULT=0x0 URLASFILENAME=0x1 ENABLEMIMESNIFFING=0x2 IGNOREMIMETEXTPLAIN=0x4 SERVERMIME=0x8
        RESPECTTEXTPLAIN=0x10 RETURNUPDATEDIMGMIMES=0x20
    """,
    "PI_": """
        PARSE_URL=0x1 FILTER_MODE=0x2 FORCE_ASYNC=0x4 USE_WORKERTHREAD=0x8 MIMEVERIFICATION=0x10
        CLSIDLOOKUP=0x20 DATAPROGRESS=0x40 SYNCHRONOUS=0x80 APARTMENTTHREADED=0x100 CLASSINSTALL=0x200
        PASSONBINDCTX=0x2000 LOADAPPDIRECT=0x4000 NOMIMEHANDLER=0x8000 PREFERDEFAULTHANDLER=0x20000
    """,
    "PD_": """
        FORCE_SWITCH=0x10000
    """,
    "OIBDG_": "APARTMENTTHREADED=0x100 DATAONLY=0x1000",
    "AUTHENTICATEF_": "PROXY=1 BASIC=2 HTTP=4",
    "URL_MK_": "LEGACY=0 UNIFORM=1 NO_CANONICALIZE=2",
    "URL_": "DONT_SIMPLIFY=0x08000000 DONT_UNESCAPE_EXTRA_INFO=0x02000000 FILE_USE_PATHURL=0x00010000",
    "URLMON_OPTION_": """
        USERAGENT=0x10000001 USERAGENT_REFRESH=0x10000002 URL_ENCODING=0x10000004
        USE_BINDSTRINGCREDS=0x10000008 USE_BROWSERAPPSDOCUMENTS=0x10000010
    """,
    "Uri_HOST_": "UNKNOWN=0 DNS=1 IPV4=2 IPV6=3 IDN=4",
    "Uri_DISPLAY_": "NO_FRAGMENT=1 PUNYCODE_IDN_HOST=2 IDN_HOST=4 NO_PUNYCODE=8",
    "BIND_": "MAYBOTHERUSER=1",
    "DVASPECT_": "CONTENT=1",
    "STGM_": "READWRITE=2 SHARE_EXCLUSIVE=0x10",
}

# Last byte of 79eac9XX-baf9-11ce-8c82-00aa004ba90b, for the interfaces the vectors do not name.
CONTRACT_IIDS = """
    IPersistMoniker=c9 IBindProtocol=cd IAuthenticate=d0 IInternet=e0 IInternetProtocolRoot=e3
    IInternetSession=e7 IInternetThreadSwitch=e8 IInternetProtocolSinkStackable=f0
"""


def left_out(name: str) -> bool:
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
        for pattern in NOT_PROVIDED
    )


def lookup(name: str) -> int | UUID:
    """The value this package gives to a Windows name; KeyError or AttributeError if it has none."""
    if name in SINGLE:
        return SINGLE[name]
    if name in HRESULT.__members__:
        return HRESULT[name]
    if name.startswith(("IID_", "CLSID_")):
        identifier: UUID = getattr(identifiers, name)
        return identifier
    prefix = max((p for p in FAMILIES if name.startswith(p)), key=len)
    family: type[enum.IntEnum] = getattr(constants, FAMILIES[prefix])
    return family[RENAMED.get(name, name[len(prefix) :])]


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_observed_value(name: str) -> None:
    if left_out(name):
        with pytest.raises((KeyError, AttributeError, ValueError)):
            lookup(name)
        return
    vector = VECTORS[name]
    if "guid" in vector:
        assert lookup(name) == UUID(vector["guid"])
    else:
        assert lookup(name) == vector["value"] == int(vector["hex"], 16)


@pytest.mark.parametrize("prefix", sorted(CONTRACT))
def test_contract_family(prefix: str) -> None:
    expected = dict(pair.split("=") for pair in CONTRACT[prefix].split())
    actual = {name: lookup(prefix + name) for name in expected}
    assert actual == {name: int(value, 0) for name, value in expected.items()}


@pytest.mark.parametrize("prefix", sorted(FAMILIES))
def test_family_exists_and_is_exported(prefix: str) -> None:
    family = getattr(constants, FAMILIES[prefix])
    assert issubclass(family, enum.IntEnum | enum.IntFlag)
    assert FAMILIES[prefix] in constants.__all__
    assert family.__doc__


def test_nothing_defined_is_outside_the_contract_and_vectors_by_accident() -> None:
    """A family that is exported is known to this test, so it is checked."""
    enums = {name for name in constants.__all__ if isinstance(getattr(constants, name), enum.EnumMeta)}
    assert enums == set(FAMILIES.values())


def test_contract_iids() -> None:
    for pair in CONTRACT_IIDS.split():
        name, low = pair.split("=")
        assert getattr(identifiers, f"IID_{name}") == UUID(f"79eac9{low}-baf9-11ce-8c82-00aa004ba90b")
    assert identifiers.IID_IWinInetInfo == UUID("79eac9d6-bafa-11ce-8c82-00aa004ba90b")
    assert identifiers.IID_IMoniker == UUID("0000000f-0000-0000-c000-000000000046")
    assert identifiers.IID_IPersistStream == UUID("00000109-0000-0000-c000-000000000046")


def test_status_numbers_have_no_gap() -> None:
    assert sorted(set(BINDSTATUS)) == list(range(1, 67))
    assert BINDSTATUS["LAST"] == 56


def test_property_masks_follow_the_properties() -> None:
    assert {m.name: m.value for m in Uri_HAS} == {m.name: 1 << m for m in Uri_PROPERTY}


def test_misleading_parse_actions_have_both_names() -> None:
    assert PARSEACTION["ENCODE"] is PARSEACTION.ENCODE_IS_UNESCAPE
    assert PARSEACTION["DECODE"] is PARSEACTION.DECODE_IS_ESCAPE


def test_module_level_moniker_flags() -> None:
    assert constants.URL_MK_LEGACY is constants.URL_MK.LEGACY
    assert (constants.URL_MK_UNIFORM, constants.URL_MK_NO_CANONICALIZE) == (1, 2)


@pytest.mark.parametrize("flags", [BINDF, BSCF, PI, BINDINFO_OPTIONS])
def test_unknown_bits_are_kept(flags: type[enum.IntFlag]) -> None:
    assert int(flags(0xFFFFFFFF)) == 0xFFFFFFFF
    word = flags(1 << 28 | 1)
    assert word & (1 << 28)
    assert isinstance(word | 2, flags)
    assert repr(word)


def test_flags_are_unsigned() -> None:
    assert BINDF(-0x80000000) is BINDF.RESERVED_2
    assert int(~BINDF.ASYNCHRONOUS) == 0xFFFFFFFE
    assert isinstance(~BINDF.ASYNCHRONOUS, BINDF)
    both = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE
    assert both & ~BINDF.ASYNCHRONOUS is BINDF.ASYNCSTORAGE
    assert (both | 1 << 28) & ~BINDF.ASYNCHRONOUS == 0x10000002


def test_flags_survive_copies() -> None:
    for word in (BINDF.PULLDATA, BINDF(1 << 28 | 3), ~BINDF.NO_UI):
        assert pickle.loads(pickle.dumps(word)) == word
        assert copy.deepcopy(word) == word


def test_flags_reject_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="PULLDATA"):
        BINDF("PULLDATA")  # type: ignore[arg-type]


def test_a_medium_is_one_of_the_kinds() -> None:
    with pytest.raises(ValueError, match="3"):
        TYMED(3)
    assert TYMED.FILE | TYMED.ISTREAM == 6


def test_priorities_compare_as_numbers() -> None:
    assert sorted(Priority, reverse=True)[0] is Priority.TIME_CRITICAL
    assert Priority.ABOVE_NORMAL > 0 > Priority.IDLE


def test_query_with_modifiers() -> None:
    query = HTTP_QUERY.CONTENT_LENGTH | HTTP_QUERY.FLAG_NUMBER | HTTP_QUERY.FLAG_REQUEST_HEADERS
    assert isinstance(query, HTTP_QUERY)
    assert query == 0xA0000005
    assert query.name == "CONTENT_LENGTH|FLAG_NUMBER|FLAG_REQUEST_HEADERS"
    assert query.attribute is HTTP_QUERY.CONTENT_LENGTH
    assert query.modifiers == HTTP_QUERY.FLAG_NUMBER | HTTP_QUERY.FLAG_REQUEST_HEADERS
    assert query & HTTP_QUERY.FLAG_NUMBER
    assert HTTP_QUERY(0xA0000005) is query
    assert HTTP_QUERY(0xA0000005 - (1 << 32)) is query
    assert pickle.loads(pickle.dumps(query)) is query
    assert copy.deepcopy(query) is query


def test_query_keeps_unknown_numbers() -> None:
    query = HTTP_QUERY(0x04000000 | 91)
    assert query == 0x0400005B
    assert query.attribute == 91
    assert query.name == "91|0x4000000"
    assert query not in HTTP_QUERY.__members__.values()
    with pytest.raises(ValueError, match="4294967296"):
        HTTP_QUERY(1 << 32)
    with pytest.raises(ValueError, match="STATUS_CODE"):
        HTTP_QUERY("STATUS_CODE")  # type: ignore[arg-type]
