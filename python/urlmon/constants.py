"""Flags, verbs, statuses, media and priorities of a bind operation, with the numbers of the Windows headers.

A member is named like the Windows constant without its prefix: ``BINDF_PULLDATA`` is ``BINDF.PULLDATA``. The
few names that would begin with a digit are turned round (``BINDSTATUS.PROGRESS_64BIT``). The other families
live beside this one and are re-exported here: http_constants, protocol_constants, storage_constants,
uri_constants.
"""

from __future__ import annotations

from enum import IntEnum

from ._flags import Flags32
from .http_constants import AUTHENTICATEF, HTTP_QUERY, INTERNET_ERROR
from .protocol_constants import BINDSTRING, OIBDG, PD, PI
from .storage_constants import BIND_FLAGS, DVASPECT, MKSYS, STGM, STREAM_SEEK, TYMED, ClipboardFormat
from .uri_constants import (
    FMFD,
    PARSEACTION,
    PSUACTION,
    QUERYOPTION,
    URL_FLAGS,
    URL_MK,
    URL_MK_LEGACY,
    URL_MK_NO_CANONICALIZE,
    URL_MK_UNIFORM,
    URL_SCHEME,
    URLMON_OPTION,
    URLOSTRM,
    URLZONE,
    Uri_CREATE,
    Uri_DISPLAY,
    Uri_HAS,
    Uri_HOST,
    Uri_PROPERTY,
    UriBuilder_USE_ORIGINAL_FLAGS,
)

__all__ = [
    "AUTHENTICATEF",
    "BINDF",
    "BINDF2",
    "BINDINFOF",
    "BINDINFO_OPTIONS",
    "BINDSTATUS",
    "BINDSTRING",
    "BINDVERB",
    "BIND_FLAGS",
    "BSCF",
    "DVASPECT",
    "FMFD",
    "HTTP_QUERY",
    "INTERNET_ERROR",
    "MKSYS",
    "OIBDG",
    "PARSEACTION",
    "PD",
    "PI",
    "PSUACTION",
    "QUERYOPTION",
    "STGM",
    "STREAM_SEEK",
    "THREAD_PRIORITY_ERROR_RETURN",
    "TYMED",
    "URLMON_OPTION",
    "URLOSTRM",
    "URLZONE",
    "URL_FLAGS",
    "URL_MK",
    "URL_MK_LEGACY",
    "URL_MK_NO_CANONICALIZE",
    "URL_MK_UNIFORM",
    "URL_SCHEME",
    "ClipboardFormat",
    "Priority",
    "UriBuilder_USE_ORIGINAL_FLAGS",
    "Uri_CREATE",
    "Uri_DISPLAY",
    "Uri_HAS",
    "Uri_HOST",
    "Uri_PROPERTY",
]


class BINDF(Flags32):
    """How to bind; returned by the client in ``BindInfo.flags`` (contract 5.2). Without ASYNCHRONOUS the bind
    call blocks; without PULLDATA data are pushed as fast as the client reads them.
    """

    ASYNCHRONOUS = 0x00000001  # the bind call returns at once, results come by callback
    ASYNCSTORAGE = 0x00000002  # the delivered stream says "nothing yet" instead of blocking
    NOPROGRESSIVERENDERING = 0x00000004
    OFFLINEOPERATION = 0x00000008  # cached copies only
    GETNEWESTVERSION = 0x00000010  # end to end reload
    DONTUSECACHE = GETNEWESTVERSION
    NOWRITECACHE = 0x00000020
    DONTPUTINCACHE = NOWRITECACHE
    NEEDFILE = 0x00000040  # the resource must end up in a local file
    PULLDATA = 0x00000080  # more is fetched only after the client has read all there is
    NOCOPYDATA = PULLDATA
    IGNORESECURITYPROBLEM = 0x00000100  # bad certificates, http <-> https redirects
    RESYNCHRONIZE = 0x00000200  # fetch only if modified since the last time
    HYPERLINK = 0x00000400
    NO_UI = 0x00000800
    SILENTOPERATION = 0x00001000
    PRAGMA_NO_CACHE = 0x00002000
    GETCLASSOBJECT = 0x00004000  # BindToObject: the class object instead of an instance
    RESERVED_1 = 0x00008000
    FREE_THREADED = 0x00010000  # reserved, nowhere described
    DIRECT_READ = 0x00020000  # the client need not know the exact size: no spooling
    FORMS_SUBMIT = 0x00040000
    GETFROMCACHE_IF_NET_FAIL = 0x00080000
    FROMURLMON = 0x00100000  # set by the system: the binding comes from a URL moniker
    FWD_BACK = 0x00200000  # cached copy if there is one, else the network
    PREFERDEFAULTHANDLER = 0x00400000  # built-in protocols before registered name spaces
    ENFORCERESTRICTED = 0x00800000
    RESERVED_3 = 0x01000000
    RESERVED_4 = 0x02000000
    RESERVED_5 = 0x04000000
    RESERVED_6 = 0x08000000
    RESERVED_8 = 0x20000000
    RESERVED_7 = 0x40000000
    RESERVED_2 = 0x80000000


