"""The session: which handler serves which scheme, and which filter which media type (contract 10.2).

There is one in a process, `get_session()`. All of it may be called on any thread.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from urlmon.exceptions import InvalidRequestError
from urlmon.hresult import HRESULT
from urlmon.identifiers import CLSID_NULL
from urlmon.protocol import InternetProtocolInfo

if TYPE_CHECKING:
    from urlmon.protocol import InternetProtocol

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")

#: Makes a handler (or a filter): an `InternetProtocol` class, or a function without arguments that returns one.
ProtocolFactory = Callable[[], "InternetProtocol"]


class Registration(NamedTuple):
    """Who makes the handlers, and what they are called by BINDSTATUS.PROTOCOLCLASSID."""

    factory: ProtocolFactory
    clsid: UUID


def _need(value: object, what: str) -> None:
    if not value:
        raise InvalidRequestError(f"{what} is missing", url="", hresult=HRESULT.E_INVALIDARG)


def scheme_of(url: str) -> str:
    """The scheme of `url` in lower case, "" if it has none."""
    match = _SCHEME.match(url)
    return match.group().lower() if match and url[match.end() : match.end() + 1] == ":" else ""


class InternetSession:
    """IInternetSession. Registrations of one name are a stack: the newest is asked, and taking it away shows the
    one before."""

    __slots__ = ("_defaults", "_filters", "_lock", "_native", "name_spaces")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Readers take no lock: what they find under a name is a tuple, which is replaced and never changed. So does
        # the core with name_spaces.
        self.name_spaces: dict[str, tuple[Registration, ...]] = {}
        self._filters: dict[str, tuple[Registration, ...]] = {}
        self._defaults: dict[str, Registration] = {}
        self._native: frozenset[str] = frozenset()

    # -- registering ------------------------------------------------------------------------------------------------

    def register_name_space(
        self, scheme: str, factory: ProtocolFactory, clsid: UUID = CLSID_NULL, patterns: object = None
    ) -> HRESULT:
        """Has URLs of `scheme` handled by what `factory()` makes, in this process; `patterns` are not used.

        InvalidRequestError (E_INVALIDARG) without a scheme or a factory.
        """
        _need(scheme, "the scheme")
        _need(factory, "the factory")
        if _SCHEME.fullmatch(scheme) is None:
            raise InvalidRequestError(f"{scheme!r} is no scheme", url="", hresult=HRESULT.E_INVALIDARG)
        return self._push(self.name_spaces, scheme.lower(), Registration(factory, clsid))

    def unregister_name_space(self, scheme: str, factory: ProtocolFactory) -> HRESULT:
        """Takes the newest registration of `factory` for `scheme` away; S_OK also if there is none."""
        _need(scheme, "the scheme")
        _need(factory, "the factory")
        return self._pop(self.name_spaces, scheme.lower(), factory)

    def register_mime_filter(
        self, media_type: str, factory: ProtocolFactory, clsid: UUID = CLSID_NULL
    ) -> HRESULT:
        """Has what handlers deliver as `media_type` (compared as text) passed through what `factory()` makes.

        Data that libcurl fetches are not filtered: they do not pass through Python.
        """
        _need(media_type, "the media type")
        _need(factory, "the factory")
        return self._push(self._filters, media_type.lower(), Registration(factory, clsid))

    def unregister_mime_filter(self, media_type: str, factory: ProtocolFactory) -> HRESULT:
        """Takes the newest registration of `factory` for `media_type` away; S_OK also if there is none."""
        _need(media_type, "the media type")
        _need(factory, "the factory")
        return self._pop(self._filters, media_type.lower(), factory)

    def _push(
        self, table: dict[str, tuple[Registration, ...]], name: str, registration: Registration
    ) -> HRESULT:
        with self._lock:
            table[name] = (registration, *table.get(name, ()))
        return HRESULT.S_OK

    def _pop(self, table: dict[str, tuple[Registration, ...]], name: str, factory: object) -> HRESULT:
        with self._lock:
            known = table.get(name, ())
            for index, registration in enumerate(known):
                if registration.factory is factory:
                    table[name] = known[:index] + known[index + 1 :]
                    break
            if not table.get(name, True):
                del table[name]
        return HRESULT.S_OK

    def set_default_handler(
        self, scheme: str, factory: ProtocolFactory, clsid: UUID, native: bool = False
    ) -> None:
        """The library's own handler, for where nobody registered another.

        native: libcurl serves monikers of the scheme; only who asks for a protocol object gets this one.
        """
        self._defaults[scheme] = Registration(factory, clsid)
        if native:
            self._native |= {scheme}

    # -- operations without a moniker ---------------------------------------------------------------------------------

    def create_binding(self, url: str) -> InternetProtocol:
        """An operation on `url` for direct use, by its `start` with a sink of the caller's (contract 10.2).

        For http and https that is the protocol itself, where no other handler is registered for them; else a
        ProtocolBinding, which looks for the handler when it is started.
        """
        from urlmon.protocolbinding import ProtocolBinding

        scheme = scheme_of(url)
        if scheme in self._native and scheme not in self.name_spaces:
            return self._defaults[scheme].factory()
        return ProtocolBinding(url, self)

    # -- asking -----------------------------------------------------------------------------------------------------

    def find_handlers(self, url: str, default_first: bool = False) -> tuple[Registration, ...]:
        """Who may handle `url`, in the order in which they are asked."""
        scheme = scheme_of(url)
        registered = self.name_spaces.get(scheme, ())[:1]
        default = self._defaults.get(scheme)
        if default is None:
            return registered
        return (default, *registered) if default_first else (*registered, default)

    def serves(self, url: str, default_first: bool = False) -> bool:
        """Whether a moniker of `url` is bound through a handler, and not by libcurl."""
        scheme = url.partition(":")[0].lower()
        if scheme in self._native:
            return scheme in self.name_spaces and not default_first
        return scheme in self.name_spaces or scheme in self._defaults

    def find_mime_filter(self, media_type: str) -> Registration | None:
        """The filter for `media_type`, None if there is none."""
        known = self._filters.get(media_type.lower())
        return known[0] if known else None

    def find_protocol_info(self, url: str) -> InternetProtocolInfo | None:
        """Whom the URL functions ask first: the registered factory of the scheme, or what it makes (contract
        10.1)."""
        for registration in self.name_spaces.get(scheme_of(url), ())[:1]:
            asked: Any = registration.factory
            if isinstance(asked, InternetProtocolInfo):
                return asked
            made: Any = registration.factory()
            if isinstance(made, InternetProtocolInfo):
                return made
        return None


_session = InternetSession()


def get_session() -> InternetSession:
    """CoInternetGetSession: the session of this process."""
    return _session


def register_name_space(scheme: str, factory: ProtocolFactory, clsid: UUID = CLSID_NULL) -> HRESULT:
    """`InternetSession.register_name_space` of the process's session."""
    return _session.register_name_space(scheme, factory, clsid)


def unregister_name_space(scheme: str, factory: ProtocolFactory) -> HRESULT:
    """`InternetSession.unregister_name_space` of the process's session."""
    return _session.unregister_name_space(scheme, factory)


def register_mime_filter(media_type: str, factory: ProtocolFactory, clsid: UUID = CLSID_NULL) -> HRESULT:
    """`InternetSession.register_mime_filter` of the process's session."""
    return _session.register_mime_filter(media_type, factory, clsid)


def unregister_mime_filter(media_type: str, factory: ProtocolFactory) -> HRESULT:
    """`InternetSession.unregister_mime_filter` of the process's session."""
    return _session.unregister_mime_filter(media_type, factory)
