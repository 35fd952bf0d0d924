"""What `on_data_available` hands over: storage media and formats (contract section 6)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from urlmon.constants import TYMED
from urlmon.exceptions import InvalidRequestError
from urlmon.hresult import HRESULT
from urlmon.storage_constants import DVASPECT, ClipboardFormat

if TYPE_CHECKING:
    from urlmon_core import Stream

_ISTREAM, _FILE = TYMED.ISTREAM, TYMED.FILE

CF_NULL = ClipboardFormat.NULL
_FIRST_FORMAT = 0xC000  # as on Windows: below are the predefined formats
_LAST_FORMAT = 0xFFFF

_formats: dict[str, int] = {}
_names: list[str] = []
_lock = threading.Lock()


def register_clipboard_format(name: str) -> int:
    """The number of a format name (a MIME type), the same one as long as the process lives (contract 6.2).

    Names that differ in case alone are one. Any thread. InvalidRequestError (E_INVALIDARG) for what is no text, or
    empty; OverflowError when all 16,384 numbers are given out.
    """
    known = _formats.get(name)
    if known is not None:
        return known
    if not isinstance(name, str) or not name:
        raise InvalidRequestError("a clipboard format has a name", url="", hresult=HRESULT.E_INVALIDARG)
    key = name.lower()
    with _lock:
        if key not in _formats:
            if _FIRST_FORMAT + len(_names) > _LAST_FORMAT:
                raise OverflowError("no clipboard format number is left")
            _names.append(name)
            _formats[key] = _FIRST_FORMAT + len(_names) - 1
        return _formats[key]


def known_clipboard_format(name: str) -> int:
    """The number of a format name, 0 if it is not registered; any thread."""
    return _formats.get(name.lower(), CF_NULL)


def get_clipboard_format_name(number: int) -> str | None:
    """The name registered under `number`, as it was spelt first; None if there is none. Any thread.

    The fixed formats (ClipboardFormat) are not registered: None.
    """
    index = number - _FIRST_FORMAT
    return _names[index] if 0 <= index < len(_names) else None


class FormatEtc(NamedTuple):
    """FORMATETC (contract 6.2): which MIME type (as a clipboard format number, 0 = none) in which medium."""

    clipboard_format: int = CF_NULL
    tymed: TYMED = TYMED.ISTREAM
    target_device: None = None
    aspect: DVASPECT = DVASPECT.CONTENT
    lindex: int = -1

    @property
    def media_type(self) -> str | None:
        """The MIME type, None where none was reported."""
        return get_clipboard_format_name(self.clipboard_format)


class StgMedium:
    """STGMEDIUM (contract 6.1). May be kept as long as the client likes, and what is in it lives as long.

    tymed says which one of the others is set: `stream` (TYMED.ISTREAM), `path` (TYMED.FILE) or `data`
    (TYMED.HGLOBAL: the whole body as a read-only memoryview, never copied). TYMED.NULL is an empty medium.
    """

    __slots__ = ("data", "path", "stream", "tymed")

    tymed: TYMED
    stream: Stream
    path: str
    data: memoryview

    def __init__(self, tymed: TYMED, content: Any = None) -> None:
        self.tymed = tymed
        if tymed is _ISTREAM:
            self.stream = content
        elif tymed is _FILE:
            self.path = content
        elif tymed != TYMED.NULL:
            self.data = memoryview(b"" if content is None else content)

    def __repr__(self) -> str:
        return f"<StgMedium {self.tymed.name}>"


def copy_stg_medium(medium: StgMedium) -> StgMedium:
    """CopyStgMedium: another medium of the same content. Memory is duplicated, a stream is shared with its position.

    InvalidRequestError (E_INVALIDARG) for None.
    """
    if medium is None:
        raise InvalidRequestError("there is no medium to copy", url="", hresult=HRESULT.E_INVALIDARG)
    if medium.tymed == TYMED.ISTREAM:
        return StgMedium(medium.tymed, medium.stream)
    if medium.tymed == TYMED.FILE:
        return StgMedium(medium.tymed, medium.path)
    return StgMedium(medium.tymed, None if medium.tymed == TYMED.NULL else bytes(medium.data))


_known_formats: dict[tuple[str | None, int], FormatEtc] = {}


def format_of(media_type: str | None, tymed: int) -> FormatEtc:
    """The FORMATETC for a reported MIME type, made once for each.

    Servers choose the types, and may send a new one with every response: when the numbers are given out,
    further types are CF_NULL, and no download fails for it.
    """
    known = _known_formats.get((media_type, tymed))
    if known is None:
        try:
            number = register_clipboard_format(media_type) if media_type else int(CF_NULL)
        except OverflowError:
            return FormatEtc(CF_NULL, TYMED(tymed))
        known = _known_formats[media_type, tymed] = FormatEtc(number, TYMED(tymed))
    return known
