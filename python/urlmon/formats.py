"""Format enumerators, and what they say to a server (contract 6.2 to 6.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from urlmon.exceptions import BindError, InvalidRequestError
from urlmon.hresult import HRESULT
from urlmon.storage import (
    CF_NULL,
    FormatEtc,
    get_clipboard_format_name,
    known_clipboard_format,
    register_clipboard_format,
)

if TYPE_CHECKING:
    from urlmon.bindctx import BindCtx

FORMATS_KEY = "_EnumFORMATETC_"
ANY_TYPE = "*/*"
_LEAST_QUALITY = 0.1


def _need(value: object, what: str) -> None:
    if value is None:
        raise InvalidRequestError(f"{what} is None", url="", hresult=HRESULT.E_INVALIDARG)


class FormatEnumerator:
    """IEnumFORMATETC: formats in order of preference, with a position (contract 6.3).

    Iterating begins at the position, and leaves it where it is.
    """

    __slots__ = ("_formats", "_position")

    def __init__(self, formats: Iterable[FormatEtc]) -> None:
        self._formats = tuple(formats)
        self._position = 0

    def next(self, count: int = 1) -> list[FormatEtc]:
        """The next `count` formats, fewer at the end (S_FALSE). InvalidRequestError (E_INVALIDARG) below 0."""
        self._check(count)
        formats = self._formats[self._position : self._position + count]
        self._position += len(formats)
        return list(formats)

    def skip(self, count: int) -> HRESULT:
        """Moves on by `count`; S_FALSE, at the end, if there are fewer. InvalidRequestError (E_INVALIDARG) below 0."""
        self._check(count)
        left = len(self._formats) - self._position
        self._position += min(count, left)
        return HRESULT.S_OK if count <= left else HRESULT.S_FALSE

    def reset(self) -> HRESULT:
        """Back to the first one; S_OK."""
        self._position = 0
        return HRESULT.S_OK

    def clone(self) -> FormatEnumerator:
        """Another enumerator of the same formats, at the same position."""
        twin = FormatEnumerator(self._formats)
        twin._position = self._position
        return twin

    def _check(self, count: int) -> None:
        if count < 0:
            raise InvalidRequestError(f"{count} formats cannot be had", url="", hresult=HRESULT.E_INVALIDARG)

    def __iter__(self) -> Iterator[FormatEtc]:
        return iter(self._formats[self._position :])

    def __repr__(self) -> str:
        return f"<FormatEnumerator at {self._position} of {len(self._formats)}>"


def create_format_enumerator(formats: Iterable[FormatEtc | str]) -> FormatEnumerator:
    """CreateFormatEnumerator (contract 6.3); a MIME type stands for its format in a stream, "*/*" for CF_NULL.

    BindError (E_FAIL) if there are none, InvalidRequestError (E_INVALIDARG) for None.
    """
    _need(formats, "what is to be enumerated")
    given = [_format(item) for item in formats]
    if not given:
        raise BindError("there are no formats to enumerate", url="", hresult=HRESULT.E_FAIL)
    return FormatEnumerator(given)


def _format(item: FormatEtc | str) -> FormatEtc:
    if isinstance(item, FormatEtc):
        return item
    return FormatEtc(CF_NULL if item == ANY_TYPE else register_clipboard_format(item))


def register_format_enumerator(context: BindCtx, enumerator: Iterable[FormatEtc]) -> None:
    """RegisterFormatEnumerator: what binds with this context prefer, in place of an older one (contract 7.3).

    Any iterable of FormatEtc will do. InvalidRequestError (E_INVALIDARG) for None.
    """
    _need(context, "the bind context")
    _need(enumerator, "the enumerator")
    context.register_object_param(FORMATS_KEY, enumerator)


def revoke_format_enumerator(context: BindCtx, enumerator: object = None) -> None:
    """RevokeFormatEnumerator: takes it away, whichever it is; `enumerator` is not looked at (contract 7.3).

    InvalidRequestError (E_INVALIDARG) without a context, BindError (E_FAIL) if there is none.
    """
    _need(context, "the bind context")
    if context.revoke_object_param(FORMATS_KEY) != HRESULT.S_OK:
        raise BindError("no format enumerator is registered", url="", hresult=HRESULT.E_FAIL)


def register_media_types(names: Iterable[str]) -> list[int]:
    """RegisterMediaTypes: the clipboard formats of MIME types (contract 6.2).

    InvalidRequestError (E_INVALIDARG) if there are none, or one is no text.
    """
    _need(names, "the list of media types")
    given = list(names)
    if not given:
        raise InvalidRequestError("there are no media types", url="", hresult=HRESULT.E_INVALIDARG)
    return [register_clipboard_format(name) for name in given]


def find_media_type(name: str) -> int:
    """FindMediaType: the clipboard format of a MIME type, 0 if it is not registered (contract 6.2).

    InvalidRequestError (E_INVALIDARG) for what is no text.
    """
    if not isinstance(name, str):
        raise InvalidRequestError("a media type is text", url="", hresult=HRESULT.E_INVALIDARG)
    return known_clipboard_format(name)


def accepted_types(context: BindCtx | None) -> list[str]:
    """The MIME types that a client with this context wants, in its order of preference (contract 6.4).

    ["*/*"] if it has registered no formats. To be asked on the thread of the bind: the enumerator is the client's.
    """
    enumerator: Any = None if context is None else context.find_object_param(FORMATS_KEY)
    if enumerator is None:
        return [ANY_TYPE]
    types: dict[str, None] = {}
    for item in enumerator:
        name = (
            ANY_TYPE if item.clipboard_format == CF_NULL else get_clipboard_format_name(item.clipboard_format)
        )
        if name is not None:
            types.setdefault(name)
    return list(types) or [ANY_TYPE]


def accept_value(types: list[str]) -> str:
    """The Accept field for types in order of preference; the order is said by weights (RFC 9110 12.5.1).

    "*/*" takes part with the least weight, wherever it stands.
    """
    named = [name for name in types if name != ANY_TYPE]
    step = min(0.1, (1 - _LEAST_QUALITY) / max(1, len(named)))
    parts = [
        name if position == 0 else f"{name};q={1 - position * step:.3g}"
        for position, name in enumerate(named)
    ]
    if ANY_TYPE in types:
        parts.append(f"{ANY_TYPE};q={_LEAST_QUALITY:g}" if named else ANY_TYPE)
    return ", ".join(parts)


def accept_field(context: BindCtx | None, present: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The Accept field for the formats of `context`; none if there are no formats, or the client has its own field."""
    if context is None or context.find_object_param(FORMATS_KEY) is None:
        return ()
    if any(name.lower() == "accept" for name, _ in present):
        return ()
    return (("Accept", accept_value(accepted_types(context))),)
