"""Functions of URLs as texts: parsing, combining, comparing, asking (contract 10.1). Any thread.

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
from urlmon.uri import Uri, create_uri
from urlmon.uri_combine import combine_uri, resolve_text

_NETWORK = frozenset({"http", "https", "ftp"})
_KEPT = "!#$%&'()*+,/:;=?@[]~"  # what escaping leaves alone: the reserved characters, and escapes
_EITHER = Uri_CREATE.ALLOW_RELATIVE | Uri_CREATE.ALLOW_IMPLICIT_FILE_SCHEME
_PAGE_OF_FILE = re.compile(r"(file:[^#]*\.html?)#", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")


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

    Raises a BindError: E_INVALIDARG for what is no text and for a path of what is no file: URL, E_FAIL for what the URL
    has not got or a handler alone could say, E_NOTIMPL for MIME, SERVER and unknown actions.
    """
    answer: str | None = _ask(url, "parse_url", url, action, flags)
    if answer is not None:
        return answer
    rule = _ACTIONS.get(int(action))
    if rule is None:
        _fail(HRESULT.E_NOTIMPL, url)
    return rule(url)


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
        combined = combine_uri(upper, lower, flags)
        return combined.absolute_uri or combined.display_uri
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


def _canonical(url: str) -> str:
    try:
        uri = create_uri(url)
    except InvalidURLError:
        return url
    return uri.absolute_uri or uri.display_uri


def _absolute(url: str) -> Uri:
    try:
        return create_uri(url)
    except BindError:
        _fail(HRESULT.E_FAIL, url)


def _scheme(url: str) -> str:
    head, colon, _ = url.partition(":")
    return head.lower() if colon else ""


def _root(url: str) -> str:
    uri = _absolute(url)
    if uri.scheme_name not in _NETWORK or uri.authority is None:
        _fail(HRESULT.E_FAIL, url)
    return f"{uri.scheme_name}://{uri.authority.rpartition('@')[2]}"


def _path(url: str) -> str:
    """A DOS path for a URL with a drive letter, else the path of this system."""
    if _scheme(url) != "file":
        _fail(HRESULT.E_INVALIDARG, url)
    path = url.partition(":")[2].replace("\\", "/")
    path = path.removeprefix("//") if not path.startswith("///") else path[2:]
    plain = unquote(path)
    if _DRIVE.match(plain.removeprefix("/")):
        return plain.removeprefix("/").replace("/", "\\")
    return plain


def _url_of_path(path: str) -> str:
    """What is no absolute path is given back (S_FALSE)."""
    return PurePosixPath(path).as_uri() if path.startswith("/") else path


def _handler_only(url: str) -> NoReturn:
    _fail(HRESULT.E_FAIL, url)


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
