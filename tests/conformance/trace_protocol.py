"""Traces of protocols that are driven directly: by a sink and a bind info that write down how they are used."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.conformance.trace_moniker import PAGE, SHORT_PAGE, facts_of, is_first_connection, open_connection
from tests.conformance.traces import HRESULT_NAME, Log, check
from tests.conformance.vectors import Case, flags
from tests.conformance.windows_names import lookup
from tests.recording import pump_until
from tests.servers.scripted import ScriptedServer
from urlmon import BINDF, BINDINFO_OPTIONS, BINDSTRING, BINDVERB, HRESULT, BindInfo, ProtocolData
from urlmon.hresult import to_hresult
from urlmon.identifiers import (
    IID_IBindCallbackRedirect,
    IID_IHttpNegotiate,
    IID_IHttpNegotiate2,
    IID_IInternetProtocol,
)
from urlmon.protocols import AboutProtocol, FileProtocol, ResProtocol


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
        assert HRESULT[seen] == lookup(text)
    else:
        assert seen in HRESULT_NAME.findall(text), f"{what}: {seen} is not {text}"


# -- file: and about: -------------------------------------------------------------------------------------------------


def play_file(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file protocol, with each of the forms of its URL that name something here."""
    monkeypatch.chdir(folder)
    given = case["given"]
    if given.get("given") != "no such file":
        (folder / "index.html").write_bytes(SHORT_PAGE)
    urls = [given["url"]]
    if "also" in given:
        path = folder / "index.html"
        urls = [
            f"file:{path}",
            f"file://{path}",
            f"file://localhost{path}",
            f"file:{path}#fragment",
            "file:index.html",
        ]
    elif given.get("url") == "same":
        urls = ["file:index.html"]
    for url in urls:
        _play_file_url(case, url, folder)


def _play_file_url(case: Case, url: str, folder: Path) -> None:
    log = Log()
    protocol, sink, info = FileProtocol(), Sink(log), Info(log, case)
    steps = case["given"].get("steps")
    if steps is not None:
        assert [_step(protocol, one, url, sink, info) for one in steps] == case["result"]["hresults"]
        return
    started = outcome(lambda: protocol.start(url, sink, info))
    if "second time" in case["given"]["api"]:
        read_rest(protocol)
        log.entries.clear()
        started = outcome(lambda: protocol.start(url, sink, info))
    expect(case, "Start", started)
    check(case, log, facts_of(f"file://{folder / 'index.html'}"))
    for what in [one for one in case["result"] if one != "Start"]:
        expect(case, what, _result_of(protocol, what))


def _result_of(protocol: Any, what: str) -> str:
    if what == "Read(rest)":
        return read_rest(protocol)
    return _step(protocol, what if what != "Read" else "Read(1)", "", None, None)


def _step(protocol: Any, step: str, url: str, sink: Any, info: Any) -> str:
    name, _, argument = step.rstrip(")").partition("(")
    if name == "Start":
        return outcome(lambda: protocol.start(url, sink, info))
    if name == "Read":
        return reading(protocol, int(argument))
    method = {"LockRequest": "lock_request", "UnlockRequest": "unlock_request", "Terminate": "terminate"}[
        name
    ]
    return outcome(getattr(protocol, method))


def play_about(case: Case) -> None:
    """The about protocol."""
    log = Log()
    protocol, sink, info = AboutProtocol(), Sink(log), Info(log, case)
    expect(case, "Start", outcome(lambda: protocol.start(case["given"]["url"], sink, info)))
    check(case, log, {})
    assert not hasattr(protocol, "set_priority")
    expect(case, "LockRequest", outcome(protocol.lock_request))
    wanted = case["result"]["Read"]
    part = protocol.read(1000)
    assert part == b"\xff\xfe" + (wanted["text_utf16le_with_bom_and_terminator"] + "\0").encode("utf-16-le")
    assert len(part) == wanted["bytes"]
    expect(case, "UnlockRequest", outcome(protocol.unlock_request))


