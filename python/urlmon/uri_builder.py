"""IUriBuilder: a URI changed part by part (contract 10.3)."""

from __future__ import annotations

from urlmon.constants import Uri_CREATE, Uri_HAS, Uri_HOST, Uri_PROPERTY, UriBuilder_USE_ORIGINAL_FLAGS
from urlmon.exceptions import InvalidRequestError, InvalidURLError, UnsupportedError
from urlmon.hresult import HRESULT
from urlmon.uri import Uri, complete_flags, create_uri
from urlmon.uri_parse import AUTHORITY_SCHEMES

_TEXTS = frozenset(
    {
        Uri_PROPERTY.FRAGMENT,
        Uri_PROPERTY.HOST,
        Uri_PROPERTY.PASSWORD,
        Uri_PROPERTY.PATH,
        Uri_PROPERTY.QUERY,
        Uri_PROPERTY.SCHEME_NAME,
        Uri_PROPERTY.USER_NAME,
    }
)
_SIGNS = {Uri_PROPERTY.FRAGMENT: "#", Uri_PROPERTY.QUERY: "?"}
_NEEDED = frozenset({Uri_PROPERTY.SCHEME_NAME, Uri_PROPERTY.HOST})  # may be None, never empty

# What would be read as another part, or as two, if it stood in a component.
_FORBIDDEN = {
    Uri_PROPERTY.USER_NAME: "/?#@:",
    Uri_PROPERTY.PASSWORD: "/?#@",
    Uri_PROPERTY.HOST: "/?#",
    Uri_PROPERTY.PATH: "?#",
    Uri_PROPERTY.QUERY: "#",
}
_NEVER_REMOVED = (
    Uri_HAS.ABSOLUTE_URI
    | Uri_HAS.DISPLAY_URI
    | Uri_HAS.RAW_URI
    | Uri_HAS.HOST_TYPE
    | Uri_HAS.SCHEME
    | Uri_HAS.ZONE
)