class BINDF2(Flags32):
    """Second flag word, of clients that offer GetBindInfoEx (contract 5.3)."""

    DISABLEBASICOVERHTTP = 0x00000001  # no Basic authentication over plain http
    DISABLEAUTOCOOKIEHANDLING = 0x00000002
    READ_DATA_GREATER_THAN_4GB = 0x00000004
    DISABLE_HTTP_REDIRECT_XSECURITYID = 0x00000008  # INET_E_BLOCKED_REDIRECT_XSECURITYID
    SETDOWNLOADMODE = 0x00000020  # the operation is a file download
    DISABLE_HTTP_REDIRECT_CACHING = 0x00000040
    KEEP_CALLBACK_MODULE_LOADED = 0x00000080
    ALLOW_PROXY_CRED_PROMPT = 0x00000100
    RESERVED_F = 0x00020000
    RESERVED_E = 0x00040000
    RESERVED_D = 0x00080000
    RESERVED_C = 0x00100000
    RESERVED_B = 0x00200000
    RESERVED_A = 0x00400000
    RESERVED_9 = 0x00800000
    RESERVED_8 = 0x01000000
    RESERVED_7 = 0x02000000
    RESERVED_6 = 0x04000000
    RESERVED_5 = 0x08000000
    RESERVED_4 = 0x10000000
    RESERVED_3 = 0x20000000
    RESERVED_2 = 0x40000000
    RESERVED_1 = 0x80000000


class BSCF(Flags32):
    """What ``on_data_available`` announces (contract 5.5). FIRST and LAST may come together; data may be read
    after LAST. LENGTH_64BIT_DOWNLOAD is BSCF_64BITLENGTHDOWNLOAD.
    """

    FIRSTDATANOTIFICATION = 0x00000001
    INTERMEDIATEDATANOTIFICATION = 0x00000002
    LASTDATANOTIFICATION = 0x00000004  # no further on_data_available
    DATAFULLYAVAILABLE = 0x00000008  # all requested data are here
    AVAILABLEDATASIZEUNKNOWN = 0x00000010  # the size argument means nothing
    SKIPDRAINDATAFORFILEURLS = 0x00000020  # the client can read the local file itself
    LENGTH_64BIT_DOWNLOAD = 0x00000040  # see BINDSTATUS.PROGRESS_64BIT


