"""From a BindInfo to the libcurl options that the core sets: the one place where the vocabularies meet."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import pycurl

from urlmon.addresses import address_rules
from urlmon.bindinfo import BindInfo
from urlmon.body import has_body, is_stream
from urlmon.constants import BINDF, BINDINFO_OPTIONS, BINDVERB, INTERNET_ERROR, TYMED, Priority
from urlmon.exceptions import InvalidRequestError
from urlmon.hresult import HRESULT
from urlmon.security import tolerance_options
from urlmon.useragent import session_user_agent
from urlmon_core import Profile, find_ca_store

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110 5.5: what a field value must not hold

# Named in libcurl since 7.85; pycurl has names for them since 7.45.3.
_PROTOCOLS_STR = 10318
_REDIR_PROTOCOLS_STR = 10319

# The body of the request, the only text that may hold control characters: CURLOPT_POSTFIELDS and its relative. Much of
# the other text gets into the head of a request as it is, or into the commands of another protocol.
_BODY_OPTIONS = frozenset({pycurl.POSTFIELDS, 10165})

# Profiles that one BindInfo keeps; additional fields may differ each time.
MOST_COMPILED = 64

FOLLOWED_SCHEMES = frozenset({"http", "https"})

# Options and fields that are meant for the site that the client named, and for no other one.
_SITE_OPTIONS = frozenset(
    {
        pycurl.USERPWD,
        pycurl.USERNAME,
        pycurl.PASSWORD,
        pycurl.XOAUTH2_BEARER,
        pycurl.COOKIE,
        pycurl.COOKIELIST,
    }
)
_SITE_FIELDS = frozenset({"authorization", "cookie"})
_BODY_FIELDS = frozenset({"digest", "last-modified", "repr-digest"})  # RFC 9110 15.4, with Content-...

_CACHE_FIELDS = (
    (BINDF.GETNEWESTVERSION, ("Cache-Control", "no-cache")),
    (BINDF.RESYNCHRONIZE, ("Cache-Control", "max-age=0")),
    (BINDF.PRAGMA_NO_CACHE, ("Pragma", "no-cache")),
)

Fields = Mapping[str, str] | Iterable[tuple[str, str]] | str


class Amendment(NamedTuple):
    """What a request has in another way than its BindInfo says.

    manual: redirects are not libcurl's business. tolerated: problems of a certificate that end nothing. login,
    proxy_login: user, password, schemes (bits of CURLOPT_HTTPAUTH). without_body: a redirect made a GET of it
    (HEAD stays). foreign: a redirect led to another site.
    """

    manual: bool = False
    tolerated: frozenset[INTERNET_ERROR] = frozenset()
    login: tuple[str, str, int] | None = None
    proxy_login: tuple[str, str, int] | None = None
    without_body: bool = False
    foreign: bool = False

    @property
    def is_of_its_own(self) -> bool:
        """Whether it holds what one operation alone has gone through."""
        return bool(self.login or self.proxy_login or self.without_body or self.foreign)


NO_AMENDMENT = Amendment()


def check_field(name: str, value: str, url: str) -> None:
    """Raises InvalidRequestError for a header field that could break out of its line or cannot be sent."""
    if not _TOKEN.fullmatch(name):
        raise InvalidRequestError(
            f"{name!r} is no name of a header field", url=url, hresult=HRESULT.INET_E_INVALID_REQUEST
        )
    if _CONTROLS.search(value):
        raise InvalidRequestError(
            f"the header field {name} holds a line break or another control character",
            url=url,
            hresult=HRESULT.INET_E_INVALID_REQUEST,
        )


def parse_fields(fields: Fields | None, url: str) -> tuple[tuple[str, str], ...]:
    """Header fields as pairs, from pairs, a mapping or lines of text ended by CRLF (contract 8.1).

    Raises InvalidRequestError for malformed ones.
    """
    if not fields:
        return ()
    if isinstance(fields, str):
        pairs = []
        for line in fields.replace("\r\n", "\n").split("\n"):
            if line:
                name, colon, value = line.partition(":")
                pairs.append((name if colon else line + ":", value.strip()))
    else:
        pairs = list(fields.items() if isinstance(fields, Mapping) else fields)
    for name, value in pairs:
        check_field(name, value, url)
    return tuple((name, value.strip(" \t")) for name, value in pairs)


def _check_text(option: int, value: object, url: str) -> None:
    """Raises InvalidRequestError for an option that would put a line of its own into the request head."""
    for text in value if isinstance(value, (list, tuple)) else (value,):
        line = text.decode("iso-8859-1") if isinstance(text, (bytes, bytearray)) else text
        if isinstance(line, str) and _CONTROLS.search(line):
            raise InvalidRequestError(
                f"libcurl option {option} holds a line break or another control character",
                url=url,
                hresult=HRESULT.INET_E_INVALID_REQUEST,
            )


def _check_seconds(name: str, seconds: float, url: str) -> float:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidRequestError(
            f"{name} is a number of seconds, not {seconds!r}", url=url, hresult=HRESULT.E_INVALIDARG
        )
    return seconds


def _check_limit(name: str, limit: int, url: str) -> int:
    if not 0 <= limit < 1 << 62:
        raise InvalidRequestError(
            f"{name} is 0 (no limit) or more, not {limit!r}", url=url, hresult=HRESULT.E_INVALIDARG
        )
    return limit


def priority_field(priority: int, present: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The RFC 9218 field for a binding's priority; none if the client sends its own.

    Urgency 3 is the default of HTTP and of ours; everything above HIGHEST is 0, IDLE alone is 7. Incremental,
    since many downloads share a connection.
    """
    if any(name.lower() == "priority" for name, _ in present):
        return ()
    urgency = 7 if priority <= Priority.IDLE else min(6, max(0, 3 - priority))
    return (("Priority", f"u={urgency}, i"),)


