"""Exceptions in callbacks: they leave the call or the pump that made the callback (design 6)."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

import urlmon
from tests.recording import Negotiator, Recorder, bind, finish, nothing_comes
from tests.servers import ScriptedServer, payload
from urlmon import BINDSTATUS, HRESULT, TYMED, BindInfo


def only(status: BINDSTATUS, action: Any) -> Any:
    """A hook for on_progress that does `action` at `status` and nothing at others."""

    def hook(recorder: Recorder, progress: int, progress_max: int, seen: BINDSTATUS, text: str | None) -> Any:
        return action(recorder, progress, progress_max, seen, text) if seen == status else None

    return hook


class ClientBug(Exception):
    """Raised by callbacks of the tests."""


def buggy(recorder: Recorder, *args: Any) -> Any:
    raise ClientBug("in a callback")


def interrupted(recorder: Recorder, *args: Any) -> Any:
    raise KeyboardInterrupt


def names_of(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("method", ["get_bind_info", "get_priority"])
@pytest.mark.parametrize("hook", [buggy, interrupted])
def test_an_exception_before_the_start(scripted: ScriptedServer, method: str, hook: Any) -> None:
    recorder = Recorder(**{method: hook})
    with pytest.raises((ClientBug, KeyboardInterrupt)) as caught:
        bind(scripted.url(), recorder)
    assert hook.__name__ in names_of(caught.value)
    assert recorder.methods[-1] == method
    assert "on_stop_binding" not in recorder.methods
    assert nothing_comes(0)
    assert len(scripted.requests) == 0


@pytest.mark.parametrize("method", ["on_start_binding", "beginning_transaction"])
@pytest.mark.parametrize("hook", [buggy, interrupted])
def test_an_exception_inside_the_bind_call(scripted: ScriptedServer, method: str, hook: Any) -> None:
    recorder = Negotiator(**{method: hook})
    with pytest.raises((ClientBug, KeyboardInterrupt)) as caught:
        bind(scripted.url(), recorder)
    assert hook.__name__ in names_of(caught.value)
    recorder.check()
    assert recorder.hresult == HRESULT.E_UNEXPECTED
    assert isinstance(recorder.error, urlmon.UnexpectedError)
    assert recorder.error.url == scripted.url()
    assert nothing_comes(0)
    assert len(scripted.requests) == 0


def test_a_second_exception_in_the_stop_of_a_failed_start(scripted: ScriptedServer) -> None:
    recorder = Recorder(on_start_binding=buggy, on_stop_binding=interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        bind(scripted.url(), recorder)
    assert isinstance(caught.value.__context__, ClientBug)
    recorder.check()


IN_THE_PUMP = {
    "sending": {"on_progress": only(BINDSTATUS.SENDINGREQUEST, buggy)},
    "media type": {"on_progress": only(BINDSTATUS.MIMETYPEAVAILABLE, buggy)},
    "begin": {"on_progress": only(BINDSTATUS.BEGINDOWNLOADDATA, buggy)},
    "end": {"on_progress": only(BINDSTATUS.ENDDOWNLOADDATA, buggy)},
    "response": {"on_response": buggy},
    "data": {"on_data_available": buggy},
}


@pytest.mark.parametrize("where", IN_THE_PUMP)
@pytest.mark.parametrize("kind", ["Exception", "KeyboardInterrupt"])
def test_an_exception_leaves_the_pump(scripted: ScriptedServer, where: str, kind: str) -> None:
    hooks = IN_THE_PUMP[where]
    if kind == "KeyboardInterrupt":

        def interrupt(recorder: Recorder, *args: Any) -> Any:
            try:
                return buggy_hook(recorder, *args)
            except ClientBug:
                raise KeyboardInterrupt from None

        [(method, buggy_hook)] = hooks.items()
        hooks = {method: interrupt}
    other = bind(scripted.url("/payload/300000", gate="other"), Recorder())
    recorder = bind(scripted.url("/payload/5000"), Negotiator(**hooks))
    with pytest.raises((ClientBug, KeyboardInterrupt)) as caught:
        urlmon.run()
    assert type(caught.value).__name__ == ("ClientBug" if kind == "Exception" else kind)
    names = names_of(caught.value)
    assert ("buggy" if kind == "Exception" else "interrupt") in names, names
    assert not other.stopped
    scripted.release("other")
    urlmon.run()  # what was queued is still there, and the apartment works
    recorder.check()
    assert recorder.hresult == HRESULT.E_UNEXPECTED
    assert isinstance(recorder.error, urlmon.UnexpectedError)
    other.check()
    assert other.body == payload(300_000)


def test_an_exception_in_the_stop_leaves_the_pump(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url(), Recorder(on_stop_binding=buggy))
    other = bind(scripted.url("/payload/5000"), Recorder())
    with pytest.raises(ClientBug):
        urlmon.run()
    urlmon.run()
    recorder.check()
    assert recorder.hresult == HRESULT.S_OK
    assert other.body == payload(5000)


def test_exceptions_of_several_bindings_come_one_by_one(scripted: ScriptedServer) -> None:
    recorders = [bind(scripted.url("/payload/5000"), Recorder(on_data_available=buggy)) for _ in range(5)]
    for _ in recorders:
        with pytest.raises(ClientBug):
            urlmon.run()
    finish(*recorders)
    assert [recorder.hresult for recorder in recorders] == [HRESULT.E_UNEXPECTED] * 5


def test_an_exception_leaves_no_file(scripted: ScriptedServer, tmp_path: Any) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    recorder = bind(
        scripted.url("/hold-body/never", size=300_000),
        Recorder(on_progress=only(BINDSTATUS.BEGINDOWNLOADDATA, buggy)),
        TYMED.FILE,
        target,
    )
    with pytest.raises(ClientBug):
        urlmon.run()
    finish(recorder)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_bytes() == b"old"


def test_an_exception_in_a_synchronous_bind_leaves_the_call(scripted: ScriptedServer) -> None:
    recorder = Recorder(BindInfo(flags=urlmon.BINDF(0)), on_data_available=buggy)
    with pytest.raises(ClientBug):
        urlmon.create_url_moniker(scripted.url("/payload/5000")).bind_to_storage(
            urlmon.create_async_bind_ctx(recorder)
        )
    finish(recorder)
    assert recorder.hresult in (HRESULT.E_UNEXPECTED, HRESULT.E_ABORT)
