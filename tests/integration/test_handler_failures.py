"""A protocol handler that fails, and a client that fails or refuses while one serves it (contract section 11)."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

import urlmon
from tests.protocol_handlers import Scripted, start
from tests.recording import FIRST, PULL, Recorder, finish, in_thread, pump_until
from urlmon import BINDF, BINDSTATUS, HRESULT, BindInfo, ProtocolData

SYNC = BindInfo(flags=BINDF(0))


# -- failures of the handler -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("info", [PULL, SYNC], ids=["asynchronous", "synchronous"])
@pytest.mark.parametrize("how", ["returns", "raises", "reports"])
def test_a_start_that_fails(info: BindInfo, how: str) -> None:
    def begin(self: Scripted) -> Any:
        if how == "raises":
            raise urlmon.ResourceNotFoundError("not here")
        if how == "reports":
            self.sink.report_result(HRESULT.INET_E_RESOURCE_NOT_FOUND, 2, "not here")
        return HRESULT.INET_E_RESOURCE_NOT_FOUND

    client = Recorder(info)
    handler = Scripted(start=begin)
    with pytest.raises(urlmon.ResourceNotFoundError):
        start(handler, client)
    client.check()
    assert client.sequence[3:] == ["on_stop_binding"]
    assert client.hresult == HRESULT.INET_E_RESOURCE_NOT_FOUND
    assert handler.calls.count("terminate") == 1


@pytest.mark.parametrize("where", ["start", "continue_", "read", "abort"])
def test_an_exception_of_the_handler_ends_its_operation_and_is_not_lost(where: str) -> None:
    def fail(self: Scripted, *_: Any) -> None:
        raise ZeroDivisionError(where)

    hooks: dict[str, Any] = {where: fail}
    if where == "read":
        # Read by the system, not by the client: push.
        hooks["start"] = lambda self: self.work(lambda: self.sink.report_data(FIRST, 1, 1))
    handler = Scripted(**hooks)
    client = Recorder(BindInfo(), read=False)

    def run() -> None:
        start(handler, client)
        if where == "continue_":
            in_thread(lambda: handler.sink.switch(ProtocolData()))
        elif where == "abort":
            client.binding.abort()
        urlmon.pump(5)

    with pytest.raises(ZeroDivisionError, match=where):
        run()
    finish(client)
    handler.join()
    assert client.hresult == (HRESULT.E_ABORT if where == "abort" else HRESULT.E_UNEXPECTED)
    assert "terminate" in handler.calls


def test_a_failing_continue_ends_the_operation() -> None:
    handler = Scripted(continue_=lambda self, data: HRESULT.INET_E_CANNOT_CONNECT)
    client, _ = start(handler)
    in_thread(lambda: handler.sink.switch(ProtocolData()))
    finish(client)
    assert client.hresult == HRESULT.INET_E_CANNOT_CONNECT
    assert isinstance(client.error, urlmon.ConnectError)


# -- exceptions and refusals of the client ---------------------------------------------------------------------------


@pytest.mark.parametrize("swallow", [False, True], ids=["passed on", "swallowed by the handler"])
@pytest.mark.parametrize("method", ["on_progress", "on_data_available", "on_stop_binding"])
def test_an_exception_of_the_client_from_within_start_is_not_lost(method: str, swallow: bool) -> None:
    def begin(self: Scripted) -> None:
        try:
            self.sink.report_progress(BINDSTATUS.CONNECTING, "x")
            self.tell_all(1)
        except BaseException:
            if not swallow:
                raise

    client = Recorder(PULL, **{method: lambda self, *_: 1 / 0})
    handler = Scripted([b"x"], start=begin)
    with pytest.raises(ZeroDivisionError):
        start(handler, client)
    pump_until(lambda: client.stopped)
    assert client.methods.count("on_stop_binding") == 1
    if method != "on_stop_binding":
        assert client.hresult == HRESULT.E_UNEXPECTED
    assert "terminate" in handler.calls


@pytest.mark.parametrize("method", ["on_progress", "on_data_available", "on_stop_binding"])
def test_an_exception_of_the_client_leaves_the_pump(method: str) -> None:
    client = Recorder(PULL, **{method: lambda self, *_: 1 / 0})
    handler = Scripted([b"x"], start=lambda self: self.work(lambda: self.tell_all(1)))
    start(handler, client)
    with pytest.raises(ZeroDivisionError):
        pump_until(lambda: client.stopped)
    pump_until(lambda: client.stopped)
    handler.join()
    assert client.methods.count("on_stop_binding") == 1


@pytest.mark.parametrize("answer", [HRESULT.E_ABORT, HRESULT.E_FAIL, HRESULT.S_FALSE])
def test_on_data_available_may_end_the_operation(answer: HRESULT) -> None:
    client = Recorder(PULL, on_data_available=lambda *_: answer)
    handler = Scripted([b"x"], start=lambda self: self.sink.report_data(FIRST, 1, 2))
    with pytest.raises(urlmon.BindError) if urlmon.failed(answer) else contextlib.nullcontext():
        start(handler, client)
    client.check()
    assert client.hresult == answer
    assert client.sequence[-3:] == ["on_data_available", "ENDDOWNLOADDATA", "on_stop_binding"]
    assert "abort" in handler.calls


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (HRESULT.E_ABORT, HRESULT.E_ABORT),
        (HRESULT.E_FAIL, HRESULT.INET_E_DOWNLOAD_FAILURE),
    ],
)
def test_a_refused_start_never_starts_the_handler(answer: HRESULT, seen: HRESULT) -> None:
    client = Recorder(PULL, on_start_binding=lambda *_: answer)
    handler = Scripted()
    with pytest.raises(urlmon.BindError):
        start(handler, client)
    client.check()
    assert client.hresult == seen
    assert handler.calls == []