# As plain numbers: the operators of enumerations are slow, and every bind asks.
_IGNORE_ONCE = int(BINDINFO_OPTIONS.IGNORE_SSLERRORS_ONCE)
_IGNORE_PROBLEMS = int(BINDF.IGNORESECURITYPROBLEM)


def tolerated_from_the_start(info: BindInfo) -> frozenset[INTERNET_ERROR]:
    """Problems of certificates that nobody is asked about (contract 5.2, 5.4)."""
    if int(info.options) & _IGNORE_ONCE:
        return frozenset({INTERNET_ERROR.SEC_CERT_ERRORS})
    if int(info.flags) & _IGNORE_PROBLEMS:
        return frozenset({INTERNET_ERROR.SEC_CERT_DATE_INVALID, INTERNET_ERROR.SEC_CERT_CN_INVALID})
    return frozenset()


def host_key(key: bytes, info: BindInfo) -> bytes:
    """What connections are counted by: the host key of the URL, and the proxy that BindInfo names."""
    return key if info.proxy is None else key + b"|" + info.proxy.encode()


def _verb_options(info: BindInfo, url: str, amendment: Amendment) -> list[tuple[int, Any]]:
    """Method and body (contract 5.1)."""
    options: list[tuple[int, Any]] = []
    method = info.method
    if not _TOKEN.fullmatch(method):
        raise InvalidRequestError(
            f"{method!r} is no HTTP method", url=url, hresult=HRESULT.INET_E_INVALID_REQUEST
        )
    if amendment.without_body:
        return [(pycurl.NOBODY, 1)] if method == "HEAD" else []
    body = has_body(info)
    if body:
        options.append((pycurl.POST, 1))  # the core knows the body itself
        if is_stream(info):
            # A connection that turned out to be dead would have the body sent again, and who could rewind it?
            options.append((pycurl.FRESH_CONNECT, 1))
    if method == "HEAD":
        options.append((pycurl.NOBODY, 1))
    elif method != ("POST" if body else "GET"):
        options.append((pycurl.CUSTOMREQUEST, method))
    return options


def _login_options(amendment: Amendment) -> list[tuple[int, Any]]:
    options: list[tuple[int, Any]] = []
    if amendment.login:
        user, password, schemes = amendment.login
        options += [(pycurl.USERNAME, user), (pycurl.PASSWORD, password), (pycurl.HTTPAUTH, schemes)]
    if amendment.proxy_login:
        user, password, schemes = amendment.proxy_login
        options += [
            (pycurl.PROXYUSERNAME, user),
            (pycurl.PROXYPASSWORD, password),
            (pycurl.PROXYAUTH, schemes),
        ]
    return options


