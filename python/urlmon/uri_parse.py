"""A URI's text taken apart, by the creation flags (contract 10.3).

Follows RFC 3986 with what URL monikers add to it: known schemes take a backslash for a slash, DOS and UNC paths may
stand for file: URLs, and a fragment is part of the path of a file.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from urlmon.constants import URL_SCHEME, Uri_CREATE, Uri_HOST

SCHEMES: dict[str, URL_SCHEME] = {
    scheme.name.lower().replace("_", "-"): scheme for scheme in URL_SCHEME if scheme > URL_SCHEME.UNKNOWN
} | {"*": URL_SCHEME.WILDCARD}
del SCHEMES["wildcard"]
DEFAULT_PORTS = {"ftp": 21, "http": 80, "gopher": 70, "nntp": 119, "telnet": 23, "wais": 210, "https": 443}
AUTHORITY_SCHEMES = frozenset({*DEFAULT_PORTS, "file", "snews", "res", "local"})  # known, with //host
OPAQUE_SCHEMES = frozenset(
    {"mailto", "news", "mk", "about", "javascript", "vbscript", "shell", "mshelp", "urn"}
)
UNTOUCHED_SCHEMES = frozenset({"mk", "javascript", "vbscript", "about"})  # opaque, and never encoded

_SCHEME = re.compile(r"([A-Za-z0-9+.\-]+|\*):")
_DRIVE = re.compile(r"[A-Za-z][:|](?=[/\\]|$)|[A-Za-z]:")
_DRIVE_PATH = re.compile(r"[A-Za-z][:|][/\\]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")
_WHITE = "".join(map(chr, range(0x21))) + "\x7f"
_DOS_FORBIDDEN = frozenset('<>"')


class Components(NamedTuple):
    """The parts as written; None = absent. `query` and `fragment` include their sign, `host` no brackets."""

    scheme: str | None = None
    user: str | None = None
    password: str | None = None
    host: str | None = None
    host_type: Uri_HOST = Uri_HOST.UNKNOWN
    port: str | None = None
    path: str = ""
    query: str | None = None
    fragment: str | None = None
    opaque: bool = False
    escape_percent: bool = False  # a DOS path: "%" is a character of a file name

    @property
    def known(self) -> bool:
        """Whether it is a scheme whose characters are canonicalised."""
        return self.scheme in SCHEMES


def preprocess(text: str) -> str:
    """Without the white space around it and the line breaks and tabs within (as in HTML attributes)."""
    return re.sub(r"[\t\r\n]", "", text.strip(_WHITE))


def parse(text: str, flags: int) -> Components:
    """Takes `text` apart. ValueError says what is wrong with it."""
    if _DRIVE_PATH.match(text):
        return _implicit_file(text, flags)
    if text.startswith("\\\\") and flags & Uri_CREATE.ALLOW_IMPLICIT_FILE_SCHEME:
        return _implicit_file(text, flags)
    match = _SCHEME.match(text)
    if match is not None:
        return _with_scheme(match[1].lower(), text[match.end() :], flags)
    if flags & Uri_CREATE.ALLOW_IMPLICIT_WILDCARD_SCHEME:
        return _wildcard(text, flags)
    if not flags & Uri_CREATE.ALLOW_RELATIVE:
        raise ValueError("it has no scheme")
    if text.startswith("//"):
        authority, rest = _cut(text[2:], "/?#")
        return _tail(_authority(None, authority), rest, flags)
    return _tail(Components(), text, flags)


def _implicit_file(text: str, flags: int) -> Components:
    if not flags & Uri_CREATE.ALLOW_IMPLICIT_FILE_SCHEME:
        raise ValueError("a path stands in the place of a URI")
    if text.startswith("\\\\"):
        return _file_authority(text[2:], flags)
    return _tail(Components("file", escape_percent=True), text, flags)


def _wildcard(text: str, flags: int) -> Components:
    authority, rest = _cut(text, "/?#")
    return _tail(_authority(None, authority)._replace(scheme="*"), rest, flags)


def _with_scheme(scheme: str, rest: str, flags: int) -> Components:
    if scheme == "*":
        return _wildcard(rest, flags)
    if scheme in {"mailto", "news"}:
        rest = rest.removeprefix("//")
    if not _has_authority(scheme, rest[:2], flags):
        return _tail(Components(scheme, opaque=True), rest, flags)
    if scheme == "file":
        return _file(rest[2:], flags)
    backslash_ends = scheme in AUTHORITY_SCHEMES and scheme != "res"
    authority, rest = _cut(rest[2:], "/\\?#" if backslash_ends else "/?#")
    return _tail(_authority(scheme, authority), rest, flags)


def _has_authority(scheme: str, slashes: str, flags: int) -> bool:
    """Whether an authority follows the `slashes` behind the scheme."""
    if scheme in OPAQUE_SCHEMES:
        return False
    if scheme in AUTHORITY_SCHEMES:
        return len(slashes) == 2 and set(slashes) <= {"/", "\\"}
    return slashes == "//" and not flags & Uri_CREATE.NO_CRACK_UNKNOWN_SCHEMES


def _file(rest: str, flags: int) -> Components:
    if _DRIVE.match(rest):
        return _tail(Components("file", escape_percent=True), rest, flags)
    return _file_authority(rest, flags)


def _file_authority(rest: str, flags: int) -> Components:
    authority, rest = _cut(rest, "/\\?#")
    if not authority:
        return _tail(Components("file"), rest, flags)
    return _tail(_authority("file", authority), rest, flags)


def _cut(text: str, ends: str) -> tuple[str, str]:
    """`text` before and from the first of the characters `ends`."""
    at = min((text.find(end) for end in ends if end in text), default=len(text))
    return text[:at], text[at:]


def _authority(scheme: str | None, authority: str) -> Components:
    """The components of `authority`, by the rules of `scheme`."""
    known = scheme in SCHEMES
    if scheme == "res":
        if _DOS_FORBIDDEN & set(authority):
            raise ValueError("its file name holds a character that none may hold")
        return Components(scheme, host=authority)
    user: str | None = None
    password: str | None = None
    info, at, place = authority.rpartition("@") if scheme != "file" else ("", "", authority)
    if at:
        user, colon, rest = info.partition(":")
        password = rest if colon else None
        user = user if user or not colon else None
    host, port = _host_and_port(place, known)
    if known and _BAD_ESCAPE.search(host):
        raise ValueError("the host has a percent sign that escapes nothing")
    host, kind = _host_type(host)
    return Components(scheme, user, password, host, kind, port)


def _host_and_port(place: str, known: bool) -> tuple[str, str | None]:
    start = place.rfind("]") if place.startswith("[") else 0
    at = place.rfind(":", max(start, 0))
    if at < 0:
        return place, None
    digits = place[at + 1 :]
    good = digits.isascii() and digits.isdigit() and int(digits) <= 65535
    if good or (known and not digits):
        return place[:at], digits
    if known:
        raise ValueError("its port is no number from 0 to 65535")
    return place, None


def _host_type(host: str) -> tuple[str, Uri_HOST]:
    if host.startswith("["):
        inner = host[1:].partition("]")[0]
        try:
            parse_ipv6(inner)
        except ValueError:
            raise ValueError("there is no IPv6 address between the brackets of the host") from None
        if host != f"[{inner}]":
            raise ValueError("there is text after the address of the host")
        return inner, Uri_HOST.IPV6
    if _NUMBERS.fullmatch(host) and parse_ipv4(host) is not None:
        return host, Uri_HOST.IPV4
    if not host:
        return host, Uri_HOST.UNKNOWN
    return host, Uri_HOST.DNS if host.isascii() else Uri_HOST.IDN


def parse_ipv4(host: str) -> ipaddress.IPv4Address | None:
    """The address of one to four decimal numbers, the last of which fills up the rest; None if it is none."""
    *first, last = [int(number) for number in host.split(".")]
    if any(number > 255 for number in first) or last >> (8 * (4 - len(first))):
        return None
    value = last
    for position, number in enumerate(first):
        value |= number << (24 - 8 * position)
    return ipaddress.IPv4Address(value)


def parse_ipv6(text: str) -> ipaddress.IPv6Address:
    """The address; decimal numbers may have leading zeros. ValueError for what is none."""
    head, colon, tail = text.rpartition(":")
    if "." in tail:
        if tail.count(".") != 3:
            raise ValueError("not an IPv4 address")
        tail = ".".join(str(int(number)) for number in tail.split("."))
    groups = [group[-4:] if len(group.lstrip("0")) <= 4 else group for group in head.split(":")]
    return ipaddress.IPv6Address(":".join(groups) + colon + tail)


def has_bad_escape(parts: Components) -> bool:
    """Whether the path of a known scheme has a percent sign that escapes nothing."""
    checked = parts.known and parts.scheme not in UNTOUCHED_SCHEMES and parts.scheme != "file"
    return checked and _BAD_ESCAPE.search(parts.path) is not None


def _tail(components: Components, rest: str, flags: int) -> Components:
    """`components` with the path, query and fragment of `rest`."""
    is_file = components.scheme == "file"
    query: str | None = None
    fragment: str | None = None
    if not is_file:
        rest, sign, text = rest.partition("#")
        fragment = sign + text if sign else None
    path, sign, text = rest.partition("?")
    query = sign + text if sign else None
    if has_bad_escape(components._replace(path=path)):
        raise ValueError("its path has a percent sign that escapes nothing")
    if components.known and components.scheme not in UNTOUCHED_SCHEMES:
        extra = (query or "") + (fragment or "")
        if not flags & Uri_CREATE.NO_DECODE_EXTRA_INFO and _BAD_ESCAPE.search(extra):
            raise ValueError("its query or fragment has a percent sign that escapes nothing")
    if is_file and flags & Uri_CREATE.FILE_USE_DOS_PATH and _DOS_FORBIDDEN & set(path):
        raise ValueError("its path holds a character that no file name may hold")
    return components._replace(path=path, query=query, fragment=fragment)
