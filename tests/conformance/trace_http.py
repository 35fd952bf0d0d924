"""Traces of the http: protocol, driven directly."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import urlmon
from tests.conformance.trace_moniker import PAGE, facts_of, is_first_connection, open_connection
from tests.conformance.trace_sink import Info, Sink, expect, outcome, read_all, reading
from tests.conformance.traces import Log, check
from tests.conformance.vectors import Case
from tests.recording import pump_until
from tests.servers.scripted import ScriptedServer
from urlmon import HRESULT, BindInfo
from urlmon.hresult import to_hresult


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
