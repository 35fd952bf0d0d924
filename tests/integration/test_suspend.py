"""Suspend and resume at every moment of an operation (contract 4.2, 13.3 no. 10 to 12)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.integration.controls import MIB, hold, started, wait_ended
from tests.recording import Recorder, bind, fetch, finish, name_of, nothing_comes, pump_until
from tests.servers import ScriptedServer, payload
from urlmon import BINDSTATUS, HRESULT, TYMED


def test_answers_of_suspend_and_resume(scripted: ScriptedServer) -> None:
    recorder = hold(scripted, "a")
    binding = recorder.binding
    assert binding.resume() == HRESULT.S_FALSE
    assert binding.suspend() == HRESULT.S_OK
    assert binding.is_suspended
    assert "suspended" in repr(binding)
    assert binding.suspend() == HRESULT.S_FALSE
    assert binding.resume() == HRESULT.S_OK  # it does not count
    assert not binding.is_suspended
    assert binding.resume() == HRESULT.S_FALSE
    scripted.release("a")
    finish(recorder)
    assert binding.suspend() == HRESULT.E_FAIL
    assert binding.resume() == HRESULT.E_FAIL


def test_suspended_before_the_start(scripted: ScriptedServer) -> None:
    answers: list[HRESULT] = []
    recorder = bind(
        scripted.url("/payload/1"),
        Recorder(on_start_binding=lambda recorder, binding: answers.append(binding.suspend())),
    )
    assert answers == [HRESULT.S_OK]
    fetch(scripted.url("/payload/2"))
    assert started(scripted) == ["2"]
    assert nothing_comes()
    recorder.binding.resume()
    finish(recorder)
    assert recorder.body == payload(1)


def test_suspended_and_resumed_before_the_start(scripted: ScriptedServer) -> None:
    def both(recorder: Recorder, binding: Any) -> None:
        assert binding.suspend() == HRESULT.S_OK
        assert binding.resume() == HRESULT.S_OK

    assert fetch(scripted.url("/payload/1"), on_start_binding=both).body == payload(1)


def test_suspended_in_the_queue(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    first, second, third = (hold(scripted, name) for name in "abc")
    scripted.gates.get("a").wait_waiting()
    assert second.binding.suspend() == HRESULT.S_OK
    for name in "abc":
        scripted.release(name)
    finish(first, third)
    assert started(scripted) == ["a", "c"]  # it gave up its turn
    assert nothing_comes()
    second.binding.resume()
    finish(second)
    assert started(scripted) == ["a", "c", "b"]


def test_suspended_before_the_head(scripted: ScriptedServer) -> None:
    recorder = hold(scripted, "a")
    pump_until(lambda: "SENDINGREQUEST" in recorder.sequence)
    scripted.gates.get("a").wait_waiting()
    recorder.binding.suspend()
    before = len(recorder.calls)
    scripted.release("a")
    scripted.requests.wait_outcome(scripted.requests[0])
    assert nothing_comes()
    assert len(recorder.calls) == before
    recorder.binding.resume()
    finish(recorder)
    assert recorder.body == payload(1000)


def test_suspended_in_the_body(scripted: ScriptedServer) -> None:
    size = 64 * MIB
    recorder = bind(scripted.url(f"/payload/{size}"), Recorder())
    pump_until(lambda: len(recorder.body) > MIB)
    recorder.binding.suspend()
    before = len(recorder.calls)
    sent = -1
    while sent != scripted.requests[0].bytes_sent:
        sent = scripted.requests[0].bytes_sent
        assert nothing_comes(0.2)
    assert sent < size
    assert len(recorder.calls) == before
    received = recorder.binding.bytes_received
    assert nothing_comes(0.2)
    assert recorder.binding.bytes_received == received  # no byte is requested
    recorder.binding.resume()
    finish(recorder)
    assert recorder.body == payload(size)


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=name_of)
def test_suspended_after_the_end_that_was_not_told(
    scripted: ScriptedServer, tmp_path: Any, storage: TYMED
) -> None:
    recorder = bind(scripted.url("/payload/1000"), Recorder(), storage, tmp_path / "target")
    wait_ended()
    assert recorder.binding.suspend() == HRESULT.S_OK
    assert nothing_comes()
    assert recorder.methods[-1] == "on_start_binding"  # on_stop_binding is held back as well
    assert recorder.binding.resume() == HRESULT.S_OK
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    assert recorder.sequence[-3:] == ["ENDDOWNLOADDATA", "on_data_available", "on_stop_binding"]


@pytest.mark.parametrize(
    "status", ["SENDINGREQUEST", "MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA", "ENDDOWNLOADDATA"]
)
def test_suspended_inside_on_progress(scripted: ScriptedServer, status: str) -> None:
    def suspend(recorder: Recorder, progress: int, most: int, seen: BINDSTATUS, text: Any) -> None:
        if seen.name == status and status not in recorder.sequence[:-1]:
            assert recorder.binding.suspend() == HRESULT.S_OK

    recorder = bind(scripted.url("/payload/100000"), Recorder(on_progress=suspend))
    pump_until(lambda: status in recorder.sequence)
    assert nothing_comes()
    assert recorder.sequence[-1] == status
    recorder.binding.resume()
    finish(recorder)
    assert recorder.body == payload(100_000)


def test_suspended_inside_on_data_available(scripted: ScriptedServer) -> None:
    recorder = bind(
        scripted.url("/payload/3000000"),
        Recorder(on_data_available=lambda recorder, *args: recorder.binding.suspend() and None),
    )
    rounds = 0
    while not recorder.stopped:
        seen = len(recorder.calls)
        pump_until(lambda: recorder.binding.is_suspended or recorder.stopped)
        if recorder.stopped:
            break
        assert nothing_comes(0.01)
        assert recorder.sequence[-1] == "on_data_available"
        assert len(recorder.calls) > seen
        rounds += 1
        recorder.binding.resume()
    recorder.check()
    assert rounds >= 1
    assert recorder.body == payload(3_000_000)


def test_suspended_by_another_binding(scripted: ScriptedServer) -> None:
    """Mail that has come but was not delivered is held back too, and keeps its order."""
    victim = bind(scripted.url("/payload/1000"), Recorder(priority=-1))
    other = bind(
        scripted.url("/payload/1000"),
        Recorder(priority=1, on_stop_binding=lambda recorder, *args: victim.binding.suspend() and None),
    )
    wait_ended()
    pump_until(lambda: other.stopped)
    assert nothing_comes()
    assert victim.methods[-1] == "on_start_binding"
    victim.binding.resume()
    finish(victim, other)
    assert victim.body == payload(1000)


def test_a_suspended_binding_does_not_hold_up_the_others(scripted: ScriptedServer) -> None:
    held = bind(scripted.url("/payload/5000000"), Recorder())
    pump_until(lambda: len(held.body) > 0)
    held.binding.suspend()
    finish(*(bind(scripted.url("/payload/300000"), Recorder()) for _ in range(10)))
    held.binding.resume()
    finish(held)
    assert held.body == payload(5_000_000)


def test_suspended_downloads_to_files(scripted: ScriptedServer, tmp_path: Any) -> None:
    size = 64 * MIB
    recorder = bind(scripted.url(f"/payload/{size}"), Recorder(), TYMED.FILE, tmp_path / "target")
    pump_until(lambda: recorder.binding.bytes_received > MIB)
    recorder.binding.suspend()
    urlmon.pump(0.1)  # the I/O thread has obeyed by then
    received = recorder.binding.bytes_received
    assert nothing_comes(0.1)
    assert recorder.binding.bytes_received == received
    assert [path.name for path in tmp_path.iterdir()] == ["target.part"]
    recorder.binding.resume()
    finish(recorder)
    assert (tmp_path / "target").read_bytes() == payload(size)


def test_suspending_and_resuming_without_end(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/payload/20000000"), Recorder())
    turns = 0
    while not recorder.stopped:
        urlmon.pump(0.001, limit=3)
        if not recorder.stopped:
            recorder.binding.suspend()
            if turns % 3:
                urlmon.pump(0.001)
            recorder.binding.resume()
            turns += 1
    recorder.check()
    assert recorder.body == payload(20_000_000)