def play_res(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The res protocol, with a package in place of a module of Windows."""
    package = folder / "trace_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "blank.htm").write_bytes(SHORT_PAGE)
    monkeypatch.syspath_prepend(folder)
    log = Log()
    protocol, sink, info = ResProtocol(), Sink(log), Info(log, case)
    if "Read before Start" in case["result"]:
        expect(case, "Read before Start", reading(protocol, 2))
    url = case["given"]["url"].replace("mshtml.dll", "trace_package")
    expect(case, "Start", outcome(lambda: protocol.start(url, sink, info)))
    check(case, log, {})
    for what, size in {"Read(2)": 2, "Read(rest)": 1000, "Read": 10}.items():
        if what in case["result"]:
            expect(case, what, reading(protocol, size))


# -- http: ------------------------------------------------------------------------------------------------------------


async def _page(exchange: Any) -> None:
    await exchange.reply(200, [("Content-Type", "text/html")], PAGE)


async def _posted(exchange: Any) -> None:
    await exchange.reply(200, [("Content-Type", "text/plain")], b"13 bytes long")


async def _kept(exchange: Any) -> None:
    await exchange.reply(200, [("Content-Type", "text/html"), ("Cache-Control", "max-age=1000")], PAGE[:1000])


async def _long_page(exchange: Any) -> None:
    await exchange.reply(200, [("Content-Type", "text/html")], PAGE * 30)  # more than is read ahead


def play_cached(case: Case, server: ScriptedServer, folder: Path) -> None:
    """The http protocol, with a cache that has what is asked for: everything comes from within the start."""
    server.script("/tests/cache-only", _kept)
    url = server.url("/tests/cache-only")
    cache = urlmon.DownloadCache(folder)
    urlmon.url_download_to_cache_file(url, cache=cache)
    asked = len(server.requests)
    log = Log()
    protocol: Any = urlmon.get_session().create_binding(url)
    sink, info = Sink(log), Info(log, case)
    info.info = replace(info.info, cache=cache)
    expect(case, "Start", outcome(lambda: protocol.start(url, sink, info)))
    body = b""
    for what, size in {"Read(100)": 100, "Read(1500)": 1500}.items():
        part = protocol.read(size)
        assert case["result"][what] == f"S_OK, {len(part)} bytes"
        body += part
    assert sink.results == [HRESULT.S_OK]  # inside the Read that drains the data
    assert body == PAGE[:1000]
    expect(case, "Read", reading(protocol, 10))
    check(case, log, facts_of(url))
    assert not urlmon.pump(0)
    assert len(server.requests) == asked


def play_http(case: Case, server: ScriptedServer) -> None:
    """The http protocol: its sink is switched and brings it back, reads, and is told the result."""
    given = case["given"]
    hello = server.url("/tests/hello.html")

    async def redirect(exchange: Any) -> None:
        await exchange.reply(302, [("Location", hello)], b"")

    server.script("/tests/data.php", _long_page if "steps" in given else _page)
    server.script("/tests/hello.html", _page)
    server.script("/tests/post.php", _posted)
    server.script("/tests/redirect", redirect)
    log = Log()
    url = server.url(re.sub(r"^http://[^/]+", "", given["url"]))
    protocol: Any = urlmon.get_session().create_binding(url)
    sink, info = Sink(log, reads="client" in given), Info(log, case)
    sink.protocol = protocol
    sink.negotiate.additional = given.get("additional_headers_from_BeginningTransaction")
    if not is_first_connection(case):
        open_connection(url, BindInfo())
    if "IInternetPriority" in case["result"]:
        assert protocol.get_priority() == 0
        assert protocol.set_priority(1) == HRESULT.S_OK
        assert protocol.get_priority() == 1
    expect(case, "Start", outcome(lambda: protocol.start(url, sink, info))) if "Start" in case[
        "result"
    ] else (protocol.start(url, sink, info))
    if "before_data Read(1)" in case["result"]:
        expect(case, "before_data Read(1)", reading(protocol, 1))
    aborts = "steps" in given

    def go_on() -> bool:
        while sink.switched:
            data = sink.switched.pop(0)
            assert to_hresult(protocol.continue_(data)) == HRESULT.S_OK
            if aborts and log.of("sink.ReportData"):
                expect(case, "first Abort", outcome(lambda: protocol.abort(HRESULT.E_ABORT)))
                expect(case, "second Abort", outcome(lambda: protocol.abort(HRESULT.E_ABORT)))
            elif log.of("sink.ReportData"):
                sink.bytes_read += len(read_all(protocol))
        return bool(sink.results)

    pump_until(go_on)
    for what, action in {
        "Read at the end": lambda: reading(protocol, 1),
        "Abort after completion": lambda: outcome(lambda: protocol.abort(HRESULT.E_ABORT)),
        "LockRequest": lambda: outcome(protocol.lock_request),
        "Read(1)": lambda: reading(protocol, 1),
        "Terminate(0)": lambda: outcome(protocol.terminate),
        "UnlockRequest after Terminate": lambda: outcome(protocol.unlock_request),
        "Abort after Terminate": lambda: outcome(lambda: protocol.abort(HRESULT.E_ABORT)),
    }.items():
        if what in case["result"]:
            expect(case, what, action())
    urlmon.run()
    if "response_bytes" in case["result"]:
        assert sink.bytes_read == case["result"]["response_bytes"]
        assert log.keys.index("sink.Switch") < log.keys.index("post stream Read")  # it comes back for it
        (request,) = [one for one in server.requests if one.method == "POST"]
        assert (request.body, request.header("Content-Type")) == (
            b"mode=Test",
            "application/x-www-form-urlencoded",
        )
    if "client" in given:
        assert sum(one["progress"] > 0 for one in log.of("sink.ReportData"))
    check(case, log, {**facts_of(url), "http://test.winehq.org/tests/hello.html": hello})


# -- bindings of a session --------------------------------------------------------------------------------------------

_WORKER = " from a worker thread"


class Registered(urlmon.InternetProtocol, urlmon.InternetProtocolInfo):
    """The protocol that is registered for the scheme of the case; `on`: what it does inside of its methods, by name."""

    def __init__(self, log: Log, on: dict[str, Callable[[], Any]]) -> None:
        self.log = log
        self.on = on
        self.sink: Any = None
        self.bind_info: Any = None
        self.reads: list[bytes | None] = []
        self.sizes: list[int] = []
        self.read_always = False

    def _called(self, method: str, **arguments: Any) -> Any:
        self.log.add(f"protocol.{method}", **arguments)
        action = self.on.pop(method, None)
        return None if action is None else action()

    def set_priority(self, priority: int) -> Any:
        return self._called("IInternetPriority.SetPriority", priority=priority)

    def start(self, url: str, sink: Any, bind_info: Any, flags: int = 0, reserved: Any = None) -> Any:
        self.sink, self.bind_info = sink, bind_info
        return self._called("Start", grfPI=int(flags), reserved=reserved)

    def continue_(self, data: ProtocolData) -> Any:
        return self._called("Continue", data=data)

    def abort(self, reason: int) -> Any:
        return self._called("Abort", reason=reason)

    def terminate(self) -> Any:
        return self._called("Terminate")

    def lock_request(self) -> Any:
        return self._called("LockRequest")

    def unlock_request(self) -> Any:
        return self._called("UnlockRequest")

    def read(self, size: int) -> bytes | None:
        self.sizes.append(size)
        self._called("Read", size=size)
        return self.reads.pop(0) if self.reads else b""


class Stage:
    """A binding of a session, the protocol behind it and the client in front of it."""

    def __init__(self, case: Case, registered: bool = True) -> None:
        self.case = case
        self.log = Log()
        self.sink = Sink(self.log)
        self.info = Info(self.log, case)
        self.session = urlmon.InternetSession()
        self.protocols: list[Registered] = []
        self.url = case["given"]["url"]
        if registered:
            for scheme in {self.url.partition(":")[0], "http"}:
                self.session.register_name_space(scheme, self._make)
        self.binding: Any = self.session.create_binding(self.url)
        self.sink.protocol = self.binding

    def _make(self) -> Registered:
        self.log.add("factory.CreateInstance")
        self.protocols.append(Registered(self.log, {}))
        return self.protocols[-1]

    @property
    def protocol(self) -> Registered:
        return self.protocols[-1]

    def start(self, options: int = 0) -> str:
        return outcome(lambda: self.binding.start(self.url, self.sink, self.info, options))

    def since(self, action: Callable[[], Any]) -> tuple[Any, list[str]]:
        """What `action` returns, and what is seen meanwhile; asking for the bind info is not listed by the vectors."""
        before = len(self.log.entries)
        answer = action()
        return answer, [key for key in self.log.keys[before:] if not key.startswith("bindinfo.")]


def play_create_binding(case: Case) -> None:
    """Life of a binding: what may be called before, inside of and after the start."""
    api = case["given"]["api"]
    stage = Stage(case, registered="given" in case["given"] and case["given"]["given"].startswith("a class"))
    binding = stage.binding
    if api.endswith("Abort(E_FAIL, 0)"):
        binding = stage.session.create_binding(stage.url)
        answers = [outcome(partial(binding.abort, reason)) for reason in (HRESULT.E_ABORT, HRESULT.E_FAIL)]
        assert ["S_OK", *answers] == case["result"]["hresults"]
        return
    if api == "CreateBinding then Start":
        expect(case, "Start", stage.start())
        check(case, stage.log, {})
        return
    for missing in range(3):
        arguments = [stage.url, stage.sink, stage.info]
        arguments[missing] = None
        assert outcome(partial(binding.start, *arguments)) == "E_INVALIDARG"
    assert binding.get_priority() == case["result"]["GetPriority"]
    expect(case, "SetPriority(100)", outcome(lambda: binding.set_priority(100)))
    inside: list[str] = []
    make = stage._make

    def starting() -> Registered:
        made = make()
        made.on["Start"] = lambda: inside.append(outcome(binding.terminate))
        made.reads = [b"xy"]
        return made

    stage.session.register_name_space("test", starting)
    expect(case, "Start", stage.start())
    assert inside == ["E_FAIL"]
    assert binding.read(17) == b"xy"
    assert stage.protocol.sizes == [17]
    facts = {"{00000000-0000-0000-0000-000000000000}": "{00000000-0000-0000-0000-000000000000}"}
    seen = [entry for entry in stage.log.entries if entry.key not in {"protocol.Read"}]
    stage.log.entries = seen
    check(case, stage.log, facts)
    assert binding.terminate() == HRESULT.S_OK
    assert stage.log.keys[-1] == "protocol.Terminate"


def play_after_terminate(case: Case) -> None:
    """What the handler's sink and the binding say once everything is over."""
    stage = Stage({**case, "given": {**case["given"], "url": "test://file.html"}})
    assert stage.start() == "S_OK"
    sink = stage.protocol.sink
    assert stage.binding.terminate() == HRESULT.S_OK
    stage.log.entries.clear()
    answers = [
        outcome(lambda: sink.switch(ProtocolData())),
        reading(stage.binding, 10),
        outcome(lambda: sink.report_progress(urlmon.BINDSTATUS.CACHEFILENAMEAVAILABLE, "x")),
        outcome(lambda: sink.report_result(HRESULT.S_OK)),
        outcome(lambda: sink.report_data(0, 0, 0)),
    ]
    assert answers == [HRESULT_NAME.findall(one)[0] for one in case["result"]["hresults"]]
    check(case, stage.log, {})
