"""URLs on their way to the network: checked, the host in ASCII, the rest percent-encoded where it must be.

The URL of a moniker is kept as it was given; what the wire gets is made here. Only what has to be changed is
changed, so a signed URL stays what it was. What is wrong with a URL is said without quoting it: in a
malformed one, any part may be a password (redaction.py takes those out of the URL that the errors name).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import idna

from urlmon.exceptions import InvalidURLError, UnknownProtocolError
from urlmon.hresult import HRESULT
from urlmon_core import plain_url

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(?:(//)([^/?#\\]*))?([^#]*)(?:#.*)?", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_UNSENDABLE = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]")
_UNSENDABLE_IN_USER = re.compile(_UNSENDABLE.pattern + "|@")
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%\-]+")
_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~\-%]+)?\]")  # RFC 3986 3.2.2, zone as in RFC 6874
_PORT = re.compile(r"0*([0-9]{1,5})")
_DEFAULT_PORTS = {"http": "80", "https": "443", "ftp": "21"}
_WITHOUT_HOST = frozenset({"file"})


class WireURL(NamedTuple):
    """What the core needs of a URL.

    `url` is what is requested; connections are counted by `host_key`, that is scheme, host and port.
    """

    url: bytes
    host_key: bytes
    scheme: str


def _invalid(url: str, why: str, hresult: HRESULT = HRESULT.INET_E_INVALID_URL) -> InvalidURLError:
    return InvalidURLError(why, url=url, hresult=hresult)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=4096)
def _ascii_host(host: str) -> str:
    """`host` as the resolver takes it (RFC 5891). ValueError says what is wrong with it."""
    if host.startswith("["):
        if not host.endswith("]"):
            raise ValueError("the address of the host lacks its closing bracket")
        if not _ADDRESS.fullmatch(host):
            raise ValueError("there is no IPv6 address between the brackets of the host")
        return host
    if not host.isascii():
        try:
            return idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as problem:
            raise ValueError(f"the host name cannot be encoded: {problem}") from problem
    if not _HOST.fullmatch(host):
        raise ValueError("the host name holds a character that no host name may hold")
    return host


@lru_cache(maxsize=1024)
def _authority(scheme: str, authority: str) -> tuple[str, bytes]:
    """(authority for the wire, host key). ValueError says what is wrong with it."""
    user, at, place = authority.rpartition("@")
    if place.startswith("["):
        host, bracket, rest = place.partition("]")
        host += bracket
        port = rest.removeprefix(":")
        if rest and not rest.startswith(":"):
            raise ValueError("there is text between the address of the host and its port")
    else:
        host, _, port = place.partition(":")
    if not host and scheme not in _WITHOUT_HOST:
        raise ValueError("it names no host")
    if port:
        digits = _PORT.fullmatch(port)
        if digits is None or int(digits[1]) > 65535:
            raise ValueError("its port is no number from 0 to 65535")
        port = str(int(digits[1]))
    host = _ascii_host(host) if host else ""
    # The last "@" ends the user information; libcurl refuses an authority with another one.
    wire = _UNSENDABLE_IN_USER.sub(_percent, user) + at + host + (f":{port}" if port else "")
    key = f"{scheme}://{host.lower()}:{port or _DEFAULT_PORTS.get(scheme, '')}"
    return wire, key.encode("ascii")


def prepare(url: str, schemes: tuple[str, ...]) -> WireURL:
    """Checks `url` and makes what the wire gets.

    Raises UnknownProtocolError (INET_E_UNKNOWN_PROTOCOL) for a URL without a scheme or with one that is not
    among `schemes`, InvalidURLError (MK_E_SYNTAX if it is empty, else INET_E_INVALID_URL) for one that cannot
    be requested.
    """
    quick = plain_url(url)
    if quick is not None and quick[2] in schemes:
        return tuple.__new__(WireURL, quick)
    if not url:
        raise _invalid(url, "the URL is empty", HRESULT.MK_E_SYNTAX)
    if _FORBIDDEN.search(url):
        raise _invalid(url, "the URL holds a line break or another control character")
    match = _PARTS.fullmatch(url)
    if match is None:
        raise UnknownProtocolError("the URL has no scheme", url=url, hresult=HRESULT.INET_E_UNKNOWN_PROTOCOL)
    scheme, slashes, authority, rest = match.groups()
    scheme = scheme.lower()
    if scheme not in schemes:
        raise UnknownProtocolError(
            # user:password@host has no scheme, whatever it looks like
            f"the scheme{f' {scheme!r}' if slashes else ''} is not one of {', '.join(schemes)}",
            url=url,
            hresult=HRESULT.INET_E_UNKNOWN_PROTOCOL,
        )
    if slashes is None:
        raise _invalid(url, "the scheme is not followed by //")
    try:
        wire, key = _authority(scheme, authority)
    except ValueError as problem:
        raise _invalid(url, str(problem)) from None
    if rest.startswith("\\"):
        raise _invalid(url, "its path begins with a backslash")
    return WireURL(f"{scheme}://{wire}{_UNSENDABLE.sub(_percent, rest)}".encode("ascii"), key, scheme)
