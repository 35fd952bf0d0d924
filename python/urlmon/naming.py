"""The moniker as a name: composing, comparing, showing and saving it (contract 2.2, 2.3)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from uuid import UUID

from urlmon.constants import MKSYS, URL_FLAGS, URL_MK, URL_MK_LEGACY, Uri_CREATE
from urlmon.errors import error_from_hresult
from urlmon.exceptions import BindError, InvalidRequestError, InvalidURLError
from urlmon.hresult import HRESULT
from urlmon.identifiers import CLSID_StdURLMoniker
from urlmon.redaction import redact_url
from urlmon.uri import Uri, create_uri
from urlmon.uri_combine import combine_uri, resolve_text
from urlmon_core import MonikerBase

if TYPE_CHECKING:
    from typing_extensions import Self

_CREATE = Uri_CREATE.ALLOW_RELATIVE | Uri_CREATE.ALLOW_IMPLICIT_FILE_SCHEME

# Contract 2.5: with which flags the URL of a moniker is parsed, and combined with that of a base.
_PARSING = {
    URL_MK.LEGACY: _CREATE | Uri_CREATE.FILE_USE_DOS_PATH,
    URL_MK.UNIFORM: _CREATE,
    URL_MK.NO_CANONICALIZE: _CREATE | Uri_CREATE.NO_CANONICALIZE,
}
_COMBINING = {
    URL_MK.LEGACY: URL_FLAGS.FILE_USE_PATHURL,
    URL_MK.UNIFORM: URL_FLAGS(0),
    URL_MK.NO_CANONICALIZE: URL_FLAGS.DONT_SIMPLIFY,
}
_LENGTH = struct.Struct("<I")
_MOST_SAVED = 1 << 24  # bytes of text; a longer length is no moniker but damage


class Readable(Protocol):
    """What a moniker is loaded from."""

    def read(self, size: int, /) -> bytes | None: ...


class Writable(Protocol):
    """What a moniker is saved to."""

    def write(self, data: bytes, /) -> object: ...


def refuse(reason: str, hresult: HRESULT = HRESULT.E_INVALIDARG) -> NoReturn:
    """Raises what a wrong argument gets."""
    raise InvalidRequestError(reason, url="", hresult=hresult)


class MonikerName(MonikerBase):
    """The name that a URL moniker is: its URL, kept as it was given, and the canonical form of it.

    Monikers are equal, and hash alike, if their URLs are the same after canonicalisation; letters count, as they do for
    servers. `is_equal` is the comparison of IMoniker, which ignores their case.
    """

    __slots__ = ()

    _uri: Uri | None

    @property
    def uri(self) -> Uri:
        """The URL parsed and canonical (IUriContainer::GetIUri); InvalidURLError (E_INVALIDARG) if it cannot be."""
        if self._uri is None:
            self._uri = create_uri(self.url, _PARSING[URL_MK(self._flags)])
        return self._uri

    def _canonical(self) -> str:
        try:
            uri = self.uri
        except InvalidURLError:
            return self.url
        return uri.absolute_uri or uri.display_uri

    def get_display_name(self, ctx: object = None, left: object = None) -> str:
        """The canonical URL without user and password; the URL as held if it cannot be parsed (contract 2.2)."""
        try:
            return self.uri.display_uri
        except InvalidURLError:
            return self.url

    def get_class_id(self) -> UUID:
        """CLSID_StdURLMoniker (contract 2.2)."""
        return CLSID_StdURLMoniker

    def is_system_moniker(self) -> MKSYS:
        """MKSYS.URLMONIKER (contract 2.2)."""
        return MKSYS.URLMONIKER

    def is_dirty(self) -> bool:
        """False: a moniker never changes (contract 2.2: S_FALSE)."""
        return False

    def reduce(self, ctx: object = None, how_far: int = 0, left: object = None) -> Self:
        """The moniker itself: it is already reduced (contract 2.2: MK_S_REDUCED_TO_SELF)."""
        return self

    def enum(self, forward: bool = True) -> None:
        """None: a URL has no component monikers (contract 2.2: S_OK and NULL)."""
        return

    def compose_with(self, right: Any, only_if_not_generic: bool = False) -> Self:
        """The moniker that `right`, a URL moniker, names as seen from this one (contract 2.2, 2.3; RFC 3986 5.2).

        InvalidRequestError (E_INVALIDARG) for None. Anything else than a URL moniker could only be put into a generic
        composite, of which there are none here: BindError, MK_E_NEEDGENERIC or, if that would have been wanted,
        E_NOTIMPL. InvalidURLError (E_INVALIDARG) for what cannot be combined.
        """
        if right is None:
            refuse("there is no moniker to compose with")
        if not isinstance(right, MonikerName):
            hresult = HRESULT.MK_E_NEEDGENERIC if only_if_not_generic else HRESULT.E_NOTIMPL
            raise error_from_hresult(hresult, url=self.url, detail="only URL monikers are composed")
        uri = combine_uri(self.uri, right.uri, _COMBINING[URL_MK.LEGACY])
        return type(self)(resolve_text(self.url, right.url), URL_MK_LEGACY, uri)

    def is_equal(self, other: Any) -> bool:
        """IMoniker::IsEqual: a moniker of the same class whose display name differs at most in case (contract 2.2).

        InvalidRequestError (E_INVALIDARG) for None.
        """
        if other is None:
            refuse("there is no moniker to compare with")
        return (
            isinstance(other, MonikerName)
            and self.get_display_name().lower() == other.get_display_name().lower()
        )

    def hash(self) -> int:
        """IMoniker::Hash, a 32-bit number (contract 2.2); the same for all that `is_equal` finds equal."""
        units = self.get_display_name().lower().encode("utf-16-le", "surrogatepass")
        codes = [low | high << 8 for low, high in zip(units[::2], units[1::2], strict=True)]
        sample, factor = (codes, 37) if len(codes) < 16 else (codes[:: len(codes) // 8], 39)
        value = 0
        for code in sample:
            value = (value * factor + code) & 0xFFFFFFFF
        return value

    def inverse(self) -> NoReturn:
        """Raises BindError (MK_E_NOINVERSE): a URL has none (contract 2.2)."""
        raise error_from_hresult(HRESULT.MK_E_NOINVERSE, url=self.url)

    def common_prefix_with(self, other: Any) -> NoReturn:
        """Raises UnsupportedError (E_NOTIMPL), as the contract says (2.2)."""
        self._not_implemented()

    def relative_path_to(self, other: Any) -> NoReturn:
        """Raises UnsupportedError (E_NOTIMPL), as the contract says (2.2)."""
        self._not_implemented()

    def parse_display_name(self, ctx: Any, left: Any, name: str) -> NoReturn:
        """Raises UnsupportedError (E_NOTIMPL), as the contract says (2.2); see `mk_parse_display_name_ex`."""
        self._not_implemented()

    def is_running(self, ctx: Any = None, left: Any = None, newly_running: Any = None) -> NoReturn:
        """Raises UnsupportedError (E_NOTIMPL), as the contract says (2.2)."""
        self._not_implemented()

    def get_time_of_last_change(self, ctx: Any = None, left: Any = None) -> NoReturn:
        """Raises UnsupportedError (E_NOTIMPL), as the contract says (2.2)."""
        self._not_implemented()

    def _not_implemented(self) -> NoReturn:
        raise error_from_hresult(HRESULT.E_NOTIMPL, url=self.url)

    def _saved(self) -> bytes:
        text = (self.get_display_name() + "\0").encode("utf-16-le", "surrogatepass")
        return _LENGTH.pack(len(text)) + text

    def get_size_max(self) -> int:
        """How many bytes `save` writes (contract 2.2)."""
        return len(self._saved())

    def save(self, stream: Writable, clear_dirty: bool = True) -> None:
        """Writes the display name as IPersistStream does (contract 2.2).

        The length in bytes as 32 bits, little endian, then UTF-16 with its terminator. User and password are not in it;
        pickling keeps them. InvalidRequestError (E_INVALIDARG) for None.
        """
        if stream is None:
            refuse("there is no stream to save to")
        stream.write(self._saved())

    @classmethod
    def load(cls, stream: Readable) -> Self:
        """The moniker that `save` wrote (contract 2.2).

        InvalidRequestError (E_INVALIDARG) for None, BindError (E_FAIL) where the stream ends early or holds something
        else, InvalidURLError (E_INVALIDARG) for text that is no URI.
        """
        if stream is None:
            refuse("there is no stream to load from")
        (size,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
        if size > _MOST_SAVED or size % 2:
            raise BindError("this is no saved moniker", url="", hresult=HRESULT.E_FAIL)
        try:
            text = _read(stream, size).decode("utf-16-le")
        except UnicodeDecodeError:
            raise BindError("the saved moniker is no UTF-16", url="", hresult=HRESULT.E_FAIL) from None
        uri = create_uri(text.partition("\0")[0])
        return cls(uri.absolute_uri or uri.display_uri, URL_MK_LEGACY, uri)

    def __eq__(self, other: object) -> bool:
        return self._canonical() == other._canonical() if isinstance(other, MonikerName) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._canonical())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self._flags, self._uri)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({redact_url(self.url)!r})"


def _read(stream: Readable, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise BindError("the stream ends before the moniker does", url="", hresult=HRESULT.E_FAIL)
        data += more
    return data


_PARSING_BY_NUMBER = {int(kind): how for kind, how in _PARSING.items()}  # an IntEnum has a slow hash


def parsing_flags(flags: int) -> Uri_CREATE:
    """The creation flags of a URI for a moniker's URL_MK `flags`; InvalidRequestError (E_INVALIDARG) for others."""
    if flags not in (0, 1, 2):
        refuse("the flags of a moniker are URL_MK, from 0 to 2")
    return _PARSING_BY_NUMBER[int(flags)]


def combining_flags(flags: int) -> URL_FLAGS:
    """The flags with which a moniker's URL is combined with that of its base, by URL_MK."""
    return _COMBINING[URL_MK(flags)]
