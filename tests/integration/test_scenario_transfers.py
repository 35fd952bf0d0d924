"""Scenarios A to C, I and J of contract 3.5: pull, push, synchronous, redirects and upload, call by call."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.integration.scenario_calls import (
    START,
    STOP,
    SYNCHRONOUS,
    connecting,
    data,
    parts,
    plain,
    progress,
    release_next,
    script_parts,
    told,
)
from tests.recording import (
    FIRST,
    FULL,
    INTERMEDIATE,
    LAST,
    PULL,
    Negotiator,
    Recorder,
    bind,
    finish,
    nothing_comes,
)
from tests.servers import ScriptedServer, payload
from urlmon import BINDSTATUS, BINDVERB, TYMED, BindInfo

# -- A, B: asynchronous, pull and push -------------------------------------------------------------------------------


def test_a_asynchronous_pull() -> None:
    with ScriptedServer() as server:
        url = script_parts(server)
        recorder = bind(url, Negotiator(PULL, on_data_available=release_next(server)))
        assert [call.method for call in recorder.calls] == [
            *(name for (name,) in START),
            "beginning_transaction",
        ]
        finish(recorder)
        assert told(recorder) == [
            *START,
            ("beginning_transaction", url),
            *connecting(server),
            ("on_response", 200, "HTTP/1.1 200 OK"),
            progress("MIMETYPEAVAILABLE", text="application/octet-stream"),
            *parts(url, LAST | INTERMEDIATE),
            STOP,
        ]
        assert recorder.body == payload(1000)
        assert recorder.ended


@pytest.mark.parametrize("reads", [True, False])
def test_b_asynchronous_push(reads: bool) -> None:
    """The transfer is driven to its end whether the client reads or not."""
    with ScriptedServer() as server:
        url = script_parts(server)
        recorder = bind(url, Recorder(read=reads, on_data_available=release_next(server)))
        assert [plain(call) for call in recorder.calls] == START
        finish(recorder)
        assert told(recorder) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", text="application/octet-stream"),
            *parts(url, LAST | INTERMEDIATE | FULL),
            STOP,
        ]
        recorder.read_all()
        assert recorder.body == payload(1000)


def test_b_to_a_file(tmp_path: Any) -> None:
    with ScriptedServer() as server:
        url = server.url("/hold-body/rest", size=1000)
        target = str(tmp_path / "target")

        def begun(recorder: Recorder, so_far: int, most: int, status: BINDSTATUS, text: str | None) -> None:
            if status == BINDSTATUS.CACHEFILENAMEAVAILABLE:
                server.release("rest")

        recorder = bind(url, Recorder(on_progress=begun), TYMED.FILE, target)
        finish(recorder)
        assert told(recorder) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", most=1000, text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, 1000, url),
            progress("CACHEFILENAMEAVAILABLE", 500, 1000, target),
            progress("ENDDOWNLOADDATA", 1000, 1000, url),
            data(LAST | FULL | FIRST, 1000),
            STOP,
        ]


# -- C: synchronous --------------------------------------------------------------------------------------------------


def test_c_synchronous() -> None:
    """Everything inside the call, which returns the stream."""
    with ScriptedServer() as server:
        url = script_parts(server)
        recorder = Recorder(SYNCHRONOUS, read=False, on_data_available=release_next(server))
        stream = urlmon.create_url_moniker(url).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
        assert told(recorder) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", text="application/octet-stream"),
            *parts(url, LAST | INTERMEDIATE | FULL),
            STOP,
        ]
        assert stream.read() == payload(1000)
        assert stream.read() == b""
        assert nothing_comes(0)


def test_c_synchronous_without_a_callback(scripted: ScriptedServer) -> None:
    """Contract 2.4: no callback is as good as one that asks for nothing."""
    stream = urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_storage()
    assert stream.read() == payload(1000)


def test_c_the_priority_of_a_synchronous_bind(scripted: ScriptedServer) -> None:
    seen: list[int] = []
    recorder = Recorder(
        SYNCHRONOUS, priority=-2, on_start_binding=lambda recorder, binding: seen.append(binding.priority)
    )
    urlmon.create_url_moniker(scripted.url()).bind_to_storage(urlmon.create_async_bind_ctx(recorder))
    assert seen == [urlmon.Priority.HIGHEST]


# -- I: redirects ----------------------------------------------------------------------------------------------------


def test_i_redirects_are_followed_by_themselves() -> None:
    with ScriptedServer() as server:
        url = server.url("/redirect/chain/2")
        hops = [server.url(f"/redirect/chain/{left}") for left in (1, 0)]
        recorder = bind(url, Negotiator())
        finish(recorder)
        assert told(recorder) == [
            *START,
            ("beginning_transaction", url),
            *connecting(server),
            progress("REDIRECTING", text=hops[0]),
            progress("SENDINGREQUEST"),
            progress("REDIRECTING", text=hops[1]),
            progress("SENDINGREQUEST"),
            ("on_response", 200, "HTTP/1.1 200 OK"),
            progress("MIMETYPEAVAILABLE", most=7, text="text/plain"),
            progress("BEGINDOWNLOADDATA", 7, 7, url),
            progress("ENDDOWNLOADDATA", 7, 7, url),
            data(FIRST | LAST | FULL, 7, "text/plain"),
            STOP,
        ]


# -- J: upload -------------------------------------------------------------------------------------------------------


def test_j_upload() -> None:
    with ScriptedServer() as server:
        url = server.url("/ok")
        info = BindInfo(flags=PULL.flags, verb=BINDVERB.PUT, data=payload(100))
        recorder = bind(url, Negotiator(info))
        finish(recorder)
        assert told(recorder) == [
            *START,
            ("beginning_transaction", url),
            *connecting(server),
            progress("BEGINUPLOADDATA", 0, 100, url),
            progress("UPLOADINGDATA", 100, 100, url),
            progress("ENDUPLOADDATA", 100, 100, url),
            ("on_response", 200, "HTTP/1.1 200 OK"),
            progress("MIMETYPEAVAILABLE", most=2, text="text/plain"),
            progress("BEGINDOWNLOADDATA", 2, 2, url),
            progress("ENDDOWNLOADDATA", 2, 2, url),
            data(FIRST | LAST | FULL, 2, "text/plain"),
            STOP,
        ]
        assert server.requests[0].body == payload(100)
