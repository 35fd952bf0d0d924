"""Traces of the protocols file:, about: and res:, driven directly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.trace_moniker import SHORT_PAGE, facts_of
from tests.conformance.trace_sink import Info, Sink, expect, outcome, read_rest, reading
from tests.conformance.traces import Log, check
from tests.conformance.vectors import Case
from urlmon.protocols import AboutProtocol, FileProtocol, ResProtocol


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
    if "Read after Terminate" in case["result"]:
        expect(case, "Start", outcome(lambda: protocol.start(url, Sink(Log()), info)))
        protocol.terminate()
        expect(case, "Read after Terminate", reading(protocol, 1))
