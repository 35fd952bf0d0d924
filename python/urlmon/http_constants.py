"""What HTTP adds to a binding: header queries, security problems, kinds of authentication."""

from __future__ import annotations

from enum import IntEnum

from ._flags import Flags32

_ATTRIBUTE_MASK = 0x0000FFFF
_WORD_MASK = 0xFFFFFFFF


class HTTP_QUERY(IntEnum):
    """What ``Binding.query_info`` asks for: an attribute, or'ed with modifiers (contract 8.8; numbers of
    wininet.h). ``HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER`` is again an HTTP_QUERY; ``.attribute`` and
    ``.modifiers`` take it apart. Attributes are numbers, not bits: two of them cannot be or'ed, and numbers
    without a name are kept.
    """

    MIME_VERSION = 0
    CONTENT_TYPE = 1
    CONTENT_TRANSFER_ENCODING = 2
    CONTENT_ID = 3
    CONTENT_DESCRIPTION = 4
    CONTENT_LENGTH = 5
    CONTENT_LANGUAGE = 6
    ALLOW = 7
    PUBLIC = 8
    DATE = 9
    EXPIRES = 10
    LAST_MODIFIED = 11
    MESSAGE_ID = 12
    URI = 13
    DERIVED_FROM = 14
    COST = 15
    LINK = 16
    PRAGMA = 17
    VERSION = 18  # of the status line, as "HTTP/1.1"
    STATUS_CODE = 19
    STATUS_TEXT = 20  # reason phrase
    RAW_HEADERS = 21  # all headers, lines ended by NUL
    RAW_HEADERS_CRLF = 22  # all headers, lines ended by CR LF
    CONNECTION = 23
    ACCEPT = 24
    ACCEPT_CHARSET = 25
    ACCEPT_ENCODING = 26
    ACCEPT_LANGUAGE = 27
    AUTHORIZATION = 28
    CONTENT_ENCODING = 29
    FORWARDED = 30
    FROM = 31
    IF_MODIFIED_SINCE = 32
    LOCATION = 33
    ORIG_URI = 34
    REFERER = 35
    RETRY_AFTER = 36
    SERVER = 37
    TITLE = 38
    USER_AGENT = 39
    WWW_AUTHENTICATE = 40
    PROXY_AUTHENTICATE = 41
    ACCEPT_RANGES = 42
    SET_COOKIE = 43
    COOKIE = 44
    REQUEST_METHOD = 45
    REFRESH = 46
    CONTENT_DISPOSITION = 47
    AGE = 48
    CACHE_CONTROL = 49
    CONTENT_BASE = 50
    CONTENT_LOCATION = 51
    CONTENT_MD5 = 52
    CONTENT_RANGE = 53
    ETAG = 54
    HOST = 55
    IF_MATCH = 56
    IF_NONE_MATCH = 57
    IF_RANGE = 58
    IF_UNMODIFIED_SINCE = 59
    MAX_FORWARDS = 60
    PROXY_AUTHORIZATION = 61
    RANGE = 62
    TRANSFER_ENCODING = 63
    UPGRADE = 64
    VARY = 65
    VIA = 66
    WARNING = 67
    EXPECT = 68
    PROXY_CONNECTION = 69
    UNLESS_MODIFIED_SINCE = 70
    PROXY_SUPPORT = 75
    AUTHENTICATION_INFO = 76
    CUSTOM = 65535  # the header whose name the caller gives

    FLAG_NUMBER64 = 0x08000000  # the value as a number of 64 bits
    FLAG_COALESCE = 0x10000000  # all headers of the name, joined
    FLAG_NUMBER = 0x20000000  # the value as a number
    FLAG_SYSTEMTIME = 0x40000000  # the value as a date
    FLAG_REQUEST_HEADERS = 0x80000000  # of the request instead of the response

    @classmethod
    def _missing_(cls, value: object) -> HTTP_QUERY | None:
        if not isinstance(value, int) or not -(1 << 31) <= value <= _WORD_MASK:
            return None
        word = value & _WORD_MASK
        if word != value:
            return cls(word)
        attribute, unnamed = word & _ATTRIBUTE_MASK, word & ~_ATTRIBUTE_MASK
        known = cls._value2member_map_.get(attribute)
        parts = [known.name if known else str(attribute)]
        for name, flag in cls.__members__.items():
            if name.startswith("FLAG_") and unnamed & flag.value:
                parts.append(name)
                unnamed &= ~flag.value
        if unnamed:
            parts.append(hex(unnamed))
        combined = int.__new__(cls, word)
        combined._name_ = "|".join(parts)
        combined._value_ = word
        # setdefault: two threads may come here at once, and members are compared by identity.
        return cls._value2member_map_.setdefault(word, combined)  # type: ignore[return-value]

    def __or__(self, other: int) -> HTTP_QUERY:
        return HTTP_QUERY(int(self) | int(other))

    __ror__ = __or__

    @property
    def attribute(self) -> HTTP_QUERY:
        """The query without its modifiers."""
        return HTTP_QUERY(int(self) & _ATTRIBUTE_MASK)

    @property
    def modifiers(self) -> int:
        """The FLAG_ bits of the query, 0 if none."""
        return int(self) & ~_ATTRIBUTE_MASK


class INTERNET_ERROR(IntEnum):
    """WinInet error numbers, above all the problems that IHttpSecurity::OnSecurityProblem is asked about
    (contract 8.4). ``hresult_from_win32`` makes an HRESULT of them. HTTP_REDIRECT_NEEDS_CONFIRMATION is
    ERROR_HTTP_..., the others are ERROR_INTERNET_....
    """

    NAME_NOT_RESOLVED = 12007
    SEC_CERT_DATE_INVALID = 12037
    SEC_CERT_CN_INVALID = 12038  # the certificate is for another host
    HTTP_TO_HTTPS_ON_REDIR = 12039
    HTTPS_TO_HTTP_ON_REDIR = 12040
    CLIENT_AUTH_CERT_NEEDED = 12044
    INVALID_CA = 12045
    SEC_CERT_ERRORS = 12055  # several problems
    SEC_CERT_REV_FAILED = 12057  # revocation could not be checked
    HTTP_REDIRECT_NEEDS_CONFIRMATION = 12168


class AUTHENTICATEF(Flags32):
    """What IAuthenticateEx is asked for: credentials of a proxy, for Basic, for HTTP (contract 8.2)."""

    PROXY = 1
    BASIC = 2
    HTTP = 4
