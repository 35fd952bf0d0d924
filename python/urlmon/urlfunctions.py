"""Functions of URLs, as texts and as Uri: parsing, combining, comparing, asking (contract 10.1). Any thread.

The handler that is registered for a URL's scheme is asked first, if it is an InternetProtocolInfo; what it does not
answer is done here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from urlmon.constants import PARSEACTION, QUERYOPTION, URL_FLAGS, Uri_CREATE
from urlmon.errors import error_from_hresult
from urlmon.exceptions import BindError, InvalidURLError
from urlmon.hresult import HRESULT
from urlmon.session import get_session
from urlmon.uri import Uri, create_uri, refuse
from urlmon.uri_canonical import FORBIDDEN, canonical, without_dot_segments
from urlmon.uri_combine import combine_uri, resolve_text

_NETWORK = frozenset({"http", "https", "ftp"})
_KEPT = "!#$%&'()*+,/:;=?@[]~"  # what escaping leaves alone: the reserved characters, and escapes
_EITHER = Uri_CREATE.ALLOW_RELATIVE | Uri_CREATE.ALLOW_IMPLICIT_FILE_SCHEME
_PAGE_OF_FILE = re.compile(r"(file:[^#]*\.html?)#", re.IGNORECASE)
_DRIVE = re.compile(r"/?[A-Za-z]:")
_ESCAPED_BY = (
    (URL_FLAGS.ESCAPE_PERCENT, "%"),
    (URL_FLAGS.ESCAPE_SPACES_ONLY, " "),
    (URL_FLAGS.ESCAPE_UNSAFE, FORBIDDEN.pattern),
)
_ESCAPES = re.compile(r"(?:%(?!23|3[Ff])[0-9A-Fa-f]{2})+")  # of all but # and ?, which would begin something


def _fail(hresult: HRESULT, url: str) -> NoReturn:
    raise error_from_hresult(hresult, url=url)


def _ask(url: str, method: str, *arguments: Any) -> Any:
    """What the handler of `url` answers; None if there is none, or it leaves the question to us."""
    if not isinstance(url, str):
        _fail(HRESULT.E_INVALIDARG, "")
    info = get_session().find_protocol_info(url)
    if info is None:
        return None
    try:
        return getattr(info, method)(*arguments)
    except NotImplementedError:
        return None


def parse_url(url: str, action: PARSEACTION | int, flags: int = 0) -> str:
    """CoInternetParseUrl: a part or another form of `url`, by PARSEACTION (contract 10.1).

    flags are for the handler. Raises a BindError: E_INVALIDARG for what is no text, for a path of what is no file: URL
    and for a lone surrogate that is to be escaped, E_FAIL for what the URL has not got or a handler alone could say,
    E_NOTIMPL for MIME, SERVER and unknown actions.
    """
    answer: str | None = _ask(url, "parse_url", url, action, flags)
    if answer is not None:
        return answer
    return _parse_text(url, action)


def parse_uri(uri: Uri, action: PARSEACTION | int, flags: int = 0) -> str:
    """CoInternetParseIUri: a part or another form of `uri`, by PARSEACTION (contract 10.1).

    What the URI has not got is "". CANONICALIZE is for URIs made with NO_CANONICALIZE too. ROOTDOCUMENT, of http, https
    and ftp, is scheme://host[:port] as of texts, without the user information. DOCUMENT, all before the fragment, is of
    known schemes that have a host, not of files. PATH_FROM_URL gives a DOS path for a drive letter and for a host other
    than localhost, else the path of this system. URL_FROM_PATH is the absolute URI. SITE is the host, DOMAIN the
    registrable one (`Uri.domain`). ENCODE, DECODE, ESCAPE and UNESCAPE take the whole text.

    flags (URL_FLAGS) are of CANONICALIZE: DONT_SIMPLIFY keeps dot segments. Of the canonical text ESCAPE_PERCENT,
    ESCAPE_SPACES_ONLY and ESCAPE_UNSAFE (what no URI may hold) escape characters; without one of these UNESCAPE undoes
    the escapes, but those of # and ?. DONT_ESCAPE_EXTRA_INFO keeps both from query and fragment.

    Raises InvalidRequestError (E_INVALIDARG) for what is no Uri, and BindErrors: E_INVALIDARG for a path of what is no
    file: URI and for a lone surrogate that is to be escaped, E_FAIL for MIME, SERVER and what a handler alone could
    say, E_NOTIMPL for unknown actions.
    """
    if not isinstance(uri, Uri):
        refuse("a Uri is needed")
    text = _text(uri)
    answer: str | None = _ask(text, "parse_url", text, action, flags)
    if answer is not None:
        return answer
    if action == PARSEACTION.CANONICALIZE:
        return _canonical_by_flags(uri, flags)
    rule = _URI_ACTIONS.get(int(action))
    return _parse_text(text, action) if rule is None else rule(uri)


def combine_url(base: str, relative: str, flags: int = 0) -> str:
    """CoInternetCombineUrl: what `relative` means as seen from `base`, by RFC 3986 5.2 (contract 10.1).

    No escape is undone or made, but in file: URLs, where "#" begins a fragment only behind .htm and .html: elsewhere it
    may be of the name. flags (URL_FLAGS): DONT_SIMPLIFY keeps dot segments. InvalidURLError
    (E_INVALIDARG) where one of them is no URL.
    """
    answer: str | None = _ask(base, "combine_url", base, relative, flags)
    if answer is not None:
        return answer
    upper, lower = create_uri(_without_fragment_of_page(base), _EITHER), create_uri(relative, _EITHER)
    if lower.scheme_name == "file" or (upper.scheme_name == "file" and not lower.is_absolute):
        return _text(combine_uri(upper, lower, flags))
    return resolve_text(base, relative, not flags & URL_FLAGS.DONT_SIMPLIFY)


def _without_fragment_of_page(url: str) -> str:
    found = _PAGE_OF_FILE.match(url)
    return found.group(1) if found else url


def compare_url(first: str, second: str, ignore_slash: bool = False) -> bool:
    """CoInternetCompareUrl: whether two URLs are equal after canonicalisation (contract 10.1).

    ignore_slash: a slash at the end does not count.
    """
    answer: bool | None = _ask(first, "compare_url", first, second, int(ignore_slash))
    if answer is not None:
        return answer
    a, b = _canonical(first), _canonical(second)
    return a == b or (ignore_slash and a.removesuffix("/") == b.removesuffix("/"))


def query_info(url: str, option: QUERYOPTION | int, flags: int = 0) -> Any:
    """CoInternetQueryInfo: what a handler says of `url`; without one, USES_NETWORK alone is known (contract 10.1).

    Raises BindError (E_FAIL) for other options.
    """
    answer = _ask(url, "query_info", url, option, flags)
    if answer is not None:
        return answer
    if option != QUERYOPTION.USES_NETWORK:
        _fail(HRESULT.E_FAIL, url)
    return int(_scheme(url) in _NETWORK)


def _parse_text(url: str, action: int) -> str:
    rule = _ACTIONS.get(int(action))
    if rule is None:
        _fail(HRESULT.E_NOTIMPL, url)
    try:
        return rule(url)
    except UnicodeEncodeError:
        raise InvalidURLError(
            "a lone surrogate is no character", url=url, hresult=HRESULT.E_INVALIDARG
        ) from None


def _text(uri: Uri) -> str:
    return uri.absolute_uri or uri.display_uri


def _canonical(url: str) -> str:
    try:
        return _text(create_uri(url))
    except InvalidURLError:
        return url


def _canonical_by_flags(uri: Uri, flags: int) -> str:
    create = uri.flags & ~Uri_CREATE.NO_CANONICALIZE | Uri_CREATE.CANONICALIZE
    parts = canonical(uri.parts, create, simplify=False)
    if parts.scheme == "file":  # but for dots it is canonical by any flags, and twice would undo escapes
        parts = parts._replace(path=uri.parts.path)
    if not flags & URL_FLAGS.DONT_SIMPLIFY:
        parts = without_dot_segments(parts, create)
    uri = Uri("", parts, create)
    text, extra = _text(uri), ""
    if flags & URL_FLAGS.DONT_ESCAPE_EXTRA_INFO:
        extra = (uri.query or "") + (uri.fragment or "")
        text = text.removesuffix(extra)
    escaped = [pattern for flag, pattern in _ESCAPED_BY if flags & flag]
    if escaped:
        text = re.sub("|".join(escaped), lambda match: f"%{ord(match[0]):02X}", text)
    elif flags & URL_FLAGS.UNESCAPE:
        text = _ESCAPES.sub(lambda match: unquote(match[0]), text)
    return text + extra


def _absolute(url: str) -> Uri:
    try:
        return create_uri(url)
    except BindError:
        _fail(HRESULT.E_FAIL, url)


def _scheme(url: str) -> str:
    head, colon, _ = url.partition(":")
    return head.lower() if colon else ""


def _root(url: str) -> str:
    root = _root_of_uri(_absolute(url))
    if not root:
        _fail(HRESULT.E_FAIL, url)
    return root


def _root_of_uri(uri: Uri) -> str:
    if uri.scheme_name not in _NETWORK or uri.authority is None:
        return ""
    return f"{uri.scheme_name}://{uri.authority.rpartition('@')[2]}"


def _document_of_uri(uri: Uri) -> str:
    if uri.host is None or uri.scheme_name == "file" or not uri.parts.known:
        return ""
    return _text(uri).partition("#")[0]


def _path(url: str) -> str:
    if _scheme(url) != "file":
        _fail(HRESULT.E_INVALIDARG, url)
    host, path = "", url.partition(":")[2].replace("\\", "/")
    if path.startswith("//"):
        path = path[2:]
        if not _DRIVE.match(path):
            host, slash, path = path.partition("/")
            path = slash + path
    return _path_of_file(host, _file_name(path))


def _path_of_uri(uri: Uri) -> str:
    if uri.scheme_name != "file":
        _fail(HRESULT.E_INVALIDARG, _text(uri))
    path = uri.path or ""
    if uri.flags & Uri_CREATE.FILE_USE_DOS_PATH:  # it has no escapes
        return _path_of_file(uri.host or "", path.replace("\\", "/"))
    return _path_of_file(uri.host or "", _file_name(path))


def _file_name(path: str) -> str:
    return unquote(path, errors="surrogateescape")  # as os.fsdecode


def _path_of_file(host: str, path: str) -> str:
    """A DOS path for a drive letter and for another machine, else the path of this system."""
    if host.lower() not in {"", "localhost"}:
        return rf"\\{host}" + path.replace("/", "\\")
    if _DRIVE.match(path):
        return path.removeprefix("/").replace("/", "\\")
    return path


def _url_of_path(path: str) -> str:
    """What is no absolute path is given back (S_FALSE)."""
    return PurePosixPath(path).as_uri() if path.startswith("/") else path


def _handler_only(url: str) -> NoReturn:
    _fail(HRESULT.E_FAIL, url)


def _in_no_uri(uri: Uri) -> NoReturn:
    _fail(HRESULT.E_FAIL, _text(uri))


def _fragment(url: str) -> str:
    _, sign, text = url.partition("#")
    return sign + text


_ACTIONS: dict[int, Callable[[str], str]] = {
    PARSEACTION.CANONICALIZE: _canonical,
    PARSEACTION.FRIENDLY: lambda url: _absolute(url).display_uri,
    PARSEACTION.SECURITY_URL: _handler_only,
    PARSEACTION.ROOTDOCUMENT: _root,
    PARSEACTION.DOCUMENT: lambda url: url.partition("#")[0],
    PARSEACTION.ANCHOR: _fragment,
    PARSEACTION.ENCODE_IS_UNESCAPE: unquote,
    PARSEACTION.DECODE_IS_ESCAPE: lambda url: quote(url, safe=_KEPT),
    PARSEACTION.PATH_FROM_URL: _path,
    PARSEACTION.URL_FROM_PATH: _url_of_path,
    PARSEACTION.SCHEMA: _scheme,
    PARSEACTION.SITE: lambda url: _absolute(url).host or "",
    PARSEACTION.DOMAIN: lambda url: _absolute(url).host or "",
    PARSEACTION.LOCATION: _fragment,
    PARSEACTION.SECURITY_DOMAIN: _handler_only,
    PARSEACTION.ESCAPE: lambda url: quote(url, safe=_KEPT),
    PARSEACTION.UNESCAPE: unquote,
}

# What is not here is done with the URI's text. CANONICALIZE depends on flags.
_URI_ACTIONS: dict[int, Callable[[Uri], str]] = {
    PARSEACTION.FRIENDLY: lambda uri: uri.display_uri,
    PARSEACTION.ROOTDOCUMENT: _root_of_uri,
    PARSEACTION.DOCUMENT: _document_of_uri,
    PARSEACTION.ANCHOR: lambda uri: uri.fragment or "",
    PARSEACTION.PATH_FROM_URL: _path_of_uri,
    PARSEACTION.URL_FROM_PATH: lambda uri: uri.absolute_uri or "",
    PARSEACTION.MIME: _in_no_uri,
    PARSEACTION.SERVER: _in_no_uri,
    PARSEACTION.SCHEMA: lambda uri: uri.scheme_name or "",
    PARSEACTION.SITE: lambda uri: uri.host or "",
    PARSEACTION.DOMAIN: lambda uri: uri.domain or "",
    PARSEACTION.LOCATION: lambda uri: uri.fragment or "",
}
