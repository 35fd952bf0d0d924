"""Flags and string numbers spoken between a binding and its protocol handler."""

from __future__ import annotations

from enum import IntEnum

from ._flags import Flags32


class PI(Flags32):
    """Flags of IInternetProtocolRoot::Start and of PROTOCOLDATA.grfFlags (contract 11.3)."""

    PARSE_URL = 0x00000001  # only check the URL
    FILTER_MODE = 0x00000002  # the handler is a MIME filter
    FORCE_ASYNC = 0x00000004  # go on in a worker soon; in PROTOCOLDATA: queue the switch in any case
    USE_WORKERTHREAD = 0x00000008
    MIMEVERIFICATION = 0x00000010  # verify (sniff) and report the type
    CLSIDLOOKUP = 0x00000020  # find the class of the type
    DATAPROGRESS = 0x00000040
    SYNCHRONOUS = 0x00000080
    APARTMENTTHREADED = 0x00000100
    CLASSINSTALL = 0x00000200
    PASSONBINDCTX = 0x00002000
    LOADAPPDIRECT = 0x00004000
    NOMIMEHANDLER = 0x00008000  # no MIME filter
    PREFERDEFAULTHANDLER = 0x00020000


class PD(Flags32):
    """The flag of PROTOCOLDATA.grfFlags that is not also a PI flag (contract 11.3)."""

    FORCE_SWITCH = 0x00010000


class OIBDG(Flags32):
    """Flags of a protocol's binding options, OIBDG_FLAGS (contract 11.3)."""

    APARTMENTTHREADED = 0x00000100
    DATAONLY = 0x00001000


class BINDSTRING(IntEnum):
    """Strings a protocol handler asks of its client with IInternetBindInfo::GetBindString (contract 11.2). 24
    to 26 are those of the Windows 10 header.
    """

    HEADERS = 1
    ACCEPT_MIMES = 2  # several strings
    EXTRA_URL = 3
    LANGUAGE = 4
    USERNAME = 5
    PASSWORD = 6
    UA_PIXELS = 7
    UA_COLOR = 8
    OS = 9
    USER_AGENT = 10
    ACCEPT_ENCODINGS = 11
    POST_COOKIE = 12
    POST_DATA_MIME = 13  # Content-Type of the request body
    URL = 14
    IID = 15
    FLAG_BIND_TO_OBJECT = 16
    PTR_BIND_CONTEXT = 17
    XDR_ORIGIN = 18
    DOWNLOADPATH = 19
    ROOTDOC_URL = 20
    INITIAL_FILENAME = 21
    PROXY_USERNAME = 22
    PROXY_PASSWORD = 23
    ENTERPRISE_ID = 24
    DOC_URL = 25
    SAMESITE_COOKIE_LEVEL = 26
