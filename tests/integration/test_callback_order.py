"""Which calls of the bind status callback come, in which order and with which flags (contract 3.2, 3.5)."""

from __future__ import annotations

import re
from typing import Any

import pytest

import urlmon
from tests.recording import (
    FIRST,
    FULL,
    INTERMEDIATE,
    LAST,
    START,
    Negotiator,
    Recorder,
    bind,
    fetch,
    finish,
    name_of,
    pump_until,
    returning,
)
from tests.servers import ScriptedServer, payload
from urlmon import BINDSTATUS, HRESULT, TYMED

END = ["SENDINGREQUEST", "MIMETYPEAVAILABLE", "DATA", "on_stop_binding"]
DATA_PROGRESS = ("BEGINDOWNLOADDATA", "DOWNLOADINGDATA", "ENDDOWNLOADDATA")

# Contract 3.2 rule 3: each on_data_available has one progress call before it; when first and last coincide, two.
DATA = re.compile(
    "BEGINDOWNLOADDATA( on_data_available( DOWNLOADINGDATA on_data_available)*)? ENDDOWNLOADDATA on_data_available"
)


def outline(recorder: Recorder) -> list[str]:
    """The calls, with "DATA" for a complete and correct data phase: in how many parts it comes is left to chance."""
    return DATA.sub("DATA", " ".join(recorder.sequence)).split()


def without_connecting(recorder: Recorder) -> list[str]:
    """The outline without what depends on whether a connection was open, and still is: libcurl asks again if not."""
    names = [name for name in outline(recorder) if name not in ("FINDINGRESOURCE", "CONNECTING")]
    return [
        name
        for name, before in zip(names, ["", *names], strict=False)
        if (name, before) != ("SENDINGREQUEST",) * 2
    ]


# -- a body ----------------------------------------------------------------------------------------------------------


def test_order_of_an_ordinary_get() -> None:
    with ScriptedServer() as server:  # a port of its own: nothing is resolved or connected yet
        url = server.url("/ok", host="localhost")
        recorder = fetch(url)
        assert outline(recorder) == [*START, "FINDINGRESOURCE", "CONNECTING", *END]
        assert recorder.texts(BINDSTATUS.FINDINGRESOURCE) == ["localhost"]
        assert recorder.texts(BINDSTATUS.CONNECTING)[0] in (
            f"[::1]:{server.port}",
            f"127.0.0.1:{server.port}",
        )
        assert recorder.texts(BINDSTATUS.MIMETYPEAVAILABLE) == ["text/plain"]
        assert recorder.texts(BINDSTATUS.BEGINDOWNLOADDATA) == [url]
        assert recorder.texts(BINDSTATUS.ENDDOWNLOADDATA) == [url]
        assert recorder.of("on_stop_binding") == [(HRESULT.S_OK, None)]
        assert recorder.body == b"ok"


def test_a_connection_used_again_is_not_looked_up(scripted: ScriptedServer) -> None:
    fetch(scripted.url("/ok"))
    second = fetch(scripted.url("/ok"))
    assert outline(second) == [*START, *END]
    assert scripted.connections_opened == 1


