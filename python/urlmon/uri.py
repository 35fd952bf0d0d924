"""IUri: an immutable, parsed and canonical URI (contract 10.3)."""

from __future__ import annotations

from functools import cached_property
from typing import NoReturn

import idna

from urlmon.constants import (
    URL_SCHEME,
    URLZONE,
    Uri_CREATE,
    Uri_DISPLAY,
    Uri_HAS,
    Uri_HOST,
    Uri_PROPERTY,
)
from urlmon.exceptions import InvalidRequestError, InvalidURLError
from urlmon.hresult import HRESULT
from urlmon.redaction import redact_url
from urlmon.uri_canonical import canonical
from urlmon.uri_parse import DEFAULT_PORTS, SCHEMES, Components, parse, preprocess

_OPPOSITES = (
    (Uri_CREATE.CANONICALIZE, Uri_CREATE.NO_CANONICALIZE),
    (Uri_CREATE.DECODE_EXTRA_INFO, Uri_CREATE.NO_DECODE_EXTRA_INFO),
    (Uri_CREATE.CRACK_UNKNOWN_SCHEMES, Uri_CREATE.NO_CRACK_UNKNOWN_SCHEMES),
    (Uri_CREATE.PRE_PROCESS_HTML_URI, Uri_CREATE.NO_PRE_PROCESS_HTML_URI),
    (Uri_CREATE.NO_IE_SETTINGS, Uri_CREATE.IE_SETTINGS),
)
_SECOND_LEVEL = frozenset({"com", "edu", "gov", "net", "org", "mil", "int"})

# With which display flags a string property may be asked for.
_DISPLAY_FLAGS = {
    Uri_PROPERTY.DISPLAY_URI: Uri_DISPLAY.NO_FRAGMENT,
    Uri_PROPERTY.ABSOLUTE_URI: Uri_DISPLAY.PUNYCODE_IDN_HOST | Uri_DISPLAY.IDN_HOST,
    Uri_PROPERTY.HOST: Uri_DISPLAY.PUNYCODE_IDN_HOST | Uri_DISPLAY.IDN_HOST,
    Uri_PROPERTY.DOMAIN: Uri_DISPLAY.PUNYCODE_IDN_HOST | Uri_DISPLAY.IDN_HOST,
}


def refuse(reason: str, url: str = "") -> NoReturn:
    """Raises InvalidRequestError (E_INVALIDARG)."""
    raise InvalidRequestError(reason, url=url, hresult=HRESULT.E_INVALIDARG)


def complete_flags(flags: int) -> int:
    """`flags` with the defaults added where neither of two opposites is set (contract 10.3).

    InvalidRequestError (E_INVALIDARG) where both are.
    """
    for default, opposite in _OPPOSITES:
        if flags & default and flags & opposite:
            refuse(f"both Uri_CREATE.{default.name} and {opposite.name} are set")
        if not flags & opposite:
            flags |= default
    return flags


