"""The holder of a callback in a bind context (contract 7.2, 7.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from urlmon.bindinfo import DEFAULT_BIND_INFO, BindInfo
from urlmon.constants import BINDF2
from urlmon.exceptions import UnsupportedError
from urlmon.hresult import HRESULT, to_hresult
from urlmon.identifiers import (
    IID_IAuthenticate,
    IID_IBindStatusCallback,
    IID_IBindStatusCallbackEx,
    IID_IHttpNegotiate,
    IID_IHttpNegotiate2,
)
from urlmon.services import find_service

if TYPE_CHECKING:
    from urlmon.constants import BINDSTATUS


_HELD = frozenset(
    {
        IID_IBindStatusCallback,
        IID_IBindStatusCallbackEx,
        IID_IHttpNegotiate,
        IID_IHttpNegotiate2,
        IID_IAuthenticate,
    }
)


class CallbackHolder:
    """What stands in a bind context for the registered callback.

    It passes every call on to `callback`, the client's, which another one replaces when it is registered. What the
    methods here name, it answers as the contract says where the client has no such method.
    """

    __slots__ = ("callback",)

    callback: Any

    def __init__(self, callback: Any) -> None:
        self.callback = callback

    def __getattr__(self, name: str) -> Any:
        return getattr(self.callback, name)

    def get_bind_info(self) -> BindInfo:
        """The client's, or the usual one."""
        info = self._ask("get_bind_info")
        return DEFAULT_BIND_INFO if info is None else info

    def get_bind_info_ex(self) -> tuple[BindInfo, BINDF2]:
        """The client's `get_bind_info_ex`; without one, its `get_bind_info` and no flags."""
        answer = self._ask("get_bind_info_ex")
        return (self.get_bind_info(), BINDF2(0)) if answer is None else answer

    def on_progress(
        self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None
    ) -> HRESULT | int:
        """Passed on; S_OK without a client that wants it."""
        return to_hresult(self._ask("on_progress", progress, progress_max, status, text))

    def beginning_transaction(self, url: str, headers: str | None) -> Any:
        """What the client adds to a request (IHttpNegotiate); nothing without one that wants it."""
        return self._ask("beginning_transaction", url, headers)

    def on_response(self, status: int, response_headers: str, request_headers: str | None) -> Any:
        """Passed on (IHttpNegotiate); None, that is S_OK, without a client that wants it."""
        return self._ask("on_response", status, response_headers, request_headers)

    def get_root_security_id(self) -> Any:
        """The client's answer (IHttpNegotiate2); E_FAIL without one."""
        return self._ask("get_root_security_id", default=HRESULT.E_FAIL)

    def authenticate(self) -> Any:
        """The client's answer (IAuthenticate); E_NOTIMPL without one."""
        return self._ask("authenticate", default=HRESULT.E_NOTIMPL)

    def query_service(self, service: UUID, iid: UUID) -> Any:
        """IServiceProvider: the holder itself for what it implements, else what the client offers (contract 7.6).

        The client is asked for the interface first, then as a service provider. UnsupportedError (E_NOINTERFACE) if it
        has neither.
        """
        if iid in _HELD:
            return self
        answer = find_service(self.callback, iid, service)
        if answer is None:
            raise UnsupportedError(f"the client offers no {iid}", url="", hresult=HRESULT.E_NOINTERFACE)
        return answer

    def _ask(self, name: str, *arguments: Any, default: Any = None) -> Any:
        method = getattr(self.callback, name, None)
        return default if method is None else method(*arguments)

    def __repr__(self) -> str:
        return f"<CallbackHolder of {self.callback!r}>"
