"""What a ProtocolBinding shows to those it drives: sink and bind info to a handler, sink and source to a MIME filter.

All of them pass on to the binding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from urlmon.constants import BINDF, BSCF
from urlmon.hresult import HRESULT, to_hresult
from urlmon.protocol import InternetProtocol, ProtocolBindInfo, ProtocolData

if TYPE_CHECKING:
    from uuid import UUID

    from urlmon.bindinfo import BindInfo
    from urlmon.constants import BINDSTATUS, BINDSTRING
    from urlmon.protocolbinding import ProtocolBinding


class _BindingSink:
    """What every sink of a binding does alike."""

    __slots__ = ("_binding",)

    def __init__(self, binding: ProtocolBinding) -> None:
        self._binding = binding

    def switch(self, data: ProtocolData) -> HRESULT:
        return self._binding.reported_switch(ProtocolData(*data))

    def query_service(self, iid: UUID) -> Any:
        return self._binding.query_service(iid)


class HandlerSink(_BindingSink):
    """What the handler gets as its sink."""

    __slots__ = ()

    def report_progress(self, status: BINDSTATUS, text: str | None = None) -> HRESULT:
        return self._binding.reported("progress", (status, text))

    def report_data(self, flags: BSCF, progress: int, progress_max: int = 0) -> HRESULT:
        return self._binding.reported("data", (BSCF(flags), progress, progress_max))

    def report_result(self, hresult: int, error: int = 0, text: str | None = None) -> HRESULT:
        return self._binding.reported("result", (to_hresult(hresult), error, text))


class HandlerBindInfo:
    """What the handler gets as its bind info: the client's, with what the system adds."""

    __slots__ = ("_asked", "_binding")

    def __init__(self, binding: ProtocolBinding, asked: ProtocolBindInfo) -> None:
        self._binding = binding
        self._asked = asked

    def get_bind_info(self) -> tuple[BINDF, BindInfo]:
        flags, info = self._asked.get_bind_info()
        return flags | BINDF.FROMURLMON, info

    def get_bind_string(self, kind: BINDSTRING | int) -> list[str]:
        return self._asked.get_bind_string(kind)

    def query_service(self, iid: UUID) -> Any:
        return self._binding.query_service(iid)


class FilteredSource(InternetProtocol):
    """The handler as a MIME filter reads it: what was collected to judge the type comes first."""

    def __init__(self, binding: ProtocolBinding) -> None:
        self._binding = binding

    def read(self, size: int) -> bytes | None:
        return self._binding.read_source(size)

    def continue_(self, data: ProtocolData) -> int | None:
        return self._binding.handler_call("continue_", data)

    def abort(self, reason: int) -> int | None:
        return self._binding.handler_call("abort", reason)

    def terminate(self) -> int | None:
        return self._binding.handler_call("terminate")

    def lock_request(self) -> int | None:
        return self._binding.handler_call("lock_request")

    def unlock_request(self) -> int | None:
        return self._binding.handler_call("unlock_request")


class FilterSink(_BindingSink):
    """What a MIME filter reports to: passed on as it is."""

    __slots__ = ()

    def report_progress(self, status: BINDSTATUS, text: str | None = None) -> HRESULT:
        self._binding.pass_progress(status, text)
        return HRESULT.S_OK

    def report_data(self, flags: BSCF, progress: int, progress_max: int = 0) -> HRESULT:
        self._binding.pass_data(BSCF(flags), progress, progress_max)
        return HRESULT.S_OK

    def report_result(self, hresult: int, error: int = 0, text: str | None = None) -> HRESULT:
        self._binding.pass_result(to_hresult(hresult), error, text)
        return HRESULT.S_OK