class Uri:
    """A parsed URI (IUri, contract 10.3). Immutable; equal URIs are equal and hash alike.

    A property that the URI has not is None. `raw_uri` is the text it was made from, `flags` are the creation flags
    (Uri_CREATE), defaults included, `parts` its components.
    """

    def __init__(self, text: str, parts: Components, flags: int) -> None:
        self.raw_uri = text
        self.parts = parts
        self.flags = Uri_CREATE(flags)

    @property
    def scheme_name(self) -> str | None:
        """In small letters; "*" is the wildcard."""
        return self.parts.scheme

    @property
    def scheme(self) -> URL_SCHEME:
        """URL_SCHEME.UNKNOWN for what Windows has no number for, and for relative URIs."""
        return SCHEMES.get(self.parts.scheme or "", URL_SCHEME.UNKNOWN)

    @property
    def user_name(self) -> str | None:
        """The user, without the password."""
        return self.parts.user

    @property
    def password(self) -> str | None:
        """What follows the first colon of the user information."""
        return self.parts.password

    @property
    def user_info(self) -> str | None:
        """user[:password]."""
        user, password = self.parts.user, self.parts.password
        if user is None and password is None:
            return None
        return (user or "") + ("" if password is None else f":{password}")

    @property
    def host(self) -> str | None:
        """The host; an IPv6 address without its brackets."""
        return self.parts.host

    @property
    def host_type(self) -> Uri_HOST:
        """Which kind of host it is."""
        return self.parts.host_type

    @property
    def port(self) -> int | None:
        """The port, also if it is the scheme's own."""
        if self.parts.host is None:
            return None
        return int(self.parts.port) if self.parts.port else DEFAULT_PORTS.get(self.parts.scheme or "")

    @cached_property
    def authority(self) -> str | None:
        """User information, host and the port if it is not the scheme's own."""
        return self._authority(self.user_info)

    @property
    def path(self) -> str | None:
        """The path; None where an absolute URI has none."""
        if not self.parts.path and self.parts.scheme is not None:
            return None
        return self.parts.path

    @property
    def query(self) -> str | None:
        """With its question mark."""
        return self.parts.query

    @property
    def fragment(self) -> str | None:
        """With its #."""
        return self.parts.fragment

    @property
    def path_and_query(self) -> str | None:
        """Both."""
        if self.path is None and self.query is None:
            return None
        return (self.path or "") + (self.query or "")

    @property
    def extension(self) -> str | None:
        """From the last dot of the last segment of the path."""
        path = self.parts.path
        name = path[max(path.rfind("/"), path.rfind("\\")) + 1 :]
        dot = name.rfind(".")
        return name[dot:] if dot >= 0 else None

    @property
    def domain(self) -> str | None:
        """The registrable domain, by the shape of the name: two labels, or three under a country's second level."""
        host = self.parts.host
        if not host or self.parts.host_type not in {Uri_HOST.DNS, Uri_HOST.IDN}:
            return None
        labels = host.split(".")
        if len(labels) < 2:
            return None
        second, top = labels[-2:]
        if len(top) > 2 or (len(second) > 2 and second not in _SECOND_LEVEL):
            return ".".join(labels[-2:])
        return ".".join(labels[-3:]) if len(labels) > 2 else None

    @cached_property
    def absolute_uri(self) -> str | None:
        """The whole canonical URI; None for file: without slashes."""
        if self.parts.scheme == "file" and self.parts.opaque:
            return None
        return self._text(self.user_info)

    @cached_property
    def display_uri(self) -> str:
        """For display, not for transport: known schemes show no user information."""
        return self._text(None if self.parts.known else self.user_info)

    @property
    def is_absolute(self) -> bool:
        """Whether it has a scheme."""
        return self.parts.scheme is not None

    def _authority(self, user_info: str | None, host: str | None = None) -> str | None:
        parts = self.parts
        if parts.host is None:
            return None
        host = parts.host if host is None else host
        host = f"[{host}]" if parts.host_type == Uri_HOST.IPV6 else host
        return (
            ("" if user_info is None else f"{user_info}@")
            + host
            + ("" if parts.port is None else f":{parts.port}")
        )

    def _text(self, user_info: str | None, host: str | None = None, fragment: bool = True) -> str:
        parts = self.parts
        if parts.known and user_info in {"", ":"}:
            user_info = None
        scheme = "" if parts.scheme is None else f"{parts.scheme}:"
        authority = self._authority(user_info, host)
        dos = parts.scheme == "file" and self.flags & Uri_CREATE.FILE_USE_DOS_PATH
        if parts.scheme == "file" and not parts.opaque:
            scheme += "//" + ("\\\\" if dos and authority else "")
        elif authority is not None and parts.scheme != "*":
            scheme += "//"
        return (
            scheme
            + (authority or "")
            + parts.path
            + (parts.query or "")
            + (parts.fragment or "" if fragment else "")
        )

    def get_property(self, which: Uri_PROPERTY, flags: int = 0) -> str | int | None:
        """Any property by its number, None if the URI has not got it (IUri::GetPropertyBSTR, GetPropertyDWORD).

        flags (Uri_DISPLAY): NO_FRAGMENT with DISPLAY_URI; PUNYCODE_IDN_HOST and IDN_HOST with ABSOLUTE_URI, HOST and
        DOMAIN give the host in ASCII. Others: InvalidRequestError (E_INVALIDARG).
        """
        which = Uri_PROPERTY(which)
        if flags & ~_DISPLAY_FLAGS.get(which, 0):
            refuse(f"Uri_PROPERTY.{which.name} does not take these flags", self.raw_uri)
        if which == Uri_PROPERTY.ZONE:
            return None
        if not flags:
            value: str | int | None = getattr(self, which.name.lower())
            return value
        if which == Uri_PROPERTY.DISPLAY_URI:
            return self._text(None if self.parts.known else self.user_info, fragment=False)
        host = self._ascii_host()
        if which == Uri_PROPERTY.ABSOLUTE_URI:
            shown = self.user_info
            return None if self.absolute_uri is None else self._text_as_is(shown, host)
        if which == Uri_PROPERTY.HOST:
            return host
        return None if self.domain is None or host is None else host[-len(_ascii_name(self.domain)) :]

    def _text_as_is(self, user_info: str | None, host: str | None) -> str:
        """As _text, with an empty user information kept."""
        text = self._text(None, host)
        if user_info is None:
            return text
        scheme, slashes, rest = text.partition("//")
        return f"{scheme}{slashes}{user_info}@{rest}"

    def _ascii_host(self) -> str | None:
        host = self.parts.host
        return _ascii_name(host) if host and self.parts.host_type == Uri_HOST.IDN else host

    def get_string(self, which: Uri_PROPERTY, flags: int = 0) -> str | None:
        """A string property (0 to 14); E_INVALIDARG for a numeric one. The zone has none: None."""
        which = Uri_PROPERTY(which)
        if which in {Uri_PROPERTY.HOST_TYPE, Uri_PROPERTY.PORT, Uri_PROPERTY.SCHEME}:
            refuse(f"Uri_PROPERTY.{which.name} is a number", self.raw_uri)
        value = self.get_property(which, flags)
        return value if isinstance(value, str) else None

    def get_number(self, which: Uri_PROPERTY) -> int | None:
        """A numeric property (15 to 18); E_INVALIDARG for a string. The zone is always URLZONE.INVALID."""
        which = Uri_PROPERTY(which)
        if which == Uri_PROPERTY.ZONE:
            return URLZONE.INVALID
        if which < Uri_PROPERTY.HOST_TYPE:
            refuse(f"Uri_PROPERTY.{which.name} is a string", self.raw_uri)
        value = self.get_property(which)
        return value if isinstance(value, int) else None

    def has_property(self, which: Uri_PROPERTY) -> bool:
        """Whether it has the property."""
        return bool(self.get_properties() & (1 << Uri_PROPERTY(which)))

    def get_properties(self) -> Uri_HAS:
        """The mask of the properties that it has."""
        present = Uri_HAS(0)
        for which in Uri_PROPERTY:
            if self.get_property(which) is not None:
                present |= Uri_HAS(1 << which)
        return present

    @cached_property
    def _key(self) -> tuple[object, ...]:
        text = self.absolute_uri or self.display_uri
        kept = self.flags & (Uri_CREATE.ALLOW_RELATIVE | Uri_CREATE.NO_CRACK_UNKNOWN_SCHEMES)
        flags = complete_flags(kept | Uri_CREATE.ALLOW_RELATIVE)
        parts = (
            canonical(self.parts, flags)
            if self.parts.scheme != "file"
            else canonical(parse(text, flags), flags)
        )
        path = parts.path.lower() if parts.scheme == "file" else parts.path
        return (parts._replace(path=path, escape_percent=False), self.port)

    def with_fragment(self, fragment: str) -> Uri:
        """The same with `fragment`, which begins with #. In the text of a file: URI it would belong to the path."""
        return Uri(self.raw_uri + fragment, self.parts._replace(fragment=fragment), self.flags)

    def is_equal(self, other: Uri | None) -> bool:
        """IUri::IsEqual: whether both name the same after canonicalisation; False for None."""
        return other is not None and self == other

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Uri) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return self.display_uri

    def __repr__(self) -> str:
        return f"<Uri {redact_url(self.display_uri)!r}>"


