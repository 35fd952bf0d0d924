"""IHttpNegotiate::OnResponse: a request that is sent again, and one that ends there (contract 8.1)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.integration.services import LOGIN, Authenticator
from tests.recording import Negotiator, bind, finish, name_of
from tests.servers import Exchange, ScriptedServer
from urlmon import HRESULT, BindInfo


def script_picky(server: ScriptedServer, status: int = 412) -> str:
    """A path that wants "X-Ticket: valid", and answers `status` else."""

    async def picky(exchange: Exchange) -> None:
        if exchange.request.header("X-Ticket") == "valid":
            await exchange.reply(200, [("Content-Type", "text/plain")], b"welcome")
        else:
            await exchange.reply(status, [("Content-Type", "text/plain")], b"no ticket\n")

    server.script("/picky", picky)
    return server.url("/picky")


@pytest.mark.parametrize(
    "additional", [{"X-Ticket": "valid"}, "X-Ticket: valid\r\n", [("x-ticket", "valid")]]
)
@pytest.mark.parametrize("status", [400, 401, 500])
def test_the_request_is_sent_again_with_additional_headers(
    scripted: ScriptedServer, additional: Any, status: int
) -> None:
    url = script_picky(scripted, status)
    recorder = bind(
        url,
        Negotiator(
            BindInfo(headers={"X-Kept": "1", "X-Ticket": "old"}),
            beginning_transaction=lambda *args: {"X-Begin": "2"},
            on_response=lambda recorder, code, head, sent: additional if code == status else None,
        ),
    )
    finish(recorder)
    assert recorder.body == b"welcome"
    responses = recorder.of("on_response")
    assert [code for code, _, _ in responses] == [status, 200]
    assert responses[0][2] == "X-Kept: 1\r\nX-Ticket: old\r\nX-Begin: 2\r\n"
    assert responses[1][2] is None
    again = scripted.requests[1]
    assert (again.header("X-Kept"), again.header("X-Begin")) == ("1", "2")
    assert again.header_all("X-Ticket") == ["valid"]
    # The head of the refusal is forgotten, and its body was never the client's.
    assert recorder.sequence.count("MIMETYPEAVAILABLE") == 1
    assert recorder.binding.query_info(urlmon.HTTP_QUERY.STATUS_CODE) == "200"


def test_additional_headers_for_ever(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/status/403"), Negotiator(on_response=lambda *args: {"X-Please": "yes"}))
    finish(recorder)
    assert recorder.methods.count("on_response") == 11
    assert len(scripted.requests) == 11
    assert recorder.binding.status_code == 403
    assert recorder.hresult == HRESULT.S_OK


def test_additional_headers_of_a_success_mean_nothing(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url(), Negotiator(on_response=lambda *args: {"X-Please": "yes"}))
    finish(recorder)
    assert recorder.body == b"ok"
    assert len(scripted.requests) == 1


def test_additional_headers_that_break_the_request(scripted: ScriptedServer) -> None:
    recorder = bind(
        script_picky(scripted), Negotiator(on_response=lambda *args: {"X-Ticket": "valid\r\nX-Evil: 1"})
    )
    finish(recorder)
    assert recorder.hresult == HRESULT.INET_E_INVALID_REQUEST
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_FAIL, HRESULT.S_FALSE], ids=name_of)
def test_on_response_ends_it(scripted: ScriptedServer, status: int, answer: HRESULT) -> None:
    recorder = bind(scripted.url(f"/status/{status}"), Negotiator(on_response=lambda *args: answer))
    finish(recorder)
    assert recorder.hresult == answer
    assert recorder.sequence[-2:] == ["on_response", "on_stop_binding"]


def test_credentials_come_before_the_response(scripted: ScriptedServer) -> None:
    """A 401 that credentials mend is not final: on_response is told of what follows."""

    class Both(Authenticator):
        def on_response(self, status: int, head: str, sent: Any) -> Any:
            return self._called("on_response", status)

    recorder = bind(scripted.url("/basic"), Both(LOGIN))
    finish(recorder)
    assert recorder.of("on_response") == [(200,)]
    second = bind(scripted.url("/basic"), Both(None))
    finish(second)
    assert second.of("on_response") == [(401,)]