def _trust_options(info: BindInfo) -> list[tuple[int, Any]]:
    if info.ca_file or info.ca_path:
        file, folder = info.ca_file, info.ca_path
    else:
        store = find_ca_store()
        if store.native:
            return [(pycurl.SSL_OPTIONS, 1 << 4), (pycurl.PROXY_SSL_OPTIONS, 1 << 4)]  # CURLSSLOPT_NATIVE_CA
        file, folder = store.file, store.folder
    options: list[tuple[int, Any]] = []
    if file:
        options += [(pycurl.CAINFO, file), (pycurl.PROXY_CAINFO, file)]
    if folder:
        options += [(pycurl.CAPATH, folder), (pycurl.PROXY_CAPATH, folder)]
    return options


def _transfer_options(info: BindInfo, storage: TYMED, url: str) -> list[tuple[int, Any]]:
    """Everything but method, body, header fields and trust."""
    connect_timeout = _check_seconds("connect_timeout", info.connect_timeout, url)
    options: list[tuple[int, Any]] = [
        (_PROTOCOLS_STR, ",".join(info.schemes)),
        (_REDIR_PROTOCOLS_STR, ",".join(sorted(FOLLOWED_SCHEMES & set(info.schemes))) or "http"),
        # 2: a method of its own is given up where the status says so (libcurl 8.13; older ones keep it).
        (pycurl.FOLLOWLOCATION, 2 if info.max_redirects else 0),
        (pycurl.MAXREDIRS, info.max_redirects),
        (pycurl.CONNECTTIMEOUT_MS, max(1, round(connect_timeout * 1000))),
        (pycurl.USERAGENT, session_user_agent() if info.user_agent is None else info.user_agent),
    ]
    if info.decode if info.decode is not None else storage != TYMED.FILE:
        options.append((pycurl.ENCODING, ""))  # whatever this libcurl can decode
    if info.netrc:
        options.append((pycurl.NETRC, pycurl.NETRC_OPTIONAL))
    if info.proxy is not None:
        options.append((pycurl.PROXY, info.proxy))
    if info.http_version is not None:
        options.append((pycurl.HTTP_VERSION, info.http_version))
    return options


def describes_body(name: str) -> bool:
    """Whether a request field says something of the body, and nothing without one."""
    return name[:8].lower() == "content-" or name.lower() in _BODY_FIELDS


def _fields(
    info: BindInfo, additional: tuple[tuple[str, str], ...], url: str, amendment: Amendment = NO_AMENDMENT
) -> list[tuple[str, str]]:
    """The request fields that are ours: later ones win, so does what a client's services added (contract 8.1)."""
    replaced = frozenset(name.lower() for name, _ in additional)
    fields = [pair for pair in parse_fields(info.headers, url) if pair[0].lower() not in replaced]
    fields += additional
    names = frozenset(name.lower() for name, _ in fields)
    for flag, field in _CACHE_FIELDS:
        if info.flags & flag and field[0].lower() not in names and field[0] not in dict(fields):
            fields.append(field)
    if amendment.foreign:
        fields = [pair for pair in fields if pair[0].lower() not in _SITE_FIELDS]
    if amendment.without_body:
        fields = [pair for pair in fields if not describes_body(pair[0])]
    return fields


def request_fields(info: BindInfo, additional: tuple[tuple[str, str], ...], url: str) -> str:
    """The same as text, a line each, ended by CRLF."""
    return "".join(f"{name}: {value}\r\n" for name, value in _fields(info, additional, url))


def _field_options(
    info: BindInfo, additional: tuple[tuple[str, str], ...], url: str, amendment: Amendment
) -> list[tuple[int, Any]]:
    """The request fields, those of libcurl's own that are not wanted taken out."""
    fields = _fields(info, additional, url, amendment)
    names = frozenset(name.lower() for name, _ in fields)
    # "Name;" is libcurl's way to send a field without a value; "Name:" would remove it.
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in fields]
    if not amendment.without_body and has_body(info):
        if "content-type" not in names and info.verb != BINDVERB.POST:
            lines.append("Content-Type:")  # libcurl would call every body a form
        if "expect" not in names:
            # Waiting for "100 Continue" costs a second where the server does not know it.
            lines.append("Expect:")
    return [(pycurl.HTTPHEADER, tuple(lines))] if lines else []