def _ascii_name(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name


def create_uri(text: str, flags: int = 0) -> Uri:
    """CreateUri (contract 10.3). flags: Uri_CREATE.

    InvalidRequestError (E_INVALIDARG) for what is no text and for opposite flags, InvalidURLError (E_INVALIDARG) for
    text that is no URI by these flags; an empty one needs ALLOW_RELATIVE.
    """
    if not isinstance(text, str):
        refuse("a URI is made from text")
    complete = complete_flags(flags)
    if complete & Uri_CREATE.PRE_PROCESS_HTML_URI:
        text = preprocess(text)
    try:
        parts = parse(text, complete)
    except ValueError as problem:
        raise InvalidURLError(str(problem), url=text, hresult=HRESULT.E_INVALIDARG) from None
    return Uri(text, canonical(parts, complete), complete)


def create_uri_with_fragment(text: str, fragment: str | None, flags: int = 0) -> Uri:
    """CreateUriWithFragment: `text` must have no fragment of its own (E_INVALIDARG); # is added if it lacks."""
    if not isinstance(text, str):
        refuse("a URI is made from text")
    if fragment is None:
        return create_uri(text, flags)
    if "#" in text:
        refuse("the URI has a fragment", text)
    return create_uri(text + (fragment if fragment.startswith("#") else f"#{fragment}"), flags)
