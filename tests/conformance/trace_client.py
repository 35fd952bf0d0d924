"""The client of the traces: a callback that writes down what it is told, and answers as the case says."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.conformance.traces import Log
from tests.conformance.vectors import Case, flags
from tests.conformance.windows_names import lookup
from urlmon import BINDF, BINDSTATUS, HRESULT, HTTP_QUERY, TYMED, BindInfo
from urlmon.identifiers import IID_IHttpSecurity, IID_IInternetProtocol

_STATUS_CODE = HTTP_QUERY.STATUS_CODE | HTTP_QUERY.FLAG_NUMBER


def answers_of(case: Case) -> dict[str, Any]:
    """What the callback is to answer, by key; only what is not S_OK."""
    found: dict[str, Any] = {}
    for entry in case.get("expected_calls", []):
        answer = entry.get("callback_returns")
        if isinstance(answer, str) and answer in HRESULT.__members__ and answer != "S_OK":
            status = entry.get("status")
            found[f"{entry['call']}:{status}" if status else entry["call"]] = lookup(answer)
    if "OnStartBinding returns E_NOTIMPL" in str(case["given"].get("callback", "")):
        found["OnStartBinding"] = HRESULT.E_NOTIMPL
    return found


def _refuses_services(entry: Case) -> bool:
    """The client is no service provider."""
    return (
        entry.get("interface") == "IServiceProvider"
        and entry["min"] > 0
        and entry["callback_returns"] != "S_OK"
    )


class Kept:
    """A medium without its stream."""

    def __init__(self, medium: Any) -> None:
        self.tymed = medium.tymed
        self.path = getattr(medium, "path", None)


class Client(urlmon.BindStatusCallback):
    """`protocol`: the handler it brings; `hooks`: further things to do, by key."""

    def __init__(self, case: Case, log: Log, protocol: Any = None, **info: Any) -> None:
        given = case["given"]
        self.case = case
        self.log = log
        self.protocol = protocol
        self.info = BindInfo(flags=BINDF(flags(given.get("grfBINDF", []))), **info)
        self.reads = "does not read" not in str(given.get("callback", ""))
        self.answers = answers_of(case)
        self.hooks: dict[str, Any] = {}
        self.is_http = (given.get("url") or "").startswith("http") and protocol is None
        if any(_refuses_services(one) for one in case.get("expected_calls", [])):
            self.query_service = None  # type: ignore[assignment,method-assign]
        self.lets_go = protocol is not None
        self.binding: Any = None
        self.stream: Any = None
        self.body = b""
        self.reported_type: str | None = None
        self.stopped = False

    def _seen(self, key: str, **arguments: Any) -> Any:
        self.log.add(key, **arguments)
        hook = self.hooks.get(key)
        answer = None if hook is None else hook()
        return self.answers.get(key) if answer is None else answer

    # -- services -----------------------------------------------------------------------------------------------------

    def query_service(self, service: Any, iid: Any) -> Any:
        if iid == IID_IInternetProtocol:
            if self.protocol is None:
                self.log.add("IServiceProvider.QueryService:IInternetProtocol")
            return self.protocol  # as if it had answered QueryInterface
        return self if iid == IID_IHttpSecurity and self.protocol is not None else None

    def beginning_transaction(self, url: str, headers: Any) -> Any:
        return self._seen("IHttpNegotiate.BeginningTransaction", url=url, additional_headers_on_entry=headers)

    def on_response(self, status: int, response_headers: str, request_headers: Any) -> Any:
        return self._seen(
            "IHttpNegotiate.OnResponse",
            code=status,
            response_headers=response_headers,
            request_headers=request_headers,
        )

    def get_root_security_id(self) -> Any:
        self._seen("IHttpNegotiate2.GetRootSecurityId")
        return HRESULT.E_FAIL

    # -- IBindStatusCallback ------------------------------------------------------------------------------------------

    def get_bind_info(self) -> BindInfo:
        self._seen("GetBindInfo")
        return self.info

    def on_start_binding(self, binding: Any) -> Any:
        self.binding = binding
        return self._seen(
            "OnStartBinding",
            binding=binding,
            is_moniker=isinstance(binding, urlmon.URLMoniker),
            status_code=binding.query_info(_STATUS_CODE),
            bind_result=binding.get_bind_result(),
        )

    def on_progress(self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None) -> Any:
        if status == BINDSTATUS.MIMETYPEAVAILABLE:
            self.reported_type = text
        self._check_query_info(status)
        return self._seen(f"OnProgress:BINDSTATUS_{status.name}", text=text)

    def _check_query_info(self, status: BINDSTATUS) -> None:
        """`during_progress`: the status code, 0 before the response, 200 from the type on; always 0 for others."""
        if "during_progress" not in self.case or status == BINDSTATUS.SENDINGREQUEST:
            return
        if not self.is_http or status in {BINDSTATUS.FINDINGRESOURCE, BINDSTATUS.CONNECTING}:
            assert self.binding.query_info(_STATUS_CODE) == 0
        elif status in {BINDSTATUS.BEGINDOWNLOADDATA, BINDSTATUS.DOWNLOADINGDATA, BINDSTATUS.ENDDOWNLOADDATA}:
            assert self.binding.query_info(_STATUS_CODE) == 200

    def on_data_available(self, flags: Any, size: int, format: Any, medium: Any) -> Any:
        first = self.stream is None
        if medium.tymed == TYMED.ISTREAM:
            self.stream = medium.stream
            if first:
                with pytest.raises(OSError, match="not writable"):  # STG_E_ACCESSDENIED
                    self.stream.write(b"x")
                if "stream_facts" in self.case:
                    name, _, size, _ = self.stream.stat()
                    assert (name, size) == (self.protocol.path, 0)
            if self.reads:
                while part := self.stream.read(64):
                    self.body += part
        return self._seen(
            "OnDataAvailable",
            format=format,
            medium=medium,
            size=size,
            file=getattr(self.binding, "path", None),
        )

    def _let_go(self) -> None:
        """Drops the stream, and what the log has of it: the protocol may be unlocked."""
        self.stream = None
        for entry in self.log.entries:
            if "medium" in entry.arguments:
                entry.arguments["medium"] = Kept(entry.arguments["medium"])

    def on_object_available(self, riid: Any, obj: Any) -> Any:
        return self._seen("OnObjectAvailable", riid=riid, object=obj)

    def on_stop_binding(self, hresult: Any, error: Any) -> Any:
        self.stopped = True
        if self.lets_go:
            self._let_go()
        return self._seen("OnStopBinding", hresult=hresult, bind_result=self.binding.get_bind_result())