def test_order_of_a_body_that_comes_in_parts(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/rest", size=300_000, at=100_000), Recorder())
    pump_until(lambda: len(recorder.body) == 100_000)
    before = len(recorder.calls)
    scripted.release("rest")
    finish(recorder)
    assert recorder.body == payload(300_000)
    begin = recorder.sequence.index("BEGINDOWNLOADDATA")
    assert recorder.sequence[begin - 2 : begin] == ["SENDINGREQUEST", "MIMETYPEAVAILABLE"]
    assert recorder.flags[0] == FIRST
    assert set(recorder.flags[1:-1]) <= {INTERMEDIATE}
    assert recorder.flags[-1] == INTERMEDIATE | LAST | FULL
    assert set(recorder.sequence[begin:before:2]) <= set(DATA_PROGRESS)
    assert set(recorder.sequence[begin + 1 : before : 2]) == {"on_data_available"}
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_536, 65_537, 1 << 20, 5_000_000])
def test_flags_and_sizes(scripted: ScriptedServer, size: int) -> None:
    recorder = fetch(scripted.url(f"/payload/{size}"))
    assert recorder.body == payload(size)
    assert recorder.ended
    flags = recorder.flags
    assert [bool(flag & FIRST) for flag in flags] == [True] + [False] * (len(flags) - 1)
    assert [bool(flag & LAST) for flag in flags] == [False] * (len(flags) - 1) + [True]
    assert [bool(flag & FULL) for flag in flags] == [bool(flag & LAST) for flag in flags]
    assert [bool(flag & INTERMEDIATE) for flag in flags] == [not flag & FIRST for flag in flags]
    sizes = [args[1] for args in recorder.of("on_data_available")]
    assert sizes == sorted(sizes)
    assert sizes[-1] == size
    assert without_connecting(recorder) == [*START, *END]
    for progress, progress_max, status, _ in recorder.of("on_progress"):
        if status.name in DATA_PROGRESS:
            assert (progress_max, progress <= size) == (size, True)