def compile_profile(
    info: BindInfo,
    storage: TYMED,
    additional: tuple[tuple[str, str], ...],
    url: str,
    amendment: Amendment = NO_AMENDMENT,
) -> Profile:
    """The profile for a BindInfo, a kind of storage and additional request fields; compiled once for each.

    With an amendment that one operation has gone through, it is made for that operation alone.

    Raises InvalidRequestError, which names `url`, for what cannot be sent.
    """
    # An IntEnum has a slow hash, a plain int has not.
    key = (int(storage), additional, amendment, session_user_agent() if info.user_agent is None else None)
    known = info.compiled.get(key)
    if known is not None:
        return known
    given = dict(info.curl_options)
    options = [
        *_transfer_options(info, storage, url),
        *_trust_options(info),
        *tolerance_options(amendment.tolerated),
        *_verb_options(info, url, amendment),
        *_field_options(info, additional, url, amendment),
        *(pair for pair in given.items() if not (amendment.foreign and pair[0] in _SITE_OPTIONS)),
        *_login_options(amendment),
    ]
    if amendment.manual:
        options.append((pycurl.FOLLOWLOCATION, 0))
    for number, value in options:
        if number not in _BODY_OPTIONS:
            _check_text(number, value, url)
    try:
        profile = Profile(
            options,
            follows=not amendment.manual and given.get(pycurl.FOLLOWLOCATION, info.max_redirects) != 0,
            fails_on_status=info.fail_on_http_error,
            may_retry_auth=(
                info.netrc
                or pycurl.HTTPAUTH in given
                or pycurl.PROXYAUTH in given
                or amendment.login is not None
                or amendment.proxy_login is not None
            ),
            ignores_dates=INTERNET_ERROR.SEC_CERT_DATE_INVALID in amendment.tolerated,
            max_bytes=_check_limit("max_bytes", info.max_bytes, url),
            max_header_bytes=_check_limit("max_header_bytes", info.max_header_bytes, url),
            max_ratio=_check_limit("max_ratio", info.max_ratio, url),
            addresses=address_rules(info.allow_address, info.deny_address),
            stall_speed=info.stall_speed,
            stall_time=_check_seconds("stall_time", info.stall_time, url),
        )
    except (ValueError, TypeError, OverflowError) as problem:
        raise InvalidRequestError(str(problem), url=url, hresult=HRESULT.E_INVALIDARG) from problem
    if len(info.compiled) < MOST_COMPILED and not amendment.is_of_its_own:
        info.compiled[key] = profile
    return profile


def request_head(options: Iterable[tuple[int, Any]], url: str, redirected_by: int) -> bytes:
    """The head of a request for `url` with these options of a profile, as far as they say what it is; b"" without any.

    redirected_by: 303 made a GET of it, 301 and 302 did if it was a POST; else 0.
    """
    given = dict(options)
    if not given:
        return b""
    usual = "HEAD" if given.get(pycurl.NOBODY) else "POST" if given.get(pycurl.POST) else "GET"
    method = given.get(pycurl.CUSTOMREQUEST) or usual
    if (redirected_by == 303 and method != "HEAD") or (redirected_by and method == "POST"):
        method = "GET"
    parts = urlsplit(url)
    fields = {"host": f"Host: {parts.netloc.rpartition('@')[2]}", "accept": "Accept: */*"}
    if given.get(pycurl.USERAGENT):
        fields["user-agent"] = f"User-Agent: {given[pycurl.USERAGENT]}"
    lines = []
    for line in given.get(pycurl.HTTPHEADER, ()):
        name = re.split("[:;]", line, maxsplit=1)[0].lower()
        if name in fields or line.endswith(":"):  # "Name:" takes one away
            fields.pop(name, None)
        if not line.endswith(":"):
            lines.append(line if ":" in line else f"{line[:-1]}:")
    target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    block = [f"{method} {target} HTTP/1.1", *fields.values(), *lines, "", ""]
    return "\r\n".join(block).encode("utf-8", "surrogateescape")
