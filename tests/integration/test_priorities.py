"""Priorities: what is kept, who starts first, who is told first (contract 4.1, 4.3, 13)."""

from __future__ import annotations

import os
from typing import Any

import pytest

import urlmon
from tests.integration.controls import hold, started, wait_ended
from tests.recording import Recorder, bind, fetch, finish, pump_until
from tests.servers import ScriptedServer
from urlmon import HRESULT


def test_priority_in_every_state(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1, urgent_slots=0)
    answers: list[tuple[str, HRESULT, int]] = []

    def change(state: str, recorder: Recorder, value: int) -> None:
        answers.append((state, recorder.binding.set_priority(value), recorder.binding.get_priority()))

    first = hold(scripted, "a")
    scripted.gates.get("a").wait_waiting()
    recorder = bind(
        scripted.url("/hold-body/b", size=1000),
        Recorder(
            priority=5,
            on_start_binding=lambda recorder, binding: change("starting", recorder, 1),
            on_data_available=lambda recorder, *args: change("in a callback", recorder, 2),
        ),
    )
    change("queued", recorder, -2)
    scripted.release("a")
    finish(first)
    pump_until(lambda: len(recorder.body) == 500)
    change("running", recorder, 15)
    recorder.binding.suspend()
    change("suspended", recorder, -15)
    recorder.binding.resume()
    scripted.release("b")
    finish(recorder)
    states = ["starting", "queued", "in a callback", "running", "suspended"]
    assert [answer for answer in answers if answer[0] in states][:5] == [
        ("starting", HRESULT.S_OK, 1),
        ("queued", HRESULT.S_OK, -2),
        ("in a callback", HRESULT.S_OK, 2),
        ("running", HRESULT.S_OK, 15),
        ("suspended", HRESULT.S_OK, -15),
    ]
    before = recorder.binding.get_priority()
    assert recorder.binding.set_priority(7) == HRESULT.E_FAIL  # it has stopped
    assert recorder.binding.get_priority() == before
    with pytest.raises(urlmon.BindError) as caught:
        recorder.binding.priority = 7
    assert caught.value.hresult == HRESULT.E_FAIL


@pytest.mark.parametrize(
    "value", [-(1 << 31), -100, -15, 0, 3, 14, 100, (1 << 31) - 1, urlmon.Priority.HIGHEST]
)
def test_any_integer_is_kept(scripted: ScriptedServer, value: int) -> None:
    recorder = hold(scripted, "a")
    recorder.binding.priority = value
    assert recorder.binding.priority == value
    assert recorder.binding.get_priority() == value
    scripted.release("a")
    finish(recorder)
    assert recorder.binding.priority == value


@pytest.mark.parametrize("value", ["high", "5", None, 1.5])
def test_a_priority_is_an_integer(scripted: ScriptedServer, value: Any) -> None:
    recorder = hold(scripted, "a")
    with pytest.raises((TypeError, ValueError)):
        recorder.binding.set_priority(value)
    assert recorder.binding.get_priority() == 0
    scripted.release("a")
    finish(recorder)


def test_the_priority_of_the_thread_is_not_touched(scripted: ScriptedServer) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    fetch(scripted.url(), priority=15)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_those_that_wait_start_by_priority_then_first_come_first_served(
    scripted: ScriptedServer, limits: Any
) -> None:
    limits(max_active=1, urgent_slots=0)
    first = hold(scripted, "first")
    scripted.gates.get("first").wait_waiting()
    wanted = [("a", 0), ("b", -2), ("c", 2), ("d", 1), ("e", 0), ("f", 15), ("g", -15), ("h", 2), ("i", 100)]
    recorders = [
        bind(scripted.url(f"/payload/1/{name}"), Recorder(priority=priority)) for name, priority in wanted
    ]
    scripted.release("first")
    finish(first, *recorders)
    # 100 counts as 15: "f" came before "i".
    assert started(scripted) == ["first", "f", "i", "c", "h", "d", "a", "e", "b", "g"]


def test_those_that_wait_for_a_host_start_by_priority(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_per_host=1, urgent_slots=0)
    first = hold(scripted, "first")
    scripted.gates.get("first").wait_waiting()
    recorders = [
        bind(scripted.url(f"/payload/1/{name}"), Recorder(priority=priority))
        for name, priority in (("a", -1), ("b", 0), ("c", 2), ("d", 0), ("e", 1))
    ]
    elsewhere = fetch(scripted.url("/payload/1/elsewhere", host="localhost"), priority=-15)
    assert elsewhere.hresult == HRESULT.S_OK
    scripted.release("first")
    finish(first, *recorders)
    assert started(scripted) == ["first", "elsewhere", "c", "e", "b", "d", "a"]


@pytest.mark.parametrize("limit", ["max_active", "max_per_host"])
def test_a_priority_set_in_the_queue_counts_at_once(
    scripted: ScriptedServer, limits: Any, limit: str
) -> None:
    limits(urgent_slots=0, **{limit: 1})
    first = hold(scripted, "first")
    scripted.gates.get("first").wait_waiting()
    a, b, c, d = (bind(scripted.url(f"/payload/1/{name}"), Recorder()) for name in "abcd")
    d.binding.set_priority(1)
    a.binding.set_priority(-1)
    b.binding.set_priority(5)
    b.binding.set_priority(-5)
    assert c.binding.get_priority() == 0
    scripted.release("first")
    finish(first, a, b, c, d)
    assert started(scripted) == ["first", "d", "c", "a", "b"]


def test_raising_one_of_a_thousand_that_wait_makes_it_the_next(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1, urgent_slots=0)
    first = hold(scripted, "first")
    scripted.gates.get("first").wait_waiting()
    waiting = [bind(scripted.url(f"/payload/1/{number}"), Recorder()) for number in range(1000)]
    waiting[700].binding.set_priority(1)
    scripted.release("first")
    finish(first, waiting[700])
    assert started(scripted)[:2] == ["first", "700"]
    for recorder in waiting:
        recorder.binding.abort()
    finish(*waiting)


def test_dispatch_follows_the_priorities(scripted: ScriptedServer) -> None:
    """Of what is there, the most urgent binding is told first, and all of it."""
    order: list[str] = []
    recorders = [
        bind(
            scripted.url("/payload/100"),
            Recorder(
                priority=priority, on_stop_binding=lambda recorder, *args, name=name: order.append(name)
            ),
        )
        for name, priority in (("a", -2), ("b", 0), ("c", 2), ("d", 0), ("e", 15))
    ]
    wait_ended()
    finish(*recorders)
    assert [name for name in order if name in "ec"] == ["e", "c"]
    assert order[:2] == ["e", "c"]
    assert order[-1] == "a"


def test_priority_changes_the_order_of_dispatch(scripted: ScriptedServer) -> None:
    order: list[str] = []
    recorders = {
        name: bind(
            scripted.url("/payload/100"),
            Recorder(on_stop_binding=lambda recorder, *args, name=name: order.append(name)),
        )
        for name in "abc"
    }
    wait_ended()
    recorders["c"].binding.priority = 2
    recorders["a"].binding.priority = -2
    finish(*recorders.values())
    assert order == ["c", "b", "a"]