def test_progress_without_an_announced_length(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/chunked", size=200_000, chunk=10_000))
    assert recorder.body == payload(200_000)
    assert {args[1] for args in recorder.of("on_progress")} == {0}
    assert recorder.of("on_progress")[-1][0] == 200_000
    assert recorder.binding.bytes_total == -1


@pytest.mark.parametrize(
    ("storage", "size"),
    [(storage, size) for storage in (TYMED.FILE, TYMED.HGLOBAL) for size in (0, 1000, 300_000)],
    ids=name_of,
)
def test_files_and_memory_are_available_once_at_the_end(
    scripted: ScriptedServer, tmp_path: Any, storage: TYMED, size: int
) -> None:
    url = scripted.url("/hold-body/rest", size=size, at=size // 2) if size else scripted.url("/payload/0")
    recorder = bind(url, Recorder(), storage, tmp_path / "target")
    if size:
        pump_until(lambda: recorder.binding.bytes_received == size // 2)
        assert recorder.of("on_data_available") == []
        scripted.release("rest")
    finish(recorder)
    [(flags, told, format, medium)] = recorder.of("on_data_available")
    # The one call is the first and the last (contract 5.5: "intermediate" is neither).
    assert flags & ~FIRST == LAST | FULL
    assert told == size
    assert (format.tymed, medium.tymed) == (storage, storage)
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]
    assert recorder.sequence.count("BEGINDOWNLOADDATA") == 1


@pytest.mark.parametrize("size", [10, 300_000])
def test_the_name_of_the_file_is_told_after_the_begin(
    scripted: ScriptedServer, tmp_path: Any, size: int
) -> None:
    """Contract 3.2, rule 6."""
    target = str(tmp_path / "target")
    recorder = bind(scripted.url("/hold-body/rest", size=size), Recorder(), TYMED.FILE, target)
    pump_until(lambda: recorder.binding.bytes_received == size // 2)
    scripted.release("rest")
    finish(recorder)
    assert recorder.texts(BINDSTATUS.CACHEFILENAMEAVAILABLE) == [target]
    begin = recorder.sequence.index("BEGINDOWNLOADDATA")
    assert recorder.sequence[begin + 1] == "CACHEFILENAMEAVAILABLE"


# -- redirects and interim answers -----------------------------------------------------------------------------------


def test_redirects_are_told_with_their_urls(scripted: ScriptedServer) -> None:
    recorder: Negotiator = bind(scripted.url("/redirect/chain/3"), Negotiator())
    finish(recorder)
    assert without_connecting(recorder) == [
        *["get_bind_info", "get_priority", "on_start_binding", "beginning_transaction"],
        *["SENDINGREQUEST", "REDIRECTING"] * 3,
        *["SENDINGREQUEST", "on_response", *END[1:]],
    ]
    hops = [scripted.url(f"/redirect/chain/{left}") for left in (2, 1, 0)]
    assert recorder.texts(BINDSTATUS.REDIRECTING) == hops
    assert recorder.binding.url == hops[-1]
    assert [args[0] for args in recorder.of("on_response")] == [200]
    assert recorder.texts(BINDSTATUS.BEGINDOWNLOADDATA) == [scripted.url("/redirect/chain/3")]


def test_a_redirect_to_another_host_is_looked_up_and_connected(scripted: ScriptedServer) -> None:
    with ScriptedServer() as other:
        target = other.url("/ok", host="localhost")
        recorder = fetch(scripted.url("/redirect", to=target))
        names = outline(recorder)
        assert names[names.index("REDIRECTING") :] == ["REDIRECTING", "FINDINGRESOURCE", "CONNECTING", *END]
        assert recorder.texts(BINDSTATUS.REDIRECTING) == [target]
        assert recorder.texts(BINDSTATUS.FINDINGRESOURCE)[-1] == "localhost"


def test_many_redirects_keep_their_order(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/redirect/chain/30"))
    assert recorder.texts(BINDSTATUS.REDIRECTING) == [
        scripted.url(f"/redirect/chain/{left}") for left in reversed(range(30))
    ]
    assert recorder.body == b"arrived"


def test_interim_answers_are_not_told(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/interim", count=3), Negotiator())
    finish(recorder)
    [(status, head, _)] = recorder.of("on_response")
    assert status == 200
    assert "preload" not in head
    assert recorder.sequence.count("MIMETYPEAVAILABLE") == 1


# -- the media type --------------------------------------------------------------------------------------------------


def test_media_type_comes_with_the_format(scripted: ScriptedServer) -> None:
    url = scripted.url("/status/200", header="X-Other: 1")
    recorder = fetch(url)
    [(_, _, format, _)] = recorder.of("on_data_available")
    assert format.media_type == "text/plain"
    assert format.clipboard_format == urlmon.register_clipboard_format("text/plain")
    assert (format.aspect, format.lindex, format.target_device) == (urlmon.DVASPECT.CONTENT, -1, None)


def test_media_type_without_parameters_and_in_lower_case(scripted: ScriptedServer) -> None:
    async def typed(exchange: Any) -> None:
        await exchange.reply(200, [("Content-Type", "Text/HTML ; charset=utf-8")], b"x")

    scripted.script("/typed", typed)
    recorder = fetch(scripted.url("/typed"))
    assert recorder.texts(BINDSTATUS.MIMETYPEAVAILABLE) == ["text/html"]
    assert recorder.binding.mime_type == "text/html"


def test_no_media_type_no_report(scripted: ScriptedServer) -> None:
    async def untyped(exchange: Any) -> None:
        await exchange.reply(200, [], b"x")

    scripted.script("/untyped", untyped)
    recorder = fetch(scripted.url("/untyped"))
    assert BINDSTATUS.MIMETYPEAVAILABLE not in recorder.statuses
    assert recorder.binding.mime_type is None
    assert recorder.of("on_data_available")[0][2].clipboard_format == 0


# -- before the start ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "priority"),
    [(None, 0), (HRESULT.E_NOTIMPL, 0), (1, 1), (-15, -15), (100, 100), (-4711, -4711)],
    ids=name_of,
)
def test_priority_is_asked_once_before_the_start(
    scripted: ScriptedServer, answer: Any, priority: int
) -> None:
    seen: list[int] = []
    recorder = fetch(
        scripted.url(),
        priority=answer,
        on_start_binding=lambda recorder, binding: seen.append(binding.get_priority()),
    )
    assert recorder.methods.count("get_priority") == 1
    assert seen == [priority]


def test_nothing_is_sent_before_on_start_binding(scripted: ScriptedServer) -> None:
    recorder = Recorder(on_start_binding=returning(HRESULT.E_ABORT))
    with pytest.raises(urlmon.AbortedError):
        bind(scripted.url("/payload/1"), recorder)
    fetch(scripted.url("/payload/2"))
    assert scripted.requests.paths() == ["/payload/2"]
