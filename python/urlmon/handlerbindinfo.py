"""What a handler is told of the client of a moniker: its bind info, and the services that are always there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from urlmon import services
from urlmon.constants import BINDF, BINDSTRING
from urlmon.exceptions import UnsupportedError
from urlmon.hresult import HRESULT
from urlmon.identifiers import IID_IHttpNegotiate, IID_IHttpNegotiate2

if TYPE_CHECKING:
    from uuid import UUID

    from urlmon.bindinfo import BindInfo
    from urlmon.handlerbinding import HandlerBinding


class NegotiateOfClient:
    """IHttpNegotiate and IHttpNegotiate2 as handlers find them, whatever the client has of them (contract 7.6)."""

    __slots__ = ("_client",)

    def __init__(self, client: Any) -> None:
        self._client = client

    def beginning_transaction(self, url: str, headers: Any = None) -> Any:
        ask = getattr(services.find_service(self._client, IID_IHttpNegotiate), "beginning_transaction", None)
        return None if ask is None else ask(url, headers)

    def on_response(self, status: int, response_headers: str, request_headers: Any = None) -> Any:
        tell = getattr(services.find_service(self._client, IID_IHttpNegotiate), "on_response", None)
        return HRESULT.S_OK if tell is None else tell(status, response_headers, request_headers)

    def get_root_security_id(self) -> Any:
        ask = getattr(services.find_service(self._client, IID_IHttpNegotiate2), "get_root_security_id", None)
        return HRESULT.E_FAIL if ask is None else ask()


class BindInfoOfClient:
    """What the client wants, as the handler is told (IInternetBindInfo)."""

    __slots__ = ("_binding", "_flags", "_info", "_strings")

    def __init__(
        self, binding: HandlerBinding, info: BindInfo, flags: BINDF, accepted: tuple[str, ...]
    ) -> None:
        self._binding = binding
        self._info = info
        self._flags = flags
        self._strings = {BINDSTRING.URL: [binding.url], BINDSTRING.ACCEPT_MIMES: list(accepted)}
        if info.user_agent is not None:
            self._strings[BINDSTRING.USER_AGENT] = [info.user_agent]

    def get_bind_info(self) -> tuple[BINDF, BindInfo]:
        return self._flags, self._info

    def get_bind_string(self, kind: BINDSTRING | int) -> list[str]:
        known = self._strings.get(BINDSTRING(kind))
        if known is None:
            names_none = kind == BINDSTRING.USER_AGENT
            raise UnsupportedError(
                f"the client gives no BINDSTRING.{BINDSTRING(kind).name}",
                url=self._binding.url,
                hresult=HRESULT.E_NOINTERFACE if names_none else HRESULT.E_NOTIMPL,
            )
        return list(known)

    def query_service(self, iid: UUID) -> Any:
        return self._binding.query_service(iid)
