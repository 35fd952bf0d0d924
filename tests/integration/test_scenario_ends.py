"""Scenarios F and G of contract 3.5: errors and aborts, call by call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import urlmon
from tests.integration.scenario_calls import START, STOP, connecting, data, progress, script_parts, told
from tests.recording import (
    FIRST,
    FULL,
    LAST,
    Negotiator,
    Recorder,
    bind,
    fetch,
    finish,
    name_of,
    nothing_comes,
    pump_until,
)
from tests.servers import RefusingPort, ScriptedServer, payload
from urlmon import BINDSTATUS, HRESULT

# -- F: errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "hresult", "error"),
    [
        ("nonsense://host/path", HRESULT.INET_E_UNKNOWN_PROTOCOL, urlmon.UnknownProtocolError),
        ("no scheme at all", HRESULT.INET_E_UNKNOWN_PROTOCOL, urlmon.UnknownProtocolError),
        ("", HRESULT.MK_E_SYNTAX, urlmon.InvalidURLError),
        ("http://", HRESULT.INET_E_INVALID_URL, urlmon.InvalidURLError),
    ],
)
def test_f_a_url_that_cannot_be_bound(url: str, hresult: HRESULT, error: type) -> None:
    recorder = Recorder()
    with pytest.raises(error) as caught:
        bind(url, recorder)
    assert caught.value.hresult == hresult
    assert told(recorder) == [*START, ("on_stop_binding", hresult, error)]


def test_f_nobody_listens(refusing_port: RefusingPort) -> None:
    recorder = fetch(refusing_port.url())
    assert told(recorder) == [
        *START,
        progress("FINDINGRESOURCE", text="127.0.0.1"),
        progress("CONNECTING", text=f"127.0.0.1:{refusing_port.port}"),
        ("on_stop_binding", HRESULT.INET_E_CANNOT_CONNECT, urlmon.ConnectError),
    ]


def test_f_the_body_breaks_off() -> None:
    with ScriptedServer() as server:
        url = server.url("/short", size=1000, sent=500, gate="all")
        recorder = bind(url, Recorder())
        server.gates.get("all").wait_waiting()
        server.release("all")
        finish(recorder)
        expected = [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", most=1000, text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, 1000, url),
            data(FIRST, 500),
            ("on_stop_binding", HRESULT.INET_E_DOWNLOAD_FAILURE, urlmon.DownloadError),
        ]
        assert told(recorder) == expected
        assert recorder.body == payload(500)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_f_an_http_error_is_no_error_of_the_binding(status: int) -> None:
    with ScriptedServer() as server:
        url = server.url(f"/status/{status}", size=10)
        recorder = bind(url, Negotiator())
        finish(recorder)
        assert told(recorder)[4:] == [
            *connecting(server),
            ("on_response", status, recorder.of("on_response")[0][1].partition("\r\n")[0]),
            progress("MIMETYPEAVAILABLE", most=10, text="text/plain"),
            progress("BEGINDOWNLOADDATA", 10, 10, url),
            progress("ENDDOWNLOADDATA", 10, 10, url),
            data(FIRST | LAST | FULL, 10, "text/plain"),
            STOP,
        ]


def test_f_a_certificate_that_nobody_vouches_for(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.tls_url())
    assert recorder.sequence[-2:] == ["CONNECTING", "on_stop_binding"]
    assert told(recorder)[-1] == (
        "on_stop_binding",
        HRESULT.INET_E_INVALID_CERTIFICATE,
        urlmon.CertificateError,
    )


# -- G: abort --------------------------------------------------------------------------------------------------------

ABORTED = ("on_stop_binding", HRESULT.E_ABORT, urlmon.AbortedError)


def at_status(name: str, answers: list[Any]) -> Callable[..., None]:
    """A hook for on_progress that aborts at the status `name`, and keeps what `abort` said."""

    def hook(recorder: Recorder, so_far: int, most: int, status: BINDSTATUS, text: str | None) -> None:
        if status.name == name:
            answers.append(recorder.binding.abort())

    return hook


def test_g_abort_inside_on_start_binding_does_nothing(scripted: ScriptedServer) -> None:
    answers: list[Any] = []
    recorder = fetch(
        scripted.url(), on_start_binding=lambda recorder, binding: answers.append(binding.abort())
    )
    assert answers == [HRESULT.E_FAIL]
    assert told(recorder)[-1] == STOP


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_FAIL], ids=name_of)
def test_g_refused_by_the_answer(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = Recorder(on_start_binding=lambda recorder, binding: answer)
    with pytest.raises(urlmon.BindError) as caught:
        bind(scripted.url(), recorder)
    kept = answer if answer == HRESULT.E_ABORT else HRESULT.INET_E_DOWNLOAD_FAILURE
    assert told(recorder) == [*START, ("on_stop_binding", kept, type(caught.value))]


@pytest.mark.parametrize("status", ["SENDINGREQUEST", "MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA"])
def test_g_abort_inside_on_progress(status: str) -> None:
    answers: list[Any] = []
    with ScriptedServer() as server:
        recorder = bind(script_parts(server), Recorder(on_progress=at_status(status, answers)))
        finish(recorder)
        assert recorder.sequence[-2:] == [status, "on_stop_binding"]
        assert told(recorder)[-1] == ABORTED
        assert recorder.of("on_data_available") == []
        assert answers == [HRESULT.S_OK]
        assert recorder.binding.abort() in (HRESULT.E_FAIL, HRESULT.INET_E_RESULT_DISPATCHED)
        assert nothing_comes(0.02)


def test_g_abort_inside_on_data_available(scripted: ScriptedServer) -> None:
    def abort(recorder: Recorder, *args: Any) -> None:
        recorder.label = [recorder.binding.abort(), recorder.binding.abort()]

    recorder = bind(script_parts(scripted), Recorder(on_data_available=abort))
    finish(recorder)
    assert recorder.label == [HRESULT.S_OK, HRESULT.E_FAIL]
    assert told(recorder)[-2:] == [data(FIRST, 500), ABORTED]


def test_g_abort_between_callbacks(scripted: ScriptedServer) -> None:
    recorder = bind(script_parts(scripted), Recorder())
    pump_until(lambda: recorder.body)
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    assert len(recorder.calls) == before  # the stop is never nested inside the abort
    finish(recorder)
    assert told(recorder)[before:] == [ABORTED]
    assert recorder.binding.abort() == HRESULT.E_FAIL


def test_g_abort_after_the_stop(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url())
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    assert nothing_comes(0.02)
    assert told(recorder)[-1] == STOP


@pytest.mark.parametrize("method", ["beginning_transaction", "on_response"])
def test_g_e_abort_of_a_service(scripted: ScriptedServer, method: str) -> None:
    recorder = Negotiator(**{method: lambda recorder, *args: HRESULT.E_ABORT})
    if method == "beginning_transaction":
        with pytest.raises(urlmon.AbortedError):
            bind(scripted.url(), recorder)
    else:
        finish(bind(scripted.url(), recorder))
    assert recorder.sequence[-2:] == [method, "on_stop_binding"]
    assert told(recorder)[-1] == ABORTED
