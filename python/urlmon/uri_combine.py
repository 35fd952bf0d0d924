"""Combining two URIs (contract 2.3, 10.1): what a relative one means as seen from a base, by RFC 3986 5.2."""

from __future__ import annotations

from urlmon.constants import URL_FLAGS, Uri_CREATE
from urlmon.exceptions import UnexpectedError
from urlmon.uri import Uri, complete_flags, create_uri, refuse
from urlmon.uri_canonical import canonical
from urlmon.uri_parse import Components, has_bad_escape


def combine_uri(base: Uri, relative: Uri, flags: int = 0) -> Uri:
    """CoInternetCombineIUri (contract 2.3, 10.1): `relative` as seen from `base`, by RFC 3986 5.2.

    flags (URL_FLAGS): DONT_SIMPLIFY keeps dot segments, FILE_USE_PATHURL gives file: URIs their DOS form,
    DONT_UNESCAPE_EXTRA_INFO keeps escapes in query and fragment. InvalidRequestError (E_INVALIDARG) for what are not
    two URIs.
    """
    if not isinstance(base, Uri) or not isinstance(relative, Uri):
        refuse("two URIs are needed")
    create = Uri_CREATE.ALLOW_RELATIVE
    if flags & URL_FLAGS.FILE_USE_PATHURL:
        create |= Uri_CREATE.FILE_USE_DOS_PATH
    if flags & URL_FLAGS.DONT_UNESCAPE_EXTRA_INFO:
        create |= Uri_CREATE.NO_DECODE_EXTRA_INFO
    complete = complete_flags(create)
    if relative.is_absolute:
        return _again(relative, complete)
    simplify = not flags & URL_FLAGS.DONT_SIMPLIFY
    parts = _resolve(base.parts, relative.parts)
    if has_bad_escape(parts):
        refuse("the path has a percent sign that escapes nothing", relative.raw_uri)
    uri = Uri("", canonical(parts, complete, simplify=simplify, show_port=not simplify), complete)
    uri.raw_uri = uri.absolute_uri or uri.display_uri
    if not simplify:
        uri.authority = Uri("", canonical(parts, complete), complete).authority  # shows no default port
    return uri


def combine_url_ex(base: Uri, relative: str, flags: int = 0) -> Uri:
    """CoInternetCombineUrlEx: `combine_uri` for a text.

    UnexpectedError (E_UNEXPECTED) for what is no text, InvalidRequestError (E_INVALIDARG) for a base that is no Uri.
    """
    if not isinstance(relative, str):
        raise UnexpectedError("a relative URL is text", url="")
    return combine_uri(base, create_uri(relative, Uri_CREATE.ALLOW_RELATIVE), flags)


def _again(uri: Uri, flags: int) -> Uri:
    """An absolute `uri` as it is, but for the form of file paths."""
    if uri.parts.scheme == "file":
        return create_uri(uri.raw_uri, flags | Uri_CREATE.ALLOW_IMPLICIT_FILE_SCHEME)
    again = create_uri(uri.absolute_uri or uri.display_uri, flags)
    again.raw_uri = uri.raw_uri
    return again


def _resolve(base: Components, relative: Components) -> Components:
    """RFC 3986 5.2.2 without the removal of dot segments."""
    if relative.host is not None:
        return relative._replace(scheme=base.scheme, opaque=False)
    if not relative.path:
        query = relative.query if relative.query is not None else base.query
        path = base.path if base.path or base.host is None else "/"
        return base._replace(path=path, query=query, fragment=relative.fragment)
    path = relative.path.replace("\\", "/") if base.known else relative.path
    joined = _archive_path(base.path, path) if base.scheme == "mk" else _merge(base, path)
    return base._replace(path=joined, query=relative.query, fragment=relative.fragment)


def _merge(base: Components, path: str) -> str:
    above = base.path
    drive = ""
    if base.scheme == "file" and base.host is None:
        above = above.replace("\\", "/")
        at = above.find(":")
        drive, above = above[: at + 1], above[at + 1 :]
    if path.startswith("/"):
        return drive + path
    folder = above[: above.rfind("/") + 1]
    if not folder and base.host is not None:
        folder = "/"
    return drive + folder + path


def _archive_path(above: str, path: str) -> str:
    """mk:@store:archive::/path, where the relative path stays within the archive."""
    if path.startswith("/"):
        if not above.startswith("@"):
            return path
        at = above.find("::")
        return (above[: at + 2] if at >= 0 else above[: above.find(":") + 1]) + path
    at = above.find("::") + 2 if "::" in above else 0
    inner = above[at:].replace("\\", "/")
    return above[:at] + inner[: inner.rfind("/") + 1] + path


def resolve_text(base: str, relative: str, simplify: bool = True) -> str:
    """The URL that `relative` means as seen from `base`, with no character changed but for dot segments.

    simplify: whether those are removed.

    InvalidURLError (E_INVALIDARG) where one of the two is no URL.
    """
    flags = complete_flags(
        Uri_CREATE.ALLOW_RELATIVE
        | Uri_CREATE.ALLOW_IMPLICIT_FILE_SCHEME
        | Uri_CREATE.NO_CANONICALIZE
        | Uri_CREATE.NO_DECODE_EXTRA_INFO
        | Uri_CREATE.NO_ENCODE_FORBIDDEN_CHARACTERS
    )
    inner, outer = create_uri(relative, flags), create_uri(base, flags)
    if inner.is_absolute:
        return relative
    parts = canonical(_resolve(outer.parts, inner.parts), flags, simplify=simplify)
    uri = Uri("", parts, flags)
    return uri.absolute_uri or uri.display_uri
