"""Control over what a protocol handler serves: abort, suspend, priority, state, and what is left at the end."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import urlmon
from tests.protocol_handlers import NEXT, URL, Bringing, Scripted, start
from tests.recording import FIRST, PULL, Recorder, bind, finish, in_thread, nothing_comes
from urlmon import BINDSTATUS, HRESULT, ProtocolData

# -- control ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["reports", "later", "says nothing", "cannot"])
def test_abort(answer: str) -> None:
    def abort(self: Scripted, reason: int) -> Any:
        if answer == "reports":
            assert self.sink.report_result(reason) == HRESULT.S_OK
        elif answer == "later":
            return HRESULT.E_PENDING
        elif answer == "cannot":
            return HRESULT.E_NOTIMPL
        return None

    handler = Scripted(start=lambda self: self.sink.report_data(FIRST, 1, 2), abort=abort)
    client, _ = start(handler)
    assert client.binding.abort() == HRESULT.S_OK
    assert client.binding.abort() == HRESULT.E_FAIL
    assert not client.stopped, "the stop comes from the pump"
    assert handler.sink.report_data(NEXT, 2, 2) == HRESULT.E_FAIL
    assert handler.sink.report_progress(BINDSTATUS.CONNECTING) == HRESULT.E_FAIL
    if answer == "later":
        assert nothing_comes()
        handler.sink.report_result(HRESULT.E_ABORT)
    finish(client)
    assert handler.calls.count("abort") == 1
    assert handler.sink.report_result(HRESULT.S_OK) == HRESULT.E_FAIL
    assert client.hresult == HRESULT.E_ABORT
    assert len(client.of("on_data_available")) == 1


def test_abort_inside_the_handler_s_start() -> None:
    def begin(self: Scripted) -> None:
        self.sink.report_progress(BINDSTATUS.CONNECTING, "x")
        self.tell_all(5)

    client = Recorder(PULL, on_progress=lambda self, *_: self.binding.abort() and None)
    with pytest.raises(urlmon.AbortedError):
        start(Scripted(start=begin), client)
    client.check()
    assert client.hresult == HRESULT.E_ABORT
    assert client.sequence[3:] == ["CONNECTING", "on_stop_binding"]


def test_abort_after_the_result_comes_too_late() -> None:
    handler = Scripted()
    client, _ = start(handler)
    in_thread(lambda: handler.sink.report_result(HRESULT.S_OK))
    assert client.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    finish(client)
    assert client.hresult == HRESULT.S_OK
    assert client.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    assert "abort" not in handler.calls


def test_suspend_holds_everything_back() -> None:
    handler = Scripted([b"x"])
    client, _ = start(handler)
    assert client.binding.suspend() == HRESULT.S_OK
    assert client.binding.suspend() == HRESULT.S_FALSE
    assert client.binding.state == "suspended"
    handler.tell_all(1)
    in_thread(lambda: handler.sink.switch(ProtocolData()))
    assert nothing_comes()
    assert handler.calls == ["set_priority", "start", "suspend"]
    assert client.binding.resume() == HRESULT.S_OK
    assert client.binding.resume() == HRESULT.S_FALSE
    finish(client)
    assert client.body == b"x"
    assert handler.calls[3] == "resume"


def test_a_suspended_operation_that_its_client_ends_is_told() -> None:
    def suspend_and_refuse(recorder: Recorder, *_: Any) -> HRESULT:
        recorder.binding.suspend()
        return HRESULT.E_ABORT

    handler = Scripted([b"x"])
    client, _ = start(handler, Recorder(PULL, on_data_available=suspend_and_refuse))
    in_thread(lambda: handler.sink.report_data(FIRST, 1, 2))
    finish(client)
    assert client.hresult == HRESULT.E_ABORT


def test_abort_of_a_suspended_operation_that_has_ended_tells_its_end() -> None:
    handler = Scripted([b"x"])
    client, _ = start(handler)
    client.binding.suspend()
    in_thread(lambda: handler.tell_all(1))
    assert client.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    finish(client)
    assert client.hresult == HRESULT.S_OK


def test_abort_while_suspended() -> None:
    handler = Scripted()
    client, _ = start(handler)
    client.binding.suspend()
    client.binding.abort()
    finish(client)
    assert client.hresult == HRESULT.E_ABORT


def test_priority_reaches_the_handler() -> None:
    handler = Scripted()
    client = Recorder(
        PULL, priority=3, on_start_binding=lambda self, binding: binding.set_priority(100) and None
    )
    start(handler, client)
    client.binding.priority = -2
    assert handler.priorities == [100, -2]
    assert client.binding.priority == -2
    handler.sink.report_result(HRESULT.S_OK)
    finish(client)


def test_state_and_figures(limits: Any) -> None:
    handler = Scripted([b"x"])
    client, _ = start(handler)
    assert client.binding.state == "connecting"
    handler.sink.report_data(FIRST, 10, 20)
    assert (client.binding.state, client.binding.bytes_received, client.binding.bytes_total) == (
        "receiving",
        10,
        20,
    )
    assert "x-test:something receiving, 10 of 20 bytes" in repr(client.binding)
    statistics = urlmon.Apartment.current().statistics()
    assert statistics["states"] == {"receiving": 1}
    limits(max_active=64)
    handler.sink.report_result(HRESULT.S_OK)
    finish(client)
    assert client.binding.state == "stopped"


# -- the end ---------------------------------------------------------------------------------------------------------


def test_a_thread_that_ends_aborts_its_handlers() -> None:
    handler = Scripted()

    def forget() -> None:
        bind(URL, Bringing(handler, PULL))
        urlmon.Apartment.current().close()

    in_thread(forget)
    assert handler.calls[-2:] == ["abort", "terminate"]
    assert handler.sink.report_result(HRESULT.S_OK) == HRESULT.E_FAIL
    assert handler.sink.report_progress(BINDSTATUS.CONNECTING) == HRESULT.E_FAIL


def test_nothing_is_left_of_an_operation_that_has_ended() -> None:
    handler = Scripted([b"x"], start=lambda self: self.tell_all(1))
    client, stream = start(handler)
    assert stream is client.stream
    left = [weakref.ref(client.binding), weakref.ref(client), weakref.ref(handler)]
    del client, stream, handler
    gc.collect()
    assert [reference() for reference in left] == [None, None, None]
