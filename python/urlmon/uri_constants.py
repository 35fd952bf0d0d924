"""Constants of the URL functions: creating monikers and URIs, combining, parsing, sniffing (contract 10)."""

from __future__ import annotations

from enum import IntEnum

from ._flags import Flags32


class URL_MK(IntEnum):
    """How ``create_url_moniker`` reads its URL (contract 2.5)."""

    LEGACY = 0  # file: URLs keep their DOS path
    UNIFORM = 1  # canonical for all schemes
    NO_CANONICALIZE = 2  # the text as given


URL_MK_LEGACY = URL_MK.LEGACY
URL_MK_UNIFORM = URL_MK.UNIFORM
URL_MK_NO_CANONICALIZE = URL_MK.NO_CANONICALIZE


class URL_FLAGS(Flags32):
    """Flags of combining, canonicalising and escaping (contract 10.1; shlwapi.h)."""

    ESCAPE_PERCENT = 0x00001000  # escape % too
    FILE_USE_PATHURL = 0x00010000  # file: URLs in DOS path form
    DONT_UNESCAPE_EXTRA_INFO = 0x02000000  # leave query and fragment alone
    DONT_ESCAPE_EXTRA_INFO = DONT_UNESCAPE_EXTRA_INFO
    ESCAPE_SPACES_ONLY = 0x04000000
    DONT_SIMPLIFY = 0x08000000  # leave "." and ".." in the path
    NO_META = DONT_SIMPLIFY
    UNESCAPE = 0x10000000
    ESCAPE_UNSAFE = 0x20000000
    PLUGGABLE_PROTOCOL = 0x40000000


class PARSEACTION(IntEnum):
    """What CoInternetParseUrl is to return (contract 10.1). Mind 7 and 8: "encode" *un*escapes and "decode"
    escapes; the long names say so, ESCAPE and UNESCAPE mean what they say.
    """

    CANONICALIZE = 1
    FRIENDLY = 2  # for display
    SECURITY_URL = 3
    ROOTDOCUMENT = 4  # scheme://host
    DOCUMENT = 5  # all before the fragment
    ANCHOR = 6  # fragment with "#"
    ENCODE_IS_UNESCAPE = 7
    ENCODE = ENCODE_IS_UNESCAPE
    DECODE_IS_ESCAPE = 8
    DECODE = DECODE_IS_ESCAPE
    PATH_FROM_URL = 9
    URL_FROM_PATH = 10
    MIME = 11
    SERVER = 12
    SCHEMA = 13  # scheme name
    SITE = 14  # host name
    DOMAIN = 15
    LOCATION = 16  # as ANCHOR
    SECURITY_DOMAIN = 17
    ESCAPE = 18
    UNESCAPE = 19


class QUERYOPTION(IntEnum):
    """What CoInternetQueryInfo asks about a URL (contract 10.1); Windows names them QUERY_..."""

    EXPIRATION_DATE = 1
    TIME_OF_LAST_CHANGE = 2
    CONTENT_ENCODING = 3
    CONTENT_TYPE = 4
    REFRESH = 5
    RECOMBINE = 6
    CAN_NAVIGATE = 7
    USES_NETWORK = 8
    IS_CACHED = 9
    IS_INSTALLEDENTRY = 10
    IS_CACHED_OR_MAPPED = 11
    USES_CACHE = 12
    IS_SECURE = 13
    IS_SAFE = 14
    USES_HISTORYFOLDER = 15
    IS_CACHED_AND_USABLE_OFFLINE = 16


class PSUACTION(IntEnum):
    """Which URL CoInternetGetSecurityUrl returns (contract 10.1); Windows names them PSU_..."""

    DEFAULT = 1
    SECURITY_URL_ONLY = 2


class URLOSTRM(IntEnum):
    """Cached opening of a stream (contract 9)."""

    USECACHEDCOPY_ONLY = 1
    USECACHEDCOPY = 2
    GETNEWESTVERSION = 3


class FMFD(Flags32):
    """Flags of FindMimeFromData (contract 10.4)."""

    DEFAULT = 0x00
    URLASFILENAME = 0x01
    ENABLEMIMESNIFFING = 0x02
    IGNOREMIMETEXTPLAIN = 0x04  # sniff although text/plain is proposed
    SERVERMIME = 0x08  # the proposed type is authoritative
    RESPECTTEXTPLAIN = 0x10
    RETURNUPDATEDIMGMIMES = 0x20  # image/png and image/jpeg instead of the old names


class URLMON_OPTION(IntEnum):
    """Process-wide options of UrlMkGetSessionOption and UrlMkSetSessionOption (contract 10.5)."""

    USERAGENT = 0x10000001
    USERAGENT_REFRESH = 0x10000002
    URL_ENCODING = 0x10000004
    USE_BINDSTRINGCREDS = 0x10000008
    USE_BROWSERAPPSDOCUMENTS = 0x10000010


