"""BINDINFO and the flags that come with it: what a client answers to `get_bind_info`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from urlmon.addresses import Network
from urlmon.constants import BINDF, BINDF2, BINDINFO_OPTIONS, BINDINFOF, BINDVERB
from urlmon.redaction import redact_url
from urlmon_core import QuickProfiles

if TYPE_CHECKING:
    from urlmon.cache import DownloadCache
    from urlmon_core import Body, Profile

HeaderFields = Mapping[str, str] | Iterable[tuple[str, str]]
OptionValues = Mapping[int, Any] | Iterable[tuple[int, Any]]

DEFAULT_FLAGS = BINDF.ASYNCHRONOUS | BINDF.ASYNCSTORAGE
_NEED_CACHE = BINDF.OFFLINEOPERATION | BINDF.FWD_BACK | BINDF.GETFROMCACHE_IF_NET_FAIL
SPOOLED, CACHED = 1, 2  # BindInfo.cached: what is bound to a stream or memory needs a file; there is a cache
_METHODS = {BINDVERB.GET: "GET", BINDVERB.POST: "POST", BINDVERB.PUT: "PUT"}
NO_FLAGS2 = BINDF2(0)
NO_INFO_FLAGS = BINDINFOF(0)
NO_OPTIONS = BINDINFO_OPTIONS(0)


def _pairs(given: Any) -> tuple[tuple[Any, Any], ...]:
    items = given.items() if isinstance(given, Mapping) else given
    return tuple((name, value) for name, value in items)


def _networks(given: Any) -> tuple[Any, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


# What a repr must not show: it ends in logs. Of these it says that they are set.
_SECRET = frozenset({"data", "headers", "curl_options"})


@dataclass(frozen=True, repr=False)
class BindInfo:
    """How to bind (contract 5.1 and 5.2). Immutable; keep one and return it again, it is compiled once.

    flags: BINDF. verb: BINDVERB, with `custom_verb` naming the method of BINDVERB.CUSTOM. data: request body:
    bytes, the path of a file (os.PathLike), or a binary file that is read from where it stands, on the thread
    of the bind (its size is announced if it can be found by seeking; it is sent again, after a redirect or
    with credentials, if it can be rewound). extra_info: appended to the URL. info_flags: BINDINFOF, whether
    data (bytes) and extra_info are percent-encoded. options: BINDINFO_OPTIONS. flags2: BINDF2. headers:
    request fields; they replace what libcurl would send under the same name. curl_options: pycurl option
    constants and their values, applied last (functions and handles are not passed through).

    fail_on_http_error: 4xx and 5xx end the operation with an HTTPStatusError instead of delivering the body.
    connect_timeout: seconds. stall_speed, stall_time: below so many bytes per second for so many seconds ends
    with BindTimeoutError; 0 switches it off. max_redirects: at most so many are followed, never to another
    scheme than http and https. schemes: what libcurl may be asked for. netrc: look credentials up in ~/.netrc.
    ca_file, ca_path: trusted certificates instead of the system's. proxy: URL, "" = none, None = http_proxy
    and its relatives. user_agent: None = urlmon and its version. decode: undo gzip and br (None: for streams
    and memory, not for files). http_version: a CURL_HTTP_VERSION number, None = HTTP/2 over TLS where the
    server offers it.

    Limits for what strangers send (0 = none). max_bytes: bytes of the body, as delivered. max_header_bytes: bytes
    of all response heads and trailers of the operation together, redirects included (libcurl itself ends at
    300 KB). max_ratio: decoded bytes for each byte received of an encoded body, looked at from 1 MiB on.
    deny_address, allow_address: networks ("10.0.0.0/8", "fe80::/10", an address, objects of `ipaddress`) that must
    not, or alone may, be connected to; looked at after each resolution, redirect and reuse of a connection. A
    denial wins; None allows all that is not denied, and `urlmon.NON_PUBLIC_NETWORKS` is a list to deny. With a
    proxy, the address is the proxy's: say `proxy=""` where that matters. What ends an operation is AddressError
    (E_ACCESSDENIED) for addresses, TransferError for the others.

    cache: a `DownloadCache` for this bind (extra `cache`); None, as usual, is none, unless a flag demands one: then it
    is the user's. RFC 9111 says what is kept and used again, and the flags say more: OFFLINEOPERATION nothing else,
    FWD_BACK also if it is stale, RESYNCHRONIZE only if the server confirms it, GETNEWESTVERSION never,
    GETFROMCACHE_IF_NET_FAIL in place of a failure of the network; NOWRITECACHE and PRAGMA_NO_CACHE keep nothing.
    NEEDFILE has a body that goes to a stream pass through a file: the cache's, or a temporary one that goes with the
    stream. What comes from the cache begins with USINGCACHEDCOPY, and its stream can be sought in.
    """

    flags: BINDF = DEFAULT_FLAGS
    verb: BINDVERB = BINDVERB.GET
    custom_verb: str | None = None
    data: bytes | os.PathLike[str] | BinaryIO | None = None
    extra_info: str = ""
    options: BINDINFO_OPTIONS = NO_OPTIONS
    flags2: BINDF2 = NO_FLAGS2
    info_flags: BINDINFOF = NO_INFO_FLAGS
    headers: HeaderFields = ()
    curl_options: OptionValues = ()
    fail_on_http_error: bool = False
    connect_timeout: float = 30.0
    stall_speed: int = 1
    stall_time: float = 60.0
    max_redirects: int = 30
    schemes: tuple[str, ...] = ("http", "https")
    netrc: bool = False
    ca_file: str | None = None
    ca_path: str | None = None
    proxy: str | None = None
    user_agent: str | None = None
    decode: bool | None = None
    http_version: int | None = None
    max_bytes: int = 0
    max_header_bytes: int = 0
    max_ratio: int = 0
    allow_address: Iterable[Network] | None = None
    deny_address: Iterable[Network] = ()
    cache: DownloadCache | None = None
    # These four follow from `flags`: whether the bind returns at once and delivers through the pump, whether
    # the client's reading has the next bytes fetched, whether the stream waits for a byte, whether http has to
    # do with a cache or a file (SPOOLED, CACHED; 0 = neither), and goes by way of a handler then.
    asynchronous: bool = field(default=True, init=False, repr=False, compare=False)
    pulls: bool = field(default=False, init=False, repr=False, compare=False)
    blocks: bool = field(default=False, init=False, repr=False, compare=False)
    cached: int = field(default=0, init=False, repr=False, compare=False)
    compiled: dict[Any, Profile] = field(default_factory=dict, init=False, repr=False, compare=False)
    quick: QuickProfiles = field(default_factory=QuickProfiles, init=False, repr=False, compare=False)
    bodies: list[Body] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_field = object.__setattr__  # the class is frozen for everybody else
        set_field(self, "asynchronous", bool(self.flags & BINDF.ASYNCHRONOUS))
        set_field(self, "pulls", bool(self.flags & BINDF.PULLDATA))
        set_field(self, "blocks", not self.flags & BINDF.ASYNCSTORAGE)
        if self.cache is not None or self.flags & _NEED_CACHE:
            set_field(self, "cached", CACHED)
        elif self.flags & BINDF.NEEDFILE:
            set_field(self, "cached", SPOOLED)
        set_field(self, "headers", _pairs(self.headers))
        set_field(self, "curl_options", _pairs(self.curl_options))
        if self.allow_address is not None:
            set_field(self, "allow_address", _networks(self.allow_address))
        set_field(self, "deny_address", _networks(self.deny_address))
        set_field(self, "schemes", tuple(scheme.lower() for scheme in self.schemes))
        if isinstance(self.data, (bytearray, memoryview)):
            set_field(self, "data", bytes(self.data))
        elif not (
            self.data is None or isinstance(self.data, (bytes, os.PathLike)) or hasattr(self.data, "read")
        ):
            raise TypeError(f"data is bytes, a path or a binary file, not {type(self.data).__name__}")

    def target(self, url: str) -> str:
        """`url` with `extra_info`."""
        if self.extra_info and self.info_flags & BINDINFOF.URLENCODEDEXTRAINFO:
            return url + quote(self.extra_info, safe="/?&=+-._~:@!$'()*,;#")
        return url + self.extra_info

    @property
    def method(self) -> str:
        """The HTTP method that `verb` stands for; "" where BINDVERB.CUSTOM lacks its name."""
        return _METHODS.get(self.verb, self.custom_verb or "")

    def __repr__(self) -> str:
        """What is not as usual; without the body, the values of header fields and options, and passwords."""
        shown = []
        for item in fields(self):
            value = getattr(self, item.name)
            if not item.init or value == item.default:
                continue
            if item.name == "data":
                value = f"<{len(value)} bytes>"
            elif item.name in _SECRET:
                value = f"<{', '.join(str(name) for name, _ in value)}>"
            elif item.name == "proxy":
                value = repr(redact_url(value))
            shown.append(f"{item.name}={value if isinstance(value, str) else repr(value)}")
        return f"BindInfo({', '.join(shown)})"


DEFAULT_BIND_INFO = BindInfo()
