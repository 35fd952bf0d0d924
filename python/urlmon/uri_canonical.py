"""The canonical form of a URI's components (contract 10.3; RFC 3986 6.2)."""

from __future__ import annotations

import re

from urlmon.constants import Uri_CREATE, Uri_HOST
from urlmon.uri_parse import DEFAULT_PORTS, UNTOUCHED_SCHEMES, Components, parse_ipv4, parse_ipv6

_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
FORBIDDEN = re.compile(r"[\x00-\x20\"<>\\^`{|}\x7f]")  # neither reserved nor unreserved, in ASCII
_FORBIDDEN_EXTRA = re.compile(r"[\x00-\x20\"<>^`{|}\x7f]")
_PERCENT = re.compile("%")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _unescape(text: str, more: str = "") -> str:
    """`text` with the escapes undone that stand for unreserved characters, and for those of `more`."""

    def plain(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED or character in more else match[0]

    return _ESCAPED.sub(plain, text)


def _escape(text: str, forbidden: re.Pattern[str], style: str = "%{:02X}") -> str:
    return forbidden.sub(lambda match: style.format(ord(match[0])), text)


def remove_dot_segments(path: str) -> str:
    """RFC 3986 5.2.4; what would climb above the root stays at the root."""
    result: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(result) > 1:
                result.pop()
        elif segment != ".":
            result.append(segment)
    if segments[-1] in {".", ".."}:
        result.append("")
    return "/".join(result)


def _without_dots_in_archive(path: str) -> str:
    """Paths of mk: URLs, where both slashes part, and nothing is kept from climbing."""
    result: list[str] = []
    for segment in re.findall(r"[^/\\]*[/\\]|[^/\\]+", path):
        name = segment.rstrip("/\\")
        if name == "..":
            if result:
                result.pop()
        elif name != ".":
            result.append(segment)
    return "".join(result)


def canonical(
    parts: Components, flags: int, *, simplify: bool | None = None, show_port: bool = False
) -> Components:
    """The components in canonical form, as far as `flags` ask for it.

    simplify: whether dot segments are removed, None = as `flags` say. show_port: whether a default port is written.
    """
    whole = not flags & Uri_CREATE.NO_CANONICALIZE
    simplify = whole if simplify is None else simplify
    encode = not flags & Uri_CREATE.NO_ENCODE_FORBIDDEN_CHARACTERS
    known = parts.known and parts.scheme not in UNTOUCHED_SCHEMES
    user, password = parts.user, parts.password
    if known and whole:
        user, password = (_user_text(text, encode) for text in (user, password))
    extra = known and whole and not flags & Uri_CREATE.NO_DECODE_EXTRA_INFO
    query, fragment = parts.query, parts.fragment
    if extra:
        query, fragment = (_extra_text(text, encode) for text in (query, fragment))
    done = parts._replace(
        user=user,
        password=password,
        host=_host(parts) if known and whole else parts.host,
        port=_port(parts, whole, show_port),
        path=_path(parts, flags, known, whole, encode),
        query=query,
        fragment=fragment,
        escape_percent=False,  # done
    )
    return without_dot_segments(done, flags) if simplify else done


def without_dot_segments(parts: Components, flags: int) -> Components:
    """Canonical `parts` whose path climbs nowhere, where paths of their scheme have segments (RFC 3986 5.2.4)."""
    path = parts.path
    if parts.scheme == "mk":
        return parts._replace(path=_without_dots_in_archive(path))
    if parts.opaque or parts.scheme == "*" or (parts.scheme is None and parts.host is None):
        return parts
    root = ""
    if parts.scheme == "file":
        if flags & Uri_CREATE.FILE_USE_DOS_PATH:
            return parts
        drive = re.match(r"/[A-Za-z]:", path)
        root = drive[0] if drive and parts.host is None else ""
    return parts._replace(path=root + remove_dot_segments(path[len(root) :]))


def _user_text(text: str | None, encode: bool) -> str | None:
    if text is None:
        return None
    text = _unescape(text)
    return _escape(text, FORBIDDEN) if encode else text


def _extra_text(text: str | None, encode: bool) -> str | None:
    if text is None:
        return None
    text = _unescape(text)
    return _escape(text, _FORBIDDEN_EXTRA) if encode else text


def _host(parts: Components) -> str | None:
    host = parts.host
    if not host or parts.scheme in {"res", "*"}:
        return host
    if parts.host_type == Uri_HOST.IPV4:
        return str(parse_ipv4(host))
    if parts.host_type == Uri_HOST.IPV6:
        return _ipv6_text(host)
    return _escape(_unescape(host).lower(), FORBIDDEN, "%{:02x}")


def _ipv6_text(host: str) -> str:
    """RFC 5952, and ::a.b.c.d for what is nothing but an IPv4 address."""
    address = parse_ipv6(host)
    if 0xFFFF < int(address) <= 0xFFFFFFFF:
        return f"::{parse_ipv4(str(int(address)))}"
    return address.compressed


def _port(parts: Components, whole: bool, show: bool) -> str | None:
    if parts.host is None or parts.scheme is None:
        return parts.port
    default = DEFAULT_PORTS.get(parts.scheme)
    if show and default is not None:
        return parts.port or str(default)
    if not whole or not parts.known:
        return parts.port
    if not parts.port or int(parts.port) == default:
        return None
    return str(int(parts.port))


def _path(parts: Components, flags: int, known: bool, whole: bool, encode: bool) -> str:
    path = parts.path
    if parts.scheme == "file":
        return _file_path(parts, flags, encode)
    if parts.scheme == "mk":
        return path
    if parts.scheme is None and parts.host is None:
        return path
    if parts.opaque:
        if path.startswith("//") and not parts.known:
            path = f"/.{path}"  # else it would be read as an authority again
        return _encoded(path, encode) if known and whole else path
    if known and whole:
        if parts.scheme != "*":
            path = path.replace("\\", "/")
        path = _encoded(path, encode)
    return "/" if whole and not path and parts.scheme != "*" else path


def _encoded(path: str, encode: bool) -> str:
    path = _unescape(path)
    return _escape(path, FORBIDDEN) if encode else path


def _file_path(parts: Components, flags: int, encode: bool) -> str:
    path = parts.path
    if flags & Uri_CREATE.FILE_USE_DOS_PATH:
        path = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), path) if not parts.escape_percent else path
        path = path.replace("/", "\\")
        if re.match(r"\\?[A-Za-z][:|]", path) and parts.host is None:
            path = path.lstrip("\\")
            path = path[0] + ":" + path[2:]
        return path
    path = path.replace("\\", "/")
    if parts.opaque:
        return path
    if not parts.escape_percent:
        path = _unescape(path, "#")
    path = (_PERCENT if parts.escape_percent else _BARE_PERCENT).sub("%25", path)
    if parts.host is None and re.match(r"[A-Za-z][:|]", path):
        path = f"/{path[0]}:{path[2:]}"
    if encode:
        path = _escape(path, FORBIDDEN)
    return path or "/"
