"""IHttpNegotiate: the fields that a client adds, and its answers to the response (contract 8.1)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.recording import START, Negotiator, bind, finish, name_of, returning
from tests.servers import ScriptedServer, payload
from urlmon import HRESULT, BindInfo


@pytest.mark.parametrize(
    "additional",
    [
        {"X-One": "1", "X-Both": "callback"},
        [("X-One", "1"), ("X-Both", "callback")],
        "X-One: 1\r\nX-Both: callback\r\n",
        "X-One: 1\nX-Both: callback",
    ],
)
def test_additional_headers(scripted: ScriptedServer, additional: Any) -> None:
    info = BindInfo(headers=[("X-Info", "2"), ("x-both", "info")])
    recorder = bind(scripted.url("/echo"), Negotiator(info, beginning_transaction=returning(additional)))
    finish(recorder)
    request = scripted.requests[0]
    assert request.header("X-One") == "1"
    assert request.header("X-Info") == "2"
    assert request.header_all("X-Both") == ["callback"]
    [(url, _)] = recorder.of("beginning_transaction")
    assert url == scripted.url("/echo")
    assert recorder.methods[:4] == [*START, "beginning_transaction"]


@pytest.mark.parametrize("answer", [None, HRESULT.S_OK, "", {}], ids=name_of)
def test_no_additional_headers(scripted: ScriptedServer, answer: Any) -> None:
    recorder = bind(scripted.url("/ok"), Negotiator(beginning_transaction=returning(answer)))
    finish(recorder)
    assert recorder.body == b"ok"


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_INVALIDARG], ids=name_of)
def test_beginning_transaction_may_refuse(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = Negotiator(beginning_transaction=returning(answer))
    with pytest.raises(urlmon.BindError) as caught:
        bind(scripted.url(), recorder)
    assert (caught.value.hresult, caught.value.url) == (answer, scripted.url())
    assert recorder.sequence == [*START, "beginning_transaction", "on_stop_binding"]
    recorder.check()
    assert recorder.hresult == answer
    assert len(scripted.requests) == 0


@pytest.mark.parametrize("additional", [{"X-One": "a\r\nX-Two: b"}, [("X One", "1")], "no colon and a space"])
def test_additional_headers_that_break_the_request(scripted: ScriptedServer, additional: Any) -> None:
    recorder = Negotiator(beginning_transaction=returning(additional))
    with pytest.raises(urlmon.InvalidRequestError) as caught:
        bind(scripted.url(), recorder)
    assert caught.value.url == scripted.url()
    recorder.check()
    assert recorder.hresult == HRESULT.INET_E_INVALID_REQUEST
    assert len(scripted.requests) == 0


@pytest.mark.parametrize("status", [200, 203, 400, 401, 404, 500])
def test_on_response(scripted: ScriptedServer, status: int) -> None:
    recorder = bind(scripted.url(f"/status/{status}", header="X-Mine:yes", size=1000), Negotiator())
    finish(recorder)
    [(code, head, _)] = recorder.of("on_response")
    assert code == status
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "\r\nX-Mine: yes\r\n" in head
    assert head.endswith("\r\n\r\n")
    at = recorder.sequence.index("on_response")
    assert recorder.sequence[at - 1] == "SENDINGREQUEST"
    assert recorder.sequence[at + 1] == "MIMETYPEAVAILABLE"
    # A status is no failure of a bind (contract 3.5 F).
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.body == payload(1000)


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_FAIL], ids=name_of)
def test_on_response_may_end_it(scripted: ScriptedServer, answer: HRESULT) -> None:
    recorder = bind(scripted.url("/payload/300000"), Negotiator(on_response=returning(answer)))
    finish(recorder)
    assert recorder.hresult == answer
    assert recorder.sequence[-2:] == ["on_response", "on_stop_binding"]
    assert recorder.of("on_data_available") == []
