"""Abort at every moment of an operation, and what it leaves to the others (contract 3.5 G, 4.2)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.integration.controls import cancel, hold, started, statistics, wait_ended, wait_until
from tests.recording import Negotiator, Recorder, bind, fetch, finish, name_of, nothing_comes, pump_until
from tests.servers import ScriptedServer, SilentPort, payload
from urlmon import HRESULT, TYMED


def check_aborted(recorder: Recorder, calls_before: int) -> None:
    """S_OK was returned: nothing but on_stop_binding(E_ABORT) has followed."""
    finish(recorder)
    assert recorder.methods[calls_before:] == ["on_stop_binding"]
    assert recorder.hresult == HRESULT.E_ABORT
    assert type(recorder.error) is urlmon.AbortedError
    assert recorder.error.url == recorder.binding.url


def test_abort_is_illegal_inside_on_start_binding(scripted: ScriptedServer) -> None:
    answers: list[HRESULT] = []
    recorder = fetch(
        scripted.url("/ok"), on_start_binding=lambda recorder, binding: answers.append(binding.abort())
    )
    assert answers == [HRESULT.E_FAIL]
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"ok")


def test_aborted_in_the_queue(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    first = hold(scripted, "a")
    scripted.gates.get("a").wait_waiting()
    second, third = hold(scripted, "b"), hold(scripted, "c")
    urlmon.pump(0.02)
    assert second.binding.abort() == HRESULT.S_OK
    check_aborted(second, 3)
    for name in "ac":
        scripted.release(name)
    finish(first, third)
    assert started(scripted) == ["a", "c"]


def test_aborted_at_once(scripted: ScriptedServer) -> None:
    recorder = hold(scripted, "never")
    assert recorder.binding.abort() == HRESULT.S_OK
    assert recorder.binding.abort() == HRESULT.E_FAIL
    assert recorder.binding.get_bind_result() == (HRESULT.S_OK, None)  # not yet told
    check_aborted(recorder, 3)


def test_aborted_while_connecting(silent_port: SilentPort) -> None:
    recorder = bind(silent_port.url(), Recorder())
    pump_until(lambda: "CONNECTING" in recorder.sequence)
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, before)


def test_aborted_before_the_head(scripted: ScriptedServer) -> None:
    recorder = hold(scripted, "never")
    pump_until(lambda: "SENDINGREQUEST" in recorder.sequence)
    scripted.gates.get("never").wait_waiting()
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, before)
    scripted.requests.wait_outcome(scripted.requests[0], "disconnected")


@pytest.mark.parametrize("storage", [TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL], ids=name_of)
def test_aborted_in_the_body(scripted: ScriptedServer, tmp_path: Any, storage: TYMED) -> None:
    recorder = bind(scripted.url("/hold-body/never", size=300_000), Recorder(), storage, tmp_path / "target")
    pump_until(lambda: recorder.binding.bytes_received == 150_000)
    pump_until(lambda: nothing_comes(0.01))
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, before)
    assert list(tmp_path.iterdir()) == []
    scripted.requests.wait_outcome(scripted.requests[0], "disconnected")


def test_aborted_with_mail_that_was_not_delivered(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/never", size=300_000), Recorder())
    wait_until(lambda: recorder.binding.bytes_received == 150_000)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, 3)


def test_aborted_while_suspended(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/hold-body/never", size=300_000), Recorder())
    pump_until(lambda: len(recorder.body) == 150_000)
    recorder.binding.suspend()
    before = len(recorder.calls)
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, before)  # without a resume
    assert recorder.binding.resume() == HRESULT.E_FAIL


def test_aborted_while_suspended_before_it_began(scripted: ScriptedServer) -> None:
    recorder = bind(
        scripted.url(), Recorder(on_start_binding=lambda recorder, binding: binding.suspend() and None)
    )
    assert recorder.binding.abort() == HRESULT.S_OK
    check_aborted(recorder, 3)
    assert len(scripted.requests) == 0


def test_aborted_after_the_end_that_was_not_told(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/payload/1000"), Recorder())
    wait_ended()
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    finish(recorder)
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, payload(1000))


def test_aborted_after_the_end_while_suspended(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/payload/1000"), Recorder())
    wait_ended()
    recorder.binding.suspend()
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    recorder.binding.resume()
    finish(recorder)
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, payload(1000))


def test_aborted_after_the_stop(scripted: ScriptedServer) -> None:
    recorder = fetch(scripted.url())
    assert recorder.binding.abort() == HRESULT.INET_E_RESULT_DISPATCHED
    assert nothing_comes()
    recorder.check()
    cancelled = hold(scripted, "never")
    cancel(cancelled)
    assert cancelled.binding.abort() == HRESULT.E_FAIL
    assert nothing_comes()
    cancelled.check()


@pytest.mark.parametrize(
    "where",
    [
        "SENDINGREQUEST",
        "on_response",
        "MIMETYPEAVAILABLE",
        "BEGINDOWNLOADDATA",
        "on_data_available",
        "REDIRECTING",
    ],
)
def test_aborted_inside_a_callback(scripted: ScriptedServer, where: str) -> None:
    answers: list[HRESULT] = []
    calls: list[int] = []

    def abort(recorder: Recorder, *args: Any) -> None:
        if recorder.sequence[-1] == where and not answers:
            answers.append(recorder.binding.abort())
            calls.append(len(recorder.calls))
            assert not recorder.stopped  # on_stop_binding is not nested inside the call

    url = scripted.url("/redirect", to=scripted.url("/hold-body/never", size=300_000))
    recorder = bind(url, Negotiator(on_progress=abort, on_response=abort, on_data_available=abort))
    pump_until(lambda: answers)
    assert answers == [HRESULT.S_OK]
    check_aborted(recorder, calls[0])


def test_aborted_inside_on_stop_binding(scripted: ScriptedServer) -> None:
    answers: list[HRESULT] = []
    recorder = fetch(
        scripted.url(), on_stop_binding=lambda recorder, *args: answers.append(recorder.binding.abort())
    )
    assert answers == [HRESULT.INET_E_RESULT_DISPATCHED]
    assert recorder.hresult == HRESULT.S_OK


def test_aborted_by_another_binding_between_its_calls(scripted: ScriptedServer) -> None:
    victim = bind(scripted.url("/hold-body/never", size=300_000), Recorder(priority=-1))
    other = bind(
        scripted.url("/payload/100"),
        Recorder(priority=1, on_stop_binding=lambda recorder, *args: victim.binding.abort() and None),
    )
    wait_until(lambda: statistics()["active"] == 1)
    finish(victim, other)
    assert victim.hresult == HRESULT.E_ABORT


def test_abort_frees_the_slot(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=2)
    recorders = [hold(scripted, str(number)) for number in range(6)]
    scripted.requests.wait_count(2)
    for recorder in recorders[:-1]:
        recorder.binding.abort()
    scripted.gates.get("5").wait_waiting()
    scripted.release("5")
    finish(*recorders)
    assert recorders[-1].body == payload(1000)


def test_one_of_many_aborted_does_not_touch_the_others(scripted: ScriptedServer) -> None:
    recorders = [bind(scripted.url("/payload/3000000"), Recorder()) for _ in range(8)]
    pump_until(lambda: any(recorder.body for recorder in recorders))
    for recorder in recorders[::2]:
        recorder.binding.abort()
    finish(*recorders)
    assert {bytes(recorder.body) for recorder in recorders[1::2]} == {payload(3_000_000)}
