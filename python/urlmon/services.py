"""The optional services of a client, and how they are found (contract 7.6 and section 8).

A service is offered by the callback itself, simply by having its methods, or by `query_service(service, iid)`
of the callback, which is asked with the identifier of the interface, once for each bind, and returns the
object that has the methods, or None. All of them are called on the thread that started the bind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from urlmon.identifiers import (
    IID_IAuthenticate,
    IID_IBindCallbackRedirect,
    IID_IHttpNegotiate,
    IID_IHttpNegotiate2,
    IID_IHttpSecurity,
    IID_IInternetBindInfo,
    IID_IInternetProtocol,
)
from urlmon.protocol import InternetProtocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from urlmon.constants import AUTHENTICATEF, BINDSTRING, INTERNET_ERROR

    Fields = Mapping[str, str] | Iterable[tuple[str, str]] | str


class HttpNegotiate(Protocol):
    """IHttpNegotiate (contract 8.1). A client may have one of the two methods only."""

    def beginning_transaction(self, url: str, headers: str | None) -> Fields | int | None:
        """Before the request: further request fields (a mapping, pairs, or lines of text), which replace those
        of the same name; None for none. A failure ends the operation with it.
        """

    def on_response(
        self, status: int, response_headers: str, request_headers: str | None
    ) -> Fields | int | None:
        """The head of the final response, once, before its first byte.

        After an error (400 and above) `request_headers` are the fields that were sent, one on a line. Fields as
        the answer then have the request sent again with them in place of those of the same name, at most
        ten times. Anything but S_OK and None ends the operation with it.
        """


class Authenticate(Protocol):
    """IAuthenticate and IAuthenticateEx (contract 8.2). A client has one of the two; the second is preferred."""

    def authenticate(self) -> tuple[str, str] | int | None:
        """User and password for a server or a proxy that demands them, at most three times for each operation.

        None, S_FALSE and E_NOTIMPL: it has none, and the response is delivered as it is. A failure
        (E_ACCESSDENIED: give up) ends the operation with it.
        """

    def authenticate_ex(self, flags: AUTHENTICATEF) -> tuple[str, str] | int | None:
        """As `authenticate`. flags: PROXY where it is the proxy that asks, BASIC where that is offered, HTTP."""


class HttpSecurity(Protocol):
    """IHttpSecurity (contract 8.4)."""

    def on_security_problem(self, problem: INTERNET_ERROR) -> int | None:
        """A certificate that does not pass, or a redirect from https to http or back.

        S_OK and RPC_E_RETRY: go on, for this operation, in spite of this problem and no other. E_ABORT ends the
        operation with it. Everything else, and None too, is no permission: the operation ends with
        INET_E_INVALID_CERTIFICATE (INET_E_SECURITY_PROBLEM for SEC_CERT_ERRORS) or
        INET_E_REDIRECT_FAILED.
        """


class BindCallbackRedirect(Protocol):
    """IBindCallbackRedirect (contract 8.7); asked where BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS is set."""

    def redirect(self, url: str) -> bool | None:
        """Before a redirect to `url` is followed. True cancels: the operation ends with INET_E_REDIRECT_FAILED."""


class InternetBindInfo(Protocol):
    """IInternetBindInfo::GetBindString (contract 7.6); asked for credentials where
    BINDINFO_OPTIONS.USEBINDSTRINGCREDS is set.
    """

    def get_bind_string(self, which: BINDSTRING) -> str | None:
        """The text for BINDSTRING.USERNAME, PASSWORD, PROXY_USERNAME or PROXY_PASSWORD; None if there is none."""


class Services(NamedTuple):
    """What a client offers: the object that has the methods, None where there is none."""

    beginning: Any = None
    response: Any = None
    authenticate: Any = None
    security: Any = None
    redirect: Any = None
    bind_info: Any = None


# Service by service: identifier, and its methods, of which a client has at least one.
_SERVICES: tuple[tuple[UUID, tuple[str, ...]], ...] = (
    (IID_IHttpNegotiate, ("beginning_transaction",)),
    (IID_IHttpNegotiate, ("on_response",)),
    (IID_IAuthenticate, ("authenticate_ex", "authenticate")),
    (IID_IHttpSecurity, ("on_security_problem",)),
    (IID_IBindCallbackRedirect, ("redirect",)),
    (IID_IInternetBindInfo, ("get_bind_string",)),
)
#: What a client that offers services has at least one of; the core looks for them, once for each class.
SERVICE_NAMES = frozenset(name for _, names in _SERVICES for name in names) | {"query_service"}


def find_services(callback: Any) -> Services | None:
    """The services of `callback`, None if it has none at all."""
    query = getattr(callback, "query_service", None)
    found: dict[UUID, Any] = {}
    services = []
    for iid, names in _SERVICES:
        provider = callback
        if not any(hasattr(callback, name) for name in names):
            if query is not None and iid not in found:
                found[iid] = query(iid, iid)
            provider = found.get(iid)
        services.append(provider if any(hasattr(provider, name) for name in names) else None)
    return Services(*services) if any(service is not None for service in services) else None


_BY_INTERFACE: dict[UUID, set[str]] = {IID_IHttpNegotiate2: {"get_root_security_id"}}
for _iid, _methods in _SERVICES:
    _BY_INTERFACE.setdefault(_iid, set()).update(_methods)


def find_service(client: Any, iid: UUID, service: UUID | None = None) -> Any:
    """The interface `iid` of `client` as a protocol handler asks for it: the client itself if it has the methods (for
    IID_IInternetProtocol: is one), else what its `query_service` gives, else None. An HRESULT as the answer
    means that there is none. service: the service that is asked for it, None: the one called as the interface.
    """
    if iid == IID_IInternetProtocol:
        if isinstance(client, InternetProtocol):
            return client
    elif any(hasattr(client, name) for name in _BY_INTERFACE.get(iid, ())):
        return client
    ask = getattr(client, "query_service", None)
    answer = None if ask is None else ask(iid if service is None else service, iid)
    return None if isinstance(answer, int) else answer
