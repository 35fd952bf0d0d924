"""What the methods of the bind status callback may return, and what comes of it (contract 3.3)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.recording import (
    FIRST,
    FULL,
    LAST,
    START,
    Recorder,
    bind,
    fetch,
    finish,
    name_of,
    nothing_comes,
    returning,
)
from tests.servers import ScriptedServer, payload
from urlmon import HRESULT, TYMED


@pytest.mark.parametrize(
    ("answer", "hresult", "error"),
    [
        (HRESULT.E_ABORT, HRESULT.E_ABORT, urlmon.AbortedError),
        (-0x7FFFBFFC, HRESULT.E_ABORT, urlmon.AbortedError),  # the same as a signed number
        (HRESULT.E_FAIL, HRESULT.INET_E_DOWNLOAD_FAILURE, urlmon.DownloadError),
        (HRESULT.E_ACCESSDENIED, HRESULT.INET_E_DOWNLOAD_FAILURE, urlmon.DownloadError),
    ],
    ids=name_of,
)
@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE], ids=name_of)
def test_a_start_that_is_refused(
    scripted: ScriptedServer,
    tmp_path: Any,
    *,
    answer: int,
    hresult: HRESULT,
    error: type,
    storage: TYMED,
) -> None:
    recorder = Recorder(on_start_binding=returning(answer))
    with pytest.raises(error) as caught:
        bind(scripted.url(), recorder, storage, tmp_path / "target")
    assert caught.value.hresult == hresult
    assert caught.value.url == scripted.url()
    assert recorder.sequence == [*START, "on_stop_binding"]
    assert recorder.hresult == hresult
    assert recorder.error is caught.value
    recorder.check()
    assert list(tmp_path.iterdir()) == []
    assert nothing_comes(0)
    assert len(scripted.requests) == 0


@pytest.mark.parametrize("answer", [None, 0, HRESULT.S_OK, HRESULT.S_FALSE, HRESULT.E_NOTIMPL], ids=name_of)
def test_a_start_that_goes_on(scripted: ScriptedServer, answer: int | None) -> None:
    recorder = fetch(scripted.url(), on_start_binding=returning(answer))
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"ok")


@pytest.mark.parametrize(
    "answer", [HRESULT.E_ABORT, HRESULT.E_FAIL, HRESULT.INET_E_INVALID_REQUEST], ids=name_of
)
def test_data_refused_with_a_failure_ends_with_it(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = bind(
        scripted.url("/hold-body/never", size=100_000), Recorder(on_data_available=returning(answer))
    )
    finish(recorder)
    assert recorder.hresult == answer
    assert recorder.error.url == scripted.url("/hold-body/never", size=100_000)
    assert recorder.flags == [FIRST]
    # The data phase is closed although the body is not complete.
    assert recorder.sequence[-4:] == [
        "BEGINDOWNLOADDATA",
        "on_data_available",
        "ENDDOWNLOADDATA",
        "on_stop_binding",
    ]
    scripted.requests.wait_outcome(scripted.requests[0], "disconnected")


def test_data_refused_with_s_false_ends_without_an_error(scripted: ScriptedServer) -> None:
    recorder = fetch(
        scripted.url("/hold-body/never", size=100_000), on_data_available=returning(HRESULT.S_FALSE)
    )
    assert (recorder.hresult, recorder.error) == (HRESULT.S_FALSE, None)
    assert recorder.flags == [FIRST]


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.S_FALSE], ids=name_of)
def test_the_last_data_refused(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = fetch(scripted.url("/payload/0"), on_data_available=returning(answer))
    assert recorder.hresult == answer
    assert recorder.flags == [FIRST | LAST | FULL]
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]


def test_e_pending_from_data_is_no_end(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url("/payload/300000"), on_data_available=returning(HRESULT.E_PENDING))
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.body == payload(300_000)


@pytest.mark.parametrize(
    "answer", [HRESULT.E_ABORT, HRESULT.E_FAIL, HRESULT.S_FALSE, HRESULT.E_NOTIMPL], ids=name_of
)
def test_answers_of_on_progress_are_ignored(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = fetch(scripted.url("/payload/300000"), on_progress=returning(answer))
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.body == payload(300_000)


@pytest.mark.parametrize("answer", [HRESULT.E_FAIL, "nonsense", 7], ids=name_of)
def test_answers_of_on_stop_binding_are_ignored(scripted: ScriptedServer, answer: object) -> None:
    recorder = fetch(scripted.url(), on_stop_binding=returning(answer))
    assert recorder.hresult == HRESULT.S_OK


@pytest.mark.parametrize("answer", [HRESULT.E_FAIL, HRESULT.E_OUTOFMEMORY, HRESULT.E_ABORT], ids=name_of)
def test_get_bind_info_may_refuse(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = Recorder(answer)
    with pytest.raises(urlmon.BindError) as caught:
        bind(scripted.url(), recorder)
    assert caught.value.hresult == answer
    assert caught.value.url == scripted.url()
    assert recorder.methods == ["get_bind_info"]
    assert nothing_comes(0)


def test_get_bind_info_may_return_none(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url(), get_bind_info=lambda recorder: None)
    assert recorder.body == b"ok"


def test_get_bind_info_must_not_return_anything_else(scripted: ScriptedServer) -> None:
    recorder = Recorder("asynchronous, please")
    with pytest.raises(TypeError, match="get_bind_info returned str"):
        bind(scripted.url(), recorder)
    assert recorder.methods == ["get_bind_info"]


def test_an_answer_that_is_no_hresult_is_an_exception_of_the_client(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url(), Recorder(on_data_available=returning("yes")))
    with pytest.raises((TypeError, ValueError)):
        urlmon.run()
    finish(recorder)
    assert recorder.hresult == HRESULT.E_UNEXPECTED
