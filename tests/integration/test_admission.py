"""How many operations run at once: the limits of a thread, those of a host, and the urgent slots (design 6)."""

from __future__ import annotations

from typing import Any

import pytest

import urlmon
from tests.integration.controls import hold, started, statistics, wait_until
from tests.recording import fetch, finish, in_thread
from tests.servers import ScriptedServer, payload


def test_max_per_host(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_per_host=3)
    recorders = [hold(scripted, "all") for _ in range(10)]
    gate = scripted.gates.get("all")
    gate.wait_waiting(3)
    wait_until(lambda: (statistics()["active"], statistics()["queued"]) == (3, 7))
    urlmon.pump(0.05)
    assert (len(scripted.requests), gate.waiting) == (3, 3)
    other = fetch(scripted.url("/ok", host="localhost"))  # another host is not held up
    assert other.body == b"ok"
    scripted.release("all")
    finish(*recorders)
    assert scripted.connections_opened <= 4


def test_max_active(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=4, max_per_host=3)
    hosts = ["127.0.0.1", "localhost"] + (["[::1]"] if scripted.has_ipv6 else [])
    recorders = [hold(scripted, "all", host) for _ in range(4) for host in hosts]
    scripted.gates.get("all").wait_waiting(4)
    wait_until(lambda: (statistics()["active"], statistics()["queued"]) == (4, len(recorders) - 4))
    urlmon.pump(0.05)
    assert len(scripted.requests) == 4
    scripted.release("all")
    finish(*recorders)
    assert (statistics()["active"], statistics()["queued"]) == (0, 0)


def test_default_limits(scripted: ScriptedServer) -> None:
    recorders = [hold(scripted, "all") for _ in range(20)]
    scripted.gates.get("all").wait_waiting(8)
    urlmon.pump(0.05)
    assert len(scripted.requests) == 8
    scripted.release("all")
    finish(*recorders)


@pytest.mark.parametrize("limit", ["max_active", "max_per_host"])
def test_urgent_slots(scripted: ScriptedServer, limits: Any, limit: str) -> None:
    limits(urgent_slots=2, **{limit: 2})
    normal = [hold(scripted, f"normal-{number}") for number in range(4)]
    scripted.requests.wait_count(2)
    urgent = [hold(scripted, f"urgent-{number}", priority=1) for number in range(4)]
    scripted.requests.wait_count(4)
    urlmon.pump(0.05)
    assert started(scripted)[2:] == ["urgent-0", "urgent-1"]
    assert len(scripted.requests) == 4
    for number in range(4):
        scripted.release(f"urgent-{number}")
    finish(*urgent)
    assert started(scripted)[2:] == [f"urgent-{number}" for number in range(4)]
    for number in range(4):
        scripted.release(f"normal-{number}")
    finish(*normal)


def test_one_that_becomes_urgent_in_the_queue_starts(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1, urgent_slots=1)
    first, second, third = (hold(scripted, name) for name in "abc")
    scripted.gates.get("a").wait_waiting()
    third.binding.priority = urlmon.Priority.ABOVE_NORMAL
    scripted.gates.get("c").wait_waiting()
    assert started(scripted) == ["a", "c"]
    for name in "abc":
        scripted.release(name)
    finish(first, second, third)


def test_a_synchronous_bind_does_not_wait_for_a_slot(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    first, second = hold(scripted, "a"), hold(scripted, "b")
    scripted.gates.get("a").wait_waiting()
    stream = urlmon.create_url_moniker(scripted.url("/payload/1000")).bind_to_storage()
    assert stream.read() == payload(1000)
    assert not first.stopped
    for name in "ab":
        scripted.release(name)
    finish(first, second)


@pytest.mark.parametrize("limit", ["max_active", "max_per_host"])
def test_limits_that_are_raised_count_at_once(scripted: ScriptedServer, limits: Any, limit: str) -> None:
    limits(**{limit: 1})
    recorders = [hold(scripted, name) for name in "abcd"]
    scripted.gates.get("a").wait_waiting()
    limits(**{limit: 3})
    scripted.requests.wait_count(3)
    urlmon.pump(0.05)
    assert started(scripted) == ["a", "b", "c"]
    for name in "abcd":
        scripted.release(name)
    finish(*recorders)


def test_limits_are_those_of_the_thread(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    mine = [hold(scripted, "mine") for _ in range(3)]
    scripted.gates.get("mine").wait_waiting()

    def elsewhere() -> None:
        theirs = [hold(scripted, "theirs") for _ in range(3)]
        scripted.gates.get("theirs").wait_waiting(3)
        scripted.release("theirs")
        finish(*theirs)

    in_thread(elsewhere)
    assert started(scripted) == ["mine", "theirs", "theirs", "theirs"]
    scripted.release("mine")
    finish(*mine)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_active": 0},
        {"max_active": -1},
        {"max_per_host": 0},
        {"urgent_slots": -1},
        {"high_water": 0},
        {"high_water": -1},
        {"max_active": 1 << 40},
    ],
)
def test_limits_out_of_range(limits: Any, wrong: dict[str, int]) -> None:
    before = urlmon.Apartment.current().limits()
    with pytest.raises((ValueError, OverflowError)):
        limits(**wrong)
    assert urlmon.Apartment.current().limits() == before


def test_statistics_and_repr(scripted: ScriptedServer, limits: Any) -> None:
    limits(max_active=1)
    recorders = [hold(scripted, "all") for _ in range(3)]
    scripted.gates.get("all").wait_waiting()
    assert statistics()["bindings"] == 3
    wait_until(lambda: (statistics()["active"], statistics()["queued"]) == (1, 2))
    assert "3 live bindings" in repr(urlmon.Apartment.current())
    assert scripted.url("/hold/all") in repr(recorders[0].binding)
    scripted.release("all")
    finish(*recorders)
    assert statistics()["bindings"] == 0
    assert "stopped" in repr(recorders[0].binding)