class UriBuilder:
    """Changes components and makes a Uri of them (IUriBuilder, contract 10.3).

    Components are those of `uri` until they are set; None takes one away. FRAGMENT and QUERY get their sign if it
    lacks.
    """

    def __init__(self, uri: Uri | None = None) -> None:
        self._uri = uri
        self._changes: dict[Uri_PROPERTY, str | int | None] = {}

    @property
    def uri(self) -> Uri | None:
        """The Uri that it began with (GetIUri); setting another one forgets the changes, None and the same do not."""
        return self._uri

    @uri.setter
    def uri(self, uri: Uri | None) -> None:
        if uri is not self._uri:
            self._uri = uri
            self._changes.clear()

    @property
    def has_been_modified(self) -> bool:
        """Whether something was set since the Uri was."""
        return bool(self._changes)

    def get(self, which: Uri_PROPERTY) -> str | int | None:
        """A component as it stands: FRAGMENT, HOST, PASSWORD, PATH, PORT, QUERY, SCHEME_NAME or USER_NAME."""
        which = self._component(which)
        if which in self._changes:
            return self._changes[which]
        if self._uri is None:
            return None
        if which == Uri_PROPERTY.PORT:
            return int(self._uri.parts.port) if self._uri.parts.port else None
        return self._uri.get_property(which)

    def set(self, which: Uri_PROPERTY, value: str | int | None) -> None:
        """Sets a component, None takes it away; PORT takes a number.

        InvalidRequestError (E_INVALIDARG) for other properties, for an empty scheme or host, and for a value of the
        wrong kind. Whether the parts make a URI is judged when it is made.
        """
        which = self._component(which)
        if value is not None and isinstance(value, int) != (which == Uri_PROPERTY.PORT):
            self._refuse(f"{which.name} is no {type(value).__name__}")
        if value == "" and which in _NEEDED:
            self._refuse(f"{which.name} cannot be empty")
        sign = _SIGNS.get(which)
        if sign and isinstance(value, str) and not value.startswith(sign):
            value = sign + value
        self._changes[which] = value

    def remove_properties(self, mask: int) -> None:
        """Takes away the components in `mask` (Uri_HAS); others that can be derived stay.

        InvalidRequestError (E_INVALIDARG) for ABSOLUTE_URI, DISPLAY_URI, RAW_URI, HOST_TYPE, SCHEME and ZONE.
        """
        if mask & _NEVER_REMOVED:
            self._refuse("a property of the whole URI cannot be removed")
        for which in (*_TEXTS, Uri_PROPERTY.PORT):
            if mask & (1 << which) and self.get(which) is not None:
                self._changes[which] = None

    def create_uri(self, flags: int = 0xFFFFFFFF, encoding_mask: int = 0) -> Uri:
        """The Uri of the parts, made with `flags`; 0xFFFFFFFF stands for the flags of the Uri that it began with.

        That Uri itself, if nothing was changed and the flags say the same. InvalidURLError (INET_E_INVALID_URL) for
        parts that make no URI, InvalidRequestError (E_INVALIDARG) for opposite flags. encoding_mask must be 0 once
        something was changed: UnsupportedError (E_NOTIMPL).
        """
        original = self._uri.flags if self._uri is not None else Uri_CREATE(0)
        wanted = original if flags == 0xFFFFFFFF else Uri_CREATE(complete_flags(flags))
        if self._uri is not None and not self._changes:
            return self._uri if wanted == original else create_uri(self._uri.raw_uri, wanted)
        if encoding_mask:
            raise UnsupportedError("parts are never encoded by a mask", url="", hresult=HRESULT.E_NOTIMPL)
        return self._assemble(wanted)

    def create_uri_simple(self, encoding_mask: int = 0) -> Uri:
        """As `create_uri` with the flags of the Uri that it began with."""
        return self.create_uri(0xFFFFFFFF, encoding_mask)

    def create_uri_with_flags(self, create_flags: int, builder_flags: int = 0, encoding_mask: int = 0) -> Uri:
        """As `create_uri`; with UriBuilder_USE_ORIGINAL_FLAGS in `builder_flags`, `create_flags` do not count."""
        original = builder_flags & UriBuilder_USE_ORIGINAL_FLAGS
        return self.create_uri(0xFFFFFFFF if original else create_flags, encoding_mask)

    def _assemble(self, flags: int) -> Uri:
        values = {which: self.get(which) for which in (*_TEXTS, Uri_PROPERTY.PORT)}
        for which, forbidden in _FORBIDDEN.items():
            if set(forbidden) & set(str(values[which] or "")[which == Uri_PROPERTY.QUERY :]):
                raise self._invalid(f"{which.name} holds a character that would end it")
        scheme = values[Uri_PROPERTY.SCHEME_NAME]
        if scheme is None and not flags & Uri_CREATE.ALLOW_RELATIVE:
            raise self._invalid("it has no scheme")
        user, password = values[Uri_PROPERTY.USER_NAME], values[Uri_PROPERTY.PASSWORD]
        if scheme == "file" and (user is not None or password is not None):
            raise self._invalid("a file: URI has no user")
        path = values[Uri_PROPERTY.PATH] or ("" if values[Uri_PROPERTY.HOST] is None else "/")
        text = self._authority_text(values, scheme, user, password)
        text = ("" if scheme is None else f"{scheme}:") + text + f"{path}{values[Uri_PROPERTY.QUERY] or ''}"
        fragment = str(values[Uri_PROPERTY.FRAGMENT] or "")
        try:
            if scheme == "file" and fragment:
                return create_uri(text, flags).with_fragment(fragment)
            return create_uri(text + fragment, flags)
        except InvalidURLError as problem:
            raise self._invalid(str(problem)) from None

    def _authority_text(
        self,
        values: dict[Uri_PROPERTY, str | int | None],
        scheme: object,
        user: object,
        password: object,
    ) -> str:
        host = values[Uri_PROPERTY.HOST]
        if host is None:
            return "//" if scheme in AUTHORITY_SCHEMES and not self._is_opaque() else ""
        info = "" if user is None and password is None else f"{user or ''}"
        info += "" if password is None else f":{password}"
        at = "" if user is None and password is None else "@"
        port = values[Uri_PROPERTY.PORT]
        bracketed = f"[{host}]" if self._is_address(str(host)) else host
        return f"//{info}{at}{bracketed}" + ("" if port is None else f":{port}")

    def _is_opaque(self) -> bool:
        return self._uri is not None and self._uri.parts.opaque

    def _is_address(self, host: str) -> bool:
        if host.startswith("[") or ":" not in host:
            return False
        try:
            return create_uri(f"http://[{host}]/").host_type == Uri_HOST.IPV6
        except InvalidURLError:
            return False

    def _component(self, which: Uri_PROPERTY) -> Uri_PROPERTY:
        which = Uri_PROPERTY(which)
        if which not in _TEXTS and which != Uri_PROPERTY.PORT:
            self._refuse(f"{which.name} is no component")
        return which

    def _refuse(self, reason: str) -> None:
        raise InvalidRequestError(reason, url="", hresult=HRESULT.E_INVALIDARG)

    def _invalid(self, reason: str) -> InvalidURLError:
        return InvalidURLError(reason, url="", hresult=HRESULT.INET_E_INVALID_URL)

    def __repr__(self) -> str:
        return f"<UriBuilder of {self._uri!r} with {len(self._changes)} changes>"


def create_uri_builder(uri: Uri | None = None, flags: int = 0) -> UriBuilder:
    """CreateIUriBuilder; flags is 0 (InvalidRequestError, E_INVALIDARG, otherwise)."""
    if flags:
        raise InvalidRequestError("a builder takes no flags", url="", hresult=HRESULT.E_INVALIDARG)
    return UriBuilder(uri)