class BINDSTATUS(IntEnum):
    """Status code of ``on_progress`` (contract 5.6, which also says what text each brings). Order of the
    usual ones: FINDINGRESOURCE, CONNECTING, [REDIRECTING], SENDINGREQUEST, MIMETYPEAVAILABLE,
    BEGIN/DOWNLOADING/ENDDOWNLOADDATA. PROGRESS_64BIT is BINDSTATUS_64BIT_PROGRESS.
    """

    FINDINGRESOURCE = 1  # text: host name looked up
    CONNECTING = 2  # text: address
    REDIRECTING = 3  # text: new URL
    BEGINDOWNLOADDATA = 4  # text: URL
    DOWNLOADINGDATA = 5  # text: URL
    ENDDOWNLOADDATA = 6  # text: URL
    BEGINDOWNLOADCOMPONENTS = 7
    INSTALLINGCOMPONENTS = 8
    ENDDOWNLOADCOMPONENTS = 9
    USINGCACHEDCOPY = 10
    SENDINGREQUEST = 11  # text: name of the object
    CLASSIDAVAILABLE = 12  # text: "{clsid}"
    MIMETYPEAVAILABLE = 13  # text: type without parameters
    CACHEFILENAMEAVAILABLE = 14  # text: path
    BEGINSYNCOPERATION = 15
    ENDSYNCOPERATION = 16
    BEGINUPLOADDATA = 17
    UPLOADINGDATA = 18
    ENDUPLOADDATA = 19
    PROTOCOLCLASSID = 20  # text: class of the protocol handler
    ENCODING = 21
    VERIFIEDMIMETYPEAVAILABLE = 22  # the handler is sure: no sniffing
    CLASSINSTALLLOCATION = 23
    DECODING = 24  # content decoding under way
    LOADINGMIMEHANDLER = 25
    CONTENTDISPOSITIONATTACH = 26
    FILTERREPORTMIMETYPE = 27
    CLSIDCANINSTANTIATE = 28
    IUNKNOWNAVAILABLE = 29
    DIRECTBIND = 30
    RAWMIMETYPE = 31  # type before sniffing
    PROXYDETECTING = 32
    ACCEPTRANGES = 33  # the server accepts ranges
    COOKIE_SENT = 34
    COMPACT_POLICY_RECEIVED = 35
    COOKIE_SUPPRESSED = 36
    COOKIE_STATE_UNKNOWN = 37
    COOKIE_STATE_ACCEPT = 38
    COOKIE_STATE_REJECT = 39
    COOKIE_STATE_PROMPT = 40
    COOKIE_STATE_LEASH = 41
    COOKIE_STATE_DOWNGRADE = 42
    POLICY_HREF = 43
    P3P_HEADER = 44
    SESSION_COOKIE_RECEIVED = 45
    PERSISTENT_COOKIE_RECEIVED = 46
    SESSION_COOKIES_ALLOWED = 47
    CACHECONTROL = 48  # the response is kept in memory only
    CONTENTDISPOSITIONFILENAME = 49  # text: file name
    MIMETEXTPLAINMISMATCH = 50
    PUBLISHERAVAILABLE = 51
    DISPLAYNAMEAVAILABLE = 52
    SSLUX_NAVBLOCKED = 53  # a certificate problem stopped the handshake; text: error code
    SERVER_MIMETYPEAVAILABLE = 54  # the server's type is authoritative (nosniff)
    SNIFFED_CLASSIDAVAILABLE = 55
    PROGRESS_64BIT = 56  # text: "current,max" in decimal
    LAST = PROGRESS_64BIT
    RESERVED_0 = 57
    RESERVED_1 = 58
    RESERVED_2 = 59
    RESERVED_3 = 60
    RESERVED_4 = 61
    RESERVED_5 = 62
    RESERVED_6 = 63
    RESERVED_7 = 64
    RESERVED_8 = 65
    RESERVED_9 = 66
    LAST_PRIVATE = RESERVED_9


class BINDVERB(IntEnum):
    """The request method (contract 5.1). CUSTOM takes its name from ``BindInfo.custom_verb``."""

    GET = 0
    POST = 1
    PUT = 2
    CUSTOM = 3
    RESERVED1 = 4


class BINDINFOF(Flags32):
    """What of BINDINFO is to be URL-encoded before it is sent (contract 5.1)."""

    URLENCODESTGMEDDATA = 0x1  # the request body
    URLENCODEDEXTRAINFO = 0x2  # the text appended to the URL


class BINDINFO_OPTIONS(Flags32):
    """Further options of BINDINFO, field dwOptions (contract 5.4)."""

    WININETFLAG = 0x00010000  # dwOptionsFlags is valid
    ENABLE_UTF8 = 0x00020000
    DISABLE_UTF8 = 0x00040000
    USE_IE_ENCODING = 0x00080000
    BINDTOOBJECT = 0x00100000  # set by the system for BindToObject
    SECURITYOPTOUT = 0x00200000
    IGNOREMIMETEXTPLAIN = 0x00400000  # sniff text/plain too
    USEBINDSTRINGCREDS = 0x00800000  # user and password from GetBindString
    IGNOREHTTPHTTPSREDIRECTS = 0x01000000
    IGNORE_SSLERRORS_ONCE = 0x02000000
    WPC_DOWNLOADBLOCKED = 0x08000000
    WPC_LOGGING = 0x10000000
    ALLOWCONNECTDATA = 0x20000000  # deliver the body of a failed proxy CONNECT
    DISABLEAUTOREDIRECTS = 0x40000000
    SHDOCVW_NAVIGATE = 0x80000000


class Priority(IntEnum):
    """Usual values of a binding's priority: the THREAD_PRIORITY numbers (contract 4.3). They are names for
    points on a scale, not the only legal values: any integer is accepted and handed back, -15...15 is what
    counts after clamping.
    """

    IDLE = -15
    LOWEST = -2
    BELOW_NORMAL = -1
    NORMAL = 0
    ABOVE_NORMAL = 1
    HIGHEST = 2
    TIME_CRITICAL = 15


THREAD_PRIORITY_ERROR_RETURN = 0x7FFFFFFF
"""What a failed priority query returns on Windows; not a priority (contract 4.3)."""