class Uri_CREATE(Flags32):
    """Flags of CreateUri (contract 10.3). Opposite flags must not be given together; marked is what holds
    when neither is given.
    """

    ALLOW_RELATIVE = 0x00000001
    ALLOW_IMPLICIT_WILDCARD_SCHEME = 0x00000002
    ALLOW_IMPLICIT_FILE_SCHEME = 0x00000004
    NOFRAG = 0x00000008
    NO_CANONICALIZE = 0x00000010
    FILE_USE_DOS_PATH = 0x00000020
    DECODE_EXTRA_INFO = 0x00000040  # default
    NO_DECODE_EXTRA_INFO = 0x00000080
    CANONICALIZE = 0x00000100  # default
    CRACK_UNKNOWN_SCHEMES = 0x00000200  # default
    NO_CRACK_UNKNOWN_SCHEMES = 0x00000400
    PRE_PROCESS_HTML_URI = 0x00000800  # default
    NO_PRE_PROCESS_HTML_URI = 0x00001000
    IE_SETTINGS = 0x00002000
    NO_IE_SETTINGS = 0x00004000  # default
    NO_ENCODE_FORBIDDEN_CHARACTERS = 0x00008000
    NORMALIZE_INTL_CHARACTERS = 0x00010000
    CANONICALIZE_ABSOLUTE = 0x00020000


class Uri_PROPERTY(IntEnum):
    """Properties of an IUri (contract 10.3): 0 to 14 are strings, 15 to 18 numbers."""

    ABSOLUTE_URI = 0
    AUTHORITY = 1
    DISPLAY_URI = 2  # without user info; not for transport
    DOMAIN = 3  # registrable domain
    EXTENSION = 4
    FRAGMENT = 5  # with "#"
    HOST = 6
    PASSWORD = 7
    PATH = 8
    PATH_AND_QUERY = 9
    QUERY = 10  # with "?"
    RAW_URI = 11
    SCHEME_NAME = 12
    USER_INFO = 13
    USER_NAME = 14
    HOST_TYPE = 15  # Uri_HOST
    PORT = 16
    SCHEME = 17  # URL_SCHEME
    ZONE = 18  # URLZONE; not implemented on Windows


class Uri_HAS(Flags32):
    """Which properties an IUri has: ``1 << Uri_PROPERTY`` (contract 10.3, result of GetProperties)."""

    ABSOLUTE_URI = 1 << 0
    AUTHORITY = 1 << 1
    DISPLAY_URI = 1 << 2
    DOMAIN = 1 << 3
    EXTENSION = 1 << 4
    FRAGMENT = 1 << 5
    HOST = 1 << 6
    PASSWORD = 1 << 7
    PATH = 1 << 8
    PATH_AND_QUERY = 1 << 9
    QUERY = 1 << 10
    RAW_URI = 1 << 11
    SCHEME_NAME = 1 << 12
    USER_INFO = 1 << 13
    USER_NAME = 1 << 14
    HOST_TYPE = 1 << 15
    PORT = 1 << 16
    SCHEME = 1 << 17
    ZONE = 1 << 18


class Uri_HOST(IntEnum):
    """Kind of host name (contract 10.3, value of Uri_PROPERTY.HOST_TYPE)."""

    UNKNOWN = 0
    DNS = 1
    IPV4 = 2
    IPV6 = 3
    IDN = 4


class Uri_DISPLAY(Flags32):
    """Flags of the IUri getters (contract 10.3). Windows spells them Uri_DISPLAY_NO_FRAGMENT,
    Uri_PUNYCODE_IDN_HOST, Uri_DISPLAY_IDN_HOST and Uri_DISPLAY_NO_PUNYCODE.
    """

    NO_FRAGMENT = 1
    PUNYCODE_IDN_HOST = 2
    IDN_HOST = 4
    NO_PUNYCODE = 8


UriBuilder_USE_ORIGINAL_FLAGS = 1
"""IUriBuilder: create with the flags of the original URI (contract 10.3)."""


class URL_SCHEME(IntEnum):
    """Numbers of the schemes Windows knows (contract 10.3, value of Uri_PROPERTY.SCHEME; shlwapi.h)."""

    INVALID = -1
    UNKNOWN = 0
    FTP = 1
    HTTP = 2
    GOPHER = 3
    MAILTO = 4
    NEWS = 5
    NNTP = 6
    TELNET = 7
    WAIS = 8
    FILE = 9
    MK = 10
    HTTPS = 11
    SHELL = 12
    SNEWS = 13
    LOCAL = 14
    JAVASCRIPT = 15
    VBSCRIPT = 16
    ABOUT = 17
    RES = 18
    MSSHELLROOTED = 19
    MSSHELLIDLIST = 20
    MSHELP = 21
    MSSHELLDEVICE = 22
    WILDCARD = 23
    SEARCH_MS = 24
    SEARCH = 25
    KNOWNFOLDER = 26


class URLZONE(IntEnum):
    """Security zones, value of Uri_PROPERTY.ZONE (urlmon.h). There are no zones off Windows: URIs answer
    INVALID, as they do on Windows (contract 10.3).
    """

    LOCAL_MACHINE = 0
    INTRANET = 1
    TRUSTED = 2
    INTERNET = 3
    UNTRUSTED = 4
    INVALID = 0xFFFFFFFF
