"""Making monikers, and asking about names (contract 2.5)."""

from __future__ import annotations

from typing import Any

from urlmon.bindctx import BindCtx
from urlmon.constants import URL_MK_LEGACY, URL_MK_UNIFORM
from urlmon.errors import error_from_hresult
from urlmon.exceptions import InvalidURLError
from urlmon.hresult import HRESULT
from urlmon.moniker import URLMoniker
from urlmon.naming import MonikerName, combining_flags, parsing_flags, refuse
from urlmon.session import get_session
from urlmon.uri import Uri, create_uri
from urlmon.uri_combine import combine_uri, resolve_text

_KNOWN_SCHEMES = frozenset({"http", "https", "ftp", "file"})


def create_url_moniker(url: str, base: Any = None, flags: int = URL_MK_LEGACY) -> URLMoniker:
    """CreateURLMoniker: a moniker for `url`, which may be relative to `base` (contract 2.5).

    base: a URL moniker, or anything with `get_display_name()`. flags: URL_MK_LEGACY, URL_MK_UNIFORM or
    URL_MK_NO_CANONICALIZE. InvalidRequestError (E_INVALIDARG) for a URL that is no text and for other flags;
    InvalidURLError (E_INVALIDARG) if the two cannot be combined. What the URL says is judged when it is bound.
    """
    if base is None and flags is URL_MK_LEGACY and type(url) is str:
        return URLMoniker(url)
    parsing = parsing_flags(flags)
    if not isinstance(url, str):
        refuse("a moniker needs a URL as text")
    if base is None:
        return URLMoniker(url, flags)
    relative = create_uri(url, parsing)
    if relative.is_absolute:
        return URLMoniker(url, flags, relative)
    above = base if isinstance(base, MonikerName) else URLMoniker(base.get_display_name())
    return URLMoniker(
        resolve_text(above.url, url), flags, combine_uri(above.uri, relative, combining_flags(flags))
    )


def create_url_moniker_ex(url: str | Uri, base: Any = None, flags: int = URL_MK_UNIFORM) -> URLMoniker:
    """CreateURLMonikerEx and, for a Uri in place of the text, CreateURLMonikerEx2 (contract 2.5).

    As `create_url_moniker`, but for the default of `flags`, with which file: URLs keep the form of URLs. Without a
    base, a Uri is used as it is, whatever the flags.
    """
    if not isinstance(url, Uri):
        return create_url_moniker(url, base, flags)
    parsing_flags(flags)
    if base is not None:
        above = base if isinstance(base, MonikerName) else URLMoniker(base.get_display_name())
        url = combine_uri(above.uri, url, combining_flags(flags))
    return URLMoniker(url.absolute_uri or url.display_uri, flags, url)


def is_async_moniker(moniker: object) -> bool:
    """IsAsyncMoniker: whether binding it may be asynchronous (contract 2.5).

    InvalidRequestError (E_INVALIDARG) for None.
    """
    if moniker is None:
        refuse("there is no moniker to ask")
    return isinstance(moniker, URLMoniker)


def is_valid_url(url: str, ctx: BindCtx | None = None) -> bool:
    """IsValidURL: whether `url` is an absolute URL by its syntax (contract 2.5).

    InvalidRequestError (E_INVALIDARG) for what is no text.
    """
    if not isinstance(url, str):
        refuse("a URL is text")
    try:
        create_uri(url)
    except InvalidURLError:
        return False
    return True


def mk_parse_display_name_ex(ctx: BindCtx, name: str) -> tuple[int, URLMoniker]:
    """MkParseDisplayNameEx: (characters understood, the moniker of `name`) (contract 2.5).

    InvalidRequestError (E_INVALIDARG) without a context or a name, InvalidURLError (MK_E_SYNTAX) for a name that is no
    URL of a scheme that is built in or has a handler.
    """
    if ctx is None or not isinstance(name, str) or not name:
        refuse("a display name and a bind context are needed")
    moniker = URLMoniker(name)
    try:
        scheme = moniker.uri.scheme_name
    except InvalidURLError as problem:
        raise InvalidURLError(str(problem), url=name, hresult=HRESULT.MK_E_SYNTAX) from problem
    if scheme not in _KNOWN_SCHEMES and not get_session().find_handlers(name):
        raise error_from_hresult(HRESULT.MK_E_SYNTAX, url=name)
    return len(name), moniker
