"""Pumping and binding inside callbacks (contract 1.5)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.recording import Negotiator, Recorder, bind, fetch, finish, pump_until
from tests.servers import ScriptedServer, payload

INSIDE = [
    *["get_bind_info", "get_priority", "on_start_binding", "beginning_transaction"],
    *["on_progress", "on_response", "on_data_available", "on_stop_binding"],
]


def hook_for(method: str, action: Any) -> dict[str, Any]:
    """`action(recorder)` inside the first call of `method`."""
    done: list[bool] = []

    def hook(recorder: Recorder, *args: Any) -> Any:
        if not done:
            done.append(True)
            action(recorder)

    return {method: hook}


@pytest.mark.parametrize("method", INSIDE)
def test_pump_inside_a_callback_serves_the_others(scripted: ScriptedServer, method: str) -> None:
    other = bind(scripted.url("/payload/300000", gate="other"), Recorder())
    scripted.gates.get("other").wait_waiting()
    calls_of_own: list[int] = []

    def pump(recorder: Recorder) -> None:
        before = len(recorder.calls)
        scripted.release("other")
        pump_until(lambda: other.stopped)
        urlmon.pump(0.01)
        calls_of_own.append(len(recorder.calls) - before)

    recorder = bind(scripted.url("/payload/200000"), Negotiator(**hook_for(method, pump)))
    finish(recorder, other)
    assert calls_of_own == [0]  # its own events wait until the callback is over
    assert other.body == payload(300_000)
    assert recorder.body == payload(200_000)


def test_pumps_nest_through_several_bindings(scripted: ScriptedServer) -> None:
    inside: list[Recorder] = []  # whose callbacks are running, outermost first
    depths: list[int] = []
    recorders: list[Recorder] = []

    def descend(recorder: Recorder) -> None:
        assert recorder not in inside
        inside.append(recorder)
        depths.append(len(inside))
        waits_for = next((other for other in recorders if other not in inside and not other.stopped), None)
        if waits_for is not None:
            pump_until(lambda: waits_for.stopped)
        assert inside.pop() is recorder

    recorders += [Recorder(**hook_for("on_data_available", descend)) for _ in range(5)]
    for recorder in recorders:
        bind(scripted.url("/payload/5000", gate="all"), recorder)
    scripted.gates.get("all").wait_waiting(5)
    scripted.release("all")
    finish(*recorders)
    assert max(depths) == 5
    assert {bytes(recorder.body) for recorder in recorders} == {payload(5000)}


def test_run_inside_a_callback_does_not_wait_for_itself(scripted: ScriptedServer) -> None:
    """A pump inside a callback with nothing else to do comes back when its time is over."""
    answers: list[int] = []
    recorder = fetch(
        scripted.url("/payload/200000"),
        **hook_for("on_data_available", lambda recorder: answers.append(urlmon.pump(0.05))),
    )
    assert answers == [0]
    assert recorder.body == payload(200_000)


@pytest.mark.parametrize("method", INSIDE)
def test_bind_inside_a_callback(scripted: ScriptedServer, method: str) -> None:
    inner = Recorder()
    recorder = bind(
        scripted.url("/payload/5000"),
        Negotiator(**hook_for(method, lambda recorder: bind(scripted.url("/payload/70000"), inner))),
    )
    finish(recorder, inner)
    assert inner.body == payload(70_000)
    assert recorder.body == payload(5000)


@pytest.mark.parametrize("method", INSIDE)
def test_synchronous_bind_inside_a_callback(scripted: ScriptedServer, method: str) -> None:
    bodies: list[bytes] = []
    calls_of_own: list[int] = []
    other = bind(scripted.url("/payload/1000"), Recorder())

    def bind_and_wait(recorder: Recorder) -> None:
        before = len(recorder.calls)
        stream = urlmon.create_url_moniker(scripted.url("/payload/70000")).bind_to_storage()
        bodies.append(stream.read())
        calls_of_own.append(len(recorder.calls) - before)

    recorder = bind(scripted.url("/payload/200000"), Negotiator(**hook_for(method, bind_and_wait)))
    finish(recorder, other)
    assert bodies == [payload(70_000)]
    assert calls_of_own == [0]
    assert recorder.body == payload(200_000)


def test_bind_in_the_stop_of_another_for_ever(scripted: ScriptedServer) -> None:
    """A chain: each stop starts the next one; `run` goes on until the last."""
    bodies: list[bytes] = []

    def next_one(recorder: Recorder, *args: Any) -> None:
        bodies.append(bytes(recorder.body))
        if len(bodies) < 50:
            bind(scripted.url(f"/payload/{len(bodies)}"), Recorder(on_stop_binding=next_one))

    bind(scripted.url("/payload/0"), Recorder(on_stop_binding=next_one))
    urlmon.run()
    assert bodies == [payload(size) for size in range(50)]
