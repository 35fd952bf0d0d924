"""The client of a protocol that is driven directly: a sink and a bind info that write down how they are used."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import urlmon
from tests.conformance.traces import HRESULT_NAME, Log
from tests.conformance.vectors import Case, flags, hresult_of
from urlmon import BINDF, BINDINFO_OPTIONS, BINDSTRING, BINDVERB, HRESULT, BindInfo, ProtocolData
from urlmon.hresult import to_hresult
from urlmon.identifiers import (
    IID_IBindCallbackRedirect,
    IID_IHttpNegotiate,
    IID_IHttpNegotiate2,
    IID_IInternetProtocol,
)


class Negotiate:
    """IHttpNegotiate and IHttpNegotiate2 of the client."""

    def __init__(self, log: Log, additional: str | None = None) -> None:
        self.log = log
        self.additional = additional

    def beginning_transaction(self, url: str, headers: Any) -> str | None:
        self.log.add("negotiate.BeginningTransaction", url=url, additional_headers_on_entry=headers)
        return self.additional

    def on_response(self, status: int, response_headers: str, request_headers: Any) -> None:
        self.log.add(
            "negotiate.OnResponse",
            code=status,
            response_headers=response_headers,
            request_headers=request_headers,
        )

    def get_root_security_id(self) -> HRESULT:
        self.log.add("negotiate2.GetRootSecurityId")
        return HRESULT.E_FAIL


class Sink:
    """The client's sink. `reads`: whether it reads in report_data; `on_data`: what it does there instead."""

    def __init__(self, log: Log, reads: bool = False) -> None:
        self.log = log
        self.reads = reads
        self.protocol: Any = None
        self.on_data: Callable[[], None] | None = None
        self.switched: list[ProtocolData] = []
        self.results: list[Any] = []
        self.bytes_read = 0
        self.redirect_asked: list[str] | None = None
        self.negotiate = Negotiate(log)

    def switch(self, data: ProtocolData) -> HRESULT:
        self.log.add("sink.Switch", data=data)
        self.switched.append(data)
        return HRESULT.S_OK

    def report_progress(self, status: Any, text: str | None = None) -> HRESULT:
        self.log.add(f"sink.ReportProgress:BINDSTATUS_{status.name}", text=text)
        return HRESULT.S_OK

    def report_data(self, flags: Any, progress: int, progress_max: int = 0) -> HRESULT:
        self.log.add("sink.ReportData", flags=flags, progress=progress, progress_max=progress_max)
        if self.on_data is not None:
            self.on_data()
        if self.reads:
            while self.protocol.read(1000):
                pass
        return HRESULT.S_OK

    def report_result(self, hresult: int, error: int = 0, text: str | None = None) -> HRESULT:
        self.log.add("sink.ReportResult", hresult=hresult, error=error, text=text)
        self.results.append(hresult)
        return HRESULT.S_OK

    def query_service(self, iid: Any) -> Any:
        if iid == IID_IInternetProtocol:
            self.log.add("QueryService(IInternetProtocol)")
        elif iid in {IID_IHttpNegotiate, IID_IHttpNegotiate2}:
            return self.negotiate
        elif iid == IID_IBindCallbackRedirect and self.redirect_asked is not None:
            return self
        return None

    def redirect(self, url: str) -> bool:
        assert self.redirect_asked is not None
        self.redirect_asked.append(url)
        return False


class PostedStream:
    """The body of a request: a stream that writes down how it is used. Its end is looked for without that being
    written down: on Windows cbstgmedData says how much there is."""

    def __init__(self, log: Log, content: bytes) -> None:
        self.log = log
        self.content = io.BytesIO(content)
        self.seekable = self.content.seekable
        self.tell = self.content.tell

    def seek(self, offset: int, origin: int = 0) -> int:
        if origin == 0:
            self.log.add("post stream Seek", offset=offset, origin="STREAM_SEEK_SET")
        return self.content.seek(offset, origin)

    def read(self, size: int) -> bytes:
        self.log.add("post stream Read")
        return self.content.read(size)


def _body(log: Log, case: Case) -> dict[str, Any]:
    """The verb and the body that the case has posted."""
    given = case["given"].get("bindinfo", {})
    match = re.fullmatch(r'ISTREAM, "(.*)"', str(given.get("stgmedData", "")))
    if match is None:
        return {}
    assert given["dwBindVerb"] == "BINDVERB_POST"
    return {"verb": BINDVERB.POST, "data": PostedStream(log, match.group(1).encode())}


class Info:
    """The client's bind info."""

    def __init__(self, log: Log, case: Case) -> None:
        self.log = log
        given = case["given"]
        options = BINDINFO_OPTIONS(0)
        if "DISABLEAUTOREDIRECTS" in str(given.get("bindinfo", "")) + str(case.get("note", "")):
            options = BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS
        self.flags = BINDF(flags(given.get("grfBINDF", [])))
        self.info = BindInfo(flags=self.flags, options=options, **_body(log, case))

    def get_bind_info(self) -> tuple[BINDF, BindInfo]:
        self.log.add("bindinfo.GetBindInfo")
        return self.flags, self.info

    def get_bind_string(self, kind: Any) -> list[str]:
        self.log.add(f"bindinfo.GetBindString:BINDSTRING_{BINDSTRING(kind).name}")
        if kind == BINDSTRING.ACCEPT_MIMES:
            return ["*/*"]
        raise urlmon.UnsupportedError("no such string", url="", hresult=HRESULT.E_NOTIMPL)

    def query_service(self, iid: Any) -> Any:
        return None


def outcome(call: Callable[[], Any]) -> str:
    """The name of the HRESULT of a call. Reading: S_OK with bytes, S_FALSE at the end, E_PENDING for nothing now."""
    try:
        answer = call()
    except urlmon.BindError as error:
        return HRESULT(error.hresult).name
    if isinstance(answer, bytes):
        return "S_OK" if answer else "S_FALSE"
    return HRESULT(to_hresult(answer)).name


def reading(protocol: Any, size: int) -> str:
    """As `outcome`, of a read."""
    try:
        part = protocol.read(size)
    except urlmon.BindError as error:
        return HRESULT(error.hresult).name
    return "E_PENDING" if part is None else "S_OK" if part else "S_FALSE"


def read_rest(protocol: Any) -> str:
    """Reads until nothing more comes, and says how that was."""
    while (last := reading(protocol, 1 << 16)) == "S_OK":
        pass
    return last


def read_all(protocol: Any) -> bytes:
    """What can be read now."""
    body = b""
    while part := protocol.read(1 << 16):
        body += part
    return body


def expect(case: Case, what: str, seen: str) -> None:
    """`seen` is among the results that the case gives for `what`."""
    wanted = case["result"][what]
    text = wanted["hresult"] if isinstance(wanted, dict) else wanted
    if text.startswith("HRESULT_FROM_WIN32"):
        assert HRESULT[seen] == hresult_of(text)
    else:
        assert seen in HRESULT_NAME.findall(text), f"{what}: {seen} is not {text}"
